package group_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestAGroupIsMadeAndChanged(t *testing.T) {
	w := newWorld(t)
	created, err := w.try("ACCOUNT", "CONTA", "")
	require.NoError(t, err)
	require.True(t, created)
	created, err = w.try("ÉCOLE", "UNIDADE", "ACCOUNT", in("North")) // a level may be left out
	require.NoError(t, err)
	require.True(t, created)
	g := w.get("ÉCOLE")
	require.Equal(t, "UNIDADE", g.Type)
	require.Equal(t, "ACCOUNT", *g.ParentIdentifier)
	require.Equal(t, "North", *g.SubAccount)
	require.Equal(t, g.CreatedAt, g.UpdatedAt)
	require.EqualValues(t, 1, w.audited("group.created", g.ID))

	// What is not named stays; the same again changes nothing.
	created, err = w.Upsert(w.admin, "ÉCOLE", group.Change{Name: ptr("  Escola ")})
	require.NoError(t, err)
	require.False(t, created)
	changed := w.get("ÉCOLE")
	require.Equal(t, "Escola", changed.Name)
	require.Equal(t, g.ParentID, changed.ParentID)
	require.Equal(t, g.OrganizationID, changed.OrganizationID)
	require.True(t, changed.UpdatedAt.After(g.UpdatedAt))
	_, err = w.Upsert(w.admin, "ÉCOLE", group.Change{Name: ptr("Escola"), Type: ptr("UNIDADE"), Parent: input.To(id("ACCOUNT")), SubAccount: input.To(id("North"))})
	require.NoError(t, err)
	require.Equal(t, changed, w.get("ÉCOLE"))
	require.EqualValues(t, 1, w.audited("group.updated", g.ID))
	require.Empty(t, w.told.moved, "nothing has moved")

	// Identifiers tell upper from lower case; accounts are apart.
	_, err = w.Get(w.admin, id("école"), "")
	require.ErrorIs(t, err, group.ErrUnknown)
	_, err = w.Get(w.foreign, id("ACCOUNT"), "")
	require.ErrorIs(t, err, group.ErrUnknown)
	_, err = w.Get(w.foreign, ref.ByID(g.ID), "")
	require.ErrorIs(t, err, group.ErrUnknown)
	created, err = w.Upsert(w.foreign, "ACCOUNT", group.Change{Name: ptr("Theirs"), Type: ptr("CONTA")})
	require.NoError(t, err)
	require.True(t, created)
	_, err = w.Upsert(w.foreign, "THEIRS", group.Change{Name: ptr("x"), Type: ptr("TURMA"), Parent: input.To(ref.ByID(g.ID))})
	require.ErrorIs(t, err, group.ErrParentUnknown)
	_, err = w.Upsert(w.foreign, "ACCOUNT", group.Change{SubAccount: input.To(ref.ByID(w.north.ID))})
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	require.Equal(t, "ACCOUNT", w.get("ACCOUNT").Name)
}

