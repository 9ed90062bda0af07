package mis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/store"
	"quad/models"
)

// generated asks for a report until it is not being made any more.
func (w *world) generated(t *testing.T, c contracttest.Client, id string) object {
	t.Helper()
	var r object
	hubtest.Eventually(t, "the report is made", func() bool {
		r = c.Do(t, 200, "GET", "/mis/reports/"+id, nil).Map(t)
		return r["status"] == "completed" || r["status"] == "failed"
	})
	return r
}

func TestReportsThatPeopleWrite(t *testing.T) {
	w := newWorld(t)
	user, admin, viewer := w.as(t, w.user), w.as(t, w.tenantAdmin), w.as(t, w.viewer)
	saved := user.Do(t, 201, "POST", "/mis/reports", object{"title": "Notes", "fullReport": "one two\nthree"}).Map(t)
	require.Equal(t, "custom", saved["type"])
	require.Equal(t, "completed", saved["status"])
	require.EqualValues(t, 3, saved["wordCount"])
	require.Equal(t, object{"summary": "", "details": ""}, saved["sections"])
	at := "/mis/reports/" + saved["id"].(string)

	kept := user.Do(t, 201, "POST", "/mis/reports", object{
		"title": "Q1", "fullReport": "x", "wordCount": 2500, "type": "expense_summary", "sections": object{"summary": "s", "more": "m"},
	}).Map(t)
	require.EqualValues(t, 2500, kept["wordCount"])
	require.Equal(t, object{"summary": "s", "details": "", "more": "m"}, kept["sections"])

	// Nothing changes by nothing.
	same := user.Do(t, 200, "PATCH", at, object{}).Map(t)
	require.Equal(t, saved["updatedAt"], same["updatedAt"])
	changed := user.Do(t, 200, "PATCH", at, object{"fullReport": "just two", "sections": object{"details": "d"}}).Map(t)
	require.EqualValues(t, 2, changed["wordCount"])
	require.Equal(t, object{"summary": "", "details": "d"}, changed["sections"])
	require.EqualValues(t, 7, user.Do(t, 200, "PATCH", at, object{"wordCount": 7, "title": "Renamed"}).Map(t)["wordCount"])
	require.EqualValues(t, 7, user.Do(t, 200, "PATCH", at, object{"title": "Notes"}).Map(t)["wordCount"])

	// Who sees what, and who may change it.
	require.Equal(t, "Notes", viewer.Do(t, 200, "GET", at, nil).Map(t)["title"])
	fails(t, viewer.Do(t, 403, "PATCH", at, object{"title": "Mine"}), "Only its author or an administrator may change a report")
	viewer.Do(t, 403, "DELETE", at, nil)
	admin.Do(t, 200, "PATCH", at, object{"title": "Ours"})
	for _, stranger := range []hubtest.Person{w.manager, w.southAdmin, w.southUser, w.loner} {
		c := w.as(t, stranger)
		fails(t, c.Do(t, 404, "GET", at, nil), "Report not found")
		c.Do(t, 404, "PATCH", at, object{"title": "x"})
		c.Do(t, 404, "DELETE", at, nil)
		require.EqualValues(t, 0, c.Do(t, 200, "GET", "/mis/reports", nil).Map(t)["total"])
	}
	w.elsewhere(t, "far.example").Do(t, 404, "GET", at, nil)

	page := w.as(t, w.root).Do(t, 200, "GET", "/mis/reports?limit=1&page=2", nil).Map(t)
	require.EqualValues(t, 2, page["total"])
	require.Len(t, page["data"], 1)
	require.Equal(t, saved["id"], page["data"].([]any)[0].(object)["id"], "the newest first")
	require.NotContains(t, page["data"].([]any)[0], "fullReport")
	require.EqualValues(t, 10, user.Do(t, 200, "GET", "/mis/reports?limit=x&page=-1", nil).Map(t)["limit"])
	w.anyone().Do(t, 401, "GET", "/mis/reports", nil)

	fails(t, user.Do(t, 400, "POST", "/mis/reports", object{"title": " ", "wordCount": -1, "type": "poem", "sections": object{"a": 1}}), []string{
		"title should not be empty", "fullReport is required", "wordCount must be an integer from 0 to 2147483647",
		"type must be one of the following values: training_summary, course_performance, project_progress, expense_summary, form_responses, custom",
		"sections must hold texts by name",
	})
	require.Equal(t, "Report deleted", admin.Do(t, 200, "DELETE", at, nil).Map(t)["message"])
	user.Do(t, 404, "GET", at, nil)
	user.Do(t, 404, "DELETE", at, nil)
}

