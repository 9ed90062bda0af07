package moodlews

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/models"
)

// said answers every request of one function with the same, without a line.
type said struct {
	function string
	answer   []byte
	others   map[string]string
}

func (s *said) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	body := s.answer
	if f := r.PostForm.Get("wsfunction"); f != s.function {
		body = []byte(s.others[f])
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{}}, nil
}

// Whatever a function answers, reading ends with rows that keep their promises
// or with an error that is known.
func FuzzAnswers(f *testing.F) {
	tables := []struct{ table, function string }{
		{source.Users, fnUsers}, {source.Categories, fnCategories}, {source.Courses, fnCourses}, {source.Enrolments, fnEnrolled}, {source.Activities, fnContents},
		{source.ActivityStates, fnActivities}, {source.Completions, fnCompletion}, {source.Grades, fnGrades}, {source.Quizzes, fnQuizzes}, {source.QuizAttempts, fnAttempts},
		{source.Assignments, fnAssignments}, {source.Submissions, fnSubmissions}, {source.SubmissionMarks, fnMarks}, {source.Cohorts, fnCohorts},
		{source.CohortMembers, fnCohortPeople}, {source.Awards, fnBadges}, {source.Awards, fnCertificates},
	}
	for i := range tables {
		for _, answer := range []string{
			`null`, `[]`, `{}`, `{"exception": "x", "errorcode": "nopermissions"}`, `[{"id": 1, "userids": [1, 1], "cohortid": 3, "modules": [{"id": 1}, {"id": 1}]}]`,
			`{"users": [{"id": 1, "username": "a", "auth": "b", "confirmed": "1", "suspended": 0}], "attempts": [{"id": 1, "sumgrades": "NaN"}], "statuses": [{"cmid": 5, "state": 1}],
				"badges": [{"id": 1}, {"id": 1}], "assignments": [{"assignmentid": 4, "submissions": [{"id": 1}], "grades": [{"userid": 1, "grade": "-1.00000"}]}],
				"usergrades": [{"userid": 3, "gradeitems": [{"itemtype": "course", "graderaw": 5e-1, "grademin": 0, "grademax": 1.0}]}]}`,
			`[{"issue": {"id": 1, "timecreated": 999999999999}, "user": {"id": 1}}]`, `{"courses": [{"id": 3, "assignments": [{"id": 4}]}]} x`,
		} {
			f.Add(uint8(i), []byte(answer)) //nolint:gosec // few
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, answer []byte) {
		at := tables[int(which)%len(tables)]
		s, err := parse(source.Settings{"url": "http://moodle.example.org", "token": token})
		require.NoError(t, err)
		line := &said{function: at.function, answer: answer, others: map[string]string{
			fnUsers:   `{"users": [{"id": 1, "username": "a", "auth": "b", "confirmed": true, "suspended": false}]}`,
			fnCourses: `{"courses": [{"id": 3, "visible": 1, "enablecompletion": 1}]}`, fnEnrolled: `null`,
			fnContents: `[{"modules": [{"id": 5, "instance": 2, "modname": "customcert"}]}]`, fnQuizzes: `{"quizzes": [{"id": 2}]}`,
			fnAssignments: `{"courses": [{"id": 3, "assignments": [{"id": 4}]}]}`, fnSubmissions: `{"warnings": [{"itemid": 4, "warningcode": 3}]}`, fnCohorts: `[{"id": 3}]`,
			fnBadges: `null`, fnCertificates: `null`,
		}}
		c := newClient(s, source.Options{Timeout: time.Minute})
		c.http.Transport = line
		snap := &snapshot{site: &site{client: c, settings: s}, functions: map[string]bool{}, rosters: map[int64]*roster{}, certs: map[int64][]cert{}}
		for _, f := range everything {
			snap.functions[f] = true
		}
		if at.table == source.ActivityStates || at.table == source.Completions || at.table == source.QuizAttempts {
			snap.rosters[3] = &roster{members: []member{{user: 3, active: true}}}
		}
		known, _ := source.TableOf(at.table)
		for after, pages := int64(0), 0; ; pages++ {
			require.Less(t, pages, 1000)
			page, err := snap.Read(context.Background(), at.table, after, math.MaxInt64, 2)
			if err != nil {
				var e *models.Error
				require.ErrorAs(t, err, &e)
				require.NotContains(t, err.Error(), token)
				return
			}
			for _, r := range page.Rows {
				require.Greater(t, r.ID, after)
				require.LessOrEqual(t, r.ID, page.Last)
				requireTyped(t, known, r)
			}
			if page.Done {
				return
			}
			require.Greater(t, page.Last, after)
			after = page.Last
		}
	})
}
