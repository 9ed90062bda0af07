package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
	"quad/models"
)

// operations is the table of this door: one line for each operation of
// openapi.yaml.
func (d *door) operations() []httpx.Operation {
	var (
		admin     = httpx.Roles(models.RoleAdmin)
		admins    = httpx.Roles(models.RoleOrgAdmin, models.RoleAdmin)
		reporters = httpx.Roles(models.RoleReportViewer, models.RoleOrgAdmin, models.RoleAdmin)
	)
	const get, post, put, patch, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete
	return []httpx.Operation{

		// Sign-in
		{ID: "login", Method: post, Path: "/hub/v1/login", Access: httpx.Public, Class: classLogin, Handler: handle(d.login)},
		{ID: "refreshSession", Method: post, Path: "/hub/v1/refresh", Access: httpx.Public, Class: classLogin, Handler: handle(d.refreshSession)},
		{ID: "logout", Method: post, Path: "/hub/v1/logout", Access: httpx.AnyUser, Handler: handle(d.logout)},
		{ID: "getMe", Method: get, Path: "/hub/v1/me", Access: httpx.AnyUser, Handler: handle(d.getMe)},

		// Processes
		{ID: "startProcess", Method: post, Path: "/hub/v1/processes", Access: httpx.AnyUser, Handler: handle(d.startProcess)},
		{ID: "listProcesses", Method: get, Path: "/hub/v1/processes", Access: httpx.AnyUser, Handler: handle(d.listProcesses)},
		{ID: "getProcess", Method: get, Path: "/hub/v1/processes/{id}", Access: httpx.AnyUser, Handler: handle(d.getProcess)},
		{ID: "getTimeline", Method: get, Path: "/hub/v1/processes/{id}/timeline", Access: httpx.AnyUser, Handler: handle(d.getTimeline)},
		{ID: "streamEvents", Method: get, Path: "/hub/v1/processes/{id}/events", Access: httpx.AnyUser, Handler: handle(d.streamEvents)},
		{ID: "cancelProcess", Method: post, Path: "/hub/v1/processes/{id}/cancel", Access: httpx.AnyUser, Handler: handle(d.cancelProcess)},
		{ID: "retryProcess", Method: post, Path: "/hub/v1/processes/{id}/retry", Access: httpx.AnyUser, Handler: handle(d.retryProcess)},
		{ID: "decideProcess", Method: post, Path: "/hub/v1/processes/{id}/decide", Access: httpx.AnyUser, Handler: handle(d.decideProcess)},
		{ID: "getHolders", Method: get, Path: "/hub/v1/processes/{id}/holders", Access: httpx.AnyUser, Handler: handle(d.getHolders)},

		// Role requests
		{ID: "getRoleRequest", Method: get, Path: "/hub/v1/role-requests/{id}", Access: httpx.AnyUser, Handler: handle(d.getRoleRequest)},
		{ID: "moveDeadline", Method: put, Path: "/hub/v1/role-requests/{id}/deadline", Access: admins, Handler: handle(d.moveDeadline)},

		// Invites
		{ID: "createInviteFile", Method: post, Path: "/hub/v1/invite-files", Access: admins, Handler: handle(d.createInviteFile)},
		{ID: "listInviteFiles", Method: get, Path: "/hub/v1/invite-files", Access: admins, Handler: handle(d.listInviteFiles)},
		{ID: "getInviteFile", Method: get, Path: "/hub/v1/invite-files/{id}", Access: admins, Handler: handle(d.getInviteFile)},
		{ID: "listInviteRows", Method: get, Path: "/hub/v1/invite-files/{id}/rows", Access: admins, Handler: handle(d.listInviteRows)},
		{ID: "listInvites", Method: get, Path: "/hub/v1/invite-files/{id}/invites", Access: admins, Handler: handle(d.listInvites)},
		{ID: "resendInvite", Method: post, Path: "/hub/v1/invites/{id}/resend", Access: admins, Handler: handle(d.resendInvite)},
		{ID: "revokeInvite", Method: post, Path: "/hub/v1/invites/{id}/revoke", Access: admins, Handler: handle(d.revokeInvite)},
		{ID: "inspectInvitation", Method: post, Path: "/hub/v1/invitations/inspect", Access: httpx.Public, Class: classLogin, Handler: handle(d.inspectInvitation)},
		{ID: "acceptInvitation", Method: post, Path: "/hub/v1/invitations/accept", Access: httpx.Public, Class: classLogin, Handler: handle(d.acceptInvitation)},

		// Reports
		{ID: "listReports", Method: get, Path: "/hub/v1/reports", Access: httpx.AnyUser, Handler: handle(d.listReports)},
		{ID: "createReport", Method: post, Path: "/hub/v1/reports", Access: reporters, Handler: handle(d.createReport)},
		{ID: "getReport", Method: get, Path: "/hub/v1/reports/{id}", Access: httpx.AnyUser, Handler: handle(d.getReport)},
		{ID: "deleteReport", Method: del, Path: "/hub/v1/reports/{id}", Access: httpx.AnyUser, Handler: handle(d.deleteReport)},
		{ID: "createReportLink", Method: post, Path: "/hub/v1/reports/{id}/links", Access: httpx.AnyUser, Handler: handle(d.createReportLink)},
		{ID: "listReportSchedules", Method: get, Path: "/hub/v1/report-schedules", Access: admin, Handler: handle(d.listReportSchedules)},
		{ID: "createReportSchedule", Method: post, Path: "/hub/v1/report-schedules", Access: admin, Handler: handle(d.createReportSchedule)},
		{ID: "getReportSchedule", Method: get, Path: "/hub/v1/report-schedules/{id}", Access: admin, Handler: handle(d.getReportSchedule)},
		{ID: "updateReportSchedule", Method: put, Path: "/hub/v1/report-schedules/{id}", Access: admin, Handler: handle(d.updateReportSchedule)},
		{ID: "deleteReportSchedule", Method: del, Path: "/hub/v1/report-schedules/{id}", Access: admin, Handler: handle(d.deleteReportSchedule)},

		// Connections
		{ID: "listConnectionKinds", Method: get, Path: "/hub/v1/connection-kinds", Access: admin, Handler: handle(d.listConnectionKinds)},
		{ID: "listConnections", Method: get, Path: "/hub/v1/connections", Access: admin, Handler: handle(d.listConnections)},
		{ID: "createConnection", Method: post, Path: "/hub/v1/connections", Access: admin, Handler: handle(d.createConnection)},
		{ID: "getConnection", Method: get, Path: "/hub/v1/connections/{id}", Access: admin, Handler: handle(d.getConnection)},
		{ID: "updateConnection", Method: patch, Path: "/hub/v1/connections/{id}", Access: admin, Handler: handle(d.updateConnection)},
		{ID: "deleteConnection", Method: del, Path: "/hub/v1/connections/{id}", Access: admin, Handler: handle(d.deleteConnection)},
		{ID: "testConnection", Method: post, Path: "/hub/v1/connections/{id}/test", Access: admin, Handler: handle(d.testConnection)},
		{ID: "pauseConnection", Method: post, Path: "/hub/v1/connections/{id}/pause", Access: admin, Handler: handle(d.pauseConnection)},
		{ID: "resumeConnection", Method: post, Path: "/hub/v1/connections/{id}/resume", Access: admin, Handler: handle(d.resumeConnection)},
		{ID: "resetConnection", Method: post, Path: "/hub/v1/connections/{id}/reset", Access: admin, Handler: handle(d.resetConnection)},
		{ID: "listConnectionRuns", Method: get, Path: "/hub/v1/connections/{id}/runs", Access: admin, Handler: handle(d.listConnectionRuns)},
		{ID: "startConnectionRun", Method: post, Path: "/hub/v1/connections/{id}/runs", Access: admin, Handler: handle(d.startConnectionRun)},
		{ID: "getConnectionRun", Method: get, Path: "/hub/v1/connections/{id}/runs/{runId}", Access: admin, Handler: handle(d.getConnectionRun)},
		{ID: "confirmConnectionRun", Method: post, Path: "/hub/v1/connections/{id}/runs/{runId}/confirm", Access: admin, Handler: handle(d.confirmConnectionRun)},
		{ID: "cancelConnectionRun", Method: post, Path: "/hub/v1/connections/{id}/runs/{runId}/cancel", Access: admin, Handler: handle(d.cancelConnectionRun)},
		{ID: "listConnectionChanges", Method: get, Path: "/hub/v1/connections/{id}/changes", Access: admin, Handler: handle(d.listConnectionChanges)},

		// Notifications
		{ID: "listNotifications", Method: get, Path: "/hub/v1/notifications", Access: httpx.AnyUser, Handler: handle(d.listNotifications)},
		{ID: "getNotification", Method: get, Path: "/hub/v1/notifications/{id}", Access: httpx.AnyUser, Handler: handle(d.getNotification)},
		{ID: "reviveNotification", Method: post, Path: "/hub/v1/notifications/{id}/revive", Access: admin, Handler: handle(d.reviveNotification)},

		// Files
		{ID: "getUpload", Method: get, Path: "/hub/v1/uploads/{id}", Access: admin, Handler: handle(d.getUpload)},
		{ID: "listUploadRows", Method: get, Path: "/hub/v1/uploads/{id}/rows", Access: admin, Handler: handle(d.listUploadRows)},
		{ID: "createUpload", Method: post, Path: "/hub/v1/uploads", Access: httpx.AnyUser, Handler: handle(d.createUpload)},
		{ID: "createDownload", Method: post, Path: "/hub/v1/downloads", Access: httpx.AnyUser, Handler: handle(d.createDownload)},

		// Organizations
		{ID: "listOrganizations", Method: get, Path: "/hub/v1/organizations", Access: httpx.AnyUser, Handler: handle(d.listOrganizations)},
		{ID: "createOrganization", Method: post, Path: "/hub/v1/organizations", Access: admin, Handler: handle(d.createOrganization)},
		{ID: "getOrganization", Method: get, Path: "/hub/v1/organizations/{id}", Access: httpx.AnyUser, Handler: handle(d.getOrganization)},
		{ID: "updateOrganization", Method: patch, Path: "/hub/v1/organizations/{id}", Access: admins, Handler: handle(d.updateOrganization)},
		{ID: "deactivateOrganization", Method: post, Path: "/hub/v1/organizations/{id}/deactivate", Access: admin, Handler: handle(d.deactivateOrganization)},

		// Groups
		{ID: "getGroupHierarchy", Method: get, Path: "/hub/v1/group-hierarchy", Access: admin, Handler: handle(d.getGroupHierarchy)},
		{ID: "setGroupHierarchy", Method: put, Path: "/hub/v1/group-hierarchy", Access: admin, Handler: handle(d.setGroupHierarchy)},
		{ID: "listGroups", Method: get, Path: "/hub/v1/groups", Access: admin, Handler: handle(d.listGroups)},
		{ID: "createGroup", Method: post, Path: "/hub/v1/groups", Access: admin, Handler: handle(d.createGroup)},
		{ID: "getGroup", Method: get, Path: "/hub/v1/groups/{id}", Access: admin, Handler: handle(d.getGroup)},
		{ID: "updateGroup", Method: patch, Path: "/hub/v1/groups/{id}", Access: admin, Handler: handle(d.updateGroup)},
		{ID: "deleteGroup", Method: del, Path: "/hub/v1/groups/{id}", Access: admin, Handler: handle(d.deleteGroup)},
		{ID: "listGroupMembers", Method: get, Path: "/hub/v1/groups/{id}/members", Access: admin, Handler: handle(d.listGroupMembers)},
		{ID: "addGroupMember", Method: put, Path: "/hub/v1/groups/{id}/members/{userId}", Access: admin, Handler: handle(d.addGroupMember)},
		{ID: "removeGroupMember", Method: del, Path: "/hub/v1/groups/{id}/members/{userId}", Access: admin, Handler: handle(d.removeGroupMember)},
		{ID: "findGroupMembers", Method: post, Path: "/hub/v1/groups/members", Access: admin, Handler: handle(d.findGroupMembers)},
		{ID: "listUserGroups", Method: get, Path: "/hub/v1/user-groups", Access: admin, Handler: handle(d.listUserGroups)},

		// Courses
		{ID: "listCourses", Method: get, Path: "/hub/v1/courses", Access: admin, Handler: handle(d.listCourses)},
		{ID: "createCourse", Method: post, Path: "/hub/v1/courses", Access: admin, Handler: handle(d.createCourse)},
		{ID: "getCourse", Method: get, Path: "/hub/v1/courses/{id}", Access: admin, Handler: handle(d.getCourse)},
		{ID: "updateCourse", Method: patch, Path: "/hub/v1/courses/{id}", Access: admin, Handler: handle(d.updateCourse)},
		{ID: "deleteCourse", Method: del, Path: "/hub/v1/courses/{id}", Access: admin, Handler: handle(d.deleteCourse)},
		{ID: "listCourseSessions", Method: get, Path: "/hub/v1/courses/{id}/sessions", Access: admin, Handler: handle(d.listCourseSessions)},
		{ID: "createCourseSession", Method: post, Path: "/hub/v1/courses/{id}/sessions", Access: admin, Handler: handle(d.createCourseSession)},
		{ID: "getCourseSession", Method: get, Path: "/hub/v1/courses/{id}/sessions/{sessionId}", Access: admin, Handler: handle(d.getCourseSession)},
		{ID: "updateCourseSession", Method: patch, Path: "/hub/v1/courses/{id}/sessions/{sessionId}", Access: admin, Handler: handle(d.updateCourseSession)},
		{ID: "deleteCourseSession", Method: del, Path: "/hub/v1/courses/{id}/sessions/{sessionId}", Access: admin, Handler: handle(d.deleteCourseSession)},
		{ID: "listLearners", Method: get, Path: "/hub/v1/courses/{id}/learners", Access: admin, Handler: handle(d.listLearners)},
		{ID: "enrolLearners", Method: post, Path: "/hub/v1/courses/{id}/learners", Access: admin, Handler: handle(d.enrolLearners)},
		{ID: "removeLearner", Method: del, Path: "/hub/v1/courses/{id}/learners/{userId}", Access: admin, Handler: handle(d.removeLearner)},
		{ID: "setProgress", Method: put, Path: "/hub/v1/courses/{id}/learners/{userId}/progress", Access: admin, Handler: handle(d.setProgress)},
		{ID: "reportProgress", Method: post, Path: "/hub/v1/progress", Access: admin, Handler: handle(d.reportProgress)},
		{ID: "listMyEnrollments", Method: get, Path: "/hub/v1/me/enrollments", Access: httpx.AnyUser, Handler: handle(d.listMyEnrollments)},
		{ID: "showInCatalog", Method: put, Path: "/hub/v1/courses/{id}/catalog-item", Access: admin, Handler: handle(d.showInCatalog)},
		{ID: "getCatalogItem", Method: get, Path: "/hub/v1/courses/{id}/catalog-item", Access: admin, Handler: handle(d.getCatalogItem)},
		{ID: "hideFromCatalog", Method: del, Path: "/hub/v1/courses/{id}/catalog-item", Access: admin, Handler: handle(d.hideFromCatalog)},

		// Users
		{ID: "listUsers", Method: get, Path: "/hub/v1/users", Access: admins, Handler: handle(d.listUsers)},
		{ID: "createUser", Method: post, Path: "/hub/v1/users", Access: admins, Handler: handle(d.createUser)},
		{ID: "getUser", Method: get, Path: "/hub/v1/users/{id}", Access: httpx.AnyUser, Handler: handle(d.getUser)},
		{ID: "updateUser", Method: patch, Path: "/hub/v1/users/{id}", Access: httpx.AnyUser, Handler: handle(d.updateUser)},
		{ID: "deactivateUser", Method: post, Path: "/hub/v1/users/{id}/deactivate", Access: admins, Handler: handle(d.deactivateUser)},
		{ID: "grantRole", Method: put, Path: "/hub/v1/users/{id}/roles/{roleId}", Access: admins, Handler: handle(d.grantRole)},
		{ID: "revokeRole", Method: del, Path: "/hub/v1/users/{id}/roles/{roleId}", Access: admins, Handler: handle(d.revokeRole)},
		{ID: "listUserEntitlements", Method: get, Path: "/hub/v1/users/{id}/entitlements", Access: admins, Handler: handle(d.listUserEntitlements)},
		{ID: "listEntitlements", Method: get, Path: "/hub/v1/entitlements", Access: admin, Handler: handle(d.listEntitlements)},
		{ID: "listRoles", Method: get, Path: "/hub/v1/roles", Access: httpx.AnyUser, Handler: handle(d.listRoles)},

		// Access
		{ID: "listAPITokens", Method: get, Path: "/hub/v1/api-tokens", Access: httpx.AnyUser, Handler: handle(d.listAPITokens)},
		{ID: "createAPIToken", Method: post, Path: "/hub/v1/api-tokens", Access: httpx.AnyUser, Handler: handle(d.createAPIToken)},
		{ID: "revokeAPIToken", Method: del, Path: "/hub/v1/api-tokens/{id}", Access: httpx.AnyUser, Handler: handle(d.revokeAPIToken)},
		{ID: "listAPIClients", Method: get, Path: "/hub/v1/api-clients", Access: admin, Handler: handle(d.listAPIClients)},
		{ID: "createAPIClient", Method: post, Path: "/hub/v1/api-clients", Access: admin, Handler: handle(d.createAPIClient)},
		{ID: "revokeAPIClient", Method: del, Path: "/hub/v1/api-clients/{id}", Access: admin, Handler: handle(d.revokeAPIClient)},

		// Certificates
		{ID: "listCertificates", Method: get, Path: "/hub/v1/certificates", Access: admin, Handler: handle(d.listCertificates)},
		{ID: "createCertificate", Method: post, Path: "/hub/v1/certificates", Access: admin, Handler: handle(d.createCertificate)},
		{ID: "getCertificate", Method: get, Path: "/hub/v1/certificates/{id}", Access: admin, Handler: handle(d.getCertificate)},
		{ID: "updateCertificate", Method: patch, Path: "/hub/v1/certificates/{id}", Access: admin, Handler: handle(d.updateCertificate)},
		{ID: "listUserCertificates", Method: get, Path: "/hub/v1/user-certificates", Access: admin, Handler: handle(d.listUserCertificates)},
		{ID: "getUserCertificate", Method: get, Path: "/hub/v1/user-certificates/{id}", Access: httpx.AnyUser, Handler: handle(d.getUserCertificate)},
		{ID: "updateUserCertificate", Method: patch, Path: "/hub/v1/user-certificates/{id}", Access: admin, Handler: handle(d.updateUserCertificate)},
		{ID: "confirmUserCertificate", Method: post, Path: "/hub/v1/user-certificates/{id}/confirm", Access: httpx.AnyUser, Handler: handle(d.confirmUserCertificate)},
		{ID: "revokeUserCertificate", Method: post, Path: "/hub/v1/user-certificates/{id}/revoke", Access: admin, Handler: handle(d.revokeUserCertificate)},
		{ID: "reissueUserCertificate", Method: post, Path: "/hub/v1/user-certificates/{id}/reissue", Access: admin, Handler: handle(d.reissueUserCertificate)},
		{ID: "getUserCertificateHistory", Method: get, Path: "/hub/v1/user-certificates/{id}/history", Access: httpx.AnyUser, Handler: handle(d.getUserCertificateHistory)},
		{ID: "listCertificatesOfUser", Method: get, Path: "/hub/v1/users/{id}/certificates", Access: admin, Handler: handle(d.listCertificatesOfUser)},
		{ID: "listMyCertificates", Method: get, Path: "/hub/v1/me/certificates", Access: httpx.AnyUser, Handler: handle(d.listMyCertificates)},

		// Audit
		{ID: "listAudit", Method: get, Path: "/hub/v1/audit", Access: admins, Handler: handle(d.listAudit)},
	}
}
