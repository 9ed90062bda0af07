package devstack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
)

// testHub is a hub whose roles are played by the test binary.
type testHub struct {
	HubOptions
	out   *buffer
	stop  context.CancelFunc
	ended chan error
}

func newTestHub(t *testing.T, dir string) *testHub {
	t.Helper()
	options, err := hubOptions(dir)
	require.NoError(t, err)
	h := &testHub{HubOptions: options, out: &buffer{}}
	h.Out = h.out
	return h
}

// hubOptions are those of a hub on free ports, with its data in dir, whose
// roles are played by the test binary.
func hubOptions(dir string) (HubOptions, error) {
	var free [9]int
	for i := range free {
		port, err := RandomPort()
		if err != nil {
			return HubOptions{}, err
		}
		free[i] = port
	}
	return HubOptions{
		Dir:     dir,
		Program: os.Args[0],
		Environ: []string{roleVariable + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DATABASE_URL="},
		Ports: HubPorts{
			API: free[0], Worker: free[1], Postgres: free[2], Redis: free[3],
			Temporal: free[4], TemporalUI: free[5], SMTP: free[6], Inbox: free[7], Queues: free[8],
		},
		SearchAttributes: map[string]enums.IndexedValueType{"TestNumber": enums.INDEXED_VALUE_TYPE_INT},
		Migrate:          func(context.Context, string) error { return nil },
		Links:            []HubLink{{Label: "Docs", Path: "/docs"}, {Label: "Worker metrics", Path: "/metrics", Worker: true}},
	}, nil
}

// run starts the hub and returns when it is ready.
func (h *testHub) run(t *testing.T) DemoHub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h.stop, h.ended = cancel, make(chan error, 1)
	go func() { h.ended <- RunHub(ctx, h.HubOptions) }()
	t.Cleanup(func() { cancel() })
	require.Eventually(t, func() bool {
		select {
		case err := <-h.ended:
			require.NoError(t, err, h.out.String())
			require.Fail(t, "the hub has ended", h.out.String())
		default:
		}
		return strings.Contains(h.out.String(), "Quad is ready")
	}, 2*patience, 10*time.Millisecond, "not ready")
	file, err := ReadDemo(h.Dir)
	require.NoError(t, err)
	return file
}

// end stops the hub and waits for its end.
func (h *testHub) end(t *testing.T) {
	t.Helper()
	h.stop()
	require.NoError(t, <-h.ended, h.out.String())
}

// environment is that of the role which answers at url.
func environment(t *testing.T, url string) map[string]string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/env", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	vars := map[string]string{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		vars[name] = value
	}
	return vars
}

func TestHub(t *testing.T) {
	dir := filepath.Join(openDir(t), ".quad")
	first := newTestHub(t, dir)
	var (
		passwords []string
		jobs      int
	)
	first.Migrate = func(_ context.Context, url string) error {
		execSQL(t, url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'yes'::text AS value")
		return nil
	}
	first.Seed = func(_ context.Context, env HubEnv) (Demo, error) {
		password, err := env.Secret("demo-password")
		passwords = append(passwords, password)
		require.Equal(t, "yes", queryString(t, env.Vars["DATABASE_URL"], "SELECT value FROM kept"))
		return Demo{
			Account: &DemoAccount{ID: 1, Name: "Demo"},
			Hub:     &DemoLogin{Email: "admin@demo.test", Password: password},
		}, err
	}
	first.Demo = func(_ context.Context, _ HubEnv, hub DemoHub) error {
		jobs++
		if jobs == 1 {
			return errors.New("on purpose")
		}
		require.NotEmpty(t, hub.API)
		return nil
	}
	file := first.run(t)

	info, err := os.Stat(filepath.Join(dir, DemoFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, "admin@demo.test", file.Hub.Email)
	require.Len(t, file.Pids, 5)
	for _, name := range []string{"postgres", "redis", "temporal", "worker", "api"} {
		require.True(t, alive(file.Pids[name]), name)
	}
	require.NoError(t, redisClient(t, file.RedisURL).Set(t.Context(), "kept", "yes", 0).Err())
	require.NoError(t, TemporalHealthy(t.Context(), file.Temporal))
	vars := environment(t, file.API)
	require.NoError(t, smtp.SendMail(strings.TrimPrefix(vars["SMTP_URL"], "smtp://"), nil, "a@quad.test", []string{"b@quad.test"}, []byte("Subject: hello\r\n\r\n")))
	require.Equal(t, 1, countMails(t, file.Inbox))
	require.Equal(t, file.DatabaseURL, vars["DATABASE_URL"])
	require.Equal(t, file.RedisURL, vars["REDIS_URL"])
	require.Equal(t, file.Temporal, vars["TEMPORAL_ADDRESS"])
	require.Equal(t, file.API, vars["PUBLIC_URL"])
	require.Equal(t, "file://"+dir+"/blobs", vars["BLOB_URL"])
	key, err := base64.StdEncoding.DecodeString(vars["QUAD_KEYS"])
	require.NoError(t, err)
	require.Len(t, key, 32)
	for _, want := range []string{
		"Docs             " + file.API + "/docs", "Worker metrics   http://" + vars["WORKER_HEALTH_ADDR"] + "/metrics",
		"Queue UI         http://" + vars["WORKER_QUEUE_UI_ADDR"], file.Inbox, file.TemporalUI, "admin@demo.test", "api      | api listens on",
	} {
		require.Contains(t, first.out.String(), want)
	}
	require.Eventually(t, func() bool { return strings.Contains(first.out.String(), "the main job failed: on purpose") }, patience, time.Millisecond)

	// One hub in a folder.
	err = RunHub(t.Context(), newTestHub(t, dir).HubOptions)
	require.ErrorIs(t, err, ErrLocked)
	require.FileExists(t, filepath.Join(dir, DemoFile))

	// A crashed child comes back, and the file knows.
	require.NoError(t, syscall.Kill(file.Pids["api"], syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now, err := ReadDemo(dir)
		return err == nil && now.Pids["api"] != file.Pids["api"] && alive(now.Pids["api"])
	}, patience, 10*time.Millisecond)
	file, err = ReadDemo(dir)
	require.NoError(t, err)

	first.end(t)
	for name, pid := range file.Pids {
		require.False(t, alive(pid), name)
	}
	_, err = ReadDemo(dir)
	require.ErrorIs(t, err, ErrNoHub)

	// The second start is quick and finds everything.
	second := newTestHub(t, dir)
	second.Migrate, second.Seed, second.Demo = first.Migrate, first.Seed, first.Demo
	begin := time.Now()
	file = second.run(t)
	require.Less(t, time.Since(begin), 10*time.Second)
	require.Len(t, passwords, 2)
	require.Equal(t, passwords[0], passwords[1])
	kept, err := redisClient(t, file.RedisURL).Get(t.Context(), "kept").Result()
	require.NoError(t, err)
	require.Equal(t, "yes", kept)
	require.Equal(t, 1, countMails(t, file.Inbox))
	again := environment(t, file.API)
	for _, name := range []string{"QUAD_KEYS", "AUTH_ADMIN_SECRET_CODE"} {
		require.Equal(t, vars[name], again[name], name)
	}
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, demoDone))
		return err == nil
	}, patience, time.Millisecond, "the main job is tried again after a failure")
	second.end(t)

	third := newTestHub(t, dir)
	third.Demo = first.Demo
	third.run(t)
	third.end(t)
	require.Equal(t, 2, jobs, "and not again when it was done")
}

