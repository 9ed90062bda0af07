package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/blob"
	"quad/internal/people"
	"quad/internal/people/invite"
	"quad/internal/store"
	"quad/models"
)

// benchInvite imports lists by the steps of the process, called from here, as
// its activities call them.
func benchInvite(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	return s.importRows(ctx, size, "bulk invite, steps", func(ctx context.Context, f models.InviteFile) (importTime, error) {
		// A worker of a later benchmark must not find this process.
		if err := s.leaveToUs(ctx, f); err != nil {
			return importTime{}, err
		}
		return s.runSteps(ctx, f)
	})
}

// benchInviteWorker imports lists as clients see it: from the request's commit
// to the end of the process, by a worker of its own.
func benchInviteWorker(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	_, stop, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.importRows(ctx, size, "bulk invite, worker", func(ctx context.Context, f models.InviteFile) (importTime, error) {
		p, err := s.await(ctx, f)
		if err != nil {
			return importTime{}, err
		}
		return importTime{total: p.EndedAt.Sub(p.CreatedAt)}, nil
	})
	return rows, errors.Join(err, stop())
}

// importTime is how long an import took, and its steps where they are known.
type importTime struct{ total, check, pages, result, finish time.Duration }

// inviteRounds is how many files are imported for a row.
const inviteRounds = 3

// importRows measures imports in rounds: a file is imported, then what it has
// written is copied into empty tables of the same make.
func (s *stack) importRows(ctx context.Context, size sizes, name string, run func(context.Context, models.InviteFile) (importTime, error)) (_ []Row, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	n := float64(size.inviteRows)
	var values, limits, ratios []float64
	var last importTime
	for round := range inviteRounds {
		if err := emptyInvites(ctx, conn); err != nil {
			return nil, err
		}
		file, err := s.submit(ctx, fmt.Sprintf("%s %d", name, round), size.inviteRows, func() error { return settle(ctx, conn) })
		if err != nil {
			return nil, err
		}
		if last, err = run(ctx, file); err != nil {
			return nil, err
		}
		if err := imported(ctx, conn, file, size.inviteRows); err != nil {
			return nil, err
		}
		raw, err := copyRows(ctx, conn, file)
		if err != nil {
			return nil, err
		}
		values, limits = append(values, n/last.total.Seconds()), append(limits, n/raw.Seconds())
		ratios = append(ratios, raw.Seconds()/last.total.Seconds())
		say("  round %d: %.0f rows/s, COPY %.0f rows/s, ratio %.2f", round+1, values[round], limits[round], ratios[round])
	}
	row := Row{Name: name, Value: median(values), Unit: "rows/s", Note: fmt.Sprintf("%s rows; limit: COPY of the same rows", plain(n))}
	if last.check > 0 {
		row.Note += fmt.Sprintf("; check %.1f s, pages %.1f s, result %.1f s, end %.1f s",
			last.check.Seconds(), last.pages.Seconds(), last.result.Seconds(), last.finish.Seconds())
	}
	return []Row{row.against(median(limits), ratios).judge(ratioAtLeast(0.5), atLeast(20_000))}, nil
}

// emptyInvites makes room: every file starts with the same tables.
func emptyInvites(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "TRUNCATE invites, invite_rows")
	return err
}

// list writes a file of n people whom nobody knows, not in the order of their
// addresses.
func list(n int, domain string) io.Reader {
	step := 7919
	for gcd(step, n) > 1 { // so that each address comes once
		step++
	}
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 64<<10)
		_, err := b.WriteString("name,email,roles\n")
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(b, "Person %d,person-%07d@%s.example,\"mentor,session_manager\"\n", i, i*step%n, domain)
		}
		w.CloseWithError(errors.Join(err, b.Flush()))
	}()
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// submit uploads a list and asks for its import. ready is called between.
func (s *stack) submit(ctx context.Context, name string, rows int, ready func() error) (models.InviteFile, error) {
	path := fmt.Sprintf("bench/%s-%d.csv", blob.CleanName(name), time.Now().UnixNano())
	content := list(rows, "list")
	_, err := s.hub.Blob.Write(ctx, people.FileKey(s.account.ID, path), content, blob.WriteOptions{})
	if err != nil {
		return models.InviteFile{}, err
	}
	if _, err := s.hub.People.RegisterFile(s.admin, models.StoredFile{Path: path, Name: name, Purpose: "upload"}); err != nil {
		return models.InviteFile{}, err
	}
	if err := ready(); err != nil {
		return models.InviteFile{}, err
	}
	return s.hub.Invites.Submit(s.admin, invite.Submission{Path: path})
}

