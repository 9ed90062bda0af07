package wire

import (
	"time"

	"quad/models"
)

// cent is the smallest amount of money.
const cent models.Money = 1

// Project is a project.
type Project struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Status      string       `json:"status"`
	StartDate   string       `json:"startDate"`
	EndDate     string       `json:"endDate"`
	Budget      models.Money `json:"budget"`
	TenantID    *string      `json:"tenantId"`
	CreatedAt   string       `json:"createdAt"`
	UpdatedAt   string       `json:"updatedAt"`
}

// CreateProject is the request of createProject.
type CreateProject struct {
	Name        string
	Description string
	Status      *models.WorkStatus
	StartDate   time.Time
	EndDate     time.Time
	Budget      models.Money
	TenantID    *int64 // 0: named, but nothing
}

// Read implements the request.
func (r *CreateProject) Read(in *Input) {
	o := in.Body()
	r.Name = o.Text("name", 1, MaxTitle)
	r.Description = otherwise(o.OptionalText("description", 0, MaxText), "")
	r.StartDate, r.EndDate = o.Day("startDate"), o.Day("endDate")
	r.Budget = otherwise(o.OptionalMoney("budget", 0), 0)
	r.Status = word(o, "status", models.WorkStatuses)
	if _, there := o.get("tenantId"); there {
		id := o.ID("tenantId")
		r.TenantID = &id
	}
}

// UpdateProject is the request of updateProject.
type UpdateProject struct {
	ID          int64
	Name        *string
	Description *string
	Status      *models.WorkStatus
	StartDate   *time.Time
	EndDate     *time.Time
	Budget      *models.Money
}

// Read implements the request.
func (r *UpdateProject) Read(in *Input) {
	r.ID = in.ID("id")
	o := in.Body()
	r.Name, r.Description = o.OptionalText("name", 1, MaxTitle), o.OptionalText("description", 0, MaxText)
	r.StartDate, r.EndDate = o.OptionalDay("startDate"), o.OptionalDay("endDate")
	r.Budget = o.OptionalMoney("budget", 0)
	r.Status = word(o, "status", models.WorkStatuses)
}

// Expense is an expense of a project.
type Expense struct {
	ID          string       `json:"id"`
	ProjectID   string       `json:"projectId"`
	Description string       `json:"description"`
	Amount      models.Money `json:"amount"`
	Category    string       `json:"category"`
	Date        string       `json:"date"`
	CreatedAt   string       `json:"createdAt"`
}

// maxCategory is the longest category of an expense.
const maxCategory = 50

// CreateExpense is the request of createProjectExpense.
type CreateExpense struct {
	ProjectID   int64
	Description string
	Amount      models.Money
	Category    string
	Date        time.Time
}

// Read implements the request.
func (r *CreateExpense) Read(in *Input) {
	r.ProjectID = in.ID("id")
	o := in.Body()
	r.Description = o.Text("description", 1, MaxTitle)
	r.Amount = o.Money("amount", cent)
	r.Category = o.Text("category", 1, maxCategory)
	r.Date = o.Day("date")
}

// ExpenseByID names an expense by its project, {id}, and {expenseId}.
type ExpenseByID struct{ ProjectID, ID int64 }

// Read implements the request.
func (r *ExpenseByID) Read(in *Input) { r.ProjectID, r.ID = in.ID("id"), in.ID("expenseId") }

// OfProject names a project as {projectId}.
type OfProject struct{ ProjectID int64 }

// Read implements the request.
func (r *OfProject) Read(in *Input) { r.ProjectID = in.ID("projectId") }

// InProject names a part of a project, {projectId}, as {id}.
type InProject struct{ ProjectID, ID int64 }

// Read implements the request.
func (r *InProject) Read(in *Input) { r.ProjectID, r.ID = in.ID("projectId"), in.ID("id") }

// otherwise is what was sent, or a value in its place.
func otherwise[T any](sent *T, value T) T {
	if sent != nil {
		return *sent
	}
	return value
}

// word reads one of the words of a type that may be absent, but not null.
func word[T ~string](o Object, name string, allowed []T) *T {
	words := make([]string, len(allowed))
	for i, w := range allowed {
		words[i] = string(w)
	}
	if sent := o.OptionalWord(name, words...); sent != nil {
		w := T(*sent)
		return &w
	}
	return nil
}
