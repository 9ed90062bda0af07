package entity_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/entity"
	"quad/internal/store"
	"quad/models"
)

func TestOwnTypesHideThoseOfTheDefaultOrganization(t *testing.T) {
	w := newWorld(t)
	shared := w.list(w.homeAdmin, "ln", "en", "hi")
	w.list(w.homeAdmin, "role", "head")
	require.Equal(t, map[string][]string{"ln@home": {"en", "hi"}, "role@home": {"head"}}, w.types(w.branchUser, false))
	own := w.list(w.branchAdmin, "ln", "ml")
	require.Equal(t, map[string][]string{"ln@branch": {"ml"}, "role@home": {"head"}}, w.types(w.branchUser, false))
	require.Equal(t, map[string][]string{"ln@home": {"en", "hi"}}, w.types(w.homeUser, false, "ln", "unknown"))
	require.Equal(t, map[string][]string{"ln@branch": {"ml"}}, w.types(w.branchUser, false, "ln"))
	require.Empty(t, w.types(w.stranger, false))

	// One that is switched off hides nothing, one that is deleted neither.
	_, err := w.UpdateType(w.branchAdmin, own.ID, entity.TypeInput{Status: ptr(models.StatusInactive)})
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"ln@home": {"en", "hi"}}, w.types(w.branchUser, false, "ln"))
	require.NoError(t, w.DeleteType(w.branchAdmin, own.ID))
	require.Equal(t, map[string][]string{"ln@home": {"en", "hi"}}, w.types(w.branchUser, false, "ln"))
	_, err = w.UpdateType(w.homeAdmin, shared.ID, entity.TypeInput{HasEntities: ptr(false)})
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"ln@home": {}}, w.types(w.branchUser, false, "ln"))
}

func TestInheritedTypesShowTheEntitiesOfTheirParent(t *testing.T) {
	w := newWorld(t)
	parent := w.list(w.homeAdmin, "ln", "en", "hi")
	_, err := w.Inherit(w.homeAdmin, "ln", "x")
	require.ErrorIs(t, err, entity.ErrDefaultOrganization)
	_, err = w.Inherit(w.admin, "ln", "x")
	require.ErrorIs(t, err, models.ErrForbidden, "only org_admins inherit")
	_, err = w.Inherit(w.branchAdmin, "nothing", "x")
	require.ErrorIs(t, err, entity.ErrTypeNotFound)
	_, err = w.Inherit(w.branchAdmin, "ln", " ")
	require.Equal(t, models.KindInvalid, models.KindOf(err))

	child, err := w.Inherit(w.branchAdmin, "ln", " Our languages ")
	require.NoError(t, err)
	require.Equal(t, parent.ID, *child.ParentID)
	require.Equal(t, "Our languages", child.Label)
	require.Equal(t, branch, child.OrganizationID)
	_, err = w.Inherit(w.branchAdmin, "ln", "again")
	require.ErrorIs(t, err, entity.ErrTypeExists)
	require.Equal(t, map[string][]string{"ln@branch": {"en", "hi"}}, w.types(w.branchUser, false))

	// The entities stay with the parent: what is added there shows in both, what
	// is added to the child only there, and hides the parent's.
	w.add(w.homeAdmin, parent, "ta", "SYSTEM")
	mine := w.add(w.branchAdmin, child, "hi", "SYSTEM")
	require.Equal(t, map[string][]string{"ln@branch": {"en", "hi", "ta"}}, w.types(w.branchUser, false))
	require.Equal(t, map[string][]string{"ln@home": {"en", "hi", "ta"}}, w.types(w.homeUser, false))
	entities, count, err := w.List(w.branchUser, entity.Filter{EntityTypeID: child.ID})
	require.NoError(t, err)
	require.EqualValues(t, 3, count)
	require.Equal(t, mine.ID, entities[1].ID)

	filterless := w.list(w.homeAdmin, "role", "head")
	_, err = w.UpdateType(w.homeAdmin, filterless.ID, entity.TypeInput{AllowFiltering: ptr(false)})
	require.NoError(t, err)
	_, err = w.Inherit(w.branchAdmin, "role", "x")
	require.ErrorIs(t, err, entity.ErrTypeNotFound)

	// Without its parent the child has what is its own.
	require.NoError(t, w.DeleteType(w.homeAdmin, parent.ID))
	require.Equal(t, map[string][]string{"ln@branch": {"hi"}}, w.types(w.branchUser, false, "ln"))
}

