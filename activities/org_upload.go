package activities

import (
	"context"

	"quad/internal/people/orgupload"
	"quad/internal/store"
	"quad/models"
)

// OrgUpload is the steps of the process bulk-invite when its subject is an
// upload of an organization's data. Each finds in the rows what is left to do,
// so a repeated step does nothing twice.
type OrgUpload struct {
	Uploads *orgupload.Service
}

// FinishOrgUploadIn names the upload and says how it ended.
type FinishOrgUploadIn struct {
	models.ProcessInput
	orgupload.Ending
}

// ImportOrgUpload works on rows until all have a verdict, a slice of time is
// over, or somebody wants it to stop: the process's own cancel, or the worker's.
// Cancelling the workflow lets the page that is being written end.
func (a *OrgUpload) ImportOrgUpload(ctx context.Context, in models.ProcessInput) (orgupload.Imported, error) {
	// The page in hand must not be torn out by a cancel that only asks to stop
	// before the next one.
	work := store.WithAccount(context.WithoutCancel(ctx), in.AccountID)
	out, err := a.Uploads.Import(work, in, slice(ctx), heartbeat[orgupload.Imported](ctx))
	if err == nil && cancelled(ctx) && out.More {
		out.Cancelled = true
	}
	return out, Classify(err)
}

// FinishOrgUpload ends the upload, its files and its process.
func (a *OrgUpload) FinishOrgUpload(ctx context.Context, in FinishOrgUploadIn) error {
	return Classify(a.Uploads.Finish(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Ending))
}
