// Package contracttest holds a door to its OpenAPI contract: it sends requests,
// validates every whole answer against the document, and computes from what was
// sent which operations have been proved with a success and with a failure.
package contracttest

import (
	"bytes"
	"context"
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
)

// Contract is a loaded OpenAPI document and the record of what tests proved.
type Contract struct {
	name   string
	doc    *openapi3.T
	router routers.Router
	titles map[string]string // of roles that the document calls otherwise

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

// NameRoles tells which role of the hub the document means by each of its names
// in x-roles. It gives c back.
func (c *Contract) NameRoles(titles map[string]string) *Contract {
	c.titles = titles
	return c
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
		case got.failure == 0 && c.mayFail(id):
			out = append(out, id+" (no failure)")
		}
	}
	return out
}

// mayFail tells whether the document lists a failure of an operation. A greeting,
// say, has none.
func (c *Contract) mayFail(id string) bool {
	for status := range c.Operation(id).route.Operation.Responses.Map() {
		if !strings.HasPrefix(status, "2") {
			return true
		}
	}
	return false
}

// check validates an answer and names the operation. A path outside of the
// document (an alias) is not validated; the test looks at it itself.
func (c *Contract) check(req *http.Request, a Answer) (operation string, err error) {
	clone := req.Clone(context.Background())
	clone.URL.Host, clone.URL.Scheme, clone.Host = "", "", ""
	route, _, err := c.router.FindRoute(clone)
	if err != nil {
		return "", nil //nolint:nilerr // outside of the document
	}
	return route.Operation.OperationID, c.checkRoute(route, clone, a)
}

// checkRoute validates an answer of an operation.
func (c *Contract) checkRoute(route *routers.Route, req *http.Request, a Answer) error {
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: route},
		Status:                 a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, SchemaValidationOptions: c.doc.GetSchemaValidationOptions(),
		},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		return fmt.Errorf("%s: the answer %d breaks the contract: %w\n%s", route.Operation.OperationID, a.Status, err, a.Body)
	}
	return nil
}

// record notes what a test proved; "" is no operation.
func (c *Contract) record(id string, status int) {
	if id == "" {
		return
	}
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
