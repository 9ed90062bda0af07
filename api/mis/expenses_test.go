package mis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
)

func TestExpenses(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager, object{"budget": 1})
	manager, viewer := w.as(t, w.manager), w.as(t, w.viewer)
	expenses := path + "/expenses"
	require.Empty(t, list(t, viewer.Do(t, 200, "GET", expenses, nil)))

	made := manager.Do(t, 201, "POST", expenses, object{
		"description": "Training materials", "amount": contracttest.Raw("5000.0001"), "category": "materials", "date": "2024-01-10",
	})
	require.Equal(t, object{
		"projectId": strings.TrimPrefix(path, "/mis/projects/"), "description": "Training materials", "amount": 5000.0001, "category": "materials", "date": "2024-01-10",
	}, without(made.Map(t), "id", "createdAt"), "over the budget, which is no limit")
	for _, date := range []string{"2024-03-01", "2024-01-10", "2023-12-24"} {
		manager.Do(t, 201, "POST", expenses, object{"description": date, "amount": 1, "category": "food", "date": date})
	}
	var dates []any
	for _, e := range list(t, viewer.Do(t, 200, "GET", expenses, nil)) {
		dates = append(dates, e["description"])
	}
	require.Equal(t, []any{"2024-03-01", "2024-01-10", "Training materials", "2023-12-24"}, dates, "the latest day first")

	one := expenses + "/" + made.Text(t, "id")
	fails(t, viewer.Do(t, 403, "DELETE", one, nil), "Forbidden resource")
	fails(t, w.as(t, w.southManager).Do(t, 404, "DELETE", one, nil), "Project not found")
	other := w.newProject(t, w.manager)
	fails(t, manager.Do(t, 404, "DELETE", other+"/expenses/"+made.Text(t, "id"), nil), "Expense not found")
	require.Equal(t, object{"success": true, "message": "Expense deleted"}, manager.Do(t, 200, "DELETE", one, nil).Map(t))
	fails(t, manager.Do(t, 404, "DELETE", one, nil), "Expense not found")
	require.Len(t, list(t, viewer.Do(t, 200, "GET", expenses, nil)), 3)

	fails(t, w.as(t, w.southUser).Do(t, 404, "GET", expenses, nil), "Project not found")
	fails(t, w.as(t, w.southManager).Do(t, 404, "POST", expenses, object{"description": "D", "amount": 1, "category": "c", "date": "2024-01-10"}), "Project not found")
}

func TestExpensesThatBreakRules(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager) + "/expenses"
	manager := w.as(t, w.manager)
	const amount = "amount must be a number from 0.0001 to 99999999999999 with at most 4 decimal places"
	for _, c := range []struct {
		key   string
		value any
		fault string
	}{
		{"amount", 0, amount},
		{"amount", -1, amount},
		{"amount", contracttest.Raw("0.00005"), amount},
		{"amount", contracttest.Raw("1e14"), amount},
		{"amount", true, amount},
		{"description", "", "description should not be empty"},
		{"description", strings.Repeat("d", 201), "description must be shorter than or equal to 200 characters"},
		{"category", "\t", "category should not be empty"},
		{"category", strings.Repeat("c", 51), "category must be shorter than or equal to 50 characters"},
		{"date", "2023-02-29", "date must be a valid day such as 2024-01-31"},
	} {
		body := object{"description": "D", "amount": 1, "category": "c", "date": "2024-02-29"}
		body[c.key] = c.value
		fails(t, manager.Do(t, 400, "POST", path, body), []string{c.fault})
	}
	fails(t, manager.Do(t, 400, "POST", path, object{}), []string{"description is required", "amount is required", "category is required", "date is required"})
	smallest := manager.Do(t, 201, "POST", path, object{"description": "D", "amount": contracttest.Raw("1e-4"), "category": "c", "date": "2024-02-29"})
	require.Contains(t, string(smallest.Body), `"amount":0.0001,`)
}
