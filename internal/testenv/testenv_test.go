package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"quad/internal/devstack"
	"quad/internal/inbox"
	"quad/internal/process"
)

// patience bounds every wait of these tests; a good run needs a fraction.
const patience = 30 * time.Second

// helperVariable makes the test binary play a test process that can be killed.
const helperVariable = "QUAD_TESTENV_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		helper()
	}
	os.Exit(m.Run())
}

// helper starts the shared services as a test would, prints their addresses
// and waits to be killed.
func helper() {
	for _, start := range []func() (string, error){sharedPostgres, sharedRedis, sharedTemporal} {
		address, err := start()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(address)
	}
	select {}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func value[T any](t *testing.T, conn *pgx.Conn, sql string) (v T) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func redisAt(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const countTables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"

func TestDatabasesAreIsolated(t *testing.T) {
	first, second := connect(t, Database(t)), connect(t, Database(t))
	require.Positive(t, value[int](t, first, countTables), "migrations are applied")
	_, err := first.Exec(t.Context(), "CREATE TABLE only_here (id int)")
	require.NoError(t, err)
	require.Equal(t, value[int](t, second, countTables)+1, value[int](t, first, countTables))
	require.Zero(t, value[int](t, connect(t, EmptyDatabase(t)), countTables))
}

func TestDatabaseIsDroppedAtTheEnd(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) {
		url = Database(t)
		// A connection that a test forgot does not keep the database.
		conn, err := pgx.Connect(context.Background(), url)
		require.NoError(t, err)
		require.False(t, conn.IsClosed())
	})
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func TestManyTestsAtOnce(t *testing.T) {
	var seen sync.Map
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			address, namespace := Temporal(t)
			for _, own := range []string{Database(t), EmptyDatabase(t), Redis(t), address + "/" + namespace} {
				_, taken := seen.LoadOrStore(own, true)
				require.False(t, taken, own)
			}
		})
	}
}

func TestTemplateIsMadeOnce(t *testing.T) {
	server := mustGet(t, sharedPostgres)
	files := fstest.MapFS{"1.sql": {Data: []byte("-- " + unique())}}
	var calls atomic.Int32
	migrate := func(ctx context.Context, url string) error {
		calls.Add(1)
		return onServer(ctx, url, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "CREATE TABLE migrated (id int)")
			return err
		})
	}
	broken := func(context.Context, string) error { return errors.New("broken migration") }
	_, err := makeTemplate(t.Context(), server, files, broken)
	require.ErrorContains(t, err, "broken migration")

	var (
		all   sync.WaitGroup
		names [5]string
	)
	for i := range names {
		all.Go(func() {
			name, err := makeTemplate(context.WithoutCancel(t.Context()), server, files, migrate)
			if err == nil {
				names[i] = name
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, calls.Load())
	require.NotEmpty(t, names[0])
	for _, name := range names {
		require.Equal(t, names[0], name)
	}
	require.Equal(t, 1, value[int](t, connect(t, newDatabase(t, server, names[0], true)), countTables))

	files["1.sql"].Data = append(files["1.sql"].Data, " changed"...)
	other, err := makeTemplate(t.Context(), server, files, migrate)
	require.NoError(t, err)
	require.NotEqual(t, names[0], other, "other content, other template")
	admin := connect(t, server)
	for _, name := range []string{names[0], other} {
		_, err := admin.Exec(t.Context(), "DROP DATABASE "+name)
		require.NoError(t, err)
	}
}

func TestRedisDatabasesAreIsolated(t *testing.T) {
	first, second := redisAt(t, Redis(t)), redisAt(t, Redis(t))
	require.NoError(t, first.Set(t.Context(), "key", "value", 0).Err())
	require.Zero(t, second.Exists(t.Context(), "key").Val())
	require.NoError(t, second.FlushDB(t.Context()).Err())
	require.EqualValues(t, 1, first.Exists(t.Context(), "key").Val())
}

func TestRedisDatabaseIsGivenBackEmpty(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) {
		url = Redis(t)
		require.NoError(t, redisAt(t, url).Set(t.Context(), "key", "value", 0).Err())
	})
	used := redisAt(t, url)
	require.Zero(t, used.DBSize(t.Context()).Val())
	claims := redisAt(t, inRedis(url, 0))
	require.Zero(t, claims.Exists(t.Context(), claimKey(used.Options().DB)).Val())
}

func TestRedisRunsOutOfDatabases(t *testing.T) {
	private := PrivateRedis(t)
	admin := redisAt(t, private.URL())
	for number := 1; number < redisDatabases; number++ {
		if number != 7 {
			require.NoError(t, admin.Set(t.Context(), claimKey(number), "", 0).Err())
		}
	}
	number, err := claimRedis(t.Context(), private.URL())
	require.NoError(t, err)
	require.Equal(t, 7, number)
	_, err = claimRedis(t.Context(), private.URL())
	require.ErrorContains(t, err, "in use")
	require.NoError(t, releaseRedis(t.Context(), private.URL(), 7))
	number, err = claimRedis(t.Context(), private.URL())
	require.NoError(t, err)
	require.Equal(t, 7, number)
}

