package elevate_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/elevate"
	"quad/internal/auth"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

const (
	noPermission = "You do not have the required permissions to access this resource. Please contact your administrator for assistance."
	noRole       = "User does't have admin access."
	// A path that wants the role admin besides the permission: 401 says that the
	// gate has refused, 400 that it has not.
	guarded     = "/user/v1/modules/create"
	permissions = "/user/v1/permissions/list"
)

var guardedBody = object{"code": "mine"}

func roleBody(title string) object {
	return object{"title": title, "user_type": 0, "status": "ACTIVE", "visibility": "PUBLIC"}
}

func permissionBody(code string) object {
	return object{"code": code, "module": "modules", "request_type": []string{"POST"}, "api_path": guarded, "status": "ACTIVE"}
}

// created does a request that makes something and gives its id.
func created(t *testing.T, c contracttest.Client, path string, body object) int64 {
	t.Helper()
	a := c.Do(t, 201, "POST", path, body)
	id := a.Text(t, "result.id") + a.Text(t, "result.Id")
	return number(t, id)
}

func TestUserRoles(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.admin), w.as(t, w.user)
	a := admin.Do(t, 201, "POST", "/user/v1/userRole/Create", roleBody("reviewer"))
	require.Equal(t, "Roles added successfully", a.Text(t, "message"))
	require.Equal(t, "reviewer", a.Text(t, "result.label"))
	id := number(t, a.Text(t, "result.id"))
	for _, spelling := range []string{"/user/v1/userRole/Create", "/user/v1/userRole/create", "/user/v1/user-role/create", "/user/v1/user-role/CREATE"} {
		fails(t, admin.Do(t, 400, "POST", spelling, roleBody("Reviewer")), "CLIENT_ERROR", "Role already exists")
	}
	a = admin.Do(t, 422, "POST", "/user/v1/userRole/Create", object{"title": "two words", "user_type": 2, "status": "gone", "visibility": " "})
	require.ElementsMatch(t, []string{"body.title", "body.user_type", "body.status", "body.visibility"}, params(t, a))
	require.Contains(t, string(a.Body), "title is invalid, must not contain spaces")
	require.Len(t, params(t, admin.Do(t, 422, "POST", "/user/v1/userRole/Create", object{})), 4)
	fails(t, me.Do(t, 401, "POST", "/user/v1/userRole/Create", roleBody("mine")), "UNAUTHORIZED", noPermission)

	update := path("/user/v1/userRole/update/%d", id)
	a = admin.Do(t, 201, "POST", update, object{"title": "assessor", "user_type": "1", "status": "inactive", "visibility": "PUBLIC", "label": "Assesses"})
	require.Equal(t, "Roles updated successfully", a.Text(t, "message"))
	require.Equal(t, "INACTIVE", a.Text(t, "result.status"))
	require.Equal(t, "1", a.Text(t, "result.user_type"))
	require.Equal(t, "Assesses", a.Text(t, "result.label"))
	fails(t, admin.Do(t, 400, "POST", update, roleBody("mentor")), "CLIENT_ERROR", "Role already exists")
	admin.Do(t, 422, "POST", update, object{"title": "assessor"})
	for _, unknown := range []string{"999999999", "0", "x", "99999999999999999999"} {
		fails(t, admin.Do(t, 400, "POST", "/user/v1/userRole/update/"+unknown, roleBody("other")), "CLIENT_ERROR", "Roles not updated")
		fails(t, admin.Do(t, 400, "DELETE", "/user/v1/userRole/delete/"+unknown, nil), "CLIENT_ERROR", "Roles not deleted")
	}
	builtIn := admin.Do(t, 400, "DELETE", path("/user/v1/userRole/delete/%d", w.roleID(t, models.RoleMentee)), nil)
	require.Contains(t, builtIn.Text(t, "message"), "part of the system")
	admin.Do(t, 201, "POST", path("/user/v1/user-role/update/%d", id), roleBody("assessor"))

	// The roles of the own and of the default organization, by title.
	list := func(c contracttest.Client, query string) (titles []string, count string) {
		t.Helper()
		a := c.Do(t, 200, "GET", "/user/v1/userRole/list"+query, nil)
		var body struct {
			Result struct{ Data []struct{ Title string } }
		}
		a.JSON(t, &body)
		for _, r := range body.Result.Data {
			titles = append(titles, r.Title)
		}
		return titles, a.Text(t, "result.count")
	}
	titles, count := list(me, "")
	require.Equal(t, []string{"admin", "assessor", "mentee", "mentor", "org_admin", "project_manager", "report_viewer", "session_manager", "user"}, titles)
	require.Equal(t, "9", count)
	titles, count = list(me, "?page=2&limit=3")
	require.Equal(t, []string{"mentor", "org_admin", "project_manager"}, titles)
	require.Equal(t, "9", count)
	for query, want := range map[string][]string{
		"?search=MENT": {"mentee", "mentor"}, "?user_type=1": {"admin"}, "?search=_&user_type=0&status=active": {"org_admin", "project_manager", "report_viewer", "session_manager"},
		"?visibility=public&search=user": {"user"}, path("?organization_id=%d&search=sess", w.Organization.ID): {"assessor", "session_manager"},
		"?search=%25%27%22": nil, "?user_type=x": nil, "?status=gone": nil, "?visibility=%27": nil,
		path("?organization_id=%d", w.other.ID): nil, "?page=9": nil, "?page=-1&limit=0&search=assessor": {"assessor"},
	} {
		titles, _ := list(me, query)
		require.Equal(t, want, titles, query)
	}
	titles, _ = list(w.as(t, w.otherAdmin), "?search=assessor")
	require.Equal(t, []string{"assessor"}, titles, "the default organization's")
	me.Do(t, 200, "GET", "/user/v1/user-role/list", nil)
	w.anyone().Do(t, 401, "GET", "/user/v1/userRole/list", nil)

	a = admin.Do(t, 202, "DELETE", path("/user/v1/user-role/delete/%d", id), nil)
	require.Equal(t, "Module deleted successfully", a.Text(t, "message"), "the contract's text")
	fails(t, admin.Do(t, 400, "DELETE", path("/user/v1/userRole/delete/%d", id), nil), "CLIENT_ERROR", "Roles not deleted")
	titles, _ = list(me, "?search=assessor")
	require.Empty(t, titles)
}

