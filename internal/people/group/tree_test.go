package group_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Of 50 who make one new group one does; there is one row.
func TestOneOfManyMakesAGroup(t *testing.T) {
	w := newWorld(t)
	made := make([]bool, 50)
	for _, err := range atOnce(50, func(i int) error {
		var err error
		made[i], err = w.Upsert(w.admin, "G", group.Change{Name: ptr(fmt.Sprint("Name ", i)), Type: ptr("CONTA")})
		return err
	}) {
		require.NoError(t, err)
	}
	require.Len(t, slices.DeleteFunc(made, func(b bool) bool { return !b }), 1)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM groups`, nil))

	taken := 0
	for _, err := range atOnce(50, func(int) error {
		_, err := w.Create(w.admin, "H", group.Change{Name: ptr("H"), Type: ptr("CONTA")})
		return err
	}) {
		if err != nil {
			require.ErrorIs(t, err, group.ErrTaken)
			taken++
		}
	}
	require.Equal(t, 49, taken)
}

// Two moves that are right alone and a circle together: one is refused, each
// time, and the tree stays one.
func TestMovesThatMakeACircleTogether(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	for round := range 20 {
		w.put("X", "TURMA", "A")
		w.put("Y", "TURMA", "A")
		errs := atOnce(2, func(i int) error {
			_, err := w.try([]string{"X", "Y"}[i], "TURMA", []string{"Y", "X"}[i])
			return err
		})
		require.NotEqual(t, errs[0] == nil, errs[1] == nil, "round %d: %v", round, errs)
		require.Equal(t, "parent_id:circle", ruleOf(t, errors.Join(errs...)))
		w.requireTree()
	}
}

// Many clients move groups about at random: whatever order the lock gives, what
// comes out is a tree that the hierarchy allows.
func TestRandomMovesKeepATree(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	const groups = 12
	for n := range groups {
		w.put(fmt.Sprint("T", n), "TURMA", "A")
	}
	user := w.person(w.admin, "anu")
	for _, err := range atOnce(16, func(i int) error {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		for range 15 {
			name, parent := fmt.Sprint("T", random.IntN(groups)), fmt.Sprint("T", random.IntN(groups))
			var err error
			switch random.IntN(4) {
			case 0:
				err = w.AddMember(w.admin, id(name), ref.ByID(user.ID), random.IntN(2) == 0)
			case 1:
				err = w.Delete(w.admin, id(name))
			default:
				_, err = w.try(name, "TURMA", parent)
			}
			if kind := models.KindOf(err); err != nil && kind != models.KindInvalid && kind != models.KindNotFound {
				return err
			}
		}
		return nil
	}) {
		require.NoError(t, err)
	}
	w.requireTree()
}

// requireTree fails when a group does not hang below one without a parent.
func (w *world) requireTree() {
	w.t.Helper()
	require.Equal(w.t, w.count(`SELECT count(*) FROM groups`, nil), w.count(`WITH RECURSIVE down (id) AS (
			SELECT id FROM groups WHERE parent_id IS NULL UNION ALL SELECT g.id FROM groups g JOIN down ON g.parent_id = down.id
		) SELECT count(*) FROM down`, nil), "a circle")
}

// plant makes a tree of 10,000 groups below one called A with a member in each:
// a chain, or all on one level.
func (w *world) plant(chain bool) (first, last group.Group) {
	w.t.Helper()
	w.put("A", "CONTA", "")
	a := w.get("A")
	user := w.person(w.admin, "planted")
	w.exec(`INSERT INTO groups (id, account_id, identifier, name, type, parent_id)
		SELECT CAST(@a AS bigint) + n, @account, 'G' || n, 'Group ' || n, 'TURMA', CASE WHEN n > 1 AND CAST(@chain AS boolean) THEN CAST(@a AS bigint) + n - 1 ELSE @a END
		FROM generate_series(1, 9999) n`, store.Args{"a": a.ID, "account": a.AccountID, "chain": chain})
	w.exec(`SELECT setval(pg_get_serial_sequence('groups', 'id'), (SELECT max(id) FROM groups))`, nil)
	w.exec(`INSERT INTO group_members (account_id, group_id, user_id) SELECT account_id, id, @user FROM groups WHERE account_id = @account`,
		store.Args{"user": user.ID, "account": a.AccountID})
	return w.get("G1"), w.get("G9999")
}

// Trees of 10,000 groups, as deep and as wide as they can be, are handled in a
// time that a request has: each step is a search in an index, with and without
// statistics on the tables.
func TestLargeTrees(t *testing.T) {
	for name, chain := range map[string]bool{"deep": true, "wide": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, last := w.plant(chain)
			for _, analyzed := range []bool{false, true} {
				if analyzed {
					w.exec(`ANALYZE groups, group_members`, nil)
				}
				quick := func(what string, do func()) {
					began := time.Now()
					do()
					require.Less(t, time.Since(began), 5*time.Second, what)
				}
				quick("circle", func() {
					_, err := w.Upsert(w.admin, first.Identifier, group.Change{Parent: input.To(id(last.Identifier))})
					if chain {
						require.Equal(t, "parent_id:circle", ruleOf(t, err))
					} else {
						require.NoError(t, err)
					}
				})
				quick("move", func() { w.put("New", "TURMA", last.Identifier); w.put("New", "TURMA", first.Identifier) })
				quick("delete", func() { require.NoError(t, w.Delete(w.admin, id("New"))) })
				quick("hierarchy", func() {
					require.NoError(t, w.SetHierarchy(w.admin, append([]string{"CONTA", "X"}, types[1:]...)))
					require.NoError(t, w.SetHierarchy(w.admin, types))
				})
				quick("list", func() {
					before := w.db.Statements()
					all, err := w.All(w.admin, "")
					require.NoError(t, err)
					require.EqualValues(t, 1, w.db.Statements()-before)
					require.Len(t, all, 10_000)
					require.Equal(t, "A", all[0].Identifier)
				})
				quick("members", func() {
					f, seen := group.MemberFilter{Identifiers: []string{"A"}, Recursive: true}, 0
					for range 3 {
						page, next, err := w.Members(w.admin, f)
						require.NoError(t, err)
						seen += len(page)
						f.After = *next
					}
					require.Equal(t, 300, seen)
				})
			}
		})
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("N", "REGIONAL", "A", in("North"))
	w.put("S", "REGIONAL", "A", in("South"))
	w.put("NT", "TURMA", "N", in("North"))
	_, err := w.Upsert(w.admin, "NT", group.Change{Name: ptr(`Turma 100%_\ ÇA`)})
	require.NoError(t, err)
	_, err = w.Upsert(w.foreign, "F", group.Change{Name: ptr("F"), Type: ptr("CONTA")})
	require.NoError(t, err)

	all, err := w.All(w.admin, "")
	require.NoError(t, err)
	require.Equal(t, []string{"A", "N", "S", "NT"}, identifiers(all))
	for _, g := range all {
		require.Equal(t, w.get(g.Identifier), g, "as one by one")
	}
	all, err = w.All(w.admin, "North")
	require.NoError(t, err)
	require.Equal(t, []string{"N", "NT"}, identifiers(all))
	_, err = w.All(w.admin, "Nowhere")
	require.Error(t, err)
	g, err := w.Get(w.admin, id("NT"), "North")
	require.NoError(t, err)
	require.Equal(t, "N", *g.ParentIdentifier)
	for _, name := range []string{"NT", "A"} {
		_, err = w.Get(w.admin, id(name), "South")
		require.ErrorIs(t, err, group.ErrUnknown)
	}

	for name, c := range map[string]struct {
		f    group.Filter
		want []string
	}{
		"all": {group.Filter{}, []string{"A", "N", "S", "NT"}}, "below": {group.Filter{ParentID: w.get("A").ID}, []string{"N", "S"}},
		"roots": {group.Filter{Roots: true}, []string{"A"}}, "type": {group.Filter{Type: "REGIONAL"}, []string{"N", "S"}},
		"organization": {group.Filter{OrganizationID: w.north.ID}, []string{"N", "NT"}}, "search": {group.Filter{Search: " ça "}, []string{"NT"}},
		"literally": {group.Filter{Search: `%_\`}, []string{"NT"}}, "both": {group.Filter{Type: "TURMA", Search: "S"}, []string{}},
		"no text": {group.Filter{Search: "\x00"}, []string{}},
	} {
		for _, limit := range []int{1, 2, 100} {
			f, got := c.f, []string{}
			for f.Limit = limit; ; {
				before := w.db.Statements()
				page, next, err := w.List(w.admin, f)
				require.NoError(t, err)
				require.LessOrEqual(t, w.db.Statements()-before, int64(1))
				got = append(got, identifiers(page)...)
				if next == 0 {
					break
				}
				f.After = next
			}
			require.Equal(t, c.want, got, name)
		}
	}
}

func TestStatementsOfGroups(t *testing.T) {
	w := newWorld(t)
	w.person(w.admin, "anu")
	w.put("A", "CONTA", "")
	for _, c := range []struct {
		name string
		most int64
		do   func(ctx context.Context) error
	}{
		{"create", 8, func(ctx context.Context) error {
			_, err := w.Upsert(ctx, "R", group.Change{Name: ptr("R"), Type: ptr("REGIONAL"), Parent: input.To(id("A")), SubAccount: input.To(id("North"))})
			return err
		}},
		{"change", 8, func(ctx context.Context) error {
			_, err := w.Upsert(ctx, "R", group.Change{Name: ptr("X")})
			return err
		}},
		{"move", 10, func(ctx context.Context) error {
			_, err := w.Upsert(ctx, "R", group.Change{Type: ptr("CONTA"), Parent: input.Cleared[ref.Ref](), SubAccount: input.Cleared[ref.Ref]()})
			return err
		}},
		{"get", 1, func(ctx context.Context) error { _, err := w.Get(ctx, id("A"), ""); return err }},
		{"add", 5, func(ctx context.Context) error { return w.AddMember(ctx, id("A"), id("anu"), false) }},
		{"replace", 6, func(ctx context.Context) error { return w.AddMember(ctx, id("R"), id("anu"), true) }},
		{"groups", 1, func(ctx context.Context) error { _, err := w.GroupsOf(ctx, id("anu"), ""); return err }},
		{"remove", 5, func(ctx context.Context) error { return w.RemoveMember(ctx, id("R"), id("anu")) }},
		{"delete", 6, func(ctx context.Context) error { return w.Delete(ctx, id("R")) }},
		{"hierarchy", 1, func(ctx context.Context) error { _, err := w.Hierarchy(ctx); return err }},
		{"set hierarchy", 5, func(ctx context.Context) error { return w.SetHierarchy(ctx, []string{"CONTA"}) }},
	} {
		before := w.db.Statements()
		require.NoError(t, c.do(w.admin), c.name)
		require.LessOrEqual(t, w.db.Statements()-before, c.most, c.name)
	}
}
