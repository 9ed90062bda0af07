// Package contracttest holds a door to its OpenAPI contract: it sends requests,
// validates every whole answer against the document, and computes from what was
// sent which operations have been proved with a success and with a failure.
package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
)

// Contract is a loaded OpenAPI document and the record of what tests proved.
type Contract struct {
	name   string
	doc    *openapi3.T
	router routers.Router

	mu     sync.Mutex
	proved map[string]outcome // by operation id
}

type outcome struct{ success, failure int }

// Load parses and validates a document. It panics on a broken one: tests
// without a contract prove nothing.
func Load(name string, document []byte) *Contract {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err == nil {
		doc.SetStringFormatValidators(formats)
		// Examples are illustrations; the samples of the original services
		// break rules of their own schemas.
		err = doc.Validate(context.Background(), openapi3.DisableExamplesValidation())
	}
	if err != nil {
		panic(fmt.Sprintf("contract %s: %v", name, err))
	}
	doc.Servers = nil // requests go to a test server
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(fmt.Sprintf("contract %s: %v", name, err))
	}
	return &Contract{name: name, doc: doc, router: router, proved: map[string]outcome{}}
}

// formats are checked in answers; kin-openapi knows them by name only.
var formats = map[string]openapi3.StringFormatValidator{
	"date-time": openapi3.NewCallbackValidator(func(s string) error {
		_, err := time.Parse(time.RFC3339Nano, s)
		return err
	}),
	"uri": openapi3.NewCallbackValidator(func(s string) error {
		u, err := url.Parse(s)
		if err == nil && !u.IsAbs() {
			err = fmt.Errorf("%q is no absolute address", s)
		}
		return err
	}),
	"email": openapi3.NewRegexpFormatValidator(`^[^@\s]+@[^@\s]+$`),
}

// Operations lists the operation ids of the document, sorted.
func (c *Contract) Operations() []string {
	var ids []string
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			ids = append(ids, op.OperationID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Document is the parsed document, for tests that are generated from it.
func (c *Contract) Document() *openapi3.T { return c.doc }

// Main runs a package's tests and then holds the door to its coverage: each of
// the operations named needs at least one success and one failure. It prints
// the coverage. Use it in TestMain. A run of selected tests is not judged.
func (c *Contract) Main(m *testing.M, operations []string) {
	code := m.Run()
	if code == 0 && !selected() {
		missing := c.Missing(operations)
		fmt.Printf("coverage %s: %d/%d operations proved, %d in the contract\n",
			c.name, len(operations)-len(missing), len(operations), len(c.Operations()))
		for _, line := range missing {
			fmt.Println("  missing:", line)
		}
		if len(missing) > 0 {
			code = 1
		}
	}
	os.Exit(code)
}

func selected() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.run=") || strings.HasPrefix(a, "-test.fuzz=") || strings.HasPrefix(a, "-test.list=") || strings.HasPrefix(a, "-test.bench=")
	})
}

// Missing tells for each operation what has not been proved.
func (c *Contract) Missing(operations []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.Operations()
	var out []string
	for _, id := range operations {
		got := c.proved[id]
		switch {
		case !slices.Contains(known, id):
			out = append(out, id+" (not in the contract)")
		case got.success == 0 && got.failure == 0:
			out = append(out, id+" (no test)")
		case got.success == 0:
			out = append(out, id+" (no success)")
		case got.failure == 0:
			out = append(out, id+" (no failure)")
		}
	}
	return out
}

// Client sends requests to a running hub and validates the answers.
type Client struct {
	Contract *Contract
	BaseURL  string      // http://127.0.0.1:port
	Header   http.Header // sent with every request
	HTTP     *http.Client
}

// With returns a copy of the client that sends one more header.
func (c Client) With(key, value string) Client {
	h := c.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(key, value)
	c.Header = h
	return c
}

// Answer is a validated answer.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	Operation string // id, "" for an alias outside of the document
}

// JSON decodes the body into v.
func (a Answer) JSON(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// Map is the body as an object.
func (a Answer) Map(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	a.JSON(t, &m)
	return m
}

// Text is the value under a path of keys joined by dots, as text; "" when it is
// not there.
func (a Answer) Text(t testing.TB, path string) string {
	t.Helper()
	var v any = a.Map(t)
	for _, key := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	if v == nil {
		return ""
	}
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprint(v)
}

// Do sends a request and fails the test unless the answer has the status and
// is, as a whole, what the contract says. The body is sent as JSON; a string or
// []byte is sent as it is; nil sends none.
func (c Client) Do(t testing.TB, want int, method, path string, body any) Answer {
	t.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		payload = b
	case string:
		payload = []byte(b)
	default:
		var err error
		payload, err = json.Marshal(b)
		require.NoError(t, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.BaseURL+path, bytes.NewReader(payload))
	require.NoError(t, err)
	for k, v := range c.Header {
		req.Header[k] = slices.Clone(v)
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, want, resp.StatusCode, "%s %s answered %s", method, path, got)
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: got}
	a.Operation = c.Contract.check(t, req, payload, a)
	return a
}

// check validates the answer and records the operation. A path outside of the
// document (an alias) is not validated here; the test looks at it itself.
func (c *Contract) check(t testing.TB, req *http.Request, payload []byte, a Answer) string {
	t.Helper()
	clone := req.Clone(context.WithoutCancel(t.Context()))
	clone.URL.Host, clone.URL.Scheme, clone.Host = "", "", ""
	clone.Body = io.NopCloser(bytes.NewReader(payload))
	route, params, err := c.router.FindRoute(clone)
	if err != nil {
		return ""
	}
	in := &openapi3filter.RequestValidationInput{
		Request: clone, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true, MultiError: true,
		},
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.Status, Header: a.Header,
		Body: io.NopCloser(bytes.NewReader(a.Body)), Options: in.Options,
	})
	require.NoError(t, err, "%s: the answer %d breaks the contract:\n%s", route.Operation.OperationID, a.Status, a.Body)
	c.record(route.Operation.OperationID, a.Status)
	return route.Operation.OperationID
}

func (c *Contract) record(id string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.proved[id]
	if status < 400 {
		got.success++
	} else {
		got.failure++
	}
	c.proved[id] = got
}
