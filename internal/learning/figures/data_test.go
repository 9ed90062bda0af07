package figures_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

// now is what time it is in these tests: the last moment of a month.
var now = time.Date(2026, 3, 31, 23, 59, 59, 999_999_000, time.UTC)

// scores are per cent as somebody would write them, on and beside every bound.
var scores = []string{
	"0", "0.05", "12.5", "59.999", "59.95", "60", "60.001", "69.9", "69.949", "69.95", "69.999", "70", "79.999999", "80", "85.25", "89.9", "89.949", "89.95",
	"89.999999", "90", "90.000001", "95.05", "99.95", "100",
}

// moments are begins and ends of months and days, in and around the last years.
func moment(r *rand.Rand) time.Time {
	begin := time.Date(2021+r.IntN(6), time.Month(1+r.IntN(12)), 1, 0, 0, 0, 0, time.UTC)
	switch r.IntN(5) {
	case 0:
		return begin
	case 1:
		return begin.Add(-time.Microsecond)
	case 2:
		return begin.AddDate(0, 0, r.IntN(28))
	default:
		return begin.Add(time.Duration(r.Int64N(int64(28 * 24 * time.Hour)))).Truncate(time.Microsecond)
	}
}

// data is everything that one account has, as the tests know it. Each row is
// one of the database's; what is exact stands beside it.
type data struct {
	tenants     []int64
	people      []models.User
	extra       []models.UserOrganization
	courses     []models.Course
	enrollments []models.Enrollment
	quizzes     []models.Quiz
	attempts    []models.QuizAttempt
	assignments []models.Assignment
	versions    []models.AssignmentSubmission
	held        []models.UserCertificate
	issues      []models.CertificateIssue
	external    []models.ExternalCertificate
	projects    []models.Project
}

// exact is a number as it was written, without the error of a float.
func exact(f float64) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
	if !ok {
		panic(f)
	}
	return r
}

func number(text string) *float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return &f
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func maybe[T any](r *rand.Rand, percent int, value T) *T {
	if chance(r, percent) {
		return &value
	}
	return nil
}

// generate makes the rows of an account whose ids begin at base.
func generate(r *rand.Rand, base int64, home int64) *data {
	d := &data{}
	next := base
	id := func() int64 { next++; return next }
	for range 5 {
		d.tenants = append(d.tenants, id())
	}
	for range 40 + r.IntN(30) {
		u := models.User{ID: id(), OrganizationID: home, Name: "x", Location: []string{}, Languages: []string{}}
		u.Status = pick(r, models.StatusActive, models.StatusActive, models.StatusActive, models.StatusActive, models.StatusInactive, models.StatusDeleted)
		if chance(r, 80) {
			u.OrganizationID = pick(r, d.tenants...)
		}
		d.people = append(d.people, u)
		for _, t := range d.tenants {
			if t != u.OrganizationID && chance(r, 12) {
				d.extra = append(d.extra, models.UserOrganization{UserID: u.ID, OrganizationID: t})
			}
		}
	}
	for n := range 9 {
		c := models.Course{ID: id(), Name: pick(r, "alpha", "Beta", "beta", "Gamma 10", "gamma 2", "_x"), Type: models.CourseTypeCourse, Status: models.CourseActive, Categories: []string{}}
		c.Identifier, c.Master = fmt.Sprint("c", c.ID), n == 0
		c.PublicID = fmt.Sprintf("00000000-0000-4000-8000-%012d", c.ID)
		d.courses = append(d.courses, c)
		if c.Master {
			continue
		}
		for _, u := range d.people {
			if n > 1 && chance(r, 60) { // nobody is in the first one
				d.enroll(r, id(), u.ID, c.ID)
			}
		}
		for range r.IntN(3) {
			d.quiz(r, id, c.ID)
			d.assignment(r, id, c.ID)
		}
	}
	d.certify(r, id)
	for range 12 {
		p := models.Project{ID: id(), Name: "x", Status: pick(r, models.WorkActive, models.WorkActive, models.WorkPlanned, models.WorkCompleted), StartsOn: now, EndsOn: now}
		p.OrganizationID = maybe(r, 85, pick(r, d.tenants...))
		d.projects = append(d.projects, p)
	}
	return d
}

func (d *data) enroll(r *rand.Rand, id, user, course int64) {
	e := models.Enrollment{ID: id, UserID: user, CourseID: course, EnrolledAt: moment(r), Progress: pick(r, 0, 40, 99, 100, 100, 100)}
	switch {
	case chance(r, 8):
		e.Instructor = true // a teacher
	case chance(r, 10):
		e.EndedAt = new(moment(r))
	default:
		e.Learner, e.Instructor = true, chance(r, 5)
	}
	e.DirectLearner, e.DirectInstructor = e.Learner, e.Instructor
	if e.Progress == models.Complete || chance(r, 10) { // completed once, not any more
		e.LastCompletedAt = maybe(r, 95, moment(r))
	}
	if chance(r, 70) {
		e.Score = number(pick(r, scores...))
	}
	e.SecondsSpent = maybe(r, 60, pick(r, 0, 1, 29, 30, 89, 90, 150, 3600, r.IntN(20_000)))
	d.enrollments = append(d.enrollments, e)
}

