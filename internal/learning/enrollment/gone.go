package enrollment

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/people/group"
	"quad/internal/store"
)

// end ends open enrolments e, withdraws what groups and learning systems gave to
// them, and tells of those who learned. It gives how many have ended. Who calls it has locked the
// people, and the tree.
func (s *Service) end(ctx context.Context, which string, args store.Args) (int, error) {
	args["now"] = s.now()
	var rows []struct {
		UserID   int64
		CourseID int64
		Learned  bool
	}
	err := s.db.Query(ctx, &rows, `WITH was AS MATERIALIZED (
			SELECT e.id, e.user_id, e.course_id, e.learner FROM enrollments e
			WHERE e.account_id = @account_id AND e.ended_at IS NULL AND `+which+` ORDER BY e.user_id, e.course_id FOR NO KEY UPDATE
		),
		withdrawn AS (
			UPDATE enrollment_sources s SET withdrawn = true FROM was
			WHERE s.user_id = was.user_id AND s.course_id = was.course_id AND NOT s.withdrawn
		)
		UPDATE enrollments e SET direct_learner = false, direct_instructor = false, learner = false, instructor = false,
			lms_withdrawn = e.lms_withdrawn OR e.lms_learner OR e.lms_instructor, lms_learner = false, lms_instructor = false, ended_at = @now, updated_at = @now
		FROM was WHERE e.id = was.id RETURNING was.user_id, was.course_id, was.learner AS learned`, args)
	if err != nil {
		return 0, err
	}
	learned := make([]pair, 0, len(rows))
	for _, r := range rows {
		if r.Learned {
			learned = append(learned, pair{UserID: r.UserID, CourseID: r.CourseID})
		}
	}
	return len(rows), s.tell(ctx, learned)
}

// LeftSubAccount ends what people are in the courses of an organization, in the
// transaction in which they leave it. Their memberships of its groups have
// ended before.
func (s *Service) LeftSubAccount(ctx context.Context, organizationID int64, userIDs ...int64) error {
	return wrap("left sub-account", s.db.InTx(ctx, func(ctx context.Context) error {
		if err := group.Lock(ctx, s.db, false); err != nil {
			return err
		}
		_, err := s.end(ctx, `e.user_id = ANY(CAST(@users AS bigint[]))
			AND e.course_id IN (SELECT c.id FROM courses c WHERE c.account_id = @account_id AND c.organization_id = @organization)`,
			store.Args{"users": pq.Int64Array(userIDs), "organization": organizationID})
		return err
	}))
}

// UserGone ends what people are in courses, in the transaction that deletes
// them. Their memberships of groups have ended before.
func (s *Service) UserGone(ctx context.Context, userIDs ...int64) error {
	return wrap("user gone", s.db.InTx(ctx, func(ctx context.Context) error {
		if err := group.Lock(ctx, s.db, false); err != nil {
			return err
		}
		args := store.Args{"users": pq.Int64Array(userIDs)}
		if _, err := s.end(ctx, `e.user_id = ANY(CAST(@users AS bigint[]))`, args); err != nil {
			return err
		}
		_, err := s.db.Exec(ctx, `DELETE FROM enrollment_sources WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))`, args)
		return err
	}))
}

// CourseGone ends and forgets what people were in a course, in the transaction
// that deletes it and with the course locked against everybody.
func (s *Service) CourseGone(ctx context.Context, courseID int64) error {
	return wrap("course gone", s.db.InTx(ctx, func(ctx context.Context) error {
		args := store.Args{"course": courseID}
		if _, err := s.end(ctx, `e.course_id = @course`, args); err != nil {
			return err
		}
		for _, statement := range []string{ // class sessions take their attendances along
			`DELETE FROM course_groups WHERE account_id = @account_id AND course_id = @course`, // and its sources, by foreign key
			`DELETE FROM enrollments WHERE account_id = @account_id AND course_id = @course`,
		} {
			if _, err := s.db.Exec(ctx, statement, args); err != nil {
				return err
			}
		}
		return nil
	}))
}
