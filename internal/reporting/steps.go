package reporting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

const storeDraft = `
UPDATE reports SET draft = CAST(@draft AS jsonb)
WHERE id = @id AND account_id = @account_id AND status = 'processing' AND draft IS NULL AND limit_at > @now`

// Narrate writes the text of a report that has its figures. Errors: errGone.
func (s *Service) Narrate(ctx context.Context, in models.ProcessInput) error {
	r, ctx, done, err := s.open(ctx, in, StageText)
	defer done()
	if err != nil || len(r.Draft) > 0 {
		return err
	}
	data, err := dataOf(r)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(s.narrate(ctx, data))
	if err != nil {
		return fmt.Errorf("reporting: text: %w", err)
	}
	if _, err := s.d.DB.Exec(ctx, storeDraft, store.Args{"draft": string(encoded), "id": r.ID, "now": s.d.Clock()}); err != nil {
		return s.late(ctx, fmt.Errorf("reporting: store text: %w", err))
	}
	return nil
}

// dataOf reads what a report is made of.
func dataOf(r models.Report) (d Data, err error) {
	if err := json.Unmarshal(r.Figures, &d); err != nil {
		return d, fmt.Errorf("reporting: figures of report %d: %w", r.ID, err)
	}
	return d, nil
}

func draftOf(r models.Report) (d draft, err error) {
	if err := json.Unmarshal(r.Draft, &d); err != nil {
		return d, fmt.Errorf("reporting: text of report %d: %w", r.ID, err)
	}
	return d, nil
}

const storeFiles = `
UPDATE reports SET files = CAST(@files AS jsonb)
WHERE id = @id AND account_id = @account_id AND status = 'processing' AND limit_at > @now`

// Render draws the files of a report that has its text, one after the other.
// Each is whole before it is noted. Errors: errGone.
func (s *Service) Render(ctx context.Context, in models.ProcessInput) error {
	r, ctx, done, err := s.open(ctx, in, StageFiles)
	defer done()
	if err != nil {
		return err
	}
	data, err := dataOf(r)
	if err != nil {
		return err
	}
	text, err := draftOf(r)
	if err != nil {
		return err
	}
	var files []models.ReportFile
	if err := json.Unmarshal(r.Files, &files); err != nil {
		return fmt.Errorf("reporting: files: %w", err)
	}
	for _, format := range models.ReportFormats {
		if _, there := r.File(format); there {
			continue
		}
		file := models.ReportFile{Format: format, Key: fileKey(r.AccountID, r.ID, format)}
		if file.Size, err = s.draw(ctx, r, data, text, file); err != nil {
			return s.late(ctx, fmt.Errorf("reporting: draw %s: %w", format, err))
		}
		files = append(files, file)
		encoded, err := json.Marshal(files)
		if err != nil {
			return fmt.Errorf("reporting: files: %w", err)
		}
		written, err := s.d.DB.Exec(ctx, storeFiles, store.Args{"files": string(encoded), "id": r.ID, "now": s.d.Clock()})
		switch {
		case err != nil:
			return s.late(ctx, fmt.Errorf("reporting: note a file: %w", err))
		case written == 0:
			return errGone
		}
		if err := s.progress(ctx, in.ProcessID, StageFiles, int64(2+len(files))); err != nil {
			return err
		}
	}
	return nil
}

func fileKey(account, report int64, format string) string {
	return fmt.Sprintf("accounts/%d/reports/%d/report.%s", account, report, format)
}

// Ending is how the making of a report ended. Without a Failure and not
// Cancelled it got to its end.
type Ending struct {
	Cancelled bool   `json:"cancelled,omitempty"`
	Failure   string `json:"failure,omitempty"` // why, for people
}

const completeReport = `
UPDATE reports SET status = 'completed', full_report = @text, sections = CAST(@sections AS jsonb), word_count = @words,
    narrator = @narrator, note = @note, completed_at = @now, updated_at = @now
WHERE id = @id AND account_id = @account_id AND status = 'processing' AND limit_at > @now
RETURNING *`

// Finish ends a report with its process and its mails, in one transaction. What
// is complete but late has failed, as everybody has read since. Doing it again
// changes nothing.
func (s *Service) Finish(ctx context.Context, in models.ProcessInput, end Ending) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		// Locks the process, which comes before its report.
		p, err := s.d.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: StageDone})
		if err == nil && end.Failure != "" && p.CancelRequestedAt != nil {
			end = Ending{Cancelled: true} // it failed because it was to
		}
		switch {
		case errors.Is(err, process.ErrEnded):
			return nil
		case err != nil:
			return err
		}
		change, err := s.end(ctx, in, end)
		if err != nil {
			return err
		}
		_, err = s.d.Process.Transition(ctx, in.ProcessID, change)
		return err
	})
	if err != nil {
		return fmt.Errorf("reporting: finish: %w", err)
	}
	return nil
}

// end ends the report and says what becomes of its process.
func (s *Service) end(ctx context.Context, in models.ProcessInput, end Ending) (process.Transition, error) {
	var r models.Report
	if err := s.d.DB.Query(ctx, &r, `SELECT * FROM reports WHERE id = @id AND account_id = @account_id FOR UPDATE`, store.Args{"id": in.SubjectID}); err != nil {
		return process.Transition{}, err
	}
	settled := r
	settled.SettleAt(s.d.Clock())
	all := int64(steps)
	switch {
	case r.ID == 0:
		return process.Transition{To: models.ProcessCancelled, Stage: StageDone, Message: "the report was deleted"}, nil
	case settled.Status == models.ReportFailed:
		return failed(*settled.ErrorMessage), s.fail(ctx, r.ID, *settled.ErrorMessage)
	case end.Cancelled:
		return process.Transition{To: models.ProcessCancelled, Stage: StageDone, Message: cancelled}, s.fail(ctx, r.ID, cancelled)
	case end.Failure != "":
		return failed(end.Failure), s.fail(ctx, r.ID, end.Failure)
	}
	if err := s.complete(ctx, r); err != nil {
		return process.Transition{}, err
	}
	return process.Transition{To: models.ProcessCompleted, Stage: StageDone, Done: &all, Total: &all, Result: map[string]any{"reportId": r.ID}}, nil
}

func failed(reason string) process.Transition {
	return process.Transition{To: models.ProcessFailed, Stage: StageDone, Error: reason}
}

// complete makes the text and the files of a report visible and tells of it.
func (s *Service) complete(ctx context.Context, r models.Report) error {
	data, err := dataOf(r)
	if err != nil {
		return err
	}
	text, err := draftOf(r)
	if err != nil {
		return err
	}
	sections, err := json.Marshal(map[string]string{SectionSummary: text.Summary, SectionDetails: text.Details})
	if err != nil {
		return err
	}
	full := text.full(data)
	var completed models.Report
	err = s.d.DB.Query(ctx, &completed, completeReport, store.Args{
		"id": r.ID, "text": full, "sections": string(sections), "words": models.CountWords(full), "narrator": text.Narrator, "note": text.Note, "now": s.d.Clock(),
	})
	switch {
	case err != nil:
		return err
	case completed.ID == 0:
		return models.ErrUnavailable.With(errors.New("reporting: the report's time ended just now")) // tried again, and late then
	}
	return s.tell(ctx, completed)
}

// Gone tells whether an error means that there is nothing to be made any more.
func Gone(err error) bool { return errors.Is(err, errGone) }
