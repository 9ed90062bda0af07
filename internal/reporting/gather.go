package reporting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"quad/internal/learning/figures"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Stages of the process, as its row shows them.
const (
	StageFigures = "figures"
	StageText    = "text"
	StageFiles   = "files"
	StageDone    = "done"
)

// steps is the number of a report's parts: figures, text, three files.
const steps = 5

// gathering is the reading of one report's figures.
type gathering struct {
	*recorder
	s      *Service
	report models.Report
	scope  figures.Scope
	period figures.Period
	before *figures.Period // the period of the same length before; nil: none
	today  time.Time
	args   store.Args // of statements about the scope and the period
}

// gatherers read the figures of each type.
var gatherers = map[models.ReportType]func(context.Context, *gathering) error{
	models.ReportTrainingSummary:       trainingSummary,
	models.ReportCoursePerformance:     coursePerformance,
	models.ReportProjectProgress:       projectProgress,
	models.ReportExpenseSummary:        expenseSummary,
	models.ReportFormResponses:         formResponses,
	models.ReportLearnerProgress:       learnerProgress,
	models.ReportCertificateCompliance: certificateCompliance,
}

const storeFigures = `
UPDATE reports SET as_of = @as_of, figures = CAST(@figures AS jsonb), data_key = @key
WHERE id = @id AND account_id = @account_id AND status = 'processing' AND as_of IS NULL AND limit_at > @now`

// Gather reads all figures of a report in one snapshot and stores them. A report
// that has its figures keeps them. Errors: errGone.
func (s *Service) Gather(ctx context.Context, in models.ProcessInput, try int32) error {
	r, ctx, done, err := s.open(ctx, in, StageFigures)
	defer done()
	if err != nil || r.AsOf != nil {
		return err
	}
	data := Data{Type: r.Type, Title: r.Title, From: str(dayOf(r.FromDay)), Until: str(dayOf(r.UntilDay)),
		Facts: []Fact{}, Charts: []Chart{}, Tables: []Table{}, Findings: []string{}}
	key := rowKey(r.AccountID, r.ID, try)
	err = s.record(ctx, key, &data, func(out *recorder) error {
		return s.d.DB.InSnapshot(ctx, func(ctx context.Context) error {
			// The transaction's own moment is the one that its snapshot is of.
			if err := s.d.DB.Query(ctx, &data.AsOf, `SELECT now() WHERE CAST(@account_id AS bigint) > 0`, nil); err != nil {
				return err
			}
			g := s.gathering(out, r)
			if data.Scope, err = s.scopeName(ctx, r); err != nil {
				return err
			}
			return gatherers[r.Type](ctx, g)
		})
	})
	if err != nil {
		return s.late(ctx, fmt.Errorf("reporting: figures of %s: %w", r.Type, err))
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("reporting: figures: %w", err)
	}
	written, err := s.d.DB.Exec(ctx, storeFigures, store.Args{
		"as_of": data.AsOf, "figures": string(encoded), "key": key, "id": r.ID, "now": s.d.Clock(),
	})
	if err == nil && written == 0 {
		err = s.d.Blob.Delete(ctx, key) // another try has stored its figures, or the report has ended
	}
	if err != nil {
		return s.late(ctx, fmt.Errorf("reporting: store figures: %w", err))
	}
	return nil
}

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// open begins a step of a report's making: the process is a running one and says
// what is being done. The context that it gives ends when the report's time
// does. Errors: errGone when there is nothing to be made any more.
func (s *Service) open(ctx context.Context, in models.ProcessInput, stage string) (r models.Report, bounded context.Context, done func(), err error) {
	done = func() {}
	p, err := s.d.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: stage})
	switch {
	case errors.Is(err, process.ErrEnded):
		return r, ctx, done, errGone
	case err != nil:
		return r, ctx, done, fmt.Errorf("reporting: %s: %w", stage, err)
	}
	if err = s.d.DB.Query(ctx, &r, `SELECT * FROM reports WHERE id = @id AND account_id = @account_id`, store.Args{"id": in.SubjectID}); err != nil {
		return r, ctx, done, fmt.Errorf("reporting: %s: %w", stage, err)
	}
	settled := r
	if settled.SettleAt(s.d.Clock()); r.ID == 0 || settled.Status.Final() || p.CancelRequestedAt != nil {
		return r, ctx, done, errGone
	}
	if err := s.progress(ctx, in.ProcessID, stage, finished(r)); err != nil {
		return r, ctx, done, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.LimitAt.Sub(s.d.Clock()), errGone)
	return r, ctx, cancel, nil
}

