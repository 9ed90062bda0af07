package entity

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// TypeInput is what an entity type is made of or changed to. What is nil stays
// as it is, or has its default: an ACTIVE open list for models.User.
type TypeInput struct {
	Value               *string
	Label               *string
	Type                *string
	DataType            *string
	Status              *models.Status
	AllowFiltering      *bool
	HasEntities         *bool
	AllowCustomEntities *bool
	ModelNames          []string
}

func (in *TypeInput) check(create bool) error {
	var c input.Check
	if create {
		sent(&c, []string{"value", "label"}, in.Value, in.Label)
	}
	c.Word("value", in.Value, MaxValue)
	c.Text("label", in.Label, MaxLabel)
	c.Text("type", in.Type, MaxWord)
	c.Text("data_type", in.DataType, MaxWord)
	input.OneOf(&c, "status", in.Status, models.StatusActive, models.StatusInactive)
	if len(in.ModelNames) > MaxModelNames {
		c.Bad("model_names", input.TooLong, "are too many")
	}
	for i := range in.ModelNames {
		if !c.Optional("model_names", &in.ModelNames[i], MaxWord) {
			break // one mistake is enough to say
		}
	}
	return c.Err()
}

func (in *TypeInput) apply(t *models.EntityType) {
	set(&t.Value, in.Value)
	set(&t.Label, in.Label)
	set(&t.Type, in.Type)
	set(&t.DataType, in.DataType)
	set(&t.Status, in.Status)
	set(&t.AllowFiltering, in.AllowFiltering)
	set(&t.HasEntities, in.HasEntities)
	set(&t.AllowCustomEntities, in.AllowCustomEntities)
	if in.ModelNames != nil {
		t.ModelNames = in.ModelNames
	}
}

// CreateType adds a type to the caller's organization, for its administrators.
// The unique index decides between callers who want the same value. Errors: an
// invalid input, models.ErrForbidden, ErrTypeExists.
func (s *Service) CreateType(ctx context.Context, in TypeInput) (models.EntityType, error) {
	p, err := administrator(ctx)
	if err != nil {
		return models.EntityType{}, err
	}
	if err := in.check(true); err != nil {
		return models.EntityType{}, err
	}
	t := models.EntityType{
		OrganizationID: p.OrganizationID, Type: string(models.EntitySystem), DataType: "STRING", Status: models.StatusActive,
		HasEntities: true, AllowCustomEntities: true, ModelNames: pq.StringArray{"User"}, CreatedBy: p.UserID, UpdatedBy: p.UserID,
	}
	in.apply(&t)
	return s.addType(ctx, "entity_type.created", t)
}

func (s *Service) addType(ctx context.Context, action string, t models.EntityType) (models.EntityType, error) {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&t).Error; err != nil {
			return err
		}
		return s.typeChanged(ctx, action, t)
	})
	if err != nil {
		return models.EntityType{}, refused("create type", err)
	}
	return t, nil
}

func (s *Service) typeChanged(ctx context.Context, action string, t models.EntityType) error {
	return s.changed(ctx, t.OrganizationID, action, t.ID, map[string]any{"value": t.Value})
}

// ownType reads a type of an organization and keeps others from changing it
// until the end of the transaction. Errors: ErrTypeNotFound.
func (s *Service) ownType(ctx context.Context, organization, id int64, lock string) (models.EntityType, error) {
	var t models.EntityType
	err := s.db.Query(ctx, &t, `SELECT * FROM entity_types WHERE account_id = @account_id AND organization_id = @organization AND id = @id
		AND deleted_at IS NULL FOR `+lock, store.Args{"organization": organization, "id": id})
	if err == nil && t.ID == 0 {
		err = ErrTypeNotFound
	}
	return t, err
}

