package native_test

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"quad/internal/auth"
	"quad/internal/hubtest"
)

const list = "name,email,roles\nAnn,ann@example.test,mentee\nBob,bob@example.test,mentee\nCy,no address,mentee\n"

var inviteLink = regexp.MustCompile(`https?://[^\s"<]+/invite\?token=[A-Za-z0-9_-]+`)

func TestInviteFile(t *testing.T) {
	w := newWorkingWorld(t)
	orgAdmin := w.as(t, w.orgAdmin)
	body := object{"path": upload(t, orgAdmin, "people.csv", list), "name": "people.csv"}
	made := orgAdmin.With("Idempotency-Key", "f").Do(t, 201, "POST", "/hub/v1/invite-files", body)
	file := path("/invite-files/%s", made.Text(t, "id"))
	require.Equal(t, made.Text(t, "id"), orgAdmin.With("Idempotency-Key", "f").Do(t, 200, "POST", "/hub/v1/invite-files", body).Text(t, "id"))
	done := await(t, orgAdmin, made.Text(t, "processId"), "completed_with_errors")
	require.Equal(t, "3", done.Text(t, "done"))

	shown := orgAdmin.Do(t, 200, "GET", file, nil)
	require.Equal(t, "PROCESSED", shown.Text(t, "status"))
	status, result := transfer(t, "GET", shown.Text(t, "resultUrl"), "")
	require.Equal(t, 200, status)
	require.Contains(t, result, "invalid_email")

	verdicts := orgAdmin.Do(t, 200, "GET", file+"/rows?limit=2", nil)
	require.Len(t, items(t, verdicts), 2)
	rest := orgAdmin.Do(t, 200, "GET", file+"/rows?limit=2&cursor="+verdicts.Text(t, "next"), nil)
	require.Equal(t, "invalid_email", items(t, rest)[0]["verdict"])
	require.Empty(t, rest.Text(t, "next"))
	require.Len(t, items(t, orgAdmin.Do(t, 200, "GET", file+"/rows?verdict=invited", nil)), 2)
	require.Equal(t, []string{"cursor"}, fields(t, orgAdmin.Do(t, 400, "GET", file+"/rows?cursor="+strings.Repeat("x", 1025), nil)))

	invites := walk(t, orgAdmin, file+"/invites?limit=1&status=PENDING")
	require.Len(t, invites, 2)
	require.Empty(t, walk(t, orgAdmin, file+"/invites?status=LAPSED"))
	orgAdmin.Do(t, 400, "GET", file+"/invites?status=lost", nil)

	// Ann accepts by the link of her mail.
	link := inviteLink.FindString(w.Mail(t, "ann@example.test").Text)
	require.NotEmpty(t, link)
	u, err := url.Parse(link)
	require.NoError(t, err)
	token := u.Query().Get("token")
	about := w.anyone().Do(t, 200, "POST", "/hub/v1/invitations/inspect", object{"token": token})
	require.Equal(t, w.Organization.Name, about.Text(t, "organization"))
	require.Equal(t, []string{"password"}, fields(t, w.anyone().Do(t, 422, "POST", "/hub/v1/invitations/accept", object{"token": token, "password": "short"})))
	session := w.anyone().Do(t, 201, "POST", "/hub/v1/invitations/accept", object{"token": token, "password": hubtest.Password})
	require.Equal(t, "ann@example.test", w.withToken(session.Text(t, "accessToken")).Do(t, 200, "GET", "/hub/v1/me", nil).Text(t, "email"))
	for _, use := range []string{"inspect", "accept"} {
		problem(t, w.anyone().Do(t, 404, "POST", "/hub/v1/invitations/"+use, object{"token": token, "password": hubtest.Password}), "invite.invalid")
		w.anyone().Do(t, 404, "POST", "/hub/v1/invitations/"+use, object{"token": "forged", "password": hubtest.Password})
	}
	problem(t, orgAdmin.Do(t, 409, "POST", path("/invites/%s/resend", invites[0]), nil), "invite.closed")
	problem(t, orgAdmin.Do(t, 409, "POST", path("/invites/%s/revoke", invites[0]), nil), "invite.closed")

	// Bob's first link dies with the second, and that with the invitation.
	bob := mustID(t, invites[1])
	orgAdmin.Do(t, 200, "POST", path("/invites/%d/resend", bob), nil)
	w.anyone().Do(t, 404, "POST", "/hub/v1/invitations/inspect", object{"token": auth.InviteToken(w.Keys, bob, 1)})
	w.anyone().Do(t, 200, "POST", "/hub/v1/invitations/inspect", object{"token": auth.InviteToken(w.Keys, bob, 2)})
	require.Equal(t, "REVOKED", orgAdmin.Do(t, 200, "POST", path("/invites/%d/revoke", bob), nil).Text(t, "status"))
	w.anyone().Do(t, 404, "POST", "/hub/v1/invitations/inspect", object{"token": auth.InviteToken(w.Keys, bob, 2)})

	// The rows without a good verdict are tried again.
	next := orgAdmin.Do(t, 201, "POST", path("/processes/%s/retry", made.Text(t, "processId")), nil)
	require.Equal(t, "2", next.Text(t, "attempt"))
	await(t, orgAdmin, next.Text(t, "id"), "completed_with_errors")
	problem(t, orgAdmin.Do(t, 409, "POST", path("/processes/%s/decide", next.Text(t, "id")), object{"decision": "APPROVED"}), "process.ended")
}

