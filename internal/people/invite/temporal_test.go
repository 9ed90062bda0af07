package invite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people"
	"quad/internal/people/invite"
	"quad/models"
	"quad/worker"
)

// desk is an org_admin before a whole hub.
type desk struct {
	*hubtest.Env
	t     *testing.T
	ctx   context.Context
	admin hubtest.Person
}

func newDesk(t *testing.T, settings map[string]string) *desk {
	t.Helper()
	d := &desk{t: t, Env: hubtest.New(t, hubtest.Options{Worker: worker.Run, Settings: settings})}
	d.admin = d.NewPerson(0, 0, "admin", models.RoleOrgAdmin)
	d.ctx = auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: d.Account.ID, UserID: d.admin.ID, OrganizationID: d.Organization.ID, Door: "elevate", Roles: []string{models.RoleOrgAdmin},
	})
	return d
}

// submit uploads n people and asks to invite them.
func (d *desk) submit(n int) models.InviteFile {
	d.t.Helper()
	var b bytes.Buffer
	b.WriteString("name,email,roles\n")
	for i := range n {
		fmt.Fprintf(&b, "Person %d,person-%d@list.example,mentor\n", i, i)
	}
	path := fmt.Sprintf("list-%d.csv", n)
	_, err := d.Blob.Write(d.ctx, people.FileKey(d.Account.ID, path), &b, blob.WriteOptions{})
	require.NoError(d.t, err)
	_, err = d.People.RegisterFile(d.ctx, models.StoredFile{OrganizationID: d.Organization.ID, UserID: &d.admin.ID, Path: path, Name: path, Purpose: "upload"})
	require.NoError(d.t, err)
	f, err := d.Invites.Submit(d.ctx, invite.Submission{Path: path})
	require.NoError(d.t, err)
	return f
}

func (d *desk) process(f models.InviteFile) models.Process {
	d.t.Helper()
	p, err := d.Processes.Get(d.ctx, *f.ProcessID)
	require.NoError(d.t, err)
	return p
}

func (d *desk) ended(f models.InviteFile) models.Process {
	d.t.Helper()
	var p models.Process
	hubtest.Eventually(d.t, "the import ends", func() bool {
		p = d.process(f)
		return p.State.Final()
	})
	return p
}

// events is the length of the workflow's history.
func (d *desk) events(p models.Process) (n int) {
	d.t.Helper()
	history := d.Temporal.GetWorkflowHistory(d.t.Context(), p.WorkflowID, "", true, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(d.t, err)
		require.NotContains(d.t, event.String(), "@list.example", "no personal data in histories")
		n++
	}
	return n
}

// An import through the real engine: one workflow, few events, a mail to each
// invitee and one to the uploader.
func TestThroughTemporal(t *testing.T) {
	d := newDesk(t, map[string]string{"INVITE_PAGE_ROWS": "10"})
	f := d.submit(50)
	p := d.ended(f)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.JSONEq(t, `{"invited": 50}`, string(p.Counters))
	require.Less(t, d.events(p), 60)
	mails, err := d.Inbox.Wait(t.Context(), inbox.Filter{}, 52) // with the uploader's welcome
	require.NoError(t, err)
	to := map[string]int{}
	for _, m := range mails {
		to[m.To[0]]++
	}
	require.Len(t, to, 51, "one mail to everybody")
	require.Equal(t, 2, to[d.admin.Email], "a welcome and the outcome")
	var result struct{ ResultPath string }
	require.NoError(t, json.Unmarshal(p.Result, &result))
	require.NotEmpty(t, result.ResultPath)
}

// A cancel stops a running import before its next page; the result says which
// rows were not processed.
func TestCancelThroughTemporal(t *testing.T) {
	d := newDesk(t, map[string]string{"INVITE_PAGE_ROWS": "100", "INVITE_MAILS": "false"})
	const n = 30_000
	f := d.submit(n)
	hubtest.Eventually(t, "pages are imported", func() bool { return d.process(f).Done > 0 })
	_, err := d.Processes.Cancel(d.ctx, *f.ProcessID)
	require.NoError(t, err)
	p := d.ended(f)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.Positive(t, p.Done)
	require.Less(t, p.Done, int64(n))
	f, err = d.Invites.File(d.ctx, f.ID)
	require.NoError(t, err)
	require.Equal(t, models.InviteFileCancelled, f.Status)
	r, err := d.Blob.NewReader(d.ctx, people.FileKey(d.Account.ID, *f.OutputPath))
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, n-int(p.Done), strings.Count(string(content), ",Not processed\n"))

	// The retry goes on where it stopped.
	next, err := d.Processes.Retry(d.ctx, p.ID)
	require.NoError(t, err)
	f.ProcessID = &next.ID
	p = d.ended(f)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.JSONEq(t, fmt.Sprintf(`{"invited": %d}`, n), string(p.Counters))
	require.Less(t, float64(d.events(p)), 5*float64(n)/1000, "history events")
}
