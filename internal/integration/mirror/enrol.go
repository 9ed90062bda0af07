package mirror

import (
	"context"
	"fmt"

	"quad/internal/integration/source"
	"quad/models"
)

// A person learns in a course while the system has an enrolment of them there, by
// whatever method, and the role of a learner. An enrolment that is suspended, has
// not begun or is over is one all the same, as a figure counts it that says "not
// cancelled"; whether it is active at a moment can be asked of the mirror, which
// has status and dates. Teachers are instructors. Who was taken out of the course
// here stays out until the system has ended the enrolment and begun another.
//
// The course was completed when the system says so, and is as far as the share
// of tracked activities that are done, 99 per cent at most, while it does not. A
// completion that is taken back leaves the dates of the first and the last one.
// The score is the course total in per cent, within 0 and 100.

// dirtyPairs finds the users and courses of the system, of which anything has
// changed that enrolments depend on.
func (m *merge) dirtyPairs(ctx context.Context) error {
	e := m.e
	if err := e.temporary(ctx, `CREATE TEMPORARY TABLE lms_dirty_pairs (user_id bigint, course_id bigint) ON COMMIT DROP`); err != nil {
		return err
	}
	text := `INSERT INTO lms_dirty_pairs (user_id, course_id)
		SELECT user_id, course_id FROM chg_enrolments WHERE account_id = @account_id UNION SELECT user_id, course_id FROM chg_roles
		UNION SELECT user_id, course_id FROM chg_completions UNION SELECT user_id, course_id FROM chg_grades
		UNION SELECT s.user_id, a.course_id FROM chg_activity_states s JOIN lms_activities a ON a.connection_id = @connection AND a.source_id = s.activity_id
		UNION SELECT n.user_id, n.course_id FROM (SELECT DISTINCT course_id FROM chg_activities) a
			JOIN lms_enrolments n ON n.connection_id = @connection AND n.course_id = a.course_id`
	if m.full {
		text = `INSERT INTO lms_dirty_pairs (user_id, course_id)
			SELECT DISTINCT user_id, course_id FROM lms_enrolments WHERE account_id = @account_id AND connection_id = @connection`
	}
	if err := e.each(ctx, m.args(), text); err != nil {
		return err
	}
	return e.analyze(ctx, "lms_dirty_pairs")
}

// pairs are people and courses of the hub whose enrolments are to be looked at,
// with the user and the course that they are in the system, null where it has them
// no more.
const pairs = `INSERT INTO lms_pairs (user_id, course_id, source_user, source_course)
	SELECT l.user_id, c.id, l.source_id, k.source_id FROM (%s) d JOIN lms_people l ON l.connection_id = @connection AND l.source_id = d.user_id
		JOIN courses c ON c.connection_id = @connection AND c.source_id = d.course_id
		LEFT JOIN lms_courses k ON k.connection_id = @connection AND k.source_id = c.source_id
	WHERE l.account_id = @account_id AND c.account_id = @account_id
	UNION ` + pairsThere

// dirtyAndMoved are the pairs of the system of which anything has changed, and
// all of people and courses that have become others.
const dirtyAndMoved = `SELECT user_id, course_id FROM lms_dirty_pairs
		UNION SELECT n.user_id, n.course_id FROM lms_moved_people p JOIN lms_enrolments n ON n.connection_id = @connection AND n.user_id = p.source_id
		UNION SELECT n.user_id, n.course_id FROM lms_moved_courses p JOIN lms_enrolments n ON n.connection_id = @connection AND n.course_id = p.source_id`

// pairsThere are those that the hub has and the system may have no more.
const pairsThere = `SELECT e.user_id, e.course_id, l.source_id, k.source_id FROM %s
		JOIN enrollments e ON %s AND (e.lms_learner OR e.lms_instructor OR e.lms_withdrawn)
		JOIN courses c ON c.id = e.course_id AND c.connection_id = @connection
		LEFT JOIN lms_courses k ON k.connection_id = @connection AND k.source_id = c.source_id
		LEFT JOIN lms_people l ON l.connection_id = @connection AND l.user_id = e.user_id
	WHERE e.account_id = @account_id`

// meant are the pairs as the system has them. The tables of the system hold one
// row for a user and course, or several that mean the same.
const meant = `INSERT INTO lms_meant (user_id, course_id, learner, instructor, since, completed_at, score, progress, moved_at)
	SELECT p.user_id, p.course_id, bool_or(n.source_id IS NOT NULL AND r.learner) IS TRUE,
		bool_or(n.source_id IS NOT NULL AND r.role IN ('teacher', 'editingteacher')) IS TRUE,
		min(coalesce(n.starts_at, n.created_at)), max(k.completed_at),
		CASE WHEN max(g.percent) IS NOT NULL THEN least(greatest(max(g.percent), 0), 100) END,
		CASE WHEN max(k.completed_at) IS NOT NULL THEN ` + complete + ` ELSE 0 END, greatest(max(k.completed_at), max(g.graded_at))
	FROM lms_pairs p
		LEFT JOIN lms_enrolments n ON n.connection_id = @connection AND n.user_id = p.source_user AND n.course_id = p.source_course
		LEFT JOIN lms_roles r ON r.connection_id = @connection AND r.user_id = p.source_user AND r.course_id = p.source_course
		LEFT JOIN lms_completions k ON k.connection_id = @connection AND k.user_id = p.source_user AND k.course_id = p.source_course
		LEFT JOIN lms_grades g ON g.connection_id = @connection AND g.user_id = p.source_user AND g.course_id = p.source_course
		JOIN users u ON u.id = p.user_id AND u.account_id = @account_id AND u.status <> 'DELETED'
	GROUP BY p.user_id, p.course_id`