func TestWhatAGroupMayBe(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("R", "REGIONAL", "A", in("North"))
	w.put("U", "UNIDADE", "R", in("North"))
	w.put("T", "TURMA", "U", in("North"))
	w.put("T1", "TURMA", "T", in("North"))
	w.put("T2", "TURMA", "T1", in("North"))
	long := strings.Repeat("ü", 256)
	for name, c := range map[string]struct {
		identifier string
		change     group.Change
		rule       string
	}{
		"no identifier":        {"", group.Change{Name: ptr("x"), Type: ptr("CONTA")}, "identifier:invalid"},
		"long identifier":      {long, group.Change{Name: ptr("x"), Type: ptr("CONTA")}, "identifier:invalid"},
		"identifier with NUL":  {"a\x00", group.Change{Name: ptr("x"), Type: ptr("CONTA")}, "identifier:invalid"},
		"reserved":             {"list", group.Change{Name: ptr("x"), Type: ptr("CONTA")}, "identifier:reserved"},
		"reserved too":         {"hierarchy", group.Change{Name: ptr("x"), Type: ptr("CONTA")}, "identifier:reserved"},
		"no name":              {"N", group.Change{Type: ptr("CONTA")}, "name:required"},
		"no name and more":     {"N", group.Change{Type: ptr("CONTA"), SubAccount: input.To(id("nowhere"))}, "name:required"},
		"empty name":           {"A", group.Change{Name: ptr(" ")}, "name:required"},
		"long name":            {"A", group.Change{Name: ptr(long)}, "name:too_long"},
		"two lines":            {"A", group.Change{Name: ptr("a\nb")}, "name:invalid"},
		"no type":              {"N", group.Change{Name: ptr("x")}, "type:required"},
		"empty type":           {"A", group.Change{Type: ptr("")}, "type:required"},
		"unknown type":         {"N", group.Change{Name: ptr("x"), Type: ptr("conta")}, "type:enum"},
		"type with space":      {"A", group.Change{Type: ptr("CONTA ")}, "type:enum"},
		"no parent":            {"N", group.Change{Name: ptr("x"), Type: ptr("REGIONAL")}, "parent_id:required"},
		"parent taken away":    {"R", group.Change{Parent: input.Cleared[ref.Ref]()}, "parent_id:required"},
		"parent beside":        {"N", group.Change{Name: ptr("x"), Type: ptr("REGIONAL"), Parent: input.To(id("R")), SubAccount: input.To(id("North"))}, "parent_id:level"},
		"parent of the lowest": {"N", group.Change{Name: ptr("x"), Type: ptr("UNIDADE"), Parent: input.To(id("T")), SubAccount: input.To(id("North"))}, "parent_id:level"},
		"parent of the top":    {"N", group.Change{Name: ptr("x"), Type: ptr("CONTA"), Parent: input.To(id("A"))}, "parent_id:level"},
		"type below parent":    {"U", group.Change{Type: ptr("REGIONAL")}, "parent_id:level"},
		"type below children":  {"R", group.Change{Type: ptr("TURMA")}, "type:level"},
		"type beside children": {"R", group.Change{Type: ptr("UNIDADE")}, "type:level"},
		"no sub-account":       {"N", group.Change{Name: ptr("x"), Type: ptr("TURMA"), Parent: input.To(id("U"))}, "organization_id:differs"},
		"other sub-account":    {"N", group.Change{Name: ptr("x"), Type: ptr("TURMA"), Parent: input.To(id("U")), SubAccount: input.To(id("South"))}, "organization_id:differs"},
		"left by children":     {"R", group.Change{SubAccount: input.To(id("South"))}, "organization_id:differs"},
		"itself":               {"T1", group.Change{Parent: input.To(id("T1"))}, "parent_id:circle"},
		"circle":               {"T1", group.Change{Parent: input.To(id("T2"))}, "parent_id:circle"},
	} {
		before := w.count(`SELECT count(*) FROM groups`, nil)
		_, err := w.Upsert(w.admin, c.identifier, c.change)
		require.Equal(t, c.rule, ruleOf(t, err), name)
		require.Equal(t, before, w.count(`SELECT count(*) FROM groups`, nil), name)
	}
	// One without a sub-account has any below it, and may have none above it.
	w.put("R", "REGIONAL", "A", in(""))
	w.put("R2", "REGIONAL", "A")
	w.put("T2", "TURMA", "T", in("North"))
	w.put("T1", "TURMA", "T2", in("North")) // no circle any more
	for name, c := range map[string]group.Change{
		"nowhere": {SubAccount: input.To(id("nowhere"))}, "other case": {SubAccount: input.To(id("north"))}, "the default one": {SubAccount: input.To(id(w.home.Name))},
		"by id": {SubAccount: input.To(ref.ByID(w.home.ID))}, "no text": {SubAccount: input.To(id("\xff"))},
	} {
		_, err := w.Upsert(w.admin, "A", c)
		require.ErrorIs(t, err, people.ErrOrganizationUnknown, name)
	}
	for _, parent := range []ref.Ref{id("nothing"), id(""), id(long), id("\x00"), ref.ByID(1 << 40), {ID: -1}} {
		_, err := w.Upsert(w.admin, "R2", group.Change{Parent: input.To(parent)})
		require.ErrorIs(t, err, group.ErrParentUnknown)
	}
}

