package reporting

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// ScheduleInput is what a schedule is to be.
type ScheduleInput struct {
	Title          string
	Type           models.ReportType
	OrganizationID *int64 // nil: the whole account
	Frequency      models.ReportFrequency
	Day            int // weekly: 1 (Monday) to 7; monthly: 1 to 28; daily: 1
	Minute         int // of the day, UTC
	Recipients     []int64
	Active         *bool // nil: yes
}

const mostRecipients = 100

// check finds all that is wrong with a schedule.
func (in ScheduleInput) check() error {
	var faults []models.FieldError
	bad := func(field, rule, text string) {
		faults = append(faults, models.FieldError{Field: field, Rule: rule, Text: field + " " + text})
	}
	if err := (Request{Title: in.Title, Type: in.Type}).check(); err != nil {
		return err
	}
	most := map[models.ReportFrequency]int{models.ReportDaily: 1, models.ReportWeekly: 7, models.ReportMonthly: 28}[in.Frequency]
	if most == 0 {
		bad("frequency", "enum", "must be daily, weekly or monthly")
	} else if in.Day < 1 || in.Day > most {
		bad("day", "range", fmt.Sprintf("must be 1 to %d", most))
	}
	if in.Minute < 0 || in.Minute > 1439 {
		bad("at", "time", "must be a time of day such as 06:30")
	}
	if n := len(in.Recipients); n < 1 || n > mostRecipients {
		bad("recipients", "length", fmt.Sprintf("must be 1 to %d people", mostRecipients))
	}
	if len(faults) > 0 {
		return models.Invalid(faults...)
	}
	return nil
}

// admit checks that the caller may have a schedule like this, and that its
// recipients may see its reports.
func (s *Service) admit(ctx context.Context, in *ScheduleInput) error {
	if err := in.check(); err != nil {
		return err
	}
	if in.OrganizationID != nil {
		if err := s.d.Named(ctx, *in.OrganizationID); err != nil {
			return err
		}
	}
	slices.Sort(in.Recipients)
	in.Recipients = slices.Compact(in.Recipients)
	to, err := s.readers(ctx, in.Recipients, nil, in.OrganizationID)
	if err != nil {
		return fmt.Errorf("reporting: recipients: %w", err)
	}
	if len(to) < len(in.Recipients) {
		return invalid("recipients", "reach", "recipients must be active people with an address who may see these reports")
	}
	return nil
}

// CreateSchedule has a report made and mailed again and again. Errors:
// models.ErrForbidden for who is no administrator of the account, KindInvalid,
// those of Deps.Named.
func (s *Service) CreateSchedule(ctx context.Context, in ScheduleInput) (made models.ReportSchedule, err error) {
	caller, err := auth.CallerWith(ctx, models.RoleAdmin)
	switch {
	case err != nil:
		return made, err
	case caller.UserID == 0: // reports are somebody's
		return made, models.ErrForbidden
	}
	if err := s.admit(ctx, &in); err != nil {
		return made, err
	}
	now := s.d.Clock()
	made = models.ReportSchedule{
		OwnerID: caller.UserID, OrganizationID: in.OrganizationID, Title: in.Title, Type: in.Type, Frequency: in.Frequency, Day: in.Day, Minute: in.Minute,
		Recipients: in.Recipients, Active: in.Active == nil || *in.Active, CreatedAt: now, UpdatedAt: now,
	}
	made.NextRunAt = made.Next(now)
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.d.DB.Conn(ctx).Create(&made).Error; err != nil {
			return err
		}
		return s.auditSchedule(ctx, made, "report_schedule.created")
	})
	if err != nil {
		return made, fmt.Errorf("reporting: schedule: %w", err)
	}
	return made, nil
}

const updateSchedule = `
UPDATE report_schedules SET title = @title, type = @type, organization_id = CAST(@organization AS bigint), frequency = @frequency, day = @day, minute = @minute,
    recipients = CAST(@recipients AS bigint[]), active = @active, next_run_at = @next, updated_at = @now
WHERE id = @id AND account_id = @account_id
RETURNING *`

