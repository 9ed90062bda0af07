package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/enums/v1"

	"quad/internal/config"
	"quad/internal/devstack"
	"quad/internal/hub"
	"quad/internal/inbox"
	"quad/internal/obs"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// portTries is how many ports are tried for a service: another process can take
// a port between our look and the service's.
const portTries = 5

// stack is everything a run needs: PostgreSQL, Redis and Temporal as `quad dev`
// starts them (durable, so that both sides of a ratio pay for their commits),
// a mailbox that swallows, and a hub in this process. The api and the worker
// are processes of the real program, started by the benchmarks.
type stack struct {
	root    string // of the checkout
	dir     string
	program string            // the hub's binary
	vars    map[string]string // settings of all roles
	closers []func() error

	log     *logText // of PostgreSQL
	hub     *hub.Hub
	admin   context.Context // of an org_admin
	account models.Account

	enableyData *enableyAccount // see enabley
}

// searchAttributes are those of the hub's workflows.
var searchAttributes = map[string]enums.IndexedValueType{
	"QuadAccount":      enums.INDEXED_VALUE_TYPE_INT,
	"QuadOrganization": enums.INDEXED_VALUE_TYPE_INT,
	"QuadKind":         enums.INDEXED_VALUE_TYPE_KEYWORD,
	"QuadSubject":      enums.INDEXED_VALUE_TYPE_KEYWORD,
}

// startStack starts the services and makes an account in a migrated database.
// On an error nothing is left.
func startStack(ctx context.Context, root, program string) (s *stack, err error) {
	s = &stack{root: root, program: program}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "quad-bench-"); err != nil {
		return s, err
	}
	s.onClose(func() error { return os.RemoveAll(s.dir) })
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	s.vars = map[string]string{
		"QUAD_DATA": s.dir, "QUAD_KEYS": base64.StdEncoding.EncodeToString(key), "LOG_LEVEL": "warn", "INVITE_MAILS": "false",
		"ALLOW_INTERNAL_HOSTS": "true", // a learning system is on this machine too
		// The limiter works as in production, it only never refuses.
		"RATE_PER_ADDRESS": "60000000", "RATE_AUTH_PER_ADDRESS": "60000000", "MIS_RATE_PER_USER": "60000000", "MIS_RATE_AUTH": "60000000",
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return s.build(ctx, root) },
		s.startPostgres, s.startRedis, s.startTemporal, s.startInbox, s.openHub,
	} {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *stack) onClose(fn func() error) { s.closers = append(s.closers, fn) }

// close ends everything, newest first, and removes all data.
func (s *stack) close() error {
	var failures []error
	for len(s.closers) > 0 {
		last := s.closers[len(s.closers)-1]
		s.closers = s.closers[:len(s.closers)-1]
		failures = append(failures, last())
	}
	return errors.Join(failures...)
}

// build makes the hub's binary, unless one was given.
func (s *stack) build(ctx context.Context, root string) error {
	if s.program != "" {
		return nil
	}
	s.program = filepath.Join(s.dir, "quad")
	say("building quad")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.program, "./cmd/quad")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build quad: %w\n%s", err, out)
	}
	return nil
}

// start starts a child on a free port and ends it with the stack. stop ends it
// earlier and may be called more than once.
func (s *stack) start(ctx context.Context, out io.Writer, child func(port int) (devstack.Child, error)) (p *devstack.Process, stop func() error, err error) {
	for range portTries {
		var port int
		if port, err = devstack.RandomPort(); err != nil {
			return nil, nil, err
		}
		var c devstack.Child
		if c, err = child(port); err != nil {
			return nil, nil, err
		}
		if p, err = devstack.Start(ctx, c, out); err == nil {
			break
		}
		if ctx.Err() != nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			return nil, nil, err
		}
	}
	if err != nil {
		return nil, nil, err
	}
	stop = func() error {
		select {
		case <-p.Done():
			return nil
		default:
		}
		// Also when the run was interrupted: the child must end then, too.
		return p.Stop(context.WithoutCancel(ctx))
	}
	s.onClose(stop)
	return p, stop, nil
}

func (s *stack) startPostgres(ctx context.Context) error {
	var postgres *devstack.Postgres
	s.log = &logText{}
	_, _, err := s.start(ctx, s.log, func(port int) (_ devstack.Child, err error) {
		postgres, err = devstack.NewPostgres(ctx, devstack.PostgresOptions{Dir: s.dir, Port: port, Settings: map[string]string{
			"log_line_prefix": statementPrefix, // for counting statements
		}})
		if err != nil {
			return devstack.Child{}, err
		}
		return postgres.Child, nil
	})
	if postgres != nil {
		// The cluster may be elsewhere when its user cannot reach our folder.
		home := filepath.Dir(postgres.Cluster)
		s.closers = append([]func() error{func() error { return os.RemoveAll(home) }}, s.closers...)
	}
	if err != nil {
		return err
	}
	if err := postgres.CreateDatabase(ctx, "quad"); err != nil {
		return err
	}
	s.vars["DATABASE_URL"] = postgres.URL("quad")
	return store.Migrate(ctx, s.vars["DATABASE_URL"])
}

