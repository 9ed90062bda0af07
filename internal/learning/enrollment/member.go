package enrollment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Assign puts a person into a course directly. Roles add up when it is called
// again; none means learner. Errors: models.ErrForbidden,
// learning.ErrCourseUnknown, people.ErrUserUnknown, ErrRole.
func (s *Service) Assign(ctx context.Context, course, user ref.Ref, roles []models.CourseRole) error {
	if len(roles) == 0 {
		roles = learnerOnly
	}
	return s.change(ctx, "assign", func(ctx context.Context) ([]audit.Event, error) {
		u, c, err := s.lock(ctx, course, user)
		if err != nil {
			return nil, err
		}
		possible, err := s.people.PossibleRolesOf(ctx, []int64{u.ID})
		if err != nil {
			return nil, err
		}
		for _, role := range roles {
			if !mayBe(possible[u.ID], role) {
				return nil, ErrRole
			}
		}
		assigned, err := s.assign(ctx, c, []int64{u.ID}, roles)
		return assignedEvents(c, assigned, roles), err
	})
}

// mayBe tells whether a person with these possible roles may be this in a course.
func mayBe(possible []string, role models.CourseRole) bool {
	return slices.Contains(possible, strings.ToLower(string(role)))
}

// lock locks a person, the tree of groups and a course, in this order.
func (s *Service) lock(ctx context.Context, course, user ref.Ref) (u models.User, c models.Course, err error) {
	if u, err = s.people.LockUser(ctx, user); err != nil {
		return u, c, err
	}
	if err = group.Lock(ctx, s.db, false); err != nil {
		return u, c, err
	}
	c, err = s.courses.LockCourse(ctx, course)
	return u, c, err
}

// assign puts people who are locked into a course and gives those for whom that
// changed anything.
func (s *Service) assign(ctx context.Context, c models.Course, userIDs []int64, roles []models.CourseRole) (assigned []int64, err error) {
	var rows []struct {
		UserID int64
		Began  bool // to learn
	}
	// The rows as they were are read in a list of their own, since an upsert
	// gives back what it has written. Nobody else changes them meanwhile: the
	// people and the tree are locked.
	err = s.db.Query(ctx, &rows, `WITH was AS (SELECT user_id FROM enrollments
			WHERE account_id = @account_id AND course_id = @course AND user_id = ANY(CAST(@users AS bigint[])) AND learner),
		written AS (
			INSERT INTO enrollments AS e (account_id, course_id, user_id, direct_learner, direct_instructor, learner, instructor, enrolled_at, created_at, updated_at)
			SELECT @account_id, @course, id, @learner, @instructor, @learner, @instructor, @now, @now, @now
			FROM unnest(CAST(@users AS bigint[])) id ORDER BY id
			ON CONFLICT (user_id, course_id) DO UPDATE SET
				direct_learner = e.direct_learner OR EXCLUDED.direct_learner, learner = e.learner OR EXCLUDED.learner,
				direct_instructor = e.direct_instructor OR EXCLUDED.direct_instructor, instructor = e.instructor OR EXCLUDED.instructor,
				enrolled_at = CASE WHEN e.ended_at IS NULL THEN e.enrolled_at ELSE EXCLUDED.enrolled_at END,
				ended_at = NULL, updated_at = EXCLUDED.updated_at
			WHERE e.account_id = @account_id
				AND (EXCLUDED.direct_learner AND NOT e.direct_learner OR EXCLUDED.direct_instructor AND NOT e.direct_instructor)
			RETURNING user_id, learner)
		SELECT w.user_id, w.learner AND was.user_id IS NULL AS began FROM written w LEFT JOIN was ON was.user_id = w.user_id ORDER BY w.user_id`,
		store.Args{
			"course": c.ID, "users": pq.Int64Array(userIDs), "now": s.now(),
			"learner": slices.Contains(roles, models.CourseLearner), "instructor": slices.Contains(roles, models.CourseInstructor),
		})
	if err != nil {
		return nil, err
	}
	var began []pair
	for _, r := range rows {
		assigned = append(assigned, r.UserID)
		if r.Began {
			began = append(began, pair{UserID: r.UserID, CourseID: c.ID})
		}
	}
	return assigned, s.tell(ctx, began)
}

