package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

// Transition is a change of a process's state.
type Transition struct {
	To      models.ProcessState
	Stage   string // what is being done; "" keeps the stage
	Message string // for the timeline
	Error   string // why it failed, so that a person can act on it; needed for failed
	// Result and Counters are encoded as JSON and replace what was there; nil
	// keeps it.
	Result, Counters any
	WaitsFor         string     // whom or what a waiting process waits for
	Deadline         *time.Time // nil keeps the deadline
	Done, Total      *int64     // nil keeps them
	Data             any        // for the timeline
}

const updateState = `
UPDATE processes SET state = @to, stage = COALESCE(@stage, stage), error = @error,
    result = COALESCE(@result, result), counters = COALESCE(@counters, counters),
    waits_for = @waits_for, deadline = COALESCE(@deadline, deadline),
    done = COALESCE(@done, done), total = COALESCE(@total, total),
    started_at = CASE WHEN @to IN ('running', 'waiting') THEN COALESCE(started_at, now()) ELSE started_at END,
    ended_at = CASE WHEN @final THEN now() END, updated_at = now()
WHERE account_id = @account_id AND id = @id
RETURNING *`

// Transition changes the state of a process if the state it is in allows it,
// and writes the timeline and the audit trail. The same state again changes
// nothing, except that a waiting process may get another deadline or wait for
// somebody else. Errors: ErrEnded, ErrState, models.ErrNotFound.
func (s *Service) Transition(ctx context.Context, id int64, t Transition) (models.Process, error) {
	var changed models.Process
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		p, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		changed, err = s.transit(ctx, p, t)
		return err
	})
	if err != nil {
		return models.Process{}, fmt.Errorf("process: %d to %s: %w", id, t.To, err)
	}
	return changed, nil
}

// transit does the transition of a row that the transaction has locked.
func (s *Service) transit(ctx context.Context, p models.Process, t Transition) (models.Process, error) {
	if t.To == models.ProcessFailed && t.Error == "" {
		return p, errors.New("a failed process needs a reason")
	}
	switch {
	case p.State == t.To:
		if p.State != models.ProcessWaiting || (equal(p.WaitsFor, optional(t.WaitsFor)) && (t.Deadline == nil || sameTime(p.Deadline, t.Deadline))) {
			return p, nil
		}
	case p.State.Final():
		return p, ErrEnded
	case !p.State.CanBecome(t.To):
		return p, ErrState
	}
	args := store.Args{
		"id": p.ID, "to": t.To, "final": t.To.Final(), "stage": optional(t.Stage), "error": optional(t.Error),
		"result": (*string)(nil), "counters": (*string)(nil),
		"waits_for": optional(t.WaitsFor), "deadline": t.Deadline, "done": t.Done, "total": t.Total,
	}
	for name, v := range map[string]any{"result": t.Result, "counters": t.Counters} {
		if v == nil {
			continue
		}
		text, err := toJSON(v)
		if err != nil {
			return p, err
		}
		args[name] = &text
	}
	var changed models.Process
	if err := s.db.Query(ctx, &changed, updateState, args); err != nil {
		return p, err
	}
	message := t.Message
	if message == "" {
		message = t.Error
	}
	from := p.State
	if err := s.addEvent(ctx, event{process: p.ID, typ: "state", from: &from, to: &t.To, message: message, data: t.Data}); err != nil {
		return p, err
	}
	data := map[string]any{"kind": p.Kind, "from": from, "to": t.To}
	return changed, s.audit(ctx, changed, "process."+string(t.To), data)
}

// Progress is how far a process has come. Done and Total are absolute, so a
// report that is repeated changes nothing.
type Progress struct {
	Done, Total int64
	Stage       string           // "" keeps the stage
	Counters    map[string]int64 // absolute; others are kept
}

// writeProgress also adds a line to the timeline: at most one a second, and
// one when all is done.
const writeProgress = `
WITH p AS (
    UPDATE processes SET done = @done, total = @total, stage = CASE WHEN @stage = '' THEN stage ELSE @stage END,
        counters = counters || CAST(@counters AS jsonb), updated_at = clock_timestamp()
    WHERE account_id = @account_id AND id = @id AND ended_at IS NULL
    RETURNING id, account_id, cancel_requested_at IS NOT NULL AS cancelling, done, total, stage, counters
), e AS (
    INSERT INTO process_events (account_id, process_id, type, data)
    SELECT account_id, id, 'progress', jsonb_build_object('done', done, 'total', total, 'stage', stage, 'counters', counters) FROM p
    WHERE done >= total OR COALESCE((SELECT created_at FROM process_events WHERE process_id = @id AND type = 'progress'
        ORDER BY id DESC LIMIT 1), '-infinity') < clock_timestamp() - interval '1 second'
    RETURNING pg_notify('quad_process_events', process_id::text)
)
SELECT cancelling, (SELECT count(*) FROM e) FROM p`

// Progress writes how far a process has come together with the work it counts:
// in tx, or, when that is nil, in the transaction of the context; without either
// in a statement of its own. It answers whether
// somebody asked to cancel. Errors: ErrEnded when the process has ended or does
// not exist.
func (s *Service) Progress(ctx context.Context, tx *store.BulkTx, id int64, p Progress) (cancelRequested bool, err error) {
	counters := []byte("{}")
	if p.Counters != nil {
		if counters, err = json.Marshal(p.Counters); err != nil {
			return false, fmt.Errorf("process: progress %d: %w", id, err)
		}
	}
	args := store.Args{"id": id, "done": p.Done, "total": p.Total, "stage": p.Stage, "counters": string(counters)}
	found := false
	scan := func(row pgx.CollectableRow) error {
		found = true
		return row.Scan(&cancelRequested, new(int64))
	}
	switch {
	case tx != nil:
		err = tx.Query(writeProgress, args, scan)
	case store.HasTx(ctx):
		var rows []struct{ Cancelling bool }
		err = s.db.Query(ctx, &rows, writeProgress, args)
		if found = len(rows) > 0; found {
			cancelRequested = rows[0].Cancelling
		}
	default:
		err = s.db.QueryRows(ctx, writeProgress, args, scan)
	}
	if err == nil && !found {
		err = ErrEnded
	}
	if err != nil {
		return false, fmt.Errorf("process: progress %d: %w", id, err)
	}
	return cancelRequested, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func equal(a, b *string) bool { return (a == nil && b == nil) || (a != nil && b != nil && *a == *b) }

func sameTime(a, b *time.Time) bool {
	return a != nil && b != nil && a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}
