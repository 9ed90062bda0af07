package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/devstack"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people"
	"quad/internal/testenv"
	"quad/models"
)

// answerTime is the longest that a client waits for an answer while services
// are down: it may include one wait for the dead one, and no more.
const answerTime = 15 * time.Second

// client sends requests to the API as a person.
type client struct {
	t     *testing.T
	url   string
	token string
}

// call makes a request through the Elevate door and reads the result of the
// answer, which must have the status.
func (c *client) call(status int, method, path string, body, result any) {
	c.t.Helper()
	content, err := json.Marshal(body)
	require.NoError(c.t, err)
	ctx, cancel := context.WithTimeout(c.t.Context(), answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(content))
	require.NoError(c.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-auth-token", "bearer "+c.token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err, "%s %s", method, path)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(c.t, err)
	require.Equal(c.t, status, answer.StatusCode, "%s %s: %s", method, path, raw)
	if result != nil {
		out := struct{ Result any }{Result: result}
		require.NoError(c.t, json.Unmarshal(raw, &out), "%s", raw)
	}
}

// login opens a session.
func login(t *testing.T, url string, p hubtest.Person) *client {
	t.Helper()
	c := &client{t: t, url: url}
	var session struct {
		AccessToken string `json:"access_token"`
	}
	c.call(http.StatusOK, http.MethodPost, "/user/v1/account/login", map[string]string{"email": p.Email, "password": hubtest.Password}, &session)
	require.NotEmpty(t, session.AccessToken)
	c.token = session.AccessToken
	return c
}

// ready is the answer of /readyz: its status code, its status, and those of the
// dependencies.
func ready(t *testing.T, url string) (code int, status string, checks map[string]string) {
	t.Helper()
	answer, err := http.Get(url + "/readyz")
	require.NoError(t, err)
	defer answer.Body.Close()
	var out struct {
		Status string
		Checks map[string]struct{ Status string }
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&out))
	checks = map[string]string{}
	for name, check := range out.Checks {
		checks[name] = check.Status
	}
	return answer.StatusCode, out.Status, checks
}

