package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leftoverPatience is how long processes of an earlier server may take to end
// after each request to do so.
const leftoverPatience = 5 * time.Second

// clearLeftovers makes way for a server in a cluster whose last server was
// killed. Such a server may leave two things that refuse or endanger the next:
// processes that still write, and a pid file whose number belongs to an
// innocent process by now. The caller has the sole right to the data folder,
// so whatever PostgreSQL runs in the cluster is nobody else's.
func clearLeftovers(ctx context.Context, cluster string) error {
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		gone, err := endServers(ctx, cluster, sig)
		if err != nil {
			return err
		}
		if !gone {
			continue
		}
		// Nothing runs here, so the pid file speaks of the past.
		if err := os.Remove(filepath.Join(cluster, "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a stale pid file: %w", err)
		}
		return nil
	}
	return fmt.Errorf("PostgreSQL processes of an earlier run in %s do not end", cluster)
}

// endServers sends sig to every PostgreSQL process of the cluster and tells
// whether all were gone within the patience.
func endServers(ctx context.Context, cluster string, sig syscall.Signal) (bool, error) {
	deadline := time.Now().Add(leftoverPatience)
	for signalled := false; ; signalled = true {
		pids, err := serversIn(cluster)
		if err != nil || len(pids) == 0 {
			return err == nil, err
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		if !signalled {
			for _, pid := range pids {
				// One that ended in this moment is what we want.
				if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
					return false, fmt.Errorf("end a PostgreSQL of an earlier run (process %d): %w", pid, err)
				}
			}
		}
		if !pause(ctx, probeInterval) {
			return false, ctx.Err()
		}
	}
}

// serversIn lists the PostgreSQL processes whose working directory is the
// cluster, which is that of a postmaster and all its children.
func serversIn(cluster string) ([]int, error) {
	cluster, err := filepath.EvalSymlinks(cluster)
	if err != nil {
		return nil, fmt.Errorf("look for leftovers: %w", err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for leftovers: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// What cannot be read ended meanwhile or belongs to somebody else.
		if dir, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd")); err != nil || dir != cluster {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "postgres" {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
