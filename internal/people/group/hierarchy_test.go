package group_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/group"
	"quad/internal/store"
)

func TestHierarchy(t *testing.T) {
	w := newWorld(t)
	got, err := w.Hierarchy(w.admin)
	require.NoError(t, err)
	require.Equal(t, types, got)

	named := []string{" Região ", "Área", "区", "area"}
	require.NoError(t, w.SetHierarchy(w.admin, named))
	require.Equal(t, " Região ", named[0], "the caller's list is theirs")
	got, err = w.Hierarchy(w.admin)
	require.NoError(t, err)
	require.Equal(t, []string{"Região", "Área", "区", "area"}, got)
	got, err = w.Hierarchy(w.foreign)
	require.NoError(t, err)
	require.Equal(t, types, got)

	changes := w.count(`SELECT count(*) FROM audit_events WHERE action = 'group_hierarchy.changed'`, nil)
	require.NoError(t, w.SetHierarchy(w.admin, named))
	require.Equal(t, changes, w.count(`SELECT count(*) FROM audit_events WHERE action = 'group_hierarchy.changed'`, nil), "nothing changed")

	most := make([]string, group.MaxTypes)
	for i := range most {
		most[i] = fmt.Sprint(strings.Repeat("ü", group.MaxType-2), i+10)
	}
	require.NoError(t, w.SetHierarchy(w.admin, most))
	for name, c := range map[string]struct {
		types []string
		rule  string
	}{
		"none": {nil, "types:required"}, "too many": {append(most, "x"), "types:too_long"}, "empty": {[]string{"a", " "}, "types:required"},
		"long": {[]string{strings.Repeat("x", group.MaxType+1)}, "types:too_long"}, "twice": {[]string{"a", "b", " a"}, "types:repeated"},
		"two lines": {[]string{"a\nb"}, "types:invalid"}, "NUL": {[]string{"a\x00"}, "types:invalid"},
	} {
		require.Equal(t, c.rule, ruleOf(t, w.SetHierarchy(w.admin, c.types)), name)
	}
}

func TestAHierarchyThatGroupsNeedStays(t *testing.T) {
	w := newWorld(t)
	w.put("A", "CONTA", "")
	w.put("R", "REGIONAL", "A")
	w.put("T", "TURMA", "R")
	w.put("T1", "TURMA", "T")
	for name, c := range map[string]struct {
		types []string
		rule  string
	}{
		"top gone":         {[]string{"REGIONAL", "TURMA"}, "types:in_use"},
		"one gone":         {[]string{"CONTA", "TURMA"}, "types:in_use"},
		"another spelling": {[]string{"CONTA", "Regional", "TURMA"}, "types:in_use"},
		"new top":          {[]string{"NEW", "CONTA", "REGIONAL", "TURMA"}, "types:level"},
		"turned over":      {[]string{"CONTA", "TURMA", "REGIONAL"}, "types:level"},
		"not the lowest":   {[]string{"CONTA", "REGIONAL", "TURMA", "NEW"}, "types:level"},
	} {
		require.Equal(t, c.rule, ruleOf(t, w.SetHierarchy(w.admin, c.types)), name)
	}
	require.NoError(t, w.SetHierarchy(w.admin, []string{"CONTA", "X", "REGIONAL", "Y", "TURMA"}))
	require.NoError(t, w.SetHierarchy(w.admin, []string{"CONTA", "REGIONAL", "TURMA"}))
	require.NoError(t, w.SetHierarchy(w.foreign, []string{"anything"}), "groups of other accounts don't matter")
}

// A hierarchy and a group that would break each other cannot both come.
func TestHierarchyAndGroupsAtOnce(t *testing.T) {
	w := newWorld(t)
	for round := range 10 {
		require.NoError(t, w.SetHierarchy(w.admin, types))
		name := fmt.Sprint("G", round)
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				return w.SetHierarchy(w.admin, []string{"REGIONAL"})
			}
			_, err := w.try(name, "CONTA", "")
			return err
		})
		require.NotEqual(t, errs[0] == nil, errs[1] == nil, "round %d: %v", round, errs)
		w.exec(`DELETE FROM groups WHERE identifier = @name`, store.Args{"name": name})
	}
}
