package certification

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Swept is how far a sweep has come.
type Swept struct {
	Done     int64 `json:"done"` // certificates of people that were looked at
	Warned   int64 `json:"warned"`
	Expired  int64 `json:"expired"`
	Reminded int64 `json:"reminded"` // mails to learners
	// More tells that the sweep was stopped before the end, Cancelled that
	// somebody asked for that.
	More      bool `json:"more,omitempty"`
	Cancelled bool `json:"cancelled,omitempty"`
}

func (w Swept) counters() map[string]int64 {
	return map[string]int64{"warned": w.Warned, "expired": w.Expired, "reminded": w.Reminded}
}

// Sweep writes down what time has done to the certificates of an account's
// people and reminds of those that are required, in batches of one transaction
// each, until nothing is due, stop says so or the process is to be cancelled.
// Where a sweep that ended in between goes on is in the rows: what was dealt
// with is not due any more. Several sweeps at once share the work.
func (s *Service) Sweep(ctx context.Context, in models.ProcessInput, stop func() bool, heartbeat func(Swept)) (Swept, error) {
	r, err := s.begin(ctx, in)
	if err != nil || r.Cancelled {
		return r.Swept, err
	}
	// Those that nobody is told of are the most by far, and the database does
	// them alone.
	for _, batch := range []func(context.Context, *run) (*store.Place, error){s.settleBatch, s.remindBatch} {
		var after *store.Place
		for {
			if after, err = s.sweepBatch(ctx, &r, after, batch); err != nil {
				return r.Swept, fmt.Errorf("certification: sweep: %w", err)
			}
			heartbeat(r.Swept)
			if r.Cancelled {
				return r.Swept, nil
			}
			if after == nil {
				break
			}
			if stop() {
				r.More = true
				return r.Swept, nil
			}
		}
	}
	return r.Swept, nil
}

// run is one call of Sweep.
type run struct {
	Swept
	process int64
	total   int64 // as far as it is known
	now     time.Time
	after   store.Place // where the batch begins
}

// begin makes the process a running one and reads how far an earlier try came.
// A process that ended meanwhile counts as cancelled.
func (s *Service) begin(ctx context.Context, in models.ProcessInput) (run, error) {
	r := run{process: in.ProcessID}
	p, err := s.d.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: StageSweep})
	switch {
	case errors.Is(err, process.ErrEnded):
		r.Cancelled = true
		return r, nil
	case err != nil:
		return r, fmt.Errorf("certification: sweep: %w", err)
	}
	if err := json.Unmarshal(p.Counters, &r.Swept); err != nil {
		return r, fmt.Errorf("certification: counters of process %d: %w", p.ID, err)
	}
	r.Done, r.Cancelled = p.Done, p.CancelRequestedAt != nil
	err = s.d.DB.Query(ctx, &r.total, `SELECT count(*) FROM user_certificates WHERE account_id = @account_id AND due_at <= @now`, store.Args{"now": s.d.Clock()})
	if err != nil {
		return r, fmt.Errorf("certification: sweep: %w", err)
	}
	r.total += r.Done
	return r, nil
}

// sweepBatch does a batch in one transaction with the figures of the process.
// It gives the place of the batch's last link, nil if there was none.
func (s *Service) sweepBatch(ctx context.Context, r *run, after *store.Place, batch func(context.Context, *run) (*store.Place, error)) (last *store.Place, err error) {
	next := *r
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		next = *r
		next.now, next.after = s.d.Clock(), store.Place{}
		if after != nil {
			next.after = *after
		}
		if last, err = batch(ctx, &next); err != nil {
			return err
		}
		next.Cancelled, err = s.d.Process.Progress(ctx, nil, r.process, process.Progress{
			Done: next.Done, Total: max(next.total, next.Done), Stage: StageSweep, Counters: next.counters(),
		})
		if errors.Is(err, process.ErrEnded) { // by an operator: what is done is done
			next.Cancelled, err = true, nil
		}
		return err
	})
	if err == nil {
		*r = next
	}
	return last, err
}