func TestDeletingATypeDeletesItsEntities(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln", "en", "hi")
	entities, err := w.Read(w.homeUser, 0, "en")
	require.NoError(t, err)
	require.NoError(t, w.DeleteType(w.homeAdmin, ln.ID))
	require.ErrorIs(t, w.DeleteType(w.homeAdmin, ln.ID), entity.ErrTypeNotFound)
	_, err = w.Read(w.homeUser, entities[0].ID, "")
	require.ErrorIs(t, err, entity.ErrNotFound)
	require.ErrorIs(t, w.Delete(w.homeAdmin, entities[0].ID), entity.ErrNotFound)
	_, err = w.Update(w.homeAdmin, entities[0].ID, entity.Input{Label: ptr("x")})
	require.ErrorIs(t, err, entity.ErrNotFound)
	require.Empty(t, w.page(w.homeUser, ln, ""))
	_, err = w.UpdateType(w.homeAdmin, ln.ID, entity.TypeInput{Label: ptr("x")})
	require.ErrorIs(t, err, entity.ErrTypeNotFound)
	_, err = w.Create(w.homeAdmin, entity.Input{EntityTypeID: ln.ID, Value: ptr("x"), Label: ptr("x"), Type: ptr("SYSTEM")})
	require.ErrorIs(t, err, entity.ErrTypeNotFound)
	w.list(w.homeAdmin, "ln", "ta") // the value is free again
	require.Equal(t, map[string][]string{"ln@home": {"ta"}}, w.types(w.homeUser, false))

	var left int64
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &left, `SELECT count(*) FROM entities WHERE entity_type_id = @id AND deleted_at IS NOT NULL AND updated_by = 12`,
		store.Args{"id": ln.ID}))
	require.EqualValues(t, 2, left, "deletes are soft")
}

func TestWhoMayChangeTypes(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln", "en")
	for name, ctx := range map[string]context.Context{"another organization": w.branchAdmin, "another account": w.stranger} {
		_, err := w.UpdateType(ctx, ln.ID, entity.TypeInput{Label: ptr("x")})
		require.ErrorIs(t, err, entity.ErrTypeNotFound, name)
		require.ErrorIs(t, w.DeleteType(ctx, ln.ID), entity.ErrTypeNotFound, name)
	}
	_, err := w.CreateType(w.homeUser, entity.TypeInput{Value: ptr("x"), Label: ptr("x")})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.UpdateType(w.homeUser, ln.ID, entity.TypeInput{})
	require.ErrorIs(t, err, models.ErrForbidden)
	require.ErrorIs(t, w.DeleteType(w.homeUser, ln.ID), models.ErrForbidden)
	_, err = w.Types(store.WithAccount(t.Context(), 1), entity.TypeFilter{})
	require.ErrorIs(t, err, models.ErrUnauthenticated)

	changed, err := w.UpdateType(w.admin, ln.ID, entity.TypeInput{
		Value: ptr("lang"), Label: ptr("L"), Type: ptr("t"), DataType: ptr("number"), AllowFiltering: ptr(false), HasEntities: ptr(false),
		AllowCustomEntities: ptr(false), ModelNames: []string{},
	})
	require.NoError(t, err)
	require.EqualValues(t, 11, changed.UpdatedBy)
	require.EqualValues(t, 12, changed.CreatedBy)
	var stored models.EntityType
	require.NoError(t, w.db.Conn(w.admin).First(&stored, ln.ID).Error)
	require.Equal(t, []any{"lang", "L", "t", "number", false, false, false, 0},
		[]any{stored.Value, stored.Label, stored.Type, stored.DataType, stored.AllowFiltering, stored.HasEntities, stored.AllowCustomEntities, len(stored.ModelNames)})
	w.list(w.homeAdmin, "other")
	_, err = w.UpdateType(w.admin, ln.ID, entity.TypeInput{Value: ptr("other")})
	require.ErrorIs(t, err, entity.ErrTypeExists)
}

