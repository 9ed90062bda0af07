package suite

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
)

// broken is a request with one thing wrong.
type broken struct {
	title   string
	request contracttest.Request
	method  string // another than the operation's; "" is its own
	client  contracttest.Client
	fixture Fixture
}

// verdict is what became of a broken request.
type verdict struct {
	broken
	status int
	err    error // why the answer is not acceptable
}

// Malformed sends to every served operation, for each of its parameters and
// parts of its body, what should not stand there, and bodies that are none.
//
//   - The answer comes soon and is never a 5xx.
//   - It is what the contract says of its status, or, where the operation does
//     not list it, the door's envelope for errors.
//   - It shows nothing of the inside.
//   - What is refused has written nothing.
func Malformed(t *testing.T, env *hubtest.Env, door Door) {
	t.Helper()
	w := NewWorld(t, env, door)
	all := w.ledger(0, door.MayGrow...)
	start, requests := time.Now(), 0
	for _, id := range door.Served {
		t.Run(id, func(t *testing.T) {
			w.T = t
			tries := w.breakUp(door.Contract.Operation(id))
			requests += len(tries)
			for _, failure := range w.withstand(all, tries) {
				t.Error(failure)
			}
		})
	}
	w.T = t
	t.Logf("malformed input of %s: %d operations, %d requests in %.1f s", door.Name, len(door.Served), requests, time.Since(start).Seconds())
}

// withstand sends the requests and tells what is wrong. Some of them are
// accepted, rightly, and write; so if anything was written, the refused ones are
// sent again, alone.
func (w *World) withstand(l *ledger, tries []broken) (failures []string) {
	w.T.Helper()
	const turns = 4
	for turn := range turns {
		verdicts := make(chan verdict, len(tries))
		var found []string
		written := w.unchanged(l, func() {
			found = run(w.T.Context(), tries, func(ctx context.Context, b broken) error {
				v := w.send(ctx, b)
				verdicts <- v
				return v.err
			})
		})
		close(verdicts)
		if turn == 0 { // later ones say the same
			failures = found
		}
		if written == "" {
			return failures
		}
		var again []broken
		for v := range verdicts {
			if v.status >= 400 && v.status != v.fixture.Status {
				again = append(again, v.broken)
			}
		}
		if len(again) == len(tries) {
			return append(failures, "refused requests wrote:\n"+written)
		}
		tries = again
	}
	return append(failures, "requests that were refused are accepted later, again and again")
}

// send tells what is wrong with the answer to a broken request.
func (w *World) send(ctx context.Context, b broken) verdict {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := b.request
	if b.method != "" {
		r.Operation.Method = b.method
	}
	a, err := b.client.Try(ctx, r)
	v := verdict{broken: b, status: a.Status}
	if err == nil {
		err = w.acceptable(b, a)
	}
	if err != nil {
		v.err = fmt.Errorf("%s: %s: %w\n  request: %.400s\n  answer:  %d %.300s", b.request.Operation.ID, b.title, err, r, a.Status, a.Body)
	}
	return v
}

// always are refusals that every operation may give without listing them: of
// the HTTP layer, before the operation is looked at.
var always = []int{
	http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
	http.StatusUnsupportedMediaType, http.StatusRequestHeaderFieldsTooLarge,
}

// inside are words that only the hub itself should see.
var inside = []string{"SQLSTATE", "pgx:", "pgconn", "gorm", "goroutine ", "runtime error", "panic:", ".go:", "syntax error", "root:x:"}

func (w *World) acceptable(b broken, a contracttest.Answer) error {
	op := b.request.Operation
	if a.Header.Get("X-Injected") != "" {
		return fmt.Errorf("the request wrote a header of the answer")
	}
	for _, word := range inside {
		if bytes.Contains(a.Body, []byte(word)) {
			return fmt.Errorf("the answer shows %q", word)
		}
	}
	switch {
	case a.Status == b.fixture.Status && a.Status != 0:
		return op.CheckSchema(a, w.Door.ErrorSchema)
	case a.Status >= 500:
		return fmt.Errorf("an internal error")
	case b.method != "" && !slices.Contains(always, a.Status):
		return nil // a tolerated method, which is outside of the contract
	case !op.Documents(a.Status):
		if !slices.Contains(always, a.Status) {
			return fmt.Errorf("the contract does not list the status")
		}
		return op.CheckSchema(a, w.Door.ErrorSchema)
	}
	return op.Check(a)
}

