package crossdoor_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/mis"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/models"
	"quad/worker"
)

// moodleLearners are, in the SQL of a Moodle, the people and courses that its
// learners are in: whoever has the role of a student in a course and is enrolled
// there, of the users that the hub takes.
const moodleLearners = `WITH taken AS (
		SELECT u.id FROM mdl_user u WHERE u.deleted = 0 AND u.username <> 'guest' AND (trim(u.email) = '' OR NOT EXISTS (
			SELECT 1 FROM mdl_user o WHERE o.deleted = 0 AND o.id < u.id AND lower(trim(o.email)) = lower(trim(u.email))))),
	learners AS (
		SELECT DISTINCT m.userid, e.courseid, k.timecompleted FROM mdl_user_enrolments m JOIN mdl_enrol e ON e.id = m.enrolid JOIN taken ON taken.id = m.userid
			JOIN mdl_course c ON c.id = e.courseid AND c.category <> 0
			LEFT JOIN mdl_course_completions k ON k.userid = m.userid AND k.course = e.courseid
		WHERE EXISTS (SELECT 1 FROM mdl_role_assignments a JOIN mdl_role r ON r.id = a.roleid AND r.archetype = 'student'
			JOIN mdl_context x ON x.id = a.contextid AND x.contextlevel = 50 WHERE x.instanceid = e.courseid AND a.userid = m.userid)) `

