package native_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// Whatever a client sends, the answer is about the request and never an
// internal error.
func TestNoRequestBreaksTheServer(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	broken := []string{
		"", "{", "null", "[]", `"x"`, "1e999", "true", deep, `{"a":` + deep + `}`, "{}{}", `{"name":"a\u0000b"}`, "{\"name\":\"\xff\xfe\"}",
		`{"email":1,"password":[],"name":{},"roleIds":"x","input":7,"kind":[],"rows":{},"path":[],"deadline":"soon","expiresAt":1,"token":{},"decision":1,"domains":"x","organizationId":1.5}`,
		`{"organizationId":99999999999999999999999,"roleIds":[99999999999999999999]}`,
		`{"kind":"org-role-request","input":{"roleId":1e400,"formData":{"n":1e999999}}}`,
		`{"kind":"org-role-request","input":{"roleId":` + "1" + `,"formData":{"n":1e999999}}}`,
		`{"kind":"bulk-invite","input":{"rows":[{"name":"\ud800","email":null,"roles":[null]}]}}`,
		`{"kind":"bulk-invite","input":{"path":"` + strings.Repeat("x", 5000) + `"}}`,
		`{"name":"` + strings.Repeat("ü", 5000) + `","code":"x","description":"y","email":"z","path":"../../etc","token":"Ä"}`,
		`{"name":"n","type":"COURSE","identifier":"\u0001","categories":["` + strings.Repeat("c", 300) + `"],"schedule":{"startsAt":"0000-01-01T00:00:00Z"},"durationMs":9e18,"organizationId":-1}`,
		`{"name":"n","startsAt":"9999-12-31T23:59:59-14:00","endsAt":"0000-01-01T00:00:00Z","schedule":7,"durationMs":"1","description":[],"published":null}`,
		`{"deadline":"9999-12-31T23:59:59Z","expiresAt":"0000-01-01T00:00:00Z","decision":"\ud83d","comments":["` + strings.Repeat("c", 3000) + `"]}`,
	}
	for _, op := range table(t, w) {
		if op.Method == http.MethodGet || op.Method == http.MethodDelete {
			continue
		}
		at := fill(op.Path, "1", nil)
		if strings.HasSuffix(op.Path, "/logout") || strings.HasSuffix(op.Path, "/deactivate") {
			continue // no body
		}
		for _, body := range broken {
			require.Less(t, w.status(t, op.Method, at, admin.Header, body), 500, "%s %s", op.ID, body)
		}
	}
	for _, op := range table(t, w) {
		if op.Method != http.MethodGet || strings.HasSuffix(op.Path, "/events") {
			continue
		}
		for _, value := range []string{"", "0", "-1", "x", "99999999999999999999", "%F0%9F%98%80", "a%5C%25_", "1:1:1", "role_request:99999999999999999999", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z"} {
			query := strings.Join([]string{"kind", "state", "organizationId", "subject", "createdFrom", "createdTo", "cursor", "verdict", "status", "template",
				"processId", "search", "email", "recipient", "limit", "master", "type", "category"}, "="+value+"&") + "="
			at := fill(op.Path, "1", nil) + "?"
			require.Less(t, w.status(t, op.Method, at+query, admin.Header, ""), 500, "%s %s", op.ID, value)
			for one := range strings.SplitSeq(query, "&") {
				require.Less(t, w.status(t, op.Method, at+one, admin.Header, ""), 500, "%s %s", op.ID, one)
			}
		}
	}
	for _, header := range []string{"\xff", "ä", strings.Repeat("x", 3000)} {
		h := admin.Header.Clone()
		h.Set("Idempotency-Key", header)
		h.Set("Last-Event-ID", header)
		require.Equal(t, 400, w.status(t, "POST", "/hub/v1/processes", h, `{"kind":"org-role-request","input":{"roleId":1}}`))
	}
	problem(t, w.anyone().Do(t, 404, "GET", "/hub/v1/nothing", nil), "no_such_resource")
	problem(t, w.anyone().Do(t, 405, "DELETE", "/hub/v1/me", nil), "method_not_allowed")
}

// status sends a request that need not be one of the contract.
func (w *world) status(t *testing.T, method, at string, header http.Header, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+at, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = header.Clone()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// The statements of the main reads do not grow with what is read.
func TestStatementCounts(t *testing.T) {
	w := newWorld(t, nil)
	user, admin := w.as(t, w.user), w.as(t, w.admin)
	id := w.startRequest(t, user).Text(t, "id")
	for range 20 {
		w.NewPerson(0, 0, "p"+newName(), models.RoleMentee)
	}
	count := func(name string, most int64, do func()) {
		t.Helper()
		do() // what is kept for a while is kept now
		before := w.DB.Statements()
		do()
		require.LessOrEqual(t, w.DB.Statements()-before, most, name)
	}
	count("login", 6, func() { w.signIn(t, w.user) })
	count("me", 1, func() { user.Do(t, 200, "GET", "/hub/v1/me", nil) })
	count("process", 2, func() { user.Do(t, 200, "GET", "/hub/v1/processes/"+id, nil) })
	count("processes", 2, func() { admin.Do(t, 200, "GET", "/hub/v1/processes", nil) })
	count("timeline", 3, func() { user.Do(t, 200, "GET", path("/processes/%s/timeline", id), nil) })
	count("users", 3, func() { admin.Do(t, 200, "GET", "/hub/v1/users", nil) })
	count("user", 2, func() { admin.Do(t, 200, "GET", path("/users/%d", w.user.ID), nil) })
	count("organizations", 2, func() { user.Do(t, 200, "GET", "/hub/v1/organizations", nil) })
	count("notifications", 2, func() { user.Do(t, 200, "GET", "/hub/v1/notifications", nil) })
	count("audit", 2, func() { admin.Do(t, 200, "GET", "/hub/v1/audit", nil) })
}
