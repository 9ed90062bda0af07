package rolerequest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Decision is what an approver answers to a request.
type Decision struct {
	RequestID int64
	Status    models.RoleRequestStatus // UNDER_REVIEW, APPROVED or REJECTED
	Comments  []string                 // empty keeps those of the step before
}

// Limits of the comments of one decision.
const (
	maxComments      = 50
	maxCommentLength = 2000 // bytes
)

func (d Decision) check() error {
	switch d.Status {
	case models.RoleRequestUnderReview, models.RoleRequestApproved, models.RoleRequestRejected:
	default:
		return models.Invalid(models.FieldError{Field: "status", Rule: "enum", Text: "status is UNDER_REVIEW, APPROVED or REJECTED"})
	}
	if len(d.Comments) > maxComments || slices.ContainsFunc(d.Comments, func(c string) bool { return len(c) > maxCommentLength }) {
		return models.Invalid(models.FieldError{Field: "comments", Rule: "too_long", Text: fmt.Sprintf("at most %d comments of %d bytes", maxComments, maxCommentLength)})
	}
	return nil
}

// Decide brings the caller's decision to the request and waits for what became
// of it. The decision is stored first: when no worker answers the caller gets
// models.ErrUnavailable and the decision is applied as soon as one does. The
// same decision of the same caller joins the one that waits; another status
// replaces it. Errors: ErrNotFound (also for those who may not decide it),
// ErrOwnRequest, ErrNotDecidable (closed, expired, the same status again, or
// another decision was faster), ErrApproverGone, models.ErrUnavailable.
func (s *Service) Decide(ctx context.Context, d Decision) (View, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return View{}, err
	}
	if err := d.check(); err != nil {
		return View{}, err
	}
	id, r, err := s.submit(ctx, caller, d)
	if err != nil {
		return View{}, err
	}
	outcome, err := s.send(ctx, r, id)
	if err != nil {
		return View{}, err
	}
	if err := outcomeError(outcome); err != nil {
		return View{}, err
	}
	return s.view(ctx, d.RequestID)
}

// outcomeError is the refusal in an outcome, if it is one.
func outcomeError(o models.RoleRequestOutcome) error {
	switch {
	case o.State == models.DecisionApplied:
		return nil
	case o.Refusal == ErrApproverGone.Code:
		return ErrApproverGone
	}
	return ErrNotDecidable
}

const (
	supersede = `
UPDATE role_request_decisions SET state = 'superseded', updated_at = @now
WHERE account_id = @account_id AND role_request_id = @request AND decided_by = @user AND state = 'submitted' AND status <> @status`
	submitDecision = `
INSERT INTO role_request_decisions (account_id, role_request_id, decided_by, status, comments, door, created_at, updated_at)
VALUES (@account_id, @request, @user, @status, CAST(@comments AS text[]), @door, @now, @now)
ON CONFLICT (role_request_id, decided_by) WHERE state = 'submitted'
DO UPDATE SET comments = COALESCE(CAST(@given AS text[]), role_request_decisions.comments), updated_at = @now
RETURNING id`
)

// submit stores the caller's decision if the request can be decided now.
func (s *Service) submit(ctx context.Context, caller auth.Principal, d Decision) (int64, models.RoleRequest, error) {
	var id int64
	var r models.RoleRequest
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		if r, err = s.lock(ctx, d.RequestID); err != nil {
			return err
		}
		switch may, err := s.mayDecide(ctx, r, caller.UserID); {
		case err != nil:
			return err
		case !may:
			return refused(caller, r)
		}
		now := s.now()
		if !r.DecidableAs(d.Status, now) {
			return ErrNotDecidable
		}
		args := store.Args{
			"request": r.ID, "user": caller.UserID, "status": d.Status, "door": auth.Door(ctx), "now": now,
			"comments": pq.StringArray(append([]string{}, d.Comments...)), "given": given(d.Comments),
		}
		if _, err := s.db.Exec(ctx, supersede, args); err != nil {
			return err
		}
		return s.db.Query(ctx, &id, submitDecision, args)
	})
	return id, r, err
}

// given is what a statement gets for comments: NULL when there are none.
func given(comments []string) pq.StringArray {
	if len(comments) == 0 {
		return nil
	}
	return comments
}

// send asks the workflow to apply a stored decision and gives the outcome. The
// rows have the last word: an answer that got lost is read from them.
func (s *Service) send(ctx context.Context, r models.RoleRequest, decisionID int64) (models.RoleRequestOutcome, error) {
	var outcome models.RoleRequestOutcome
	sent := func() error {
		if r.ProcessID == nil {
			return errors.New("rolerequest: a request without process")
		}
		p, err := s.processes.Get(ctx, *r.ProcessID)
		if err != nil {
			return err
		}
		return s.processes.Update(ctx, p, models.RoleRequestDecide, fmt.Sprintf("decision-%d", decisionID), models.RoleRequestDecideInput{DecisionID: decisionID}, &outcome)
	}()
	if sent == nil {
		return outcome, nil
	}
	stored, err := s.outcome(ctx, decisionID)
	switch {
	case err != nil:
		return stored, errors.Join(sent, err)
	case stored.State != models.DecisionSubmitted:
		return stored, nil
	}
	return stored, models.ErrUnavailable.With(sent)
}

// outcome reads what became of a decision.
func (s *Service) outcome(ctx context.Context, decisionID int64) (models.RoleRequestOutcome, error) {
	var o models.RoleRequestOutcome
	err := s.db.Query(ctx, &o, `SELECT d.state, r.status, COALESCE(d.refusal, '') AS refusal
FROM role_request_decisions d JOIN role_requests r ON r.id = d.role_request_id WHERE d.account_id = @account_id AND d.id = @id`, store.Args{"id": decisionID})
	if err == nil && o.State == "" {
		err = ErrNotFound
	}
	return o, err
}

// sweepLimit is the most decisions that one Sweep looks at.
const sweepLimit = 100

// Sweep sends decisions again that met no worker when they were made, those
// tried longest ago first. It ends at the first that meets none again, so that
// an outage costs one try a sweep. It is for the worker.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	var waiting []models.RoleRequestDecision
	err := s.db.Query(ctx, &waiting, `SELECT * FROM role_request_decisions
WHERE state = 'submitted' AND updated_at < @before ORDER BY updated_at LIMIT @limit`, store.Args{"before": s.now().Add(-s.grace), "limit": sweepLimit})
	if err != nil {
		return fmt.Errorf("rolerequest: sweep: %w", err)
	}
	for _, d := range waiting {
		if err := s.resend(store.WithAccount(ctx, d.AccountID), d); err != nil {
			return fmt.Errorf("rolerequest: sweep: decision %d: %w", d.ID, err)
		}
	}
	return nil
}

func (s *Service) resend(ctx context.Context, d models.RoleRequestDecision) error {
	// First to the end of the queue: one that fails again must not keep the
	// others from their turn.
	tried := `UPDATE role_request_decisions SET updated_at = @now WHERE account_id = @account_id AND id = @id AND state = 'submitted'`
	if n, err := s.db.Exec(ctx, tried, store.Args{"id": d.ID, "now": s.now()}); err != nil || n == 0 {
		return err
	}
	var r models.RoleRequest
	if err := s.db.Query(ctx, &r, `SELECT * FROM role_requests WHERE account_id = @account_id AND id = @id`, store.Args{"id": d.RoleRequestID}); err != nil {
		return err
	}
	o, err := s.send(ctx, r, d.ID)
	if err == nil {
		slog.InfoContext(ctx, "role request: stored decision brought to its workflow", "decision_id", d.ID, "state", o.State)
	}
	return err
}
