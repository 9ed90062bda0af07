package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
)

const (
	// workers bounds how many requests are under way.
	workers = 8
	// patience is the longest that one answer may take, on a machine that is
	// busy with other tests too.
	patience = time.Minute
)

// outcome is what a cell must get.
type outcome int

const (
	served  outcome = iota // a documented success
	refused                // a refusal by the door's rules
	hidden                 // the answer for a record that is not there
)

// trial is a cell with its requests and what must come of them.
type trial struct {
	cell    Cell
	want    outcome
	refusal Refusal
	request contracttest.Request
	missing contracttest.Request // hidden: the same for no record
	names   []string             // hidden: what the two name, which may differ in the answers
	client  contracttest.Client
}

// Matrix sends every served operation as every caller: each role in the own
// organization, in another one of the account and in another account, without
// a token, with garbage, with an expired one, after the logout and after the
// deactivation. What must come of it follows from x-roles and the door's rules.
//
//   - Who is let through gets a documented success.
//   - Who is refused gets the rule's status and text, and nothing is written.
//   - Who asks for what is another's gets, word for word, the answer for what
//     does not exist, and nothing is written.
//   - No answer holds a name or an address of another account, and no request
//     writes a row of one.
func Matrix(t *testing.T, env *hubtest.Env, door Door) {
	t.Helper()
	w := NewWorld(t, env, door)
	m := newMatrix(w)
	start, cells, requests := time.Now(), 0, 0
	for _, id := range door.Served {
		t.Run(id, func(t *testing.T) {
			w.T = t
			trials := m.trials(door.Contract.Operation(id), m.callers)
			for _, failure := range m.prove(trials) {
				t.Error(failure)
			}
			cells += len(trials)
			for _, tr := range trials {
				requests++
				if tr.want == hidden {
					requests++
				}
			}
		})
	}
	w.T = t
	t.Logf("matrix of %s: %d operations, %d cells, %d requests in %.1f s", door.Name, len(door.Served), cells, requests, time.Since(start).Seconds())
}

// matrix is who calls, and the tables that are looked at.
type matrix struct {
	*World
	callers        []Caller
	all, home, far *ledger
}

func newMatrix(w *World) matrix {
	w.T.Helper()
	return matrix{
		World: w, callers: w.callers(),
		all: w.ledger(0, w.Door.MayGrow...), home: w.ledger(w.Home.Account.ID), far: w.ledger(w.Far.Account.ID),
	}
}

// prove sends the trials of an operation and tells what is wrong.
func (m matrix) prove(trials []trial) (failures []string) {
	m.T.Helper()
	batches := []struct {
		title  string
		ledger *ledger
		of     func(trial) bool
	}{
		{"a refused request wrote", m.all, func(tr trial) bool { return tr.want != served }},
		{"a request of another account wrote into this one", m.home, func(tr trial) bool { return tr.want == served && tr.cell.Caller.Place == m.Far }},
		{"a request wrote into another account", m.far, func(tr trial) bool { return tr.want == served && tr.cell.Caller.Place != m.Far }},
	}
	for _, b := range batches {
		var batch []trial
		for _, tr := range trials {
			if b.of(tr) {
				batch = append(batch, tr)
			}
		}
		written := m.unchanged(b.ledger, func() { failures = append(failures, run(m.T.Context(), batch, m.try)...) })
		if written != "" {
			failures = append(failures, b.title+":\n"+written)
		}
	}
	return failures
}

// trials prepares the cells of an operation. Cells that must not get through
// share a record; the others have one each, since they may use it up.
func (w *World) trials(op contracttest.Operation, callers []Caller) []trial {
	w.T.Helper()
	fixture := w.Door.Fixtures[op.ID]
	var shared contracttest.Values
	if fixture.Record != nil {
		shared = fixture.Record(Cell{World: w, Operation: op, Caller: callers[0]}, w.Home)
	}
	trials := make([]trial, 0, len(callers))
	for _, caller := range callers {
		tr := trial{cell: Cell{World: w, Operation: op, Caller: caller}}
		tr.want, tr.refusal = w.expect(op, caller)
		record := shared
		if tr.want == served && fixture.Record != nil {
			record = fixture.Record(tr.cell, w.Home)
		}
		tr.client = w.client(caller.Place, caller.token())
		tr.request = w.request(tr.cell, record)
		if tr.want == hidden {
			missing := missingOf(record, fixture.Missing)
			tr.missing = w.request(tr.cell, missing)
			tr.names = append(texts(record), texts(missing)...)
		}
		trials = append(trials, tr)
	}
	return trials
}

// request makes the valid request of a cell.
func (w *World) request(c Cell, record contracttest.Values) contracttest.Request {
	w.T.Helper()
	values := contracttest.Values{}
	if fixture := w.Door.Fixtures[c.Operation.ID]; fixture.Values != nil {
		maps.Copy(values, fixture.Values(c))
	}
	maps.Copy(values, record)
	r, err := c.Operation.Request(values)
	require.NoError(w.T, err)
	require.NoError(w.T, r.Validate(), "the request of %s", c)
	return r
}

