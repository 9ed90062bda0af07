// Package entity keeps the lists of values that organizations offer (entity
// types, such as languages) and the values in them (entities).
//
// Everybody sees the types of their own organization and those of the account's
// default organization that none of its own of the same value hides.
// Administrators change those of their own organization only: to everyone else
// these rows do not exist. A type that was inherited from the default
// organization shows the entities of its parent besides its own.
package entity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/livecache"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrTypeExists   = models.Refuse(models.KindConflict, "entity_type.exists", "the organization has an entity type of this value")
	ErrTypeNotFound = models.Refuse(models.KindNotFound, "entity_type.not_found", "there is no such entity type")
	ErrExists       = models.Refuse(models.KindConflict, "entity.exists", "the entity type has an entity of this value")
	ErrNotFound     = models.Refuse(models.KindNotFound, "entity.not_found", "there is no such entity")
	// ErrDefaultOrganization: the default organization inherits from nobody.
	ErrDefaultOrganization = models.Refuse(models.KindConflict, "entity_type.default_organization", "the default organization has nothing to inherit from")
)

// Sizes, in characters unless said otherwise.
const (
	MaxValue      = 100
	MaxLabel      = 255
	MaxWord       = 50 // type, data type
	MaxModelNames = 20 // how many
)

// Deps is what a Service needs.
type Deps struct {
	DB   *store.DB
	Live *livecache.Watcher // hears of what other processes change
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db     *store.DB
	labels *livecache.Cache[*known]
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Live == nil {
		return nil, errors.New("entity: DB and Live are needed")
	}
	return &Service{db: d.DB, labels: livecache.New[*known](d.Live, "entity-labels")}, nil
}

// administrator gives the caller, who must administer the own organization.
func administrator(ctx context.Context) (auth.Principal, error) {
	return auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin)
}

func administers(p auth.Principal) bool { return p.Has(models.RoleAdmin, models.RoleOrgAdmin) }

// changed notes a change in the audit trail and tells all processes.
func (s *Service) changed(ctx context.Context, organization int64, action string, id int64, data map[string]any) error {
	subject, _, _ := strings.Cut(action, ".")
	err := audit.Write(ctx, s.db, audit.Event{
		Action: action, SubjectType: subject, SubjectID: id, OrganizationID: &organization, Data: data,
	})
	if err != nil {
		return err
	}
	return s.labels.Changed(ctx)
}

// sent notes which of the values that a new one needs were not sent.
func sent(c *input.Check, names []string, values ...*string) {
	for i, v := range values {
		if v == nil {
			c.Bad(names[i], input.Required, "field is empty")
		}
	}
}

// set copies what is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// refused maps what the database decided and passes refusals on.
func refused(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Violates(err, "entity_types_value"):
		return ErrTypeExists.With(err)
	case store.Violates(err, "entities_value"):
		return ErrExists.With(err)
	case errors.Is(err, ErrTypeNotFound), errors.Is(err, ErrNotFound), errors.Is(err, ErrDefaultOrganization),
		models.KindOf(err) == models.KindInvalid:
		return err
	}
	return fmt.Errorf("entity: %s: %w", what, err)
}
