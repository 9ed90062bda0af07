package survey_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/hubtest"
	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

// world is a hub with two organizations and their people, and another account.
type world struct {
	*hubtest.Env
	*survey.Service
	t            *testing.T
	north, south models.Organization

	admin                                context.Context // of the account
	orgAdmin, manager, viewer, user      context.Context // of the north
	southManager, southViewer, southUser context.Context
	loner, lonelyManager                 context.Context // of no organization
	stranger                             context.Context // administers another account
}

func newWorld(t *testing.T) *world { return newWorldAt(t, nil) }

// newWorldAt is a world in which it is what time the clock says.
func newWorldAt(t *testing.T, now clock.Clock) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, hubtest.Options{Clock: now}), t: t}
	w.Service = w.Surveys
	w.north, w.south = w.NewOrganization("North", "north"), w.NewOrganization("South", "south")
	w.admin = w.as("root", 0, models.RoleAdmin)
	w.orgAdmin, w.manager = w.as("northadmin", w.north.ID, models.RoleOrgAdmin), w.as("northmanager", w.north.ID, models.RoleProjectManager)
	w.viewer, w.user = w.as("northviewer", w.north.ID, models.RoleReportViewer), w.as("northuser", w.north.ID, models.RoleUser)
	w.southManager, w.southViewer = w.as("southmanager", w.south.ID, models.RoleProjectManager), w.as("southviewer", w.south.ID, models.RoleReportViewer)
	w.southUser = w.as("southuser", w.south.ID, models.RoleUser)
	w.loner, w.lonelyManager = w.as("loner", 0, models.RoleUser), w.as("lonelymanager", 0, models.RoleProjectManager)
	account, home := w.NewAccount("elsewhere.test")
	w.stranger = w.acting(w.NewPerson(account.ID, home.ID, "stranger", models.RoleAdmin), models.RoleAdmin)
	return w
}

func (w *world) as(name string, organization int64, role string) context.Context {
	w.t.Helper()
	return w.acting(w.NewPerson(0, organization, name, role), role)
}

func (w *world) acting(p hubtest.Person, role string) context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: []string{role},
	})
}

func ptr[T any](v T) *T { return &v }

// who acts in a context.
func who(ctx context.Context) int64 {
	p, _ := auth.From(ctx)
	return p.UserID
}

// make makes an active survey of whom acts.
func (w *world) make(ctx context.Context, name string) models.Survey {
	w.t.Helper()
	v, err := w.Create(ctx, survey.NewSurvey{Name: name})
	require.NoError(w.t, err)
	return v
}

// field adds a field as an administrator.
func (w *world) field(v models.Survey, name string, fieldType models.FieldType, more survey.FieldInput) models.SurveyField {
	w.t.Helper()
	more.Name, more.Type = &name, &fieldType
	f, err := w.AddField(w.admin, v.ID, more)
	require.NoError(w.t, err)
	return f
}

// order gives the names of a survey's fields in their order.
func (w *world) order(v models.Survey) []string {
	w.t.Helper()
	full, err := w.Get(w.admin, v.ID)
	require.NoError(w.t, err)
	names := []string{}
	for _, f := range full.Fields {
		names = append(names, f.Name)
	}
	return names
}

// sees lists the names of the surveys that somebody sees, the newest first.
func (w *world) sees(ctx context.Context) []string {
	w.t.Helper()
	surveys, count, err := w.List(ctx, 0, 0)
	require.NoError(w.t, err)
	require.EqualValues(w.t, len(surveys), count)
	names := []string{}
	for _, v := range surveys {
		names = append(names, v.Name)
		_, err := w.Get(ctx, v.ID)
		require.NoError(w.t, err, "what is listed can be read")
	}
	return names
}

// responses are answers as a request brings them.
func (w *world) responses(text string, args ...string) map[string]any {
	w.t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.NewReplacer(args...).Replace(text)))
	d.UseNumber()
	out := map[string]any{}
	require.NoError(w.t, d.Decode(&out))
	return out
}

// faults are the texts of an invalid input.
func faults(t *testing.T, err error) []string {
	t.Helper()
	var typed *models.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, models.KindInvalid, typed.Kind)
	var texts []string
	for _, f := range typed.Fields {
		texts = append(texts, f.Text)
	}
	return texts
}

// count counts rows behind the area's back.
func (w *world) count(text string, args store.Args) (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Query(store.AsSystem(w.t.Context()), &n, text, args))
	return n
}

func (w *world) exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.DB.Exec(store.AsSystem(w.t.Context()), text, args)
	require.NoError(w.t, err)
}

// trail gives what the audit trail tells of an action.
func (w *world) trail(action string) (events []models.AuditEvent) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Conn(w.Context()).Where("action = ?", action).Order("id").Find(&events).Error)
	return events
}

func day(text string) *time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return &d
}
