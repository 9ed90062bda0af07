package reporting_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"quad/internal/process"
	"quad/internal/reporting"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// content reads a file of a report.
func (w *world) content(t *testing.T, r models.Report, format string) []byte {
	t.Helper()
	f, ok := r.File(format)
	require.True(t, ok, "%s of %s", format, r.Type)
	object, err := w.Blob.NewReader(t.Context(), f.Key)
	require.NoError(t, err)
	content, err := io.ReadAll(object)
	require.NoError(t, err)
	require.NoError(t, object.Close())
	require.EqualValues(t, f.Size, len(content))
	return content
}

// Every type of report has figures, text and files that fit together.
func TestReportsOfAllTypes(t *testing.T) {
	w := newWorld(t, true, nil)
	w.data(t)
	ctx := w.as(w.admin, models.RoleOrgAdmin)
	facts := map[models.ReportType]map[string]float64{
		models.ReportTrainingSummary:       {"trainees": 17, "enrollments": 51, "completions": 15, "needs_support": 1},
		models.ReportCoursePerformance:     {"enrollments": 51, "completions": 15},
		models.ReportProjectProgress:       {"projects": 20, "overdue_milestones": 20, "budget": 20_000, "spent": 11_275},
		models.ReportExpenseSummary:        {"expenses": 200, "spent": 11_275, "largest": 102.5},
		models.ReportFormResponses:         {"submissions": 5, "people": 5},
		models.ReportLearnerProgress:       {"learners": 17, "enrollments": 51, "finished": 5},
		models.ReportCertificateCompliance: {"required": 21, "compliant": 0},
	}
	for _, kind := range models.GeneratedReportTypes {
		asked, err := w.Reports.Generate(ctx, reporting.Request{Title: "A/B " + string(kind), Type: kind, From: day("2024-01-01"), Until: day("2024-03-31")})
		require.NoError(t, err)
		r := w.made(t, ctx, asked.ID)
		require.Equal(t, models.ReportCompleted, r.Status, "%s: %v", kind, r.ErrorMessage)
		var d reporting.Data
		require.NoError(t, json.Unmarshal(r.Figures, &d))
		require.Equal(t, "North", d.Scope)
		got := map[string]float64{}
		for _, f := range d.Facts {
			got[f.Key] = f.Value
			require.Contains(t, r.FullReport, f.Name+": ", kind)
		}
		for key, want := range facts[kind] {
			require.InDelta(t, want, got[key], 0.001, "%s %s", kind, key)
		}
		p, err := w.Processes.Get(ctx, *r.ProcessID)
		require.NoError(t, err)
		require.Equal(t, models.ProcessCompleted, p.State)
		require.EqualValues(t, p.Total, p.Done)

		pdf := w.content(t, r, models.ReportPDF)
		require.True(t, bytes.HasPrefix(pdf, []byte("%PDF-1.")))
		if dir := os.Getenv("REPORT_SAMPLES"); dir != "" { // to be looked at
			require.NoError(t, os.WriteFile(filepath.Join(dir, string(kind)+".pdf"), pdf, 0o600))
		}
		book, err := excelize.OpenReader(bytes.NewReader(w.content(t, r, models.ReportXLSX)))
		require.NoError(t, err)
		require.Len(t, book.GetSheetList(), 1+len(d.Tables), "%s", kind)
		for i, table := range d.Tables {
			rows, err := book.GetRows(book.GetSheetList()[i+1])
			require.NoError(t, err)
			require.Len(t, rows, 1+table.Total, "%s %s: all rows are in the file", kind, table.Title)
		}
		raw := w.content(t, r, models.ReportCSV)
		require.True(t, bytes.HasPrefix(raw, []byte("\xEF\xBB\xBF")))
		reader := csv.NewReader(bytes.NewReader(raw[3:]))
		reader.FieldsPerRecord = -1
		lines, err := reader.ReadAll()
		require.NoError(t, err)
		for _, line := range lines {
			for _, cell := range line {
				require.False(t, strings.HasPrefix(cell, "="), "formulas are defused: %s", cell)
			}
		}
		require.Equal(t, []string{"Figures as of", d.AsOf.Format("2006-01-02 15:04:05") + " UTC"}, lines[4])
		if kind == models.ReportLearnerProgress {
			require.Contains(t, string(raw), "שרה כהן", "all letters are in the files of tables")
		} else {
			require.NotContains(t, string(raw), "Learner 3", "names of learners are in no other report")
		}

		link, err := w.Reports.Link(ctx, r.ID, models.ReportPDF)
		require.NoError(t, err)
		require.Contains(t, link.URL, "expires=")
	}
	_, err := w.Reports.Link(ctx, 999, models.ReportPDF)
	require.ErrorIs(t, err, reporting.ErrUnknown)
}

