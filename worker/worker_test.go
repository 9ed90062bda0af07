package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"quad/internal/hub"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/notify"
	"quad/internal/testenv"
	"quad/worker"
)

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

type readiness struct {
	Status string
	Checks map[string]struct{ Status string }
}

// get asks a probe; a worker that does not listen gives status 0.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func ready(t *testing.T, address string) (status int, r readiness) {
	t.Helper()
	status, body := get(t, "http://"+address+"/readyz")
	if status != 0 {
		require.NoError(t, json.Unmarshal([]byte(body), &r))
	}
	return status, r
}

func becomesReady(t *testing.T, address string) {
	t.Helper()
	hubtest.Eventually(t, "ready", func() bool { status, _ := ready(t, address); return status == http.StatusOK })
}

func send(t *testing.T, e *hubtest.Env, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, e.Notify.Send(e.Context(), notify.Message{
			Template: "registration", Recipient: fmt.Sprintf("user%d@example.test", i), EventKey: "signup",
		}))
	}
}

// arrive waits for n mails and requires each recipient to have got one.
func arrive(t *testing.T, e *hubtest.Env, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := e.Inbox.Wait(ctx, inbox.Filter{}, n)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, m := range got {
		require.False(t, seen[m.To[0]], "two mails to %s", m.To[0])
		seen[m.To[0]] = true
	}
	require.Len(t, seen, n)
}

func TestWorkerRunsAndStops(t *testing.T) {
	address := freeAddress(t)
	e := hubtest.New(t, hubtest.Options{Settings: map[string]string{"WORKER_HEALTH_ADDR": address}})
	stop := e.StartWorker(worker.Run)
	becomesReady(t, address)
	status, _ := get(t, "http://"+address+"/healthz")
	require.Equal(t, http.StatusOK, status)
	_, metrics := get(t, "http://"+address+"/metrics")
	require.Contains(t, metrics, "temporal_")
	send(t, e, 0, 10)
	arrive(t, e, 10)

	schedule, err := e.Temporal.ScheduleClient().GetHandle(t.Context(), "invite-lapse").Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, enums.SCHEDULE_OVERLAP_POLICY_SKIP, schedule.Schedule.Policy.Overlap)
	require.Equal(t, time.Hour, schedule.Schedule.Spec.Intervals[0].Every)

	// A second worker finds the schedule, which an operator has paused, and
	// runs it when it is triggered.
	handle := e.Temporal.ScheduleClient().GetHandle(t.Context(), "invite-lapse")
	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "for a while"}))
	stop()
	status, _ = get(t, "http://"+address+"/healthz")
	require.Zero(t, status, "nothing listens after the stop")
	e.StartWorker(worker.Run)
	becomesReady(t, address)
	schedule, err = handle.Describe(t.Context())
	require.NoError(t, err)
	require.True(t, schedule.Schedule.State.Paused)
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	hubtest.Eventually(t, "the triggered run", func() bool {
		d, err := handle.Describe(t.Context())
		if err != nil || len(d.Info.RecentActions) == 0 {
			return false
		}
		run := d.Info.RecentActions[0].StartWorkflowResult
		return e.Temporal.GetWorkflow(t.Context(), run.WorkflowID, "").Get(t.Context(), nil) == nil
	})
}

func TestWorkerWaitsForItsServices(t *testing.T) {
	address := freeAddress(t)
	temporal, redis := testenv.PrivateTemporal(t), testenv.PrivateRedis(t)
	temporal.Kill()
	redis.Kill()
	e := hubtest.New(t, hubtest.Options{Worker: worker.Run, Settings: map[string]string{
		"WORKER_HEALTH_ADDR": address, "REDIS_URL": redis.URL(),
		"TEMPORAL_ADDRESS": temporal.Address(), "TEMPORAL_NAMESPACE": "default",
	}})
	hubtest.Eventually(t, "an answer", func() bool { status, _ := ready(t, address); return status != 0 })
	status, r := ready(t, address)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "not_ready", r.Status)
	require.Equal(t, "up", r.Checks["postgres"].Status)
	require.NotEqual(t, "up", r.Checks["redis"].Status)
	require.NotEqual(t, "up", r.Checks["temporal"].Status)
	status, _ = get(t, "http://"+address+"/healthz")
	require.Equal(t, http.StatusOK, status, "alive all the same")
	send(t, e, 0, 5)

	redis.Start()
	arrive(t, e, 5)
	temporal.Start()
	becomesReady(t, address)

	// Later outages too.
	redis.Wipe()
	temporal.Kill()
	hubtest.Eventually(t, "not ready", func() bool { status, _ := ready(t, address); return status == http.StatusServiceUnavailable })
	send(t, e, 5, 10)
	arrive(t, e, 10)
	temporal.Start()
	becomesReady(t, address)
}

func TestTakenHealthAddress(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	e := hubtest.New(t, hubtest.Options{})
	h := hub.Hub{Config: e.Config}
	h.Config.Worker.HealthAddr = listener.Addr().String()
	require.ErrorContains(t, worker.Run(t.Context(), &h), "health address")
}
