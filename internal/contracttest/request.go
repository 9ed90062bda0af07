package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Param is a parameter of path, query or header.
type Param = openapi3.Parameter

// Operation is one operation of a contract, with what is needed to call it.
type Operation struct {
	ID, Method, Path string
	// Roles is x-roles: "public", "any" or titles of roles. Without x-roles it is
	// "public" where the operation lifts the security of the document, else "any".
	Roles []string
	// Params are the parameters of path, query and header.
	Params []*Param
	// Body is the schema of the JSON body, nil when the operation has none.
	Body *openapi3.Schema

	contract *Contract
	route    *routers.Route
	example  any // of the body
}

// Operation finds an operation. It panics on an unknown id: a test that asks
// for it proves nothing.
func (c *Contract) Operation(id string) Operation {
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == id {
				return c.operation(path, method, item, op)
			}
		}
	}
	panic(fmt.Sprintf("contract %s: no operation %q", c.name, id))
}

func (c *Contract) operation(path, method string, item *openapi3.PathItem, op *openapi3.Operation) Operation {
	o := Operation{
		ID: op.OperationID, Method: method, Path: path, contract: c,
		route: &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: method, Operation: op},
	}
	roles, _ := op.Extensions["x-roles"].([]any)
	for _, r := range roles {
		name := fmt.Sprint(r)
		if title, known := c.titles[name]; known {
			name = title
		}
		o.Roles = append(o.Roles, name)
	}
	if roles == nil { // a contract without roles: whoever has a token, or anybody
		o.Roles = []string{"any"}
		if op.Security != nil && len(*op.Security) == 0 {
			o.Roles = []string{"public"}
		}
	}
	for _, p := range op.Parameters {
		o.Params = append(o.Params, p.Value)
	}
	for _, p := range item.Parameters { // those of the path, unless the operation has its own
		if op.Parameters.GetByInAndName(p.Value.In, p.Value.Name) == nil {
			o.Params = append(o.Params, p.Value)
		}
	}
	if op.RequestBody != nil {
		if media := op.RequestBody.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
			o.Body, o.example = media.Schema.Value, exampleOf(media.Example, media.Examples)
		}
	}
	return o
}

// exampleOf is the example, or the first of several by name.
func exampleOf(one any, named openapi3.Examples) any {
	if one != nil {
		return one
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if v := named[name].Value; v != nil && v.Value != nil {
			return v.Value
		}
	}
	return nil
}

// Public tells whether the operation needs no token.
func (o Operation) Public() bool { return slices.Contains(o.Roles, "public") }

// Serves tells whether the holder of a role may call the operation.
func (o Operation) Serves(role string) bool {
	return o.Public() || slices.Contains(o.Roles, "any") || slices.Contains(o.Roles, role)
}

// Documents tells whether the contract has an answer of this status.
func (o Operation) Documents(status int) bool {
	return o.route.Operation.Responses.Status(status) != nil
}

// Check holds an answer to what the contract says of the operation's answers.
func (o Operation) Check(a Answer) error {
	return o.contract.checkRoute(o.route, &http.Request{Method: o.Method}, a)
}

// CheckSchema holds the body of an answer to a schema of the document, for
// answers that every operation may give without listing them.
func (o Operation) CheckSchema(a Answer, name string) error {
	schema, ok := o.contract.doc.Components.Schemas[name]
	if !ok {
		return fmt.Errorf("contract %s: no schema %q", o.contract.name, name)
	}
	var body any
	if err := json.Unmarshal(a.Body, &body); err != nil {
		return fmt.Errorf("%s: the answer %d is no JSON: %w\n%.2000s", o.ID, a.Status, err, a.Body)
	}
	if err := o.contract.doc.ValidateSchemaJSON(schema.Value, body, openapi3.VisitAsResponse()); err != nil {
		return fmt.Errorf("%s: the answer %d is no %s: %w\n%.2000s", o.ID, a.Status, name, err, a.Body)
	}
	return nil
}

// Request is a request in its parts, so that a test can change one of them.
type Request struct {
	Operation Operation
	Path      map[string]string
	Query     url.Values
	Header    http.Header
	// Body is sent as Client.Do sends it: as JSON, with every Raw in it as it is.
	Body any
}

// Values replace what the contract shows in its examples. Keys are
// "path.id", "query.page", "header.Range", "body" for all of it and
// "body.filters.role" for a part. The value Absent leaves the part out.
type Values map[string]any

type absent struct{}

// Absent as a value leaves a parameter or a part of the body out.
var Absent any = absent{}

