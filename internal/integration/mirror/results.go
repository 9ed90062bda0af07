package mirror

import (
	"context"
	"fmt"
	"strings"

	"quad/internal/integration/source"
)

// result is a shared table whose rows are rows of a mirror, with the same key.
type result struct {
	table   string   // shared
	mirror  string   // table of the system
	from    []string // tables whose changes it depends on
	columns string   // of the shared table, with their types
	// means gives the rows d of lms_dirty as they are to be: the source id and the
	// columns.
	means string
	dirty []string // ids of the mirror that a change of something else concerns
}

// live are, in SQL, the people l of the connection who are not deleted.
const live = `JOIN lms_people l ON l.connection_id = @connection AND l.source_id = s.user_id
	JOIN users u ON u.id = l.user_id AND u.account_id = @account_id AND u.status <> 'DELETED'`

// Attempts and versions that are not known to have begun at some time began when
// they ended. Grades and points below 0 do not exist here.
var results = []result{
	{
		table: "quizzes", mirror: source.Quizzes, from: []string{source.Courses},
		columns: `course_id bigint, name text, max_points double precision, pass_percent double precision`,
		means: `SELECT s.source_id, c.id, s.name, greatest(coalesce(s.max_points, 0), 0), CASE WHEN s.pass_percent BETWEEN 0 AND 100 THEN s.pass_percent END
			FROM lms_dirty d JOIN lms_quizzes s ON s.connection_id = @connection AND s.source_id = d.source_id
			JOIN courses c ON c.connection_id = @connection AND c.source_id = s.course_id AND c.account_id = @account_id
			JOIN lms_courses k ON k.connection_id = @connection AND k.source_id = s.course_id`,
		dirty: []string{`SELECT s.source_id FROM lms_moved_courses m JOIN lms_quizzes s ON s.course_id = m.source_id WHERE s.account_id = @account_id AND s.connection_id = @connection`},
	},
	{
		table: "quiz_attempts", mirror: source.QuizAttempts, from: []string{source.Users, source.Courses, source.Quizzes},
		columns: `quiz_id bigint, user_id bigint, attempt_no integer, points double precision, started_at timestamptz, finished_at timestamptz`,
		means: `SELECT s.source_id, q.id, l.user_id, greatest(s.attempt_no, 0), s.points, coalesce(s.started_at, s.finished_at),
				CASE WHEN s.finished THEN greatest(s.finished_at, s.started_at) END
			FROM lms_dirty d JOIN lms_quiz_attempts s ON s.connection_id = @connection AND s.source_id = d.source_id
			JOIN quizzes q ON q.connection_id = @connection AND q.source_id = s.quiz_id ` + live + `
			WHERE coalesce(s.started_at, s.finished_at) IS NOT NULL`,
		dirty: []string{
			`SELECT s.source_id FROM lms_moved_people m JOIN lms_quiz_attempts s ON s.connection_id = @connection AND s.user_id = m.source_id WHERE s.account_id = @account_id`,
			`SELECT s.source_id FROM lms_dirty_quizzes m JOIN lms_quiz_attempts s ON s.connection_id = @connection AND s.quiz_id = m.source_id WHERE s.account_id = @account_id`,
		},
	},
	{
		table: "assignments", mirror: source.Assignments, from: []string{source.Courses},
		columns: `course_id bigint, name text, max_grade double precision, due_at timestamptz`,
		means: `SELECT s.source_id, c.id, s.name, CASE WHEN s.max_grade >= 0 THEN s.max_grade END, s.due_at
			FROM lms_dirty d JOIN lms_assignments s ON s.connection_id = @connection AND s.source_id = d.source_id
			JOIN courses c ON c.connection_id = @connection AND c.source_id = s.course_id AND c.account_id = @account_id
			JOIN lms_courses k ON k.connection_id = @connection AND k.source_id = s.course_id`,
		dirty: []string{`SELECT s.source_id FROM lms_moved_courses m JOIN lms_assignments s ON s.course_id = m.source_id WHERE s.account_id = @account_id AND s.connection_id = @connection`},
	},
	{
		table: "assignment_submissions", mirror: source.Submissions, from: []string{source.Users, source.Courses, source.Assignments, source.SubmissionMarks},
		columns: `assignment_id bigint, user_id bigint, attempt_no integer, started_at timestamptz, submitted_at timestamptz, grade double precision, graded_at timestamptz`,
		means: `SELECT DISTINCT ON (s.source_id) s.source_id, a.id, l.user_id, greatest(s.attempt_no, 0), s.started_at,
				CASE WHEN s.handed_in THEN coalesce(s.handed_in_at, s.started_at) END, g.grade, g.graded_at
			FROM lms_dirty d JOIN lms_submissions s ON s.connection_id = @connection AND s.source_id = d.source_id
			JOIN assignments a ON a.connection_id = @connection AND a.source_id = s.assignment_id ` + live + `
			LEFT JOIN lms_submission_marks g ON g.connection_id = @connection AND g.assignment_id = s.assignment_id AND g.user_id = s.user_id
				AND g.attempt_no = s.attempt_no AND g.grade >= 0
			WHERE NOT s.handed_in OR coalesce(s.handed_in_at, s.started_at) IS NOT NULL
			ORDER BY s.source_id, g.source_id DESC NULLS LAST`,
		dirty: []string{
			`SELECT s.source_id FROM chg_submission_marks m JOIN lms_submissions s ON s.connection_id = @connection AND s.assignment_id = m.assignment_id
				AND s.user_id = m.user_id AND s.attempt_no = m.attempt_no WHERE s.account_id = @account_id`,
			`SELECT s.source_id FROM lms_moved_people m JOIN lms_submissions s ON s.connection_id = @connection AND s.user_id = m.source_id WHERE s.account_id = @account_id`,
			`SELECT s.source_id FROM lms_dirty_assignments m JOIN lms_submissions s ON s.connection_id = @connection AND s.assignment_id = m.source_id WHERE s.account_id = @account_id`,
		},
	},
	{
		table: "external_certificates", mirror: source.Awards, from: []string{source.Users, source.Courses},
		columns: `user_id bigint, course_id bigint, kind text, name text, code text, issued_at timestamptz, expires_at timestamptz, source_table text`,
		means: `SELECT s.source_id, l.user_id, c.id, s.kind, s.name, s.code, s.issued_at, s.expires_at, s.origin
			FROM lms_dirty d JOIN lms_awards s ON s.connection_id = @connection AND s.source_id = d.source_id ` + live + `
			LEFT JOIN courses c ON c.connection_id = @connection AND c.source_id = s.course_id
				AND EXISTS (SELECT FROM lms_courses k WHERE k.connection_id = @connection AND k.source_id = s.course_id)
			WHERE s.issued_at IS NOT NULL AND s.kind IN ('certificate', 'badge')`,
		dirty: []string{
			`SELECT s.source_id FROM lms_moved_people m JOIN lms_awards s ON s.connection_id = @connection AND s.user_id = m.source_id WHERE s.account_id = @account_id`,
			`SELECT s.source_id FROM lms_moved_courses m JOIN lms_awards s ON s.course_id = m.source_id WHERE s.account_id = @account_id AND s.connection_id = @connection`,
		},
	},
}

