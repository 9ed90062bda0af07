// Package projects keeps projects with their expenses, milestones and
// activities, and who is on an activity.
//
// A project belongs to an organization or to the account itself. Everybody
// reads what is in their reach (auth.Reach); what is not does not exist.
// Managers change the projects of organizations that they are members of; one
// of the account itself is changed by its administrators only, because it is
// everybody's to see.
//
// Whatever changes in a project locks it first and its part then: statuses and
// dates are compared with what is stored while nobody else changes it, and a
// project is never deleted from under what is being added to it.
package projects

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm/clause"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrUnknown           = models.Refuse(models.KindNotFound, "project.unknown", "project not found")
	ErrExpenseUnknown    = models.Refuse(models.KindNotFound, "expense.unknown", "expense not found")
	ErrMilestoneUnknown  = models.Refuse(models.KindNotFound, "milestone.unknown", "milestone not found")
	ErrActivityUnknown   = models.Refuse(models.KindNotFound, "activity.unknown", "activity not found")
	ErrAssignmentUnknown = models.Refuse(models.KindNotFound, "activity_assignment.unknown", "assignment not found")
	ErrAssigned          = models.Refuse(models.KindConflict, "activity_assignment.exists", "the user is assigned to this activity already")
	// ErrTransition is the refusal of a status that does not follow the present
	// one; its text names both.
	ErrTransition = models.Refuse(models.KindConflict, "status.transition", "this status cannot follow the present one")
)

// Deps is what a Service needs.
type Deps struct {
	DB        *store.DB
	People    *people.Service
	Notify    *notify.Service
	PublicURL string // where people go on from a mail
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil || d.Notify == nil {
		return nil, errors.New("projects: DB, People and Notify are needed")
	}
	s := &Service{d: d}
	d.Notify.RegisterParams(templateAssigned, s.assignedValues)
	return s, nil
}

// managers hold one of these roles.
var managers = []string{models.RoleAdmin, models.RoleOrgAdmin, models.RoleProjectManager}

// manager gives the reach of the caller, who must be a manager: whoever is none
// learns nothing about the input.
func (s *Service) manager(ctx context.Context, check func() error) (auth.Reach, error) {
	if _, err := auth.CallerWith(ctx, managers...); err != nil {
		return auth.Reach{}, err
	}
	if check != nil {
		if err := check(); err != nil {
			return auth.Reach{}, err
		}
	}
	return s.d.People.Reach(ctx)
}

// mayChange is the right on a record that is in reach.
func mayChange(reach auth.Reach, organizationID *int64) error {
	if reach.All || organizationID != nil && reach.Member(*organizationID) {
		return nil
	}
	return models.ErrForbidden
}

// change is a manager's change of a project.
type change struct {
	project int64
	lock    string       // of the project: "KEY SHARE" for changes of its parts
	check   func() error // of the input, if there is one
	// find locks the part that is to be changed, if it is about one.
	find func(ctx context.Context) error
	// do makes the change. The event gets its organization from the project; one
	// without action says that nothing has changed.
	do func(ctx context.Context, p models.Project) (audit.Event, error)
}

// change runs a change: role and input are checked, then, in one transaction,
// what it is about is found, the caller's right on it checked, and the change
// made and noted in the audit trail.
func (s *Service) change(ctx context.Context, what string, c change) error {
	reach, err := s.manager(ctx, c.check)
	if err != nil {
		return refused(what, err)
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		p, err := s.read(ctx, reach, c.project, " FOR "+c.lock)
		if err != nil {
			return err
		}
		if c.find != nil {
			if err := c.find(ctx); err != nil {
				return err
			}
		}
		if err := mayChange(reach, p.OrganizationID); err != nil {
			return err
		}
		event, err := c.do(ctx, p)
		if err != nil || event.Action == "" {
			return err
		}
		event.OrganizationID = p.OrganizationID
		return audit.Write(ctx, s.d.DB, event)
	})
	return refused(what, err)
}

