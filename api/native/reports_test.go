package native_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/store"
)

// scheduleOf is a schedule that mails one person.
func scheduleOf(recipient int64) object {
	return object{"title": "Monthly", "type": "certificate_compliance", "frequency": "monthly", "day": 3, "at": "06:30", "recipients": []int64{recipient}}
}

func TestReports(t *testing.T) {
	w := newWorkingWorld(t)
	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.otherAdmin), w.as(t, w.otherUser)
	asked := admin.Do(t, 201, "POST", "/hub/v1/reports", object{"title": "Compliance", "type": "certificate_compliance", "startDate": "2026-01-01", "endDate": "2026-01-31"})
	require.Equal(t, "processing", asked.Text(t, "status"))
	at := path("/reports/%s", asked.Text(t, "id"))
	done := await(t, admin, asked.Text(t, "processId"), "completed")
	require.Equal(t, "report-generation", done.Text(t, "kind"))
	made := admin.Do(t, 200, "GET", at, nil)
	require.Equal(t, "completed", made.Text(t, "status"))
	require.NotEmpty(t, made.Text(t, "fullReport"))
	require.Equal(t, "rules", made.Text(t, "narrator"))
	require.Len(t, made.Map(t)["files"], 3)

	for format, kind := range map[string]string{"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"} {
		link := admin.Do(t, 201, "POST", at+"/links", object{"format": format})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.Text(t, "url"), nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, 200, answer.StatusCode)
		require.NotEmpty(t, content)
		require.Contains(t, answer.Header.Get("Content-Disposition"), "Compliance."+format)
		require.Contains(t, kind, answer.Header.Get("Content-Type")[:8])
	}
	admin.Do(t, 404, "POST", at+"/links", object{"format": "doc"})

	// An organization's own is its admins', not the account's.
	own := orgAdmin.Do(t, 201, "POST", "/hub/v1/reports", object{"title": "Ours", "type": "learner_progress", "organizationId": w.other.ID})
	await(t, orgAdmin, own.Text(t, "processId"), "completed")
	require.Len(t, items(t, orgAdmin.Do(t, 200, "GET", "/hub/v1/reports?type=learner_progress&status=completed", nil)), 1)
	require.Len(t, items(t, orgAdmin.Do(t, 200, "GET", "/hub/v1/reports?status=failed", nil)), 0)
	require.Len(t, items(t, admin.Do(t, 200, "GET", "/hub/v1/reports?limit=1", nil)), 1)
	require.Empty(t, items(t, user.Do(t, 200, "GET", "/hub/v1/reports", nil)))
	admin.Do(t, 400, "GET", "/hub/v1/reports?type=poem", nil)
	problem(t, user.Do(t, 403, "POST", "/hub/v1/reports", object{"title": "x", "type": "learner_progress"}), "forbidden")
	orgAdmin.Do(t, 403, "POST", "/hub/v1/reports", object{"title": "x", "type": "learner_progress", "organizationId": w.other.ID + 999})
	admin.Do(t, 404, "POST", "/hub/v1/reports", object{"title": "x", "type": "learner_progress", "organizationId": w.other.ID + 999})
	admin.Do(t, 422, "POST", "/hub/v1/reports", object{"title": "", "type": "poem", "startDate": "2026-01-02", "endDate": "2026-01-01"})
	admin.Do(t, 422, "POST", "/hub/v1/reports", object{"title": "x", "type": "learner_progress", "startDate": "soon"})

	admin.Do(t, 204, "DELETE", at, nil)
	admin.Do(t, 404, "GET", at, nil)
	admin.Do(t, 404, "DELETE", at, nil)
}

func TestReportSchedules(t *testing.T) {
	w := newWorkingWorld(t)
	admin := w.as(t, w.admin)
	made := admin.Do(t, 201, "POST", "/hub/v1/report-schedules", scheduleOf(w.admin.ID))
	at := path("/report-schedules/%s", made.Text(t, "id"))
	require.Equal(t, made.Map(t), admin.Do(t, 200, "GET", at, nil).Map(t))
	require.Equal(t, "06:30", made.Text(t, "at"))
	require.Contains(t, made.Text(t, "nextRunAt"), "-03T06:30:00Z")
	require.Len(t, items(t, admin.Do(t, 200, "GET", "/hub/v1/report-schedules", nil)), 1)
	admin.Do(t, 400, "GET", "/hub/v1/report-schedules?limit=0", nil)

	of := object{"title": "Daily", "type": "training_summary", "frequency": "daily", "at": "00:00", "organizationId": w.other.ID, "recipients": []int64{w.otherAdmin.ID}}
	require.Equal(t, "daily", admin.Do(t, 200, "PUT", at, of).Text(t, "frequency"))
	for _, bad := range []object{
		{"title": "x", "type": "custom", "frequency": "daily", "at": "06:30", "recipients": []int64{w.admin.ID}},
		{"title": "x", "type": "training_summary", "frequency": "weekly", "day": 8, "at": "06:30", "recipients": []int64{w.admin.ID}},
		{"title": "x", "type": "training_summary", "frequency": "daily", "at": "25:00", "recipients": []int64{w.admin.ID}},
		{"title": "x", "type": "training_summary", "frequency": "daily", "at": "06:30", "recipients": []int64{}},
		{"title": "x", "type": "training_summary", "frequency": "daily", "at": "06:30", "recipients": []int64{w.otherAdmin.ID}}, // the whole account's figures
	} {
		admin.Do(t, 422, "POST", "/hub/v1/report-schedules", bad)
		admin.Do(t, 422, "PUT", at, bad)
	}
	w.as(t, w.orgAdmin).Do(t, 403, "GET", "/hub/v1/report-schedules", nil)

	// Its time comes: one report, one mail to each recipient.
	_, err := w.DB.Exec(store.AsSystem(t.Context()), `UPDATE report_schedules SET next_run_at = now() - interval '1 minute'`, nil)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, w.Reports.Sweep(t.Context()))
	}
	orgAdmin := w.as(t, w.otherAdmin)
	var found []object
	hubtest.Eventually(t, "the report is made", func() bool {
		found = items(t, orgAdmin.Do(t, 200, "GET", "/hub/v1/reports?status=completed", nil))
		return len(found) == 1
	})
	require.NotNil(t, found[0]["scheduleId"])
	var mails int64
	hubtest.Eventually(t, "the mail is sent", func() bool {
		require.NoError(t, w.DB.Query(store.AsSystem(t.Context()), &mails, `SELECT count(*) FROM notifications WHERE template = 'report_ready' AND state = 'sent'`, nil))
		return mails == 1
	})
	admin.Do(t, 204, "DELETE", at, nil)
	admin.Do(t, 404, "GET", at, nil)
	admin.Do(t, 404, "DELETE", at, nil)
	admin.Do(t, 404, "PUT", at, of)
}
