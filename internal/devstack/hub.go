package devstack

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/api/enums/v1"
)

// HubPorts are the preferred ports of a development hub; a taken one moves to
// the next free.
type HubPorts struct {
	API, Worker, Queues, Postgres, Redis, Temporal, TemporalUI, SMTP, Inbox int
}

func (p HubPorts) withDefaults() HubPorts {
	return HubPorts{
		API:        cmp.Or(p.API, 8080),
		Worker:     cmp.Or(p.Worker, 8081),
		Queues:     cmp.Or(p.Queues, 8082),
		Postgres:   cmp.Or(p.Postgres, 54320),
		Redis:      cmp.Or(p.Redis, 63790),
		Temporal:   cmp.Or(p.Temporal, 7233),
		TemporalUI: cmp.Or(p.TemporalUI, 8233),
		SMTP:       cmp.Or(p.SMTP, 1025),
		Inbox:      cmp.Or(p.Inbox, 8025),
	}
}

// HubOptions say what makes up a development hub.
type HubOptions struct {
	// Dir is the data folder; one hub runs in a folder.
	Dir string
	// Program is the hub's binary, run as "worker" and "api"; empty means the
	// one that runs now.
	Program string
	// Environ is the environment (NAME=value); nil means ours. DATABASE_URL,
	// REDIS_URL, TEMPORAL_ADDRESS, SMTP_URL and BLOB_URL in it replace the child.
	Environ []string
	// Ports are the preferred ports; a zero one is the default.
	Ports HubPorts
	// Out gets the children's logs and all that people should read; Color adds
	// colours to them.
	Out   io.Writer
	Color bool

	// SearchAttributes are registered in our own Temporal server.
	SearchAttributes map[string]enums.IndexedValueType
	// Migrate brings the database to the newest schema.
	Migrate func(ctx context.Context, databaseURL string) error
	// Seed makes the demo data that is missing and returns how to use it. It is
	// called at every start, before worker and api.
	Seed func(ctx context.Context, env HubEnv) (Demo, error)
	// Demo runs the main job against the ready hub, once for a data folder, or
	// at every start with DemoAlways. Its failure is reported and does not end
	// the hub.
	Demo       func(ctx context.Context, env HubEnv, hub DemoHub) error
	DemoAlways bool
	// Links are further pages to show to people.
	Links []HubLink
}

// HubLink is a page of the API, or of the worker: a path below its address.
type HubLink struct {
	Label, Path string
	Worker      bool
}

// HubEnv is what the children and the callbacks of a hub run with.
type HubEnv struct {
	// Dir is the absolute data folder.
	Dir string
	// Vars are all environment variables of the children, by name.
	Vars map[string]string
}

// Secret returns the secret of that name, which is made when it is first asked
// for and stays the same as long as the data folder exists.
func (e HubEnv) Secret(name string) (string, error) {
	dir := filepath.Join(e.Dir, "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	secret, _, err := keepSecret(filepath.Join(dir, filepath.Base(name)))
	return secret, err
}

// demoDone is the file that tells that the main job was run in a data folder.
const demoDone = "demo.done"

// keysFile is the file that keeps QUAD_KEYS.
const keysFile = "keys"

// hub is a development hub on its way up, running, or on its way down.
type hub struct {
	options HubOptions
	ports   HubPorts
	dir     string
	given   map[string]string // the environment
	vars    map[string]string // what it is overlaid with for the children
	taken   Ports
	notes   []string
	logs    *Logs
	own     io.Writer // our own lines in the log
	group   *Group
	inbox   <-chan error // ends with the inbox
	worker  string       // where the worker's pages are
	queues  string       // where the page of its task queue is

	mu        sync.Mutex
	file      DemoHub
	published bool
}

// RunHub starts the parts of a development hub, each healthy before the next:
// PostgreSQL, Redis, Temporal, the mail inbox (in this process), the schema and
// the demo data, worker, api. Then it writes DemoFile, prints where everything
// is, runs the main job once, and keeps all of it running until ctx ends or
// the terminal goes away. When it returns, no child is left and DemoFile is
// gone; a stop that was asked for is no error. Another signal while it stops
// kills what still runs.
func RunHub(ctx context.Context, options HubOptions) (err error) {
	begin := time.Now()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	h, err := newHub(options)
	if err != nil {
		return err
	}
	lock, err := LockDir(h.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	defer func() { err = errors.Join(err, h.stop(ctx)) }()
	if err := h.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while starting
		}
		return err
	}
	h.logs.Print(h.table(time.Since(begin)))
	h.runDemo(ctx)
	select {
	case <-ctx.Done():
		return nil
	case err := <-h.inbox:
		return err
	}
}