// A permission works from the moment in which it is given until it is taken.
func TestPermissions(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.admin), w.as(t, w.user)
	can := func() bool {
		t.Helper()
		a := me.Status(t.Context(), "POST", guarded, guardedBody)
		require.Contains(t, []int{400, 401}, a)
		return a == 400
	}
	a := admin.Do(t, 201, "POST", "/user/v1/permissions/create", permissionBody("see_permissions"))
	require.Equal(t, "PERMISSION_CREATED_SUCCESSFULLY", a.Text(t, "message"))
	require.Equal(t, "BBB", a.Text(t, "meta.meetingPlatform"))
	id := number(t, a.Text(t, "result.Id"))
	require.False(t, can())
	fails(t, admin.Do(t, 400, "POST", "/user/v1/permissions/create", permissionBody("SEE_permissions")), "CLIENT_ERROR", "code should be unique.")
	a = admin.Do(t, 422, "POST", "/user/v1/permissions/create", object{"code": "a b", "module": "", "request_type": []string{"GET", "HEAD"}, "api_path": "x", "status": "gone"})
	require.ElementsMatch(t, []string{"body.code", "body.module", "body.request_type", "body.api_path", "body.status"}, params(t, a))
	require.Contains(t, string(a.Body), "request_type is invalid, must be one of: GET,POST,PATCH,PUT,DELETE")
	require.Contains(t, string(a.Body), "API Path is invalid")
	require.Len(t, params(t, admin.Do(t, 422, "POST", "/user/v1/permissions/create", object{"request_type": []string{}})), 4)

	mentee := w.roleID(t, models.RoleMentee)
	grant, withdraw := path("/user/v1/rolePermissionMapping/create/%d", mentee), path("/user/v1/rolePermissionMapping/delete/%d", mentee)
	a = admin.Do(t, 201, "POST", grant, object{"permission_id": id})
	require.Equal(t, "Permission added to the role", a.Text(t, "message"))
	require.Equal(t, path("%d %d modules", mentee, id), a.Text(t, "result.roleId")+" "+a.Text(t, "result.permissionId")+" "+a.Text(t, "result.module"))
	require.True(t, can(), "at once")
	fails(t, me.Do(t, 400, "POST", guarded, guardedBody), "CLIENT_ERROR", noRole)
	fails(t, admin.Do(t, 400, "POST", grant, object{"permission_id": id}), "CLIENT_ERROR", "ROLE_PERMISSION_ALREADY_EXISTS")
	fails(t, admin.Do(t, 400, "POST", grant, object{"permission_id": 999999999}), "CLIENT_ERROR", "PERMISSION_NOT_FOUND")
	fails(t, admin.Do(t, 400, "POST", "/user/v1/role-permission-mapping/create/999999999", object{"permission_id": id}), "CLIENT_ERROR", "Role not found.")
	require.Equal(t, []string{"body.permission_id"}, params(t, admin.Do(t, 422, "POST", grant, object{})))
	fails(t, me.Do(t, 401, "POST", grant, object{"permission_id": id}), "UNAUTHORIZED", noPermission)

	a = admin.Do(t, 202, "POST", withdraw, object{"permission_id": id})
	require.Equal(t, "ROLE_PERMISSION_MAPPING_DELETED_SUCCESSFULLY", a.Text(t, "message"))
	require.False(t, can())
	fails(t, admin.Do(t, 400, "POST", withdraw, object{"permission_id": id}), "CLIENT_ERROR", "ROLE_PERMISSION_NOT_FOUND")
	fails(t, admin.Do(t, 400, "POST", "/user/v1/role-permission-mapping/delete/0", object{"permission_id": id}), "CLIENT_ERROR", "ROLE_PERMISSION_NOT_FOUND")
	require.Equal(t, []string{"body.permission_id"}, params(t, admin.Do(t, 422, "POST", withdraw, object{"permission_id": "x"})))
	admin.Do(t, 201, "POST", path("/user/v1/role-permission-mapping/create/%d", mentee), object{"permission_id": path("%d", id)})
	require.True(t, can())

	change := func(key string, value any) {
		t.Helper()
		body := permissionBody("see_permissions")
		body[key] = value
		a := admin.Do(t, 201, "POST", path("/user/v1/permissions/update/%d", id), body)
		require.Equal(t, "PERMISSION_UPDATED_SUCCESSFULLY", a.Text(t, "message"))
	}
	change("request_type", []string{"get"})
	require.False(t, can())
	change("api_path", "/user/v1/modules/*")
	require.True(t, can())
	change("status", "INACTIVE")
	require.False(t, can())
	change("code", "renamed")
	require.True(t, can())
	fails(t, admin.Do(t, 400, "POST", path("/user/v1/permissions/update/%d", id), permissionBody("form_all")), "CLIENT_ERROR", "code should be unique.")
	fails(t, admin.Do(t, 400, "POST", "/user/v1/permissions/update/0", permissionBody("x")), "CLIENT_ERROR", "PERMISSION_NOT_FOUND")
	require.Equal(t, []string{"body.api_path"}, params(t, admin.Do(t, 422, "POST", path("/user/v1/permissions/update/%d", id),
		object{"code": "x", "module": "x", "request_type": []string{"GET"}, "api_path": "/with space"})))

	a = admin.Do(t, 200, "GET", permissions+"?search=RENAM", nil)
	require.Equal(t, "1", a.Text(t, "result.results.count"), "the page is nested")
	require.Contains(t, string(a.Body), `"code":"renamed"`)
	a = admin.Do(t, 200, "GET", permissions+"?search=nothing&page=0", nil)
	require.Equal(t, "0", a.Text(t, "result.results.count"))
	require.Contains(t, string(a.Body), `"data":[]`)
	require.Greater(t, number(t, admin.Do(t, 200, "GET", permissions+"?limit=1", nil).Text(t, "result.results.count")), int64(30))

	a = admin.Do(t, 202, "DELETE", path("/user/v1/permissions/delete/%d", id), nil)
	require.Equal(t, "Permission deleted successfully", a.Text(t, "message"))
	require.False(t, can())
	fails(t, admin.Do(t, 400, "DELETE", path("/user/v1/permissions/delete/%d", id), nil), "CLIENT_ERROR", "PERMISSION_NOT_FOUND")
	var signIn int64
	require.NoError(t, w.DB.Query(w.Context(), &signIn, `SELECT id FROM permissions WHERE account_id = @account_id AND code = 'admin_login'`, nil))
	kept := admin.Do(t, 400, "DELETE", path("/user/v1/permissions/delete/%d", signIn), nil)
	require.Contains(t, kept.Text(t, "message"), "no admin could log in")

	// The contract of the lists has no 400 for who has the permission alone.
	for _, list := range []string{permissions, "/user/v1/modules/list"} {
		body := permissionBody(list)
		body["module"], body["api_path"], body["request_type"] = strings.Split(list, "/")[3], list, []string{"GET"}
		admin.Do(t, 201, "POST", grant, object{"permission_id": created(t, admin, "/user/v1/permissions/create", body)})
		fails(t, me.Do(t, 401, "GET", list, nil), "UNAUTHORIZED", noPermission)
	}
}

