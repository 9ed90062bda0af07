package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"quad/internal/integration/source"
	"quad/internal/store"
)

// spans are, in SQL, the keys of a table that a run has read, neighbouring ranges
// as one.
const spans = `(SELECT min(first_id) AS first_id, max(last_id) AS last_id FROM (
		SELECT first_id, last_id, count(*) FILTER (WHERE begins) OVER (ORDER BY last_id) AS island FROM (
			SELECT first_id, last_id, first_id IS DISTINCT FROM lag(last_id) OVER (ORDER BY last_id) AS begins
			FROM sync_run_ranges WHERE account_id = @account_id AND run_id = @run AND table_name = '%[1]s'
		) r
	) r GROUP BY island)`

func spansOf(table string) string { return fmt.Sprintf(spans, table) }

// list gives the columns of a table, each behind a prefix.
func list(t source.Table, prefix string) string {
	return prefix + strings.Join(names(t), ", "+prefix)
}

// come are, in SQL, the rows s of a run that the mirror has otherwise (m) or not.
func come(t source.Table) string {
	return `FROM ` + stageOf(t.Name) + ` s LEFT JOIN ` + mirrorOf(t.Name) + ` m ON m.connection_id = @connection AND m.source_id = s.source_id
		WHERE s.account_id = @account_id AND s.run_id = @run AND (m.source_id IS NULL OR (` + list(t, "m.") + `) IS DISTINCT FROM (` + list(t, "s.") + `))`
}

// gone are the rows m of the mirror that a run did not find where it has read.
func gone(t source.Table) string {
	return `FROM ` + spansOf(t.Name) + ` r CROSS JOIN LATERAL (SELECT * FROM ` + mirrorOf(t.Name) + ` o
			WHERE o.connection_id = @connection AND o.source_id > r.first_id AND o.source_id <= r.last_id OFFSET 0) m
		LEFT JOIN ` + stageOf(t.Name) + ` s ON s.run_id = @run AND s.source_id = m.source_id
		WHERE m.account_id = @account_id AND s.source_id IS NULL`
}

// What happens to the rows of a mirror. Of updates the rows before are kept too.
const (
	opInserted = "inserted"
	opUpdated  = "updated"
	opDeleted  = "deleted"
	opBefore   = "before"
)

// Plan tells what merging a run would do, and writes nothing. What only the rows
// of the hub can tell, such as who has a name to sign in already, it does not
// know. Errors: ErrUnknown, ErrNotStaged, ErrMerged.
func (e *Engine) Plan(ctx context.Context, r Run) (p Plan, err error) { return e.plan(ctx, r, true) }

// Check is Plan for who only wants to know whether somebody has to confirm
// deletions: if nobody has to, it does not tell why rows are skipped, which is
// most of the work.
func (e *Engine) Check(ctx context.Context, r Run) (p Plan, err error) { return e.plan(ctx, r, false) }

func (e *Engine) plan(ctx context.Context, r Run, reasons bool) (p Plan, err error) {
	tables, err := r.tables()
	if err != nil {
		return p, err
	}
	err = e.db.InSnapshot(ctx, func(ctx context.Context) error {
		if err := e.wholeTables(ctx, true); err != nil {
			return err
		}
		row, err := e.staged(ctx, r, false)
		if err != nil {
			return err
		}
		if row.MergedAt != nil {
			return ErrMerged
		}
		changed := changes{}
		for _, t := range tables {
			c, err := e.counts(ctx, r, t)
			if err != nil {
				return err
			}
			var ops []opCount
			if err := e.db.Query(ctx, &ops, `SELECT CASE WHEN m.source_id IS NULL THEN '`+opInserted+`' ELSE '`+opUpdated+`' END AS op, count(*) AS count `+come(t)+`
				GROUP BY m.source_id IS NULL UNION ALL SELECT '`+opDeleted+`', count(*) `+gone(t), r.args()); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			c.take(ops)
			if tooMany(c, row.DeletionPercent) {
				p.Deletions = append(p.Deletions, Deletion{Table: t.Name, Mirrored: c.Unchanged + c.Updated + c.Deleted, Deleted: c.Deleted})
			}
			changed[t.Name] = c.Inserted + c.Updated + c.Deleted
			p.Tables = append(p.Tables, c)
		}
		if !reasons && !p.NeedsConfirmation() {
			return nil
		}
		return e.reasons(ctx, r, row, changed, p.Tables, planned(r, row))
	})
	if err != nil {
		return Plan{}, fmt.Errorf("mirror: plan: %w", err)
	}
	return p, nil
}

// wholeTables tells the planner, for the rest of the transaction, whether
// statements go over whole tables: of staging it does not know how large it is,
// and a loop within a loop is what it must not take for small.
func (e *Engine) wholeTables(ctx context.Context, whole bool) error {
	nested := "on"
	if whole {
		nested = "off"
	}
	_, err := e.db.Exec(ctx, `SELECT set_config('enable_nestloop', @nested, true), set_config('work_mem', '64MB', true),
		set_config('statement_timeout', '0', true) WHERE CAST(@account_id AS bigint) > 0`, store.Args{"nested": nested})
	return err
}

