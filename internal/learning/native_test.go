package learning_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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

// course makes a course in the hub itself.
func (w *world) course(change ...func(*learning.CourseInput)) learning.Course {
	w.t.Helper()
	in := learning.CourseInput{Name: "Fire safety", Type: models.CourseTypeCourse}
	for _, c := range change {
		c(&in)
	}
	c, err := w.CreateCourse(w.admin, in)
	require.NoError(w.t, err)
	return c
}

func (w *world) master(identifier string, change ...func(*learning.CourseInput)) learning.Course {
	w.t.Helper()
	return w.course(append([]func(*learning.CourseInput){func(in *learning.CourseInput) { in.Identifier, in.Master = &identifier, true }}, change...)...)
}

func TestCreateCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.course(func(in *learning.CourseInput) {
		in.Identifier, in.Name, in.Status = to("FIRE-101"), " Fire safety ", to(models.CourseActive)
		in.Schedule = &learning.Schedule{StartsAt: to(start.Add(time.Hour + time.Nanosecond))}
		in.DurationMS, in.Categories, in.OrganizationID = to(int64(5_400_000)), []string{" Safety", "Fire", "Safety"}, &w.north
	})
	require.Equal(t, "Fire safety", c.Name)
	require.Equal(t, []string{"Safety", "Fire"}, []string(c.Categories))
	require.Equal(t, "North", *c.SubAccount)
	require.Equal(t, start.Add(time.Hour), c.StartsAt.UTC())
	require.Equal(t, models.AvailabilityScheduled, c.Availability)
	require.NotEmpty(t, c.PublicID)
	equal(t, c, w.read("FIRE-101"), "what was made is what is read")
	require.EqualValues(t, 1, w.audited("course.created", c.ID))

	plain := w.course()
	require.Equal(t, strconv.FormatInt(plain.ID, 10), plain.Identifier)
	require.Equal(t, models.AvailabilityActive, plain.Availability)
	m := w.master("MASTER", func(in *learning.CourseInput) { in.Published = to(false) })
	require.True(t, m.Master)
	require.False(t, m.Published)

	create := func(change func(*learning.CourseInput)) error {
		in := learning.CourseInput{Name: "A", Type: models.CourseTypeCourse}
		change(&in)
		_, err := w.CreateCourse(w.admin, in)
		return err
	}
	require.ErrorIs(t, create(func(in *learning.CourseInput) { in.Identifier = to("FIRE-101") }), learning.ErrIdentifierTaken)
	require.ErrorIs(t, create(func(in *learning.CourseInput) { in.Identifier, in.Master = to("FIRE-101"), true }), learning.ErrIdentifierTaken)
	for want, change := range map[string]func(*learning.CourseInput){
		"categories:required": func(in *learning.CourseInput) { in.Categories = []string{" "} },
		"categories:too_long": func(in *learning.CourseInput) { in.Categories = make([]string, learning.MaxCategories+1) },
		"duration_ms:invalid": func(in *learning.CourseInput) { in.DurationMS = to(int64(-1)) },
		"ends_at:invalid": func(in *learning.CourseInput) {
			in.Schedule = &learning.Schedule{StartsAt: to(start), EndsAt: to(start.Add(time.Nanosecond))}
		},
		"identifier:required":     func(in *learning.CourseInput) { in.Identifier = to("") },
		"name:required":           func(in *learning.CourseInput) { in.Name = " " },
		"organization_id:invalid": func(in *learning.CourseInput) { in.OrganizationID = &w.closed },
		"published:invalid":       func(in *learning.CourseInput) { in.Published = to(false) },
		"schedule:invalid":        func(in *learning.CourseInput) { in.Master, in.Schedule = true, &learning.Schedule{} },
		"starts_at:invalid": func(in *learning.CourseInput) {
			in.Schedule = &learning.Schedule{StartsAt: to(start.AddDate(8000, 0, 0))}
		},
		"status:enum":    func(in *learning.CourseInput) { in.Status = to(models.CourseStatus("x")) },
		"status:invalid": func(in *learning.CourseInput) { in.Master, in.Status = true, to(models.CourseDraft) },
		"type:enum":      func(in *learning.CourseInput) { in.Type = "" },
		"type:invalid":   func(in *learning.CourseInput) { in.Master, in.Type = true, models.CourseTypeStream },
	} {
		require.Equal(t, []string{want}, rulesOf(t, create(change)))
	}
	for _, id := range []int64{w.home, w.closed, 1 << 40} {
		require.Equal(t, []string{"organization_id:invalid"}, rulesOf(t, create(func(in *learning.CourseInput) { in.OrganizationID = &id })))
	}
	_, err := w.CreateCourse(w.learner, learning.CourseInput{Name: "A", Type: models.CourseTypeCourse})
	require.ErrorIs(t, err, models.ErrForbidden)
	require.EqualValues(t, 3, w.count(`SELECT count(*) FROM courses`, nil), "a refused call changes nothing")
}

