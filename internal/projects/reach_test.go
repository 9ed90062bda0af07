package projects_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/projects"
	"quad/internal/store"
	"quad/models"
)

// parts are a project with one part of each kind.
type parts struct {
	project    models.Project
	expense    models.ProjectExpense
	milestone  models.Milestone
	activity   models.Activity
	assignment models.ActivityAssignment
}

func (w *world) furnished(name string, organization *int64) parts {
	w.t.Helper()
	p := w.project(w.root, name, func(in *projects.Input) { in.OrganizationID = organization })
	a := w.activity(p, "Activity of "+name, "2024-01-15")
	return parts{p, w.expense(p, 5*models.MoneyUnit, "2024-01-10"), w.milestone(p, "Milestone of "+name, "2024-02-15"), a, w.assign(a, w.userPerson)}
}

// reads are all ways to read something of a project.
func (w *world) reads(s parts) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"get":        func(ctx context.Context) error { _, err := w.Get(ctx, s.project.ID); return err },
		"expenses":   func(ctx context.Context) error { _, err := w.Expenses(ctx, s.project.ID); return err },
		"milestones": func(ctx context.Context) error { _, err := w.Milestones(ctx, s.project.ID); return err },
		"milestone":  func(ctx context.Context) error { _, err := w.Milestone(ctx, s.project.ID, s.milestone.ID); return err },
		"activities": func(ctx context.Context) error { _, err := w.Activities(ctx, s.project.ID); return err },
		"activity":   func(ctx context.Context) error { _, err := w.Activity(ctx, s.project.ID, s.activity.ID); return err },
	}
}

// writes are all ways to change something of a project. They come in an order in
// which each still finds what it needs.
func (w *world) writes(s parts) []struct {
	name string
	do   func(context.Context) error
} {
	type write = struct {
		name string
		do   func(context.Context) error
	}
	day := date("2024-02-01")
	return []write{
		{"update", func(ctx context.Context) error {
			_, err := w.Update(ctx, s.project.ID, projects.Change{Name: to("Renamed")})
			return err
		}},
		{"update nothing", func(ctx context.Context) error { _, err := w.Update(ctx, s.project.ID, projects.Change{}); return err }},
		{"add expense", func(ctx context.Context) error {
			_, err := w.AddExpense(ctx, s.project.ID, projects.ExpenseInput{Description: "Tea", Amount: 1, Category: "food", SpentOn: day})
			return err
		}},
		{"delete expense", func(ctx context.Context) error { return w.DeleteExpense(ctx, s.project.ID, s.expense.ID) }},
		{"create milestone", func(ctx context.Context) error {
			_, err := w.CreateMilestone(ctx, s.project.ID, projects.MilestoneInput{Name: "New", DueOn: day})
			return err
		}},
		{"update milestone", func(ctx context.Context) error {
			_, err := w.UpdateMilestone(ctx, s.project.ID, s.milestone.ID, projects.MilestoneChange{Name: to("Renamed")})
			return err
		}},
		{"delete milestone", func(ctx context.Context) error { return w.DeleteMilestone(ctx, s.project.ID, s.milestone.ID) }},
		{"create activity", func(ctx context.Context) error {
			_, err := w.CreateActivity(ctx, s.project.ID, projects.ActivityInput{Name: "New", StartsOn: day, EndsOn: day})
			return err
		}},
		{"update activity", func(ctx context.Context) error {
			_, err := w.UpdateActivity(ctx, s.project.ID, s.activity.ID, projects.ActivityChange{Name: to("Renamed")})
			return err
		}},
		{"assign", func(ctx context.Context) error {
			_, err := w.Assign(ctx, s.project.ID, s.activity.ID, w.bothPerson.ID)
			return err
		}},
		{"unassign", func(ctx context.Context) error { return w.Unassign(ctx, s.project.ID, s.assignment.ID) }},
		{"delete activity", func(ctx context.Context) error { return w.DeleteActivity(ctx, s.project.ID, s.activity.ID) }},
		{"delete", func(ctx context.Context) error { return w.Delete(ctx, s.project.ID) }},
	}
}

