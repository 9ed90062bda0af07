package learning

import (
	"context"
	"time"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Schedule is from when to when a course runs. A missing end is open.
type Schedule struct {
	StartsAt *time.Time
	EndsAt   *time.Time
}

// CourseInput is what a course is made of in the hub itself.
type CourseInput struct {
	Identifier     *string // nil: the id of the course, or the next one that is free
	Name           string
	Type           models.CourseType
	Master         bool                 // of type COURSE only
	Published      *bool                // of masters; nil: published
	Status         *models.CourseStatus // of channels; nil: ACTIVE
	Schedule       *Schedule            // of channels
	DurationMS     *int64
	Categories     []string
	OrganizationID *int64 // a sub-account; nil: the account itself
}

func (in *CourseInput) check() error {
	var c check
	if in.Identifier != nil {
		c.identifier("identifier", *in.Identifier)
	}
	c.name(&in.Name)
	input.OneOf(&c.Check, "type", &in.Type, models.CourseTypes...)
	input.OneOf(&c.Check, "status", in.Status, models.CourseStatuses...)
	c.schedule(in.Schedule)
	c.duration(in.DurationMS)
	in.Categories = c.categories(in.Categories)
	if in.Master && in.Type == models.CourseTypeStream {
		c.Bad("type", input.Invalid, "is invalid, a master is a COURSE")
	}
	c.kind(in.Master, in.Published, in.Status, in.Schedule)
	return c.Err()
}

// kind refuses what masters or channels do not have: a channel that is not
// published is a draft, and nobody learns in a master, whenever that might be.
func (c *check) kind(master bool, published *bool, status *models.CourseStatus, schedule *Schedule) {
	switch {
	case !master && published != nil && !*published:
		c.Bad("published", input.Invalid, "is for masters, a channel that is not published has the status DRAFT")
	case master && status != nil && *status != models.CourseActive:
		c.Bad("status", input.Invalid, "is for channels, a master is published or not")
	case master && schedule != nil:
		c.Bad("schedule", input.Invalid, "is for channels")
	}
}

// CreateCourse makes a channel or a master, for an admin. Errors: an invalid
// input, also for an organization that is no sub-account, ErrIdentifierTaken.
func (s *Service) CreateCourse(ctx context.Context, in CourseInput) (Course, error) {
	if err := in.check(); err != nil {
		return Course{}, err
	}
	row := models.Course{
		Name: in.Name, Type: in.Type, Master: in.Master, Published: true, Status: models.CourseActive, OrganizationID: in.OrganizationID,
		DurationMS: in.DurationMS, Categories: in.Categories,
	}
	set(&row.Published, in.Published)
	set(&row.Status, in.Status)
	row = scheduled(row, in.Schedule)
	var made Course
	err := s.change(ctx, "create course", func(ctx context.Context) ([]audit.Event, error) {
		name, err := s.organizationName(ctx, in.OrganizationID)
		if err != nil {
			return nil, err
		}
		created, err := s.insertNative(ctx, row, in.Identifier)
		if err != nil {
			return nil, err
		}
		made = s.settled(Course{Course: created, SubAccount: name})
		return []audit.Event{courseEvent("course.created", created, facts(created))}, nil
	})
	return made, err
}

// organizationName gives the name of a sub-account, which stays one until the
// transaction ends. Nil for none.
func (s *Service) organizationName(ctx context.Context, id *int64) (*string, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // no organization has no name
	}
	var name *string
	err := s.db.Query(ctx, &name, `SELECT o.name FROM organizations o WHERE o.account_id = @account_id AND o.id = @id AND o.status = 'ACTIVE' AND NOT o.is_default
		FOR SHARE`, store.Args{"id": *id})
	if err == nil && name == nil {
		var c check
		c.Bad("organization_id", input.Invalid, "is invalid, must be an active organization other than the default one")
		err = c.Err()
	}
	return name, err
}

// CourseChange is what of a course is to be changed. Nil fields and those that
// were not sent stay as they are.
type CourseChange struct {
	Name           *string
	Published      *bool                 // of masters
	Status         *models.CourseStatus  // of channels
	Schedule       input.Field[Schedule] // of channels; cleared: none
	DurationMS     input.Field[int64]    // cleared: unknown
	Categories     *[]string
	OrganizationID input.Field[int64] // cleared: the account itself
}

