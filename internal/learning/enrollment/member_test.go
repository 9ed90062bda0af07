package enrollment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/models"
)

func TestAssign(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann", models.PossibleRoleLearner, models.PossibleRoleInstructor)
	bob := w.person("bob") // none: counts as a learner
	course := w.course("fire", 0)
	assign := func(user string, roles ...models.CourseRole) error {
		return w.Assign(w.admin, named("fire"), named(user), roles)
	}

	require.NoError(t, assign("ann"))
	require.Equal(t, []pair{{ann, course}}, w.heard())
	e := w.enrollment("ann", "fire")
	require.True(t, e.Learner && e.DirectLearner && !e.Instructor)
	require.Equal(t, start, e.EnrolledAt.UTC())
	require.Nil(t, e.EndedAt)

	w.pass(time.Hour)
	require.NoError(t, assign("ann", models.CourseInstructor), "roles add up")
	require.Empty(t, w.heard(), "ann learned there already")
	e = w.enrollment("ann", "fire")
	require.True(t, e.Learner && e.Instructor && e.DirectInstructor)
	require.Equal(t, start, e.EnrolledAt.UTC())
	require.NoError(t, assign("ann", models.CourseInstructor, models.CourseLearner))
	require.Equal(t, e, w.enrollment("ann", "fire"), "nothing to change")

	require.ErrorIs(t, assign("bob", models.CourseInstructor), enrollment.ErrRole)
	require.ErrorIs(t, assign("bob", models.CourseLearner, models.CourseInstructor), enrollment.ErrRole)
	require.Zero(t, w.enrollment("bob", "fire"))
	require.NoError(t, assign("bob", models.CourseLearner))
	require.Equal(t, []pair{{bob, course}}, w.heard())
	require.LessOrEqual(t, w.statements(func() { require.NoError(t, assign("bob")) }), int64(5), "person, tree, course, roles, enrolment")
}

// An enrolment that ends keeps what was achieved, and goes on with it.
func TestRemoveAndReturn(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann")
	course := w.course("fire", 0)
	at := func(what func() error) {
		t.Helper()
		w.pass(time.Hour)
		require.NoError(t, what())
	}
	at(func() error { return w.Assign(w.admin, named("fire"), named("ann"), nil) })
	at(func() error {
		_, err := w.Report(w.admin, []enrollment.ProgressReport{{User: named("ann"), Course: named("fire"), Progress: 40, Score: ptr(7.0)}})
		return err
	})
	w.heard()
	at(func() error { return w.Remove(w.admin, named("fire"), named("ann")) })
	require.Equal(t, []pair{{ann, course}}, w.heard())
	e := w.enrollment("ann", "fire")
	require.False(t, e.Learner || e.DirectLearner)
	require.Equal(t, start.Add(3*time.Hour), e.EndedAt.UTC())
	require.Equal(t, 40, e.Progress)
	at(func() error { return w.Remove(w.admin, named("fire"), named("ann")) })
	require.Empty(t, w.heard(), "who is no member stays so")
	at(func() error { return w.Assign(w.admin, named("fire"), named("ann"), nil) })
	again := w.enrollment("ann", "fire")
	require.Equal(t, e.ID, again.ID)
	require.Equal(t, e.CreatedAt, again.CreatedAt)
	require.Equal(t, start.Add(5*time.Hour), again.EnrolledAt.UTC())
	require.Equal(t, 40, again.Progress)
	require.Equal(t, ptr(7.0), again.Score)
}

