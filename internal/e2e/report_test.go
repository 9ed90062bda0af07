package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/reporting"
	"quad/internal/store"
	"quad/models"
)

// A worker that is killed while a report is being written leaves, in the end,
// one completed report with whole files and one mail.
func TestWorkerKilledDuringReport(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	narrator := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		asked <- struct{}{}
		select { // the first one is asked by the worker that is killed meanwhile
		case <-answer:
		case <-in.Context().Done():
			return
		}
		_ = json.NewEncoder(out).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"content": "Nothing was spent."}}}})
	}))
	defer narrator.Close()
	w := newWorld(t, map[string]string{"REPORT_NARRATOR_URL": narrator.URL, "REPORT_NARRATOR_MODEL": "test", "ALLOW_INTERNAL_HOSTS": "true"})
	head := w.NewPerson(0, w.org.ID, "head", models.RoleAdmin)
	ctx := w.as(head, models.RoleAdmin)

	worker := start(t, w.Env, "worker", nil)
	r, err := w.Reports.Generate(ctx, reporting.Request{Title: "Spent", Type: models.ReportExpenseSummary})
	require.NoError(t, err)
	<-asked
	worker.kill()
	close(answer)
	r, err = w.Reports.Get(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, models.ReportProcessing, r.Status, "the report was over before it was disturbed")
	require.Empty(t, r.FullReport)
	asOf := r.AsOf
	require.NotNil(t, asOf)
	worker.start()
	w.await("the report ends", func() bool {
		r, err = w.Reports.Get(ctx, r.ID)
		require.NoError(t, err)
		return r.Status.Final()
	})
	require.Equal(t, models.ReportCompleted, r.Status, "%v", r.ErrorMessage)
	require.Equal(t, "test", r.Narrator, r.Note)
	require.Equal(t, asOf, r.AsOf, "the figures are those that were read first")
	for _, format := range models.ReportFormats {
		f, ok := r.File(format)
		require.True(t, ok, format)
		info, err := w.Blob.Attributes(t.Context(), f.Key)
		require.NoError(t, err)
		require.Equal(t, f.Size, info.Size, format)
	}
	for what, query := range map[string]string{
		"reports":   `SELECT count(*) FROM reports WHERE account_id = @account_id`,
		"processes": `SELECT count(*) FROM processes WHERE account_id = @account_id AND kind = 'report-generation' AND state = 'completed'`,
		"mails":     `SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'report_ready'`,
	} {
		require.Equal(t, 1, w.number(query, store.Args{}), what)
	}
	worker.stop()
}