func TestModules(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.admin), w.as(t, w.user)
	a := admin.Do(t, 201, "POST", "/user/v1/modules/create", object{"code": "systemadmin"})
	require.Equal(t, "MODULES_CREATED_SUCCESSFULLY", a.Text(t, "message"))
	id := number(t, a.Text(t, "result.Id"))
	fails(t, admin.Do(t, 400, "POST", "/user/v1/modules/create", object{"code": "SystemAdmin"}), "CLIENT_ERROR", "MODULES_ALREADY_EXISTS")
	a = admin.Do(t, 422, "POST", "/user/v1/modules/create", object{"code": "system admin", "status": 7})
	require.ElementsMatch(t, []string{"body.code", "body.status"}, params(t, a))
	require.Contains(t, string(a.Body), "code is invalid, must not contain spaces")
	fails(t, me.Do(t, 401, "GET", "/user/v1/modules/list", nil), "UNAUTHORIZED", noPermission)

	a = admin.Do(t, 200, "GET", "/user/v1/modules/list?search=SYSTEM", nil)
	require.Equal(t, "1", a.Text(t, "result.count"))
	require.Contains(t, string(a.Body), `"code":"systemadmin"`)
	require.Equal(t, "0", admin.Do(t, 200, "GET", "/user/v1/modules/list?search=%25%27&page=x&limit=1e3", nil).Text(t, "result.count"))

	update := path("/user/v1/modules/update/%d", id)
	a = admin.Do(t, 201, "POST", update, object{"code": "operations"})
	require.Equal(t, "MODULES_UPDATED_SUCCESSFULLY", a.Text(t, "message"))
	require.Equal(t, "operations", a.Text(t, "result.code"))
	fails(t, admin.Do(t, 400, "POST", update, object{"code": "form"}), "CLIENT_ERROR", "MODULES_ALREADY_EXISTS")
	fails(t, admin.Do(t, 400, "POST", "/user/v1/modules/update/0", object{"code": "x"}), "CLIENT_ERROR", "MODULES_NOT_FOUND")
	require.Equal(t, []string{"body.code"}, params(t, admin.Do(t, 422, "POST", update, object{})))

	a = admin.Do(t, 202, "DELETE", path("/user/v1/modules/delete/%d", id), nil)
	require.Equal(t, "Module deleted successfully", a.Text(t, "message"))
	fails(t, admin.Do(t, 400, "DELETE", path("/user/v1/modules/delete/%d", id), nil), "CLIENT_ERROR", "MODULES_ALREADY_DELETED_OR_MODULE_NOT_PRESENT")

	// What a module allows goes where it goes, for everybody who has it.
	var shipped int64
	require.NoError(t, w.DB.Query(w.Context(), &shipped, `SELECT id FROM modules WHERE account_id = @account_id AND code = 'user-role'`, nil))
	const list = "/user/v1/userRole/list"
	me.Do(t, 200, "GET", list, nil)
	admin.Do(t, 201, "POST", path("/user/v1/modules/update/%d", shipped), object{"code": "elsewhere"})
	fails(t, me.Do(t, 401, "GET", list, nil), "UNAUTHORIZED", noPermission)
	admin.Do(t, 201, "POST", path("/user/v1/modules/update/%d", shipped), object{"code": "user-role"})
	me.Do(t, 200, "GET", list, nil)
	admin.Do(t, 202, "DELETE", path("/user/v1/modules/delete/%d", shipped), nil)
	fails(t, me.Do(t, 401, "GET", list, nil), "UNAUTHORIZED", noPermission)
	admin.Do(t, 200, "GET", list, nil)
}