// UpdateType changes a type of the caller's organization, for its
// administrators. Errors: as CreateType, and ErrTypeNotFound.
func (s *Service) UpdateType(ctx context.Context, id int64, in TypeInput) (t models.EntityType, err error) {
	p, err := administrator(ctx)
	if err != nil {
		return t, err
	}
	if err := in.check(false); err != nil {
		return t, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if t, err = s.ownType(ctx, p.OrganizationID, id, "NO KEY UPDATE"); err != nil {
			return err
		}
		in.apply(&t)
		t.UpdatedBy = p.UserID
		err := s.db.Conn(ctx).Model(&t).Select("value", "label", "type", "data_type", "status", "allow_filtering", "has_entities",
			"allow_custom_entities", "model_names", "updated_by", "updated_at").Updates(&t).Error
		if err != nil {
			return err
		}
		return s.typeChanged(ctx, "entity_type.updated", t)
	})
	if err != nil {
		return models.EntityType{}, refused("update type", err)
	}
	return t, nil
}

// DeleteType takes a type of the caller's organization away together with its
// entities, for its administrators. Types that inherited from it stay, without
// those entities. Its value is free again. Errors: models.ErrForbidden,
// ErrTypeNotFound.
func (s *Service) DeleteType(ctx context.Context, id int64) error {
	p, err := administrator(ctx)
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var t models.EntityType
		args := store.Args{"organization": p.OrganizationID, "id": id, "user": p.UserID}
		err := s.db.Query(ctx, &t, `UPDATE entity_types SET deleted_at = now(), updated_at = now(), updated_by = @user
			WHERE account_id = @account_id AND organization_id = @organization AND id = @id AND deleted_at IS NULL RETURNING *`, args)
		switch {
		case err != nil:
			return err
		case t.ID == 0:
			return ErrTypeNotFound
		}
		// Nobody adds one meanwhile: that takes a lock on the type's row.
		if _, err := s.db.Exec(ctx, `UPDATE entities SET deleted_at = now(), updated_at = now(), updated_by = @user
			WHERE account_id = @account_id AND entity_type_id = @id AND deleted_at IS NULL`, args); err != nil {
			return err
		}
		return s.typeChanged(ctx, "entity_type.deleted", t)
	})
	return refused("delete type", err)
}

// Inherit copies a type of the default organization that allows filtering into
// the caller's, under another label, for org_admins. Its entities stay with the
// source and show in both. Errors: an invalid input, models.ErrForbidden,
// ErrDefaultOrganization, ErrTypeNotFound, ErrTypeExists.
func (s *Service) Inherit(ctx context.Context, value, label string) (models.EntityType, error) {
	p, err := auth.Caller(ctx)
	switch {
	case err != nil:
		return models.EntityType{}, err
	case !p.Has(models.RoleOrgAdmin):
		return models.EntityType{}, models.ErrForbidden
	}
	var c input.Check
	c.Text("entity_type_value", &value, MaxValue)
	c.Text("target_entity_type_label", &label, MaxLabel)
	if err := c.Err(); err != nil {
		return models.EntityType{}, err
	}
	// One row always: the default organization, with the source if there is one.
	var source struct {
		DefaultID int64
		models.EntityType
	}
	err = s.db.Query(ctx, &source, `SELECT o.id AS default_id, t.* FROM organizations o
		LEFT JOIN entity_types t ON t.organization_id = o.id AND t.value = @value AND t.allow_filtering AND t.status = 'ACTIVE' AND t.deleted_at IS NULL
		WHERE o.account_id = @account_id AND o.is_default`, store.Args{"value": value})
	switch {
	case err != nil:
		return models.EntityType{}, refused("inherit", err)
	case source.DefaultID == p.OrganizationID:
		return models.EntityType{}, ErrDefaultOrganization
	case source.ID == 0:
		return models.EntityType{}, ErrTypeNotFound
	}
	from := source.EntityType
	return s.addType(ctx, "entity_type.inherited", models.EntityType{
		OrganizationID: p.OrganizationID, ParentID: &from.ID, Value: from.Value, Label: label, Type: from.Type, DataType: from.DataType,
		Status: models.StatusActive, AllowFiltering: from.AllowFiltering, HasEntities: from.HasEntities, AllowCustomEntities: from.AllowCustomEntities,
		ModelNames: from.ModelNames, CreatedBy: p.UserID, UpdatedBy: p.UserID,
	})
}

// Type is an entity type with its entities.
type Type struct {
	models.EntityType
	Entities []models.Entity
}

