package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/testenv"
)

// variables are those that the command gets.
var variables = []string{testenv.DatabaseVariable, testenv.RedisVariable, testenv.TemporalVariable, testenv.MariaDBVariable}

func TestCommandGetsServicesThatEndWithIt(t *testing.T) {
	for _, variable := range variables {
		t.Setenv(variable, "")
	}
	out := filepath.Join(t.TempDir(), "out")
	code, err := withStack(nil, []string{"/bin/sh", "-c", "echo $" + strings.Join(variables, " $") + " > " + out + "; exit 7"})
	require.NoError(t, err)
	require.Equal(t, 7, code)
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	addresses := strings.Fields(string(content))
	require.Len(t, addresses, len(variables))
	_, err = pgx.Connect(t.Context(), addresses[0])
	require.ErrorContains(t, err, "refused")
}

func TestServicesOfTheEnvironmentAreUsed(t *testing.T) {
	for _, variable := range variables {
		t.Setenv(variable, "mine")
	}
	code, err := withStack(nil, []string{"/bin/sh", "-c", `test "$QUAD_TEST_DATABASE_URL$QUAD_TEST_REDIS_URL$QUAD_TEST_TEMPORAL$QUAD_TEST_MARIADB" = minemineminemine`})
	require.NoError(t, err)
	require.Zero(t, code)
}

func TestSignalsAreForTheCommand(t *testing.T) {
	for _, variable := range variables {
		t.Setenv(variable, "mine")
	}
	ready := filepath.Join(t.TempDir(), "ready")
	for want, script := range map[int]string{
		9:               `trap 'exit 9' TERM; touch ` + ready + `; while :; do sleep 0.02; done`,
		exitSignal + 15: `touch ` + ready + `; exec sleep 1000`,
	} {
		signals := make(chan os.Signal, 1)
		got := make(chan int)
		go func() {
			code, _ := withStack(signals, []string{"/bin/sh", "-c", script})
			got <- code
		}()
		require.Eventually(t, func() bool { return os.Remove(ready) == nil }, 30*time.Second, 5*time.Millisecond)
		signals <- syscall.SIGTERM
		require.Equal(t, want, <-got)
	}
}

func TestAbsentCommand(t *testing.T) {
	for _, variable := range variables {
		t.Setenv(variable, "mine")
	}
	code, err := withStack(nil, []string{"/does/not/exist"})
	require.Error(t, err)
	require.Equal(t, exitNotStarted, code)
}
