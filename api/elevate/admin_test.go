package elevate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

const (
	createAdmin   = "/user/v1/admin/create"
	adminLogin    = "/user/v1/admin/login"
	addOrgAdmin   = "/user/v1/admin/addOrgAdmin"
	deactivateAll = "/user/v1/admin/deactivateUser"
	deactivateOwn = "/user/v1/org-admin/deactivateUser"
	templates     = "/user/v1/notification/template"
)

// number reads one figure from the database, of all accounts.
func (w *world) number(t *testing.T, text string, args store.Args) int64 {
	t.Helper()
	var n int64
	require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &n, text, args))
	return n
}

func (w *world) userStatus(t *testing.T, id int64) string {
	t.Helper()
	var status string
	require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &status, `SELECT status FROM users WHERE id = @id`, store.Args{"id": id}))
	return status
}

func TestCreateAdminAndAdminLogin(t *testing.T) {
	w := newWorld(t, nil)
	c, email := w.anyone(), newEmail()
	root := object{"name": "Root", "email": email, "password": hubtest.Password, "secret_code": "let me out"}
	fails(t, c.Do(t, 400, "POST", createAdmin, root), "CLIENT_ERROR", "Incorrect code. Please try again.")
	root["secret_code"] = "let me in"
	a := c.Do(t, 201, "POST", createAdmin, root)
	require.Equal(t, "Sign-up successful, Please wait while logging in.", a.Text(t, "message"))
	require.NotContains(t, string(a.Body), "token")
	fails(t, c.Do(t, 406, "POST", createAdmin, root), "CLIENT_ERROR", "Admin User already exists.")
	require.ElementsMatch(t, []string{"body.name", "body.email", "body.password", "body.secret_code"}, params(t, c.Do(t, 422, "POST", createAdmin, object{"secret_code": " "})))

	in := c.Do(t, 200, "POST", adminLogin, object{"email": email, "password": hubtest.Password})
	require.Equal(t, "default", in.Text(t, "result.user.organization.code"))
	require.Contains(t, string(in.Body), `"title":"admin"`)
	w.withToken(in.Text(t, "result.access_token")).Do(t, 200, "POST", "/user/v1/organization/create", object{"name": "Mine", "code": "mine", "description": "x"})

	const unknown, wrong = "User doesn't exist.", "Password is invalid."
	fails(t, c.Do(t, 400, "POST", adminLogin, object{"email": "nobody@example.test", "password": hubtest.Password}), "CLIENT_ERROR", unknown)
	fails(t, c.Do(t, 400, "POST", adminLogin, object{"email": w.orgAdmin.Email, "password": hubtest.Password}), "CLIENT_ERROR", unknown)
	fails(t, c.Do(t, 400, "POST", adminLogin, object{"email": email, "password": "wrong password"}), "CLIENT_ERROR", wrong)
	require.Equal(t, []string{"body.password"}, params(t, c.Do(t, 422, "POST", adminLogin, object{"email": email})))
	_, err := w.People.DeactivateSelected(w.AdminContext(w.admin), selected(email))
	require.NoError(t, err)
	fails(t, c.Do(t, 400, "POST", adminLogin, object{"email": email, "password": hubtest.Password}), "CLIENT_ERROR", wrong)

	root["email"] = newEmail()
	require.Equal(t, map[int]int{201: 1, 406: 19}, c.AtOnce(t, 20, "POST", createAdmin, root))
}

func TestWithoutSecretCodeNobodyBecomesAdmin(t *testing.T) {
	w := newWorld(t, map[string]string{"AUTH_ADMIN_SECRET_CODE": ""})
	for _, code := range []string{"let me in", "0", "-"} {
		body := object{"name": "Root", "email": newEmail(), "password": hubtest.Password, "secret_code": code}
		fails(t, w.anyone().Do(t, 400, "POST", createAdmin, body), "CLIENT_ERROR", "Incorrect code. Please try again.")
	}
}

