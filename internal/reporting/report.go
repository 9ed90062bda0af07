package reporting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Written is a report that a person wrote.
type Written struct {
	Title      string
	Type       models.ReportType // "": custom
	FullReport string
	WordCount  *int // nil: counted
	Sections   map[string]string
}

// Change is what is changed about a report; nil leaves it as it is.
type Change struct {
	Title      *string
	FullReport *string
	WordCount  *int              // nil: counted again when the text changes
	Sections   map[string]string // by name; others stay
}

// desk is what a caller sees of reports.
type desk struct {
	caller auth.Principal
	reach  auth.Reach
}

func (s *Service) desk(ctx context.Context) (desk, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return desk{}, err
	}
	reach, err := s.d.Reach(ctx)
	return desk{caller, reach}, err
}

// visible is the condition that a report exists for the caller: administrators
// see all, those who administer an organization or read its reports those of
// their organizations, everybody their own. Each has a text of their own, since
// one for all of them would be planned as if everybody saw everything.
func (d desk) visible() string {
	switch {
	case d.reach.All:
		return ` true`
	case d.caller.Has(models.RoleOrgAdmin, models.RoleReportViewer):
		return ` (author_id = CAST(@caller AS bigint) OR organization_id = ANY(CAST(@organizations AS bigint[])))`
	}
	return ` author_id = CAST(@caller AS bigint)`
}

func (d desk) args(args store.Args) store.Args {
	args["caller"] = d.caller.UserID
	args["organizations"] = pq.Int64Array(d.reach.Organizations)
	return args
}

// mayChange tells whether the caller, who sees a report, may change it.
func (d desk) mayChange(r models.Report) bool {
	switch {
	case d.reach.All, r.AuthorID != nil && *r.AuthorID == d.caller.UserID && d.caller.UserID > 0:
		return true
	}
	return d.caller.Has(models.RoleOrgAdmin) && r.OrganizationID != nil && d.reach.Member(*r.OrganizationID)
}

// home is the organization that the caller's reports are put into: their first;
// none for who sees all.
func (d desk) home() *int64 {
	if d.reach.All || len(d.reach.Organizations) == 0 {
		return nil
	}
	return &d.reach.Organizations[0]
}

// author is nil for API clients, which are nobody.
func (d desk) author() *int64 {
	if d.caller.UserID == 0 {
		return nil
	}
	return &d.caller.UserID
}

const insertWritten = `
INSERT INTO reports (account_id, organization_id, author_id, title, type, status, full_report, sections, word_count, completed_at, created_at, updated_at)
VALUES (@account_id, @organization, @author, @title, @type, 'completed', @text, CAST(@sections AS jsonb), @words, @now, @now, @now)
RETURNING *`

// Save stores a report that the caller wrote.
func (s *Service) Save(ctx context.Context, w Written) (models.Report, error) {
	d, err := s.desk(ctx)
	if err != nil {
		return models.Report{}, err
	}
	if w.Type == "" {
		w.Type = models.ReportCustom
	}
	words := models.CountWords(w.FullReport)
	if w.WordCount != nil {
		words = *w.WordCount
	}
	sections, err := json.Marshal(withDefaults(w.Sections))
	if err != nil {
		return models.Report{}, fmt.Errorf("reporting: sections: %w", err)
	}
	var made models.Report
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		err := s.d.DB.Query(ctx, &made, insertWritten, store.Args{
			"organization": d.home(), "author": d.author(), "title": w.Title, "type": w.Type, "text": w.FullReport,
			"sections": string(sections), "words": words, "now": s.d.Clock(),
		})
		if err != nil {
			return err
		}
		return s.audit(ctx, made, "report.created")
	})
	if err != nil {
		return models.Report{}, fmt.Errorf("reporting: save: %w", err)
	}
	return made, nil
}

// Names of sections that every report has.
const (
	SectionSummary = "summary"
	SectionDetails = "details"
)

// withDefaults adds the sections that every report has.
func withDefaults(sections map[string]string) map[string]string {
	out := map[string]string{SectionSummary: "", SectionDetails: ""}
	maps.Copy(out, sections)
	return out
}

// Sections reads the sections of a report; summary and details are always
// there.
func Sections(r models.Report) map[string]string {
	out := map[string]string{}
	_ = json.Unmarshal(r.Sections, &out) // what is stored was written by this package
	return withDefaults(out)
}

