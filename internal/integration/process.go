package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Stages of the process, as its row shows them.
const (
	StageRead  = "read"
	StageMerge = "merge"
	StageDone  = "done"
)

// Planned is what StepPlan answers: how the process goes on.
type Planned struct {
	DryRun   bool `json:"dryRun,omitempty"`
	Confirm  bool `json:"confirm,omitempty"`  // somebody has to confirm the deletions
	Unstaged bool `json:"unstaged,omitempty"` // what was read is lost: it has to be read again
}

// Ending is how a run ended. Without a Failure and not Cancelled it got to its
// end.
type Ending struct {
	Cancelled bool   `json:"cancelled,omitempty"`
	Failure   string `json:"failure,omitempty"` // why, for people
}

// WaitDays is how long a run waits for a confirmation.
const WaitDays = 7

// subject reads the run of a process; one that has ended has no step left.
func (s *Service) subject(ctx context.Context, in models.ProcessInput) (models.SyncRun, error) {
	run, err := s.run(ctx, in.SubjectID)
	if err == nil && run.EndedAt != nil {
		err = process.ErrEnded
	}
	return run, err
}

func engineRun(run models.SyncRun) mirror.Run {
	return mirror.Run{ID: run.ID, ConnectionID: run.ConnectionID, Full: run.Whole, Tables: run.Tables}
}

// StepStage reads the system into staging. Called again, after whatever
// happened, it goes on where it was. beat is told now and then.
func (s *Service) StepStage(ctx context.Context, in models.ProcessInput, beat func()) error {
	run, err := s.subject(ctx, in)
	if err != nil || run.StagedAt != nil {
		return err
	}
	if _, err := s.d.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: StageRead}); err != nil {
		return err
	}
	c, err := s.find(ctx, run.ConnectionID, "")
	if err != nil {
		return err
	}
	src, err := s.open(ctx, c, s.d.StatementTimeout)
	if err != nil {
		return err
	}
	err = s.stage(ctx, in, run, c, src, beat)
	return errors.Join(err, src.Close())
}

// Pauses before a system that fails is tried again.
const (
	retryFirst   = 2 * time.Second
	retryLongest = time.Hour // if the system itself names the time
)

// RetryAfter is the pause after an attempt (1 is the first) of StepStage that
// failed: the one that the system asks for, else one that doubles.
func (s *Service) RetryAfter(err error, attempt int) time.Duration {
	var busy *source.BusyError
	if errors.As(err, &busy) && busy.After > 0 {
		return min(busy.After, retryLongest)
	}
	pause := retryFirst
	for range attempt - 1 {
		if pause *= 2; pause >= s.d.RetryLongest {
			break
		}
	}
	return min(pause, s.d.RetryLongest)
}

func (s *Service) stage(ctx context.Context, in models.ProcessInput, run models.SyncRun, c models.Connection, src source.Source, beat func()) error {
	d, err := src.Describe(ctx)
	if err != nil {
		return err
	}
	run.Tables = d.Tables
	if _, err := s.d.DB.Exec(ctx, `UPDATE sync_runs SET tables = CAST(@tables AS text[]) WHERE account_id = @account_id AND id = @run AND staged_at IS NULL`,
		store.Args{"run": run.ID, "tables": pq.StringArray(d.Tables)}); err != nil {
		return err
	}
	snap, err := src.Snapshot(ctx)
	if err != nil {
		return err
	}
	var told time.Time
	err = s.d.Engine.Stage(ctx, engineRun(run), snap, func(p mirror.Progress) {
		beat()
		if time.Since(told) < time.Second && p.Done < p.Tables {
			return
		}
		told = time.Now()
		s.report(ctx, in, p)
	})
	return errors.Join(err, snap.Close())
}

