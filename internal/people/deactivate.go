package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

func actorOf(ctx context.Context) *int64 { return auth.Actor(ctx) }

// DeactivateUsers makes users INACTIVE and ends their sessions: an admin any of
// the account, an org_admin those of the own organization. Unknown users,
// others' users and those who are not ACTIVE are left out; the ids of the rest
// come back. At most 1,000 in one call. Errors: models.ErrForbidden,
// ErrUserUnknown when none is left.
func (s *Service) DeactivateUsers(ctx context.Context, ids ...int64) ([]int64, error) {
	return s.deactivate(ctx, "id = ANY(CAST(@ids AS bigint[]))", len(ids), store.Args{"ids": pq.Int64Array(ids)})
}

// DeactivateUsersByEmail is DeactivateUsers by e-mail addresses.
func (s *Service) DeactivateUsersByEmail(ctx context.Context, emails ...string) ([]int64, error) {
	normal := make(pq.StringArray, len(emails))
	for i, e := range emails {
		normal[i] = models.NormalizeEmail(e)
	}
	return s.deactivate(ctx, "email = ANY(CAST(@emails AS text[]))", len(emails), store.Args{"emails": normal})
}

func (s *Service) deactivate(ctx context.Context, which string, n int, args store.Args) (gone []int64, err error) {
	own, err := managed(ctx)
	if err != nil {
		return nil, err
	}
	if n > maxBatch {
		return nil, models.Invalid(models.FieldError{Field: "id", Rule: RuleTooLong, Text: fmt.Sprintf("more than %d users", maxBatch)})
	}
	args["own"] = own
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var users []models.User
		// Always in the order of the ids, so that two of them can't wait for
		// each other.
		err := s.db.Query(ctx, &users, `SELECT * FROM users WHERE account_id = @account_id AND status = 'ACTIVE' AND (CAST(@own AS bigint) = 0 OR organization_id = @own)
			AND `+which+` ORDER BY id FOR NO KEY UPDATE`, args)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return ErrUserUnknown
		}
		events := make([]audit.Event, len(users))
		for i, u := range users {
			gone = append(gone, u.ID)
			events[i] = audit.Event{Action: "user.deactivated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &users[i].OrganizationID}
		}
		if _, err := s.db.Exec(ctx, `UPDATE users SET status = 'INACTIVE', updated_at = now() WHERE account_id = @account_id AND id = ANY(CAST(@ids AS bigint[]))`,
			store.Args{"ids": pq.Int64Array(gone)}); err != nil {
			return err
		}
		if _, err := s.auth.CloseUserSessions(ctx, auth.EndDeactivated, gone...); err != nil {
			return err
		}
		if err := audit.Write(ctx, s.db, events...); err != nil {
			return err
		}
		return s.tell(ctx, Event{Kind: UsersDeactivated, UserIDs: slices.Clone(gone)})
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// DeactivateOrganization makes an organization INACTIVE, and its ACTIVE users
// with it, and ends their sessions; how many users those were comes back. For
// an admin. Errors: models.ErrForbidden, ErrOrganizationUnknown,
// ErrOrganizationDefault, ErrOrganizationClosed.
func (s *Service) DeactivateOrganization(ctx context.Context, id int64) (users int64, err error) {
	if err := requireAdmin(ctx); err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The row is locked first: a sign-up into it has either committed and
		// is seen below, or sees the organization closed.
		var o models.Organization
		if err := s.db.Query(ctx, &o, `SELECT * FROM organizations WHERE id = @id AND account_id = @account_id FOR NO KEY UPDATE`, store.Args{"id": id}); err != nil {
			return err
		}
		switch {
		case o.ID == 0:
			return ErrOrganizationUnknown
		case o.IsDefault:
			return ErrOrganizationDefault
		case o.Status != models.StatusActive:
			return ErrOrganizationClosed
		}
		args := store.Args{"id": id, "actor": actorOf(ctx)}
		if _, err := s.db.Exec(ctx, `UPDATE organizations SET status = 'INACTIVE', updated_by = @actor, updated_at = now()
			WHERE id = @id AND account_id = @account_id`, args); err != nil {
			return err
		}
		if users, err = s.db.Exec(ctx, `UPDATE users SET status = 'INACTIVE', updated_at = now()
			WHERE organization_id = @id AND account_id = @account_id AND status = 'ACTIVE'`, args); err != nil {
			return err
		}
		if _, err := s.auth.CloseOrganizationSessions(ctx, auth.EndDeactivated, id); err != nil {
			return err
		}
		if err := audit.Write(ctx, s.db, audit.Event{Action: "organization.deactivated", SubjectType: "organization", SubjectID: id,
			OrganizationID: &id, Data: map[string]any{"users": users}}); err != nil {
			return err
		}
		return s.tell(ctx, Event{Kind: OrganizationDeactivated, OrganizationID: id})
	})
	if err != nil {
		return 0, err
	}
	return users, nil
}
