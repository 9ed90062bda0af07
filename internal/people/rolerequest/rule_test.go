package rolerequest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/models"
)

const day = 24 * time.Hour

type action = models.RoleRequestAction

const (
	none     = models.RoleRequestNone
	remind   = models.RoleRequestRemind
	escalate = models.RoleRequestEscalate
	expire   = models.RoleRequestExpire
)

var asked = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)

func defaults(t *testing.T) config.RoleRequests {
	t.Helper()
	c, err := config.FromMap(map[string]string{})
	require.NoError(t, err)
	return c.Roles
}

func fresh(t *testing.T) models.RoleRequest {
	t.Helper()
	r := models.RoleRequest{Status: models.RoleRequested}
	schedule(&r, defaults(t), asked)
	return r
}

// apply is what the action's transaction does to the row.
func apply(r models.RoleRequest, a action, now time.Time) models.RoleRequest {
	switch a {
	case remind:
		r.RemindAt = reminderAfter(r, now)
		r.Reminders++
	case escalate:
		r.EscalatedAt = &now
	case expire:
		r.Status = models.RoleRequestExpired
	}
	return r
}

func TestScheduleOfAnUndecidedRequest(t *testing.T) {
	type step struct {
		action action
		day    float64
	}
	var got []step
	r, now := fresh(t), asked
	for {
		action, at := Next(r, now)
		if action == none {
			break
		}
		require.False(t, due(r, action, at.Add(-time.Microsecond)), "nothing is due before its time")
		require.True(t, due(r, action, at))
		now = at
		got = append(got, step{action, at.Sub(asked).Hours() / 24})
		r = apply(r, action, at)
	}
	require.Equal(t, []step{{remind, 3}, {remind, 10}, {escalate, 14}, {remind, 17}, {remind, 24}, {expire, 30}}, got)
}

func TestDowntimeBringsOneReminderNotAStorm(t *testing.T) {
	r := fresh(t)
	now := asked.Add(18 * day) // nothing ran since the start
	var got []action
	for a, at := Next(r, now); !now.Before(at); a, at = Next(r, now) {
		got = append(got, a)
		r = apply(r, a, now)
	}
	require.Equal(t, []action{remind, escalate}, got)
	action, at := Next(r, now)
	require.Equal(t, remind, action)
	require.Equal(t, asked.Add(24*day), at, "the rhythm is kept")

	action, _ = Next(fresh(t), asked.Add(45*day))
	require.Equal(t, expire, action, "past the deadline only the end makes sense")
}

func TestDeadlineMoved(t *testing.T) {
	r := fresh(t)
	r.ExpiresAt = asked.Add(2 * day)
	action, at := Next(r, asked)
	require.Equal(t, expire, action, "before the first reminder")
	require.Equal(t, asked.Add(2*day), at)

	r = apply(apply(fresh(t), remind, asked.Add(24*day)), escalate, asked.Add(24*day))
	r.ExpiresAt = asked.Add(60 * day)
	action, at = Next(r, asked)
	require.Equal(t, remind, action, "reminders go on to the new deadline")
	require.Equal(t, asked.Add(31*day), at)
}

func TestClosedRequestsHaveNothingDue(t *testing.T) {
	for _, s := range []models.RoleRequestStatus{models.RoleRequestApproved, models.RoleRequestRejected, models.RoleRequestExpired, models.RoleRequestWithdrawn} {
		r := fresh(t)
		r.Status = s
		action, _ := Next(r, asked)
		require.Equal(t, none, action, s)
		action, _ = Next(r, asked.Add(90*day))
		require.Equal(t, none, action, s)
	}
	r := fresh(t)
	r.Status = models.RoleRequestUnderReview
	action, _ := Next(r, asked)
	require.Equal(t, remind, action, "a review that nobody finishes is reminded of as well")
}

func TestDecisionCountsByTheTimeItWasMade(t *testing.T) {
	r := fresh(t)
	require.True(t, r.DecidableAs(models.RoleRequestApproved, r.ExpiresAt.Add(-time.Microsecond)))
	require.False(t, r.DecidableAs(models.RoleRequestApproved, r.ExpiresAt))
	require.False(t, r.DecidableAs(models.RoleRequested, asked))
	r.Status = models.RoleRequestUnderReview
	require.False(t, r.DecidableAs(models.RoleRequestUnderReview, asked), "the same state again")
	require.True(t, r.DecidableAs(models.RoleRequestRejected, asked))
}

func TestShortestRhythm(t *testing.T) {
	c := defaults(t)
	c.RemindEvery = time.Millisecond
	r := models.RoleRequest{Status: models.RoleRequested}
	schedule(&r, c, asked)
	require.Equal(t, 1, r.RemindEvery, "the row counts in seconds, and never zero")
}
