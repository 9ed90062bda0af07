package projects_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people"
	"quad/internal/projects"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

func TestPeopleAreAssignedOnce(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P")
	a := w.activity(p, "A", "2024-02-01")
	made, err := w.Assign(w.manager, p.ID, a.ID, w.userPerson.ID)
	require.NoError(t, err)
	require.Equal(t, a.ID, made.ActivityID)
	require.Equal(t, w.userPerson.ID, made.UserID)
	require.False(t, made.AssignedAt.IsZero())
	_, err = w.Assign(w.root, p.ID, a.ID, w.userPerson.ID)
	require.ErrorIs(t, err, projects.ErrAssigned)
	require.EqualValues(t, 1, w.events("activity.assigned", a.ID))
	require.EqualValues(t, 1, w.mails(), "one mail, in the transaction of the assignment")

	_, err = w.Assign(w.both, p.ID, a.ID, w.bothPerson.ID)
	require.NoError(t, err, "a member of another organization too, of this one as well")
	for name, id := range map[string]int64{
		"of an organization that the manager is not in": w.southPerson.ID, "of none": w.lonerPerson.ID, "of one that is switched off": w.closedPerson.ID,
		"of another account": w.foreigner.ID, "unknown": 1 << 40, "no id": 0,
	} {
		_, err := w.Assign(w.manager, p.ID, a.ID, id)
		require.ErrorIs(t, err, people.ErrUserUnknown, name)
	}
	for name, person := range map[string]hubtest.Person{"south": w.southPerson, "loner": w.lonerPerson, "closed": w.closedPerson} {
		_, err := w.Assign(w.root, p.ID, a.ID, person.ID)
		require.NoError(t, err, "%s, by who sees all", name)
	}
	_, err = w.Assign(w.root, p.ID, a.ID, w.foreigner.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown)

	require.NoError(t, w.Unassign(w.manager, p.ID, made.ID))
	require.ErrorIs(t, w.Unassign(w.manager, p.ID, made.ID), projects.ErrAssignmentUnknown)
	require.EqualValues(t, 1, w.events("activity.unassigned", a.ID))
	again, err := w.Assign(w.manager, p.ID, a.ID, w.userPerson.ID)
	require.NoError(t, err)
	require.NotEqual(t, made.ID, again.ID)
}

func (w *world) mails() int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM notifications WHERE template = 'activity_assigned'`, nil)
}

func TestDeletedPeopleAreOnNoActivity(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "P")
	a, b := w.activity(p, "A", "2024-02-01"), w.activity(p, "B", "2024-02-01")
	for _, activity := range []models.Activity{a, b} {
		w.assign(activity, w.userPerson)
		w.assign(activity, w.bothPerson)
	}
	require.NoError(t, w.People.DeleteUser(w.root, w.userPerson.ID))
	require.EqualValues(t, 2, w.count(`SELECT count(*) FROM activity_assignments`, nil))
	require.EqualValues(t, 2, w.count(`SELECT count(*) FROM activity_assignments WHERE user_id = @id`, store.Args{"id": w.bothPerson.ID}))
	_, err := w.Assign(w.root, p.ID, a.ID, w.userPerson.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	require.NoError(t, w.UsersGone(w.root), "nobody")
}

func TestTheMailTellsWhatIsSoWhenItIsSent(t *testing.T) {
	w := newWorld(t)
	p := w.project(w.manager, "Old name")
	a := w.activity(p, "Planting", "2024-02-01")
	kept := w.assign(a, w.userPerson)
	require.NoError(t, w.Unassign(w.root, p.ID, w.assign(a, w.bothPerson).ID))
	require.NoError(t, w.DeleteActivity(w.root, p.ID, func() int64 {
		b := w.activity(p, "B", "2024-02-01")
		w.assign(b, w.southPerson)
		return b.ID
	}()))
	w.exec(`UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.closedPerson.ID})
	w.assign(a, w.closedPerson)
	require.EqualValues(t, 3, w.mails(), "who is switched off is not told")
	_, err := w.Update(w.manager, p.ID, projects.Change{Name: to("Trees")})
	require.NoError(t, err)

	w.StartWorker(worker.Run)
	var mail inbox.Message
	hubtest.Eventually(t, "the mail about the activity", func() bool {
		all := w.Inbox.Messages(inbox.Filter{To: w.userPerson.Email, Limit: 10})
		i := slices.IndexFunc(all, func(m inbox.Message) bool { return m.Subject == "You are on the activity Planting" })
		if i >= 0 {
			mail = all[i]
		}
		return i >= 0
	})
	for _, part := range []string{"Hello northuser", "activity Planting of the project Trees", "starts on 1 February 2024", w.Config.API.PublicURL} {
		require.Contains(t, mail.Text, part)
	}
	require.Contains(t, mail.HTML, "<strong>Planting</strong>")
	hubtest.Eventually(t, "the mails without reason to be dropped", func() bool {
		return w.count(`SELECT count(*) FROM notifications WHERE template = 'activity_assigned' AND state = 'cancelled'`, nil) == 2
	})
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM notifications WHERE template = 'activity_assigned' AND state = 'sent' AND event_key = 'activity_assignment/' || CAST(@id AS bigint)`,
		store.Args{"id": kept.ID}))
}