func assignedEvents(c models.Course, userIDs []int64, roles []models.CourseRole) []audit.Event {
	events := make([]audit.Event, len(userIDs))
	for i, id := range userIDs {
		events[i] = courseEvent(c, "course.user_assigned", map[string]any{"userId": id, "roles": roles})
	}
	return events
}

func courseEvent(c models.Course, action string, data map[string]any) audit.Event {
	return audit.Event{Action: action, SubjectType: "course", SubjectID: c.ID, OrganizationID: c.OrganizationID, Data: data}
}

// Remove ends all that a person is in a course, whatever it came from; who is
// nothing there stays so. Groups that enrolled the person do so again only when
// the person joins them anew. Errors: models.ErrForbidden,
// learning.ErrCourseUnknown, people.ErrUserUnknown.
func (s *Service) Remove(ctx context.Context, course, user ref.Ref) error {
	return s.change(ctx, "remove", func(ctx context.Context) ([]audit.Event, error) {
		u, c, err := s.lock(ctx, course, user)
		if err != nil {
			return nil, err
		}
		n, err := s.end(ctx, `e.user_id = @user AND e.course_id = @course`, store.Args{"user": u.ID, "course": c.ID})
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Event{courseEvent(c, "course.user_removed", map[string]any{"userId": u.ID})}, nil
	})
}

// EnrolVerdict is what became of one of several people.
type EnrolVerdict struct {
	UserID  int64 // 0: unknown
	Verdict Verdict
}

// Enrol puts 1 to MaxBatch people into a course directly, as learners, and
// tells for each what became of it: applied, unchanged, unknown_user, role, or
// duplicate for one who was named before. Errors: an invalid input,
// models.ErrForbidden, learning.ErrCourseUnknown.
func (s *Service) Enrol(ctx context.Context, course ref.Ref, users []ref.Ref) (verdicts []EnrolVerdict, err error) {
	if err := checkBatch("users", len(users)); err != nil {
		return nil, err
	}
	err = s.change(ctx, "enrol", func(ctx context.Context) ([]audit.Event, error) {
		known, err := s.people.LockUsers(ctx, users)
		if err != nil {
			return nil, err
		}
		if err := group.Lock(ctx, s.db, false); err != nil {
			return nil, err
		}
		c, err := s.courses.LockCourse(ctx, course)
		if err != nil {
			return nil, err
		}
		var able []int64
		if verdicts, able, err = s.judge(ctx, known); err != nil {
			return nil, err
		}
		assigned, err := s.assign(ctx, c, able, learnerOnly)
		for i, v := range verdicts {
			if v.Verdict == VerdictUnchanged && slices.Contains(assigned, v.UserID) {
				verdicts[i].Verdict = VerdictApplied
			}
		}
		return assignedEvents(c, assigned, learnerOnly), err
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

var learnerOnly = []models.CourseRole{models.CourseLearner}

// judge tells which of some people may be learners. Their verdict is
// VerdictUnchanged until more is known.
func (s *Service) judge(ctx context.Context, users []models.User) (verdicts []EnrolVerdict, able []int64, err error) {
	ids := make([]int64, 0, len(users))
	for _, u := range users {
		if u.ID != 0 {
			ids = append(ids, u.ID)
		}
	}
	possible, err := s.people.PossibleRolesOf(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	verdicts, named := make([]EnrolVerdict, len(users)), map[int64]bool{}
	for i, u := range users {
		v := EnrolVerdict{UserID: u.ID}
		switch {
		case u.ID == 0:
			v.Verdict = VerdictUnknownUser
		case named[u.ID]:
			v.Verdict = VerdictDuplicate
		case !mayBe(possible[u.ID], models.CourseLearner):
			v.Verdict = VerdictRole
		default:
			v.Verdict = VerdictUnchanged
			able = append(able, u.ID)
		}
		named[u.ID] = true
		verdicts[i] = v
	}
	return verdicts, able, nil
}

// checkBatch refuses batches of no or too many entries.
func checkBatch(field string, n int) error {
	var c input.Check
	switch {
	case n == 0:
		c.Bad(field, input.Required, "is empty")
	case n > MaxBatch:
		c.Bad(field, input.TooLong, fmt.Sprintf("must not have more than %d entries", MaxBatch))
	}
	return c.Err()
}
