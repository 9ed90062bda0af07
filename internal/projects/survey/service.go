// Package survey keeps surveys: forms that managers make of fields, that people
// are assigned to and that anybody who sees them hands in, as often as they like.
//
// Who sees a survey: administrators; the members of its organization; everybody,
// if it belongs to none; and who is assigned to it, unless its organization is
// not ACTIVE. To everyone else it does not exist. Managers change those of their
// organizations; what belongs to none only administrators change. A submission
// is held against the fields as they are: it waits for whoever is changing the
// survey, and the other way round.
package survey

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrNotFound           = models.Refuse(models.KindNotFound, "form.not_found", "form not found")
	ErrFieldNotFound      = models.Refuse(models.KindNotFound, "form_field.not_found", "field not found")
	ErrAssignmentNotFound = models.Refuse(models.KindNotFound, "form_assignment.not_found", "assignment not found")
	ErrTransition         = models.Refuse(models.KindConflict, "form.transition", "the form cannot go from its status to this one")
	ErrNotActive          = models.Refuse(models.KindConflict, "form.not_active", "form is not active")
	ErrAssigned           = models.Refuse(models.KindConflict, "form.assigned", "form is already assigned to this user")
	ErrFull               = models.Refuse(models.KindInvalid, "form.full", fmt.Sprintf("a form has at most %d fields", models.MaxSurveyFields))
)

// People is what the area asks about people; people.Service is it.
type People interface {
	// Reach is what the caller sees.
	Reach(ctx context.Context) (auth.Reach, error)
	// OwnerOrganization is the organization of a new record of the caller.
	OwnerOrganization(ctx context.Context, named *int64) (*int64, error)
	// UserInReach gives a person whom the caller sees and keeps them from being
	// deleted until the transaction ends.
	UserInReach(ctx context.Context, id int64) (models.User, error)
}

// Deps is what a Service needs.
type Deps struct {
	DB     *store.DB
	People People
	Mail   *notify.Service
	Clock  clock.Clock // decides what is overdue; default clock.System
	// PublicURL is where the link of a mail leads.
	PublicURL string
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db     *store.DB
	people People
	mail   *notify.Service
	now    clock.Clock
	url    string
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil || d.Mail == nil {
		return nil, errors.New("survey: DB, People and Mail are needed")
	}
	s := &Service{db: d.DB, people: d.People, mail: d.Mail, now: d.Clock.Or(), url: d.PublicURL}
	s.mail.RegisterParams(mailAssigned, s.stillAssigned)
	return s, nil
}

// managers are the roles of those who make surveys.
var managers = []string{models.RoleAdmin, models.RoleOrgAdmin, models.RoleProjectManager}

// caller gives who calls: a person, who must hold one of the roles, if any are
// named.
func caller(ctx context.Context, roles ...string) (auth.Principal, error) {
	p, err := auth.Caller(ctx)
	if err == nil && (p.UserID == 0 || len(roles) > 0 && !p.Has(roles...)) {
		err = models.ErrForbidden
	}
	return p, err
}

// reaching is caller with what they see.
func (s *Service) reaching(ctx context.Context, roles ...string) (auth.Principal, auth.Reach, error) {
	p, err := caller(ctx, roles...)
	if err != nil {
		return p, auth.Reach{}, err
	}
	reach, err := s.people.Reach(ctx)
	return p, reach, err
}

// assigned is the condition that the caller sees survey s because they were
// asked to fill it in.
const assigned = `EXISTS (SELECT FROM survey_assignments a JOIN organizations o ON o.id = s.organization_id AND o.status = 'ACTIVE'
	WHERE a.survey_id = s.id AND a.user_id = CAST(@caller AS bigint))`

// inReach reads a survey that the caller sees.
var inReach = `SELECT s.* FROM surveys s WHERE s.id = CAST(@id AS bigint) AND s.account_id = @account_id AND s.deleted_at IS NULL
	AND (` + auth.ReachSQL("s.organization_id") + ` OR ` + assigned + `)`

// find gives a survey that the caller sees; lock is "", "SHARE" to keep it as it
// is, or "UPDATE" to change it or its fields. Errors: ErrNotFound.
func (s *Service) find(ctx context.Context, p auth.Principal, reach auth.Reach, id int64, lock string) (v models.Survey, err error) {
	text := inReach
	if lock != "" {
		text += ` FOR ` + lock + ` OF s`
	}
	if err := s.db.Query(ctx, &v, text, reach.Args(store.Args{"id": id, "caller": p.UserID})); err != nil {
		return v, fmt.Errorf("survey: find: %w", err)
	}
	if v.ID == 0 {
		return v, ErrNotFound
	}
	return v, nil
}

// change runs fn with a survey that is locked for the transaction and that the
// caller may change.
func (s *Service) change(ctx context.Context, id int64, fn func(context.Context, models.Survey) error) error {
	return s.changePart(ctx, id, func(context.Context, models.Survey) error { return nil }, fn)
}

// changePart is change for what also looks up a part of the survey: find comes
// before the rights are looked at, fn afterwards.
func (s *Service) changePart(ctx context.Context, id int64, find, fn func(context.Context, models.Survey) error) error {
	p, reach, err := s.reaching(ctx, managers...)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		v, err := s.find(ctx, p, reach, id, "UPDATE")
		if err != nil {
			return err
		}
		if err := find(ctx, v); err != nil {
			return err
		}
		if !reach.Owns(v.OrganizationID) {
			return models.ErrForbidden
		}
		return fn(ctx, v)
	})
}

// fields reads the fields of a survey in their order.
func (s *Service) fields(ctx context.Context, id int64) (fields []models.SurveyField, err error) {
	err = s.db.Query(ctx, &fields, `SELECT * FROM survey_fields WHERE survey_id = @id AND account_id = @account_id ORDER BY position, id`, store.Args{"id": id})
	if err != nil {
		return nil, fmt.Errorf("survey: fields: %w", err)
	}
	return fields, nil
}

// note adds a change of a survey, or of a part of it, to the audit trail.
func (s *Service) note(ctx context.Context, v models.Survey, action, subject string, id int64, data map[string]any) error {
	return audit.Write(ctx, s.db, audit.Event{Action: action, SubjectType: subject, SubjectID: id, OrganizationID: v.OrganizationID, Data: data})
}

// name copies a name that is given, without the blanks around it.
func name(to, from *string) {
	if from != nil {
		*to = strings.TrimSpace(*from)
	}
}

// set copies what is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// CountOf tells how many surveys an organization has.
func (s *Service) CountOf(ctx context.Context, organizationID int64) (n int64, err error) {
	err = s.db.Query(ctx, &n, `SELECT count(*) FROM surveys WHERE organization_id = @organization AND account_id = @account_id AND deleted_at IS NULL`,
		store.Args{"organization": organizationID})
	if err != nil {
		return 0, fmt.Errorf("survey: count: %w", err)
	}
	return n, nil
}

// UsersGone takes people who are being deleted off what they were assigned to.
// What they handed in stays.
func (s *Service) UsersGone(ctx context.Context, ids ...int64) error {
	// In the order in which a deleted survey gives up its assignments, so that
	// neither waits for the other.
	_, err := s.db.Exec(ctx, `DELETE FROM survey_assignments WHERE id IN (
		SELECT id FROM survey_assignments WHERE user_id = ANY(CAST(@users AS bigint[])) AND account_id = @account_id ORDER BY id FOR UPDATE)`,
		store.Args{"users": pq.Int64Array(ids)})
	if err != nil {
		return fmt.Errorf("survey: people gone: %w", err)
	}
	return nil
}
