package testenv

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// janitor removes the folders of this process when the process has ended, also
// when it was killed. A test binary has no place for code that runs last, so
// a small shell does it: it collects paths from a pipe, and the kernel closes
// the pipe when we are gone.
type janitor struct {
	mu   sync.Mutex
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

var folders janitor

// Servers need a moment to die, and what they write meanwhile makes rm fail.
const janitorScript = `set --
while IFS= read -r path; do set -- "$@" "$path"; done
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	rm -rf -- "$@" 2>/dev/null && exit 0
	sleep 0.5
done
exit 1`

// add has path removed at the end of this process.
func (j *janitor) add(path string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if strings.ContainsRune(path, '\n') {
		return fmt.Errorf("line break in the path %q", path)
	}
	if j.cmd == nil {
		cmd := exec.Command("/bin/sh", "-c", janitorScript) //nolint:noctx // outlives us on purpose
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return fmt.Errorf("start the janitor: %w", err)
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start the janitor: %w", err)
		}
		j.cmd, j.pipe = cmd, pipe
	}
	if _, err := io.WriteString(j.pipe, path+"\n"); err != nil {
		return fmt.Errorf("tell the janitor: %w", err)
	}
	return nil
}

// finish removes all folders now and waits until they are gone.
func (j *janitor) finish() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cmd == nil {
		return nil
	}
	cmd := j.cmd
	j.cmd = nil
	if err := j.pipe.Close(); err != nil {
		return fmt.Errorf("remove temporary folders: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("remove temporary folders: %w", err)
	}
	return nil
}

// newFolder makes a data folder that is removed at the end of this process: in
// memory where there is plenty of it, unless TMPDIR says where. Each test has a
// database of its own, which is several hundred files made and removed, and the
// file systems of disks take more time for these than PostgreSQL for the tests.
func newFolder() (string, error) {
	parent := os.Getenv("TMPDIR")
	if parent == "" {
		parent = memoryFolder()
	}
	dir, err := os.MkdirTemp(parent, "quad-test-")
	if err != nil {
		return "", fmt.Errorf("make a data folder: %w", err)
	}
	if err := folders.add(dir); err != nil {
		return "", err
	}
	return dir, nil
}
