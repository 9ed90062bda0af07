package certification_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"quad/internal/certification"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// school is a whole hub with a worker, in which the test says what time it is.
type school struct {
	*hubtest.Env
	t     *testing.T
	now   atomic.Pointer[time.Time]
	admin context.Context
}

func newSchool(t *testing.T, now time.Time) *school {
	t.Helper()
	s := &school{t: t}
	s.now.Store(&now)
	s.Env = hubtest.New(t, hubtest.Options{Worker: worker.Run, Clock: func() time.Time { return *s.now.Load() }})
	s.admin = s.AdminContext(s.NewPerson(0, 0, "admin", models.RoleAdmin))
	return s
}

// sweep triggers the schedule and waits for the process that it starts, nil
// when nothing is due.
func (s *school) sweep() *models.Process {
	s.t.Helper()
	newest := func() (p models.Process) {
		page, _, err := s.Processes.List(s.admin, process.Filter{Kinds: []models.ProcessKind{models.ProcessCertificateExpiry}, Limit: 1})
		require.NoError(s.t, err)
		if len(page) > 0 {
			p = page[0]
		}
		return p
	}
	before := newest().ID
	schedule := s.Temporal.ScheduleClient().GetHandle(s.t.Context(), "certificate-sweep")
	var runs int
	hubtest.Eventually(s.t, "the schedule is there", func() bool {
		d, err := schedule.Describe(s.t.Context())
		if err != nil {
			return false
		}
		runs = d.Info.NumActions
		return true
	})
	require.NoError(s.t, schedule.Trigger(s.t.Context(), client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL}))
	hubtest.Eventually(s.t, "the schedule's workflow has run", func() bool {
		d, err := schedule.Describe(s.t.Context())
		if err != nil || d.Info.NumActions == runs || len(d.Info.RecentActions) == 0 {
			return false
		}
		run := d.Info.RecentActions[len(d.Info.RecentActions)-1].StartWorkflowResult
		return s.Temporal.GetWorkflow(s.t.Context(), run.WorkflowID, run.FirstExecutionRunID).Get(s.t.Context(), nil) == nil
	})
	if newest().ID == before {
		return nil
	}
	var p models.Process
	hubtest.Eventually(s.t, "the sweep ends", func() bool { p = newest(); return p.State.Final() })
	require.Equal(s.t, models.ProcessCompleted, p.State, "%v", p.Error)
	return &p
}

func (s *school) counters(p *models.Process) map[string]int64 {
	s.t.Helper()
	counters := map[string]int64{}
	if p != nil {
		require.NoError(s.t, json.Unmarshal(p.Counters, &counters))
	}
	return counters
}

// mails waits for the mails to a person whose subject has a word.
func (s *school) mails(to, subject string, n int) []inbox.Message {
	s.t.Helper()
	var found []inbox.Message
	hubtest.Eventually(s.t, fmt.Sprintf("%d mails to %s: %s", n, to, subject), func() bool {
		found = nil
		for _, m := range s.Inbox.Messages(inbox.Filter{}) {
			if m.To[0] == to && strings.Contains(m.Subject, subject) {
				found = append(found, m)
			}
		}
		return len(found) >= n
	})
	require.Len(s.t, found, n)
	return found
}