func TestWhoSeesWhat(t *testing.T) {
	w := newWorld(t)
	places := map[string]parts{
		"shared": w.furnished("shared", nil), "north": w.furnished("north", &w.north.ID),
		"south": w.furnished("south", &w.south.ID), "closed": w.furnished("closed", &w.closed.ID),
	}
	for caller, c := range map[string]struct {
		ctx  context.Context
		sees []string
	}{
		"root":          {w.root, []string{"closed", "south", "north", "shared"}},
		"admin":         {w.admin, []string{"north", "shared"}},
		"viewer":        {w.viewer, []string{"north", "shared"}},
		"user":          {w.user, []string{"north", "shared"}},
		"southManager":  {w.southManager, []string{"south", "shared"}},
		"both":          {w.both, []string{"south", "north", "shared"}},
		"closedManager": {w.closedManager, []string{"shared"}},
		"loner":         {w.loner, []string{"shared"}},
		"foreign":       {w.foreign, []string{}},
	} {
		list, err := w.List(c.ctx)
		require.NoError(t, err, caller)
		require.ElementsMatch(t, c.sees, projectNames(list), caller)
		for place, s := range places {
			for name, read := range w.reads(s) {
				err := read(c.ctx)
				if slices.Contains(c.sees, place) {
					require.NoError(t, err, "%s: %s of %s", caller, name, place)
				} else {
					require.ErrorIs(t, err, projects.ErrUnknown, "%s: %s of %s", caller, name, place)
				}
			}
		}
	}
	nobody := store.WithAccount(t.Context(), w.Account.ID)
	_, err := w.List(nobody)
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	for name, read := range w.reads(places["shared"]) {
		require.ErrorIs(t, read(nobody), models.ErrUnauthenticated, name)
	}
	for _, write := range w.writes(places["shared"]) {
		require.ErrorIs(t, write.do(nobody), models.ErrUnauthenticated, write.name)
	}
}

func TestWhoChangesWhat(t *testing.T) {
	w := newWorld(t)
	// What each caller gets in a project of each place; nil lets them.
	refusals := map[string]struct {
		ctx                          context.Context
		shared, north, south, closed error
	}{
		"root":          {w.root, nil, nil, nil, nil},
		"admin":         {w.admin, models.ErrForbidden, nil, projects.ErrUnknown, projects.ErrUnknown},
		"manager":       {w.manager, models.ErrForbidden, nil, projects.ErrUnknown, projects.ErrUnknown},
		"southManager":  {w.southManager, models.ErrForbidden, projects.ErrUnknown, nil, projects.ErrUnknown},
		"both":          {w.both, models.ErrForbidden, nil, nil, projects.ErrUnknown},
		"closedManager": {w.closedManager, models.ErrForbidden, projects.ErrUnknown, projects.ErrUnknown, projects.ErrUnknown},
		"lonelyManager": {w.lonelyManager, models.ErrForbidden, projects.ErrUnknown, projects.ErrUnknown, projects.ErrUnknown},
		"viewer":        {w.viewer, models.ErrForbidden, models.ErrForbidden, models.ErrForbidden, models.ErrForbidden},
		"user":          {w.user, models.ErrForbidden, models.ErrForbidden, models.ErrForbidden, models.ErrForbidden},
		"foreign":       {w.foreign, projects.ErrUnknown, projects.ErrUnknown, projects.ErrUnknown, projects.ErrUnknown},
	}
	for caller, c := range refusals {
		for place, want := range map[string]struct {
			organization *int64
			refusal      error
		}{
			"shared": {nil, c.shared}, "north": {&w.north.ID, c.north}, "south": {&w.south.ID, c.south}, "closed": {&w.closed.ID, c.closed},
		} {
			s := w.furnished(place, want.organization)
			for _, write := range w.writes(s) {
				err := write.do(c.ctx)
				switch {
				case want.refusal == nil:
					require.NoError(t, err, "%s: %s in %s", caller, write.name, place)
				case write.name == "assign" && place == "shared" && slices.Contains([]string{"closedManager", "lonelyManager"}, caller):
					require.ErrorIs(t, err, people.ErrUserUnknown, "%s: who is in nobody's reach is not there, which comes before the right", caller)
				default:
					require.ErrorIs(t, err, want.refusal, "%s: %s in %s", caller, write.name, place)
				}
			}
		}
	}
}

