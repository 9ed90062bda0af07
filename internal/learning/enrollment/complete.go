package enrollment

import (
	"context"

	"quad/internal/audit"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ForceComplete completes a course on behalf of a learner: all class sessions
// that are not optional count as done, and the progress is complete now. The
// score stays. Who has completed the course stays as they are. Errors:
// models.ErrForbidden, learning.ErrCourseUnknown, people.ErrUserUnknown,
// ErrNotLearner.
func (s *Service) ForceComplete(ctx context.Context, course, user ref.Ref) error {
	return s.change(ctx, "force complete", func(ctx context.Context) ([]audit.Event, error) {
		u, c, err := s.lock(ctx, course, user)
		if err != nil {
			return nil, err
		}
		args := store.Args{"user": u.ID, "course": c.ID}
		var e models.Enrollment
		if err := s.db.Query(ctx, &e, `SELECT * FROM enrollments WHERE account_id = @account_id AND user_id = @user AND course_id = @course AND learner
			FOR NO KEY UPDATE`, args); err != nil {
			return nil, err
		}
		switch {
		case e.ID == 0:
			return nil, ErrNotLearner
		case e.Progress == models.Complete:
			return nil, nil
		}
		now := s.now()
		args["now"] = now
		if _, err := s.db.Exec(ctx, `INSERT INTO class_attendances (account_id, class_session_id, user_id, completed_at)
			SELECT @account_id, id, @user, @now FROM class_sessions WHERE account_id = @account_id AND course_id = @course AND NOT optional
			ON CONFLICT (class_session_id, user_id) DO NOTHING`, args); err != nil {
			return nil, err
		}
		_, err = s.write(ctx, []progressWrite{{
			pair: pair{UserID: u.ID, CourseID: c.ID}, enrollmentID: e.ID, at: now, progress: models.Complete, score: e.Score, changes: true,
		}}, now)
		return []audit.Event{courseEvent(c, "course.completed_by_force", map[string]any{"userId": u.ID})}, err
	})
}
