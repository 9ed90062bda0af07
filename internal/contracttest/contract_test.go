package contracttest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const document = `
openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /things/{id}:
    get:
      operationId: readThing
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        "200": {description: ok, content: {application/json: {schema: {type: object, required: [at], properties: {at: {type: string, format: date-time}}}}}}
        "404": {description: no, content: {application/json: {schema: {type: object, required: [error], properties: {error: {type: string}}}}}}
`

// recorder notes failures instead of ending the test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { panic("failed") }
func (r *recorder) Helper()               {}

func TestAnswersAreHeldToTheContract(t *testing.T) {
	answers := map[string]struct {
		status int
		body   string
	}{
		"/things/1": {200, `{"at":"2026-01-02T03:04:05.000Z"}`},
		"/things/2": {200, `{"at":"yesterday"}`},
		"/things/3": {200, `{}`},
		"/things/4": {404, `{"error":"no such thing"}`},
		"/things/5": {418, `{}`},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answers[r.URL.Path].status)
		_, _ = w.Write([]byte(answers[r.URL.Path].body))
	}))
	defer server.Close()
	contract := Load("test", []byte(document))
	client := Client{Contract: contract, BaseURL: server.URL}

	require.Equal(t, []string{"readThing (no test)", "other (not in the contract)"}, contract.Missing([]string{"readThing", "other"}))
	require.Equal(t, "readThing", client.Do(t, 200, "GET", "/things/1", nil).Operation)
	require.Equal(t, []string{"readThing (no failure)"}, contract.Missing([]string{"readThing"}))
	client.Do(t, 404, "GET", "/things/4", nil)
	require.Empty(t, contract.Missing([]string{"readThing"}))

	for path, status := range map[string]int{"/things/2": 200, "/things/3": 200, "/things/5": 418, "/things/1": 201} {
		r := &recorder{TB: t}
		require.Panics(t, func() { client.Do(r, status, "GET", path, nil) }, path)
		require.True(t, r.failed, path)
	}
}

func TestAtOnceCountsWhatEachRunGives(t *testing.T) {
	together := make(chan struct{})
	var here atomic.Int64
	counts := AtOnce(50, func(i int) int {
		if here.Add(1) == 50 {
			close(together) // only runs that overlap get past this
		}
		<-together
		return 200 + i%2
	})
	require.Equal(t, map[int]int{200: 25, 201: 25}, counts)
}

func TestClientsAtOnceAreHeldToTheContractAndProveNothing(t *testing.T) {
	var answered atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/things/2":
			_, _ = w.Write([]byte(`{}`))
		case answered.Add(1) == 1:
			_, _ = w.Write([]byte(`{"at":"2026-01-02T03:04:05Z"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":"too late"}`))
		}
	}))
	defer server.Close()
	contract := Load("test", []byte(document))
	client := Client{Contract: contract, BaseURL: server.URL}
	require.Equal(t, map[int]int{200: 1, 404: 19}, client.AtOnce(t, 20, "GET", "/things/1", nil))
	require.Equal(t, []string{"readThing (no test)"}, contract.Missing([]string{"readThing"}))
	r := &recorder{TB: t}
	require.Panics(t, func() { client.AtOnce(r, 5, "GET", "/things/2", nil) })
	require.Equal(t, 200, client.Status(t.Context(), "GET", "/things/2", nil))
	server.Close()
	require.Zero(t, client.Status(t.Context(), "GET", "/things/2", nil))
}
