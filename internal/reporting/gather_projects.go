package reporting

import (
	"context"
	"strings"

	"quad/internal/store"
)

// projectsOf is the projects of the scope whose days meet the period.
var projectsOf = `p.account_id = @account_id AND ` + ofScope("p.organization_id") + `
    AND (CAST(@until AS date) IS NULL OR p.starts_on <= CAST(@until AS date)) AND (CAST(@from AS date) IS NULL OR p.ends_on >= CAST(@from AS date))`

var projectFacts = `
SELECT count(*) AS projects, count(*) FILTER (WHERE p.status = 'active') AS active, count(*) FILTER (WHERE p.status = 'completed') AS completed,
    count(*) FILTER (WHERE p.status = 'planned') AS planned, count(*) FILTER (WHERE p.status = 'on_hold') AS on_hold,
    count(*) FILTER (WHERE p.status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE p.status IN ('planned', 'active', 'on_hold') AND p.ends_on < CAST(@today AS date)) AS overdue,
    COALESCE(sum(p.budget), 0) AS budget,
    COALESCE(sum((SELECT sum(e.amount) FROM project_expenses e WHERE e.project_id = p.id)), 0) AS spent
FROM projects p WHERE ` + projectsOf

var milestoneFacts = `
SELECT count(*) FILTER (WHERE m.status <> 'cancelled') AS milestones, count(*) FILTER (WHERE m.status = 'completed') AS done,
    count(*) FILTER (WHERE m.status IN ('pending', 'in_progress') AND m.due_on < CAST(@today AS date)) AS overdue
FROM projects p JOIN milestones m ON m.project_id = p.id WHERE ` + projectsOf

var projectRows = `
SELECT p.name, p.status, p.starts_on, p.ends_on, m.done, m.milestones, m.overdue, a.done, a.activities, p.budget, e.spent
FROM projects p
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'completed') AS done, count(*) FILTER (WHERE status <> 'cancelled') AS milestones,
    count(*) FILTER (WHERE status IN ('pending', 'in_progress') AND due_on < CAST(@today AS date)) AS overdue FROM milestones WHERE project_id = p.id) m
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'completed') AS done, count(*) FILTER (WHERE status <> 'cancelled') AS activities
    FROM activities WHERE project_id = p.id) a
CROSS JOIN LATERAL (SELECT COALESCE(sum(amount), 0) AS spent FROM project_expenses WHERE project_id = p.id) e
WHERE ` + projectsOf + `
ORDER BY m.overdue DESC, p.ends_on, p.name, p.id`

var lateMilestones = `
SELECT m.name, p.name, m.due_on, m.status, CAST(@today AS date) - m.due_on
FROM projects p JOIN milestones m ON m.project_id = p.id
WHERE m.status IN ('pending', 'in_progress') AND m.due_on < CAST(@today AS date) AND ` + projectsOf + `
ORDER BY m.due_on, m.id`

