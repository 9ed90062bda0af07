package reporting

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// SubjectReport is the type of what a process report-generation is about.
const SubjectReport = "report"

// Request is what a report is asked to be about.
type Request struct {
	Title          string
	Type           models.ReportType
	From, Until    *time.Time // UTC days, both inclusive; nil: open
	OrganizationID *int64     // nil: all that the caller reaches
}

const maxTitle = 200

// check finds all that is wrong with a request.
func (q Request) check() error {
	var faults []models.FieldError
	bad := func(field, rule, text string) {
		faults = append(faults, models.FieldError{Field: field, Rule: rule, Text: field + " " + text})
	}
	if n := utf8.RuneCountInString(q.Title); strings.TrimSpace(q.Title) == "" || n > maxTitle || !store.Storable(q.Title) {
		bad("title", "length", fmt.Sprintf("must be a text of 1 to %d characters", maxTitle))
	}
	if !slices.Contains(models.GeneratedReportTypes, q.Type) {
		bad("type", "enum", "must be one of: "+typeNames())
	}
	if q.From != nil && q.Until != nil && q.Until.Before(*q.From) {
		bad("endDate", "range", "must not be before startDate")
	}
	if len(faults) > 0 {
		return models.Invalid(faults...)
	}
	return nil
}

func typeNames() string {
	names := make([]string, len(models.GeneratedReportTypes))
	for i, t := range models.GeneratedReportTypes {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// scope is what a report's figures are about.
type scope struct {
	all           bool
	organizations []int64
	organization  *int64 // whose people may see the report
}

// scopeOf resolves what a request is about for its caller. A report about one
// organization is that organization's; one about several is nobody's but its
// author's.
func (d desk) scopeOf(organizationID *int64) scope {
	if organizationID != nil {
		return scope{organizations: []int64{*organizationID}, organization: organizationID}
	}
	sc := scope{all: d.reach.All, organizations: append([]int64{}, slices.Sorted(slices.Values(d.reach.Organizations))...)}
	if !sc.all && len(sc.organizations) == 1 {
		sc.organization = &sc.organizations[0]
	}
	return sc
}

// order is a checked request of somebody.
type order struct {
	Request
	scope
	author   *int64
	schedule *int64
	attempt  int
}

// key is the same for the same request. What only its author may see is not
// shared with others who ask for the same.
func (o order) key() string {
	day := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	parts := []any{o.Type, day(o.From), day(o.Until), o.all, o.organizations, o.schedule}
	if !o.all && o.organization == nil {
		parts = append(parts, o.author)
	}
	sum := sha256.Sum256([]byte(mustJSON(parts)))
	return hex.EncodeToString(sum[:])
}

func mustJSON(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and texts only
	}
	return string(encoded)
}

// Generate starts the making of a report. While the same request of somebody
// who sees the same is being worked on, that report is the answer. Errors:
// models.ErrForbidden, KindInvalid, those of Deps.Named.
func (s *Service) Generate(ctx context.Context, q Request) (models.Report, error) {
	return s.generate(ctx, q, 1, process.New{})
}

func (s *Service) generate(ctx context.Context, q Request, attempt int, n process.New) (models.Report, error) {
	d, err := s.mayGenerate(ctx)
	if err != nil {
		return models.Report{}, err
	}
	if err := q.check(); err != nil {
		return models.Report{}, err
	}
	if q.OrganizationID != nil {
		if err := s.d.Named(ctx, *q.OrganizationID); err != nil {
			return models.Report{}, err
		}
	}
	return s.begin(ctx, order{Request: q, scope: d.scopeOf(q.OrganizationID), author: d.author(), attempt: attempt}, n)
}

func (s *Service) mayGenerate(ctx context.Context) (desk, error) {
	d, err := s.desk(ctx)
	if err == nil && !d.caller.Has(models.RoleAdmin, models.RoleOrgAdmin, models.RoleReportViewer) {
		return d, models.ErrForbidden
	}
	return d, err
}

// beginTries bounds the turns of a request whose rival ended in between.
const beginTries = 10

var errRunning = errors.New("reporting: the same request is being worked on")

// begin writes the report with its process, or finds the one that is being made
// for the same request: the unique index decides.
func (s *Service) begin(ctx context.Context, o order, n process.New) (made models.Report, err error) {
	for range beginTries {
		err = s.d.DB.InSavepoint(ctx, func(ctx context.Context) error {
			made, err = s.insert(ctx, o, n)
			return err
		})
		if !errors.Is(err, errRunning) {
			break
		}
		if made, err = s.running(ctx, o.key()); err != nil || made.ID != 0 {
			break
		}
		err = models.ErrUnavailable.With(errRunning)
	}
	if err != nil {
		return models.Report{}, fmt.Errorf("reporting: generate: %w", err)
	}
	return made, nil
}

const insertReport = `
INSERT INTO reports (account_id, organization_id, author_id, schedule_id, title, type, status, sections, from_day, until_day, scope_all, scope_organizations,
    request_key, limit_at, created_at, updated_at)
VALUES (@account_id, @organization, @author, @schedule, @title, @type, 'processing', '{"summary": "", "details": ""}', CAST(@from AS date), CAST(@until AS date),
    @all, CAST(@organizations AS bigint[]), @key, @limit, @now, @now)
ON CONFLICT (account_id, request_key) WHERE status IN ('pending', 'processing') AND request_key IS NOT NULL DO NOTHING
RETURNING *`

func (s *Service) insert(ctx context.Context, o order, n process.New) (r models.Report, err error) {
	now := s.d.Clock()
	limit := now.Add(timeLimit)
	err = s.d.DB.Query(ctx, &r, insertReport, store.Args{
		"organization": o.organization, "author": o.author, "schedule": o.schedule, "title": o.Title, "type": o.Type,
		"from": dayOf(o.From), "until": dayOf(o.Until), "all": o.all, "organizations": pq.Int64Array(o.organizations),
		"key": o.key(), "limit": limit, "now": now,
	})
	switch {
	case err != nil:
		return r, err
	case r.ID == 0:
		return r, errRunning
	}
	n.Kind, n.OrganizationID, n.BusinessKey = models.ProcessReportGeneration, o.organization, fmt.Sprintf("report/%d", r.ID)
	n.SubjectType, n.SubjectID, n.Attempt, n.Deadline = SubjectReport, r.ID, o.attempt, &limit
	p, err := s.d.Process.Create(ctx, n)
	if err != nil {
		return r, err
	}
	err = s.d.DB.Query(ctx, &r, `UPDATE reports SET process_id = @process WHERE id = @id AND account_id = @account_id RETURNING *`,
		store.Args{"process": p.ID, "id": r.ID})
	if err != nil {
		return r, err
	}
	return r, s.audit(ctx, r, "report.created")
}

func dayOf(t *time.Time) *string {
	if t == nil {
		return nil
	}
	day := t.Format(time.DateOnly)
	return &day
}

// running finds the report that is being made for a request. One that is past
// its limit is ended first; then, as when it has just ended by itself, there is
// none.
func (s *Service) running(ctx context.Context, key string) (r models.Report, err error) {
	err = s.d.DB.Query(ctx, &r, `SELECT * FROM reports WHERE account_id = @account_id AND request_key = @key AND status IN ('pending', 'processing')`,
		store.Args{"key": key})
	if err != nil || r.ID == 0 {
		return r, err
	}
	settled := r
	if settled.SettleAt(s.d.Clock()); settled.Status.Final() {
		return models.Report{}, s.lapse(ctx, r)
	}
	return r, nil
}

// lapse ends a report that is past its limit, and its process.
func (s *Service) lapse(ctx context.Context, r models.Report) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if r.ProcessID != nil {
			_, err := s.d.Process.Transition(ctx, *r.ProcessID, process.Transition{To: models.ProcessFailed, Error: models.ReportOverdue})
			if err != nil && !errors.Is(err, process.ErrEnded) {
				return err
			}
		}
		return s.fail(ctx, r.ID, models.ReportOverdue)
	})
}