// report writes how far reading is. That it can't be told is no reason to stop.
func (s *Service) report(ctx context.Context, in models.ProcessInput, p mirror.Progress) {
	_, _ = s.d.Process.Progress(ctx, nil, in.ProcessID, process.Progress{
		Done: int64(p.Done), Total: int64(p.Tables), Stage: StageRead,
		Counters: map[string]int64{"read": p.Rows, "unchanged": p.Checked},
	})
}

// StepPlan tells how a run that has been read goes on. What a dry run would
// have done, and what somebody has to confirm, is kept.
func (s *Service) StepPlan(ctx context.Context, in models.ProcessInput) (Planned, error) {
	run, err := s.subject(ctx, in)
	if err != nil {
		return Planned{}, err
	}
	look := s.d.Engine.Check
	if run.DryRun {
		look = s.d.Engine.Plan
	}
	plan, err := look(ctx, engineRun(run))
	switch {
	case errors.Is(err, mirror.ErrNotStaged):
		return Planned{Unstaged: true}, s.unstaged(ctx, run.ID)
	case err != nil:
		return Planned{}, err
	}
	out := Planned{DryRun: run.DryRun, Confirm: plan.NeedsConfirmation() && run.ConfirmedAt == nil && !run.DryRun}
	if out.DryRun || out.Confirm {
		err = s.keep(ctx, run.ID, plan.Tables)
	}
	return out, err
}

// unstaged lets a run be read again.
func (s *Service) unstaged(ctx context.Context, runID int64) error {
	_, err := s.d.DB.Exec(ctx, `UPDATE sync_runs SET staged_at = NULL WHERE account_id = @account_id AND id = @run AND merged_at IS NULL`, store.Args{"run": runID})
	return err
}

// keep writes what a run would do. A merge writes over it.
func (s *Service) keep(ctx context.Context, runID int64, counts []mirror.Counts) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("integration: plan: %w", err)
	}
	_, err = s.d.DB.Exec(ctx, `INSERT INTO sync_run_tables AS t (run_id, table_name, account_id, read, inserted, updated, unchanged, deleted, skipped)
		SELECT @run, "Table", @account_id, "Read", "Inserted", "Updated", "Unchanged", "Deleted", CASE jsonb_typeof("Skipped") WHEN 'object' THEN "Skipped" ELSE '{}' END
		FROM jsonb_to_recordset(CAST(@counts AS jsonb))
			AS c ("Table" text, "Read" bigint, "Inserted" bigint, "Updated" bigint, "Unchanged" bigint, "Deleted" bigint, "Skipped" jsonb)
		ON CONFLICT (run_id, table_name) DO UPDATE SET read = excluded.read, inserted = excluded.inserted, updated = excluded.updated,
			unchanged = excluded.unchanged, deleted = excluded.deleted, skipped = excluded.skipped WHERE t.account_id = @account_id`,
		store.Args{"run": runID, "counts": string(text)})
	return err
}

// StepWait lets a run wait for somebody who confirms its deletions.
func (s *Service) StepWait(ctx context.Context, in models.ProcessInput, until time.Time) error {
	return s.move(ctx, in, models.SyncWaiting, process.Transition{
		To: models.ProcessWaiting, Stage: StageMerge, WaitsFor: "an administrator who confirms the deletions", Deadline: &until,
		Message: "much of what the hub has from this system is not there any more: somebody has to confirm that it is to be deleted",
	})
}

// StepGoOn ends the waiting.
func (s *Service) StepGoOn(ctx context.Context, in models.ProcessInput) error {
	return s.move(ctx, in, models.SyncRunning, process.Transition{To: models.ProcessRunning, Stage: StageMerge})
}

// move brings run and process into a state that is not their end.
func (s *Service) move(ctx context.Context, in models.ProcessInput, to models.SyncState, t process.Transition) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.d.Process.Transition(ctx, in.ProcessID, t); err != nil {
			return err
		}
		_, err := s.d.DB.Exec(ctx, `UPDATE sync_runs SET state = @to WHERE account_id = @account_id AND id = @run AND ended_at IS NULL`,
			store.Args{"run": in.SubjectID, "to": to})
		return err
	})
}

