package enrollment

import (
	"context"

	"quad/internal/audit"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// LinkGroup makes the members of a group learners of a course, with recursive
// also those of all groups below it, now and later. A group that is linked
// already stays so, with the latest recursive. Errors: models.ErrForbidden,
// learning.ErrCourseUnknown, group.ErrUnknown.
func (s *Service) LinkGroup(ctx context.Context, course, linked ref.Ref, recursive bool) error {
	return s.change(ctx, "link group", func(ctx context.Context) ([]audit.Event, error) {
		c, groupID, err := s.ends(ctx, course, linked)
		if err != nil {
			return nil, err
		}
		var linkID int64
		err = s.db.Query(ctx, &linkID, `INSERT INTO course_groups AS l (account_id, course_id, group_id, recursive) VALUES (@account_id, @course, @group, @recursive)
			ON CONFLICT (course_id, group_id) DO UPDATE SET recursive = EXCLUDED.recursive WHERE l.account_id = @account_id AND l.recursive <> EXCLUDED.recursive
			RETURNING id`, store.Args{"course": c.ID, "group": groupID, "recursive": recursive})
		if err != nil || linkID == 0 { // nothing to change
			return nil, err
		}
		return linkEvent(c, groupID, "course.group_linked", map[string]any{"recursive": recursive}),
			s.follow(ctx, followLink, store.Args{"link": linkID})
	})
}

// UnlinkGroup takes a group off a course. It ends the enrolments that came
// through this group alone; a group that is not linked is none to take off.
// Errors: as LinkGroup.
func (s *Service) UnlinkGroup(ctx context.Context, course, linked ref.Ref) error {
	return s.change(ctx, "unlink group", func(ctx context.Context) ([]audit.Event, error) {
		c, groupID, err := s.ends(ctx, course, linked)
		if err != nil {
			return nil, err
		}
		was, err := s.unlink(ctx, `l.course_id = @course AND l.group_id = @group`, store.Args{"course": c.ID, "group": groupID})
		if err != nil || !was {
			return nil, err
		}
		return linkEvent(c, groupID, "course.group_unlinked", nil), nil
	})
}

func linkEvent(c models.Course, groupID int64, action string, data map[string]any) []audit.Event {
	if data == nil {
		data = map[string]any{}
	}
	data["groupId"] = groupID
	return []audit.Event{{Action: action, SubjectType: "course", SubjectID: c.ID, OrganizationID: c.OrganizationID, Data: data}}
}

// ends locks the tree of groups and a course, and finds a group.
func (s *Service) ends(ctx context.Context, course, linked ref.Ref) (c models.Course, groupID int64, err error) {
	if err = group.Lock(ctx, s.db, true); err != nil {
		return c, 0, err
	}
	if c, err = s.courses.LockCourse(ctx, course); err != nil {
		return c, 0, err
	}
	g, err := s.groups.Get(ctx, linked, "")
	return c, g.ID, err
}

// unlink deletes links l with their sources, and settles what came through them.
// It tells whether there were any.
func (s *Service) unlink(ctx context.Context, which string, args store.Args) (was bool, err error) {
	var rows []struct {
		UserID   *int64
		CourseID int64
	}
	// The sources are deleted beside the links, not by their foreign key, to
	// know whose they were.
	err = s.db.Query(ctx, &rows, `WITH links AS (DELETE FROM course_groups l WHERE l.account_id = @account_id AND `+which+` RETURNING l.id, l.course_id),
		gone AS (DELETE FROM enrollment_sources s USING links WHERE s.course_group_id = links.id RETURNING s.user_id, s.course_id)
		SELECT DISTINCT gone.user_id, links.course_id FROM links LEFT JOIN gone ON gone.course_id = links.course_id`, args)
	if err != nil {
		return false, err
	}
	pairs := make([]pair, 0, len(rows))
	for _, r := range rows {
		if r.UserID != nil {
			pairs = append(pairs, pair{UserID: *r.UserID, CourseID: r.CourseID})
		}
	}
	return len(rows) > 0, s.settle(ctx, pairs)
}

// GroupGone takes a group that is about to be deleted off all courses, in the
// caller's transaction. What its members had through groups above it ends with
// their membership: see FollowUsers.
func (s *Service) GroupGone(ctx context.Context, groupID int64) error {
	return wrap("group gone", s.db.InTx(ctx, func(ctx context.Context) error {
		if err := group.Lock(ctx, s.db, true); err != nil {
			return err
		}
		_, err := s.unlink(ctx, `l.group_id = @group`, store.Args{"group": groupID})
		return err
	}))
}
