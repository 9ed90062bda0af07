package enrollment

import (
	"context"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Member is an enrolment with what person and course are called.
type Member struct {
	models.Enrollment
	UserIdentifier   *string // nil: no calling system has named the person
	UserName         string
	CourseIdentifier string
	CourseName       string
}

// memberColumns and memberTables read a Member.
const (
	memberColumns = `e.*, u.identifier AS user_identifier, u.name AS user_name, c.identifier AS course_identifier, c.name AS course_name`
	memberTables  = ` FROM enrollments e JOIN users u ON u.id = e.user_id JOIN courses c ON c.id = e.course_id WHERE e.account_id = @account_id`

	// behind holds for what comes after an enrolment in a list by creation.
	behind = ` AND (CAST(@after AS bigint) = 0 OR (e.created_at, e.id) >
		((SELECT last.created_at FROM enrollments last WHERE last.account_id = @account_id AND last.id = @after), CAST(@after AS bigint)))`
)

// ListLearners gives a page of the learners of a course, by when the enrolment
// was made, for an admin. after is the id of the last enrolment of the page
// before; next is 0 on the last page. One statement. Errors:
// models.ErrForbidden, learning.ErrCourseUnknown.
func (s *Service) ListLearners(ctx context.Context, course ref.Ref, after int64, limit int) (page []Member, next int64, err error) {
	f := PerformanceFilter{Course: course}
	err = s.read(ctx, "list learners", f.check, func() error {
		args := f.args()
		// One row without an enrolment where there is none to list.
		var rows []struct {
			FoundID int64
			Member
		}
		limit = store.PageSize(limit)
		args["after"], args["limit"] = after, limit+1
		if err := s.db.Query(ctx, &rows, `SELECT found.course_id AS found_id, page.* FROM `+f.found()+` LEFT JOIN LATERAL (
				SELECT `+memberColumns+memberTables+` AND e.learner AND e.course_id = found.course_id`+behind+` ORDER BY e.created_at, e.id LIMIT @limit
			) page ON true WHERE found.course_id IS NOT NULL ORDER BY page.created_at, page.id`, args); err != nil {
			return err
		}
		if len(rows) == 0 {
			return learning.ErrCourseUnknown
		}
		for _, r := range rows {
			if r.ID != 0 {
				page = append(page, r.Member)
			}
		}
		page, next = store.Cut(page, limit, memberID)
		return nil
	})
	return page, next, err
}

func memberID(m Member) int64 { return m.ID }

// MyEnrollments gives a page of the courses that the caller learns in, by when
// the enrolment was made, without those of organizations that are not ACTIVE.
// One statement. Errors: models.ErrUnauthenticated; models.ErrForbidden for API
// clients, who learn nothing.
func (s *Service) MyEnrollments(ctx context.Context, after int64, limit int) (page []Member, next int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	if p.UserID == 0 {
		return nil, 0, models.ErrForbidden
	}
	limit = store.PageSize(limit)
	err = s.db.Query(ctx, &page, `SELECT `+memberColumns+memberTables+` AND e.learner AND e.user_id = @user AND `+learning.InReach("c")+behind+`
		ORDER BY e.created_at, e.id LIMIT @limit`, store.Args{"user": p.UserID, "after": after, "limit": limit + 1})
	if err != nil {
		return nil, 0, wrap("my enrolments", err)
	}
	page, next = store.Cut(page, limit, memberID)
	return page, next, nil
}

// ReportOne is Report of one person and course; it gives the learner as they are
// afterwards, and whether that is what was reported (applied or unchanged) or
// the report was stale. Errors: as Report, and people.ErrUserUnknown,
// learning.ErrCourseUnknown, ErrUnknown.
func (s *Service) ReportOne(ctx context.Context, r ProgressReport) (m Member, verdict Verdict, err error) {
	var c input.Check
	r.check(&c, "")
	if err := c.Err(); err != nil {
		return m, "", err
	}
	verdicts, err := s.Report(ctx, []ProgressReport{r})
	if err != nil {
		return m, "", err
	}
	v := verdicts[0]
	switch v.Verdict {
	case VerdictUnknownUser:
		return m, "", people.ErrUserUnknown
	case VerdictUnknownCourse:
		return m, "", learning.ErrCourseUnknown
	case VerdictNotEnrolled:
		return m, "", ErrUnknown
	}
	err = s.db.Query(ctx, &m, `SELECT `+memberColumns+memberTables+` AND e.user_id = @user AND e.course_id = @course`,
		store.Args{"user": v.UserID, "course": v.CourseID})
	return m, v.Verdict, wrap("report one", err)
}
