package moodlews

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"quad/internal/integration/source"
)

// snapshot reads a site table by table. It is no view of one moment: web
// services have none.
//
// A table is read in units, each of which has a range of keys for itself: all of
// a course, all of a person, or, of small tables, everything. A unit's rows are
// in memory while they are handed out, those of some units ahead too.
type snapshot struct {
	*site
	at        time.Time
	functions map[string]bool
	feed      *feed

	// What more than one table needs, once it was asked for.
	lock    sync.Mutex
	people  []int64           // of all users
	courses []course          // of all courses
	rosters map[int64]*roster // of courses
	certs   map[int64][]cert  // of courses
}

// Snapshot asks what the token may call; reading begins with Read.
func (s *site) Snapshot(ctx context.Context) (source.Snapshot, error) {
	i, err := s.info(ctx)
	if err != nil {
		return nil, err
	}
	return &snapshot{site: s, at: i.at, functions: i.functions, rosters: map[int64]*roster{}, certs: map[int64][]cert{}}, nil
}

// At is when reading began, by the clock of the site. What is read later may be
// younger.
func (s *snapshot) At() time.Time { return s.at }

// Close forgets what was read.
func (s *snapshot) Close() error {
	s.feed, s.rosters = nil, nil
	return nil
}

// unit is a part of a table.
type unit struct {
	id   int64       // of the course, the person and so on
	keys source.Span // of its rows
}

// plan is how a table is read.
type plan struct {
	units []unit // in the order of their keys
	// partial: some units are not known now, so what lies between the others is
	// kept.
	partial bool
	// kept are keys about which nothing can be found out.
	kept []source.Span
	// function is the one that each unit is asked with.
	function string
	load     func(context.Context, unit) ([]item, error)
}

// item is a row, or keys without one.
type item struct {
	keys   source.Span // of a row: up to its key
	values []any       // nil: it is none
	reason source.Reason
	sample int64 // of what is skipped
	kept   bool
}

// all are the keys of a table.
var all = source.Span{First: 0, Last: math.MaxInt64}

func row(key int64, values ...any) item {
	return item{keys: source.Span{First: key - 1, Last: key}, values: values}
}

func skip(key int64, reason source.Reason, id int64) item {
	return item{keys: source.Span{First: key - 1, Last: key}, reason: reason, sample: id}
}

func keep(keys source.Span) item { return item{keys: keys, kept: true} }

// feed is how far a table has been read.
type feed struct {
	table  source.Table
	at     int64 // up to which all was handed out
	plan   plan
	next   int    // unit
	loaded int64  // keys up to which all is in items, or was
	items  []item // to be handed out
	rows   int    // of them
	shown  bool   // a unit was told of
	hidden error  // why one was not
}

// Bounds of pages.
const (
	pageUnits = 64 // so that what was read is written down now and then
	ahead     = 2  // units for each request at once that are loaded together
)

// Read gives the next rows of a table. Whoever goes on where the page before
// ended has them from memory where they are; else the units are asked again.
func (s *snapshot) Read(ctx context.Context, table string, after, until int64, limit int) (source.Page, error) {
	f := s.feed
	s.feed = nil // what fails in the middle begins anew
	if f == nil || f.table.Name != table || f.at != after {
		var err error
		if f, err = s.begin(ctx, table, after); err != nil {
			return source.Page{}, err
		}
	}
	limit = max(limit, 1)
	for asked := 0; f.rows < limit && f.next < len(f.plan.units) && f.loaded < until && asked < pageUnits; {
		n, err := s.load(ctx, f)
		if err != nil {
			return source.Page{}, err
		}
		asked += n
	}
	if f.next == len(f.plan.units) && f.hidden != nil && !f.shown {
		// Not one course or person: that is no exception, but a permission that the
		// token's user lacks.
		return source.Page{}, s.client.whole(f.plan.function, f.hidden)
	}
	page := f.page(until, limit)
	f.at = page.Last
	s.feed = f
	return page, nil
}

// begin plans a table, from a key on.
func (s *snapshot) begin(ctx context.Context, table string, after int64) (*feed, error) {
	t, known := source.TableOf(table)
	if !known {
		return nil, source.Incomplete(table)
	}
	absent, err := absentOf(s.functions)
	if err != nil {
		return nil, err
	}
	if why := absent[table]; why != "" {
		return nil, source.Incomplete(table + ": " + why)
	}
	p, err := s.plan(ctx, table)
	if err != nil {
		return nil, err
	}
	f := &feed{table: t, at: after, plan: p, loaded: after}
	for f.next < len(p.units) && p.units[f.next].keys.Last <= after {
		f.next++
	}
	f.shown = f.next > 0 // by an earlier snapshot
	if f.next == len(p.units) {
		f.finish()
	}
	return f, nil
}

