package demo

import (
	"context"
	"fmt"

	"quad/internal/store"
	"quad/models"
)

// seededFigures is the item of shipped_items that marks an account that has got
// quizzes, assignments and scores.
const seededFigures = "demo:figures"

// quizzes and assignments are those of the demo account's courses.
var (
	quizzes = []struct {
		course, name string
		points       float64
		pass         *float64 // nil: what the hub takes for one
	}{
		{"fire-safety", "Extinguishers and alarms", 20, nil},
		{"fire-safety", "Ways out", 10, new(80.0)},
		{"data-protection", "What may be kept", 15, nil},
		{"child-protection", "Signs and duties", 25, new(70.0)},
	}
	assignments = []struct {
		course, name string
		best         float64
	}{
		{"data-protection", "My list of data", 20},
		{"child-protection", "A case and what I would do", 50},
	}
)

// figures gives the people who have begun courses scores, time spent, attempts
// of quizzes and versions of assignments, unless that was done before. They
// differ from person to person and are always the same. ctx is bound to the
// account.
func (s seeder) figures(ctx context.Context) error {
	n, err := s.hub.DB.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item) ON CONFLICT DO NOTHING`, store.Args{"item": seededFigures})
	if err != nil || n == 0 {
		return err
	}
	var courses []models.Course
	if err := s.hub.DB.Query(ctx, &courses, `SELECT * FROM courses WHERE account_id = @account_id`, nil); err != nil {
		return err
	}
	ids := map[string]int64{}
	for _, c := range courses {
		ids[c.Identifier] = c.ID
	}
	for _, q := range quizzes {
		if id := ids[q.course]; id != 0 {
			if err := s.hub.DB.Conn(ctx).Create(&models.Quiz{CourseID: id, Name: q.name, MaxPoints: q.points, PassPercent: q.pass}).Error; err != nil {
				return fmt.Errorf("quiz %q: %w", q.name, err)
			}
		}
	}
	for _, a := range assignments {
		if id := ids[a.course]; id != 0 {
			if err := s.hub.DB.Conn(ctx).Create(&models.Assignment{CourseID: id, Name: a.name, MaxGrade: &a.best}).Error; err != nil {
				return fmt.Errorf("assignment %q: %w", a.name, err)
			}
		}
	}
	// How good somebody is, and in what, comes from their names.
	for _, text := range []string{
		`UPDATE enrollments e SET score = 58 + (hashtext(u.name || c.identifier) & 1023) % 420 / 10.0, seconds_spent = 1800 + (hashtext(c.identifier || u.name) & 8191)
			FROM users u, courses c WHERE u.id = e.user_id AND c.id = e.course_id AND e.account_id = @account_id AND e.learner AND e.progress > 20`,
		`INSERT INTO quiz_attempts (account_id, quiz_id, user_id, attempt_no, points, started_at, finished_at)
			SELECT e.account_id, q.id, e.user_id, k.no, q.max_points * least(1, e.score / 100 - 0.15 + 0.12 * k.no), t.at, t.at + (8 + e.user_id % 15) * interval '1 minute'
			FROM enrollments e JOIN quizzes q ON q.course_id = e.course_id, generate_series(1, CASE WHEN e.score < 75 THEN 2 ELSE 1 END) k (no),
				LATERAL (SELECT e.last_progress_at - k.no * interval '1 hour' AS at) t
			WHERE e.account_id = @account_id AND e.learner AND e.score IS NOT NULL`,
		`INSERT INTO assignment_submissions (account_id, assignment_id, user_id, attempt_no, started_at, submitted_at, grade, graded_at)
			SELECT e.account_id, a.id, e.user_id, 1, t.at, t.at + (40 + e.user_id % 90) * interval '1 minute', round(CAST(a.max_grade * e.score / 100 AS numeric)), t.at + interval '1 day'
			FROM enrollments e JOIN assignments a ON a.course_id = e.course_id, LATERAL (SELECT e.last_progress_at - interval '3 hours' AS at) t
			WHERE e.account_id = @account_id AND e.learner AND e.score IS NOT NULL`,
	} {
		if _, err := s.hub.DB.Exec(ctx, text, nil); err != nil {
			return fmt.Errorf("figures: %w", err)
		}
	}
	return nil
}
