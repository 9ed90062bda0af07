package orgupload_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people/orgupload"
	"quad/internal/store"
	"quad/models"
)

// world is a hub in whose account a system uploads.
type world struct {
	*hubtest.Env
	t     *testing.T
	ctx   context.Context // of the system's client
	north models.Organization
}

func newWorld(t *testing.T, o hubtest.Options) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, o), t: t}
	_, client, err := w.People.IssueAPIClient(w.Context(), "system", nil)
	require.NoError(t, err)
	w.ctx = auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, ClientID: client.ID, Door: "enabley", Roles: []string{models.RoleAdmin}})
	w.north = w.NewOrganization("North", "north")
	require.NoError(t, w.Groups.SetHierarchy(w.ctx, []string{"REGION", "BRANCH", "TEAM"}))
	return w
}

func file(name string, lines ...string) orgupload.File {
	return orgupload.File{Name: name, Content: strings.Join(lines, "\n") + "\n"}
}

func (w *world) submit(files ...orgupload.File) orgupload.Upload {
	w.t.Helper()
	u, err := w.Uploads.Submit(w.ctx, files)
	require.NoError(w.t, err)
	return u
}

// ended waits for a process and gives it with its upload.
func (w *world) ended(id int64) (models.Process, orgupload.Upload) {
	w.t.Helper()
	hubtest.Eventually(w.t, "the process ends", func() bool {
		p, err := w.Processes.Get(w.ctx, id)
		return err == nil && p.State.Final()
	})
	p, err := w.Processes.Get(w.ctx, id)
	require.NoError(w.t, err)
	u, err := w.Uploads.Get(w.ctx, id)
	require.NoError(w.t, err)
	return p, u
}

// verdicts gives all verdicts of an upload, "users.csv 1 created".
func (w *world) verdicts(id int64) []string {
	w.t.Helper()
	var out []string
	for next := int64(0); ; {
		page, more, err := w.Uploads.Rows(w.ctx, id, orgupload.RowFilter{After: next})
		require.NoError(w.t, err)
		for _, r := range page {
			text := fmt.Sprintf("%s %d %s", r.File, r.RowNo, r.Verdict)
			if r.Message != nil {
				text += ": " + *r.Message
			}
			out = append(out, text)
		}
		if next = more; next == 0 {
			return out
		}
	}
}

func (w *world) count(text string, args store.Args) int64 {
	w.t.Helper()
	var n int64
	require.NoError(w.t, w.DB.Query(w.Context(), &n, text, args))
	return n
}

// column gives the texts of a query's only column.
func (w *world) column(text string) []string {
	w.t.Helper()
	var out []string
	require.NoError(w.t, w.DB.Query(w.Context(), &out, text, nil))
	return out
}

// kept is how many contents of an upload's files there are.
func (w *world) kept(u orgupload.Upload) (n int) {
	w.t.Helper()
	for _, f := range u.Files {
		if f.BlobKey == nil {
			continue
		}
		there, err := w.Blob.Exists(w.ctx, *f.BlobKey)
		require.NoError(w.t, err)
		if there {
			n++
		}
	}
	return n
}

// invitationFor waits for the mail to an address and gives the token in it.
func (w *world) invitationFor(address string) string {
	w.t.Helper()
	mails, err := w.Inbox.Wait(w.t.Context(), inbox.Filter{To: address}, 1)
	require.NoError(w.t, err)
	require.Len(w.t, mails, 1)
	_, rest, found := strings.Cut(mails[0].Text, "token=")
	require.True(w.t, found, mails[0].Text)
	return strings.Fields(rest)[0]
}

func statuses(u orgupload.Upload) (out []models.OrgFileStatus) {
	for _, f := range u.Files {
		out = append(out, f.Status)
	}
	return out
}

func titles(roles []models.Role) (out []string) {
	for _, r := range roles {
		out = append(out, r.Title)
	}
	return out
}
