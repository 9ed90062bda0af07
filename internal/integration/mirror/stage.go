package mirror

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// Progress is how far reading has come.
type Progress struct {
	Table   string // that is being read
	Done    int    // tables that have been read
	Tables  int    // tables in all
	Rows    int64  // that were read and staged, of all tables
	Checked int64  // rows that did not have to be read, of all tables
}

// errOvertaken ends reading that somebody else has begun anew.
var errOvertaken = errors.New("mirror: the run is being read by another worker")

// Stage reads the system into the staging of a run. What it has staged it writes
// down range by range, so that after any failure it can be called again with a
// new snapshot and goes on: with a source.Digester everything staged is checked
// against the new snapshot, and read again where that differs; with other
// snapshots what was staged is kept as it is. beat is told after each range.
// Errors: ErrUnknown, ErrMerged, those of the snapshot.
func (e *Engine) Stage(ctx context.Context, r Run, snap source.Snapshot, beat func(Progress)) error {
	tables, err := r.tables()
	if err != nil {
		return err
	}
	row, err := e.begin(ctx, r, snap.At())
	if err != nil {
		return fmt.Errorf("mirror: stage: %w", err)
	}
	s := &staging{e: e, run: r, attempt: row.Attempts, snap: snap, beat: beat, progress: Progress{Tables: len(tables)}}
	s.digester, _ = snap.(source.Digester)
	s.whole = r.Full || row.MirroredAt == nil
	if s.limit = r.PageRows; s.limit <= 0 {
		s.limit = pageRows
	}
	for _, t := range tables {
		s.table, s.progress.Table, s.wrote = t, t.Name, false
		if err := s.stage(ctx); err != nil {
			return fmt.Errorf("mirror: stage %s: %w", t.Name, err)
		}
		s.progress.Done++
		s.beat(s.progress)
	}
	n, err := e.db.Exec(ctx, `UPDATE sync_runs SET staged_at = @now WHERE account_id = @account_id AND id = @run AND attempts = @attempt AND merged_at IS NULL AND ended_at IS NULL`,
		store.Args{"run": r.ID, "attempt": s.attempt, "now": e.now()})
	if err == nil && n == 0 {
		err = errOvertaken
	}
	return err
}

// begin takes a run for one attempt of reading it.
func (e *Engine) begin(ctx context.Context, r Run, at time.Time) (row runRow, err error) {
	if err := e.sweep(ctx, r); err != nil {
		return row, err
	}
	err = e.db.InTx(ctx, func(ctx context.Context) error {
		if row, err = e.run(ctx, r, true); err != nil {
			return err
		}
		if row.MergedAt != nil || row.EndedAt != nil {
			return ErrMerged
		}
		row.Attempts++
		args := r.args()
		args["attempt"], args["at"] = row.Attempts, at.UTC()
		statements := []string{`UPDATE sync_runs SET attempts = @attempt, snapshot_at = @at, staged_at = NULL WHERE account_id = @account_id AND id = @run`}
		if !row.Marked { // the first attempt, or the database crashed and has lost staging
			statements = append(statements,
				`DELETE FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run`,
				`DELETE FROM sync_run_tables WHERE account_id = @account_id AND run_id = @run`,
				`INSERT INTO lms_stage_marks (run_id, account_id) VALUES (@run, @account_id)`)
		}
		for _, text := range statements {
			if _, err := e.db.Exec(ctx, text, args); err != nil {
				return err
			}
		}
		return nil
	})
	return row, err
}

// sweep empties the staging of runs that have ended or merged and did not get
// to it.
func (e *Engine) sweep(ctx context.Context, r Run) error {
	var ended []int64
	err := e.db.Query(ctx, &ended, `SELECT m.run_id FROM lms_stage_marks m LEFT JOIN sync_runs r ON r.id = m.run_id
		WHERE m.account_id = @account_id AND m.run_id <> @run AND (r.id IS NULL OR r.ended_at IS NOT NULL)`, r.args())
	for _, id := range ended {
		err = errors.Join(err, e.Discard(ctx, Run{ID: id}))
	}
	return err
}

