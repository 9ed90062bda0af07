package moodlews

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/integration/source/moodletest/wsserver"
)

// lines are rows as texts, in order: what they are, whatever their keys.
type lines []string

func (l *lines) add(values ...any) { *l = append(*l, fmt.Sprintf("%v", values)) }

// differences are those of two sets of lines.
func differences(want, got lines) (out []string) {
	for _, l := range want {
		if !slices.Contains(got, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}

// knowledge is what the database says beside the rows, to judge what web
// services can tell.
type knowledge struct {
	t        *testing.T
	server   *wsserver.Server
	db       map[string]content
	real     map[int64]bool    // users that are not deleted: confirmed or not
	courses  map[int64]bool    // tracked or not
	enrolled map[[2]int64]bool // user and course: active or not
	learner  map[[2]int64]bool
	courseOf map[string]map[int64]int64
	untimed  int64 // completions whose time is not told
}

func knowing(t *testing.T, server *wsserver.Server, db map[string]content, now time.Time) *knowledge {
	k := &knowledge{t: t, server: server, db: db, real: map[int64]bool{}, courses: map[int64]bool{}, enrolled: map[[2]int64]bool{}, learner: map[[2]int64]bool{},
		courseOf: map[string]map[int64]int64{}}
	users, courses, enrolments, roles := db[source.Users], db[source.Courses], db[source.Enrolments], db[source.Roles]
	for _, r := range users.rows {
		if !users.is(r, "deleted") {
			k.real[r.ID] = users.is(r, "confirmed")
		}
	}
	for _, r := range courses.rows {
		k.courses[r.ID] = courses.is(r, "tracks_completion")
	}
	for _, r := range enrolments.rows {
		p := [2]int64{enrolments.id(r, "user_id"), enrolments.id(r, "course_id")}
		_, isUser := k.real[p[0]]
		_, isCourse := k.courses[p[1]]
		if !isUser || !isCourse {
			continue
		}
		start, starts := enrolments.value(r, "starts_at").(time.Time)
		end, ends := enrolments.value(r, "ends_at").(time.Time)
		k.enrolled[p] = k.enrolled[p] || enrolments.is(r, "active") && (!starts || start.Before(now)) && (!ends || end.After(now))
	}
	for _, r := range roles.rows {
		if roles.is(r, "learner") {
			k.learner[[2]int64{roles.id(r, "user_id"), roles.id(r, "course_id")}] = true
		}
	}
	for _, table := range []string{source.Activities, source.Quizzes, source.Assignments} {
		k.courseOf[table] = map[int64]int64{}
		for _, r := range db[table].rows {
			if _, ok := k.courses[db[table].id(r, "course_id")]; ok {
				k.courseOf[table][r.ID] = db[table].id(r, "course_id")
			}
		}
	}
	return k
}

// in tells whether somebody who can be asked about is enrolled in a course.
func (k *knowledge) in(user, course int64) bool {
	_, enrolled := k.enrolled[[2]int64{user, course}]
	return enrolled && k.real[user]
}

// lower gives the second of two ids in a key.
func lower(key int64) int64 { return key & (1<<pairKeys.low - 1) }

// expected is what web services tell of a table, from what the database has, and
// what they do tell; both without keys.
func (k *knowledge) expected(table string, ws content) (want, got lines) {
	c := k.db[table]
	going := k.server.Numbers("SELECT id FROM mdl_course_modules WHERE deletioninprogress = 1")
	off := k.server.Numbers("SELECT id FROM mdl_course_modules WHERE completion = 0")
	open := k.server.Numbers("SELECT id FROM mdl_course_modules_completion WHERE completionstate = 0")
	criteria := k.server.Numbers("SELECT course FROM mdl_course_completion_criteria")
	timed := k.server.Numbers("SELECT c.id FROM mdl_course_completions c JOIN mdl_course_completion_crit_compl d ON d.userid = c.userid AND d.course = c.course AND d.timecompleted = c.timecompleted")
	public := k.server.Numbers("SELECT id FROM mdl_badge_issued WHERE visible = 1")
	teams := k.server.Numbers("SELECT id FROM mdl_assign WHERE teamsubmission = 1 AND markingworkflow = 1")
	everybody := k.server.Numbers("SELECT id FROM mdl_user")
	for _, r := range ws.rows {
		v := slices.Clone(r.Values)
		switch table {
		case source.Users, source.Categories, source.Courses, source.Cohorts:
			got.add(r.ID, v)
		case source.Activities, source.Quizzes, source.Assignments:
			require.Equal(k.t, ws.id(r, "course_id"), r.ID>>pairKeys.low)
			got.add(lower(r.ID), v)
		case source.ActivityStates:
			v[1] = lower(v[1].(int64))
			got.add(v)
		case source.QuizAttempts:
			v[0] = lower(v[0].(int64))
			got.add(r.ID&(1<<attemptKeys.low-1), v)
		case source.Submissions, source.SubmissionMarks:
			v[0] = lower(v[0].(int64))
			if table == source.SubmissionMarks && teams[v[0].(int64)] {
				v[3], v[4] = nil, nil
			}
			got.add(v)
		default:
			got.add(v)
		}
	}
	latest := map[[2]int64]int64{}
	for _, r := range k.db[source.SubmissionMarks].rows {
		p := [2]int64{r.Values[0].(int64), r.Values[1].(int64)}
		latest[p] = max(latest[p], r.Values[2].(int64))
	}
	for _, r := range c.rows {
		v := slices.Clone(r.Values)
		user, course := int64(0), int64(0)
		if c.table.Index("user_id") >= 0 {
			user = c.id(r, "user_id")
		}
		if c.table.Index("course_id") >= 0 {
			course = c.id(r, "course_id")
		}
		_, isCourse := k.courses[course]
		_, isUser := k.real[user]
		switch table {
		case source.Users:
			if v[c.table.Index("created_at")] = nil; !c.is(r, "deleted") {
				want.add(r.ID, v)
			}
		case source.Categories, source.Courses, source.Cohorts:
			want.add(r.ID, v)
		case source.Enrolments:
			if isUser && isCourse {
				want.add([]any{user, course, "", k.enrolled[[2]int64{user, course}], nil, nil, nil})
			}
		case source.Roles:
			if _, ok := k.enrolled[[2]int64{user, course}]; ok {
				want.add(v)
			}
		case source.Activities:
			if isCourse && !going[r.ID] {
				want.add(r.ID, v)
			}
		case source.Quizzes:
			if v[3] = nil; isCourse {
				want.add(r.ID, v)
			}
		case source.Assignments:
			if isCourse {
				want.add(r.ID, v)
			}
		case source.ActivityStates:
			of := k.courseOf[source.Activities][c.id(r, "activity_id")]
			if k.courses[of] && k.in(user, of) && !open[r.ID] && !off[c.id(r, "activity_id")] && !going[c.id(r, "activity_id")] {
				want.add(v)
			}
		case source.Completions:
			if k.courses[course] && criteria[course] && k.in(user, course) && k.enrolled[[2]int64{user, course}] && v[2] != nil {
				if timed[r.ID] {
					want.add(v)
				} else {
					k.untimed++
				}
			}
		case source.Grades:
			_, in := k.enrolled[[2]int64{user, course}]
			if in && k.learner[[2]int64{user, course}] && v[2] != nil {
				want.add(v)
			}
		case source.QuizAttempts:
			if k.in(user, k.courseOf[source.Quizzes][c.id(r, "quiz_id")]) {
				want.add(r.ID, v)
			}
		case source.Submissions:
			if k.courseOf[source.Assignments][c.id(r, "assignment_id")] > 0 && c.is(r, "latest") {
				want.add(v)
			}
		case source.SubmissionMarks:
			p := [2]int64{c.id(r, "assignment_id"), user}
			if teams[p[0]] { // whose grade is released is told only of who has handed in alone
				v[3], v[4] = nil, nil
			}
			if k.courseOf[source.Assignments][p[0]] > 0 && latest[p] == c.id(r, "attempt_no") {
				want.add(v)
			}
		case source.CohortMembers:
			there := slices.ContainsFunc(k.db[source.Cohorts].rows, func(o source.Row) bool { return o.ID == c.id(r, "cohort_id") })
			if isUser && there {
				want.add(v)
			}
		case source.Awards:
			switch c.value(r, "origin") {
			case "badge":
				if k.real[user] && public[r.ID/4] {
					want.add(v)
				}
			case "customcert":
				if everybody[user] && isCourse {
					want.add(v)
				}
			}
		}
	}
	return want, got
}

// Rows are those that moodle-db reads from the same site, as far as web services
// tell of them, before and after a day of changes.
func TestRowsAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	site, server := moodleOf(t, 1)
	untimed := int64(0)
	compare := func(truth moodletest.Truth, limit int) {
		server.SetNow(truth.Now)
		db := database(t, site)
		ws := readAll(t, look(t, New(), server.Settings()), limit)
		k := knowing(t, server, db, truth.Now)
		for _, table := range source.Tables {
			want, got := k.expected(table.Name, ws[table.Name])
			require.NotEmpty(t, want, table.Name)
			require.Empty(t, strings.Join(differences(want, got), "\n"), table.Name)
			require.Len(t, got, len(ws[table.Name].rows))
		}
		require.Positive(t, ws[source.Users].skipped[source.ReasonGuest])
		require.Equal(t, int64(1), ws[source.Courses].skipped[source.ReasonFrontPage])
		require.Equal(t, k.untimed, ws[source.Completions].skipped[source.ReasonTimeUnknown])
		untimed += k.untimed
	}
	compare(site.Truth(), 5000)
	site.Mutate(t)
	compare(site.TruthAfter(), 70)
	require.Positive(t, untimed)
	require.LessOrEqual(t, server.Most(), parallel)
	requireStrict(t, server)
}

// The server that tests read is as strict as Moodle is.
func requireStrict(t *testing.T, server *wsserver.Server) {
	t.Helper()
	set, err := parse(server.Settings())
	require.NoError(t, err)
	c := newClient(set, options())
	defer c.http.CloseIdleConnections()
	for _, wrong := range []struct {
		function string
		params   url.Values
		code     string
	}{
		{fnAssignments, url.Values{"courseids[0]": {"2"}, "includenotenrolledcourses": {"true"}}, "invalidparameter"},
		{fnAssignments, url.Values{"courseids": {"2"}}, "invalidparameter"},
		{fnAssignments, url.Values{"courses[0]": {"2"}}, "invalidparameter"},
		{fnContents, url.Values{"courseid": {"999999"}}, "invalidrecord"},
		{"core_no_such_function", nil, "invalidrecord"},
	} {
		err := c.call(t.Context(), wrong.function, wrong.params, func(a *answer) error { return a.object(nil) })
		require.True(t, isFault(err, wrong.code), "%s: %v", wrong.function, err)
	}
}
