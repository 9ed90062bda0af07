package projects_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/projects"
	"quad/internal/store"
	"quad/models"
)

func TestProjectsAreKeptAsTheyAreMade(t *testing.T) {
	w := newWorld(t)
	made := w.project(w.manager, "  Q1 training ", func(in *projects.Input) {
		in.Description, in.Status, in.Budget = "Everybody", to(models.WorkPlanned), 1_000 // 0.1
	})
	require.Equal(t, "Q1 training", made.Name)
	read, err := w.Get(w.user, made.ID)
	require.NoError(t, err)
	equal(t, made, read)
	require.Equal(t, "0.1", read.Budget.String())
	require.Equal(t, models.WorkPlanned, read.Status)
	require.Equal(t, date("2024-01-01"), read.StartsOn.UTC())

	plain := w.project(w.manager, "plain")
	require.Equal(t, models.WorkActive, plain.Status)
	require.Empty(t, plain.Description)

	largest := w.project(w.manager, "largest", func(in *projects.Input) { in.Budget = models.MaxMoney })
	read, err = w.Get(w.user, largest.ID)
	require.NoError(t, err)
	require.Equal(t, models.MaxMoney, read.Budget)
}

func TestSumsOfMoneyAreExact(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P")
	for range 10 {
		w.expense(p, 1_000, "2024-01-10") // 0.1 each
	}
	w.expense(p, 1, "2024-01-10")
	var sum models.Money
	require.NoError(t, w.DB.Query(w.root, &sum, `SELECT sum(amount) FROM project_expenses WHERE account_id = @account_id AND project_id = @id`, store.Args{"id": p.ID}))
	require.Equal(t, "1.0001", sum.String())
}

func TestWhatIsWrongIsToldAtOnce(t *testing.T) {
	w := newWorld(t)
	long, words := strings.Repeat("ü", 201), strings.Repeat("x", 20_001)
	_, err := w.Create(w.manager, projects.Input{
		Name: " ", Description: words, Status: to(models.WorkStatus("gone")), StartsOn: date("2024-02-02"), EndsOn: date("2024-02-01"), Budget: -1,
	})
	require.Equal(t, []string{
		"name field is empty", "description is too long", "status is invalid, must be one of: planned,active,on_hold,completed,cancelled",
		"endDate must not be before startDate", "budget must be from 0 to 99999999999999",
	}, texts(t, err))
	p := w.project(w.manager, "P")
	_, err = w.Update(w.manager, p.ID, projects.Change{Name: &long, Budget: to(models.MaxMoney + 1), StartsOn: to(date("2024-02-02")), EndsOn: to(date("2024-02-01"))})
	require.Equal(t, []string{"name is too long", "endDate must not be before startDate", "budget must be from 0 to 99999999999999"}, texts(t, err))
	_, err = w.AddExpense(w.manager, p.ID, projects.ExpenseInput{Description: "", Amount: 0, Category: strings.Repeat("c", 51)})
	require.Equal(t, []string{"description field is empty", "amount must be greater than 0, at most 99999999999999", "category is too long"}, texts(t, err))
	_, err = w.CreateMilestone(w.manager, p.ID, projects.MilestoneInput{Status: to(models.MilestoneStatus("late"))})
	require.Equal(t, []string{"name field is empty", "status is invalid, must be one of: pending,in_progress,completed,cancelled"}, texts(t, err))
	_, err = w.CreateActivity(w.manager, p.ID, projects.ActivityInput{Name: "A", StartsOn: date("2024-02-02"), EndsOn: date("2024-02-01")})
	require.Equal(t, []string{"endDate must not be before startDate"}, texts(t, err))

	// The input comes before what it is about, and the role before the input.
	_, err = w.Update(w.manager, 1<<40, projects.Change{Name: &long})
	require.Equal(t, []string{"name is too long"}, texts(t, err))
	_, err = w.Update(w.viewer, p.ID, projects.Change{Name: &long})
	require.ErrorIs(t, err, models.ErrForbidden)
}

func TestDatesAreComparedWithWhatIsStored(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P") // January to March 2024
	a := w.activity(p, "A", "2024-02-01")
	for name, change := range map[string]projects.Change{
		"the end moves before the start":  {EndsOn: to(date("2023-12-31"))},
		"the start moves behind the end":  {StartsOn: to(date("2024-04-01"))},
		"even where the status is wrong":  {StartsOn: to(date("2024-04-01")), Status: to(models.WorkPlanned)},
		"both, and the end is the sooner": {StartsOn: to(date("2025-01-02")), EndsOn: to(date("2025-01-01"))},
	} {
		_, err := w.Update(w.manager, p.ID, change)
		require.Equal(t, []string{"endDate must not be before startDate"}, texts(t, err), name)
	}
	_, err := w.UpdateActivity(w.manager, p.ID, a.ID, projects.ActivityChange{EndsOn: to(date("2024-01-31"))})
	require.Equal(t, []string{"endDate must not be before startDate"}, texts(t, err))
	stored, err := w.Get(w.manager, p.ID)
	require.NoError(t, err)
	equal(t, p, stored)

	moved, err := w.Update(w.manager, p.ID, projects.Change{StartsOn: to(date("2025-01-01")), EndsOn: to(date("2025-01-01"))})
	require.NoError(t, err, "a project of one day, a year later")
	require.Equal(t, date("2025-01-01"), moved.EndsOn.UTC())
}

func TestWhatIsTheSameChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P", func(in *projects.Input) { in.Description = "D" })
	m, a := w.milestone(p, "M", "2024-02-15"), w.activity(p, "A", "2024-02-01")
	for name, change := range map[string]projects.Change{
		"nothing": {}, "all of it": {
			Name: to(" P "), Description: to("D"), Status: to(models.WorkActive), StartsOn: &p.StartsOn, EndsOn: &p.EndsOn, Budget: &p.Budget,
		},
	} {
		same, err := w.Update(w.manager, p.ID, change)
		require.NoError(t, err, name)
		equal(t, p, same, name)
	}
	for _, change := range []projects.MilestoneChange{{}, {Name: to("M"), Description: to(""), DueOn: &m.DueOn, Status: to(models.MilestonePending)}} {
		same, err := w.UpdateMilestone(w.manager, p.ID, m.ID, change)
		require.NoError(t, err)
		equal(t, m, same)
	}
	for _, change := range []projects.ActivityChange{{}, {Name: to("A"), Status: to(models.WorkActive), StartsOn: &a.StartsOn, EndsOn: &a.EndsOn}} {
		same, err := w.UpdateActivity(w.manager, p.ID, a.ID, change)
		require.NoError(t, err)
		equal(t, a, same)
	}
	require.Zero(t, w.count(`SELECT count(*) FROM audit_events WHERE action LIKE '%.updated' AND subject_type IN ('project', 'milestone', 'activity')`, nil))

	changed, err := w.Update(w.manager, p.ID, projects.Change{Description: to(""), Budget: to(models.Money(0)), Status: to(models.WorkOnHold)})
	require.NoError(t, err)
	require.True(t, changed.UpdatedAt.After(p.UpdatedAt))
	read, err := w.Get(w.manager, p.ID)
	require.NoError(t, err)
	equal(t, changed, read)
	require.Empty(t, read.Description, "what is sent empty is empty from then on")
	require.Zero(t, read.Budget)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM audit_events WHERE action = 'project.updated' AND subject_id = @id AND organization_id = @north
		AND data = '{"name": "P", "status": "on_hold", "changed": ["description", "status", "budget"]}'`, store.Args{"id": p.ID, "north": w.north.ID}))
}

func TestListsAreComplete(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "first")
	for _, name := range []string{"second", "third"} {
		w.project(w.manager, name)
	}
	w.exec(`UPDATE projects SET created_at = (SELECT min(created_at) FROM projects)`, nil) // ties go by id
	list, err := w.List(w.manager)
	require.NoError(t, err)
	require.Equal(t, []string{"third", "second", "first"}, projectNames(list))

	for _, read := range []func() (int, error){
		func() (int, error) { l, err := w.Expenses(w.user, p.ID); return len(l), err },
		func() (int, error) { l, err := w.Milestones(w.user, p.ID); return len(l), err },
		func() (int, error) { l, err := w.Activities(w.user, p.ID); return len(l), err },
	} {
		n, err := read()
		require.NoError(t, err)
		require.Zero(t, n, "a project has nothing at first")
	}
	for i, day := range []string{"2024-01-10", "2024-03-10", "2024-01-10", "2024-02-10"} {
		w.expense(p, models.Money(i+1), day)
		w.milestone(p, day+string(rune('a'+i)), day)
		w.activity(p, day+string(rune('a'+i)), day)
	}
	expenses, err := w.Expenses(w.user, p.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"0.0002", "0.0004", "0.0003", "0.0001"}, names(expenses, func(e models.ProjectExpense) string { return e.Amount.String() }))
	ascending := []string{"2024-01-10a", "2024-01-10c", "2024-02-10d", "2024-03-10b"}
	milestones, err := w.Milestones(w.user, p.ID)
	require.NoError(t, err)
	require.Equal(t, ascending, names(milestones, func(m models.Milestone) string { return m.Name }))
	activities, err := w.Activities(w.user, p.ID)
	require.NoError(t, err)
	require.Equal(t, ascending, names(activities, func(a models.Activity) string { return a.Name }))
	one, err := w.Activity(w.user, p.ID, activities[0].ID)
	require.NoError(t, err)
	equal(t, activities[0], one)
}

func TestAPartIsFoundBelowItsOwnProjectOnly(t *testing.T) {
	w := newWorld(t)
	s, other := w.furnished("one", &w.north.ID), w.furnished("other", &w.north.ID)
	for name, c := range map[string]struct {
		do   func(ctx context.Context) error
		want error
	}{
		"milestone": {func(ctx context.Context) error {
			_, err := w.Milestone(ctx, other.project.ID, s.milestone.ID)
			return err
		}, projects.ErrMilestoneUnknown},
		"activity": {func(ctx context.Context) error {
			_, err := w.Activity(ctx, other.project.ID, s.activity.ID)
			return err
		}, projects.ErrActivityUnknown},
		"change milestone": {func(ctx context.Context) error {
			_, err := w.UpdateMilestone(ctx, other.project.ID, s.milestone.ID, projects.MilestoneChange{})
			return err
		}, projects.ErrMilestoneUnknown},
		"change activity": {func(ctx context.Context) error {
			_, err := w.UpdateActivity(ctx, other.project.ID, s.activity.ID, projects.ActivityChange{})
			return err
		}, projects.ErrActivityUnknown},
		"delete milestone": {func(ctx context.Context) error { return w.DeleteMilestone(ctx, other.project.ID, s.milestone.ID) }, projects.ErrMilestoneUnknown},
		"delete activity":  {func(ctx context.Context) error { return w.DeleteActivity(ctx, other.project.ID, s.activity.ID) }, projects.ErrActivityUnknown},
		"delete expense":   {func(ctx context.Context) error { return w.DeleteExpense(ctx, other.project.ID, s.expense.ID) }, projects.ErrExpenseUnknown},
		"unassign":         {func(ctx context.Context) error { return w.Unassign(ctx, other.project.ID, s.assignment.ID) }, projects.ErrAssignmentUnknown},
		"assign": {func(ctx context.Context) error {
			_, err := w.Assign(ctx, other.project.ID, s.activity.ID, w.bothPerson.ID)
			return err
		}, projects.ErrActivityUnknown},
	} {
		require.ErrorIs(t, c.do(w.manager), c.want, name)
		require.ErrorIs(t, c.do(w.southManager), projects.ErrUnknown, name)
	}
}

func TestADeletedProjectIsGoneWithAllThatBelongsToIt(t *testing.T) {
	w := newWorld(t)
	s, other := w.furnished("one", &w.north.ID), w.furnished("other", &w.north.ID)
	require.NoError(t, w.Delete(w.manager, s.project.ID))
	for name, read := range w.reads(s) {
		require.ErrorIs(t, read(w.root), projects.ErrUnknown, name)
	}
	for name, read := range w.reads(other) {
		require.NoError(t, read(w.root), name)
	}
	for _, table := range []string{"projects", "project_expenses", "milestones", "activities", "activity_assignments"} {
		require.EqualValues(t, 1, w.count(`SELECT count(*) FROM `+table, nil), table)
	}
	require.ErrorIs(t, w.Delete(w.manager, s.project.ID), projects.ErrUnknown)
	require.EqualValues(t, 1, w.events("project.deleted", s.project.ID))

	// Parts go one by one too.
	require.NoError(t, w.DeleteExpense(w.manager, other.project.ID, other.expense.ID))
	require.ErrorIs(t, w.DeleteExpense(w.manager, other.project.ID, other.expense.ID), projects.ErrExpenseUnknown)
	require.NoError(t, w.DeleteMilestone(w.manager, other.project.ID, other.milestone.ID))
	require.NoError(t, w.DeleteActivity(w.manager, other.project.ID, other.activity.ID))
	require.Zero(t, w.count(`SELECT count(*) FROM activity_assignments`, nil))
	for action, id := range map[string]int64{
		"expense.created": other.expense.ID, "expense.deleted": other.expense.ID, "milestone.created": other.milestone.ID,
		"milestone.deleted": other.milestone.ID, "activity.created": other.activity.ID, "activity.deleted": other.activity.ID, "activity.assigned": other.activity.ID,
	} {
		require.EqualValues(t, 1, w.events(action, id), action)
		require.EqualValues(t, 1, w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id AND organization_id = @north AND actor_id IS NOT NULL AND door = 'test'`,
			store.Args{"action": action, "id": id, "north": w.north.ID}), action)
	}
}

func TestStatements(t *testing.T) {
	w := newWorld(t)
	s := w.furnished("one", &w.north.ID)
	for range 20 {
		w.furnished("more", &w.north.ID)
		w.expense(s.project, 1, "2024-01-01")
	}
	for name, read := range w.reads(s) {
		n := w.statements(func() { require.NoError(t, read(w.root)) })
		require.EqualValues(t, 1, n, name)
	}
	require.EqualValues(t, 1, w.statements(func() {
		list, err := w.List(w.root)
		require.NoError(t, err)
		require.Len(t, list, 21)
	}))
	want := map[string]int64{
		"update": 3, "update nothing": 1, "add expense": 3, "delete expense": 4, "create milestone": 3, "update milestone": 4, "delete milestone": 4,
		"create activity": 3, "update activity": 4, "assign": 6, "unassign": 4, "delete activity": 4, "delete": 3,
	}
	for _, write := range w.writes(s) {
		n := w.statements(func() { require.NoError(t, write.do(w.root)) })
		require.Equal(t, want[write.name], n, write.name)
	}
}
