package survey_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

// atOnce runs do n times at the same moment, each with its number, and gives the
// errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestOneOfManyAssigns(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	won := 0
	for _, err := range atOnce(50, func(int) error { _, err := w.Assign(w.manager, v.ID, who(w.user), nil); return err }) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, survey.ErrAssigned)
	}
	require.Equal(t, 1, won)
	require.Len(t, w.mails(), 1)
	require.Len(t, w.trail("form.assigned"), 1)
}

func TestManyFieldsEachHaveAPlace(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	w.exec(`INSERT INTO survey_fields (account_id, survey_id, name, type, position) SELECT @account, @id, 'Q', 'text', n FROM generate_series(0, @n) n`,
		store.Args{"account": v.AccountID, "id": v.ID, "n": models.MaxSurveyFields - 41})
	full := 0
	for _, err := range atOnce(50, func(i int) error {
		_, err := w.AddField(w.manager, v.ID, survey.FieldInput{Name: ptr(fmt.Sprint(i)), Type: ptr(models.FieldText)})
		return err
	}) {
		if err != nil {
			require.ErrorIs(t, err, survey.ErrFull)
			full++
		}
	}
	require.Equal(t, 10, full)
	got, err := w.Get(w.manager, v.ID)
	require.NoError(t, err)
	for i, f := range got.Fields {
		require.Equal(t, i, f.Position, "one place each")
	}
	require.Len(t, got.Fields, models.MaxSurveyFields)
}

// Of many who switch a survey at once, each is told what is true in some order:
// archived and active again follow each other in the trail.
func TestManyTransitions(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	to := []models.SurveyStatus{models.SurveyArchived, models.SurveyActive, models.SurveyDraft}
	for i, err := range atOnce(50, func(i int) error {
		_, err := w.Update(w.manager, v.ID, survey.Change{Status: &to[i%3]})
		return err
	}) {
		if to[i%3] == models.SurveyDraft {
			require.ErrorIs(t, err, survey.ErrTransition)
		} else {
			require.NoError(t, err)
		}
	}
	now := models.SurveyActive
	for _, e := range w.trail("form.updated") {
		next := map[models.SurveyStatus]models.SurveyStatus{models.SurveyActive: models.SurveyArchived, models.SurveyArchived: models.SurveyActive}[now]
		require.JSONEq(t, fmt.Sprintf(`{"name": "A", "from": %q, "to": %q}`, now, next), string(e.Data))
		now = next
	}
	got, err := w.Get(w.manager, v.ID)
	require.NoError(t, err)
	require.Equal(t, now, got.Status)
}

// A submission beside changes of the fields is held against all of a change or
// nothing of it: what is stored fits the fields as they were before or after.
func TestSubmissionsBesideChanges(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	f := w.field(v, "Q", models.FieldText, survey.FieldInput{})
	id := fmt.Sprint(f.ID)
	for _, err := range atOnce(50, func(i int) error {
		if i%5 == 0 {
			to := []models.FieldType{models.FieldText, models.FieldNumber}[i/5%2]
			_, err := w.UpdateField(w.manager, v.ID, f.ID, survey.FieldInput{Type: &to})
			return err
		}
		_, err := w.Submit(w.user, v.ID, map[string]any{id: []string{"text", "12"}[i%2]})
		if models.KindOf(err) == models.KindInvalid {
			return nil
		}
		return err
	}) {
		require.NoError(t, err)
	}
	got, err := w.Get(w.manager, v.ID)
	require.NoError(t, err)
	_, err = w.Submit(w.user, v.ID, map[string]any{id: "text"})
	require.Equal(t, got.Fields[0].Type == models.FieldText, err == nil, "the last change holds")

	// And one that deletes: nothing is handed in afterwards, nobody is assigned.
	handedIn := func() int64 {
		return w.count(`SELECT count(*) FROM survey_submissions WHERE survey_id = @id`, store.Args{"id": v.ID})
	}
	before, taken := handedIn(), int64(0)
	for i, err := range atOnce(41, func(i int) error {
		switch {
		case i == 20:
			return w.Delete(w.manager, v.ID)
		case i%2 == 0:
			_, err := w.Assign(w.manager, v.ID, who([]context.Context{w.user, w.viewer, w.orgAdmin}[i%3]), nil)
			return err
		}
		_, err := w.Submit(w.user, v.ID, map[string]any{id: "12"})
		return err
	}) {
		switch {
		case i == 20:
			require.NoError(t, err)
		case err == nil && i%2 == 1:
			taken++
		case err != nil:
			require.Contains(t, []models.Kind{models.KindNotFound, models.KindConflict}, models.KindOf(err), "%v", err)
		}
	}
	require.Equal(t, before+taken, handedIn())
	require.Zero(t, w.count(`SELECT count(*) FROM survey_assignments WHERE survey_id = @id`, store.Args{"id": v.ID}))
}