// Filter narrows a list of reports. Zero values do not narrow.
type Filter struct {
	Type   models.ReportType
	Status models.ReportStatus
}

// listed are the columns of a list: everything but the long ones.
const listed = `id, account_id, organization_id, author_id, schedule_id, process_id, title, type, status, '' AS full_report, word_count,
    error_message, from_day, until_day, scope_all, limit_at, as_of, narrator, note, files, completed_at, created_at, updated_at`

// narrowed reads a status as people see it: what is past its limit has failed.
const narrowed = ` AND (@type = '' OR type = @type)
    AND (@status = '' OR @status = CASE WHEN status IN ('pending', 'processing') AND limit_at <= @now THEN 'failed' ELSE status END)`

// Page gives a page of the reports that the caller sees, the newest first, and
// how many there are in all, with two statements.
func (s *Service) Page(ctx context.Context, offset, limit int) (page []models.Report, total int64, err error) {
	d, err := s.desk(ctx)
	if err != nil {
		return nil, 0, err
	}
	args := d.args(store.Args{"offset": offset, "limit": store.PageSize(limit)})
	if err := s.d.DB.Query(ctx, &total, `SELECT count(*) FROM reports WHERE account_id = @account_id AND`+d.visible(), args); err != nil {
		return nil, 0, fmt.Errorf("reporting: count: %w", err)
	}
	err = s.d.DB.Query(ctx, &page, `SELECT `+listed+` FROM reports WHERE account_id = @account_id AND`+d.visible()+`
ORDER BY created_at DESC, id DESC LIMIT @limit OFFSET @offset`, args)
	if err != nil {
		return nil, 0, fmt.Errorf("reporting: list: %w", err)
	}
	s.settle(page)
	return page, total, nil
}

// List gives a page of the reports that the caller sees, the newest first, from
// behind a report on (0: from the start). next is the report to go on behind, 0
// when there are no more.
func (s *Service) List(ctx context.Context, f Filter, before int64, limit int) (page []models.Report, next int64, err error) {
	d, err := s.desk(ctx)
	if err != nil {
		return nil, 0, err
	}
	limit = store.PageSize(limit)
	err = s.d.DB.Query(ctx, &page, `SELECT `+listed+` FROM reports WHERE account_id = @account_id AND`+d.visible()+narrowed+`
    AND (CAST(@before AS bigint) = 0 OR id < CAST(@before AS bigint))
ORDER BY id DESC LIMIT @limit`, d.args(store.Args{"before": before, "limit": limit + 1, "type": f.Type, "status": f.Status, "now": s.d.Clock()}))
	if err != nil {
		return nil, 0, fmt.Errorf("reporting: list: %w", err)
	}
	s.settle(page)
	page, next = store.Cut(page, limit, func(r models.Report) int64 { return r.ID })
	return page, next, nil
}

func (s *Service) settle(page []models.Report) {
	now := s.d.Clock()
	for i := range page {
		page[i].SettleAt(now)
	}
}

// Get gives a report that the caller sees. Errors: ErrUnknown.
func (s *Service) Get(ctx context.Context, id int64) (models.Report, error) {
	d, err := s.desk(ctx)
	if err != nil {
		return models.Report{}, err
	}
	r, err := s.find(ctx, d, id, "")
	r.SettleAt(s.d.Clock())
	return r, err
}

func (s *Service) find(ctx context.Context, d desk, id int64, lock string) (r models.Report, err error) {
	err = s.d.DB.Query(ctx, &r, `SELECT * FROM reports WHERE id = @id AND account_id = @account_id AND`+d.visible()+lock, d.args(store.Args{"id": id}))
	switch {
	case err != nil:
		return r, fmt.Errorf("reporting: get: %w", err)
	case r.ID == 0:
		return r, ErrUnknown
	}
	return r, nil
}

const updateText = `
UPDATE reports SET title = @title, full_report = @text, sections = CAST(@sections AS jsonb), word_count = @words, updated_at = @now
WHERE id = @id AND account_id = @account_id
RETURNING *`

