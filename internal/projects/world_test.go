package projects_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/projects"
	"quad/internal/store"
	"quad/models"
)

// world is a hub with organizations, one of them switched off, and people of
// all roles.
type world struct {
	*hubtest.Env
	*projects.Service
	t                    *testing.T
	north, south, closed models.Organization

	root                                  context.Context // admin, of no organization
	admin, manager, viewer, user          context.Context // of north
	southManager, closedManager           context.Context
	lonelyManager, loner                  context.Context // of no organization
	both                                  context.Context // manager of south, later of north too
	foreign                               context.Context // admin of another account
	userPerson, southPerson, closedPerson hubtest.Person
	lonerPerson, bothPerson, foreigner    hubtest.Person
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, hubtest.Options{}), t: t}
	w.Service = w.Projects
	w.north, w.south, w.closed = w.NewOrganization("North", "north"), w.NewOrganization("South", "south"), w.NewOrganization("Closed", "closed")
	w.root, _ = w.person(0, 0, "root", models.RoleAdmin)
	w.loner, w.lonerPerson = w.person(0, 0, "loner", models.RoleUser)
	w.lonelyManager, _ = w.person(0, 0, "lonelymanager", models.RoleProjectManager)
	w.admin, _ = w.person(0, w.north.ID, "northadmin", models.RoleOrgAdmin)
	w.manager, _ = w.person(0, w.north.ID, "northmanager", models.RoleProjectManager)
	w.viewer, _ = w.person(0, w.north.ID, "northviewer", models.RoleReportViewer)
	w.user, w.userPerson = w.person(0, w.north.ID, "northuser", models.RoleUser)
	w.southManager, w.southPerson = w.person(0, w.south.ID, "southmanager", models.RoleProjectManager)
	w.closedManager, w.closedPerson = w.person(0, w.closed.ID, "closedmanager", models.RoleProjectManager)
	w.both, w.bothPerson = w.person(0, w.south.ID, "both", models.RoleProjectManager)
	w.exec(`INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account, @user, @organization)`,
		store.Args{"account": w.Account.ID, "user": w.bothPerson.ID, "organization": w.north.ID})
	w.exec(`UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.closed.ID})
	other, home := w.NewAccount("other.test")
	w.foreign, w.foreigner = w.person(other.ID, home.ID, "foreign", models.RoleAdmin)
	return w
}

// person makes somebody, and a context in which they call.
func (w *world) person(account, organization int64, name string, roles ...string) (context.Context, hubtest.Person) {
	w.t.Helper()
	p := w.NewPerson(account, organization, name, roles...)
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: roles,
	}), p
}

func (w *world) exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.DB.Exec(store.AsSystem(w.t.Context()), text, args)
	require.NoError(w.t, err)
}

func (w *world) count(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &n, text, args))
	return n
}

// events counts what the audit trail has about a thing of this kind.
func (w *world) events(action string, id int64) int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @id`, store.Args{"action": action, "id": id})
}

// statements counts what fn needs.
func (w *world) statements(fn func()) int64 {
	before := w.DB.Statements()
	fn()
	return w.DB.Statements() - before
}

// project opens a project of the caller's first organization.
func (w *world) project(ctx context.Context, name string, change ...func(*projects.Input)) models.Project {
	w.t.Helper()
	in := projects.Input{Name: name, StartsOn: date("2024-01-01"), EndsOn: date("2024-03-31"), Budget: 50_000 * models.MoneyUnit}
	for _, c := range change {
		c(&in)
	}
	p, err := w.Create(ctx, in)
	require.NoError(w.t, err)
	return p
}

func (w *world) expense(p models.Project, amount models.Money, day string) models.ProjectExpense {
	w.t.Helper()
	e, err := w.AddExpense(w.root, p.ID, projects.ExpenseInput{Description: "Paper", Amount: amount, Category: "materials", SpentOn: date(day)})
	require.NoError(w.t, err)
	return e
}

func (w *world) milestone(p models.Project, name, due string) models.Milestone {
	w.t.Helper()
	m, err := w.CreateMilestone(w.root, p.ID, projects.MilestoneInput{Name: name, DueOn: date(due)})
	require.NoError(w.t, err)
	return m
}

func (w *world) activity(p models.Project, name, starts string) models.Activity {
	w.t.Helper()
	a, err := w.CreateActivity(w.root, p.ID, projects.ActivityInput{Name: name, StartsOn: date(starts), EndsOn: date(starts)})
	require.NoError(w.t, err)
	return a
}

func (w *world) assign(a models.Activity, p hubtest.Person) models.ActivityAssignment {
	w.t.Helper()
	made, err := w.Assign(w.root, a.ProjectID, a.ID, p.ID)
	require.NoError(w.t, err)
	return made
}

// date is a day as the database gives it.
func date(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

// to points to a value.
func to[T any](v T) *T { return &v }

// equal compares rows as they were written and as they are read: times by when
// they are, not by how they are kept.
func equal[T any](t *testing.T, want, got T, what ...any) {
	t.Helper()
	require.Equal(t, inUTC(want), inUTC(got), what...)
}

func inUTC[T any](row T) T {
	v := reflect.ValueOf(&row).Elem()
	for _, field := range v.Fields() {
		if at, ok := field.Interface().(time.Time); ok {
			field.Set(reflect.ValueOf(at.UTC()))
		}
	}
	return row
}

// names lists what is called by a name.
func names[T any](list []T, name func(T) string) []string {
	out := []string{}
	for _, item := range list {
		out = append(out, name(item))
	}
	return out
}

func projectNames(list []models.Project) []string {
	return names(list, func(p models.Project) string { return p.Name })
}

// texts gives the texts of an invalid input.
func texts(t *testing.T, err error) []string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, models.KindInvalid, e.Kind, err)
	return names(e.Fields, func(f models.FieldError) string { return f.Text })
}
