package access

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// PermissionInput is what a permission is made of or changed to.
type PermissionInput struct {
	Code    string        // unique in the account, in any case
	Module  string        // the third segment of the paths that it allows
	Methods []string      // out of Methods, in any case
	Path    string        // without an id, or with a * at the end for all that begins so
	Status  models.Status // ACTIVE or INACTIVE, in any case; "": ACTIVE at create, as it is at update
}

func (in *PermissionInput) check(status models.Status) error {
	var c check
	c.Word("code", &in.Code, MaxCode)
	c.Word("module", &in.Module, MaxCode)
	c.methods("request_type", &in.Methods)
	c.path("api_path", &in.Path)
	c.status(&in.Status, status)
	return c.Err()
}

// CreatePermission adds a permission, for an admin. No role has it yet. The
// unique index on the code decides between callers who want the same. Errors: an
// invalid input, models.ErrForbidden, ErrPermissionTaken.
func (s *Service) CreatePermission(ctx context.Context, in PermissionInput) (models.Permission, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Permission{}, err
	}
	if err := in.check(models.StatusActive); err != nil {
		return models.Permission{}, err
	}
	p := models.Permission{Code: in.Code, Module: in.Module, RequestType: in.Methods, APIPath: in.Path, Status: in.Status}
	err := s.change(ctx, "create permission", func(ctx context.Context) ([]audit.Event, error) {
		if err := s.d.DB.Conn(ctx).Create(&p).Error; err != nil {
			return nil, taken(err, "permissions_code", ErrPermissionTaken)
		}
		return []audit.Event{permissionEvent("permission.created", p.ID, permissionData(p))}, nil
	})
	if err != nil {
		return models.Permission{}, err
	}
	return p, nil
}

// UpdatePermission replaces the fields of a permission, for an admin. The roles
// that have it keep it, and what it allows changes with their holders' next
// request. Errors: an invalid input, models.ErrForbidden, ErrPermissionUnknown,
// ErrPermissionTaken, ErrSignInNeeded.
func (s *Service) UpdatePermission(ctx context.Context, id int64, in PermissionInput) (models.Permission, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Permission{}, err
	}
	if err := in.check(""); err != nil {
		return models.Permission{}, err
	}
	var p models.Permission
	err := s.change(ctx, "update permission", func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.permission(ctx, id, "FOR NO KEY UPDATE")
		if err != nil {
			return nil, err
		}
		if in.Status == "" {
			in.Status = old.Status
		}
		err = s.d.DB.Query(ctx, &p, `UPDATE permissions SET code = @code, module = @module, request_type = CAST(@methods AS text[]), api_path = @path,
				status = @status, updated_at = now()
			WHERE account_id = @account_id AND id = @id RETURNING *`,
			store.Args{"id": id, "code": in.Code, "module": in.Module, "methods": pq.StringArray(in.Methods), "path": in.Path, "status": in.Status})
		if err != nil {
			return nil, taken(err, "permissions_code", ErrPermissionTaken)
		}
		if err := s.signInStays(ctx, old.Module); err != nil {
			return nil, err
		}
		event := permissionEvent("permission.updated", id, map[string]any{"from": permissionData(old), "to": permissionData(p)})
		return []audit.Event{event}, s.d.Changed(ctx)
	})
	if err != nil {
		return models.Permission{}, err
	}
	return p, nil
}

// DeletePermission deletes a permission softly and takes it from all roles, for
// an admin. Errors: models.ErrForbidden, ErrPermissionUnknown, ErrSignInNeeded.
func (s *Service) DeletePermission(ctx context.Context, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	return s.change(ctx, "delete permission", func(ctx context.Context) ([]audit.Event, error) {
		var p models.Permission
		err := s.d.DB.Query(ctx, &p, `UPDATE permissions SET deleted_at = now(), updated_at = now()
			WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL RETURNING *`, store.Args{"id": id})
		if err != nil {
			return nil, err
		}
		if p.ID == 0 {
			return nil, ErrPermissionUnknown
		}
		if _, err := s.dropMappings(ctx, "permission_id = @permission", store.Args{"permission": id}); err != nil {
			return nil, err
		}
		return []audit.Event{permissionEvent("permission.deleted", id, permissionData(p))}, s.signInStays(ctx, p.Module)
	})
}

// ListPermissions gives a page by code, and how many there are before paging,
// for an admin. Errors: models.ErrForbidden.
func (s *Service) ListPermissions(ctx context.Context, p Page) (page []models.Permission, count int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	args, ok := p.args()
	if !ok {
		return nil, 0, nil
	}
	return list[models.Permission](ctx, s.d.DB, "permissions", `(@search = '' OR lower(code) LIKE lower(@search))`, "lower(code)", args)
}

// permission reads one and locks it.
func (s *Service) permission(ctx context.Context, id int64, lock string) (models.Permission, error) {
	var p models.Permission
	err := s.d.DB.Query(ctx, &p, `SELECT * FROM permissions WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL `+lock, store.Args{"id": id})
	if err == nil && p.ID == 0 {
		err = ErrPermissionUnknown
	}
	return p, err
}

// Where admins sign in: what is public there must stay so, because without it
// nobody could put it right.
const (
	signInModule = "admin"
	signInPath   = "/user/v1/admin/login"
)

// signInStays ends a transaction that has changed or deleted permissions of a
// module. Who takes away the last but one at the same time waits here: the lock
// meets theirs. Errors: ErrSignInNeeded.
func (s *Service) signInStays(ctx context.Context, module string) error {
	if !strings.EqualFold(module, signInModule) {
		return nil
	}
	var id int64
	err := s.d.DB.Query(ctx, &id, `SELECT p.id FROM permissions p JOIN role_permissions m ON m.account_id = p.account_id AND m.permission_id = p.id
		WHERE p.account_id = @account_id AND m.role_title = @public AND p.status = 'ACTIVE' AND p.deleted_at IS NULL
			AND lower(p.module) = @module AND 'POST' = ANY(p.request_type)
			AND (lower(p.api_path) = @path OR p.api_path LIKE '%*' AND starts_with(@path, lower(left(p.api_path, -1))))
		ORDER BY p.id LIMIT 1 FOR SHARE OF p`, store.Args{"public": models.RolePublic, "module": signInModule, "path": signInPath})
	if err == nil && id == 0 {
		err = ErrSignInNeeded
	}
	return err
}

func permissionEvent(action string, id int64, data any) audit.Event {
	return audit.Event{Action: action, SubjectType: "permission", SubjectID: id, Data: data}
}

func permissionData(p models.Permission) map[string]any {
	return map[string]any{"code": p.Code, "module": p.Module, "methods": []string(p.RequestType), "path": p.APIPath, "status": p.Status}
}
