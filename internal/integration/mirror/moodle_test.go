package mirror_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodletest"
	"quad/internal/store"
)

// Parts of the queries over the mirror.
const (
	inMirror = `x.account_id = @account_id AND x.connection_id = @connection`
	realUser = ` JOIN lms_users u ON u.connection_id = @connection AND u.source_id = x.user_id AND NOT u.deleted `
	activeAt = ` AND x.active AND (x.starts_at IS NULL OR x.starts_at < @at) AND (x.ends_at IS NULL OR x.ends_at > @at)`
	enrolled = `SELECT DISTINCT x.user_id, x.course_id FROM lms_enrolments x` + realUser +
		`JOIN lms_courses c ON c.connection_id = @connection AND c.source_id = x.course_id WHERE ` + inMirror
	learner = ` AND EXISTS (SELECT FROM lms_roles r WHERE r.connection_id = @connection AND r.user_id = x.user_id AND r.course_id = x.course_id AND r.learner)`
	// Of the hub: rows x of people of the connection.
	ofPerson = ` JOIN lms_people l ON l.connection_id = @connection AND l.user_id = x.user_id `
	inHub    = `x.account_id = @account_id AND x.connection_id = @connection`
)

// truths are what a Moodle's truth counts, over the mirror.
var truths = map[string]string{
	"users_deleted":      `SELECT count(*) FROM lms_users x WHERE deleted AND ` + inMirror,
	"users_real":         `SELECT count(*) FROM lms_users x WHERE NOT deleted AND ` + inMirror,
	"users_can_login":    `SELECT count(*) FROM lms_users x WHERE NOT deleted AND can_sign_in AND ` + inMirror,
	"courses_real":       `SELECT count(*) FROM lms_courses x WHERE ` + inMirror,
	"courses_visible":    `SELECT count(*) FROM lms_courses x WHERE visible AND ` + inMirror,
	"pairs_enrolled":     `SELECT count(*) FROM (` + enrolled + `) p`,
	"pairs_active":       `SELECT count(*) FROM (` + enrolled + activeAt + `) p`,
	"pairs_active_login": `SELECT count(*) FROM (` + enrolled + activeAt + ` AND u.can_sign_in) p`,
	"learners_active":    `SELECT count(*) FROM (` + enrolled + activeAt + learner + `) p`,
	"completed": `SELECT count(*) FROM lms_completions x` + realUser + `JOIN lms_courses c ON c.connection_id = @connection AND c.source_id = x.course_id
		WHERE x.completed_at IS NOT NULL AND ` + inMirror,
	"activities_completed": `SELECT count(*) FROM lms_activity_states x` + realUser + `JOIN lms_activities a ON a.connection_id = @connection AND a.source_id = x.activity_id
		WHERE x.done AND ` + inMirror,
	"course_totals":            `SELECT count(x.percent) FROM lms_grades x` + realUser + `WHERE ` + inMirror,
	"course_total_percent_sum": `SELECT sum(x.percent) FROM lms_grades x` + realUser + `WHERE ` + inMirror,
	"attempts_finished": `SELECT count(*) FROM lms_quiz_attempts x` + realUser + `JOIN lms_quizzes q ON q.connection_id = @connection AND q.source_id = x.quiz_id
		WHERE x.finished AND ` + inMirror,
	"attempt_percent_sum": `SELECT sum(100 * x.points / q.max_points) FROM lms_quiz_attempts x` + realUser + `JOIN lms_quizzes q ON q.connection_id = @connection AND q.source_id = x.quiz_id
		WHERE x.finished AND q.max_points > 0 AND ` + inMirror,
	"submitted_latest": `SELECT count(*) FROM lms_submissions x JOIN lms_assignments a ON a.connection_id = @connection AND a.source_id = x.assignment_id
		LEFT JOIN lms_users u ON u.connection_id = @connection AND u.source_id = x.user_id WHERE x.latest AND x.handed_in AND (x.user_id IS NULL OR NOT u.deleted) AND ` + inMirror,
	"cohort_members_real": `SELECT count(*) FROM lms_cohort_members x` + realUser + `JOIN lms_cohorts c ON c.connection_id = @connection AND c.source_id = x.cohort_id WHERE ` + inMirror,
	"badges_valid":        `SELECT count(*) FROM lms_awards x` + realUser + `WHERE x.kind = 'badge' AND (x.expires_at IS NULL OR x.expires_at > @at) AND ` + inMirror,
}

