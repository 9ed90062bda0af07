package wire

import (
	"time"

	"quad/models"
)

// Milestone is a milestone of a project.
type Milestone struct {
	ID          string `json:"id"`
	ProjectID   string `json:"projectId"`
	Name        string `json:"name"`
	Description string `json:"description"`
	DueDate     string `json:"dueDate"`
	Status      string `json:"status"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

// CreateMilestone is the request of createMilestone.
type CreateMilestone struct {
	ProjectID   int64
	Name        string
	Description string
	DueDate     time.Time
	Status      *models.MilestoneStatus
}

// Read implements the request.
func (r *CreateMilestone) Read(in *Input) {
	r.ProjectID = in.ID("projectId")
	o := in.Body()
	r.Name = o.Text("name", 1, MaxTitle)
	r.Description = otherwise(o.OptionalText("description", 0, MaxText), "")
	r.DueDate = o.Day("dueDate")
	r.Status = word(o, "status", models.MilestoneStatuses)
}

// UpdateMilestone is the request of updateMilestone.
type UpdateMilestone struct {
	InProject

	Name        *string
	Description *string
	DueDate     *time.Time
	Status      *models.MilestoneStatus
}

// Read implements the request.
func (r *UpdateMilestone) Read(in *Input) {
	r.InProject.Read(in)
	o := in.Body()
	r.Name, r.Description = o.OptionalText("name", 1, MaxTitle), o.OptionalText("description", 0, MaxText)
	r.DueDate = o.OptionalDay("dueDate")
	r.Status = word(o, "status", models.MilestoneStatuses)
}
