package figures_test

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"quad/internal/learning/figures"
	"quad/models"
)

// naive computes figures by looking at every row, with exact numbers.
type naive struct {
	*data
	scope  figures.Scope
	period figures.Period
}

// round gives a number with some decimals, half away from zero; all numbers of
// these figures are at least 0.
func round(x *big.Rat, decimals int64) float64 {
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(decimals), nil))
	x = new(big.Rat).Add(new(big.Rat).Mul(x, scale), big.NewRat(1, 2))
	whole := new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
	f, _ := whole.Quo(whole, scale).Float64()
	return f
}

// average is a mean that may be one of nothing.
type average struct {
	sum   big.Rat
	count int64
}

func (a *average) add(x *big.Rat) {
	a.sum.Add(&a.sum, x)
	a.count++
}

func (a *average) exact() *big.Rat { return new(big.Rat).Quo(&a.sum, big.NewRat(a.count, 1)) }

func (a *average) rounded(decimals int64) float64 {
	if a.count == 0 {
		return 0
	}
	return round(a.exact(), decimals)
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return round(big.NewRat(100*part, whole), 1)
}

func seconds(from, to time.Time) *big.Rat { return big.NewRat(to.Sub(from).Microseconds(), 60_000_000) }

func (n naive) member(user int64) bool {
	for _, u := range n.people {
		if u.ID != user || u.Status == models.StatusDeleted {
			continue
		}
		if n.scope.All || slices.Contains(n.scope.Organizations, u.OrganizationID) {
			return true
		}
		for _, m := range n.extra {
			if m.UserID == user && slices.Contains(n.scope.Organizations, m.OrganizationID) {
				return true
			}
		}
	}
	return false
}

func (n naive) during(t time.Time) bool {
	day := t.Format(time.DateOnly)
	return (n.period.From == nil || day >= n.period.From.Format(time.DateOnly)) && (n.period.To == nil || day <= n.period.To.Format(time.DateOnly))
}

// enrolled is E.
func (n naive) enrolled() (out []models.Enrollment) {
	for _, e := range n.enrollments {
		if e.Learner && n.member(e.UserID) && n.during(e.EnrolledAt) {
			out = append(out, e)
		}
	}
	return out
}

// ever is E of all time.
func (n naive) ever() []models.Enrollment {
	n.period = figures.Period{}
	return n.enrolled()
}

func completed(e models.Enrollment) bool { return e.Progress == 100 && e.LastCompletedAt != nil }

func (n naive) training() (out figures.Training) {
	people := map[int64]bool{}
	var score average
	for _, e := range n.enrolled() {
		people[e.UserID] = true
		out.Enrollments++
		if completed(e) {
			out.Completions++
		}
		if e.Score != nil {
			score.add(exact(*e.Score))
		}
	}
	out.Trainees, out.Graded = int64(len(people)), score.count
	out.CompletionRate, out.AverageScore = share(out.Completions, out.Enrollments), score.rounded(1)
	for _, c := range n.held {
		var last *models.CertificateIssue
		for _, i := range n.issues {
			if i.UserID == c.UserID && (last == nil || i.ID > last.ID) {
				last = &i
			}
		}
		revoked := c.State == models.CertificateTakenBack || last != nil && last.EndReason != nil && *last.EndReason == models.CertificateRevoked
		if last != nil && !revoked && n.member(c.UserID) && n.during(last.CertifiedAt) {
			out.Certificates++
		}
	}
	for _, x := range n.external {
		if x.Kind == models.ExternalCertificateProper && n.member(x.UserID) && n.during(x.IssuedAt) {
			out.Certificates++
		}
	}
	return out
}

func (n naive) program() figures.Program {
	out := figures.Program{Training: n.training()}
	for _, p := range n.projects {
		in := n.scope.All || p.OrganizationID != nil && slices.Contains(n.scope.Organizations, *p.OrganizationID)
		if in && p.Status == models.WorkActive {
			out.ActivePrograms++
		}
	}
	return out
}

func (n naive) listed(course models.Course, es []models.Enrollment) bool {
	if n.scope.All {
		return !course.Master
	}
	return slices.ContainsFunc(es, func(e models.Enrollment) bool { return e.CourseID == course.ID })
}

func (n naive) coursesByName() (out []figures.Course) {
	es := n.enrolled()
	for _, c := range n.courses {
		if !n.listed(c, es) {
			continue
		}
		row := figures.Course{ID: c.ID, Name: c.Name}
		var score, minutes average
		for _, e := range es {
			if e.CourseID != c.ID {
				continue
			}
			row.Enrollments++
			if completed(e) {
				row.Completions++
			}
			if e.Score != nil {
				score.add(exact(*e.Score))
			}
			if e.SecondsSpent != nil && *e.SecondsSpent > 0 {
				minutes.add(big.NewRat(int64(*e.SecondsSpent), 60))
			}
		}
		row.Graded, row.CompletionRate, row.AverageScore = score.count, share(row.Completions, row.Enrollments), score.rounded(1)
		row.AverageMinutes = int64(minutes.rounded(0))
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b figures.Course) int { return byName(a.Name, b.Name, a.ID, b.ID) })
	return out
}

