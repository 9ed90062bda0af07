package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"quad/internal/integration/source"
)

// Why rows that the connector gave are not in the hub, in SQL: the text is null
// for those that are. In it t is the row, u its user, k its user if the hub has
// taken them, f the first user with the address, c, q, a, v and h are course,
// quiz, assignment, activity and cohort that it names, x is the course t if the hub
// has taken it. Whatever a reason asks is joined: a subquery in it would be run for
// each row.
var reasonsOf = map[string]string{
	source.Users: `CASE WHEN t.deleted THEN '` + string(ReasonDeletedUser) + `'
		WHEN f.source_id < t.source_id THEN '` + string(ReasonDuplicateEmail) + `'
		WHEN k.source_id IS NULL THEN '` + string(ReasonLoginTaken) + `' END`,
	source.Courses:        `CASE WHEN x.source_id IS NULL THEN '` + string(ReasonIdentifier) + `' END`,
	source.Enrolments:     `CASE ` + ofUser + ofCourse + ` END`,
	source.Roles:          `CASE ` + ofUser + ofCourse + ` END`,
	source.Completions:    `CASE ` + ofUser + ofCourse + ` END`,
	source.Grades:         `CASE ` + ofUser + ofCourse + ` END`,
	source.Activities:     `CASE ` + ofCourse + ` END`,
	source.ActivityStates: `CASE ` + ofUser + ` WHEN v.source_id IS NULL THEN '` + string(ReasonActivity) + `' END`,
	source.Quizzes:        `CASE ` + ofCourse + ` END`,
	source.QuizAttempts: `CASE ` + ofUser + ` WHEN q.source_id IS NULL THEN '` + string(ReasonQuizUnknown) + `'
		WHEN coalesce(t.started_at, t.finished_at) IS NULL THEN '` + string(ReasonNoTime) + `' END`,
	source.Assignments: `CASE ` + ofCourse + ` END`,
	source.Submissions: `CASE WHEN t.user_id IS NULL THEN '` + string(ReasonTeam) + `' ` + ofUser + ` WHEN a.source_id IS NULL THEN '` + string(ReasonAssignment) + `'
		WHEN t.handed_in AND coalesce(t.handed_in_at, t.started_at) IS NULL THEN '` + string(ReasonNoTime) + `' END`,
	source.SubmissionMarks: `CASE ` + ofUser + ` WHEN a.source_id IS NULL THEN '` + string(ReasonAssignment) + `' END`,
	source.CohortMembers:   `CASE ` + ofUser + ` WHEN h.source_id IS NULL THEN '` + string(ReasonCohortUnknown) + `' END`,
	source.Awards:          `CASE ` + ofUser + ` WHEN t.issued_at IS NULL THEN '` + string(ReasonNoTime) + `' END`,
}

const (
	ofUser = ` WHEN u.source_id IS NULL THEN '` + string(ReasonUserUnknown) + `' WHEN u.deleted THEN '` + string(ReasonUserDeleted) + `'
		WHEN k.source_id IS NULL THEN '` + string(ReasonUserNotTaken) + `'`
	ofCourse = ` WHEN c.source_id IS NULL THEN '` + string(ReasonCourseUnknown) + `'`
)

// joined are the joins that a reason may name, by what it names them.
var joined = []struct{ alias, table, join string }{
	{"u", source.Users, `LEFT JOIN {users} u ON u.source_id = t.user_id`},
	{"k", source.Users, `LEFT JOIN {taken} k ON k.source_id = t.{user}`},
	{"f", source.Users, `LEFT JOIN (SELECT email, min(source_id) AS source_id FROM {users} y WHERE NOT deleted AND email IS NOT NULL GROUP BY email) f ON f.email = t.email`},
	{"c", source.Courses, `LEFT JOIN {courses} c ON c.source_id = t.course_id`},
	{"x", source.Courses, `LEFT JOIN {taught} x ON x.source_id = t.source_id`},
	{"v", source.Activities, `LEFT JOIN {activities} v ON v.source_id = t.activity_id`},
	{"q", source.Quizzes, `LEFT JOIN {quizzes} q ON q.source_id = t.quiz_id`},
	{"a", source.Assignments, `LEFT JOIN {assignments} a ON a.source_id = t.assignment_id`},
	{"h", source.Cohorts, `LEFT JOIN {cohorts} h ON h.source_id = t.cohort_id`},
}

// mirrors says where the rows of the system are: in the mirror, or, before the
// merge, partly in staging.
type mirrors struct {
	table  func(t source.Table) string // in SQL, rows with their columns
	taken  string                      // in SQL, the ids of users who are people of the hub
	taught string                      // in SQL, the ids of courses that are courses of the hub
}

// mirrored says where the rows are after the merge.
var mirrored = mirrors{
	table: func(t source.Table) string {
		return `(SELECT * FROM ` + mirrorOf(t.Name) + ` WHERE account_id = @account_id AND connection_id = @connection)`
	},
	taken: `(SELECT l.source_id FROM lms_people l JOIN users p ON p.id = l.user_id AND p.status <> 'DELETED'
		WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.source_id IS NOT NULL)`,
	taught: `(SELECT source_id FROM courses WHERE account_id = @account_id AND connection_id = @connection)`,
}

