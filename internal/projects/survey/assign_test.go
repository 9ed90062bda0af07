package survey_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

// mails are the rows of the outbox about assignments.
func (w *world) mails() (list []models.Notification) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Conn(w.Context()).Where("template = ?", "form_assigned").Order("id").Find(&list).Error)
	return list
}

func TestPeopleAreAssigned(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "Onboarding")
	a, err := w.Assign(w.manager, v.ID, who(w.user), day("2026-02-15"))
	require.NoError(t, err)
	require.Equal(t, "2026-02-15", a.DueOn.Format("2006-01-02"))
	_, err = w.Assign(w.manager, v.ID, who(w.user), nil)
	require.ErrorIs(t, err, survey.ErrAssigned)
	open, err := w.Assign(w.manager, v.ID, who(w.viewer), nil)
	require.NoError(t, err)
	require.Nil(t, open.DueOn)

	mails := w.mails()
	require.Len(t, mails, 2)
	require.Equal(t, "northuser@example.test", mails[0].Recipient)
	var params map[string]any
	require.NoError(t, json.Unmarshal(mails[0].Params, &params))
	require.Equal(t, "Onboarding", params["form"])
	require.Equal(t, "2026-02-15", params["due"])
	require.NotEmpty(t, params["link"])
	require.Equal(t, who(w.user), *mails[0].UserID)
	events := w.trail("form.assigned")
	require.Len(t, events, 2)
	require.JSONEq(t, fmt.Sprintf(`{"assignmentId": %d, "userId": %d}`, a.ID, who(w.user)), string(events[0].Data))

	// Taken back, it can be given again, with another mail.
	require.NoError(t, w.Unassign(w.orgAdmin, v.ID, a.ID))
	require.ErrorIs(t, w.Unassign(w.orgAdmin, v.ID, a.ID), survey.ErrAssignmentNotFound)
	require.ErrorIs(t, w.Unassign(w.manager, w.make(w.manager, "other").ID, open.ID), survey.ErrAssignmentNotFound)
	_, err = w.Assign(w.manager, v.ID, who(w.user), nil)
	require.NoError(t, err)
	require.Len(t, w.mails(), 3)
	require.Len(t, w.trail("form.unassigned"), 1)
}

func TestWhoCanBeAssigned(t *testing.T) {
	w := newWorld(t)
	v, common := w.make(w.manager, "A"), w.make(w.admin, "common")
	for name, id := range map[string]int64{"another organization": who(w.southUser), "no organization": who(w.loner), "another account": who(w.stranger), "nobody": 0} {
		_, err := w.Assign(w.manager, v.ID, id, nil)
		require.ErrorIs(t, err, people.ErrUserUnknown, name)
		_, err = w.Assign(w.manager, common.ID, id, nil)
		require.ErrorIs(t, err, people.ErrUserUnknown, "%s: before the rights", name)
	}
	_, err := w.Assign(w.admin, v.ID, who(w.stranger), nil)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	for _, id := range []int64{who(w.southUser), who(w.loner)} {
		_, err := w.Assign(w.admin, v.ID, id, nil)
		require.NoError(t, err)
	}

	// Only to an active survey; the rights come first.
	for _, status := range []models.SurveyStatus{models.SurveyDraft, models.SurveyArchived} {
		closed, err := w.Create(w.manager, survey.NewSurvey{Name: "closed", Status: status})
		require.NoError(t, err)
		_, err = w.Assign(w.manager, closed.ID, who(w.user), nil)
		require.ErrorIs(t, err, survey.ErrNotActive)
		_, err = w.Assign(w.southManager, closed.ID, who(w.southUser), nil)
		require.ErrorIs(t, err, survey.ErrNotFound)
	}

	// Who can't sign in gets no mail.
	before := len(w.mails())
	w.exec(`UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": who(w.user)})
	_, err = w.Assign(w.manager, v.ID, who(w.user), nil)
	require.NoError(t, err)
	require.Len(t, w.mails(), before)
}

func TestDeletedPeopleAreNotAskedAnyMore(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	f := w.field(v, "Q", models.FieldText, survey.FieldInput{})
	for _, ctx := range []int64{who(w.user), who(w.viewer)} {
		_, err := w.Assign(w.manager, v.ID, ctx, nil)
		require.NoError(t, err)
	}
	_, err := w.Submit(w.user, v.ID, map[string]any{fmt.Sprint(f.ID): "x"})
	require.NoError(t, err)
	require.NoError(t, w.People.DeleteUser(w.admin, who(w.user)))
	require.Zero(t, w.count(`SELECT count(*) FROM survey_assignments WHERE user_id = @id`, store.Args{"id": who(w.user)}))
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM survey_assignments`, nil))
	list, err := w.Submissions(w.manager, v.ID)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, who(w.user), list[0].UserID)
	_, err = w.Assign(w.manager, v.ID, who(w.user), nil)
	require.ErrorIs(t, err, people.ErrUserUnknown)
	require.NoError(t, w.UsersGone(w.Context()))
}
