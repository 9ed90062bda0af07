package projects

import (
	"context"
	"time"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/models"
)

// MilestoneInput is what a milestone is made of.
type MilestoneInput struct {
	Name        string
	Description string
	DueOn       time.Time
	Status      *models.MilestoneStatus // nil: models.MilestonePending
}

func (in *MilestoneInput) check() error {
	var c check
	c.name(&in.Name)
	c.description(&in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.MilestoneStatuses...)
	return c.Err()
}

// MilestoneChange is what of a milestone is to be changed; nil stays as it is.
type MilestoneChange struct {
	Name        *string
	Description *string
	DueOn       *time.Time
	Status      *models.MilestoneStatus
}

func (in *MilestoneChange) check() error {
	var c check
	c.name(in.Name)
	c.description(in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.MilestoneStatuses...)
	return c.Err()
}

func (in *MilestoneChange) apply(m *models.Milestone) error {
	set(&m.Name, in.Name)
	set(&m.Description, in.Description)
	set(&m.DueOn, in.DueOn)
	return follow("a milestone", &m.Status, in.Status)
}

const milestoneTable = "milestones"

// Milestones gives all milestones of a project in the caller's reach, by the
// day they are due, with one statement. Errors: models.ErrUnauthenticated,
// ErrUnknown.
func (s *Service) Milestones(ctx context.Context, projectID int64) ([]models.Milestone, error) {
	return parts[models.Milestone](ctx, s, milestoneTable, "c.due_on, c.id", projectID, nil)
}

// Milestone reads a milestone of a project in the caller's reach. Errors:
// models.ErrUnauthenticated, ErrUnknown, ErrMilestoneUnknown.
func (s *Service) Milestone(ctx context.Context, projectID, id int64) (models.Milestone, error) {
	return one[models.Milestone](ctx, s, milestoneTable, projectID, id, ErrMilestoneUnknown)
}

// CreateMilestone adds a milestone to a project, for a manager. Errors: an
// invalid input, models.ErrForbidden, ErrUnknown.
func (s *Service) CreateMilestone(ctx context.Context, projectID int64, in MilestoneInput) (m models.Milestone, err error) {
	err = s.change(ctx, "create milestone", change{project: projectID, lock: "KEY SHARE", check: in.check, do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
		m = models.Milestone{ProjectID: projectID, Name: in.Name, Description: in.Description, DueOn: in.DueOn, Status: models.MilestonePending}
		set(&m.Status, in.Status)
		err := s.d.DB.Conn(ctx).Create(&m).Error
		return milestoneEvent("milestone.created", m, nil), err
	}})
	if err != nil {
		return models.Milestone{}, err
	}
	return m, nil
}

// UpdateMilestone changes a milestone, for a manager. What is the same already
// changes nothing. Errors: an invalid input, models.ErrForbidden, ErrUnknown,
// ErrMilestoneUnknown, ErrTransition.
func (s *Service) UpdateMilestone(ctx context.Context, projectID, id int64, in MilestoneChange) (m models.Milestone, err error) {
	err = s.change(ctx, "update milestone", change{
		project: projectID, lock: "KEY SHARE", check: in.check,
		find: func(ctx context.Context) error { return s.lockPart(ctx, &m, projectID, id, ErrMilestoneUnknown) },
		do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
			stored := m
			if err := in.apply(&m); err != nil {
				return audit.Event{}, err
			}
			changed := differing(
				field{"name", stored.Name == m.Name}, field{"description", stored.Description == m.Description},
				field{"due_on", stored.DueOn.Equal(m.DueOn)}, field{"status", stored.Status == m.Status},
			)
			if len(changed) == 0 {
				return audit.Event{}, nil
			}
			return milestoneEvent("milestone.updated", m, changed), s.save(ctx, &m, changed)
		},
	})
	if err != nil {
		return models.Milestone{}, err
	}
	return m, nil
}

// DeleteMilestone takes a milestone off a project, for a manager. Errors:
// models.ErrForbidden, ErrUnknown, ErrMilestoneUnknown.
func (s *Service) DeleteMilestone(ctx context.Context, projectID, id int64) error {
	var m models.Milestone
	return s.change(ctx, "delete milestone", change{
		project: projectID, lock: "KEY SHARE",
		find: func(ctx context.Context) error { return s.lockPart(ctx, &m, projectID, id, ErrMilestoneUnknown) },
		do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
			return milestoneEvent("milestone.deleted", m, nil), s.deletePart(ctx, &m)
		},
	})
}

func milestoneEvent(action string, m models.Milestone, changed []string) audit.Event {
	data := facts(m.Name, m.Status, changed)
	data["project_id"] = m.ProjectID
	return audit.Event{Action: action, SubjectType: "milestone", SubjectID: m.ID, Data: data}
}
