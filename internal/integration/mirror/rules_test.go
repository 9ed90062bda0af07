package mirror_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/store"
)

// person puts a user into a system.
func (s *system) person(id int64, email any, name string) {
	s.put(source.Users, id, email, name, "", name, "", "en", true, false, true, false, start)
}

// persons are who the users of the system are: id there, address, name, status.
func (s *side) persons() []string {
	s.t.Helper()
	return s.lines(`SELECT CAST(ROW(l.source_id, u.email, u.name, u.status) AS text) FROM lms_people l JOIN users u ON u.id = l.user_id
		WHERE l.account_id = @account_id AND l.connection_id = @connection ORDER BY l.source_id NULLS LAST, u.id`)
}

func (s *side) user(email string) int64 {
	s.t.Helper()
	return s.number(`SELECT id FROM users WHERE account_id = @account_id AND email = @email`, store.Args{"email": email})
}

func TestPeopleByAddress(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), newSystem()
	s.exec(`INSERT INTO users (account_id, organization_id, name, email, username) VALUES (@account_id, @home, 'Here Before', 'here@mail.test', NULL),
		(@account_id, @home, 'Named', 'named@mail.test', 'login@mail.test')`, store.Args{"home": s.home})
	l.person(1, "here@mail.test", "there")
	l.person(2, "two@mail.test", "two")
	l.person(3, "two@mail.test", "two again")
	l.person(4, nil, "nobody")
	l.person(5, "login@mail.test", "taken")
	l.person(6, "gone@mail.test", "gone")
	l.set(source.Users, 6, "deleted", true)
	counts := s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(1,here@mail.test,"Here Before",ACTIVE)`, `(2,two@mail.test,two,ACTIVE)`, `(4,,nobody,ACTIVE)`}, s.persons())
	require.Equal(t, map[source.Reason]source.Skipped{
		mirror.ReasonDuplicateEmail: {Count: 1, Samples: []int64{3}}, mirror.ReasonDeletedUser: {Count: 1, Samples: []int64{6}},
		mirror.ReasonLoginTaken: {Count: 1, Samples: []int64{5}},
	}, counts[source.Users].Skipped)

	// The first one goes, the second one is the person then.
	two := s.user("two@mail.test")
	l.remove(source.Users, 2)
	l.set(source.Users, 4, "email", "four@mail.test")
	l.set(source.Users, 1, "first_name", "renamed")
	counts = s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(1,here@mail.test,"Here Before",ACTIVE)`, `(3,two@mail.test,"two again",ACTIVE)`, `(4,four@mail.test,nobody,ACTIVE)`}, s.persons())
	require.Equal(t, two, s.user("two@mail.test"))
	require.NotContains(t, counts[source.Users].Skipped, mirror.ReasonDuplicateEmail)

	// Addresses may be exchanged.
	three, four := s.user("two@mail.test"), s.user("four@mail.test")
	l.set(source.Users, 3, "email", "four@mail.test")
	l.set(source.Users, 4, "email", "two@mail.test")
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(1,here@mail.test,"Here Before",ACTIVE)`, `(3,four@mail.test,"two again",ACTIVE)`, `(4,two@mail.test,nobody,ACTIVE)`}, s.persons())
	require.Equal(t, three, s.user("four@mail.test"))
	require.Equal(t, four, s.user("two@mail.test"))

	// Who has a password here keeps the address, and stays the person.
	s.exec(`INSERT INTO user_credentials (user_id, account_id, password_hash) VALUES (@user, @account_id, 'hash')`, store.Args{"user": three})
	l.set(source.Users, 3, "email", "elsewhere@mail.test")
	// Who was here before is the user as long as the address is the same.
	l.set(source.Users, 1, "email", "other@mail.test")
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(1,other@mail.test,renamed,ACTIVE)`, `(3,four@mail.test,"two again",ACTIVE)`, `(4,two@mail.test,nobody,ACTIVE)`,
		`(,here@mail.test,"Here Before",ACTIVE)`}, s.persons())
}

