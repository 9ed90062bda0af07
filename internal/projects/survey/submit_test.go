package survey_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

func TestAnswersAreHeldAgainstTheFields(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	name := w.field(v, "Name", models.FieldText, survey.FieldInput{Required: ptr(true)})
	age := w.field(v, "Age", models.FieldNumber, survey.FieldInput{})
	likes := w.field(v, "Likes", models.FieldCheckbox, survey.FieldInput{Options: &[]string{"tea", "coffee"}, Position: ptr(0)})
	ids := []string{"NAME", fmt.Sprint(name.ID), "AGE", fmt.Sprint(age.ID), "LIKES", fmt.Sprint(likes.ID)}

	_, err := w.Submit(w.user, v.ID, w.responses(`{"AGE": "old", "LIKES": ["beer"], "999": 1, "x": null}`, ids...))
	require.Equal(t, []string{"Name is required", "Likes must be a valid checkbox", "Age must be a valid number", "Unknown field 999", "Unknown field x"}, faults(t, err))
	_, err = w.Submit(w.user, v.ID, nil)
	require.Equal(t, []string{"Name is required"}, faults(t, err))
	require.Zero(t, w.count(`SELECT count(*) FROM survey_submissions`, nil))

	const text = `{"NAME": "<O'Hara> & \"sons\" 名", "AGE": 12345678901234567890.10, "LIKES": ["coffee", "tea"]}`
	answers := w.responses(text, ids...)
	sub, err := w.Submit(w.user, v.ID, answers)
	require.NoError(t, err)
	require.Equal(t, who(w.user), sub.UserID)
	again, err := w.Submit(w.user, v.ID, answers)
	require.NoError(t, err)
	require.NotEqual(t, sub.ID, again.ID, "each is a record of its own")
	_, err = w.Submit(w.loner, v.ID, answers)
	require.ErrorIs(t, err, survey.ErrNotFound)
	_, err = w.Submit(w.stranger, v.ID, answers)
	require.ErrorIs(t, err, survey.ErrNotFound)

	list, err := w.Submissions(w.viewer, v.ID)
	require.NoError(t, err)
	require.Equal(t, []int64{again.ID, sub.ID}, []int64{list[0].ID, list[1].ID})
	require.JSONEq(t, strings.NewReplacer(ids...).Replace(text), string(list[1].Responses))
	require.Contains(t, string(list[1].Responses), "12345678901234567890.10", "to the last digit")
	events := w.trail("form_submission.created")
	require.Len(t, events, 2)
	require.Equal(t, "form_submission", events[0].SubjectType)

	// What was handed in is not touched by changes.
	require.NoError(t, w.DeleteField(w.manager, v.ID, age.ID))
	list, err = w.Submissions(w.viewer, v.ID)
	require.NoError(t, err)
	require.Contains(t, string(list[0].Responses), fmt.Sprint(age.ID))
	_, err = w.Submit(w.user, v.ID, answers)
	require.Equal(t, []string{"Unknown field " + fmt.Sprint(age.ID)}, faults(t, err))

	// Not being active comes before the answers.
	_, err = w.Update(w.manager, v.ID, survey.Change{Status: ptr(models.SurveyArchived)})
	require.NoError(t, err)
	_, err = w.Submit(w.user, v.ID, nil)
	require.ErrorIs(t, err, survey.ErrNotActive)
}

func TestSubmissionsAreBounded(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	answers := map[string]any{}
	for i := range 6 {
		f := w.field(v, fmt.Sprint("Q", i), models.FieldTextarea, survey.FieldInput{})
		answers[fmt.Sprint(f.ID)] = strings.Repeat("a", models.MaxAnswerText)
	}
	_, err := w.Submit(w.user, v.ID, answers)
	require.Equal(t, []string{"responses must not be larger than 100000 bytes"}, faults(t, err))
	for id := range answers {
		delete(answers, id)
		break
	}
	for id := range answers {
		answers[id] = strings.Repeat("<", models.MaxAnswerText-1_000)
		break
	}
	_, err = w.Submit(w.user, v.ID, answers)
	require.NoError(t, err)
}

