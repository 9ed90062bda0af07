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
	"unicode"
	"unicode/utf8"

	"quad/internal/audit"
	"quad/internal/auth"
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

func caller(ctx context.Context) (auth.Principal, error) {
	p, ok := auth.From(ctx)
	if !ok {
		return p, models.ErrUnauthenticated
	}
	return p, nil
}

// administrator gives the caller, who must administer the own organization.
func administrator(ctx context.Context) (auth.Principal, error) {
	p, err := caller(ctx)
	if err == nil && !administers(p) {
		err = models.ErrForbidden
	}
	return p, err
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

// rules collects what is wrong with an input.
type rules struct{ fields []models.FieldError }

func (r *rules) bad(field, rule, text string) {
	r.fields = append(r.fields, models.FieldError{Field: field, Rule: rule, Text: field + " " + text})
}

func (r *rules) err() error {
	if len(r.fields) == 0 {
		return nil
	}
	return models.Invalid(r.fields...)
}

// text trims a text that must not be empty.
func (r *rules) text(field string, value *string, most int) {
	if value == nil {
		return
	}
	switch *value = strings.TrimSpace(*value); {
	case *value == "":
		r.bad(field, "required", "field is empty")
	case utf8.RuneCountInString(*value) > most:
		r.bad(field, "too_long", "is too long")
	case !utf8.ValidString(*value) || strings.ContainsRune(*value, 0): // PostgreSQL stores neither
		r.bad(field, "invalid", "is no text")
	}
}

// word is text without white space inside.
func (r *rules) word(field string, value *string, most int) {
	r.text(field, value, most)
	if value != nil && strings.ContainsFunc(*value, unicode.IsSpace) {
		r.bad(field, "no_space", "contains white space")
	}
}

func (r *rules) status(value *models.Status) {
	if value != nil && *value != models.StatusActive && *value != models.StatusInactive {
		r.bad("status", "enum", "is none of ACTIVE, INACTIVE")
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
