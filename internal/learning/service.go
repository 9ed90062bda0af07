// Package learning keeps courses: channels that people learn in, the master
// courses that channels can be made from, the class sessions of a course and
// its entry in the catalogue.
//
// A course belongs to the account itself or to one sub-account, an ACTIVE
// organization other than the default one. When that organization is
// deactivated its courses are gone for calling systems, which name courses by
// identifier: they are neither listed nor found, while their identifiers stay
// taken. The hub's own administrators name courses by id and still see them.
package learning

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrCourseUnknown = models.Refuse(models.KindNotFound, "course.unknown", "there is no such course")
	// ErrMasterUnknown: what an instance is to be made from does not exist.
	ErrMasterUnknown   = models.Refuse(models.KindNotFound, "course.master_unknown", "there is no such master course")
	ErrIdentifierTaken = models.Refuse(models.KindConflict, "course.identifier_taken", "another course has this identifier")
	ErrSessionUnknown  = models.Refuse(models.KindNotFound, "session.unknown", "the course has no such session")
	ErrCatalogUnknown  = models.Refuse(models.KindNotFound, "catalog_item.unknown", "the course is not in the catalogue")
	// ErrCourseCertified: a certificate is given for completing the course.
	ErrCourseCertified = models.Refuse(models.KindConflict, "course.certified", "a certificate names the course: take it off the certificate first")
	ErrCourseInstances = models.Refuse(models.KindConflict, "course.instances", "courses have been made from this master: delete them first")
	// ErrNoSessions: only channels of type COURSE have sessions.
	ErrNoSessions = models.Refuse(models.KindConflict, "course.no_sessions", "streams and master courses have no sessions")
	// ErrNoCatalog: only what can be learned in is shown in the catalogue.
	ErrNoCatalog = models.Refuse(models.KindConflict, "course.no_catalog", "master courses are not shown in the catalogue")
)

// Sizes, in characters unless said otherwise.
const (
	MaxName        = 1000
	MaxCategory    = 255
	MaxCategories  = 100 // how many
	MaxDescription = 10_000
	MaxLocation    = 1000
	// MaxDuration is the longest duration of a course, in milliseconds: a
	// hundred years. JSON numbers of this size are exact everywhere.
	MaxDuration = int64(100*366*24) * int64(time.Hour/time.Millisecond)
)

// Deps is what a Service needs.
type Deps struct {
	DB    *store.DB
	Clock clock.Clock // nil: the system's
	// PublicURL is where the hub is reached, without a slash at the end: the
	// pages of courses are below it.
	PublicURL string
	// SubAccount finds a sub-account by its name, as
	// people.Service.SubAccount does; its refusal when there is none is
	// passed on.
	SubAccount func(ctx context.Context, name string) (int64, error)
	// CourseGone ends what others keep about a course, in the transaction that
	// deletes it and before the row goes.
	CourseGone func(ctx context.Context, courseID int64) error
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db         *store.DB
	now        clock.Clock
	public     string
	subAccount func(ctx context.Context, name string) (int64, error)
	courseGone func(ctx context.Context, courseID int64) error
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.PublicURL == "" || d.SubAccount == nil || d.CourseGone == nil {
		return nil, errors.New("learning: DB, PublicURL, SubAccount and CourseGone are needed")
	}
	return &Service{db: d.DB, now: d.Clock.Or(), public: d.PublicURL, subAccount: d.SubAccount, courseGone: d.CourseGone}, nil
}

// admin refuses callers who do not administer the account.
func admin(ctx context.Context) error {
	_, err := auth.CallerWith(ctx, models.RoleAdmin)
	return err
}

// change runs fn in a transaction. What fn gives goes to the audit trail.
func (s *Service) change(ctx context.Context, what string, fn func(ctx context.Context) ([]audit.Event, error)) error {
	if err := admin(ctx); err != nil {
		return err
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		events, err := fn(ctx)
		if err != nil {
			return err
		}
		return audit.Write(ctx, s.db, events...)
	})
	return wrap(what, err)
}

// wrap says what failed. The refusals in the chain stay what they are.
func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("learning: %s: %w", what, err)
	}
	return nil
}

// Availability is whether and how a course can be taken at a moment. Being
// inactive or a draft comes before any schedule. With one, the course runs from
// StartsAt up to and including EndsAt.
func Availability(c models.Course, now time.Time) models.Availability {
	switch {
	case c.Status == models.CourseInactive:
		return models.AvailabilityNonActive
	case c.Status == models.CourseDraft:
		return models.AvailabilityDraft
	case !c.Scheduled:
		return models.AvailabilityActive
	case c.StartsAt != nil && now.Before(*c.StartsAt):
		return models.AvailabilityScheduled
	case c.EndsAt != nil && now.After(*c.EndsAt):
		return models.AvailabilityFinished
	}
	return models.AvailabilityStarted
}

// LockCourse reads a channel, not a master, and keeps it from being changed or
// deleted until the transaction ends. One statement. Errors: ErrCourseUnknown.
func (s *Service) LockCourse(ctx context.Context, course ref.Ref) (models.Course, error) {
	c, err := s.find(ctx, course, "NOT c.master", "FOR SHARE OF c")
	if err != nil {
		return models.Course{}, wrap("lock course", err)
	}
	return c.Course, nil
}
