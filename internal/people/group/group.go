package group

import (
	"context"
	"fmt"
	"slices"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Group is a group with what names its surroundings.
type Group struct {
	models.Group
	ParentIdentifier *string
	SubAccount       *string // name of the organization
}

// from and columns read Groups. A reader who knows things by their identifier
// does not see those of organizations that are INACTIVE; visible is that.
const (
	from = ` FROM groups g LEFT JOIN groups p ON p.id = g.parent_id AND p.account_id = g.account_id
		LEFT JOIN organizations o ON o.id = g.organization_id AND o.account_id = g.account_id`
	columns = `g.*, p.identifier AS parent_identifier, o.name AS sub_account`
	visible = `(g.organization_id IS NULL OR o.status = 'ACTIVE')`
)

// seen is what holds, in SQL, for the group that is named, for who names it so.
func seen(r ref.Ref) string {
	if r.ID != 0 {
		return r.Condition("g")
	}
	return r.Condition("g") + ` AND ` + visible
}

// Get reads a group, for an admin; with the name of a sub-account one of it. One
// of an INACTIVE organization is found by its id only. Errors:
// models.ErrForbidden, ErrUnknown, people.ErrOrganizationUnknown.
func (s *Service) Get(ctx context.Context, r ref.Ref, subAccount string) (Group, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Group{}, err
	}
	g, err := s.get(ctx, r)
	if err != nil || subAccount == "" {
		return g, err
	}
	id, err := s.d.People.SubAccount(ctx, subAccount)
	if err == nil && !same(g.OrganizationID, &id) {
		err = ErrUnknown
	}
	if err != nil {
		return Group{}, err
	}
	return g, nil
}

func (s *Service) get(ctx context.Context, r ref.Ref) (g Group, err error) {
	if !r.Valid() {
		return g, ErrUnknown
	}
	err = s.d.DB.Query(ctx, &g, `SELECT `+columns+from+` WHERE g.account_id = @account_id AND `+seen(r), r.Args())
	switch {
	case err != nil:
		return g, fmt.Errorf("group: get: %w", err)
	case g.ID == 0:
		return g, ErrUnknown
	}
	return g, nil
}

// Upsert makes the group of an identifier or changes it, for an admin, and tells
// whether it was made. Errors: an invalid input (also a place in the tree that
// the hierarchy does not allow, or that the groups below do not),
// models.ErrForbidden, ErrParentUnknown, people.ErrOrganizationUnknown, ErrTaken
// when the group is one of an INACTIVE organization.
func (s *Service) Upsert(ctx context.Context, identifier string, ch Change) (created bool, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return false, err
	}
	if err := checkIdentifier(identifier); err != nil {
		return false, err
	}
	if err := ch.check(false); err != nil {
		return false, err
	}
	err = s.changeTree(ctx, "put", ch, func(ctx context.Context, w wanted) (events []audit.Event, err error) {
		var known struct {
			models.Group
			Visible bool
		}
		if err := s.d.DB.Query(ctx, &known, `SELECT g.*, `+visible+` AS visible`+from+` WHERE g.account_id = @account_id AND g.identifier = @identifier`,
			store.Args{"identifier": identifier}); err != nil {
			return nil, err
		}
		switch {
		case known.ID == 0:
			created = true
			_, events, err = s.create(ctx, identifier, w)
		case !known.Visible:
			err = ErrTaken
		default:
			events, err = s.update(ctx, known.Group, w)
		}
		return events, err
	})
	return created && err == nil, err
}

// Create makes a group, for an admin. Without an identifier it is called by its
// id. Errors: as Upsert; ErrTaken when the identifier is.
func (s *Service) Create(ctx context.Context, identifier string, ch Change) (Group, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Group{}, err
	}
	if identifier != "" {
		if err := checkIdentifier(identifier); err != nil {
			return Group{}, err
		}
	}
	var g models.Group
	if err := s.changeTree(ctx, "create", ch, func(ctx context.Context, w wanted) (events []audit.Event, err error) {
		g, events, err = s.create(ctx, identifier, w)
		return events, err
	}); err != nil {
		return Group{}, err
	}
	return s.get(ctx, ref.ByID(g.ID))
}

// Update changes a group, for an admin. Errors: as Upsert, and ErrUnknown.
func (s *Service) Update(ctx context.Context, r ref.Ref, ch Change) (Group, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Group{}, err
	}
	if err := ch.check(false); err != nil {
		return Group{}, err
	}
	var g Group
	if err := s.changeTree(ctx, "update", ch, func(ctx context.Context, w wanted) (events []audit.Event, err error) {
		if g, err = s.get(ctx, r); err != nil {
			return nil, err
		}
		return s.update(ctx, g.Group, w)
	}); err != nil {
		return Group{}, err
	}
	return s.get(ctx, ref.ByID(g.ID))
}

