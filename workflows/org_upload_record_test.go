package workflows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/people/orgupload"
	"quad/models"
	"quad/worker"
)

// TestRecordOrgUpload runs uploads to each of their ends on a real Temporal,
// replays their histories, and records them when asked to.
func TestRecordOrgUpload(t *testing.T) {
	hub := hubtest.New(t, hubtest.Options{Worker: worker.Run})
	admin := hub.NewPerson(0, 0, "admin", models.RoleAdmin)
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: hub.Account.ID, UserID: admin.ID, Door: "enabley", Roles: []string{models.RoleAdmin}})
	submit := func(rows int) orgupload.Upload {
		t.Helper()
		var content strings.Builder
		content.WriteString("identifier,username,firstName,lastName\n")
		for i := range rows {
			fmt.Fprintf(&content, "u-%d,user%d,User,%d\n", i, i, i)
		}
		u, err := hub.Uploads.Submit(ctx, []orgupload.File{{Name: "users.csv", Content: content.String()}})
		require.NoError(t, err)
		return u
	}
	process := func(id int64) models.Process {
		t.Helper()
		p, err := hub.Processes.Get(ctx, id)
		require.NoError(t, err)
		return p
	}
	keep := func(id int64, state models.ProcessState, name string) {
		t.Helper()
		hubtest.Eventually(t, "the upload ends", func() bool { return process(id).State.Final() })
		p := process(id)
		require.Equal(t, state, p.State)
		run := hub.Temporal.GetWorkflow(t.Context(), p.WorkflowID, "")
		_ = run.Get(t.Context(), nil) // a failed or cancelled workflow ends with an error
		record(t, hub.Temporal, p.WorkflowID, run.GetRunID(), "OrgUpload-"+name)
	}
	keep(*submit(20).ProcessID, models.ProcessCompleted, "completed")

	long := submit(5_000)
	hubtest.Eventually(t, "a page is written", func() bool { return process(*long.ProcessID).Done > 0 })
	_, err := hub.Processes.Cancel(ctx, *long.ProcessID)
	require.NoError(t, err)
	keep(*long.ProcessID, models.ProcessCancelled, "cancelled")
	for _, f := range long.Files {
		require.NoError(t, hub.Blob.Delete(ctx, *f.BlobKey))
	}
	next, err := hub.Processes.Retry(ctx, *long.ProcessID)
	require.NoError(t, err)
	keep(next.ID, models.ProcessFailed, "content-gone")
}