// With one type it is the top and the lowest: its groups nest, and need not.
func TestOneType(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.SetHierarchy(w.admin, []string{"Equipe"}))
	w.put("a", "Equipe", "")
	w.put("b", "Equipe", "a")
	_, err := w.Upsert(w.admin, "a", group.Change{Parent: input.To(id("b"))})
	require.Equal(t, "parent_id:circle", ruleOf(t, err))
}

func TestWithoutAHierarchyThereAreNoGroups(t *testing.T) {
	w := newWorld(t)
	w.exec(`DELETE FROM group_hierarchies`, nil)
	_, err := w.try("A", "CONTA", "")
	require.Equal(t, "type:enum", ruleOf(t, err))
	types, err := w.Hierarchy(w.admin)
	require.NoError(t, err)
	require.Empty(t, types)
}

func TestMoves(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("R1", "REGIONAL", "A")
	w.put("R2", "REGIONAL", "A")
	w.put("T", "TURMA", "R1")
	require.Empty(t, w.told.moved, "a new group has no members")
	w.put("T", "TURMA", "R2")
	require.Equal(t, []int64{w.get("T").ID}, w.told.moved)
	require.Equal(t, "R2", *w.get("T").ParentIdentifier)

	w.told.refuse = errors.New("not now")
	_, err := w.try("T", "TURMA", "A")
	require.ErrorIs(t, err, w.told.refuse)
	require.Equal(t, "R2", *w.get("T").ParentIdentifier, "refused as a whole")
}

