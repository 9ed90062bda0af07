package elevate_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/models"
)

const (
	bulk  = "/user/v1/org-admin/bulkUserCreate"
	files = "/user/v1/org-admin/getBulkInvitesFilesList"
)

type fileLine struct {
	ID         int64
	Status     string
	InputPath  string  `json:"input_path"`
	OutputPath *string `json:"output_path"`
}

func (w *world) files(t *testing.T, query string) (lines []fileLine, count int) {
	t.Helper()
	var list struct {
		Result struct {
			Data  []fileLine
			Count int
		}
	}
	w.as(t, w.orgAdmin).Do(t, 200, "GET", files+query, nil).JSON(t, &list)
	return list.Result.Data, list.Result.Count
}

// upload stores a list as the organization's admin and starts its import.
func (w *world) upload(t *testing.T, name, content string) string {
	t.Helper()
	c := w.as(t, w.orgAdmin)
	a := c.Do(t, 200, "GET", "/user/v1/cloud-services/file/getSignedUrl?fileName="+name, nil)
	require.Equal(t, 200, put(t, a.Text(t, "result.signed_url"), content))
	return c.Do(t, 200, "POST", bulk, object{"file_path": a.Text(t, "result.file_path")}).Text(t, "result.id")
}

func TestBulkInvite(t *testing.T) {
	w := newWorkingWorld(t)
	c := w.as(t, w.orgAdmin)
	id := w.upload(t, "people.csv", strings.Join([]string{
		"Name,EMAIL,roles",
		`Ann,ann@invited.test,mentor`,
		`Bob,Bob@Invited.test,"mentor,session_manager"`,
		`,broken,nonsense`,
		`Ann Again,ANN@invited.test,mentee`,
		`User,` + w.user.Email + `,mentor`,
		``,
	}, "\n"))

	var done []fileLine
	hubtest.Eventually(t, "the import to end", func() bool {
		done, _ = w.files(t, "?page=1&limit=10&status=processed")
		return len(done) == 1
	})
	require.Equal(t, number(t, id), done[0].ID)
	require.NotNil(t, done[0].OutputPath)
	status, content := get(t, *done[0].OutputPath)
	require.Equal(t, 200, status)
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 6)
	last := func(i int) string { return rows[i][len(rows[i])-1] }
	require.Equal(t, "statusOrUserId", last(0))
	number(t, last(1)) // the id of a new invite
	number(t, last(2))
	require.Equal(t, "name, email, and roles are invalid.", last(3))
	require.Equal(t, "User already exist", last(4))
	require.Equal(t, "Success", last(5))

	// Each invitee has one mail, the uploader one with the result.
	for to, subject := range map[string]string{
		"ann@invited.test": "invited", "bob@invited.test": "invited", w.orgAdmin.Email: "people.csv",
	} {
		hubtest.Eventually(t, "the mail to "+to, func() bool {
			return len(w.Inbox.Messages(inbox.Filter{To: to, Subject: subject, Limit: 10})) == 1
		})
	}

	// The invitee signs up and has the invitation's roles.
	person := object{"name": "Bob", "email": "bob@invited.test", "password": "long enough"}
	w.anyone().Do(t, 200, "POST", "/user/v1/account/registrationOtp", object{"email": person["email"]})
	person["otp"] = w.code(t, "bob@invited.test")
	a := w.anyone().Do(t, 200, "POST", "/user/v1/account/create", person)
	require.Contains(t, string(a.Body), `"title":"session_manager"`)

	// Whoever may not invite is refused; nothing is started.
	require.Equal(t, []string{"body.file_path"}, params(t, c.Do(t, 422, "POST", bulk, object{})))
	fails(t, w.as(t, w.admin).Do(t, 400, "POST", bulk, object{"file_path": "x"}), "CLIENT_ERROR", "User does't have admin access.")
	w.as(t, w.user).Do(t, 401, "POST", bulk, object{"file_path": "x"})
	w.as(t, w.user).Do(t, 401, "GET", files, nil)
	_, count := w.files(t, "")
	require.Equal(t, 1, count)
}

func TestFileThatCannotBeReadEndsAsFailed(t *testing.T) {
	w := newWorkingWorld(t)
	w.as(t, w.orgAdmin).Do(t, 200, "POST", bulk, object{"file_path": "users/1-1-missing.csv"})
	w.upload(t, "header.csv", "first,last\na,b\n")
	hubtest.Eventually(t, "both to fail", func() bool {
		lines, count := w.files(t, "?status=FAILED")
		return count == 2 && len(lines) == 2
	})
	// Another organization's file is as good as missing.
	other := w.as(t, w.otherAdmin)
	a := other.Do(t, 200, "GET", "/user/v1/cloud-services/file/getSignedUrl?fileName=x.csv", nil)
	require.Equal(t, 200, put(t, a.Text(t, "result.signed_url"), "name,email,roles\nZed,zed@invited.test,mentor\n"))
	w.as(t, w.orgAdmin).Do(t, 200, "POST", bulk, object{"file_path": a.Text(t, "result.file_path")})
	hubtest.Eventually(t, "the third to fail", func() bool { _, count := w.files(t, "?status=failed"); return count == 3 })
	require.Empty(t, w.Inbox.Messages(inbox.Filter{To: "zed@invited.test", Limit: 1}))
	var invites int64
	require.NoError(t, w.DB.Conn(w.Context()).Model(&models.Invite{}).Count(&invites).Error)
	require.Zero(t, invites)
}
