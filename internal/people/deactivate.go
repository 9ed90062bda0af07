package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

func actorOf(ctx context.Context) *int64 { return auth.Actor(ctx) }

// UserSelection names users by ids, by e-mail addresses or by both.
type UserSelection struct {
	IDs    []int64
	Emails []string
	// OwnOrganization leaves out users of other organizations than the
	// caller's, also when the caller could deactivate them.
	OwnOrganization bool
}

// DeactivateSelected makes users INACTIVE and ends their sessions: an admin any
// of the account, an org_admin those of the own organization. Unknown users,
// others' users and those who are not ACTIVE are left out; the ids of the rest
// come back, sorted. At most 1,000 in one call. All or none: one who may not be
// deactivated refuses the whole. Errors: models.ErrForbidden, ErrUserUnknown
// when none is left, ErrAdminProtected (an admin of the account, by somebody
// who is none), ErrLastAdmin.
func (s *Service) DeactivateSelected(ctx context.Context, sel UserSelection) (gone []int64, err error) {
	own, err := managed(ctx)
	if err != nil {
		return nil, err
	}
	p, _ := auth.From(ctx)
	if sel.OwnOrganization {
		own = p.OrganizationID
	}
	if len(sel.IDs)+len(sel.Emails) > maxBatch {
		return nil, models.Invalid(models.FieldError{Field: "id", Rule: input.TooLong, Text: fmt.Sprintf("more than %d users", maxBatch)})
	}
	emails := make(pq.StringArray, len(sel.Emails))
	for i, e := range sel.Emails {
		emails[i] = models.NormalizeEmail(e)
	}
	args := store.Args{"ids": append(pq.Int64Array{}, sel.IDs...), "emails": emails, "own": own}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		gone, err = s.deactivate(ctx, args, p.Has(models.RoleAdmin))
		return err
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// deactivate is DeactivateSelected in its transaction.
func (s *Service) deactivate(ctx context.Context, args store.Args, byAdmin bool) ([]int64, error) {
	var users []models.User
	// Always in the order of the ids, so that two of them can't wait for each
	// other.
	err := s.db.Query(ctx, &users, `SELECT id, organization_id FROM users WHERE account_id = @account_id AND status = 'ACTIVE'
		AND (CAST(@own AS bigint) = 0 OR organization_id = @own) AND (id = ANY(CAST(@ids AS bigint[])) OR email = ANY(CAST(@emails AS text[])))
		ORDER BY id FOR NO KEY UPDATE`, args)
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, ErrUserUnknown
	}
	gone, events := make([]int64, len(users)), make([]audit.Event, len(users))
	for i, u := range users {
		gone[i] = u.ID
		events[i] = audit.Event{Action: "user.deactivated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &users[i].OrganizationID}
	}
	admins, err := s.anyAdmin(ctx, gone...)
	switch {
	case err != nil:
		return nil, err
	case admins && !byAdmin:
		return nil, ErrAdminProtected
	}
	if _, err := s.db.Exec(ctx, `UPDATE users SET status = 'INACTIVE', updated_at = now() WHERE account_id = @account_id AND id = ANY(CAST(@ids AS bigint[]))`,
		store.Args{"ids": pq.Int64Array(gone)}); err != nil {
		return nil, err
	}
	if _, err := s.auth.CloseUserSessions(ctx, auth.EndDeactivated, gone...); err != nil {
		return nil, err
	}
	if err := audit.Write(ctx, s.db, events...); err != nil {
		return nil, err
	}
	if err := s.tell(ctx, Event{Kind: UsersDeactivated, UserIDs: slices.Clone(gone)}); err != nil || !admins {
		return gone, err
	}
	return gone, s.someAdminStays(ctx)
}

// DeactivateUsers is DeactivateSelected by ids.
func (s *Service) DeactivateUsers(ctx context.Context, ids ...int64) ([]int64, error) {
	return s.DeactivateSelected(ctx, UserSelection{IDs: ids})
}

// DeactivateOrganization makes an organization INACTIVE, and its ACTIVE users
// with it, and ends their sessions; how many users those were comes back. For
// an admin. Errors: models.ErrForbidden, ErrOrganizationUnknown,
// ErrOrganizationDefault, ErrOrganizationClosed, ErrLastAdmin.
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
		if err := s.tell(ctx, Event{Kind: OrganizationDeactivated, OrganizationID: id}); err != nil {
			return err
		}
		return s.someAdminStays(ctx)
	})
	if err != nil {
		return 0, err
	}
	return users, nil
}
