package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Load is a run of every connection that a caller may run, as one thing. It
// needs no work of its own: where it stands follows from its runs.
type Load struct {
	models.ETLRun
	Runs []RunDetail
}

// Ended is when the last of its runs ended, nil while one is open. A load
// without connections ended when it began.
func (l Load) Ended() *time.Time {
	end := l.StartedAt
	for _, r := range l.Runs {
		switch {
		case r.EndedAt == nil:
			return nil
		case r.EndedAt.After(end):
			end = *r.EndedAt
		}
	}
	return &end
}

// Rows is how many rows its runs have gone over.
func (l Load) Rows() (n int64) {
	for _, r := range l.Runs {
		n += r.Rows()
	}
	return n
}

// Faults are what went wrong, one text for each run that failed.
func (l Load) Faults() []string {
	out := []string{}
	for _, r := range l.Runs {
		switch {
		case r.Error != nil:
			out = append(out, *r.Error)
		case r.State == models.SyncCancelled:
			out = append(out, "the run was cancelled")
		}
	}
	return out
}

// LoadAll starts a run of every connection that the caller may run and that is
// neither paused nor switched off, and waits for their end, at most Deps.Wait.
// Errors: ErrBusy while anything of the account runs.
func (s *Service) LoadAll(ctx context.Context) (Load, error) {
	connections, err := s.List(ctx)
	if err != nil {
		return Load{}, err
	}
	var made models.ETLRun
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.free(ctx, true); err != nil {
			return err
		}
		if err := s.d.DB.Query(ctx, &made, `INSERT INTO etl_runs (account_id, started_by, started_at) VALUES (@account_id, @actor, @now) RETURNING *`,
			store.Args{"actor": auth.Actor(ctx), "now": s.d.Clock()}); err != nil {
			return err
		}
		for _, c := range connections {
			_, err := s.begin(ctx, c.ID, Start{trigger: models.SyncETL, etl: &made.ID})
			if err != nil && !errors.Is(err, ErrPaused) && !errors.Is(err, ErrUnknown) {
				return err
			}
		}
		return audit.Write(ctx, s.d.DB, audit.Event{Action: "etl.synced", SubjectType: "etl", SubjectID: made.ID})
	})
	if err != nil {
		return Load{}, fmt.Errorf("integration: load: %w", err)
	}
	var load Load
	err = s.await(ctx, func() (bool, error) {
		var err error
		load, err = s.load(ctx, made)
		return err == nil && load.Ended() != nil, err
	})
	return load, err
}

func (s *Service) load(ctx context.Context, made models.ETLRun) (Load, error) {
	loads, err := s.loads(ctx, []models.ETLRun{made})
	if err != nil {
		return Load{}, err
	}
	return loads[0], nil
}

// loads reads the runs of loads, with two statements.
func (s *Service) loads(ctx context.Context, made []models.ETLRun) ([]Load, error) {
	out, ids, at := make([]Load, len(made)), make([]int64, len(made)), map[int64]int{}
	for i, m := range made {
		out[i].ETLRun, ids[i], at[m.ID] = m, m.ID, i
	}
	if len(made) == 0 {
		return out, nil
	}
	var rows []models.SyncRun
	if err := s.d.DB.Query(ctx, &rows, `SELECT * FROM sync_runs WHERE account_id = @account_id AND etl_run_id IN @loads ORDER BY id`, store.Args{"loads": ids}); err != nil {
		return nil, fmt.Errorf("integration: runs of loads: %w", err)
	}
	runs, err := s.detailed(ctx, rows)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		i := at[*r.ETLRunID]
		out[i].Runs = append(out[i].Runs, r)
	}
	return out, nil
}

