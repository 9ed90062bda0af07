package mis_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/mis"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// titles are the roles of the hub behind the contract's.
var titles = map[string]string{
	"SUPER_ADMIN": models.RoleAdmin, "TENANT_ADMIN": models.RoleOrgAdmin, "PROJECT_MANAGER": models.RoleProjectManager,
	"REPORT_VIEWER": models.RoleReportViewer, "USER": models.RoleUser,
}

var contract = contracttest.Load(mis.Name, mis.Contract).NameRoles(titles)

// TestMain holds the door to its contract: every operation that it serves has
// been proved with a success and with a failure.
func TestMain(m *testing.M) { contract.Main(m, mis.Served()) }

type object = map[string]any

// world is a hub with two tenants and people of all roles.
type world struct {
	*hubtest.Env
	north, south                          models.Organization
	root                                  hubtest.Person // SUPER_ADMIN, of no tenant
	tenantAdmin, manager, viewer, user    hubtest.Person // of north
	southAdmin, southManager, southViewer hubtest.Person
	southUser                             hubtest.Person
	loner                                 hubtest.Person // USER of no tenant
}

// newWorld has no worker: what is started stays pending.
func newWorld(t *testing.T) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub})
}

// newWorkingWorld has a worker too.
func newWorkingWorld(t *testing.T) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Worker: worker.Run})
}

func buildWorld(t *testing.T, o hubtest.Options) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, o)}
	w.north, w.south = w.NewOrganization("North", "north"), w.NewOrganization("South", "south")
	w.root = w.NewPerson(0, 0, "root", models.RoleAdmin)
	w.loner = w.NewPerson(0, 0, "loner", models.RoleUser)
	w.tenantAdmin = w.NewPerson(0, w.north.ID, "northadmin", models.RoleOrgAdmin)
	w.manager = w.NewPerson(0, w.north.ID, "northmanager", models.RoleProjectManager)
	w.viewer = w.NewPerson(0, w.north.ID, "northviewer", models.RoleReportViewer)
	w.user = w.NewPerson(0, w.north.ID, "northuser", models.RoleUser)
	w.southAdmin = w.NewPerson(0, w.south.ID, "southadmin", models.RoleOrgAdmin)
	w.southManager = w.NewPerson(0, w.south.ID, "southmanager", models.RoleProjectManager)
	w.southViewer = w.NewPerson(0, w.south.ID, "southviewer", models.RoleReportViewer)
	w.southUser = w.NewPerson(0, w.south.ID, "southuser", models.RoleUser)
	return w
}

// anyone is a client without a token.
func (w *world) anyone() contracttest.Client {
	return contracttest.Client{Contract: contract, BaseURL: w.URL}
}

// as signs a person in.
func (w *world) as(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	return w.anyone().With("Authorization", "Bearer "+w.Token(t, p, mis.Name))
}

// elsewhere is a SUPER_ADMIN of another account.
func (w *world) elsewhere(t *testing.T, host string) contracttest.Client {
	t.Helper()
	account, home := w.NewAccount(host)
	return w.as(t, w.NewPerson(account.ID, home.ID, "root-of-"+host, models.RoleAdmin))
}

// exec changes rows behind the door's back.
func (w *world) exec(t *testing.T, sql string, args store.Args) {
	t.Helper()
	_, err := w.DB.Exec(store.AsSystem(t.Context()), sql, args)
	require.NoError(t, err)
}

// fails asserts an error as this door tells it.
func fails(t *testing.T, a contracttest.Answer, message any) {
	t.Helper()
	var body struct {
		StatusCode int    `json:"statusCode"`
		Message    any    `json:"message"`
		Error      string `json:"error"`
	}
	a.JSON(t, &body)
	require.Equal(t, a.Status, body.StatusCode)
	require.Equal(t, http.StatusText(a.Status), body.Error)
	if texts, several := message.([]string); several {
		wanted := make([]any, len(texts))
		for i, text := range texts {
			wanted[i] = text
		}
		require.Equal(t, wanted, body.Message)
		return
	}
	require.Equal(t, message, body.Message)
}

// list decodes an answer that is a bare array.
func list(t *testing.T, a contracttest.Answer) []object {
	t.Helper()
	var items []object
	a.JSON(t, &items)
	return items
}
