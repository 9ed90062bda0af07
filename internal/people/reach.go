package people

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// NamedOrganization checks an organization that a caller names in order to have
// its records or to put one into it. Who sees all learns that it does not exist
// (ErrOrganizationUnknown); anybody else is refused whether it exists or not
// (models.ErrForbidden). The default organization is nobody's to name. At most
// one statement.
func (s *Service) NamedOrganization(ctx context.Context, id int64) error {
	reach, err := s.auth.Reach(ctx)
	switch {
	case err != nil:
		return err
	case !reach.All && reach.Member(id):
		return nil
	case !reach.All:
		return models.ErrForbidden
	}
	return s.exists(ctx, id)
}

// OwnerOrganization is the organization that a new record of the caller belongs
// to: the one named, see NamedOrganization; else none for who sees all, and for
// others the organization that they joined first. Errors: those of
// NamedOrganization; models.ErrForbidden for others who have no organization.
func (s *Service) OwnerOrganization(ctx context.Context, named *int64) (*int64, error) {
	reach, err := s.auth.Reach(ctx)
	switch {
	case err != nil:
		return nil, err
	case named != nil:
		if err := s.NamedOrganization(auth.WithReach(ctx, reach), *named); err != nil {
			return nil, err
		}
		return named, nil
	case reach.All:
		return nil, nil //nolint:nilnil // it belongs to no organization
	case len(reach.Organizations) == 0:
		return nil, models.ErrForbidden
	}
	return &reach.Organizations[0], nil
}

func (s *Service) exists(ctx context.Context, id int64) error {
	var found bool
	err := s.db.Query(ctx, &found, `SELECT EXISTS (SELECT FROM organizations WHERE id = @id AND account_id = @account_id AND NOT is_default)`,
		store.Args{"id": id})
	if err != nil {
		return fmt.Errorf("people: organization: %w", err)
	}
	if !found {
		return ErrOrganizationUnknown
	}
	return nil
}

// Reach gives what the caller sees, see auth.Reach.
func (s *Service) Reach(ctx context.Context) (auth.Reach, error) { return s.auth.Reach(ctx) }

// userInReach reads a person whom the caller may name: every member of an
// organization in their reach, and themselves.
const userInReach = `SELECT u.* FROM users u WHERE u.account_id = @account_id AND u.id = @id AND u.status <> 'DELETED' AND (@reach_all OR u.id = @caller
		OR u.organization_id = ANY(CAST(@reach_organizations AS bigint[]))
		OR EXISTS (SELECT FROM user_organizations m WHERE m.user_id = u.id AND m.organization_id = ANY(CAST(@reach_organizations AS bigint[]))))
	FOR SHARE OF u`

// UserInReach gives a person who is to be given something: one of an
// organization in the caller's reach or the caller, and for who sees all anybody
// in the account. In a transaction the person is not deleted before its end. One
// statement beside that of Reach. Errors: models.ErrUnauthenticated,
// ErrUserUnknown.
func (s *Service) UserInReach(ctx context.Context, id int64) (u models.User, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return u, err
	}
	reach, err := s.auth.Reach(ctx)
	if err != nil {
		return u, err
	}
	if err := s.db.Query(ctx, &u, userInReach, reach.Args(store.Args{"id": id, "caller": p.UserID})); err != nil {
		return u, fmt.Errorf("people: user in reach: %w", err)
	}
	if u.ID == 0 {
		return u, ErrUserUnknown
	}
	return u, nil
}