// dueLinks locks what is due, behind a place in the order of the index. Rows
// that somebody else is changing are theirs: they settle them, or the next
// sweep does. A row that was changed before it could be locked is looked at
// again as it is then.
const dueLinks = `
    SELECT * FROM user_certificates
    WHERE account_id = @account_id AND due_at <= @now AND (due_at, id) > (CAST(@after_at AS timestamptz), CAST(@after_id AS bigint)) AND %s
    ORDER BY due_at, id LIMIT @batch FOR UPDATE SKIP LOCKED`

func (r *run) args(batch int) store.Args {
	return store.Args{"now": r.now, "after_at": r.after.At, "after_id": r.after.ID, "batch": batch, "process": r.process}
}

// settleOptional is link.settle for links that are not required, in SQL: a
// batch in one statement.
var settleOptional = `
WITH due AS MATERIALIZED (` + fmt.Sprintf(dueLinks, "NOT required") + `
), written AS (
    UPDATE user_certificates l SET state = d.becomes, updated_at = now(),
        due_at = CASE d.becomes WHEN 'CERTIFIED' THEN l.warns_at WHEN 'ABOUT_TO_EXPIRE' THEN l.expires_at END
    FROM (SELECT id, certificate_state(state, warns_at, expires_at, CAST(@now AS timestamptz)) AS becomes FROM due) d
    WHERE l.account_id = @account_id AND l.id = d.id
), moves AS (
    INSERT INTO certificate_transitions (account_id, user_certificate_id, certificate_id, user_id, from_state, to_state, reason, process_id, at)
    SELECT @account_id, d.id, d.certificate_id, d.user_id, m.was, m.becomes, m.reason, CAST(@process AS bigint), m.at
    FROM due d CROSS JOIN LATERAL (VALUES
        (1, d.state = 'CERTIFIED', d.warns_at, 'CERTIFIED', 'ABOUT_TO_EXPIRE', '` + reasonWarned + `'),
        (2, d.state IN ('CERTIFIED', 'ABOUT_TO_EXPIRE'), d.expires_at, 'ABOUT_TO_EXPIRE', 'EXPIRED', '` + reasonExpired + `')
    ) AS m (n, applies, at, was, becomes, reason)
    WHERE m.applies AND m.at <= CAST(@now AS timestamptz)
    ORDER BY d.id, m.n
    RETURNING to_state
)
SELECT (SELECT count(*) FROM due) AS done, e.due_at AS at, e.id, m.warned, m.expired
FROM (SELECT count(*) FILTER (WHERE to_state = 'ABOUT_TO_EXPIRE') AS warned, count(*) FILTER (WHERE to_state = 'EXPIRED') AS expired FROM moves) m
LEFT JOIN (SELECT due_at, id FROM due ORDER BY due_at DESC, id DESC LIMIT 1) e ON true`

// settleBatch settles links that nobody is told of.
func (s *Service) settleBatch(ctx context.Context, r *run) (last *store.Place, err error) {
	var out struct {
		Done, Warned, Expired int64
		At                    *time.Time
		ID                    *int64
	}
	if err := s.d.DB.Query(ctx, &out, settleOptional, r.args(s.batch)); err != nil {
		return nil, err
	}
	r.Done, r.Warned, r.Expired = r.Done+out.Done, r.Warned+out.Warned, r.Expired+out.Expired
	if out.At != nil && out.ID != nil {
		last = &store.Place{At: *out.At, ID: *out.ID}
	}
	return last, nil
}

