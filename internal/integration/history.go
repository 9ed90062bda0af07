package integration

import (
	"context"
	"fmt"
	"math"
	"time"

	"quad/internal/store"
	"quad/models"
)

// Bounds of what one sweep removes, so that no transaction is long and none of
// its turns is late. What is left over the next ones remove.
const (
	historyRuns    = 500   // runs or loads in one statement
	historyChanges = 5_000 // places of a feed in one
	historyTurns   = 20    // statements of each sort
)

// forget removes the history that is older than it is kept: loads, runs with
// what they did to their tables, and the beginning of feeds. The newest run of a
// connection, and the newest that brought something, stay however old they are.
// Its context is a system one.
func (s *Service) forget(ctx context.Context) error {
	if s.d.HistoryDays <= 0 {
		return nil
	}
	before := s.d.Clock().AddDate(0, 0, -s.d.HistoryDays)
	for _, text := range []string{forgetLoads, forgetRuns} {
		for range historyTurns {
			n, err := s.d.DB.Exec(ctx, text, store.Args{"before": before, "limit": historyRuns})
			if err != nil {
				return fmt.Errorf("integration: old history: %w", err)
			}
			if n < historyRuns {
				break
			}
		}
	}
	for range historyTurns {
		if found, err := s.forgetChanges(ctx, before); err != nil || !found {
			return err
		}
	}
	return nil
}

// Loads go before their runs, so that none is seen of which some are missing.
const forgetLoads = `WITH old AS (
		SELECT id FROM etl_runs e WHERE started_at < @before AND NOT EXISTS (
			SELECT FROM sync_runs r WHERE r.etl_run_id = e.id AND (r.ended_at IS NULL OR r.ended_at >= @before))
		ORDER BY started_at LIMIT @limit FOR UPDATE SKIP LOCKED),
	runs AS (UPDATE sync_runs SET etl_run_id = NULL WHERE etl_run_id IN (SELECT id FROM old))
	DELETE FROM etl_runs WHERE id IN (SELECT id FROM old)`

const forgetRuns = `DELETE FROM sync_runs WHERE id IN (
	SELECT r.id FROM sync_runs r WHERE r.ended_at < @before AND r.etl_run_id IS NULL
		AND EXISTS (SELECT FROM sync_runs n WHERE n.connection_id = r.connection_id AND n.id > r.id)
		AND (r.merged_at IS NULL OR EXISTS (SELECT FROM sync_runs n WHERE n.connection_id = r.connection_id AND n.id > r.id AND n.merged_at IS NOT NULL))
	ORDER BY r.ended_at LIMIT @limit FOR UPDATE SKIP LOCKED)`

// forgetChanges removes the beginning of one feed, as far as it is old, and
// tells whether there was one. What the feed has lost is written down with it. A
// connection that is just merged is left to the next sweep.
func (s *Service) forgetChanges(ctx context.Context, before time.Time) (found bool, err error) {
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		var c models.Connection
		if err := s.d.DB.Query(ctx, &c, `SELECT id, account_id FROM connections c
			WHERE (SELECT at FROM sync_changes f WHERE f.connection_id = c.id ORDER BY f.id LIMIT 1) < @before
			ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`, store.Args{"before": before}); err != nil || c.ID == 0 {
			return err
		}
		found = true
		_, err := s.d.DB.Exec(store.WithAccount(ctx, c.AccountID), `WITH first AS (
				SELECT id, at FROM sync_changes WHERE account_id = @account_id AND connection_id = @connection ORDER BY id LIMIT @limit),
			old AS (SELECT max(id) AS id FROM first WHERE id < coalesce((SELECT min(id) FROM first WHERE at >= @before), @end)),
			gone AS (DELETE FROM sync_changes WHERE account_id = @account_id AND connection_id = @connection AND id <= (SELECT id FROM old))
			UPDATE connections SET changes_from = (SELECT id FROM old) WHERE account_id = @account_id AND id = @connection`,
			store.Args{"connection": c.ID, "before": before, "limit": historyChanges, "end": int64(math.MaxInt64)})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("integration: old changes: %w", err)
	}
	return found, nil
}
