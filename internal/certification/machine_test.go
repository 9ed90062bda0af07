package certification

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestFromEnrolmentToCertificate(t *testing.T) {
	m := newMill(t)
	one, two, other := m.course("One"), m.course("Two"), m.course("Other")
	c := m.certificate("Safety", "1 MONTH", false, one, two)
	ann := m.person("Ann")
	m.enrol(ann, other)
	require.Empty(t, m.state(ann, c), "no course of the certificate")
	m.enrol(ann, one)
	require.Equal(t, models.CertificateInit, m.state(ann, c))
	m.enrol(ann, two)
	m.progress(ann, two, 10)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c))
	m.progress(ann, two, 100)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c), "one course is missing")
	m.now = at("2026-01-31T18:30:00.123456Z")
	m.progress(ann, one, 100)
	l := m.get(ann, c)
	require.Equal(t, models.CertificateCertified, l.State)
	require.Equal(t, m.now, l.CertifiedAt.UTC())
	require.Equal(t, at("2026-02-28T18:30:00.123456Z"), l.ExpiresAt.UTC(), "the last of February")
	require.Equal(t, at("2026-02-14T18:30:00.123456Z"), l.WarnsAt.UTC(), "half of the validity")
	require.Equal(t, l.WarnsAt.UTC(), l.DueAt.UTC())
	require.Equal(t, "INIT IN_PROGRESS CERTIFIED", m.path(ann, c))
	issues := m.issues(ann, c)
	require.Len(t, issues, 1)
	require.Equal(t, *l.IssueID, issues[0].ID)
	require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{20}$`, issues[0].Code)
	require.Equal(t, "Ann", issues[0].LearnerName)
	require.Equal(t, "Safety", issues[0].CertificateName)
	require.Equal(t, []string{"One", "Two"}, []string(issues[0].CourseNames))
	require.Equal(t, l.ExpiresAt.UTC(), issues[0].ExpiresAt.UTC())
	require.Nil(t, issues[0].EndedAt)

	m.progress(ann, one, 100)
	require.Equal(t, "INIT IN_PROGRESS CERTIFIED", m.path(ann, c), "completed again while it holds")
	m.unenrol(ann, one)
	m.unenrol(ann, two)
	require.Equal(t, models.CertificateCertified, m.state(ann, c), "what is earned stays")
}

func TestLinksVanishWithTheLastEnrolment(t *testing.T) {
	m := newMill(t)
	one, two := m.course("One"), m.course("Two")
	c := m.certificate("Safety", "", false, one, two)
	ann := m.person("Ann")
	m.enrol(ann, one)
	m.enrol(ann, two)
	m.progress(ann, one, 100)
	m.unenrol(ann, two)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c))
	m.unenrol(ann, one)
	require.Nil(t, m.find(ann, c))
	m.enrol(ann, two)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c), "what was done for nothing issued still counts")
	m.progress(ann, two, 100)
	require.Equal(t, "INIT IN_PROGRESS - INIT IN_PROGRESS CERTIFIED", m.path(ann, c))
	require.Nil(t, m.get(ann, c).ExpiresAt)
	require.Nil(t, m.get(ann, c).DueAt, "without expiration nothing is ever due")
	m.now = at("2126-01-01T00:00:00Z")
	require.Equal(t, models.CertificateCertified, m.state(ann, c))
}

// Leaving and coming back does not renew what has expired.
func TestAnExpiredCertificateIsNotRegainedByLeaving(t *testing.T) {
	m := newMill(t)
	one, two := m.course("One"), m.course("Two")
	c := m.certificate("Safety", "10 DAY", false, one, two)
	ann := m.person("Ann")
	for _, course := range []int64{one, two} {
		m.enrol(ann, course)
		m.progress(ann, course, 100)
	}
	m.now = m.now.AddDate(0, 0, 11)
	m.progress(ann, one, 30)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c))
	m.unenrol(ann, one)
	m.unenrol(ann, two)
	require.Nil(t, m.find(ann, c))
	m.now = m.now.AddDate(0, 0, 1)
	m.enrol(ann, two)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c), "the progress after the expiry counts")
	require.Nil(t, m.get(ann, c).CertifiedAt)
	m.progress(ann, two, 100)
	require.Equal(t, models.CertificateInProgress, m.state(ann, c))
	m.enrol(ann, one)
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateCertified, m.state(ann, c))
	require.Equal(t, []models.CertificateEnd{models.CertificateRestarted, ""}, ends(m.issues(ann, c)))
}

func ends(issues []models.CertificateIssue) []models.CertificateEnd {
	out := make([]models.CertificateEnd, len(issues))
	for i, issue := range issues {
		if issue.EndReason != nil {
			out[i] = *issue.EndReason
		}
	}
	return out
}

func TestConfirmation(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", true, one)
	ann, bob := m.person("Ann"), m.person("Bob")
	m.enrol(ann, one)
	link := m.get(ann, c).ID
	_, err := m.Confirm(m.as(ann), link)
	require.ErrorIs(t, err, ErrNothingToConfirm)
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateAwaits, m.state(ann, c))
	require.Empty(t, m.issues(ann, c))
	m.unenrol(ann, one)
	require.Equal(t, models.CertificateAwaits, m.state(ann, c), "it stays without the enrolment")
	_, err = m.Confirm(m.as(bob, models.RoleAdmin), link)
	require.ErrorIs(t, err, ErrLinkUnknown, "somebody else's")
	m.now = m.now.AddDate(0, 0, 3)
	l, err := m.Confirm(m.as(ann), link)
	require.NoError(t, err)
	require.Equal(t, models.CertificateCertified, l.State)
	require.Equal(t, m.now, l.CertifiedAt.UTC(), "from the confirmation on")
	require.NotNil(t, l.IssueID)
	_, err = m.Confirm(m.as(ann), link)
	require.ErrorIs(t, err, ErrNothingToConfirm, "again")

	// Completed anew while it is about to expire: the learner's word is asked
	// again, and time goes on until it is given.
	m.enrol(ann, one)
	m.now = l.WarnsAt.UTC().AddDate(0, 0, 1)
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateAboutToExpire, m.state(ann, c))
	renewed := m.get(ann, c)
	require.Equal(t, m.now, renewed.RenewedAt.UTC())
	m.now = l.ExpiresAt.UTC().AddDate(0, 0, 1)
	m.progress(ann, one, 50)
	require.Equal(t, models.CertificateExpired, m.state(ann, c), "progress takes the completion not away")
	l, err = m.Confirm(m.as(ann), link)
	require.NoError(t, err)
	require.Equal(t, m.now, l.CertifiedAt.UTC())
	require.Nil(t, l.RenewedAt)
	require.Equal(t, "INIT AWAITS_LEARNER_CONFIRMATION CERTIFIED ABOUT_TO_EXPIRE EXPIRED CERTIFIED", m.path(ann, c))
	require.Equal(t, []models.CertificateEnd{models.CertificateRenewed, ""}, ends(m.issues(ann, c)))
}

func TestRenewal(t *testing.T) {
	m := newMill(t)
	one, two := m.course("One"), m.course("Two")
	c := m.certificate("Safety", "1 YEAR", false, one, two)
	ann := m.person("Ann")
	for _, course := range []int64{one, two} {
		m.enrol(ann, course)
		m.progress(ann, course, 100)
	}
	m.now = at("2027-01-10T00:00:00Z")
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateAboutToExpire, m.state(ann, c), "half of it")
	require.Equal(t, models.CertificateAboutToExpire, m.get(ann, c).State, "whoever writes settles the row")
	m.now = at("2027-01-31T09:59:59Z")
	m.progress(ann, two, 100)
	require.Equal(t, at("2028-01-31T09:59:59Z"), m.get(ann, c).ExpiresAt.UTC())
	m.now = at("2028-02-10T00:00:00Z")
	require.Equal(t, models.CertificateExpired, m.state(ann, c))
	require.Equal(t, models.CertificateCertified, m.get(ann, c).State, "nobody has written since")
	m.progress(ann, one, 100)
	l := m.get(ann, c)
	require.Equal(t, models.CertificateInProgress, l.State)
	require.Nil(t, l.CertifiedAt)
	require.Nil(t, l.ExpiresAt)
	require.Nil(t, l.IssueID)
	require.Nil(t, l.DueAt)
	m.progress(ann, two, 100)
	require.Equal(t, "INIT IN_PROGRESS CERTIFIED ABOUT_TO_EXPIRE CERTIFIED ABOUT_TO_EXPIRE EXPIRED IN_PROGRESS CERTIFIED", m.path(ann, c))
	require.Equal(t, []models.CertificateEnd{models.CertificateRenewed, models.CertificateRestarted, ""}, ends(m.issues(ann, c)))
	var moments []time.Time
	require.NoError(t, m.db.Query(m.ctx, &moments, `SELECT at FROM certificate_transitions WHERE account_id = @account_id AND to_state IN ('ABOUT_TO_EXPIRE', 'EXPIRED') ORDER BY id`, nil))
	for i, want := range []string{"2027-01-01T10:00:00Z", "2028-01-01T09:59:59Z", "2028-01-31T09:59:59Z"} {
		require.Equal(t, at(want), moments[i].UTC(), "a missed moment is noted as of then")
	}
}

func TestRevokeAndReissue(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	l := m.get(ann, c)
	_, err := m.Revoke(m.as(ann), l.ID, "")
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = m.Revoke(m.admin, 1<<40, "")
	require.ErrorIs(t, err, ErrLinkUnknown)
	for _, reason := range []string{"\x00", strings.Repeat("x", maxReason+1)} {
		_, err = m.Revoke(m.admin, l.ID, reason)
		require.Equal(t, models.KindInvalid, models.KindOf(err))
	}
	_, err = m.Reissue(m.admin, l.ID, true)
	require.ErrorIs(t, err, ErrNotRevoked)
	revoked, err := m.Revoke(m.admin, l.ID, "found out")
	require.NoError(t, err)
	require.Equal(t, models.CertificateTakenBack, revoked.State)
	require.Equal(t, l.CertifiedAt.UTC(), revoked.CertifiedAt.UTC(), "the dates stay")
	require.Nil(t, revoked.DueAt)
	_, err = m.Revoke(m.admin, l.ID, "")
	require.ErrorIs(t, err, ErrRevoked)
	m.now = m.now.AddDate(2, 0, 0)
	require.Equal(t, models.CertificateTakenBack, m.state(ann, c), "time has no part in it")
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateTakenBack, m.state(ann, c))

	m.now = m.now.Add(time.Hour)
	again, err := m.Reissue(m.admin, l.ID, false)
	require.NoError(t, err)
	require.Equal(t, models.CertificateInit, again.State, "what was completed before does not count")
	require.Nil(t, again.CertifiedAt)
	require.Nil(t, again.ExpiresAt)
	require.Nil(t, again.IssueID)
	_, err = m.Revoke(m.admin, l.ID, "a state of nothing issued")
	require.NoError(t, err)
	again, err = m.Reissue(m.admin, l.ID, true)
	require.NoError(t, err)
	require.Equal(t, models.CertificateCertified, again.State)
	require.NotNil(t, again.IssueID)
	require.Equal(t, "INIT CERTIFIED REVOKED INIT REVOKED INIT CERTIFIED", m.path(ann, c))
	require.Equal(t, []models.CertificateEnd{models.CertificateRevoked, ""}, ends(m.issues(ann, c)))
	var actions []string
	require.NoError(t, m.db.Query(m.ctx, &actions, `SELECT action FROM audit_events WHERE account_id = @account_id AND subject_type = 'user_certificate' AND subject_id = @id ORDER BY id`, store.Args{"id": l.ID}))
	require.Equal(t, []string{"user_certificate.revoked", "user_certificate.reissued", "user_certificate.revoked", "user_certificate.reissued"}, actions)
}

func TestRequired(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	stranger := m.person("Stranger")
	set := func(user, certificate ref.Ref) error {
		_, err := m.SetRequired(m.admin, user, certificate, true)
		return err
	}
	require.ErrorIs(t, set(ref.ByID(1<<40), ref.ByID(c)), people.ErrUserUnknown)
	require.ErrorIs(t, set(ref.ByIdentifier("nobody"), ref.ByIdentifier("nothing")), people.ErrUserUnknown, "the person comes first")
	require.ErrorIs(t, set(ref.ByID(ann), ref.ByIdentifier("nothing")), ErrCertificateUnknown)
	require.ErrorIs(t, set(ref.ByID(stranger), ref.ByID(c)), ErrNotLinked)
	_, err := m.SetRequired(m.as(ann), ref.ByID(ann), ref.ByID(c), true)
	require.ErrorIs(t, err, models.ErrForbidden)
	before := m.path(ann, c)
	require.NoError(t, set(ref.ByID(ann), ref.ByIdentifier("Safety")))
	require.True(t, m.get(ann, c).Required)
	require.Equal(t, before, m.path(ann, c), "no transition")
	require.NoError(t, set(ref.ByID(ann), ref.ByID(c)))
	var trail int
	require.NoError(t, m.db.Query(m.ctx, &trail, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'user_certificate.required'`, nil))
	require.Equal(t, 1, trail, "setting what is set changes nothing")
}

