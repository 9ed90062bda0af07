package native_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/native"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/models"
	"quad/worker"
)

var contract = contracttest.Load(native.Name, native.Contract)

// TestMain holds the door to its contract: every operation of it has been
// proved with a success and with a failure.
func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
	contract.Main(m, contract.Operations())
}

type object = map[string]any

// world is a hub with the people that the tests need.
type world struct {
	*hubtest.Env
	admin, orgAdmin, user hubtest.Person
	other                 models.Organization // a second organization of the account
	otherAdmin, otherUser hubtest.Person
}

// newWorld has no worker: what is started stays pending.
func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Settings: settings})
}

// newWorkingWorld has a worker too.
func newWorkingWorld(t *testing.T) *world {
	t.Helper()
	return buildWorld(t, hubtest.Options{App: api.ForHub, Worker: worker.Run, Settings: internalHosts})
}

func buildWorld(t *testing.T, o hubtest.Options) *world {
	t.Helper()
	w := &world{Env: hubtest.New(t, o)}
	w.admin = w.NewPerson(0, 0, "admin", models.RoleAdmin)
	w.orgAdmin = w.NewPerson(0, 0, "orgadmin", models.RoleOrgAdmin)
	w.user = w.NewPerson(0, 0, "user", models.RoleMentee)
	w.other = w.NewOrganization("Other", "other")
	w.otherAdmin = w.NewPerson(0, w.other.ID, "otheradmin", models.RoleOrgAdmin)
	w.otherUser = w.NewPerson(0, w.other.ID, "otheruser", models.RoleMentee)
	return w
}

// anyone is a client without a token.
func (w *world) anyone() contracttest.Client {
	return contracttest.Client{Contract: contract, BaseURL: w.URL}
}

// as signs a person in.
func (w *world) as(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	return w.withToken(w.signIn(t, p).Text(t, "accessToken"))
}

func (w *world) signIn(t *testing.T, p hubtest.Person) contracttest.Answer {
	t.Helper()
	return w.anyone().Do(t, 200, "POST", "/hub/v1/login", object{"email": p.Email, "password": hubtest.Password})
}

// elsewhere is a person of another account.
func (w *world) elsewhere(t *testing.T, p hubtest.Person) contracttest.Client {
	t.Helper()
	return w.withToken(w.Token(t, p, native.Name))
}

func (w *world) withToken(token string) contracttest.Client {
	return w.anyone().With("Authorization", "Bearer "+token)
}

// role is the id of a role of the account.
func (w *world) role(t *testing.T, title string) int64 {
	t.Helper()
	r, err := w.People.RoleByTitle(w.Context(), title)
	require.NoError(t, err)
	return r.ID
}

// startRequest asks for the mentor role as a person and gives the process.
func (w *world) startRequest(t *testing.T, c contracttest.Client) contracttest.Answer {
	t.Helper()
	return c.Do(t, 201, "POST", "/hub/v1/processes", object{
		"kind": "org-role-request", "input": object{"roleId": w.role(t, models.RoleMentor), "formData": object{"why": "because"}},
	})
}

// people as rows of an invite list.
func rows(addresses ...string) []object {
	var out []object
	for i, a := range addresses {
		out = append(out, object{"name": fmt.Sprintf("Person %d", i+1), "email": a, "roles": []string{"mentee"}})
	}
	return out
}

// await polls a process until it is in one of the states.
func await(t *testing.T, c contracttest.Client, id string, states ...string) contracttest.Answer {
	t.Helper()
	var a contracttest.Answer
	hubtest.Eventually(t, "process "+id+" to be "+strings.Join(states, " or "), func() bool {
		a = c.Do(t, 200, "GET", "/hub/v1/processes/"+id, nil)
		for _, s := range states {
			if a.Text(t, "state") == s {
				return true
			}
		}
		return false
	})
	return a
}

// problem asserts the code of a refusal.
func problem(t *testing.T, a contracttest.Answer, code string) {
	t.Helper()
	require.Equal(t, code, a.Text(t, "code"), "%s", a.Body)
	require.Equal(t, "urn:quad:problem:"+code, a.Text(t, "type"))
	require.NotEmpty(t, a.Text(t, "requestId"))
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
}

// fields names the fields that a refusal complains about.
func fields(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	var body struct{ Errors []struct{ Field string } }
	a.JSON(t, &body)
	var out []string
	for _, e := range body.Errors {
		out = append(out, e.Field)
	}
	return out
}

// items gives the items of a page.
func items(t *testing.T, a contracttest.Answer) []object {
	t.Helper()
	var page struct{ Items []object }
	a.JSON(t, &page)
	return page.Items
}

// ids gives the ids of the items of a page.
func ids(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	var out []string
	for _, item := range items(t, a) {
		out = append(out, fmt.Sprintf("%.0f", item["id"]))
	}
	return out
}

// walk reads all pages of a list and gives the ids in their order.
func walk(t *testing.T, c contracttest.Client, path string) []string {
	t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var all []string
	for next := ""; ; {
		a := c.Do(t, 200, "GET", path+next, nil)
		all = append(all, ids(t, a)...)
		marker := a.Text(t, "next")
		if marker == "" {
			return all
		}
		next = sep + "cursor=" + marker
	}
}

// transfer sends a request to a signed link and gives status and body.
var transfer = hubtest.Transfer

// upload puts a file and gives the path under which the hub knows it.
func upload(t *testing.T, c contracttest.Client, name, content string) string {
	t.Helper()
	link := c.Do(t, 201, "POST", "/hub/v1/uploads", object{"name": name})
	status, body := transfer(t, link.Text(t, "method"), link.Text(t, "url"), content)
	require.Less(t, status, 300, body)
	return link.Text(t, "path")
}

func path(format string, args ...any) string { return "/hub/v1" + fmt.Sprintf(format, args...) }

var workerRun = worker.Run

func mustID(t *testing.T, text string) int64 {
	t.Helper()
	id, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return id
}

var names atomic.Int64

func newName() string { return strconv.FormatInt(names.Add(1), 10) }