// UpdateSchedule makes a schedule another one. Its next run is the first after
// now. Errors: ErrScheduleUnknown, those of CreateSchedule.
func (s *Service) UpdateSchedule(ctx context.Context, id int64, in ScheduleInput) (changed models.ReportSchedule, err error) {
	if _, err := s.Schedule(ctx, id); err != nil {
		return changed, err
	}
	if err := s.admit(ctx, &in); err != nil {
		return changed, err
	}
	now := s.d.Clock()
	next := models.ReportSchedule{Frequency: in.Frequency, Day: in.Day, Minute: in.Minute}.Next(now)
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		err := s.d.DB.Query(ctx, &changed, updateSchedule, store.Args{
			"id": id, "title": in.Title, "type": in.Type, "organization": in.OrganizationID, "frequency": in.Frequency, "day": in.Day, "minute": in.Minute,
			"recipients": pq.Int64Array(in.Recipients), "active": in.Active == nil || *in.Active, "next": next, "now": now,
		})
		switch {
		case err != nil:
			return err
		case changed.ID == 0:
			return ErrScheduleUnknown
		}
		return s.auditSchedule(ctx, changed, "report_schedule.updated")
	})
	if err != nil {
		return changed, fmt.Errorf("reporting: schedule: %w", err)
	}
	return changed, nil
}

// Schedules gives a page of the account's schedules, from behind one on (0: from
// the start). next is the schedule to go on behind, 0 when there are no more.
func (s *Service) Schedules(ctx context.Context, after int64, limit int) (page []models.ReportSchedule, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	page, next, err = store.Page(s.d.DB.Conn(ctx).Where("id > ?", after).Order("id"), limit, func(p models.ReportSchedule) int64 { return p.ID })
	if err != nil {
		return nil, 0, fmt.Errorf("reporting: schedules: %w", err)
	}
	return page, next, nil
}

// Schedule gives a schedule. Errors: ErrScheduleUnknown.
func (s *Service) Schedule(ctx context.Context, id int64) (found models.ReportSchedule, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return found, err
	}
	err = s.d.DB.Query(ctx, &found, `SELECT * FROM report_schedules WHERE id = @id AND account_id = @account_id`, store.Args{"id": id})
	switch {
	case err != nil:
		return found, fmt.Errorf("reporting: schedule: %w", err)
	case found.ID == 0:
		return found, ErrScheduleUnknown
	}
	return found, nil
}

// DeleteSchedule ends a schedule; the reports that it made stay. Errors:
// ErrScheduleUnknown.
func (s *Service) DeleteSchedule(ctx context.Context, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		var gone models.ReportSchedule
		err := s.d.DB.Query(ctx, &gone, `DELETE FROM report_schedules WHERE id = @id AND account_id = @account_id RETURNING *`, store.Args{"id": id})
		switch {
		case err != nil:
			return err
		case gone.ID == 0:
			return ErrScheduleUnknown
		}
		return s.auditSchedule(ctx, gone, "report_schedule.deleted")
	})
	if err != nil {
		return fmt.Errorf("reporting: schedule: %w", err)
	}
	return nil
}

func (s *Service) auditSchedule(ctx context.Context, p models.ReportSchedule, action string) error {
	return audit.Write(ctx, s.d.DB, audit.Event{Action: action, SubjectType: "report_schedule", SubjectID: p.ID, OrganizationID: p.OrganizationID})
}

// UsersGone takes deleted people out of schedules; one without anybody left to
// tell, or without its owner, ends.
func (s *Service) UsersGone(ctx context.Context, ids ...int64) error {
	_, err := s.d.DB.Exec(ctx, `
WITH left_over AS (
    UPDATE report_schedules p SET recipients = ARRAY(SELECT r FROM unnest(p.recipients) r WHERE r <> ALL(CAST(@ids AS bigint[]))),
        active = p.active AND p.owner_id <> ALL(CAST(@ids AS bigint[])) AND NOT p.recipients <@ CAST(@ids AS bigint[]), updated_at = @now
    WHERE p.account_id = @account_id AND (p.recipients && CAST(@ids AS bigint[]) OR p.owner_id = ANY(CAST(@ids AS bigint[])))
    RETURNING 1)
SELECT count(*) FROM left_over`, store.Args{"ids": pq.Int64Array(ids), "now": s.d.Clock()})
	if err != nil {
		return fmt.Errorf("reporting: schedules of people who are gone: %w", err)
	}
	return nil
}
