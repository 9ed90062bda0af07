package people

import "quad/models"

// What the hub gives every account. An item, once shipped, is the operator's:
// it is never shipped again, whatever became of it. New items reach existing
// accounts with the next start.

type shippedRole struct {
	title, label string
	userType     models.UserType
}

var shippedRoles = []shippedRole{
	{models.RoleUser, "User", models.UserTypeOrdinary},
	{models.RoleMentee, "Mentee", models.UserTypeOrdinary},
	{models.RoleMentor, "Mentor", models.UserTypeOrdinary},
	{models.RoleSessionManager, "Session manager", models.UserTypeOrdinary},
	{models.RoleProjectManager, "Project manager", models.UserTypeOrdinary},
	{models.RoleReportViewer, "Report viewer", models.UserTypeOrdinary},
	{models.RoleOrgAdmin, "Organization admin", models.UserTypeOrdinary},
	{models.RoleAdmin, "Admin", models.UserTypeSystem},
}

type shippedPermission struct {
	code    string
	module  string // third segment of the path
	methods []string
	path    string
	titles  []string // roles and pseudo-roles that it is mapped to
}

var (
	toPublic   = []string{models.RolePublic}
	toAny      = []string{models.RoleAny}
	toAdmin    = []string{models.RoleAdmin}
	toOrgAdmin = []string{models.RoleOrgAdmin, models.RoleAdmin}
)

var (
	get     = []string{"GET"}
	post    = []string{"POST"}
	getPost = []string{"GET", "POST"}
	all     = []string{"GET", "POST", "PATCH", "PUT", "DELETE"}
)

var shippedPermissions = []shippedPermission{
	{"account_create", "account", post, "/user/v1/account/create", toPublic},
	{"account_login", "account", post, "/user/v1/account/login", toPublic},
	{"account_generate_token", "account", post, "/user/v1/account/generateToken", toPublic},
	{"account_generate_otp", "account", post, "/user/v1/account/generateOtp", toPublic},
	{"account_reset_password", "account", post, "/user/v1/account/resetPassword", toPublic},
	{"account_registration_otp", "account", post, "/user/v1/account/registrationOtp", toPublic},
	{"admin_create", "admin", post, "/user/v1/admin/create", toPublic},
	{"admin_login", "admin", post, "/user/v1/admin/login", toPublic},

	{"account_logout", "account", post, "/user/v1/account/logout", toAny},
	{"account_terms", "account", []string{"PATCH"}, "/user/v1/account/acceptTermsAndCondition", toAny},
	{"account_list", "account", getPost, "/user/v1/account/list", toAny},
	{"account_search", "account", getPost, "/user/v1/account/search", toAny},
	{"user_profile", "user", all, "/user/v1/user/*", toAny},
	{"cloud_services", "cloud-services", all, "/user/v1/cloud-services/*", toAny},
	{"form_read", "form", getPost, "/user/v1/form/read*", toAny},
	{"entity_type_read", "entity-type", getPost, "/user/v1/entity-type/read", toAny},
	{"entity_read", "entity", getPost, "/user/v1/entity/read*", toAny},
	{"entity_list", "entity", getPost, "/user/v1/entity/list", toAny},
	{"organization_list", "organization", get, "/user/v1/organization/list", toAny},
	{"organization_request_role", "organization", post, "/user/v1/organization/requestOrgRole", toAny},
	{"user_role_list", "user-role", get, "/user/v1/user-role/list", toAny},

	{"org_admin_all", "org-admin", all, "/user/v1/org-admin/*", []string{models.RoleOrgAdmin}},
	{"form_all", "form", all, "/user/v1/form/*", toOrgAdmin},
	{"entity_all", "entity", all, "/user/v1/entity/*", toOrgAdmin},
	{"entity_type_all", "entity-type", all, "/user/v1/entity-type/*", toOrgAdmin},
	{"entity_type_mentoring", "entity-type", all, "/mentoring/v1/entity-type/*", toOrgAdmin},
	{"notification_all", "notification", all, "/user/v1/notification/*", toOrgAdmin},
	{"organization_update", "organization", []string{"POST", "PATCH"}, "/user/v1/organization/update", toOrgAdmin},

	{"account_all", "account", all, "/user/v1/account/*", toAdmin},
	{"admin_all", "admin", all, "/user/v1/admin/*", toAdmin},
	{"organization_all", "organization", all, "/user/v1/organization/*", toAdmin},
	{"user_role_all", "user-role", all, "/user/v1/user-role/*", toAdmin},
	{"role_permission_mapping_all", "role-permission-mapping", all, "/user/v1/role-permission-mapping/*", toAdmin},
	{"permissions_all", "permissions", all, "/user/v1/permissions/*", toAdmin},
	{"modules_all", "modules", all, "/user/v1/modules/*", toAdmin},
}