// Loads lists the newest loads of the account. Who administers organizations
// sees those whose connections they may all run.
func (s *Service) Loads(ctx context.Context, limit int) ([]Load, error) {
	if _, err := auth.CallerWith(ctx, operators...); err != nil {
		return nil, err
	}
	reach, err := s.d.Reach(ctx)
	if err != nil {
		return nil, err
	}
	var made []models.ETLRun
	err = s.d.DB.Query(ctx, &made, `SELECT * FROM etl_runs e WHERE account_id = @account_id AND NOT EXISTS (
			SELECT FROM sync_runs r JOIN connections c ON c.id = r.connection_id WHERE r.etl_run_id = e.id AND NOT `+auth.ReachSQL("c.organization_id")+`)
		ORDER BY started_at DESC, id DESC LIMIT @limit`, reach.Args(store.Args{"limit": limit}))
	if err != nil {
		return nil, fmt.Errorf("integration: loads: %w", err)
	}
	return s.loads(ctx, made)
}

// RunAndWait runs a connection while nothing else of the account runs, and waits
// for the end, at most Deps.Wait. Errors as Run.
func (s *Service) RunAndWait(ctx context.Context, id int64) (RunDetail, error) {
	run, err := s.Run(ctx, id, Start{Alone: true})
	if err != nil {
		return RunDetail{}, err
	}
	var detail RunDetail
	err = s.await(ctx, func() (bool, error) {
		var err error
		detail, err = s.RunOf(ctx, id, run.ID)
		return err == nil && detail.EndedAt != nil, err
	})
	return detail, err
}

// awaitEvery is how often somebody who waits looks.
const awaitEvery = 200 * time.Millisecond

// await looks until done, at most Deps.Wait.
func (s *Service) await(ctx context.Context, look func() (done bool, err error)) error {
	limit := time.NewTimer(s.d.Wait)
	defer limit.Stop()
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			_, err := look()
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// StartDue starts the connections whose time has come, of all accounts, and
// gives their number. What can't be started now waits for its next turn. Besides
// it does what else time asks for: the connection of the environment, newer
// keys, and history that is not kept any longer.
func (s *Service) StartDue(ctx context.Context) (started int, err error) {
	if err := s.EnsureConfigured(store.AsSystem(ctx)); err != nil {
		slog.WarnContext(ctx, "the connection of the environment is not what it says", "error", err)
	}
	if err := s.sealAnew(store.AsSystem(ctx)); err != nil {
		slog.WarnContext(ctx, "secrets of connections keep an older key", "error", err)
	}
	if err := s.forget(store.AsSystem(ctx)); err != nil {
		slog.WarnContext(ctx, "old history of connections could not be removed", "error", err)
	}
	for {
		begun, found, err := s.startOne(store.AsSystem(ctx))
		if err != nil || !found {
			return started, err
		}
		if begun {
			started++
		}
	}
}

// startOne starts the connection that is due for the longest time.
func (s *Service) startOne(ctx context.Context) (begun, found bool, err error) {
	var due models.Connection
	if err := s.d.DB.Query(ctx, &due, `SELECT c.* FROM connections c JOIN accounts a ON a.id = c.account_id AND a.status = 'ACTIVE'
		WHERE c.enabled AND c.paused_at IS NULL AND c.next_run_at <= @now ORDER BY c.next_run_at LIMIT 1`, store.Args{"now": s.d.Clock()}); err != nil || due.ID == 0 {
		return false, false, err
	}
	err = s.d.DB.InTx(store.WithAccount(ctx, due.AccountID), func(ctx context.Context) error {
		// The turn is given away whether or not the run may begin: that it is due
		// is asked again, now that nobody else starts anything in this account.
		failure := s.free(ctx, false)
		if failure != nil && !errors.Is(failure, ErrBusy) {
			return failure
		}
		s.schedule(&due)
		n, err := s.d.DB.Exec(ctx, `UPDATE connections SET next_run_at = @next WHERE account_id = @account_id AND id = @id AND next_run_at <= @now`,
			store.Args{"id": due.ID, "next": due.NextRunAt, "now": s.d.Clock()})
		if err != nil || n == 0 || failure != nil {
			return err
		}
		err = s.d.DB.InSavepoint(ctx, func(ctx context.Context) error {
			_, err := s.begin(ctx, due.ID, Start{trigger: models.SyncSchedule})
			return err
		})
		begun = err == nil
		if errors.Is(err, ErrRunning) || errors.Is(err, ErrPaused) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, true, fmt.Errorf("integration: due connections: %w", err)
	}
	return begun, true, nil
}
