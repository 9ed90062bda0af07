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
		admin  = httpx.Roles(models.RoleAdmin)
		admins = httpx.Roles(models.RoleOrgAdmin, models.RoleAdmin)
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

		// Notifications
		{ID: "listNotifications", Method: get, Path: "/hub/v1/notifications", Access: httpx.AnyUser, Handler: handle(d.listNotifications)},
		{ID: "getNotification", Method: get, Path: "/hub/v1/notifications/{id}", Access: httpx.AnyUser, Handler: handle(d.getNotification)},
		{ID: "reviveNotification", Method: post, Path: "/hub/v1/notifications/{id}/revive", Access: admin, Handler: handle(d.reviveNotification)},

		// Files
		{ID: "createUpload", Method: post, Path: "/hub/v1/uploads", Access: httpx.AnyUser, Handler: handle(d.createUpload)},
		{ID: "createDownload", Method: post, Path: "/hub/v1/downloads", Access: httpx.AnyUser, Handler: handle(d.createDownload)},

		// Organizations
		{ID: "listOrganizations", Method: get, Path: "/hub/v1/organizations", Access: httpx.AnyUser, Handler: handle(d.listOrganizations)},
		{ID: "createOrganization", Method: post, Path: "/hub/v1/organizations", Access: admin, Handler: handle(d.createOrganization)},
		{ID: "getOrganization", Method: get, Path: "/hub/v1/organizations/{id}", Access: httpx.AnyUser, Handler: handle(d.getOrganization)},
		{ID: "updateOrganization", Method: patch, Path: "/hub/v1/organizations/{id}", Access: admins, Handler: handle(d.updateOrganization)},
		{ID: "deactivateOrganization", Method: post, Path: "/hub/v1/organizations/{id}/deactivate", Access: admin, Handler: handle(d.deactivateOrganization)},

		// Users
		{ID: "listUsers", Method: get, Path: "/hub/v1/users", Access: admins, Handler: handle(d.listUsers)},
		{ID: "createUser", Method: post, Path: "/hub/v1/users", Access: admins, Handler: handle(d.createUser)},
		{ID: "getUser", Method: get, Path: "/hub/v1/users/{id}", Access: httpx.AnyUser, Handler: handle(d.getUser)},
		{ID: "updateUser", Method: patch, Path: "/hub/v1/users/{id}", Access: httpx.AnyUser, Handler: handle(d.updateUser)},
		{ID: "deactivateUser", Method: post, Path: "/hub/v1/users/{id}/deactivate", Access: admins, Handler: handle(d.deactivateUser)},
		{ID: "grantRole", Method: put, Path: "/hub/v1/users/{id}/roles/{roleId}", Access: admins, Handler: handle(d.grantRole)},
		{ID: "revokeRole", Method: del, Path: "/hub/v1/users/{id}/roles/{roleId}", Access: admins, Handler: handle(d.revokeRole)},
		{ID: "listRoles", Method: get, Path: "/hub/v1/roles", Access: httpx.AnyUser, Handler: handle(d.listRoles)},

		// Access
		{ID: "listAPITokens", Method: get, Path: "/hub/v1/api-tokens", Access: httpx.AnyUser, Handler: handle(d.listAPITokens)},
		{ID: "createAPIToken", Method: post, Path: "/hub/v1/api-tokens", Access: httpx.AnyUser, Handler: handle(d.createAPIToken)},
		{ID: "revokeAPIToken", Method: del, Path: "/hub/v1/api-tokens/{id}", Access: httpx.AnyUser, Handler: handle(d.revokeAPIToken)},
		{ID: "listAPIClients", Method: get, Path: "/hub/v1/api-clients", Access: admin, Handler: handle(d.listAPIClients)},
		{ID: "createAPIClient", Method: post, Path: "/hub/v1/api-clients", Access: admin, Handler: handle(d.createAPIClient)},
		{ID: "revokeAPIClient", Method: del, Path: "/hub/v1/api-clients/{id}", Access: admin, Handler: handle(d.revokeAPIClient)},

		// Audit
		{ID: "listAudit", Method: get, Path: "/hub/v1/audit", Access: admins, Handler: handle(d.listAudit)},
	}
}
