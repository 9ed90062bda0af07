package process_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/process"
	"quad/internal/testenv"
	"quad/models"
)

// A kind that does its work in more than one way has a workflow and a handler
// for each type of subject, and the same id of two types is two works.
func TestHandlersOfSubjects(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	files, uploads := &handler{}, &handler{}
	s.Handle(models.ProcessBulkInvite, files)
	s.HandleSubject(models.ProcessBulkInvite, models.SubjectOrgUpload, uploads)
	request := w.request(7)
	file, err := s.Create(w.ctx, request)
	require.NoError(t, err)
	request.SubjectType, request.BusinessKey = models.SubjectOrgUpload, "org_upload/7"
	upload, err := s.Create(w.ctx, request)
	require.NoError(t, err)
	require.Equal(t, "bulk-invite/1/7", file.WorkflowID)
	require.Equal(t, "bulk-invite/1/org_upload/7", upload.WorkflowID)
	for p, want := range map[*models.Process]string{&file: "BulkInvite", &upload: "OrgUpload"} {
		spec, ok := p.Spec()
		require.True(t, ok)
		require.Equal(t, want, spec.WorkflowType)
	}

	_, err = s.Cancel(w.ctx, upload.ID)
	require.NoError(t, err)
	require.Zero(t, files.cancelled.Load())
	require.EqualValues(t, 1, uploads.cancelled.Load())
	_, err = s.Cancel(w.ctx, file.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, files.cancelled.Load())
	require.EqualValues(t, 1, uploads.cancelled.Load())

	request.Kind = "no-such-kind"
	_, err = s.Create(w.ctx, request)
	require.ErrorIs(t, err, process.ErrUnknownKind)
}

// Workflow ids are unique over all kinds and types of subjects.
func TestSpecsAndTheirWorkflowIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, spec := range models.ProcessSpecs {
		for attempt := 1; attempt <= 2; attempt++ {
			id := spec.WorkflowID(1, 2, attempt)
			require.False(t, ids[id], id)
			ids[id] = true
		}
		require.Contains(t, models.ProcessKinds(), spec.Kind)
	}
	_, ok := models.ProcessKind("none").Spec("")
	require.False(t, ok)
}
