package orgupload

import (
	"context"
	"encoding/json"
	"fmt"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// handler is what internal/process asks of uploads.
type handler struct{ s *Service }

var (
	_ process.Handler        = handler{}
	_ process.FailureHandler = handler{}
)

// Start implements process.Handler. Uploads are taken in by Submit only.
func (h handler) Start(context.Context, json.RawMessage, string) (models.Process, error) {
	return models.Process{}, process.ErrUnknownKind
}

// Retry implements process.Handler: the next attempt works on the rows that
// failed and on those that were not come to.
func (h handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	return h.s.retry(ctx, p)
}

// Decide implements process.Handler: nobody decides here.
func (h handler) Decide(context.Context, models.Process, process.Decision) error {
	return ErrNothingToDecide
}

// Cancelled implements process.Handler.
func (h handler) Cancelled(ctx context.Context, p models.Process) error {
	return h.s.stop(ctx, p.SubjectID)
}

// Failed implements process.FailureHandler.
func (h handler) Failed(ctx context.Context, p models.Process) error {
	return h.s.stop(ctx, p.SubjectID)
}

// retry makes the next attempt. The verdicts of failed rows go, so that they are
// rows without one again.
func (s *Service) retry(ctx context.Context, p models.Process) (models.Process, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Process{}, err
	}
	var next models.Process
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		// One retry at a time.
		var newest int64
		if err := s.db.Query(ctx, &newest, `SELECT process_id FROM org_uploads WHERE account_id = @account_id AND id = @id FOR UPDATE`,
			store.Args{"id": p.SubjectID}); err != nil {
			return err
		}
		if newest != p.ID {
			return ErrNewerAttempt
		}
		u, err := s.upload(ctx, p.SubjectID)
		if err != nil {
			return err
		}
		if err := retryable(u); err != nil {
			return err
		}
		args := store.Args{"upload": u.ID}
		if _, err := s.db.Exec(ctx, `DELETE FROM org_upload_rows r USING org_upload_files f WHERE f.account_id = @account_id AND f.upload_id = @upload
			AND r.file_id = f.id AND r.verdict = 'failed'`, args); err != nil {
			return err
		}
		if _, err := s.db.Exec(ctx, `UPDATE org_upload_files SET status = 'QUEUED', message = NULL, done = done - failed, failed = 0
			WHERE account_id = @account_id AND upload_id = @upload AND status <> 'REJECTED' AND (failed > 0 OR done < rows)`, args); err != nil {
			return err
		}
		if err := s.begin(ctx, &u.OrgUpload, p.Attempt+1, u.tally().rows); err != nil {
			return err
		}
		next, err = s.Process.Get(ctx, *u.ProcessID)
		return err
	})
	if err != nil {
		return models.Process{}, fmt.Errorf("orgupload: retry upload %d: %w", p.SubjectID, store.Err(err))
	}
	return next, nil
}

// retryable tells whether there is something to retry, and it can be. Errors:
// ErrNothingToRetry, ErrContentGone.
func retryable(u Upload) error {
	found := false
	for _, f := range u.Files {
		if !unfinished(f) {
			continue
		}
		if found = true; f.BlobKey == nil {
			return ErrContentGone
		}
	}
	if !found {
		return ErrNothingToRetry
	}
	return nil
}