// results brings what people achieved in line with the mirror. What is there no
// more, or of nobody here, goes.
func (m *merge) results(ctx context.Context) error {
	for _, r := range results {
		if err := m.result(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", r.table, err)
		}
	}
	return nil
}

// result does one table.
func (m *merge) result(ctx context.Context, r result) error {
	e, dirty := m.e, `lms_dirty_`+r.mirror
	meant := `lms_meant_` + r.mirror
	for _, text := range []string{
		`CREATE TEMPORARY TABLE ` + dirty + ` (source_id bigint PRIMARY KEY) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE ` + meant + ` (source_id bigint PRIMARY KEY, ` + r.columns + `) ON COMMIT DROP`,
	} {
		if err := e.temporary(ctx, text); err != nil {
			return err
		}
	}
	if !m.full && !m.anything(append([]string{r.mirror}, r.from...)...) {
		return nil
	}
	ids := append([]string{`SELECT source_id FROM chg_` + r.mirror + ` WHERE account_id = @account_id`}, r.dirty...)
	if m.full {
		ids = []string{
			`SELECT source_id FROM ` + mirrorOf(r.mirror) + ` WHERE account_id = @account_id AND connection_id = @connection`,
			`SELECT source_id FROM ` + r.table + ` WHERE account_id = @account_id AND connection_id = @connection`,
		}
	}
	if err := e.each(ctx, m.args(), `INSERT INTO `+dirty+` `+strings.Join(ids, ` UNION `)); err != nil {
		return err
	}
	if err := e.analyze(ctx, dirty); err != nil {
		return err
	}
	if err := e.each(ctx, m.args(), `INSERT INTO `+meant+` `+strings.ReplaceAll(r.means, `lms_dirty d`, dirty+` d`)); err != nil {
		return err
	}
	if err := e.analyze(ctx, meant); err != nil {
		return err
	}
	columns := names(source.Table{Columns: columnsOf(r.columns)})
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = n." + c
	}
	mine, theirs := "o."+strings.Join(columns, ", o."), "n."+strings.Join(columns, ", n.")
	const there = `o.account_id = @account_id AND o.connection_id = @connection`
	return e.each(ctx, m.args(),
		`DELETE FROM `+r.table+` o USING `+dirty+` d WHERE `+there+` AND o.source_id = d.source_id AND NOT EXISTS (SELECT FROM `+meant+` n WHERE n.source_id = d.source_id)`,
		`UPDATE `+r.table+` o SET `+strings.Join(set, ", ")+`, updated_at = @now FROM `+meant+` n
			WHERE `+there+` AND o.source_id = n.source_id AND (`+mine+`) IS DISTINCT FROM (`+theirs+`)`,
		`INSERT INTO `+r.table+` (account_id, connection_id, source_id, `+strings.Join(columns, ", ")+`, created_at, updated_at)
			SELECT @account_id, @connection, n.source_id, `+theirs+`, @now, @now FROM `+meant+` n
			WHERE NOT EXISTS (SELECT FROM `+r.table+` o WHERE `+there+` AND o.source_id = n.source_id) ORDER BY n.source_id`,
	)
}

// columnsOf reads the names of columns from their declaration.
func columnsOf(declared string) []source.Column {
	var out []source.Column
	for _, c := range strings.Split(declared, ", ") {
		name, kind, _ := strings.Cut(c, " ")
		out = append(out, source.Column{Name: name, Type: source.Type(kind)})
	}
	return out
}
