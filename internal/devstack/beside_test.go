package devstack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBeside(t *testing.T) {
	dir := t.TempDir()
	_, err := Beside(dir)
	require.ErrorIs(t, err, ErrNoHub)

	hub := DemoHub{
		API: "http://127.0.0.1:8080", Temporal: "127.0.0.1:7233", DatabaseURL: "postgres://here", RedisURL: "redis://here",
		Demo: Demo{Elevate: &DemoElevate{AdminSecretCode: "open"}},
	}
	require.NoError(t, hub.write(dir))
	vars, err := Beside(dir)
	require.NoError(t, err)
	want := map[string]string{
		"QUAD_DATA": dir, "DATABASE_URL": "postgres://here", "REDIS_URL": "redis://here", "TEMPORAL_ADDRESS": "127.0.0.1:7233",
		"PUBLIC_URL": "http://127.0.0.1:8080", "AUTH_ADMIN_SECRET_CODE": "open",
	}
	require.Equal(t, want, vars, "keys of the environment are left to it")

	require.NoError(t, os.WriteFile(filepath.Join(dir, keysFile), []byte("a key\n"), 0o600))
	want["QUAD_KEYS"] = "a key"
	vars, err = Beside(dir)
	require.NoError(t, err)
	require.Equal(t, want, vars)
}

func TestWhenTheMainJobRuns(t *testing.T) {
	runs := 0
	var failure error
	start := func(dir string, always bool) {
		h, err := newHub(HubOptions{Dir: dir, Out: &buffer{}, DemoAlways: always, Environ: []string{},
			Demo: func(context.Context, HubEnv, DemoHub) error { runs++; return failure }})
		require.NoError(t, err)
		h.runDemo(t.Context())
	}
	dir := t.TempDir()
	failure = errors.New("broken")
	start(dir, false)
	failure = nil
	start(dir, false)
	require.Equal(t, 2, runs, "again after a failure")
	start(dir, false)
	require.Equal(t, 2, runs, "and then not any more")
	start(dir, true)
	require.Equal(t, 3, runs, "but when it is asked for")
}