// projectProgress is how projects stand.
func projectProgress(ctx context.Context, g *gathering) error {
	var p struct {
		Projects, Active, Completed, Planned, OnHold, Cancelled, Overdue int64
		Budget, Spent                                                    float64
	}
	var m struct{ Milestones, Done, Overdue int64 }
	if err := g.s.d.DB.Query(ctx, &p, projectFacts, g.args); err != nil {
		return err
	}
	if err := g.s.d.DB.Query(ctx, &m, milestoneFacts, g.args); err != nil {
		return err
	}
	for _, f := range []Fact{
		{Key: "projects", Name: "Projects", Kind: KindCount, Value: float64(p.Projects)},
		{Key: "active", Name: "Active projects", Kind: KindCount, Value: float64(p.Active)},
		{Key: "completed", Name: "Completed projects", Kind: KindCount, Value: float64(p.Completed)},
		{Key: "overdue_projects", Name: "Projects past their end", Kind: KindCount, Value: float64(p.Overdue), Good: -1},
		{Key: "milestones_done", Name: "Milestones completed", Kind: KindCount, Value: float64(m.Done)},
		{Key: "milestones", Name: "Milestones", Kind: KindCount, Value: float64(m.Milestones)},
		{Key: "milestone_rate", Name: "Milestone completion", Kind: KindRate, Value: share(float64(m.Done), float64(m.Milestones)), Good: 1},
		{Key: "overdue_milestones", Name: "Overdue milestones", Kind: KindCount, Value: float64(m.Overdue), Good: -1},
		{Key: "budget", Name: "Budget", Kind: KindMoney, Value: p.Budget},
		{Key: "spent", Name: "Spent", Kind: KindMoney, Value: p.Spent},
	} {
		g.fact(f, nil)
	}
	g.chart(Chart{Title: "Projects by status", Kind: KindCount, Labels: []string{"Planned", "Active", "On hold", "Completed", "Cancelled"},
		Series: []Series{{Name: "Projects", Values: []float64{float64(p.Planned), float64(p.Active), float64(p.OnHold), float64(p.Completed), float64(p.Cancelled)}}}})
	g.table("Projects", Column{"Project", KindText}, Column{"Status", KindText}, Column{"Start", KindDay}, Column{"End", KindDay},
		Column{"Milestones done", KindCount}, Column{"Milestones", KindCount}, Column{"Overdue", KindCount},
		Column{"Activities done", KindCount}, Column{"Activities", KindCount}, Column{"Budget", KindMoney}, Column{"Spent", KindMoney})
	if err := g.query(ctx, g.s.d.DB, projectRows, g.args); err != nil {
		return err
	}
	var over []string
	for _, row := range g.data.Tables[0].Rows {
		if budget, spent := amount(row[9]), amount(row[10]); budget > 0 && spent > budget && len(over) < 5 {
			over = append(over, text(row[0]))
		}
	}
	g.table("Overdue milestones", Column{"Milestone", KindText}, Column{"Project", KindText}, Column{"Due", KindDay}, Column{"Status", KindText}, Column{"Days late", KindCount})
	if err := g.query(ctx, g.s.d.DB, lateMilestones, g.args); err != nil {
		return err
	}
	if m.Overdue > 0 {
		worst := g.data.Tables[1].Rows[0]
		g.say("%s overdue; the longest overdue is %s of %s, due on %s.", countOf(float64(m.Overdue), "milestone is", "milestones are"), text(worst[0]), text(worst[1]), text(worst[2]))
	}
	if p.Overdue > 0 {
		g.say("%s past the planned end without being completed.", countOf(float64(p.Overdue), "project is", "projects are"))
	}
	if len(over) > 0 {
		g.say("Projects that have spent more than their budget: %s.", strings.Join(over, ", "))
	}
	return nil
}

// amount and text read values of rows.
func amount(v any) float64 { f, _ := v.(float64); return f }

func text(v any) string { return Format(KindText, v) }

// share is a percentage, with one decimal, half away from zero; of nothing it
// is 0.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return round1(100 * part / whole)
}

var expensesOf = `e.account_id = @account_id AND ` + ofScope("p.organization_id") + ` AND ` + inPeriod("e.spent_on")

var expenseFacts = `
SELECT count(*) AS expenses, COALESCE(sum(e.amount), 0) AS spent, COALESCE(max(e.amount), 0) AS largest, count(DISTINCT e.project_id) AS projects
FROM project_expenses e JOIN projects p ON p.id = e.project_id WHERE ` + expensesOf

var expenseCategories = `
SELECT e.category, count(*) AS expenses, sum(e.amount) AS spent, max(e.amount) AS largest
FROM project_expenses e JOIN projects p ON p.id = e.project_id WHERE ` + expensesOf + `
GROUP BY e.category ORDER BY sum(e.amount) DESC, e.category`

var expenseMonths = `
SELECT to_char(e.spent_on, 'YYYY-MM') AS month, count(*) AS expenses, sum(e.amount) AS spent
FROM project_expenses e JOIN projects p ON p.id = e.project_id WHERE ` + expensesOf + `
GROUP BY 1 ORDER BY 1`

var expenseProjects = `
SELECT p.name, p.status, p.budget, sum(e.amount) AS spent, (SELECT sum(amount) FROM project_expenses WHERE project_id = p.id) AS ever,
    p.budget - (SELECT sum(amount) FROM project_expenses WHERE project_id = p.id)
FROM project_expenses e JOIN projects p ON p.id = e.project_id WHERE ` + expensesOf + `
GROUP BY p.id ORDER BY sum(e.amount) DESC, p.name, p.id`

var expenseRows = `
SELECT e.spent_on, p.name, e.category, e.description, e.amount
FROM project_expenses e JOIN projects p ON p.id = e.project_id WHERE ` + expensesOf + `
ORDER BY e.amount DESC, e.spent_on, e.id`

