package learning_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestAvailability(t *testing.T) {
	t.Parallel()
	from, until := start, start.Add(time.Hour)
	const tick = time.Microsecond
	for _, c := range []struct {
		course models.Course
		at     time.Time
		want   models.Availability
	}{
		{models.Course{Status: models.CourseActive}, from, models.AvailabilityActive},
		{models.Course{Status: models.CourseInactive}, from, models.AvailabilityNonActive},
		{models.Course{Status: models.CourseDraft}, from, models.AvailabilityDraft},
		{models.Course{Status: models.CourseActive, StartsAt: &until}, from, models.AvailabilityActive}, // dates without a schedule count for nothing

		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from, EndsAt: &until}, from.Add(-tick), models.AvailabilityScheduled},
		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from, EndsAt: &until}, from, models.AvailabilityStarted},
		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from, EndsAt: &until}, until, models.AvailabilityStarted},
		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from, EndsAt: &until}, until.Add(tick), models.AvailabilityFinished},
		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from}, from.Add(-tick), models.AvailabilityScheduled},
		{models.Course{Status: models.CourseActive, Scheduled: true, StartsAt: &from}, from.AddDate(100, 0, 0), models.AvailabilityStarted},
		{models.Course{Status: models.CourseActive, Scheduled: true, EndsAt: &until}, from.AddDate(-100, 0, 0), models.AvailabilityStarted},
		{models.Course{Status: models.CourseActive, Scheduled: true, EndsAt: &until}, until.Add(tick), models.AvailabilityFinished},
		{models.Course{Status: models.CourseActive, Scheduled: true}, from, models.AvailabilityStarted},

		{models.Course{Status: models.CourseInactive, Scheduled: true, StartsAt: &from, EndsAt: &until}, from, models.AvailabilityNonActive},
		{models.Course{Status: models.CourseInactive, Scheduled: true, EndsAt: &until}, until.Add(tick), models.AvailabilityNonActive},
		{models.Course{Status: models.CourseDraft, Scheduled: true, StartsAt: &from}, from.Add(-tick), models.AvailabilityDraft},
	} {
		require.Equal(t, c.want, learning.Availability(c.course, c.at), "%+v at %s", c.course, c.at)
	}
}

// TestAvailabilityFollowsTheClock: no job runs for it.
func TestAvailabilityFollowsTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.course(func(in *learning.CourseInput) {
		in.Identifier, in.Schedule = to("A"), &learning.Schedule{StartsAt: to(start.Add(time.Hour)), EndsAt: to(start.Add(2 * time.Hour))}
	})
	for after, want := range map[time.Duration]models.Availability{
		0: models.AvailabilityScheduled, time.Hour: models.AvailabilityStarted, 2 * time.Hour: models.AvailabilityStarted, 3 * time.Hour: models.AvailabilityFinished,
	} {
		w.now = start.Add(after)
		require.Equal(t, want, w.read("A").Availability)
		rows, err := w.ListCourses(w.admin, learning.CourseFilter{}, store.Window{})
		require.NoError(t, err)
		require.Equal(t, want, rows[0].Availability)
	}
}