// The whole way through the hub with a clock of its own: doors' services, the
// schedule, workflow, activities, SQL and mails, over ends of months and a leap
// year.
func TestYearsOfACertificate(t *testing.T) {
	start := time.Date(2028, 1, 31, 9, 30, 0, 0, time.UTC)
	s := newSchool(t, start)
	course, err := s.Learning.CreateCourse(s.admin, learning.CourseInput{Name: "Fire safety", Type: models.CourseTypeCourse})
	require.NoError(t, err)
	define := func(name string, duration int, unit models.ValidityUnit) certification.Definition {
		t.Helper()
		d, err := s.Certificates.Create(s.admin, certification.Input{
			Name: name, Courses: []ref.Ref{ref.ByID(course.ID)}, Validity: &certification.Validity{Duration: duration, Unit: unit},
		})
		require.NoError(t, err)
		return d
	}
	monthly, yearly := define("Monthly", 1, models.ValidityMonths), define("Yearly", 1, models.ValidityYears)
	ann, boss := s.NewPerson(0, 0, "ann"), s.NewPerson(0, 0, "boss")
	_, err = s.DB.Exec(s.admin, `INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role) VALUES (@account_id, @user, 'COURSE', @course, 'MANAGER')`,
		store.Args{"user": boss.ID, "course": course.ID})
	require.NoError(t, err)
	require.NoError(t, s.Enrollments.Assign(s.admin, ref.ByID(course.ID), ref.ByID(ann.ID), nil))
	for _, c := range []certification.Definition{monthly, yearly} {
		_, err := s.Certificates.SetRequired(s.admin, ref.ByID(ann.ID), ref.ByID(c.ID), true)
		require.NoError(t, err)
	}
	link := func(c certification.Definition) (l models.UserCertificate) {
		t.Helper()
		require.NoError(t, s.DB.Query(s.admin, &l, `SELECT * FROM user_certificates WHERE account_id = @account_id AND user_id = @user AND certificate_id = @id`,
			store.Args{"user": ann.ID, "id": c.ID}))
		return l
	}
	at := func(moment time.Time) { s.now.Store(&moment) }
	require.Nil(t, s.sweep(), "nothing is due")
	complete := func() {
		t.Helper()
		for _, progress := range []int{50, models.Complete} {
			_, err := s.Enrollments.Report(s.admin, []enrollment.ProgressReport{{User: ref.ByID(ann.ID), Course: ref.ByID(course.ID), Progress: progress}})
			require.NoError(t, err)
		}
	}
	complete()
	require.Equal(t, time.Date(2028, 2, 29, 9, 30, 0, 0, time.UTC), link(monthly).ExpiresAt.UTC(), "the leap day")
	require.Equal(t, time.Date(2029, 1, 31, 9, 30, 0, 0, time.UTC), link(yearly).ExpiresAt.UTC())

	at(time.Date(2028, 2, 29, 9, 29, 59, 0, time.UTC))
	require.EqualValues(t, 1, s.counters(s.sweep())["warned"])
	require.Contains(t, s.mails(ann.Email, "Monthly", 1)[0].Text, "29 February 2028")
	require.Contains(t, s.mails(boss.Email, "need attention", 1)[0].Text, "ann: Monthly expires on 29 February 2028")
	at(time.Date(2028, 2, 29, 9, 30, 0, 0, time.UTC))
	require.Equal(t, map[string]int64{"warned": 0, "expired": 1, "reminded": 1, "digests": 1}, s.counters(s.sweep()))
	s.mails(ann.Email, "Monthly has expired", 1)
	s.mails(boss.Email, "need attention", 2)

	// Completed anew on the leap day: both are good for new times.
	complete()
	require.Equal(t, time.Date(2028, 3, 29, 9, 30, 0, 0, time.UTC), link(monthly).ExpiresAt.UTC())
	require.Equal(t, time.Date(2029, 1, 31, 9, 30, 0, 0, time.UTC), link(yearly).ExpiresAt.UTC(), "one that is good is not renewed")
	require.Nil(t, s.sweep())

	// The hub was off for years: one notice each.
	at(time.Date(2031, 5, 5, 5, 5, 5, 0, time.UTC))
	require.Equal(t, map[string]int64{"warned": 2, "expired": 2, "reminded": 2, "digests": 1}, s.counters(s.sweep()))
	s.mails(ann.Email, "Monthly has expired", 2)
	s.mails(ann.Email, "Yearly has expired", 1)
	s.mails(ann.Email, "Yearly expires", 0)
	require.Nil(t, s.sweep())

	// A deleted person leaves nothing behind.
	require.NoError(t, s.People.DeleteUser(s.admin, ann.ID))
	require.Zero(t, link(monthly).ID)
	var names []string
	require.NoError(t, s.DB.Query(s.admin, &names, `SELECT DISTINCT learner_name FROM certificate_issues WHERE account_id = @account_id`, nil))
	require.Equal(t, []string{""}, names)
}

// What a sweep leaves in Temporal does not grow with its work.
func TestHistoryOfASweep(t *testing.T) {
	s := newSchool(t, time.Date(2028, 1, 31, 9, 30, 0, 0, time.UTC))
	_, err := s.DB.Exec(s.admin, `WITH certificate AS (
		INSERT INTO certificates (account_id, identifier, name) VALUES (@account_id, 'many', 'Many') RETURNING id
	), people AS (
		INSERT INTO users (account_id, organization_id, name, email, status)
		SELECT @account_id, @home, 'Learner', 'learner-' || i || '@school.example', 'ACTIVE' FROM generate_series(1, 5000) i RETURNING id
	)
	INSERT INTO user_certificates (account_id, certificate_id, user_id, state, certified_at, expires_at, warns_at, due_at)
	SELECT @account_id, certificate.id, people.id, 'CERTIFIED', CAST(@now AS timestamptz) - interval '1 year', CAST(@now AS timestamptz) + interval '1 day',
		CAST(@now AS timestamptz) - interval '1 day', CAST(@now AS timestamptz) - interval '1 day' FROM people, certificate`,
		store.Args{"home": s.Organization.ID, "now": *s.now.Load()})
	require.NoError(t, err)
	p := s.sweep()
	require.NotNil(t, p)
	require.EqualValues(t, 5000, p.Done)
	require.Equal(t, certification.SubjectSweep, p.SubjectType)
	events, history := 0, s.Temporal.GetWorkflowHistory(t.Context(), p.WorkflowID, "", true, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		require.NotContains(t, event.String(), "school.example", "no personal data in histories")
		events++
	}
	require.Less(t, events, 30, "as many as for one certificate")
}
