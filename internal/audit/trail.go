package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Trail reads the audit trail by time, as far as a caller sees it. It is safe
// for concurrent use.
type Trail struct {
	db   *store.DB
	auth *auth.Service
}

// NewTrail makes a Trail. Errors: a missing dependency.
func NewTrail(db *store.DB, sessions *auth.Service) (*Trail, error) {
	if db == nil || sessions == nil {
		return nil, errors.New("audit: database and sign-in core are needed")
	}
	return &Trail{db: db, auth: sessions}, nil
}

// Actions chooses among the actions of events: those that are named, and of the
// rest, except those of Except, the ones whose last word is among LastWords, or
// with Others is not. "course.user_removed" ends with "removed".
type Actions struct {
	Named     []string
	Except    []string
	LastWords []string
	Others    bool
}

// Query says which events to read. Zero values do not narrow.
type Query struct {
	ActorID     *int64
	Actions     *Actions
	SubjectType string
	SubjectID   *int64
	From, To    *time.Time // days, both included, in UTC
	Offset      int
	Limit       int // at most and by default store.MaxPage
}

// Entry is an event as it is shown.
type Entry struct {
	models.AuditEvent
	ActorEmail *string // nil also for somebody who is deleted
	TenantID   *int64  // the organization, unless it is the default one
}

// lastWord is the last word of an action, in SQL.
const lastWord = `substring(a.action FROM '[a-z]+$')`

// conditions are what a query means in SQL, of audit_events a.
func (q Query) conditions(reach auth.Reach) (string, store.Args) {
	where, args := `a.account_id = @account_id`, store.Args{"limit": store.PageSize(q.Limit), "offset": q.Offset}
	add := func(condition, name string, value any) {
		where += ` AND ` + condition
		args[name] = value
	}
	if !reach.All {
		add(`a.organization_id = ANY(@organizations::bigint[])`, "organizations", append([]int64{}, reach.Organizations...))
	}
	if q.ActorID != nil {
		add(`a.actor_id = @actor`, "actor", *q.ActorID)
	}
	if a := q.Actions; a != nil {
		args["except"], args["words"], args["others"] = append([]string{}, a.Except...), append([]string{}, a.LastWords...), a.Others
		add(`(a.action = ANY(@named::text[]) OR a.action <> ALL(@except::text[])
			AND (coalesce(`+lastWord+`, '') = ANY(@words::text[])) <> @others)`, "named", append([]string{}, a.Named...))
	}
	if q.SubjectType != "" {
		add(`a.subject_type = @subject_type`, "subject_type", q.SubjectType)
	}
	if q.SubjectID != nil {
		add(`a.subject_id = @subject`, "subject", *q.SubjectID)
	}
	if q.From != nil {
		add(`a.created_at >= @from`, "from", *q.From)
	}
	if q.To != nil {
		add(`a.created_at < @to`, "to", q.To.AddDate(0, 0, 1))
	}
	return where, args
}

// Page gives a page of the events that match, the newest first, and how many
// match: all of the account to its admins, to org_admins those of the
// organizations that they are members of. Two statements at most. Errors:
// models.ErrForbidden for everyone else.
func (t *Trail) Page(ctx context.Context, q Query) (page []Entry, total int64, err error) {
	reach, err := t.reach(ctx)
	if err != nil {
		return nil, 0, err
	}
	where, args := q.conditions(reach)
	if err := t.db.QueryRowsPlanned(ctx, `SELECT count(*) FROM audit_events a WHERE `+where, args, func(row pgx.CollectableRow) error {
		return row.Scan(&total)
	}); err != nil {
		return nil, 0, fmt.Errorf("audit: count: %w", err)
	}
	if int64(q.Offset) >= total {
		return nil, total, nil
	}
	err = t.db.QueryRowsPlanned(ctx, `SELECT a.id, a.actor_id, CASE WHEN u.status <> 'DELETED' THEN u.email END,
			CASE WHEN NOT coalesce(o.is_default, false) THEN a.organization_id END,
			a.action, a.subject_type, a.subject_id, a.data, a.ip, a.user_agent, a.created_at
		FROM (SELECT a.* FROM audit_events a WHERE `+where+` ORDER BY a.created_at DESC, a.id DESC LIMIT @limit OFFSET @offset) a
			LEFT JOIN users u ON u.id = a.actor_id AND u.account_id = a.account_id
			LEFT JOIN organizations o ON o.id = a.organization_id AND o.account_id = a.account_id
		ORDER BY a.created_at DESC, a.id DESC`, args, func(row pgx.CollectableRow) error {
		var e Entry
		var data []byte
		err := row.Scan(&e.ID, &e.ActorID, &e.ActorEmail, &e.TenantID, &e.Action, &e.SubjectType, &e.SubjectID, &data, &e.IP, &e.UserAgent, &e.CreatedAt)
		e.Data = json.RawMessage(data)
		page = append(page, e)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("audit: page: %w", err)
	}
	return page, total, nil
}

// reach is what the caller sees of the trail.
func (t *Trail) reach(ctx context.Context) (auth.Reach, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin); err != nil {
		return auth.Reach{}, err
	}
	return t.auth.Reach(ctx)
}

// Forget takes from the trail from where people acted who are being deleted.
func Forget(ctx context.Context, db *store.DB, userIDs ...int64) error {
	err := db.Conn(ctx).Model(&models.AuditEvent{}).Where("actor_id IN ? AND (ip IS NOT NULL OR user_agent IS NOT NULL)", userIDs).
		Updates(map[string]any{"ip": nil, "user_agent": nil}).Error
	if err != nil {
		return fmt.Errorf("audit: forget: %w", err)
	}
	return nil
}
