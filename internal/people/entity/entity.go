package entity

import (
	"cmp"
	"context"
	"strings"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// Input is what an entity is made of or changed to. What is nil stays as it is.
// Type is free text, USER in any case being models.EntityUser; it is needed at
// create, as are Value, Label and EntityTypeID.
type Input struct {
	EntityTypeID int64 // at update: 0, or a type of the own organization, to which the entity does not move
	Value        *string
	Label        *string
	Type         *string
	Status       *models.Status
}

func (in *Input) check(create bool) error {
	var c input.Check
	if create {
		sent(&c, []string{"value", "label", "type"}, in.Value, in.Label, in.Type)
	}
	c.Word("value", in.Value, MaxValue)
	c.Text("label", in.Label, MaxLabel)
	c.Text("type", in.Type, MaxWord)
	input.OneOf(&c, "status", in.Status, models.StatusActive, models.StatusInactive)
	return c.Err()
}

// apply changes e, which belongs to t. Errors: an entity that somebody adds for
// themselves to a closed list is invalid.
func (in *Input) apply(e *models.Entity, t models.EntityType) error {
	set(&e.Value, in.Value)
	set(&e.Label, in.Label)
	set(&e.Status, in.Status)
	if in.Type == nil {
		return nil
	}
	if strings.EqualFold(*in.Type, string(models.EntityUser)) {
		if !t.AllowCustomEntities {
			return models.Invalid(models.FieldError{Field: "type", Rule: "closed", Text: "type is invalid: the entity type allows no custom entities"})
		}
		e.Type = models.EntityUser
		return nil
	}
	e.Type = models.EntityKind(*in.Type)
	return nil
}

// Create adds an entity to a type of the caller's organization, for its
// administrators. The unique index decides between callers who want the same
// value. Errors: an invalid input (also one of type USER for a type that allows
// no custom entities), models.ErrForbidden, ErrTypeNotFound, ErrExists.
func (s *Service) Create(ctx context.Context, in Input) (models.Entity, error) {
	p, err := administrator(ctx)
	if err != nil {
		return models.Entity{}, err
	}
	if err := in.check(true); err != nil {
		return models.Entity{}, err
	}
	e := models.Entity{EntityTypeID: in.EntityTypeID, Status: models.StatusActive, CreatedBy: p.UserID, UpdatedBy: p.UserID}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The lock keeps the type from being deleted before its new entity is
		// there to be deleted with it.
		t, err := s.ownType(ctx, p.OrganizationID, in.EntityTypeID, "SHARE")
		if err != nil {
			return err
		}
		if err := in.apply(&e, t); err != nil {
			return err
		}
		if err := s.db.Conn(ctx).Create(&e).Error; err != nil {
			return err
		}
		return s.entityChanged(ctx, t, "entity.created", e)
	})
	if err != nil {
		return models.Entity{}, refused("create", err)
	}
	return e, nil
}

func (s *Service) entityChanged(ctx context.Context, t models.EntityType, action string, e models.Entity) error {
	return s.changed(ctx, t.OrganizationID, action, e.ID, map[string]any{"entity_type": t.Value, "value": e.Value})
}

// lock reads an entity of an organization and its type, and keeps others from
// changing them until the end of the transaction. The type comes first, as in
// DeleteType, so that the two never wait for each other. Errors: ErrNotFound.
func (s *Service) lock(ctx context.Context, organization, id int64) (e models.Entity, t models.EntityType, err error) {
	args := store.Args{"organization": organization, "id": id}
	err = s.db.Query(ctx, &t, `SELECT t.* FROM entity_types t
		WHERE t.account_id = @account_id AND t.organization_id = @organization AND t.deleted_at IS NULL
			AND t.id = (SELECT e.entity_type_id FROM entities e WHERE e.account_id = @account_id AND e.id = @id) FOR SHARE`, args)
	if err != nil || t.ID == 0 {
		return e, t, cmp.Or(err, error(ErrNotFound))
	}
	err = s.db.Query(ctx, &e, `SELECT * FROM entities WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR NO KEY UPDATE`, args)
	if err == nil && e.ID == 0 {
		err = ErrNotFound
	}
	return e, t, err
}

