package enrollment

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/learning"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ErrNothingNamed refuses lists of performance that are about nobody and nothing.
var ErrNothingNamed = models.Refuse(models.KindInvalid, "enrollment.nothing_named", "name a course, a user or both")

// PerformanceFilter says whose performance, and where, to list: at least one of
// the two is named.
type PerformanceFilter struct {
	Course ref.Ref
	User   ref.Ref
}

// Performance is how far a person has come in a course that they learn in now.
type Performance struct {
	ID               int64 // of the enrolment
	CreatedAt        time.Time
	UserIdentifier   string
	CourseIdentifier string
	CourseName       string
	Progress         int
	Score            *float64 // per cent, unrounded; nil: nothing was graded
	FirstCompletedAt *time.Time
}

// check tells what cannot name anything. Errors: ErrNothingNamed,
// learning.ErrCourseUnknown, people.ErrUserUnknown.
func (f PerformanceFilter) check() error {
	switch {
	case f.Course.IsZero() && f.User.IsZero():
		return ErrNothingNamed
	case !f.Course.IsZero() && !f.Course.Valid():
		return learning.ErrCourseUnknown
	case !f.User.IsZero() && !f.User.Valid():
		return people.ErrUserUnknown
	}
	return nil
}

func (f PerformanceFilter) args() store.Args {
	return store.Args{"course_id": f.Course.ID, "course": f.Course.Identifier, "user_id": f.User.ID, "user": f.User.Identifier}
}

// found is, in SQL, one row with the ids of what the filter names, null for what
// does not exist or is not named.
func (f PerformanceFilter) found() string {
	return `(SELECT ` + courseNamed(f.Course) + ` AS course_id, ` + userNamed(f.User) + ` AS user_id) found`
}

// courseNamed is, in SQL, the id of a channel; by identifier only of one that
// calling systems see.
func courseNamed(course ref.Ref) string {
	const channel = `(SELECT c.id FROM courses c WHERE c.account_id = @account_id AND NOT c.master AND `
	switch {
	case course.IsZero():
		return `CAST(NULL AS bigint)`
	case course.ID != 0:
		return channel + `c.id = @course_id)`
	}
	return channel + `c.identifier = @course AND ` + learning.InReach("c") + `)`
}

// userNamed is, in SQL, the id of a person who is not deleted.
func userNamed(user ref.Ref) string {
	const person = `(SELECT u.id FROM users u WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `
	switch {
	case user.IsZero():
		return `CAST(NULL AS bigint)`
	case user.ID != 0:
		return person + `u.id = @user_id)`
	}
	return person + `u.identifier = @user)`
}

// rows is, in SQL, the part of a statement behind FROM that has the enrolments e
// and people u which the filter lists: of learners whom calling systems have
// named, in courses that they see.
func (f PerformanceFilter) rows() string {
	text := `enrollments e JOIN users u ON u.id = e.user_id WHERE e.account_id = @account_id AND e.learner AND u.identifier IS NOT NULL`
	if !f.User.IsZero() {
		text += ` AND e.user_id = found.user_id`
	}
	if !f.Course.IsZero() {
		return text + ` AND e.course_id = found.course_id` // which is one that is seen
	}
	return text + ` AND EXISTS (SELECT FROM courses c WHERE c.id = e.course_id AND NOT c.master AND ` + learning.InReach("c") + `)`
}

// unknown tells which of the things that the filter names was not found.
func (f PerformanceFilter) unknown(courseID, userID *int64) error {
	switch {
	case !f.Course.IsZero() && courseID == nil:
		return learning.ErrCourseUnknown
	case !f.User.IsZero() && userID == nil:
		return people.ErrUserUnknown
	}
	return nil
}

