package access

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// ModuleInput is what a module is made of or changed to.
type ModuleInput struct {
	Code   string        // unique in the account, in any case
	Status models.Status // ACTIVE or INACTIVE, in any case; "": ACTIVE at create, as it is at update
}

func (in *ModuleInput) check(status models.Status) error {
	var c check
	c.Word("code", &in.Code, MaxCode)
	c.status(&in.Status, status)
	return c.Err()
}

// CreateModule adds a module, for an admin. The unique index on the code decides
// between callers who want the same. Errors: an invalid input,
// models.ErrForbidden, ErrModuleTaken.
func (s *Service) CreateModule(ctx context.Context, in ModuleInput) (models.Module, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Module{}, err
	}
	if err := in.check(models.StatusActive); err != nil {
		return models.Module{}, err
	}
	m := models.Module{Code: in.Code, Status: in.Status}
	err := s.change(ctx, "create module", func(ctx context.Context) ([]audit.Event, error) {
		if err := s.d.DB.Conn(ctx).Create(&m).Error; err != nil {
			return nil, taken(err, "modules_code", ErrModuleTaken)
		}
		return []audit.Event{moduleEvent("module.created", m.ID, moduleData(m))}, nil
	})
	if err != nil {
		return models.Module{}, err
	}
	return m, nil
}

// UpdateModule changes the code and the status of a module, for an admin. Its
// permissions follow the new code, so they allow paths with the new segment from
// the next request on; the status says nothing about them. Errors: an invalid
// input, models.ErrForbidden, ErrModuleUnknown, ErrModuleTaken, ErrSignInNeeded.
func (s *Service) UpdateModule(ctx context.Context, id int64, in ModuleInput) (models.Module, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Module{}, err
	}
	if err := in.check(""); err != nil {
		return models.Module{}, err
	}
	var m models.Module
	err := s.change(ctx, "update module", func(ctx context.Context) ([]audit.Event, error) {
		var old models.Module
		err := s.d.DB.Query(ctx, &old, `SELECT * FROM modules WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR NO KEY UPDATE`,
			store.Args{"id": id})
		if err != nil {
			return nil, err
		}
		if old.ID == 0 {
			return nil, ErrModuleUnknown
		}
		if in.Status == "" {
			in.Status = old.Status
		}
		err = s.d.DB.Query(ctx, &m, `UPDATE modules SET code = @code, status = @status, updated_at = now() WHERE account_id = @account_id AND id = @id RETURNING *`,
			store.Args{"id": id, "code": in.Code, "status": in.Status})
		if err != nil {
			return nil, taken(err, "modules_code", ErrModuleTaken)
		}
		events := []audit.Event{moduleEvent("module.updated", id, map[string]any{"from": moduleData(old), "to": moduleData(m)})}
		if old.Code == m.Code {
			return events, nil
		}
		moved, err := s.modulePermissions(ctx, `module = @new, updated_at = now()`, "permission.moved", old.Code, m.Code)
		if err != nil {
			return nil, err
		}
		return append(events, moved...), s.signInStays(ctx, old.Code)
	})
	if err != nil {
		return models.Module{}, err
	}
	return m, nil
}

// DeleteModule deletes a module softly, and its permissions with it, for an
// admin. Errors: models.ErrForbidden, ErrModuleUnknown, ErrSignInNeeded.
func (s *Service) DeleteModule(ctx context.Context, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	return s.change(ctx, "delete module", func(ctx context.Context) ([]audit.Event, error) {
		var m models.Module
		err := s.d.DB.Query(ctx, &m, `UPDATE modules SET deleted_at = now(), updated_at = now()
			WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL RETURNING *`, store.Args{"id": id})
		if err != nil {
			return nil, err
		}
		if m.ID == 0 {
			return nil, ErrModuleUnknown
		}
		gone, err := s.modulePermissions(ctx, `deleted_at = now(), updated_at = now()`, "permission.deleted", m.Code, "")
		if err != nil {
			return nil, err
		}
		return append([]audit.Event{moduleEvent("module.deleted", id, moduleData(m))}, gone...), s.signInStays(ctx, m.Code)
	})
}

// modulePermissions changes all permissions of a module with one statement,
// drops the mappings of those that are deleted by it, and gives an event of
// each.
func (s *Service) modulePermissions(ctx context.Context, set, action, code, newCode string) ([]audit.Event, error) {
	var changed []models.Permission
	err := s.d.DB.Query(ctx, &changed, `UPDATE permissions SET `+set+`
		WHERE account_id = @account_id AND lower(module) = lower(@code) AND deleted_at IS NULL RETURNING *`, store.Args{"code": code, "new": newCode})
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	var deleted pq.Int64Array
	events := make([]audit.Event, len(changed))
	for i, p := range changed {
		if p.DeletedAt != nil {
			deleted = append(deleted, p.ID)
		}
		events[i] = permissionEvent(action, p.ID, permissionData(p))
	}
	if len(deleted) == 0 {
		return events, s.d.Changed(ctx)
	}
	_, err = s.dropMappings(ctx, "permission_id = ANY(CAST(@permissions AS bigint[]))", store.Args{"permissions": deleted})
	return events, err
}

// ListModules gives a page by code, and how many there are before paging, for an
// admin. Errors: models.ErrForbidden.
func (s *Service) ListModules(ctx context.Context, p Page) (page []models.Module, count int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	args, ok := p.args()
	if !ok {
		return nil, 0, nil
	}
	return list[models.Module](ctx, s.d.DB, "modules", `(@search = '' OR lower(code) LIKE lower(@search))`, "lower(code)", args)
}

func moduleEvent(action string, id int64, data any) audit.Event {
	return audit.Event{Action: action, SubjectType: "module", SubjectID: id, Data: data}
}

func moduleData(m models.Module) map[string]any {
	return map[string]any{"code": m.Code, "status": m.Status}
}