// A cancelled report leaves nothing visible, and a retry makes another one.
func TestCancelAndRetry(t *testing.T) {
	w := newWorld(t, false, nil)
	ctx := w.as(w.boss, models.RoleAdmin)
	input := json.RawMessage(`{"title":"R","type":"certificate_compliance"}`)
	p, err := w.Processes.Start(ctx, models.ProcessReportGeneration, input, "key")
	require.NoError(t, err)
	again, err := w.Processes.Start(ctx, models.ProcessReportGeneration, input, "")
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID, "the same request is the running one")
	require.ErrorIs(t, w.Processes.Decide(ctx, p.ID, process.Decision{Decision: "x"}), reporting.ErrNothingToDecide)
	_, err = w.Processes.Cancel(ctx, p.ID)
	require.NoError(t, err)
	w.StartWorker(worker.Run)
	r := w.made(t, ctx, p.SubjectID)
	require.Equal(t, models.ReportFailed, r.Status)
	require.Equal(t, "The generation was cancelled.", *r.ErrorMessage)
	_, err = w.Reports.Link(ctx, r.ID, models.ReportPDF)
	require.ErrorIs(t, err, reporting.ErrNoFile)

	next, err := w.Processes.Retry(ctx, p.ID)
	require.NoError(t, err)
	require.NotEqual(t, p.SubjectID, next.SubjectID, "a failed report stays what it is")
	require.Equal(t, 2, next.Attempt)

	for _, bad := range []string{`{"title":"","type":"x"}`, `{"title":"R","type":"training_summary","startDate":"tomorrow"}`, `{"nothing":1}`, `[]`} {
		_, err := w.Processes.Start(ctx, models.ProcessReportGeneration, json.RawMessage(bad), "")
		require.Equal(t, models.KindInvalid, models.KindOf(err), bad)
	}
	_, err = w.Processes.Start(w.as(w.NewPerson(0, w.north.ID, "u", models.RoleUser), models.RoleUser), models.ProcessReportGeneration, input, "")
	require.ErrorIs(t, err, models.ErrForbidden)
}

// The sweep ends what is late, removes what is old with its files, and makes the
// reports of schedules, one for each run.
func TestSweep(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	w := newWorld(t, false, nil)
	ctx := w.as(w.boss, models.RoleAdmin)
	late, err := w.Reports.Generate(ctx, reporting.Request{Title: "late", Type: models.ReportExpenseSummary})
	require.NoError(t, err)
	w.exec(t, `UPDATE reports SET limit_at = now() - interval '1 minute' WHERE id = @id AND account_id = @account_id`, store.Args{"id": late.ID})
	gone, err := w.Reports.Save(ctx, reporting.Written{Title: "gone", FullReport: "x"})
	require.NoError(t, err)
	require.NoError(t, w.Reports.Delete(ctx, gone.ID))
	schedule, err := w.Reports.CreateSchedule(ctx, reporting.ScheduleInput{
		Title: "Weekly", Type: models.ReportTrainingSummary, Frequency: models.ReportDaily, Day: 1, Minute: 60, Recipients: []int64{w.boss.ID},
	})
	require.NoError(t, err)
	require.True(t, schedule.NextRunAt.After(now))
	w.exec(t, `UPDATE report_schedules SET next_run_at = now() - interval '3 days' WHERE id = @id AND account_id = @account_id`, store.Args{"id": schedule.ID})

	for range 2 {
		require.NoError(t, w.Reports.Sweep(t.Context()))
	}
	r, err := w.Reports.Get(ctx, late.ID)
	require.NoError(t, err)
	require.Equal(t, models.ReportFailed, r.Status)
	p, err := w.Processes.Get(ctx, *r.ProcessID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessFailed, p.State)
	var made []models.Report
	require.NoError(t, w.DB.Query(ctx, &made, `SELECT * FROM reports WHERE account_id = @account_id AND schedule_id = @id`, store.Args{"id": schedule.ID}))
	require.Len(t, made, 1, "runs that were missed are made up for by one")
	yesterday := now.AddDate(0, 0, -1).Format(time.DateOnly)
	require.LessOrEqual(t, made[0].UntilDay.Format(time.DateOnly), yesterday)
	require.Equal(t, made[0].FromDay, made[0].UntilDay)

	w.exec(t, `UPDATE reports SET created_at = now() - interval '40 days' WHERE id = @id AND account_id = @account_id`, store.Args{"id": late.ID})
	w.exec(t, `UPDATE report_removals SET removed_at = now() - interval '1 day' WHERE account_id = @account_id`, nil)
	_, err = w.Hub.Settings.Set(ctx, "reports.retention_days", "30")
	require.NoError(t, err)
	require.NoError(t, w.Reports.Sweep(t.Context()))
	_, err = w.Reports.Get(ctx, late.ID)
	require.ErrorIs(t, err, reporting.ErrUnknown)
	var removals int64
	require.NoError(t, w.DB.Query(ctx, &removals, `SELECT count(*) FROM report_removals WHERE account_id = @account_id AND report_id = @id`, store.Args{"id": gone.ID}))
	require.Zero(t, removals)
}