// TestOwnIdentifier: a course that is made without an identifier finds one, also
// among those of a system that numbers its courses too.
func TestOwnIdentifier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.course()
	_, err := w.db.Exec(w.admin, `INSERT INTO courses (account_id, identifier, name, type)
		SELECT @account_id, CAST(@first + 3000 + n AS text), 'Theirs', 'STREAM' FROM generate_series(0, 3000) n`, store.Args{"first": first.ID})
	require.NoError(t, err)
	c := w.course()
	require.Equal(t, strconv.FormatInt(c.ID, 10), c.Identifier)
	require.Greater(t, c.ID, first.ID+6000)
	ids := atOnce(20, func(int) string { return w.course().Identifier })
	slices.Sort(ids)
	require.Len(t, slices.Compact(ids), 20)
}

func TestChangeCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("A", func(in *learning.ChannelChange) { in.SubAccount = input.To("North") })
	change := func(in learning.CourseChange) learning.Course {
		changed, err := w.ChangeCourse(w.admin, ref.ByID(c.ID), in)
		require.NoError(t, err)
		equal(t, changed, w.read("A"), "what was changed is what is read")
		return changed
	}
	equal(t, c, change(learning.CourseChange{}))
	require.Zero(t, w.audited("course.updated", c.ID))
	got := change(learning.CourseChange{
		Name: to("B"), Status: to(models.CourseDraft), Schedule: input.To(learning.Schedule{EndsAt: to(start)}),
		DurationMS: input.To(int64(0)), Categories: &[]string{"x"}, OrganizationID: input.To(w.south),
	})
	require.Equal(t, models.AvailabilityDraft, got.Availability)
	require.Equal(t, "South", *got.SubAccount)
	require.EqualValues(t, 0, *got.DurationMS)
	require.Equal(t, models.AvailabilityStarted, change(learning.CourseChange{Status: to(models.CourseActive)}).Availability, "up to and including its end")
	got = change(learning.CourseChange{
		Schedule: input.Cleared[learning.Schedule](), DurationMS: input.Cleared[int64](), Categories: &[]string{}, OrganizationID: input.Cleared[int64](),
	})
	require.Equal(t, models.AvailabilityActive, got.Availability)
	require.Nil(t, got.EndsAt)
	require.Nil(t, got.DurationMS)
	require.Nil(t, got.SubAccount)
	require.Empty(t, got.Categories)

	_, err := w.ChangeCourse(w.admin, ref.ByID(c.ID), learning.CourseChange{Published: to(false)})
	require.Equal(t, []string{"published:invalid"}, rulesOf(t, err))
	m := w.master("M")
	_, err = w.ChangeCourse(w.admin, ref.ByID(m.ID), learning.CourseChange{Status: to(models.CourseInactive)})
	require.Equal(t, []string{"status:invalid"}, rulesOf(t, err))
	changed, err := w.ChangeCourse(w.admin, ref.ByID(m.ID), learning.CourseChange{Published: to(false)})
	require.NoError(t, err)
	require.False(t, changed.Published)
	for _, err := range []error{
		second(w.ChangeCourse(w.foreign, ref.ByID(c.ID), learning.CourseChange{})), second(w.ChangeCourse(w.admin, ref.ByID(c.ID+1000), learning.CourseChange{})),
		w.DeleteCourse(w.foreign, ref.ByID(c.ID)),
	} {
		require.ErrorIs(t, err, learning.ErrCourseUnknown)
	}

	// A course may stay with an organization that was deactivated, but not go there.
	change(learning.CourseChange{OrganizationID: input.To(w.south)})
	w.setStatus(w.south, models.StatusInactive)
	kept, err := w.ChangeCourse(w.admin, ref.ByID(c.ID), learning.CourseChange{Name: to("C"), OrganizationID: input.To(w.south)})
	require.NoError(t, err)
	require.Equal(t, "South", *kept.SubAccount)
	_, err = w.ChangeCourse(w.admin, ref.ByID(m.ID), learning.CourseChange{OrganizationID: input.To(w.south)})
	require.Equal(t, []string{"organization_id:invalid"}, rulesOf(t, err))
}

