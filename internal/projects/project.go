package projects

import (
	"context"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// Input is what a project is made of.
type Input struct {
	Name        string
	Description string
	Status      *models.WorkStatus // nil: models.WorkActive
	StartsOn    time.Time
	EndsOn      time.Time
	Budget      models.Money
	// OrganizationID names the organization. Nil is the one that the caller has
	// joined first, or none for who sees all.
	OrganizationID *int64
}

func (in *Input) check() error {
	var c check
	c.name(&in.Name)
	c.description(&in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.WorkStatuses...)
	c.span(&in.StartsOn, &in.EndsOn)
	c.budget(&in.Budget)
	return c.Err()
}

// Change is what of a project is to be changed; nil stays as it is.
type Change struct {
	Name        *string
	Description *string
	Status      *models.WorkStatus
	StartsOn    *time.Time
	EndsOn      *time.Time
	Budget      *models.Money
}

func (in *Change) check() error {
	var c check
	c.name(in.Name)
	c.description(in.Description)
	input.OneOf(&c.Check, "status", in.Status, models.WorkStatuses...)
	c.span(in.StartsOn, in.EndsOn)
	c.budget(in.Budget)
	return c.Err()
}

// apply changes p. Dates come before the status: what is wrong with an input is
// told before what is in its way.
func (in *Change) apply(p *models.Project) error {
	set(&p.Name, in.Name)
	set(&p.Description, in.Description)
	set(&p.StartsOn, in.StartsOn)
	set(&p.EndsOn, in.EndsOn)
	set(&p.Budget, in.Budget)
	if err := spans(p.StartsOn, p.EndsOn); err != nil {
		return err
	}
	return follow("a project", &p.Status, in.Status)
}

// List gives all projects in the caller's reach, the newest first, with one
// statement. Errors: models.ErrUnauthenticated.
func (s *Service) List(ctx context.Context) (list []models.Project, err error) {
	reach, err := s.reader(ctx)
	if err != nil {
		return nil, refused("list", err)
	}
	// Who sees all has a statement of their own, so that no plan is made for both.
	where := ""
	if !reach.All {
		where = ` AND ` + inReach
	}
	err = s.d.DB.Query(ctx, &list, `SELECT p.* FROM projects p WHERE p.account_id = @account_id`+where+`
		ORDER BY p.created_at DESC, p.id DESC`, reach.Args(store.Args{}))
	return list, refused("list", err)
}

// Get reads a project in the caller's reach. Errors: models.ErrUnauthenticated,
// ErrUnknown.
func (s *Service) Get(ctx context.Context, id int64) (models.Project, error) {
	reach, err := s.reader(ctx)
	if err != nil {
		return models.Project{}, refused("get", err)
	}
	p, err := s.read(ctx, reach, id, "")
	return p, refused("get", err)
}

// Create opens a project, for a manager. Errors: an invalid input,
// models.ErrForbidden, also for an organization that is named and not in the
// caller's reach and for a manager who is in none; people.ErrOrganizationUnknown
// for who sees all.
func (s *Service) Create(ctx context.Context, in Input) (p models.Project, err error) {
	reach, err := s.manager(ctx, in.check)
	if err != nil {
		return p, refused("create", err)
	}
	p = models.Project{
		Name: in.Name, Description: in.Description, Status: models.WorkActive, StartsOn: in.StartsOn, EndsOn: in.EndsOn, Budget: in.Budget,
	}
	set(&p.Status, in.Status)
	if p.OrganizationID, err = s.organization(ctx, reach, in.OrganizationID); err != nil {
		return models.Project{}, refused("create", err)
	}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.d.DB.Conn(ctx).Create(&p).Error; err != nil {
			return err
		}
		event := projectEvent("project.created", p, nil)
		event.OrganizationID = p.OrganizationID
		return audit.Write(ctx, s.d.DB, event)
	})
	if err != nil {
		return models.Project{}, refused("create", err)
	}
	return p, nil
}

// organization is where a new project belongs.
func (s *Service) organization(ctx context.Context, reach auth.Reach, named *int64) (*int64, error) {
	switch {
	case named != nil:
		return named, s.d.People.NamedOrganization(ctx, *named)
	case reach.All:
		return nil, nil //nolint:nilnil // a project of the account itself
	case len(reach.Organizations) == 0:
		return nil, models.ErrForbidden
	}
	return &reach.Organizations[0], nil
}

// Update changes a project, for a manager. What is the same already changes
// nothing. Errors: an invalid input, models.ErrForbidden, ErrUnknown,
// ErrTransition.
func (s *Service) Update(ctx context.Context, id int64, in Change) (p models.Project, err error) {
	err = s.change(ctx, "update", change{project: id, lock: "NO KEY UPDATE", check: in.check, do: func(ctx context.Context, stored models.Project) (audit.Event, error) {
		p = stored
		if err := in.apply(&p); err != nil {
			return audit.Event{}, err
		}
		changed := differing(
			field{"name", stored.Name == p.Name}, field{"description", stored.Description == p.Description},
			field{"status", stored.Status == p.Status}, field{"starts_on", stored.StartsOn.Equal(p.StartsOn)},
			field{"ends_on", stored.EndsOn.Equal(p.EndsOn)}, field{"budget", stored.Budget == p.Budget},
		)
		if len(changed) == 0 {
			return audit.Event{}, nil
		}
		return projectEvent("project.updated", p, changed), s.save(ctx, &p, changed)
	}})
	if err != nil {
		return models.Project{}, err
	}
	return p, nil
}

// Delete takes a project away with its expenses, milestones, activities and
// their assignments, for a manager. Errors: models.ErrForbidden, ErrUnknown.
func (s *Service) Delete(ctx context.Context, id int64) error {
	return s.change(ctx, "delete", change{project: id, lock: "UPDATE", do: func(ctx context.Context, p models.Project) (audit.Event, error) {
		return projectEvent("project.deleted", p, nil), s.d.DB.Conn(ctx).Delete(&p).Error
	}})
}

func projectEvent(action string, p models.Project, changed []string) audit.Event {
	return audit.Event{Action: action, SubjectType: "project", SubjectID: p.ID, Data: facts(p.Name, p.Status, changed)}
}

// facts are what an event tells about what it is about.
func facts[S ~string](name string, status S, changed []string) map[string]any {
	out := map[string]any{"name": name, "status": string(status)}
	if len(changed) > 0 {
		out["changed"] = changed
	}
	return out
}

// field is a column, and whether it is as it was.
type field struct {
	column string
	same   bool
}

func differing(fields ...field) (changed []string) {
	for _, f := range fields {
		if !f.same {
			changed = append(changed, f.column)
		}
	}
	return changed
}

// save writes the columns that have changed of a row that the transaction has
// locked.
func (s *Service) save(ctx context.Context, row any, changed []string) error {
	columns := append([]string{"updated_at"}, changed...)
	if err := s.d.DB.Conn(ctx).Model(row).Select(columns).Updates(row).Error; err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}
