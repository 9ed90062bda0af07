package invite

import (
	"context"
	"errors"
	"fmt"

	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Ending is how an import ended. Without a Failure and not Cancelled it is
// complete, with errors if rows have bad verdicts.
type Ending struct {
	Cancelled bool   `json:"cancelled,omitempty"`
	Failure   string `json:"failure,omitempty"` // why, for people
}

// Finish ends the file and its process and writes the uploader's mail, in one
// transaction. Counters are counted from the verdicts. Doing it again changes
// nothing.
func (s *Service) Finish(ctx context.Context, in models.ProcessInput, end Ending) error {
	f, err := s.file(ctx, in.SubjectID)
	if err != nil {
		return err
	}
	t, err := s.tally(ctx, f, in.Attempt)
	if err != nil {
		return err
	}
	if end.Cancelled && t.done >= f.Rows && f.Rows > 0 {
		end.Cancelled = false // the wish came after the last page
	}
	change, status := s.ending(f, t, end)
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.processes.Transition(ctx, in.ProcessID, change)
		if errors.Is(err, process.ErrEnded) {
			return nil // by an operator, or by an earlier try whose answer was lost
		}
		if err != nil {
			return err
		}
		if err := s.closeFile(ctx, f.ID, status, end.Failure); err != nil {
			return err
		}
		return s.mailStatus(ctx, f, in)
	})
	if err != nil {
		return fmt.Errorf("invite: finish file %d: %w", f.ID, err)
	}
	return nil
}

// ending says what the process row and the file row become.
func (s *Service) ending(f models.InviteFile, t tally, end Ending) (process.Transition, models.InviteFileStatus) {
	result := map[string]any{"fileId": f.ID, "rows": f.Rows, "bad": t.bad()}
	if f.OutputPath != nil {
		result["resultPath"] = *f.OutputPath
	}
	change := process.Transition{Stage: StageDone, Result: result, Counters: t.counters(), Done: &t.done, Total: &f.Rows}
	switch {
	case end.Failure != "":
		change.To, change.Error = models.ProcessFailed, end.Failure
		return change, models.InviteFileFailed
	case end.Cancelled:
		change.To, change.Message = models.ProcessCancelled, fmt.Sprintf("cancelled after %d of %d rows", t.done, f.Rows)
		return change, models.InviteFileCancelled
	case t.bad() > 0:
		change.To, change.Message = models.ProcessCompletedWithErrors, fmt.Sprintf("%d of %d rows have a problem", t.bad(), f.Rows)
	default:
		change.To = models.ProcessCompleted
	}
	return change, models.InviteFileProcessed
}

// mailStatus tells the uploader. A dry run writes nothing, so no mail either.
func (s *Service) mailStatus(ctx context.Context, f models.InviteFile, in models.ProcessInput) error {
	if f.DryRun {
		return nil
	}
	var email *string
	err := s.db.Query(ctx, &email, `SELECT email FROM users WHERE account_id = @account_id AND id = @id AND status = 'ACTIVE'`, store.Args{"id": f.CreatedBy})
	if err != nil || email == nil {
		return err
	}
	return s.notify.Send(ctx, notify.Message{
		Template: templateStatus, Recipient: *email, EventKey: fmt.Sprintf("%s/%d/%d", subjectType, f.ID, in.Attempt),
		UserID: &f.CreatedBy, OrganizationID: &f.OrganizationID, ProcessID: &in.ProcessID,
		Params: map[string]any{"fileId": f.ID, "attempt": in.Attempt},
	})
}
