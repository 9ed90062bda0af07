package mis

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/learning/figures"
)

// headerAge tells how many seconds old the figures of an answer are, where they
// were kept; see figures.
const headerAge = "X-Data-Age"

// figuresOf answers with the figures of the tenant that is named, or of all in
// reach.
func (d *door) figuresOf(c *fiber.Ctx, tenant *int64, read func(ctx context.Context, scope figures.Scope) (any, error)) (reply, error) {
	ctx, age := figures.WithAge(c.UserContext())
	scope, err := d.Figures.Scope(ctx, tenant)
	if err != nil {
		return reply{}, err
	}
	body, err := read(ctx, scope)
	if err != nil {
		return reply{}, err
	}
	if age, kept := age.Known(); kept {
		c.Set(headerAge, strconv.Itoa(int(age/time.Second)))
	}
	return ok(body)
}

func (d *door) getTrainingKpis(c *fiber.Ctx, r wire.OfTenantID) (reply, error) {
	return d.figuresOf(c, r.Tenant, func(ctx context.Context, scope figures.Scope) (any, error) {
		t, err := d.Figures.Training(ctx, scope, figures.Period{})
		return trainingKPIs(t), err
	})
}

func (d *door) listCoursePerformance(c *fiber.Ctx, r wire.OfTenantID) (reply, error) {
	return d.figuresOf(c, r.Tenant, func(ctx context.Context, scope figures.Scope) (any, error) {
		list, err := d.Figures.Courses(ctx, scope, figures.Period{})
		return all(list, coursePerformance), err
	})
}

func (d *door) getProgramKpis(c *fiber.Ctx, r wire.OfTenant) (reply, error) {
	return d.figuresOf(c, r.Tenant, func(ctx context.Context, scope figures.Scope) (any, error) {
		p, err := d.Figures.Program(ctx, scope, figures.Period{})
		return programKPIs(p), err
	})
}

func (d *door) listTrainingTrends(c *fiber.Ctx, r wire.Trends) (reply, error) {
	return d.figuresOf(c, r.Tenant, func(ctx context.Context, scope figures.Scope) (any, error) {
		list, err := d.Figures.Trends(ctx, scope, r.Months)
		return all(list, monthlyTrend), err
	})
}

func (d *door) listCourseAnalytics(c *fiber.Ctx, r wire.OfTenant) (reply, error) {
	return d.figuresOf(c, r.Tenant, func(ctx context.Context, scope figures.Scope) (any, error) {
		list, err := d.Figures.Courses(ctx, scope, figures.Period{})
		return all(list, courseAnalytics), err
	})
}

func (d *door) getPerformanceSummary(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	return d.figuresOf(c, nil, func(ctx context.Context, scope figures.Scope) (any, error) {
		s, err := d.Figures.Summary(ctx, scope, figures.Period{})
		return performanceSummary(s), err
	})
}

func (d *door) getGradeDistribution(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	return d.figuresOf(c, nil, func(ctx context.Context, scope figures.Scope) (any, error) {
		g, err := d.Figures.Grades(ctx, scope, figures.Period{})
		return gradeDistribution(g), err
	})
}

func (d *door) listQuizPerformance(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	return d.figuresOf(c, nil, func(ctx context.Context, scope figures.Scope) (any, error) {
		list, err := d.Figures.Quizzes(ctx, scope, figures.Period{})
		return all(list, quizPerformance), err
	})
}

func (d *door) listAssignmentPerformance(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	return d.figuresOf(c, nil, func(ctx context.Context, scope figures.Scope) (any, error) {
		list, err := d.Figures.Assignments(ctx, scope, figures.Period{})
		return all(list, assignmentPerformance), err
	})
}
