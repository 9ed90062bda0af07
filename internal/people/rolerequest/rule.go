package rolerequest

import (
	"time"

	"quad/internal/config"
	"quad/models"
)

// Next tells what is due next for a request, and when. A moment that has
// passed means: now. Past the deadline a request only expires, since whoever
// was to be reminded can't decide any more. An escalation goes before a
// reminder of the same moment, since its mail says more.
func Next(r models.RoleRequest, now time.Time) (models.RoleRequestAction, time.Time) {
	if !r.Status.Open() {
		return models.RoleRequestNone, time.Time{}
	}
	action, at := models.RoleRequestExpire, r.ExpiresAt
	if !now.Before(r.ExpiresAt) {
		return action, at
	}
	if r.RemindAt.Before(at) {
		action, at = models.RoleRequestRemind, r.RemindAt
	}
	if r.EscalatedAt == nil && r.EscalateAt.Before(r.ExpiresAt) && !r.EscalateAt.After(at) {
		action, at = models.RoleRequestEscalate, r.EscalateAt
	}
	return action, at
}

// due tells whether an action is what has to be done at a moment.
func due(r models.RoleRequest, action models.RoleRequestAction, now time.Time) bool {
	next, at := Next(r, now)
	return next == action && !now.Before(at)
}

// reminderAfter is the first moment of the reminders' rhythm that lies after
// now. Reminders missed in a downtime are not made up for.
func reminderAfter(r models.RoleRequest, now time.Time) time.Time {
	every := time.Duration(r.RemindEvery) * time.Second
	if now.Before(r.RemindAt) || every <= 0 {
		return r.RemindAt
	}
	missed := now.Sub(r.RemindAt) / every
	return r.RemindAt.Add((missed + 1) * every)
}

// schedule settles for a request made at a moment what is due when.
func schedule(r *models.RoleRequest, c config.RoleRequests, at time.Time) {
	r.CreatedAt, r.UpdatedAt = at, at
	r.RemindAt = at.Add(c.RemindAfter)
	r.RemindEvery = max(1, int(c.RemindEvery/time.Second))
	r.EscalateAt = at.Add(c.EscalateAfter)
	r.ExpiresAt = at.Add(c.ExpireAfter)
}