func TestListCourses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := func(identifier string, minute int) {
		_, err := w.db.Exec(w.admin, `UPDATE courses SET created_at = @at WHERE account_id = @account_id AND identifier = @identifier`,
			store.Args{"identifier": identifier, "at": start.Add(time.Duration(minute) * time.Minute)})
		require.NoError(t, err)
	}
	in := func(name string) func(*learning.ChannelChange) {
		return func(c *learning.ChannelChange) { c.SubAccount = input.To(name) }
	}
	w.channel("late")
	w.channel("north", in("North"))
	w.channel("same")
	w.channel("south", in("South"))
	w.master("master", func(c *learning.CourseInput) { c.OrganizationID = &w.north })
	w.master("secret", func(c *learning.CourseInput) { c.Published = to(false) })
	for identifier, minute := range map[string]int{"late": 9, "north": 2, "same": 2, "south": 3, "master": 1, "secret": 5} {
		at(identifier, minute)
	}
	list := func(f learning.CourseFilter, window store.Window) string {
		rows, err := w.ListCourses(w.admin, f, window)
		require.NoError(t, err)
		var out []string
		for _, c := range rows {
			out = append(out, c.Identifier)
			equal(t, w.mustCourse(c.ID), c, "a list tells what a look at one tells")
		}
		return strings.Join(out, " ")
	}
	all := store.Window{}
	require.Equal(t, "north same south late", list(learning.CourseFilter{}, all))
	require.Equal(t, "north", list(learning.CourseFilter{SubAccount: "North"}, all))
	require.Equal(t, "master secret", list(learning.CourseFilter{Master: true}, all))
	require.Equal(t, "master", list(learning.CourseFilter{Master: true, OnlyPublished: true}, all))
	require.Equal(t, "master", list(learning.CourseFilter{Master: true, SubAccount: "North"}, all))
	require.Equal(t, "south late", list(learning.CourseFilter{CreatedSince: to(start.Add(3 * time.Minute))}, all), "inclusive")
	require.Equal(t, "late", list(learning.CourseFilter{CreatedSince: to(start.Add(3*time.Minute + time.Millisecond))}, all))

	place := func(identifier string) *store.Place {
		c := w.read(identifier)
		return &store.Place{At: c.CreatedAt, ID: c.ID}
	}
	require.Equal(t, "same south", list(learning.CourseFilter{}, store.Window{After: place("north"), Until: place("south")}))
	require.Equal(t, "same", list(learning.CourseFilter{}, store.Window{After: place("north"), Limit: 1}))

	count := func(f learning.CourseFilter) (int64, store.Place) {
		n, last, err := w.CountCourses(w.admin, f)
		require.NoError(t, err)
		last.At = last.At.UTC()
		return n, last
	}
	n, last := count(learning.CourseFilter{})
	require.EqualValues(t, 4, n)
	require.Equal(t, place("late").ID, last.ID)
	require.Equal(t, start.Add(9*time.Minute), last.At)
	n, last = count(learning.CourseFilter{SubAccount: "South"})
	require.EqualValues(t, 1, n)
	require.Equal(t, place("south").ID, last.ID)
	n, last = count(learning.CourseFilter{SubAccount: "South", Master: true})
	require.Zero(t, n)
	require.Zero(t, last)

	for _, name := range []string{"Nowhere", "Closed", "Home", "north", "\x00"} {
		_, err := w.ListCourses(w.admin, learning.CourseFilter{SubAccount: name}, all)
		require.ErrorIs(t, err, errNoSubAccount, name)
		_, _, err = w.CountCourses(w.admin, learning.CourseFilter{SubAccount: name})
		require.ErrorIs(t, err, errNoSubAccount, name)
	}
	_, err := w.ListCourses(w.learner, learning.CourseFilter{}, all)
	require.ErrorIs(t, err, models.ErrForbidden)
	rows, err := w.ListCourses(w.foreign, learning.CourseFilter{}, all)
	require.NoError(t, err)
	require.Empty(t, rows)

	for _, f := range []learning.CourseFilter{{}, {SubAccount: "North", CreatedSince: &start}} {
		require.EqualValues(t, 1, w.statements(func() { count(f) }))
		require.EqualValues(t, 1, w.statements(func() { _, _ = w.ListCourses(w.admin, f, all) }))
	}
	// Those of a deactivated organization are gone.
	w.setStatus(w.south, models.StatusInactive)
	require.Equal(t, "north same late", list(learning.CourseFilter{}, all))
	n, _ = count(learning.CourseFilter{})
	require.EqualValues(t, 3, n)
}

func (w *world) mustCourse(id int64) learning.Course {
	w.t.Helper()
	c, err := w.Course(w.admin, ref.ByID(id))
	require.NoError(w.t, err)
	return c
}

// TestSubAccountsOfOneName: several organizations may have one name; it stands
// for the first of them, as where a sub-account is resolved alone.
func TestSubAccountsOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 2 {
		_, err := w.db.Exec(w.admin, `WITH made AS (INSERT INTO organizations (account_id, name, code) VALUES (@account_id, 'Twin', @code) RETURNING id)
			INSERT INTO courses (account_id, organization_id, identifier, name, type) SELECT @account_id, id, @code, 'x', 'STREAM' FROM made`,
			store.Args{"code": fmt.Sprintf("twin-%d", i)})
		require.NoError(t, err)
	}
	rows, err := w.ListCourses(w.admin, learning.CourseFilter{SubAccount: "Twin"}, store.Window{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, "twin-0", rows[0].Identifier)
}