// breakUp makes all broken requests of an operation.
func (w *World) breakUp(op contracttest.Operation) []broken {
	w.T.Helper()
	fixture := w.Door.Fixtures[op.ID]
	caller := w.proper(op)
	c := Cell{World: w, Operation: op, Caller: caller}
	client := w.client(caller.Place, caller.token())

	var out []broken
	var record contracttest.Values
	renew := func() {
		if fixture.Record != nil {
			record = fixture.Record(c, w.Home)
		}
	}
	add := func(title string, change func(*broken)) {
		b := broken{title: title, request: w.request(c, record), client: client, fixture: fixture}
		if fixture.EndsSession {
			b.client = w.client(caller.Place, caller.token())
		}
		change(&b)
		out = append(out, b)
	}
	set := func(key string, m mutation) {
		add(key+" "+m.title, func(b *broken) { require.NoError(w.T, b.request.Set(key, m.value), "%s %s", op.ID, key) })
	}
	for _, p := range op.Params {
		if p.In == openapi3.ParameterInHeader {
			continue
		}
		renew() // an accepted request may use the record up
		for _, m := range wrongParams(p.In) {
			if p.In != openapi3.ParameterInPath || m.value != "" { // an empty one is another path
				set(p.In+"."+p.Name, m)
			}
		}
	}
	renew()
	valid := w.request(c, record).Body
	for i, at := range places(op.Body, valid, "body", 0) {
		renew()
		for _, m := range wrongValues(at.schema) {
			set(at.key, m)
		}
		if i == 0 { // whichever part it is in, it is read as a whole first
			set(at.key, mutation{"1 MB", strings.Repeat("y", oneMB)})
		}
	}
	renew()
	w.breakBodies(op, valid, add)
	return out
}

// aHandful are the broken bodies that every operation gets, by title.
var aHandful = []string{"array", "null", "word", "cut", "no UTF-8", "deep arrays", "many keys", "keys twice"}

// tooLarge is more than any operation takes that reads JSON.
var tooLarge = `{"a":"` + strings.Repeat("x", 5*oneMB) + `"}`

// breakBodies makes requests whose body as a whole, its declaration or the
// method is wrong.
func (w *World) breakBodies(op contracttest.Operation, valid any, add func(string, func(*broken))) {
	// What is no JSON, or not declared as such, is refused before the operation is
	// looked at, by code that a door's operations share: some of them get all of
	// it, the others a handful that tells that they read their body in this way
	// too, or, where there is none, that none is looked at.
	all := op.Body != nil && slices.Index(w.Door.Served, op.ID)%8 == 0
	for _, m := range wrongBodies(valid) {
		if all || slices.Contains(aHandful, m.title) {
			add("body: "+m.title, func(b *broken) { b.request.Body = m.value })
		}
	}
	for i, contentType := range contentTypes {
		if all || i == 0 {
			add("content type "+contentType, func(b *broken) { b.request.Header.Set("Content-Type", contentType) })
		}
	}
	add("compressed", func(b *broken) {
		b.request.Header.Set("Content-Encoding", "gzip")
		if b.request.Body == nil {
			b.request.Body = "x"
		}
	})
	if all {
		add("five megabytes", func(b *broken) { b.request.Body = tooLarge })
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodPost, http.MethodGet, "BREW"} {
		if !w.takes(method, op.Path) {
			add("method "+method, func(b *broken) { b.method = method })
		}
	}
}

// takes tells whether a path of the contract has a method. Doors may tolerate
// more: those have the answer of their operation.
func (w *World) takes(method, path string) bool {
	item := w.Door.Contract.Document().Paths.Value(path)
	return item != nil && slices.Contains(slices.Collect(maps.Keys(item.Operations())), method)
}
