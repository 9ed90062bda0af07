package reporting

import (
	"context"
	"slices"
	"strings"
	"time"

	"quad/internal/learning/figures"
)

// What a course needs to be called one that needs support.
const (
	supportEnrollments = 5
	supportRate        = 50.0
	supportScore       = 70.0
)

// trainingSummary is how training goes on the whole.
func trainingSummary(ctx context.Context, g *gathering) error {
	if err := g.trainingFacts(ctx); err != nil {
		return err
	}
	if err := g.trends(ctx); err != nil {
		return err
	}
	if err := g.grades(ctx); err != nil {
		return err
	}
	courses, err := g.s.d.Figures.Courses(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	slices.SortStableFunc(courses, func(a, b figures.Course) int { return int(b.Enrollments - a.Enrollments) })
	if err := g.courses("Courses by enrolments", courses); err != nil {
		return err
	}
	g.findCourses(courses)
	return nil
}

// trainingFacts are the figures of training with those of the period before.
func (g *gathering) trainingFacts(ctx context.Context) error {
	now, err := g.s.d.Figures.Training(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	summary, err := g.s.d.Figures.Summary(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	var was *figures.Training
	if g.before != nil {
		t, err := g.s.d.Figures.Training(ctx, g.scope, *g.before)
		if err != nil {
			return err
		}
		was = &t
	}
	earlier := func(value func(figures.Training) float64) *float64 {
		if was == nil {
			return nil
		}
		return new(value(*was))
	}
	for _, f := range []struct {
		Fact
		of func(figures.Training) float64
	}{
		{Fact{Key: "trainees", Name: "Learners", Kind: KindCount, Good: 1}, func(t figures.Training) float64 { return float64(t.Trainees) }},
		{Fact{Key: "enrollments", Name: "Enrolments", Kind: KindCount, Good: 1}, func(t figures.Training) float64 { return float64(t.Enrollments) }},
		{Fact{Key: "completions", Name: "Completions", Kind: KindCount, Good: 1}, func(t figures.Training) float64 { return float64(t.Completions) }},
		{Fact{Key: "completion_rate", Name: "Completion rate", Kind: KindRate, Good: 1}, func(t figures.Training) float64 { return t.CompletionRate }},
		{Fact{Key: "average_score", Name: "Average score", Kind: KindRate, Good: 1}, func(t figures.Training) float64 { return t.AverageScore }},
		{Fact{Key: "certificates", Name: "Certificates issued", Kind: KindCount, Good: 1}, func(t figures.Training) float64 { return float64(t.Certificates) }},
	} {
		f.Value = f.of(now)
		g.fact(f.Fact, earlier(f.of))
	}
	g.fact(Fact{Key: "top_performers", Name: "Top performers", Kind: KindCount, Value: float64(summary.TopPerformers)}, nil)
	g.fact(Fact{Key: "needs_support", Name: "Learners who need support", Kind: KindCount, Value: float64(summary.NeedsSupport)}, nil)
	if summary.NeedsSupport > 0 {
		g.say("%s a mean score below 70 percent and may need support.", countOf(float64(summary.NeedsSupport), "learner has", "learners have"))
	}
	return nil
}

// mostMonths is how many months a chart shows.
const mostMonths = 24

// trends are the months of the period, or the last twelve.
func (g *gathering) trends(ctx context.Context) error {
	months := 12
	if from := g.period.From; from != nil {
		months = (g.today.Year()-from.Year())*12 + int(g.today.Month()-from.Month()) + 1
	}
	rows, err := g.s.d.Figures.Trends(ctx, g.scope, max(1, min(months, 60)))
	if err != nil {
		return err
	}
	if until := g.period.To; until != nil {
		last := until.Format("2006-01")
		rows = slices.DeleteFunc(rows, func(m figures.Month) bool { return m.Month > last })
	}
	g.table("Month by month", Column{"Month", KindText}, Column{"Enrolments", KindCount}, Column{"Completions", KindCount}, Column{"Average score", KindRate})
	for _, m := range rows {
		if err := g.row(m.Month, float64(m.Enrollments), float64(m.Completions), m.AverageScore); err != nil {
			return err
		}
	}
	if len(rows) > mostMonths {
		rows = rows[len(rows)-mostMonths:]
	}
	activity := Chart{Title: "Enrolments and completions by month", Lines: true, Kind: KindCount,
		Series: []Series{{Name: "Enrolments", Values: []float64{}}, {Name: "Completions", Values: []float64{}}}}
	for _, m := range rows {
		activity.Labels = append(activity.Labels, monthName(m.Month))
		activity.Series[0].Values = append(activity.Series[0].Values, float64(m.Enrollments))
		activity.Series[1].Values = append(activity.Series[1].Values, float64(m.Completions))
	}
	if len(rows) > 1 {
		g.chart(activity)
	}
	return nil
}

// monthName writes a month such as 2026-01 for a chart.
func monthName(month string) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return t.Format("Jan 06")
}

// grades are the bands of scores.
func (g *gathering) grades(ctx context.Context) error {
	bands, err := g.s.d.Figures.Grades(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	c := Chart{Title: "Grades", Kind: KindCount, Labels: []string{"A (90 and more)", "B (80 to 90)", "C (70 to 80)", "D (60 to 70)", "F (below 60)"},
		Series: []Series{{Name: "Graded enrolments", Values: []float64{}}}}
	g.table("Grades", Column{"Band", KindText}, Column{"Graded enrolments", KindCount})
	for i, n := range []int64{bands.A, bands.B, bands.C, bands.D, bands.F} {
		c.Series[0].Values = append(c.Series[0].Values, float64(n))
		if err := g.row(c.Labels[i], float64(n)); err != nil {
			return err
		}
	}
	g.chart(c)
	return nil
}

// courses adds a table of courses.
func (g *gathering) courses(title string, courses []figures.Course) error {
	g.table(title, Column{"Course", KindText}, Column{"Enrolments", KindCount}, Column{"Completions", KindCount}, Column{"Completion rate", KindRate},
		Column{"Average score", KindRate}, Column{"Average time", KindMinutes})
	for _, c := range courses {
		var score any
		if c.Graded > 0 {
			score = c.AverageScore
		}
		if err := g.row(c.Name, float64(c.Enrollments), float64(c.Completions), c.CompletionRate, score, float64(c.AverageMinutes)); err != nil {
			return err
		}
	}
	return nil
}

// findCourses names the courses that need support, and the best one.
func (g *gathering) findCourses(courses []figures.Course) {
	busy := slices.DeleteFunc(slices.Clone(courses), func(c figures.Course) bool { return c.Enrollments < supportEnrollments })
	if len(busy) == 0 {
		return
	}
	slices.SortStableFunc(busy, func(a, b figures.Course) int {
		switch {
		case a.CompletionRate > b.CompletionRate:
			return -1
		case a.CompletionRate < b.CompletionRate:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	if best := busy[0]; best.CompletionRate > 0 {
		g.say("%s has the highest completion rate of the courses with %d enrolments or more: %s.", best.Name, supportEnrollments, number(KindRate, best.CompletionRate))
	}
	var slow, hard []string
	for _, c := range slices.Backward(busy) {
		if c.CompletionRate < supportRate && len(slow) < 5 {
			slow = append(slow, c.Name+" ("+number(KindRate, c.CompletionRate)+")")
		}
		if c.Graded > 0 && c.AverageScore < supportScore && len(hard) < 5 {
			hard = append(hard, c.Name+" ("+number(KindRate, c.AverageScore)+")")
		}
	}
	if len(slow) > 0 {
		g.say("Courses with %d enrolments or more that fewer than half of the learners complete, the lowest rates first: %s.", supportEnrollments, strings.Join(slow, ", "))
	}
	if len(hard) > 0 {
		g.say("Courses with an average score below 70 percent: %s.", strings.Join(hard, ", "))
	}
}

// coursePerformance is how each course does.
func coursePerformance(ctx context.Context, g *gathering) error {
	courses, err := g.s.d.Figures.Courses(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	summary, err := g.s.d.Figures.Summary(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	var was *figures.Summary
	if g.before != nil {
		s, err := g.s.d.Figures.Summary(ctx, g.scope, *g.before)
		if err != nil {
			return err
		}
		was = &s
	}
	earlier := func(value func(figures.Summary) float64) *float64 {
		if was == nil {
			return nil
		}
		return new(value(*was))
	}
	g.fact(Fact{Key: "courses", Name: "Courses", Kind: KindCount, Value: float64(len(courses))}, nil)
	for _, f := range []struct {
		Fact
		of func(figures.Summary) float64
	}{
		{Fact{Key: "enrollments", Name: "Enrolments", Kind: KindCount, Good: 1}, func(s figures.Summary) float64 { return float64(s.Enrollments) }},
		{Fact{Key: "completions", Name: "Completions", Kind: KindCount, Good: 1}, func(s figures.Summary) float64 { return float64(s.Completions) }},
		{Fact{Key: "completion_rate", Name: "Completion rate", Kind: KindRate, Good: 1}, func(s figures.Summary) float64 { return s.CompletionRate }},
		{Fact{Key: "average_score", Name: "Average score", Kind: KindRate, Good: 1}, func(s figures.Summary) float64 { return s.AverageScore }},
	} {
		f.Value = f.of(summary)
		g.fact(f.Fact, earlier(f.of))
	}
	names, rates := make([]string, 0, len(courses)), make([]float64, 0, len(courses))
	for _, c := range courses {
		if c.Enrollments > 0 {
			names, rates = append(names, c.Name), append(rates, c.CompletionRate)
		}
	}
	g.chart(bars("Completion rate by course", KindRate, "Completion rate", names, rates))
	if err := g.courses("Courses", courses); err != nil {
		return err
	}
	if err := g.grades(ctx); err != nil {
		return err
	}
	g.findCourses(courses)
	return g.assessments(ctx)
}

// assessments are the quizzes and assignments of the courses.
func (g *gathering) assessments(ctx context.Context) error {
	quizzes, err := g.s.d.Figures.Quizzes(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	if len(quizzes) > 0 {
		g.table("Quizzes", Column{"Quiz", KindText}, Column{"Course", KindText}, Column{"Attempts", KindCount}, Column{"Average score", KindRate}, Column{"Pass rate", KindRate})
	}
	for _, q := range quizzes {
		if err := g.row(q.Name, q.CourseName, float64(q.Attempts), q.AverageScore, q.PassRate); err != nil {
			return err
		}
	}
	assignments, err := g.s.d.Figures.Assignments(ctx, g.scope, g.period)
	if err != nil {
		return err
	}
	if len(assignments) > 0 {
		g.table("Assignments", Column{"Assignment", KindText}, Column{"Course", KindText}, Column{"Submissions", KindCount}, Column{"Submission rate", KindRate}, Column{"Average score", KindRate})
	}
	for _, a := range assignments {
		if err := g.row(a.Name, a.CourseName, float64(a.Submissions), a.SubmissionRate, a.AverageScore); err != nil {
			return err
		}
	}
	return nil
}