func TestOneOfManyGetsTheName(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	for path, body := range map[string]object{
		"/user/v1/permissions/create": permissionBody("mine"), "/user/v1/modules/create": {"code": "mine"}, "/user/v1/userRole/Create": roleBody("mine"),
	} {
		require.Equal(t, map[int]int{201: 1, 400: 49}, admin.AtOnce(t, 50, "POST", path, body), path)
	}
}

// A role that goes takes along what hangs on it: what its holders could do, the
// open requests for it and what invitations promised.
func TestADeletedRoleIsGoneEverywhere(t *testing.T) {
	w := newWorld(t, map[string]string{"AUTH_VERIFY_EMAIL": "false"})
	admin := w.as(t, w.admin)
	reviewer := created(t, admin, "/user/v1/userRole/Create", roleBody("reviewer"))
	permission := created(t, admin, "/user/v1/permissions/create", permissionBody("see_permissions"))
	admin.Do(t, 201, "POST", path("/user/v1/rolePermissionMapping/create/%d", reviewer), object{"permission_id": permission})
	holder := w.NewPerson(0, 0, "holder", "reviewer")
	session := w.as(t, holder)
	fails(t, session.Do(t, 400, "POST", guarded, guardedBody), "CLIENT_ERROR", noRole)
	me := w.as(t, w.user)
	request := me.Do(t, 200, "POST", ask, object{"role": reviewer}).Text(t, "result.request_id")
	email := newEmail()
	w.invite(t, email, reviewer, w.roleID(t, models.RoleSessionManager))

	// INACTIVE: nothing for now.
	body := roleBody("reviewer")
	body["status"] = "INACTIVE"
	admin.Do(t, 201, "POST", path("/user/v1/userRole/update/%d", reviewer), body)
	fails(t, session.Do(t, 401, "POST", guarded, guardedBody), "UNAUTHORIZED", noPermission)
	fails(t, me.Do(t, 406, "POST", ask, object{"role": reviewer}), "CLIENT_ERROR", "Role not found.")
	a := w.as(t, w.orgAdmin).Do(t, 200, "GET", details+"?request_id="+request, nil)
	require.Equal(t, "REJECTED", a.Text(t, "result.status"), "the contract has no word for withdrawn")
	var reason string
	require.NoError(t, w.DB.Query(w.Context(), &reason, `SELECT end_reason FROM role_requests WHERE account_id = @account_id AND id = @id`,
		store.Args{"id": number(t, request)}))
	require.Equal(t, "role_deactivated", reason)

	// ACTIVE again, as it was, but for the request.
	admin.Do(t, 201, "POST", path("/user/v1/userRole/update/%d", reviewer), roleBody("reviewer"))
	fails(t, session.Do(t, 400, "POST", guarded, guardedBody), "CLIENT_ERROR", noRole)
	again := me.Do(t, 200, "POST", ask, object{"role": reviewer}).Text(t, "result.request_id")
	require.NotEqual(t, request, again)

	admin.Do(t, 202, "DELETE", path("/user/v1/userRole/delete/%d", reviewer), nil)
	fails(t, session.Do(t, 401, "POST", guarded, guardedBody), "UNAUTHORIZED", noPermission)
	fails(t, me.Do(t, 406, "POST", ask, object{"role": reviewer}), "CLIENT_ERROR", "Role not found.")
	a = w.as(t, w.orgAdmin).Do(t, 200, "GET", details+"?request_id="+again, nil)
	require.Equal(t, "REJECTED", a.Text(t, "result.status"))
	profile := session.Do(t, 200, "GET", path("/user/v1/user/read/%d", holder.ID), nil)
	require.NotContains(t, string(profile.Body), "reviewer")

	// Who is invited comes with what is left, and a role that has taken the
	// title means nothing to them.
	created(t, admin, "/user/v1/userRole/Create", roleBody("reviewer"))
	a = w.anyone().Do(t, 200, "POST", "/user/v1/account/create", object{"name": "Invited", "email": email, "password": hubtest.Password})
	require.Contains(t, string(a.Body), `"session_manager"`)
	require.NotContains(t, string(a.Body), `"reviewer"`)
	fails(t, session.Do(t, 401, "POST", guarded, guardedBody), "UNAUTHORIZED", noPermission)
}

