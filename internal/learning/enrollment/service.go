// Package enrollment keeps who is in which course and how far they have come.
//
// A person is in a course because somebody put them there (directly), because a
// group that they belong to is linked to the course, or because the learning
// system that the course comes from says so (lms_learner, lms_instructor, which
// internal/integration/mirror writes). Links are live: who joins or leaves such a
// group, or is below one whose link is recursive, begins or ends with it. Which
// link enrols whom is written down (enrollment_sources), so that a person can be
// taken out of a course while the group stays: the sources are withdrawn then, and
// enrol again only after the reason has gone and come back, that is, when the
// person joins anew or the group is linked anew. All members of a linked group are
// learners, whatever their possible roles: the group was chosen, not the person.
//
// Whatever changes links, the tree of groups or memberships calls FollowUsers or
// FollowGroups in its transaction. They compare what the links say with the
// sources and write the difference, in statements whose number does not depend
// on how many people there are.
//
// Locks are taken in this order, so that no two transactions wait for each
// other: people by id, the tree of groups (group.Lock), the course, enrolments
// by person and course.
package enrollment

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	// ErrRole: the person may not be in a course what they were to be there.
	ErrRole = models.Refuse(models.KindInvalid, "enrollment.role", "the role is not among the user's possible roles")
	// ErrNotLearner: only learners complete courses.
	ErrNotLearner = models.Refuse(models.KindInvalid, "enrollment.not_learner", "the user is not a learner of the course")
	// ErrUnknown: the person is no learner of the course.
	ErrUnknown = models.Refuse(models.KindNotFound, "enrollment.unknown", "the user is not a learner of the course")
)

// MaxBatch is how many people or reports one call takes.
const MaxBatch = 1000

// People is what the area needs of the people.
type People interface {
	// LockUser locks a person who is not deleted until the transaction ends.
	LockUser(ctx context.Context, user ref.Ref) (models.User, error)
	// LockUsers locks those who exist of several people, in the order of their
	// ids. The result has a place for each that was named, with id 0 for the
	// unknown.
	LockUsers(ctx context.Context, users []ref.Ref) ([]models.User, error)
	// PossibleRolesOf gives the titles of the possible roles of each person.
	PossibleRolesOf(ctx context.Context, userIDs []int64) (map[int64][]string, error)
}

// Courses is what the area needs of the courses.
type Courses interface {
	// LockCourse locks a channel until the transaction ends.
	LockCourse(ctx context.Context, course ref.Ref) (models.Course, error)
}

// Groups is what the area needs of the groups.
type Groups interface {
	// Get reads a group; with the name of a sub-account only one of its.
	Get(ctx context.Context, r ref.Ref, subAccount string) (group.Group, error)
}

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	People  People
	Courses Courses
	Groups  Groups
	Clock   clock.Clock // nil: the system's
	// Changed is told, in the transaction and after the rows are written, which
	// people began or ended to learn in which courses, or came further there:
	// userIDs[i] in courseIDs[i]. Each pair comes once.
	Changed func(ctx context.Context, userIDs, courseIDs []int64) error
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db      *store.DB
	people  People
	courses Courses
	groups  Groups
	now     clock.Clock
	changed func(ctx context.Context, userIDs, courseIDs []int64) error
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil || d.Courses == nil || d.Groups == nil || d.Changed == nil {
		return nil, errors.New("enrollment: DB, People, Courses, Groups and Changed are needed")
	}
	return &Service{db: d.DB, people: d.People, courses: d.Courses, groups: d.Groups, now: d.Clock.Or(), changed: d.Changed}, nil
}

// change runs fn in a transaction, for an administrator of the account. What fn
// gives goes to the audit trail.
func (s *Service) change(ctx context.Context, what string, fn func(ctx context.Context) ([]audit.Event, error)) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
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
		return fmt.Errorf("enrollment: %s: %w", what, err)
	}
	return nil
}

// pair is a person and a course.
type pair struct {
	UserID   int64
	CourseID int64
}

// split gives the people and the courses of pairs, in parallel.
func split(pairs []pair) (users, courses pq.Int64Array) {
	users, courses = make(pq.Int64Array, len(pairs)), make(pq.Int64Array, len(pairs))
	for i, p := range pairs {
		users[i], courses[i] = p.UserID, p.CourseID
	}
	return users, courses
}

// tell gives the pairs that have changed to who depends on them.
func (s *Service) tell(ctx context.Context, pairs []pair) error {
	if len(pairs) == 0 {
		return nil
	}
	users, courses := split(pairs)
	return s.changed(ctx, users, courses)
}
