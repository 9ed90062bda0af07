package people

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// UsersMoved says that UserIDs belong to another organization now.
const UsersMoved EventKind = "users_moved"

// mayKnow tells whether a caller may see a person: an admin everybody, an
// org_admin the own organization, anybody themselves.
func mayKnow(p auth.Principal, u models.User) bool {
	return p.Has(models.RoleAdmin) || u.ID == p.UserID || p.Has(models.RoleOrgAdmin) && u.OrganizationID == p.OrganizationID
}

// User gives a person whom the caller may see: an admin everybody, an org_admin
// the own organization, anybody themselves. Errors: ErrUserUnknown.
func (s *Service) User(ctx context.Context, id int64) (Person, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return Person{}, err
	}
	who, err := s.Profile(ctx, id)
	if err == nil && !mayKnow(p, who.User) {
		return Person{}, ErrUserUnknown
	}
	return who, err
}

// stored reads a person as they are now, also the caller.
func (s *Service) stored(ctx context.Context, id int64) (Person, error) {
	return personOf(s.auth.Person(ctx, id))
}

// UserChange is what is to change of a user; nil stays as it is.
type UserChange struct {
	Name           *string
	OrganizationID *int64 // for admins

	keepOrgAdmin bool // who is moved stays org_admin
}

// UpdateUser changes a user: an admin anybody, an org_admin the own
// organization, anybody themselves. Only an admin moves a user into another
// organization; who is moved is not org_admin any more, since they would be it
// of the other organization. Errors: an invalid input, ErrUserUnknown,
// models.ErrForbidden, ErrOrganizationUnknown, ErrOrganizationClosed.
func (s *Service) UpdateUser(ctx context.Context, id int64, c UserChange) (Person, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return Person{}, err
	}
	if c.Name != nil {
		var r rules
		name := r.name("name", *c.Name)
		if err := r.Err(); err != nil {
			return Person{}, err
		}
		c.Name = &name
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The organization is locked before the user, as its deactivation does.
		closed := s.openOrganization(ctx, c.OrganizationID)
		var u models.User
		if err := s.db.Query(ctx, &u, `SELECT * FROM users WHERE id = @id AND account_id = @account_id AND status <> 'DELETED' FOR NO KEY UPDATE`,
			store.Args{"id": id}); err != nil {
			return err
		}
		switch {
		case u.ID == 0 || !mayKnow(p, u):
			return ErrUserUnknown
		case c.OrganizationID != nil && !p.Has(models.RoleAdmin):
			return models.ErrForbidden
		case closed != nil:
			return closed
		}
		return s.updateUser(ctx, u, c)
	})
	if err != nil {
		return Person{}, err
	}
	return s.stored(ctx, id)
}

// openOrganization locks an ACTIVE organization against deactivation; nil is
// none.
func (s *Service) openOrganization(ctx context.Context, id *int64) error {
	if id == nil {
		return nil
	}
	var o models.Organization
	err := s.db.Query(ctx, &o, `SELECT * FROM organizations WHERE account_id = @account_id AND id = @id FOR SHARE`, store.Args{"id": *id})
	switch {
	case err != nil:
		return err
	case o.ID == 0:
		return ErrOrganizationUnknown
	case o.Status != models.StatusActive:
		return ErrOrganizationClosed
	}
	return nil
}

// updateUser writes what differs.
func (s *Service) updateUser(ctx context.Context, u models.User, c UserChange) error {
	set, moved := map[string]any{}, false
	if c.Name != nil && *c.Name != u.Name {
		set["name"], set["first_name"], set["last_name"] = *c.Name, nil, nil
	}
	if c.OrganizationID != nil && *c.OrganizationID != u.OrganizationID {
		set["organization_id"], moved = *c.OrganizationID, true
	}
	if len(set) == 0 {
		return nil
	}
	if err := s.db.Conn(ctx).Model(&models.User{}).Where("id = ?", u.ID).Updates(set).Error; err != nil {
		return err
	}
	event := audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID}
	if !moved {
		return audit.Write(ctx, s.db, event)
	}
	if !c.keepOrgAdmin {
		if _, err := s.db.Exec(ctx, `DELETE FROM user_roles ur USING roles r WHERE ur.account_id = @account_id AND ur.user_id = @user
			AND r.id = ur.role_id AND lower(r.title) = @title`, store.Args{"user": u.ID, "title": models.RoleOrgAdmin}); err != nil {
			return err
		}
	}
	event.Action, event.OrganizationID, event.Data = "user.moved", c.OrganizationID, map[string]any{"fromOrganization": u.OrganizationID}
	if err := audit.Write(ctx, s.db, event); err != nil {
		return err
	}
	return s.tell(ctx, Event{Kind: UsersMoved, UserIDs: []int64{u.ID}})
}

// DeactivateUser makes one user INACTIVE, as DeactivateUsers does. One who is
// INACTIVE already stays so. Errors: models.ErrForbidden, ErrUserUnknown.
func (s *Service) DeactivateUser(ctx context.Context, id int64) (Person, error) {
	if _, err := managed(ctx); err != nil {
		return Person{}, err
	}
	if _, err := s.User(ctx, id); err != nil {
		return Person{}, err
	}
	if _, err := s.DeactivateUsers(ctx, id); err != nil && !errors.Is(err, ErrUserUnknown) {
		return Person{}, err
	}
	who, err := s.stored(ctx, id)
	if err == nil && who.User.Status == models.StatusActive { // moved away meanwhile
		return Person{}, ErrUserUnknown
	}
	return who, err
}

