package obs

import (
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// TemporalHandler hands the metrics of the Temporal SDK to the registry, under
// the SDK's own names: counters end in _total, timers in _seconds.
func (m *Metrics) TemporalHandler() client.MetricsHandler { return temporalHandler{series: m.temporal} }

// maxTemporalSeries bounds the label combinations kept; more are dropped and
// counted. The SDK's tags are names of types and queues, so it is not reached
// unless a tag holds ids by mistake.
const maxTemporalSeries = 10_000

var timerBuckets = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// temporalSeries is an unchecked collector: the SDK uses one name with
// different tags, which a fixed set of labels cannot hold.
type temporalSeries struct {
	mu      sync.RWMutex
	byKey   map[string]*series
	dropped atomic.Uint64
	drops   *prometheus.Desc
}

func newTemporalSeries() *temporalSeries {
	return &temporalSeries{
		byKey: map[string]*series{},
		drops: desc("quad_temporal_series_dropped_total", "Measurements of the Temporal SDK dropped for too many label combinations."),
	}
}

type seriesKind byte

const (
	counterSeries seriesKind = 'c'
	gaugeSeries   seriesKind = 'g'
	timerSeries   seriesKind = 't'
)

// series is one name with one set of tags.
type series struct {
	kind   seriesKind
	desc   *prometheus.Desc
	values []string

	count atomic.Int64  // of a counter
	bits  atomic.Uint64 // of a gauge

	mu      sync.Mutex // of a timer
	n       uint64
	sum     float64
	buckets []uint64
}

func (t *temporalSeries) get(kind seriesKind, name string, tags map[string]string) *series {
	var b strings.Builder
	b.WriteByte(byte(kind))
	b.WriteString(name)
	names := slices.Sorted(maps.Keys(tags))
	for _, k := range names {
		b.WriteByte(0)
		b.WriteString(k)
		b.WriteByte(0)
		b.WriteString(tags[k])
	}
	key := b.String()
	t.mu.RLock()
	s := t.byKey[key]
	t.mu.RUnlock()
	if s != nil {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s = t.byKey[key]; s != nil {
		return s
	}
	if len(t.byKey) >= maxTemporalSeries {
		return nil
	}
	labels, values := make([]string, 0, len(names)), make([]string, 0, len(names))
	for _, k := range names {
		label := metricName(k)
		if slices.Contains(labels, label) {
			continue // two tags that differ in punctuation only
		}
		labels, values = append(labels, label), append(values, strings.ToValidUTF8(tags[k], "?"))
	}
	s = &series{kind: kind, values: values, desc: desc(fullName(kind, name), "Temporal SDK: "+name+".", labels...)}
	if kind == timerSeries {
		s.buckets = make([]uint64, len(timerBuckets))
	}
	t.byKey[key] = s
	return s
}

func fullName(kind seriesKind, name string) string {
	name = metricName(name)
	switch {
	case kind == counterSeries && !strings.HasSuffix(name, "_total"):
		return name + "_total"
	case kind == timerSeries && !strings.HasSuffix(name, "_seconds"):
		return name + "_seconds"
	}
	return name
}

// metricName makes a name that Prometheus takes.
func metricName(s string) string {
	out := strings.Map(func(ch rune) rune {
		if ch == '_' || (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') {
			return ch
		}
		return '_'
	}, s)
	if out == "" || (out[0] >= '0' && out[0] <= '9') {
		return "_" + out
	}
	return out
}

// Describe describes nothing, which makes the collector unchecked.
func (t *temporalSeries) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (t *temporalSeries) Collect(ch chan<- prometheus.Metric) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, s := range t.byKey {
		switch s.kind {
		case counterSeries:
			ch <- prometheus.MustNewConstMetric(s.desc, prometheus.CounterValue, float64(s.count.Load()), s.values...)
		case gaugeSeries:
			ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, math.Float64frombits(s.bits.Load()), s.values...)
		case timerSeries:
			s.mu.Lock()
			cumulative, seen := make(map[float64]uint64, len(timerBuckets)), uint64(0)
			for i, upper := range timerBuckets {
				seen += s.buckets[i]
				cumulative[upper] = seen
			}
			ch <- prometheus.MustNewConstHistogram(s.desc, s.n, s.sum, cumulative, s.values...)
			s.mu.Unlock()
		}
	}
	ch <- prometheus.MustNewConstMetric(t.drops, prometheus.CounterValue, float64(t.dropped.Load()))
}

// temporalHandler implements client.MetricsHandler. It is immutable.
type temporalHandler struct {
	series *temporalSeries
	tags   map[string]string
}

// WithTags implements client.MetricsHandler.
func (h temporalHandler) WithTags(tags map[string]string) client.MetricsHandler {
	merged := make(map[string]string, len(h.tags)+len(tags))
	maps.Copy(merged, h.tags)
	maps.Copy(merged, tags)
	return temporalHandler{series: h.series, tags: merged}
}

// Counter implements client.MetricsHandler.
func (h temporalHandler) Counter(name string) client.MetricsCounter {
	return measure{h.series, h.series.get(counterSeries, name, h.tags)}
}

// Gauge implements client.MetricsHandler.
func (h temporalHandler) Gauge(name string) client.MetricsGauge {
	return measure{h.series, h.series.get(gaugeSeries, name, h.tags)}
}

// Timer implements client.MetricsHandler.
func (h temporalHandler) Timer(name string) client.MetricsTimer {
	return measure{h.series, h.series.get(timerSeries, name, h.tags)}
}

// measure writes to one series, or counts a drop when there was no room for it.
type measure struct {
	all *temporalSeries
	to  *series
}

// Inc implements client.MetricsCounter; a counter never goes down.
func (m measure) Inc(delta int64) {
	switch {
	case m.to == nil:
		m.all.dropped.Add(1)
	case delta > 0:
		m.to.count.Add(delta)
	}
}

// Update implements client.MetricsGauge.
func (m measure) Update(v float64) {
	if m.to == nil {
		m.all.dropped.Add(1)
		return
	}
	m.to.bits.Store(math.Float64bits(v))
}

// Record implements client.MetricsTimer.
func (m measure) Record(d time.Duration) {
	if m.to == nil {
		m.all.dropped.Add(1)
		return
	}
	v := d.Seconds()
	i := sort.SearchFloat64s(timerBuckets, v)
	m.to.mu.Lock()
	defer m.to.mu.Unlock()
	m.to.n++
	m.to.sum += v
	if i < len(timerBuckets) {
		m.to.buckets[i]++
	}
}