func TestGroupsOfInactiveOrganizations(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("N", "REGIONAL", "A", in("North"))
	n := w.get("N")
	u := w.person(w.admin, "anu")
	require.NoError(t, w.AddMember(w.admin, id("N"), id("anu"), false))
	_, err := w.people.DeactivateOrganization(w.admin, w.north.ID)
	require.NoError(t, err)

	_, err = w.Get(w.admin, id("N"), "")
	require.ErrorIs(t, err, group.ErrUnknown)
	_, err = w.Get(w.admin, ref.ByID(n.ID), "")
	require.NoError(t, err, "administrators find it")
	_, err = w.try("N", "REGIONAL", "A", in("South"))
	require.ErrorIs(t, err, group.ErrTaken, "its identifier stays taken")
	_, err = w.try("T", "TURMA", "N", in("South"))
	require.ErrorIs(t, err, group.ErrParentUnknown)
	require.ErrorIs(t, w.Delete(w.admin, id("N")), group.ErrUnknown)
	require.ErrorIs(t, w.AddMember(w.admin, id("N"), id("anu"), false), group.ErrUnknown)
	all, err := w.All(w.admin, "")
	require.NoError(t, err)
	require.Equal(t, []string{"A"}, identifiers(all))
	require.Empty(t, w.groupsOf("anu"))
	_, err = w.All(w.admin, "North")
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	page, _, err := w.List(w.admin, group.Filter{OrganizationID: w.north.ID})
	require.NoError(t, err)
	require.Equal(t, []string{"N"}, identifiers(page))
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM group_members WHERE user_id = @id`, store.Args{"id": u.ID}), "kept")
}

func TestNativelyMadeGroups(t *testing.T) {
	w := newWorld(t)
	root, err := w.Create(w.admin, "", group.Change{Name: ptr("Root"), Type: ptr("CONTA")})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(root.ID), root.Identifier)
	// The texts of the next two ids are taken: they are passed over.
	for n := root.ID + 2; n <= root.ID+4; n++ { // each of these takes an id as well
		w.put(fmt.Sprint(n+2), "CONTA", "")
	}
	next, err := w.Create(w.admin, "", group.Change{Name: ptr("Next"), Type: ptr("REGIONAL"), Parent: input.To(ref.ByID(root.ID)), SubAccount: input.To(ref.ByID(w.north.ID))})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(next.ID), next.Identifier)
	require.Equal(t, "North", *next.SubAccount)
	require.Greater(t, next.ID, root.ID+4)

	_, err = w.Create(w.admin, root.Identifier, group.Change{Name: ptr("x"), Type: ptr("CONTA")})
	require.ErrorIs(t, err, group.ErrTaken)
	_, err = w.Create(w.admin, strings.Repeat("x", 256), group.Change{Name: ptr("x"), Type: ptr("CONTA")})
	require.Equal(t, "identifier:invalid", ruleOf(t, err))
	changed, err := w.Update(w.admin, ref.ByID(next.ID), group.Change{Name: ptr("Changed"), SubAccount: input.Cleared[ref.Ref]()})
	require.NoError(t, err)
	require.Equal(t, "Changed", changed.Name)
	require.Nil(t, changed.SubAccount)
	_, err = w.Update(w.admin, ref.ByID(1<<40), group.Change{})
	require.ErrorIs(t, err, group.ErrUnknown)
	_, err = w.Update(w.admin, ref.ByID(next.ID), group.Change{Parent: input.To(ref.ByID(next.ID))})
	require.Equal(t, "parent_id:circle", ruleOf(t, err))
}

func TestADeletedGroupIsGone(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("T", "TURMA", "A")
	anu, ben := w.person(w.admin, "anu"), w.person(w.admin, "ben")
	for _, u := range []string{"ben", "anu"} {
		require.NoError(t, w.AddMember(w.admin, id("T"), id(u), false))
	}
	g := w.get("T")
	require.ErrorIs(t, w.Delete(w.admin, id("A")), group.ErrHasGroups)
	require.ErrorIs(t, w.Delete(w.foreign, ref.ByID(g.ID)), group.ErrUnknown)
	w.told.forget()

	w.told.refuse = errors.New("not now")
	require.ErrorIs(t, w.Delete(w.admin, id("T")), w.told.refuse)
	w.get("T")
	w.told.refuse = nil
	w.told.forget()

	require.NoError(t, w.Delete(w.admin, id("T")))
	require.Equal(t, []int64{g.ID}, w.told.leaving)
	require.Equal(t, []int64{anu.ID, ben.ID}, w.told.forget())
	require.ErrorIs(t, w.Delete(w.admin, id("T")), group.ErrUnknown)
	require.Zero(t, w.count(`SELECT count(*) FROM group_members`, nil))
	require.EqualValues(t, 1, w.audited("group.deleted", g.ID))
	require.NoError(t, w.Delete(w.admin, id("A")))
	w.put("T", "CONTA", "") // the identifier is free
}

func TestWhoMayManageGroups(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	a := id("A")
	for name, do := range map[string]func(context.Context) error{
		"hierarchy":     func(ctx context.Context) error { _, err := w.Hierarchy(ctx); return err },
		"set hierarchy": func(ctx context.Context) error { return w.SetHierarchy(ctx, types) },
		"upsert":        func(ctx context.Context) error { _, err := w.Upsert(ctx, "A", group.Change{}); return err },
		"create":        func(ctx context.Context) error { _, err := w.Create(ctx, "B", group.Change{}); return err },
		"update":        func(ctx context.Context) error { _, err := w.Update(ctx, a, group.Change{}); return err },
		"get":           func(ctx context.Context) error { _, err := w.Get(ctx, a, ""); return err },
		"all":           func(ctx context.Context) error { _, err := w.All(ctx, ""); return err },
		"list":          func(ctx context.Context) error { _, _, err := w.List(ctx, group.Filter{}); return err },
		"delete":        func(ctx context.Context) error { return w.Delete(ctx, a) },
		"add":           func(ctx context.Context) error { return w.AddMember(ctx, a, id("admin"), false) },
		"remove":        func(ctx context.Context) error { return w.RemoveMember(ctx, a, id("admin")) },
		"groups of":     func(ctx context.Context) error { _, err := w.GroupsOf(ctx, id("admin"), ""); return err },
		"members":       func(ctx context.Context) error { _, _, err := w.Members(ctx, group.MemberFilter{}); return err },
		"users":         func(ctx context.Context) error { _, _, err := w.Users(ctx, group.UserFilter{}); return err },
	} {
		require.ErrorIs(t, do(w.learner), models.ErrForbidden, name)
		require.ErrorIs(t, do(store.WithAccount(t.Context(), 1)), models.ErrUnauthenticated, name)
	}
}