// remindBatch settles required links and tells their people: states,
// transitions, ledger and mails.
func (s *Service) remindBatch(ctx context.Context, r *run) (last *store.Place, err error) {
	var links []*link
	if err := s.d.DB.Query(ctx, &links, fmt.Sprintf(dueLinks, "required"), r.args(s.batch)); err != nil || len(links) == 0 {
		return nil, err
	}
	end := links[len(links)-1]
	last = &store.Place{At: *end.DueAt, ID: end.ID}
	holders, err := s.holders(ctx, links)
	if err != nil {
		return nil, err
	}
	var told told
	for _, l := range links {
		if err := l.settle(r.now, time.Time{}); err != nil {
			return nil, err
		}
		for _, m := range l.moves {
			switch m.to {
			case models.CertificateAboutToExpire:
				r.Warned++
			case models.CertificateExpired:
				r.Expired++
			}
		}
		told.add(l, l.notices(s.d.Config.ReminderDays, r.now), holders[l.ID], r.process)
	}
	r.Done += int64(len(links))
	r.Reminded += int64(len(told.mails))
	if err := s.writeLinks(ctx, r.now, links, &r.process); err != nil {
		return nil, err
	}
	return last, s.tell(ctx, r.now, told, r.process)
}

// holder is whom notices about a link are for.
type holder struct {
	ID             int64 // of the link
	Email          *string
	Status         models.Status
	OrganizationID int64
	Dealt          pq.Int64Array `gorm:"type:bigint[]"`
}

// holders reads the people of locked links that are required, and which
// thresholds are dealt with.
func (s *Service) holders(ctx context.Context, links []*link) (map[int64]holder, error) {
	ids := make(pq.Int64Array, len(links))
	for i, l := range links {
		ids[i] = l.ID
	}
	var rows []holder
	err := s.d.DB.Query(ctx, &rows, `SELECT l.id, u.email, u.status, u.organization_id,`+dealt+`
FROM user_certificates l JOIN users u ON u.id = l.user_id
WHERE l.account_id = @account_id AND l.id = ANY(CAST(@ids AS bigint[]))`, store.Args{"ids": ids})
	byLink := make(map[int64]holder, len(rows))
	for _, h := range rows {
		byLink[h.ID] = h
	}
	for _, l := range links {
		l.Dealt = byLink[l.ID].Dealt
	}
	return byLink, err
}

// told is what a batch tells people, and what it decides not to.
type told struct {
	ledger []noticeRow
	mails  []notify.Message
}

// noticeRow is a row of certificate_notices.
type noticeRow struct {
	LinkID  int64   `json:"link"`
	IssueID int64   `json:"issue"`
	Days    int     `json:"days"`
	Unsent  *string `json:"unsent"` // why no mail goes out
}

func (t *told) add(l *link, notices []notice, h holder, process int64) {
	for _, n := range notices {
		row := noticeRow{LinkID: l.ID, IssueID: *l.IssueID, Days: n.days}
		switch {
		case n.late:
			row.Unsent = new(unsentLate)
		case h.Status != models.StatusActive:
			row.Unsent = new(unsentInactive)
		case h.Email == nil:
			row.Unsent = new(unsentNoAddress)
		default:
			t.mails = append(t.mails, reminder(l, n.days, h, process))
		}
		t.ledger = append(t.ledger, row)
	}
}

// tell writes the ledger, whose key lets no notice through twice, and the mails.
func (s *Service) tell(ctx context.Context, now time.Time, t told, process int64) error {
	if len(t.ledger) == 0 {
		return nil
	}
	ledger, err := json.Marshal(t.ledger)
	if err != nil {
		return fmt.Errorf("encode notices: %w", err)
	}
	_, err = s.d.DB.Exec(ctx, `INSERT INTO certificate_notices (account_id, user_certificate_id, issue_id, days, sent, unsent, process_id, at)
SELECT @account_id, n.link, n.issue, n.days, n.unsent IS NULL, n.unsent, CAST(@process AS bigint), CAST(@now AS timestamptz)
FROM jsonb_to_recordset(CAST(@ledger AS jsonb)) AS n (link bigint, issue bigint, days integer, unsent text)`,
		store.Args{"ledger": string(ledger), "process": process, "now": now})
	if err != nil || len(t.mails) == 0 {
		return err
	}
	return s.d.Notify.Send(ctx, t.mails...)
}
