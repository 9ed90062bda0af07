// Package entitlement is who has which role on one course, group or workspace
// (an organization).
package entitlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ErrEntityUnknown is a course, group or workspace that is not there.
var ErrEntityUnknown = models.Refuse(models.KindNotFound, "entitlement.entity_unknown", "there is no such course, group or workspace")

// People is what this package asks about people. *people.Service is one.
type People interface {
	// LockUser finds a person who is not deleted and keeps others from changing
	// what they have until the end of the transaction.
	LockUser(ctx context.Context, user ref.Ref) (models.User, error)
	// PossibleRoles gives the titles of the possible roles of a person.
	PossibleRoles(ctx context.Context, userID int64) ([]string, error)
	// SubAccount finds the ACTIVE organization of a name, which is not the
	// default one.
	SubAccount(ctx context.Context, name string) (int64, error)
}

// Deps is what the package needs.
type Deps struct {
	DB     *store.DB
	People People
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil {
		return nil, errors.New("entitlement: DB and People are needed")
	}
	return &Service{d: d}, nil
}

// Change is a role on one entity that a person gets or loses. A workspace's
// identifier is the name of the sub-account.
type Change struct {
	User       ref.Ref
	EntityType models.EntitlementEntity
	Entity     ref.Ref
	Role       models.EntitlementRole
}

// The kinds and roles that there are; each goes with each.
var (
	entityTypes = []models.EntitlementEntity{models.EntitlementCourse, models.EntitlementGroup, models.EntitlementWorkspace}
	roles       = []models.EntitlementRole{models.EntitlementManager, models.EntitlementEditor, models.EntitlementInstructor}
)

func (c Change) check() error {
	var check input.Check
	if !slices.Contains(entityTypes, c.EntityType) {
		check.Bad("entityType", input.Enum, "is invalid, must be one of: COURSE,GROUP,WORKSPACE")
	}
	if !slices.Contains(roles, c.Role) {
		check.Bad("userRole", input.Enum, "is invalid, must be one of: MANAGER,EDITOR,INSTRUCTOR")
	}
	return check.Err()
}

// Grant gives a person a role on an entity, for an administrator; one that they
// have changes nothing. Errors: models.ErrForbidden, an invalid input, also for
// a role that is not among the person's possible ones; people.ErrUserUnknown,
// ErrEntityUnknown.
func (s *Service) Grant(ctx context.Context, c Change) error {
	return s.change(ctx, c, func(ctx context.Context, args store.Args) (string, int64, error) {
		userID, _ := args["user"].(int64)
		possible, err := s.d.People.PossibleRoles(ctx, userID)
		if err != nil {
			return "", 0, err
		}
		if !slices.Contains(possible, strings.ToLower(string(c.Role))) {
			var check input.Check
			check.Bad("userRole", "possible_role", "is not among the possible roles of the user")
			return "", 0, check.Err()
		}
		n, err := s.d.DB.Exec(ctx, `INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role)
			VALUES (@account_id, @user, @type, @entity, @role) ON CONFLICT DO NOTHING`, args)
		return "entitlement.granted", n, err
	})
}

// Take takes a role on an entity from a person, for an administrator; one that
// they do not have changes nothing. Errors: models.ErrForbidden, an invalid
// input, people.ErrUserUnknown, ErrEntityUnknown.
func (s *Service) Take(ctx context.Context, c Change) error {
	return s.change(ctx, c, func(ctx context.Context, args store.Args) (string, int64, error) {
		n, err := s.d.DB.Exec(ctx, `DELETE FROM entitlements WHERE account_id = @account_id AND user_id = @user
			AND entity_type = @type AND entity_id = @entity AND role = @role`, args)
		return "entitlement.taken", n, err
	})
}

// change runs a change in a transaction that has locked both ends.
func (s *Service) change(ctx context.Context, c Change, write func(context.Context, store.Args) (action string, rows int64, err error)) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		entity, u, err := s.ends(ctx, c)
		if err != nil {
			return err
		}
		action, n, err := write(ctx, store.Args{"user": u.ID, "type": c.EntityType, "entity": entity, "role": c.Role})
		if err != nil || n == 0 {
			return err
		}
		return audit.Write(ctx, s.d.DB, audit.Event{Action: action, SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
			Data: map[string]any{"entityType": c.EntityType, "entityId": entity, "role": c.Role}})
	})
}

// ends locks the entity and the person: organizations before people, the rest
// behind them. Of the two the person is missed first.
func (s *Service) ends(ctx context.Context, c Change) (entity int64, u models.User, err error) {
	var missing error
	if c.EntityType == models.EntitlementWorkspace {
		if entity, err = s.workspace(ctx, c.Entity); errors.Is(err, ErrEntityUnknown) {
			missing, err = err, nil
		}
	}
	if err != nil {
		return 0, u, err
	}
	if u, err = s.d.People.LockUser(ctx, c.User); err != nil {
		return 0, u, err
	}
	if missing != nil {
		return 0, u, missing
	}
	if c.EntityType != models.EntitlementWorkspace {
		entity, err = s.placed(ctx, c.EntityType, c.Entity)
	}
	return entity, u, err
}

func (s *Service) workspace(ctx context.Context, entity ref.Ref) (int64, error) {
	if entity.ID == 0 {
		id, err := s.d.People.SubAccount(ctx, entity.Identifier)
		if models.KindOf(err) == models.KindNotFound {
			return 0, ErrEntityUnknown.With(err)
		}
		return id, err
	}
	return s.one(ctx, `SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.id = @ref_id AND o.status = 'ACTIVE' AND NOT o.is_default FOR SHARE`, entity)
}

// placed locks a course or group against deletion. Those of an organization
// that is not ACTIVE are gone.
func (s *Service) placed(ctx context.Context, kind models.EntitlementEntity, entity ref.Ref) (int64, error) {
	table := "courses"
	if kind == models.EntitlementGroup {
		table = "groups"
	}
	return s.one(ctx, `SELECT e.id FROM `+table+` e LEFT JOIN organizations o ON o.id = e.organization_id
		WHERE e.account_id = @account_id AND `+entity.Condition("e")+` AND (o.id IS NULL OR o.status = 'ACTIVE') FOR KEY SHARE OF e`, entity)
}

func (s *Service) one(ctx context.Context, text string, entity ref.Ref) (id int64, err error) {
	if !entity.Valid() {
		return 0, ErrEntityUnknown
	}
	if err := s.d.DB.Query(ctx, &id, text, entity.Args()); err != nil {
		return 0, fmt.Errorf("entitlement: entity: %w", err)
	}
	if id == 0 {
		return 0, ErrEntityUnknown
	}
	return id, nil
}

// EntityGone takes all roles on entities that are being deleted, in the
// caller's transaction.
func (s *Service) EntityGone(ctx context.Context, kind models.EntitlementEntity, ids ...int64) error {
	_, err := s.d.DB.Exec(ctx, `DELETE FROM entitlements WHERE account_id = @account_id AND entity_type = @type AND entity_id = ANY(CAST(@ids AS bigint[]))`,
		store.Args{"type": kind, "ids": pq.Int64Array(ids)})
	if err != nil {
		return fmt.Errorf("entitlement: entity gone: %w", err)
	}
	return nil
}
