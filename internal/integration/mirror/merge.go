package mirror

import (
	"context"
	"fmt"
	"slices"
	"time"

	"quad/internal/integration/source"
	"quad/internal/people/group"
	"quad/internal/store"
)

// MergeOptions say how a run is merged.
type MergeOptions struct {
	// AllowDeletions: somebody has confirmed them.
	AllowDeletions bool
	// Done is called in the transaction of the merge, when all is written.
	Done func(ctx context.Context, r Result) error
}

// Merge brings what a run has staged into the hub, in one transaction. A run is
// merged once: when it was, the result of then comes back and nothing happens.
// Errors: ErrUnknown, ErrNotStaged, ErrTooManyDeletions (nothing is written),
// models.ErrConflict and models.ErrUnavailable when somebody else was faster:
// it can be tried again.
func (e *Engine) Merge(ctx context.Context, r Run, o MergeOptions) (out Result, err error) {
	tables, err := r.tables()
	if err != nil {
		return out, err
	}
	wrote := false
	err = e.db.InTx(ctx, func(ctx context.Context) error {
		// Merges have more memory and time than requests. Those of an account go one
		// after the other.
		if err := e.wholeTables(ctx, false); err != nil {
			return err
		}
		if _, err := e.db.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('quad:lms:' || CAST(CAST(@account_id AS bigint) AS text), 0))`, nil); err != nil {
			return err
		}
		row, err := e.staged(ctx, r, true)
		if err != nil {
			return err
		}
		if row.MergedAt != nil {
			out, err = e.merged(ctx, r, *row.MergedAt)
			return err
		}
		wrote = true
		m := &merge{e: e, run: r, row: row, now: e.now(), options: o, full: r.Full || row.MirroredAt == nil, changed: changes{}}
		if out, err = m.all(ctx, tables); err != nil || o.Done == nil {
			return err
		}
		return o.Done(ctx, out)
	})
	if err != nil {
		return Result{}, fmt.Errorf("mirror: merge: %w", err)
	}
	if wrote { // else an attempt before has; what is left then, the next run sweeps
		e.settle(ctx, out.Tables)
		if err := e.Discard(ctx, r); err != nil {
			return out, err
		}
	}
	return out, nil
}

// merge is one merge, in its transaction.
type merge struct {
	e       *Engine
	run     Run
	row     runRow
	now     time.Time
	options MergeOptions
	full    bool // everything is projected, not only what has changed
	changed changes
}

func (m *merge) args() store.Args {
	return with(m.run.args(), "now", m.now)
}

// all merges.
func (m *merge) all(ctx context.Context, tables []source.Table) (out Result, err error) {
	e := m.e
	out.MergedAt = m.now
	for _, t := range tables {
		c, err := m.table(ctx, t)
		if err != nil {
			return out, fmt.Errorf("%s: %w", t.Name, err)
		}
		m.changed[t.Name] = c.Inserted + c.Updated + c.Deleted
		out.Tables = append(out.Tables, c)
	}
	if err := e.wholeTables(ctx, m.full); err != nil {
		return out, err
	}
	if m.full || m.anything() {
		for _, t := range source.Tables { // empty where nothing has changed
			if err := e.changedTable(ctx, t); err != nil {
				return out, err
			}
		}
		if err := m.project(ctx); err != nil {
			return out, err
		}
	}
	if err := e.wholeTables(ctx, true); err != nil {
		return out, err
	}
	if err := e.reasons(ctx, m.run, m.row, m.changed, out.Tables, mirrored); err != nil {
		return out, err
	}
	if err := e.wholeTables(ctx, false); err != nil {
		return out, err
	}
	for _, c := range out.Tables {
		skipped, err := encodeSkipped(c.Skipped)
		if err != nil {
			return out, err
		}
		if _, err := e.db.Exec(ctx, `UPDATE sync_run_tables SET read = @read, inserted = @inserted, updated = @updated, unchanged = @unchanged,
			deleted = @deleted, skipped = CAST(@skipped AS jsonb) WHERE account_id = @account_id AND run_id = @run AND table_name = @table`, store.Args{
			"run": m.run.ID, "table": c.Table, "read": c.Read, "inserted": c.Inserted, "updated": c.Updated, "unchanged": c.Unchanged,
			"deleted": c.Deleted, "skipped": skipped,
		}); err != nil {
			return out, err
		}
	}
	return out, e.each(ctx, m.args(),
		`UPDATE sync_runs SET merged_at = @now WHERE account_id = @account_id AND id = @run`,
		`UPDATE connections SET mirrored_at = coalesce(mirrored_at, @now) WHERE account_id = @account_id AND id = @connection`,
		`DELETE FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run`,
	)
}

// table merges a mirror.
func (m *merge) table(ctx context.Context, t source.Table) (c Counts, err error) {
	e := m.e
	if c, err = e.counts(ctx, m.run, t); err != nil {
		return c, err
	}
	var read bool
	if err := e.db.Query(ctx, &read, `SELECT EXISTS (SELECT FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run AND table_name = @table)`,
		with(m.args(), "table", t.Name)); err != nil || !read { // else all of it is as it was
		return c, err
	}
	var ops []opCount
	if m.row.MirroredAt == nil {
		ops, err = e.begins(ctx, t, m.args())
	} else {
		ops, err = e.compare(ctx, m.run, t)
	}
	if err != nil {
		return c, err
	}
	c.take(ops)
	if tooMany(c, m.row.DeletionPercent) && !m.options.AllowDeletions {
		return c, ErrTooManyDeletions
	}
	if len(ops) > 0 && m.row.MirroredAt != nil {
		if err := e.follow(ctx, t, m.args()); err != nil {
			return c, err
		}
	}
	if n := c.Inserted + c.Updated + c.Deleted; n > analyzeRows || n*10 > c.Unchanged {
		if err := e.analyze(ctx, mirrorOf(t.Name)); err != nil {
			return c, err
		}
	}
	return c, e.ranges(ctx, t, m.args())
}

// analyzeRows is from how many changed rows on the planner has to know of them.
const analyzeRows = 50_000

// sharedRows is the same for tables that others share.
const sharedRows = 10_000

// shared are the tables that grow with a table of a system.
var shared = map[string][]string{
	source.Users: {"users", "lms_people"}, source.Courses: {"courses"}, source.Enrolments: {"enrollments"},
}

// settle tells the planner of shared tables that have changed much, so that the
// next run need not wait for autovacuum. It is done after the merge: within it
// the merges of other accounts would wait. Autovacuum does what fails here.
func (e *Engine) settle(ctx context.Context, counts []Counts) {
	for _, c := range counts {
		if c.Inserted+c.Updated+c.Deleted > sharedRows {
			for _, table := range shared[c.Table] {
				_ = e.analyze(ctx, table)
			}
		}
	}
}

// anything tells whether any of some tables has changed; without any, whether
// anything has at all.
func (m *merge) anything(tables ...string) bool {
	for table, n := range m.changed {
		if n > 0 && (len(tables) == 0 || slices.Contains(tables, table)) {
			return true
		}
	}
	return false
}

// project brings the shared tables in line with the mirror.
func (m *merge) project(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"dirty pairs", m.dirtyPairs},
		{"locks", m.lock},
		{"people", m.people},
		{"tree", func(ctx context.Context) error { return group.Lock(ctx, m.e.db, false) }},
		{"courses", m.courses},
		{"enrolments", m.enrolments},
		{"results", m.results},
		{"retired", m.retire},
		{"certificates", m.tell},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// merged gives what a merge before has done.
func (e *Engine) merged(ctx context.Context, r Run, at time.Time) (out Result, err error) {
	out.MergedAt = at.UTC()
	out.Tables, err = e.stored(ctx, r.ID)
	return out, err
}
