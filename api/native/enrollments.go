package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
)

// listLearners pages through the learners of a course.
func (d *door) listLearners(c *fiber.Ctx, req wire.ListLearners) (reply, error) {
	after, err := d.cursor(c, req.ID, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Enrollments.ListLearners(c.UserContext(), ref.ByID(req.ID), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req.ID, page, next, learner)
}

// listMyEnrollments pages through what the caller learns.
func (d *door) listMyEnrollments(c *fiber.Ctx, req wire.ListMyEnrollments) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Enrollments.MyEnrollments(c.UserContext(), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, learner)
}

// enrolLearners puts people into a course.
func (d *door) enrolLearners(c *fiber.Ctx, req wire.EnrolLearners) (reply, error) {
	users := make([]ref.Ref, len(req.Users))
	for i, u := range req.Users {
		users[i] = ref.Ref(u)
	}
	verdicts, err := d.Enrollments.Enrol(c.UserContext(), ref.ByID(req.ID), users)
	if err != nil {
		return reply{}, err
	}
	out := wire.Results{Results: make([]wire.Result, len(verdicts))}
	for i, v := range verdicts {
		out.Results[i] = wire.Result{UserID: known(v.UserID), CourseID: &req.ID, Verdict: string(v.Verdict)}
	}
	return ok(out)
}

// removeLearner takes a person out of a course.
func (d *door) removeLearner(c *fiber.Ctx, req wire.CourseUser) (reply, error) {
	return reply{}, d.Enrollments.Remove(c.UserContext(), ref.ByID(req.ID), ref.ByID(req.UserID))
}

// setProgress takes a report about one learner.
func (d *door) setProgress(c *fiber.Ctx, req wire.SetProgress) (reply, error) {
	m, verdict, err := d.Enrollments.ReportOne(c.UserContext(), progressReport(ref.ByID(req.UserID), ref.ByID(req.ID), req.Progress))
	if err != nil {
		return reply{}, err
	}
	return ok(wire.ProgressSet{Enrollment: learner(m), Verdict: string(verdict)})
}

// reportProgress takes reports about many learners.
func (d *door) reportProgress(c *fiber.Ctx, req wire.ReportProgress) (reply, error) {
	reports := make([]enrollment.ProgressReport, len(req.Entries))
	for i, e := range req.Entries {
		reports[i] = progressReport(ref.Ref(e.User), ref.Ref(e.Course), e.Progress)
	}
	verdicts, err := d.Enrollments.Report(c.UserContext(), reports)
	if err != nil {
		return reply{}, err
	}
	out := wire.Results{Results: make([]wire.Result, len(verdicts))}
	for i, v := range verdicts {
		out.Results[i] = wire.Result{UserID: known(v.UserID), CourseID: known(v.CourseID), Verdict: string(v.Verdict)}
	}
	return ok(out)
}

// progressReport maps a report. Progress that was left out is none that can be.
func progressReport(user, course ref.Ref, p wire.Progress) enrollment.ProgressReport {
	out := enrollment.ProgressReport{User: user, Course: course, Progress: -1, Score: p.Score, At: p.At}
	if p.Progress != nil {
		out.Progress = *p.Progress
	}
	return out
}

// known is an id, nil for none.
func known(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func learner(m enrollment.Member) wire.Enrollment {
	return wire.Enrollment{
		ID:     m.ID,
		User:   wire.Named{ID: m.UserID, Identifier: m.UserIdentifier, Name: m.UserName},
		Course: wire.Named{ID: m.CourseID, Identifier: &m.CourseIdentifier, Name: m.CourseName},
		Direct: m.DirectLearner, Instructor: m.Instructor, Progress: m.Progress, Score: m.Score,
		CompletedAt: m.FirstCompletedAt, LastProgressAt: m.LastProgressAt, EnrolledAt: m.EnrolledAt.UTC(),
	}
}
