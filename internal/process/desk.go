package process

import (
	"context"
	"encoding/json"
	"time"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Desk is what the caller of the context may see and do of processes: the
// account's admins all of them, an organization's admins those of their
// organization, everybody those they have started. Any other process does not
// exist for them. What a kind of process allows its people beyond that is up to
// its handler.
type Desk struct{ s *Service }

// Desk gives the callers' side of the service.
func (s *Service) Desk() Desk { return Desk{s} }

// HolderHandler is what a Handler may implement besides, for processes that
// wait for people.
type HolderHandler interface {
	// Holders tells who can move the process on now.
	Holders(ctx context.Context, p models.Process) (Hold, error)
}

// Hold says who holds a process now and what happens when nobody acts.
type Hold struct {
	Holders  []Holder // nobody when the process waits for nobody
	Deadline *time.Time
	Next     string // what happens next by itself, a stable word; "none": nothing
	NextAt   *time.Time
}

// Holder is somebody who can move a process on.
type Holder struct {
	ID   int64
	Name string
	Role string // by which they can
}

// HoldNone is the Next of a process that nothing happens to by itself.
const HoldNone = "none"

// sees tells whether a caller may know of a process; visible says the same in
// SQL.
func sees(caller auth.Principal, p models.Process) bool {
	switch {
	case caller.Has(models.RoleAdmin):
		return true
	case p.StartedBy != nil && *p.StartedBy == caller.UserID:
		return true
	}
	return caller.Has(models.RoleOrgAdmin) && p.OrganizationID != nil && *p.OrganizationID == caller.OrganizationID
}

func visible(caller auth.Principal) (where string, args []any) {
	switch {
	case caller.Has(models.RoleAdmin):
		return "", nil
	case caller.Has(models.RoleOrgAdmin):
		return "(organization_id = ? OR started_by = ?)", []any{caller.OrganizationID, caller.UserID}
	}
	return "started_by = ?", []any{caller.UserID}
}

// Start makes a process of a kind for the caller, as Service.Start does. made
// is false when the request came before and p is its outcome.
func (d Desk) Start(ctx context.Context, kind models.ProcessKind, input json.RawMessage, idempotencyKey string) (p models.Process, made bool, err error) {
	if _, err := auth.Caller(ctx); err != nil {
		return models.Process{}, false, err
	}
	var created int64
	p, err = d.s.Start(context.WithValue(ctx, createdKey{}, &created), kind, input, idempotencyKey)
	return p, err == nil && p.ID == created, err
}

// createdKey carries a place for the id of the process that Create commits in
// the course of one Desk.Start.
type createdKey struct{}

func noteCreated(ctx context.Context, id int64) {
	if place, ok := ctx.Value(createdKey{}).(*int64); ok {
		store.AfterCommit(ctx, func(context.Context) { *place = id })
	}
}

// Get gives a process that the caller sees. Errors: models.ErrNotFound.
func (d Desk) Get(ctx context.Context, id int64) (models.Process, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return models.Process{}, err
	}
	p, err := d.s.Get(ctx, id)
	if err == nil && !sees(caller, p) {
		return models.Process{}, models.ErrNotFound
	}
	return p, err
}

// List gives a page of the processes that the caller sees, as Service.List.
func (d Desk) List(ctx context.Context, f Filter) (page []models.Process, next int64, err error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	f.seenBy = &caller
	return d.s.List(ctx, f)
}

// Timeline gives the lines of a process's timeline after an event id (0: from
// the start), oldest first. next is the id to go on after, 0 when there are no
// more lines now. Errors: models.ErrNotFound.
func (d Desk) Timeline(ctx context.Context, id, after int64, limit int) (page []models.ProcessEvent, next int64, err error) {
	if _, err := d.Get(ctx, id); err != nil {
		return nil, 0, err
	}
	limit = store.PageSize(limit)
	page, err = d.s.events(ctx, id, after, limit+1)
	page, next = store.Cut(page, limit, func(e models.ProcessEvent) int64 { return e.ID })
	return page, next, err
}

// Follow opens a stream of a process's events after an event id. ended tells
// that the process has ended and that there is nothing to give; then there is
// no stream. Errors: models.ErrNotFound, ErrTooManyStreams.
func (d Desk) Follow(ctx context.Context, id, after int64) (stream *Stream, ended bool, err error) {
	p, err := d.Get(ctx, id)
	if err != nil {
		return nil, false, err
	}
	if p.State.Final() {
		left, err := d.s.events(ctx, id, after, 1)
		if err != nil || len(left) == 0 {
			return nil, err == nil, err
		}
	}
	stream, err = d.s.Subscribe(ctx, id, after)
	return stream, false, err
}

// Cancel asks a process that the caller sees to stop, as Service.Cancel.
func (d Desk) Cancel(ctx context.Context, id int64) (models.Process, error) {
	if _, err := d.Get(ctx, id); err != nil {
		return models.Process{}, err
	}
	return d.s.Cancel(ctx, id)
}

// Retry makes the next attempt of a process that the caller sees, as
// Service.Retry.
func (d Desk) Retry(ctx context.Context, id int64) (models.Process, error) {
	if _, err := d.Get(ctx, id); err != nil {
		return models.Process{}, err
	}
	return d.s.Retry(ctx, id)
}

// Decide brings the caller's decision to a process that they see, and gives the
// process as it is afterwards. Errors: models.ErrForbidden when deciding is not
// up to them, and those of Service.Decide.
func (d Desk) Decide(ctx context.Context, id int64, decision Decision) (models.Process, error) {
	if _, err := d.Get(ctx, id); err != nil {
		return models.Process{}, err
	}
	switch err := d.s.Decide(ctx, id, decision); {
	case models.KindOf(err) == models.KindNotFound:
		return models.Process{}, models.ErrForbidden.With(err) // they know that it exists
	case err != nil:
		return models.Process{}, err
	}
	return d.s.Get(ctx, id)
}

// Holders tells who holds a process that the caller sees.
func (d Desk) Holders(ctx context.Context, id int64) (Hold, error) {
	p, err := d.Get(ctx, id)
	if err != nil {
		return Hold{}, err
	}
	if h, ok := d.s.handler(p).(HolderHandler); ok && !p.State.Final() {
		return h.Holders(ctx, p)
	}
	return Hold{Next: HoldNone}, nil
}

// OpenStreams is the number of event streams that this replica serves now.
func (s *Service) OpenStreams() int {
	s.waking.mu.Lock()
	defer s.waking.mu.Unlock()
	return s.waking.streams
}
