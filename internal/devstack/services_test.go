package devstack

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

func newTestRedis(t *testing.T, dir string) *Redis {
	t.Helper()
	port, err := RandomPort()
	require.NoError(t, err)
	r, err := NewRedis(RedisOptions{Dir: dir, Port: port})
	require.NoError(t, err)
	return r
}

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestRedisKeepsItsData(t *testing.T) {
	dir := t.TempDir()
	first := newTestRedis(t, dir)
	process := run(t, first.Child)
	client := redisClient(t, first.URL(3))
	require.NoError(t, client.Set(t.Context(), "kept", "yes", 0).Err())
	for setting, want := range map[string]string{
		"maxmemory-policy": "noeviction", "appendonly": "yes", "bind": Loopback, "save": "",
	} {
		got, err := client.ConfigGet(t.Context(), setting).Result()
		require.NoError(t, err)
		require.Equal(t, want, got[setting], setting)
	}
	wrong := redisClient(t, strings.Replace(first.URL(0), first.password, "wrong", 1))
	require.ErrorContains(t, wrong.Ping(t.Context()).Err(), "WRONGPASS")

	require.NoError(t, process.Signal(syscall.SIGKILL))
	<-process.Done()
	second := newTestRedis(t, dir)
	process = run(t, second.Child)
	kept, err := redisClient(t, second.URL(3)).Get(t.Context(), "kept").Result()
	require.NoError(t, err)
	require.Equal(t, "yes", kept)
	require.NoError(t, process.Stop(t.Context()))
}

func TestRedisOnATakenPortFails(t *testing.T) {
	first := newTestRedis(t, t.TempDir())
	run(t, first.Child)
	second, err := NewRedis(RedisOptions{Dir: t.TempDir(), Port: first.port})
	require.NoError(t, err)
	_, err = Start(t.Context(), second.Child, nil)
	require.ErrorContains(t, err, "redis ended while starting")
	require.ErrorContains(t, err, "ddress already in use")
}

func TestTemporalKeepsItsData(t *testing.T) {
	dir := t.TempDir()
	attributes := map[string]enums.IndexedValueType{
		"TestNumber": enums.INDEXED_VALUE_TYPE_INT, "TestWord": enums.INDEXED_VALUE_TYPE_KEYWORD,
	}
	prepare := func(ui bool) *Temporal {
		var ports [2]int
		for i := range ports {
			port, err := RandomPort()
			require.NoError(t, err)
			ports[i] = port
		}
		if !ui {
			ports[1] = 0
		}
		temporal, err := NewTemporal(TemporalOptions{Dir: dir, Port: ports[0], UIPort: ports[1], SearchAttributes: attributes})
		require.NoError(t, err)
		return temporal
	}
	registered := func(address string) map[string]enums.IndexedValueType {
		var answer *operatorservice.ListSearchAttributesResponse
		require.NoError(t, withTemporal(address, func(conn *grpc.ClientConn) (err error) {
			answer, err = operatorservice.NewOperatorServiceClient(conn).ListSearchAttributes(t.Context(),
				&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
			return err
		}))
		return answer.CustomAttributes
	}

	first := prepare(true)
	process := run(t, first.Child)
	require.Subset(t, registered(first.Address), attributes)
	require.NoError(t, withTemporal(first.Address, func(conn *grpc.ClientConn) error {
		_, err := workflowservice.NewWorkflowServiceClient(conn).RegisterNamespace(t.Context(),
			&workflowservice.RegisterNamespaceRequest{Namespace: "kept", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
		return err
	}))
	require.Eventually(t, func() bool { // the UI opens its port a moment later
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, first.UI, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, patience, 20*time.Millisecond)
	require.NoError(t, process.Signal(syscall.SIGKILL))
	<-process.Done()

	second := prepare(false)
	require.Empty(t, second.UI)
	process = run(t, second.Child)
	require.Subset(t, registered(second.Address), attributes)
	require.NoError(t, withTemporal(second.Address, func(conn *grpc.ClientConn) error {
		_, err := workflowservice.NewWorkflowServiceClient(conn).DescribeNamespace(t.Context(),
			&workflowservice.DescribeNamespaceRequest{Namespace: "kept"})
		return err
	}))
	require.NoError(t, process.Stop(t.Context()))
	require.Error(t, TemporalHealthy(context.WithoutCancel(t.Context()), second.Address))
}
