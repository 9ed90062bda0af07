package mis_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// taught gives the world courses with results: North's user and a person of
// both tenants have them, and a person of South.
func (w *world) taught(t *testing.T) (both, fire, first int64) {
	t.Helper()
	ctx := w.Context()
	create := func(rows any) { require.NoError(t, w.DB.Conn(ctx).Create(rows).Error) }
	person := w.NewPerson(0, w.north.ID, "both", models.RoleUser)
	create(&models.UserOrganization{UserID: person.ID, OrganizationID: w.south.ID})
	courses := []models.Course{
		{ID: 501, Identifier: "fire", Name: "fire safety", PublicID: "00000000-0000-4000-8000-000000000501"},
		{ID: 502, Identifier: "first", Name: "First aid", PublicID: "00000000-0000-4000-8000-000000000502"},
		{ID: 503, Identifier: "nobody", Name: "Yoga", PublicID: "00000000-0000-4000-8000-000000000503"},
	}
	for i := range courses {
		courses[i].Type, courses[i].Status, courses[i].Categories = models.CourseTypeCourse, models.CourseActive, []string{}
	}
	create(courses)
	lastMonth := time.Date(time.Now().UTC().Year(), time.Now().UTC().Month(), 1, 0, 0, 0, 0, time.UTC).Add(-time.Microsecond)
	enrollment := func(user, course int64, score *float64, done *time.Time) models.Enrollment {
		e := models.Enrollment{UserID: user, CourseID: course, DirectLearner: true, Learner: true, Score: score, EnrolledAt: lastMonth, SecondsSpent: new(5430)}
		if done != nil {
			e.Progress, e.LastCompletedAt = models.Complete, done
		}
		return e
	}
	create([]models.Enrollment{
		enrollment(w.user.ID, 501, new(92.0), &lastMonth), enrollment(w.user.ID, 502, new(88.0), nil),
		enrollment(person.ID, 501, new(59.95), &lastMonth), enrollment(w.southUser.ID, 501, nil, nil),
	})
	create([]models.Quiz{{ID: 601, CourseID: 501, Name: "Extinguishers", MaxPoints: 10}, {ID: 602, CourseID: 503, Name: "Asanas", MaxPoints: 10}})
	create([]models.QuizAttempt{
		{QuizID: 601, UserID: w.user.ID, Points: new(6.0), StartedAt: lastMonth, FinishedAt: new(lastMonth.Add(90 * time.Second))},
		{QuizID: 601, UserID: person.ID, AttemptNo: 1, Points: new(5.0), StartedAt: lastMonth, FinishedAt: new(lastMonth.Add(3 * time.Minute))},
		{QuizID: 601, UserID: person.ID, AttemptNo: 2, Points: new(9.0), StartedAt: lastMonth},
	})
	create([]models.Assignment{{ID: 701, CourseID: 501, Name: "Escape plan", MaxGrade: new(20.0)}})
	create([]models.AssignmentSubmission{
		{AssignmentID: 701, UserID: w.user.ID, AttemptNo: 0, StartedAt: &lastMonth, SubmittedAt: new(lastMonth.Add(time.Hour)), Grade: new(10.0)},
		{AssignmentID: 701, UserID: w.user.ID, AttemptNo: 1, SubmittedAt: &lastMonth, Grade: new(19.0)},
		{AssignmentID: 701, UserID: person.ID},
	})
	create([]models.ExternalCertificate{
		{UserID: person.ID, Kind: models.ExternalCertificateProper, Name: "Fire", IssuedAt: lastMonth, ExpiresAt: &lastMonth},
		{UserID: person.ID, Kind: models.ExternalCertificateBadge, Name: "Fire", IssuedAt: lastMonth},
	})
	create(&models.Project{OrganizationID: &w.south.ID, Name: "P", Status: models.WorkActive, StartsOn: lastMonth, EndsOn: lastMonth})
	return person.ID, 501, 502
}