// expect computes from x-roles and the door's rules what a caller must get.
func (w *World) expect(op contracttest.Operation, caller Caller) (outcome, Refusal) {
	rules, fixture := w.Door.Rules, w.Door.Fixtures[op.ID]
	if !op.Public() {
		switch caller.state {
		case anonymous:
			return refused, rules.NoToken
		case garbage:
			return refused, rules.BadToken
		case expired:
			return refused, rules.Expired
		case loggedOut:
			return refused, rules.Ended
		case inactive:
			return refused, rules.Inactive
		}
		if !op.Serves(caller.Role) {
			return refused, rules.Lacks(op, caller.Role)
		}
	}
	if fixture.Record == nil || caller.Place == w.Home {
		return served, Refusal{}
	}
	reach := OwnOrganization
	if fixture.Reach != nil {
		reach = fixture.Reach(caller.Role)
	}
	if op.Public() && reach == OwnOrganization {
		reach = OwnAccount // who has no token has no organization
	}
	if reach == Everywhere || reach == OwnAccount && caller.Place == w.Sister {
		return served, Refusal{}
	}
	return hidden, Refusal{}
}

// run works through trials side by side and collects what is wrong.
func run[T any](ctx context.Context, trials []T, try func(context.Context, T) error) []string {
	var mu sync.Mutex
	var failures []string
	var wg sync.WaitGroup
	queue := make(chan T)
	for range workers {
		wg.Go(func() {
			for tr := range queue {
				if err := try(ctx, tr); err != nil {
					mu.Lock()
					failures = append(failures, err.Error())
					mu.Unlock()
				}
			}
		})
	}
	for _, tr := range trials {
		queue <- tr
	}
	close(queue)
	wg.Wait()
	slices.Sort(failures)
	return failures
}

// try sends a trial's requests and tells what is wrong with the answers.
func (w *World) try(ctx context.Context, tr trial) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := tr.client.Try(ctx, tr.request)
	if err != nil {
		return fmt.Errorf("%s: %w", tr.cell, err)
	}
	if err := w.judge(tr, a); err != nil {
		return fmt.Errorf("%s: %w\n  request: %s\n  answer:  %d %.500s", tr.cell, err, tr.request, a.Status, a.Body)
	}
	if tr.want != hidden {
		return nil
	}
	none, err := tr.client.Try(ctx, tr.missing)
	if err != nil {
		return fmt.Errorf("%s: %w", tr.cell, err)
	}
	if got, want := faceless(a, tr.names), faceless(none, tr.names); got != want {
		return fmt.Errorf("%s: another's record shows\n  request:  %s\n  answer:   %s\n  for none: %s", tr.cell, tr.request, got, want)
	}
	return nil
}

func (w *World) judge(tr trial, a contracttest.Answer) error {
	if leaked := w.leaked(tr, a); leaked != "" {
		return fmt.Errorf("%q of another account is in the answer", leaked)
	}
	op, fixture := tr.cell.Operation, w.Door.Fixtures[tr.cell.Operation.ID]
	switch tr.want {
	case refused:
		if a.Status != tr.refusal.Status || !says(a.Body, tr.refusal.Text) {
			return fmt.Errorf("want %d %q", tr.refusal.Status, tr.refusal.Text)
		}
	case served:
		if fixture.Status != 0 {
			if a.Status != fixture.Status {
				return fmt.Errorf("want %d", fixture.Status)
			}
			return op.CheckSchema(a, w.Door.ErrorSchema)
		}
		if a.Status < 200 || a.Status > 299 {
			return fmt.Errorf("want a success")
		}
	case hidden: // compared with the answer for none
	}
	return op.Check(a)
}

// says tells whether a body holds a text, as JSON writes it.
func says(body []byte, text string) bool {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return false
	}
	var inside func(any) bool
	inside = func(v any) bool {
		switch v := v.(type) {
		case string:
			return v == text
		case []any:
			return slices.ContainsFunc(v, inside)
		case map[string]any:
			for _, item := range v {
				if inside(item) {
					return true
				}
			}
		}
		return false
	}
	return inside(v)
}

// leaked finds a mark of an account that is not the caller's. What the request
// itself says may come back.
func (w *World) leaked(tr trial, a contracttest.Answer) string {
	sent := tr.request.String()
	for _, p := range []*Place{w.Home, w.Sister, w.Far} {
		foreign := p.Account.ID != tr.cell.Caller.Place.Account.ID
		if !foreign && (tr.want != hidden || p == tr.cell.Caller.Place) {
			continue
		}
		for _, mark := range []string{p.Mark, p.Mail} {
			if bytes.Contains(a.Body, []byte(mark)) && !strings.Contains(sent, mark) {
				return mark
			}
		}
	}
	return ""
}

var uuids = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// faceless is an answer without what differs from request to request: its own
// id and the names that the request gave to what it asked for.
func faceless(a contracttest.Answer, names []string) string {
	body := uuids.ReplaceAllString(string(a.Body), "UUID")
	for _, name := range names {
		body = strings.ReplaceAll(body, name, "NAME")
	}
	return fmt.Sprintf("%d %s %s", a.Status, a.Header.Get("Content-Type"), body)
}

// nobody is an id that no row has.
const nobody = 900_000_000_000

// missingOf gives values that name no record: those given, else an id for every
// id.
func missingOf(record, given contracttest.Values) contracttest.Values {
	out := contracttest.Values{}
	for key, value := range record {
		switch value.(type) {
		case int64:
			out[key] = int64(nobody)
		case []int64:
			out[key] = []int64{nobody}
		default:
			out[key] = value
		}
	}
	maps.Copy(out, given)
	return out
}

// texts are the values as they may come back, the longest first.
func texts(values contracttest.Values) []string {
	var out []string
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			out = append(out, fmt.Sprint(v))
		case []int64:
			for _, id := range v {
				out = append(out, fmt.Sprint(id))
			}
		case string:
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}
