package survey_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

func TestWhoSeesWhichSurveys(t *testing.T) {
	w := newWorld(t)
	common := w.make(w.admin, "common")
	north, south := w.make(w.manager, "north"), w.make(w.southManager, "south")
	require.Nil(t, common.OrganizationID)
	require.Equal(t, w.north.ID, *north.OrganizationID)
	require.Equal(t, models.SurveyActive, north.Status)

	require.Equal(t, []string{"south", "north", "common"}, w.sees(w.admin))
	require.Equal(t, []string{"north", "common"}, w.sees(w.user))
	require.Equal(t, []string{"south", "common"}, w.sees(w.southUser))
	require.Equal(t, []string{"common"}, w.sees(w.loner))
	require.Empty(t, w.sees(w.stranger))
	for name, hidden := range map[string]func() error{
		"another organization": func() error { _, err := w.Get(w.user, south.ID); return err },
		"no organization":      func() error { _, err := w.Get(w.loner, north.ID); return err },
		"another account":      func() error { _, err := w.Get(w.stranger, common.ID); return err },
		"nothing":              func() error { _, err := w.Get(w.admin, 0); return err },
	} {
		require.ErrorIs(t, hidden(), survey.ErrNotFound, name)
	}

	// Who is assigned sees a survey of an organization that they are no member of.
	a, err := w.Assign(w.admin, south.ID, who(w.user), nil)
	require.NoError(t, err)
	_, err = w.Assign(w.admin, south.ID, who(w.loner), nil)
	require.NoError(t, err)
	_, err = w.Assign(w.admin, north.ID, who(w.user), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"south", "north", "common"}, w.sees(w.user))
	require.Equal(t, []string{"south", "common"}, w.sees(w.loner))

	// An organization that is not ACTIVE is out of reach, for who is assigned too.
	w.exec(`UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.south.ID})
	require.Equal(t, []string{"north", "common"}, w.sees(w.user))
	require.Equal(t, []string{"common"}, w.sees(w.southUser))
	_, err = w.Get(w.user, south.ID)
	require.ErrorIs(t, err, survey.ErrNotFound)
	require.Len(t, w.sees(w.admin), 3)
	w.exec(`UPDATE organizations SET status = 'ACTIVE' WHERE id = @id`, store.Args{"id": w.south.ID})

	require.NoError(t, w.Unassign(w.southManager, south.ID, a.ID))
	require.Equal(t, []string{"north", "common"}, w.sees(w.user))
}

func TestWhoMakesAndChangesSurveys(t *testing.T) {
	w := newWorld(t)
	common, north := w.make(w.admin, "common"), w.make(w.manager, "north")
	_, err := w.Assign(w.manager, north.ID, who(w.user), nil)
	require.NoError(t, err)
	f := w.field(north, "Q", models.FieldText, survey.FieldInput{})
	a, err := w.Assign(w.admin, north.ID, who(w.southManager), nil) // who sees it from now on
	require.NoError(t, err)

	// Roles, then reach, then rights.
	changes := map[string]func(ctx context.Context, v models.Survey) error{
		"update": func(ctx context.Context, v models.Survey) error {
			_, err := w.Update(ctx, v.ID, survey.Change{})
			return err
		},
		"delete":    func(ctx context.Context, v models.Survey) error { return w.Delete(ctx, v.ID) },
		"duplicate": func(ctx context.Context, v models.Survey) error { _, err := w.Duplicate(ctx, v.ID); return err },
		"add field": func(ctx context.Context, v models.Survey) error {
			_, err := w.AddField(ctx, v.ID, survey.FieldInput{Name: ptr("x"), Type: ptr(models.FieldText)})
			return err
		},
		"update field": func(ctx context.Context, v models.Survey) error {
			_, err := w.UpdateField(ctx, v.ID, f.ID, survey.FieldInput{})
			return err
		},
		"delete field": func(ctx context.Context, v models.Survey) error { return w.DeleteField(ctx, v.ID, f.ID) },
		"assign": func(ctx context.Context, v models.Survey) error {
			_, err := w.Assign(ctx, v.ID, who(ctx), nil)
			return err
		},
		"unassign": func(ctx context.Context, v models.Survey) error { return w.Unassign(ctx, v.ID, a.ID) },
	}
	for name, change := range changes {
		for _, ctx := range []context.Context{w.user, w.viewer, w.loner} {
			require.ErrorIs(t, change(ctx, north), models.ErrForbidden, name)
		}
		require.ErrorIs(t, change(w.lonelyManager, north), survey.ErrNotFound, name)
		require.ErrorIs(t, change(w.stranger, north), survey.ErrNotFound, name)
		require.ErrorIs(t, change(w.southManager, north), models.ErrForbidden, "%s: assigned, but not a member", name)
		if name != "update field" && name != "delete field" && name != "unassign" {
			require.ErrorIs(t, change(w.manager, common), models.ErrForbidden, "%s: of no organization", name)
		}
		require.ErrorIs(t, change(w.Context(), north), models.ErrUnauthenticated, name)
	}
	require.Equal(t, []string{"north", "common"}, w.sees(w.admin), "nothing was changed")
	require.Equal(t, []string{"Q"}, w.order(north))
	for _, ctx := range []context.Context{w.admin, w.orgAdmin, w.manager} {
		_, err := w.Update(ctx, north.ID, survey.Change{Description: ptr(fmt.Sprint(who(ctx)))})
		require.NoError(t, err)
	}

	// Whose a new one is.
	for _, ctx := range []context.Context{w.user, w.viewer} {
		_, err := w.Create(ctx, survey.NewSurvey{Name: "x"})
		require.ErrorIs(t, err, models.ErrForbidden)
	}
	_, err = w.Create(w.lonelyManager, survey.NewSurvey{Name: "x"})
	require.ErrorIs(t, err, models.ErrForbidden, "a manager of nothing")
	_, err = w.Create(w.manager, survey.NewSurvey{Name: "x", OrganizationID: &w.south.ID})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Create(w.admin, survey.NewSurvey{Name: "x", OrganizationID: ptr(int64(999_999))})
	require.ErrorIs(t, err, people.ErrOrganizationUnknown)
	made, err := w.Create(w.admin, survey.NewSurvey{Name: "x", OrganizationID: &w.south.ID, Status: models.SurveyDraft, Description: "d"})
	require.NoError(t, err)
	require.Equal(t, w.south.ID, *made.OrganizationID)
	require.Equal(t, models.SurveyDraft, made.Status)
}

func TestSurveyIsChanged(t *testing.T) {
	w := newWorld(t)
	v, err := w.Create(w.manager, survey.NewSurvey{Name: "A", Status: models.SurveyDraft})
	require.NoError(t, err)
	for _, same := range []survey.Change{{}, {Name: ptr("A"), Status: ptr(models.SurveyDraft), Description: ptr("")}} {
		unchanged, err := w.Update(w.manager, v.ID, same)
		require.NoError(t, err)
		require.True(t, v.UpdatedAt.Equal(unchanged.UpdatedAt))
	}
	require.Empty(t, w.trail("form.updated"))

	changed, err := w.Update(w.manager, v.ID, survey.Change{Name: ptr(" B\t"), Description: ptr("d"), Status: ptr(models.SurveyActive)})
	require.NoError(t, err)
	require.True(t, changed.UpdatedAt.After(v.UpdatedAt))
	read, err := w.Get(w.user, v.ID)
	require.NoError(t, err)
	require.True(t, read.UpdatedAt.Equal(changed.UpdatedAt))
	changed.UpdatedAt = read.UpdatedAt
	require.Equal(t, changed, read)
	require.True(t, read.CreatedAt.Equal(v.CreatedAt))
	require.Equal(t, models.Survey{
		ID: v.ID, AccountID: v.AccountID, OrganizationID: v.OrganizationID, Name: "B", Description: "d", Status: models.SurveyActive,
		CreatedAt: read.CreatedAt, UpdatedAt: changed.UpdatedAt,
	}, read.Survey)

	_, err = w.Update(w.manager, v.ID, survey.Change{Name: ptr("C"), Status: ptr(models.SurveyDraft)})
	require.ErrorIs(t, err, survey.ErrTransition)
	require.ErrorContains(t, err, "form cannot go from active to draft")
	read, err = w.Get(w.user, v.ID)
	require.NoError(t, err)
	require.Equal(t, "B", read.Name, "all or nothing")

	events := w.trail("form.updated")
	require.Len(t, events, 1)
	require.Equal(t, v.ID, events[0].SubjectID)
	require.Equal(t, w.north.ID, *events[0].OrganizationID)
	require.JSONEq(t, `{"name": "B", "from": "draft", "to": "active"}`, string(events[0].Data))
}

func TestDeletedSurveyLeavesItsSubmissions(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	f := w.field(v, "Q", models.FieldText, survey.FieldInput{})
	a, err := w.Assign(w.manager, v.ID, who(w.user), nil)
	require.NoError(t, err)
	_, err = w.Submit(w.user, v.ID, map[string]any{fmt.Sprint(f.ID): "x"})
	require.NoError(t, err)
	n, err := w.CountOf(w.admin, w.north.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	require.NoError(t, w.Delete(w.orgAdmin, v.ID))
	for name, gone := range map[string]func() error{
		"delete":       func() error { return w.Delete(w.orgAdmin, v.ID) },
		"get":          func() error { _, err := w.Get(w.admin, v.ID); return err },
		"update":       func() error { _, err := w.Update(w.admin, v.ID, survey.Change{}); return err },
		"duplicate":    func() error { _, err := w.Duplicate(w.admin, v.ID); return err },
		"submissions":  func() error { _, err := w.Submissions(w.admin, v.ID); return err },
		"submit":       func() error { _, err := w.Submit(w.user, v.ID, nil); return err },
		"assign":       func() error { _, err := w.Assign(w.admin, v.ID, who(w.user), nil); return err },
		"unassign":     func() error { return w.Unassign(w.admin, v.ID, a.ID) },
		"delete field": func() error { return w.DeleteField(w.admin, v.ID, f.ID) },
	} {
		require.ErrorIs(t, gone(), survey.ErrNotFound, name)
	}
	require.Empty(t, w.sees(w.user))
	args := store.Args{"id": v.ID}
	require.Zero(t, w.count(`SELECT count(*) FROM survey_fields WHERE survey_id = @id`, args))
	require.Zero(t, w.count(`SELECT count(*) FROM survey_assignments WHERE survey_id = @id`, args))
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM survey_submissions WHERE survey_id = @id`, args))
	n, err = w.CountOf(w.admin, w.north.ID)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, w.trail("form.deleted"), 1)
}

