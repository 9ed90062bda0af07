package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/integration"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// syncRepeats is how many runs without a change are measured.
const syncRepeats = 3

// syncTables are those that a first run fills: the mirror, what the hub shares,
// and the feed of changes.
var syncTables = []string{
	"lms_users", "lms_categories", "lms_courses", "lms_enrolments", "lms_roles", "lms_completions", "lms_grades",
	"users", "user_roles", "lms_people", "courses", "enrollments", "sync_changes",
}

// syncBench runs the connection of an account.
type syncBench struct {
	*stack
	account    int64
	admin      context.Context //nolint:containedctx // of an administrator
	connection int64
}

// benchSync brings a Moodle into the hub through Temporal and a worker: a first
// run of everything, runs without any change, and one of changes all over a
// table. The limit of the first is to copy the rows that it left into empty
// tables of the same kind, that of the others is the first.
func benchSync(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	say("  making a Moodle with %s enrolments", plain(float64(size.learners*misCoursesOfEach)))
	site, err := openMoodle(ctx, s, size.learners)
	if err != nil {
		return nil, err
	}
	b, err := newSyncBench(ctx, s, site)
	if err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	pid, stop, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := b.measure(ctx, conn, site, pid)
	return rows, errors.Join(err, stop())
}

// newSyncBench makes an account with a connection to the Moodle.
func newSyncBench(ctx context.Context, s *stack, site *moodle) (*syncBench, error) {
	account, home, err := s.hub.People.EnsureAccount(ctx, people.AccountSpec{Name: "Bench sync"})
	if err != nil {
		return nil, err
	}
	ctx = store.WithAccount(ctx, account.ID)
	boss, err := s.hub.People.EnsureUser(ctx, people.NewUser{
		OrganizationID: home.ID, Name: "Boss", Email: "sync-admin@bench.example", Password: password, Roles: []string{models.RoleAdmin},
	})
	if err != nil {
		return nil, err
	}
	b := &syncBench{stack: s, account: account.ID, admin: actAs(ctx, boss.User, models.RoleAdmin)}
	name := "Moodle"
	c, err := s.hub.Integrations.Create(b.admin, integration.Change{Name: &name, Kind: "moodle-db", Settings: site.settings})
	b.connection = c.ID
	return b, err
}

