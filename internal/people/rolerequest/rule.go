package rolerequest

import (
	"time"

	"quad/internal/config"
	"quad/models"
)

// Action is what time makes of an open request.
type Action string

// The actions. None: the request is closed, nothing will ever be due.
const (
	None     Action = "none"
	Remind   Action = "remind"   // mail to those who can decide
	Escalate Action = "escalate" // the account's admins are told and can decide too
	Expire   Action = "expire"   // closed without a decision
)

// Next tells what is due next for a request, and when. A moment that has
// passed means: now. Past the deadline nothing but Expire makes sense; an
// escalation goes before a reminder of the same moment, since its mail says
// more.
func Next(r models.RoleRequest) (Action, time.Time) {
	if !r.Status.Open() {
		return None, time.Time{}
	}
	action, at := Expire, r.ExpiresAt
	if r.RemindAt.Before(at) {
		action, at = Remind, r.RemindAt
	}
	if r.EscalatedAt == nil && r.EscalateAt.Before(r.ExpiresAt) && !r.EscalateAt.After(at) {
		action, at = Escalate, r.EscalateAt
	}
	return action, at
}

// DueAt is what has to be done at a moment; None if nothing is due yet. Unlike
// the order of Next, a request past its deadline only expires: whoever was to
// be reminded can't decide any more.
func DueAt(r models.RoleRequest, now time.Time) Action {
	if r.Status.Open() && !now.Before(r.ExpiresAt) {
		return Expire
	}
	if action, at := Next(r); action != None && !now.Before(at) {
		return action
	}
	return None
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
