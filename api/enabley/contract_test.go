package enabley_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/api/enabley"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

var contract = contracttest.Load(enabley.Name, enabley.Contract)

// TestMain holds the door to its contract: every operation that it serves has
// been proved with a success and with a failure.
func TestMain(m *testing.M) { contract.Main(m, enabley.Served()) }

type object = map[string]any

// world is a hub with an API client and two sub-accounts.
type world struct {
	*hubtest.Env
	client       credentials
	api          contracttest.Client // signed in as client
	north, south models.Organization // sub-accounts "North" and "South"
}

// credentials are key and secret of an API client.
type credentials struct {
	id          int64
	key, secret string
}

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
	w.client = w.newClient(t, w.Account.ID)
	w.api = w.as(t, w.client)
	w.north = w.NewOrganization("North", "north")
	w.south = w.NewOrganization("South", "south")
	return w
}

// newClient makes an API client of an account.
func (w *world) newClient(t *testing.T, accountID int64) credentials {
	t.Helper()
	secret, client, err := w.People.IssueAPIClient(store.WithAccount(t.Context(), accountID), "test", nil)
	require.NoError(t, err)
	return credentials{id: client.ID, key: client.ClientKey, secret: secret}
}

// anyone is a client without a token.
func (w *world) anyone() contracttest.Client {
	return contracttest.Client{Contract: contract, BaseURL: w.URL}
}

// as signs an API client in.
func (w *world) as(t *testing.T, c credentials) contracttest.Client {
	t.Helper()
	a := w.anyone().Do(t, http.StatusOK, "POST", tokenPath(c.key, c.secret), nil)
	return w.anyone().With("Authorization", "Bearer "+a.Text(t, "access_token"))
}

// elsewhere is a client of another account.
func (w *world) elsewhere(t *testing.T, host string) contracttest.Client {
	t.Helper()
	account, _ := w.NewAccount(host)
	return w.as(t, w.newClient(t, account.ID))
}

func tokenPath(key, secret string) string {
	return "/api/v1/token?" + url.Values{"clientKey": {key}, "secret": {secret}}.Encode()
}

// fails asserts the error of an answer.
func fails(t *testing.T, a contracttest.Answer, code string) {
	t.Helper()
	require.Equal(t, code, a.Text(t, "error"), "%s", a.Body)
	require.NotEmpty(t, a.Text(t, "error_description"))
}

// list decodes an answer that is a bare array.
func list(t *testing.T, a contracttest.Answer) []object {
	t.Helper()
	var items []object
	a.JSON(t, &items)
	return items
}