func newHub(options HubOptions) (*hub, error) {
	h := &hub{
		options: options,
		ports:   options.Ports.withDefaults(),
		given:   map[string]string{},
		vars:    map[string]string{},
		logs:    NewLogs(options.Out, options.Color),
	}
	h.own = h.logs.Writer("quad")
	h.group = NewGroup(GroupOptions{Logs: h.logs, Report: h.say, OnRestart: func(string, int) {
		if err := h.publish(); err != nil {
			h.say(err.Error())
		}
	}})
	var err error
	if h.dir, err = filepath.Abs(options.Dir); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if h.options.Program == "" {
		if h.options.Program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find the hub's binary: %w", err)
		}
	}
	environ := options.Environ
	if environ == nil {
		environ = os.Environ()
	}
	for _, variable := range environ {
		if name, value, ok := strings.Cut(variable, "="); ok && value != "" {
			h.given[name] = value
		}
	}
	return h, nil
}

func (h *hub) say(line string) { fmt.Fprintln(h.own, line) }

// env is the environment with our overlay.
func (h *hub) env() HubEnv {
	vars := maps.Clone(h.given)
	maps.Copy(vars, h.vars)
	return HubEnv{Dir: h.dir, Vars: vars}
}

func (h *hub) start(ctx context.Context) error {
	// One that a killed hub left behind describes nothing any more.
	if err := removeDemo(h.dir); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		h.settings, h.startPostgres, h.startRedis, h.startTemporal, h.startInbox, h.prepareData, h.startRoles,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return h.publishFirst()
}

// settings fills in what the roles need beside the addresses.
func (h *hub) settings(context.Context) error {
	h.vars["QUAD_DATA"] = h.dir
	h.vars["LOG_FORMAT"] = cmp.Or(h.given["LOG_FORMAT"], "text")
	h.vars["BLOB_URL"] = cmp.Or(h.given["BLOB_URL"], "file://"+filepath.ToSlash(filepath.Join(h.dir, "blobs")))
	h.vars["ALLOW_INTERNAL_HOSTS"] = cmp.Or(h.given["ALLOW_INTERNAL_HOSTS"], "true")
	if h.given["QUAD_KEYS"] == "" {
		keys, _, err := keep(filepath.Join(h.dir, keysFile), func() string {
			return base64.StdEncoding.EncodeToString(randomBytes(32))
		})
		if err != nil {
			return err
		}
		h.vars["QUAD_KEYS"] = keys
	}
	if h.given["AUTH_ADMIN_SECRET_CODE"] == "" {
		code, err := h.env().Secret("admin-secret-code")
		if err != nil {
			return err
		}
		h.vars["AUTH_ADMIN_SECRET_CODE"] = code
	}
	return nil
}

// launch starts a child and says when it is healthy.
func (h *hub) launch(ctx context.Context, child Child) error {
	begin := time.Now()
	if err := h.group.Start(ctx, child); err != nil {
		return err
	}
	h.say(fmt.Sprintf("%s is ready after %.1f s, process %d", child.Name, time.Since(begin).Seconds(), h.group.Pids()[child.Name]))
	return nil
}

// replaced tells whether the environment names a service in place of ours.
func (h *hub) replaced(variable, what string) bool {
	if h.given[variable] == "" {
		return false
	}
	h.notes = append(h.notes, fmt.Sprintf("%s is yours (%s)", what, variable))
	return true
}

func (h *hub) startPostgres(ctx context.Context) error {
	h.file.DatabaseURL = h.given["DATABASE_URL"]
	if h.replaced("DATABASE_URL", "PostgreSQL") {
		return nil
	}
	port, err := h.taken.Take("PostgreSQL", h.ports.Postgres)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(h.dir, "postgres.password")); errors.Is(err, fs.ErrNotExist) {
		h.say("first start: making a database cluster")
	}
	postgres, err := NewPostgres(ctx, PostgresOptions{Dir: h.dir, Port: port})
	if err != nil {
		return err
	}
	h.notes = append(h.notes, postgres.Notes...)
	if err := h.launch(ctx, postgres.Child); err != nil {
		return err
	}
	if err := postgres.CreateDatabase(ctx, "quad"); err != nil {
		return err
	}
	h.file.DatabaseURL = postgres.URL("quad")
	h.vars["DATABASE_URL"] = h.file.DatabaseURL
	return nil
}

func (h *hub) startRedis(ctx context.Context) error {
	h.file.RedisURL = h.given["REDIS_URL"]
	if h.replaced("REDIS_URL", "Redis") {
		return nil
	}
	port, err := h.taken.Take("Redis", h.ports.Redis)
	if err != nil {
		return err
	}
	redis, err := NewRedis(RedisOptions{Dir: h.dir, Port: port})
	if err != nil {
		return err
	}
	if err := h.launch(ctx, redis.Child); err != nil {
		return err
	}
	h.file.RedisURL = redis.URL(0)
	h.vars["REDIS_URL"] = h.file.RedisURL
	return nil
}

