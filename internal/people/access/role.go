package access

import (
	"context"
	"slices"
	"strings"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// Some roles are more than data: the hub goes by their titles. admin passes the
// gate, org_admin administrates an organization, mentee is what everybody is at
// first.
var builtIn = []string{models.RoleAdmin, models.RoleOrgAdmin, models.RoleMentee}

// pseudo are the titles that nobody holds as a role and everybody has.
var pseudo = []string{models.RolePublic, models.RoleAny}

// RoleInput is what a role is made of or changed to.
type RoleInput struct {
	Title      string // unique in the account, in any case; no white space
	Label      string // "": the title at create, as it is at update
	UserType   models.UserType
	Status     models.Status // ACTIVE or INACTIVE, in any case
	Visibility string
}

func (in *RoleInput) check() error {
	var c check
	c.Word("title", &in.Title, MaxCode)
	c.OptionalLine("label", &in.Label, MaxText)
	if in.UserType != models.UserTypeOrdinary && in.UserType != models.UserTypeSystem {
		c.Bad("user_type", input.Enum, "is invalid, must be one of: 0,1")
	}
	if strings.TrimSpace(string(in.Status)) == "" {
		c.Bad("status", input.Required, "field is empty")
	} else {
		c.status(&in.Status, "")
	}
	c.Line("visibility", &in.Visibility, MaxText)
	return c.Err()
}

// CreateRole adds a role to the caller's organization, for an admin. The unique
// index on the title decides between callers who want the same. Errors: an
// invalid input, models.ErrForbidden, ErrRoleTaken.
func (s *Service) CreateRole(ctx context.Context, in RoleInput) (models.Role, error) {
	p, err := auth.CallerWith(ctx, models.RoleAdmin)
	if err != nil {
		return models.Role{}, err
	}
	if err := in.check(); err != nil {
		return models.Role{}, err
	}
	if slices.Contains(pseudo, strings.ToLower(in.Title)) {
		return models.Role{}, ErrRoleTaken
	}
	if in.Label == "" {
		in.Label = in.Title
	}
	r := models.Role{OrganizationID: p.OrganizationID, Title: in.Title, Label: in.Label, UserType: in.UserType, Status: in.Status, Visibility: in.Visibility}
	err = s.change(ctx, "create role", func(ctx context.Context) ([]audit.Event, error) {
		if err := s.d.DB.Conn(ctx).Create(&r).Error; err != nil {
			return nil, taken(err, "roles_title", ErrRoleTaken)
		}
		return []audit.Event{roleEvent("role.created", r, map[string]any{"title": r.Title})}, nil
	})
	if err != nil {
		return models.Role{}, err
	}
	return r, nil
}

// UpdateRole replaces the fields of a role of the caller's organization, for an
// admin. A new title keeps the holders and the permissions. An INACTIVE role
// grants nothing from the next request on, keeps both for the day it is ACTIVE
// again, and cannot be asked for, as a system role can't: open requests for it
// end. Errors: an invalid input, models.ErrForbidden, ErrRoleUnknown,
// ErrRoleTaken, ErrRoleBuiltIn.
func (s *Service) UpdateRole(ctx context.Context, id int64, in RoleInput) (models.Role, error) {
	p, err := auth.CallerWith(ctx, models.RoleAdmin)
	if err != nil {
		return models.Role{}, err
	}
	if err := in.check(); err != nil {
		return models.Role{}, err
	}
	if slices.Contains(pseudo, strings.ToLower(in.Title)) {
		return models.Role{}, ErrRoleTaken
	}
	var r models.Role
	err = s.change(ctx, "update role", func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.lockRole(ctx, p.OrganizationID, id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(builtIn, old.Title) && (in.Title != old.Title || in.UserType != old.UserType || in.Status != models.StatusActive) {
			return nil, ErrRoleBuiltIn
		}
		switch {
		case in.Label != "":
		case old.Label == old.Title:
			in.Label = in.Title
		default:
			in.Label = old.Label
		}
		err = s.d.DB.Query(ctx, &r, `UPDATE roles SET title = @title, label = @label, user_type = @type, status = @status, visibility = @visibility, updated_at = now()
			WHERE account_id = @account_id AND id = @id RETURNING *`,
			store.Args{"id": id, "title": in.Title, "label": in.Label, "type": in.UserType, "status": in.Status, "visibility": in.Visibility})
		if err != nil {
			return nil, taken(err, "roles_title", ErrRoleTaken)
		}
		if err := s.roleChanged(ctx, old, r); err != nil {
			return nil, err
		}
		return []audit.Event{roleEvent("role.updated", r, map[string]any{
			"from": roleData(old), "to": roleData(r),
		})}, nil
	})
	if err != nil {
		return models.Role{}, err
	}
	return r, nil
}

// roleChanged has what depends on a role follow it.
func (s *Service) roleChanged(ctx context.Context, old, r models.Role) error {
	if old.Title != r.Title {
		args := store.Args{"from": old.Title, "to": r.Title}
		if err := s.lockMappings(ctx, "role_title = lower(@from)", args); err != nil {
			return err
		}
		if _, err := s.d.DB.Exec(ctx, `UPDATE role_permissions SET role_title = lower(@to) WHERE account_id = @account_id AND role_title = lower(@from)`, args); err != nil {
			return err
		}
		if err := s.d.Changed(ctx); err != nil {
			return err
		}
	}
	if grantable(old) && !grantable(r) {
		return s.d.RolesGone(ctx, r.ID)
	}
	return nil
}

// grantable tells whether a role can be asked for.
func grantable(r models.Role) bool {
	return r.Status == models.StatusActive && r.UserType == models.UserTypeOrdinary
}

// DeleteRole deletes a role of the caller's organization softly, for an admin.
// It grants nothing from the next request of its holders on, loses its
// permissions, open requests for it end, and invitations that name it are worth
// what else they name. Its title is free again, but who held it does not hold
// the next role of that title. Errors: models.ErrForbidden, ErrRoleUnknown,
// ErrRoleBuiltIn.
func (s *Service) DeleteRole(ctx context.Context, id int64) error {
	p, err := auth.CallerWith(ctx, models.RoleAdmin)
	if err != nil {
		return err
	}
	return s.change(ctx, "delete role", func(ctx context.Context) ([]audit.Event, error) {
		r, err := s.lockRole(ctx, p.OrganizationID, id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(builtIn, r.Title) {
			return nil, ErrRoleBuiltIn
		}
		if _, err := s.d.DB.Exec(ctx, `UPDATE roles SET deleted_at = now(), updated_at = now() WHERE account_id = @account_id AND id = @id`,
			store.Args{"id": id}); err != nil {
			return nil, err
		}
		n, err := s.dropMappings(ctx, "role_title = lower(@title)", store.Args{"title": r.Title})
		if err != nil {
			return nil, err
		}
		if err := s.d.RolesGone(ctx, r.ID); err != nil {
			return nil, err
		}
		return []audit.Event{roleEvent("role.deleted", r, map[string]any{"title": r.Title, "permissions": n})}, nil
	})
}

// lockRole reads a role of an organization and keeps others from changing it,
// and from giving it permissions, until the end of the transaction.
func (s *Service) lockRole(ctx context.Context, organizationID, id int64) (models.Role, error) {
	var r models.Role
	err := s.d.DB.Query(ctx, &r, `SELECT * FROM roles WHERE account_id = @account_id AND organization_id = @organization AND id = @id AND deleted_at IS NULL
		FOR NO KEY UPDATE`, store.Args{"organization": organizationID, "id": id})
	if err == nil && r.ID == 0 {
		err = ErrRoleUnknown
	}
	return r, err
}

// RoleFilter says which roles to list. Nil fields do not filter.
type RoleFilter struct {
	Page
	UserType       *int64
	OrganizationID *int64
	Status         *models.Status // in any case
	Visibility     *string        // in any case
}

// ownOrDefault are the roles that the people of an organization see.
const ownOrDefault = `organization_id IN (@own, (SELECT id FROM organizations WHERE account_id = @account_id AND is_default))`

// ListRoles gives a page of the roles of the caller's and of the default
// organization, INACTIVE ones included, by title, and how many there are before
// paging. Any user may see them.
func (s *Service) ListRoles(ctx context.Context, f RoleFilter) (page []models.Role, count int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	args, ok := f.args()
	where := ownOrDefault + ` AND (@search = '' OR lower(title) LIKE lower(@search))`
	args["own"] = p.OrganizationID
	if f.UserType != nil {
		where, args["type"] = where+` AND user_type = CAST(@type AS bigint)`, *f.UserType
	}
	if f.OrganizationID != nil {
		where, args["organization"] = where+` AND organization_id = @organization`, *f.OrganizationID
	}
	if f.Status != nil {
		where, args["status"] = where+` AND status = @status`, strings.ToUpper(string(*f.Status))
		ok = ok && store.Storable(string(*f.Status))
	}
	if f.Visibility != nil {
		where, args["visibility"] = where+` AND lower(visibility) = lower(@visibility)`, *f.Visibility
		ok = ok && store.Storable(*f.Visibility)
	}
	if !ok {
		return nil, 0, nil
	}
	return list[models.Role](ctx, s.d.DB, "roles", where, "lower(title)", args)
}

func roleEvent(action string, r models.Role, data map[string]any) audit.Event {
	return audit.Event{Action: action, SubjectType: "role", SubjectID: r.ID, OrganizationID: &r.OrganizationID, Data: data}
}

func roleData(r models.Role) map[string]any {
	return map[string]any{"title": r.Title, "label": r.Label, "userType": r.UserType, "status": r.Status, "visibility": r.Visibility}
}
