package learning

import (
	"context"

	"quad/internal/people"
	"quad/internal/ref"
	"quad/models"
)

// Course is a course with what others are called that it belongs to, what it is
// right now, and where.
type Course struct {
	models.Course
	SubAccount       *string             // name of the organization, nil without one
	MasterIdentifier *string             // nil: not an instance
	Availability     models.Availability `gorm:"-"`
	Link             string              `gorm:"-"` // address of its page
}

// courseColumns and courseTables read a Course.
const (
	courseColumns = `c.*, o.name AS sub_account, m.identifier AS master_identifier`
	courseTables  = ` FROM courses c LEFT JOIN organizations o ON o.id = c.organization_id LEFT JOIN courses m ON m.id = c.master_id`
)

// inReach holds for courses that calling systems see.
const inReach = `(c.organization_id IS NULL OR o.status = 'ACTIVE')`

// ofSubAccount holds for courses of the sub-account called @sub_account.
const ofSubAccount = `c.organization_id = (` + people.SubAccountSQL + `)`

// find reads the course that is named, if the condition holds for it. lock is
// added to the statement.
func (s *Service) find(ctx context.Context, course ref.Ref, condition, lock string) (Course, error) {
	var c Course
	if !course.Valid() {
		return c, ErrCourseUnknown
	}
	if course.ID == 0 {
		condition += " AND " + inReach
	}
	err := s.db.Query(ctx, &c, `SELECT `+courseColumns+courseTables+` WHERE c.account_id = @account_id AND `+course.Condition("c")+
		` AND `+condition+` `+lock, course.Args())
	if err == nil && c.ID == 0 {
		err = ErrCourseUnknown
	}
	if err != nil {
		return Course{}, err
	}
	return s.settled(c), nil
}

// settled tells what the course is right now, and where.
func (s *Service) settled(c Course) Course {
	c.Availability = Availability(c.Course, s.now())
	c.Link = s.public + "/channels/" + c.PublicID
	return c
}

// Channel reads a channel, not a master, for an admin. One statement. Errors:
// ErrCourseUnknown.
func (s *Service) Channel(ctx context.Context, course ref.Ref) (Course, error) {
	return s.read(ctx, course, "NOT c.master")
}

// Course reads a channel or a master, for an admin. One statement. Errors:
// ErrCourseUnknown.
func (s *Service) Course(ctx context.Context, course ref.Ref) (Course, error) {
	return s.read(ctx, course, "true")
}

func (s *Service) read(ctx context.Context, course ref.Ref, condition string) (Course, error) {
	if err := admin(ctx); err != nil {
		return Course{}, err
	}
	c, err := s.find(ctx, course, condition, "")
	return c, wrap("read course", err)
}
