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
	w, total, err := s.begin(ctx, in)
	if err != nil || w.Cancelled {
		return w, err
	}
	var after store.Place
	for {
		next, last, err := s.sweepBatch(ctx, in, w, total, after)
		if err != nil {
			return w, fmt.Errorf("certification: sweep: %w", err)
		}
		w = next
		heartbeat(w)
		if last == nil || w.Cancelled {
			return w, nil
		}
		if stop() {
			w.More = true
			return w, nil
		}
		after = *last
	}
}

// begin makes the process a running one and reads how far an earlier try came.
// A process that ended meanwhile counts as cancelled.
func (s *Service) begin(ctx context.Context, in models.ProcessInput) (w Swept, total int64, err error) {
	p, err := s.d.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: StageSweep})
	switch {
	case errors.Is(err, process.ErrEnded):
		return Swept{Cancelled: true}, 0, nil
	case err != nil:
		return w, 0, fmt.Errorf("certification: sweep: %w", err)
	}
	if err := json.Unmarshal(p.Counters, &w); err != nil {
		return w, 0, fmt.Errorf("certification: counters of process %d: %w", p.ID, err)
	}
	w.Done, w.Cancelled = p.Done, p.CancelRequestedAt != nil
	var due int64
	err = s.d.DB.Query(ctx, &due, `SELECT count(*) FROM user_certificates WHERE account_id = @account_id AND due_at <= @now`, store.Args{"now": s.d.Clock()})
	if err != nil {
		return w, 0, fmt.Errorf("certification: sweep: %w", err)
	}
	return w, w.Done + due, nil
}

// dueLinks locks what is due, behind a place in the order of the index. Rows
// that somebody else is changing are theirs: they settle them, or the next
// sweep does. A row that was changed while this waited for nothing is looked at
// again as it is now.
const dueLinks = `
SELECT * FROM user_certificates
WHERE account_id = @account_id AND due_at <= @now AND (due_at, id) > (CAST(@after_at AS timestamptz), CAST(@after_id AS bigint))
ORDER BY due_at, id LIMIT @batch FOR UPDATE SKIP LOCKED`

// sweepBatch deals with up to batchSize links in one transaction: states,
// transitions, ledger, mails and the figures of the process. last is the place
// of the batch's last one, nil if there was none.
func (s *Service) sweepBatch(ctx context.Context, in models.ProcessInput, w Swept, total int64, after store.Place) (next Swept, last *store.Place, err error) {
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		next, last = w, nil
		now := s.d.Clock()
		var links []*link
		args := store.Args{"now": now, "after_at": after.At, "after_id": after.ID, "batch": batchSize}
		if err := s.d.DB.Query(ctx, &links, dueLinks, args); err != nil {
			return err
		}
		if len(links) > 0 {
			end := links[len(links)-1]
			last = &store.Place{At: *end.DueAt, ID: end.ID}
		}
		holders, err := s.holders(ctx, links)
		if err != nil {
			return err
		}
		var told told
		for _, l := range links {
			if err := l.settle(now, time.Time{}); err != nil {
				return err
			}
			for _, m := range l.moves {
				switch m.to {
				case models.CertificateAboutToExpire:
					next.Warned++
				case models.CertificateExpired:
					next.Expired++
				}
			}
			told.add(l, l.notices(s.d.Config.ReminderDays, now), holders[l.ID], in.ProcessID)
		}
		next.Done += int64(len(links))
		next.Reminded += int64(len(told.mails))
		if err := s.writeLinks(ctx, now, links, &in.ProcessID); err != nil {
			return err
		}
		if err := s.tell(ctx, now, told, in.ProcessID); err != nil {
			return err
		}
		next.Cancelled, err = s.d.Process.Progress(ctx, nil, in.ProcessID, process.Progress{
			Done: next.Done, Total: max(total, next.Done), Stage: StageSweep, Counters: next.counters(),
		})
		if errors.Is(err, process.ErrEnded) { // by an operator: what is done is done
			next.Cancelled, err = true, nil
		}
		return err
	})
	return next, last, err
}

// holder is whom notices about a link are for.
type holder struct {
	ID             int64 // of the link
	Email          *string
	Status         models.Status
	OrganizationID int64
	Dealt          pq.Int64Array `gorm:"type:bigint[]"`
}

// holders reads, for the required ones of locked links, the people and which
// thresholds are dealt with.
func (s *Service) holders(ctx context.Context, links []*link) (map[int64]holder, error) {
	var ids pq.Int64Array
	for _, l := range links {
		if l.Required {
			ids = append(ids, l.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
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