func TestAddOrgAdmin(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.admin), w.as(t, w.user)
	school := w.NewOrganization("School", "school")
	me.Do(t, 401, "POST", requests, object{})
	request := me.Do(t, 200, "POST", ask, object{"role": w.roleID(t, models.RoleMentor)}).Text(t, "result.request_id")

	for range 2 { // the second time changes nothing
		a := admin.Do(t, 200, "POST", addOrgAdmin, object{"user_id": w.user.ID, "organization_id": school.ID})
		require.Equal(t, path("%d", school.ID), a.Text(t, "result.org_id"))
		require.Equal(t, path("%d", school.ID), a.Text(t, "result.organization_id"))
		require.Contains(t, string(a.Body), `"title":"mentee"`)
		require.Contains(t, string(a.Body), `"title":"org_admin"`)
	}
	// It holds without a new login; what was asked of the old organization is over.
	require.Equal(t, "0", me.Do(t, 200, "POST", requests, object{}).Text(t, "result.count"))
	require.Equal(t, path("%d", school.ID), me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil).Text(t, "result.organization_id"))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM role_requests WHERE id = CAST(@id AS bigint) AND status = 'WITHDRAWN'`, store.Args{"id": request}))

	second := w.NewPerson(0, 0, "second", models.RoleMentee)
	a := w.anyone().With("X-auth-token", admin.Header.Get("X-auth-token")).
		Do(t, 200, "POST", "/user/admin/addOrgAdmin", object{"email": second.Email, "organization_id": path("%d", w.other.ID)})
	require.Equal(t, path("%d", second.ID), a.Text(t, "result.user_id"))

	fails(t, admin.Do(t, 406, "POST", addOrgAdmin, object{"user_id": w.user.ID, "organization_id": w.other.ID}), "CLIENT_ERROR", "User belongs to different organization")
	fails(t, admin.Do(t, 400, "POST", addOrgAdmin, object{"user_id": 999999999, "organization_id": school.ID}), "CLIENT_ERROR", "User not found.")
	fails(t, admin.Do(t, 400, "POST", addOrgAdmin, object{"email": "nobody@example.test", "organization_id": school.ID}), "CLIENT_ERROR", "User not found.")
	fails(t, admin.Do(t, 400, "POST", addOrgAdmin, object{"user_id": w.orgAdmin.ID, "organization_id": 999999999}), "CLIENT_ERROR", "Organization not found.")
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	fails(t, admin.Do(t, 400, "POST", addOrgAdmin, object{"user_id": stranger.ID, "organization_id": school.ID}), "CLIENT_ERROR", "User not found.")
	fails(t, admin.Do(t, 400, "POST", addOrgAdmin, object{"user_id": w.orgAdmin.ID, "organization_id": organization.ID}), "CLIENT_ERROR", "Organization not found.")
	require.ElementsMatch(t, []string{"body.user_id", "body.organization_id"}, params(t, admin.Do(t, 422, "POST", addOrgAdmin, object{})))
	require.ElementsMatch(t, []string{"body.user_id", "body.email"},
		params(t, admin.Do(t, 422, "POST", addOrgAdmin, object{"user_id": "x", "email": "x", "organization_id": 1})))
	w.as(t, w.orgAdmin).Do(t, 401, "POST", addOrgAdmin, object{"user_id": w.orgAdmin.ID, "organization_id": school.ID})
}

// Deactivation ends the sessions at every door with the next request.
func TestDeactivateUsers(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	var people []hubtest.Person
	for i := range 3 {
		people = append(people, w.NewPerson(0, w.other.ID, fmt.Sprint("person-", i), models.RoleMentee))
	}
	me, native, script := w.as(t, people[0]), w.native(t, people[0]), w.script(t, people[0])
	native.Do(t, 200, "GET", "/hub/v1/me", nil)
	script.Do(t, 200, "GET", "/hub/v1/me", nil)

	a := admin.Do(t, 202, "POST", deactivateAll, object{"id": []any{people[0].ID, 999999999, path("%d", people[1].ID)}})
	require.Equal(t, "User deactivated Successfully.", a.Text(t, "message"))
	fails(t, me.Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")
	native.Do(t, 401, "GET", "/hub/v1/me", nil)
	script.Do(t, 401, "GET", "/hub/v1/me", nil)
	const refused = "Please enter the correct login ID and Password."
	fails(t, w.anyone().Do(t, 400, "POST", "/user/v1/account/login", object{"email": people[0].Email, "password": hubtest.Password}), "CLIENT_ERROR", refused)
	w.anyone().Do(t, 401, "POST", "/hub/v1/login", object{"email": people[0].Email, "password": hubtest.Password})
	require.Equal(t, "INACTIVE", w.userStatus(t, people[1].ID))
	require.Equal(t, "ACTIVE", w.userStatus(t, people[2].ID))

	admin.Do(t, 202, "POST", deactivateAll, object{"email": []string{"Person-2@example.test"}})
	require.Equal(t, "INACTIVE", w.userStatus(t, people[2].ID))
	const none = "Failed to deactivate user"
	fails(t, admin.Do(t, 400, "POST", deactivateAll, object{"id": []int64{people[0].ID, 0, -1}}), "CLIENT_ERROR", none)
	fails(t, admin.Do(t, 400, "POST", deactivateAll, object{"email": []string{"nobody@example.test"}}), "CLIENT_ERROR", none)
	fails(t, admin.Do(t, 400, "POST", deactivateAll, object{}), "CLIENT_ERROR", "Either 'id' or 'email' fields is required")
	for _, body := range []object{{"id": 1}, {"id": []int{}}, {"id": []any{"x"}}, {"id": []any{nil}}, {"id": object{}}, {"id": make([]int, 1001)}} {
		require.Equal(t, []string{"body.id"}, params(t, admin.Do(t, 422, "POST", deactivateAll, body)), body)
	}
	require.Equal(t, []string{"body.email"}, params(t, admin.Do(t, 422, "POST", deactivateAll, object{"email": []string{"nobody"}})))
	w.as(t, w.orgAdmin).Do(t, 401, "POST", deactivateAll, object{"id": []int64{w.user.ID}})
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	fails(t, admin.Do(t, 400, "POST", deactivateAll, object{"id": []int64{stranger.ID}}), "CLIENT_ERROR", none)
	require.Equal(t, "ACTIVE", w.userStatus(t, stranger.ID))
}

func TestDeactivateOrgUser(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.orgAdmin), w.as(t, w.user)
	a := admin.Do(t, 202, "POST", path(deactivateOwn+"/%d", w.user.ID), nil)
	require.Equal(t, "User deactivated Successfully.", a.Text(t, "message"))
	fails(t, me.Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")

	const none = "Failed to deactivate user"
	for _, id := range []string{path("%d", w.user.ID), path("%d", w.otherAdmin.ID), "999999999", "0", "nobody", "99999999999999999999"} {
		fails(t, admin.Do(t, 400, "POST", deactivateOwn+"/"+id, nil), "CLIENT_ERROR", none)
	}
	// Without an id in the path, as other versions of the service have it.
	first, second := w.NewPerson(0, 0, "first", models.RoleMentee), w.NewPerson(0, 0, "second", models.RoleMentee)
	admin.Do(t, 202, "POST", deactivateOwn, object{"id": []int64{first.ID, w.otherAdmin.ID}})
	admin.Do(t, 202, "POST", deactivateOwn, object{"email": []string{second.Email}})
	require.Equal(t, []string{"INACTIVE", "INACTIVE", "ACTIVE"},
		[]string{w.userStatus(t, first.ID), w.userStatus(t, second.ID), w.userStatus(t, w.otherAdmin.ID)})
	for _, body := range []object{{}, {"id": []int{}}, {"id": "1"}} {
		a := admin.Do(t, 422, "POST", deactivateOwn, body)
		require.Equal(t, []string{"body.id"}, params(t, a), body)
		require.Contains(t, string(a.Body), "id must be an array and should not be empty.")
	}

	// An admin of the account without the role passes the gate and no further;
	// with it they act for their own organization only.
	third := w.NewPerson(0, 0, "third", models.RoleMentee)
	both := w.NewPerson(0, w.other.ID, "both", models.RoleAdmin, models.RoleOrgAdmin)
	fails(t, w.as(t, w.admin).Do(t, 400, "POST", path(deactivateOwn+"/%d", third.ID), nil), "CLIENT_ERROR", "User does't have admin access.")
	fails(t, w.as(t, both).Do(t, 400, "POST", path(deactivateOwn+"/%d", third.ID), nil), "CLIENT_ERROR", none)
	w.as(t, third).Do(t, 401, "POST", path(deactivateOwn+"/%d", first.ID), nil)

	// Admins of the account are out of an org_admin's reach, alone and among others.
	for _, body := range []object{{"id": []int64{w.admin.ID}}, {"id": []int64{third.ID, w.admin.ID}}} {
		fails(t, admin.Do(t, 400, "POST", deactivateOwn, body), "CLIENT_ERROR", "Only an admin can deactivate an admin.")
	}
	require.Equal(t, []string{"ACTIVE", "ACTIVE"}, []string{w.userStatus(t, third.ID), w.userStatus(t, w.admin.ID)})
}

func TestDeactivateOrganization(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.otherAdmin)
	people := []hubtest.Person{w.NewPerson(0, w.other.ID, "one", models.RoleMentee), w.NewPerson(0, w.other.ID, "two", models.RoleMentee)}
	admin.Do(t, 202, "POST", deactivateAll, object{"id": []int64{people[0].ID}})
	native := w.native(t, people[1])

	a := admin.Do(t, 202, "POST", path("/user/v1/admin/deactivateOrg/%d", w.other.ID), nil)
	require.Equal(t, "Organization deactivated Successfully.", a.Text(t, "message"))
	require.Contains(t, string(a.Body), `"result":[{"deactivated_users":2}]`, "those who were ACTIVE")
	fails(t, orgAdmin.Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")
	native.Do(t, 401, "GET", "/hub/v1/me", nil)
	require.NotContains(t, string(admin.Do(t, 200, "GET", "/user/v1/organization/list", nil).Body), `"code":"other"`)

	account, organization := w.NewAccount("elsewhere.test")
	require.NotZero(t, account.ID)
	for _, id := range []string{path("%d", w.other.ID), path("%d", w.Organization.ID), path("%d", organization.ID), "999999999", "x"} {
		fails(t, admin.Do(t, 400, "POST", "/user/v1/admin/deactivateOrg/"+id, nil), "CLIENT_ERROR", "Please enter correct ID")
	}
	w.as(t, w.orgAdmin).Do(t, 401, "POST", path("/user/v1/admin/deactivateOrg/%d", w.Organization.ID), nil)
}

func TestUpdateOrganization(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	update := func(id int64) string { return path("/user/v1/organization/update/%d", id) }
	body := object{"name": "Renamed", "code": "renamed", "description": "new", "domains": []string{"renamed.example"}}
	a := admin.Do(t, 200, "POST", update(w.other.ID), body)
	require.Equal(t, "Organization updated successfully", a.Text(t, "message"))
	list := string(admin.Do(t, 200, "GET", "/user/v1/organization/list?search=renamed", nil).Body)
	require.Contains(t, list, `"code":"renamed"`)
	require.Contains(t, list, `"description":"new"`)
	delete(body, "domains")
	body["name"] = "Again"
	admin.Do(t, 200, "PATCH", update(w.other.ID), body)
	domains := `SELECT count(*) FROM organization_domains WHERE organization_id = @id AND domain = 'renamed.example'`
	require.EqualValues(t, 1, w.number(t, domains, store.Args{"id": w.other.ID}), "what is not sent stays")

	home := object{"name": "Home", "code": "home", "description": "x"}
	orgAdmin.Do(t, 200, "POST", update(w.Organization.ID), home)
	for _, id := range []int64{w.other.ID, 999999999} {
		fails(t, orgAdmin.Do(t, 400, "POST", update(id), home), "CLIENT_ERROR", "User does not have access to perform this action")
	}
	fails(t, admin.Do(t, 400, "POST", update(w.other.ID), object{"name": "Again", "code": "HOME", "description": "x"}), "CLIENT_ERROR", "Organization already exists")
	home["domains"] = []string{"renamed.example"}
	fails(t, admin.Do(t, 400, "POST", update(w.Organization.ID), home), "CLIENT_ERROR", "The domain belongs to another organization")
	_, organization := w.NewAccount("elsewhere.test")
	for _, id := range []int64{organization.ID, 999999999, 0} {
		fails(t, admin.Do(t, 400, "POST", update(id), body), "CLIENT_ERROR", "Organization not found")
	}
	require.ElementsMatch(t, []string{"body.name", "body.code", "body.description", "body.domains", "body.admin_email"},
		params(t, admin.Do(t, 422, "POST", update(w.other.ID), object{"code": "a b", "domains": "x", "admin_email": "x"})))
	w.as(t, w.user).Do(t, 401, "POST", update(w.Organization.ID), body)
}

// 50 clients who create one code, and 50 who give it to their organization: one
// wins each time.
func TestOneOfManyGetsTheOrganizationCode(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	require.Equal(t, map[int]int{200: 1, 400: 49},
		admin.AtOnce(t, 50, "POST", "/user/v1/organization/create", object{"name": "Wanted", "code": "wanted", "description": "x"}))
	var own [50]int64
	for i := range own {
		own[i] = w.NewOrganization(fmt.Sprint("Own ", i), fmt.Sprint("own-", i)).ID
	}
	require.Equal(t, map[int]int{200: 1, 400: 49}, contracttest.AtOnce(len(own), func(i int) int {
		return admin.Status(t.Context(), "POST", path("/user/v1/organization/update/%d", own[i]), object{"name": "Won", "code": "WON", "description": "x"})
	}))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM organizations WHERE name = 'Won'`, nil))
}

