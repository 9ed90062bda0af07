package rolerequest

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Step tells what is due next for a request. A request that does not exist is
// like a closed one: nothing is due.
func (s *Service) Step(ctx context.Context, id int64, now time.Time) (models.RoleRequestStep, error) {
	var r models.RoleRequest
	err := s.db.Query(ctx, &r, `SELECT * FROM role_requests WHERE account_id = @account_id AND id = @id`, store.Args{"id": id})
	return step(r, now), err
}

func step(r models.RoleRequest, now time.Time) models.RoleRequestStep {
	action, at := Next(r, now)
	return models.RoleRequestStep{Status: r.Status, Action: action, At: at}
}

// Open is the workflow's first act: from now on the process waits for a person.
func (s *Service) Open(ctx context.Context, id int64, now time.Time) (models.RoleRequestStep, error) {
	return s.act(ctx, id, now, func(ctx context.Context, r models.RoleRequest) (models.RoleRequest, error) {
		if !r.Status.Open() {
			return r, nil
		}
		return r, s.await(ctx, r, "waiting for a decision")
	})
}

// Remind mails those who can decide, if a reminder is due, and says what is due
// next. Repeating it does nothing.
func (s *Service) Remind(ctx context.Context, id int64, now time.Time) (models.RoleRequestStep, error) {
	return s.act(ctx, id, now, func(ctx context.Context, r models.RoleRequest) (models.RoleRequest, error) {
		if !due(r, models.RoleRequestRemind, now) {
			return r, nil
		}
		err := s.db.Query(ctx, &r, `UPDATE role_requests SET reminders = reminders + 1, remind_at = @next, updated_at = @now
WHERE account_id = @account_id AND id = @id AND remind_at = @due AND status IN ('REQUESTED', 'UNDER_REVIEW') RETURNING *`,
			store.Args{"id": id, "next": reminderAfter(r, now), "due": r.RemindAt, "now": s.now()})
		if err != nil {
			return r, err
		}
		n, err := s.tellHolders(ctx, r, mailReminder, fmt.Sprintf("remind/%d", r.Reminders), models.RoleOrgAdmin)
		if err != nil {
			return r, err
		}
		return r, s.note(ctx, r, "reminder", told(n, "reminded", "organization"), map[string]any{"reminder": r.Reminders, "recipients": n})
	})
}

// Escalate mails the account's admins, who can decide too from then on, if the
// escalation is due, and says what is due next. Repeating it does nothing.
func (s *Service) Escalate(ctx context.Context, id int64, now time.Time) (models.RoleRequestStep, error) {
	return s.act(ctx, id, now, func(ctx context.Context, r models.RoleRequest) (models.RoleRequest, error) {
		if !due(r, models.RoleRequestEscalate, now) {
			return r, nil
		}
		err := s.db.Query(ctx, &r, `UPDATE role_requests SET escalated_at = @now, updated_at = @now
WHERE account_id = @account_id AND id = @id AND escalated_at IS NULL AND status IN ('REQUESTED', 'UNDER_REVIEW') RETURNING *`,
			store.Args{"id": id, "now": s.now()})
		if err != nil {
			return r, err
		}
		n, err := s.tellHolders(ctx, r, mailEscalation, "escalate", models.RoleAdmin)
		if err != nil {
			return r, err
		}
		if err := s.note(ctx, r, "escalation", told(n, "asked", "account"), map[string]any{"recipients": n}); err != nil {
			return r, err
		}
		if err := s.await(ctx, r, "escalated to the account's admins"); err != nil {
			return r, err
		}
		return r, s.audit(ctx, r, "role_request.escalated", map[string]any{"recipients": n})
	})
}

// Expire closes a request past its deadline and says what is due next. A
// decision that was made in time and met no worker is applied first: it counts
// by the time it was made. Repeating it does nothing.
func (s *Service) Expire(ctx context.Context, id int64, now time.Time) (models.RoleRequestStep, error) {
	var out models.RoleRequestStep
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		f, err := s.facts(ctx, id)
		if err != nil {
			return err
		}
		out, err = s.act(ctx, id, now, func(ctx context.Context, r models.RoleRequest) (models.RoleRequest, error) {
			if !due(r, models.RoleRequestExpire, now) {
				return r, nil
			}
			return s.expire(ctx, r, f)
		})
		return err
	})
	return out, err
}