// second gives the error of a result.
func second[T any](_ T, err error) error { return err }

func TestUpsertPublishesDraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.course(func(in *learning.CourseInput) { in.Identifier, in.Status = to("A"), to(models.CourseDraft) })
	upsert := func(in learning.ChannelChange) models.Availability {
		in.Identifier = "A"
		created, err := w.UpsertChannel(w.admin, in)
		require.NoError(t, err)
		require.False(t, created)
		return w.read("A").Availability
	}
	require.Equal(t, models.AvailabilityDraft, upsert(learning.ChannelChange{Name: to("B")}))
	require.Equal(t, models.AvailabilityActive, upsert(learning.ChannelChange{Status: to(models.CourseActive)}))
}

func TestCreateInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.master("MASTER", func(in *learning.CourseInput) {
		in.DurationMS, in.Categories, in.OrganizationID = to(int64(60_000)), []string{"Safety"}, &w.north
	})
	instance := func(in learning.InstanceInput) error { return w.CreateInstance(w.admin, in) }
	require.NoError(t, instance(learning.InstanceInput{Identifier: "A", Master: "MASTER"}))
	a := w.read("A")
	require.Equal(t, []any{m.Name, models.CourseTypeCourse, "MASTER", "North", models.AvailabilityActive, int64(60_000), m.Categories},
		[]any{a.Name, a.Type, *a.MasterIdentifier, *a.SubAccount, a.Availability, *a.DurationMS, a.Categories})
	require.NoError(t, instance(learning.InstanceInput{Identifier: "B", Master: "MASTER", Name: to("Spring"), SubAccount: input.Cleared[string]()}))
	b := w.read("B")
	require.Equal(t, "Spring", b.Name)
	require.Nil(t, b.SubAccount)

	// Again for the same master: name and sub-account follow, what is not sent
	// stays, and later changes of the master are its own.
	_, err := w.ChangeCourse(w.admin, ref.ByID(m.ID), learning.CourseChange{Name: to("Renamed"), Categories: &[]string{"Other"}})
	require.NoError(t, err)
	require.NoError(t, instance(learning.InstanceInput{Identifier: "B", Master: "MASTER", SubAccount: input.To("South")}))
	b = w.read("B")
	require.Equal(t, []any{"Spring", "South", []string{"Safety"}}, []any{b.Name, *b.SubAccount, []string(b.Categories)})
	require.NoError(t, instance(learning.InstanceInput{Identifier: "B", Master: "MASTER"}))
	equal(t, b, w.read("B"))

	w.channel("CHANNEL")
	w.master("SECOND")
	w.master("SECRET", func(in *learning.CourseInput) { in.Published = to(false) })
	for _, identifier := range []string{"CHANNEL", "SECOND", "MASTER"} {
		require.ErrorIs(t, instance(learning.InstanceInput{Identifier: identifier, Master: "MASTER"}), learning.ErrIdentifierTaken, identifier)
	}
	require.ErrorIs(t, instance(learning.InstanceInput{Identifier: "A", Master: "SECOND"}), learning.ErrIdentifierTaken)
	require.ErrorIs(t, instance(learning.InstanceInput{Identifier: "C", Master: "NONE"}), learning.ErrMasterUnknown)
	require.ErrorIs(t, w.CreateInstance(w.foreign, learning.InstanceInput{Identifier: "C", Master: "MASTER"}), learning.ErrMasterUnknown)
	require.ErrorIs(t, instance(learning.InstanceInput{Identifier: "C", Master: "MASTER", SubAccount: input.To("Closed")}), errNoSubAccount)
	for _, master := range []string{"CHANNEL", "SECRET"} {
		require.Equal(t, []string{"master:invalid"}, rulesOf(t, instance(learning.InstanceInput{Identifier: "C", Master: master})))
	}
	require.Equal(t, []string{"identifier:required", "master:required", "name:required"}, rulesOf(t, instance(learning.InstanceInput{Name: to("")})))
	w.setStatus(w.north, models.StatusInactive)
	require.ErrorIs(t, instance(learning.InstanceInput{Identifier: "C", Master: "MASTER"}), learning.ErrMasterUnknown)
}

func TestCreateInstanceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.master("M")
	for _, err := range atOnce(50, func(i int) error {
		identifier := "A"
		if i%5 == 0 {
			identifier = "M"
		}
		return w.CreateInstance(w.admin, learning.InstanceInput{Identifier: identifier, Master: "M", Name: to(fmt.Sprintf("Name %d", i))})
	}) {
		if err != nil {
			require.ErrorIs(t, err, learning.ErrIdentifierTaken)
		}
	}
	require.EqualValues(t, 2, w.count(`SELECT count(*) FROM courses`, nil))
	require.EqualValues(t, 1, w.audited("course.created", w.read("A").ID))
}

func TestDeleteCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.master("M")
	require.NoError(t, w.CreateInstance(w.admin, learning.InstanceInput{Identifier: "A", Master: "M"}))
	a := w.read("A")
	_, _, err := w.ShowInCatalog(w.admin, ref.ByID(a.ID))
	require.NoError(t, err)
	_, err = w.CreateSession(w.admin, ref.ByID(a.ID), learning.SessionInput{Name: "Drill", StartsAt: start, EndsAt: start})
	require.NoError(t, err)
	require.ErrorIs(t, w.DeleteCourse(w.admin, ref.ByID(m.ID)), learning.ErrCourseInstances)

	_, err = w.db.Exec(w.admin, `WITH made AS (INSERT INTO certificates (account_id, identifier, name) VALUES (@account_id, 'C', 'C') RETURNING id)
		INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) SELECT @account_id, id, @course, 1 FROM made`, store.Args{"course": a.ID})
	require.NoError(t, err)
	require.ErrorIs(t, w.DeleteCourse(w.admin, ref.ByID(a.ID)), learning.ErrCourseCertified)
	require.Empty(t, w.gone)
	_, err = w.db.Exec(w.admin, `DELETE FROM certificate_courses WHERE account_id = @account_id`, nil)
	require.NoError(t, err)

	require.NoError(t, w.DeleteCourse(w.admin, ref.ByID(a.ID)))
	require.NoError(t, w.DeleteCourse(w.admin, ref.ByID(m.ID)))
	require.Equal(t, []int64{a.ID, m.ID}, w.gone)
	require.EqualValues(t, 1, w.audited("course.deleted", a.ID))
	require.ErrorIs(t, w.DeleteCourse(w.admin, ref.ByID(a.ID)), learning.ErrCourseUnknown)
	require.Zero(t, w.count(`SELECT (SELECT count(*) FROM courses) + (SELECT count(*) FROM class_sessions) + (SELECT count(*) FROM catalog_items)`, nil))
	w.channel("A")
}

// TestDeleteAgainstInstance: whoever comes first, no instance is left without
// its master.
func TestDeleteAgainstInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		name := "M" + strconv.Itoa(i)
		m := w.master(name)
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				return w.DeleteCourse(w.admin, ref.ByID(m.ID))
			}
			return w.CreateInstance(w.admin, learning.InstanceInput{Identifier: "A" + name, Master: name})
		})
		if errs[0] == nil {
			require.ErrorIs(t, errs[1], learning.ErrMasterUnknown)
		} else {
			require.ErrorIs(t, errs[0], learning.ErrCourseInstances)
			require.NoError(t, errs[1])
		}
	}
}