func TestTemporalNamespaceIsReady(t *testing.T) {
	account := temporal.NewSearchAttributeKeyInt64("QuadAccount").ValueSet(4)
	subject := temporal.NewSearchAttributeKeyKeyword("QuadSubject").ValueSet("invite/1")
	count := func(c client.Client) int64 {
		answer, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: "QuadAccount = 4 AND QuadSubject = 'invite/1'"})
		require.NoError(t, err)
		return answer.Count
	}
	var clients [2]client.Client
	for i := range clients {
		address, namespace := Temporal(t)
		c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		clients[i] = c
	}
	_, err := clients[0].ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		TaskQueue: "any", TypedSearchAttributes: temporal.NewSearchAttributes(account, subject),
	}, "Any")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return count(clients[0]) == 1 }, patience, 10*time.Millisecond)
	require.Zero(t, count(clients[1]))
}

// The list is kept here as well so that the tests of internal/process can use
// this package.
func TestSearchAttributesAreThoseOfTheHub(t *testing.T) {
	require.Equal(t, process.SearchAttributes, SearchAttributes)
}

func TestMailArrives(t *testing.T) {
	server := SMTP(t)
	require.NoError(t, smtp.SendMail(server.SMTPAddr(), nil, "a@quad.test", []string{"b@quad.test"}, []byte("Subject: hello\r\n\r\ntext\r\n")))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	messages, err := server.Wait(ctx, inbox.Filter{To: "b@quad.test"}, 1)
	require.NoError(t, err)
	require.Equal(t, "hello", messages[0].Subject)
}

func TestPrivatePostgresComesBack(t *testing.T) {
	service := PrivatePostgres(t)
	conn := connect(t, service.URL())
	require.Positive(t, value[int](t, conn, countTables))
	_, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, err)
	first := service.Pid()
	for _, end := range []func(){service.Kill, service.Stop} {
		end()
		_, err := pgx.Connect(t.Context(), service.URL())
		require.Error(t, err)
		service.Start()
		require.Equal(t, 42, value[int](t, connect(t, service.URL()), "SELECT answer FROM kept"))
	}
	require.NotEqual(t, first, service.Pid())
}

func TestPrivateRedisComesBackAndIsWiped(t *testing.T) {
	service := PrivateRedis(t)
	c := redisAt(t, service.URL())
	require.NoError(t, c.Set(t.Context(), "kept", "yes", 0).Err())
	service.Kill()
	require.Error(t, c.Ping(t.Context()).Err())
	service.Start()
	require.Equal(t, "yes", c.Get(t.Context(), "kept").Val())
	service.Wipe() // running
	require.Zero(t, c.DBSize(t.Context()).Val())

	require.NoError(t, c.Set(t.Context(), "kept", "yes", 0).Err())
	service.Stop()
	service.Wipe() // stopped
	service.Start()
	size, err := c.DBSize(t.Context()).Result()
	require.NoError(t, err)
	require.Zero(t, size)
}

func TestPrivateTemporalComesBack(t *testing.T) {
	service := PrivateTemporal(t)
	c, err := client.Dial(client.Options{HostPort: service.Address()})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "any"}, "Any")
	require.NoError(t, err)
	service.Kill()
	require.Error(t, devstack.TemporalHealthy(t.Context(), service.Address()))
	service.Start()
	description, err := c.DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
	require.Equal(t, "kept", description.WorkflowExecutionInfo.Execution.WorkflowId)
}

// A test process may be killed, by a timeout of go test for one. Its services
// and their folders go with it.
func TestNothingOutlivesAKilledTestProcess(t *testing.T) {
	temporary := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(temporary), 0o711)) //nolint:gosec // PostgreSQL's user passes
	require.NoError(t, os.Chmod(temporary, 0o711))               //nolint:gosec // PostgreSQL's user passes
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), helperVariable+"=1", "TMPDIR="+temporary, DatabaseVariable+"=", RedisVariable+"=", TemporalVariable+"=")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	var addresses []string
	for lines := bufio.NewScanner(out); len(addresses) < 3 && lines.Scan(); {
		addresses = append(addresses, strings.TrimSpace(lines.Text()))
	}
	require.Len(t, addresses, 3)
	left := func() []string {
		var left []string
		if conn, err := pgx.Connect(t.Context(), addresses[0]); err == nil {
			left = append(left, "PostgreSQL")
			_ = conn.Close(t.Context())
		}
		if redisAt(t, addresses[1]).Ping(t.Context()).Err() == nil {
			left = append(left, "Redis")
		}
		if devstack.TemporalHealthy(t.Context(), addresses[2]) == nil {
			left = append(left, "Temporal")
		}
		folders, err := filepath.Glob(filepath.Join(temporary, "quad-test-*"))
		require.NoError(t, err)
		return append(left, folders...)
	}
	require.Len(t, left(), 3+3, "three services, three folders")
	require.NoError(t, parent.Process.Kill())
	require.Eventually(t, func() bool { return len(left()) == 0 }, patience, 50*time.Millisecond)
}
