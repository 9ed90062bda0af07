package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"quad/internal/obs"
	"quad/internal/store"
	"quad/models"
)

const (
	sweepBatch    = 100 // rows of one kind of work in one sweep
	sweepParallel = 8
	sweepCall     = 10 * time.Second // longest time for one row
)

// The three kinds of work, as conditions on rows that nobody else has claimed.
const (
	whereUnstarted = `started_at IS NULL`
	whereCancel    = `started_at IS NOT NULL AND cancel_requested_at IS NOT NULL`
	whereCheck     = `started_at IS NOT NULL AND cancel_requested_at IS NULL`
)

// claim takes due rows and puts them off, further with each failed start, up
// to a minute and a quarter, so that no other replica takes them meanwhile and
// a row that cannot be started does not hold up the others. No lock is held
// while Temporal is asked.
const claim = `
UPDATE processes SET start_attempts = start_attempts + CASE WHEN started_at IS NULL THEN 1 ELSE 0 END,
    next_start_at = now() + make_interval(secs => @lease) * (1 + random() * 0.25)
        * CASE WHEN started_at IS NULL THEN least(power(2, least(start_attempts, 10)), 60 / CAST(@lease AS float8)) ELSE 1 END
WHERE id IN (
    SELECT id FROM processes WHERE ended_at IS NULL AND next_start_at <= now() AND %s
    ORDER BY next_start_at LIMIT @limit FOR UPDATE SKIP LOCKED)
RETURNING *`

// Sweep brings rows and workflows together: it starts what was not started,
// sends cancels again, starts workflows that have vanished and ends processes
// whose workflow has ended without saying so. Any number of replicas may sweep
// at once. Nothing is claimed while Temporal does not answer. Errors:
// models.ErrUnavailable, those of the database; what goes wrong with a single
// row is logged and tried again.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.Healthy(ctx); err != nil {
		return fmt.Errorf("process: sweep: %w", err)
	}
	s.pauseUntil.Store(0)
	for _, work := range []struct {
		where string
		lease time.Duration
		do    func(context.Context, models.Process) error
	}{
		{whereUnstarted, s.grace, s.sweepStart},
		{whereCancel, s.grace, s.sweepCancel},
		{whereCheck, s.checkEvery, s.sweepCheck},
	} {
		var rows []models.Process
		args := store.Args{"lease": work.lease.Seconds(), "limit": sweepBatch}
		if err := s.db.Query(store.AsSystem(ctx), &rows, fmt.Sprintf(claim, work.where), args); err != nil {
			return fmt.Errorf("process: sweep: %w", err)
		}
		var group errgroup.Group
		group.SetLimit(sweepParallel)
		for _, p := range rows {
			group.Go(func() error {
				ctx, cancel := context.WithTimeout(store.WithAccount(ctx, p.AccountID), sweepCall)
				defer cancel()
				if err := work.do(ctx, p); err != nil {
					slog.WarnContext(ctx, "sweep of a process failed, it is tried again",
						"process_id", p.ID, "kind", p.Kind, "workflow", p.WorkflowID, "attempts", p.StartAttempts, "error", err)
				}
				return nil
			})
		}
		_ = group.Wait() // the functions give no errors
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("process: sweep: %w", err)
		}
	}
	return nil
}

// noteAfter is the number of failed starts after which the timeline says so.
const noteAfter = 3

func (s *Service) sweepStart(ctx context.Context, p models.Process) error {
	err := s.start(ctx, p)
	if err != nil && p.StartAttempts == noteAfter {
		return errors.Join(err, s.Note(ctx, p.ID, "start_delayed", "the workflow could not be started yet; it is tried again", nil))
	}
	return err
}

func (s *Service) sweepCancel(ctx context.Context, p models.Process) error {
	if err := s.sendCancel(ctx, p); err != nil {
		return err
	}
	return s.sweepCheck(ctx, p)
}

