package mis_test

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/settings"
	"quad/internal/store"
	"quad/models"
)

const usersPath = "/mis/users"

// jane is the body of a new account, changed by more.
func jane(email string, more object) object {
	body := object{"email": email, "password": "password123", "firstName": "Jane", "lastName": "Smith"}
	maps.Copy(body, more)
	return body
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

func (w *world) join(t *testing.T, p hubtest.Person, o models.Organization) {
	t.Helper()
	w.exec(t, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization)`,
		store.Args{"account_id": p.AccountID, "user": p.ID, "organization": o.ID})
}

// usersOf gives the addresses of listed users.
func usersOf(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	var body struct {
		Users []struct{ Email string }
	}
	a.JSON(t, &body)
	out := []string{}
	for _, u := range body.Users {
		out = append(out, strings.TrimSuffix(u.Email, "@example.test"))
	}
	return out
}

func TestRegister(t *testing.T) {
	w := newWorkingWorld(t)
	register := func(status int, body object) contracttest.Answer {
		return w.anyone().Do(t, status, "POST", authPath+"register", body)
	}
	a := register(http.StatusCreated, jane("Jane@Example.test", nil))
	id, err := strconv.ParseInt(a.Text(t, "id"), 10, 64)
	require.NoError(t, err)
	require.Equal(t, object{"id": text(id), "email": "jane@example.test", "firstName": "Jane", "lastName": "Smith"}, a.Map(t))
	fails(t, register(http.StatusConflict, jane("JANE@example.test", nil)), "Email already registered")
	fails(t, register(http.StatusBadRequest, jane("nobody", object{"password": "1234567", "firstName": " ", "lastName": nil})), []string{
		"email must be an email", "password must be longer than or equal to 8 characters", "firstName should not be empty", "lastName must be a string",
	})
	in := w.signIn(t, http.StatusOK, "jane@example.test", "password123")
	token := in.Text(t, "accessToken")
	require.Nil(t, claimsOf(t, token)["tenantId"])
	require.Equal(t, []any{"USER"}, w.bearer(token).Do(t, http.StatusOK, "GET", authPath+"me", nil).Map(t)["roles"])
	seen := w.as(t, w.root).Do(t, http.StatusOK, "GET", usersPath+"/"+text(id), nil).Map(t)
	require.Nil(t, seen["tenantId"])
	require.Equal(t, true, seen["isActive"])
	require.EqualValues(t, 1, w.audited(t, "user.signed_up", id))
	require.Equal(t, "Welcome, Jane Smith", w.Mail(t, "jane@example.test").Subject)
	// The account's default role comes with it: other doors let them in.
	require.EqualValues(t, 2, w.number(t, `SELECT count(*) FROM user_roles WHERE account_id = @account_id AND user_id = @id`, store.Args{"id": id}))
}

func TestRegistrationCanBeSwitchedOff(t *testing.T) {
	w := newWorld(t)
	root := w.AdminContext(w.root)
	for _, key := range []string{settings.WelcomeMail, settings.RegistrationEnabled} {
		_, err := w.Hub.Settings.Set(root, key, "false")
		require.NoError(t, err)
	}
	hubtest.Eventually(t, "the setting to be heard of", func() bool {
		return w.anyone().Status(t.Context(), "POST", authPath+"register", jane("jane@example.test", nil)) == http.StatusForbidden
	})
	w.as(t, w.root).Do(t, http.StatusCreated, "POST", usersPath, jane("ann@example.test", nil))
	require.Zero(t, w.number(t, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND recipient = 'ann@example.test'`, nil))
}

func TestManyRegisterOneAddress(t *testing.T) {
	w := newWorld(t)
	counts := w.anyone().AtOnce(t, 30, "POST", authPath+"register", jane("jane@example.test", nil))
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 29}, counts)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users WHERE account_id = @account_id AND email = 'jane@example.test'`, nil))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM notifications WHERE account_id = @account_id AND recipient = 'jane@example.test'`, nil))
}