type expenses struct {
	Expenses, Projects int64
	Spent, Largest     float64
}

// expenseSummary is what was spent on what.
func expenseSummary(ctx context.Context, g *gathering) error {
	read := func(args store.Args) (out expenses, err error) {
		return out, g.s.d.DB.Query(ctx, &out, expenseFacts, args)
	}
	now, err := read(g.args)
	if err != nil {
		return err
	}
	var spent, count *float64
	if g.before != nil {
		was, err := read(g.periodArgs(*g.before))
		if err != nil {
			return err
		}
		spent, count = new(was.Spent), new(float64(was.Expenses))
	}
	g.fact(Fact{Key: "spent", Name: "Spent", Kind: KindMoney, Value: now.Spent, Good: -1}, spent)
	g.fact(Fact{Key: "expenses", Name: "Expenses", Kind: KindCount, Value: float64(now.Expenses)}, count)
	g.fact(Fact{Key: "largest", Name: "Largest expense", Kind: KindMoney, Value: now.Largest}, nil)
	g.fact(Fact{Key: "projects", Name: "Projects with expenses", Kind: KindCount, Value: float64(now.Projects)}, nil)

	g.table("By category", Column{"Category", KindText}, Column{"Expenses", KindCount}, Column{"Spent", KindMoney}, Column{"Largest", KindMoney})
	if err := g.query(ctx, g.s.d.DB, expenseCategories, g.args); err != nil {
		return err
	}
	categories := g.data.Tables[0]
	g.chart(bars("Spent by category", KindMoney, "Spent", column(categories, 0), values(categories, 2)))
	if len(categories.Rows) > 0 {
		top := categories.Rows[0]
		g.say("Most was spent on %s: %s, which is %s of all expenses.", text(top[0]), number(KindMoney, amount(top[2])), number(KindRate, share(amount(top[2]), now.Spent)))
	}
	var months []struct {
		Month    string
		Expenses int64
		Spent    float64
	}
	if err := g.s.d.DB.Query(ctx, &months, expenseMonths, g.args); err != nil {
		return err
	}
	g.table("Month by month", Column{"Month", KindText}, Column{"Expenses", KindCount}, Column{"Spent", KindMoney})
	c := Chart{Title: "Spent by month", Kind: KindMoney, Lines: true, Series: []Series{{Name: "Spent", Values: []float64{}}}}
	for i, m := range months {
		if err := g.row(m.Month, float64(m.Expenses), m.Spent); err != nil {
			return err
		}
		if i >= len(months)-mostMonths {
			c.Labels, c.Series[0].Values = append(c.Labels, monthName(m.Month)), append(c.Series[0].Values, m.Spent)
		}
	}
	if len(c.Labels) > 1 {
		g.chart(c)
	}
	g.table("By project", Column{"Project", KindText}, Column{"Status", KindText}, Column{"Budget", KindMoney}, Column{"Spent in the period", KindMoney},
		Column{"Spent in all", KindMoney}, Column{"Left", KindMoney})
	if err := g.query(ctx, g.s.d.DB, expenseProjects, g.args); err != nil {
		return err
	}
	var over []string
	for _, row := range g.data.Tables[len(g.data.Tables)-1].Rows {
		if left := amount(row[5]); left < 0 && amount(row[2]) > 0 && len(over) < 5 {
			over = append(over, text(row[0])+" (by "+number(KindMoney, -left)+")")
		}
	}
	if len(over) > 0 {
		g.say("Projects that have spent more than their budget: %s.", strings.Join(over, ", "))
	}
	g.table("Expenses, the largest first", Column{"Day", KindDay}, Column{"Project", KindText}, Column{"Category", KindText}, Column{"Description", KindText}, Column{"Amount", KindMoney})
	return g.query(ctx, g.s.d.DB, expenseRows, g.args)
}

// column is the texts of a table's column, values its numbers.
func column(t Table, i int) []string {
	out := make([]string, len(t.Rows))
	for n, row := range t.Rows {
		out[n] = text(row[i])
	}
	return out
}

func values(t Table, i int) []float64 {
	out := make([]float64, len(t.Rows))
	for n, row := range t.Rows {
		out[n] = amount(row[i])
	}
	return out
}
