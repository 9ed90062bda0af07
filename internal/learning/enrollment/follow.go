package enrollment

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/people/group"
	"quad/internal/store"
)

// The statements that bring enrollment_sources in line with what the links say.
// Each begins with the lists wanted, of sources that should be there, and
// present, and goes on with difference. They give the people and courses for
// which anything has changed.
//
// How many people, groups and links meet in one of them, the planner cannot
// know. So they hold no join of two lists that it could run as a loop in a loop:
// tables are read by their indexes, row by row (LATERAL, where OFFSET 0 keeps the
// planner from turning it into a join of whole tables), and lists are compared
// by EXCEPT, which sorts or hashes.

// wantedOfPeople are all sources that the affected people should have: links of
// the groups that they are in, and recursive links of all groups above.
const wantedOfPeople = `
	wanted AS (
		SELECT DISTINCT linked.id, m.user_id, linked.course_id FROM affected a JOIN group_members m ON m.user_id = a.user_id
		CROSS JOIN LATERAL (
			WITH RECURSIVE above (id, below) AS (
				SELECT m.group_id, false
				UNION ALL
				SELECT up.parent_id, true FROM above,
					LATERAL (SELECT g.parent_id FROM groups g WHERE g.id = above.id AND g.parent_id IS NOT NULL OFFSET 0) up
			)
			SELECT l.id, l.course_id FROM above,
				LATERAL (SELECT l.* FROM course_groups l WHERE l.group_id = above.id AND l.account_id = @account_id OFFSET 0) l
			WHERE l.recursive OR NOT above.below
		) linked
	),
	present AS (
		SELECT s.course_group_id, s.user_id, s.course_id FROM affected a
			JOIN enrollment_sources s ON s.user_id = a.user_id WHERE s.account_id = @account_id
	),`

// difference writes what wanted and present differ in. Courses that are being
// deleted are waited for, and are gone then, before anything points at them.
const difference = `
	surplus AS (SELECT * FROM present EXCEPT SELECT * FROM wanted),
	missing AS (SELECT * FROM wanted EXCEPT SELECT * FROM present),
	gone AS (
		DELETE FROM enrollment_sources s USING surplus x WHERE s.course_group_id = x.course_group_id AND s.user_id = x.user_id
		RETURNING s.user_id, s.course_id
	),
	come AS (
		INSERT INTO enrollment_sources (account_id, course_group_id, user_id, course_id)
		SELECT @account_id, x.id, x.user_id, x.course_id FROM missing x JOIN courses c ON c.id = x.course_id FOR KEY SHARE OF c
		RETURNING user_id, course_id
	)
	SELECT user_id, course_id FROM gone UNION SELECT user_id, course_id FROM come`

const (
	followUsers = `WITH affected AS (SELECT DISTINCT unnest(CAST(@users AS bigint[])) AS user_id),` + wantedOfPeople + difference

	followGroups = `WITH RECURSIVE tree (id) AS (
		SELECT unnest(CAST(@groups AS bigint[]))
		UNION
		SELECT down.id FROM tree, LATERAL (SELECT g.id FROM groups g WHERE g.parent_id = tree.id OFFSET 0) down
	),
	affected AS (
		SELECT DISTINCT m.user_id FROM tree, LATERAL (SELECT m.user_id FROM group_members m WHERE m.group_id = tree.id AND m.account_id = @account_id OFFSET 0) m
	),` + wantedOfPeople + difference

	followLink = `WITH RECURSIVE tree (id, link, course_id, recursive) AS (
		SELECT group_id, id, course_id, recursive FROM course_groups WHERE account_id = @account_id AND id = @link
		UNION
		SELECT down.id, tree.link, tree.course_id, tree.recursive FROM tree,
			LATERAL (SELECT g.id FROM groups g WHERE g.parent_id = tree.id OFFSET 0) down WHERE tree.recursive
	),
	wanted AS (
		SELECT DISTINCT tree.link AS id, m.user_id, tree.course_id
		FROM tree, LATERAL (SELECT m.user_id FROM group_members m WHERE m.group_id = tree.id OFFSET 0) m
	),
	present AS (SELECT course_group_id, user_id, course_id FROM enrollment_sources WHERE account_id = @account_id AND course_group_id = @link),` +
		difference
)

// FollowUsers brings the enrolments of people in line with the groups that they
// are in now. Whoever changes memberships calls it in the same transaction,
// after the rows are written, and has locked the people.
func (s *Service) FollowUsers(ctx context.Context, userIDs []int64) error {
	if len(userIDs) == 0 {
		return nil
	}
	return wrap("follow users", s.db.InTx(ctx, func(ctx context.Context) error {
		if err := group.Lock(ctx, s.db, false); err != nil {
			return err
		}
		return s.follow(ctx, followUsers, store.Args{"users": pq.Int64Array(userIDs)})
	}))
}

// FollowGroups brings the enrolments of all members of some groups, and of those
// below them, in line with where the groups stand now. Whoever changes the tree
// calls it in the same transaction, after the rows are written.
func (s *Service) FollowGroups(ctx context.Context, groupIDs []int64) error {
	if len(groupIDs) == 0 {
		return nil
	}
	return wrap("follow groups", s.db.InTx(ctx, func(ctx context.Context) error {
		if err := group.Lock(ctx, s.db, true); err != nil {
			return err
		}
		return s.follow(ctx, followGroups, store.Args{"groups": pq.Int64Array(groupIDs)})
	}))
}

// follow runs one of the statements above and settles what it has changed.
func (s *Service) follow(ctx context.Context, statement string, args store.Args) error {
	var pairs []pair
	if err := s.db.Query(ctx, &pairs, statement, args); err != nil {
		return err
	}
	return s.settle(ctx, pairs)
}

// settle opens and ends enrolments as their sources say, and tells of those
// that did. Rows are written, and so locked, in the order of people and courses.
func (s *Service) settle(ctx context.Context, pairs []pair) error {
	if len(pairs) == 0 {
		return nil
	}
	users, courses := split(pairs)
	var settled []pair
	err := s.db.Query(ctx, &settled, `INSERT INTO enrollments AS e (account_id, user_id, course_id, learner, enrolled_at, ended_at, created_at, updated_at)
		SELECT @account_id, p.user_id, p.course_id, given.learner, @now, CASE WHEN NOT given.learner THEN CAST(@now AS timestamptz) END, @now, @now
		FROM unnest(CAST(@users AS bigint[]), CAST(@courses AS bigint[])) p (user_id, course_id)
			CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM enrollment_sources s
				WHERE s.user_id = p.user_id AND s.course_id = p.course_id AND NOT s.withdrawn) AS learner) given
		ORDER BY p.user_id, p.course_id
		ON CONFLICT (user_id, course_id) DO UPDATE SET learner = e.direct_learner OR e.lms_learner OR EXCLUDED.learner,
			enrolled_at = CASE WHEN e.ended_at IS NULL THEN e.enrolled_at ELSE EXCLUDED.enrolled_at END,
			ended_at = CASE WHEN e.instructor OR e.direct_learner OR e.lms_learner OR EXCLUDED.learner THEN NULL ELSE EXCLUDED.enrolled_at END,
			updated_at = EXCLUDED.updated_at
		WHERE e.account_id = @account_id AND e.learner <> (e.direct_learner OR e.lms_learner OR EXCLUDED.learner)
		RETURNING user_id, course_id`, store.Args{"users": users, "courses": courses, "now": s.now()})
	if err != nil {
		return err
	}
	return s.tell(ctx, settled)
}
