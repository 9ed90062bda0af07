package wire

import (
	"time"

	"quad/models"
)

// Activity is an activity of a project.
type Activity struct {
	ID          string `json:"id"`
	ProjectID   string `json:"projectId"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Status      string `json:"status"`
	StartDate   string `json:"startDate"`
	EndDate     string `json:"endDate"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

// ActivityAssignment is a user on an activity.
type ActivityAssignment struct {
	ID         string `json:"id"`
	ActivityID string `json:"activityId"`
	UserID     string `json:"userId"`
	AssignedAt string `json:"assignedAt"`
}

// CreateActivity is the request of createActivity.
type CreateActivity struct {
	ProjectID   int64
	Name        string
	Description string
	Status      *models.WorkStatus
	StartDate   time.Time
	EndDate     time.Time
}

// Read implements the request.
func (r *CreateActivity) Read(in *Input) {
	r.ProjectID = in.ID("projectId")
	o := in.Body()
	r.Name = o.Text("name", 1, MaxTitle)
	r.Description = otherwise(o.OptionalText("description", 0, MaxText), "")
	r.StartDate, r.EndDate = o.Day("startDate"), o.Day("endDate")
	r.Status = word(o, "status", models.WorkStatuses)
}

// UpdateActivity is the request of updateActivity.
type UpdateActivity struct {
	InProject

	Name        *string
	Description *string
	Status      *models.WorkStatus
	StartDate   *time.Time
	EndDate     *time.Time
}

// Read implements the request.
func (r *UpdateActivity) Read(in *Input) {
	r.InProject.Read(in)
	o := in.Body()
	r.Name, r.Description = o.OptionalText("name", 1, MaxTitle), o.OptionalText("description", 0, MaxText)
	r.StartDate, r.EndDate = o.OptionalDay("startDate"), o.OptionalDay("endDate")
	r.Status = word(o, "status", models.WorkStatuses)
}

// AssignActivity is the request of assignUserToActivity. Here, and only here, a
// user is named in snake case.
type AssignActivity struct {
	InProject

	UserID int64
}

// Read implements the request.
func (r *AssignActivity) Read(in *Input) {
	r.InProject.Read(in)
	r.UserID = in.Body().ID("user_id")
}

// AssignmentByID names an assignment by its project, {projectId}, and
// {assignmentId}: its activity is in no path.
type AssignmentByID struct{ ProjectID, ID int64 }

// Read implements the request.
func (r *AssignmentByID) Read(in *Input) {
	r.ProjectID, r.ID = in.ID("projectId"), in.ID("assignmentId")
}
