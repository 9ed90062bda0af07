package projects

import (
	"context"
	"time"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/models"
)

// ActivityInput is what an activity is made of.
type ActivityInput struct {
	Name        string
	Description string
	Status      *models.WorkStatus // nil: models.WorkActive
	StartsOn    time.Time
	EndsOn      time.Time
}

func (in *ActivityInput) check() error {
	var c check
	c.name(&in.Name)
	c.description(&in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.WorkStatuses...)
	c.span(&in.StartsOn, &in.EndsOn)
	return c.Err()
}

// ActivityChange is what of an activity is to be changed; nil stays as it is.
type ActivityChange struct {
	Name        *string
	Description *string
	Status      *models.WorkStatus
	StartsOn    *time.Time
	EndsOn      *time.Time
}

func (in *ActivityChange) check() error {
	var c check
	c.name(in.Name)
	c.description(in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.WorkStatuses...)
	c.span(in.StartsOn, in.EndsOn)
	return c.Err()
}

// apply changes a, dates before the status as in Change.
func (in *ActivityChange) apply(a *models.Activity) error {
	set(&a.Name, in.Name)
	set(&a.Description, in.Description)
	set(&a.StartsOn, in.StartsOn)
	set(&a.EndsOn, in.EndsOn)
	if err := spans(a.StartsOn, a.EndsOn); err != nil {
		return err
	}
	return follow("an activity", &a.Status, in.Status)
}

const activityTable = "activities"

// Activities gives all activities of a project in the caller's reach, by the day
// they start, with one statement. Errors: models.ErrUnauthenticated, ErrUnknown.
func (s *Service) Activities(ctx context.Context, projectID int64) ([]models.Activity, error) {
	return parts[models.Activity](ctx, s, activityTable, "c.starts_on, c.id", projectID, nil)
}

// Activity reads an activity of a project in the caller's reach. Errors:
// models.ErrUnauthenticated, ErrUnknown, ErrActivityUnknown.
func (s *Service) Activity(ctx context.Context, projectID, id int64) (models.Activity, error) {
	return one[models.Activity](ctx, s, activityTable, projectID, id, ErrActivityUnknown)
}

// CreateActivity adds an activity to a project, for a manager. Errors: an
// invalid input, models.ErrForbidden, ErrUnknown.
func (s *Service) CreateActivity(ctx context.Context, projectID int64, in ActivityInput) (a models.Activity, err error) {
	err = s.change(ctx, "create activity", change{project: projectID, lock: "KEY SHARE", check: in.check, do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
		a = models.Activity{
			ProjectID: projectID, Name: in.Name, Description: in.Description, Status: models.WorkActive, StartsOn: in.StartsOn, EndsOn: in.EndsOn,
		}
		set(&a.Status, in.Status)
		err := s.d.DB.Conn(ctx).Create(&a).Error
		return activityEvent("activity.created", a, nil), err
	}})
	if err != nil {
		return models.Activity{}, err
	}
	return a, nil
}

// UpdateActivity changes an activity, for a manager. What is the same already
// changes nothing. Errors: an invalid input, models.ErrForbidden, ErrUnknown,
// ErrActivityUnknown, ErrTransition.
func (s *Service) UpdateActivity(ctx context.Context, projectID, id int64, in ActivityChange) (a models.Activity, err error) {
	err = s.change(ctx, "update activity", change{
		project: projectID, lock: "KEY SHARE", check: in.check,
		find: func(ctx context.Context) error { return s.lockPart(ctx, &a, projectID, id, ErrActivityUnknown) },
		do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
			stored := a
			if err := in.apply(&a); err != nil {
				return audit.Event{}, err
			}
			changed := differing(
				field{"name", stored.Name == a.Name}, field{"description", stored.Description == a.Description},
				field{"status", stored.Status == a.Status}, field{"starts_on", stored.StartsOn.Equal(a.StartsOn)},
				field{"ends_on", stored.EndsOn.Equal(a.EndsOn)},
			)
			if len(changed) == 0 {
				return audit.Event{}, nil
			}
			return activityEvent("activity.updated", a, changed), s.save(ctx, &a, changed)
		},
	})
	if err != nil {
		return models.Activity{}, err
	}
	return a, nil
}

// DeleteActivity takes an activity with its assignments off a project, for a
// manager. Errors: models.ErrForbidden, ErrUnknown, ErrActivityUnknown.
func (s *Service) DeleteActivity(ctx context.Context, projectID, id int64) error {
	var a models.Activity
	return s.change(ctx, "delete activity", change{
		project: projectID, lock: "KEY SHARE",
		find: func(ctx context.Context) error { return s.lockPart(ctx, &a, projectID, id, ErrActivityUnknown) },
		do: func(ctx context.Context, _ models.Project) (audit.Event, error) {
			return activityEvent("activity.deleted", a, nil), s.deletePart(ctx, &a)
		},
	})
}

func activityEvent(action string, a models.Activity, changed []string) audit.Event {
	data := facts(a.Name, a.Status, changed)
	data["project_id"] = a.ProjectID
	return audit.Event{Action: action, SubjectType: "activity", SubjectID: a.ID, Data: data}
}