func TestUnknownEnds(t *testing.T) {
	w := newWorld(t)
	w.person("ann")
	w.person("gone")
	w.course("fire", 0)
	closed := w.course("closed", w.closed)
	w.exec(`UPDATE users SET status = 'DELETED' WHERE identifier = 'gone'`)
	w.exec(`INSERT INTO courses (account_id, identifier, name, type, master) SELECT account_id, 'master', 'Master', 'COURSE', true FROM courses WHERE identifier = 'fire'`)
	w.group("all", "")
	for _, course := range []string{"nothing", "closed", "master", ""} {
		require.ErrorIs(t, w.Assign(w.admin, named(course), named("ann"), nil), learning.ErrCourseUnknown, course)
		require.ErrorIs(t, w.Remove(w.admin, named(course), named("ann")), learning.ErrCourseUnknown, course)
		require.ErrorIs(t, w.LinkGroup(w.admin, named(course), named("all"), false), learning.ErrCourseUnknown, course)
		require.ErrorIs(t, w.UnlinkGroup(w.admin, named(course), named("all")), learning.ErrCourseUnknown, course)
		require.ErrorIs(t, w.ForceComplete(w.admin, named(course), named("ann")), learning.ErrCourseUnknown, course)
		_, err := w.CountLearners(w.admin, named(course))
		require.ErrorIs(t, err, learning.ErrCourseUnknown, course)
	}
	for _, user := range []string{"nobody", "gone", "ANN", ""} {
		require.ErrorIs(t, w.Assign(w.admin, named("fire"), named(user), nil), people.ErrUserUnknown, user)
		require.ErrorIs(t, w.Remove(w.admin, named("fire"), named(user)), people.ErrUserUnknown, user)
		require.ErrorIs(t, w.ForceComplete(w.admin, named("fire"), named(user)), people.ErrUserUnknown, user)
	}
	require.ErrorIs(t, w.LinkGroup(w.admin, named("fire"), named("nothing"), false), group.ErrUnknown)
	require.ErrorIs(t, w.UnlinkGroup(w.admin, named("fire"), named("nothing")), group.ErrUnknown)
	require.ErrorIs(t, w.Assign(w.foreign, named("fire"), named("ann"), nil), people.ErrUserUnknown, "another account's does not exist")
	require.NoError(t, w.Assign(w.admin, ref.ByID(closed), named("ann"), nil), "the hub's own administrators still see it")

	learner := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: 1, UserID: 5, Roles: []string{models.RoleOrgAdmin}})
	require.ErrorIs(t, w.Assign(learner, named("fire"), named("ann"), nil), models.ErrForbidden)
	require.ErrorIs(t, w.LinkGroup(learner, named("fire"), named("all"), true), models.ErrForbidden)
	_, err := w.Report(learner, []enrollment.ProgressReport{{}})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.ListPerformance(learner, enrollment.PerformanceFilter{Course: named("fire")}, noWindow)
	require.ErrorIs(t, err, models.ErrForbidden)
}

func TestEnrolMany(t *testing.T) {
	w := newWorld(t)
	ann, bob, cid := w.person("ann"), w.person("bob"), w.person("cid", models.PossibleRoleEditor)
	course := w.course("fire", 0)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("bob"), nil))
	w.heard()
	var verdicts []enrollment.EnrolVerdict
	enrol := func(users ...ref.Ref) {
		t.Helper()
		var err error
		verdicts, err = w.Enrol(w.admin, ref.ByID(course), users)
		require.NoError(t, err)
	}
	n := w.statements(func() {
		enrol(named("bob"), ref.ByID(ann), named("nobody"), named("cid"), named("ann"), ref.ByID(-1), ref.Ref{})
	})
	require.Equal(t, int64(6), n, "people, tree, course, roles, enrolments, audit")
	require.Equal(t, []enrollment.EnrolVerdict{
		{bob, enrollment.VerdictUnchanged}, {ann, enrollment.VerdictApplied}, {0, enrollment.VerdictUnknownUser}, {cid, enrollment.VerdictRole},
		{ann, enrollment.VerdictDuplicate}, {0, enrollment.VerdictUnknownUser}, {0, enrollment.VerdictUnknownUser},
	}, verdicts)
	require.Equal(t, []pair{{ann, course}}, w.heard())
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))
	enrol(named("nobody"))
	require.Equal(t, []enrollment.EnrolVerdict{{0, enrollment.VerdictUnknownUser}}, verdicts)
	_, err := w.Enrol(w.admin, ref.ByID(course), nil)
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	_, err = w.Enrol(w.admin, ref.ByID(course), make([]ref.Ref, enrollment.MaxBatch+1))
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	_, err = w.Enrol(w.admin, ref.ByID(course+1), []ref.Ref{named("ann")})
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
}
