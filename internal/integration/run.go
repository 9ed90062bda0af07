package integration

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// SubjectRun is the type of what a process lms-sync is about: a run.
const SubjectRun = "sync_run"

// Start says how to run a connection.
type Start struct {
	Whole  bool // read and compare everything
	DryRun bool // tell what would be done, and do nothing
	// Alone refuses the start while any run of the account is open, as a load of
	// all connections does.
	Alone bool

	trigger models.SyncTrigger
	etl     *int64
	request process.New // what the request of a process brings
}

// lockLoads serialises the starts of an account, so that two callers can't each
// find that nobody runs.
const lockLoads = `SELECT pg_advisory_xact_lock(hashtextextended('quad:sync:' || CAST(CAST(@account_id AS bigint) AS text), 0))`

// openRuns tells what of an account is under way.
const openRuns = `SELECT count(*) AS any, count(etl_run_id) AS etl FROM sync_runs WHERE account_id = @account_id AND ended_at IS NULL`

// Run starts a run of a connection, now. Errors: ErrUnknown, ErrPaused,
// ErrRunning while it runs, ErrBusy while all connections of the account are
// loaded, or, Alone, while anything runs.
func (s *Service) Run(ctx context.Context, id int64, in Start) (run models.SyncRun, err error) {
	if _, err := s.reachable(ctx, id); err != nil {
		return run, err
	}
	if in.trigger == "" {
		in.trigger = models.SyncManual
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.free(ctx, in.Alone); err != nil {
			return err
		}
		run, err = s.begin(ctx, id, in)
		return err
	})
	if err != nil && models.KindOf(err) == models.KindConflict {
		// Refused, maybe because this very request has begun the run.
		err = cmp.Or(s.d.Process.Repeated(ctx, in.request.IdempotencyKey, in.request.RequestHash), err)
	}
	if err != nil {
		return run, fmt.Errorf("integration: run: %w", err)
	}
	return run, nil
}

// free waits for other starts of the account, and refuses while a load is under
// way, or, alone, anything.
func (s *Service) free(ctx context.Context, alone bool) error {
	if _, err := s.d.DB.Exec(ctx, lockLoads, nil); err != nil {
		return err
	}
	var open struct{ Any, ETL int64 }
	if err := s.d.DB.Query(ctx, &open, openRuns, nil); err != nil {
		return err
	}
	if open.ETL > 0 || alone && open.Any > 0 {
		return ErrBusy
	}
	return nil
}

// begin makes a run with its process, in the transaction of the context.
func (s *Service) begin(ctx context.Context, connectionID int64, in Start) (models.SyncRun, error) {
	c, err := s.find(ctx, connectionID, "FOR NO KEY UPDATE")
	switch {
	case err != nil:
		return models.SyncRun{}, err
	case !c.Enabled || c.PausedAt != nil:
		return models.SyncRun{}, ErrPaused
	}
	var run models.SyncRun
	err = s.d.DB.Query(ctx, &run, `INSERT INTO sync_runs (account_id, connection_id, trigger, whole, dry_run, etl_run_id, started_at)
		VALUES (@account_id, @connection, @trigger, @whole, @dry, @etl, @now) ON CONFLICT (connection_id) WHERE ended_at IS NULL DO NOTHING RETURNING *`,
		store.Args{"connection": c.ID, "trigger": in.trigger, "whole": in.Whole, "dry": in.DryRun, "etl": in.etl, "now": s.d.Clock()})
	switch {
	case err != nil:
		return run, err
	case run.ID == 0:
		return run, ErrRunning
	}
	n := in.request
	n.Kind, n.OrganizationID, n.SubjectType, n.SubjectID = models.ProcessLMSSync, c.OrganizationID, SubjectRun, run.ID
	n.BusinessKey, n.Attempt = "connection:"+strconv.FormatInt(c.ID, 10), 1
	p, err := s.d.Process.Create(ctx, n)
	if err != nil {
		var open *process.AlreadyOpenError
		if errors.As(err, &open) && !open.Repeated {
			return run, ErrRunning
		}
		return run, err
	}
	run.ProcessID = &p.ID
	if _, err := s.d.DB.Exec(ctx, `UPDATE sync_runs SET process_id = @process WHERE account_id = @account_id AND id = @run`,
		store.Args{"process": p.ID, "run": run.ID}); err != nil {
		return run, err
	}
	return run, s.noteRun(ctx, "connection.sync_started", run, c.OrganizationID, map[string]any{"trigger": run.Trigger, "full": run.Whole, "dryRun": run.DryRun})
}