// People who are deleted while they are assigned are not assigned afterwards,
// and nobody waits for each other.
func TestPeopleDeletedWhileAssigned(t *testing.T) {
	w := newWorld(t)
	surveys := []models.Survey{w.make(w.manager, "A"), w.make(w.manager, "B"), w.make(w.manager, "C")}
	var ids []int64
	for i := range 8 {
		ids = append(ids, w.NewPerson(0, w.north.ID, fmt.Sprint("p", i), models.RoleUser).ID)
	}
	for _, err := range atOnce(8*4, func(i int) error {
		if i%4 == 3 {
			return w.People.DeleteUser(w.admin, ids[i/4])
		}
		_, err := w.Assign(w.manager, surveys[i%4].ID, ids[i/4], nil)
		return err
	}) {
		if err != nil {
			require.Equal(t, models.KindNotFound, models.KindOf(err), "%v", err)
		}
	}
	require.Zero(t, w.count(`SELECT count(*) FROM survey_assignments`, nil))
}

func TestStatements(t *testing.T) {
	w := newWorld(t)
	var v models.Survey
	var f models.SurveyField
	var a models.SurveyAssignment
	var err error
	// Most with one for the reach, which a request has for nothing.
	for _, c := range []struct {
		name string
		most int64
		do   func() error
	}{
		{"create", 3, func() error { v, err = w.Create(w.manager, survey.NewSurvey{Name: "A"}); return err }},
		{"add field", 4, func() error {
			f, err = w.AddField(w.manager, v.ID, survey.FieldInput{Name: ptr("Q"), Type: ptr(models.FieldText)})
			return err
		}},
		{"update field", 5, func() error {
			_, err := w.UpdateField(w.manager, v.ID, f.ID, survey.FieldInput{Name: ptr("R")})
			return err
		}},
		{"update", 5, func() error { _, err := w.Update(w.manager, v.ID, survey.Change{Name: ptr("B")}); return err }},
		{"get", 3, func() error { _, err := w.Get(w.user, v.ID); return err }},
		{"list", 2, func() error { _, _, err := w.List(w.user, 0, 0); return err }},
		{"assign", 7, func() error { a, err = w.Assign(w.manager, v.ID, who(w.user), nil); return err }},
		{"submit", 5, func() error { _, err := w.Submit(w.user, v.ID, map[string]any{fmt.Sprint(f.ID): "x"}); return err }},
		{"submissions", 3, func() error { _, err := w.Submissions(w.viewer, v.ID); return err }},
		{"stats", 1, func() error { _, err := w.OwnStats(w.user); return err }},
		{"unassign", 5, func() error { return w.Unassign(w.manager, v.ID, a.ID) }},
		{"duplicate", 4, func() error { _, err := w.Duplicate(w.manager, v.ID); return err }},
		{"delete field", 5, func() error { return w.DeleteField(w.manager, v.ID, f.ID) }},
		{"delete", 4, func() error { return w.Delete(w.manager, v.ID) }},
	} {
		before := w.DB.Statements()
		require.NoError(t, c.do(), c.name)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most, c.name)
	}
}