func TestUpdateMe(t *testing.T) {
	w := newWorld(t)
	client := w.as(t, w.user)
	update := func(status int, body object) contracttest.Answer {
		return client.Do(t, status, "PATCH", authPath+"me", body)
	}
	a := update(http.StatusOK, object{"firstName": "Mary Ann", "lastName": "van Dyk", "email": "other@example.test", "isActive": false})
	require.Equal(t, object{"id": text(w.user.ID), "email": w.user.Email, "firstName": "Mary Ann", "lastName": "van Dyk", "roles": []any{"USER"}}, a.Map(t))
	require.Equal(t, "Mary", update(http.StatusOK, object{"firstName": "Mary"}).Text(t, "firstName"))
	me := client.Do(t, http.StatusOK, "GET", authPath+"me", nil)
	require.Equal(t, "Mary", me.Text(t, "firstName"))
	require.Equal(t, "van Dyk", me.Text(t, "lastName"))
	require.JSONEq(t, string(me.Body), string(update(http.StatusOK, object{}).Body), "nothing changes")
	require.EqualValues(t, 2, w.audited(t, "user.updated", w.user.ID))
	fails(t, update(http.StatusBadRequest, object{"firstName": strings.Repeat("x", 101), "lastName": ""}),
		[]string{"firstName must be shorter than or equal to 100 characters", "lastName should not be empty"})
	require.EqualValues(t, 1, w.statementsOf(func() { update(http.StatusOK, object{}) }))
}

func TestListUsers(t *testing.T) {
	w := newWorld(t)
	guest := w.NewPerson(0, w.south.ID, "guest", models.RoleUser)
	w.join(t, guest, w.north)
	root := w.as(t, w.root)
	require.Equal(t, []string{"guest", "southuser", "southviewer", "southmanager", "southadmin", "northuser", "northviewer", "northmanager", "northadmin", "loner", "root"},
		usersOf(t, root.Do(t, http.StatusOK, "GET", usersPath, nil)))
	admin := w.as(t, w.tenantAdmin)
	list := admin.Do(t, http.StatusOK, "GET", usersPath, nil)
	require.Equal(t, []string{"guest", "northuser", "northviewer", "northmanager", "northadmin"}, usersOf(t, list))
	w.as(t, w.manager).Do(t, http.StatusForbidden, "GET", usersPath, nil)

	one := admin.Do(t, http.StatusOK, "GET", usersPath+"/"+text(w.user.ID), nil).Map(t)
	require.Equal(t, []any{"USER"}, one["roles"])
	require.Equal(t, text(w.north.ID), one["tenantId"])
	require.Nil(t, one["lastLoginAt"])
	require.Equal(t, text(w.south.ID), admin.Do(t, http.StatusOK, "GET", usersPath+"/"+text(guest.ID), nil).Text(t, "tenantId"))
	for _, id := range []string{text(w.southUser.ID), text(w.loner.ID), "0", "nonsense", strings.Repeat("9", 30)} {
		fails(t, admin.Do(t, http.StatusNotFound, "GET", usersPath+"/"+id, nil), "User not found")
	}
	// An inactive tenant is out of reach, also of its admin who has another one.
	w.join(t, w.tenantAdmin, w.south)
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.north.ID})
	require.Equal(t, []string{"guest", "southuser", "southviewer", "southmanager", "southadmin", "northadmin"}, usersOf(t, admin.Do(t, http.StatusOK, "GET", usersPath, nil)))
	require.Empty(t, usersOf(t, w.elsewhere(t, "far.test").Do(t, http.StatusOK, "GET", usersPath, nil))[1:])

	for n := range 30 {
		w.NewPerson(0, w.south.ID, fmt.Sprintf("more%d", n), models.RoleUser)
	}
	require.EqualValues(t, 2, w.statementsOf(func() { admin.Do(t, http.StatusOK, "GET", usersPath, nil) }), "with the one for the caller")
	require.EqualValues(t, 2, w.statementsOf(func() { root.Do(t, http.StatusOK, "GET", usersPath, nil) }))
}