// leaveToUs ends the workflow that Submit has started.
func (s *stack) leaveToUs(ctx context.Context, f models.InviteFile) error {
	p, err := s.hub.Processes.Get(s.admin, *f.ProcessID)
	if err != nil {
		return err
	}
	return s.takeOver(ctx, p)
}

// takeOver ends the workflow of a process of which no worker has heard yet.
func (s *stack) takeOver(ctx context.Context, p models.Process) error {
	if p.StartedAt == nil {
		return fmt.Errorf("process %d was not started: Temporal does not answer in time", p.ID)
	}
	return s.hub.Temporal.TerminateWorkflow(ctx, p.WorkflowID, "", "its steps are called directly")
}

// runSteps does what the workflow does.
func (s *stack) runSteps(ctx context.Context, f models.InviteFile) (t importTime, err error) {
	ctx = store.WithAccount(ctx, f.AccountID)
	in := models.ProcessInput{AccountID: f.AccountID, ProcessID: *f.ProcessID, SubjectID: f.ID, Attempt: 1}
	step := func(d *time.Duration, do func() error) {
		if err != nil {
			return
		}
		begin := time.Now()
		err = do()
		*d = time.Since(begin)
		t.total += *d
	}
	count := func(int64) {}
	step(&t.check, func() error {
		checked, err := s.hub.Invites.Check(ctx, in, count)
		if checked.Failure != "" {
			return errors.New(checked.Failure)
		}
		return err
	})
	step(&t.pages, func() error {
		_, err := s.hub.Invites.ImportPages(ctx, in, func() bool { return false }, func(invite.Imported) {})
		return err
	})
	step(&t.result, func() error {
		_, err := s.hub.Invites.WriteResult(ctx, in, "", count)
		return err
	})
	step(&t.finish, func() error { return s.hub.Invites.Finish(ctx, in, invite.Ending{}) })
	return t, err
}

// await waits for the end of a file's process.
func (s *stack) await(ctx context.Context, f models.InviteFile) (models.Process, error) {
	return s.awaitEnd(ctx, s.admin, *f.ProcessID)
}