// read gives a project that is in reach, with a lock or none.
func (s *Service) read(ctx context.Context, reach auth.Reach, id int64, lock string) (p models.Project, err error) {
	err = s.d.DB.Query(ctx, &p, `SELECT p.* FROM projects p
		WHERE p.account_id = @account_id AND p.id = @id AND `+inReach+lock, reach.Args(store.Args{"id": id}))
	if err == nil && p.ID == 0 {
		err = ErrUnknown
	}
	return p, err
}

// inReach is what holds for the projects p that a caller sees.
var inReach = auth.ReachSQL("p.organization_id")

// lockPart reads a part of a project and keeps others from changing it until the
// end of the transaction.
func (s *Service) lockPart(ctx context.Context, part any, projectID, id int64, unknown error) error {
	err := s.d.DB.Conn(ctx).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).
		Where("project_id = ? AND id = ?", projectID, id).Take(part).Error
	if errors.Is(err, models.ErrNotFound) {
		return unknown
	}
	return err
}

// deletePart takes away a part that the transaction has locked.
func (s *Service) deletePart(ctx context.Context, part any) error {
	return s.d.DB.Conn(ctx).Delete(part).Error
}

// part is a row below a project in a list, or the project itself when it has
// none: Part is empty then.
type part[T any] struct {
	PartID int64
	Part   T `gorm:"embedded"`
}

// parts reads the rows of a table that belong to a project in the caller's
// reach, all of them or, with an id, that one, with one statement. Errors:
// models.ErrUnauthenticated, ErrUnknown.
func parts[T any](ctx context.Context, s *Service, table, order string, projectID int64, id *int64) ([]T, error) {
	reach, err := s.reader(ctx)
	if err != nil {
		return nil, refused("read "+table, err)
	}
	where := ""
	args := reach.Args(store.Args{"project": projectID})
	if id != nil {
		where, args["id"] = " AND c.id = @id", *id
	}
	var rows []part[T]
	err = s.d.DB.Query(ctx, &rows, `SELECT coalesce(c.id, 0) AS part_id, c.* FROM projects p LEFT JOIN `+table+` c ON c.project_id = p.id`+where+`
		WHERE p.account_id = @account_id AND p.id = @project AND `+inReach+` ORDER BY `+order, args)
	switch {
	case err != nil:
		return nil, refused("read "+table, err)
	case len(rows) == 0:
		return nil, ErrUnknown
	case rows[0].PartID == 0:
		return nil, nil
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = r.Part
	}
	return out, nil
}

// one reads one row that belongs to a project in the caller's reach.
func one[T any](ctx context.Context, s *Service, table string, projectID, id int64, unknown error) (row T, err error) {
	rows, err := parts[T](ctx, s, table, "c.id", projectID, &id)
	if err == nil && len(rows) == 0 {
		err = unknown
	}
	if err != nil {
		return row, err
	}
	return rows[0], nil
}

// reader gives the reach of whoever calls.
func (s *Service) reader(ctx context.Context) (auth.Reach, error) {
	if _, err := auth.Caller(ctx); err != nil {
		return auth.Reach{}, err
	}
	return s.d.People.Reach(ctx)
}

// CountOf counts the projects of an organization, which cannot be deleted while
// it has any.
func (s *Service) CountOf(ctx context.Context, organizationID int64) (n int64, err error) {
	err = s.d.DB.Query(ctx, &n, `SELECT count(*) FROM projects WHERE account_id = @account_id AND organization_id = @organization`,
		store.Args{"organization": organizationID})
	return n, refused("count", err)
}

// UsersGone takes people off all activities, in the transaction that deletes
// them.
func (s *Service) UsersGone(ctx context.Context, userIDs ...int64) error {
	if len(userIDs) == 0 {
		return nil
	}
	err := s.d.DB.Conn(ctx).Where("user_id IN ?", userIDs).Delete(&models.ActivityAssignment{}).Error
	return refused("users gone", err)
}

// refused maps what the database decided, passes refusals on and says what went
// wrong otherwise.
func refused(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Violates(err, "activity_assignments_pair"):
		return ErrAssigned.With(err)
	case store.Violates(err, "projects_organization_id_fkey"): // deleted after it was looked up
		return people.ErrOrganizationUnknown.With(err)
	case models.KindOf(err) != "":
		return err
	}
	return fmt.Errorf("projects: %s: %w", what, err)
}
