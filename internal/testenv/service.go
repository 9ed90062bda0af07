package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"quad/internal/devstack"
)

// Service is a service of one test, which the test may kill, stop, wipe and
// start again at the same address. It ends with the test. Its methods end the
// test on failure, so they belong on the test's own goroutine.
type Service struct {
	t       testing.TB
	mu      sync.Mutex
	service running
	url     string // of the test's own database
	wipe    func(ctx context.Context) error
}

// PrivatePostgres starts a PostgreSQL of the test's own. URL is that of a
// database with all migrations.
func PrivatePostgres(t testing.TB) *Service {
	t.Helper()
	s := private(t, func(dir string) prepare { return postgresIn(dir) })
	ctx, cancel := setup()
	defer cancel()
	template := mustGet(t, func() (string, error) { return migrateOn(ctx, s.service.address) })
	s.url = newDatabase(t, s.service.address, template, false)
	return s
}

// PrivateRedis starts a Redis of the test's own, which keeps its data on disk.
func PrivateRedis(t testing.TB) *Service {
	t.Helper()
	s := private(t, func(dir string) prepare { return redisIn(dir, false) })
	s.url = s.service.address
	s.wipe = s.wipeRedis
	return s
}

// PrivateTemporal starts a Temporal server of the test's own, which keeps its
// data on disk. The namespace "default" has the hub's search attributes.
func PrivateTemporal(t testing.TB) *Service {
	t.Helper()
	s := private(t, func(dir string) prepare { return temporalIn(dir, false) })
	s.url = s.service.address
	return s
}

func private(t testing.TB, in func(dir string) prepare) *Service {
	t.Helper()
	dir := mustGet(t, newFolder)
	ctx, cancel := setup()
	defer cancel()
	service, err := launch(ctx, in(dir))
	s := &Service{t: t, service: must(t, service, err)}
	t.Cleanup(func() {
		s.Kill()
		// Not in vain although the janitor comes: a test binary may run many.
		if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(s.service.data)); err != nil {
			t.Logf("testenv: remove a private service's data: %v", err)
		}
	})
	return s
}

// URL is what a client connects to: a database URL, a Redis URL, a DSN of
// MariaDB, or host:port of Temporal.
func (s *Service) URL() string { return s.url }

// Address is the same as URL, as one says it of Temporal.
func (s *Service) Address() string { return s.url }

// Pid is the process id of the running service.
func (s *Service) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.service.process.Pid()
}

// Kill ends the service with SIGKILL, as a crash would, and waits for its end.
// Killing a service that does not run does nothing.
func (s *Service) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.service.process.Kill()
}

// Stop ends the service in its orderly way and waits for its end.
func (s *Service) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := setup()
	defer cancel()
	if err := s.service.process.Stop(ctx); err != nil {
		s.t.Fatalf("testenv: %v", err)
	}
}

// Start starts the service again, on its port and with its data, and returns
// when it is healthy. Starting a service that runs does nothing.
func (s *Service) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs() {
		return
	}
	ctx, cancel := setup()
	defer cancel()
	process, err := devstack.Start(ctx, s.service.child, nil)
	if err != nil {
		s.t.Fatalf("testenv: %v", err)
	}
	s.service.process = process
}

func (s *Service) runs() bool {
	select {
	case <-s.service.process.Done():
		return false
	default:
		return true
	}
}

// Wipe makes a Redis forget everything, whether it runs or not.
func (s *Service) Wipe() {
	s.t.Helper()
	if s.wipe == nil {
		s.t.Fatal("testenv: only a Redis can be wiped")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := setup()
	defer cancel()
	if err := s.wipe(ctx); err != nil {
		s.t.Fatalf("testenv: wipe: %v", err)
	}
}

func (s *Service) wipeRedis(ctx context.Context) error {
	if s.runs() {
		return inClient(s.url, 0, func(client *redis.Client) error { return client.FlushAll(ctx).Err() })
	}
	entries, err := os.ReadDir(s.service.data)
	if err != nil {
		return fmt.Errorf("wipe Redis: %w", err)
	}
	var failures []error
	for _, entry := range entries {
		failures = append(failures, os.RemoveAll(filepath.Join(s.service.data, entry.Name())))
	}
	return errors.Join(failures...)
}
