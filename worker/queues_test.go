package worker

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"quad/internal/testenv"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestQueueUI(t *testing.T) {
	url := testenv.Redis(t)
	connection, err := asynq.ParseRedisURI(url)
	require.NoError(t, err)
	tasks := asynq.NewClient(connection)
	_, err = tasks.Enqueue(asynq.NewTask("mail", []byte(`17`)), asynq.Queue("mails"))
	require.NoError(t, err)
	require.NoError(t, tasks.Close())

	addr := freeAddress(t)
	stop, err := serveQueueUI(t.Context(), addr, url)
	require.NoError(t, err)
	ask := func(method, path, site string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, nil)
		require.NoError(t, err)
		if site != "" {
			request.Header.Set("Sec-Fetch-Site", site)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, body := ask(http.MethodGet, "/", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "<html")
	status, body = ask(http.MethodGet, "/api/queues/mails/pending_tasks", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"type":"mail"`)

	status, _ = ask(http.MethodDelete, "/api/queues/mails/pending_tasks:delete_all", "cross-site")
	require.Equal(t, http.StatusForbidden, status, "another site cannot delete tasks")
	_, body = ask(http.MethodGet, "/api/queues/mails", "")
	require.Contains(t, body, `"pending":1`)

	_, err = serveQueueUI(t.Context(), addr, url)
	require.ErrorContains(t, err, "address already in use")
	stop()
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
}

func TestQueueUIIsOffByDefault(t *testing.T) {
	stop, err := serveQueueUI(t.Context(), "", "no address")
	require.NoError(t, err)
	stop()
	_, err = serveQueueUI(t.Context(), "127.0.0.1:0", "no://address:with@password")
	require.ErrorContains(t, err, "REDIS_URL")
	require.NotContains(t, err.Error(), "password")
}