func TestDuplicate(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("é", models.MaxSurveyName)
	v, err := w.Create(w.manager, survey.NewSurvey{Name: long, Description: "d", Status: models.SurveyArchived})
	require.NoError(t, err)
	w.field(v, "Second", models.FieldSelect, survey.FieldInput{Options: &[]string{"a", "b"}, Required: ptr(true), Placeholder: ptr("p"), Position: ptr(5)})
	w.field(v, "First", models.FieldText, survey.FieldInput{Position: ptr(2)})

	copied, err := w.Duplicate(w.manager, v.ID)
	require.NoError(t, err)
	require.NotEqual(t, v.ID, copied.ID)
	require.Equal(t, strings.Repeat("é", models.MaxSurveyName-7)+" (Copy)", copied.Name)
	require.Equal(t, models.SurveyActive, copied.Status)
	require.Equal(t, v.OrganizationID, copied.OrganizationID)
	was, err := w.Get(w.user, v.ID)
	require.NoError(t, err)
	is, err := w.Get(w.user, copied.ID)
	require.NoError(t, err)
	require.Equal(t, copied, is.Survey)
	require.Equal(t, "d", is.Description)
	require.Equal(t, []string{"First", "Second"}, w.order(copied))
	for i, f := range is.Fields {
		require.NotEqual(t, was.Fields[i].ID, f.ID)
		f.ID, f.SurveyID, f.CreatedAt, f.UpdatedAt = was.Fields[i].ID, v.ID, was.Fields[i].CreatedAt, was.Fields[i].UpdatedAt
		require.Equal(t, was.Fields[i], f)
	}
	again, err := w.Duplicate(w.manager, w.make(w.manager, "Short").ID)
	require.NoError(t, err)
	require.Equal(t, "Short (Copy)", again.Name)
	events := w.trail("form.duplicated")
	require.Len(t, events, 2)
	require.Equal(t, copied.ID, events[0].SubjectID)
}

