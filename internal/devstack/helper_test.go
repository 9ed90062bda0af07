package devstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait of these tests; a good run needs a fraction.
const patience = 30 * time.Second

// helperVariable makes the test binary play a parent that a test can kill.
const helperVariable = "QUAD_DEVSTACK_HELPER"

// roleVariable makes the test binary play the hub's own binary.
const roleVariable = "QUAD_DEVSTACK_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		role(os.Args[1])
	}
	switch value := os.Getenv(helperVariable); value {
	case "":
	case "1":
		helper()
	default:
		hubHelper(value)
	}
	os.Exit(m.Run())
}

// helper starts a child in a group, prints its process id and waits to be
// killed.
func helper() {
	group := NewGroup(GroupOptions{})
	if err := group.Start(context.Background(), Child{Name: "sleeper", Path: "/bin/sleep", Args: []string{"1000"}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(group.Pids()["sleeper"])
	select {}
}

// role serves as "worker" or "api": ready at once, and it shows its environment.
func role(name string) {
	address := map[string]string{"worker": os.Getenv("WORKER_HEALTH_ADDR"), "api": os.Getenv("API_ADDR")}[name]
	http.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Join(os.Environ(), "\n"))
	})
	fmt.Println(name, "listens on", address)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil)) //nolint:gosec // a test's server
	os.Exit(1)
}

// hubHelper runs a hub in the data folder dir until it is killed.
func hubHelper(dir string) {
	options, err := hubOptions(dir)
	if err == nil {
		options.Out = os.Stderr
		err = RunHub(context.Background(), options)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// startHelper runs helper in a process of its own and returns it with the
// process id of its child.
func startHelper(t *testing.T) (parent *exec.Cmd, child int) {
	t.Helper()
	parent = exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), helperVariable+"=1")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	return parent, child
}

// alive tells whether a process runs; one that has ended and was not waited
// for yet does not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		_, noProc := os.Stat("/proc/self")
		return noProc != nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) }, patience, 10*time.Millisecond, "process %d is left", pid)
}

// shell is a child that runs a script.
func shell(name, script string) Child {
	return Child{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

// readyFile makes the child healthy when the file exists.
func readyFile(c Child, path string) Child {
	c.Ready = func(context.Context) error { _, err := os.Stat(path); return err }
	return c
}

// buffer is a writer that can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*buffer)(nil)

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
