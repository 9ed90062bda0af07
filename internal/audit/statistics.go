package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Count is how many events of an action there are about a type of subject.
type Count struct {
	Action, SubjectType       string
	Events, LastDay, LastWeek int64 // all, of the last 24 hours, of the last 7 days
}

// Busy is a person with the number of their events.
type Busy struct {
	UserID int64
	Login  string // the e-mail address, or the user name of who has none
	Events int64
}

// Statistics are counts over the part of the trail that a caller sees.
type Statistics struct {
	Counts  []Count
	Busiest []Busy // at most ten who are not deleted, the busiest first
}

// statistics reads the trail once and groups it both ways.
const statistics = `WITH counted AS MATERIALIZED (
		SELECT a.action, a.subject_type, a.actor_id, grouping(a.actor_id) = 1 AS by_action, count(*) AS events,
			count(*) FILTER (WHERE a.created_at > now() - interval '24 hours') AS day, count(*) FILTER (WHERE a.created_at > now() - interval '7 days') AS week
		FROM audit_events a WHERE a.account_id = @account_id AND (@all OR a.organization_id = ANY(@organizations::bigint[]))
		GROUP BY GROUPING SETS ((a.action, a.subject_type), (a.actor_id))
	), busiest AS (
		SELECT u.id, coalesce(u.email, u.username, '') AS login, c.events FROM counted c JOIN users u ON u.id = c.actor_id AND u.account_id = @account_id
		WHERE NOT c.by_action AND u.status <> 'DELETED' ORDER BY c.events DESC, u.id LIMIT 10
	)
	SELECT action, subject_type, events, day, week, 0 AS user_id FROM counted WHERE by_action
	UNION ALL SELECT '', login, events, 0, 0, id FROM busiest`

// Statistics counts what the caller sees, as Page shows it. One statement.
// Errors: models.ErrForbidden.
func (t *Trail) Statistics(ctx context.Context) (out Statistics, err error) {
	reach, err := t.reach(ctx)
	if err != nil {
		return Statistics{}, err
	}
	args := store.Args{"all": reach.All, "organizations": append([]int64{}, reach.Organizations...)}
	err = t.db.QueryRowsPlanned(ctx, statistics, args, func(row pgx.CollectableRow) error {
		var c Count
		var user int64
		err := row.Scan(&c.Action, &c.SubjectType, &c.Events, &c.LastDay, &c.LastWeek, &user)
		if user != 0 {
			out.Busiest = append(out.Busiest, Busy{UserID: user, Login: c.SubjectType, Events: c.Events})
		} else {
			out.Counts = append(out.Counts, c)
		}
		return err
	})
	if err != nil {
		return Statistics{}, fmt.Errorf("audit: statistics: %w", err)
	}
	return out, nil
}

// EventCount is how many events of a type there are.
type EventCount struct {
	Type    string
	Events  int64
	LastDay int64 // of the last 24 hours
}

// Stream is the state of the stream of events: what happened (the audit trail)
// and the mails that tell people of it. Both are written in the transaction of
// the change, and what is to be done outside of the database follows: the start
// of a process, the delivery of a mail.
type Stream struct {
	Counts  []EventCount // "project.created", and "mail.<template>" for mails
	Pending int64        // mails that are on their way, processes that wait for their start
	Failed  int64        // mails that were given up
	LastAt  *time.Time   // nil: nothing has happened yet
}

// Total is how many events there are.
func (s Stream) Total() (total int64) {
	for _, c := range s.Counts {
		total += c.Events
	}
	return total
}

// Processed is how many are neither pending nor failed.
func (s Stream) Processed() int64 { return s.Total() - s.Pending - s.Failed }

// A process that waits for its start is the event of its creation, which is
// pending until then.
const stream = `WITH days AS (SELECT now() - interval '24 hours' AS ago)
	SELECT a.action AS type, count(*), count(*) FILTER (WHERE a.created_at > (SELECT ago FROM days)), 0 AS pending, 0 AS failed, max(a.created_at)
	FROM audit_events a WHERE a.account_id = @account_id AND a.action <> 'process.created' GROUP BY a.action
	UNION ALL SELECT a.action, count(*), count(*) FILTER (WHERE a.created_at > (SELECT ago FROM days)),
		count(*) FILTER (WHERE p.started_at IS NULL AND p.ended_at IS NULL AND p.id IS NOT NULL), 0, max(a.created_at)
	FROM audit_events a LEFT JOIN processes p ON p.id = a.process_id AND p.account_id = @account_id
	WHERE a.account_id = @account_id AND a.action = 'process.created' GROUP BY a.action
	UNION ALL SELECT 'mail.' || n.template, count(*), count(*) FILTER (WHERE n.created_at > (SELECT ago FROM days)),
		count(*) FILTER (WHERE n.state IN ('pending', 'queued', 'sending')), count(*) FILTER (WHERE n.state = 'dead'), max(n.created_at)
	FROM notifications n WHERE n.account_id = @account_id GROUP BY n.template`

// Stream counts the events of the account, for its admins. One statement, so
// that the numbers belong together. Errors: models.ErrForbidden.
func (t *Trail) Stream(ctx context.Context) (out Stream, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Stream{}, err
	}
	err = t.db.QueryRowsPlanned(ctx, stream, nil, func(row pgx.CollectableRow) error {
		var c EventCount
		var pending, failed int64
		var last time.Time
		if err := row.Scan(&c.Type, &c.Events, &c.LastDay, &pending, &failed, &last); err != nil {
			return err
		}
		out.Counts = append(out.Counts, c)
		out.Pending, out.Failed = out.Pending+pending, out.Failed+failed
		if out.LastAt == nil || out.LastAt.Before(last) {
			out.LastAt = &last
		}
		return nil
	})
	if err != nil {
		return Stream{}, fmt.Errorf("audit: stream: %w", err)
	}
	return out, nil
}
