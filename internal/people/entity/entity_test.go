package entity_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/entity"
	"quad/models"
)

// atOnce runs do n times at the same moment and gives the errors.
func atOnce(n int, do func() error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = do()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestOwnValuesAreSeenByWhoAddedThem(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.branchAdmin, "ln", "en")
	mine := w.add(w.branchAdmin, ln, "mine", "user")
	require.Equal(t, models.EntityUser, mine.Type)
	w.add(w.branchAdmin, ln, "free", "string")

	require.Equal(t, map[string][]string{"ln@branch": {"en", "free"}}, w.types(w.branchUser, true))
	require.Equal(t, map[string][]string{"ln@branch": {"en", "free"}}, w.types(w.branchAdmin, false))
	require.Equal(t, map[string][]string{"ln@branch": {"en", "free", "mine"}}, w.types(w.branchAdmin, true))
	require.Equal(t, []string{"en", "free"}, w.page(w.branchUser, ln, ""))
	require.Equal(t, []string{"en", "free", "mine"}, w.page(w.branchAdmin, ln, ""))
	_, err := w.Read(w.branchUser, mine.ID, "")
	require.ErrorIs(t, err, entity.ErrNotFound)
	_, err = w.Read(w.branchUser, 0, "mine")
	require.ErrorIs(t, err, entity.ErrNotFound)
	read, err := w.Read(w.branchAdmin, 0, "mine")
	require.NoError(t, err)
	require.Equal(t, mine.ID, read[0].ID)

	// Who lost the role sees what they added.
	w.exec(fmt.Sprintf(`UPDATE entities SET created_by = 22 WHERE id = %d`, mine.ID))
	require.Equal(t, []string{"en", "free", "mine"}, w.page(w.branchUser, ln, ""))
	require.Equal(t, []string{"en", "free"}, w.page(w.colleague, ln, ""))

	// A closed list takes none.
	_, err = w.UpdateType(w.branchAdmin, ln.ID, entity.TypeInput{AllowCustomEntities: ptr(false)})
	require.NoError(t, err)
	_, err = w.Create(w.branchAdmin, entity.Input{EntityTypeID: ln.ID, Value: ptr("x"), Label: ptr("x"), Type: ptr("USER")})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	_, err = w.Update(w.branchAdmin, read[0].ID, entity.Input{Type: ptr("User")})
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	w.add(w.branchAdmin, ln, "x", "SYSTEM")
}

func TestWhoMayChangeEntities(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln", "en")
	en, err := w.Read(w.branchUser, 0, "en")
	require.NoError(t, err)
	other := w.list(w.branchAdmin, "other", "x")
	add := entity.Input{EntityTypeID: ln.ID, Value: ptr("new"), Label: ptr("New"), Type: ptr("SYSTEM")}
	for name, ctx := range map[string]context.Context{"another organization": w.branchAdmin, "another account": w.stranger} {
		_, err := w.Create(ctx, add)
		require.ErrorIs(t, err, entity.ErrTypeNotFound, name)
		_, err = w.Update(ctx, en[0].ID, entity.Input{Label: ptr("x")})
		require.ErrorIs(t, err, entity.ErrNotFound, name)
		require.ErrorIs(t, w.Delete(ctx, en[0].ID), entity.ErrNotFound, name)
	}
	_, err = w.Read(w.stranger, en[0].ID, "")
	require.ErrorIs(t, err, entity.ErrNotFound)
	_, err = w.Read(w.stranger, 0, "en")
	require.ErrorIs(t, err, entity.ErrNotFound)
	require.Empty(t, w.page(w.stranger, ln, ""))
	require.Empty(t, w.page(w.homeUser, other, ""), "another organization's")
	require.Equal(t, []string{"en"}, w.page(w.branchUser, ln, ""))
	_, err = w.Create(w.homeUser, add)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Update(w.homeUser, en[0].ID, entity.Input{})
	require.ErrorIs(t, err, models.ErrForbidden)
	require.ErrorIs(t, w.Delete(w.homeUser, en[0].ID), models.ErrForbidden)

	changed, err := w.Update(w.admin, en[0].ID, entity.Input{Value: ptr("eng"), Label: ptr("E"), Type: ptr("t"), Status: ptr(models.StatusInactive), EntityTypeID: ln.ID})
	require.NoError(t, err)
	require.EqualValues(t, 11, changed.UpdatedBy)
	require.Empty(t, w.page(w.homeUser, ln, ""), "INACTIVE")
	require.Equal(t, []string{"eng"}, w.page(w.homeAdmin, ln, ""), "administrators find it to switch it on again")
	require.Equal(t, map[string][]string{"ln@home": {}}, w.types(w.homeUser, false, "ln"))

	// A type that is named must be there, and the entity stays where it is.
	_, err = w.Update(w.admin, en[0].ID, entity.Input{EntityTypeID: other.ID})
	require.ErrorIs(t, err, entity.ErrTypeNotFound)
	second := w.list(w.homeAdmin, "second")
	changed, err = w.Update(w.admin, en[0].ID, entity.Input{EntityTypeID: second.ID, Status: ptr(models.StatusActive)})
	require.NoError(t, err)
	require.Equal(t, ln.ID, changed.EntityTypeID)
	w.add(w.homeAdmin, ln, "hi", "SYSTEM")
	_, err = w.Update(w.admin, en[0].ID, entity.Input{Value: ptr("hi")})
	require.ErrorIs(t, err, entity.ErrExists)

	require.NoError(t, w.Delete(w.admin, en[0].ID))
	require.ErrorIs(t, w.Delete(w.admin, en[0].ID), entity.ErrNotFound)
	require.Equal(t, []string{"hi"}, w.page(w.homeUser, ln, ""))
	w.add(w.homeAdmin, ln, "eng", "SYSTEM") // the value is free again
}