// Update changes an entity of the caller's organization, for its
// administrators. Errors: as Create, and ErrNotFound; ErrTypeNotFound if a type
// is named that the organization does not have.
func (s *Service) Update(ctx context.Context, id int64, in Input) (e models.Entity, err error) {
	p, err := administrator(ctx)
	if err != nil {
		return e, err
	}
	if err := in.check(false); err != nil {
		return e, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var t models.EntityType
		if e, t, err = s.lock(ctx, p.OrganizationID, id); err != nil {
			return err
		}
		if in.EntityTypeID != 0 && in.EntityTypeID != t.ID {
			if _, err := s.ownType(ctx, p.OrganizationID, in.EntityTypeID, "KEY SHARE"); err != nil {
				return err
			}
		}
		if err := in.apply(&e, t); err != nil {
			return err
		}
		e.UpdatedBy = p.UserID
		if err := s.db.Conn(ctx).Model(&e).Select("value", "label", "type", "status", "updated_by", "updated_at").Updates(&e).Error; err != nil {
			return err
		}
		return s.entityChanged(ctx, t, "entity.updated", e)
	})
	if err != nil {
		return models.Entity{}, refused("update", err)
	}
	return e, nil
}

// Delete takes an entity of the caller's organization away, for its
// administrators. Its value is free again. Errors: models.ErrForbidden,
// ErrNotFound.
func (s *Service) Delete(ctx context.Context, id int64) error {
	p, err := administrator(ctx)
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var gone struct {
			models.Entity
			TypeValue string
		}
		err := s.db.Query(ctx, &gone, `UPDATE entities e SET deleted_at = now(), updated_at = now(), updated_by = @user FROM entity_types t
			WHERE e.account_id = @account_id AND e.id = @id AND e.deleted_at IS NULL AND t.id = e.entity_type_id AND t.organization_id = @organization
			RETURNING e.*, t.value AS type_value`, store.Args{"organization": p.OrganizationID, "id": id, "user": p.UserID})
		switch {
		case err != nil:
			return err
		case gone.ID == 0:
			return ErrNotFound
		}
		t := models.EntityType{OrganizationID: p.OrganizationID, Value: gone.TypeValue}
		return s.entityChanged(ctx, t, "entity.deleted", gone.Entity)
	})
	return refused("delete", err)
}

// readable are the entities e of types t that a caller may read by id or value:
// those of the own and of the default organization, whatever their status,
// without those that others added for themselves. Administrators read all of
// the own organization.
const readable = `e.account_id = @account_id AND e.deleted_at IS NULL AND t.deleted_at IS NULL
	AND t.organization_id IN (@organization, (SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.is_default))
	AND (e.type <> 'USER' OR e.created_by = @user OR @administers AND t.organization_id = @organization)`

// Read gives the entity with an id or, if that is 0, those with a value, at
// most 100, those of the own organization first. Errors: ErrNotFound when there
// is none.
func (s *Service) Read(ctx context.Context, id int64, value string) (entities []models.Entity, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	args := store.Args{
		"organization": p.OrganizationID, "user": p.UserID, "administers": administers(p), "id": id, "value": value, "limit": store.MaxPage,
	}
	which := `e.id = @id`
	if id == 0 {
		// By way of the types, of which there are few: values are indexed below them.
		which = `e.value = @value AND t.account_id = @account_id`
	}
	err = s.db.Query(ctx, &entities, `SELECT e.* FROM entity_types t JOIN entities e ON e.entity_type_id = t.id
		WHERE `+which+` AND `+readable+` ORDER BY t.organization_id = @organization DESC, e.id LIMIT @limit`, args)
	if err == nil && len(entities) == 0 {
		err = ErrNotFound
	}
	return entities, refused("read", err)
}

