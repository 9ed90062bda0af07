package orgupload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Ending is how the work on an upload ended. Without a Failure and not Cancelled
// it is complete, with errors if rows have failed or files were rejected.
type Ending struct {
	Cancelled bool   `json:"cancelled,omitempty"`
	Failure   string `json:"failure,omitempty"` // why, for people
}

// Finish ends the upload's process and its files in one transaction, and deletes
// the content that is not needed any more. Doing it again changes nothing.
func (s *Service) Finish(ctx context.Context, in models.ProcessInput, end Ending) error {
	u, err := s.upload(ctx, in.SubjectID)
	if err != nil {
		return err
	}
	counters, err := s.counters(ctx, u.ID)
	if err != nil {
		return err
	}
	change := ending(u, counters, end)
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.Process.Transition(ctx, in.ProcessID, change)
		if errors.Is(err, process.ErrEnded) {
			return nil // by an operator, or by an earlier try whose answer was lost
		}
		if err != nil {
			return err
		}
		return s.stop(ctx, u.ID)
	})
	if err != nil {
		return fmt.Errorf("orgupload: finish upload %d: %w", u.ID, err)
	}
	_, err = s.drop(ctx, u.ID)
	return err
}

// ending says what the process row becomes.
func ending(u Upload, counters map[string]int64, end Ending) process.Transition {
	t := u.tally()
	change := process.Transition{
		Stage: stageDone, Counters: counters, Done: &t.done, Total: &t.rows,
		Result: map[string]any{"uploadId": u.ID, "rows": t.rows, "failed": t.failed, "rejectedFiles": t.rejected},
	}
	switch {
	case end.Failure != "":
		change.To, change.Error = models.ProcessFailed, end.Failure
	case end.Cancelled && t.done < t.rows: // else the wish came after the last page
		change.To, change.Message = models.ProcessCancelled, fmt.Sprintf("cancelled after %d of %d rows", t.done, t.rows)
	case t.failed > 0 || t.rejected > 0:
		change.To, change.Message = models.ProcessCompletedWithErrors, fmt.Sprintf("%d of %d rows failed, %d files were rejected", t.failed, t.rows, t.rejected)
	default:
		change.To = models.ProcessCompleted
	}
	return change
}

// stop ends the files that are not at their end, in the transaction that ends
// the process.
func (s *Service) stop(ctx context.Context, uploadID int64) error {
	_, err := s.db.Exec(ctx, `UPDATE org_upload_files SET status = CASE WHEN failed > 0 OR done < rows THEN 'PROCESSED_WITH_ERRORS' ELSE 'PROCESSED' END,
			message = CASE WHEN done < rows THEN 'Stopped after ' || done || ' of ' || rows || ' rows. Retry the process to go on.' END
		WHERE account_id = @account_id AND upload_id = @upload AND status IN ('QUEUED', 'PROCESSING')`, store.Args{"upload": uploadID})
	if err != nil {
		return fmt.Errorf("orgupload: stop upload %d: %w", uploadID, err)
	}
	return nil
}

// Keep is how long the content of files is kept after the end of a process that
// can be retried.
const Keep = 7 * 24 * time.Hour

// dropBatch is how many contents one statement of Purge finds.
const dropBatch = 500

// Purge deletes the content of files that is not needed any more, in all
// accounts: nothing is left to retry, or the process ended longer ago than Keep.
func (s *Service) Purge(ctx context.Context) error {
	for {
		n, err := s.drop(store.AsSystem(ctx), 0)
		if err != nil || n < dropBatch {
			return err
		}
	}
}

const droppable = `SELECT f.id, f.upload_id, f.blob_key FROM org_upload_files f JOIN org_uploads u ON u.id = f.upload_id JOIN processes p ON p.id = u.process_id
	WHERE f.blob_key IS NOT NULL AND p.ended_at IS NOT NULL AND (f.failed = 0 AND f.done >= f.rows OR p.ended_at < now() - make_interval(secs => @keep))`

// drop deletes what can be, of one upload or (0) of all accounts, and gives the
// number of contents. The content goes before its key does, so that none is
// forgotten.
func (s *Service) drop(ctx context.Context, uploadID int64) (int, error) {
	text, args := droppable, store.Args{"keep": Keep.Seconds(), "limit": dropBatch}
	if uploadID != 0 {
		text += ` AND f.account_id = @account_id AND f.upload_id = @upload`
		args["upload"] = uploadID
	}
	var files []models.OrgUploadFile
	if err := s.db.Query(ctx, &files, text+` ORDER BY f.upload_id, f.position LIMIT @limit`, args); err != nil {
		return 0, fmt.Errorf("orgupload: contents to delete: %w", err)
	}
	for _, f := range files {
		if err := s.Blob.Delete(ctx, *f.BlobKey); err != nil {
			return 0, fmt.Errorf("orgupload: delete content of file %d: %w", f.ID, err)
		}
		err := s.db.Conn(ctx).Model(&models.OrgUploadFile{}).Where("id = ?", f.ID).Update("blob_key", nil).Error
		if err != nil {
			return 0, fmt.Errorf("orgupload: delete content of file %d: %w", f.ID, store.Err(err))
		}
	}
	return len(files), nil
}