// Discard empties the staging of a run that will not be merged. It may be
// called again, and for any run.
func (e *Engine) Discard(ctx context.Context, r Run) error {
	args := r.args()
	texts := make([]string, 0, len(source.Tables)+1)
	for _, t := range source.Tables {
		texts = append(texts, `DELETE FROM `+stageOf(t.Name)+` WHERE account_id = @account_id AND run_id = @run`)
	}
	texts = append(texts, `DELETE FROM lms_stage_marks WHERE account_id = @account_id AND run_id = @run`,
		`DELETE FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run`)
	for _, text := range texts {
		if _, err := e.db.Exec(ctx, text, args); err != nil {
			return fmt.Errorf("mirror: discard: %w", err)
		}
	}
	return nil
}

// staging is one attempt of reading a run.
type staging struct {
	e        *Engine
	run      Run
	attempt  int
	snap     source.Snapshot
	digester source.Digester // nil: the system can't sum up
	whole    bool            // whatever the mirror has is read again
	limit    int             // rows of a page
	beat     func(Progress)
	progress Progress

	table source.Table
	mine  map[int64]known // ranges of this table that attempts before have staged, by last id
	wrote bool            // this or an earlier attempt has staged ranges of this table

	// The range that is being written, while the next one is read: the system and
	// the database work at the same time, and one range more is in memory.
	writing chan error
	rows    int // of that range
}

// known is a range that was read before.
type known struct {
	FirstID int64
	LastID  int64
	Rows    int64 // summed up
	Digest  *int64
}

// is tells whether a range still is as it was.
func (k known) is(first, last int64, d source.Range) bool {
	return k.Digest != nil && k.FirstID == first && k.LastID == last && k.Rows == d.Rows && *k.Digest == d.Digest
}

// stage reads a table.
func (s *staging) stage(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.written()) }() // also when reading has failed
	args := s.args()
	var done bool
	if err := s.e.db.Query(ctx, &done, `INSERT INTO sync_run_tables AS t (run_id, table_name, account_id) VALUES (@run, @table, @account_id)
		ON CONFLICT (run_id, table_name) DO UPDATE SET staged_at = CASE WHEN @again THEN NULL ELSE t.staged_at END WHERE t.account_id = @account_id
		RETURNING staged_at IS NOT NULL`, with(args, "again", s.digester != nil)); err != nil || done {
		return err
	}
	var mine []known
	if err := s.e.db.Query(ctx, &mine, `SELECT first_id, last_id, digested AS rows, digest FROM sync_run_ranges
		WHERE account_id = @account_id AND run_id = @run AND table_name = @table ORDER BY last_id`, args); err != nil {
		return err
	}
	s.mine, s.wrote = make(map[int64]known, len(mine)), len(mine) > 0
	for _, k := range mine {
		s.mine[k.LastID] = k
	}
	end, err := s.walk(ctx, mine)
	if err != nil {
		return err
	}
	if s.wrote && end < math.MaxInt64 { // nothing is above what was read
		if err := s.put(ctx, end, math.MaxInt64, batch{}); err != nil {
			return err
		}
	}
	if err := s.written(); err != nil {
		return err
	}
	if _, err := s.e.db.Exec(store.AsSystem(ctx), `ANALYZE `+stageOf(s.table.Name), nil); err != nil && s.wrote {
		return err
	}
	_, err = s.e.db.Exec(ctx, `UPDATE sync_run_tables SET staged_at = @now WHERE account_id = @account_id AND run_id = @run AND table_name = @table`,
		with(args, "now", s.e.now()))
	return err
}

// walk reads what is not known and gives the highest key.
func (s *staging) walk(ctx context.Context, mine []known) (end int64, err error) {
	if s.digester == nil {
		return s.pages(ctx, mine)
	}
	var old []known
	if !s.whole {
		if err := s.e.db.Query(ctx, &old, `SELECT first_id, last_id, rows, digest FROM lms_ranges
			WHERE account_id = @account_id AND connection_id = @connection AND table_name = @table ORDER BY last_id`, s.args()); err != nil {
			return 0, err
		}
	}
	// Without ranges the mirror may hold anything: all of it is compared.
	s.wrote = s.wrote || len(old) == 0
	for i, o := range old {
		// The last range is where new keys come: it has no bound, and becomes full.
		until, rows := o.LastID, math.MaxInt
		if i == len(old)-1 {
			until, rows = math.MaxInt64, s.e.rows
		}
		d, err := s.digester.Digest(ctx, s.table.Name, end, until, rows)
		if err != nil {
			return 0, err
		}
		last := until
		if until == math.MaxInt64 {
			last = d.Last
		}
		if o.is(end, last, d) {
			err = s.same(ctx, end, last, d)
		} else {
			s.wrote = true // even if nothing is left to be read
			last, err = s.ranges(ctx, end, until)
		}
		if err != nil {
			return 0, err
		}
		end = last
	}
	return s.ranges(ctx, end, math.MaxInt64)
}