func TestCreateUser(t *testing.T) {
	w := newWorkingWorld(t)
	root := w.as(t, w.root)
	create := func(status int, body object) contracttest.Answer { return root.Do(t, status, "POST", usersPath, body) }
	a := create(http.StatusCreated, jane("jane@example.test", object{"tenantId": text(w.north.ID)}))
	id, err := strconv.ParseInt(a.Text(t, "id"), 10, 64)
	require.NoError(t, err)
	seen := w.as(t, w.tenantAdmin).Do(t, http.StatusOK, "GET", usersPath+"/"+text(id), nil).Map(t)
	require.Equal(t, []any{"USER"}, seen["roles"])
	require.Equal(t, text(w.north.ID), seen["tenantId"])
	require.Equal(t, "Welcome, Jane Smith", w.Mail(t, "jane@example.test").Subject)
	w.signIn(t, http.StatusOK, "jane@example.test", "password123")
	require.EqualValues(t, 1, w.audited(t, "user.created", id))

	fails(t, create(http.StatusConflict, jane("Jane@example.test", nil)), "Email already registered")
	for _, tenant := range []string{text(w.Organization.ID), "900000000", "nonsense"} { // the default organization is no tenant
		fails(t, create(http.StatusNotFound, jane("joe@example.test", object{"tenantId": tenant})), "Tenant not found")
	}
	fails(t, create(http.StatusBadRequest, jane("joe@example.test", object{"tenantId": 7})), []string{"tenantId must be a string"})
	fails(t, w.as(t, w.tenantAdmin).Do(t, http.StatusForbidden, "POST", usersPath, jane("joe@example.test", nil)), "Forbidden resource")
	create(http.StatusCreated, jane("joe@example.test", object{"tenantId": nil}))
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 19}, root.AtOnce(t, 20, "POST", usersPath, jane("ann@example.test", nil)))
	require.Empty(t, withSubject(w.Inbox.Messages(inbox.Filter{To: "nobody@example.test", Limit: 1}), ""))
}

func TestUpdateUser(t *testing.T) {
	w := newWorld(t)
	root, admin := w.as(t, w.root), w.as(t, w.tenantAdmin)
	path := usersPath + "/" + text(w.user.ID)
	before := admin.Do(t, http.StatusOK, "PATCH", path, object{})
	require.JSONEq(t, string(admin.Do(t, http.StatusOK, "GET", path, nil).Body), string(before.Body))
	a := admin.Do(t, http.StatusOK, "PATCH", path, object{"firstName": "Jane", "lastName": "Smith", "email": "JANE@example.test"})
	require.Equal(t, "jane@example.test", a.Text(t, "email"))
	require.Equal(t, "Jane", a.Text(t, "firstName"))
	require.NotEqual(t, before.Text(t, "lastName"), a.Text(t, "lastName"))
	w.signIn(t, http.StatusOK, "jane@example.test", hubtest.Password)
	fails(t, admin.Do(t, http.StatusConflict, "PATCH", path, object{"email": w.viewer.Email}), "Email already registered")
	fails(t, admin.Do(t, http.StatusBadRequest, "PATCH", path, object{"email": "x", "isActive": "no", "firstName": nil}),
		[]string{"firstName must be a string", "email must be an email", "isActive must be a boolean value"})

	// Who may be touched, and how.
	fails(t, admin.Do(t, http.StatusNotFound, "PATCH", usersPath+"/"+text(w.southUser.ID), object{"firstName": "X"}), "User not found")
	fails(t, admin.Do(t, http.StatusForbidden, "PATCH", path, object{"tenantId": text(w.north.ID)}), "Forbidden resource")
	boss := w.NewPerson(0, w.north.ID, "boss", models.RoleAdmin)
	fails(t, admin.Do(t, http.StatusForbidden, "PATCH", usersPath+"/"+text(boss.ID), object{"firstName": "X"}), "Forbidden resource")
	fails(t, root.Do(t, http.StatusForbidden, "PATCH", usersPath+"/"+text(w.root.ID), object{"isActive": false}), "You cannot delete or deactivate your own account")
	fails(t, admin.Do(t, http.StatusForbidden, "PATCH", usersPath+"/"+text(w.tenantAdmin.ID), object{"isActive": false}), "You cannot delete or deactivate your own account")

	// Deactivation ends the sessions.
	session := w.Session(t, w.user, "mis")
	require.Equal(t, false, admin.Do(t, http.StatusOK, "PATCH", path, object{"isActive": false}).Map(t)["isActive"])
	w.dead(t, session.Access)
	w.refresh(t, http.StatusUnauthorized, session.Refresh)
	w.signIn(t, http.StatusForbidden, "jane@example.test", hubtest.Password)
	admin.Do(t, http.StatusOK, "PATCH", path, object{"isActive": true})
	w.dead(t, session.Access)
	w.signIn(t, http.StatusOK, "jane@example.test", hubtest.Password)
}

