package enrollment

import (
	"context"

	"github.com/lib/pq"

	"quad/internal/people/group"
	"quad/internal/store"
)

// The statements that bring enrollment_sources in line with what the links say.
// Each begins with two lists of its own, affected (people) and wanted (sources
// that they or a link should have), and goes on with difference. They give the
// people and courses for which anything has changed. The tree is climbed by way
// of LATERAL with OFFSET 0, which reads one node by its index: joined plainly,
// each of its levels would read the whole table.

// wantedOfPeople are all sources that the affected people should have: links of
// the groups that they are in, and recursive links of all groups above. The
// courses are locked first, so that one that is being deleted is either there
// until the end or gone; the order does not matter, as shared locks do not wait
// for each other and who deletes a course locks one only.
const wantedOfPeople = `
	above (group_id, at, below) AS (
		SELECT m.group_id, m.group_id, false FROM affected a JOIN group_members m ON m.user_id = a.user_id
		UNION
		SELECT a.group_id, up.parent_id, true FROM above a,
			LATERAL (SELECT g.parent_id FROM groups g WHERE g.id = a.at AND g.parent_id IS NOT NULL OFFSET 0) up
	),
	links AS MATERIALIZED (
		SELECT l.id, l.course_id, l.group_id, l.recursive FROM course_groups l JOIN courses c ON c.id = l.course_id
		WHERE l.account_id = @account_id AND l.group_id IN (SELECT at FROM above) FOR KEY SHARE OF c
	),
	wanted AS (
		SELECT DISTINCT l.id, m.user_id, l.course_id FROM affected a JOIN group_members m ON m.user_id = a.user_id
			JOIN above ON above.group_id = m.group_id
			JOIN links l ON l.group_id = above.at AND (l.recursive OR NOT above.below)
	),`

// difference writes what wanted and the present sources differ in. within says
// which present sources s are meant.
func difference(within string) string {
	return `
	gone AS (
		DELETE FROM enrollment_sources s WHERE s.account_id = @account_id AND ` + within + `
			AND NOT EXISTS (SELECT FROM wanted w WHERE w.id = s.course_group_id AND w.user_id = s.user_id)
		RETURNING s.user_id, s.course_id
	),
	come AS (
		INSERT INTO enrollment_sources (account_id, course_group_id, user_id, course_id)
		SELECT @account_id, w.id, w.user_id, w.course_id FROM wanted w
		WHERE NOT EXISTS (SELECT FROM enrollment_sources s WHERE s.course_group_id = w.id AND s.user_id = w.user_id)
		RETURNING user_id, course_id
	)
	SELECT user_id, course_id FROM gone UNION SELECT user_id, course_id FROM come`
}

var (
	followUsers = `WITH RECURSIVE affected AS (SELECT DISTINCT unnest(CAST(@users AS bigint[])) AS user_id),` +
		wantedOfPeople + difference(`s.user_id IN (SELECT user_id FROM affected)`)

	followGroups = `WITH RECURSIVE tree (id) AS (
		SELECT unnest(CAST(@groups AS bigint[]))
		UNION
		SELECT down.id FROM tree t, LATERAL (SELECT g.id FROM groups g WHERE g.parent_id = t.id AND g.account_id = @account_id OFFSET 0) down
	),
	affected AS (SELECT DISTINCT m.user_id FROM tree t JOIN group_members m ON m.group_id = t.id WHERE m.account_id = @account_id),` +
		wantedOfPeople + difference(`s.user_id IN (SELECT user_id FROM affected)`)

	followLink = `WITH RECURSIVE tree (id, link, course_id, recursive) AS (
		SELECT group_id, id, course_id, recursive FROM course_groups WHERE account_id = @account_id AND id = @link
		UNION
		SELECT down.id, t.link, t.course_id, t.recursive FROM tree t,
			LATERAL (SELECT g.id FROM groups g WHERE g.parent_id = t.id AND g.account_id = @account_id OFFSET 0) down WHERE t.recursive
	),
	wanted AS (SELECT DISTINCT t.link AS id, m.user_id, t.course_id FROM tree t JOIN group_members m ON m.group_id = t.id),` +
		difference(`s.course_group_id = @link`)
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
		ON CONFLICT (user_id, course_id) DO UPDATE SET learner = e.direct_learner OR EXCLUDED.learner,
			enrolled_at = CASE WHEN e.ended_at IS NULL THEN e.enrolled_at ELSE EXCLUDED.enrolled_at END,
			ended_at = CASE WHEN e.instructor OR e.direct_learner OR EXCLUDED.learner THEN NULL ELSE EXCLUDED.enrolled_at END,
			updated_at = EXCLUDED.updated_at
		WHERE e.account_id = @account_id AND e.learner <> (e.direct_learner OR EXCLUDED.learner)
		RETURNING user_id, course_id`, store.Args{"users": users, "courses": courses, "now": s.now()})
	if err != nil {
		return err
	}
	return s.tell(ctx, settled)
}