func TestAccountCourses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.course(func(in *learning.CourseInput) {
		in.Name, in.Identifier, in.Categories = "100 % safe", to("A_1"), []string{"Safety", "Fire"}
	})
	b := w.course(func(in *learning.CourseInput) {
		in.Name, in.Identifier, in.Type, in.OrganizationID = "Neuigkeiten ÄÖ", to("AB1"), models.CourseTypeStream, &w.north
	})
	m := w.master("M", func(in *learning.CourseInput) { in.Categories = []string{"Safety"} })
	_, err := w.CreateCourse(w.foreign, learning.CourseInput{Name: "Theirs", Type: models.CourseTypeCourse})
	require.NoError(t, err)
	w.setStatus(w.north, models.StatusInactive)
	ids := func(f learning.AccountFilter) []int64 {
		page, next, err := w.AccountCourses(w.admin, f)
		require.NoError(t, err)
		require.Zero(t, next)
		var out []int64
		for _, c := range page {
			out = append(out, c.ID)
		}
		return out
	}
	require.Equal(t, []int64{a.ID, b.ID, m.ID}, ids(learning.AccountFilter{}))
	require.Equal(t, []int64{b.ID}, ids(learning.AccountFilter{OrganizationID: &w.north}))
	require.Equal(t, []int64{m.ID}, ids(learning.AccountFilter{Master: to(true)}))
	require.Equal(t, []int64{a.ID, b.ID}, ids(learning.AccountFilter{Master: to(false)}))
	require.Equal(t, []int64{b.ID}, ids(learning.AccountFilter{Type: models.CourseTypeStream}))
	require.Equal(t, []int64{a.ID, m.ID}, ids(learning.AccountFilter{Category: "Safety"}))
	require.Equal(t, []int64{m.ID}, ids(learning.AccountFilter{Category: "Safety", Master: to(true), Status: models.CourseActive}))
	require.Equal(t, []int64{a.ID}, ids(learning.AccountFilter{Search: "0 %"}))
	require.Equal(t, []int64{a.ID}, ids(learning.AccountFilter{Search: "a_1"}))
	require.Equal(t, []int64{b.ID}, ids(learning.AccountFilter{Search: " äö "}))
	require.Empty(t, ids(learning.AccountFilter{Search: "\x00"}))
	require.Empty(t, ids(learning.AccountFilter{Category: "safety"}))

	page, next, err := w.AccountCourses(w.admin, learning.AccountFilter{Limit: 2})
	require.NoError(t, err)
	require.Len(t, page, 2)
	require.Equal(t, b.ID, next)
	page, next, err = w.AccountCourses(w.admin, learning.AccountFilter{Limit: 2, After: next})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Zero(t, next)
	require.EqualValues(t, 1, w.statements(func() { ids(learning.AccountFilter{Search: "a", OrganizationID: &w.north}) }))
	_, _, err = w.AccountCourses(w.learner, learning.AccountFilter{})
	require.ErrorIs(t, err, models.ErrForbidden)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("A")
	at := ref.ByID(c.ID)
	create := func(in learning.SessionInput) (models.ClassSession, error) { return w.CreateSession(w.admin, at, in) }
	late, err := create(learning.SessionInput{
		Name: " Drill ", Description: to(" Practice "), Location: to(" "), StartsAt: start.Add(2 * time.Hour), EndsAt: start.Add(3 * time.Hour), Live: true, IncludeGrade: true,
	})
	require.NoError(t, err)
	require.Equal(t, []any{"Drill", "Practice", true, true, true, false}, []any{late.Name, *late.Description, late.Live, late.IncludeGrade, late.Published, late.Optional})
	require.Nil(t, late.Location)
	early, err := create(learning.SessionInput{Name: "Theory", StartsAt: start, EndsAt: start, AllDay: true, Published: to(false), Optional: true})
	require.NoError(t, err)
	require.EqualValues(t, 1, w.audited("class_session.created", early.ID))

	byStart, err := w.Sessions(w.admin, ref.ByIdentifier("A"))
	require.NoError(t, err)
	equal(t, []models.ClassSession{early, late}, byStart)
	page, next, err := w.CourseSessions(w.admin, at, 0, 1)
	require.NoError(t, err)
	equal(t, []models.ClassSession{late}, page)
	page, next, err = w.CourseSessions(w.admin, at, next, 1)
	require.NoError(t, err)
	equal(t, []models.ClassSession{early}, page)
	require.Zero(t, next)

	changed, err := w.ChangeSession(w.admin, at, late.ID, learning.SessionChange{
		Description: input.Cleared[string](), Location: input.To("Yard 2"), EndsAt: to(start.Add(4 * time.Hour)), Published: to(false), Optional: to(true),
	})
	require.NoError(t, err)
	require.Equal(t, []any{"Drill", "Yard 2", false, true, true}, []any{changed.Name, *changed.Location, changed.Published, changed.Optional, changed.Live})
	require.Nil(t, changed.Description)
	got, err := w.Session(w.admin, at, late.ID)
	require.NoError(t, err)
	equal(t, changed, got)
	_, err = w.ChangeSession(w.admin, at, late.ID, learning.SessionChange{EndsAt: to(start)})
	require.Equal(t, []string{"ends_at:invalid"}, rulesOf(t, err))
	_, err = create(learning.SessionInput{Description: to(strings.Repeat("x", learning.MaxDescription+1)), EndsAt: start})
	require.Equal(t, []string{"description:too_long", "name:required", "starts_at:required"}, rulesOf(t, err))

	other := w.channel("B")
	for _, err := range []error{
		second(w.Session(w.admin, ref.ByID(other.ID), late.ID)), second(w.Session(w.foreign, at, late.ID)), second(w.Session(w.admin, ref.Ref{}, late.ID)),
		second(w.ChangeSession(w.admin, ref.ByID(other.ID), late.ID, learning.SessionChange{})), w.DeleteSession(w.foreign, at, late.ID),
	} {
		require.ErrorIs(t, err, learning.ErrSessionUnknown)
	}
	require.NoError(t, w.DeleteSession(w.admin, at, late.ID))
	require.ErrorIs(t, w.DeleteSession(w.admin, at, late.ID), learning.ErrSessionUnknown)

	in := learning.SessionInput{Name: "x", StartsAt: start, EndsAt: start}
	stream := w.channel("S", func(in *learning.ChannelChange) { in.Type = to(models.CourseTypeStream) })
	for _, id := range []int64{stream.ID, w.master("M").ID} {
		_, err = w.CreateSession(w.admin, ref.ByID(id), in)
		require.ErrorIs(t, err, learning.ErrNoSessions)
	}
	_, err = w.CreateSession(w.foreign, at, in)
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	none, err := w.Sessions(w.admin, ref.ByIdentifier("S"))
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = w.Sessions(w.admin, ref.ByIdentifier("M"))
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	_, err = w.Sessions(w.learner, ref.ByIdentifier("A"))
	require.ErrorIs(t, err, models.ErrForbidden)
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("A", func(in *learning.ChannelChange) { in.SubAccount = input.To("North") })
	_, err := w.CatalogItem(w.admin, ref.ByIdentifier("A"), "")
	require.ErrorIs(t, err, learning.ErrCatalogUnknown)
	require.ErrorIs(t, w.HideFromCatalog(w.admin, ref.ByID(c.ID)), learning.ErrCatalogUnknown)

	made := 0
	for _, created := range atOnce(20, func(int) bool {
		_, created, err := w.ShowInCatalog(w.admin, ref.ByID(c.ID))
		require.NoError(t, err)
		return created
	}) {
		if created {
			made++
		}
	}
	require.Equal(t, 1, made)
	item, created, err := w.ShowInCatalog(w.admin, ref.ByID(c.ID))
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, "https://hub.test/catalog/"+item.PublicID, item.Link)
	require.EqualValues(t, 1, w.audited("catalog_item.created", item.ID))
	for _, name := range []string{"", "North"} {
		got, err := w.CatalogItem(w.admin, ref.ByIdentifier("A"), name)
		require.NoError(t, err)
		equal(t, item, got)
	}
	_, err = w.CatalogItem(w.admin, ref.ByIdentifier("A"), "South")
	require.ErrorIs(t, err, learning.ErrCatalogUnknown)
	_, err = w.CatalogItem(w.admin, ref.ByIdentifier("A"), "Closed")
	require.ErrorIs(t, err, errNoSubAccount)
	for _, ctx := range []context.Context{w.foreign, w.admin} {
		_, err = w.CatalogItem(ctx, ref.ByIdentifier("B"), "")
		require.ErrorIs(t, err, learning.ErrCatalogUnknown)
	}
	_, _, err = w.ShowInCatalog(w.foreign, ref.ByID(c.ID))
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	_, _, err = w.ShowInCatalog(w.admin, ref.ByID(w.master("M").ID))
	require.ErrorIs(t, err, learning.ErrNoCatalog)
	w.setStatus(w.north, models.StatusInactive)
	_, err = w.CatalogItem(w.admin, ref.ByIdentifier("A"), "")
	require.ErrorIs(t, err, learning.ErrCatalogUnknown)
	_, err = w.CatalogItem(w.admin, ref.ByID(c.ID), "")
	require.NoError(t, err)
	require.ErrorIs(t, w.HideFromCatalog(w.foreign, ref.ByID(c.ID)), learning.ErrCatalogUnknown)
	require.NoError(t, w.HideFromCatalog(w.admin, ref.ByID(c.ID)))
	require.EqualValues(t, 1, w.audited("catalog_item.deleted", item.ID))
}
