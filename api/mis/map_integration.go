package mis

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"quad/api/mis/wire"
	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/models"
)

// moodle is the id under which the contract knows the connection that the
// environment sets. Others have their number.
const moodle = "moodle"

func integrationID(c integration.Connection) string {
	if c.Configured() {
		return moodle
	}
	return wire.ID(c.ID)
}

// integrationStatuses are the contract's words for how the last run went.
var integrationStatuses = map[models.ConnectionStatus]string{
	models.ConnectionNew: "disconnected", models.ConnectionOK: "connected", models.ConnectionFailing: "error",
}

func wireIntegration(c integration.Connection) wire.Integration {
	out := wire.Integration{
		ID: integrationID(c), Name: c.Name, Type: "MOODLE", Status: integrationStatuses[c.Status], Enabled: c.Enabled && c.PausedAt == nil,
		Description: "Moodle Learning Management System — syncs users, courses, enrolments and completions", LastSync: wire.OptionalTime(c.LastSyncAt),
	}
	if c.Configured() {
		out.Name = "Moodle LMS"
	}
	if !out.Enabled {
		out.Status = integrationStatuses[models.ConnectionNew]
	}
	out.Config.Host, out.Config.Port, out.Config.Database = place(c.Values)
	return out
}

// place tells where a system is: a database by its parts, web services by their
// address.
func place(values source.Settings) (host string, port int, database string) {
	if address, err := url.Parse(values["url"]); err == nil && values["url"] != "" {
		host = address.Hostname()
		port, err = strconv.Atoi(address.Port())
		if err != nil && address.Scheme == "http" {
			return host, 80, ""
		} else if err != nil {
			return host, 443, ""
		}
		return host, port, ""
	}
	port, err := strconv.Atoi(values["port"])
	switch {
	case err == nil:
	case values["engine"] == "postgres":
		port = 5432
	default:
		port = 3306
	}
	return values["host"], port, values["database"]
}

// took is how long something lasted, as far as it is.
func took(from time.Time, to *time.Time) int64 {
	if to == nil {
		return max(time.Since(from).Milliseconds(), 0)
	}
	return to.Sub(from).Milliseconds()
}

func wireSyncResult(r integration.RunDetail) wire.SyncResult {
	out := wire.SyncResult{Success: true, Message: "Sync completed", RowsProcessed: r.Rows(), DurationMs: took(r.StartedAt, r.EndedAt)}
	switch r.State {
	case models.SyncRunning, models.SyncWaiting:
		out.Message = "Sync in progress"
	case models.SyncFailed:
		out.Success, out.Message = false, "Sync failed"
		if r.Error != nil {
			out.Message += ": " + *r.Error
		}
	case models.SyncCancelled:
		out.Success, out.Message = false, "Sync cancelled"
	}
	return out
}

// runStatuses are the contract's words for runs. One that waits for a
// confirmation is running; a cancelled one has failed.
func runStatus(s models.SyncState) string {
	switch s {
	case models.SyncCompleted:
		return "completed"
	case models.SyncRunning, models.SyncWaiting:
		return "running"
	}
	return "failed"
}

// moodleTables are Moodle's names for the tables of the hub.
var moodleTables = map[string]string{
	source.Users: "user", source.Categories: "course_categories", source.Courses: "course", source.Enrolments: "user_enrolments",
	source.Roles: "role_assignments", source.Activities: "course_modules", source.ActivityStates: "course_modules_completion",
	source.Completions: "course_completions", source.Grades: "grade_grades", source.Quizzes: "quiz", source.QuizAttempts: "quiz_attempts",
	source.Assignments: "assign", source.Submissions: "assign_submission", source.SubmissionMarks: "assign_grades",
	source.Cohorts: "cohort", source.CohortMembers: "cohort_members", source.Awards: "customcert_issues",
}

// wireHistory makes the entries of runs: one for each table, newest run first
// and in it the tables in the order in which they are read; a run without tables
// has one entry of its own. At most so many are given.
func wireHistory(runs []integration.RunDetail, prefix string, most int) []wire.SyncRun {
	out := []wire.SyncRun{}
	for _, r := range runs {
		entry := wire.SyncRun{StartedAt: wire.Time(r.StartedAt), CompletedAt: wire.OptionalTime(r.EndedAt), Status: runStatus(r.State)}
		if len(r.Tables) == 0 {
			entry.ID, entry.Message = historyID(r.ID, ""), wireSyncResult(r).Message
			out = append(out, entry)
		}
		for _, t := range r.Tables {
			n := t.Inserted + t.Updated + t.Unchanged
			e := entry
			e.ID, e.Message = historyID(r.ID, t.Table), "Synced "+strconv.FormatInt(n, 10)+" rows from "+prefix+moodleTables[t.Table]
			switch t.Table {
			case source.Users:
				e.UsersProcessed = &n
			case source.Courses:
				e.CoursesProcessed = &n
			case source.Enrolments:
				e.EnrolmentsProcessed = &n
			}
			out = append(out, e)
		}
		if len(out) >= most {
			return out[:most]
		}
	}
	return out
}

// historyID numbers the entries of a run: its own number, times a hundred, and
// that of the table.
func historyID(run int64, table string) int64 {
	return run*100 + 1 + int64(slices.IndexFunc(source.Tables, func(t source.Table) bool { return t.Name == table }))
}

func wireJobRun(l integration.Load) wire.EtlJobRun {
	end := l.Ended()
	out := wire.EtlJobRun{
		ID: wire.ID(l.ID), StartedAt: wire.Time(l.StartedAt), CompletedAt: wire.OptionalTime(end), Status: "running",
		RowsProcessed: l.Rows(), Errors: l.Faults(),
	}
	if end != nil {
		lasted := took(l.StartedAt, end)
		out.DurationMs, out.Status = &lasted, "completed"
		if len(out.Errors) > 0 {
			out.Status = "failed"
		}
	}
	return out
}
