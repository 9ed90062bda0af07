package enrollment_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

// taught makes a person what a learning system says of them in a course.
func (w *world) taught(user, course string, learner, instructor bool) {
	w.t.Helper()
	w.exec(`INSERT INTO enrollments (account_id, user_id, course_id, lms_learner, lms_instructor, learner, instructor)
		SELECT u.account_id, u.id, c.id, @learner, @instructor, @learner, @instructor FROM users u, courses c WHERE u.identifier = @user AND c.identifier = @course`,
		store.Args{"user": user, "course": course, "learner": learner, "instructor": instructor})
}

// What a learning system says of a person holds beside groups.
func TestLearningSystemHolds(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ann", "tea"} {
		w.person(name)
	}
	w.course("fire", 0)
	w.taught("ann", "fire", true, false)
	w.taught("tea", "fire", false, true)
	w.group("all", "")
	w.join("all", "ann")
	w.join("all", "tea")
	w.link("fire", "all", false)
	require.Equal(t, []string{"ann", "tea"}, w.learners("fire"))
	require.Len(t, w.heard(), 1, "ann learned there already")
	require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("all")))
	require.Equal(t, []string{"ann"}, w.learners("fire"), "the group is gone, the learning system is not")
	e := w.enrollment("ann", "fire")
	require.True(t, e.LMSLearner && e.Learner && !e.DirectLearner)
	e = w.enrollment("tea", "fire")
	require.True(t, e.LMSInstructor && e.Instructor && !e.Learner)
	require.Nil(t, e.EndedAt)
}

// Who is taken out of a course stays out, whatever the learning system says.
func TestTakenOutOfLearningSystemsCourse(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ann", "bob"} {
		w.person(name)
	}
	w.course("fire", 0)
	w.taught("ann", "fire", true, true)
	require.NoError(t, w.Remove(w.admin, named("fire"), named("ann")))
	e := w.enrollment("ann", "fire")
	require.True(t, e.LMSWithdrawn)
	require.False(t, e.LMSLearner || e.LMSInstructor || e.Learner || e.Instructor)
	require.NotNil(t, e.EndedAt)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), []models.CourseRole{models.CourseLearner}))
	e = w.enrollment("ann", "fire")
	require.True(t, e.LMSWithdrawn && e.DirectLearner && e.Learner, "directly")
	require.NoError(t, w.Assign(w.admin, named("fire"), named("bob"), nil))
	require.NoError(t, w.Remove(w.admin, named("fire"), named("bob")))
	require.False(t, w.enrollment("bob", "fire").LMSWithdrawn, "no learning system said anything of bob")
}