func (in *CourseChange) check() error {
	var c check
	c.name(in.Name)
	input.OneOf(&c.Check, "status", in.Status, models.CourseStatuses...)
	c.schedule(in.Schedule.Value)
	c.duration(in.DurationMS.Value)
	if in.Categories != nil {
		*in.Categories = c.categories(*in.Categories)
	}
	return c.Err()
}

// ChangeCourse changes a channel or master, for an admin. Errors: an invalid
// input, also for what a master or a channel does not have and for an
// organization that is no sub-account; ErrCourseUnknown.
func (s *Service) ChangeCourse(ctx context.Context, course ref.Ref, in CourseChange) (Course, error) {
	if err := in.check(); err != nil {
		return Course{}, err
	}
	var changed Course
	err := s.change(ctx, "change course", func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.find(ctx, course, "true", "FOR NO KEY UPDATE OF c")
		if err != nil {
			return nil, err
		}
		var c check
		c.kind(old.Master, in.Published, in.Status, in.Schedule.Value)
		if err := c.Err(); err != nil {
			return nil, err
		}
		changed = old
		if in.OrganizationID.Sent && !same(in.OrganizationID.Value, old.OrganizationID) {
			if changed.SubAccount, err = s.organizationName(ctx, in.OrganizationID.Value); err != nil {
				return nil, err
			}
			changed.OrganizationID = in.OrganizationID.Value
		}
		set(&changed.Name, in.Name)
		set(&changed.Published, in.Published)
		set(&changed.Status, in.Status)
		if in.Schedule.Sent {
			changed.Course = scheduled(changed.Course, in.Schedule.Value)
		}
		if in.DurationMS.Sent {
			changed.DurationMS = in.DurationMS.Value
		}
		if in.Categories != nil {
			changed.Categories = *in.Categories
		}
		changed = s.settled(changed)
		return s.update(ctx, old.Course, &changed.Course)
	})
	if err != nil {
		return Course{}, err
	}
	return changed, nil
}

// DeleteCourse deletes a channel or master with its sessions, its entry in the
// catalogue and what others keep about it, for an admin. Errors:
// ErrCourseUnknown, ErrCourseInstances, ErrCourseCertified.
func (s *Service) DeleteCourse(ctx context.Context, course ref.Ref) error {
	return s.change(ctx, "delete course", func(ctx context.Context) ([]audit.Event, error) {
		// Who names the course, as a certificate does, locks it against this.
		old, err := s.find(ctx, course, "true", "FOR UPDATE OF c")
		if err != nil {
			return nil, err
		}
		args := store.Args{"id": old.ID}
		var used struct{ Instances, Certified bool }
		err = s.db.Query(ctx, &used, `SELECT EXISTS (SELECT FROM courses WHERE account_id = @account_id AND master_id = @id) AS instances,
			EXISTS (SELECT FROM certificate_courses WHERE account_id = @account_id AND course_id = @id) AS certified`, args)
		switch {
		case err != nil:
			return nil, err
		case used.Instances:
			return nil, ErrCourseInstances
		case used.Certified:
			return nil, ErrCourseCertified
		}
		if err := s.courseGone(ctx, old.ID); err != nil {
			return nil, err
		}
		for _, table := range []string{"catalog_items", "class_sessions"} {
			if _, err := s.db.Exec(ctx, `DELETE FROM `+table+` WHERE account_id = @account_id AND course_id = @id`, args); err != nil {
				return nil, err
			}
		}
		if _, err := s.db.Exec(ctx, `DELETE FROM courses WHERE account_id = @account_id AND id = @id`, args); err != nil {
			return nil, err
		}
		return []audit.Event{courseEvent("course.deleted", old.Course, facts(old.Course))}, nil
	})
}

// set copies what is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// same tells whether two optional values are the same.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// scheduled is a course with another schedule.
func scheduled(c models.Course, s *Schedule) models.Course {
	c.Scheduled, c.StartsAt, c.EndsAt = s != nil, nil, nil
	if s != nil {
		c.StartsAt, c.EndsAt = s.StartsAt, s.EndsAt
	}
	return c
}
