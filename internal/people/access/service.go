// Package access manages what people may do: the roles of organizations, the
// modules and permissions of an account, and which role has which permission.
// The permission gate of package people decides from what is written here.
//
// Whatever changes what the gate decides from tells all processes in the
// transaction of the change, so it holds at the next request everywhere.
package access

import (
	"context"
	"errors"
	"fmt"

	"quad/internal/audit"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrRoleUnknown = models.Refuse(models.KindNotFound, "access.role_unknown", "there is no such role")
	ErrRoleTaken   = models.Refuse(models.KindConflict, "access.role_taken", "a role with this title exists already")
	// ErrRoleBuiltIn: the hub itself goes by the role.
	ErrRoleBuiltIn       = models.Refuse(models.KindConflict, "access.role_built_in", "the hub needs this role: it cannot be renamed, deactivated, deleted or given another type")
	ErrModuleUnknown     = models.Refuse(models.KindNotFound, "access.module_unknown", "there is no such module")
	ErrModuleTaken       = models.Refuse(models.KindConflict, "access.module_taken", "a module with this code exists already")
	ErrPermissionUnknown = models.Refuse(models.KindNotFound, "access.permission_unknown", "there is no such permission")
	ErrPermissionTaken   = models.Refuse(models.KindConflict, "access.permission_taken", "a permission with this code exists already")
	ErrMappingUnknown    = models.Refuse(models.KindNotFound, "access.mapping_unknown", "the role does not have this permission")
	ErrMappingExists     = models.Refuse(models.KindConflict, "access.mapping_exists", "the role has this permission already")
	// ErrSignInNeeded: without the permission nobody could sign in to put it right.
	ErrSignInNeeded = models.Refuse(models.KindConflict, "access.sign_in_needed", "this would leave admins without a way to sign in: the public needs a permission to do so")
)

// Deps is what a Service needs.
type Deps struct {
	DB *store.DB
	// Changed tells all processes that the account's permissions or their
	// mapping have changed, in the transaction of the change.
	Changed func(ctx context.Context) error
	// RolesGone ends what waits for roles that cannot be given any more, in the
	// transaction that ends them.
	RolesGone func(ctx context.Context, roleIDs ...int64) error
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Changed == nil || d.RolesGone == nil {
		return nil, errors.New("access: DB, Changed and RolesGone are needed")
	}
	return &Service{d: d}, nil
}

// change runs fn in a transaction. What fn gives goes to the audit trail.
func (s *Service) change(ctx context.Context, what string, fn func(ctx context.Context) ([]audit.Event, error)) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		events, err := fn(ctx)
		if err != nil {
			return err
		}
		return audit.Write(ctx, s.d.DB, events...)
	})
	if err != nil {
		return fmt.Errorf("access: %s: %w", what, err)
	}
	return nil
}

// taken reads the database's decision between those who want the same name.
func taken(err error, index string, refusal *models.Error) error {
	if store.Violates(err, index) {
		return refusal.With(err)
	}
	return err
}