func (s *Service) expire(ctx context.Context, r models.RoleRequest, f facts) (models.RoleRequest, error) {
	var inTime []models.RoleRequestDecision
	err := s.db.Query(ctx, &inTime, `SELECT * FROM role_request_decisions
WHERE account_id = @account_id AND role_request_id = @id AND state = 'submitted' AND created_at < @deadline ORDER BY id`,
		store.Args{"id": r.ID, "deadline": r.ExpiresAt})
	if err != nil {
		return r, err
	}
	for _, d := range inTime {
		if _, err := s.apply(ctx, r, d, f); err != nil {
			return r, err
		}
		if r, err = s.lock(ctx, r.ID); err != nil || !r.Status.Open() {
			return r, err
		}
	}
	// Nobody did it, whoever may have called.
	ctx = auth.WithPrincipal(ctx, auth.Principal{AccountID: r.AccountID})
	r, _, err = s.end(ctx, r.ID, ending{status: models.RoleRequestExpired, reason: ReasonNoDecision})
	if err != nil {
		return r, err
	}
	return r, s.tellRequester(ctx, r, f, mailExpired, "expired")
}

// act runs do on a locked request in a transaction and says what is due next.
func (s *Service) act(ctx context.Context, id int64, now time.Time, do func(context.Context, models.RoleRequest) (models.RoleRequest, error)) (models.RoleRequestStep, error) {
	var next models.RoleRequestStep
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		r, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		if r, err = do(ctx, r); err != nil {
			return err
		}
		next = step(r, now)
		return nil
	})
	if err != nil {
		return next, fmt.Errorf("rolerequest: request %d: %w", id, err)
	}
	return next, nil
}

func (s *Service) note(ctx context.Context, r models.RoleRequest, typ, message string, data any) error {
	if r.ProcessID == nil {
		return nil
	}
	return s.processes.Note(ctx, *r.ProcessID, typ, message, data)
}

// MoveDeadline gives an open request another deadline, which has to be in the
// future. The caller is somebody who can decide the request, or an admin of the
// account, but never who has asked. Errors:
// ErrNotFound, ErrOwnRequest, ErrNotDecidable (closed or expired), an invalid time.
func (s *Service) MoveDeadline(ctx context.Context, id int64, to time.Time) (View, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return View{}, err
	}
	to = to.UTC().Truncate(time.Microsecond)
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		r, err := s.lock(ctx, id)
		if err != nil {
			return err
		}
		now := s.now()
		switch may, err := s.mayDecide(ctx, r, caller.UserID); {
		case err != nil:
			return err
		case caller.UserID == r.UserID, !may && !caller.Has(models.RoleAdmin):
			return refused(caller, r)
		case !r.Status.Open() || !now.Before(r.ExpiresAt):
			return ErrNotDecidable
		case !to.After(now) || to.After(now.Add(maxDeadline)):
			return models.Invalid(models.FieldError{Field: "deadline", Rule: "range", Text: "the deadline has to be in the future and at most five years away"})
		}
		before := r.ExpiresAt
		if _, err := s.db.Exec(ctx, `UPDATE role_requests SET expires_at = @to, updated_at = @now
WHERE account_id = @account_id AND id = @id AND status IN ('REQUESTED', 'UNDER_REVIEW')`, store.Args{"id": id, "to": to, "now": now}); err != nil {
			return err
		}
		r.ExpiresAt = to
		if err := s.moved(ctx, r); err != nil {
			return err
		}
		return s.audit(ctx, r, "role_request.deadline_moved", map[string]any{"from": before, "to": to})
	})
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, id)
}

const maxDeadline = 5 * 365 * 24 * time.Hour

// moved shows the new deadline on the process and tells its workflow. One that
// has not started yet reads the row when it does.
func (s *Service) moved(ctx context.Context, r models.RoleRequest) error {
	if r.ProcessID == nil {
		return nil
	}
	p, err := s.processes.Get(ctx, *r.ProcessID)
	if err != nil || p.State != models.ProcessWaiting {
		return err
	}
	_, err = s.processes.Transition(ctx, p.ID, process.Transition{
		To: models.ProcessWaiting, WaitsFor: waitsFor(r), Deadline: &r.ExpiresAt, Message: "the deadline was moved to " + date(r.ExpiresAt),
	})
	if err != nil {
		return err
	}
	return s.wake(ctx, r)
}