// TestMoodleLearner follows one person who learns in a Moodle and has an account
// of the hub: what the synchronisation of a tenant brings is in the figures of
// the tenant, in the performance that calling systems see, on a certificate of
// the hub and in a report; another tenant sees nothing of it.
func TestMoodleLearner(t *testing.T) {
	site := moodletest.Load(t, moodletest.Postgres, 1)
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Worker: worker.Run, Settings: map[string]string{"ALLOW_INTERNAL_HOSTS": "true", "MIS_SYNC_WAIT": "5m"}})
	door := func(p hubtest.Person) contracttest.Client {
		return w.at(misContract).With("Authorization", "Bearer "+w.Token(t, p, mis.Name))
	}
	root := door(w.admin)
	tenant := func(name string) (id int64, boss hubtest.Person) {
		id = number(t, root.Do(t, 201, "POST", "/mis/tenants", object{"name": name, "email": "office@" + name + ".example"}).Text(t, "id"))
		return id, w.NewPerson(0, id, name+"boss", models.RoleOrgAdmin)
	}
	northID, northBoss := tenant("north")
	_, southBoss := tenant("south")
	north, south := door(northBoss), door(southBoss)

	// Ann has an account with a password, and calling systems know her. In the
	// Moodle she learns in a course that she has not completed.
	ann := number(t, w.native.Do(t, 201, "POST", "/hub/v1/users", object{"name": "Ann Lee", "email": "ann@example.test", "password": hubtest.Password}).Text(t, "id"))
	w.put(t, 200, object{"identifier": "u-7", "username": "ann@example.test", "possibleRoles": []string{"LEARNER"}})
	root.Do(t, 201, "POST", path("/mis/tenants/%d/users", northID), object{"userId": path("%d", ann)})
	pair := site.Int(t, moodleLearners+`SELECT min(l.userid * 1000000 + l.courseid) FROM learners l JOIN mdl_course c ON c.id = l.courseid AND c.visible = 1 AND c.enablecompletion = 1
		JOIN mdl_grade_items i ON i.courseid = l.courseid AND i.itemtype = 'course' JOIN mdl_grade_grades g ON g.itemid = i.id AND g.userid = l.userid AND g.finalgrade IS NOT NULL
		JOIN mdl_course_completions k ON k.userid = l.userid AND k.course = l.courseid
		WHERE l.timecompleted IS NULL`)
	inMoodle, course := pair/1_000_000, pair%1_000_000
	site.Exec(t, fmt.Sprintf(`UPDATE mdl_user SET email = 'Ann@Example.test', firstname = 'Anna', lastname = 'L.' WHERE id = %[1]d;
		UPDATE mdl_grade_items SET grademin = 0, grademax = 100, gradetype = 1 WHERE courseid = %[2]d AND itemtype = 'course';
		UPDATE mdl_grade_grades SET finalgrade = 73.5, rawgrademin = 0, rawgrademax = 100 WHERE userid = %[1]d AND itemid IN (SELECT id FROM mdl_grade_items WHERE courseid = %[2]d AND itemtype = 'course')`, inMoodle, course))
	trainees := site.Int(t, moodleLearners+`SELECT count(DISTINCT userid) FROM learners`)
	enrolments := site.Int(t, moodleLearners+`SELECT count(*) FROM learners`)
	completions := site.Int(t, moodleLearners+`SELECT count(timecompleted) FROM learners`)

	// An administrator connects the Moodle for the tenant, whose own runs it.
	connection := number(t, w.native.Do(t, 201, "POST", "/hub/v1/connections", object{
		"kind": moodledb.Kind, "name": "Campus", "settings": site.Settings, "organizationId": northID,
	}).Text(t, "id"))
	sync := func() {
		t.Helper()
		done := north.Do(t, 200, "POST", path("/mis/integrations/%d/sync", connection), nil).Map(t)
		require.Equal(t, []any{true, "Sync completed"}, []any{done["success"], done["message"]})
	}
	sync()
	kpis := north.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)
	require.EqualValues(t, trainees, kpis["totalTrainees"])
	require.EqualValues(t, completions, kpis["coursesCompleted"])
	require.InDelta(t, 100*float64(completions)/float64(enrolments), kpis["completionRate"], 0.05)

	// Calling systems see the same person, under the name that they know, with the
	// score of the Moodle.
	channel := path("lms-%d-%d", connection, course)
	performance := func() object {
		t.Helper()
		var page struct{ Items []object }
		w.enabley.Do(t, 200, "GET", "/api/v2/performance?channelIdentifier="+channel+"&userIdentifier=u-7", nil).JSON(t, &page)
		require.Len(t, page.Items, 1)
		return page.Items[0]
	}
	row := performance()
	require.Equal(t, []any{"u-7", channel, 74.0, nil}, []any{row["externalUserId"], row["externalChannelId"], row["score"], row["completionDate"]})
	require.Less(t, row["progress"], 100.0)
	require.Equal(t, "Ann", w.external(t, "u-7")["firstName"], "who was here before keeps their name")

	// She completes the course there, to which the hub has attached a certificate.
	name := "Ladder safety"
	site.Exec(t, fmt.Sprintf(`UPDATE mdl_course SET fullname = '%s' WHERE id = %d`, name, course))
	var shared struct {
		Items []struct {
			ID         int64
			Identifier string
		}
	}
	w.native.Do(t, 200, "GET", "/hub/v1/courses?limit=100", nil).JSON(t, &shared)
	courseID := int64(0)
	for _, c := range shared.Items {
		if c.Identifier == channel {
			courseID = c.ID
		}
	}
	w.native.Do(t, 201, "POST", "/hub/v1/certificates", object{"identifier": "CERT-LADDER", "name": "Ladders", "courses": []object{{"id": courseID}}})
	held := func() (mine []object) {
		t.Helper()
		return list(t, w.enabley.Do(t, 200, "GET", "/api/v1/certificates/users/u-7", nil))
	}
	require.NotEqual(t, "CERTIFIED", held()[0]["state"])
	before := north.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)
	site.Exec(t, fmt.Sprintf(`UPDATE mdl_course_completions SET timecompleted = 1750000000 WHERE userid = %d AND course = %d`, inMoodle, course))
	sync()
	row = performance()
	require.Equal(t, 100.0, row["progress"])
	require.Contains(t, row["completionDate"], "2025-06-15")
	certificate := held()
	require.Len(t, certificate, 1)
	require.Equal(t, "CERTIFIED", certificate[0]["state"])
	status, content := hubtest.Get(t, certificate[0]["pdfUrl"].(string))
	require.Equal(t, 200, status)
	require.Equal(t, "%PDF-", content[:5])
	kpis = north.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)
	require.EqualValues(t, completions+1, kpis["coursesCompleted"])
	require.Equal(t, before["certificatesIssued"].(float64)+1, kpis["certificatesIssued"])

	// The report of the tenant tells of it, in words and as a file.
	id := north.Do(t, 201, "POST", "/mis/reports/generate", object{"title": "Training", "type": "training_summary"}).Text(t, "id")
	var report object
	hubtest.Eventually(t, "the report is made", func() bool {
		report = north.Do(t, 200, "GET", "/mis/reports/"+id, nil).Map(t)
		return report["status"] != "processing"
	})
	require.Equal(t, "completed", report["status"], "%v", report["errorMessage"])
	details := report["sections"].(object)["details"]
	require.Contains(t, details, fmt.Sprintf("Completions: %d", completions+1))
	require.Contains(t, details, fmt.Sprintf("Certificates issued: %.0f", kpis["certificatesIssued"]))
	files := w.nativeAs(t, northBoss.Email, hubtest.Password)
	for format, part := range map[string]string{"pdf": "%PDF-", "csv": name} {
		link := files.Do(t, 201, "POST", "/hub/v1/reports/"+id+"/links", object{"format": format})
		status, content = hubtest.Get(t, link.Text(t, "url"))
		require.Equal(t, 200, status)
		require.Contains(t, content, part)
	}

	// Another tenant sees nothing of all that.
	kpis = south.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t)
	for figure, value := range kpis {
		require.Equal(t, 0.0, value, figure)
	}
	require.Empty(t, list(t, south.Do(t, 200, "GET", "/mis/integrations", nil)))
	south.Do(t, 404, "POST", path("/mis/integrations/%d/sync", connection), nil)
	south.Do(t, 404, "GET", "/mis/reports/"+id, nil)
	south.Do(t, 404, "GET", path("/mis/users/%d", ann), nil)
	w.nativeAs(t, southBoss.Email, hubtest.Password).Do(t, 404, "POST", "/hub/v1/reports/"+id+"/links", object{"format": "pdf"})
	// And she signs in as ever.
	me := w.nativeAs(t, "ann@example.test", hubtest.Password)
	require.Equal(t, "Ann Lee", me.Do(t, 200, "GET", "/hub/v1/me", nil).Text(t, "name"))
}