// changes counts the rows of each table that a run changes.
type changes map[string]int64

// opCount is how many rows something happens to.
type opCount struct {
	Op    string
	Count int64
}

// take adds what happens to rows. Unchanged were all rows of the mirror before.
func (c *Counts) take(ops []opCount) {
	for _, o := range ops {
		switch o.Op {
		case opInserted:
			c.Inserted = o.Count
		case opUpdated:
			c.Updated = o.Count
		case opDeleted:
			c.Deleted = o.Count
		}
	}
	c.Unchanged -= c.Updated + c.Deleted
}

// staged reads a run all of which was staged. Errors: ErrUnknown, ErrNotStaged.
func (e *Engine) staged(ctx context.Context, r Run, lock bool) (runRow, error) {
	row, err := e.run(ctx, r, lock)
	if err == nil && row.MergedAt == nil && (row.StagedAt == nil || !row.Marked) {
		err = ErrNotStaged
	}
	return row, err
}

// counts gives what a run has read of a table, what connectors have skipped of
// it, and, as Unchanged, how many rows the mirror has.
func (e *Engine) counts(ctx context.Context, r Run, t source.Table) (c Counts, err error) {
	c.Table = t.Name
	args := with(r.args(), "table", t.Name)
	if err := e.db.Query(ctx, &c.Read, `SELECT coalesce(sum(rows), 0) FROM sync_run_ranges
		WHERE account_id = @account_id AND run_id = @run AND table_name = @table`, args); err != nil {
		return c, err
	}
	var skipped []struct {
		Read    bool
		Skipped []byte
	}
	if err := e.db.Query(ctx, &skipped, `SELECT true AS read, skipped FROM sync_run_ranges
			WHERE account_id = @account_id AND run_id = @run AND table_name = @table AND skipped <> '{}'
		UNION ALL
		SELECT false, l.skipped FROM lms_ranges l WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.table_name = @table AND l.skipped <> '{}'
			AND NOT EXISTS (SELECT FROM sync_run_ranges r WHERE r.run_id = @run AND r.table_name = @table AND r.first_id < l.last_id AND r.last_id > l.first_id)`, args); err != nil {
		return c, err
	}
	for _, s := range skipped {
		var some map[source.Reason]source.Skipped
		if err := json.Unmarshal(s.Skipped, &some); err != nil {
			return c, fmt.Errorf("mirror: skipped rows: %w", err)
		}
		for reason, n := range some {
			c.Skipped = addSkipped(c.Skipped, reason, n)
			if s.Read {
				c.Read += n.Count
			}
		}
	}
	err = e.db.Query(ctx, &c.Unchanged, `SELECT CASE
		WHEN EXISTS (SELECT FROM lms_ranges WHERE account_id = @account_id AND connection_id = @connection AND table_name = @table)
		THEN (SELECT sum(taken) FROM lms_ranges WHERE account_id = @account_id AND connection_id = @connection AND table_name = @table)
		ELSE (SELECT count(*) FROM `+mirrorOf(t.Name)+` WHERE account_id = @account_id AND connection_id = @connection) END`, args)
	return c, err
}

// compare writes what merging changes in a mirror into the temporary table
// chg_<table>: rows that come, rows that go, updated rows before and after.
func (e *Engine) compare(ctx context.Context, r Run, t source.Table) (ops []opCount, err error) {
	changed := changedOf(t.Name)
	columns := `connection_id, account_id, source_id, ` + list(t, "")
	if err := e.changedTable(ctx, t); err != nil {
		return nil, err
	}
	for _, text := range []string{
		`INSERT INTO ` + changed + ` (op, ` + columns + `) SELECT CASE WHEN m.source_id IS NULL THEN '` + opInserted + `' ELSE '` + opUpdated + `' END,
			@connection, @account_id, s.source_id, ` + list(t, "s.") + ` ` + come(t),
		`INSERT INTO ` + changed + ` (op, ` + columns + `) SELECT '` + opBefore + `', m.connection_id, m.account_id, m.source_id, ` + list(t, "m.") + `
			FROM ` + changed + ` c JOIN ` + mirrorOf(t.Name) + ` m ON m.connection_id = @connection AND m.source_id = c.source_id AND m.account_id = @account_id
			WHERE c.op = '` + opUpdated + `'`,
		`INSERT INTO ` + changed + ` (op, ` + columns + `) SELECT '` + opDeleted + `', m.connection_id, m.account_id, m.source_id, ` + list(t, "m.") + ` ` + gone(t),
	} {
		if _, err := e.db.Exec(ctx, text, r.args()); err != nil {
			return nil, err
		}
	}
	if err := e.analyze(ctx, changed); err != nil {
		return nil, err
	}
	err = e.db.Query(ctx, &ops, `SELECT op, count(*) AS count FROM `+changed+` WHERE account_id = @account_id AND op <> '`+opBefore+`' GROUP BY op`, nil)
	return ops, err
}