func (s *stack) startRedis(ctx context.Context) error {
	var redis *devstack.Redis
	_, _, err := s.start(ctx, nil, func(port int) (_ devstack.Child, err error) {
		if redis, err = devstack.NewRedis(devstack.RedisOptions{Dir: s.dir, Port: port}); err != nil {
			return devstack.Child{}, err
		}
		return redis.Child, nil
	})
	if err == nil {
		s.vars["REDIS_URL"] = redis.URL(0)
	}
	return err
}

func (s *stack) startTemporal(ctx context.Context) error {
	var temporal *devstack.Temporal
	_, _, err := s.start(ctx, nil, func(port int) (_ devstack.Child, err error) {
		temporal, err = devstack.NewTemporal(devstack.TemporalOptions{Dir: s.dir, Port: port, SearchAttributes: searchAttributes})
		if err != nil {
			return devstack.Child{}, err
		}
		return temporal.Child, nil
	})
	if err == nil {
		s.vars["TEMPORAL_ADDRESS"] = temporal.Address
	}
	return err
}

func (s *stack) startInbox(ctx context.Context) error {
	server, err := inbox.New(inbox.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	s.onClose(server.Close)
	if err := server.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	s.vars["SMTP_URL"] = "smtp+insecure://" + server.SMTPAddr()
	return nil
}

// password is that of all people of a run, whose accounts end with it.
const password = "correct horse battery"

// openHub builds the services in this process and an account with an admin.
func (s *stack) openHub(ctx context.Context) error {
	cfg, err := config.FromMap(s.vars)
	if err != nil {
		return err
	}
	logger := obs.NewLogger(os.Stderr, obs.LogOptions{Level: slog.LevelWarn, Format: "text"})
	slog.SetDefault(logger)
	if s.hub, err = hub.New(ctx, cfg, hub.Options{Role: "bench", Version: "bench", Logger: logger}); err != nil {
		return err
	}
	s.onClose(func() error { s.hub.Close(); return nil })
	s.account, _, err = s.hub.People.EnsureAccount(ctx, people.AccountSpec{Name: "Bench", Default: true})
	if err != nil {
		return err
	}
	admin, err := s.person(ctx, "admin", models.RoleOrgAdmin)
	if err != nil {
		return err
	}
	s.admin = actAs(ctx, admin, models.RoleOrgAdmin)
	return nil
}

// person makes a user of the default organization.
func (s *stack) person(ctx context.Context, name string, roles ...string) (models.User, error) {
	ctx = store.WithAccount(ctx, s.account.ID)
	var organization []int64
	err := s.hub.DB.Query(ctx, &organization, `SELECT id FROM organizations WHERE account_id = @account_id AND is_default`, nil)
	if err != nil {
		return models.User{}, err
	}
	if len(organization) != 1 {
		return models.User{}, errors.New("the account has no default organization")
	}
	p, err := s.hub.People.EnsureUser(ctx, people.NewUser{
		OrganizationID: organization[0], Name: name, Email: name + "@bench.example", Password: password, Roles: roles,
	})
	return p.User, err
}

// role starts a process of the hub's binary and returns where it answers. More
// settings than the stack's may be given.
func (s *stack) role(ctx context.Context, name, variable string, more map[string]string) (p *devstack.Process, url string, stop func() error, err error) {
	p, stop, err = s.start(ctx, os.Stderr, func(port int) (devstack.Child, error) {
		address := devstack.Address(port)
		url = "http://" + address
		vars := maps.Clone(s.vars)
		vars[variable], vars["PUBLIC_URL"] = address, url
		maps.Copy(vars, more)
		return devstack.Child{
			Name: name, Path: s.program, Args: []string{name}, Env: environ(vars),
			Ready:       func(ctx context.Context) error { return answers(ctx, url+"/readyz") },
			StopTimeout: 30 * time.Second, // it drains what it has begun
		}, nil
	})
	return p, url, stop, err
}

func (s *stack) api(ctx context.Context) (url string, stop func() error, err error) {
	_, url, stop, err = s.role(ctx, "api", "API_ADDR", nil)
	return url, stop, err
}

func (s *stack) worker(ctx context.Context) (pid int, stop func() error, err error) {
	p, _, stop, err := s.role(ctx, "worker", "WORKER_HEALTH_ADDR", nil)
	if err != nil {
		return 0, nil, err
	}
	return p.Pid(), stop, nil
}

// environ is the environment of a child: nothing of ours but what programs need
// anywhere, so that a setting in the shell changes no measurement.
func environ(vars map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	return env
}

func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request) // loopback addresses bypass a proxy
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, answer.Status, bytes.TrimSpace(body))
	}
	return nil
}

// connect opens a connection for what measures the database itself.
func (s *stack) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, s.vars["DATABASE_URL"])
}

// settle writes out what the database holds back, so that one measurement does
// not pay for the one before.
func settle(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "CHECKPOINT")
	return err
}

// peakMemory is the most memory that a process has had, in bytes.
func peakMemory(pid int) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("peak memory (Linux only): %w", err)
	}
	return parsePeak(string(text))
}

func parsePeak(status string) (int64, error) {
	for line := range strings.SplitSeq(status, "\n") {
		value, ok := strings.CutPrefix(line, "VmHWM:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("peak memory: %w", err)
		}
		return kib << 10, nil
	}
	return 0, errors.New("peak memory: the process has ended")
}