// awaitEnd waits for the end of a process, as the caller of another context sees
// it.
func (s *stack) awaitEnd(ctx, caller context.Context, id int64) (models.Process, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := s.hub.Processes.Get(caller, id)
		switch {
		case err != nil:
			return p, err
		case p.State == models.ProcessCompleted:
			return p, nil
		case p.State.Final():
			return p, fmt.Errorf("process %d is %s: %s", p.ID, p.State, deref(p.Error))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return p, fmt.Errorf("process %d is %s with %d of %d rows: %w", p.ID, p.State, p.Done, p.Total, ctx.Err())
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// imported makes sure that the work was really done.
func imported(ctx context.Context, conn *pgx.Conn, f models.InviteFile, want int) error {
	var invites, verdicts int
	err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM invites WHERE file_id = $1 AND status = 'PENDING'),
		(SELECT count(*) FROM invite_rows WHERE file_id = $1 AND verdict = 'invited')`, f.ID).Scan(&invites, &verdicts)
	if err == nil && (invites != want || verdicts != want) {
		err = fmt.Errorf("file %d has %d invitations and %d verdicts instead of %d", f.ID, invites, verdicts, want)
	}
	return err
}

// copyRows times the limit: the rows that an import has written, copied in one
// transaction into empty tables with the same columns, checks and indexes.
func copyRows(ctx context.Context, conn *pgx.Conn, f models.InviteFile) (took time.Duration, err error) {
	tables := []string{"invites", "invite_rows"}
	rows := make([]bytes.Buffer, len(tables))
	for i, table := range tables {
		if _, err := conn.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS bench_%[1]s; CREATE TABLE bench_%[1]s (LIKE %[1]s INCLUDING ALL)", table)); err != nil {
			return 0, err
		}
		out := fmt.Sprintf("COPY (SELECT * FROM %s WHERE file_id = %d) TO STDOUT (FORMAT binary)", table, f.ID)
		if _, err := conn.PgConn().CopyTo(ctx, &rows[i], out); err != nil {
			return 0, err
		}
	}
	if err := settle(ctx, conn); err != nil {
		return 0, err
	}
	begin := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for i, table := range tables {
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, &rows[i], "COPY bench_"+table+" FROM STDIN (FORMAT binary)"); err != nil {
				return err
			}
		}
		return nil
	})
	took = time.Since(begin)
	if err != nil {
		return 0, err
	}
	_, err = conn.Exec(ctx, "DROP TABLE bench_invites, bench_invite_rows")
	return took, err
}

// benchStart times small processes one after the other, by the database's
// clock: from the transaction of the request, which the caller's answer
// follows, to that of the first activity.
func benchStart(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	_, stop, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	var waits []float64
	for i := range size.starts {
		f, err := s.hub.Invites.Submit(s.admin, invite.Submission{Rows: []invite.Person{
			{Name: "Somebody", Email: fmt.Sprintf("start-%d@bench.example", i), Roles: []string{models.RoleMentor}},
		}})
		if err != nil {
			return nil, err
		}
		if _, err := s.await(ctx, f); err != nil {
			return nil, err
		}
		var seconds float64
		err = conn.QueryRow(ctx, `SELECT extract(epoch FROM e.created_at - p.created_at)::float8 FROM processes p
			JOIN process_events e ON e.process_id = p.id AND e.to_state = 'running' WHERE p.id = $1 ORDER BY e.id LIMIT 1`, *f.ProcessID).Scan(&seconds)
		if err != nil {
			return nil, fmt.Errorf("process %d never ran: %w", *f.ProcessID, err)
		}
		waits = append(waits, 1000*seconds)
	}
	note := fmt.Sprintf("%d processes, one after the other", len(waits))
	return []Row{
		{Name: "start to first activity, p50", Value: percentile(waits, 50), Unit: "ms", Note: note},
		{Name: "start to first activity, p99", Value: percentile(waits, 99), Unit: "ms", Note: "slowest " + plain(slices.Max(waits)) + " ms"},
	}, stop()
}

// benchMillion looks at what a large import needs: memory of a worker that does
// nothing else, and events in the history of its workflow.
func benchMillion(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := emptyInvites(ctx, conn); err != nil {
		return nil, err
	}
	pid, stop, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.submit(ctx, "million", size.workerRows, func() error { return settle(ctx, conn) })
	if err != nil {
		return nil, err
	}
	p, err := s.await(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := imported(ctx, conn, f, size.workerRows); err != nil {
		return nil, err
	}
	peak, err := peakMemory(pid)
	if err != nil {
		return nil, err
	}
	events, err := s.historyLength(ctx, p)
	if err != nil {
		return nil, err
	}
	took := p.EndedAt.Sub(p.CreatedAt)
	note := fmt.Sprintf("%s rows in %.0f s", plain(float64(size.workerRows)), took.Seconds())
	row := Row{Name: "worker's peak memory", Value: float64(peak) / (1 << 20), Unit: "MiB", Note: note}
	history := Row{Name: "history events", Value: 1000 * float64(events) / float64(size.workerRows), Unit: "events/1000 rows", Note: fmt.Sprintf("%d events", events)}
	return []Row{row.judge(under(200)), history.judge(under(5))}, stop()
}

// historyLength asks Temporal how many events a process's workflow has.
func (s *stack) historyLength(ctx context.Context, p models.Process) (int64, error) {
	described, err := s.hub.Temporal.DescribeWorkflowExecution(ctx, p.WorkflowID, "")
	if err != nil {
		return 0, err
	}
	return described.WorkflowExecutionInfo.HistoryLength, nil
}