func TestInvitesFromRowsAndSheets(t *testing.T) {
	w := newWorkingWorld(t)
	orgAdmin, admin := w.as(t, w.orgAdmin), w.as(t, w.admin)
	dry := orgAdmin.Do(t, 201, "POST", "/hub/v1/invite-files", object{"rows": rows("dora@example.test", "dora@example.test"), "dryRun": true})
	await(t, orgAdmin, dry.Text(t, "processId"), "completed_with_errors")
	require.Len(t, items(t, orgAdmin.Do(t, 200, "GET", path("/invite-files/%s/rows?verdict=duplicate", dry.Text(t, "id")), nil)), 1)
	require.Empty(t, walk(t, orgAdmin, path("/invite-files/%s/invites", dry.Text(t, "id"))), "a dry run invites nobody")

	sheet := excelize.NewFile()
	for i, row := range [][]any{{"Name", "Email", "Roles"}, {"Eve", "eve@example.test", "mentee"}} {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		require.NoError(t, err)
		require.NoError(t, sheet.SetSheetRow("Sheet1", cell, &row))
	}
	var xlsx bytes.Buffer
	require.NoError(t, sheet.Write(&xlsx))
	book := admin.Do(t, 201, "POST", "/hub/v1/invite-files", object{"path": upload(t, w.as(t, w.otherAdmin), "people.xlsx", xlsx.String()), "organizationId": w.other.ID})
	imported := await(t, admin, book.Text(t, "processId"), "completed", "completed_with_errors", "failed")
	require.Equal(t, "completed", imported.Text(t, "state"), "%s", imported.Body)

	require.Equal(t, []string{book.Text(t, "id"), dry.Text(t, "id")}, walk(t, admin, "/hub/v1/invite-files?limit=1"))
	require.Equal(t, []string{dry.Text(t, "id")}, walk(t, orgAdmin, "/hub/v1/invite-files"))
	require.Empty(t, walk(t, orgAdmin, path("/invite-files?organizationId=%d", w.other.ID)))

	missing := orgAdmin.Do(t, 201, "POST", "/hub/v1/invite-files", object{"path": "users/1-1-none.csv"})
	failed := await(t, orgAdmin, missing.Text(t, "processId"), "failed")
	require.NotEmpty(t, failed.Text(t, "error"))
	require.NotEmpty(t, orgAdmin.Do(t, 200, "GET", path("/invite-files/%s", missing.Text(t, "id")), nil).Text(t, "failure"))

	require.Equal(t, []string{"path"}, fields(t, orgAdmin.Do(t, 422, "POST", "/hub/v1/invite-files", object{})))
	orgAdmin.Do(t, 403, "POST", "/hub/v1/invite-files", object{"organizationId": w.other.ID, "rows": rows("x@example.test")})
	admin.Do(t, 404, "POST", "/hub/v1/invite-files", object{"organizationId": 999_999, "rows": rows("x@example.test")})
	w.as(t, w.user).Do(t, 403, "POST", "/hub/v1/invite-files", object{"rows": rows("x@example.test")})
}