// wanted is a change whose sub-account has been looked for.
type wanted struct {
	Change
	organization *int64
	unknown      error // there is no such sub-account
}

// changeTree is change for what a caller wants of one group. Organizations are
// locked before people and before the tree, so the sub-account comes first; that
// it is unknown matters only once the syntax is right.
func (s *Service) changeTree(ctx context.Context, what string, ch Change, fn func(context.Context, wanted) ([]audit.Event, error)) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		w := wanted{Change: ch}
		if named := ch.SubAccount.Value; named != nil {
			id, err := s.organization(ctx, *named)
			if err != nil && models.KindOf(err) != models.KindNotFound {
				return err
			}
			w.organization, w.unknown = &id, err
		}
		return s.change(ctx, what, true, func(ctx context.Context) ([]audit.Event, error) { return fn(ctx, w) })
	})
}

// create writes a new group, under the exclusive lock.
func (s *Service) create(ctx context.Context, identifier string, w wanted) (models.Group, []audit.Event, error) {
	if err := w.check(true); err != nil {
		return models.Group{}, nil, err
	}
	if err := checkNotReserved(identifier); err != nil {
		return models.Group{}, nil, err
	}
	g := models.Group{Identifier: identifier}
	if err := s.place(ctx, &g, w); err != nil {
		return g, nil, err
	}
	if err := s.insert(ctx, &g); err != nil {
		return g, nil, err
	}
	return g, []audit.Event{event("group.created", g, data(g))}, nil
}

// insert writes the row. One without an identifier is called by its id; an id
// whose text somebody else is called by is passed over.
func (s *Service) insert(ctx context.Context, g *models.Group) error {
	args := store.Args{"identifier": g.Identifier, "name": g.Name, "type": g.Type, "parent": g.ParentID, "organization": g.OrganizationID}
	for {
		err := s.d.DB.Query(ctx, g, `INSERT INTO groups (id, account_id, identifier, name, type, parent_id, organization_id)
			SELECT n, @account_id, coalesce(nullif(@identifier, ''), CAST(n AS text)), @name, @type, CAST(@parent AS bigint), CAST(@organization AS bigint)
			FROM nextval(pg_get_serial_sequence('groups', 'id')) n
			ON CONFLICT (account_id, identifier) DO NOTHING RETURNING *`, args)
		switch {
		case err != nil:
			return err
		case g.ID != 0:
			return nil
		case g.Identifier != "":
			return ErrTaken
		}
	}
}

// update writes what a change makes of a group, under the exclusive lock.
func (s *Service) update(ctx context.Context, old models.Group, w wanted) ([]audit.Event, error) {
	g := old
	if err := s.place(ctx, &g, w); err != nil {
		return nil, err
	}
	moved := !same(g.ParentID, old.ParentID)
	if !moved && g.Name == old.Name && g.Type == old.Type && same(g.OrganizationID, old.OrganizationID) {
		return nil, nil
	}
	if _, err := s.d.DB.Exec(ctx, `UPDATE groups SET name = @name, type = @type, parent_id = CAST(@parent AS bigint),
		organization_id = CAST(@organization AS bigint), updated_at = now() WHERE account_id = @account_id AND id = @id`,
		store.Args{"id": g.ID, "name": g.Name, "type": g.Type, "parent": g.ParentID, "organization": g.OrganizationID}); err != nil {
		return nil, err
	}
	if moved && s.d.TreeChanged != nil {
		if err := s.d.TreeChanged(ctx, []int64{g.ID}); err != nil {
			return nil, err
		}
	}
	return []audit.Event{event("group.updated", g, map[string]any{"from": data(old), "to": data(g)})}, nil
}

// place makes of g what a change wants and checks the place that it then has in
// the tree: first that what is named exists, then the rules.
func (s *Service) place(ctx context.Context, g *models.Group, w wanted) error {
	if w.Name != nil {
		g.Name = *w.Name
	}
	if w.Type != nil {
		g.Type = *w.Type
	}
	if w.unknown != nil {
		return w.unknown
	}
	if w.SubAccount.Sent {
		g.OrganizationID = w.organization
	}
	parent, err := s.parent(ctx, g, w.Parent)
	if err != nil {
		return err
	}
	types, err := s.types(ctx)
	if err != nil {
		return err
	}
	var children []below
	if g.ID != 0 {
		if err := s.d.DB.Query(ctx, &children, `SELECT DISTINCT type, organization_id FROM groups WHERE account_id = @account_id AND parent_id = @id
			ORDER BY type, organization_id`, store.Args{"id": g.ID}); err != nil {
			return err
		}
	}
	return types.check(*g, parent, children)
}