// Request makes a valid request: from the examples of the contract, from its
// schemas where it has none, and from the values given.
func (o Operation) Request(values Values) (Request, error) {
	r := Request{Operation: o, Path: map[string]string{}, Query: url.Values{}, Header: http.Header{}}
	for _, p := range o.Params {
		if !p.Required && p.Example == nil && len(p.Examples) == 0 {
			continue
		}
		r.setParam(p.In, p.Name, sampleParam(p))
	}
	switch {
	case o.example != nil:
		r.Body = plain(o.example)
	case o.Body != nil && o.route.Operation.RequestBody.Value.Required:
		r.Body = Sample(o.Body)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := r.Set(key, values[key]); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}

// Set changes one part of the request; key as in Values.
func (r *Request) Set(key string, value any) error {
	in, name, _ := strings.Cut(key, ".")
	switch in {
	case openapi3.ParameterInPath, openapi3.ParameterInQuery, openapi3.ParameterInHeader:
		r.setParam(in, name, value)
		return nil
	case "body":
		if value != Absent {
			value = plain(value)
		}
		body, err := setIn(r.Body, name, value)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", r.Operation.ID, key, err)
		}
		if body == Absent {
			body = nil
		}
		r.Body = body
		return nil
	}
	return fmt.Errorf("%s: %q is no part of a request", r.Operation.ID, key)
}

func (r *Request) setParam(in, name string, value any) {
	var texts []string
	switch v := plain(value).(type) {
	case absent:
	case []any:
		for _, item := range v {
			texts = append(texts, text(item))
		}
	default:
		texts = []string{text(v)}
	}
	switch in {
	case openapi3.ParameterInPath:
		r.Path[name] = strings.Join(texts, ",")
	case openapi3.ParameterInQuery:
		r.Query.Del(name)
		if texts != nil {
			r.Query[name] = texts
		}
	default:
		r.Header.Del(name)
		for _, t := range texts {
			r.Header.Add(name, t)
		}
	}
}

// setIn gives a body with another value under a path of keys; a number is the
// place in an array. What it changes is copied.
func setIn(body any, path string, value any) (any, error) {
	if path == "" {
		return value, nil
	}
	key, rest, _ := strings.Cut(path, ".")
	switch b := body.(type) {
	case []any:
		var i int
		if _, err := fmt.Sscanf(key, "%d", &i); err != nil || i < 0 || i >= len(b) {
			return nil, fmt.Errorf("no item %q", key)
		}
		inner, err := setIn(b[i], rest, value)
		b = slices.Clone(b)
		if inner == Absent {
			return slices.Delete(b, i, i+1), err
		}
		b[i] = inner
		return b, err
	case nil, map[string]any:
		object, _ := b.(map[string]any)
		inner, err := setIn(object[key], rest, value)
		changed := maps.Clone(object)
		if changed == nil {
			changed = map[string]any{}
		}
		changed[key] = inner
		if inner == Absent {
			delete(changed, key)
		}
		return changed, err
	}
	return nil, fmt.Errorf("%q is inside of a %T", path, body)
}

// Clone gives a copy whose parameters can be changed apart; bodies are never
// changed in place.
func (r Request) Clone() Request {
	r.Path, r.Query, r.Header = maps.Clone(r.Path), maps.Clone(r.Query), r.Header.Clone()
	return r
}

// Target is path and query as they are sent.
func (r Request) Target() string {
	target := r.Operation.Path
	for name, value := range r.Path {
		target = strings.ReplaceAll(target, "{"+name+"}", url.PathEscape(value))
	}
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	return target
}

// String shows the request, for messages of tests.
func (r Request) String() string {
	payload, err := encode(r.Body)
	if err != nil {
		payload = []byte(err.Error())
	}
	return fmt.Sprintf("%s %s %.200s %.200q", r.Operation.ID, r.Operation.Method, r.Target(), payload)
}

// Validate holds the request itself to the contract.
func (r Request) Validate() error {
	payload, err := encode(r.Body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), r.Operation.Method, r.Target(), io.NopCloser(strings.NewReader(string(payload))))
	if err != nil {
		return err
	}
	maps.Copy(req.Header, r.Header)
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: req, PathParams: r.Path, Route: r.Operation.route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true,
			SchemaValidationOptions: r.Operation.contract.doc.GetSchemaValidationOptions(),
		},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	return nil
}

// Try sends a request from any goroutine and gives the answer as it came; it
// counts as no proof. The error says that there was no answer.
func (c Client) Try(ctx context.Context, r Request) (Answer, error) {
	for key, values := range r.Header {
		c = c.With(key, values[0])
	}
	a, _, err := c.send(ctx, r.Operation.Method, r.Target(), r.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", r, err)
	}
	a.Operation = r.Operation.ID
	return a, nil
}
