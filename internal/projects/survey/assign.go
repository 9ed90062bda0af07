package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// mailAssigned is the template of the mail to a person who is asked to fill in a
// survey.
const mailAssigned = "form_assigned"

// Assign asks a person whom the caller sees to fill in an active survey, by a
// day or whenever they like (nil), and tells them by mail. The unique key decides
// between callers who ask the same person. Errors: models.ErrForbidden,
// ErrNotFound, those of People.UserInReach, ErrNotActive, ErrAssigned.
func (s *Service) Assign(ctx context.Context, surveyID, userID int64, due *time.Time) (models.SurveyAssignment, error) {
	a := models.SurveyAssignment{SurveyID: surveyID, UserID: userID, DueOn: due}
	p, reach, err := s.reaching(ctx, managers...)
	if err != nil {
		return a, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		v, err := s.find(ctx, p, reach, surveyID, "SHARE")
		if err != nil {
			return err
		}
		u, err := s.people.UserInReach(ctx, userID)
		switch {
		case err != nil:
			return err
		case !reach.Owns(v.OrganizationID):
			return models.ErrForbidden
		case v.Status != models.SurveyActive:
			return ErrNotActive
		}
		a.AssignedAt = s.now()
		if err := s.db.Conn(ctx).Create(&a).Error; err != nil {
			if store.Violates(err, "survey_assignments_pair") {
				return ErrAssigned.With(err)
			}
			return fmt.Errorf("survey: assign: %w", err)
		}
		if err := s.tell(ctx, v, u, a); err != nil {
			return err
		}
		return s.note(ctx, v, "form.assigned", "form", v.ID, map[string]any{"assignmentId": a.ID, "userId": userID})
	})
	return a, err
}

// Unassign takes an assignment back. What the person handed in stays. Errors:
// models.ErrForbidden, ErrNotFound, ErrAssignmentNotFound.
func (s *Service) Unassign(ctx context.Context, surveyID, id int64) error {
	var a models.SurveyAssignment
	return s.changePart(ctx, surveyID, func(ctx context.Context, _ models.Survey) error {
		err := s.db.Query(ctx, &a, `SELECT * FROM survey_assignments WHERE id = @id AND survey_id = @survey AND account_id = @account_id FOR UPDATE`,
			store.Args{"id": id, "survey": surveyID})
		switch {
		case err != nil:
			return fmt.Errorf("survey: assignment: %w", err)
		case a.ID == 0:
			return ErrAssignmentNotFound
		}
		return nil
	}, func(ctx context.Context, v models.Survey) error {
		_, err := s.db.Exec(ctx, `DELETE FROM survey_assignments WHERE id = @id AND account_id = @account_id`, store.Args{"id": id})
		if err != nil {
			return fmt.Errorf("survey: unassign: %w", err)
		}
		return s.note(ctx, v, "form.unassigned", "form", v.ID, map[string]any{"assignmentId": id, "userId": a.UserID})
	})
}

// tell puts the mail about an assignment into the outbox. Who can't sign in gets
// none.
func (s *Service) tell(ctx context.Context, v models.Survey, u models.User, a models.SurveyAssignment) error {
	if u.Email == nil || u.Status != models.StatusActive {
		return nil
	}
	params := map[string]any{"assignmentId": a.ID, "name": u.Name, "form": v.Name, "due": "", "appName": "Quad", "link": s.url}
	if a.DueOn != nil {
		params["due"] = a.DueOn.Format(time.DateOnly)
	}
	return s.mail.Send(ctx, notify.Message{
		Template: mailAssigned, Recipient: *u.Email, EventKey: fmt.Sprintf("form_assignment/%d", a.ID),
		UserID: &u.ID, OrganizationID: &u.OrganizationID, Params: params,
	})
}

// stillAssigned cancels the mail about an assignment that was taken back while
// it waited.
func (s *Service) stillAssigned(ctx context.Context, n models.Notification) (map[string]string, error) {
	var about struct {
		AssignmentID int64 `json:"assignmentId"`
	}
	if err := json.Unmarshal(n.Params, &about); err != nil {
		return nil, fmt.Errorf("survey: mail %d: %w", n.ID, err)
	}
	var there bool
	err := s.db.Query(ctx, &there, `SELECT EXISTS (SELECT FROM survey_assignments WHERE id = @id AND account_id = @account_id)`,
		store.Args{"id": about.AssignmentID})
	if err == nil && !there {
		err = notify.ErrObsolete
	}
	return nil, err
}