// StepMerge brings what was read into the hub, all of it in one transaction.
// Called again after that it does nothing.
func (s *Service) StepMerge(ctx context.Context, in models.ProcessInput) (Planned, error) {
	run, err := s.subject(ctx, in)
	if err != nil {
		return Planned{}, err
	}
	_, err = s.d.Engine.Merge(ctx, engineRun(run), mirror.MergeOptions{AllowDeletions: run.ConfirmedAt != nil})
	switch {
	case errors.Is(err, mirror.ErrNotStaged):
		return Planned{Unstaged: true}, s.unstaged(ctx, run.ID)
	case errors.Is(err, mirror.ErrTooManyDeletions): // the mirror has changed since the plan
		return Planned{Confirm: true}, nil
	}
	return Planned{}, err
}

// StepFinish ends the run, its connection's turn and the process, in one
// transaction. Doing it again changes nothing.
func (s *Service) StepFinish(ctx context.Context, in models.ProcessInput, end Ending) error {
	run, err := s.run(ctx, in.SubjectID)
	if err != nil {
		return err
	}
	if run.MergedAt == nil && run.EndedAt == nil {
		if err := s.d.Engine.Discard(ctx, engineRun(run)); err != nil && !errors.Is(err, mirror.ErrUnknown) && !errors.Is(err, mirror.ErrMerged) {
			return fmt.Errorf("integration: discard: %w", err)
		}
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if run, err = s.run(ctx, run.ID); err != nil {
			return err
		}
		if run.MergedAt != nil { // whatever came later: all of it is there
			end = Ending{}
		}
		if err := s.close(ctx, run.ID, end); err != nil {
			return err
		}
		t := process.Transition{To: models.ProcessCompleted, Stage: StageDone}
		switch {
		case end.Failure != "":
			t.To, t.Error = models.ProcessFailed, end.Failure
		case end.Cancelled:
			t.To, t.Message = models.ProcessCancelled, "cancelled before anything was merged"
		}
		details, err := s.detailed(ctx, []models.SyncRun{run})
		if err != nil {
			return err
		}
		t.Counters = counters(details[0])
		if _, err := s.d.Process.Transition(ctx, in.ProcessID, t); err != nil && !errors.Is(err, process.ErrEnded) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("integration: finish: %w", err)
	}
	return nil
}

func counters(r RunDetail) map[string]int64 {
	out := map[string]int64{}
	for _, t := range r.Tables {
		out["read"] += t.Read
		out["inserted"] += t.Inserted
		out["updated"] += t.Updated
		out["unchanged"] += t.Unchanged
		out["deleted"] += t.Deleted
		for _, skipped := range t.Skipped {
			out["skipped"] += skipped.Count
		}
	}
	return out
}

// close ends a run that is open, in the transaction of the context, and tells
// its connection how it went.
func (s *Service) close(ctx context.Context, runID int64, end Ending) error {
	to, failure := models.SyncCompleted, (*string)(nil)
	switch {
	case end.Failure != "":
		to, failure = models.SyncFailed, &end.Failure
	case end.Cancelled:
		to = models.SyncCancelled
	}
	var run struct {
		models.SyncRun
		OrganizationID *int64 // of the connection
	}
	err := s.d.DB.Query(ctx, &run, `UPDATE sync_runs SET state = CASE WHEN merged_at IS NOT NULL THEN 'completed' ELSE @to END, error = @failure, ended_at = @now
		WHERE account_id = @account_id AND id = @run AND ended_at IS NULL
		RETURNING *, (SELECT organization_id FROM connections c WHERE c.id = connection_id) AS organization_id`,
		store.Args{"run": runID, "to": to, "failure": failure, "now": s.d.Clock()})
	if err != nil || run.ID == 0 {
		return err
	}
	// A worker that was killed after the merge has left its staging, and one that
	// is only out of sight may have written until now. From now on none can.
	if err := s.d.Engine.Discard(ctx, engineRun(run.SyncRun)); err != nil {
		return fmt.Errorf("integration: discard: %w", err)
	}
	if run.State != models.SyncCancelled && !run.DryRun {
		_, err = s.d.DB.Exec(ctx, `UPDATE connections SET status = CASE WHEN @state = 'completed' THEN 'ok' ELSE 'failing' END, last_error = @failure,
				last_sync_at = CASE WHEN @state = 'completed' THEN @now ELSE last_sync_at END, updated_at = @now
			WHERE account_id = @account_id AND id = @connection`,
			store.Args{"connection": run.ConnectionID, "state": run.State, "failure": failure, "now": s.d.Clock()})
		if err != nil {
			return err
		}
	}
	return s.noteRun(ctx, "connection.synced", run.SyncRun, run.OrganizationID, map[string]any{"state": run.State, "dryRun": run.DryRun})
}

