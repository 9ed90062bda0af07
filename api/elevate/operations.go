package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
	"quad/models"
)

// operations is the table of this door, one line for each operation of
// openapi.yaml. Lines without a handler are in the contract and not served
// yet: the door's catch-all answers them. Aliases are spellings that clients of
// other versions of the service use; Extra lines are operations of these that
// the contract does not have.
func (d *door) operations() []httpx.Operation {
	var (
		admin         = httpx.Roles(models.RoleAdmin)
		orgAdmin      = httpx.Roles(models.RoleOrgAdmin)
		adminOrgAdmin = httpx.Roles(models.RoleAdmin, models.RoleOrgAdmin)
	)
	return []httpx.Operation{

		// userRole
		{ID: "listUserRoles", Method: fiber.MethodGet, Path: "/user/v1/userRole/list", Access: httpx.AnyUser, Aliases: []string{"/user/v1/user-role/list"}, Handler: handle(d, d.listUserRoles)},
		{ID: "updateUserRole", Method: fiber.MethodPost, Path: "/user/v1/userRole/update/{id}", Access: admin, Aliases: []string{"/user/v1/user-role/update/{id}"}, Handler: handle(d, d.updateUserRole)},
		{ID: "deleteUserRole", Method: fiber.MethodDelete, Path: "/user/v1/userRole/delete/{id}", Access: admin, Aliases: []string{"/user/v1/user-role/delete/{id}"}, Handler: handle(d, d.deleteUserRole)},
		{ID: "createUserRole", Method: fiber.MethodPost, Path: "/user/v1/userRole/Create", Access: admin, Aliases: []string{"/user/v1/user-role/create"}, Handler: handle(d, d.createUserRole)},

		// permissions
		{ID: "createPermission", Method: fiber.MethodPost, Path: "/user/v1/permissions/create", Access: admin, Handler: handle(d, d.createPermission)},
		{ID: "updatePermission", Method: fiber.MethodPost, Path: "/user/v1/permissions/update/{id}", Access: admin, Handler: handle(d, d.updatePermission)},
		{ID: "listPermissions", Method: fiber.MethodGet, Path: "/user/v1/permissions/list", Access: admin, Handler: handle(d, d.listPermissions)},
		{ID: "deletePermission", Method: fiber.MethodDelete, Path: "/user/v1/permissions/delete/{id}", Access: admin, Handler: handle(d, d.deletePermission)},

		// modules
		{ID: "updateModule", Method: fiber.MethodPost, Path: "/user/v1/modules/update/{id}", Access: admin, Handler: handle(d, d.updateModule)},
		{ID: "listModules", Method: fiber.MethodGet, Path: "/user/v1/modules/list", Access: admin, Handler: handle(d, d.listModules)},
		{ID: "createModule", Method: fiber.MethodPost, Path: "/user/v1/modules/create", Access: admin, Handler: handle(d, d.createModule)},
		{ID: "deleteModule", Method: fiber.MethodDelete, Path: "/user/v1/modules/delete/{id}", Access: admin, Handler: handle(d, d.deleteModule)},

		// rolePermissionMapping
		{ID: "createRolePermission", Method: fiber.MethodPost, Path: "/user/v1/rolePermissionMapping/create/{role_id}", Access: admin, Aliases: []string{"/user/v1/role-permission-mapping/create/{role_id}"}, Handler: handle(d, d.createRolePermission)},
		{ID: "deleteRolePermission", Method: fiber.MethodPost, Path: "/user/v1/rolePermissionMapping/delete/{role_id}", Access: admin, Aliases: []string{"/user/v1/role-permission-mapping/delete/{role_id}"}, Handler: handle(d, d.deleteRolePermission)},

		// account
		{ID: "createAccount", Method: fiber.MethodPost, Path: "/user/v1/account/create", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.createAccount)},
		{ID: "login", Method: fiber.MethodPost, Path: "/user/v1/account/login", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.login)},
		{ID: "generateToken", Method: fiber.MethodPost, Path: "/user/v1/account/generateToken", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.generateToken)},
		{ID: "generatePasswordOtp", Method: fiber.MethodPost, Path: "/user/v1/account/generateOtp", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.generatePasswordOTP)},
		{ID: "resetPassword", Method: fiber.MethodPost, Path: "/user/v1/account/resetPassword", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.resetPassword)},
		{ID: "logout", Method: fiber.MethodPost, Path: "/user/v1/account/logout", Access: httpx.AnyUser, Handler: handle(d, d.logout)},
		{ID: "generateRegistrationOtp", Method: fiber.MethodPost, Path: "/user/v1/account/registrationOtp", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.registrationOTP)},
		{ID: "acceptTerms", Method: fiber.MethodPatch, Path: "/user/v1/account/acceptTermsAndCondition", Access: httpx.AnyUser, Handler: handle(d, d.acceptTerms)},
		{ID: "listUsers", Method: fiber.MethodGet, Path: "/user/v1/account/list", Access: httpx.AnyUser, Handler: handle(d, d.listUsers)},
		{ID: "searchUsers", Method: fiber.MethodGet, Path: "/user/v1/account/search", Access: httpx.AnyUser, Handler: handle(d, d.searchUsers)},
		{ID: "searchUsersByPost", Method: fiber.MethodPost, Path: "/user/v1/account/search", Access: httpx.AnyUser, Handler: handle(d, d.searchUsers)},

		// user
		{ID: "readUser", Method: fiber.MethodGet, Path: "/user/v1/user/read/{userId}", Access: httpx.AnyUser, Handler: handle(d, d.readUser)},
		{ID: "setLanguagePreference", Method: fiber.MethodPatch, Path: "/user/v1/user/setLanguagePreference", Access: httpx.AnyUser, Handler: handle(d, d.setLanguagePreference)},
		{ID: "updateUser", Method: fiber.MethodPatch, Path: "/user/v1/user/update", Access: httpx.AnyUser, Handler: handle(d, d.updateUser)},
		{ID: "shareUserProfile", Method: fiber.MethodGet, Path: "/user/v1/user/share/{userId}", Access: httpx.AnyUser, Handler: handle(d, d.shareUserProfile)},

		// cloud-services
		{ID: "getSignedUrl", Method: fiber.MethodGet, Path: "/user/v1/cloud-services/file/getSignedUrl", Access: httpx.AnyUser, Handler: handle(d, d.getSignedURL)},
		{ID: "getDownloadableUrl", Method: fiber.MethodGet, Path: "/user/v1/cloud-services/file/getDownloadableUrl", Access: httpx.AnyUser, Handler: handle(d, d.getDownloadableURL)},
		{ID: "getSampleCsv", Method: fiber.MethodGet, Path: "/user/v1/cloud-services/file/getSampleCSV", Access: httpx.AnyUser, Handler: handle(d, d.getSampleCSV)},

		// form
		{ID: "createForm", Method: fiber.MethodPost, Path: "/user/v1/form/create", Access: adminOrgAdmin, Handler: handle(d, d.createForm)},
		{ID: "updateForm", Method: fiber.MethodPatch, Path: "/user/v1/form/update/{formId}", Access: adminOrgAdmin, Handler: handle(d, d.updateForm)},
		{ID: "readForm", Method: fiber.MethodPost, Path: "/user/v1/form/read/{formId}", Access: httpx.AnyUser, Handler: handle(d, d.readForm)},
		{ID: "readFormByType", Method: fiber.MethodPost, Path: "/user/v1/form/read", Access: httpx.AnyUser, Handler: handle(d, d.readFormByType)},

		// admin
		{ID: "createAdmin", Method: fiber.MethodPost, Path: "/user/v1/admin/create", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.createAdmin)},
		{ID: "adminLogin", Method: fiber.MethodPost, Path: "/user/v1/admin/login", Access: httpx.Public, Class: classLogin, Handler: handle(d, d.adminLogin)},
		{ID: "deleteUser", Method: fiber.MethodDelete, Path: "/user/v1/admin/deleteUser/{id}", Access: admin, Handler: handle(d, d.deleteUser)},
		{ID: "addOrgAdmin", Method: fiber.MethodPost, Path: "/user/v1/admin/addOrgAdmin", Access: admin, Aliases: []string{"/user/admin/addOrgAdmin"}, Handler: handle(d, d.addOrgAdmin)},
		{ID: "deactivateOrganization", Method: fiber.MethodPost, Path: "/user/v1/admin/deactivateOrg/{id}", Access: admin, Handler: handle(d, d.deactivateOrganization)},
		{ID: "deactivateUsers", Method: fiber.MethodPost, Path: "/user/v1/admin/deactivateUser", Access: admin, Handler: handle(d, d.deactivateUsers)},

		// organization
		{ID: "createOrganization", Method: fiber.MethodPost, Path: "/user/v1/organization/create", Access: admin, Handler: handle(d, d.createOrganization)},
		{ID: "updateOrganization", Method: fiber.MethodPost, Path: "/user/v1/organization/update/{id}", Access: adminOrgAdmin, Aliases: []string{"PATCH /user/v1/organization/update/{id}"}, Handler: handle(d, d.updateOrganization)},
		{ID: "listOrganizations", Method: fiber.MethodGet, Path: "/user/v1/organization/list", Access: httpx.AnyUser, Handler: handle(d, d.listOrganizations)},
		{ID: "requestOrgRole", Method: fiber.MethodPost, Path: "/user/v1/organization/requestOrgRole", Access: httpx.AnyUser, Handler: handle(d, d.requestOrgRole)},

		// entity-type
		{ID: "createEntityType", Method: fiber.MethodPost, Path: "/user/v1/entity-type/create", Access: adminOrgAdmin, Handler: handle(d, d.createEntityType)},
		{ID: "createEntityTypeMentoringPath", Method: fiber.MethodPost, Path: "/mentoring/v1/entity-type/create", Access: adminOrgAdmin, Handler: handle(d, d.createEntityType)},
		{ID: "readEntityTypes", Method: fiber.MethodPost, Path: "/user/v1/entity-type/read", Access: httpx.AnyUser, Handler: handle(d, d.readEntityTypes)},
		{ID: "deleteEntityType", Method: fiber.MethodDelete, Path: "/user/v1/entity-type/delete/{id}", Access: adminOrgAdmin, Handler: handle(d, d.deleteEntityType)},
		{ID: "updateEntityType", Method: fiber.MethodPost, Path: "/user/v1/entity-type/update/{id}", Access: adminOrgAdmin, Handler: handle(d, d.updateEntityType)},

		// entity
		{ID: "deleteEntity", Method: fiber.MethodDelete, Path: "/user/v1/entity/delete/{id}", Access: adminOrgAdmin, Handler: handle(d, d.deleteEntity)},
		{ID: "createEntity", Method: fiber.MethodPost, Path: "/user/v1/entity/create", Access: adminOrgAdmin, Handler: handle(d, d.createEntity)},
		{ID: "updateEntity", Method: fiber.MethodPatch, Path: "/user/v1/entity/update/{id}", Access: adminOrgAdmin, Handler: handle(d, d.updateEntity)},
		{ID: "readEntity", Method: fiber.MethodGet, Path: "/user/v1/entity/read", Access: httpx.AnyUser, Handler: handle(d, d.readEntity)},
		{ID: "listEntities", Method: fiber.MethodPost, Path: "/user/v1/entity/list", Access: httpx.AnyUser, Aliases: []string{"GET /user/v1/entity/list"}, Handler: handle(d, d.listEntities)},

		// org-admin
		{ID: "bulkInviteUsers", Method: fiber.MethodPost, Path: "/user/v1/org-admin/bulkUserCreate", Access: orgAdmin, Handler: handle(d, d.bulkInviteUsers)},
		{ID: "listInviteFiles", Method: fiber.MethodGet, Path: "/user/v1/org-admin/getBulkInvitesFilesList", Access: orgAdmin, Handler: handle(d, d.listInviteFiles)},
		{ID: "listRoleRequests", Method: fiber.MethodPost, Path: "/user/v1/org-admin/getRequests", Access: orgAdmin, Handler: handle(d, d.listRoleRequests)},
		{ID: "updateRoleRequestStatus", Method: fiber.MethodPost, Path: "/user/v1/org-admin/updateRequestStatus", Access: orgAdmin, Handler: handle(d, d.updateRoleRequestStatus)},
		{ID: "getRoleRequest", Method: fiber.MethodGet, Path: "/user/v1/org-admin/getRequestDetails", Access: orgAdmin, Aliases: []string{"/user/v1/org-admin/getRequestDetails/{id}"}, Handler: handle(d, d.getRoleRequest)},
		{ID: "deactivateOrgUser", Method: fiber.MethodPost, Path: "/user/v1/org-admin/deactivateUser/{id}", Access: orgAdmin, Aliases: []string{"/user/v1/org-admin/deactivateUser"}, Handler: handle(d, d.deactivateOrgUser)},
		{ID: "inheritEntityType", Method: fiber.MethodPost, Path: "/user/v1/org-admin/inheritEntityType", Access: orgAdmin, Handler: handle(d, d.inheritEntityType)},

		// notification
		{ID: "createNotificationTemplate", Method: fiber.MethodPost, Path: "/user/v1/notification/template", Access: adminOrgAdmin, Handler: handle(d, d.createTemplate)},
		{ID: "updateNotificationTemplate", Method: fiber.MethodPatch, Path: "/user/v1/notification/template/{id}", Access: adminOrgAdmin, Handler: handle(d, d.updateTemplate)},
		{ID: "deleteNotificationTemplate", Method: fiber.MethodDelete, Path: "/user/v1/notification/template/{id}", Access: adminOrgAdmin, Handler: handle(d, d.deleteTemplate)},
		{ID: "listNotificationTemplates", Method: fiber.MethodGet, Path: "/user/v1/notification/template", Access: adminOrgAdmin, Extra: true, Handler: handle(d, d.listTemplates)},
		{ID: "readNotificationTemplate", Method: fiber.MethodGet, Path: "/user/v1/notification/template/{id}", Access: adminOrgAdmin, Extra: true, Handler: handle(d, d.readTemplate)},
	}
}