func (b *syncBench) measure(ctx context.Context, conn *pgx.Conn, site *moodle, pid int) (rows []Row, err error) {
	enrolments := plain(float64(site.enrolments())) + " enrolments"
	first, d, err := b.run(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := b.complete(ctx, conn, site); err != nil {
		return nil, err
	}
	memory, err := peakMemory(pid)
	if err != nil {
		return nil, err
	}
	all, err := b.copyTables(ctx, conn, syncTables, true)
	if err != nil {
		return nil, err
	}
	free, err := b.copyTables(ctx, conn, syncTables, false)
	if err != nil {
		return nil, err
	}
	row := Row{
		Name: "sync, first", Value: first.Seconds(), Unit: "s",
		Note: fmt.Sprintf("%s, %.0f s of it read; limit: COPY of what it left", enrolments, d.StagedAt.Sub(d.StartedAt).Seconds()),
	}
	rows = append(rows, row.against(all.Seconds(), []float64{first.Seconds() / all.Seconds()}).judge(ratioAtMost(3)))
	row = Row{Name: "sync, first, without foreign keys in the limit", Value: first.Seconds(), Unit: "s", Note: enrolments + "; limit: COPY that checks no foreign key"}
	rows = append(rows, row.against(free.Seconds(), []float64{first.Seconds() / free.Seconds()}))

	var values, ratios []float64
	for range syncRepeats {
		took, d, err := b.run(ctx, conn)
		if err != nil {
			return nil, err
		}
		if n := changes(d); n != 0 {
			return nil, fmt.Errorf("a run without changes brought %d", n)
		}
		values, ratios = append(values, took.Seconds()), append(ratios, took.Seconds()/first.Seconds())
	}
	row = Row{Name: "sync, nothing changed", Value: median(values), Unit: "s", Note: enrolments + "; limit: the first run"}
	rows = append(rows, row.against(first.Seconds(), ratios).judge(ratioUnder(0.05)))

	want, err := site.regrade(ctx)
	if err != nil {
		return nil, err
	}
	took, d, err := b.run(ctx, conn)
	if err != nil {
		return nil, err
	}
	if n := changes(d); n != want {
		return nil, fmt.Errorf("a run over %d changes brought %d", want, n)
	}
	row = Row{Name: "sync, 1 % of the grades changed", Value: took.Seconds(), Unit: "s", Note: plain(float64(want)) + " of them, all over the table; limit: the first run"}
	rows = append(rows, row.against(first.Seconds(), []float64{took.Seconds() / first.Seconds()}))

	row = Row{Name: "sync, worker's peak memory", Value: float64(memory) / (1 << 20), Unit: "MiB", Note: enrolments + ", first run"}
	return append(rows, row.judge(under(300))), nil
}

// changes is how many rows a run has changed in the mirror.
func changes(d integration.RunDetail) (n int64) {
	for _, t := range d.Tables {
		n += t.Inserted + t.Updated + t.Deleted
	}
	return n
}

// run synchronises once, from the request to the end of the run.
func (b *syncBench) run(ctx context.Context, conn *pgx.Conn) (took time.Duration, d integration.RunDetail, err error) {
	if err := settle(ctx, conn); err != nil {
		return 0, d, err
	}
	begin := time.Now()
	run, err := b.hub.Integrations.Run(b.admin, b.connection, integration.Start{})
	if err != nil {
		return 0, d, err
	}
	if _, err := b.awaitEnd(ctx, b.admin, *run.ProcessID); err != nil {
		return 0, d, err
	}
	took = time.Since(begin)
	if d, err = b.hub.Integrations.RunOf(b.admin, b.connection, run.ID); err != nil {
		return 0, d, err
	}
	if d.State != models.SyncCompleted || d.StagedAt == nil || d.EndedAt == nil {
		return 0, d, fmt.Errorf("run %d is %s", run.ID, d.State)
	}
	say("  run of %.1f s: read %.1f s, merged %.1f s, %s rows changed", took.Seconds(),
		d.StagedAt.Sub(d.StartedAt).Seconds(), d.EndedAt.Sub(*d.StagedAt).Seconds(), plain(float64(changes(d))))
	return took, d, nil
}

// complete makes sure that everything came.
func (b *syncBench) complete(ctx context.Context, conn *pgx.Conn, site *moodle) error {
	var people, learners, completed, graded int
	err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM lms_people WHERE account_id = $1 AND source_id IS NOT NULL), count(*), count(completed_at), count(score)
		FROM enrollments WHERE account_id = $1 AND learner`, b.account).Scan(&people, &learners, &completed, &graded)
	all := site.enrolments()
	if err == nil && (people != site.users || learners != all || graded != all || completed != all/5*3) {
		err = fmt.Errorf("of %d users and %d enrolments came %d and %d, %d of them completed, %d graded", site.users, all, people, learners, completed, graded)
	}
	return err
}

// copyTables times the limit: the rows of the account in these tables, copied in
// one transaction into empty tables with the same columns, checks and indexes,
// and, if keys are wanted, the same foreign keys.
func (b *syncBench) copyTables(ctx context.Context, conn *pgx.Conn, tables []string, keys bool) (took time.Duration, err error) {
	columns := make([]string, len(tables))
	for i, table := range tables {
		if columns[i], err = b.dump(ctx, conn, table, keys); err != nil {
			return 0, fmt.Errorf("%s: %w", table, err)
		}
	}
	if err := settle(ctx, conn); err != nil {
		return 0, err
	}
	begin := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for i, table := range tables {
			if err := b.load(ctx, tx.Conn(), table, columns[i]); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	})
	took = time.Since(begin)
	if err != nil {
		return 0, err
	}
	_, err = conn.Exec(ctx, "DROP TABLE bench_"+strings.Join(tables, ", bench_"))
	return took, err
}

func (b *syncBench) file(table string) string { return filepath.Join(b.dir, table+".copy") }

// dump writes the rows of a table into a file and makes the empty table. It
// gives the columns, without those that are computed.
func (b *syncBench) dump(ctx context.Context, conn *pgx.Conn, table string, keys bool) (columns string, err error) {
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE bench_%[1]s (LIKE %[1]s INCLUDING ALL)", table)); err != nil {
		return "", err
	}
	if keys {
		var add string
		if err := conn.QueryRow(ctx, `SELECT coalesce(string_agg(format('ALTER TABLE %I ADD %s', 'bench_' || $1, pg_get_constraintdef(oid)), '; '), '')
			FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'f'`, table).Scan(&add); err != nil {
			return "", err
		}
		if _, err := conn.Exec(ctx, add); err != nil {
			return "", err
		}
	}
	if err := conn.QueryRow(ctx, `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, table).Scan(&columns); err != nil {
		return "", err
	}
	f, err := os.Create(b.file(table))
	if err != nil {
		return "", err
	}
	_, err = conn.PgConn().CopyTo(ctx, f, fmt.Sprintf("COPY (SELECT %s FROM %s WHERE account_id = %d) TO STDOUT (FORMAT binary)", columns, table, b.account))
	return columns, errors.Join(err, f.Close())
}

func (b *syncBench) load(ctx context.Context, conn *pgx.Conn, table, columns string) error {
	f, err := os.Open(b.file(table))
	if err != nil {
		return err
	}
	_, err = conn.PgConn().CopyFrom(ctx, f, fmt.Sprintf("COPY bench_%s (%s) FROM STDIN (FORMAT binary)", table, columns))
	return errors.Join(err, f.Close(), os.Remove(b.file(table)))
}
