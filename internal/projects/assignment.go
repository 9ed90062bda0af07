package projects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"quad/internal/audit"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// templateAssigned is the code of the mail to a person who was put on an
// activity.
const templateAssigned = "activity_assigned"

// Assign puts a person on an activity and tells them by mail, for a manager. The
// unique pair decides between callers who do it at once. Errors:
// models.ErrForbidden, ErrUnknown, ErrActivityUnknown, people.ErrUserUnknown
// also for a person out of the caller's reach, ErrAssigned.
func (s *Service) Assign(ctx context.Context, projectID, activityID, userID int64) (models.ActivityAssignment, error) {
	var a models.Activity
	var u models.User
	var made models.ActivityAssignment
	err := s.change(ctx, "assign", change{
		project: projectID, lock: "KEY SHARE",
		find: func(ctx context.Context) (err error) {
			if err := s.lockPart(ctx, &a, projectID, activityID, ErrActivityUnknown); err != nil {
				return err
			}
			u, err = s.d.People.UserInReach(ctx, userID)
			return err
		},
		do: func(ctx context.Context, p models.Project) (audit.Event, error) {
			made = models.ActivityAssignment{ActivityID: a.ID, UserID: u.ID}
			if err := s.d.DB.Conn(ctx).Create(&made).Error; err != nil {
				return audit.Event{}, err
			}
			return assignmentEvent("activity.assigned", p.ID, made), s.tell(ctx, p, u, made)
		},
	})
	if err != nil {
		return models.ActivityAssignment{}, err
	}
	return made, nil
}

// Unassign takes a person off an activity, for a manager. Errors:
// models.ErrForbidden, ErrUnknown, ErrAssignmentUnknown.
func (s *Service) Unassign(ctx context.Context, projectID, assignmentID int64) error {
	var a models.ActivityAssignment
	return s.change(ctx, "unassign", change{
		project: projectID, lock: "KEY SHARE",
		find: func(ctx context.Context) error {
			err := s.d.DB.Conn(ctx).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).
				Where("id = ? AND activity_id IN (?)", assignmentID, s.d.DB.Conn(ctx).Model(&models.Activity{}).Select("id").Where("project_id = ?", projectID)).
				Take(&a).Error
			if errors.Is(err, models.ErrNotFound) {
				return ErrAssignmentUnknown
			}
			return err
		},
		do: func(ctx context.Context, p models.Project) (audit.Event, error) {
			return assignmentEvent("activity.unassigned", p.ID, a), s.deletePart(ctx, &a)
		},
	})
}

// assignmentEvent is about the activity: who is on it is a part of it.
func assignmentEvent(action string, projectID int64, a models.ActivityAssignment) audit.Event {
	return audit.Event{Action: action, SubjectType: "activity", SubjectID: a.ActivityID, Data: map[string]any{
		"project_id": projectID, "user_id": a.UserID, "assignment_id": a.ID,
	}}
}

// assignedParams names the assignment that a mail is about. The rest is read
// when the mail is made.
type assignedParams struct {
	AssignmentID int64 `json:"assignmentId"`
}

// tell puts the mail to a person who can be told into the outbox.
func (s *Service) tell(ctx context.Context, p models.Project, u models.User, a models.ActivityAssignment) error {
	if u.Status != models.StatusActive || u.Email == nil {
		return nil
	}
	return s.d.Notify.Send(ctx, notify.Message{
		Template: templateAssigned, Recipient: *u.Email, EventKey: fmt.Sprintf("activity_assignment/%d", a.ID),
		UserID: &u.ID, OrganizationID: p.OrganizationID, Params: map[string]any{"assignmentId": a.ID},
	})
}

// assignedValues makes the values of the mail. One whose assignment was taken
// back meanwhile has lost its reason.
func (s *Service) assignedValues(ctx context.Context, n models.Notification) (map[string]string, error) {
	var about assignedParams
	if err := json.Unmarshal(n.Params, &about); err != nil {
		return nil, fmt.Errorf("projects: mail %d: %w", n.ID, err)
	}
	var row struct {
		ID                      int64
		Name, Activity, Project string
		StartsOn, EndsOn        time.Time
	}
	err := s.d.DB.Query(ctx, &row, `SELECT g.id, u.name, a.name AS activity, p.name AS project, a.starts_on, a.ends_on
		FROM activity_assignments g JOIN users u ON u.id = g.user_id JOIN activities a ON a.id = g.activity_id JOIN projects p ON p.id = a.project_id
		WHERE g.account_id = @account_id AND g.id = @id AND u.status = 'ACTIVE'`, store.Args{"id": about.AssignmentID})
	if err != nil {
		return nil, fmt.Errorf("projects: mail %d: %w", n.ID, err)
	}
	if row.ID == 0 {
		return nil, notify.ErrObsolete
	}
	return map[string]string{
		"name": row.Name, "activity": row.Activity, "project": row.Project, "starts": day(row.StartsOn), "ends": day(row.EndsOn), "link": s.d.PublicURL,
	}, nil
}

func day(t time.Time) string { return t.Format("2 January 2006") }