// Bounds of what Types reads. More is read page by page with List.
const (
	maxTypes        = 500    // types
	maxTypeEntities = 1_000  // entities of one type
	maxEntities     = 20_000 // of all types together
)

// TypeFilter says which types to read.
type TypeFilter struct {
	Values []string // nil: all; empty: none
	Own    bool     // with the entities that the caller added for themselves
}

// shown are the types that an organization sees: its ACTIVE ones, and those of
// the default organization that none of them hides.
const shown = `t.account_id = @account_id AND t.status = 'ACTIVE' AND t.deleted_at IS NULL
	AND t.organization_id IN (@organization, (SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.is_default))
	AND (t.organization_id = @organization OR NOT EXISTS (SELECT FROM entity_types mine
		WHERE mine.organization_id = @organization AND mine.value = t.value AND mine.status = 'ACTIVE' AND mine.deleted_at IS NULL))`

const listTypes = `SELECT t.* FROM entity_types t WHERE ` + shown + `
	AND (@all OR t.value = ANY(CAST(@values AS text[]))) ORDER BY lower(t.label), t.id LIMIT @limit`

// offered are the ACTIVE entities e that anybody who sees a type may choose, and
// those that a person added for themselves.
const offered = `e.account_id = @account_id AND e.status = 'ACTIVE' AND e.deleted_at IS NULL AND (e.type <> 'USER' OR e.created_by = @user)`

// inherited are the entities e of the parent of a type t that none of its own
// hides.
const inherited = `e.entity_type_id = t.parent_id AND NOT EXISTS (SELECT FROM entities mine
	WHERE mine.entity_type_id = t.id AND mine.value = e.value AND mine.status = 'ACTIVE' AND mine.deleted_at IS NULL)`

// The two halves are read in the order of the index, so a long list costs no
// more than what is taken of it.
const listTypesEntities = `SELECT t.id AS shown_in, e.* FROM entity_types t CROSS JOIN LATERAL (
		SELECT e.* FROM entities e WHERE e.entity_type_id = t.id AND ` + offered + `
		UNION ALL SELECT e.* FROM entities e WHERE ` + inherited + ` AND ` + offered + `
		ORDER BY sort_label, id LIMIT @each) e
	WHERE t.account_id = @account_id AND t.id = ANY(CAST(@types AS bigint[])) AND t.has_entities
	ORDER BY t.id, e.sort_label, e.id LIMIT @limit`

// Types reads the types that the caller's organization sees, by label, with
// their ACTIVE entities, by label: the first 500 types and of each the first
// 1,000 entities, 20,000 together. It takes two statements, whatever their
// number. Errors: ErrTypeNotFound when there is none.
func (s *Service) Types(ctx context.Context, f TypeFilter) ([]Type, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	var rows []models.EntityType
	err = s.db.Query(ctx, &rows, listTypes, store.Args{
		"organization": p.OrganizationID, "all": f.Values == nil, "values": pq.StringArray(f.Values), "limit": maxTypes,
	})
	switch {
	case err != nil:
		return nil, refused("list types", err)
	case len(rows) == 0:
		return nil, ErrTypeNotFound
	}
	types := make([]Type, len(rows))
	index := make(map[int64]int, len(rows))
	ids := make(pq.Int64Array, len(rows))
	for i, row := range rows {
		types[i], index[row.ID], ids[i] = Type{EntityType: row}, i, row.ID
	}
	var entities []struct {
		ShownIn int64
		models.Entity
	}
	err = s.db.Query(ctx, &entities, listTypesEntities, store.Args{
		"types": ids, "user": whose(p, f.Own), "each": maxTypeEntities, "limit": maxEntities,
	})
	if err != nil {
		return nil, refused("list entities of types", err)
	}
	for _, e := range entities {
		t := &types[index[e.ShownIn]]
		t.Entities = append(t.Entities, e.Entity)
	}
	return types, nil
}

// whose is the person whose own entities are shown; nobody has the id 0.
func whose(p auth.Principal, own bool) int64 {
	if own {
		return p.UserID
	}
	return 0
}
