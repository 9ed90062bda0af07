package elevate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/people/invite"
	"quad/internal/store"
	"quad/models"
)

// selected names one user by address.
func selected(email string) people.UserSelection {
	return people.UserSelection{Emails: []string{email}}
}

// A person with everything that a person can leave behind is deleted: nothing in
// the database tells who it was, and nothing of theirs works any more.
func TestDeletedPersonLeavesNoTrace(t *testing.T) {
	w := newWorkingWorld(t)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	const email, name = "zyxanu@example.test", "Zyxanu Lee"

	// Invited, signed up, with a code asked for, a token and an open request.
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: w.Account.ID, UserID: w.orgAdmin.ID, OrganizationID: w.orgAdmin.OrganizationID, Door: "elevate", Roles: []string{models.RoleOrgAdmin},
	})
	_, err := w.Invites.Submit(ctx, invite.Submission{Rows: []invite.Person{{Name: name, Email: email, Roles: []string{"mentee"}}}})
	require.NoError(t, err)
	w.Mail(t, email)
	c := w.anyone()
	c.Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": email, "name": name})
	signUp := object{"name": name, "email": email, "password": hubtest.Password, "otp": w.Code(t, email)}
	in := c.Do(t, 200, "POST", "/user/v1/account/create", signUp)
	id := number(t, in.Text(t, "result.user.id"))
	me := w.withToken(in.Text(t, "result.access_token"))
	script := w.script(t, hubtest.Person{User: models.User{ID: id, AccountID: w.Account.ID}})
	script.Do(t, 200, "GET", "/hub/v1/me", nil)
	require.NoError(t, w.People.RequestPasswordReset(auth.WithDoor(w.Context(), "elevate"), email, "another long one", "192.0.2.1"))
	request := number(t, me.Do(t, 200, "POST", ask, object{"role": w.roleID(t, models.RoleMentor), "form_data": object{"I am": name}}).Text(t, "result.request_id"))
	orgAdmin.Do(t, 200, "POST", update, object{"request_id": request, "status": "UNDER_REVIEW", "comments": []string{"who is " + name}})
	_, err = w.RoleRequests.Remind(w.Context(), request, time.Now().Add(4*24*time.Hour))
	require.NoError(t, err)
	hubtest.Eventually(t, "all mails to have left", func() bool {
		return w.number(t, `SELECT count(*) FROM notifications WHERE state <> 'sent'`, nil) == 0
	})
	for _, table := range []string{"users", "invites", "notifications", "one_time_codes", "role_requests", "role_request_decisions"} {
		require.NotZero(t, w.mentions(t, "zyxanu")[table], "%s names the person before: what follows proves something", table)
	}
	// An invitation is open that signing up did not use; one mail is still waiting.
	w.exec(t, `INSERT INTO invites (account_id, organization_id, file_id, email, name, role_ids, expires_at)
		SELECT account_id, organization_id, file_id, email, name, role_ids, now() + interval '1 day' FROM invites`, nil)
	w.exec(t, `UPDATE notifications SET state = 'dead' WHERE user_id = @id AND template = 'registration'`, store.Args{"id": id})

	a := admin.Do(t, 202, "DELETE", path("/user/v1/admin/deleteUser/%d", id), nil)
	require.Equal(t, "User deleted successfully", a.Text(t, "message"))
	require.Contains(t, string(a.Body), path(`"result":[{"user_id":%d}]`, id))
	require.Empty(t, w.mentions(t, "zyxanu"))
	require.EqualValues(t, 0, w.number(t, `SELECT count(*) FROM invites WHERE status = 'PENDING'`, nil))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users WHERE id = @id AND name = 'Anonymous User' AND status = 'DELETED'
		AND email = md5(CAST(id AS text)) || '@deletedUser'`, store.Args{"id": id}))
	require.EqualValues(t, 0, w.number(t, `SELECT count(*) FROM notifications WHERE user_id = @id AND state NOT IN ('sent', 'cancelled')`, store.Args{"id": id}))

	fails(t, me.Do(t, 401, "GET", "/user/v1/organization/list", nil), "UNAUTHORIZED", "Access token expired")
	script.Do(t, 401, "GET", "/hub/v1/me", nil)
	c.Do(t, 401, "POST", "/user/v1/account/generateToken", object{"refresh_token": in.Text(t, "result.refresh_token")})
	fails(t, c.Do(t, 400, "POST", "/user/v1/account/login", object{"email": email, "password": hubtest.Password}),
		"CLIENT_ERROR", "Please enter the correct login ID and Password.")
	fails(t, admin.Do(t, 400, "GET", path("/user/v1/user/read/%d", id), nil), "CLIENT_ERROR", "User doesn't exist.")
	one := orgAdmin.Do(t, 200, "GET", path(details+"?request_id=%d", request), nil)
	require.Equal(t, "REJECTED", one.Text(t, "result.status"))
	require.Equal(t, "Anonymous User", one.Text(t, "result.requester.name"))
	fails(t, orgAdmin.Do(t, 400, "POST", update, object{"request_id": request, "status": "APPROVED"}), "CLIENT_ERROR", "Invalid organisation request")

	// The address is free: whoever has it now is somebody else.
	require.NoError(t, w.Inbox.Clear())
	c.Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": email})
	signUp["otp"] = w.Code(t, email)
	again := c.Do(t, 200, "POST", "/user/v1/account/create", signUp)
	require.NotEqual(t, path("%d", id), again.Text(t, "result.user.id"))
	fails(t, admin.Do(t, 400, "DELETE", path("/user/v1/admin/deleteUser/%d", id), nil), "CLIENT_ERROR", "Please enter correct ID")
}

func TestWhoMayBeDeleted(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	for _, id := range []string{path("%d", stranger.ID), "999999999", "0", "nobody"} {
		fails(t, admin.Do(t, 400, "DELETE", "/user/v1/admin/deleteUser/"+id, nil), "CLIENT_ERROR", "Please enter correct ID")
	}
	require.Equal(t, "ACTIVE", w.userStatus(t, stranger.ID))
	at := path("/user/v1/admin/deleteUser/%d", w.user.ID)
	for _, who := range []hubtest.Person{w.orgAdmin, w.user} {
		w.as(t, who).Do(t, 401, "DELETE", at, nil)
	}
	w.anyone().Do(t, 401, "DELETE", at, nil)
	admin.Do(t, 202, "POST", deactivateAll, object{"id": []int64{w.user.ID}})
	require.Equal(t, map[int]int{202: 1, 400: 9}, admin.AtOnce(t, 10, "DELETE", at, nil), "also one who was deactivated, and once")
}

// mentions counts the rows of every table that contain a word, for those that
// have any.
func (w *world) mentions(t *testing.T, word string) map[string]int64 {
	t.Helper()
	var tables []string
	require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &tables,
		`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`, nil))
	require.NotEmpty(t, tables)
	found := map[string]int64{}
	for _, table := range tables {
		if n := w.number(t, `SELECT count(*) FROM "`+table+`" r WHERE CAST(r AS text) ILIKE @word`, store.Args{"word": "%" + word + "%"}); n > 0 {
			found[table] = n
		}
	}
	return found
}

func (w *world) exec(t *testing.T, text string, args store.Args) {
	t.Helper()
	_, err := w.DB.Exec(store.AsSystem(t.Context()), text, args)
	require.NoError(t, err)
}