// parent gives the group that g is below: the one that is named, or the one that
// it has; nil for none. Errors: ErrParentUnknown; one that is g itself or below
// it is invalid.
func (s *Service) parent(ctx context.Context, g *models.Group, named input.Field[ref.Ref]) (*models.Group, error) {
	var r ref.Ref
	switch {
	case named.Value != nil:
		r = *named.Value
	case named.Sent, g.ParentID == nil:
		g.ParentID = nil
		return nil, nil //nolint:nilnil // there is none
	default:
		r = ref.ByID(*g.ParentID)
	}
	found, err := s.get(ctx, r)
	if err != nil {
		if models.KindOf(err) == models.KindNotFound {
			err = ErrParentUnknown
		}
		return nil, err
	}
	if g.ID != 0 && !same(g.ParentID, &found.ID) {
		circle, err := s.above(ctx, g.ID, found.ID)
		if err != nil {
			return nil, err
		}
		if circle {
			return nil, models.Invalid(models.FieldError{Field: "parent_id", Rule: "circle", Text: "parent_id is the group itself or below it"})
		}
	}
	g.ParentID = &found.ID
	return &found.Group, nil
}

// above tells whether a group is another one or above it. Each step is one
// search in an index, whatever the planner believes the tree to be; what is above
// a group is of its account.
func (s *Service) above(ctx context.Context, id, other int64) (bool, error) {
	var found bool
	err := s.d.DB.Query(ctx, &found, `WITH RECURSIVE up (id, parent_id) AS (
			SELECT id, parent_id FROM groups WHERE account_id = @account_id AND id = @other
			UNION ALL SELECT next.id, next.parent_id FROM up, LATERAL (
				SELECT g.id, g.parent_id FROM groups g WHERE g.id = up.parent_id OFFSET 0) next
		) SELECT EXISTS (SELECT FROM up WHERE id = @id)`, store.Args{"id": id, "other": other})
	return found, err
}

// organization gives the id of a sub-account. Errors:
// people.ErrOrganizationUnknown, also for one that is INACTIVE or the default one.
func (s *Service) organization(ctx context.Context, r ref.Ref) (id int64, err error) {
	if r.ID == 0 {
		return s.d.People.SubAccount(ctx, r.Identifier)
	}
	err = s.d.DB.Query(ctx, &id, `SELECT id FROM organizations WHERE account_id = @account_id AND id = @id AND status = 'ACTIVE' AND NOT is_default FOR SHARE`,
		store.Args{"id": r.ID})
	if err == nil && id == 0 {
		err = people.ErrOrganizationUnknown
	}
	return id, err
}

// Delete takes a group away, for an admin: nobody is its member any more, and
// what other areas keep about it ends (Deps.Leaving). Errors: models.ErrForbidden,
// ErrUnknown, ErrHasGroups.
func (s *Service) Delete(ctx context.Context, r ref.Ref) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	return s.change(ctx, "delete", true, func(ctx context.Context) ([]audit.Event, error) {
		g, err := s.get(ctx, r)
		if err != nil {
			return nil, err
		}
		args := store.Args{"id": g.ID}
		var above bool
		if err := s.d.DB.Query(ctx, &above, `SELECT EXISTS (SELECT FROM groups WHERE account_id = @account_id AND parent_id = @id)`, args); err != nil {
			return nil, err
		}
		if above {
			return nil, ErrHasGroups
		}
		if s.d.Leaving != nil {
			if err := s.d.Leaving(ctx, g.ID); err != nil {
				return nil, err
			}
		}
		var members []int64
		if err := s.d.DB.Query(ctx, &members, `DELETE FROM group_members WHERE account_id = @account_id AND group_id = @id RETURNING user_id`, args); err != nil {
			return nil, err
		}
		slices.Sort(members)
		if err := s.membersChanged(ctx, members...); err != nil {
			return nil, err
		}
		if _, err := s.d.DB.Exec(ctx, `DELETE FROM groups WHERE account_id = @account_id AND id = @id`, args); err != nil {
			return nil, err
		}
		about := data(g.Group)
		about["members"] = len(members)
		return []audit.Event{event("group.deleted", g.Group, about)}, nil
	})
}

func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

func data(g models.Group) map[string]any {
	return map[string]any{"identifier": g.Identifier, "name": g.Name, "type": g.Type, "parentId": g.ParentID, "organizationId": g.OrganizationID}
}
