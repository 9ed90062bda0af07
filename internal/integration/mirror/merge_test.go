package mirror_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// school is a small system: three users, one of them a teacher, in one course.
func school() *system {
	s := newSystem()
	for id, name := range map[int64]string{1: "ann", 2: "bob", 3: "tea"} {
		s.put(source.Users, id, name+"@mail.test", name, "", name, "Of School", "en", true, false, true, false, start)
		s.put(source.Enrolments, id, id, int64(5), "manual", true, start, nil, start)
		role := "student"
		if name == "tea" {
			role = "editingteacher"
		}
		s.put(source.Roles, id, id, int64(5), role == "student", role)
	}
	s.put(source.Categories, 1, "Safety", nil, true)
	s.put(source.Courses, 5, "Fire", "fire", "", int64(1), true, true, start, nil, start)
	s.put(source.Activities, 1, int64(5), true)
	s.put(source.Activities, 2, int64(5), true)
	s.put(source.ActivityStates, 1, int64(1), int64(1), true, start)
	s.put(source.Completions, 2, int64(2), int64(5), start)
	s.put(source.Grades, 2, int64(2), int64(5), 87.5, start)
	s.put(source.Quizzes, 1, int64(5), "Quiz", 10.0, 60.0)
	s.put(source.QuizAttempts, 1, int64(1), int64(1), int64(1), 7.5, true, start, start)
	s.put(source.Assignments, 1, int64(5), "Task", 100.0, nil)
	s.put(source.Submissions, 1, int64(1), int64(1), int64(0), true, true, start, start)
	s.put(source.SubmissionMarks, 1, int64(1), int64(1), int64(0), 55.0, start)
	s.put(source.Awards, 1, "certificate", "customcert", "Fire certificate", int64(2), int64(5), "abc", start, nil)
	return s
}

// learners are the enrolments of the account that are open.
func (s *side) learners() []string {
	s.t.Helper()
	return s.lines(`SELECT CAST(ROW(u.email, e.learner, e.instructor, e.progress, e.score, e.completed_at IS NOT NULL) AS text)
		FROM enrollments e JOIN users u ON u.id = e.user_id WHERE e.account_id = @account_id AND @connection > 0 AND e.ended_at IS NULL ORDER BY u.email`)
}

// total counts the rows of all shared tables and mirrors that the account has.
func (s *side) total() (n int64) {
	s.t.Helper()
	tables := []string{"users", "courses", "enrollments", "quizzes", "quiz_attempts", "assignments", "assignment_submissions", "external_certificates", "sync_changes", "lms_ranges", "lms_people"}
	for _, t := range source.Tables {
		tables = append(tables, "lms_"+t.Name)
	}
	for _, table := range tables {
		n += s.number(`SELECT count(*) FROM ` + table + ` WHERE account_id = @account_id AND @connection > 0`)
	}
	return n
}

func TestFirstRun(t *testing.T) {
	w := newWorld(t)
	s := w.side("One")
	s.exec(`INSERT INTO users (account_id, organization_id, name, email) VALUES (@account_id, @home, 'Ann Herself', 'ann@mail.test')`, store.Args{"home": s.home})
	tenant := s.number(`INSERT INTO organizations (account_id, name, code) VALUES (@account_id, 'Tenant', 'tenant') RETURNING id`)
	s.exec(`UPDATE connections SET organization_id = @tenant WHERE account_id = @account_id`, store.Args{"tenant": tenant})
	counts := s.sync(school().snapshot(), false)
	require.Equal(t, mirror.Counts{Table: source.Users, Read: 3, Inserted: 3}, counts[source.Users])
	require.Equal(t, []string{
		`(ann@mail.test,t,f,50,,f)`, `(bob@mail.test,t,f,100,87.5,t)`, `(tea@mail.test,f,t,0,,f)`,
	}, s.learners())
	require.Equal(t, []string{
		`("Ann Herself",ACTIVE,,t,0)`, `("bob Of School",ACTIVE,lms-1-2,f,1)`, `("tea Of School",ACTIVE,lms-1-3,f,1)`,
	}, s.lines(`SELECT CAST(ROW(name, status, identifier, organization_id = @home, (SELECT count(*) FROM user_roles r WHERE r.user_id = u.id)) AS text)
		FROM users u WHERE account_id = @account_id ORDER BY email`, store.Args{"home": s.home}))
	require.Equal(t, []string{`(Fire,ACTIVE,lms-1-5,{Safety},t)`}, s.lines(`SELECT CAST(ROW(name, status, identifier, categories, organization_id IS NULL) AS text)
		FROM courses WHERE account_id = @account_id`))
	require.Equal(t, []string{`(0,55)`}, s.lines(`SELECT CAST(ROW(attempt_no, grade) AS text) FROM assignment_submissions WHERE account_id = @account_id`))
	require.Equal(t, []string{`("Fire certificate",certificate,abc)`}, s.lines(`SELECT CAST(ROW(name, kind, code) AS text) FROM external_certificates WHERE account_id = @account_id`))
	require.Equal(t, int64(22), s.number(`SELECT count(*) FROM sync_changes WHERE account_id = @account_id AND op = 'inserted'`))
	require.Zero(t, s.number(`SELECT count(*) FROM lms_stage_marks WHERE account_id = @account_id`)+s.number(`SELECT count(*) FROM lms_stage_users WHERE account_id = @account_id`), "staging is empty again")
}