func TestWhatATypeIsMadeOf(t *testing.T) {
	w := newWorld(t)
	for name, in := range map[string]entity.TypeInput{
		"nothing":     {},
		"no label":    {Value: ptr("a")},
		"white space": {Value: ptr("a b"), Label: ptr("x")},
		"wide space":  {Value: ptr("a\u3000b"), Label: ptr("x")},
		"long":        {Value: ptr(strings.Repeat("ä", entity.MaxValue+1)), Label: ptr("x")},
		"long label":  {Value: ptr("a"), Label: ptr(strings.Repeat("ä", entity.MaxLabel+1))},
		"no text":     {Value: ptr("a\x00"), Label: ptr("x")},
		"status":      {Value: ptr("a"), Label: ptr("x"), Status: ptr(models.StatusDeleted)},
		"models":      {Value: ptr("a"), Label: ptr("x"), ModelNames: make([]string, entity.MaxModelNames+1)},
		"long model":  {Value: ptr("a"), Label: ptr("x"), ModelNames: []string{strings.Repeat("m", entity.MaxWord+1)}},
	} {
		_, err := w.CreateType(w.admin, in)
		require.Equal(t, models.KindInvalid, models.KindOf(err), name)
	}
	longest := entity.TypeInput{Value: ptr(strings.Repeat("\U0001F600", entity.MaxValue)), Label: ptr(strings.Repeat("\U0001F600", entity.MaxLabel))}
	_, err := w.CreateType(w.admin, longest)
	require.NoError(t, err)
}

// However many types there are, reading them takes two statements.
func TestTypesAreReadWithTwoStatements(t *testing.T) {
	w := newWorld(t)
	w.exec(`INSERT INTO entity_types (account_id, organization_id, value, label) SELECT 1, 1, 'type' || n, 'Type ' || n FROM generate_series(1, 600) n`)
	w.exec(`INSERT INTO entities (account_id, entity_type_id, value, label) SELECT 1, t.id, 'v' || n, 'V' || n FROM entity_types t, generate_series(1, 20) n`)
	before := w.db.Statements()
	types, err := w.Types(w.branchUser, entity.TypeFilter{})
	require.NoError(t, err)
	require.EqualValues(t, 2, w.db.Statements()-before)
	require.Len(t, types, 500)
	for _, read := range types {
		require.Len(t, read.Entities, 20)
	}
	w.exec(`INSERT INTO entities (account_id, entity_type_id, value, label) SELECT 1, t.id, 'w' || n, 'W' || n FROM entity_types t, generate_series(1, 5000) n WHERE t.value = 'type1'`)
	types, err = w.Types(w.branchUser, entity.TypeFilter{Values: []string{"type1"}})
	require.NoError(t, err)
	require.Len(t, types[0].Entities, 1_000, "of a long list the first ones by label")
}

func TestOneOfManyTypesWins(t *testing.T) {
	w := newWorld(t)
	w.list(w.homeAdmin, "role", "head")
	for name, do := range map[string]func() error{
		"create": func() error {
			_, err := w.CreateType(w.admin, entity.TypeInput{Value: ptr("ln"), Label: ptr("x")})
			return err
		},
		"inherit": func() error { _, err := w.Inherit(w.branchAdmin, "role", "x"); return err },
	} {
		won := 0
		for _, err := range atOnce(50, do) {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, entity.ErrTypeExists, name)
		}
		require.Equal(t, 1, won, name)
	}
}