// GrantRoleByID is GrantRole by the role's id, and gives the user afterwards.
func (s *Service) GrantRoleByID(ctx context.Context, userID, roleID int64) (Person, error) {
	return s.changeRoleByID(ctx, userID, roleID, s.GrantRole)
}

// RevokeRoleByID is RevokeRole by the role's id, and gives the user afterwards.
func (s *Service) RevokeRoleByID(ctx context.Context, userID, roleID int64) (Person, error) {
	return s.changeRoleByID(ctx, userID, roleID, s.RevokeRole)
}

func (s *Service) changeRoleByID(ctx context.Context, userID, roleID int64, change func(context.Context, int64, string) (bool, error)) (Person, error) {
	if _, err := managed(ctx); err != nil {
		return Person{}, err
	}
	if _, err := s.User(ctx, userID); err != nil {
		return Person{}, err
	}
	role, err := s.Role(ctx, roleID)
	if err != nil {
		return Person{}, err
	}
	if _, err := change(ctx, userID, role.Title); err != nil {
		return Person{}, err
	}
	return s.stored(ctx, userID)
}

// ListRoles pages through the account's roles by id, INACTIVE ones included.
// next is the id to go on after, 0 on the last page.
func (s *Service) ListRoles(ctx context.Context, after int64, limit int) (page []models.Role, next int64, err error) {
	q := s.db.Conn(ctx).Where("deleted_at IS NULL AND id > ?", after).Order("id")
	if page, next, err = store.Page(q, limit, func(r models.Role) int64 { return r.ID }); err != nil {
		return nil, 0, fmt.Errorf("people: list roles: %w", err)
	}
	return page, next, nil
}

// RoleTitles gives the titles of roles by their ids, for NewUser. Errors:
// invalid roleIds when one is not an ACTIVE role of the account.
func (s *Service) RoleTitles(ctx context.Context, ids ...int64) ([]string, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var titles []string
	if len(ids) <= store.MaxPage {
		err := s.db.Query(ctx, &titles, `SELECT title FROM roles WHERE account_id = @account_id AND id = ANY(CAST(@ids AS bigint[]))
			AND status = 'ACTIVE' AND deleted_at IS NULL ORDER BY id`, store.Args{"ids": pq.Int64Array(ids)})
		if err != nil {
			return nil, fmt.Errorf("people: titles of roles: %w", err)
		}
	}
	if len(titles) != len(ids) {
		return nil, models.Invalid(models.FieldError{Field: "roleIds", Rule: input.Invalid, Text: "there is no such active role"})
	}
	return titles, nil
}

// ShownOrganization gives an organization that the caller may see: an admin
// any, others the ACTIVE ones. Errors: ErrOrganizationUnknown.
func (s *Service) ShownOrganization(ctx context.Context, id int64) (Organization, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return Organization{}, err
	}
	o, err := s.Organization(ctx, id)
	if err == nil && o.Status != models.StatusActive && !p.Has(models.RoleAdmin) {
		return Organization{}, ErrOrganizationUnknown
	}
	return o, err
}

// ListShownOrganizations is ListOrganizationsAfter for the caller. Without a
// status it lists the ACTIVE ones; others are for admins.
func (s *Service) ListShownOrganizations(ctx context.Context, f OrganizationFilter) (page []Organization, next int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	if f.Status == "" {
		f.Status = models.StatusActive
	}
	if f.Status != models.StatusActive && !p.Has(models.RoleAdmin) {
		return nil, 0, nil
	}
	return s.ListOrganizationsAfter(ctx, f)
}

// OrganizationChange is what is to change of an organization; nil stays as it
// is.
type OrganizationChange struct {
	Name        *string
	Description *string
	Domains     *[]string
}

// ChangeOrganization changes some properties of an organization: an admin any,
// an org_admin the own one. Errors: an invalid input, models.ErrForbidden,
// ErrOrganizationUnknown, ErrDomainTaken.
func (s *Service) ChangeOrganization(ctx context.Context, id int64, c OrganizationChange) (Organization, error) {
	own, err := managed(ctx)
	if err != nil {
		return Organization{}, err
	}
	if _, err := s.ShownOrganization(ctx, id); err != nil {
		return Organization{}, err
	}
	if own != 0 && own != id {
		return Organization{}, models.ErrForbidden
	}
	var r rules
	set, domains := map[string]any{"updated_by": actorOf(ctx)}, []string(nil)
	if c.Name != nil {
		set["name"] = r.name("name", *c.Name)
	}
	if c.Description != nil {
		set["description"] = r.text("description", *c.Description, maxDescription, true)
	}
	if c.Domains != nil {
		domains = r.domains("domains", append([]string{}, *c.Domains...))
	}
	if err := r.Err(); err != nil {
		return Organization{}, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Model(&models.Organization{}).Where("id = ?", id).Updates(set).Error; err != nil {
			return err
		}
		if domains != nil {
			if err := s.setDomains(ctx, id, domains); err != nil {
				return err
			}
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "organization.updated", SubjectType: "organization", SubjectID: id, OrganizationID: &id})
	})
	if err != nil {
		return Organization{}, err
	}
	return s.Organization(ctx, id)
}