// asRunning tells a refusal of the mirror in the words of this area.
func asRunning(err error) error {
	switch {
	case errors.Is(err, mirror.ErrRunning):
		return ErrRunning.With(err)
	case errors.Is(err, mirror.ErrUnknown):
		return ErrUnknown.With(err)
	}
	return err
}

// RunDetail is a run with what it did to each table.
type RunDetail struct {
	models.SyncRun
	// Tables are in the order of source.Tables. Of a dry run they tell what it
	// would have done.
	Tables []mirror.Counts
	// Planned is what a run would do, or would have done, that had to wait for a
	// confirmation and has not merged; else nil.
	Planned []mirror.Counts
	// Deletions are, while it waits, those that somebody has to confirm. Only
	// RunOf tells them.
	Deletions []mirror.Deletion
}

// Rows is how many rows of the system the run has gone over: those that it
// brought, and those that it found unchanged.
func (r RunDetail) Rows() (n int64) {
	for _, t := range r.Tables {
		n += t.Inserted + t.Updated + t.Unchanged
	}
	return n
}

// Runs lists the newest runs of a connection with what they did, those with an
// id below before, or from the newest where that is 0. next is where to go on, 0
// at the end. Errors: ErrUnknown.
func (s *Service) Runs(ctx context.Context, connectionID, before int64, limit int) (runs []RunDetail, next int64, err error) {
	if _, err := s.reachable(ctx, connectionID); err != nil {
		return nil, 0, err
	}
	var rows []models.SyncRun
	err = s.d.DB.Query(ctx, &rows, `SELECT * FROM sync_runs WHERE account_id = @account_id AND connection_id = @connection
		AND (CAST(@before AS bigint) = 0 OR id < @before) ORDER BY id DESC LIMIT @limit`,
		store.Args{"connection": connectionID, "before": before, "limit": limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("integration: runs: %w", err)
	}
	if len(rows) > limit {
		rows, next = rows[:limit], rows[limit-1].ID
	}
	runs, err = s.detailed(ctx, rows)
	return runs, next, err
}

// RunOf gives a run of a connection. Errors: ErrUnknown, ErrRunUnknown.
func (s *Service) RunOf(ctx context.Context, connectionID, id int64) (RunDetail, error) {
	c, err := s.reachable(ctx, connectionID)
	if err != nil {
		return RunDetail{}, err
	}
	run, err := s.run(ctx, id)
	switch {
	case err != nil:
		return RunDetail{}, err
	case run.ConnectionID != connectionID:
		return RunDetail{}, ErrRunUnknown
	}
	details, err := s.detailed(ctx, []models.SyncRun{run})
	if err != nil {
		return RunDetail{}, err
	}
	if run.State == models.SyncWaiting {
		details[0].Deletions = mirror.Deletions(details[0].Planned, c.DeletionPercent)
	}
	return details[0], nil
}

func (s *Service) run(ctx context.Context, id int64) (run models.SyncRun, err error) {
	err = s.d.DB.Query(ctx, &run, `SELECT * FROM sync_runs WHERE account_id = @account_id AND id = @id`, store.Args{"id": id})
	if err == nil && run.ID == 0 {
		err = ErrRunUnknown
	}
	return run, err
}

// detailed reads what runs did to their tables, with one statement.
func (s *Service) detailed(ctx context.Context, runs []models.SyncRun) ([]RunDetail, error) {
	out := make([]RunDetail, len(runs))
	ids := make([]int64, len(runs))
	at := map[int64]int{}
	for i, r := range runs {
		out[i].SyncRun, ids[i], at[r.ID] = r, r.ID, i
	}
	if len(runs) == 0 {
		return out, nil
	}
	var tables []models.SyncRunTable
	if err := s.d.DB.Query(ctx, &tables, `SELECT * FROM sync_run_tables WHERE account_id = @account_id AND run_id IN @runs`, store.Args{"runs": ids}); err != nil {
		return nil, fmt.Errorf("integration: what runs did: %w", err)
	}
	for _, known := range source.Tables {
		for _, t := range tables {
			if t.Table != known.Name {
				continue
			}
			c, err := countsOf(t)
			if err != nil {
				return nil, err
			}
			out[at[t.RunID]].take(c)
		}
	}
	return out, nil
}

// take adds what is written about a table. Before a run has merged that is
// what it plans.
func (r *RunDetail) take(c mirror.Counts) {
	if r.MergedAt == nil && !r.DryRun && (c.Read|c.Inserted|c.Updated|c.Unchanged|c.Deleted) != 0 {
		r.Planned = append(r.Planned, c)
		c = mirror.Counts{Table: c.Table}
	}
	r.Tables = append(r.Tables, c)
}

// LastRuns gives the newest run of each of the connections that has any, by the
// connection, with one statement.
func (s *Service) LastRuns(ctx context.Context, connections ...Connection) (map[int64]models.SyncRun, error) {
	if _, err := auth.CallerWith(ctx, operators...); err != nil {
		return nil, err
	}
	ids := make(pq.Int64Array, len(connections))
	for i, c := range connections {
		ids[i] = c.ID
	}
	var rows []models.SyncRun
	err := s.d.DB.Query(ctx, &rows, `SELECT r.* FROM unnest(CAST(@ids AS bigint[])) AS c (id) CROSS JOIN LATERAL (
			SELECT * FROM sync_runs WHERE account_id = @account_id AND connection_id = c.id ORDER BY id DESC LIMIT 1) r`, store.Args{"ids": ids})
	if err != nil {
		return nil, fmt.Errorf("integration: last runs: %w", err)
	}
	out := make(map[int64]models.SyncRun, len(rows))
	for _, r := range rows {
		out[r.ConnectionID] = r
	}
	return out, nil
}

func countsOf(t models.SyncRunTable) (mirror.Counts, error) {
	c := mirror.Counts{Table: t.Table, Read: t.Read, Inserted: t.Inserted, Updated: t.Updated, Unchanged: t.Unchanged, Deleted: t.Deleted}
	if err := json.Unmarshal(t.Skipped, &c.Skipped); err != nil {
		return c, fmt.Errorf("integration: skipped rows of run %d: %w", t.RunID, err)
	}
	return c, nil
}

// Changes lists what changed in the mirror of a connection after a place of the
// feed, oldest first; after 0 is where the feed begins. Errors: ErrUnknown,
// ErrChangesGone if something after that place is no longer kept.
func (s *Service) Changes(ctx context.Context, connectionID, after int64, limit int) (changes []models.SyncChange, more bool, err error) {
	if _, err := auth.CallerWith(ctx, operators...); err != nil {
		return nil, false, err
	}
	err = s.d.DB.Query(ctx, &changes, `SELECT * FROM sync_changes WHERE account_id = @account_id AND connection_id = @connection AND id > @after ORDER BY id LIMIT @limit`,
		store.Args{"connection": connectionID, "after": after, "limit": limit + 1})
	if err != nil {
		return nil, false, fmt.Errorf("integration: changes: %w", err)
	}
	// Read afterwards, it tells of everything that was missing above.
	c, err := s.reachable(ctx, connectionID)
	switch {
	case err != nil:
		return nil, false, err
	case after > 0 && after < c.ChangesFrom:
		return nil, false, ErrChangesGone
	}
	if len(changes) > limit {
		return changes[:limit], true, nil
	}
	return changes, false, nil
}

// Test connects to the system of a connection and tells what is there. It
// changes nothing. Errors: ErrUnknown, those of package source.
func (s *Service) Test(ctx context.Context, id int64) (source.Description, error) {
	row, err := s.reachable(ctx, id)
	if err != nil {
		return source.Description{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	src, err := s.open(ctx, row, testTimeout)
	if err != nil {
		return source.Description{}, inTime(ctx, err)
	}
	d, err := src.Describe(ctx)
	if closing := src.Close(); err == nil {
		err = closing
	}
	return d, inTime(ctx, err)
}

// inTime tells that a test took too long where the connector has no words for
// it.
func inTime(ctx context.Context, err error) error {
	if err != nil && models.KindOf(err) == "" && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return source.ErrSlow.With(err)
	}
	return err
}

// Reconnect tests a connection and keeps how it went as its status.
func (s *Service) Reconnect(ctx context.Context, id int64) (source.Description, error) {
	d, failure := s.Test(ctx, id)
	if errors.Is(failure, ErrUnknown) || models.KindOf(failure) == models.KindForbidden || ctx.Err() != nil {
		return d, failure
	}
	status, text := models.ConnectionOK, (*string)(nil)
	if failure != nil {
		told := Cause(failure)
		status, text = models.ConnectionFailing, &told
	}
	_, err := s.d.DB.Exec(ctx, `UPDATE connections SET status = @status, last_error = @text, updated_at = @now WHERE account_id = @account_id AND id = @id`,
		store.Args{"id": id, "status": status, "text": text, "now": s.d.Clock()})
	if err != nil {
		return d, fmt.Errorf("integration: reconnect: %w", err)
	}
	return d, failure
}

// Cause is what went wrong with a learning system, for people.
func Cause(err error) string {
	var e *models.Error
	switch {
	case errors.As(err, &e) && len(e.Fields) > 0:
		return e.Fields[0].Text
	case errors.As(err, &e):
		return e.Text
	case errors.Is(err, context.DeadlineExceeded):
		return "the learning system does not answer in time"
	}
	return "an internal error"
}

// open connects to the system of a connection.
func (s *Service) open(ctx context.Context, row models.Connection, timeout time.Duration) (source.Source, error) {
	connector, known := s.connectors[row.Kind]
	if !known {
		return nil, models.Invalid(models.FieldError{Field: "kind", Rule: "enum", Text: "this hub has no connector for " + row.Kind})
	}
	values, err := s.settings(row)
	if err != nil {
		return nil, err
	}
	return connector.Open(ctx, values, s.options(timeout, row.PagesPerSecond))
}

// Confirm lets a run go on that waits because it would delete much. Its caller
// is an administrator. Errors: ErrUnknown, ErrRunUnknown, ErrNotWaiting,
// models.ErrUnavailable when the process can't be told now.
func (s *Service) Confirm(ctx context.Context, connectionID, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	run, err := s.RunOf(ctx, connectionID, id)
	switch {
	case err != nil:
		return err
	case run.State != models.SyncWaiting || run.ProcessID == nil:
		return ErrNotWaiting
	}
	// Written first: the step after the signal finds it here.
	if err := s.confirm(ctx, run.SyncRun); err != nil {
		return fmt.Errorf("integration: confirm: %w", err)
	}
	p, err := s.d.Process.Get(ctx, *run.ProcessID)
	if err != nil {
		return err
	}
	return s.d.Process.Signal(ctx, p, models.SignalSyncConfirmed, nil)
}

// confirm writes who has confirmed the deletions of a run; who comes later only
// tells the process again.
func (s *Service) confirm(ctx context.Context, run models.SyncRun) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		var row models.SyncRun
		err := s.d.DB.Query(ctx, &row, `SELECT * FROM sync_runs WHERE account_id = @account_id AND id = @id AND state = 'waiting' FOR UPDATE`, store.Args{"id": run.ID})
		switch {
		case err != nil:
			return err
		case row.ID == 0:
			return ErrNotWaiting
		case row.ConfirmedAt != nil:
			return nil
		}
		if _, err := s.d.DB.Exec(ctx, `UPDATE sync_runs SET confirmed_at = @now, confirmed_by = @actor WHERE account_id = @account_id AND id = @id`,
			store.Args{"id": row.ID, "now": s.d.Clock(), "actor": auth.Actor(ctx)}); err != nil {
			return err
		}
		c, err := s.find(ctx, row.ConnectionID, "")
		if err != nil {
			return err
		}
		return s.noteRun(ctx, "connection.deletions_confirmed", row, c.OrganizationID, nil)
	})
}

// noteRun writes into the trail of the connection what became of a run of it.
func (s *Service) noteRun(ctx context.Context, action string, run models.SyncRun, organizationID *int64, data map[string]any) error {
	if data == nil {
		data = map[string]any{}
	}
	data["run"] = run.ID
	return audit.Write(ctx, s.d.DB, audit.Event{
		Action: action, SubjectType: "connection", SubjectID: run.ConnectionID, OrganizationID: organizationID, ProcessID: run.ProcessID, Data: data,
	})
}

// Cancel ends a run before anything of it is merged, as far as it is not too
// late for that, by cancelling its process. Its caller is an administrator.
// Errors: ErrUnknown, ErrRunUnknown, process.ErrEnded.
func (s *Service) Cancel(ctx context.Context, connectionID, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	run, err := s.RunOf(ctx, connectionID, id)
	switch {
	case err != nil:
		return err
	case run.ProcessID == nil:
		return process.ErrEnded
	}
	_, err = s.d.Process.Cancel(ctx, *run.ProcessID)
	return err
}