// finished is how many parts of a report are there.
func finished(r models.Report) (n int64) {
	if r.AsOf != nil {
		n++
	}
	if len(r.Draft) > 0 {
		n++
	}
	var files []models.ReportFile
	_ = json.Unmarshal(r.Files, &files)
	return n + int64(len(files))
}

func (s *Service) progress(ctx context.Context, processID int64, stage string, n int64) error {
	_, err := s.d.Process.Progress(ctx, nil, processID, process.Progress{Done: n, Total: steps, Stage: stage})
	if errors.Is(err, process.ErrEnded) {
		return errGone
	}
	return err
}

// late makes an error that came of the report's time being over a refusal, which
// is not tried again.
func (s *Service) late(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errGone) {
		return errGone.With(err)
	}
	return err
}

func (s *Service) gathering(out *recorder, r models.Report) *gathering {
	g := &gathering{
		recorder: out, s: s, report: r,
		scope:  figures.Scope{All: r.ScopeAll, Organizations: r.ScopeOrgs},
		period: figures.Period{From: r.FromDay, To: r.UntilDay},
		today:  out.data.AsOf.UTC().Truncate(24 * time.Hour),
	}
	if r.FromDay != nil && r.UntilDay != nil {
		days := int(r.UntilDay.Sub(*r.FromDay).Hours()/24) + 1
		from, until := r.FromDay.AddDate(0, 0, -days), r.FromDay.AddDate(0, 0, -1)
		g.before = &figures.Period{From: &from, To: &until}
	}
	g.args = store.Args{
		"all": r.ScopeAll, "organizations": r.ScopeOrgs, "from": dayOf(r.FromDay), "until": dayOf(r.UntilDay),
		"today": g.today.Format(time.DateOnly), "now": out.data.AsOf,
	}
	return g
}

// periodArgs are the arguments of statements about another period.
func (g *gathering) periodArgs(p figures.Period) store.Args {
	args := store.Args{}
	for name, value := range g.args {
		args[name] = value
	}
	args["from"], args["until"] = dayOf(p.From), dayOf(p.To)
	return args
}

// scopeName says in words whose figures a report has.
func (s *Service) scopeName(ctx context.Context, r models.Report) (string, error) {
	if r.ScopeAll {
		return "All tenants", nil
	}
	var names []string
	err := s.d.DB.Query(ctx, &names, `SELECT name FROM organizations WHERE account_id = @account_id AND id = ANY(CAST(@ids AS bigint[])) ORDER BY name, id`,
		store.Args{"ids": r.ScopeOrgs})
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "No tenant", nil
	case len(names) > 4:
		return fmt.Sprintf("%s and %d more tenants", strings.Join(names[:3], ", "), len(names)-3), nil
	}
	return strings.Join(names, ", "), nil
}

// ofScope is the condition that a record with an organization is in the scope.
func ofScope(column string) string {
	return `(@all OR ` + column + ` = ANY(CAST(@organizations AS bigint[])))`
}

// inPeriod is the condition that a day is in the period.
func inPeriod(day string) string {
	return `(CAST(@from AS date) IS NULL OR ` + day + ` >= CAST(@from AS date)) AND (CAST(@until AS date) IS NULL OR ` + day + ` <= CAST(@until AS date))`
}

// say adds a finding.
func (g *gathering) say(format string, args ...any) {
	g.data.Findings = append(g.data.Findings, fmt.Sprintf(format, args...))
}

// chart adds a chart that has something to show.
func (g *gathering) chart(c Chart) {
	some := slices.ContainsFunc(c.Series, func(s Series) bool {
		return slices.ContainsFunc(s.Values, func(v float64) bool { return v != 0 })
	})
	if some && len(c.Labels) > 0 {
		g.data.Charts = append(g.data.Charts, c)
	}
}

// fact adds a figure with the one of the period before.
func (g *gathering) fact(f Fact, before *float64) {
	f.Before = before
	g.data.Facts = append(g.data.Facts, f)
}

// chartBars is how many bars a chart has at most.
const chartBars = 12

// bars makes a chart of the largest values.
func bars(title string, kind Kind, series string, labels []string, values []float64) Chart {
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] > values[b]:
			return -1
		case values[a] < values[b]:
			return 1
		}
		return 0
	})
	c := Chart{Title: title, Kind: kind, Labels: []string{}, Series: []Series{{Name: series, Values: []float64{}}}}
	for _, i := range order[:min(len(order), chartBars)] {
		c.Labels, c.Series[0].Values = append(c.Labels, labels[i]), append(c.Series[0].Values, values[i])
	}
	return c
}
