package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/store"
	"quad/models"
)

// Role reads a role that is not deleted. Errors: ErrRoleUnknown.
func (s *Service) Role(ctx context.Context, id int64) (models.Role, error) {
	return s.role(ctx, "id = ?", id)
}

// RoleByTitle is Role by title, in any case.
func (s *Service) RoleByTitle(ctx context.Context, title string) (models.Role, error) {
	return s.role(ctx, "lower(title) = ?", strings.ToLower(strings.TrimSpace(title)))
}

func (s *Service) role(ctx context.Context, where string, value any) (models.Role, error) {
	var r models.Role
	if err := s.db.Conn(ctx).Where(where, value).Where("deleted_at IS NULL").Limit(1).Find(&r).Error; err != nil {
		return r, fmt.Errorf("people: role: %w", err)
	}
	if r.ID == 0 {
		return r, ErrRoleUnknown
	}
	return r, nil
}

// activeRoles reads ACTIVE roles by their titles. Errors: ErrRoleUnknown when
// one is missing.
func (s *Service) activeRoles(ctx context.Context, titles []string) ([]models.Role, error) {
	wanted := make(pq.StringArray, 0, len(titles))
	for _, t := range titles {
		if t = strings.ToLower(strings.TrimSpace(t)); !slices.Contains(wanted, t) {
			wanted = append(wanted, t)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	var roles []models.Role
	err := s.db.Conn(ctx).Where("lower(title) = ANY(CAST(? AS text[])) AND status = 'ACTIVE' AND deleted_at IS NULL", wanted).Order("id").Find(&roles).Error
	if err != nil {
		return nil, fmt.Errorf("people: roles: %w", err)
	}
	if len(roles) != len(wanted) {
		return nil, ErrRoleUnknown
	}
	return roles, nil
}

// GrantRole gives a user an ACTIVE role; false if they hold it already. An
// org_admin grants ordinary roles to people of the own organization. It holds
// at the user's next request. Errors: models.ErrForbidden, ErrUserUnknown,
// ErrRoleUnknown.
func (s *Service) GrantRole(ctx context.Context, userID int64, title string) (bool, error) {
	return s.changeRole(ctx, userID, title, roleGranted)
}

// RevokeRole takes a role from a user; false if they do not hold it. It holds
// at the user's next request. Errors as GrantRole, and ErrLastAdmin.
func (s *Service) RevokeRole(ctx context.Context, userID int64, title string) (bool, error) {
	return s.changeRole(ctx, userID, title, roleRevoked)
}

// What happens to the roles of a person, as the audit trail names it.
const (
	roleGranted = "role.granted"
	roleRevoked = "role.revoked"
)

const (
	grantRole  = `INSERT INTO user_roles (account_id, user_id, role_id) VALUES (@account_id, @user, @role) ON CONFLICT DO NOTHING`
	revokeRole = `DELETE FROM user_roles WHERE account_id = @account_id AND user_id = @user AND role_id = @role`
)

func (s *Service) changeRole(ctx context.Context, userID int64, title, action string) (changed bool, err error) {
	own, err := managed(ctx)
	if err != nil {
		return false, err
	}
	roles, err := s.activeRoles(ctx, []string{title})
	if err != nil {
		return false, err
	}
	role := roles[0]
	if own != 0 && role.UserType != models.UserTypeOrdinary {
		return false, models.ErrForbidden
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var u models.User
		if err := s.db.Query(ctx, &u, `SELECT * FROM users WHERE id = @id AND account_id = @account_id AND status <> 'DELETED' FOR SHARE`,
			store.Args{"id": userID}); err != nil {
			return err
		}
		if u.ID == 0 || own != 0 && u.OrganizationID != own {
			return ErrUserUnknown
		}
		changed, err = s.writeRole(ctx, u, role, action)
		return err
	})
	return changed && err == nil, err
}

// writeRole gives a locked user a role, or takes it, and tells whether that
// changed anything.
func (s *Service) writeRole(ctx context.Context, u models.User, role models.Role, action string) (bool, error) {
	text := grantRole
	if action == roleRevoked {
		text = revokeRole
	}
	n, err := s.db.Exec(ctx, text, store.Args{"user": u.ID, "role": role.ID})
	if err != nil || n == 0 {
		return false, err
	}
	if err := audit.Write(ctx, s.db, audit.Event{Action: action, SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
		Data: map[string]any{"role": role.Title}}); err != nil {
		return false, err
	}
	switch {
	case action == roleRevoked && strings.EqualFold(role.Title, models.RoleAdmin):
		return true, s.someAdminStays(ctx)
	case action == roleRevoked && strings.EqualFold(role.Title, models.PossibleRoleInstructor):
		_, err = s.db.Exec(ctx, `UPDATE user_details SET permissions = '{}', updated_at = now() WHERE user_id = @user AND account_id = @account_id`,
			store.Args{"user": u.ID})
	}
	return true, err
}