// Filter says which entities of a type to list.
type Filter struct {
	EntityTypeID int64
	Search       string // part of the label or of the value, in any case
	Page         int    // from 1
	Limit        int    // 1 to 100; anything else is 100
}

// visibleType is a type that the caller sees. Administrators of the type see the
// whole of it, also INACTIVE entities and what people added for themselves.
const visibleType = `SELECT t.id, t.parent_id, @administers AND t.organization_id = @organization AS whole FROM entity_types t
	WHERE t.account_id = @account_id AND t.id = @type AND t.deleted_at IS NULL
		AND t.organization_id IN (@organization, (SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.is_default))
		AND (t.status = 'ACTIVE' OR @administers AND t.organization_id = @organization)`

// listed are the entities e of such a type that the caller sees. Like all that
// is said of them, it names no column that is not in the index entities_label:
// to count, to search and to skip pages reads nothing else.
const listed = `e.account_id = @account_id AND e.deleted_at IS NULL
	AND (@whole OR e.status = 'ACTIVE' AND (e.type <> 'USER' OR e.created_by = @user))
	AND (@search = '' OR e.sort_label LIKE @search OR lower(e.value) LIKE @search)`

const (
	listOwn       = `SELECT e.id, e.sort_label FROM entities e WHERE e.entity_type_id = @type AND ` + listed
	listInherited = listOwn + ` UNION ALL SELECT e.id, e.sort_label FROM entities e WHERE e.entity_type_id = @parent AND ` + listed + `
		AND e.value NOT IN (SELECT mine.value FROM entities mine WHERE mine.entity_type_id = @type AND mine.status = 'ACTIVE' AND mine.deleted_at IS NULL)`
)

// pageOf gives a page of what a statement lists, and with each row how many
// there are; one row without an entity when the page is empty.
func pageOf(list string) string {
	return `SELECT counted.count, e.* FROM (SELECT count(*) FROM (` + list + `) listed) counted LEFT JOIN (
			SELECT e.* FROM (` + list + ` ORDER BY sort_label, id LIMIT @limit OFFSET @offset) page
			JOIN entities e ON e.id = page.id AND e.account_id = @account_id
		) e ON true ORDER BY e.sort_label, e.id`
}

var pageOwn, pageInherited = pageOf(listOwn), pageOf(listInherited)

// List gives a page of the entities of a type, by label, and how many there are
// before paging. A type that the caller does not see has none.
func (s *Service) List(ctx context.Context, f Filter) (page []models.Entity, count int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	f.Page = max(f.Page, 1)
	f.Limit = store.PageSize(f.Limit)
	args := store.Args{
		"type": f.EntityTypeID, "organization": p.OrganizationID, "user": p.UserID, "administers": administers(p),
		"search": containsPattern(f.Search), "limit": f.Limit, "offset": int64(f.Page-1) * int64(f.Limit),
	}
	var t struct {
		ID       int64
		ParentID *int64
		Whole    bool
	}
	if err := s.db.Query(ctx, &t, visibleType, args); err != nil || t.ID == 0 {
		return nil, 0, refused("list", err)
	}
	text := pageOwn
	args["whole"] = t.Whole
	if t.ParentID != nil {
		text, args["parent"] = pageInherited, *t.ParentID
	}
	var rows []struct {
		Count int64
		models.Entity
	}
	if err := s.db.Query(ctx, &rows, text, args); err != nil {
		return nil, 0, refused("list", err)
	}
	for _, row := range rows {
		count = row.Count
		if row.ID != 0 {
			page = append(page, row.Entity)
		}
	}
	return page, count, nil
}

// containsPattern is a LIKE pattern for what contains a text, in lower case; ""
// for no text.
func containsPattern(text string) string {
	if text = strings.ToLower(strings.TrimSpace(text)); text == "" {
		return ""
	}
	return "%" + store.EscapeLike(text) + "%"
}
