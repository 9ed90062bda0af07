package moodledb

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

// view reads values of rows by the names of their columns.
type view struct {
	table source.Table
	rows  []source.Row
}

func (c content) of(t *testing.T, name string) view {
	t.Helper()
	table, ok := source.TableOf(name)
	require.True(t, ok)
	return view{table, c.rows}
}

func (v view) value(r source.Row, column string) any { return r.Values[v.table.Index(column)] }
func (v view) id(r source.Row, column string) int64  { id, _ := v.value(r, column).(int64); return id }
func (v view) is(r source.Row, column string) bool   { return v.value(r, column).(bool) }

// pair is a person and a course, an activity or another thing.
type pair struct{ user, thing int64 }

// count computes the numbers of truth.json that follow from what is read, in
// the plainest way.
func count(t *testing.T, all map[string]content, now time.Time) map[string]float64 {
	t.Helper()
	n := map[string]float64{}
	of := func(name string) view { return all[name].of(t, name) }

	real := map[int64]bool{}
	users := of(source.Users)
	for _, r := range users.rows {
		if users.is(r, "deleted") {
			n["users_deleted"]++
			continue
		}
		real[r.ID] = true
		n["users_real"]++
		if users.is(r, "can_sign_in") {
			n["users_can_login"]++
		}
	}
	course := map[int64]bool{}
	courses := of(source.Courses)
	for _, r := range courses.rows {
		course[r.ID] = true
		n["courses_real"]++
		if courses.is(r, "visible") {
			n["courses_visible"]++
		}
	}
	learner := map[pair]bool{}
	roles := of(source.Roles)
	for _, r := range roles.rows {
		if roles.is(r, "learner") {
			learner[pair{roles.id(r, "user_id"), roles.id(r, "course_id")}] = true
		}
	}
	enrolled, active := map[pair]bool{}, map[pair]bool{}
	enrolments := of(source.Enrolments)
	for _, r := range enrolments.rows {
		p := pair{enrolments.id(r, "user_id"), enrolments.id(r, "course_id")}
		if !real[p.user] || !course[p.thing] {
			continue
		}
		enrolled[p] = true
		start, starts := enrolments.value(r, "starts_at").(time.Time)
		end, ends := enrolments.value(r, "ends_at").(time.Time)
		if enrolments.is(r, "active") && (!starts || start.Before(now)) && (!ends || end.After(now)) {
			active[p] = true
		}
	}
	n["pairs_enrolled"], n["pairs_active"] = float64(len(enrolled)), float64(len(active))
	for p := range active {
		if learner[p] {
			n["learners_active"]++
		}
	}
	countResults(n, of, real, course, active)

	cohort := map[int64]bool{}
	for _, r := range of(source.Cohorts).rows {
		cohort[r.ID] = true
	}
	members := of(source.CohortMembers)
	for _, r := range members.rows {
		if real[members.id(r, "user_id")] && cohort[members.id(r, "cohort_id")] {
			n["cohort_members_real"]++
		}
	}
	awards := of(source.Awards)
	for _, r := range awards.rows {
		end, ends := awards.value(r, "expires_at").(time.Time)
		if awards.value(r, "kind") == "badge" && real[awards.id(r, "user_id")] && (!ends || end.After(now)) {
			n["badges_valid"]++
		}
	}
	return n
}

