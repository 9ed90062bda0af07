package learning_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestUpsertChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("NEWS", func(in *learning.ChannelChange) {
		in.Type, in.SubAccount = to(models.CourseTypeStream), input.To("North")
	})
	require.Equal(t, models.CourseTypeStream, c.Type)
	require.Equal(t, models.CourseActive, c.Status)
	require.Equal(t, models.AvailabilityActive, c.Availability)
	require.Equal(t, "North", *c.SubAccount)
	require.False(t, c.Master)
	require.Nil(t, c.MasterIdentifier)
	require.Empty(t, c.Categories)
	require.Equal(t, "https://hub.test/channels/"+c.PublicID, c.Link)
	require.EqualValues(t, 1, w.audited("course.created", c.ID))

	change := func(in learning.ChannelChange) learning.Course {
		in.Identifier = "NEWS"
		created, err := w.UpsertChannel(w.admin, in)
		require.NoError(t, err)
		require.False(t, created)
		return w.read("NEWS")
	}
	// What is not sent stays, and nothing new leaves no trace.
	equal(t, c, change(learning.ChannelChange{}))
	equal(t, c, change(learning.ChannelChange{Name: to(c.Name), Type: to(c.Type), SubAccount: input.To("North")}))
	require.Zero(t, w.audited("course.updated", c.ID))

	got := change(learning.ChannelChange{Name: to(" Company news "), Status: to(models.CourseInactive), SubAccount: input.Cleared[string]()})
	require.Equal(t, "Company news", got.Name)
	require.Equal(t, models.AvailabilityNonActive, got.Availability)
	require.Nil(t, got.SubAccount)
	require.Equal(t, c.CreatedAt, got.CreatedAt)
	require.Equal(t, c.PublicID, got.PublicID)
	require.EqualValues(t, 1, w.audited("course.updated", c.ID))

	// Identifiers are taken as they are, and apart in each account.
	w.channel("news")
	_, err := w.Channel(w.foreign, ref.ByIdentifier("NEWS"))
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	_, err = w.Channel(w.foreign, ref.ByID(c.ID))
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	created, err := w.UpsertChannel(w.foreign, learning.ChannelChange{Identifier: "NEWS", Name: to("x"), Type: to(models.CourseTypeCourse)})
	require.NoError(t, err)
	require.True(t, created)
	_, err = w.UpsertChannel(w.learner, learning.ChannelChange{Identifier: "NEWS"})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.UpsertChannel(context.Background(), learning.ChannelChange{Identifier: "NEWS"})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func TestUpsertChannelRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upsert := func(in learning.ChannelChange) error {
		_, err := w.UpsertChannel(w.admin, in)
		return err
	}
	require.Equal(t, []string{"name:required", "type:required"}, rulesOf(t, upsert(learning.ChannelChange{Identifier: "A"})))
	require.Equal(t, []string{"identifier:required", "name:required", "status:enum", "type:enum"}, rulesOf(t, upsert(learning.ChannelChange{
		Name: to(" "), Type: to(models.CourseType("LESSON")), Status: to(models.CourseDraft),
	})))
	require.Equal(t, []string{"identifier:invalid", "name:too_long"}, rulesOf(t, upsert(learning.ChannelChange{
		Identifier: strings.Repeat("ä", 256), Name: to(strings.Repeat("n", learning.MaxName+1)),
	})))
	require.Equal(t, []string{"identifier:invalid"}, rulesOf(t, upsert(learning.ChannelChange{Identifier: "a\x00b"})))
	for _, name := range []string{"Nowhere", "Closed", "Home", "north", ""} {
		err := upsert(learning.ChannelChange{Identifier: "A", Name: to("A"), Type: to(models.CourseTypeCourse), SubAccount: input.To(name)})
		require.ErrorIs(t, err, errNoSubAccount, name)
	}
	require.Zero(t, w.count(`SELECT count(*) FROM courses`, nil), "a refused call changes nothing")

	w.channel(strings.Repeat("ä", 255))
	w.channel("A")
	require.Equal(t, []string{"type:invalid"}, rulesOf(t, upsert(learning.ChannelChange{Identifier: "A", Type: to(models.CourseTypeStream)})))
}

// TestChannelOfClosedOrganization: it is gone for calling systems until the
// organization is opened again; the hub's own administrators see it.
func TestChannelOfClosedOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("A", func(in *learning.ChannelChange) { in.SubAccount = input.To("South") })
	w.setStatus(w.south, models.StatusInactive)
	_, err := w.Channel(w.admin, ref.ByIdentifier("A"))
	require.ErrorIs(t, err, learning.ErrCourseUnknown)
	_, err = w.UpsertChannel(w.admin, learning.ChannelChange{Identifier: "A", Name: to("B"), Type: to(models.CourseTypeCourse)})
	require.ErrorIs(t, err, learning.ErrIdentifierTaken)
	require.ErrorIs(t, w.db.InTx(w.admin, func(ctx context.Context) error {
		_, err := w.LockCourse(ctx, ref.ByIdentifier("A"))
		return err
	}), learning.ErrCourseUnknown)
	seen, err := w.Channel(w.admin, ref.ByID(c.ID))
	require.NoError(t, err)
	require.Equal(t, "South", *seen.SubAccount)
	w.setStatus(w.south, models.StatusActive)
	equal(t, c, w.read("A"))
}

func TestUpsertChannelAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type outcome struct {
		created bool
		err     error
	}
	made := 0
	for _, o := range atOnce(50, func(int) outcome {
		created, err := w.UpsertChannel(w.admin, learning.ChannelChange{Identifier: "A", Name: to("A"), Type: to(models.CourseTypeCourse)})
		return outcome{created, err}
	}) {
		require.NoError(t, o.err)
		if o.created {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM courses`, nil))
	require.EqualValues(t, 1, w.audited("course.created", w.read("A").ID))
}

func TestLockCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.channel("A")
	locked, err := w.LockCourse(w.admin, ref.ByIdentifier("A"))
	require.NoError(t, err)
	equal(t, c.Course, locked)
	locked, err = w.LockCourse(w.admin, ref.ByID(c.ID))
	require.NoError(t, err)
	equal(t, c.Course, locked)
	for _, unknown := range []ref.Ref{{}, ref.ByIdentifier("B"), ref.ByIdentifier("\x00"), ref.ByID(c.ID + 1), ref.ByID(-1)} {
		_, err := w.LockCourse(w.admin, unknown)
		require.ErrorIs(t, err, learning.ErrCourseUnknown)
	}
	// Two may lock it at once; who wants to change it waits.
	require.NoError(t, w.db.InTx(w.admin, func(first context.Context) error {
		if _, err := w.LockCourse(first, ref.ByIdentifier("A")); err != nil {
			return err
		}
		return w.db.InTx(w.admin, func(second context.Context) error {
			if _, err := w.LockCourse(second, ref.ByIdentifier("A")); err != nil {
				return err
			}
			var n int64
			err := w.db.InTx(w.admin, func(third context.Context) error {
				return w.db.Query(third, &n, `SELECT count(*) FROM (SELECT id FROM courses WHERE account_id = @account_id FOR NO KEY UPDATE SKIP LOCKED) free`, store.Args{})
			})
			require.Zero(t, n)
			return err
		})
	}))
}