func TestKeyFigures(t *testing.T) {
	w := newWorld(t)
	w.taught(t)
	root, north, south := w.as(t, w.root), w.as(t, w.manager), w.as(t, w.southViewer)
	kpis := func(trainees, rate, score, completed, certificates float64) object {
		return object{"totalTrainees": trainees, "completionRate": rate, "averageScore": score, "coursesCompleted": completed, "certificatesIssued": certificates}
	}
	everybody, ofNorth, ofSouth := kpis(3, 50, 80, 2, 1), kpis(2, 66.7, 80, 2, 1), kpis(2, 50, 60, 1, 1)
	for _, path := range []string{"/mis/etl/kpis?tenantId=", "/mis/bi/kpis?tenant="} {
		for _, c := range []struct {
			want   object
			active float64
			path   string
			as     contracttest.Client
		}{
			{everybody, 1, path, root}, {ofNorth, 0, path + idText(w.north.ID), root}, {ofNorth, 0, path, north},
			{ofSouth, 1, path + idText(w.south.ID), root}, {ofSouth, 1, path, south}, {ofSouth, 1, path + idText(w.south.ID), south},
		} {
			got := c.as.Do(t, http.StatusOK, "GET", c.path, nil).Map(t)
			if active, has := got["activePrograms"]; has {
				require.Equal(t, c.active, active, c.path)
				delete(got, "activePrograms")
			}
			require.Equal(t, c.want, got, c.path)
		}
		fails(t, north.Do(t, http.StatusForbidden, "GET", path+idText(w.south.ID), nil), "Forbidden resource")
		fails(t, north.Do(t, http.StatusForbidden, "GET", path+"999999", nil), "Forbidden resource")
		fails(t, north.Do(t, http.StatusForbidden, "GET", path+"tenant-001", nil), "Forbidden resource")
		fails(t, root.Do(t, http.StatusNotFound, "GET", path+"999999", nil), "Tenant not found")
		fails(t, root.Do(t, http.StatusNotFound, "GET", path+"tenant-001", nil), "Tenant not found")
		fails(t, root.Do(t, http.StatusNotFound, "GET", path+idText(w.Organization.ID), nil), "Tenant not found")
		fails(t, w.as(t, w.user).Do(t, http.StatusForbidden, "GET", path, nil), "Forbidden resource")
	}
	require.Equal(t, kpis(0, 0, 0, 0, 0), w.elsewhere(t, "far.test").Do(t, http.StatusOK, "GET", "/mis/etl/kpis", nil).Map(t))
}

func TestListsOfFigures(t *testing.T) {
	w := newWorld(t)
	w.taught(t)
	root, north, south := w.as(t, w.root), w.as(t, w.tenantAdmin), w.as(t, w.southManager)
	get := func(as contracttest.Client, path string) []object {
		return list(t, as.Do(t, http.StatusOK, "GET", path, nil))
	}
	fire := object{"courseId": "501", "courseName": "fire safety", "enrollments": 3.0, "completions": 2.0, "completionRate": 66.7, "averageScore": 76.0}
	aid := object{"courseId": "502", "courseName": "First aid", "enrollments": 1.0, "completions": 0.0, "completionRate": 0.0, "averageScore": 88.0}
	yoga := object{"courseId": "503", "courseName": "Yoga", "enrollments": 0.0, "completions": 0.0, "completionRate": 0.0, "averageScore": 0.0}
	require.Equal(t, []object{fire, aid, yoga}, get(root, "/mis/bi/course-analytics"))
	fire["enrollments"], fire["completionRate"] = 2.0, 100.0
	require.Equal(t, []object{fire, aid}, get(north, "/mis/bi/course-analytics"))
	require.Equal(t, []object{fire, aid}, get(root, "/mis/bi/course-analytics?tenant="+idText(w.north.ID)))
	fire["averageTimeSpent"], aid["averageTimeSpent"] = 91.0, 91.0 // 90.5
	require.Equal(t, []object{fire, aid}, get(north, "/mis/etl/course-performance?tenantId="+idText(w.north.ID)))

	quiz := object{"quizId": "601", "quizName": "Extinguishers", "attempts": 2.0, "averageScore": 55.0, "passRate": 50.0, "averageTimeSpent": 2.0}
	none := object{"quizId": "602", "quizName": "Asanas", "attempts": 0.0, "averageScore": 0.0, "passRate": 0.0, "averageTimeSpent": 0.0}
	require.Equal(t, []object{none, quiz}, get(root, "/mis/bi/quiz-performance"))
	require.Equal(t, []object{quiz}, get(north, "/mis/bi/quiz-performance"))
	plan := object{"assignmentId": "701", "assignmentName": "Escape plan", "submissions": 2.0, "averageScore": 95.0, "submissionRate": 50.0, "averageTimeSpent": 60.0}
	require.Equal(t, []object{plan}, get(north, "/mis/bi/assignment-performance"))
	plan["submissionRate"] = 33.3
	require.Equal(t, []object{plan}, get(root, "/mis/bi/assignment-performance"))
	require.Equal(t, 0.0, get(south, "/mis/bi/assignment-performance")[0]["submissions"])

	require.Equal(t, object{
		"totalEnrollments": 4.0, "totalCompletions": 2.0, "overallCompletionRate": 50.0, "averageScore": 80.0, "topPerformers": 1.0, "needsSupport": 1.0,
	}, root.Do(t, http.StatusOK, "GET", "/mis/bi/performance-summary", nil).Map(t))
	require.Equal(t, object{"A (90-100)": 1.0, "B (80-89)": 1.0, "C (70-79)": 0.0, "D (60-69)": 0.0, "F (Below 60)": 1.0},
		north.Do(t, http.StatusOK, "GET", "/mis/bi/grade-distribution", nil).Map(t))

	now := time.Now().UTC()
	this, last := now.Format("2006-01"), time.Date(now.Year(), now.Month(), 0, 0, 0, 0, 0, time.UTC).Format("2006-01")
	months := get(north, "/mis/bi/trends?months=2&tenant="+idText(w.north.ID))
	require.Equal(t, []object{
		{"month": last, "enrollments": 3.0, "completions": 2.0, "averageScore": 76.0}, {"month": this, "enrollments": 0.0, "completions": 0.0, "averageScore": 0.0},
	}, months)
	for query, n := range map[string]int{"": 6, "?months=0": 6, "?months=x": 6, "?months=-3": 6, "?months=1": 1, "?months=60": 60, "?months=61": 60} {
		require.Len(t, get(root, "/mis/bi/trends"+query), n, query)
	}
	for _, path := range []string{"/mis/etl/course-performance", "/mis/bi/trends", "/mis/bi/course-analytics", "/mis/bi/performance-summary", "/mis/bi/grade-distribution",
		"/mis/bi/quiz-performance", "/mis/bi/assignment-performance"} {
		fails(t, w.anyone().Do(t, http.StatusUnauthorized, "GET", path, nil), "Unauthorized")
		fails(t, w.as(t, w.user).Do(t, http.StatusForbidden, "GET", path, nil), "Forbidden resource")
	}
}