func countMails(t *testing.T, inbox string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, inbox+"/api/messages", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	var list struct{ Total int }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&list))
	return list.Total
}

func TestAddressesInTheEnvironmentReplaceChildren(t *testing.T) {
	var migrated string
	h := newTestHub(t, filepath.Join(t.TempDir(), ".quad"))
	given := map[string]string{
		"DATABASE_URL": "postgres://mine/db", "REDIS_URL": "redis://mine/1", "TEMPORAL_ADDRESS": "mine:7233",
		"SMTP_URL": "smtps://mine", "BLOB_URL": "s3://mine", "QUAD_KEYS": "mine", "AUTH_ADMIN_SECRET_CODE": "mine",
		"PUBLIC_URL": "https://mine.test", "LOG_FORMAT": "json",
	}
	for name, value := range given {
		h.Environ = append(h.Environ, name+"="+value)
	}
	h.Environ = append(h.Environ, "API_ADDR=0.0.0.0:"+strconv.Itoa(h.Ports.API))
	h.Migrate = func(_ context.Context, url string) error { migrated = url; return nil }
	file := h.run(t)
	require.Equal(t, "postgres://mine/db", migrated)
	require.Equal(t, "postgres://mine/db", file.DatabaseURL)
	require.Equal(t, "mine:7233", file.Temporal)
	require.Empty(t, file.Inbox)
	require.True(t, strings.HasPrefix(file.API, "http://127.0.0.1:"))
	require.Len(t, file.Pids, 2)
	vars := environment(t, file.API)
	for name, value := range given {
		require.Equal(t, value, vars[name], name)
	}
	require.True(t, strings.HasPrefix(vars["API_ADDR"], "0.0.0.0:"))
	require.Contains(t, h.out.String(), "PostgreSQL is yours (DATABASE_URL)")
	h.end(t)
}

func TestFailedStartLeavesNothing(t *testing.T) {
	dir := filepath.Join(openDir(t), ".quad")
	h := newTestHub(t, dir)
	var url string
	h.Migrate = func(_ context.Context, databaseURL string) error {
		url = databaseURL
		return errors.New("broken migration")
	}
	err := RunHub(t.Context(), h.HubOptions)
	require.ErrorContains(t, err, "migrate the database: broken migration")
	require.NotEmpty(t, url)
	for _, port := range []int{h.Ports.Postgres, h.Ports.Redis, h.Ports.Temporal, h.Ports.SMTP} {
		require.True(t, portFree(port), port)
	}
	_, err = ReadDemo(dir)
	require.ErrorIs(t, err, ErrNoHub)
	lock, err := LockDir(dir)
	require.NoError(t, err)
	require.NoError(t, lock.Unlock())
}

func TestStopWhileStartingIsNoError(t *testing.T) {
	h := newTestHub(t, filepath.Join(openDir(t), ".quad"))
	ctx, cancel := context.WithCancel(t.Context())
	h.Migrate = func(ctx context.Context, _ string) error { cancel(); return ctx.Err() }
	require.NoError(t, RunHub(ctx, h.HubOptions))
	require.Contains(t, h.out.String(), "stopped")
}