// load asks for the next units, some at once, and gives how many.
func (s *snapshot) load(ctx context.Context, f *feed) (int, error) {
	units := f.plan.units[f.next:min(f.next+parallel*ahead, len(f.plan.units))]
	items, hidden := make([][]item, len(units)), make([]error, len(units))
	err := each(ctx, len(units), func(ctx context.Context, i int) error {
		var err error
		if items[i], err = f.plan.load(ctx, units[i]); notShown(err) {
			hidden[i] = err
			return nil
		}
		return s.client.whole(f.plan.function, err)
	})
	if err != nil {
		return 0, err
	}
	for i, u := range units {
		f.gap(u.keys.First)
		if hidden[i] != nil {
			f.hidden = hidden[i]
			kept := keep(u.keys)
			kept.reason, kept.sample = source.ReasonNotShown, u.id
			f.add(kept)
		} else {
			f.shown = true
		}
		last := u.keys.First
		for _, it := range items[i] {
			if it.keys.First < last || it.keys.Last > u.keys.Last {
				return 0, source.ErrProtocol.With(fmt.Errorf("a key of %s is twice in the answer, or out of order", f.table.Name))
			}
			last = it.keys.Last
			f.add(it)
		}
		f.loaded = u.keys.Last
	}
	if f.next += len(units); f.next == len(f.plan.units) {
		f.finish()
	}
	return len(units), nil
}

// each calls do for the numbers below n, some at once.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}

// gap tells of keys between units.
func (f *feed) gap(until int64) {
	if until <= f.loaded {
		return
	}
	if f.plan.partial {
		f.add(keep(source.Span{First: f.loaded, Last: until}))
	}
	for _, k := range f.plan.kept {
		if k = (source.Span{First: max(k.First, f.loaded), Last: min(k.Last, until)}); k.First < k.Last {
			f.add(keep(k))
		}
	}
	f.loaded = until
}

// finish tells of the keys above all units.
func (f *feed) finish() { f.gap(math.MaxInt64) }

// add takes an item for handing out, as far as it was not handed out before.
func (f *feed) add(it item) {
	if it.keys.Last <= f.at {
		return
	}
	it.keys.First = max(it.keys.First, f.at)
	if it.values != nil {
		f.rows++
	}
	f.items = append(f.items, it)
}

// page hands out up to limit rows whose keys are at most until.
func (f *feed) page(until int64, limit int) source.Page {
	page := source.Page{Last: min(until, f.loaded)}
	n := 0
	for ; n < len(f.items); n++ {
		it := &f.items[n]
		if it.keys.First >= until || it.values != nil && len(page.Rows) == limit {
			page.Last = min(until, it.keys.First)
			break
		}
		if it.kept && it.keys.Last > until { // the rest of it later
			page.Kept = append(page.Kept, source.Span{First: it.keys.First, Last: until})
			it.keys.First = until
			break
		}
		switch {
		case it.values != nil:
			page.Rows = append(page.Rows, source.Row{ID: it.keys.Last, Values: it.values})
			f.rows--
		case it.kept:
			page.Kept = append(page.Kept, it.keys)
		}
		if it.reason != "" {
			page.Skip(it.reason, it.sample)
		}
	}
	page.Done = n == len(f.items) && f.next == len(f.plan.units) || page.Last >= until
	clear(f.items[:n])
	f.items = f.items[n:]
	return page
}

// keys makes one key of two ids: high bits of a, low bits of b.
type keys struct {
	high, low uint
	base      int64 // above which the keys are
}

// The keys of tables whose rows have no id that web services tell, or none that
// is in the order in which they are read.
var (
	pairKeys        = keys{high: 31, low: 32} // course and user, quiz and so on; user and activity
	holdingKeys     = keys{high: 24, low: 39} // course; user and role
	attemptKeys     = keys{high: 28, low: 35} // user, attempt
	submissionKeys  = keys{high: 28, low: 35} // assignment, submission
	certificateKeys = keys{high: 27, low: 34} // certificate, issue
	badgeKeys       = keys{high: 30, low: 31, base: 1 << 61}
	roleBits        = uint(9) // of the lower part of holdingKeys
)

// of makes a key; false: an id is too large.
func (k keys) of(a, b int64) (int64, bool) {
	return k.base + a<<k.low + b, a > 0 && b > 0 && a < 1<<k.high && b < 1<<k.low
}

// span is all keys of a; false: it is too large.
func (k keys) span(a int64) (source.Span, bool) {
	first := k.base + a<<k.low
	return source.Span{First: first - 1, Last: first + 1<<k.low - 1}, a > 0 && a < 1<<k.high
}

// errLargeID: an id that has no room in a key.
var errLargeID = refuse("the learning system has an id that is larger than any should be", source.ErrProtocol, nil)

// units makes a unit of each id. Errors: ids that are too large.
func (k keys) units(of []int64) ([]unit, error) {
	out := make([]unit, len(of))
	for i, id := range of {
		span, ok := k.span(id)
		if !ok {
			return nil, errLargeID
		}
		out[i] = unit{id: id, keys: span}
	}
	return out, nil
}