// The API answers while Redis, Temporal and the mail server are down, says so,
// and what was asked for happens when they are back.
func TestAPIWhileServicesAreDown(t *testing.T) {
	t.Parallel()
	redis, temporal, postgres := testenv.PrivateRedis(t), testenv.PrivateTemporal(t), testenv.PrivatePostgres(t)
	w := newWorld(t, map[string]string{
		"REDIS_URL": redis.URL(), "TEMPORAL_ADDRESS": temporal.Address(), "TEMPORAL_NAMESPACE": "default", "DATABASE_URL": postgres.URL(),
		"RATE_PER_ADDRESS": "100000", "RATE_AUTH_PER_ADDRESS": "100000", "RATE_PER_ACCOUNT": "100000", "MAIL_MAX_ATTEMPTS": "50",
	})
	api := start(t, w.Env, "api", nil)
	code, status, checks := ready(t, api.url)
	require.Equal(t, http.StatusOK, code, "%v", checks)
	require.Equal(t, "ready", status)
	person := w.NewPerson(0, w.org.ID, "asker", models.RoleMentee)

	redis.Kill()
	temporal.Kill()
	smtp := w.Inbox.SMTPAddr()
	require.NoError(t, w.Inbox.Close())
	w.await("the API notices", func() bool {
		code, status, checks = ready(t, api.url)
		return code == http.StatusOK && status == "degraded" && checks["redis"] != "up" && checks["temporal"] != "up"
	})
	require.Equal(t, "up", checks["postgres"])
	require.Equal(t, "up", checks["files"])

	c := login(t, api.url, person)
	var profile struct{ ID json.Number }
	c.call(http.StatusOK, http.MethodGet, fmt.Sprintf("/user/v1/user/read/%d", person.ID), nil, &profile)
	require.Equal(t, fmt.Sprint(person.ID), profile.ID.String())
	c.call(http.StatusOK, http.MethodGet, "/user/v1/organization/list", nil, nil)
	c.call(http.StatusOK, http.MethodPost, "/user/v1/account/registrationOtp", map[string]string{"name": "New", "email": "new@example.test"}, nil)
	var receipt struct {
		RequestID int64 `json:"request_id"`
	}
	c.call(http.StatusOK, http.MethodPost, "/user/v1/organization/requestOrgRole", map[string]any{"role": w.role(models.RoleMentor)}, &receipt)
	admin := login(t, api.url, w.uploader)
	decision := map[string]any{"request_id": receipt.RequestID, "status": "APPROVED"}
	admin.call(http.StatusServiceUnavailable, http.MethodPost, "/user/v1/org-admin/updateRequestStatus", decision, nil)

	w.Inbox = reopen(t, smtp)
	temporal.Start()
	redis.Start()
	w.await("the API notices", func() bool {
		code, status, _ = ready(t, api.url)
		return code == http.StatusOK && status == "ready"
	})
	worker := start(t, w.Env, "worker", nil)
	r := w.request(receipt.RequestID, person)
	w.requireDecided(r, models.RoleRequestApproved)
	admin.call(http.StatusBadRequest, http.MethodPost, "/user/v1/org-admin/updateRequestStatus", decision, nil)
	require.Equal(t, 1, w.mails(r))
	require.Len(t, w.Inbox.Messages(inbox.Filter{To: "new@example.test"}), 1)

	postgres.Kill()
	w.await("the API is not ready without its database", func() bool {
		code, status, checks = ready(t, api.url)
		return code == http.StatusServiceUnavailable && status == "not_ready" && checks["postgres"] != "up"
	})
	postgres.Start()
	w.await("the API is ready again", func() bool {
		code, _, _ = ready(t, api.url)
		return code == http.StatusOK
	})
	c.call(http.StatusOK, http.MethodGet, fmt.Sprintf("/user/v1/user/read/%d", person.ID), nil, nil)
	worker.stop()
	api.stop()
}

// request reads a request of which only the id is known.
func (w *world) request(id int64, by hubtest.Person) asked {
	w.t.Helper()
	v, err := w.RoleRequests.Get(w.manager(), id)
	require.NoError(w.t, err)
	return asked{RoleRequest: v.RoleRequest, by: by}
}

// An upload in flight is taken to its end after SIGTERM, new connections are
// not, and nothing is left of the process.
func TestAPIDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	port, err := devstack.RandomPort()
	require.NoError(t, err)
	metrics := devstack.Address(port)
	api := start(t, w.Env, "api", map[string]string{"METRICS_ADDR": metrics})
	c := login(t, api.url, w.uploader)
	var link struct {
		URL  string `json:"signedUrl"`
		Path string `json:"filePath"`
	}
	c.call(http.StatusOK, http.MethodGet, "/user/v1/cloud-services/file/getSignedUrl?fileName=large.csv", nil, &link)
	body := newList(20_000, 51, known{}).csv()
	conn, err := net.Dial("tcp", strings.TrimPrefix(api.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n%s", strings.TrimPrefix(link.URL, api.url), len(body), body[:len(body)/2])
	require.NoError(t, err)
	w.await("the upload is in flight", func() bool {
		page, err := probe(t.Context(), "http://"+metrics+"/metrics")
		return err == nil && strings.Contains(string(page), "\nquad_http_requests_in_flight 1\n")
	})
	require.NoError(t, api.process.Signal(syscall.SIGTERM))
	w.await("the API drains", func() bool { return strings.Contains(api.log.String(), "api drains") })
	require.NoError(t, api.process.Err(), "it has not waited for the request")
	_, err = conn.Write(body[len(body)/2:])
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, answer.Body.Close())
	api.stop()
	stored, err := w.Blob.Attributes(t.Context(), people.FileKey(w.Account.ID, link.Path))
	require.NoError(t, err)
	require.EqualValues(t, len(body), stored.Size)
	_, err = net.Dial("tcp", strings.TrimPrefix(api.url, "http://"))
	require.Error(t, err)
}
