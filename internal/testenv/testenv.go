// Package testenv gives tests the real services that the hub uses: PostgreSQL,
// Redis, Temporal and a mail server; and MariaDB, which learning systems use.
//
// Shared services ([Database], [Redis], [Temporal], [MariaDB]) are started when
// the first test asks, once for a test process, and end with it. When
// QUAD_TEST_DATABASE_URL, QUAD_TEST_REDIS_URL, QUAD_TEST_TEMPORAL and
// QUAD_TEST_MARIADB are set, those services are used instead: the program
// internal/testenv/run sets them around a "go test ./...", so that one set of
// services serves all packages. Every test gets a part of
// its own (a database, a logical database, a namespace), so tests may run in
// parallel. A test that kills a service takes a private one ([PrivatePostgres],
// [PrivateRedis], [PrivateTemporal], [PrivateMariaDB]).
//
// Nothing is skipped: when a program is missing the test fails and says what
// installs it.
package testenv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"
)

// Names of the environment variables that replace the shared services.
const (
	DatabaseVariable = "QUAD_TEST_DATABASE_URL"
	RedisVariable    = "QUAD_TEST_REDIS_URL"
	TemporalVariable = "QUAD_TEST_TEMPORAL"
	MariaDBVariable  = "QUAD_TEST_MARIADB"
)

// setupTimeout bounds the preparation of one thing a test asks for.
const setupTimeout = 2 * time.Minute

// setup is the context for preparing something and for cleaning it up. It is
// not the test's own, which is cancelled before cleanups run.
func setup() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), setupTimeout)
}

// unique is a name part that no other test has.
func unique() string {
	b := make([]byte, 8)
	rand.Read(b) //nolint:errcheck // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// must returns value, or ends the test with err.
func must[T any](t testing.TB, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return value
}
