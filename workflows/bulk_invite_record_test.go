package workflows_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/people/invite"
	"quad/models"
	"quad/worker"
)

// TestRecordBulkInvite runs imports to each of their ends on a real Temporal,
// replays their histories, and records them when asked to.
func TestRecordBulkInvite(t *testing.T) {
	hub := hubtest.New(t, hubtest.Options{Worker: worker.Run, Settings: map[string]string{"INVITE_PAGE_ROWS": "100", "INVITE_MAILS": "false"}})
	admin := hub.NewPerson(0, 0, "admin", models.RoleOrgAdmin)
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: hub.Account.ID, UserID: admin.ID, OrganizationID: hub.Organization.ID, Door: "native", Roles: []string{models.RoleOrgAdmin},
	})
	submit := func(name, header string, rows int) int64 {
		t.Helper()
		content := bytes.NewBufferString(header + "\n")
		for i := range rows {
			fmt.Fprintf(content, "Person %d,person-%d@%s.example,mentor\n", i, i, name)
		}
		path := name + ".csv"
		_, err := hub.Blob.Write(ctx, people.FileKey(hub.Account.ID, path), content, blob.WriteOptions{})
		require.NoError(t, err)
		_, err = hub.People.RegisterFile(ctx, models.StoredFile{OrganizationID: hub.Organization.ID, UserID: &admin.ID, Path: path, Name: path, Purpose: "upload"})
		require.NoError(t, err)
		f, err := hub.Invites.Submit(ctx, invite.Submission{Path: path})
		require.NoError(t, err)
		return *f.ProcessID
	}
	process := func(id int64) models.Process {
		t.Helper()
		p, err := hub.Processes.Get(ctx, id)
		require.NoError(t, err)
		return p
	}
	keep := func(id int64, state models.ProcessState, name string) {
		t.Helper()
		hubtest.Eventually(t, "the import ends", func() bool { return process(id).State.Final() })
		p := process(id)
		require.Equal(t, state, p.State)
		run := hub.Temporal.GetWorkflow(t.Context(), p.WorkflowID, "")
		_ = run.Get(t.Context(), nil) // a failed or cancelled workflow ends with an error
		record(t, hub.Temporal, p.WorkflowID, run.GetRunID(), "BulkInvite-"+name)
	}
	keep(submit("good", "name,email,roles", 250), models.ProcessCompleted, "completed")
	keep(submit("bad", "first,last", 3), models.ProcessFailed, "header-wrong")

	id := submit("long", "name,email,roles", 20_000)
	hubtest.Eventually(t, "pages are imported", func() bool { return process(id).Done > 0 })
	_, err := hub.Processes.Cancel(ctx, id)
	require.NoError(t, err)
	keep(id, models.ProcessCancelled, "cancelled")
	next, err := hub.Processes.Retry(ctx, id)
	require.NoError(t, err)
	keep(next.ID, models.ProcessCompleted, "retried")
}
