package invite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"quad/internal/blob"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// pageBatch is how many pages' index entries are held in memory.
const pageBatch = 64

// Imported says how far an import has come.
type Imported struct {
	Done      int64 `json:"done"` // rows of imported pages
	Total     int64 `json:"total"`
	More      bool  `json:"more,omitempty"`      // there are pages left
	Cancelled bool  `json:"cancelled,omitempty"` // a cancel was asked for; More tells whether something was left out
}

// ImportPages imports pages that the attempt has not imported yet, in their
// order, until all are done, stop tells so, or the process was asked to cancel.
// Each page is one transaction that writes its invitations, verdicts and mails
// and marks the page done, so a page is there whole or not at all, and what
// was interrupted at any moment goes on at its page. While a page is written
// the next one is read. heartbeat is called after each page.
//
// Errors: errSourceChanged and blob.ErrChanged when the file was replaced after
// the check; process.ErrEnded.
func (s *Service) ImportPages(ctx context.Context, in models.ProcessInput, stop func() bool, heartbeat func(Imported)) (Imported, error) {
	f, layout, err := s.checkedFile(ctx, in)
	if err != nil {
		return Imported{}, err
	}
	tally, err := s.tally(ctx, f, in.Attempt)
	if err != nil {
		return Imported{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan *page) // unbuffered: one page is written, one is read
	var readErr error
	finished := make(chan struct{})
	defer func() { cancel(); <-finished }() // the reader ends before its source is forgotten
	go func() {
		defer close(finished)
		defer close(pages)
		readErr = s.readPages(ctx, f, layout, in.Attempt, pages)
	}()
	w := pageWriter{s: s, in: in, file: f}
	for p := range pages {
		cancelled, err := w.write(ctx, p, &tally)
		if err != nil {
			return tally.imported(f), fmt.Errorf("invite: file %d page %d: %w", f.ID, p.Page, err)
		}
		out := tally.imported(f)
		out.Cancelled = cancelled
		heartbeat(out)
		if cancelled || (out.More && stop()) {
			return out, nil
		}
	}
	return tally.imported(f), readErr
}

// readPages sends the pages that are left, read and judged by their rows.
func (s *Service) readPages(ctx context.Context, f models.InviteFile, layout Layout, attempt int, out chan<- *page) error {
	reader := pageReader{layout: layout, open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return s.blob.Open(ctx, s.key(f.AccountID, *f.DataPath), blob.ReadOptions{Offset: offset, Version: layout.Source})
	}}
	defer reader.close()
	for after := -1; ; {
		var entries []models.InviteFilePage
		err := s.db.Conn(ctx).Where("file_id = ? AND page > ? AND done_attempt < ?", f.ID, after, attempt).
			Order("page").Limit(pageBatch).Find(&entries).Error
		if err != nil {
			return fmt.Errorf("invite: pages: %w", store.Err(err))
		}
		if len(entries) == 0 {
			return nil
		}
		for _, entry := range entries {
			book, err := s.loadRoles(ctx)
			if err != nil {
				return err
			}
			p := &page{InviteFilePage: entry}
			if err := reader.read(ctx, p, book); err != nil {
				return err
			}
			select {
			case out <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			after = entry.Page
		}
	}
}

// tally counts verdicts over the whole file, so that what it reports to the
// process is absolute.
type tally struct {
	done     int64
	verdicts map[Verdict]int64
}

// tally reads how far the attempt has come and the verdicts so far, which
// include those of earlier attempts.
func (s *Service) tally(ctx context.Context, f models.InviteFile, attempt int) (tally, error) {
	t := tally{verdicts: map[Verdict]int64{}}
	var counts []struct {
		Verdict Verdict
		Rows    int64
	}
	err := s.db.Query(ctx, &counts, `SELECT verdict, count(*) AS rows FROM invite_rows WHERE account_id = @account_id AND file_id = @file GROUP BY verdict`,
		store.Args{"file": f.ID})
	if err != nil {
		return t, fmt.Errorf("invite: count verdicts: %w", err)
	}
	for _, c := range counts {
		t.verdicts[c.Verdict] = c.Rows
	}
	err = s.db.Query(ctx, &t.done, `SELECT COALESCE(sum(rows), 0) FROM invite_file_pages WHERE account_id = @account_id AND file_id = @file AND done_attempt >= @attempt`,
		store.Args{"file": f.ID, "attempt": attempt})
	if err != nil {
		return t, fmt.Errorf("invite: count rows: %w", err)
	}
	return t, nil
}

func (t tally) imported(f models.InviteFile) Imported {
	return Imported{Done: t.done, Total: f.Rows, More: t.done < f.Rows}
}

// counters are the verdicts as a process shows them. Verdicts that a retry has
// emptied are kept at zero: the process keeps counters it is not told about.
func (t tally) counters() map[string]int64 {
	c := make(map[string]int64, len(t.verdicts))
	for v, n := range t.verdicts {
		c[string(v)] = n
	}
	return c
}

// bad is the number of rows that did not get what they asked for.
func (t tally) bad() (n int64) {
	for v, rows := range t.verdicts {
		if v.Bad() {
			n += rows
		}
	}
	return n
}

// pageWriter writes pages of one file for one attempt.
type pageWriter struct {
	s    *Service
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

// write imports a page and adds it to the tally once it has committed.
func (w *pageWriter) write(ctx context.Context, p *page, t *tally) (cancelled bool, err error) {
	var next tally
	for range 2 {
		next, cancelled, err = w.transaction(ctx, p, t)
		if w.careful || !store.Violates(err, "invites_pending") {
			break
		}
		w.careful = true
	}
	if err != nil {
		return false, err
	}
	*t = next
	if len(w.moved) > 0 && w.s.moved != nil {
		if err := w.s.moved(ctx, w.moved...); err != nil {
			slog.WarnContext(ctx, "invite: others not told of moved users", "process_id", w.in.ProcessID, "users", len(w.moved), "error", err)
		}
	}
	return cancelled, nil
}

func (w *pageWriter) transaction(ctx context.Context, p *page, t *tally) (next tally, cancelled bool, err error) {
	next = tally{done: t.done, verdicts: maps.Clone(t.verdicts)}
	w.moved = nil
	for i := range p.rows {
		p.rows[i].reset()
	}
	err = w.s.db.Bulk(ctx, func(tx *store.BulkTx) error {
		mine, err := w.claim(tx, p)
		if err != nil || !mine {
			return err
		}
		if w.in.Attempt > 1 {
			if err := w.keepGood(tx, p, &next); err != nil {
				return err
			}
		}
		if err := w.judgeAndInvite(tx, p); err != nil {
			return err
		}
		if err := w.writeVerdicts(tx, p, &next); err != nil {
			return err
		}
		next.done += int64(p.Rows)
		cancelled, err = w.s.processes.Progress(ctx, tx, w.in.ProcessID, process.Progress{
			Done: next.done, Total: w.file.Rows, Stage: StageImport, Counters: next.counters(),
		})
		return err
	})
	return next, cancelled, err
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
func (w *pageWriter) keepGood(tx *store.BulkTx, p *page, t *tally) error {
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
				t.verdicts[verdict]-- // judged anew
			} else {
				p.rows[no-p.FirstRow].done = true
			}
			return nil
		})
}

// writeVerdicts writes one verdict row for each row of the page, with COPY
// where there can be none yet.
func (w *pageWriter) writeVerdicts(tx *store.BulkTx, p *page, t *tally) error {
	columns := []string{"file_id", "row_no", "account_id", "verdict", "invite_id", "user_id", "attempt"}
	source := &verdictSource{file: p.FileID, account: p.AccountID, attempt: w.in.Attempt, rows: p.rows, next: -1, count: t.verdicts}
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