// Nothing is seen of a run before its merge has been committed.
func TestNothingIsSeenBefore(t *testing.T) {
	w := newWorld(t)
	s := w.side("One")
	before := s.total()
	r := s.open()
	s.stage(r, school().snapshot())
	require.Equal(t, before, s.total())

	p, err := s.Plan(s.ctx, r)
	require.NoError(t, err)
	require.Equal(t, before, s.total(), "a plan writes nothing")
	require.False(t, p.NeedsConfirmation())
	require.Equal(t, mirror.Counts{Table: source.Users, Read: 3, Inserted: 3}, p.Tables[0])

	stop := errors.New("stop")
	_, err = s.Merge(s.ctx, r, mirror.MergeOptions{Done: func(ctx context.Context, out mirror.Result) error {
		require.Equal(t, before, s.total(), "seen by others")
		require.Equal(t, p.Tables, out.Tables, "as it was planned")
		var n int64
		require.NoError(t, s.db.Query(ctx, &n, `SELECT count(*) FROM enrollments WHERE account_id = @account_id`, nil))
		require.Equal(t, int64(3), n, "seen by the transaction")
		return stop
	}})
	require.ErrorIs(t, err, stop)
	require.Equal(t, before, s.total())

	first, err := s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.NoError(t, err)
	after := s.total()
	require.Greater(t, after, before)
	again, err := s.Merge(s.ctx, r, mirror.MergeOptions{Done: func(context.Context, mirror.Result) error { return stop }})
	require.NoError(t, err, "done already")
	require.Equal(t, first, again)
	require.Equal(t, after, s.total())
	_, err = s.Plan(s.ctx, r)
	require.ErrorIs(t, err, mirror.ErrMerged)
	require.ErrorIs(t, s.Stage(s.ctx, r, school().snapshot(), func(mirror.Progress) {}), mirror.ErrMerged)
	require.ErrorIs(t, s.Reset(s.ctx, s.connection), mirror.ErrRunning)
	s.end(r)

	// Others have no such run or connection.
	other := w.side("Two")
	_, err = s.Plan(other.ctx, r)
	require.ErrorIs(t, err, mirror.ErrUnknown)
	_, err = s.Merge(other.ctx, r, mirror.MergeOptions{})
	require.ErrorIs(t, err, mirror.ErrUnknown)
	require.ErrorIs(t, s.Reset(other.ctx, s.connection), mirror.ErrUnknown)
}

// What a run reads is what has changed.
func TestOnlyChangesAreRead(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), newLife(3)
	l.begin()
	s.sync(l.snapshot(), false)
	l.reads, l.digests = 0, 0
	counts := s.sync(l.snapshot(), false)
	require.Zero(t, l.reads)
	require.NotZero(t, l.digests)
	for table, c := range counts {
		require.Zero(t, c.Read+c.Inserted+c.Updated+c.Deleted, table)
	}
	require.NotEmpty(t, counts[source.Users].Skipped)
	ids := l.ids(source.Grades)
	l.remove(source.Grades, ids[30])
	l.set(source.Grades, ids[31], "percent", 12.25)
	counts = s.sync(l.snapshot(), false)
	require.LessOrEqual(t, l.reads, 2, "one range of pages of 20")
	require.Equal(t, int64(1), counts[source.Grades].Deleted)
	require.Equal(t, int64(1), counts[source.Grades].Updated)
	require.Equal(t, []string{"(grades,updated)", "(grades,deleted)"}, s.lines(`SELECT CAST(ROW(table_name, op) AS text) FROM sync_changes
		WHERE account_id = @account_id AND connection_id = @connection AND op <> 'inserted' ORDER BY op DESC`))
}

// A plan tells what merging does, whatever changes.
func TestPlanIsWhatHappens(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), newLife(4)
	l.begin()
	for range 3 {
		r := s.open()
		s.stage(r, l.snapshot())
		p, err := s.Plan(s.ctx, r)
		require.NoError(t, err)
		check, err := s.Check(s.ctx, r)
		require.NoError(t, err)
		require.Equal(t, p.Deletions, check.Deletions)
		if p.NeedsConfirmation() {
			require.Equal(t, p, check, "who confirms sees all of the plan")
		}
		for i, c := range check.Tables {
			want := p.Tables[i]
			c.Skipped, want.Skipped = nil, nil
			require.Equal(t, want, c)
		}
		out, err := s.Merge(s.ctx, r, mirror.MergeOptions{AllowDeletions: true})
		require.NoError(t, err)
		require.Equal(t, p.Tables, out.Tables)
		s.end(r)
		l.day()
	}
}