func TestTheLastAdminStays(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	const last = "The account needs an active admin. Make another user admin first."
	fails(t, admin.Do(t, 400, "POST", deactivateAll, object{"id": []int64{w.user.ID, w.admin.ID}}), "CLIENT_ERROR", last)
	fails(t, admin.Do(t, 400, "DELETE", path("/user/v1/admin/deleteUser/%d", w.admin.ID), nil), "CLIENT_ERROR", last)
	admin.Do(t, 200, "POST", addOrgAdmin, object{"user_id": w.admin.ID, "organization_id": w.other.ID})
	fails(t, admin.Do(t, 400, "POST", path("/user/v1/admin/deactivateOrg/%d", w.other.ID), nil), "CLIENT_ERROR", last)
	fails(t, admin.Do(t, 400, "POST", path(deactivateOwn+"/%d", w.admin.ID), nil), "CLIENT_ERROR", last)
	require.Equal(t, []string{"ACTIVE", "ACTIVE"}, []string{w.userStatus(t, w.admin.ID), w.userStatus(t, w.user.ID)})

	// Two admins who deactivate each other at once leave one.
	second := w.NewPerson(0, 0, "second", models.RoleAdmin)
	clients, ids := []contracttest.Client{admin, w.as(t, second)}, []int64{second.ID, w.admin.ID}
	got := contracttest.AtOnce(2, func(i int) int {
		return clients[i].Status(t.Context(), "POST", deactivateAll, object{"id": []int64{ids[i]}})
	})
	require.Equal(t, 1, got[202], got)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users WHERE id = ANY(CAST(@ids AS bigint[])) AND status = 'ACTIVE'`,
		store.Args{"ids": path("{%d,%d}", ids[0], ids[1])}))
}

func TestNobodyDecidesTheirOwnRequest(t *testing.T) {
	w := newWorkingWorld(t)
	me := w.as(t, w.orgAdmin)
	id := number(t, me.Do(t, 200, "POST", ask, object{"role": w.roleID(t, models.RoleMentor)}).Text(t, "result.request_id"))
	for _, status := range []string{"UNDER_REVIEW", "APPROVED", "REJECTED"} {
		fails(t, me.Do(t, 400, "POST", update, object{"request_id": id, "status": status}), "CLIENT_ERROR", "You cannot decide your own request.")
	}
	second := w.NewPerson(0, 0, "second", models.RoleOrgAdmin)
	w.as(t, second).Do(t, 200, "POST", update, object{"request_id": id, "status": "APPROVED"})
}

func TestStatementsOfAdministration(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	person := func(name string) int64 { return w.NewPerson(0, 0, name, models.RoleMentee).ID }
	school := w.NewOrganization("School", "school")
	ids := []int64{person("a"), person("b"), person("c")}
	moved, deleted, own := person("d"), person("e"), person("f")
	orgAdmin.Do(t, 200, "GET", templates, nil) // permissions are cached from here on
	count := func(what string, most int64, do func()) {
		t.Helper()
		before := w.DB.Statements()
		do()
		require.LessOrEqual(t, w.DB.Statements()-before, most, what)
	}
	count("admin login", 6, func() {
		w.anyone().Do(t, 200, "POST", adminLogin, object{"email": w.admin.Email, "password": hubtest.Password})
	})
	count("create admin", 8, func() {
		w.anyone().Do(t, 201, "POST", createAdmin, object{"name": "Root", "email": "root@example.test", "password": hubtest.Password, "secret_code": "let me in"})
	})
	count("deactivate users", 7, func() { admin.Do(t, 202, "POST", deactivateAll, object{"id": ids}) })
	count("deactivate a user", 7, func() { orgAdmin.Do(t, 202, "POST", path(deactivateOwn+"/%d", own), nil) })
	count("add org admin", 11, func() { admin.Do(t, 200, "POST", addOrgAdmin, object{"user_id": moved, "organization_id": school.ID}) })
	count("delete user", 27, func() { admin.Do(t, 202, "DELETE", path("/user/v1/admin/deleteUser/%d", deleted), nil) })
	count("update organization", 4, func() {
		admin.Do(t, 200, "POST", path("/user/v1/organization/update/%d", school.ID), object{"name": "S", "code": "s", "description": "s"})
	})
	count("deactivate organization", 9, func() { admin.Do(t, 202, "POST", path("/user/v1/admin/deactivateOrg/%d", school.ID), nil) })
	count("templates", 3, func() { orgAdmin.Do(t, 200, "GET", templates, nil) })
}

// native signs a person in at the hub's own API.
func (w *world) native(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	return w.anyone().With("Authorization", "Bearer "+w.Token(t, p, "native"))
}

// script is a client with an API token of a person.
func (w *world) script(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	token, _, err := w.People.IssueAPIToken(store.WithAccount(context.Background(), p.AccountID), p.ID, "script", nil)
	require.NoError(t, err)
	return w.anyone().With("Authorization", "Bearer "+token)
}
