package obs

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one process's Prometheus registry with the metrics of the hub.
// Figures that live in a database are asked for by functions, at most once in
// five seconds, when someone scrapes.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	temporal *temporalSeries
	failures *prometheus.CounterVec
}

// NewMetrics makes a registry; role is "api", "worker", ….
func NewMetrics(role string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "quad_http_request_duration_seconds",
			Help:    "Time from the first byte of a request to its answer, by front door, operation id and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"door", "operation", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quad_http_requests_in_flight", Help: "Requests and streams being answered.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quad_metrics_failures_total", Help: "Scrapes for which a source of figures did not answer.",
		}, []string{"source"}),
		temporal: newTemporalSeries(),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "quad_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"role": role, "revision": revision()},
	}, func() float64 { return 1 })
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.inFlight, m.failures, m.temporal, build)
	return m
}

// revision is the commit the binary was built from, as far as Go knows.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	})
}

// Registry is where further collectors are registered.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Request counts an answered request (httpx.Metrics).
func (m *Metrics) Request(door, operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(door, operation, strconv.Itoa(status)).Observe(took.Seconds())
}

// InFlight adds to the requests being answered (httpx.Metrics).
func (m *Metrics) InFlight(delta int) { m.inFlight.Add(float64(delta)) }

// Backlog is work that waits in one outbox.
type Backlog struct {
	Outbox  string        // "notifications", "processes"
	Pending int64         // rows not handed on yet
	Oldest  time.Duration // age of the oldest of them, 0 when there is none
}

// ProcessCount is how many processes of a kind are in a state.
type ProcessCount struct {
	Kind, State string
	Count       int64
}

// QueueStat is one asynq queue.
type QueueStat struct {
	Queue  string
	States map[string]int64 // tasks by state: pending, active, scheduled, retry, archived
	Oldest time.Duration    // how long the oldest pending task has waited
	Paused bool
}

// WatchOutbox publishes quad_outbox_pending and quad_outbox_oldest_seconds.
func (m *Metrics) WatchOutbox(ask func(context.Context) ([]Backlog, error)) {
	pending := desc("quad_outbox_pending", "Rows whose workflow or task is not started yet.", "outbox")
	oldest := desc("quad_outbox_oldest_seconds", "Age of the oldest such row.", "outbox")
	watch(m, "outbox", ask, []*prometheus.Desc{pending, oldest}, func(rows []Backlog, send func(*prometheus.Desc, float64, ...string)) {
		for _, b := range rows {
			send(pending, float64(b.Pending), b.Outbox)
			send(oldest, b.Oldest.Seconds(), b.Outbox)
		}
	})
}

// WatchProcesses publishes quad_processes.
func (m *Metrics) WatchProcesses(ask func(context.Context) ([]ProcessCount, error)) {
	count := desc("quad_processes", "Long processes by kind and state.", "kind", "state")
	watch(m, "processes", ask, []*prometheus.Desc{count}, func(rows []ProcessCount, send func(*prometheus.Desc, float64, ...string)) {
		for _, p := range rows {
			send(count, float64(p.Count), p.Kind, p.State)
		}
	})
}

// WatchQueues publishes quad_queue_tasks, quad_queue_oldest_seconds, quad_queue_paused.
func (m *Metrics) WatchQueues(ask func(context.Context) ([]QueueStat, error)) {
	tasks := desc("quad_queue_tasks", "Tasks of a queue by state.", "queue", "state")
	oldest := desc("quad_queue_oldest_seconds", "How long the oldest pending task has waited.", "queue")
	paused := desc("quad_queue_paused", "1 while the queue is paused.", "queue")
	watch(m, "queues", ask, []*prometheus.Desc{tasks, oldest, paused}, func(rows []QueueStat, send func(*prometheus.Desc, float64, ...string)) {
		for _, q := range rows {
			for state, n := range q.States {
				send(tasks, float64(n), q.Queue, state)
			}
			send(oldest, q.Oldest.Seconds(), q.Queue)
			on := 0.0
			if q.Paused {
				on = 1
			}
			send(paused, on, q.Queue)
		}
	})
}

// WatchPool publishes the state of a database connection pool as quad_db_pool_*.
func (m *Metrics) WatchPool(name string, stat func() *pgxpool.Stat) {
	m.registry.MustRegister(&poolCollector{
		name: name, stat: stat,
		connections: desc("quad_db_pool_connections", "Connections of the pool by state.", "pool", "state"),
		limit:       desc("quad_db_pool_connections_max", "Largest number of connections.", "pool"),
		acquired:    desc("quad_db_pool_acquires_total", "Connections taken from the pool.", "pool"),
		waited:      desc("quad_db_pool_empty_acquires_total", "Takes that had to wait because no connection was idle.", "pool"),
		waitTime:    desc("quad_db_pool_acquire_seconds_total", "Time spent taking connections.", "pool"),
		canceled:    desc("quad_db_pool_canceled_acquires_total", "Takes given up.", "pool"),
	})
}

type poolCollector struct {
	name                                                     string
	stat                                                     func() *pgxpool.Stat
	connections, limit, acquired, waited, waitTime, canceled *prometheus.Desc
}

func (p *poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.connections, p.limit, p.acquired, p.waited, p.waitTime, p.canceled} {
		ch <- d
	}
}

func (p *poolCollector) Collect(ch chan<- prometheus.Metric) {
	s := p.stat()
	if s == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{p.name}, labels...)...)
	}
	counter := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, p.name)
	}
	gauge(p.connections, float64(s.AcquiredConns()), "in_use")
	gauge(p.connections, float64(s.IdleConns()), "idle")
	gauge(p.connections, float64(s.ConstructingConns()), "opening")
	gauge(p.limit, float64(s.MaxConns()))
	counter(p.acquired, float64(s.AcquireCount()))
	counter(p.waited, float64(s.EmptyAcquireCount()))
	counter(p.waitTime, s.AcquireDuration().Seconds())
	counter(p.canceled, float64(s.CanceledAcquireCount()))
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

const (
	askTimeout = 3 * time.Second
	askFresh   = 5 * time.Second
)

// watched is a collector of gauges that a function knows.
type watched[T any] struct {
	ask    func(context.Context) ([]T, error)
	failed prometheus.Counter
	descs  []*prometheus.Desc
	emit   func([]T, func(*prometheus.Desc, float64, ...string))

	mu    sync.Mutex
	rows  []T
	good  bool
	asked time.Time
}

func watch[T any](m *Metrics, source string, ask func(context.Context) ([]T, error), descs []*prometheus.Desc,
	emit func([]T, func(*prometheus.Desc, float64, ...string)),
) {
	m.registry.MustRegister(&watched[T]{ask: ask, failed: m.failures.WithLabelValues(source), descs: descs, emit: emit})
}

func (w *watched[T]) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range w.descs {
		ch <- d
	}
}

// Collect publishes nothing while the source does not answer: an old figure
// would look like a healthy one. quad_metrics_failures_total tells.
func (w *watched[T]) Collect(ch chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked.IsZero() || time.Since(w.asked) >= askFresh {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		rows, err := w.ask(ctx)
		cancel()
		w.rows, w.good, w.asked = rows, err == nil, time.Now()
		if err != nil {
			w.failed.Inc()
		}
	}
	if !w.good {
		return
	}
	w.emit(w.rows, func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	})
}
