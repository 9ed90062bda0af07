package survey

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"quad/internal/store"
	"quad/models"
)

// Submit hands in answers to an active survey that the caller sees; anybody may,
// and again. Responses are by the id of the field, with values of encoding/json
// and numbers as json.Number. Errors: an invalid input, of which the answers'
// faults are told in the words of models.CheckAnswers; ErrNotFound, ErrNotActive.
func (s *Service) Submit(ctx context.Context, surveyID int64, responses map[string]any) (models.SurveySubmission, error) {
	sub := models.SurveySubmission{SurveyID: surveyID}
	p, reach, err := s.reaching(ctx)
	if err != nil {
		return sub, err
	}
	if sub.Responses, err = encode(responses); err != nil {
		return sub, err
	}
	sub.UserID = p.UserID
	return sub, s.db.InTx(ctx, func(ctx context.Context) error {
		// The lock is waited for before the fields are read: they are those that
		// the last change has left.
		v, err := s.find(ctx, p, reach, surveyID, "SHARE")
		switch {
		case err != nil:
			return err
		case v.Status != models.SurveyActive:
			return ErrNotActive
		}
		fields, err := s.fields(ctx, surveyID)
		if err != nil {
			return err
		}
		if faults := models.CheckAnswers(fields, responses); faults != nil {
			return wrong(faults)
		}
		sub.SubmittedAt = s.now()
		if err := s.db.Conn(ctx).Create(&sub).Error; err != nil {
			return fmt.Errorf("survey: submit: %w", err)
		}
		return s.note(ctx, v, "form_submission.created", "form_submission", sub.ID, map[string]any{"formId": v.ID})
	})
}

// encode writes answers as they are stored.
func encode(responses map[string]any) (json.RawMessage, error) {
	if responses == nil {
		responses = map[string]any{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(responses); err != nil {
		return nil, fmt.Errorf("survey: answers: %w", err)
	}
	if b.Len() > models.MaxSubmissionBytes {
		return nil, models.Invalid(models.FieldError{
			Field: "responses", Rule: "too_long", Text: fmt.Sprintf("responses must not be larger than %d bytes", models.MaxSubmissionBytes),
		})
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// wrong is the refusal of answers, which the texts name in words for people.
func wrong(faults []string) error {
	fields := make([]models.FieldError, len(faults))
	for i, text := range faults {
		fields[i] = models.FieldError{Rule: "answer", Text: text}
	}
	return models.Invalid(fields...)
}

// Submissions gives all that was handed in to a survey, the newest first, for
// those who manage the surveys of its organization or view its reports. Errors:
// models.ErrForbidden, ErrNotFound.
func (s *Service) Submissions(ctx context.Context, surveyID int64) (list []models.SurveySubmission, err error) {
	p, reach, err := s.reaching(ctx, append([]string{models.RoleReportViewer}, managers...)...)
	if err != nil {
		return nil, err
	}
	v, err := s.find(ctx, p, reach, surveyID, "")
	switch {
	case err != nil:
		return nil, err
	case !reach.Owns(v.OrganizationID):
		return nil, models.ErrForbidden
	}
	err = s.db.Query(ctx, &list, `SELECT * FROM survey_submissions WHERE survey_id = @survey AND account_id = @account_id ORDER BY submitted_at DESC, id DESC`,
		store.Args{"survey": surveyID})
	if err != nil {
		return nil, fmt.Errorf("survey: submissions: %w", err)
	}
	return list, nil
}

// Stats is how a person stands with the surveys they were assigned to and those
// they handed in. Deleted surveys do not count.
type Stats struct {
	Submissions     int64
	Assigned        int64
	Completed       int64   // assigned and handed in at least once
	Pending         int64   // assigned and not handed in
	Overdue         int64   // pending, and due before today
	CompletionRate  float64 // percent of the assigned, to one decimal; 0 without any
	LastSubmittedAt *time.Time
	Surveys         []SurveyStats // the newest first
}

// SurveyStats is how a person stands with one survey.
type SurveyStats struct {
	ID              int64
	Name            string
	Submissions     int64
	DueOn           *time.Time // nil: no day, or not assigned
	LastSubmittedAt *time.Time
}

// ownStats gives the figures with each survey, or once with no survey. numeric's
// round() goes away from zero where it is half.
const ownStats = `WITH handed_in AS (
		SELECT survey_id, count(*) AS submissions, max(submitted_at) AS last_submitted_at FROM survey_submissions
		WHERE user_id = CAST(@caller AS bigint) AND account_id = @account_id GROUP BY survey_id),
	mine AS (
		SELECT s.id, s.name, s.created_at, COALESCE(h.submissions, 0) AS submissions, h.last_submitted_at, a.due_on, a.id IS NOT NULL AS assigned
		FROM handed_in h
		FULL JOIN (SELECT * FROM survey_assignments WHERE user_id = CAST(@caller AS bigint) AND account_id = @account_id) a ON a.survey_id = h.survey_id
		JOIN surveys s ON s.id = COALESCE(h.survey_id, a.survey_id) AND s.account_id = @account_id AND s.deleted_at IS NULL)
	SELECT total.*, mine.id, mine.name, mine.submissions, mine.due_on, mine.last_submitted_at FROM (
		SELECT COALESCE(sum(submissions), 0) AS total_submissions, max(last_submitted_at) AS total_last,
			count(*) FILTER (WHERE assigned) AS assigned,
			count(*) FILTER (WHERE assigned AND submissions > 0) AS completed,
			count(*) FILTER (WHERE assigned AND submissions = 0) AS pending,
			count(*) FILTER (WHERE assigned AND submissions = 0 AND due_on < CAST(@today AS date)) AS overdue,
			COALESCE(round(100.0 * count(*) FILTER (WHERE assigned AND submissions > 0) / NULLIF(count(*) FILTER (WHERE assigned), 0), 1), 0) AS completion_rate
		FROM mine) total LEFT JOIN mine ON true
	ORDER BY mine.created_at DESC, mine.id DESC`

// OwnStats gives the caller's figures, as of today in UTC.
func (s *Service) OwnStats(ctx context.Context) (out Stats, err error) {
	p, err := caller(ctx)
	if err != nil {
		return out, err
	}
	var rows []struct {
		TotalSubmissions                      int64
		TotalLast                             *time.Time
		Assigned, Completed, Pending, Overdue int64
		CompletionRate                        float64
		SurveyStats
	}
	args := store.Args{"caller": p.UserID, "today": s.now().Format(time.DateOnly)}
	if err := s.db.Query(ctx, &rows, ownStats, args); err != nil {
		return out, fmt.Errorf("survey: figures: %w", err)
	}
	for _, r := range rows {
		out.Submissions, out.LastSubmittedAt = r.TotalSubmissions, r.TotalLast
		out.Assigned, out.Completed, out.Pending, out.Overdue, out.CompletionRate = r.Assigned, r.Completed, r.Pending, r.Overdue, r.CompletionRate
		if r.ID != 0 {
			out.Surveys = append(out.Surveys, r.SurveyStats)
		}
	}
	return out, nil
}
