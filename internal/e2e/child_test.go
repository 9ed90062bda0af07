package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/devstack"
	"quad/internal/hubtest"
)

// binaryVariable names a quad program that is built already.
const binaryVariable = "QUAD_TEST_BINARY"

// binary is the quad program, built once for all tests of the run.
var binary = sync.OnceValues(func() (string, error) {
	if program := os.Getenv(binaryVariable); program != "" {
		return program, nil
	}
	dir, err := os.MkdirTemp("", "quad-e2e-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	program := filepath.Join(dir, "quad")
	if out, err := exec.Command("go", "build", "-o", program, "quad/cmd/quad").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build quad: %w\n%s", err, out)
	}
	return program, nil
})

var builtIn string // the folder of the binary

// testsAtOnce is how many tests run at the same time, whatever the number of
// processors: they wait most of their time, for workers to be missed and for
// services to come back.
const testsAtOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", testsAtOnce); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(2)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(builtIn); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// quad is a role of the hub that runs as a child process. It may be killed and
// started again; it ends with the test.
type quad struct {
	t       *testing.T
	child   devstack.Child
	process *devstack.Process
	log     *tail
	url     string
}

// start runs a role of the hub in the environment of e, changed by settings.
// It returns when the role answers probes; whether its services are there does
// not matter.
func start(t *testing.T, e *hubtest.Env, role string, settings map[string]string) *quad {
	t.Helper()
	program, err := binary()
	require.NoError(t, err)
	port, err := devstack.RandomPort()
	require.NoError(t, err)
	address := devstack.Address(port)
	env := maps.Clone(e.Settings)
	maps.Copy(env, map[string]string{
		"LOG_LEVEL": "info", "LOG_FORMAT": "text", "API_ADDR": address, "PUBLIC_URL": "http://" + address, "WORKER_HEALTH_ADDR": address,
	})
	maps.Copy(env, settings)
	q := &quad{t: t, url: "http://" + address, log: &tail{}}
	q.child = devstack.Child{
		Name: role, Path: program, Args: []string{role}, Dir: t.TempDir(), ReadyTimeout: 2 * time.Minute, StopTimeout: 30 * time.Second,
		Ready: func(ctx context.Context) error {
			_, err := probe(ctx, q.url+"/healthz")
			return err
		},
	}
	for name, value := range env {
		q.child.Env = append(q.child.Env, name+"="+value)
	}
	q.start()
	t.Cleanup(func() {
		q.process.Kill()
		if t.Failed() {
			t.Logf("the last that %s said:\n%s", role, q.log)
		}
	})
	return q
}

func (q *quad) start() {
	q.t.Helper()
	var err error
	q.process, err = devstack.Start(context.Background(), q.child, q.log)
	require.NoError(q.t, err)
}

// kill ends the role with SIGKILL.
func (q *quad) kill() {
	q.t.Helper()
	require.NoError(q.t, q.process.Err(), "%s has ended by itself", q.child.Name)
	q.process.Kill()
}

// restart kills the role and starts it again.
func (q *quad) restart() {
	q.t.Helper()
	q.kill()
	q.start()
}

// stop ends the role with SIGTERM; one that has to be killed fails the test, as
// does one that leaves a process behind.
func (q *quad) stop() {
	q.t.Helper()
	pid := q.process.Pid()
	require.NoError(q.t, q.process.Stop(context.Background()))
	require.Equal(q.t, "exit status 0", q.process.Err().Error())
	require.ErrorIs(q.t, syscall.Kill(-pid, 0), syscall.ESRCH, "a process of the group is left")
}

// probe asks an address and gives its body; a status other than 200 is an error.
func probe(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return body, err
}

// tail keeps the end of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailLength = 16 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if drop := len(l.text) - tailLength; drop > tailLength {
		l.text = bytes.Clone(l.text[drop:])
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-tailLength):])
}
