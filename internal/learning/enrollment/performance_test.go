package enrollment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

var noWindow = store.Window{}

func of(course, user string) enrollment.PerformanceFilter {
	return enrollment.PerformanceFilter{Course: named(course), User: named(user)}
}

// performance lists "user course progress" of what a filter names.
func (w *world) performance(f enrollment.PerformanceFilter) []string {
	w.t.Helper()
	rows, err := w.ListPerformance(w.admin, f, noWindow)
	require.NoError(w.t, err)
	count, last, err := w.CountPerformance(w.admin, f)
	require.NoError(w.t, err)
	require.EqualValues(w.t, len(rows), count)
	out := []string{}
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.UserIdentifier, " ", r.CourseIdentifier, " ", r.Progress))
	}
	if len(rows) > 0 {
		require.Equal(w.t, store.Place{At: rows[len(rows)-1].CreatedAt.UTC(), ID: rows[len(rows)-1].ID}, last)
	} else {
		require.Zero(w.t, last)
	}
	return out
}

func TestPerformance(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ann", "bob", "cid"} {
		w.person(name, models.PossibleRoleLearner, models.PossibleRoleInstructor)
	}
	native := w.person("native")
	w.exec(`UPDATE users SET identifier = NULL WHERE identifier = 'native'`)
	w.course("fire", 0)
	w.course("news", 0)
	w.course("north", w.north)
	closing := w.course("closing", w.closed)
	for _, enrol := range []struct{ user, course string }{{"ann", "fire"}, {"bob", "fire"}, {"ann", "news"}, {"ann", "north"}} {
		w.pass(time.Minute)
		require.NoError(t, w.Assign(w.admin, named(enrol.course), named(enrol.user), nil))
	}
	require.NoError(t, w.Assign(w.admin, named("fire"), ref.ByID(native), nil))
	require.NoError(t, w.Assign(w.admin, ref.ByID(closing), named("ann"), nil))
	require.NoError(t, w.Assign(w.admin, named("fire"), named("cid"), []models.CourseRole{models.CourseInstructor}))
	w.pass(time.Minute)
	_, err := w.Report(w.admin, []enrollment.ProgressReport{{User: named("ann"), Course: named("fire"), Progress: 100, Score: ptr(92.25)}})
	require.NoError(t, err)

	require.Equal(t, []string{"ann fire 100", "bob fire 0"}, w.performance(of("fire", "")))
	require.Equal(t, []string{"ann fire 100", "ann news 0", "ann north 0"}, w.performance(of("", "ann")))
	require.Equal(t, []string{"ann fire 100"}, w.performance(of("fire", "ann")))
	require.Empty(t, w.performance(of("news", "bob")), "not enrolled")
	require.Empty(t, w.performance(of("", "cid")), "an instructor")
	require.Empty(t, w.performance(enrollment.PerformanceFilter{User: ref.ByID(native)}))
	rows, err := w.ListPerformance(w.admin, of("fire", "ann"), noWindow)
	require.NoError(t, err)
	require.Equal(t, "The fire", rows[0].CourseName)
	require.Equal(t, ptr(92.25), rows[0].Score)
	require.Equal(t, w.clock(), rows[0].FirstCompletedAt.UTC())

	n, err := w.CountLearners(w.admin, named("fire"))
	require.NoError(t, err)
	require.EqualValues(t, 3, n, "also those without an identifier")
	require.NoError(t, w.Remove(w.admin, named("fire"), named("bob")))
	require.Equal(t, []string{"ann fire 100"}, w.performance(of("fire", "")))

	for f, want := range map[enrollment.PerformanceFilter]error{
		{}:                       enrollment.ErrNothingNamed,
		of("nothing", ""):        learning.ErrCourseUnknown,
		of("closing", ""):        learning.ErrCourseUnknown,
		of("nothing", "ann"):     learning.ErrCourseUnknown,
		of("", "nobody"):         people.ErrUserUnknown,
		of("fire", "nobody"):     people.ErrUserUnknown,
		of("fire\x00", ""):       learning.ErrCourseUnknown,
		of("", "\xff"):           people.ErrUserUnknown,
		{Course: ref.ByID(-1)}:   learning.ErrCourseUnknown,
		{User: ref.ByID(12_345)}: people.ErrUserUnknown,
	} {
		_, err := w.ListPerformance(w.admin, f, noWindow)
		require.ErrorIs(t, err, want, "%+v", f)
		_, _, err = w.CountPerformance(w.admin, f)
		require.ErrorIs(t, err, want, "%+v", f)
	}
	_, err = w.ListPerformance(w.foreign, of("fire", ""), noWindow)
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
}

// Pages follow each other without gaps, at one statement each.
func TestPerformancePages(t *testing.T) {
	w := newWorld(t)
	w.crowd(25)
	_, last, err := w.CountPerformance(w.admin, of("fire", ""))
	require.NoError(t, err)
	var seen []string
	var after *store.Place
	for {
		var rows []enrollment.Performance
		n := w.statements(func() {
			rows, err = w.ListPerformance(w.admin, of("fire", ""), store.Window{After: after, Until: &last, Limit: 10})
			require.NoError(t, err)
		})
		require.Equal(t, int64(1), n)
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			seen = append(seen, r.UserIdentifier)
		}
		end := rows[len(rows)-1]
		after = &store.Place{At: end.CreatedAt, ID: end.ID}
		w.person(fmt.Sprint("late", len(seen)))
		require.NoError(t, w.Assign(w.admin, named("fire"), named(fmt.Sprint("late", len(seen))), nil))
	}
	require.Len(t, seen, 25)
	require.Equal(t, "p1", seen[0])
	require.Equal(t, "p25", seen[24])
	require.Equal(t, int64(1), w.statements(func() {
		_, _, err := w.CountPerformance(w.admin, of("fire", ""))
		require.NoError(t, err)
	}))
	require.Equal(t, int64(1), w.statements(func() {
		_, err := w.CountLearners(w.admin, named("fire"))
		require.NoError(t, err)
	}))
}

// crowd makes n people p1 … pn who learn in the course "fire".
func (w *world) crowd(n int) {
	w.t.Helper()
	w.course("fire", 0)
	w.exec(`INSERT INTO users (account_id, organization_id, identifier, name)
		SELECT account_id, id, 'p' || i, 'p' FROM (SELECT account_id, id FROM organizations WHERE id = @home) o, generate_series(1, @n) i`,
		store.Args{"home": w.home, "n": n})
	w.exec(`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, created_at)
		SELECT u.account_id, c.id, u.id, true, true, CAST(@start AS timestamptz) + u.id / 7 * interval '1 second' FROM users u, courses c
		WHERE u.identifier LIKE 'p%' AND c.identifier = 'fire' ORDER BY u.id`, store.Args{"start": start})
}
