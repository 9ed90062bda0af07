package enrollment_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/learning/enrollment"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/models"
)

// A link is live: people come and go with the group, and with the tree.
func TestGroupIsFollowed(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.person("ann", models.PossibleRoleEditor), w.person("bob")
	course := w.course("fire", 0)
	w.group("all", "")
	w.group("team", "all")
	w.group("other", "")
	w.join("all", "ann")
	w.join("team", "bob")

	w.link("fire", "all", false)
	require.Equal(t, []string{"ann"}, w.learners("fire"), "whatever the possible roles")
	require.Equal(t, []pair{{ann, course}}, w.heard())
	e := w.enrollment("ann", "fire")
	require.True(t, e.Learner && !e.DirectLearner)
	require.Equal(t, start, e.EnrolledAt.UTC())

	w.link("fire", "all", true)
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))
	require.Equal(t, []pair{{bob, course}}, w.heard())
	w.link("fire", "all", true)
	require.Empty(t, w.heard(), "nothing to change")
	w.link("fire", "all", false)
	require.Equal(t, []string{"ann"}, w.learners("fire"), "ends what came through below only")
	w.link("fire", "all", true)

	w.leave("all", "ann")
	w.join("other", "ann")
	require.Equal(t, []string{"bob"}, w.learners("fire"))
	require.NoError(t, w.groups.AddMember(w.admin, named("team"), named("ann"), true))
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))
	w.heard()

	_, err := w.groups.Update(w.admin, named("team"), group.Change{Parent: input.To(named("other"))})
	require.NoError(t, err)
	require.Empty(t, w.learners("fire"), "the group has moved away")
	require.Equal(t, []pair{{ann, course}, {bob, course}}, w.heard())
	_, err = w.groups.Update(w.admin, named("team"), group.Change{Parent: input.To(named("all"))})
	require.NoError(t, err)
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))

	require.NoError(t, w.groups.Delete(w.admin, named("team")))
	require.Empty(t, w.learners("fire"))
	w.join("all", "ann")
	require.Equal(t, []string{"ann"}, w.learners("fire"))
	require.NoError(t, w.groups.Delete(w.admin, named("all")))
	require.Empty(t, w.learners("fire"), "linked itself")
}

// What ends is what came through a link alone.
func TestOtherReasonsStay(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ann", "bob", "cid"} {
		w.person(name)
	}
	w.course("fire", 0)
	w.course("ethics", 0)
	for _, name := range []string{"one", "two"} {
		w.group(name, "")
		w.join(name, "ann")
		w.link("fire", name, false)
		w.link("ethics", name, false)
	}
	w.join("one", "bob")
	w.join("one", "cid")
	require.NoError(t, w.Assign(w.admin, named("fire"), named("bob"), nil))
	w.heard()
	require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("one")))
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"), "ann by the other group, bob directly")
	require.Equal(t, []string{"ann", "bob", "cid"}, w.learners("ethics"))
	require.Len(t, w.heard(), 1)
	require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("one")), "not linked any more")
	w.leave("one", "bob")
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))
	require.Equal(t, []string{"ann", "cid"}, w.learners("ethics"))

	// An instructor who loses the group stays instructor.
	w.person("dan", models.PossibleRoleInstructor)
	w.join("two", "dan")
	require.NoError(t, w.Assign(w.admin, named("fire"), named("dan"), []models.CourseRole{models.CourseInstructor}))
	before := w.enrollment("dan", "fire")
	w.pass(time.Hour)
	w.leave("two", "dan")
	e := w.enrollment("dan", "fire")
	require.True(t, e.Instructor && !e.Learner)
	require.Nil(t, e.EndedAt)
	require.Equal(t, before.EnrolledAt, e.EnrolledAt)
}

// Who is taken out of a course is not brought back by the group they are in,
// only by joining one anew.
func TestRemovedStayAway(t *testing.T) {
	w := newWorld(t)
	w.person("ann")
	w.person("bob")
	w.course("fire", 0)
	w.group("all", "")
	w.group("team", "all")
	w.group("late", "all")
	w.join("team", "ann")
	w.join("team", "bob")
	w.link("fire", "all", true)
	require.NoError(t, w.Remove(w.admin, named("fire"), named("ann")))
	require.Equal(t, []string{"bob"}, w.learners("fire"))

	w.link("fire", "all", true)
	w.person("cid")
	w.join("team", "cid")
	_, err := w.groups.Update(w.admin, named("team"), group.Change{Parent: input.To(named("late"))})
	require.NoError(t, err)
	w.join("late", "ann")
	require.NoError(t, w.FollowUsers(w.admin, []int64{w.enrollment("ann", "fire").UserID}))
	require.Equal(t, []string{"bob", "cid"}, w.learners("fire"), "the link that was withdrawn is still the same one")

	w.leave("late", "ann")
	w.leave("team", "ann")
	w.join("team", "ann")
	require.Equal(t, []string{"ann", "bob", "cid"}, w.learners("fire"))

	require.NoError(t, w.Remove(w.admin, named("fire"), named("ann")))
	w.group("new", "")
	w.link("fire", "new", false)
	w.join("new", "ann")
	require.Equal(t, []string{"ann", "bob", "cid"}, w.learners("fire"), "another link")

	require.NoError(t, w.Remove(w.admin, named("fire"), named("ann")))
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("new")))
	require.Equal(t, []string{"ann", "bob", "cid"}, w.learners("fire"), "directly")
	require.NoError(t, w.Remove(w.admin, named("fire"), named("bob")))
	require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("all")))
	w.link("fire", "all", true)
	require.Contains(t, w.learners("fire"), "bob", "linked anew")
}