func TestWhereANewProjectBelongs(t *testing.T) {
	w := newWorld(t)
	in := projects.Input{Name: "P", StartsOn: date("2024-01-01"), EndsOn: date("2024-01-01")}
	with := func(organization int64) projects.Input {
		named := in
		named.OrganizationID = &organization
		return named
	}
	nowhere := int64(1 << 40)
	for name, c := range map[string]struct {
		ctx     context.Context
		in      projects.Input
		want    *int64
		refusal error
	}{
		"a manager's own":                 {w.manager, in, &w.north.ID, nil},
		"the one joined first":            {w.both, in, &w.south.ID, nil},
		"another one of theirs":           {w.both, with(w.north.ID), &w.north.ID, nil},
		"another's":                       {w.manager, with(w.south.ID), nil, models.ErrForbidden},
		"none that there is":              {w.manager, with(nowhere), nil, models.ErrForbidden},
		"no id at all":                    {w.manager, with(0), nil, models.ErrForbidden},
		"the default one":                 {w.manager, with(w.Organization.ID), nil, models.ErrForbidden},
		"of no organization":              {w.lonelyManager, in, nil, models.ErrForbidden},
		"of a closed one":                 {w.closedManager, in, nil, models.ErrForbidden},
		"the closed one by name":          {w.closedManager, with(w.closed.ID), nil, models.ErrForbidden},
		"an administrator's":              {w.root, in, nil, nil},
		"that an administrator names":     {w.root, with(w.south.ID), &w.south.ID, nil},
		"a closed one for administrators": {w.root, with(w.closed.ID), &w.closed.ID, nil},
		"unknown to an administrator":     {w.root, with(nowhere), nil, people.ErrOrganizationUnknown},
		"default, by an administrator":    {w.root, with(w.Organization.ID), nil, people.ErrOrganizationUnknown},
		"no id, by an administrator":      {w.root, with(0), nil, people.ErrOrganizationUnknown},
		"of another account":              {w.foreign, with(w.north.ID), nil, people.ErrOrganizationUnknown},
		"a viewer's":                      {w.viewer, in, nil, models.ErrForbidden},
	} {
		before := w.count(`SELECT count(*) FROM projects`, nil)
		p, err := w.Create(c.ctx, c.in)
		if c.refusal != nil {
			require.ErrorIs(t, err, c.refusal, name)
			require.Equal(t, before, w.count(`SELECT count(*) FROM projects`, nil), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, p.OrganizationID, name)
		n := w.count(`SELECT count(*) FROM audit_events WHERE action = 'project.created' AND subject_id = @id
			AND organization_id IS NOT DISTINCT FROM CAST(@organization AS bigint)`, store.Args{"id": p.ID, "organization": c.want})
		require.EqualValues(t, 1, n, name)
	}
}

func TestProjectsOfAnOrganizationAreCounted(t *testing.T) {
	w := newWorld(t)
	w.project(w.manager, "one")
	w.project(w.manager, "two")
	w.project(w.root, "shared")
	for organization, want := range map[int64]int64{w.north.ID: 2, w.south.ID: 0} {
		n, err := w.CountOf(w.root, organization)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	n, err := w.CountOf(w.foreign, w.north.ID)
	require.NoError(t, err)
	require.Zero(t, n)
}
