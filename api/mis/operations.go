package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
	"quad/models"
)

// Who may call, by the contract's roles. Every one of them is an ordinary role of
// the hub, see map_role.go.
var (
	superAdmin = httpx.Roles(models.RoleAdmin)
	admins     = httpx.Roles(models.RoleAdmin, models.RoleOrgAdmin)
	managers   = httpx.Roles(models.RoleAdmin, models.RoleOrgAdmin, models.RoleProjectManager)
	reporters  = httpx.Roles(models.RoleAdmin, models.RoleOrgAdmin, models.RoleReportViewer)
	analysts   = httpx.Roles(models.RoleAdmin, models.RoleOrgAdmin, models.RoleProjectManager, models.RoleReportViewer)
)

// operations is the table of this door: one line for each operation of
// openapi.yaml.
func (d *door) operations() []httpx.Operation {
	const get, post, put, patch, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete
	return []httpx.Operation{
		// Authentication
		{ID: "login", Method: post, Path: "/mis/auth/login", Access: httpx.Public, Class: ClassLogin, Handler: handle(d.login)},
		{ID: "registerUser", Method: post, Path: "/mis/auth/register", Access: httpx.Public, Class: ClassLogin, Handler: handle(d.registerUser)},
		{ID: "refreshTokens", Method: post, Path: "/mis/auth/refresh", Access: httpx.Public, Class: ClassLogin, Handler: handle(d.refreshTokens)},
		{ID: "forgotPassword", Method: post, Path: "/mis/auth/forgot-password", Access: httpx.Public, Class: ClassLogin, Handler: handle(d.forgotPassword)},
		{ID: "resetPassword", Method: post, Path: "/mis/auth/reset-password", Access: httpx.Public, Class: ClassLogin, Handler: handle(d.resetPassword)},
		{ID: "logout", Method: post, Path: "/mis/auth/logout", Access: httpx.AnyUser, Handler: handle(d.logout)},
		{ID: "getMe", Method: get, Path: "/mis/auth/me", Access: httpx.AnyUser, Handler: handle(d.getMe)},
		{ID: "updateMe", Method: patch, Path: "/mis/auth/me", Access: httpx.AnyUser, Handler: handle(d.updateMe)},
		{ID: "getProfile", Method: get, Path: "/mis/auth/profile", Access: httpx.AnyUser, Handler: handle(d.getMe)},
		{ID: "changePassword", Method: patch, Path: "/mis/auth/change-password", Access: httpx.AnyUser, Handler: handle(d.changePassword)},
		{ID: "listRoles", Method: get, Path: "/mis/auth/roles", Access: admins, Handler: handle(d.listRoles)},
		{ID: "getRoleStatistics", Method: get, Path: "/mis/auth/roles/statistics", Access: admins, Handler: handle(d.getRoleStatistics)},
		{ID: "getRole", Method: get, Path: "/mis/auth/roles/{id}", Access: admins, Handler: handle(d.getRole)},
		{ID: "listRoleAvailableUsers", Method: get, Path: "/mis/auth/roles/{id}/available-users", Access: admins, Handler: handle(d.listRoleAvailableUsers)},
		{ID: "assignUserToRole", Method: post, Path: "/mis/auth/roles/{id}/users/{userId}", Access: admins, Handler: handle(d.assignUserToRole)},
		{ID: "unassignUserFromRole", Method: del, Path: "/mis/auth/roles/{id}/users/{userId}", Access: admins, Handler: handle(d.unassignUserFromRole)},
		{ID: "listAuditLogs", Method: get, Path: "/mis/auth/audit-logs", Access: admins, Handler: handle(d.listAuditLogs)},
		{ID: "getAuditLogStatistics", Method: get, Path: "/mis/auth/audit-logs/statistics", Access: admins, Handler: handle(d.getAuditLogStatistics)},
		{ID: "listSettings", Method: get, Path: "/mis/auth/settings", Access: superAdmin, Handler: handle(d.listSettings)},
		{ID: "getSystemHealth", Method: get, Path: "/mis/auth/system-health", Access: superAdmin, Handler: handle(d.getSystemHealth)},
		{ID: "updateSetting", Method: patch, Path: "/mis/auth/settings/{key}", Access: superAdmin, Handler: handle(d.updateSetting)},

		// Users
		{ID: "listUsers", Method: get, Path: "/mis/users", Access: admins, Handler: handle(d.listUsers)},
		{ID: "createUser", Method: post, Path: "/mis/users", Access: superAdmin, Handler: handle(d.createUser)},
		{ID: "getUser", Method: get, Path: "/mis/users/{id}", Access: admins, Handler: handle(d.getUser)},
		{ID: "updateUser", Method: patch, Path: "/mis/users/{id}", Access: admins, Handler: handle(d.updateUser)},
		{ID: "deleteUser", Method: del, Path: "/mis/users/{id}", Access: superAdmin, Handler: handle(d.deleteUser)},

		// Projects
		{ID: "listProjects", Method: get, Path: "/mis/projects", Access: httpx.AnyUser, Handler: handle(d.listProjects)},
		{ID: "createProject", Method: post, Path: "/mis/projects", Access: managers, Handler: handle(d.createProject)},
		{ID: "getProject", Method: get, Path: "/mis/projects/{id}", Access: httpx.AnyUser, Handler: handle(d.getProject)},
		{ID: "updateProject", Method: patch, Path: "/mis/projects/{id}", Access: managers, Handler: handle(d.updateProject)},
		{ID: "deleteProject", Method: del, Path: "/mis/projects/{id}", Access: managers, Handler: handle(d.deleteProject)},
		{ID: "listProjectExpenses", Method: get, Path: "/mis/projects/{id}/expenses", Access: httpx.AnyUser, Handler: handle(d.listProjectExpenses)},
		{ID: "createProjectExpense", Method: post, Path: "/mis/projects/{id}/expenses", Access: managers, Handler: handle(d.createProjectExpense)},
		{ID: "deleteProjectExpense", Method: del, Path: "/mis/projects/{id}/expenses/{expenseId}", Access: managers, Handler: handle(d.deleteProjectExpense)},

		// Milestones
		{ID: "listMilestones", Method: get, Path: "/mis/projects/{projectId}/milestones", Access: httpx.AnyUser, Handler: handle(d.listMilestones)},
		{ID: "createMilestone", Method: post, Path: "/mis/projects/{projectId}/milestones", Access: managers, Handler: handle(d.createMilestone)},
		{ID: "getMilestone", Method: get, Path: "/mis/projects/{projectId}/milestones/{id}", Access: httpx.AnyUser, Handler: handle(d.getMilestone)},
		{ID: "updateMilestone", Method: patch, Path: "/mis/projects/{projectId}/milestones/{id}", Access: managers, Handler: handle(d.updateMilestone)},
		{ID: "deleteMilestone", Method: del, Path: "/mis/projects/{projectId}/milestones/{id}", Access: managers, Handler: handle(d.deleteMilestone)},

		// Activities
		{ID: "listActivities", Method: get, Path: "/mis/projects/{projectId}/activities", Access: httpx.AnyUser, Handler: handle(d.listActivities)},
		{ID: "createActivity", Method: post, Path: "/mis/projects/{projectId}/activities", Access: managers, Handler: handle(d.createActivity)},
		{ID: "getActivity", Method: get, Path: "/mis/projects/{projectId}/activities/{id}", Access: httpx.AnyUser, Handler: handle(d.getActivity)},
		{ID: "updateActivity", Method: patch, Path: "/mis/projects/{projectId}/activities/{id}", Access: managers, Handler: handle(d.updateActivity)},
		{ID: "deleteActivity", Method: del, Path: "/mis/projects/{projectId}/activities/{id}", Access: managers, Handler: handle(d.deleteActivity)},
		{ID: "assignUserToActivity", Method: post, Path: "/mis/projects/{projectId}/activities/{id}/assign", Access: managers, Handler: handle(d.assignUserToActivity)},
		{ID: "removeActivityAssignment", Method: del, Path: "/mis/projects/{projectId}/activities/assignments/{assignmentId}", Access: managers, Handler: handle(d.removeActivityAssignment)},

		// Forms
		{ID: "listForms", Method: get, Path: "/mis/forms", Access: httpx.AnyUser, Handler: handle(d.listForms)},
		{ID: "createForm", Method: post, Path: "/mis/forms", Access: managers, Handler: handle(d.createForm)},
		{ID: "getForm", Method: get, Path: "/mis/forms/{id}", Access: httpx.AnyUser, Handler: handle(d.getForm)},
		{ID: "updateForm", Method: patch, Path: "/mis/forms/{id}", Access: managers, Handler: handle(d.updateForm)},
		{ID: "deleteForm", Method: del, Path: "/mis/forms/{id}", Access: managers, Handler: handle(d.deleteForm)},
		{ID: "duplicateForm", Method: post, Path: "/mis/forms/{id}/duplicate", Access: managers, Handler: handle(d.duplicateForm)},
		{ID: "addFormField", Method: post, Path: "/mis/forms/{id}/fields", Access: managers, Handler: handle(d.addFormField)},
		{ID: "updateFormField", Method: patch, Path: "/mis/forms/{id}/fields/{fieldId}", Access: managers, Handler: handle(d.updateFormField)},
		{ID: "deleteFormField", Method: del, Path: "/mis/forms/{id}/fields/{fieldId}", Access: managers, Handler: handle(d.deleteFormField)},
		{ID: "assignForm", Method: post, Path: "/mis/forms/{id}/assignments", Access: managers, Handler: handle(d.assignForm)},
		{ID: "removeFormAssignment", Method: del, Path: "/mis/forms/{id}/assignments/{assignmentId}", Access: managers, Handler: handle(d.removeFormAssignment)},
		{ID: "submitForm", Method: post, Path: "/mis/forms/{id}/submissions", Access: httpx.AnyUser, Handler: handle(d.submitForm)},
		{ID: "listFormSubmissions", Method: get, Path: "/mis/forms/{id}/submissions", Access: analysts, Handler: handle(d.listFormSubmissions)},

		// Reports
		{ID: "generateReport", Method: post, Path: "/mis/reports/generate", Access: reporters, Handler: handle(d.generateReport)},
		{ID: "saveReport", Method: post, Path: "/mis/reports", Access: httpx.AnyUser, Handler: handle(d.saveReport)},
		{ID: "listReports", Method: get, Path: "/mis/reports", Access: httpx.AnyUser, Handler: handle(d.listReports)},
		{ID: "getReport", Method: get, Path: "/mis/reports/{id}", Access: httpx.AnyUser, Handler: handle(d.getReport)},
		{ID: "updateReport", Method: patch, Path: "/mis/reports/{id}", Access: httpx.AnyUser, Handler: handle(d.updateReport)},
		{ID: "deleteReport", Method: del, Path: "/mis/reports/{id}", Access: httpx.AnyUser, Handler: handle(d.deleteReport)},

		// Tenants
		{ID: "listTenants", Method: get, Path: "/mis/tenants", Access: admins, Handler: handle(d.listTenants)},
		{ID: "createTenant", Method: post, Path: "/mis/tenants", Access: superAdmin, Handler: handle(d.createTenant)},
		{ID: "getTenant", Method: get, Path: "/mis/tenants/{id}", Access: admins, Handler: handle(d.getTenant)},
		{ID: "updateTenant", Method: patch, Path: "/mis/tenants/{id}", Access: superAdmin, Handler: handle(d.updateTenant)},
		{ID: "updateTenantViaPut", Method: put, Path: "/mis/tenants/{id}", Access: superAdmin, Handler: handle(d.updateTenant)},
		{ID: "deleteTenant", Method: del, Path: "/mis/tenants/{id}", Access: superAdmin, Handler: handle(d.deleteTenant)},
		{ID: "activateTenant", Method: post, Path: "/mis/tenants/{id}/activate", Access: superAdmin, Handler: handle(d.activateTenant)},
		{ID: "assignUserToTenant", Method: post, Path: "/mis/tenants/{id}/users", Access: admins, Handler: handle(d.assignUserToTenant)},
		{ID: "removeUserFromTenant", Method: del, Path: "/mis/tenants/{id}/users/{userId}", Access: admins, Handler: handle(d.removeUserFromTenant)},

		// ETL
		{ID: "runEtl", Method: post, Path: "/mis/etl/run", Access: admins, Timeout: waitLimit, Handler: handle(d.runEtl)},
		{ID: "listEtlJobRuns", Method: get, Path: "/mis/etl/job-runs", Access: admins, Handler: handle(d.listEtlJobRuns)},
		{ID: "getTrainingKpis", Method: get, Path: "/mis/etl/kpis", Access: analysts, Handler: handle(d.getTrainingKpis)},
		{ID: "listCoursePerformance", Method: get, Path: "/mis/etl/course-performance", Access: analysts, Handler: handle(d.listCoursePerformance)},

		// Integrations
		{ID: "listIntegrations", Method: get, Path: "/mis/integrations", Access: admins, Handler: handle(d.listIntegrations)},
		{ID: "testIntegration", Method: post, Path: "/mis/integrations/{id}/test", Access: admins, Handler: handle(d.testIntegration)},
		{ID: "syncIntegration", Method: post, Path: "/mis/integrations/{id}/sync", Access: admins, Timeout: waitLimit, Handler: handle(d.syncIntegration)},
		{ID: "listSyncHistory", Method: get, Path: "/mis/integrations/{id}/history", Access: admins, Handler: handle(d.listSyncHistory)},
		{ID: "disconnectIntegration", Method: post, Path: "/mis/integrations/{id}/disconnect", Access: admins, Handler: handle(d.disconnectIntegration)},
		{ID: "reconnectIntegration", Method: post, Path: "/mis/integrations/{id}/reconnect", Access: admins, Handler: handle(d.reconnectIntegration)},

		// App
		{ID: "getHello", Method: get, Path: "/mis", Access: httpx.Public, Unlimited: true, Handler: d.getHello},
		{ID: "getHealth", Method: get, Path: "/mis/health", Access: httpx.Public, Unlimited: true, Handler: handle(d.getHealth)},

		// FormStats
		{ID: "getMySubmissionStats", Method: get, Path: "/mis/form-stats/my-submissions", Access: httpx.AnyUser, Handler: handle(d.getMySubmissionStats)},

		// Events
		{ID: "getEventMetrics", Method: get, Path: "/mis/events/metrics", Access: superAdmin, Handler: handle(d.getEventMetrics)},

		// Business Intelligence
		{ID: "listAccessibleTenants", Method: get, Path: "/mis/bi/tenants", Access: analysts, Handler: handle(d.listAccessibleTenants)},
		{ID: "getProgramKpis", Method: get, Path: "/mis/bi/kpis", Access: analysts, Handler: handle(d.getProgramKpis)},
		{ID: "listTrainingTrends", Method: get, Path: "/mis/bi/trends", Access: analysts, Handler: handle(d.listTrainingTrends)},
		{ID: "listCourseAnalytics", Method: get, Path: "/mis/bi/course-analytics", Access: analysts, Handler: handle(d.listCourseAnalytics)},
		{ID: "getPerformanceSummary", Method: get, Path: "/mis/bi/performance-summary", Access: analysts, Handler: handle(d.getPerformanceSummary)},
		{ID: "getGradeDistribution", Method: get, Path: "/mis/bi/grade-distribution", Access: analysts, Handler: handle(d.getGradeDistribution)},
		{ID: "listQuizPerformance", Method: get, Path: "/mis/bi/quiz-performance", Access: analysts, Handler: handle(d.listQuizPerformance)},
		{ID: "listAssignmentPerformance", Method: get, Path: "/mis/bi/assignment-performance", Access: analysts, Handler: handle(d.listAssignmentPerformance)},
	}
}