func TestDeletedAndLeaving(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.person("ann"), w.person("bob")
	fire, north := w.course("fire", 0), w.course("north", w.north)
	w.group("all", "")
	for _, name := range []string{"ann", "bob"} {
		w.join("all", name)
		require.NoError(t, w.Assign(w.admin, named("north"), named(name), nil))
	}
	w.link("fire", "all", true)
	w.link("north", "all", true)
	w.exec(`INSERT INTO user_organizations (account_id, user_id, organization_id) SELECT account_id, id, @north FROM users WHERE id = @id`,
		map[string]any{"north": w.north, "id": ann})
	w.heard()
	require.NoError(t, w.people.LeaveSubAccount(w.admin, named("ann"), "North"))
	require.Equal(t, []pair{{ann, north}}, w.heard())
	require.Equal(t, []string{"bob"}, w.learners("north"), "also what a group of the account gave")
	require.Equal(t, []string{"ann", "bob"}, w.learners("fire"))

	require.NoError(t, w.people.DeleteUser(w.admin, bob))
	require.Equal(t, []pair{{bob, fire}, {bob, north}}, w.heard())
	require.Equal(t, []string{"ann"}, w.learners("fire"))
	var left int64
	require.NoError(t, w.db.Query(w.system, &left, `SELECT count(*) FROM enrollment_sources WHERE user_id = @id`, map[string]any{"id": bob}))
	require.Zero(t, left)
	w.link("fire", "all", false)
	require.Equal(t, []string{"ann"}, w.learners("fire"))

	// INACTIVE people stay members and learners.
	_, err := w.people.DeactivateSelected(w.admin, selection(ann))
	require.NoError(t, err)
	require.Equal(t, []string{"ann"}, w.learners("fire"))
}

func TestCourseGone(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann")
	fire := w.course("fire", 0)
	w.course("ethics", 0)
	w.group("all", "")
	w.join("all", "ann")
	w.link("fire", "all", true)
	w.link("ethics", "all", true)
	_, err := w.Report(w.admin, []enrollment.ProgressReport{{User: ref.ByID(ann), Course: named("fire"), Progress: 1}})
	require.NoError(t, err)
	w.heard()
	require.NoError(t, w.db.InTx(w.admin, func(ctx context.Context) error {
		if err := w.CourseGone(ctx, fire); err != nil {
			return err
		}
		_, err := w.db.Exec(ctx, `DELETE FROM courses WHERE account_id = @account_id AND id = @id`, map[string]any{"id": fire})
		return err
	}))
	require.Equal(t, []pair{{ann, fire}}, w.heard())
	require.Empty(t, w.learners("fire"))
	require.Equal(t, []string{"ann"}, w.learners("ethics"))
}

// However many people follow, the number of statements is the same.
func TestFollowIsSetBased(t *testing.T) {
	w := newWorld(t)
	w.course("fire", 0)
	w.group("all", "")
	w.group("team", "all")
	w.exec(`INSERT INTO users (account_id, organization_id, identifier, name)
		SELECT account_id, organization_id, 'p' || i, 'p' FROM (SELECT account_id, id AS organization_id FROM organizations WHERE is_default LIMIT 1) o, generate_series(1, 2000) i`)
	w.exec(`INSERT INTO group_members (account_id, group_id, user_id) SELECT g.account_id, g.id, u.id FROM groups g, users u WHERE g.identifier = 'team'`)
	n := w.statements(func() { w.link("fire", "all", true) })
	require.Equal(t, int64(7), n, "tree, course, group, link, sources, enrolments, audit")
	require.Len(t, w.learners("fire"), 2000)
	require.Len(t, w.heard(), 2000)
	n = w.statements(func() { require.NoError(t, w.UnlinkGroup(w.admin, named("fire"), named("all"))) })
	require.Equal(t, int64(6), n, "tree, course, group, link and sources, enrolments, audit")
	require.Empty(t, w.learners("fire"))
}