func TestMoveUserToAnotherTenant(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	path := usersPath + "/" + text(w.tenantAdmin.ID)
	client := w.as(t, w.tenantAdmin)
	move := func(status int, tenant any) contracttest.Answer {
		return root.Do(t, status, "PATCH", path, object{"tenantId": tenant})
	}
	for _, unknown := range []string{text(w.Organization.ID), "900000000", "nonsense"} {
		fails(t, move(http.StatusNotFound, unknown), "Tenant not found")
	}
	moved := move(http.StatusOK, text(w.south.ID))
	require.Equal(t, text(w.south.ID), moved.Text(t, "tenantId"))
	require.Equal(t, []any{"TENANT_ADMIN"}, moved.Map(t)["roles"])
	require.Contains(t, usersOf(t, client.Do(t, http.StatusOK, "GET", usersPath, nil)), "southuser")
	require.NotContains(t, usersOf(t, client.Do(t, http.StatusOK, "GET", usersPath, nil)), "northuser", "the old tenant is left")
	require.EqualValues(t, 1, w.audited(t, "user.left", w.tenantAdmin.ID))

	w.join(t, w.tenantAdmin, w.north)
	require.Equal(t, text(w.north.ID), move(http.StatusOK, text(w.north.ID)).Text(t, "tenantId"))
	require.Zero(t, w.number(t, `SELECT count(*) FROM user_organizations WHERE account_id = @account_id AND user_id = @user`, store.Args{"user": w.tenantAdmin.ID}))
	w.join(t, w.tenantAdmin, w.south)
	require.Nil(t, move(http.StatusOK, nil).Map(t)["tenantId"])
	require.Zero(t, w.number(t, `SELECT count(*) FROM user_organizations WHERE account_id = @account_id AND user_id = @user`, store.Args{"user": w.tenantAdmin.ID}))
	require.Nil(t, move(http.StatusOK, nil).Map(t)["tenantId"])
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.north.ID})
	fails(t, move(http.StatusConflict, text(w.north.ID)), "Tenant is inactive")
}

func TestDeleteUser(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	token := w.Token(t, w.user, "mis")
	path := usersPath + "/" + text(w.user.ID)
	fails(t, w.as(t, w.tenantAdmin).Do(t, http.StatusForbidden, "DELETE", path, nil), "Forbidden resource")
	fails(t, root.Do(t, http.StatusForbidden, "DELETE", usersPath+"/"+text(w.root.ID), nil), "You cannot delete or deactivate your own account")
	a := root.Do(t, http.StatusOK, "DELETE", path, nil)
	require.Equal(t, object{"success": true, "message": "User deleted"}, a.Map(t))
	w.dead(t, token)
	fails(t, root.Do(t, http.StatusNotFound, "GET", path, nil), "User not found")
	fails(t, root.Do(t, http.StatusNotFound, "DELETE", path, nil), "User not found")
	require.NotContains(t, usersOf(t, root.Do(t, http.StatusOK, "GET", usersPath, nil)), "northuser")
	w.signIn(t, http.StatusUnauthorized, w.user.Email, hubtest.Password)
	w.anyone().Do(t, http.StatusCreated, "POST", authPath+"register", jane(w.user.Email, nil)) // the address is free
	require.EqualValues(t, 1, w.audited(t, "user.deleted", w.user.ID))
}

// Of two who take each other's access at the same time one stays.
func TestOneSuperAdminStays(t *testing.T) {
	w := buildWorld(t, hubtest.Options{App: api.ForHub})
	second := w.NewPerson(0, 0, "second", models.RoleAdmin)
	one, two := w.as(t, w.root), w.as(t, second)
	clients, targets := []contracttest.Client{one, two}, []int64{second.ID, w.root.ID}
	counts := contracttest.AtOnce(2, func(i int) int {
		return clients[i].Status(t.Context(), "PATCH", usersPath+"/"+text(targets[i]), object{"isActive": false})
	})
	require.Equal(t, 1, counts[http.StatusOK], counts)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id JOIN roles r ON r.id = ur.role_id
		WHERE u.account_id = @account_id AND r.title = 'admin' AND u.status = 'ACTIVE'`, nil))
}