const failReport = `
UPDATE reports SET status = 'failed', error_message = @reason, updated_at = @now
WHERE id = @id AND account_id = @account_id AND status IN ('pending', 'processing')`

// fail ends a report that is being made; one that has ended stays what it is.
func (s *Service) fail(ctx context.Context, id int64, reason string) error {
	if _, err := s.d.DB.Exec(ctx, failReport, store.Args{"id": id, "reason": reason, "now": s.d.Clock()}); err != nil {
		return fmt.Errorf("reporting: fail: %w", err)
	}
	return nil
}

// handler makes reports a kind of process for internal/process.
type handler struct{ s *Service }

var (
	_ process.Handler        = handler{}
	_ process.FailureHandler = handler{}
)

// input is what a native request to start a process report-generation holds.
type input struct {
	Title          string            `json:"title"`
	Type           models.ReportType `json:"type"`
	OrganizationID *int64            `json:"organizationId"`
	StartDate      *string           `json:"startDate"`
	EndDate        *string           `json:"endDate"`
}

func (in input) request() (Request, error) {
	q := Request{Title: in.Title, Type: in.Type, OrganizationID: in.OrganizationID}
	for field, day := range map[string]struct {
		text *string
		to   **time.Time
	}{"startDate": {in.StartDate, &q.From}, "endDate": {in.EndDate, &q.Until}} {
		if day.text == nil {
			continue
		}
		t, err := time.Parse(time.DateOnly, *day.text)
		if err != nil || t.Year() < 1900 {
			return q, invalid(field, "date", field+" must be a day such as 2024-01-31")
		}
		*day.to = &t
	}
	return q, nil
}