func TestWhatAnEntityIsMadeOf(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln", "en")
	for name, in := range map[string]entity.Input{
		"nothing":     {},
		"no type":     {Value: ptr("a"), Label: ptr("x")},
		"empty type":  {Value: ptr("a"), Label: ptr("x"), Type: ptr(" ")},
		"white space": {Value: ptr("a b"), Label: ptr("x"), Type: ptr("s")},
		"long":        {Value: ptr(strings.Repeat("a", entity.MaxValue+1)), Label: ptr("x"), Type: ptr("s")},
		"no text":     {Value: ptr("a"), Label: ptr("\xff"), Type: ptr("s")},
		"status":      {Value: ptr("a"), Label: ptr("x"), Type: ptr("s"), Status: ptr(models.Status("gone"))},
	} {
		in.EntityTypeID = ln.ID
		_, err := w.Create(w.admin, in)
		require.Equal(t, models.KindInvalid, models.KindOf(err), name)
	}
	require.Equal(t, []string{"en"}, w.page(w.homeAdmin, ln, ""))
	_, err := w.Create(w.admin, entity.Input{EntityTypeID: ln.ID, Value: ptr(strings.Repeat("\U0001F600", entity.MaxValue)),
		Label: ptr(strings.Repeat("\U0001F600", entity.MaxLabel)), Type: ptr("s")})
	require.NoError(t, err)
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln")
	for value, label := range map[string]string{"a_b": "One 100% sure", "axb": "Two", `c\d`: "Three'; DROP TABLE entities", "ÄÖ": "Ümlaut"} {
		_, err := w.Create(w.homeAdmin, entity.Input{EntityTypeID: ln.ID, Value: &value, Label: &label, Type: ptr("SYSTEM")})
		require.NoError(t, err)
	}
	for search, want := range map[string][]string{
		"_": {"a_b"}, "%": {"a_b"}, `\`: {`c\d`}, "'": {`c\d`}, "TW": {"axb"}, "XB": {"axb"}, "äö": {"ÄÖ"}, "üM": {"ÄÖ"}, "zzz": {}, " one ": {"a_b"},
	} {
		require.Equal(t, want, w.page(w.homeUser, ln, search), search)
	}
	require.Len(t, w.page(w.homeUser, ln, " "), 4)
}

// Pages stay right and cheap in a list of 100,000 values.
func TestLongList(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln")
	w.exec(fmt.Sprintf(`INSERT INTO entities (account_id, entity_type_id, value, label, type, created_by)
		SELECT 1, %d, 'v' || n, 'Label ' || lpad(n::text, 6, '0'), CASE WHEN n %% 10 = 0 THEN 'USER' ELSE 'SYSTEM' END, 99 FROM generate_series(1, 100000) n`, ln.ID))
	w.exec(`ANALYZE entities`)
	list := func(search string, page, limit int) ([]string, int64) {
		before := w.db.Statements()
		entities, count, err := w.List(w.branchUser, entity.Filter{EntityTypeID: ln.ID, Search: search, Page: page, Limit: limit})
		require.NoError(t, err)
		require.LessOrEqual(t, w.db.Statements()-before, int64(2))
		return valuesOf(entities), count
	}
	values, count := list("", 1, 3)
	require.EqualValues(t, 90_000, count)
	require.Equal(t, []string{"v1", "v2", "v3"}, values)
	values, _ = list("", 900, 100)
	require.Len(t, values, 100)
	require.Equal(t, "v99999", values[99])
	values, _ = list("", 901, 100)
	require.Empty(t, values)
	values, count = list("9999", 1, 100)
	require.EqualValues(t, 19-1, count) // …9999 and 9999… without v99990
	require.Equal(t, "v9999", values[0])
	values, count = list("nothing", 1, 100)
	require.Zero(t, count)
	require.Empty(t, values)
}

func TestOneOfManyEntitiesWins(t *testing.T) {
	w := newWorld(t)
	ln := w.list(w.homeAdmin, "ln")
	won := 0
	for _, err := range atOnce(50, func() error {
		_, err := w.Create(w.homeAdmin, entity.Input{EntityTypeID: ln.ID, Value: ptr("en"), Label: ptr("x"), Type: ptr("SYSTEM")})
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, entity.ErrExists)
	}
	require.Equal(t, 1, won)
}

// An entity that is added while its type is deleted is deleted with it or
// refused, and nobody waits for each other.
func TestNoEntityOutlivesItsType(t *testing.T) {
	w := newWorld(t)
	for round := range 8 {
		ln := w.list(w.homeAdmin, "ln", "en")
		en, err := w.Read(w.homeUser, 0, "en")
		require.NoError(t, err)
		var n int
		var mu sync.Mutex
		for _, err := range atOnce(9, func() error {
			mu.Lock()
			n++
			turn := n
			mu.Unlock()
			switch {
			case turn == 5:
				return w.DeleteType(w.homeAdmin, ln.ID)
			case turn%2 == 0:
				_, err := w.Update(w.homeAdmin, en[0].ID, entity.Input{Label: ptr(fmt.Sprint(turn))})
				return err
			}
			_, err := w.Create(w.homeAdmin, entity.Input{EntityTypeID: ln.ID, Value: ptr(fmt.Sprint("v", turn)), Label: ptr("x"), Type: ptr("SYSTEM")})
			return err
		}) {
			if err != nil {
				require.Equal(t, models.KindNotFound, models.KindOf(err), "round %d: %v", round, err)
			}
		}
		var left []models.Entity
		require.NoError(t, w.db.Conn(w.admin).Where("entity_type_id = ? AND deleted_at IS NULL", ln.ID).Find(&left).Error)
		require.Empty(t, left)
	}
}

func TestStatementsOfEntities(t *testing.T) {
	w := newWorld(t)
	ln, en := w.list(w.homeAdmin, "ln"), models.Entity{}
	w.list(w.homeAdmin, "source")
	for _, c := range []struct {
		name string
		most int64
		do   func() error
	}{
		{"create type", 3, func() error {
			_, err := w.CreateType(w.admin, entity.TypeInput{Value: ptr("x"), Label: ptr("x")})
			return err
		}},
		{"update type", 4, func() error { _, err := w.UpdateType(w.admin, ln.ID, entity.TypeInput{Label: ptr("x")}); return err }},
		{"inherit", 4, func() error { _, err := w.Inherit(w.branchAdmin, "source", "x"); return err }},
		{"create", 4, func() error {
			var err error
			en, err = w.Create(w.admin, entity.Input{EntityTypeID: ln.ID, Value: ptr("en"), Label: ptr("x"), Type: ptr("SYSTEM")})
			return err
		}},
		{"update", 5, func() error { _, err := w.Update(w.admin, en.ID, entity.Input{Label: ptr("x")}); return err }},
		{"read", 1, func() error { _, err := w.Read(w.branchUser, en.ID, ""); return err }},
		{"read by value", 1, func() error { _, err := w.Read(w.branchUser, 0, "en"); return err }},
		{"list", 2, func() error { _, _, err := w.List(w.branchUser, entity.Filter{EntityTypeID: ln.ID}); return err }},
		{"types", 2, func() error { _, err := w.Types(w.branchUser, entity.TypeFilter{}); return err }},
		{"check", 1, func() error { return w.Check(w.branchUser, map[string][]string{"ln": {"en"}}) }},
		{"delete", 3, func() error { return w.Delete(w.admin, en.ID) }},
		{"delete type", 4, func() error { return w.DeleteType(w.admin, ln.ID) }},
	} {
		before := w.db.Statements()
		require.NoError(t, c.do(), c.name)
		require.LessOrEqual(t, w.db.Statements()-before, c.most, c.name)
	}
}
