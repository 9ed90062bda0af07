package crossdoor_test

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/elevate"
	"quad/api/enabley"
	"quad/api/native"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/models"
	"quad/worker"
)

var (
	elevateContract = contracttest.Load(elevate.Name, elevate.Contract)
	enableyContract = contracttest.Load(enabley.Name, enabley.Contract)
	nativeContract  = contracttest.Load(native.Name, native.Contract)
)

func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
	m.Run()
}

type object = map[string]any

// world is a hub with a client at each door.
type world struct {
	*hubtest.Env
	admin   hubtest.Person
	enabley contracttest.Client // an API client of the account
	client  int64               // its id
	elevate contracttest.Client // the admin
	native  contracttest.Client // the admin
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"AUTH_VERIFY_EMAIL": "false"}})
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
	w.elevate = w.elevateAs(t, w.admin.Email, hubtest.Password)
	w.native = w.nativeAs(t, w.admin.Email, hubtest.Password)

	// The client is made as an operator makes one.
	made := w.native.Do(t, 201, "POST", "/hub/v1/api-clients", object{"name": "people office"})
	w.client = number(t, made.Text(t, "id"))
	token := w.at(enableyContract).Do(t, 200, "POST", "/api/v1/token?"+url.Values{
		"clientKey": {made.Text(t, "clientKey")}, "secret": {made.Text(t, "secret")},
	}.Encode(), nil)
	w.enabley = w.at(enableyContract).With("Authorization", "Bearer "+token.Text(t, "access_token"))
	return w
}

// at is a client of a door without a token.
func (w *world) at(contract *contracttest.Contract) contracttest.Client {
	return contracttest.Client{Contract: contract, BaseURL: w.URL}
}

const elevateLogin = "/user/v1/account/login"

// elevateAs signs a person in at the Elevate door.
func (w *world) elevateAs(t *testing.T, email, password string) contracttest.Client {
	t.Helper()
	a := w.at(elevateContract).Do(t, 200, "POST", elevateLogin, object{"email": email, "password": password})
	return w.at(elevateContract).With("X-auth-token", "bearer "+a.Text(t, "result.access_token"))
}

// refusedByElevate asserts that a person can't sign in there.
func (w *world) refusedByElevate(t *testing.T, email, password string) {
	t.Helper()
	a := w.at(elevateContract).Do(t, 400, "POST", elevateLogin, object{"email": email, "password": password})
	require.Equal(t, "Please enter the correct login ID and Password.", a.Text(t, "message"))
}

// nativeAs signs a person in at the hub's own API.
func (w *world) nativeAs(t *testing.T, email, password string) contracttest.Client {
	t.Helper()
	a := w.at(nativeContract).Do(t, 200, "POST", "/hub/v1/login", object{"email": email, "password": password})
	return w.at(nativeContract).With("Authorization", "Bearer "+a.Text(t, "accessToken"))
}

// put creates (201) or changes (200) a person through the Enabley door.
func (w *world) put(t *testing.T, status int, user object) {
	t.Helper()
	a := w.enabley.Do(t, status, "PUT", "/api/v2/users", user)
	if status < 300 {
		require.Equal(t, user["identifier"], a.Text(t, "identifier"))
	}
}

// john is a person as a calling system makes one.
func john() object {
	return object{
		"identifier": "u-1001", "username": "john.doe", "firstName": "John", "lastName": "van Doe", "email": "John@Example.test", "password": "long enough",
		"possibleRoles": []string{"LEARNER", "INSTRUCTOR"},
	}
}

// external is a person as the Enabley door shows them.
func (w *world) external(t *testing.T, identifier string) object {
	t.Helper()
	return w.enabley.Do(t, 200, "GET", user(identifier), nil).Map(t)
}

// gone asserts that a thing does not exist at the Enabley door.
func (w *world) gone(t *testing.T, path string) {
	t.Helper()
	fails(t, w.enabley.Do(t, 404, "GET", path, nil), "not_found")
}

// userID is the hub's id of a person that the Enabley door knows.
func (w *world) userID(t *testing.T, email string) int64 {
	t.Helper()
	page := w.native.Do(t, 200, "GET", "/hub/v1/users?email="+url.QueryEscape(email), nil)
	var list struct{ Items []struct{ ID int64 } }
	page.JSON(t, &list)
	require.Len(t, list.Items, 1, email)
	return list.Items[0].ID
}

// organization makes one through the Elevate door and gives its id.
func (w *world) organization(t *testing.T, name, code string) int64 {
	t.Helper()
	w.elevate.Do(t, 200, "POST", "/user/v1/organization/create", object{"name": name, "code": code, "description": name})
	var list struct {
		Result struct{ Data []struct{ ID int64 } }
	}
	w.elevate.Do(t, 200, "GET", "/user/v1/organization/list?search="+url.QueryEscape(name), nil).JSON(t, &list)
	require.Len(t, list.Result.Data, 1)
	return list.Result.Data[0].ID
}

// fails asserts the error of an answer of the Enabley door.
func fails(t *testing.T, a contracttest.Answer, code string) {
	t.Helper()
	require.Equal(t, code, a.Text(t, "error"), "%s", a.Body)
}

// list decodes an answer that is a bare array.
func list(t *testing.T, a contracttest.Answer) []object {
	t.Helper()
	var items []object
	a.JSON(t, &items)
	return items
}

// fields gives one field of all items.
func fields(items []object, name string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i], _ = item[name].(string)
	}
	return out
}

func user(identifier string) string { return "/api/v2/users/" + url.PathEscape(identifier) }

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, text)
	return n
}
