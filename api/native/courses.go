package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/models"
)

// listCourses pages through channels and masters.
func (d *door) listCourses(c *fiber.Ctx, req wire.ListCourses) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Learning.AccountCourses(c.UserContext(), learning.AccountFilter{
		OrganizationID: req.OrganizationID, Master: req.IsMaster(), Type: models.CourseType(req.Type), Status: models.CourseStatus(req.Status),
		Search: req.Search, Category: req.Category, After: after, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, course)
}

// createCourse makes a channel or a master.
func (d *door) createCourse(c *fiber.Ctx, req wire.CreateCourse) (reply, error) {
	in := learning.CourseInput{
		Identifier: req.Identifier, Name: req.Name, Type: req.Type, Master: req.Master, Published: req.Published, Status: req.Status,
		DurationMS: req.DurationMS, Categories: req.Categories, OrganizationID: req.OrganizationID,
	}
	if req.Schedule != nil {
		in.Schedule = &learning.Schedule{StartsAt: req.Schedule.StartsAt, EndsAt: req.Schedule.EndsAt}
	}
	made, err := d.Learning.CreateCourse(c.UserContext(), in)
	if err != nil {
		return reply{}, err
	}
	return created(course(made))
}

// getCourse shows a channel or a master.
func (d *door) getCourse(c *fiber.Ctx, req wire.ByID) (reply, error) {
	found, err := d.Learning.Course(c.UserContext(), ref.ByID(req.ID))
	if err != nil {
		return reply{}, err
	}
	return ok(course(found))
}

// updateCourse changes a channel or a master.
func (d *door) updateCourse(c *fiber.Ctx, req wire.UpdateCourse) (reply, error) {
	in := learning.CourseChange{
		Name: req.Name, Published: req.Published, Status: req.Status, DurationMS: req.DurationMS, Categories: req.Categories,
		OrganizationID: req.OrganizationID, Schedule: input.Field[learning.Schedule]{Sent: req.Schedule.Sent},
	}
	if s := req.Schedule.Value; s != nil {
		in.Schedule.Value = &learning.Schedule{StartsAt: s.StartsAt, EndsAt: s.EndsAt}
	}
	changed, err := d.Learning.ChangeCourse(c.UserContext(), ref.ByID(req.ID), in)
	if err != nil {
		return reply{}, err
	}
	return ok(course(changed))
}

// deleteCourse deletes a channel or a master.
func (d *door) deleteCourse(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Learning.DeleteCourse(c.UserContext(), ref.ByID(req.ID))
}

// listCourseSessions pages through the class sessions of a course.
func (d *door) listCourseSessions(c *fiber.Ctx, req wire.ListSessions) (reply, error) {
	after, err := d.cursor(c, req.ID, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Learning.CourseSessions(c.UserContext(), ref.ByID(req.ID), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req.ID, page, next, classSession)
}

// createCourseSession adds a class session to a course.
func (d *door) createCourseSession(c *fiber.Ctx, req wire.CreateSession) (reply, error) {
	made, err := d.Learning.CreateSession(c.UserContext(), ref.ByID(req.ID), learning.SessionInput{
		Name: req.Name, Description: req.Description, Location: req.Location, StartsAt: req.StartsAt, EndsAt: req.EndsAt, AllDay: req.AllDay,
		Live: req.Live, IncludeGrade: req.IncludeGrade, Published: req.Published, Optional: req.Optional,
	})
	if err != nil {
		return reply{}, err
	}
	return created(classSession(made))
}

// getCourseSession shows a class session.
func (d *door) getCourseSession(c *fiber.Ctx, req wire.CourseSession) (reply, error) {
	found, err := d.Learning.Session(c.UserContext(), ref.ByID(req.ID), req.SessionID)
	if err != nil {
		return reply{}, err
	}
	return ok(classSession(found))
}

// updateCourseSession changes a class session.
func (d *door) updateCourseSession(c *fiber.Ctx, req wire.UpdateSession) (reply, error) {
	changed, err := d.Learning.ChangeSession(c.UserContext(), ref.ByID(req.ID), req.SessionID, learning.SessionChange{
		Name: req.Name, Description: req.Description, Location: req.Location, StartsAt: req.StartsAt, EndsAt: req.EndsAt, AllDay: req.AllDay,
		Live: req.Live, IncludeGrade: req.IncludeGrade, Published: req.Published, Optional: req.Optional,
	})
	if err != nil {
		return reply{}, err
	}
	return ok(classSession(changed))
}

// deleteCourseSession deletes a class session.
func (d *door) deleteCourseSession(c *fiber.Ctx, req wire.CourseSession) (reply, error) {
	return reply{}, d.Learning.DeleteSession(c.UserContext(), ref.ByID(req.ID), req.SessionID)
}

// showInCatalog makes sure that a course is in the catalogue.
func (d *door) showInCatalog(c *fiber.Ctx, req wire.ByID) (reply, error) {
	item, isNew, err := d.Learning.ShowInCatalog(c.UserContext(), ref.ByID(req.ID))
	switch {
	case err != nil:
		return reply{}, err
	case isNew:
		return created(catalogItem(item))
	}
	return ok(catalogItem(item))
}

// getCatalogItem shows the entry of a course in the catalogue.
func (d *door) getCatalogItem(c *fiber.Ctx, req wire.ByID) (reply, error) {
	item, err := d.Learning.CatalogItem(c.UserContext(), ref.ByID(req.ID), "")
	if err != nil {
		return reply{}, err
	}
	return ok(catalogItem(item))
}

// hideFromCatalog takes a course out of the catalogue.
func (d *door) hideFromCatalog(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.Learning.HideFromCatalog(c.UserContext(), ref.ByID(req.ID))
}

func course(c learning.Course) wire.Course {
	out := wire.Course{
		ID: c.ID, Identifier: c.Identifier, Name: c.Name, Type: c.Type, Master: c.Master, MasterID: c.MasterID, Published: c.Published,
		Status: c.Status, Availability: c.Availability, DurationMS: c.DurationMS, Categories: append([]string{}, c.Categories...),
		OrganizationID: c.OrganizationID, Link: c.Link, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if c.Scheduled {
		out.Schedule = &wire.Schedule{StartsAt: c.StartsAt, EndsAt: c.EndsAt}
	}
	return out
}

func classSession(m models.ClassSession) wire.ClassSession {
	return wire.ClassSession{
		ID: m.ID, CourseID: m.CourseID, Name: m.Name, Description: m.Description, Location: m.Location, StartsAt: m.StartsAt, EndsAt: m.EndsAt,
		AllDay: m.AllDay, Live: m.Live, IncludeGrade: m.IncludeGrade, Published: m.Published, Optional: m.Optional,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

func catalogItem(i learning.CatalogItem) wire.CatalogItem {
	return wire.CatalogItem{ID: i.PublicID, CourseID: i.CourseID, Link: i.Link, CreatedAt: i.CreatedAt}
}
