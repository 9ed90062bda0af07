package reporting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

const (
	sweepBatch = 200
	// filesAfter is how long after a report its files go: by then nothing that
	// was being made of it is under way any more.
	filesAfter = 2 * timeLimit
	// mostTries bounds the tries of the step that reads the figures, of which
	// each has an object of its own.
	mostTries = 10
)

// Tries is how often the steps of a report are tried.
func Tries() int32 { return mostTries }

// TimeLimit is how long the making of a report may take.
func TimeLimit() time.Duration { return timeLimit }

// Sweep does what time asks for: reports that are past their limit fail, those
// that have been kept long enough are removed, files of removed ones go, and
// schedules that are due make their reports. Its context is a system one. What
// goes wrong with one account or row is logged and left to the next sweep.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.lapseAll(ctx); err != nil {
		return err
	}
	if err := s.retain(ctx); err != nil {
		return err
	}
	if err := s.removeFiles(ctx); err != nil {
		return err
	}
	return s.runSchedules(ctx)
}

// lapseAll ends reports that are past their limit.
func (s *Service) lapseAll(ctx context.Context) error {
	var late []models.Report
	err := s.d.DB.Query(store.AsSystem(ctx), &late, `SELECT id, account_id, process_id FROM reports
WHERE status IN ('pending', 'processing') AND limit_at <= @now ORDER BY limit_at LIMIT @limit`, store.Args{"now": s.d.Clock(), "limit": sweepBatch})
	if err != nil {
		return fmt.Errorf("reporting: sweep: %w", err)
	}
	for _, r := range late {
		if err := s.lapse(store.WithAccount(ctx, r.AccountID), r); err != nil {
			slog.WarnContext(ctx, "a report that is late could not be ended", "report", r.ID, "error", err)
		}
	}
	return nil
}

// retain removes the reports that are older than their account keeps them.
func (s *Service) retain(ctx context.Context) error {
	var accounts []int64
	err := s.d.DB.Query(store.AsSystem(ctx), &accounts, `SELECT id FROM accounts a WHERE status = 'ACTIVE'
    AND EXISTS (SELECT FROM reports r WHERE r.account_id = a.id AND r.created_at < @now) ORDER BY id`, store.Args{"now": s.d.Clock().AddDate(0, 0, -1)})
	if err != nil {
		return fmt.Errorf("reporting: sweep: %w", err)
	}
	for _, account := range accounts {
		of := store.WithAccount(ctx, account)
		days, err := s.d.Retention(of)
		if err == nil && days > 0 {
			err = s.removeOld(of, s.d.Clock().AddDate(0, 0, -days))
		}
		if err != nil {
			slog.WarnContext(of, "old reports could not be removed", "account", account, "error", err)
		}
	}
	return nil
}

func (s *Service) removeOld(ctx context.Context, before time.Time) error {
	for {
		var ids []int64
		err := s.d.DB.Query(ctx, &ids, `SELECT id FROM reports WHERE account_id = @account_id AND created_at < @before AND status IN ('completed', 'failed')
ORDER BY created_at, id LIMIT @limit`, store.Args{"before": before, "limit": sweepBatch})
		if err != nil || len(ids) == 0 {
			return err
		}
		if _, err := s.remove(ctx, ids); err != nil {
			return err
		}
	}
}

// removeFiles removes the objects of reports that are gone.
func (s *Service) removeFiles(ctx context.Context) error {
	var gone []models.ReportRemoval
	err := s.d.DB.Query(store.AsSystem(ctx), &gone, `SELECT * FROM report_removals WHERE removed_at <= @before ORDER BY removed_at LIMIT @limit`,
		store.Args{"before": s.d.Clock().Add(-filesAfter), "limit": sweepBatch})
	if err != nil {
		return fmt.Errorf("reporting: sweep: %w", err)
	}
	for _, r := range gone {
		if err := s.removeObjects(store.WithAccount(ctx, r.AccountID), r); err != nil {
			slog.WarnContext(ctx, "files of a report that is gone could not be removed", "report", r.ReportID, "error", err)
		}
	}
	return nil
}

func (s *Service) removeObjects(ctx context.Context, r models.ReportRemoval) error {
	var errs []error
	for _, format := range models.ReportFormats {
		errs = append(errs, s.d.Blob.Delete(ctx, fileKey(r.AccountID, r.ReportID, format)))
	}
	for try := range int32(mostTries) {
		errs = append(errs, s.d.Blob.Delete(ctx, rowKey(r.AccountID, r.ReportID, try+1)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := s.d.DB.Exec(ctx, `DELETE FROM report_removals WHERE report_id = @id AND account_id = @account_id`, store.Args{"id": r.ReportID})
	return err
}

// runSchedules makes the reports of schedules that are due.
func (s *Service) runSchedules(ctx context.Context) error {
	var due []models.ReportSchedule
	err := s.d.DB.Query(store.AsSystem(ctx), &due, `SELECT p.* FROM report_schedules p JOIN accounts a ON a.id = p.account_id AND a.status = 'ACTIVE'
WHERE p.active AND p.next_run_at <= @now
    AND (p.organization_id IS NULL OR EXISTS (SELECT FROM organizations o WHERE o.id = p.organization_id AND o.status = 'ACTIVE')) ORDER BY p.next_run_at, p.id LIMIT @limit`, store.Args{"now": s.d.Clock(), "limit": sweepBatch})
	if err != nil {
		return fmt.Errorf("reporting: sweep: %w", err)
	}
	for _, p := range due {
		if err := s.run(store.WithAccount(ctx, p.AccountID), p); err != nil {
			slog.WarnContext(ctx, "a scheduled report could not be started", "schedule", p.ID, "error", err)
		}
	}
	return nil
}

const moveSchedule = `
UPDATE report_schedules SET next_run_at = @next, last_run_at = @run, updated_at = @now
WHERE id = @id AND account_id = @account_id AND active AND next_run_at = @run`

// run starts the report of a run and moves the schedule on, in one transaction,
// so that there is one report for each run. Runs that were missed are made up
// for by one.
func (s *Service) run(ctx context.Context, p models.ReportSchedule) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		now := s.d.Clock()
		moved, err := s.d.DB.Exec(ctx, moveSchedule, store.Args{"next": p.Next(now), "run": p.NextRunAt, "now": now, "id": p.ID})
		if err != nil || moved == 0 {
			return err // another sweep was faster
		}
		latest := p.NextRunAt
		for next := p.Next(latest); !next.After(now); next = p.Next(next) {
			latest = next
		}
		from, until := p.Period(latest)
		_, err = s.begin(ctx, order{
			Request: Request{Title: p.Title, Type: p.Type, From: &from, Until: &until, OrganizationID: p.OrganizationID},
			scope:   scopeOfSchedule(p), author: &p.OwnerID, schedule: &p.ID, attempt: 1,
		}, process.New{})
		return err
	})
}

// scopeOfSchedule is one organization, or the whole account.
func scopeOfSchedule(p models.ReportSchedule) scope {
	if p.OrganizationID == nil {
		return scope{all: true, organizations: []int64{}}
	}
	return scope{organizations: []int64{*p.OrganizationID}, organization: p.OrganizationID}
}
