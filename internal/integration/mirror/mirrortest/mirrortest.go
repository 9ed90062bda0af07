// Package mirrortest shows tests what the hub has of a connection, in a form
// that two connections to the same learning system have in common.
package mirrortest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/store"
)

// Mirror gives all rows of the mirror of a connection, by table, as texts. The
// context has the account.
func Mirror(ctx context.Context, t testing.TB, db *store.DB, connectionID int64) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range source.Tables {
		columns := make([]string, len(table.Columns))
		for i, c := range table.Columns {
			columns[i] = c.Name
		}
		out[table.Name] = lines(ctx, t, db, connectionID, `SELECT CAST(ROW(source_id, `+strings.Join(columns, ", ")+`) AS text) FROM lms_`+table.Name+`
			WHERE account_id = @account_id AND connection_id = @connection ORDER BY source_id`)
	}
	return out
}

// Shared gives what the tables that the hub shares say of a connection now, by
// the keys of the system. What has ended is history, and left out.
func Shared(ctx context.Context, t testing.TB, db *store.DB, connectionID int64) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, text := range shared {
		out[name] = lines(ctx, t, db, connectionID, text)
	}
	return out
}

func lines(ctx context.Context, t testing.TB, db *store.DB, connectionID int64, text string) []string {
	t.Helper()
	out := []string{}
	require.NoError(t, db.Query(ctx, &out, text, store.Args{"connection": connectionID}))
	return out
}

const person = ` JOIN lms_people l ON l.connection_id = @connection AND l.user_id = x.user_id `

var shared = map[string]string{
	"people": `SELECT CAST(ROW(l.source_id, l.made, u.email, u.name, u.first_name, u.last_name, u.status, u.organization_id = u.organization_id,
		(SELECT count(*) FROM user_roles r WHERE r.user_id = u.id)) AS text)
		FROM lms_people l JOIN users u ON u.id = l.user_id WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.source_id IS NOT NULL ORDER BY l.source_id`,
	"courses": `SELECT CAST(ROW(c.source_id, c.name, c.status, c.type, c.starts_at, c.ends_at, c.categories) AS text) FROM courses c
		WHERE c.account_id = @account_id AND c.connection_id = @connection AND EXISTS (SELECT FROM lms_courses m WHERE m.connection_id = @connection AND m.source_id = c.source_id) ORDER BY c.source_id`,
	"enrollments": `SELECT CAST(ROW(l.source_id, c.source_id, x.learner, x.instructor, x.lms_learner, x.lms_instructor,
			CASE WHEN x.learner THEN x.progress END, CASE WHEN x.learner THEN x.score END, CASE WHEN x.learner THEN x.completed_at END, x.enrolled_at) AS text)
		FROM enrollments x` + person + `JOIN courses c ON c.id = x.course_id AND c.connection_id = @connection
		WHERE x.account_id = @account_id AND x.ended_at IS NULL ORDER BY l.source_id, c.source_id`,
	"quizzes": `SELECT CAST(ROW(x.source_id, c.source_id, x.name, x.max_points, x.pass_percent) AS text) FROM quizzes x JOIN courses c ON c.id = x.course_id
		WHERE x.account_id = @account_id AND x.connection_id = @connection ORDER BY x.source_id`,
	"quiz_attempts": `SELECT CAST(ROW(x.source_id, q.source_id, l.source_id, x.attempt_no, x.points, x.started_at, x.finished_at) AS text)
		FROM quiz_attempts x` + person + `JOIN quizzes q ON q.id = x.quiz_id WHERE x.account_id = @account_id AND x.connection_id = @connection ORDER BY x.source_id`,
	"assignments": `SELECT CAST(ROW(x.source_id, c.source_id, x.name, x.max_grade, x.due_at) AS text) FROM assignments x JOIN courses c ON c.id = x.course_id
		WHERE x.account_id = @account_id AND x.connection_id = @connection ORDER BY x.source_id`,
	"assignment_submissions": `SELECT CAST(ROW(x.source_id, a.source_id, l.source_id, x.attempt_no, x.started_at, x.submitted_at, x.grade, x.graded_at) AS text)
		FROM assignment_submissions x` + person + `JOIN assignments a ON a.id = x.assignment_id WHERE x.account_id = @account_id AND x.connection_id = @connection ORDER BY x.source_id`,
	"external_certificates": `SELECT CAST(ROW(x.source_id, x.source_table, l.source_id, c.source_id, x.kind, x.name, x.code, x.issued_at, x.expires_at) AS text)
		FROM external_certificates x` + person + `LEFT JOIN courses c ON c.id = x.course_id WHERE x.account_id = @account_id AND x.connection_id = @connection ORDER BY x.source_id`,
	"ranges": `SELECT CAST(ROW(table_name, min(first_id), count(*) FILTER (WHERE rows = 0), sum(taken)) AS text) FROM lms_ranges
		WHERE account_id = @account_id AND connection_id = @connection GROUP BY table_name ORDER BY table_name`,
}