func changedOf(table string) string { return "chg_" + table }

// changedTable makes the temporary table of the rows of a mirror that change.
func (e *Engine) changedTable(ctx context.Context, t source.Table) error {
	return e.temporary(ctx, `CREATE TEMPORARY TABLE IF NOT EXISTS `+changedOf(t.Name)+` (op text, LIKE `+mirrorOf(t.Name)+`) ON COMMIT DROP`)
}

// temporary makes a temporary table. It belongs to one transaction, and so to
// one account.
func (e *Engine) temporary(ctx context.Context, text string) error {
	_, err := e.db.Exec(store.AsSystem(ctx), text, nil)
	return err
}

// analyze tells the planner how many rows there are in a table that this
// transaction has filled.
func (e *Engine) analyze(ctx context.Context, table string) error {
	_, err := e.db.Exec(store.AsSystem(ctx), `ANALYZE `+table, nil)
	return err
}

// follow brings a mirror in line with what compare found, and writes the feed.
func (e *Engine) follow(ctx context.Context, t source.Table, args store.Args) error {
	changed, mirror := changedOf(t.Name), mirrorOf(t.Name)
	set := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		set[i] = c.Name + " = c." + c.Name
	}
	columns := `connection_id, account_id, source_id, ` + list(t, "")
	return e.each(ctx, args,
		`DELETE FROM `+mirror+` m USING `+changed+` c WHERE c.op = '`+opDeleted+`' AND m.account_id = @account_id AND m.connection_id = @connection AND m.source_id = c.source_id`,
		`UPDATE `+mirror+` m SET `+strings.Join(set, ", ")+` FROM `+changed+` c
			WHERE c.op = '`+opUpdated+`' AND m.account_id = @account_id AND m.connection_id = @connection AND m.source_id = c.source_id`,
		`INSERT INTO `+mirror+` (`+columns+`) SELECT `+columns+` FROM `+changed+` WHERE op = '`+opInserted+`' AND account_id = @account_id ORDER BY source_id`,
		`INSERT INTO sync_changes (account_id, connection_id, run_id, table_name, source_id, op, at)
			SELECT account_id, connection_id, @run, '`+t.Name+`', source_id, op, @now FROM `+changed+` WHERE op <> '`+opBefore+`' AND account_id = @account_id ORDER BY source_id`,
	)
}

// begins fills the mirror of a table for the first time.
func (e *Engine) begins(ctx context.Context, t source.Table, args store.Args) (ops []opCount, err error) {
	stage := stageOf(t.Name) + ` WHERE account_id = @account_id AND run_id = @run ORDER BY source_id`
	n, err := e.db.Exec(ctx, `INSERT INTO `+mirrorOf(t.Name)+` (connection_id, account_id, source_id, `+list(t, "")+`)
		SELECT @connection, account_id, source_id, `+list(t, "")+` FROM `+stage, args)
	if err != nil || n == 0 {
		return nil, err
	}
	_, err = e.db.Exec(ctx, `INSERT INTO sync_changes (account_id, connection_id, run_id, table_name, source_id, op, at)
		SELECT account_id, @connection, run_id, '`+t.Name+`', source_id, '`+opInserted+`', @now FROM `+stage, args)
	return []opCount{{Op: opInserted, Count: n}}, err
}

// ranges replaces the digests of what was read.
func (e *Engine) ranges(ctx context.Context, t source.Table, args store.Args) error {
	return e.each(ctx, with(args, "table", t.Name),
		`DELETE FROM lms_ranges l WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.table_name = @table
			AND EXISTS (SELECT FROM sync_run_ranges r WHERE r.run_id = @run AND r.table_name = @table AND r.first_id < l.last_id AND r.last_id > l.first_id)`,
		`INSERT INTO lms_ranges (connection_id, table_name, last_id, first_id, account_id, rows, taken, digest, skipped)
			SELECT @connection, table_name, last_id, first_id, account_id, digested, rows, digest, skipped FROM sync_run_ranges
			WHERE account_id = @account_id AND run_id = @run AND table_name = @table AND digest IS NOT NULL AND digested > 0`,
		// Ranges without rows are not kept: the next one begins where they did.
		`UPDATE lms_ranges l SET first_id = b.before FROM (
				SELECT last_id, coalesce(lag(last_id) OVER (ORDER BY last_id), 0) AS before FROM lms_ranges
				WHERE account_id = @account_id AND connection_id = @connection AND table_name = @table
			) b
			WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.table_name = @table AND l.last_id = b.last_id AND l.first_id <> b.before`,
	)
}

// each runs statements one after the other.
func (e *Engine) each(ctx context.Context, args store.Args, texts ...string) error {
	for _, text := range texts {
		if _, err := e.db.Exec(ctx, text, args); err != nil {
			return err
		}
	}
	return nil
}