// invite writes an open invitation into the default organization.
func (w *world) invite(t *testing.T, email string, roleIDs ...int64) {
	t.Helper()
	file := models.InviteFile{OrganizationID: w.Organization.ID, CreatedBy: w.orgAdmin.ID, Status: models.InviteFileProcessed, Type: "text/csv", Layout: []byte("{}")}
	require.NoError(t, w.DB.Conn(w.Context()).Create(&file).Error)
	i := models.Invite{OrganizationID: w.Organization.ID, FileID: file.ID, Email: email, Name: "Invited", RoleIDs: roleIDs, Status: models.InvitePending,
		TokenVersion: 1, ExpiresAt: time.Now().Add(time.Hour)}
	require.NoError(t, w.DB.Conn(w.Context()).Create(&i).Error)
}

// A change holds at once where it was made, and within a second at another
// replica.
func TestAccessChangesReachOtherReplicas(t *testing.T) {
	w := newWorld(t, nil)
	settings := maps.Clone(w.Settings)
	delete(settings, "PUBLIC_URL")
	there := hubtest.New(t, hubtest.Options{App: api.ForHub, Settings: settings})
	require.Eventually(t, func() bool { return w.Live.Listening() && there.Live.Listening() }, 10*time.Second, time.Millisecond)
	admin, me := w.as(t, w.admin), w.as(t, w.user)
	elsewhere := me
	elsewhere.BaseURL = there.URL
	fails(t, elsewhere.Do(t, 401, "POST", guarded, guardedBody), "UNAUTHORIZED", noPermission) // it keeps that
	permission := created(t, admin, "/user/v1/permissions/create", permissionBody("see_permissions"))
	mentee := w.roleID(t, models.RoleMentee)
	reaches := func(want int) {
		t.Helper()
		require.Equal(t, want, me.Status(t.Context(), "POST", guarded, guardedBody))
		// It is milliseconds, but for machines that are busy with other tests;
		// what is never told would be seen after a minute.
		require.Eventually(t, func() bool { return elsewhere.Status(t.Context(), "POST", guarded, guardedBody) == want }, 5*time.Second, 5*time.Millisecond)
	}
	admin.Do(t, 201, "POST", path("/user/v1/rolePermissionMapping/create/%d", mentee), object{"permission_id": permission})
	reaches(400)
	admin.Do(t, 202, "POST", path("/user/v1/rolePermissionMapping/delete/%d", mentee), object{"permission_id": permission})
	reaches(401)
	admin.Do(t, 201, "POST", path("/user/v1/rolePermissionMapping/create/%d", mentee), object{"permission_id": permission})
	reaches(400)
	admin.Do(t, 202, "DELETE", path("/user/v1/permissions/delete/%d", permission), nil)
	reaches(401)

	// What is unchanged is not read again.
	before := there.DB.Statements()
	for range 20 {
		elsewhere.Do(t, 401, "POST", guarded, guardedBody)
	}
	require.LessOrEqual(t, there.DB.Statements()-before, int64(22), "one statement each, to authenticate, and a minute may be over")
}

