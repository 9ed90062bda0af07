package devstack

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogsPutTheNameBeforeEachLine(t *testing.T) {
	var out bytes.Buffer
	logs := NewLogs(&out, false)
	api, worker := newOutput(logs.Writer("api")), newOutput(logs.Writer("long-worker"))
	write := func(o *output, text string) {
		n, err := o.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	write(api, "one\ntw")
	write(worker, "other\n")
	write(api, "o\nunfinished")
	api.close()
	require.Equal(t, "api         | one\nlong-worker | other\napi         | two\napi         | unfinished\n", out.String())

	out.Reset()
	colored := newOutput(NewLogs(&out, true).Writer("api"))
	write(colored, "one\n")
	require.Equal(t, "\x1b[36mapi      | \x1b[0mone\n", out.String())
}

func TestOutputIsBounded(t *testing.T) {
	var out bytes.Buffer
	o := newOutput(&out)
	_, err := o.Write(bytes.Repeat([]byte("x"), 3*maxLine)) // never a line break
	require.NoError(t, err)
	require.Empty(t, o.partial)
	for range 100 {
		_, err := o.Write([]byte("line\n"))
		require.NoError(t, err)
	}
	require.Len(t, o.last, tailLines)
	require.Equal(t, tailLines, strings.Count(o.tail(), "line"))
}

func TestTakenPortMovesOn(t *testing.T) {
	taken, err := RandomPort()
	require.NoError(t, err)
	listener, err := net.Listen("tcp4", Address(taken))
	require.NoError(t, err)
	defer listener.Close()

	var ports Ports
	port, err := ports.Take("api", taken)
	require.NoError(t, err)
	require.Greater(t, port, taken)
	require.Len(t, ports.Moved(), 1)
	require.Contains(t, ports.Moved()[0], "api listens on")

	again, err := ports.Take("other", port)
	require.NoError(t, err)
	require.Greater(t, again, port, "no port is given twice")

	free, err := RandomPort()
	require.NoError(t, err)
	same, err := ports.Take("free", free)
	require.NoError(t, err)
	require.Equal(t, free, same)
	require.Len(t, ports.Moved(), 2)
}

func TestDataFolderHasOneUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lock, err := LockDir(dir)
	require.NoError(t, err)
	_, err = LockDir(dir)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "process ")
	require.NoError(t, lock.Unlock())
	lock, err = LockDir(dir)
	require.NoError(t, err)
	require.NoError(t, lock.Unlock())
}

func TestSecretIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	first, made, err := keepSecret(path)
	require.NoError(t, err)
	require.True(t, made)
	require.Len(t, first, 40)
	second, made, err := keepSecret(path)
	require.NoError(t, err)
	require.False(t, made)
	require.Equal(t, first, second)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, _, err = keepSecret(path)
	require.ErrorContains(t, err, "is empty")
}

func TestMissingProgramsNameTheInstaller(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	t.Setenv("QUAD_CACHE", empty)
	_, err := TemporalServer()
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "deploy/install.sh")
	require.ErrorContains(t, err, filepath.Join(empty, "temporal-"+TemporalVersion, "temporal"))
	_, err = RedisServer()
	require.ErrorIs(t, err, ErrMissing)
	require.ErrorContains(t, err, "redis-server")
}

func TestTemporalComesFromTheCache(t *testing.T) {
	cache := t.TempDir()
	program := filepath.Join(cache, "temporal-"+TemporalVersion, "temporal")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o700))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700))
	t.Setenv("QUAD_CACHE", cache)
	found, err := TemporalServer()
	require.NoError(t, err)
	require.Equal(t, program, found)

	t.Setenv("QUAD_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/xdg")
	path, err := temporalCache()
	require.NoError(t, err)
	require.Equal(t, "/xdg/quad/temporal-"+TemporalVersion+"/temporal", path)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "/home/x")
	path, err = temporalCache()
	require.NoError(t, err)
	require.Equal(t, "/home/x/.cache/quad/temporal-"+TemporalVersion+"/temporal", path)
}

func TestNewestPostgresFirst(t *testing.T) {
	require.Equal(t, 15, versionIn("/usr/lib/postgresql/15/bin"))
	require.Equal(t, 17, versionIn("/opt/homebrew/opt/postgresql@17/bin"))
	require.Zero(t, versionIn("/usr/bin"))
}