func TestInactiveCertificatesStartNothing(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann, bob := m.person("Ann"), m.person("Bob")
	m.enrol(ann, one)
	m.exec(`UPDATE certificates SET status = 'ARCHIVED' WHERE account_id = @account_id AND id = @id`, store.Args{"id": c})
	require.NoError(t, m.Reevaluate(m.ctx, c))
	m.enrol(bob, one)
	require.Nil(t, m.find(bob, c))
	m.progress(ann, one, 100)
	require.Equal(t, models.CertificateCertified, m.state(ann, c), "what runs goes on")
	m.exec(`UPDATE certificates SET status = 'ACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": c})
	require.NoError(t, m.Reevaluate(m.ctx, c))
	require.Equal(t, models.CertificateInit, m.state(bob, c), "its learners are linked at once")
}

func TestChangedDefinition(t *testing.T) {
	m := newMill(t)
	one, two := m.course("One"), m.course("Two")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	bob, cid, dan := m.person("Bob"), m.person("Cid"), m.person("Dan")
	m.enrol(bob, one)
	m.enrol(cid, two)
	m.enrol(dan, one)
	m.enrol(dan, two)
	m.progress(dan, two, 100)
	require.Nil(t, m.find(cid, c))

	m.redefine(c, "1 YEAR", false, one, two)
	require.Equal(t, models.CertificateInit, m.state(cid, c), "learner of a course that was added")
	require.Equal(t, models.CertificateInProgress, m.state(dan, c), "the progress in it counts")
	require.Len(t, m.issues(ann, c), 1, "what holds is not touched by courses")
	m.redefine(c, "1 YEAR", false, two)
	require.Nil(t, m.find(bob, c), "the last of his courses was taken out")
	require.Equal(t, models.CertificateCertified, m.state(dan, c), "all that is left is completed")

	// Other dates: those of the new definition, from the begin.
	m.redefine(c, "2 YEAR", false)
	l := m.get(ann, c)
	require.Equal(t, at("2028-01-31T10:00:00Z"), l.ExpiresAt.UTC())
	require.Equal(t, l.WarnsAt.UTC(), l.DueAt.UTC())
	issues := m.issues(ann, c)
	require.Equal(t, []models.CertificateEnd{models.CertificateRenewed, ""}, ends(issues))
	require.Equal(t, issues[0].CertifiedAt, issues[1].CertifiedAt)
	require.Equal(t, l.ExpiresAt.UTC(), issues[1].ExpiresAt.UTC())
	m.redefine(c, "2 YEAR", true)
	require.Len(t, m.issues(ann, c), 2, "the same dates")
	m.now = at("2027-06-01T00:00:00Z")
	m.redefine(c, "17 MONTH", false)
	require.Equal(t, models.CertificateAboutToExpire, m.get(ann, c).State, "shorter: the warning has come")
	m.redefine(c, "5 YEAR", false)
	l = m.get(ann, c)
	require.Equal(t, models.CertificateAboutToExpire, l.State, "longer: it stays so")
	require.Equal(t, at("2031-01-31T10:00:00Z"), l.DueAt.UTC())
	m.redefine(c, "", false)
	require.Nil(t, m.get(ann, c).ExpiresAt)
	require.Nil(t, m.get(ann, c).DueAt)
	m.redefine(c, "1 YEAR", false)
	l = m.get(ann, c)
	require.Equal(t, models.CertificateExpired, l.State, "far shorter: it is over")
	m.redefine(c, "5 YEAR", false)
	require.Equal(t, l.ExpiresAt, m.get(ann, c).ExpiresAt, "what has expired stays as it was")
	require.Equal(t, "INIT CERTIFIED ABOUT_TO_EXPIRE EXPIRED", m.path(ann, c))
}

func TestDeletedPeople(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann, bob := m.certified("Ann", c, one), m.certified("Bob", c, one)
	_, err := m.Revoke(m.admin, m.get(ann, c).ID, "")
	require.NoError(t, err)
	require.NoError(t, m.UsersGone(m.ctx, ann))
	require.Nil(t, m.find(ann, c))
	require.Equal(t, "INIT CERTIFIED REVOKED -", m.path(ann, c))
	gone := m.issues(ann, c)
	require.Empty(t, gone[0].LearnerName)
	require.Equal(t, []models.CertificateEnd{models.CertificateRevoked}, ends(gone), "it had ended before")
	require.NoError(t, m.UsersGone(m.ctx, bob))
	require.Equal(t, []models.CertificateEnd{models.CertificateDeleted}, ends(m.issues(bob, c)))
	require.NoError(t, m.UsersGone(m.ctx))
}

// The database itself refuses what the table does not have.
func TestIllegalTransitionsCannotBeWritten(t *testing.T) {
	m := newMill(t)
	_, err := m.db.Exec(m.ctx, `INSERT INTO certificate_transitions (account_id, user_certificate_id, certificate_id, user_id, from_state, to_state, reason, at)
		VALUES (@account_id, 1, 1, 1, 'EXPIRED', 'INIT', 'x', now())`, nil)
	require.True(t, store.Violates(err, "certificate_transitions_legal"))
	l := link{UserCertificate: models.UserCertificate{State: models.CertificateExpired}}
	require.Error(t, l.move(models.CertificateInit, "x", m.now))
	require.Error(t, l.vanish(m.now))
	require.Equal(t, models.CertificateExpired, l.State)
	require.False(t, l.changed)
}

// Two reports about two courses of one certificate at the same time: the second
// one sees the first.
func TestTheLastTwoCoursesAtOnce(t *testing.T) {
	m := newMill(t)
	one, two := m.course("One"), m.course("Two")
	c := m.certificate("Safety", "1 YEAR", false, one, two)
	for range 20 {
		user := m.person("Ann")
		m.enrol(user, one)
		m.enrol(user, two)
		var group sync.WaitGroup
		for _, course := range []int64{one, two} {
			group.Go(func() {
				require.NoError(t, m.db.InTx(m.ctx, func(ctx context.Context) error {
					_, err := m.db.Exec(ctx, `UPDATE enrollments SET progress = 100, last_progress_at = @now, last_completed_at = @now
						WHERE account_id = @account_id AND user_id = @user AND course_id = @course`, store.Args{"user": user, "course": course, "now": m.now})
					if err != nil {
						return err
					}
					return m.Follow(ctx, []int64{user}, []int64{course})
				}))
			})
		}
		group.Wait()
		require.Equal(t, models.CertificateCertified, m.state(user, c))
		require.Len(t, m.issues(user, c), 1)
	}
}

// An enrolment and a definition that begin to concern each other at the same
// time: whoever is later sees the other.
func TestEnrolmentAndDefinitionAtOnce(t *testing.T) {
	m := newMill(t)
	for range 20 {
		course := m.course("Course " + newCode())
		c := m.certificate("Certificate "+newCode(), "", false, m.course("Old "+newCode()))
		user := m.person("Ann")
		var group sync.WaitGroup
		group.Go(func() {
			require.NoError(t, m.db.InTx(m.ctx, func(ctx context.Context) error {
				_, err := m.db.Exec(ctx, `INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) VALUES (@account_id, @id, @course, 1)`,
					store.Args{"id": c, "course": course})
				if err != nil {
					return err
				}
				return m.Reevaluate(ctx, c)
			}))
		})
		group.Go(func() {
			require.NoError(t, m.db.InTx(m.ctx, func(ctx context.Context) error {
				_, err := m.db.Exec(ctx, `INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner) VALUES (@account_id, @course, @user, true, true)`,
					store.Args{"user": user, "course": course})
				if err != nil {
					return err
				}
				return m.Follow(ctx, []int64{user}, []int64{course})
			}))
		})
		group.Wait()
		require.Equal(t, models.CertificateInit, m.state(user, c))
	}
}

// What enrolments cost: two statements without a certificate, four with one.
func TestStatementsOfFollow(t *testing.T) {
	m := newMill(t)
	one, other := m.course("One"), m.course("Other")
	m.certificate("Safety", "1 YEAR", false, one)
	ann := m.person("Ann")
	count := func(course int64) int64 {
		m.exec(`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner) VALUES (@account_id, @course, @user, true, true)`,
			store.Args{"course": course, "user": ann})
		before := m.db.Statements()
		require.NoError(t, m.Follow(m.ctx, []int64{ann}, []int64{course}))
		return m.db.Statements() - before
	}
	require.EqualValues(t, 2, count(other))
	require.EqualValues(t, 4, count(one))
	require.Error(t, m.Follow(m.ctx, []int64{1}, nil))
	require.NoError(t, m.Follow(m.ctx, nil, nil))
}