func TestAccessOfOtherAccountsDoesNotExist(t *testing.T) {
	w := newWorld(t, nil)
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.withToken(w.Token(t, w.NewPerson(account.ID, organization.ID, "stranger", models.RoleAdmin), elevate.Name))
	admin := w.as(t, w.admin)
	role := created(t, admin, "/user/v1/userRole/Create", roleBody("reviewer"))
	permission := created(t, admin, "/user/v1/permissions/create", permissionBody("see_permissions"))
	module := created(t, admin, "/user/v1/modules/create", object{"code": "mine"})
	fails(t, stranger.Do(t, 400, "POST", path("/user/v1/userRole/update/%d", role), roleBody("x")), "CLIENT_ERROR", "Roles not updated")
	fails(t, stranger.Do(t, 400, "DELETE", path("/user/v1/userRole/delete/%d", role), nil), "CLIENT_ERROR", "Roles not deleted")
	fails(t, stranger.Do(t, 400, "POST", path("/user/v1/permissions/update/%d", permission), permissionBody("x")), "CLIENT_ERROR", "PERMISSION_NOT_FOUND")
	fails(t, stranger.Do(t, 400, "DELETE", path("/user/v1/permissions/delete/%d", permission), nil), "CLIENT_ERROR", "PERMISSION_NOT_FOUND")
	fails(t, stranger.Do(t, 400, "POST", path("/user/v1/modules/update/%d", module), object{"code": "x"}), "CLIENT_ERROR", "MODULES_NOT_FOUND")
	fails(t, stranger.Do(t, 400, "DELETE", path("/user/v1/modules/delete/%d", module), nil), "CLIENT_ERROR", "MODULES_ALREADY_DELETED_OR_MODULE_NOT_PRESENT")
	fails(t, stranger.Do(t, 400, "POST", path("/user/v1/rolePermissionMapping/create/%d", role), object{"permission_id": permission}), "CLIENT_ERROR", "Role not found.")
	require.Equal(t, "0", stranger.Do(t, 200, "GET", "/user/v1/userRole/list?search=reviewer", nil).Text(t, "result.count"))
	require.Equal(t, "0", stranger.Do(t, 200, "GET", "/user/v1/permissions/list?search=see_permissions", nil).Text(t, "result.results.count"))
	require.Equal(t, "0", stranger.Do(t, 200, "GET", "/user/v1/modules/list?search=mine", nil).Text(t, "result.count"))
	created(t, stranger, "/user/v1/userRole/Create", roleBody("reviewer"))
}