// progress says how far those are who have not completed the course.
const progress = `UPDATE lms_meant t SET progress = CASE WHEN t.completed_at IS NOT NULL THEN ` + complete + ` ELSE least(` + almost + `, ` + complete + ` * s.done / a.tracked) END,
		moved_at = greatest(t.moved_at, s.changed_at)
	FROM (
		SELECT p.user_id, p.course_id, p.source_course, count(*) FILTER (WHERE s.done AND a.tracked) AS done, max(s.changed_at) AS changed_at
		FROM lms_pairs p JOIN lms_activity_states s ON s.connection_id = @connection AND s.user_id = p.source_user
			JOIN lms_activities a ON a.connection_id = @connection AND a.source_id = s.activity_id AND a.course_id = p.source_course
		WHERE s.account_id = @account_id GROUP BY p.user_id, p.course_id, p.source_course
	) s JOIN (
		SELECT course_id, greatest(count(*) FILTER (WHERE tracked), 1) AS tracked FROM lms_activities
		WHERE account_id = @account_id AND connection_id = @connection GROUP BY course_id
	) a ON a.course_id = s.source_course
	WHERE t.user_id = s.user_id AND t.course_id = s.course_id`

const (
	complete = `100` // models.Complete
	almost   = `99`
)

// A group enrols the person of enrolment e too.
const byGroup = `EXISTS (SELECT FROM enrollment_sources g WHERE g.user_id = e.user_id AND g.course_id = e.course_id AND NOT g.withdrawn)`

// endings ends what the system has ended. Others who enrol the person do so
// still.
const endings = `WITH ended AS (
		UPDATE enrollments e SET lms_learner = false, lms_instructor = false, lms_withdrawn = false,
			learner = e.direct_learner OR ` + byGroup + `, instructor = e.direct_instructor,
			ended_at = CASE WHEN e.direct_learner OR e.direct_instructor OR ` + byGroup + ` THEN NULL ELSE coalesce(e.ended_at, @now) END, updated_at = @now
		FROM lms_meant t WHERE e.account_id = @account_id AND e.user_id = t.user_id AND e.course_id = t.course_id AND NOT (t.learner OR t.instructor)
			AND (e.lms_learner OR e.lms_instructor OR e.lms_withdrawn)
		RETURNING e.user_id, e.course_id
	)
	INSERT INTO lms_told (user_id, course_id) SELECT user_id, course_id FROM ended`

