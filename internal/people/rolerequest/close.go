package rolerequest

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Why a request was withdrawn (end_reason).
const (
	ReasonRequester    = "requester"                // by the person who asked
	ReasonCancelled    = "cancelled"                // the process was cancelled
	ReasonFailed       = "process_failed"           // its workflow ended without a result
	ReasonUserInactive = "user_deactivated"         // the person who asked was deactivated or deleted
	ReasonUserMoved    = "user_moved"               // … is in another organization now
	ReasonOrganization = "organization_deactivated" //
	ReasonRole         = "role_deactivated"         // the role was deleted or deactivated
	ReasonNoDecision   = "no_decision"              // expired
)

// messages are the lines of the timeline for each reason.
var messages = map[string]string{
	ReasonRequester: "withdrawn by the person who asked", ReasonCancelled: "withdrawn: the process was cancelled",
	ReasonFailed: "withdrawn: the workflow ended without a result", ReasonUserInactive: "withdrawn: the person who asked was deactivated",
	ReasonUserMoved: "withdrawn: the person who asked is in another organization now", ReasonOrganization: "withdrawn: the organization was deactivated",
	ReasonRole: "withdrawn: the role was deleted or deactivated", ReasonNoDecision: "expired: nobody decided in time",
}

// ending is how a request is closed.
type ending struct {
	status    models.RoleRequestStatus
	reason    string         // "" for decisions
	decision  *int64         // the decision that closes it; others are refused
	decidedBy *int64         // who decided
	comments  pq.StringArray // nil keeps what is there
	// processHandled: the caller's transaction is changing the process row.
	processHandled bool
}

const closeRequest = `
UPDATE role_requests SET status = @status, end_reason = @reason, handled_by = COALESCE(@handled_by, handled_by),
    comments = COALESCE(CAST(@comments AS text[]), comments), ended_at = @now, updated_at = @now
WHERE account_id = @account_id AND id = @id AND status IN ('REQUESTED', 'UNDER_REVIEW')
RETURNING *`

// Whoever decided and was not heard gets the same refusal as one who comes
// after the end.
const refuseOthers = `
UPDATE role_request_decisions SET state = 'refused', refusal = @refusal, updated_at = @now
WHERE account_id = @account_id AND role_request_id = @id AND state = 'submitted' AND id IS DISTINCT FROM @decision`

// end closes a request in the transaction of the context, with all that
// belongs to it: open decisions, process, audit. It changes nothing if the
// request is closed.
func (s *Service) end(ctx context.Context, id int64, e ending) (models.RoleRequest, bool, error) {
	now := s.now()
	var r models.RoleRequest
	err := s.db.Query(ctx, &r, closeRequest, store.Args{
		"id": id, "status": e.status, "reason": optional(e.reason), "handled_by": e.decidedBy, "comments": e.comments, "now": now,
	})
	if err != nil || r.ID == 0 {
		return r, false, err
	}
	if _, err := s.db.Exec(ctx, refuseOthers, store.Args{"id": id, "decision": e.decision, "refusal": ErrNotDecidable.Code, "now": now}); err != nil {
		return r, false, err
	}
	if r.ProcessID != nil && !e.processHandled {
		if _, err := s.processes.Transition(ctx, *r.ProcessID, transitionOf(r, e)); err != nil {
			return r, false, err
		}
	}
	data := map[string]any{"status": r.Status}
	if e.reason != "" {
		data["reason"] = e.reason
	}
	return r, true, s.audit(ctx, r, "role_request."+actionWord(r.Status), data)
}

// transitionOf is the end of the process that belongs to the end of a request.
func transitionOf(r models.RoleRequest, e ending) process.Transition {
	t := process.Transition{
		To: models.ProcessCompleted, Stage: actionWord(r.Status), Message: actionWord(r.Status),
		Result: map[string]any{"requestId": r.ID, "status": r.Status},
	}
	if e.reason != "" {
		t.Message = messages[e.reason]
		t.Result = map[string]any{"requestId": r.ID, "status": r.Status, "reason": e.reason}
	}
	if r.Status == models.RoleRequestWithdrawn {
		t.To = models.ProcessCancelled
	}
	return t
}

// actionWord is a status as the past participle used by audit and timeline.
func actionWord(s models.RoleRequestStatus) string {
	switch s {
	case models.RoleRequestUnderReview:
		return "taken_under_review"
	case models.RoleRequestApproved:
		return "approved"
	case models.RoleRequestRejected:
		return "rejected"
	case models.RoleRequestExpired:
		return "expired"
	case models.RoleRequestWithdrawn:
		return "withdrawn"
	}
	return "requested"
}

// Withdraw takes back an open request of the caller. Errors: ErrNotFound (also
// for somebody else's), ErrNotDecidable (closed).
func (s *Service) Withdraw(ctx context.Context, id int64) error {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		r, err := s.lock(ctx, id)
		switch {
		case err != nil:
			return err
		case r.UserID != caller.UserID:
			return ErrNotFound
		}
		switch _, done, err := s.end(ctx, r.ID, ending{status: models.RoleRequestWithdrawn, reason: ReasonRequester}); {
		case err != nil:
			return err
		case !done:
			return ErrNotDecidable
		}
		return s.wake(ctx, r)
	})
}

// UsersGone closes the open requests of people who were deactivated or deleted,
// in the transaction that does it.
func (s *Service) UsersGone(ctx context.Context, userIDs ...int64) error {
	return s.withdrawAll(ctx, "user_id = ANY(CAST(@ids AS bigint[]))", userIDs, ReasonUserInactive)
}

// UsersMoved closes the open requests that people made in an organization they
// have left, in the transaction that moves them.
func (s *Service) UsersMoved(ctx context.Context, userIDs ...int64) error {
	return s.withdrawAll(ctx, `user_id = ANY(CAST(@ids AS bigint[])) AND organization_id <>
    (SELECT u.organization_id FROM users u WHERE u.account_id = @account_id AND u.id = role_requests.user_id)`, userIDs, ReasonUserMoved)
}

// OrganizationsGone closes the open requests in organizations that were
// deactivated, in the transaction that does it.
func (s *Service) OrganizationsGone(ctx context.Context, organizationIDs ...int64) error {
	return s.withdrawAll(ctx, "organization_id = ANY(CAST(@ids AS bigint[]))", organizationIDs, ReasonOrganization)
}

// RolesGone closes the open requests for roles that were deleted or
// deactivated, in the transaction that does it.
func (s *Service) RolesGone(ctx context.Context, roleIDs ...int64) error {
	return s.withdrawAll(ctx, "role_id = ANY(CAST(@ids AS bigint[]))", roleIDs, ReasonRole)
}

// withdrawAll locks in the order of the ids, so that two of them can't wait for
// each other.
func (s *Service) withdrawAll(ctx context.Context, where string, ids []int64, reason string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		var open []models.RoleRequest
		err := s.db.Query(ctx, &open, `SELECT * FROM role_requests
WHERE account_id = @account_id AND status IN ('REQUESTED', 'UNDER_REVIEW') AND `+where+` ORDER BY id FOR NO KEY UPDATE`, store.Args{"ids": pq.Int64Array(ids)})
		if err != nil {
			return err
		}
		for _, r := range open {
			if _, _, err := s.end(ctx, r.ID, ending{status: models.RoleRequestWithdrawn, reason: reason}); err != nil {
				return err
			}
		}
		return s.wake(ctx, open...)
	})
}
