package access

import (
	"context"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// GrantPermission gives a permission to a role of the caller's or of the default
// organization, for an admin. It holds at the next request of those who hold the
// role. The primary key decides between callers who do the same. Errors:
// models.ErrForbidden, ErrRoleUnknown, ErrPermissionUnknown, ErrMappingExists.
func (s *Service) GrantPermission(ctx context.Context, roleID, permissionID int64) (models.Permission, error) {
	p, err := auth.CallerWith(ctx, models.RoleAdmin)
	if err != nil {
		return models.Permission{}, err
	}
	var permission models.Permission
	err = s.change(ctx, "grant permission", func(ctx context.Context) ([]audit.Event, error) {
		// Neither can be deleted or renamed before this ends.
		var role models.Role
		err := s.d.DB.Query(ctx, &role, `SELECT * FROM roles WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL AND `+ownOrDefault+` FOR SHARE`,
			store.Args{"id": roleID, "own": p.OrganizationID})
		if err != nil {
			return nil, err
		}
		if role.ID == 0 {
			return nil, ErrRoleUnknown
		}
		if permission, err = s.permission(ctx, permissionID, "FOR SHARE"); err != nil {
			return nil, err
		}
		n, err := s.d.DB.Exec(ctx, `INSERT INTO role_permissions (account_id, role_title, permission_id, created_by)
			VALUES (@account_id, lower(@title), @permission, @by) ON CONFLICT DO NOTHING`,
			store.Args{"title": role.Title, "permission": permission.ID, "by": p.UserID})
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, ErrMappingExists
		}
		return []audit.Event{mappingEvent("role.permission_granted", role, permission)}, s.d.Changed(ctx)
	})
	if err != nil {
		return models.Permission{}, err
	}
	return permission, nil
}

// WithdrawPermission takes a permission from a role of the caller's or of the
// default organization, for an admin. It holds at the next request of those who
// hold the role. Errors: models.ErrForbidden, ErrMappingUnknown.
func (s *Service) WithdrawPermission(ctx context.Context, roleID, permissionID int64) error {
	p, err := auth.CallerWith(ctx, models.RoleAdmin)
	if err != nil {
		return err
	}
	return s.change(ctx, "withdraw permission", func(ctx context.Context) ([]audit.Event, error) {
		var gone struct {
			models.Role
			Code string
		}
		err := s.d.DB.Query(ctx, &gone, `DELETE FROM role_permissions m USING roles r, permissions p
			WHERE m.account_id = @account_id AND m.permission_id = @permission AND p.id = m.permission_id
				AND m.role_title = lower(r.title) AND r.account_id = @account_id AND r.id = @role AND r.deleted_at IS NULL AND r.`+ownOrDefault+`
			RETURNING r.*, p.code`,
			store.Args{"role": roleID, "permission": permissionID, "own": p.OrganizationID})
		if err != nil {
			return nil, err
		}
		if gone.ID == 0 {
			return nil, ErrMappingUnknown
		}
		return []audit.Event{mappingEvent("role.permission_withdrawn", gone.Role, models.Permission{ID: permissionID, Code: gone.Code})}, s.d.Changed(ctx)
	})
}

func mappingEvent(action string, r models.Role, p models.Permission) audit.Event {
	return roleEvent(action, r, map[string]any{"permissionId": p.ID, "permission": p.Code})
}

// lockMappings locks mappings in one order, so that those who change many can't
// wait for each other.
func (s *Service) lockMappings(ctx context.Context, where string, args store.Args) error {
	_, err := s.d.DB.Exec(ctx, `SELECT FROM role_permissions WHERE account_id = @account_id AND `+where+` ORDER BY role_title, permission_id FOR UPDATE`, args)
	return err
}

// dropMappings takes mappings away and tells all processes; how many those were
// comes back.
func (s *Service) dropMappings(ctx context.Context, where string, args store.Args) (int64, error) {
	if err := s.lockMappings(ctx, where, args); err != nil {
		return 0, err
	}
	n, err := s.d.DB.Exec(ctx, `DELETE FROM role_permissions WHERE account_id = @account_id AND `+where, args)
	if err != nil {
		return 0, err
	}
	return n, s.d.Changed(ctx)
}