// sharedTruths are what the truth counts, over the tables that the hub shares,
// and how many of it belong to users whom the hub does not take.
var sharedTruths = map[string]struct{ hub, others string }{
	"users_real": {`SELECT count(*) FROM lms_people x JOIN users u ON u.id = x.user_id AND u.status = 'ACTIVE' WHERE x.source_id IS NOT NULL AND ` + inHub,
		`SELECT count(*) FROM lms_users x WHERE NOT deleted AND ` + inMirror + ` AND ` + notTaken("x.source_id")},
	"courses_real":    {`SELECT count(*) FROM courses x WHERE EXISTS (SELECT FROM lms_courses c WHERE c.connection_id = @connection AND c.source_id = x.source_id) AND ` + inHub, ``},
	"courses_visible": {`SELECT count(*) FROM courses x WHERE status = 'ACTIVE' AND ` + inHub, ``},
	"learners": {`SELECT count(*) FROM enrollments x` + ofPerson + `WHERE x.learner AND x.account_id = @account_id`,
		`SELECT count(*) FROM (` + enrolled + learner + ` AND ` + notTaken("x.user_id") + `) p`},
	"learners_completed": {`SELECT count(*) FROM enrollments x` + ofPerson + `WHERE x.learner AND x.completed_at IS NOT NULL AND x.account_id = @account_id`,
		`SELECT count(*) FROM (` + enrolled + learner + completes + ` AND ` + notTaken("x.user_id") + `) p`},
	"attempts_finished": {`SELECT count(*) FROM quiz_attempts x WHERE x.finished_at IS NOT NULL AND ` + inHub,
		truths["attempts_finished"] + ` AND ` + notTaken("x.user_id")},
	"attempt_percent_sum": {`SELECT sum(100 * x.points / q.max_points) FROM quiz_attempts x JOIN quizzes q ON q.id = x.quiz_id WHERE x.finished_at IS NOT NULL AND q.max_points > 0 AND ` + inHub,
		truths["attempt_percent_sum"] + ` AND ` + notTaken("x.user_id")},
	"badges_valid": {`SELECT count(*) FROM external_certificates x WHERE x.kind = 'badge' AND (x.expires_at IS NULL OR x.expires_at > @at) AND ` + inHub,
		truths["badges_valid"] + ` AND ` + notTaken("x.user_id")},
}

const completes = ` AND EXISTS (SELECT FROM lms_completions k WHERE k.connection_id = @connection AND k.user_id = x.user_id AND k.course_id = x.course_id AND k.completed_at IS NOT NULL)`

func notTaken(user string) string {
	return `NOT EXISTS (SELECT FROM lms_people l WHERE l.connection_id = @connection AND l.source_id = ` + user + `)`
}

// figure reads one number, 0 for none.
func (s *side) figure(text string, at time.Time) (n float64) {
	s.t.Helper()
	if text != "" {
		require.NoError(s.t, s.db.Query(s.ctx, &n, `SELECT coalesce((`+text+`), 0)`, s.args([]store.Args{{"at": at}})))
	}
	return n
}

// true compares the hub with the truth about a Moodle.
func (s *side) true(truth moodletest.Truth) {
	s.t.Helper()
	for name, text := range truths {
		want, ok := truth.Count[name]
		require.True(s.t, ok, name)
		require.InEpsilon(s.t, want+1, s.figure(text, truth.Now)+1, 1e-9, name)
	}
	// What the truth does not count: learners whatever the state of their
	// enrolment.
	count := map[string]float64{
		"learners": s.figure(`SELECT count(*) FROM (`+enrolled+learner+`) p`, truth.Now), "learners_completed": s.figure(`SELECT count(*) FROM (`+enrolled+learner+completes+`) p`, truth.Now),
	}
	require.GreaterOrEqual(s.t, count["learners"], truth.Count["learners_active"])
	for name, text := range sharedTruths {
		want, ok := truth.Count[name]
		if !ok {
			want = count[name]
		}
		require.NotZero(s.t, want, name)
		require.InEpsilon(s.t, want+1, s.figure(text.hub, truth.Now)+s.figure(text.others, truth.Now)+1, 1e-9, "shared "+name)
	}
}

// moodle runs a connection to a Moodle once.
func (s *side) moodle(site *moodletest.Site) map[string]mirror.Counts {
	s.t.Helper()
	src, err := moodledb.New().Open(s.ctx, site.Settings, source.Options{Dial: new(net.Dialer).DialContext, Timeout: time.Minute})
	require.NoError(s.t, err)
	defer func() { _ = src.Close() }()
	snap, err := src.Snapshot(s.ctx)
	require.NoError(s.t, err)
	defer func() { _ = snap.Close() }()
	return s.sync(snap, false)
}

// What the hub has of a Moodle is what is there, by the counts that came with
// the data: after the first run, and after a day of changes. An incremental run
// then has what one over everything has.
func TestMoodle(t *testing.T) {
	engines := []string{moodletest.MySQL, moodletest.Postgres}
	for seed := 1; seed <= moodletest.Seeds; seed++ {
		for i, engine := range engines {
			if seed > 1 && seed%len(engines) != i { // each seed on one, the first on both
				continue
			}
			t.Run(fmt.Sprint(engine, seed), func(t *testing.T) {
				w, site := newWorld(t), moodletest.Load(t, engine, seed)
				w.SetRangeRows(500)
				w.pageRows = 200
				s := w.side("One")
				s.moodle(site)
				s.true(site.Truth())
				counts := s.moodle(site)
				for table, c := range counts {
					require.Zero(t, c.Read+c.Inserted+c.Updated+c.Deleted, table)
				}
				site.Mutate(t)
				s.moodle(site)
				s.true(site.TruthAfter())
				before := s.versions()
				other := w.side("Two")
				other.moodle(site)
				same(t, other, s)
				require.Equal(t, before, s.versions())
			})
		}
	}
}