// enrolments as they are to be are n, as they are e. What others say of the
// person in the course stays, and so does what the system does not know.
const openings = `WITH written AS (
		INSERT INTO enrollments AS e (account_id, user_id, course_id, lms_learner, lms_instructor, learner, instructor, progress, score,
			first_completed_at, last_completed_at, last_progress_at, enrolled_at, ended_at, created_at, updated_at)
		SELECT @account_id, n.user_id, n.course_id, n.lms_learner, n.lms_instructor, n.learner, n.instructor, n.progress, n.score,
			n.first_completed_at, n.last_completed_at, n.last_progress_at, n.enrolled_at, NULL, @now, @now
		FROM (
			SELECT t.user_id, t.course_id, e.id, e.learner AS was_learner, e.instructor AS was_instructor, e.lms_learner AS was_lms_learner, e.lms_instructor AS was_lms_instructor,
				e.progress AS was_progress, e.score AS was_score, e.first_completed_at AS was_first, e.last_completed_at AS was_last,
				e.last_progress_at AS was_moved, e.enrolled_at AS was_enrolled,
				t.learner AS lms_learner, t.instructor AS lms_instructor,
				t.learner OR coalesce(e.direct_learner OR o.grouped, false) AS learner, t.instructor OR coalesce(e.direct_instructor, false) AS instructor,
				CASE WHEN t.learner THEN t.progress ELSE coalesce(e.progress, 0) END AS progress,
				CASE WHEN t.learner THEN t.score ELSE e.score END AS score,
				CASE WHEN t.learner THEN coalesce(e.first_completed_at, t.completed_at) ELSE e.first_completed_at END AS first_completed_at,
				CASE WHEN t.learner THEN coalesce(t.completed_at, e.last_completed_at) ELSE e.last_completed_at END AS last_completed_at,
				CASE WHEN t.learner THEN coalesce(t.moved_at, e.last_progress_at) ELSE e.last_progress_at END AS last_progress_at,
				CASE WHEN e.ended_at IS NULL AND (e.direct_learner OR e.direct_instructor OR o.grouped) THEN e.enrolled_at
					WHEN e.ended_at IS NULL THEN coalesce(t.since, e.enrolled_at, @now) ELSE coalesce(t.since, @now) END AS enrolled_at
			FROM lms_meant t LEFT JOIN enrollments e ON e.user_id = t.user_id AND e.course_id = t.course_id AND e.account_id = @account_id
				CROSS JOIN LATERAL (SELECT e.id IS NOT NULL AND ` + byGroup + ` AS grouped) o
			WHERE (t.learner OR t.instructor) AND e.lms_withdrawn IS NOT TRUE
		) n
		WHERE n.id IS NULL OR (n.was_learner, n.was_instructor, n.was_lms_learner, n.was_lms_instructor, n.was_progress, n.was_score, n.was_first, n.was_last, n.was_moved, n.was_enrolled)
			IS DISTINCT FROM (n.learner, n.instructor, n.lms_learner, n.lms_instructor, n.progress, n.score, n.first_completed_at, n.last_completed_at, n.last_progress_at, n.enrolled_at)
		ORDER BY n.user_id, n.course_id
		ON CONFLICT (user_id, course_id) DO UPDATE SET lms_learner = EXCLUDED.lms_learner, lms_instructor = EXCLUDED.lms_instructor,
			learner = EXCLUDED.learner, instructor = EXCLUDED.instructor, progress = EXCLUDED.progress, score = EXCLUDED.score,
			first_completed_at = EXCLUDED.first_completed_at, last_completed_at = EXCLUDED.last_completed_at, last_progress_at = EXCLUDED.last_progress_at,
			enrolled_at = EXCLUDED.enrolled_at, ended_at = NULL, updated_at = EXCLUDED.updated_at
		WHERE e.account_id = @account_id
		RETURNING e.user_id, e.course_id
	)
	INSERT INTO lms_told (user_id, course_id) SELECT user_id, course_id FROM written
		WHERE course_id IN (SELECT course_id FROM certificate_courses WHERE account_id = @account_id)`

// enrolments brings enrolments in line with the mirror.
func (m *merge) enrolments(ctx context.Context) error {
	e := m.e
	for _, text := range []string{
		`CREATE TEMPORARY TABLE lms_pairs (user_id bigint, course_id bigint, source_user bigint, source_course bigint) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_meant (user_id bigint, course_id bigint, learner boolean, instructor boolean, since timestamptz, completed_at timestamptz,
			score double precision, progress smallint, moved_at timestamptz) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_told (user_id bigint, course_id bigint) ON COMMIT DROP`,
	} {
		if err := e.temporary(ctx, text); err != nil {
			return err
		}
	}
	if !m.full && !m.anything(source.Users, source.Courses, source.Enrolments, source.Roles, source.Activities, source.ActivityStates, source.Completions, source.Grades) {
		return nil
	}
	if err := m.pairs(ctx); err != nil {
		return err
	}
	if err := e.each(ctx, m.args(), meant); err != nil {
		return err
	}
	if err := e.analyze(ctx, "lms_meant"); err != nil {
		return err
	}
	return e.each(ctx, m.args(), progress, endings, openings)
}

// pairs finds the people and courses whose enrolments are to be looked at.
func (m *merge) pairs(ctx context.Context) error {
	texts := []string{fmt.Sprintf(pairs, dirtyAndMoved, `lms_moved_people p`, `e.user_id = p.user_id`), `INSERT INTO lms_pairs (user_id, course_id, source_user, source_course) ` + fmt.Sprintf(pairsThere+` EXCEPT SELECT user_id, course_id, source_user, source_course FROM lms_pairs`, `lms_moved_courses p`, `e.course_id = p.course_id`)}
	if m.full { // the dirty ones are all that there are
		texts = []string{fmt.Sprintf(pairs, `SELECT user_id, course_id FROM lms_dirty_pairs`, `(SELECT true) everything`, `true`)}
	}
	if err := m.e.each(ctx, m.args(), texts...); err != nil {
		return err
	}
	return m.e.analyze(ctx, "lms_pairs")
}

// tell lets certificates follow the enrolments that have changed.
func (m *merge) tell(ctx context.Context) error {
	var rows []models.Enrollment
	if err := m.e.db.Query(ctx, &rows, `SELECT DISTINCT user_id, course_id FROM lms_told
		WHERE course_id IN (SELECT course_id FROM certificate_courses WHERE account_id = @account_id) ORDER BY user_id, course_id`, nil); err != nil {
		return err
	}
	users, courses := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		users[i], courses[i] = r.UserID, r.CourseID
	}
	for from := 0; from < len(rows); from += tellPairs {
		to := min(from+tellPairs, len(rows))
		if err := m.e.changed(ctx, users[from:to], courses[from:to]); err != nil {
			return err
		}
	}
	return nil
}