func TestGenerateReport(t *testing.T) {
	w := newWorkingWorld(t)
	viewer := w.as(t, w.viewer)
	asked := viewer.Do(t, 201, "POST", "/mis/reports/generate", object{
		"title": "Q1 Training Report", "type": "training_summary", "filters": object{"startDate": "2024-01-01", "endDate": "2024-03-31"},
	}).Map(t)
	require.Equal(t, "processing", asked["status"])
	require.Empty(t, asked["fullReport"])
	require.EqualValues(t, 0, asked["wordCount"])
	r := w.generated(t, viewer, asked["id"].(string))
	require.Equal(t, "completed", r["status"], "%v", r["errorMessage"])
	text := r["fullReport"].(string)
	require.True(t, strings.HasPrefix(text, "Q1 Training Report\n\nTraining summary. North. Period: 2024-01-01 to 2024-03-31. Figures as of "), text)
	require.EqualValues(t, models.CountWords(text), r["wordCount"])
	sections := r["sections"].(object)
	require.NotEmpty(t, sections["summary"])
	require.Contains(t, sections["details"], "Completion rate: 0.0%")

	// All other types, by an administrator of everything.
	root := w.as(t, w.root)
	for _, kind := range []string{"course_performance", "project_progress", "expense_summary", "form_responses"} {
		id := root.Do(t, 201, "POST", "/mis/reports/generate", object{"title": kind, "type": kind}).Map(t)["id"].(string)
		made := w.generated(t, root, id)
		require.Equal(t, "completed", made["status"], "%s: %v", kind, made["errorMessage"])
		require.Contains(t, made["fullReport"], "All tenants")
	}
	hubtest.Eventually(t, "a mail with the report", func() bool {
		mails := w.Inbox.Messages(inbox.Filter{To: w.viewer.Email, Subject: "Q1 Training Report"})
		return len(mails) == 1 && strings.Contains(mails[0].Text, "attached as a PDF") && strings.HasPrefix(mails[0].Headers["Content-Type"], "multipart/mixed")
	})

	fails(t, viewer.Do(t, 400, "POST", "/mis/reports/generate", object{"title": "x", "type": "custom", "filters": object{"startDate": "2024-02-30"}}), []string{
		"type must be one of the following values: training_summary, course_performance, project_progress, expense_summary, form_responses",
		"filters.startDate must be a valid day such as 2024-01-31",
	})
	fails(t, viewer.Do(t, 400, "POST", "/mis/reports/generate", object{
		"title": "x", "type": "training_summary", "filters": object{"startDate": "2024-02-02", "endDate": "2024-02-01"},
	}), []string{"filters.endDate must not be before startDate"})
	of := func(tenant string) object {
		return object{"title": "x", "type": "training_summary", "filters": object{"tenantId": tenant}}
	}
	viewer.Do(t, 403, "POST", "/mis/reports/generate", of(idText(w.south.ID)))
	viewer.Do(t, 403, "POST", "/mis/reports/generate", of("999999"))
	root.Do(t, 404, "POST", "/mis/reports/generate", of("999999"))
	root.Do(t, 404, "POST", "/mis/reports/generate", of("no id"))
	w.as(t, w.user).Do(t, 403, "POST", "/mis/reports/generate", of(idText(w.north.ID)))
	w.as(t, w.manager).Do(t, 403, "POST", "/mis/reports/generate", of(idText(w.north.ID)))
}