func TestStatementsOfAccess(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	admin.Do(t, 200, "GET", permissions, nil)
	most := func(n int64, status int, method, path string, body any) contracttest.Answer {
		t.Helper()
		before := w.DB.Statements()
		a := admin.Do(t, status, method, path, body)
		require.LessOrEqual(t, w.DB.Statements()-before, n, "%s %s", method, path)
		return a
	}
	for _, list := range []string{permissions, "/user/v1/modules/list", "/user/v1/userRole/list?search=e&user_type=0&status=ACTIVE&visibility=PUBLIC"} {
		most(3, 200, "GET", list, nil) // the caller, the count, the page
	}
	role := number(t, most(3, 201, "POST", "/user/v1/userRole/Create", roleBody("reviewer")).Text(t, "result.id"))
	permission := number(t, most(3, 201, "POST", "/user/v1/permissions/create", permissionBody("mine")).Text(t, "result.Id"))
	module := number(t, most(3, 201, "POST", "/user/v1/modules/create", object{"code": "mine"}).Text(t, "result.Id"))
	most(4, 201, "POST", path("/user/v1/userRole/update/%d", role), roleBody("reviewer"))
	most(7, 201, "POST", path("/user/v1/userRole/update/%d", role), roleBody("assessor")) // the mappings follow, others are told
	most(6, 201, "POST", path("/user/v1/rolePermissionMapping/create/%d", role), object{"permission_id": permission})
	most(5, 201, "POST", path("/user/v1/permissions/update/%d", permission), permissionBody("yours"))
	most(4, 202, "POST", path("/user/v1/rolePermissionMapping/delete/%d", role), object{"permission_id": permission})
	most(6, 202, "DELETE", path("/user/v1/permissions/delete/%d", permission), nil)
	most(5, 201, "POST", path("/user/v1/modules/update/%d", module), object{"code": "yours"})
	for i := range 20 { // as many statements, however many permissions
		body := permissionBody(path("yours%d", i))
		body["module"] = "yours"
		created(t, admin, "/user/v1/permissions/create", body)
	}
	most(6, 201, "POST", path("/user/v1/modules/update/%d", module), object{"code": "ours"})
	most(7, 202, "DELETE", path("/user/v1/modules/delete/%d", module), nil)
	most(8, 202, "DELETE", path("/user/v1/userRole/delete/%d", role), nil)
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// What an account is given lets everybody call what the contract says they may,
// under every spelling, and nobody else: gate and table together. The gate alone
// stops whoever is no admin.
func TestShippedPermissionsAgreeWithTheContract(t *testing.T) {
	w := hubtest.New(t, hubtest.Options{})
	checked := 0
	for _, op := range elevate.Table() {
		if op.Extra {
			continue
		}
		allowed := contract.Operation(op.ID).Roles
		require.NotEmpty(t, allowed, op.ID)
		for _, spelling := range append([]string{op.Method + " " + op.Path}, op.Aliases...) {
			method, path, ok := strings.Cut(spelling, " ")
			if !ok {
				method, path = op.Method, spelling
			}
			path = pathParameter.ReplaceAllString(path, "7")
			for _, role := range []string{"", models.RoleUser, models.RoleMentee, models.RoleMentor, models.RoleSessionManager, models.RoleOrgAdmin, models.RoleAdmin} {
				who := auth.Principal{AccountID: w.Account.ID}
				if role != "" {
					who.UserID, who.Roles = 1, []string{role}
				}
				gate, err := w.People.Allowed(w.Context(), who, method, path)
				require.NoError(t, err)
				table := op.Access.Public || role != "" && (len(op.Access.Roles) == 0 || slices.Contains(op.Access.Roles, role))
				may := slices.Contains(allowed, models.RolePublic) || role != "" && (slices.Contains(allowed, models.RoleAny) || slices.Contains(allowed, role))
				require.Equal(t, may, gate && table, "%s as %q: %s", op.ID, role, spelling)
				if role != models.RoleAdmin && path != "/user/admin/addOrgAdmin" {
					require.Equal(t, may, gate, "the gate for %s as %q: %s", op.ID, role, spelling)
				}
				checked++
			}
		}
	}
	require.GreaterOrEqual(t, checked, 66*7)
}