// ranges reads what is above after and at most until, and gives the highest key
// below which all is read.
func (s *staging) ranges(ctx context.Context, after, until int64) (end int64, err error) {
	for after < until {
		d, err := s.digester.Digest(ctx, s.table.Name, after, until, s.e.rows)
		if err != nil {
			return after, err
		}
		last := d.Last
		if d.Rows < int64(s.e.rows) && until != math.MaxInt64 {
			last = until // nothing is between
		}
		switch {
		case d.Rows == 0 && until == math.MaxInt64:
			return after, nil
		case s.mine[last].is(after, last, d): // by an attempt before
			s.progress.Rows += d.Rows
			s.beat(s.progress)
		default:
			b, err := s.read(ctx, after, last)
			if err != nil {
				return after, err
			}
			b.digest, b.digested = &d.Digest, d.Rows
			if err := s.put(ctx, after, last, b); err != nil {
				return after, err
			}
		}
		after = last
	}
	return after, nil
}

// pages reads a table of a system that can't sum up, behind what was staged.
func (s *staging) pages(ctx context.Context, mine []known) (end int64, err error) {
	s.wrote = true // all of the table is compared
	if len(mine) > 0 {
		end = mine[len(mine)-1].LastID
	}
	for end < math.MaxInt64 {
		b, last, done, err := s.page(ctx, end, math.MaxInt64)
		if err != nil {
			return end, err
		}
		if last > end {
			if err := s.put(ctx, end, last, b); err != nil {
				return end, err
			}
			end = last
		}
		if done {
			return end, nil
		}
	}
	return end, nil
}

// same notes that a range is as the mirror has it. What an attempt before has
// staged of it, when it was not, is no more.
func (s *staging) same(ctx context.Context, first, last int64, d source.Range) error {
	s.progress.Checked += d.Rows
	s.beat(s.progress)
	if !s.wrote {
		return nil
	}
	return s.e.db.Bulk(ctx, func(tx *store.BulkTx) error { return s.clear(tx, first, last) })
}

// clear takes what was staged of a range back, if this still is the attempt that
// counts.
func (s *staging) clear(tx *store.BulkTx, first, last int64) error {
	args := with(with(s.args(), "first", first), "last", last)
	n, err := tx.Exec(`SELECT FROM sync_runs WHERE account_id = @account_id AND id = @run AND attempts = @attempt AND merged_at IS NULL AND ended_at IS NULL FOR SHARE`, args)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errOvertaken
	case len(s.mine) == 0: // nothing was
		return nil
	}
	for _, text := range []string{
		`DELETE FROM ` + stageOf(s.table.Name) + ` WHERE account_id = @account_id AND run_id = @run AND source_id > @first AND source_id <= @last`,
		`DELETE FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run AND table_name = @table AND first_id < @last AND last_id > @first`,
	} {
		if _, err := tx.Exec(text, args); err != nil {
			return err
		}
	}
	return nil
}

// put stages a range while the next one is read.
func (s *staging) put(ctx context.Context, first, last int64, b batch) error {
	if err := s.written(); err != nil { // of the one before
		return err
	}
	s.wrote, s.rows, s.writing = true, len(b.rows), make(chan error, 1)
	go func(done chan<- error) { done <- s.write(ctx, first, last, b) }(s.writing)
	return nil
}

// written waits until everything that was put is staged.
func (s *staging) written() error {
	if s.writing == nil {
		return nil
	}
	err := <-s.writing
	s.writing = nil
	if err != nil {
		return err
	}
	s.progress.Rows += int64(s.rows)
	s.beat(s.progress)
	return nil
}