// Start implements process.Handler. The same request while one runs gives that
// one's process.
func (h handler) Start(ctx context.Context, raw json.RawMessage, idempotencyKey string) (models.Process, error) {
	var in input
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return models.Process{}, invalid("input", "format", "input must be an object with title, type, and if wanted organizationId, startDate and endDate")
	}
	q, err := in.request()
	if err != nil {
		return models.Process{}, err
	}
	hash := sha256.Sum256([]byte(mustJSON(in)))
	r, err := h.s.generate(ctx, q, 1, process.New{IdempotencyKey: idempotencyKey, RequestHash: hash[:]})
	if err != nil {
		return models.Process{}, err
	}
	return h.s.d.Process.Get(ctx, *r.ProcessID)
}

// Retry implements process.Handler: a failed report stays what it is, and the
// next attempt makes another one of the same request.
func (h handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	d, err := h.s.mayGenerate(ctx)
	if err != nil {
		return models.Process{}, err
	}
	failed, err := h.s.find(ctx, d, p.SubjectID, "")
	if err != nil {
		return models.Process{}, err
	}
	r, err := h.s.generate(ctx, Request{
		Title: failed.Title, Type: failed.Type, From: failed.FromDay, Until: failed.UntilDay, OrganizationID: failed.OrganizationID,
	}, p.Attempt+1, process.New{})
	if err != nil {
		return models.Process{}, err
	}
	return h.s.d.Process.Get(ctx, *r.ProcessID)
}

// Decide implements process.Handler: nobody decides here.
func (h handler) Decide(context.Context, models.Process, process.Decision) error {
	return ErrNothingToDecide
}

const cancelled = "The generation was cancelled."

// Cancelled implements process.Handler.
func (h handler) Cancelled(ctx context.Context, p models.Process) error {
	return h.s.fail(ctx, p.SubjectID, cancelled)
}

// Failed implements process.FailureHandler.
func (h handler) Failed(ctx context.Context, p models.Process) error {
	reason := "The generation failed."
	if p.Error != nil {
		reason = *p.Error
	}
	return h.s.fail(ctx, p.SubjectID, reason)
}