func TestFiles(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	at := upload(t, user, "../notes & more.txt", "hello")
	link := user.Do(t, 201, "POST", "/hub/v1/downloads", object{"path": at})
	status, content := transfer(t, "GET", link.Text(t, "url"), "")
	require.Equal(t, 200, status)
	require.Equal(t, "hello", content)
	status, _ = transfer(t, "PUT", link.Text(t, "url"), "changed")
	require.GreaterOrEqual(t, status, 400, "a download link uploads nothing")

	never := user.Do(t, 201, "POST", "/hub/v1/uploads", object{"name": "never.csv", "contentType": "text/csv"})
	problem(t, user.Do(t, 404, "POST", "/hub/v1/downloads", object{"path": never.Text(t, "path")}), "file.unknown")
	problem(t, w.as(t, w.otherUser).Do(t, 404, "POST", "/hub/v1/downloads", object{"path": at}), "file.unknown")
	require.Equal(t, []string{"name"}, fields(t, user.Do(t, 422, "POST", "/hub/v1/uploads", object{})))
	require.NotContains(t, at, "/../")
}

func TestNotifications(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.orgAdmin), w.as(t, w.user)
	mail := func(event string, organization, person int64) string {
		id := int64(0)
		err := w.DB.Query(w.Context(), &id, `INSERT INTO notifications (account_id, organization_id, user_id, template, recipient, event_key, state, last_error)
			VALUES (@account_id, @organization, @user, 'registration', @event || '@example.test', @event, 'dead', 'refused') RETURNING id`,
			map[string]any{"organization": organization, "user": person, "event": event})
		require.NoError(t, err)
		return path("/notifications/%d", id)
	}
	own, foreign := mail("own", w.Organization.ID, w.user.ID), mail("foreign", w.other.ID, w.otherUser.ID)

	require.Equal(t, "refused", user.Do(t, 200, "GET", own, nil).Text(t, "lastError"))
	user.Do(t, 404, "GET", foreign, nil)
	orgAdmin.Do(t, 200, "GET", own, nil)
	orgAdmin.Do(t, 404, "GET", foreign, nil)
	require.Len(t, walk(t, admin, "/hub/v1/notifications?state=dead&limit=1"), 2)
	require.Len(t, walk(t, orgAdmin, "/hub/v1/notifications?state=dead"), 1)
	require.Len(t, walk(t, user, "/hub/v1/notifications?template=registration&state=dead"), 1)
	require.Len(t, walk(t, admin, "/hub/v1/notifications?recipient=Own@example.test"), 1)
	user.Do(t, 400, "GET", "/hub/v1/notifications?state=lost", nil)

	orgAdmin.Do(t, 403, "POST", own+"/revive", nil)
	require.Equal(t, "pending", admin.Do(t, 200, "POST", own+"/revive", nil).Text(t, "state"))
	problem(t, admin.Do(t, 409, "POST", own+"/revive", nil), "notification.not_dead")
	w.StartWorker(workerRun)
	hubtest.Eventually(t, "the revived mail to be sent", func() bool {
		return user.Do(t, 200, "GET", own, nil).Text(t, "state") == "sent"
	})
}