func TestWhoReadsSubmissions(t *testing.T) {
	w := newWorld(t)
	v, common := w.make(w.manager, "A"), w.make(w.admin, "common")
	for _, ctx := range []context.Context{w.southManager, w.southViewer} {
		_, err := w.Submissions(ctx, v.ID)
		require.ErrorIs(t, err, survey.ErrNotFound)
		_, err = w.Assign(w.admin, v.ID, who(ctx), nil)
		require.NoError(t, err)
		_, err = w.Submissions(ctx, v.ID)
		require.ErrorIs(t, err, models.ErrForbidden, "assigned only")
	}
	for _, ctx := range []context.Context{w.user, w.southUser, w.loner} {
		_, err := w.Submissions(ctx, v.ID)
		require.ErrorIs(t, err, models.ErrForbidden)
	}
	for _, ctx := range []context.Context{w.orgAdmin, w.manager, w.viewer, w.admin} {
		list, err := w.Submissions(ctx, v.ID)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	_, err := w.Submissions(w.viewer, common.ID)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Submissions(w.stranger, v.ID)
	require.ErrorIs(t, err, survey.ErrNotFound)
	_, err = w.Submissions(w.Context(), v.ID)
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func TestOwnStatsOfNothing(t *testing.T) {
	w := newWorld(t)
	stats, err := w.OwnStats(w.user)
	require.NoError(t, err)
	require.Equal(t, survey.Stats{}, stats)
	_, err = w.OwnStats(w.Context())
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

// The figures are those of a naive count, whatever was assigned and handed in.
func TestOwnStats(t *testing.T) {
	now := time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC)
	w := newWorldAt(t, func() time.Time { return now })
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	people := []context.Context{w.user, w.viewer, w.southUser}
	want := map[int64]*survey.Stats{}
	for _, ctx := range people {
		want[who(ctx)] = &survey.Stats{}
	}
	days := []*time.Time{nil, day("2026-02-28"), day("2026-03-01"), day("2026-03-02")}
	for i := range 40 {
		v := w.make(w.admin, fmt.Sprint("S", i))
		deleted := r.IntN(8) == 0
		for _, ctx := range people {
			s := survey.SurveyStats{ID: v.ID, Name: v.Name}
			given := r.IntN(2) == 0
			if given {
				s.DueOn = days[r.IntN(len(days))]
				_, err := w.Assign(w.admin, v.ID, who(ctx), s.DueOn)
				require.NoError(t, err)
			}
			for range max(r.IntN(4)-1, 0) {
				now = now.Add(time.Millisecond)
				at := now
				_, err := w.Submit(ctx, v.ID, nil)
				require.NoError(t, err)
				s.Submissions, s.LastSubmittedAt = s.Submissions+1, &at
			}
			if deleted || !given && s.Submissions == 0 {
				continue
			}
			count(want[who(ctx)], s, given, "2026-03-01")
		}
		if deleted {
			require.NoError(t, w.Delete(w.admin, v.ID))
		}
	}
	for _, ctx := range people {
		stats, err := w.OwnStats(ctx)
		require.NoError(t, err)
		inUTC(&stats.LastSubmittedAt)
		for i := range stats.Surveys {
			inUTC(&stats.Surveys[i].LastSubmittedAt)
			inUTC(&stats.Surveys[i].DueOn)
		}
		require.Equal(t, rounded(want[who(ctx)]), stats)
	}
}

// inUTC makes times comparable.
func inUTC(at **time.Time) {
	if *at != nil {
		utc := (*at).UTC()
		*at = &utc
	}
}

// count adds a survey to the figures of a person.
func count(all *survey.Stats, s survey.SurveyStats, given bool, today string) {
	all.Submissions += s.Submissions
	if s.LastSubmittedAt != nil && (all.LastSubmittedAt == nil || s.LastSubmittedAt.After(*all.LastSubmittedAt)) {
		all.LastSubmittedAt = s.LastSubmittedAt
	}
	if given {
		all.Assigned++
		switch {
		case s.Submissions > 0:
			all.Completed++
		case s.DueOn != nil && s.DueOn.Format(time.DateOnly) < today:
			all.Pending++
			all.Overdue++
		default:
			all.Pending++
		}
	}
	all.Surveys = slices.Insert(all.Surveys, 0, s)
}

// rounded has its rate to one decimal, half away from zero, by whole numbers.
func rounded(s *survey.Stats) survey.Stats {
	if s.Assigned > 0 {
		s.CompletionRate = float64((2000*s.Completed+s.Assigned)/(2*s.Assigned)) / 10
	}
	return *s
}

func TestRatesAreRoundedHalfUp(t *testing.T) {
	w := newWorld(t)
	const assigned, completed = 2000, 25 // 1.25 percent
	w.exec(`WITH s AS (INSERT INTO surveys (account_id, name, status) SELECT @account, 'S' || n, 'active' FROM generate_series(1, @assigned) n RETURNING id),
		a AS (INSERT INTO survey_assignments (account_id, survey_id, user_id) SELECT @account, id, @user FROM s)
		INSERT INTO survey_submissions (account_id, survey_id, user_id, responses) SELECT @account, id, @user, '{}' FROM s LIMIT @completed`,
		store.Args{"account": w.Account.ID, "user": who(w.user), "assigned": assigned, "completed": completed})
	stats, err := w.OwnStats(w.user)
	require.NoError(t, err)
	require.EqualValues(t, assigned, stats.Assigned)
	require.EqualValues(t, completed, stats.Completed)
	require.InDelta(t, 1.3, stats.CompletionRate, 1e-12)
	require.Len(t, stats.Surveys, assigned)
}