func (h *hub) startTemporal(ctx context.Context) error {
	h.file.Temporal, h.file.TemporalUI = h.given["TEMPORAL_ADDRESS"], h.given["TEMPORAL_UI_URL"]
	if h.replaced("TEMPORAL_ADDRESS", "Temporal") {
		return nil
	}
	port, err := h.taken.Take("Temporal", h.ports.Temporal)
	if err != nil {
		return err
	}
	uiPort, err := h.taken.Take("the Temporal UI", h.ports.TemporalUI)
	if err != nil {
		return err
	}
	temporal, err := NewTemporal(TemporalOptions{
		Dir: h.dir, Port: port, UIPort: uiPort, Namespace: h.given["TEMPORAL_NAMESPACE"], SearchAttributes: h.options.SearchAttributes,
	})
	if err != nil {
		return err
	}
	if err := h.launch(ctx, temporal.Child); err != nil {
		return err
	}
	h.file.Temporal, h.file.TemporalUI = temporal.Address, temporal.UI
	h.vars["TEMPORAL_ADDRESS"], h.vars["TEMPORAL_UI_URL"] = temporal.Address, temporal.UI
	// Those of another server must not be tried on this one.
	h.vars["TEMPORAL_TLS"], h.vars["TEMPORAL_API_KEY"] = "false", ""
	return nil
}

func (h *hub) prepareData(ctx context.Context) (err error) {
	if err := h.options.Migrate(ctx, h.file.DatabaseURL); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	if h.options.Seed == nil {
		return nil
	}
	if h.file.Demo, err = h.options.Seed(ctx, h.env()); err != nil {
		return fmt.Errorf("seed the demo data: %w", err)
	}
	return nil
}

// startRoles starts the children that are the hub itself.
func (h *hub) startRoles(ctx context.Context) error {
	worker, err := h.listen("WORKER_HEALTH_ADDR", "the worker's health page", h.ports.Worker)
	if err != nil {
		return err
	}
	api, err := h.listen("API_ADDR", "the API", h.ports.API)
	if err != nil {
		return err
	}
	queues, err := h.listen("WORKER_QUEUE_UI_ADDR", "the queue UI", h.ports.Queues)
	if err != nil {
		return err
	}
	h.file.API, h.worker, h.queues = "http://"+api, "http://"+worker, "http://"+queues
	h.vars["PUBLIC_URL"] = cmp.Or(h.given["PUBLIC_URL"], h.file.API)
	var environ []string
	vars := h.env().Vars
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		environ = append(environ, name+"="+vars[name])
	}
	for _, role := range []struct{ name, address string }{{"worker", worker}, {"api", api}} {
		err := h.launch(ctx, Child{
			Name: role.name, Path: h.options.Program, Args: []string{role.name}, Env: environ,
			Ready:       func(ctx context.Context) error { return httpReady(ctx, "http://"+role.address+"/readyz") },
			StopTimeout: 30 * time.Second, // they drain what they have begun
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listen finds a free port for what listens at the address in variable, puts
// the address there for the children, and returns where it is reached from
// this machine. The environment's own address counts as the preferred one.
func (h *hub) listen(variable, what string, preferred int) (reach string, err error) {
	host := Loopback
	if address := h.given[variable]; address != "" {
		var port string
		if host, port, err = net.SplitHostPort(address); err != nil {
			return "", fmt.Errorf("%s: %w", variable, err)
		}
		if preferred, err = strconv.Atoi(port); err != nil {
			return "", fmt.Errorf("%s: the port %q is no number", variable, port)
		}
	}
	port, err := h.taken.Take(what, preferred)
	if err != nil {
		return "", err
	}
	h.vars[variable] = net.JoinHostPort(host, strconv.Itoa(port))
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		return Address(port), nil // it listens everywhere
	}
	return h.vars[variable], nil
}

// httpReady asks a page once; nil means that it answers 200.
func httpReady(ctx context.Context, url string) error {
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
		return fmt.Errorf("%s answers %s: %s", url, answer.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

func (h *hub) publishFirst() error {
	h.mu.Lock()
	h.published = true
	h.mu.Unlock()
	return h.publish()
}

// publish writes DemoFile while the hub is ready.
func (h *hub) publish() error {
	pids := h.group.Pids()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.published {
		return nil
	}
	h.file.Pids = pids
	return h.file.write(h.dir)
}

// runDemo runs the main job unless it was run in this data folder before.
func (h *hub) runDemo(ctx context.Context) {
	done := filepath.Join(h.dir, demoDone)
	if _, err := os.Stat(done); h.options.Demo == nil || !h.options.DemoAlways && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	h.mu.Lock()
	file := h.file
	h.mu.Unlock()
	err := h.options.Demo(ctx, h.env(), file)
	if err == nil {
		err = WriteFile(done, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"))
	}
	if err != nil && ctx.Err() == nil {
		h.say("the main job failed: " + err.Error())
	}
}

// stop takes everything down, whether ctx has ended or not.
func (h *hub) stop(ctx context.Context) error {
	h.mu.Lock()
	h.published = false
	h.mu.Unlock()
	failure := removeDemo(h.dir)
	h.say("stopping; once more Ctrl-C kills what still runs")
	ctx, release := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer release()
	if err := errors.Join(failure, h.group.Stop(ctx)); err != nil {
		return err
	}
	h.say("stopped")
	return nil
}