// countResults counts what people have reached.
func countResults(n map[string]float64, of func(string) view, real, course map[int64]bool, active map[pair]bool) {
	completions := of(source.Completions)
	for _, r := range completions.rows {
		p := pair{completions.id(r, "user_id"), completions.id(r, "course_id")}
		if completions.value(r, "completed_at") == nil || !real[p.user] || !course[p.thing] {
			continue
		}
		n["completed"]++
		if active[p] {
			n["completed_active"]++
		}
	}
	activity := map[int64]bool{}
	for _, r := range of(source.Activities).rows {
		activity[r.ID] = true
	}
	states := of(source.ActivityStates)
	for _, r := range states.rows {
		if states.is(r, "done") && real[states.id(r, "user_id")] && activity[states.id(r, "activity_id")] {
			n["activities_completed"]++
		}
	}
	grades := of(source.Grades)
	for _, r := range grades.rows {
		if percent, ok := grades.value(r, "percent").(float64); ok && real[grades.id(r, "user_id")] {
			n["course_totals"]++
			n["course_total_percent_sum"] += percent
		}
	}
	points := map[int64]float64{}
	quizzes := of(source.Quizzes)
	for _, r := range quizzes.rows {
		points[r.ID], _ = quizzes.value(r, "max_points").(float64)
	}
	attempts := of(source.QuizAttempts)
	for _, r := range attempts.rows {
		highest, known := points[attempts.id(r, "quiz_id")]
		if !known || !attempts.is(r, "finished") || !real[attempts.id(r, "user_id")] {
			continue
		}
		n["attempts_finished"]++
		if reached, ok := attempts.value(r, "points").(float64); ok && highest > 0 {
			n["attempt_percent_sum"] += reached * 100 / highest
		}
	}
	assignment := map[int64]bool{}
	for _, r := range of(source.Assignments).rows {
		assignment[r.ID] = true
	}
	submissions := of(source.Submissions)
	for _, r := range submissions.rows {
		team := submissions.value(r, "user_id") == nil
		if submissions.is(r, "latest") && submissions.is(r, "handed_in") && assignment[submissions.id(r, "assignment_id")] &&
			(team || real[submissions.id(r, "user_id")]) {
			n["submitted_latest"]++
		}
	}
}

// counted are the numbers that count gives.
var counted = []string{
	"users_real", "users_deleted", "users_can_login", "courses_real", "courses_visible", "pairs_enrolled", "pairs_active", "learners_active",
	"completed", "completed_active", "activities_completed", "course_totals", "course_total_percent_sum", "attempts_finished",
	"attempt_percent_sum", "submitted_latest", "cohort_members_real", "badges_valid",
}

// requireTruth holds what is read to what is right.
func requireTruth(t *testing.T, all map[string]content, truth moodletest.Truth) {
	t.Helper()
	got := count(t, all, truth.Now)
	for _, name := range counted {
		want, known := truth.Count[name]
		require.True(t, known, name)
		require.InDelta(t, want, got[name], 1e-6*max(1, want), name)
	}
}

// requireTyped holds the values to the types of their columns.
func requireTyped(t *testing.T, all map[string]content) {
	t.Helper()
	for _, table := range source.Tables {
		for _, r := range all[table.Name].rows {
			for i, c := range table.Columns {
				if r.Values[i] == nil {
					require.True(t, c.Nullable, "%s.%s of %d", table.Name, c.Name, r.ID)
					continue
				}
				want := map[source.Type]any{source.Int: int64(0), source.Float: 0.0, source.Text: "", source.Bool: false, source.Time: time.Time{}}[c.Type]
				require.IsType(t, want, r.Values[i], "%s.%s of %d", table.Name, c.Name, r.ID)
			}
		}
	}
}

// The counts that are right come out before and after a day of changes, and
// both servers give the same rows.
func TestCountsAreTheTruth(t *testing.T) {
	for seed := 1; seed <= moodletest.Seeds; seed++ {
		engines := bothEngines
		if seed > 1 {
			engines = bothEngines[seed%2 : seed%2+1]
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			var first []map[string]content
			for _, engine := range engines {
				site := moodletest.Load(t, engine, seed)
				s := connect(t, site.Settings)
				before := readAll(t, look(t, s))
				requireTyped(t, before)
				requireTruth(t, before, site.Truth())
				require.Positive(t, before[source.Users].skipped[source.ReasonGuest])
				require.Equal(t, int64(1), before[source.Courses].skipped[source.ReasonFrontPage])
				require.Equal(t, int64(1), before[source.Enrolments].skipped[source.ReasonNoSubject], "an enrolment without its method")
				require.Positive(t, before[source.QuizAttempts].skipped[source.ReasonPreview])
				require.Positive(t, before[source.Awards].skipped[source.ReasonNoSubject])

				site.Mutate(t)
				after := readAll(t, look(t, s))
				requireTyped(t, after)
				requireTruth(t, after, site.TruthAfter())
				if first == nil {
					first = []map[string]content{before, after}
				} else {
					require.Equal(t, first, []map[string]content{before, after})
				}
			}
		})
	}
}