// planned says where the rows are that a run that was staged would merge.
func planned(r Run, row runRow) mirrors {
	return mirrors{
		table: func(t source.Table) string {
			if !r.has(t.Name) {
				return mirrored.table(t)
			}
			staged := `SELECT source_id, ` + list(t, "") + ` FROM ` + stageOf(t.Name) + ` WHERE account_id = @account_id AND run_id = @run`
			if row.MirroredAt == nil {
				return `(` + staged + `)`
			}
			return `(` + staged + `
				UNION ALL SELECT m.source_id, ` + list(t, "m.") + ` FROM ` + mirrorOf(t.Name) + ` m WHERE m.account_id = @account_id AND m.connection_id = @connection
					AND NOT EXISTS (SELECT FROM ` + spansOf(t.Name) + ` r WHERE m.source_id > r.first_id AND m.source_id <= r.last_id))`
		},
		taken: `(SELECT min(source_id) AS source_id FROM {users} y WHERE NOT deleted AND email IS NOT NULL GROUP BY email
			UNION ALL SELECT source_id FROM {users} y WHERE NOT deleted AND email IS NULL)`,
		taught: `{courses}`,
	}
}

// fill puts tables into the text of a reason.
func (s mirrors) fill(t source.Table, text string) string {
	user := "user_id"
	if t.Name == source.Users {
		user = "source_id"
	}
	text = strings.NewReplacer("{taken}", s.taken, "{user}", user, "{taught}", s.taught).Replace(text)
	for _, other := range source.Tables {
		if name := "{" + other.Name + "}"; strings.Contains(text, name) {
			text = strings.ReplaceAll(text, name, s.table(other))
		}
	}
	return text
}

// reasons adds to counts why the hub does not have rows that the system has. What
// nothing has changed about is as the run before found it.
func (e *Engine) reasons(ctx context.Context, r Run, row runRow, changed changes, counts []Counts, in mirrors) error {
	var before []Counts
	if row.MirroredAt != nil && !r.Full {
		var last int64
		if err := e.db.Query(ctx, &last, `SELECT id FROM sync_runs WHERE account_id = @account_id AND connection_id = @connection AND merged_at >= @since
			ORDER BY merged_at DESC, id DESC LIMIT 1`, with(r.args(), "since", *row.MirroredAt)); err != nil {
			return err
		}
		var err error
		if before, err = e.stored(ctx, last); err != nil {
			return err
		}
	}
	for i := range counts {
		t, _ := source.TableOf(counts[i].Table)
		reason, ok := reasonsOf[t.Name]
		if !ok {
			continue
		}
		from, dependsOn := "", []string{t.Name}
		for _, j := range joined {
			if strings.Contains(reason, " "+j.alias+".") {
				from, dependsOn = from+" "+j.join, append(dependsOn, j.table)
			}
		}
		last := slices.IndexFunc(before, func(c Counts) bool { return c.Table == t.Name })
		if last >= 0 && !slices.ContainsFunc(dependsOn, func(table string) bool { return changed[table] > 0 }) {
			for why, s := range before[last].Skipped {
				if hubs(why) {
					counts[i].Skipped = addSkipped(counts[i].Skipped, why, s)
				}
			}
			continue
		}
		var found []struct {
			Reason  source.Reason
			Count   int64
			Samples pq.Int64Array `gorm:"type:bigint[]"`
		}
		text := `SELECT reason, count(*) AS count, (array_agg(source_id ORDER BY source_id))[1:` + fmt.Sprint(source.MaxSamples) + `] AS samples
			FROM (SELECT t.source_id, ` + reason + ` AS reason FROM {` + t.Name + `} t` + from + `) r WHERE reason IS NOT NULL GROUP BY reason`
		if err := e.db.Query(ctx, &found, in.fill(t, text), r.args()); err != nil {
			return fmt.Errorf("skipped %s: %w", t.Name, err)
		}
		for _, f := range found {
			counts[i].Skipped = addSkipped(counts[i].Skipped, f.Reason, source.Skipped{Count: f.Count, Samples: f.Samples})
		}
	}
	return nil
}

// hubs tells whether a reason is the hub's, not a connector's.
func hubs(r source.Reason) bool {
	switch r {
	case source.ReasonGuest, source.ReasonFrontPage, source.ReasonPreview, source.ReasonBadValue, source.ReasonNoSubject, source.ReasonNotShown,
		source.ReasonTimeUnknown:
		return false
	}
	return true
}

// stored gives what a run before has done, in the order of the tables.
func (e *Engine) stored(ctx context.Context, run int64) ([]Counts, error) {
	var rows []struct {
		TableName                                   string
		Read, Inserted, Updated, Unchanged, Deleted int64
		Skipped                                     []byte
	}
	if err := e.db.Query(ctx, &rows, `SELECT table_name, read, inserted, updated, unchanged, deleted, skipped FROM sync_run_tables
		WHERE account_id = @account_id AND run_id = @run`, map[string]any{"run": run}); err != nil {
		return nil, err
	}
	var out []Counts
	for _, t := range source.Tables {
		for _, row := range rows {
			if row.TableName != t.Name {
				continue
			}
			c := Counts{Table: t.Name, Read: row.Read, Inserted: row.Inserted, Updated: row.Updated, Unchanged: row.Unchanged, Deleted: row.Deleted}
			if err := json.Unmarshal(row.Skipped, &c.Skipped); err != nil {
				return nil, fmt.Errorf("mirror: skipped rows: %w", err)
			}
			if len(c.Skipped) == 0 {
				c.Skipped = nil
			}
			out = append(out, c)
		}
	}
	return out, nil
}