func byName(a, b string, idA, idB int64) int {
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(idA, idB))
}

func (n naive) trends(months int) (out []figures.Month) {
	for back := months - 1; back >= 0; back-- {
		row := figures.Month{Month: time.Date(now.Year(), now.Month()-time.Month(back), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")}
		var score average
		for _, e := range n.ever() {
			if e.EnrolledAt.Format("2006-01") == row.Month {
				row.Enrollments++
			}
			if completed(e) && e.LastCompletedAt.Format("2006-01") == row.Month {
				row.Completions++
				if e.Score != nil {
					score.add(exact(*e.Score))
				}
			}
		}
		row.AverageScore = score.rounded(1)
		out = append(out, row)
	}
	return out
}

func (n naive) summary() figures.Summary {
	t := n.training()
	out := figures.Summary{Enrollments: t.Enrollments, Completions: t.Completions, CompletionRate: t.CompletionRate, AverageScore: t.AverageScore}
	means := map[int64]*average{}
	for _, e := range n.enrolled() {
		if e.Score != nil {
			if means[e.UserID] == nil {
				means[e.UserID] = &average{}
			}
			means[e.UserID].add(exact(*e.Score))
		}
	}
	for _, a := range means {
		if a.exact().Cmp(big.NewRat(90, 1)) >= 0 {
			out.TopPerformers++
		}
		if a.exact().Cmp(big.NewRat(70, 1)) < 0 {
			out.NeedsSupport++
		}
	}
	return out
}

func (n naive) grades() (out figures.Grades) {
	for _, e := range n.enrolled() {
		switch {
		case e.Score == nil:
		case *e.Score >= 90:
			out.A++
		case *e.Score >= 80:
			out.B++
		case *e.Score >= 70:
			out.C++
		case *e.Score >= 60:
			out.D++
		default:
			out.F++
		}
	}
	return out
}

func (n naive) course(id int64) models.Course {
	return n.courses[slices.IndexFunc(n.courses, func(c models.Course) bool { return c.ID == id })]
}

func (n naive) quizzesByName() (out []figures.Quiz) {
	es := n.ever()
	for _, q := range n.quizzes {
		c := n.course(q.CourseID)
		if !n.listed(c, es) {
			continue
		}
		row := figures.Quiz{ID: q.ID, CourseID: c.ID, Name: q.Name, CourseName: c.Name}
		var score, minutes average
		var passed int64
		for _, a := range n.attempts {
			learner := slices.ContainsFunc(es, func(e models.Enrollment) bool { return e.CourseID == c.ID && e.UserID == a.UserID })
			if a.QuizID != q.ID || a.FinishedAt == nil || !learner || !n.during(*a.FinishedAt) {
				continue
			}
			minutes.add(seconds(a.StartedAt, *a.FinishedAt))
			if a.Points == nil || q.MaxPoints == 0 {
				continue
			}
			percent := new(big.Rat).Quo(new(big.Rat).Mul(big.NewRat(100, 1), exact(*a.Points)), exact(q.MaxPoints))
			score.add(percent)
			mark := big.NewRat(60, 1)
			if q.PassPercent != nil {
				mark = exact(*q.PassPercent)
			}
			if percent.Cmp(mark) >= 0 {
				passed++
			}
		}
		row.Attempts, row.AverageScore, row.PassRate = minutes.count, score.rounded(1), share(passed, minutes.count)
		row.AverageMinutes = int64(minutes.rounded(0))
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b figures.Quiz) int { return byName(a.Name, b.Name, a.ID, b.ID) })
	return out
}

func (n naive) assignmentsByName() (out []figures.Assignment) {
	es := n.ever()
	for _, a := range n.assignments {
		c := n.course(a.CourseID)
		if !n.listed(c, es) {
			continue
		}
		row := figures.Assignment{ID: a.ID, CourseID: c.ID, Name: a.Name, CourseName: c.Name}
		var score, minutes average
		var learners, submitters int64
		for _, e := range es {
			if e.CourseID != c.ID {
				continue
			}
			learners++
			var handed bool
			var latest *models.AssignmentSubmission
			for _, v := range n.versions {
				if v.AssignmentID != a.ID || v.UserID != e.UserID || v.SubmittedAt == nil || !n.during(*v.SubmittedAt) {
					continue
				}
				row.Submissions++
				handed = true
				if v.StartedAt != nil && !v.StartedAt.After(*v.SubmittedAt) {
					minutes.add(seconds(*v.StartedAt, *v.SubmittedAt))
				}
				if v.Grade != nil && (latest == nil || v.AttemptNo > latest.AttemptNo) {
					latest = &v
				}
			}
			if handed {
				submitters++
			}
			if latest != nil && a.MaxGrade != nil && *a.MaxGrade > 0 {
				score.add(new(big.Rat).Quo(new(big.Rat).Mul(big.NewRat(100, 1), exact(*latest.Grade)), exact(*a.MaxGrade)))
			}
		}
		row.SubmissionRate, row.AverageScore, row.AverageMinutes = share(submitters, learners), score.rounded(1), int64(minutes.rounded(0))
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b figures.Assignment) int { return byName(a.Name, b.Name, a.ID, b.ID) })
	return out
}
