package enrollment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestListLearners(t *testing.T) {
	w := newWorld(t)
	w.crowd(25)
	w.course("empty", 0)
	w.exec(`UPDATE users SET identifier = NULL WHERE identifier = 'p3'`)
	var names []string
	for after := int64(0); ; {
		var page []enrollment.Member
		var next int64
		require.Equal(t, int64(1), w.statements(func() {
			var err error
			page, next, err = w.ListLearners(w.admin, named("fire"), after, 10)
			require.NoError(t, err)
		}))
		for _, m := range page {
			require.Equal(t, "fire", m.CourseIdentifier)
			require.True(t, m.Learner)
			if m.UserIdentifier == nil {
				names = append(names, "native")
				continue
			}
			names = append(names, *m.UserIdentifier)
		}
		if after = next; after == 0 {
			break
		}
	}
	require.Len(t, names, 25)
	require.Equal(t, []string{"p1", "p2", "native"}, names[:3])
	require.Equal(t, "p25", names[24])
	page, next, err := w.ListLearners(w.admin, named("empty"), 0, 10)
	require.NoError(t, err)
	require.Empty(t, page)
	require.Zero(t, next)
	_, _, err = w.ListLearners(w.admin, named("nothing"), 0, 10)
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	_, _, err = w.ListLearners(w.foreign, named("fire"), 0, 10)
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
}

func TestMyEnrollments(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann")
	w.person("bob")
	closed := w.course("closed", w.closed)
	for _, course := range []string{"a", "b", "c"} {
		w.course(course, 0)
		w.pass(time.Minute)
		for _, user := range []string{"ann", "bob"} {
			require.NoError(t, w.Assign(w.admin, named(course), named(user), nil))
		}
	}
	require.NoError(t, w.Assign(w.admin, ref.ByID(closed), named("ann"), nil))
	require.NoError(t, w.Remove(w.admin, named("b"), named("ann")))
	account, _ := store.AccountID(w.admin)
	me := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: account, UserID: ann})
	page, next, err := w.MyEnrollments(me, 0, 1)
	require.NoError(t, err)
	require.Equal(t, "a", page[0].CourseIdentifier)
	page, last, err := w.MyEnrollments(me, next, 1)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, "c", page[0].CourseIdentifier)
	require.Zero(t, last)
	_, _, err = w.MyEnrollments(w.admin, 0, 1)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, _, err = w.MyEnrollments(t.Context(), 0, 1)
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func TestReportOne(t *testing.T) {
	w := newWorld(t)
	w.person("ann")
	w.person("bob")
	w.course("fire", 0)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	w.pass(time.Hour)
	m, verdict, err := w.ReportOne(w.admin, scored(on("ann", "fire", 100), 9))
	require.NoError(t, err)
	require.Equal(t, enrollment.VerdictApplied, verdict)
	require.Equal(t, []any{100, ptr(9.0), "ann", "The fire"}, []any{m.Progress, m.Score, *m.UserIdentifier, m.CourseName})
	m, verdict, err = w.ReportOne(w.admin, at(on("ann", "fire", 5), start))
	require.NoError(t, err)
	require.Equal(t, enrollment.VerdictStale, verdict)
	require.Equal(t, 100, m.Progress)
	for report, want := range map[enrollment.ProgressReport]error{
		on("nobody", "fire", 1): people.ErrUserUnknown, on("ann", "nothing", 1): learning.ErrCourseUnknown, on("bob", "fire", 1): enrollment.ErrUnknown,
	} {
		_, _, err := w.ReportOne(w.admin, report)
		require.ErrorIs(t, err, want)
	}
}
