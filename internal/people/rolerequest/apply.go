package rolerequest

import (
	"context"
	"fmt"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Apply does what a stored decision says, in one transaction: the decision,
// the request, the role, the process, audit, timeline and mail change together
// or not at all. A decision that was applied or refused before gives the same
// outcome again, so Apply may be repeated.
func (s *Service) Apply(ctx context.Context, decisionID int64) (models.RoleRequestOutcome, error) {
	var o models.RoleRequestOutcome
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		var d models.RoleRequestDecision
		byID := store.Args{"id": decisionID}
		const decision = `SELECT * FROM role_request_decisions WHERE account_id = @account_id AND id = @id`
		if err := s.db.Query(ctx, &d, decision, byID); err != nil {
			return err
		}
		if d.ID == 0 {
			return ErrNotFound
		}
		f, err := s.facts(ctx, d.RoleRequestID)
		if err != nil {
			return err
		}
		r, err := s.lock(ctx, d.RoleRequestID)
		if err != nil {
			return err
		}
		// Again, now that nobody else can change it.
		if err := s.db.Query(ctx, &d, decision, byID); err != nil {
			return err
		}
		o, err = s.apply(ctx, r, d, f)
		return err
	})
	if err != nil {
		return o, fmt.Errorf("rolerequest: apply decision %d: %w", decisionID, err)
	}
	return o, nil
}

// facts are the people and things a request is about.
type facts struct {
	UserID         int64
	Name           string
	Email          *string
	RoleTitle      string
	RoleLabel      string
	Organization   string
	UserActive     bool
	UserMoved      bool
	RoleActive     bool
	OrganizationOn bool
}

// gone is the reason for which the request has no sense any more, or "".
func (f facts) gone() string {
	switch {
	case !f.UserActive:
		return ReasonUserInactive
	case f.UserMoved:
		return ReasonUserMoved
	case !f.OrganizationOn:
		return ReasonOrganization
	case !f.RoleActive:
		return ReasonRole
	}
	return ""
}

// facts reads them and keeps user, role and organization from being
// deactivated until the end of the transaction. They are locked before the
// request, and the organization before its people, as by those who deactivate
// them: nobody waits in a circle.
func (s *Service) facts(ctx context.Context, requestID int64) (facts, error) {
	return s.readFacts(ctx, requestID, ` FOR SHARE OF o, u, ro`)
}

// names is facts without the lock.
func (s *Service) names(ctx context.Context, requestID int64) (facts, error) {
	return s.readFacts(ctx, requestID, "")
}

func (s *Service) readFacts(ctx context.Context, requestID int64, lock string) (facts, error) {
	var f facts
	err := s.db.Query(ctx, &f, `
SELECT u.id AS user_id, u.name, u.email, ro.title AS role_title, ro.label AS role_label, o.name AS organization,
    u.status = 'ACTIVE' AS user_active, u.organization_id <> r.organization_id AS user_moved,
    ro.status = 'ACTIVE' AND ro.deleted_at IS NULL AND ro.user_type = 0 AS role_active, o.status = 'ACTIVE' AS organization_on
FROM role_requests r JOIN users u ON u.id = r.user_id JOIN roles ro ON ro.id = r.role_id JOIN organizations o ON o.id = r.organization_id
WHERE r.account_id = @account_id AND r.id = @id`+lock, store.Args{"id": requestID})
	if err == nil && f.UserID == 0 {
		err = ErrNotFound
	}
	return f, err
}

// apply is the rule of Apply for rows that the transaction has locked.
func (s *Service) apply(ctx context.Context, r models.RoleRequest, d models.RoleRequestDecision, f facts) (models.RoleRequestOutcome, error) {
	outcome := func(state models.DecisionState, refusal string) models.RoleRequestOutcome {
		return models.RoleRequestOutcome{State: state, Status: r.Status, Refusal: refusal}
	}
	if d.State != models.DecisionSubmitted {
		refusal := ""
		if d.Refusal != nil {
			refusal = *d.Refusal
		}
		return outcome(d.State, refusal), nil
	}
	// What happens now is done by the person who decided.
	ctx = auth.WithPrincipal(ctx, auth.Principal{AccountID: r.AccountID, UserID: d.DecidedBy, OrganizationID: r.OrganizationID, Door: d.Door})
	refusal := ErrNotDecidable.Code
	switch may, err := s.mayDecide(ctx, r, d.DecidedBy); {
	case err != nil:
		return outcome(d.State, ""), err
	case !r.DecidableAs(d.Status, d.CreatedAt):
	case f.gone() != "":
		if r, _, err = s.end(ctx, r.ID, ending{status: models.RoleRequestWithdrawn, reason: f.gone()}); err != nil {
			return outcome(d.State, ""), err
		}
	case !may:
		refusal = ErrApproverGone.Code
	default:
		refusal = ""
	}
	if refusal != "" {
		_, err := s.db.Exec(ctx, `UPDATE role_request_decisions SET state = 'refused', refusal = @refusal, updated_at = @now
WHERE account_id = @account_id AND id = @id AND state = 'submitted'`, store.Args{"id": d.ID, "refusal": refusal, "now": s.now()})
		return outcome(models.DecisionRefused, refusal), err
	}
	_, err := s.db.Exec(ctx, `UPDATE role_request_decisions SET state = 'applied', updated_at = @now
WHERE account_id = @account_id AND id = @id AND state = 'submitted'`, store.Args{"id": d.ID, "now": s.now()})
	if err != nil {
		return outcome(d.State, ""), err
	}
	if d.Status == models.RoleRequestUnderReview {
		r, err = s.review(ctx, r, d)
	} else {
		r, err = s.conclude(ctx, r, d, f)
	}
	return outcome(models.DecisionApplied, ""), err
}