func TestTooManyDeletions(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), newLife(5)
	l.begin()
	s.sync(l.snapshot(), false)
	ids := l.ids(source.Enrolments)
	try := func() (mirror.Plan, error) {
		r := s.open()
		defer s.end(r)
		s.stage(r, l.snapshot())
		p, err := s.Plan(s.ctx, r)
		require.NoError(t, err)
		check, err := s.Check(s.ctx, r)
		require.NoError(t, err)
		require.Equal(t, p.Deletions, check.Deletions)
		if p.NeedsConfirmation() {
			require.Equal(t, p, check, "who confirms sees all of the plan")
		}
		_, err = s.Merge(s.ctx, r, mirror.MergeOptions{})
		return p, err
	}
	for _, id := range ids[:len(ids)/4] {
		l.remove(source.Enrolments, id)
	}
	before := s.total()
	p, err := try()
	require.ErrorIs(t, err, mirror.ErrTooManyDeletions)
	require.Len(t, p.Deletions, 1)
	require.Equal(t, source.Enrolments, p.Deletions[0].Table)
	require.Equal(t, before, s.total(), "nothing of the run is merged")
	s.exec(`UPDATE connections SET deletion_percent = 40 WHERE account_id = @account_id`)
	_, err = try()
	require.NoError(t, err)
	for _, id := range l.ids(source.Cohorts) { // few, but all
		l.remove(source.Cohorts, id)
	}
	p, err = try()
	require.ErrorIs(t, err, mirror.ErrTooManyDeletions)
	require.True(t, p.NeedsConfirmation())
	s.sync(l.snapshot(), false)
	require.Zero(t, s.number(`SELECT count(*) FROM lms_cohorts WHERE account_id = @account_id`))
}

// A table that can't be read any more is not empty.
func TestTableThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	s := w.side("One")
	s.sync(school().snapshot(), false)
	gone := school()
	gone.remove(source.Awards, 1)
	gone.set(source.Courses, 5, "name", "Fire II")
	r := s.open()
	r.Tables = r.Tables[:len(r.Tables)-1]
	s.stage(r, gone.snapshot())
	_, err := s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.NoError(t, err)
	s.end(r)
	require.Equal(t, int64(1), s.number(`SELECT count(*) FROM external_certificates WHERE account_id = @account_id`))
	require.Equal(t, []string{"Fire II"}, s.lines(`SELECT name FROM courses WHERE account_id = @account_id`))
}

// A crash of the database loses what was staged; then it is read anew.
func TestStagingIsLost(t *testing.T) {
	w := newWorld(t)
	s := w.side("One")
	r := s.open()
	s.stage(r, school().snapshot())
	for _, table := range append([]string{"marks"}, allTables()...) {
		_, err := s.db.Exec(w.system, `TRUNCATE lms_stage_`+table, nil)
		require.NoError(t, err)
	}
	_, err := s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.ErrorIs(t, err, mirror.ErrNotStaged)
	s.stage(r, school().snapshot())
	_, err = s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.NoError(t, err)
	require.Len(t, s.learners(), 3)
}

// Rows that no column holds are skipped, and told of.
func TestBadValues(t *testing.T) {
	w := newWorld(t)
	s, bad := w.side("One"), school()
	bad.set(source.Users, 2, "first_name", nil)
	bad.set(source.Users, 3, "last_name", "Nu\x00ll \xff")
	bad.set(source.Users, 1, "created_at", start.AddDate(9000, 0, 0))
	counts := s.sync(bad.snapshot(), false)
	require.Equal(t, source.Skipped{Count: 2, Samples: []int64{1, 2}}, counts[source.Users].Skipped[source.ReasonBadValue])
	require.Equal(t, []string{"tea Null \uFFFD"}, s.lines(`SELECT name FROM users WHERE account_id = @account_id`))
	require.Equal(t, int64(2), counts[source.Enrolments].Skipped[mirror.ReasonUserUnknown].Count)
}

// Certificates hear of courses that they are given for.
func TestCertificatesFollow(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), school()
	s.sync(l.snapshot(), false)
	require.Empty(t, w.told)
	s.exec(`WITH c AS (INSERT INTO certificates (account_id, identifier, name) VALUES (@account_id, 'fire', 'Fire') RETURNING id)
		INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) SELECT @account_id, c.id, k.id, 1 FROM c, courses k WHERE k.account_id = @account_id`)
	l.put(source.Completions, 1, int64(1), int64(5), start)
	s.sync(l.snapshot(), false)
	ann := s.number(`SELECT id FROM users WHERE account_id = @account_id AND email = 'ann@mail.test'`)
	course := s.number(`SELECT id FROM courses WHERE account_id = @account_id`)
	require.Equal(t, map[[2]int64]bool{{ann, course}: true}, w.told)
	w.fail = models.ErrUnavailable
	l.remove(source.Enrolments, 1)
	r := s.open()
	s.stage(r, l.snapshot())
	_, err := s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.ErrorIs(t, err, models.ErrUnavailable)
	require.Len(t, s.learners(), 3, "nothing is merged without them")
	w.fail = nil
	_, err = s.Merge(s.ctx, r, mirror.MergeOptions{})
	require.NoError(t, err)
	require.Len(t, s.learners(), 2)
}
