package process

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Filter narrows a list of processes. Zero values do not narrow.
type Filter struct {
	Kinds          []models.ProcessKind
	States         []models.ProcessState
	OrganizationID *int64
	SubjectType    string
	SubjectID      int64
	StartedBy      *int64
	From, Until    time.Time // created at or after From and before Until
	Before         int64     // cursor: only ids below it
	Limit          int       // at most and by default store.MaxPage

	seenBy *auth.Principal // only what this caller may see (Desk)
}

// Get gives a process of the context's account. Errors: models.ErrNotFound.
func (s *Service) Get(ctx context.Context, id int64) (models.Process, error) {
	var p models.Process
	if err := s.db.Conn(ctx).Where("id = ?", id).Take(&p).Error; err != nil {
		return p, fmt.Errorf("process: get %d: %w", id, err)
	}
	return p, nil
}

// List gives a page of processes, the newest first. next is the cursor of the
// following page, 0 when there is none.
func (s *Service) List(ctx context.Context, f Filter) (page []models.Process, next int64, err error) {
	q := s.db.Conn(ctx).Order("id DESC")
	if len(f.Kinds) > 0 {
		q = q.Where("kind IN ?", f.Kinds)
	}
	if len(f.States) > 0 {
		q = q.Where("state IN ?", f.States)
	}
	if f.OrganizationID != nil {
		q = q.Where("organization_id = ?", *f.OrganizationID)
	}
	if f.SubjectType != "" {
		q = q.Where("subject_type = ?", f.SubjectType)
	}
	if f.SubjectID != 0 {
		q = q.Where("subject_id = ?", f.SubjectID)
	}
	if f.StartedBy != nil {
		q = q.Where("started_by = ?", *f.StartedBy)
	}
	if !f.From.IsZero() {
		q = q.Where("created_at >= ?", f.From)
	}
	if !f.Until.IsZero() {
		q = q.Where("created_at < ?", f.Until)
	}
	if f.Before > 0 {
		q = q.Where("id < ?", f.Before)
	}
	if f.seenBy != nil {
		if where, args := visible(*f.seenBy); where != "" {
			q = q.Where(where, args...)
		}
	}
	if page, next, err = store.Page(q, f.Limit, func(p models.Process) int64 { return p.ID }); err != nil {
		return nil, 0, fmt.Errorf("process: list: %w", err)
	}
	return page, next, nil
}

// Timeline gives the lines of a process's timeline after an event id (0: from
// the start), oldest first, at most limit (at most and by default store.MaxPage).
// Errors: models.ErrNotFound.
func (s *Service) Timeline(ctx context.Context, id, after int64, limit int) ([]models.ProcessEvent, error) {
	if _, err := s.Get(ctx, id); err != nil {
		return nil, err
	}
	return s.events(ctx, id, after, store.PageSize(limit))
}

func (s *Service) events(ctx context.Context, id, after int64, limit int) ([]models.ProcessEvent, error) {
	var events []models.ProcessEvent
	err := s.db.Conn(ctx).Where("process_id = ? AND id > ?", id, after).Order("id").Limit(limit).Find(&events).Error
	if err != nil {
		return nil, fmt.Errorf("process: timeline of %d: %w", id, err)
	}
	return events, nil
}

// StateCount is the number of processes of a kind in a state.
type StateCount struct {
	Kind  models.ProcessKind
	State models.ProcessState
	Count int64
}

// OpenCounts counts the open processes of all accounts by kind and state, for
// metrics. Ended ones are not counted: their number only grows.
func (s *Service) OpenCounts(ctx context.Context) ([]StateCount, error) {
	var counts []StateCount
	const text = `SELECT kind, state, count(*) AS count FROM processes WHERE ended_at IS NULL GROUP BY kind, state`
	if err := s.db.Query(store.AsSystem(ctx), &counts, text, nil); err != nil {
		return nil, fmt.Errorf("process: counts: %w", err)
	}
	return counts, nil
}