func (d *data) quiz(r *rand.Rand, id func() int64, course int64) {
	q := models.Quiz{ID: id(), CourseID: course, Name: pick(r, "Quiz", "quiz", "Test 1"), MaxPoints: pick(r, 0.0, 10, 10, 7)}
	q.PassPercent = maybe(r, 50, pick(r, 0.0, 50, 70, 100))
	d.quizzes = append(d.quizzes, q)
	for _, u := range d.people {
		for n := range r.IntN(4) {
			a := models.QuizAttempt{ID: id(), QuizID: q.ID, UserID: u.ID, AttemptNo: n + 1, StartedAt: moment(r)}
			a.Points = maybe(r, 85, *number(pick(r, "0", "5.9999", "6", "4.2", "7", "9.5", "10")))
			a.FinishedAt = maybe(r, 80, a.StartedAt.Add(time.Duration(r.IntN(7200))*time.Second))
			d.attempts = append(d.attempts, a)
		}
	}
}

func (d *data) assignment(r *rand.Rand, id func() int64, course int64) {
	a := models.Assignment{ID: id(), CourseID: course, Name: pick(r, "Essay", "essay", "Paper")}
	a.MaxGrade = maybe(r, 85, pick(r, 0.0, 20, 20, 30))
	d.assignments = append(d.assignments, a)
	for _, u := range d.people {
		for n := range r.IntN(4) {
			v := models.AssignmentSubmission{ID: id(), AssignmentID: a.ID, UserID: u.ID, AttemptNo: n}
			v.SubmittedAt = maybe(r, 75, moment(r))
			v.Grade = maybe(r, 60, *number(pick(r, "0", "10", "13.99", "14", "17.5", "18", "20")))
			switch {
			case v.SubmittedAt == nil || chance(r, 50):
				v.StartedAt = maybe(r, 50, moment(r)) // perhaps after it was handed in
			default:
				v.StartedAt = new(v.SubmittedAt.Add(-time.Duration(r.IntN(100_000)) * time.Second))
			}
			d.versions = append(d.versions, v)
		}
	}
}

// certify gives people certificates with every history: each ends with the state
// and has issues that ended for the reasons named, the last one "" if it holds.
func (d *data) certify(r *rand.Rand, id func() int64) {
	histories := []struct {
		state  models.CertificateState
		issues []models.CertificateEnd
	}{
		{models.CertificateInit, nil},
		{models.CertificateAwaits, nil},
		{models.CertificateCertified, []models.CertificateEnd{""}},
		{models.CertificateAboutToExpire, []models.CertificateEnd{models.CertificateRenewed, ""}},
		{models.CertificateExpired, []models.CertificateEnd{""}},
		{models.CertificateTakenBack, []models.CertificateEnd{models.CertificateRevoked}},
		{models.CertificateInProgress, []models.CertificateEnd{models.CertificateRenewed, models.CertificateRestarted}},
		{models.CertificateCertified, []models.CertificateEnd{models.CertificateRestarted, ""}},
		{models.CertificateInit, []models.CertificateEnd{models.CertificateRevoked}},
		{models.CertificateInit, []models.CertificateEnd{models.CertificateRestarted, models.CertificateRevoked}},
		{models.CertificateInProgress, []models.CertificateEnd{models.CertificateRestarted, models.CertificateRestarted}},
	}
	for _, u := range d.people {
		if chance(r, 80) {
			h := pick(r, histories...)
			c := models.UserCertificate{ID: id(), UserID: u.ID, State: h.state}
			for _, end := range h.issues {
				i := models.CertificateIssue{ID: id(), UserID: u.ID, CourseNames: []string{}, CertifiedAt: moment(r)}
				i.Code = fmt.Sprint("code", i.ID)
				if end != "" {
					i.EndReason, i.EndedAt = &end, &now
				}
				if end == "" || end == models.CertificateRevoked && h.state == models.CertificateTakenBack {
					c.IssueID, c.CertifiedAt = &i.ID, &i.CertifiedAt
				}
				d.issues = append(d.issues, i)
			}
			d.held = append(d.held, c)
		}
		if chance(r, 40) {
			d.external = append(d.external, models.ExternalCertificate{
				ID: id(), UserID: u.ID, Name: "x", IssuedAt: moment(r),
				Kind: pick(r, models.ExternalCertificateProper, models.ExternalCertificateProper, models.ExternalCertificateBadge), ExpiresAt: maybe(r, 50, moment(r)),
			})
		}
	}
}

// insert writes an account's rows.
func (d *data) insert(t *testing.T, db *store.DB, account int64, t0 int64) {
	t.Helper()
	ctx := store.WithAccount(t.Context(), account)
	create := func(rows any) { require.NoError(t, db.Conn(ctx).CreateInBatches(rows, 500).Error) }
	organizations := make([]models.Organization, len(d.tenants))
	for i, id := range d.tenants {
		organizations[i] = models.Organization{ID: id, Name: fmt.Sprint("t", id), Code: fmt.Sprint("t", id), Status: models.StatusActive}
	}
	create(organizations)
	create(d.people)
	create(d.extra)
	create(d.courses)
	create(d.enrollments)
	create(d.quizzes)
	create(d.attempts)
	create(d.assignments)
	create(d.versions)
	certificate := models.Certificate{ID: t0, Identifier: "x", Name: "x", Status: models.CertificateActive}
	create([]models.Certificate{certificate})
	for i := range d.issues {
		d.issues[i].CertificateID = certificate.ID
	}
	for i := range d.held {
		d.held[i].CertificateID = certificate.ID
	}
	create(d.issues)
	create(d.held)
	create(d.external)
	create(d.projects)
}
