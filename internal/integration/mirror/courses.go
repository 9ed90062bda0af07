package mirror

import (
	"context"

	"quad/internal/integration/source"
)

// A course of the learning system is a course of the account, known to calling
// systems as lms-<connection>-<id>, and follows it in name, category and dates;
// hidden ones are INACTIVE. One that is gone there is INACTIVE here, since
// certificates may name it; its enrolments end, its quizzes and assignments go.

// courseOf is, in SQL, how calling systems know a course of the connection.
const courseOf = `'lms-' || CAST(CAST(@connection AS bigint) AS text) || '-' || CAST(s.source_id AS text)`

// taught are, in SQL, the courses s of the mirror as the hub has them.
const taught = `(SELECT c.source_id, coalesce(nullif(trim(c.name), ''), nullif(trim(c.short_name), ''), 'Course ' || CAST(c.source_id AS text)) AS name,
		CASE WHEN c.visible THEN 'ACTIVE' ELSE 'INACTIVE' END AS status, c.starts_at,
		CASE WHEN c.starts_at IS NULL OR c.ends_at > c.starts_at THEN c.ends_at END AS ends_at,
		CASE WHEN g.name IS NULL THEN CAST('{}' AS text[]) ELSE ARRAY[g.name] END AS categories
	FROM lms_dirty_courses d JOIN lms_courses c ON c.connection_id = @connection AND c.source_id = d.source_id
		LEFT JOIN lms_categories g ON g.connection_id = @connection AND g.source_id = c.category_id
	WHERE c.account_id = @account_id) s`

// courses brings the courses in line with those of the mirror.
func (m *merge) courses(ctx context.Context) error {
	e := m.e
	for _, text := range []string{
		`CREATE TEMPORARY TABLE lms_dirty_courses (source_id bigint PRIMARY KEY) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_courses_before (course_id bigint, source_id bigint) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_moved_courses (course_id bigint, source_id bigint) ON COMMIT DROP`,
	} {
		if err := e.temporary(ctx, text); err != nil {
			return err
		}
	}
	if !m.full && !m.anything(source.Courses, source.Categories) {
		return nil
	}
	dirty := `INSERT INTO lms_dirty_courses SELECT source_id FROM chg_courses WHERE account_id = @account_id UNION
		SELECT c.source_id FROM lms_courses c JOIN chg_categories g ON g.source_id = c.category_id WHERE c.account_id = @account_id AND c.connection_id = @connection`
	if m.full {
		dirty = `INSERT INTO lms_dirty_courses SELECT source_id FROM lms_courses WHERE account_id = @account_id AND connection_id = @connection UNION
			SELECT source_id FROM courses WHERE account_id = @account_id AND connection_id = @connection`
	}
	// Only those that the mirror has are taught: a course that has gone has moved.
	const known = `SELECT c.id, c.source_id FROM courses c WHERE c.account_id = @account_id AND c.connection_id = @connection
		AND EXISTS (SELECT FROM lms_courses s WHERE s.connection_id = @connection AND s.source_id = c.source_id)`
	return e.each(ctx, m.args(), dirty,
		`SELECT c.id FROM courses c JOIN lms_dirty_courses d ON d.source_id = c.source_id WHERE c.account_id = @account_id AND c.connection_id = @connection
			ORDER BY c.id FOR NO KEY UPDATE OF c`,
		`INSERT INTO lms_courses_before SELECT c.id, c.source_id FROM courses c WHERE c.account_id = @account_id AND c.connection_id = @connection`,
		`UPDATE courses c SET name = s.name, status = s.status, starts_at = s.starts_at, ends_at = s.ends_at, categories = s.categories, updated_at = @now
			FROM `+taught+` WHERE c.account_id = @account_id AND c.connection_id = @connection AND c.source_id = s.source_id
			AND (c.name, c.status, c.starts_at, c.ends_at, c.categories) IS DISTINCT FROM (s.name, s.status, s.starts_at, s.ends_at, s.categories)`,
		`INSERT INTO courses (account_id, identifier, name, type, status, starts_at, ends_at, categories, connection_id, source_id, created_at, updated_at)
			SELECT @account_id, `+courseOf+`, s.name, 'COURSE', s.status, s.starts_at, s.ends_at, s.categories, @connection, s.source_id, @now, @now
			FROM `+taught+` WHERE NOT EXISTS (SELECT FROM courses c WHERE c.connection_id = @connection AND c.source_id = s.source_id)
			ORDER BY s.source_id ON CONFLICT DO NOTHING`,
		`UPDATE courses c SET status = 'INACTIVE', updated_at = @now FROM lms_dirty_courses d
			WHERE c.account_id = @account_id AND c.connection_id = @connection AND c.source_id = d.source_id AND c.status <> 'INACTIVE'
			AND NOT EXISTS (SELECT FROM lms_courses s WHERE s.connection_id = @connection AND s.source_id = d.source_id)`,
		`INSERT INTO lms_moved_courses (course_id, source_id)
			(`+known+` EXCEPT SELECT course_id, source_id FROM lms_courses_before) UNION ALL (SELECT course_id, source_id FROM lms_courses_before EXCEPT `+known+`)`,
		// One that was gone and is back was INACTIVE meanwhile, and did not move.
		`INSERT INTO lms_moved_courses (course_id, source_id) SELECT c.id, c.source_id FROM courses c JOIN chg_courses g ON g.source_id = c.source_id AND g.op = '`+opInserted+`'
			WHERE c.account_id = @account_id AND c.connection_id = @connection`,
	)
}