// review takes a request under review: it stays open.
func (s *Service) review(ctx context.Context, r models.RoleRequest, d models.RoleRequestDecision) (models.RoleRequest, error) {
	err := s.db.Query(ctx, &r, `
UPDATE role_requests SET status = 'UNDER_REVIEW', handled_by = @by, comments = COALESCE(CAST(@comments AS text[]), comments), updated_at = @now
WHERE account_id = @account_id AND id = @id AND status = 'REQUESTED' RETURNING *`,
		store.Args{"id": r.ID, "by": d.DecidedBy, "comments": given(d.Comments), "now": s.now()})
	if err != nil {
		return r, err
	}
	if err := s.await(ctx, r, "taken under review"); err != nil {
		return r, err
	}
	return r, s.audit(ctx, r, "role_request."+actionWord(r.Status), nil)
}

// conclude approves or rejects.
func (s *Service) conclude(ctx context.Context, r models.RoleRequest, d models.RoleRequestDecision, f facts) (models.RoleRequest, error) {
	r, _, err := s.end(ctx, r.ID, ending{status: d.Status, decision: &d.ID, decidedBy: &d.DecidedBy, comments: given(d.Comments)})
	if err != nil {
		return r, err
	}
	template := mailRejected
	if d.Status == models.RoleRequestApproved {
		template = mailAccepted
		if err := s.grant(ctx, r); err != nil {
			return r, err
		}
	}
	return r, s.tellRequester(ctx, r, f, template, "decided")
}

const (
	grantRole = `INSERT INTO user_roles (account_id, user_id, role_id) VALUES (@account_id, @user, @role) ON CONFLICT DO NOTHING`
	// Who asked to be a mentee stays one.
	removeMentee = `
DELETE FROM user_roles ur USING roles ro
WHERE ur.account_id = @account_id AND ur.user_id = @user AND ro.id = ur.role_id AND lower(ro.title) = @mentee AND ro.id <> @role`
)

// grant gives the role; it holds from the next request on, since roles are read
// anew for each.
func (s *Service) grant(ctx context.Context, r models.RoleRequest) error {
	args := store.Args{"user": r.UserID, "role": r.RoleID, "mentee": models.RoleMentee}
	for _, statement := range []string{grantRole, removeMentee} {
		if _, err := s.db.Exec(ctx, statement, args); err != nil {
			return err
		}
	}
	return audit.Write(ctx, s.db, audit.Event{
		Action: "user.role_granted", SubjectType: "user", SubjectID: r.UserID, OrganizationID: &r.OrganizationID, ProcessID: r.ProcessID,
		Data: map[string]any{"roleId": r.RoleID, "requestId": r.ID},
	})
}

// await puts the process into waiting for those who can decide.
func (s *Service) await(ctx context.Context, r models.RoleRequest, message string) error {
	if r.ProcessID == nil {
		return nil
	}
	_, err := s.processes.Transition(ctx, *r.ProcessID, process.Transition{
		To: models.ProcessWaiting, Stage: actionWord(r.Status), WaitsFor: waitsFor(r), Deadline: &r.ExpiresAt, Message: message,
	})
	return err
}

// waitsFor says in words who can decide.
func waitsFor(r models.RoleRequest) string {
	what := "a decision"
	if r.Status == models.RoleRequestUnderReview {
		what = "the end of the review"
	}
	if r.EscalatedAt != nil {
		return what + " by an admin of the organization or of the account"
	}
	return what + " by an admin of the organization"
}