// handler makes runs a kind of process for internal/process.
type handler struct{ s *Service }

var (
	_ process.Handler        = handler{}
	_ process.FailureHandler = handler{}
)

// request is the input of a process that a native request starts.
type request struct {
	ConnectionID json.Number `json:"connectionId"`
	Full         bool        `json:"full"`
	DryRun       bool        `json:"dryRun"`
}

// Start implements process.Handler: an administrator runs a connection.
func (h handler) Start(ctx context.Context, in json.RawMessage, idempotencyKey string) (models.Process, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Process{}, err
	}
	var r request
	decoder := json.NewDecoder(bytes.NewReader(in))
	decoder.DisallowUnknownFields()
	id := int64(0)
	err := decoder.Decode(&r)
	if err == nil {
		id, err = strconv.ParseInt(r.ConnectionID.String(), 10, 64)
	}
	if err != nil || id <= 0 {
		return models.Process{}, models.Invalid(models.FieldError{
			Field: "input", Rule: input.Invalid, Text: "input takes connectionId, the id of a connection, and full and dryRun, which are true or false",
		})
	}
	hash := sha256.Sum256(in)
	run, err := h.s.Run(ctx, id, Start{Whole: r.Full, DryRun: r.DryRun, request: process.New{IdempotencyKey: idempotencyKey, RequestHash: hash[:], Input: r}})
	if err != nil {
		return models.Process{}, err
	}
	return h.s.d.Process.Get(ctx, *run.ProcessID)
}

// Retry implements process.Handler: it is a new run of the connection.
func (h handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Process{}, err
	}
	old, err := h.s.run(ctx, p.SubjectID)
	if err != nil {
		return models.Process{}, err
	}
	run, err := h.s.Run(ctx, old.ConnectionID, Start{Whole: old.Whole, DryRun: old.DryRun})
	if err != nil {
		return models.Process{}, err
	}
	return h.s.d.Process.Get(ctx, *run.ProcessID)
}

// Decide implements process.Handler: the decision "confirm" lets a waiting run
// delete what it found gone.
func (h handler) Decide(ctx context.Context, p models.Process, d process.Decision) error {
	if d.Decision != "confirm" {
		return models.Invalid(models.FieldError{Field: "decision", Rule: input.Enum, Text: "decision must be confirm; to refuse, cancel the process"})
	}
	run, err := h.s.run(ctx, p.SubjectID)
	if err != nil {
		return err
	}
	return h.s.Confirm(ctx, run.ConnectionID, run.ID)
}

// Cancelled implements process.Handler.
func (h handler) Cancelled(ctx context.Context, p models.Process) error {
	return h.s.close(ctx, p.SubjectID, Ending{Cancelled: true})
}

// Failed implements process.FailureHandler.
func (h handler) Failed(ctx context.Context, p models.Process) error {
	text := "The process ended without a result."
	if p.Error != nil && *p.Error != "" {
		text = *p.Error
	}
	return h.s.close(ctx, p.SubjectID, Ending{Failure: text})
}