// Pages stay right and cheap with 100,000 surveys.
func TestLongList(t *testing.T) {
	w := newWorld(t)
	w.exec(`INSERT INTO surveys (account_id, organization_id, name, status, created_at)
		SELECT @account, CASE n % 10 WHEN 0 THEN NULL WHEN 1 THEN CAST(@north AS bigint) ELSE CAST(@south AS bigint) END, 'S' || n, 'active',
			CAST('2026-01-01' AS timestamptz) + n / 2 * interval '1 second' FROM generate_series(1, 100000) n`,
		store.Args{"account": w.Account.ID, "north": w.north.ID, "south": w.south.ID})
	w.exec(`INSERT INTO survey_assignments (account_id, survey_id, user_id)
		SELECT @account, id, @user FROM surveys WHERE name IN ('S99999', 'S99991', 'S2')`, store.Args{"account": w.Account.ID, "user": who(w.user)})
	w.exec(`ANALYZE surveys`, nil)
	list := func(ctx context.Context, limit, offset int) ([]string, int64) {
		before, start := w.DB.Statements(), time.Now()
		surveys, count, err := w.List(ctx, limit, offset)
		require.NoError(t, err)
		require.LessOrEqual(t, w.DB.Statements()-before, int64(2), "one, and one for the reach")
		t.Logf("%d surveys from %d of %d: %s", len(surveys), offset, count, time.Since(start).Round(time.Millisecond))
		var names []string
		for _, v := range surveys {
			names = append(names, v.Name)
		}
		return names, count
	}
	names, count := list(w.user, 3, 0)
	require.EqualValues(t, 20_000+2, count)
	require.Equal(t, []string{"S100000", "S99999", "S99991"}, names)
	names, _ = list(w.user, 3, 3)
	require.Equal(t, []string{"S99990", "S99981", "S99980"}, names, "the younger id first where the times are the same")
	names, count = list(w.user, 20, 20_000)
	require.EqualValues(t, 20_002, count)
	require.Equal(t, []string{"S2", "S1"}, names)
	names, count = list(w.user, 20, 20_002)
	require.Empty(t, names)
	require.EqualValues(t, 20_002, count)
	names, count = list(w.admin, 2, 0)
	require.EqualValues(t, 100_000, count)
	require.Equal(t, []string{"S100000", "S99999"}, names)
	names, count = list(w.loner, 1000, 0)
	require.EqualValues(t, 10_000, count)
	require.Len(t, names, store.MaxPage)
	_, count = list(w.stranger, 20, 0)
	require.Zero(t, count)
}
