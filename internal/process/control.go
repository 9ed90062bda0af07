package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Start makes a process of a kind from a native request. A repeated request
// (same user, same key, same content) gives the process it made. Errors:
// ErrUnknownKind, *AlreadyOpenError, ErrKeyReused and those of the kind's
// handler.
func (s *Service) Start(ctx context.Context, kind models.ProcessKind, input json.RawMessage, idempotencyKey string) (models.Process, error) {
	h, ok := s.handlers[handled{kind: kind}]
	if !ok {
		return models.Process{}, ErrUnknownKind
	}
	p, err := h.Start(ctx, input, idempotencyKey)
	var open *AlreadyOpenError
	if errors.As(err, &open) && open.Repeated {
		return open.Process, nil
	}
	return p, err
}

// Retry makes the next attempt of a process that failed, was cancelled or
// completed with errors. Errors: ErrNotEnded, ErrState for a completed one, and
// those of the kind's handler.
func (s *Service) Retry(ctx context.Context, id int64) (models.Process, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return p, err
	}
	h := s.handler(p)
	switch {
	case !p.State.Final():
		return models.Process{}, ErrNotEnded
	case p.State == models.ProcessCompleted:
		return models.Process{}, ErrState
	case h == nil:
		return models.Process{}, ErrUnknownKind
	}
	next, err := h.Retry(ctx, p)
	var open *AlreadyOpenError
	if errors.As(err, &open) && open.Repeated {
		return open.Process, nil
	}
	return next, err
}

// Decide brings a person's decision to an open process. Errors: ErrEnded,
// models.ErrUnavailable if no worker answered in time, and those of the kind's
// handler.
func (s *Service) Decide(ctx context.Context, id int64, d Decision) error {
	p, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	h := s.handler(p)
	switch {
	case h == nil:
		return ErrUnknownKind
	case p.State.Final():
		return ErrEnded
	}
	return h.Decide(ctx, p, d)
}

const requestCancel = `
UPDATE processes SET cancel_requested_at = now(), cancel_requested_by = @actor, updated_at = now(),
    next_start_at = now() + make_interval(secs => @grace)
WHERE account_id = @account_id AND id = @id
RETURNING *`

// Cancel asks a process to stop. One whose workflow was never started is
// cancelled at once; a running one ends at its next safe point. Asking again
// changes nothing. Errors: ErrEnded if the process ended in another way,
// models.ErrNotFound.
func (s *Service) Cancel(ctx context.Context, id int64) (models.Process, error) {
	var out models.Process
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		p, err := s.lock(ctx, id)
		out = p
		switch {
		case err != nil:
			return err
		case p.State == models.ProcessCancelled, !p.State.Final() && p.CancelRequestedAt != nil && p.StartedAt != nil:
			return nil
		case p.State.Final():
			return ErrEnded
		}
		if p.CancelRequestedAt == nil {
			if err := s.db.Query(ctx, &out, requestCancel, store.Args{"id": id, "actor": auth.Actor(ctx), "grace": s.grace.Seconds()}); err != nil {
				return err
			}
			if err := s.addEvent(ctx, event{process: id, typ: "cancel_requested"}); err != nil {
				return err
			}
			if err := s.audit(ctx, p, "process.cancel_requested", map[string]any{"kind": p.Kind}); err != nil {
				return err
			}
		}
		if p.StartedAt == nil {
			if out, err = s.cancelUnstarted(ctx, out); err != nil {
				return err
			}
		}
		// Also to an unstarted one: its start may just be under way.
		store.AfterCommit(ctx, func(ctx context.Context) { s.cancelAfterCommit(ctx, out) })
		return nil
	})
	if err != nil {
		return models.Process{}, fmt.Errorf("process: cancel %d: %w", id, err)
	}
	return out, nil
}

// cancelUnstarted ends a process that no workflow has worked on. The row is
// locked by the transaction. A start that is under way meets an ended row.
func (s *Service) cancelUnstarted(ctx context.Context, p models.Process) (models.Process, error) {
	p, err := s.transit(ctx, p, Transition{To: models.ProcessCancelled, Message: "cancelled before it started"})
	if err != nil {
		return p, err
	}
	if h := s.handler(p); h != nil {
		return p, h.Cancelled(ctx, p)
	}
	return p, nil
}

func (s *Service) cancelAfterCommit(ctx context.Context, p models.Process) {
	if s.temporal == nil || s.paused() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.startTimeout)
	defer cancel()
	if err := s.sendCancel(ctx, p); err != nil {
		s.pause(err)
		slog.WarnContext(ctx, "cancel not sent, the sweeper will", "process_id", p.ID, "kind", p.Kind, "error", err)
	}
}