// TestStatementsOfFigures: one, beside who calls; a SUPER_ADMIN who names a
// tenant is told whether it exists by another one.
func TestStatementsOfFigures(t *testing.T) {
	w := newWorld(t)
	w.taught(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	me := w.statementsOf(func() { north.Do(t, http.StatusOK, "GET", "/mis/bi/trends", nil) }) - 1
	for _, path := range []string{
		"/mis/etl/kpis?tenantId=%s", "/mis/etl/course-performance?tenantId=%s", "/mis/bi/kpis?tenant=%s", "/mis/bi/trends?tenant=%s", "/mis/bi/course-analytics?tenant=%s",
		"/mis/bi/performance-summary", "/mis/bi/grade-distribution", "/mis/bi/quiz-performance", "/mis/bi/assignment-performance",
	} {
		more := int64(0)
		if path[len(path)-1] == 's' {
			path, more = fmt.Sprintf(path, idText(w.north.ID)), 1
		}
		require.Equal(t, me+1, w.statementsOf(func() { north.Do(t, http.StatusOK, "GET", path, nil) }), path)
		require.Equal(t, me+1+more, w.statementsOf(func() { root.Do(t, http.StatusOK, "GET", path, nil) }), path)
	}
	require.LessOrEqual(t, me, int64(1))
}

// TestFiguresOfDeletedPeopleAndCourses: with the person go the results, with
// the course its quizzes.
func TestFiguresOfDeletedPeopleAndCourses(t *testing.T) {
	w := newWorld(t)
	both, fire, first := w.taught(t)
	admin := w.AdminContext(w.root)
	count := func(table string) int64 {
		return w.number(t, `SELECT count(*) FROM `+table+` WHERE account_id = @account_id`, store.Args{})
	}
	require.NoError(t, w.People.DeleteUser(admin, both))
	require.Equal(t, []int64{1, 2, 0}, []int64{count("quiz_attempts"), count("assignment_submissions"), count("external_certificates")})
	require.Equal(t, 2.0, w.as(t, w.root).Do(t, http.StatusOK, "GET", "/mis/etl/kpis", nil).Map(t)["totalTrainees"])
	require.NoError(t, w.Learning.DeleteCourse(admin, ref.ByID(fire)))
	require.Equal(t, []int64{0, 0, 0, 1}, []int64{count("quiz_attempts"), count("assignment_submissions"), count("assignments"), count("quizzes")})
	courses := list(t, w.as(t, w.tenantAdmin).Do(t, http.StatusOK, "GET", "/mis/bi/course-analytics", nil))
	require.Len(t, courses, 1)
	require.Equal(t, idText(first), courses[0]["courseId"])
}
