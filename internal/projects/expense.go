package projects

import (
	"context"
	"time"

	"quad/internal/audit"
	"quad/models"
)

// ExpenseInput is what an expense is made of.
type ExpenseInput struct {
	Description string
	Amount      models.Money
	Category    string // in the caller's words
	SpentOn     time.Time
}

func (in *ExpenseInput) check() error {
	var c check
	c.Text("description", &in.Description, MaxName)
	c.amount(in.Amount)
	c.Text("category", &in.Category, MaxCategory)
	return c.Err()
}

// Expenses gives all expenses of a project in the caller's reach, the latest day
// first, with one statement. Errors: models.ErrUnauthenticated, ErrUnknown.
func (s *Service) Expenses(ctx context.Context, projectID int64) ([]models.ProjectExpense, error) {
	return parts[models.ProjectExpense](ctx, s, "project_expenses", "c.spent_on DESC, c.id DESC", projectID, nil)
}

// AddExpense books an expense on a project, for a manager. The budget is no
// limit. Errors: an invalid input, models.ErrForbidden, ErrUnknown.
func (s *Service) AddExpense(ctx context.Context, projectID int64, in ExpenseInput) (e models.ProjectExpense, err error) {
	err = s.change(ctx, "add expense", change{project: projectID, lock: "KEY SHARE", check: in.check, do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
		e = models.ProjectExpense{ProjectID: projectID, Description: in.Description, Amount: in.Amount, Category: in.Category, SpentOn: in.SpentOn}
		err := s.d.DB.Conn(ctx).Create(&e).Error
		return expenseEvent("expense.created", e), err
	}})
	if err != nil {
		return models.ProjectExpense{}, err
	}
	return e, nil
}

// DeleteExpense takes an expense off a project, for a manager. Errors:
// models.ErrForbidden, ErrUnknown, ErrExpenseUnknown.
func (s *Service) DeleteExpense(ctx context.Context, projectID, id int64) error {
	var e models.ProjectExpense
	return s.change(ctx, "delete expense", change{
		project: projectID, lock: "KEY SHARE",
		find: func(ctx context.Context) error { return s.lockPart(ctx, &e, projectID, id, ErrExpenseUnknown) },
		do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
			return expenseEvent("expense.deleted", e), s.deletePart(ctx, &e)
		},
	})
}

func expenseEvent(action string, e models.ProjectExpense) audit.Event {
	return audit.Event{Action: action, SubjectType: "expense", SubjectID: e.ID, Data: map[string]any{
		"project_id": e.ProjectID, "amount": e.Amount, "category": e.Category,
	}}
}
