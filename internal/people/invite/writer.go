package invite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"quad/internal/store"
	"quad/models"
)

// pageWriter writes pages of one file for one attempt, one after the other.
type pageWriter struct {
	s    *Service
	run  *importRun
	in   models.ProcessInput
	file models.InviteFile
	// careful makes the next page ask who is invited already. Mostly nobody is,
	// and then it is faster to write the invitations with COPY and to start the
	// page anew if the unique index on open invitations refuses one.
	careful bool

	ids     []int64   // for the page's invitations
	expires time.Time // their end
	moved   []int64   // users whom the page has moved into the organization
}

// maxRounds bounds how often a page is judged again because another import or
// a sign-up was faster for some of its rows.
const maxRounds = 20

var errBusy = errors.New("invite: others keep changing the same people")

// write imports a page.
func (w *pageWriter) write(ctx context.Context, p *page) error {
	var err error
	for range 2 {
		err = w.transaction(ctx, p)
		if w.careful || !store.Violates(err, "invites_pending") {
			break
		}
		w.careful = true
	}
	if err != nil {
		return fmt.Errorf("invite: file %d page %d: %w", p.FileID, p.Page, err)
	}
	if len(w.moved) > 0 && w.s.moved != nil {
		if err := w.s.moved(ctx, w.moved...); err != nil {
			slog.WarnContext(ctx, "invite: others not told of moved users", "process_id", w.in.ProcessID, "users", len(w.moved), "error", err)
		}
	}
	return nil
}

// transaction writes a page and tells the run, which has the last word before
// the commit.
func (w *pageWriter) transaction(ctx context.Context, p *page) error {
	w.moved = nil
	for i := range p.rows {
		p.rows[i].reset()
	}
	report := w.run.newReport()
	defer report.close()
	err := w.s.db.Bulk(ctx, func(tx *store.BulkTx) error {
		mine, err := w.claim(tx, p)
		if err != nil || !mine {
			return err
		}
		if w.in.Attempt > 1 {
			if err := w.keepGood(tx, p, report.verdicts); err != nil {
				return err
			}
		}
		if err := w.judgeAndInvite(tx, p); err != nil {
			return err
		}
		if err := w.writeVerdicts(tx, p, report.verdicts); err != nil {
			return err
		}
		report.done = int64(p.Rows)
		return report.send(ctx, tx)
	})
	if err == nil {
		report.committed()
	}
	return err
}

// claim marks the page done by this attempt and reserves ids for as many
// invitations as it has rows. The page's row stays locked until the end of the
// transaction: of two workers that believe to run the same import one waits
// here and then finds the page done.
func (w *pageWriter) claim(tx *store.BulkTx, p *page) (mine bool, err error) {
	err = tx.Query(`UPDATE invite_file_pages SET done_attempt = @attempt, done_at = now()
		WHERE account_id = @account_id AND file_id = @file AND page = @page AND done_attempt < @attempt
		RETURNING now() + make_interval(secs => @lapse),
			ARRAY(SELECT nextval('invites_id_seq') FROM generate_series(1, CASE WHEN @copy THEN rows ELSE 0 END))`,
		store.Args{"file": p.FileID, "page": p.Page, "attempt": w.in.Attempt, "lapse": w.s.cfg.LapseAfter.Seconds(), "copy": !w.careful && !w.file.DryRun},
		func(scan rowScanner) error {
			mine = true
			return scan.Scan(&w.expires, &w.ids)
		})
	return mine, err
}

// judgeAndInvite finishes the verdicts of the rows that are in order by
// themselves. Who is known is asked first; what is written after that decides:
// rows that lost a race are judged again.
func (w *pageWriter) judgeAndInvite(tx *store.BulkTx, p *page) error {
	open := make([]*row, 0, len(p.rows))
	for i := range p.rows {
		if r := &p.rows[i]; r.verdict == notJudged && !r.done {
			open = append(open, r)
		}
	}
	// Always in this order, so that two imports of the same people wait for
	// each other instead of blocking each other.
	slices.SortFunc(open, func(a, b *row) int { return strings.Compare(a.email, b.email) })
	copying := !w.careful && !w.file.DryRun
	w.careful = false // again, unless somebody is found to be invited
	for range maxRounds {
		if len(open) == 0 {
			return nil
		}
		b := newBatch(open)
		if err := w.users(tx, b); err != nil {
			return err
		}
		if copying {
			if err := w.copyInvites(tx, b.open()); err != nil {
				return err
			}
			copying = false // rows that lost a race go the other way
		} else if err := w.invite(tx, b.open()); err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(r *row) bool {
			r.changing = false
			return r.verdict != notJudged
		})
	}
	return errBusy
}

// keepGood takes what earlier attempts decided well out of the page.
func (w *pageWriter) keepGood(tx *store.BulkTx, p *page, count map[Verdict]int64) error {
	return tx.Query(`SELECT row_no, verdict FROM invite_rows
		WHERE account_id = @account_id AND file_id = @file AND row_no BETWEEN @first AND @last`,
		store.Args{"file": p.FileID, "first": p.FirstRow, "last": p.FirstRow + int64(p.Rows) - 1},
		func(scan rowScanner) error {
			var no int64
			var verdict Verdict
			if err := scan.Scan(&no, &verdict); err != nil {
				return err
			}
			if verdict.Bad() {
				count[verdict]-- // judged anew
			} else {
				p.rows[no-p.FirstRow].done = true
			}
			return nil
		})
}

// writeVerdicts writes one verdict row for each row of the page, with COPY
// where there can be none yet.
func (w *pageWriter) writeVerdicts(tx *store.BulkTx, p *page, count map[Verdict]int64) error {
	columns := []string{"file_id", "row_no", "account_id", "verdict", "invite_id", "user_id", "attempt"}
	source := &verdictSource{file: p.FileID, account: p.AccountID, attempt: w.in.Attempt, rows: p.rows, next: -1, count: count}
	if w.in.Attempt == 1 {
		_, err := tx.Copy("invite_rows", columns, source)
		return err
	}
	if err := tx.Stage("invite_rows_stage", `row_no bigint, verdict text, invite_id bigint, user_id bigint, attempt integer,
		file_id bigint, account_id bigint`); err != nil {
		return err
	}
	if _, err := tx.Copy("invite_rows_stage", columns, source); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO invite_rows (file_id, row_no, account_id, verdict, invite_id, user_id, attempt)
		SELECT file_id, row_no, @account_id, verdict, invite_id, user_id, attempt FROM invite_rows_stage
		ON CONFLICT (file_id, row_no) DO UPDATE
		SET verdict = excluded.verdict, invite_id = excluded.invite_id, user_id = excluded.user_id, attempt = excluded.attempt`, nil)
	return err
}

// verdictSource feeds the rows of a page to COPY.
type verdictSource struct {
	file, account int64
	attempt       int
	rows          []row
	next          int
	count         map[Verdict]int64
}

// Next implements pgx.CopyFromSource.
func (v *verdictSource) Next() bool {
	for v.next++; v.next < len(v.rows); v.next++ {
		if !v.rows[v.next].done {
			return true
		}
	}
	return false
}

// Values implements pgx.CopyFromSource.
func (v *verdictSource) Values() ([]any, error) {
	r := &v.rows[v.next]
	v.count[r.verdict]++
	return []any{v.file, r.no, v.account, string(r.verdict), r.inviteID, r.userID, int32(v.attempt)}, nil //nolint:gosec // attempts are few
}

// Err implements pgx.CopyFromSource.
func (v *verdictSource) Err() error { return nil }