// write stages a range. It runs beside the reader, and touches nothing of it.
func (s *staging) write(ctx context.Context, first, last int64, b batch) error {
	account, _ := store.AccountID(ctx)
	skipped, err := encodeSkipped(b.skipped)
	if err != nil {
		return err
	}
	return s.e.db.Bulk(ctx, func(tx *store.BulkTx) error {
		if err := s.clear(tx, first, last); err != nil {
			return err
		}
		if len(b.rows) > 0 {
			from := &rowSource{run: s.run.ID, account: account, rows: b.rows, next: -1}
			if _, err := tx.Copy(stageOf(s.table.Name), stageColumns(s.table), from); err != nil {
				return err
			}
		}
		if err := s.keep(tx, b.kept); err != nil {
			return err
		}
		args := with(with(s.args(), "first", first), "last", last)
		args["rows"], args["digest"], args["digested"], args["skipped"] = int64(len(b.rows)), b.digest, b.digested, skipped
		_, err := tx.Exec(`INSERT INTO sync_run_ranges (run_id, table_name, first_id, last_id, account_id, rows, digest, digested, skipped)
			VALUES (@run, @table, @first, @last, @account_id, @rows, @digest, @digested, @skipped::jsonb)`, args)
		return err
	})
}

// keep stages what the mirror has of keys about which the system told nothing,
// so that it stays. Nobody else changes the mirror while the run is open.
func (s *staging) keep(tx *store.BulkTx, spans []source.Span) error {
	if len(spans) == 0 {
		return nil
	}
	firsts, lasts := make([]int64, len(spans)), make([]int64, len(spans))
	for i, k := range spans {
		firsts[i], lasts[i] = k.First, k.Last
	}
	args := with(with(s.args(), "firsts", firsts), "lasts", lasts)
	_, err := tx.Exec(`INSERT INTO `+stageOf(s.table.Name)+` (`+strings.Join(stageColumns(s.table), ", ")+`)
		SELECT @run, m.account_id, m.source_id, `+list(s.table, "m.")+` FROM unnest(@firsts::bigint[], @lasts::bigint[]) AS k (first, last)
			JOIN `+mirrorOf(s.table.Name)+` m ON m.connection_id = @connection AND m.source_id > k.first AND m.source_id <= k.last AND m.account_id = @account_id`, args)
	return err
}

func (s *staging) args() store.Args {
	return with(with(s.run.args(), "table", s.table.Name), "attempt", s.attempt)
}

// with gives a copy of args with one more.
func with(args store.Args, name string, value any) store.Args {
	out := make(store.Args, len(args)+1)
	for k, v := range args {
		out[k] = v
	}
	out[name] = value
	return out
}

// Reset forgets the mirror of a connection: the next run reads everything and
// finds the people, courses and so on that there are anew. These stay. Errors:
// ErrUnknown, ErrRunning.
func (e *Engine) Reset(ctx context.Context, connectionID int64) error {
	err := e.db.InTx(ctx, func(ctx context.Context) error {
		args := store.Args{"connection": connectionID}
		var c models.Connection
		if err := e.db.Query(ctx, &c, `SELECT id FROM connections WHERE account_id = @account_id AND id = @connection FOR UPDATE`, args); err != nil {
			return err
		}
		if c.ID == 0 {
			return ErrUnknown
		}
		var open bool
		if err := e.db.Query(ctx, &open, `SELECT EXISTS (SELECT FROM sync_runs WHERE account_id = @account_id AND connection_id = @connection AND ended_at IS NULL)`, args); err != nil {
			return err
		}
		if open {
			return ErrRunning
		}
		texts := []string{
			`UPDATE connections SET mirrored_at = NULL, updated_at = now() WHERE account_id = @account_id AND id = @connection`,
			`DELETE FROM lms_ranges WHERE account_id = @account_id AND connection_id = @connection`,
		}
		for _, t := range source.Tables {
			texts = append(texts, `DELETE FROM `+mirrorOf(t.Name)+` WHERE account_id = @account_id AND connection_id = @connection`)
		}
		for _, text := range texts {
			if _, err := e.db.Exec(ctx, text, args); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mirror: reset %d: %w", connectionID, err)
	}
	return nil
}
