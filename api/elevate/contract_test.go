package elevate_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/elevate"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/models"
	"quad/worker"
)

var contract = contracttest.Load(elevate.Name, elevate.Contract)

// TestMain holds the door to its contract: every operation that it serves has
// been proved with a success and with a failure.
func TestMain(m *testing.M) { contract.Main(m, elevate.Served()) }

// world is a hub with the people that the tests need.
type world struct {
	*hubtest.Env
	admin, orgAdmin, user hubtest.Person
	other                 models.Organization // a second organization of the account
	otherAdmin            hubtest.Person
}

func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Settings: settings})
}

// newWorkingWorld has a worker too.
func newWorkingWorld(t *testing.T) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Worker: worker.Run})
}

func buildWorld(t *testing.T, o hubtest.Options) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, o)}
	w.admin = w.NewPerson(0, 0, "admin", models.RoleAdmin)
	w.orgAdmin = w.NewPerson(0, 0, "orgadmin", models.RoleOrgAdmin)
	w.user = w.NewPerson(0, 0, "user", models.RoleMentee)
	w.other = w.NewOrganization("Other", "other")
	w.otherAdmin = w.NewPerson(0, w.other.ID, "otheradmin", models.RoleOrgAdmin)
	return w
}

// anyone is a client without a token.
func (w *world) anyone() contracttest.Client {
	return contracttest.Client{Contract: contract, BaseURL: w.URL}
}

// as signs a person in.
func (w *world) as(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	return w.withToken(w.signIn(t, p).Text(t, "result.access_token"))
}

func (w *world) signIn(t *testing.T, p hubtest.Person) contracttest.Answer {
	t.Helper()
	return w.anyone().Do(t, 200, "POST", "/user/v1/account/login", object{"email": p.Email, "password": hubtest.Password})
}

func (w *world) withToken(token string) contracttest.Client {
	return w.anyone().With("X-auth-token", "bearer "+token)
}

type object = map[string]any

var emails atomic.Int64

func newEmail() string { return fmt.Sprintf("person%d@example.test", emails.Add(1)) }

// code reads the one-time code that was mailed to an address.
func (w *world) code(t *testing.T, email string) string {
	t.Helper()
	return w.Code(t, email)
}

// fails asserts an error answer as a whole: status, responseCode and message.
func fails(t *testing.T, a contracttest.Answer, responseCode, message string) {
	t.Helper()
	require.Equal(t, responseCode, a.Text(t, "responseCode"))
	require.Equal(t, message, a.Text(t, "message"))
	require.NotEmpty(t, a.Text(t, "meta.correlation"))
}

// params names the parameters that a 422 complains about.
func params(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	var body struct {
		Error []struct{ Location, Param, Msg string }
	}
	a.JSON(t, &body)
	var out []string
	for _, e := range body.Error {
		out = append(out, e.Location+"."+e.Param)
	}
	return out
}

// put uploads to a signed URL, get downloads from one.
var put, get = hubtest.Put, hubtest.Get

// workerRun is the worker that newWorkingWorld starts.
var workerRun = worker.Run

func parse(s string) (int64, bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil
}