func TestPeopleWhoGo(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), school()
	s.exec(`INSERT INTO users (account_id, organization_id, name, email) VALUES (@account_id, @home, 'Tea', 'tea@mail.test')`, store.Args{"home": s.home})
	s.sync(l.snapshot(), false)
	ann := s.user("ann@mail.test")
	for id := range int64(3) {
		l.set(source.Users, id+1, "deleted", true)
	}
	s.exec(`INSERT INTO courses (account_id, identifier, name, type) VALUES (@account_id, 'own', 'Own', 'COURSE')`)
	s.exec(`INSERT INTO enrollments (account_id, user_id, course_id, direct_learner, learner) SELECT @account_id, @user, id, true, true FROM courses
		WHERE account_id = @account_id AND identifier = 'own'`, store.Args{"user": ann})
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(,ann@mail.test,"ann Of School",ACTIVE)`, `(,bob@mail.test,"bob Of School",INACTIVE)`, `(,tea@mail.test,Tea,ACTIVE)`},
		s.lines(`SELECT CAST(ROW(l.source_id, u.email, u.name, u.status) AS text) FROM lms_people l JOIN users u ON u.id = l.user_id
			WHERE l.account_id = @account_id ORDER BY u.email`), "ann learns elsewhere, tea was not made by it")
	require.Equal(t, []string{`(ann@mail.test,t,f,0,,f)`}, s.learners())
	for _, table := range []string{"quiz_attempts", "assignment_submissions", "external_certificates"} {
		require.Zero(t, s.number(`SELECT count(*) FROM `+table+` WHERE account_id = @account_id`), table)
	}
	require.Equal(t, int64(1), s.number(`SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'user.deactivated'`))

	l.set(source.Users, 2, "deleted", false)
	s.sync(l.snapshot(), false)
	require.Contains(t, s.persons(), `(2,bob@mail.test,"bob Of School",ACTIVE)`)
	require.Contains(t, s.learners(), `(bob@mail.test,t,f,100,87.5,t)`)

	// Somebody deleted here is not made again.
	s.exec(`UPDATE users SET status = 'DELETED', email = 'x@deleted', identifier = NULL WHERE account_id = @account_id AND email = 'bob@mail.test'`)
	l.set(source.Users, 2, "first_name", "Bobby")
	l.set(source.Grades, 2, "percent", 1.0)
	counts := s.sync(l.snapshot(), true)
	require.Zero(t, s.user("bob@mail.test"))
	require.Equal(t, int64(1), counts[source.Grades].Skipped[mirror.ReasonUserNotTaken].Count)
}

func TestEnrolmentsFollow(t *testing.T) {
	w := newWorld(t)
	s, l := w.side("One"), school()
	s.sync(l.snapshot(), false)
	history := func() []string {
		return s.lines(`SELECT CAST(ROW(u.email, e.progress, e.completed_at IS NOT NULL, e.first_completed_at IS NOT NULL, e.last_completed_at IS NOT NULL, e.ended_at IS NOT NULL) AS text)
			FROM enrollments e JOIN users u ON u.id = e.user_id WHERE e.account_id = @account_id ORDER BY u.email`)
	}
	require.Equal(t, []string{`(ann@mail.test,50,f,f,f,f)`, `(bob@mail.test,100,t,t,t,f)`, `(tea@mail.test,0,f,f,f,f)`}, history())

	// A suspended enrolment is one; a completion that is taken back was one; all
	// activities are not the whole course.
	l.set(source.Enrolments, 1, "active", false)
	l.set(source.Completions, 2, "completed_at", nil)
	l.put(source.ActivityStates, 2, int64(1), int64(2), true, start)
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(ann@mail.test,99,f,f,f,f)`, `(bob@mail.test,0,f,t,t,f)`, `(tea@mail.test,0,f,f,f,f)`}, history())

	// Another method enrols still; the last one does not.
	l.put(source.Enrolments, 4, int64(1), int64(5), "self", true, start, nil, start)
	s.sync(l.snapshot(), false)
	l.remove(source.Enrolments, 1)
	s.sync(l.snapshot(), false)
	require.Len(t, s.learners(), 3)
	s.exec(`UPDATE enrollments e SET direct_learner = true FROM users u WHERE e.account_id = @account_id AND u.id = e.user_id AND u.email = 'bob@mail.test'`)
	for _, id := range []int64{2, 3, 4} {
		l.remove(source.Enrolments, id)
	}
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(bob@mail.test,t,f,0,87.5,f)`}, s.learners(), "by somebody here")

	// Who was taken out here stays out until they are enrolled anew.
	l.put(source.Enrolments, 5, int64(1), int64(5), "manual", true, start, nil, start)
	s.sync(l.snapshot(), false)
	require.Len(t, s.learners(), 2)
	s.exec(`UPDATE enrollments e SET learner = false, lms_learner = false, lms_withdrawn = true, ended_at = now() FROM users u
		WHERE e.account_id = @account_id AND u.id = e.user_id AND u.email = 'ann@mail.test'`)
	l.put(source.Grades, 1, int64(1), int64(5), 12.0, start)
	s.sync(l.snapshot(), false)
	s.sync(l.snapshot(), true)
	require.Len(t, s.learners(), 1)
	l.remove(source.Enrolments, 5)
	s.sync(l.snapshot(), false)
	l.put(source.Enrolments, 6, int64(1), int64(5), "manual", true, start, nil, start)
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(ann@mail.test,t,f,99,12,f)`, `(bob@mail.test,t,f,0,87.5,f)`}, s.learners())

	// A course that is gone.
	l.remove(source.Courses, 5)
	s.sync(l.snapshot(), false)
	require.Equal(t, []string{`(bob@mail.test,t,f,0,87.5,f)`}, s.learners())
	require.Equal(t, []string{"INACTIVE"}, s.lines(`SELECT status FROM courses WHERE account_id = @account_id`))
	require.Zero(t, s.number(`SELECT count(*) FROM quizzes WHERE account_id = @account_id`)+s.number(`SELECT count(*) FROM quiz_attempts WHERE account_id = @account_id`))
	l.put(source.Courses, 5, "Fire", "fire", "", nil, true, true, start, nil, start)
	s.sync(l.snapshot(), false)
	require.Len(t, s.learners(), 2)
	require.Equal(t, int64(1), s.number(`SELECT count(*) FROM quiz_attempts WHERE account_id = @account_id`))
}