// Update changes a completed report. Errors: ErrUnknown, ErrNotYours,
// ErrNotCompleted.
func (s *Service) Update(ctx context.Context, id int64, c Change) (changed models.Report, err error) {
	d, err := s.desk(ctx)
	if err != nil {
		return models.Report{}, err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		r, err := s.find(ctx, d, id, " FOR UPDATE")
		switch {
		case err != nil:
			return err
		case !d.mayChange(r):
			return ErrNotYours
		case r.Status != models.ReportCompleted:
			return ErrNotCompleted
		}
		if changed, err = c.applied(r, s.d.Clock()); err != nil || changed.UpdatedAt.Equal(r.UpdatedAt) {
			return err
		}
		err = s.d.DB.Query(ctx, &changed, updateText, store.Args{
			"id": id, "title": changed.Title, "text": changed.FullReport, "sections": string(changed.Sections), "words": changed.WordCount, "now": changed.UpdatedAt,
		})
		if err != nil {
			return err
		}
		return s.audit(ctx, changed, "report.updated")
	})
	if err != nil {
		return models.Report{}, fmt.Errorf("reporting: update: %w", err)
	}
	return changed, nil
}

// applied gives a report with a change. Its time of change moves on only when
// something is different.
func (c Change) applied(r models.Report, now time.Time) (models.Report, error) {
	was := r
	sections := Sections(r)
	before := maps.Clone(sections)
	if c.Title != nil {
		r.Title = *c.Title
	}
	if c.FullReport != nil && *c.FullReport != r.FullReport {
		r.FullReport, r.WordCount = *c.FullReport, models.CountWords(*c.FullReport)
	}
	if c.WordCount != nil {
		r.WordCount = *c.WordCount
	}
	maps.Copy(sections, c.Sections)
	if maps.Equal(before, sections) && r.Title == was.Title && r.FullReport == was.FullReport && r.WordCount == was.WordCount {
		return was, nil
	}
	encoded, err := json.Marshal(sections)
	if err != nil {
		return r, fmt.Errorf("sections: %w", err)
	}
	r.Sections, r.UpdatedAt = encoded, now
	return r, nil
}

// Delete removes a report with its files. One that is being made is not made
// any more. Errors: ErrUnknown, ErrNotYours.
func (s *Service) Delete(ctx context.Context, id int64) error {
	d, err := s.desk(ctx)
	if err != nil {
		return err
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		r, err := s.find(ctx, d, id, "")
		switch {
		case err != nil:
			return err
		case !d.mayChange(r):
			return ErrNotYours
		}
		// The process before the report, as everywhere.
		if r.ProcessID != nil && !r.Status.Final() {
			if _, err := s.d.Process.Cancel(ctx, *r.ProcessID); err != nil && !errors.Is(err, process.ErrEnded) {
				return err
			}
		}
		removed, err := s.remove(ctx, []int64{id})
		switch {
		case err != nil:
			return err
		case removed == 0: // somebody was faster
			return ErrUnknown
		}
		return s.audit(ctx, r, "report.deleted")
	})
	if err != nil {
		return fmt.Errorf("reporting: delete: %w", err)
	}
	return nil
}

const removeReports = `
WITH gone AS (DELETE FROM reports WHERE account_id = @account_id AND id = ANY(CAST(@ids AS bigint[])) RETURNING id)
INSERT INTO report_removals (account_id, report_id, removed_at) SELECT @account_id, id, @now FROM gone`

// remove deletes reports; their files are removed by the sweep.
func (s *Service) remove(ctx context.Context, ids []int64) (int64, error) {
	return s.d.DB.Exec(ctx, removeReports, store.Args{"ids": pq.Int64Array(ids), "now": s.d.Clock()})
}

// CountOf is how many reports an organization has.
func (s *Service) CountOf(ctx context.Context, organizationID int64) (n int64, err error) {
	err = s.d.DB.Query(ctx, &n, `SELECT count(*) FROM reports WHERE account_id = @account_id AND organization_id = @organization`,
		store.Args{"organization": organizationID})
	if err != nil {
		return 0, fmt.Errorf("reporting: count: %w", err)
	}
	return n, nil
}

func (s *Service) audit(ctx context.Context, r models.Report, action string) error {
	return audit.Write(ctx, s.d.DB, audit.Event{
		Action: action, SubjectType: "report", SubjectID: r.ID, OrganizationID: r.OrganizationID, ProcessID: r.ProcessID,
		Data: map[string]any{"type": r.Type},
	})
}
