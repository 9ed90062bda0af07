package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"quad/internal/people/invite"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// BulkInvite is the steps of the process bulk-invite. Each finds in the rows
// what is left to do, so a repeated step does nothing twice.
type BulkInvite struct {
	Invites *invite.Service
}

// importSlice is how long one call of ImportInvitePages or ImportOrgUpload works
// before it comes back with what is left: a slice is a checkpoint in the history,
// and the tries of the next one count from zero.
const importSlice = 20 * time.Second

// WriteInviteResultIn names the file. Failure says why it could not be
// imported, "" if it could.
type WriteInviteResultIn struct {
	models.ProcessInput
	Failure string `json:"failure,omitempty"`
}

// FinishInviteFileIn names the file and says how its import ended.
type FinishInviteFileIn struct {
	models.ProcessInput
	invite.Ending
}

// CheckInviteFile decides whether a file can be imported and cuts it into
// pages. A file that cannot is an answer and no error.
func (a *BulkInvite) CheckInviteFile(ctx context.Context, in models.ProcessInput) (invite.Checked, error) {
	out, err := a.Invites.Check(store.WithAccount(ctx, in.AccountID), in, heartbeat[int64](ctx))
	return out, Classify(err)
}

// ImportInvitePages imports pages until all are done, a slice of time is over,
// or somebody wants it to stop: the process's own cancel, or the worker's.
// Cancelling the workflow lets the page that is being written end.
func (a *BulkInvite) ImportInvitePages(ctx context.Context, in models.ProcessInput) (invite.Imported, error) {
	// The page in hand must not be torn out by a cancel that only asks to stop
	// before the next one.
	work := store.WithAccount(context.WithoutCancel(ctx), in.AccountID)
	out, err := a.Invites.ImportPages(work, in, slice(ctx), heartbeat[invite.Imported](ctx))
	if err == nil && cancelled(ctx) && out.More {
		out.Cancelled = true
	}
	return out, Classify(err)
}

// WriteInviteResult writes the result file.
func (a *BulkInvite) WriteInviteResult(ctx context.Context, in WriteInviteResultIn) (invite.Written, error) {
	out, err := a.Invites.WriteResult(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Failure, heartbeat[int64](ctx))
	return out, Classify(err)
}

// FinishInviteFile ends file and process and writes the uploader's mail.
func (a *BulkInvite) FinishInviteFile(ctx context.Context, in FinishInviteFileIn) error {
	return Classify(a.Invites.Finish(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Ending))
}

// LapseInvites closes the invitations of all accounts that are past their end.
func (a *BulkInvite) LapseInvites(ctx context.Context) (int64, error) {
	n, err := a.Invites.Lapse(ctx, heartbeat[int64](ctx))
	return n, Classify(err)
}

// Refusal is the text of the refusal that an activity ended with, for people;
// false for an error that is none.
func Refusal(err error) (string, bool) {
	if refused := process.DecodeError(err); refused != nil && refused.Kind != models.KindUnavailable {
		return refused.Text, true
	}
	return "", false
}

// slice tells, for an activity, when it has worked long enough: its slice of time
// is over, the worker stops, or the workflow was cancelled.
func slice(ctx context.Context) (stop func() bool) {
	deadline := time.Now().Add(importSlice)
	stopping := activity.GetWorkerStopChannel(ctx)
	return func() bool {
		select {
		case <-stopping:
			return true
		case <-ctx.Done():
			return true
		default:
			return time.Now().After(deadline)
		}
	}
}

func heartbeat[T any](ctx context.Context) func(T) {
	return func(progress T) { activity.RecordHeartbeat(ctx, progress) }
}
