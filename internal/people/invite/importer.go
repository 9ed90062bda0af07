package invite

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"quad/internal/blob"
	"quad/internal/store"
	"quad/models"
)

const (
	// pageBatch is how many pages' index entries are held in memory.
	pageBatch = 64
	// pageWriters is how many pages of a file are written at once: while the
	// database commits one, another is sent.
	pageWriters = 2
)

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
// was interrupted at any moment goes on with the pages that are not there.
// While some pages are written the next one is read. heartbeat is called after
// each page, by one at a time.
//
// Errors: errSourceChanged and blob.ErrChanged when the file was replaced after
// the check; process.ErrEnded.
func (s *Service) ImportPages(ctx context.Context, in models.ProcessInput, stop func() bool, heartbeat func(Imported)) (Imported, error) {
	f, layout, err := s.checkedFile(ctx, in)
	if err != nil {
		return Imported{}, err
	}
	run := importRun{s: s, in: in, file: f, stop: stop, heartbeat: heartbeat}
	if run.tally, err = s.tally(ctx, f, in.Attempt); err != nil {
		return Imported{}, err
	}
	group, ctx := errgroup.WithContext(ctx)
	reading, enough := context.WithCancel(ctx)
	defer enough()
	pages := make(chan *page) // unbuffered: one page is read beside those that are written
	group.Go(func() error {
		defer close(pages)
		err := s.readPages(reading, f, layout, in.Attempt, pages)
		if ctx.Err() == nil && reading.Err() != nil {
			return nil // the writers have had enough
		}
		return err
	})
	for range pageWriters {
		group.Go(func() error {
			defer enough()
			return run.write(ctx, pages)
		})
	}
	err = group.Wait()
	out := run.tally.imported(f)
	out.Cancelled = run.cancelled
	return out, err
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
