package notify

import (
	"context"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// ErrNotDead is what Revive answers for a mail that is not dead.
var ErrNotDead = models.Refuse(models.KindConflict, "notification.not_dead", "only a dead mail can be revived")

// Filter narrows a list of mails. Zero values do not narrow.
type Filter struct {
	States         []models.NotificationState
	Template       string
	Recipient      string
	OrganizationID *int64
	UserID         *int64
	ProcessID      *int64
	From, Until    time.Time // created at or after From and before Until
	Before         int64     // cursor: only ids below it
	Limit          int       // at most and by default store.MaxPage

	seenBy *auth.Principal // only what this caller may see (Desk)
}

// Get gives a mail of the context's account. Errors: models.ErrNotFound.
func (s *Service) Get(ctx context.Context, id int64) (models.Notification, error) {
	var n models.Notification
	if err := s.db.Conn(ctx).Where("id = ?", id).Take(&n).Error; err != nil {
		return n, fmt.Errorf("notify: get %d: %w", id, err)
	}
	return n, nil
}

// List gives a page of mails, the newest first. next is the cursor of the
// following page, 0 when there is none.
func (s *Service) List(ctx context.Context, f Filter) (page []models.Notification, next int64, err error) {
	q := s.db.Conn(ctx).Order("id DESC")
	if len(f.States) > 0 {
		q = q.Where("state IN ?", f.States)
	}
	if f.Template != "" {
		q = q.Where("template = ?", f.Template)
	}
	if f.Recipient != "" {
		q = q.Where("recipient = ?", models.NormalizeEmail(f.Recipient))
	}
	for column, id := range map[string]*int64{"organization_id": f.OrganizationID, "user_id": f.UserID, "process_id": f.ProcessID} {
		if id != nil {
			q = q.Where(column+" = ?", *id)
		}
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
	if page, next, err = store.Page(q, f.Limit, func(n models.Notification) int64 { return n.ID }); err != nil {
		return nil, 0, fmt.Errorf("notify: list: %w", err)
	}
	return page, next, nil
}

const reviveMail = `
WITH m AS (
    UPDATE notifications SET state = 'pending', attempts = 0, next_attempt_at = now(), updated_at = now()
    WHERE account_id = @account_id AND id = @id AND state = 'dead'
    RETURNING *), woken AS (SELECT pg_notify('quad_notifications', '') FROM m)
SELECT m.* FROM m LEFT JOIN woken ON true`

// Revive has a dead mail tried again with all its attempts. Errors: ErrNotDead,
// models.ErrNotFound.
func (s *Service) Revive(ctx context.Context, id int64) (models.Notification, error) {
	var n models.Notification
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Query(ctx, &n, reviveMail, store.Args{"id": id}); err != nil {
			return err
		}
		if n.ID == 0 {
			if _, err := s.Get(ctx, id); err != nil {
				return err
			}
			return ErrNotDead
		}
		return audit.Write(ctx, s.db, audit.Event{
			Action: "notification.revived", SubjectType: "notification", SubjectID: id, OrganizationID: n.OrganizationID, ProcessID: n.ProcessID,
		})
	})
	if err != nil {
		return models.Notification{}, fmt.Errorf("notify: revive %d: %w", id, err)
	}
	return n, nil
}
