package rolerequest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Ask is a user's wish for a role.
type Ask struct {
	RoleID int64
	// FormData are the organization's own fields, a JSON object of at most 64
	// KiB; empty is {}.
	FormData json.RawMessage
	// IdempotencyKey and RequestHash recognise a repeated native request.
	IdempotencyKey string
	RequestHash    []byte
}

const maxFormData = 64 << 10

// askTries bounds the turns of an Ask whose rival was closed in between.
const askTries = 5

// Ask stores the caller's wish for a role in the own organization and starts
// its process. If the role was granted to such a wish before, that request is
// returned and nothing is started. Errors: ErrRoleNotFound (unknown, not
// ACTIVE, or a system role), ErrAlreadyRequested (one is open), invalid form
// data, *process.AlreadyOpenError (a repeated idempotency key).
func (s *Service) Ask(ctx context.Context, a Ask) (models.RoleRequest, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return models.RoleRequest{}, err
	}
	if err := a.check(); err != nil {
		return models.RoleRequest{}, err
	}
	for range askTries {
		var r models.RoleRequest
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			var err error
			r, err = s.insert(ctx, caller, a)
			return err
		})
		var granted *grantedError
		switch {
		case errors.As(err, &granted):
			return granted.request, nil
		case !errors.Is(err, errOpen):
			return r, err
		}
		// The database has refused a second open request. One past its deadline
		// is only waiting for its workflow: it is closed here, and the wish
		// stored after all.
		var open models.RoleRequest
		if open, err = s.openRequest(ctx, caller, a.RoleID); err != nil {
			return open, err
		}
		switch {
		case open.ID == 0: // closed meanwhile
		case s.now().Before(open.ExpiresAt):
			return models.RoleRequest{}, ErrAlreadyRequested
		default:
			if _, err := s.Expire(ctx, open.ID, s.now()); err != nil {
				return models.RoleRequest{}, err
			}
		}
	}
	return models.RoleRequest{}, models.ErrUnavailable.With(errors.New("rolerequest: every rival request was closed at once"))
}

func (a *Ask) check() error {
	if len(a.FormData) == 0 || string(a.FormData) == "null" {
		a.FormData = json.RawMessage("{}")
	}
	bad := func(rule, text string) error {
		return models.Invalid(models.FieldError{Field: "formData", Rule: rule, Text: text})
	}
	if len(a.FormData) > maxFormData {
		return bad("too_long", "the form data is larger than 64 KiB")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(a.FormData, &object); err != nil {
		return bad("object", "the form data is no JSON object")
	}
	return nil
}

// errOpen: the index role_requests_open has refused the row.
var errOpen = errors.New("rolerequest: an open request exists")

// grantedError rolls back an insert that met a request approved before.
type grantedError struct{ request models.RoleRequest }

func (e *grantedError) Error() string { return "rolerequest: approved before" }

// insertRequest locks user, organization and role against deactivation: the
// transaction that deactivates one closes the requests it sees, so it has to
// see this one or be seen by it.
const insertRequest = `
INSERT INTO role_requests (account_id, organization_id, user_id, role_id, meta, remind_at, remind_every, escalate_at, expires_at, created_at, updated_at)
SELECT u.account_id, u.organization_id, u.id, r.id, CAST(@meta AS jsonb), @remind_at, @remind_every, @escalate_at, @expires_at, @now, @now
FROM users u
JOIN organizations o ON o.id = u.organization_id AND o.status = 'ACTIVE'
JOIN roles r ON r.account_id = u.account_id AND r.id = @role AND r.status = 'ACTIVE' AND r.user_type = 0 AND r.deleted_at IS NULL
WHERE u.account_id = @account_id AND u.id = @user AND u.organization_id = @organization AND u.status = 'ACTIVE'
FOR SHARE OF o, u, r
ON CONFLICT DO NOTHING
RETURNING *`

func (s *Service) insert(ctx context.Context, caller auth.Principal, a Ask) (models.RoleRequest, error) {
	var due, r models.RoleRequest
	schedule(&due, s.config, s.now())
	err := s.db.Query(ctx, &r, insertRequest, store.Args{
		"organization": caller.OrganizationID, "user": caller.UserID, "role": a.RoleID, "meta": string(a.FormData), "now": due.CreatedAt,
		"remind_at": due.RemindAt, "remind_every": due.RemindEvery, "escalate_at": due.EscalateAt, "expires_at": due.ExpiresAt,
	})
	if err != nil {
		return r, err
	}
	if r.ID == 0 {
		return r, s.whyNot(ctx, a.RoleID)
	}
	// Looked at after the insert: whoever approved a rival has committed by
	// now, since the insert has waited for it.
	var granted models.RoleRequest
	const approved = `SELECT * FROM role_requests
WHERE account_id = @account_id AND user_id = @user AND organization_id = @organization AND role_id = @role AND status = 'APPROVED' LIMIT 1`
	if err := s.db.Query(ctx, &granted, approved, store.Args{"user": r.UserID, "organization": r.OrganizationID, "role": r.RoleID}); err != nil {
		return r, err
	}
	if granted.ID != 0 {
		return r, &grantedError{granted}
	}
	p, err := s.processes.Create(ctx, process.New{
		Kind: models.ProcessOrgRoleRequest, OrganizationID: &r.OrganizationID,
		BusinessKey: fmt.Sprintf("%d/%d/%d", r.OrganizationID, r.UserID, r.RoleID),
		SubjectType: subjectType, SubjectID: r.ID, Input: map[string]int64{"roleId": r.RoleID},
		IdempotencyKey: a.IdempotencyKey, RequestHash: a.RequestHash, Deadline: &r.ExpiresAt,
	})
	if err != nil {
		return r, err
	}
	r.ProcessID = &p.ID
	if _, err := s.db.Exec(ctx, `UPDATE role_requests SET process_id = @process WHERE account_id = @account_id AND id = @id`, store.Args{"process": p.ID, "id": r.ID}); err != nil {
		return r, err
	}
	return r, s.audit(ctx, r, "role_request.created", map[string]any{"roleId": r.RoleID})
}

// whyNot tells why insertRequest made no row.
func (s *Service) whyNot(ctx context.Context, roleID int64) error {
	var found bool
	const role = `SELECT EXISTS (SELECT 1 FROM roles WHERE account_id = @account_id AND id = @role AND status = 'ACTIVE' AND user_type = 0 AND deleted_at IS NULL)`
	if err := s.db.Query(ctx, &found, role, store.Args{"role": roleID}); err != nil {
		return err
	}
	if !found {
		return ErrRoleNotFound
	}
	return errOpen
}

func (s *Service) openRequest(ctx context.Context, caller auth.Principal, roleID int64) (models.RoleRequest, error) {
	var r models.RoleRequest
	err := s.db.Query(ctx, &r, `SELECT * FROM role_requests
WHERE account_id = @account_id AND user_id = @user AND organization_id = @organization AND role_id = @role AND status IN ('REQUESTED', 'UNDER_REVIEW')`,
		store.Args{"user": caller.UserID, "organization": caller.OrganizationID, "role": roleID})
	return r, err
}

func (s *Service) audit(ctx context.Context, r models.RoleRequest, action string, data map[string]any) error {
	return audit.Write(ctx, s.db, audit.Event{
		Action: action, SubjectType: subjectType, SubjectID: r.ID, OrganizationID: &r.OrganizationID, ProcessID: r.ProcessID, Data: data,
	})
}