// CountPerformance gives how many rows ListPerformance would list, and the place
// of the last of them: one statement. Errors: models.ErrForbidden,
// ErrNothingNamed, learning.ErrCourseUnknown, people.ErrUserUnknown.
func (s *Service) CountPerformance(ctx context.Context, f PerformanceFilter) (count int64, last store.Place, err error) {
	err = s.read(ctx, "count performance", f.check, func() error {
		var courseID, userID, lastID *int64
		var lastAt *time.Time
		err := s.db.QueryRows(ctx, `SELECT found.course_id, found.user_id, counted.count, final.created_at, final.id FROM `+f.found()+`
			CROSS JOIN LATERAL (SELECT count(*) FROM `+f.rows()+`) counted
			LEFT JOIN LATERAL (SELECT e.created_at, e.id FROM `+f.rows()+` ORDER BY e.created_at DESC, e.id DESC LIMIT 1) final ON true`,
			f.args(), func(row pgx.CollectableRow) error { return row.Scan(&courseID, &userID, &count, &lastAt, &lastID) })
		if err == nil {
			err = f.unknown(courseID, userID)
		}
		if lastID != nil {
			last = store.Place{At: lastAt.UTC(), ID: *lastID}
		}
		return err
	})
	return count, last, err
}

// ListPerformance lists a window of the performance in a course, of a person, or
// of the pair, by when the enrolment was made: one statement. People whom no
// calling system has named are left out, and courses that it does not see.
// Errors: as CountPerformance.
func (s *Service) ListPerformance(ctx context.Context, f PerformanceFilter, w store.Window) (list []Performance, err error) {
	err = s.read(ctx, "list performance", f.check, func() error {
		var courseID, userID *int64
		// One row without an enrolment where there is none to list.
		err := s.db.QueryRows(ctx, `SELECT found.course_id, found.user_id, coalesce(p.id, 0), coalesce(p.created_at, to_timestamp(0)),
				coalesce(p.identifier, ''), coalesce(c.identifier, ''), coalesce(c.name, ''), coalesce(p.progress, 0), p.score, p.first_completed_at
			FROM `+f.found()+` LEFT JOIN LATERAL (
				SELECT e.id, e.created_at, u.identifier, e.course_id, e.progress, e.score, e.first_completed_at
				FROM `+f.rows()+` AND `+w.Condition("e")+w.Order("e")+`
			) p ON true LEFT JOIN courses c ON c.id = p.course_id ORDER BY p.created_at, p.id`, w.Args(f.args()), func(row pgx.CollectableRow) error {
			var p Performance
			if err := row.Scan(&courseID, &userID, &p.ID, &p.CreatedAt, &p.UserIdentifier, &p.CourseIdentifier, &p.CourseName, &p.Progress, &p.Score, &p.FirstCompletedAt); err != nil {
				return err
			}
			if p.ID != 0 {
				list = append(list, p)
			}
			return nil
		})
		if err == nil {
			err = f.unknown(courseID, userID)
		}
		return err
	})
	return list, err
}

// CountLearners gives how many people learn in a course, directly or by a group,
// ACTIVE or not: one statement. Errors: models.ErrForbidden,
// learning.ErrCourseUnknown.
func (s *Service) CountLearners(ctx context.Context, course ref.Ref) (count int64, err error) {
	f := PerformanceFilter{Course: course}
	valid := func() error {
		if !course.Valid() {
			return learning.ErrCourseUnknown
		}
		return nil
	}
	err = s.read(ctx, "count learners", valid, func() error {
		var courseID *int64
		err := s.db.QueryRows(ctx, `SELECT found.course_id, (SELECT count(*) FROM enrollments e WHERE e.course_id = found.course_id AND e.learner)
			FROM `+f.found(), f.args(), func(row pgx.CollectableRow) error { return row.Scan(&courseID, &count) })
		if err == nil {
			err = f.unknown(courseID, nil)
		}
		return err
	})
	return count, err
}

// read runs fn for an administrator of the account, if what they ask is sound.
func (s *Service) read(ctx context.Context, what string, sound, fn func() error) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	if err := sound(); err != nil {
		return err
	}
	return wrap(what, fn())
}