// sweepCheck compares an open process with its workflow.
func (s *Service) sweepCheck(ctx context.Context, p models.Process) error {
	answer, err := s.temporal.DescribeWorkflowExecution(ctx, p.WorkflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return s.vanished(ctx, p)
	}
	if err != nil {
		return outage(err)
	}
	info := answer.GetWorkflowExecutionInfo()
	switch info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, enums.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return nil
	}
	return s.endedSilently(ctx, p, info.GetStatus(), info.GetExecution().GetRunId())
}

// vanished handles an open process that Temporal knows nothing of: its data
// was lost. The workflow is started again; its activities find what is done.
func (s *Service) vanished(ctx context.Context, p models.Process) error {
	again := false
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		p, err := s.lock(ctx, p.ID)
		switch {
		case err != nil, p.State.Final():
			return err
		case p.CancelRequestedAt != nil:
			_, err = s.cancelUnstarted(ctx, p)
			return err
		}
		again = true
		return s.addEvent(ctx, event{process: p.ID, typ: "restarted", message: "the workflow had vanished and is started again"})
	})
	if err != nil || !again {
		return err
	}
	return s.start(ctx, p)
}

// endedSilently ends a process whose workflow has ended while the row is open.
// A workflow writes the row's end before its own, so what is open now has been
// left open.
func (s *Service) endedSilently(ctx context.Context, p models.Process, status enums.WorkflowExecutionStatus, runID string) error {
	reason := s.reason(ctx, p, status, runID)
	return s.db.InTx(ctx, func(ctx context.Context) error {
		p, err := s.lock(ctx, p.ID)
		if err != nil || p.State.Final() {
			return err
		}
		if p.CancelRequestedAt != nil && status == enums.WORKFLOW_EXECUTION_STATUS_CANCELED {
			p, err = s.transit(ctx, p, Transition{To: models.ProcessCancelled, Message: "cancelled"})
			if h := s.handler(p); err == nil && h != nil {
				err = h.Cancelled(ctx, p)
			}
			return err
		}
		p, err = s.transit(ctx, p, Transition{To: models.ProcessFailed, Error: reason, Data: map[string]any{"workflowStatus": status.String(), "runId": runID}})
		if h, ok := s.handler(p).(FailureHandler); err == nil && ok {
			err = h.Failed(ctx, p)
		}
		return err
	})
}

// reason says in words what became of a workflow and what to do about it.
func (s *Service) reason(ctx context.Context, p models.Process, status enums.WorkflowExecutionStatus, runID string) string {
	what := map[enums.WorkflowExecutionStatus]string{
		enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:  "ended without recording a result",
		enums.WORKFLOW_EXECUTION_STATUS_FAILED:     "failed",
		enums.WORKFLOW_EXECUTION_STATUS_CANCELED:   "was cancelled by an operator",
		enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: "was terminated by an operator",
		enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  "ran out of time",
	}[status]
	if what == "" {
		what = "ended (" + status.String() + ")"
	}
	if status == enums.WORKFLOW_EXECUTION_STATUS_FAILED {
		if err := s.temporal.GetWorkflow(ctx, p.WorkflowID, runID).Get(ctx, nil); err != nil {
			if refused := DecodeError(err); refused != nil {
				what += ": " + refused.Text
			}
		}
	}
	return fmt.Sprintf("The workflow %s. Retry the process; if that fails too, an operator finds the cause in the Temporal UI under the workflow id %s.", what, p.WorkflowID)
}

// Backlog is what waits for its workflow to be started, for metrics: open
// processes without a start, and the age of the oldest.
func (s *Service) Backlog(ctx context.Context) ([]obs.Backlog, error) {
	var row struct {
		Pending int64
		Oldest  float64
	}
	const text = `
SELECT count(*) AS pending, COALESCE(extract(epoch FROM now() - min(created_at)), 0) AS oldest
FROM processes WHERE started_at IS NULL AND ended_at IS NULL`
	if err := s.db.Query(store.AsSystem(ctx), &row, text, nil); err != nil {
		return nil, fmt.Errorf("process: backlog: %w", err)
	}
	return []obs.Backlog{{Outbox: "processes", Pending: row.Pending, Oldest: time.Duration(row.Oldest * float64(time.Second))}}, nil
}