// Without a worker a report stays being made: the same request is that one, it
// cannot be changed, and deleting it cancels its process.
func TestReportsThatAreBeingMade(t *testing.T) {
	w := newWorld(t)
	viewer, admin := w.as(t, w.viewer), w.as(t, w.tenantAdmin)
	request := object{"title": "R", "type": "expense_summary", "filters": object{"startDate": "2024-01-01"}}
	require.Equal(t, map[int]int{201: 50}, viewer.AtOnce(t, 50, "POST", "/mis/reports/generate", request))
	var ids []int64
	require.NoError(t, w.DB.Query(w.Context(), &ids, `SELECT r.id FROM reports r JOIN processes p ON p.id = r.process_id WHERE r.account_id = @account_id`, nil))
	require.Len(t, ids, 1, "one report, one process")
	at := "/mis/reports/" + idText(ids[0])
	again := admin.Do(t, 201, "POST", "/mis/reports/generate", request).Map(t)
	require.Equal(t, idText(ids[0]), again["id"], "colleagues ask for the same")
	other := w.as(t, w.southAdmin).Do(t, 201, "POST", "/mis/reports/generate", request).Map(t)
	require.NotEqual(t, idText(ids[0]), other["id"], "another scope is another report")

	fails(t, viewer.Do(t, 409, "PATCH", at, object{"title": "x"}), "The report is not completed")
	require.Equal(t, "processing", viewer.Do(t, 200, "GET", at, nil).Map(t)["status"])
	viewer.Do(t, 200, "DELETE", at, nil)
	viewer.Do(t, 404, "GET", at, nil)
	var state string
	require.NoError(t, w.DB.Query(w.Context(), &state, `SELECT CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE state END FROM processes
WHERE account_id = @account_id AND subject_id = @id AND kind = 'report-generation'`,
		store.Args{"id": ids[0]}))
	require.Equal(t, "cancelled", state)

	// Past its limit it has failed, though nothing runs that could write it down.
	late := viewer.Do(t, 201, "POST", "/mis/reports/generate", request).Map(t)["id"].(string)
	w.exec(t, `UPDATE reports SET limit_at = now() - interval '1 second' WHERE id = CAST(@id AS bigint)`, store.Args{"id": late})
	r := viewer.Do(t, 200, "GET", "/mis/reports/"+late, nil).Map(t)
	require.Equal(t, "failed", r["status"])
	require.Equal(t, models.ReportOverdue, r["errorMessage"])
	fresh := viewer.Do(t, 201, "POST", "/mis/reports/generate", request).Map(t)
	require.NotEqual(t, late, fresh["id"], "a late one is not the running one")
	require.NoError(t, w.DB.Query(w.Context(), &state, `SELECT status FROM reports WHERE account_id = @account_id AND id = CAST(@id AS bigint)`, store.Args{"id": late}))
	require.Equal(t, "failed", state)
}

func TestStatementsOfReports(t *testing.T) {
	w := newWorld(t)
	viewer := w.as(t, w.viewer)
	id := viewer.Do(t, 201, "POST", "/mis/reports", object{"title": "x", "fullReport": "y"}).Map(t)["id"].(string)
	for _, op := range []struct {
		most         int64 // with the one of authentication
		method, path string
		body         any
	}{
		{3, "GET", "/mis/reports", nil},
		{2, "GET", "/mis/reports/" + id, nil},
		{5, "PATCH", "/mis/reports/" + id, object{"title": "z"}},
		{2, "PATCH", "/mis/reports/" + id, object{}},
	} {
		before := w.DB.Statements()
		viewer.Do(t, 200, op.method, op.path, op.body)
		require.LessOrEqual(t, w.DB.Statements()-before, op.most+map[bool]int64{true: 2}[op.method == "PATCH"], "%s %s", op.method, op.path)
	}
}
