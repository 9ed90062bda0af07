// Package httpx is what all front doors of the hub share: the root Fiber app
// with its middleware, the table of operations and its routing, bodies, errors,
// cursors, rate limits and streams. A door brings its table, its way to
// authenticate and the shape of its errors; everything else is here, once.
package httpx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Access says who may call an operation. The zero value is every active user.
type Access struct {
	// Public operations need no token. A door may still look at one.
	Public bool
	// Roles names the roles of which the caller needs at least one; empty
	// means every active user.
	Roles []string
}

// Public needs no token; AnyUser needs an active user of any role.
var (
	Public  = Access{Public: true}
	AnyUser = Access{}
)

// Roles needs a user with at least one of the roles named.
func Roles(roles ...string) Access { return Access{Roles: slices.Clone(roles)} }

// Operation is one line of a door's table: what the contract calls it, where it
// is, who may call it and what serves it.
type Operation struct {
	// ID is the operationId of the contract. Metrics, logs and traces use it.
	ID string
	// Method is the HTTP method. GET serves HEAD too.
	Method string
	// Path is the full path in OpenAPI style: "/user/v1/user/read/{userId}".
	// A fixed segment wins over a parameter, in whatever order they are listed.
	// "{key...}" at the end takes the rest of the path.
	Path string
	// Aliases are further paths, tolerated spellings, with the same parameters
	// or fewer. "PATCH /x" gives an alias a method of its own.
	Aliases []string
	// Extra operations are tolerated, not promised: the contract does not have
	// them.
	Extra bool
	// Access says who may call. The door's Authenticate enforces it.
	Access Access
	// Handler serves the operation. Nil means: in the contract, not served
	// yet; the door's NotFound answers.
	Handler fiber.Handler
	// Stream leaves the body unread: the handler reads it from BodyStream, and
	// BodyLimit is enforced there. Otherwise the whole body is read, up to the
	// limit, after authentication and before the handler.
	Stream bool
	// BodyLimit is the largest body in bytes; 0 means the app's limit.
	BodyLimit int64
	// Timeout is the deadline on c.UserContext(); 0 means the app's.
	Timeout time.Duration
	// Class names the rate limits of Limits.Classes that apply on top of the
	// general ones, "" for none. "login" is a class worth having.
	Class string
	// Unlimited spares the operation all rate limits: probes.
	Unlimited bool
}

// Door is one front door: a dialect, or the native API.
type Door struct {
	// Name is short and lower case: "elevate". Metrics and logs use it.
	Name string
	// Title is for people: "Elevate User API".
	Title string
	// Prefixes are the paths that belong to this door, "/user/v1". A request
	// belongs to the door with the longest prefix that ends at a segment.
	Prefixes []string
	// Operations is the door's table.
	Operations []Operation
	// Tolerant ignores the case of fixed segments and one trailing slash.
	Tolerant bool
	// Contract is the OpenAPI document (YAML), shown at /docs.
	Contract []byte
	// Before runs when the operation is known and before Authenticate: the
	// dialect's oddities. It may read headers and query, not the body.
	Before []fiber.Handler
	// Authenticate is called for every served operation, Public ones too. It
	// puts the caller into the context (see SetCaller) or returns the error
	// that ErrorHandler shapes. Nil is allowed when all operations are Public.
	Authenticate func(*fiber.Ctx, Operation) error
	// ErrorHandler shapes every error of this door, those of this package
	// included: ErrorOf tells what to say. It must not be nil.
	ErrorHandler fiber.ErrorHandler
	// NotFound answers unknown paths, and operations without a handler. Nil
	// hands ErrNotFound to ErrorHandler.
	NotFound fiber.Handler
	// PerCaller is a rate of the door's own: of each signed-in user, and of each
	// address as long as nobody is. Who is over it is told so before a refused
	// token. The zero value is no limit.
	PerCaller Rate
	// RateHeaders begins the names of the headers that tell the state of rate
	// limits; empty: "RateLimit".
	RateHeaders string
	// MethodNotAllowed answers a known path with another method; the Allow
	// header is already set. Nil means NotFound.
	MethodNotAllowed fiber.Handler
}

// validate finds mistakes in a table at start, all at once.
func (d *Door) validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("door %q: "+format, append([]any{d.Name}, args...)...))
	}
	if d.Name == "" {
		fail("has no name")
	}
	if d.ErrorHandler == nil {
		fail("has no error handler")
	}
	if len(d.Prefixes) == 0 {
		fail("has no prefix")
	}
	for _, p := range d.Prefixes {
		if !strings.HasPrefix(p, "/") || len(p) < 2 || strings.HasSuffix(p, "/") {
			fail("prefix %q must start with a slash, name a segment and not end with a slash", p)
		}
	}
	seen := map[string]bool{}
	for _, op := range d.Operations {
		switch {
		case op.ID == "":
			fail("%s %s has no operation id", op.Method, op.Path)
		case seen[op.ID]:
			fail("operation id %q is listed twice", op.ID)
		}
		seen[op.ID] = true
		if !slices.Contains(methods, op.Method) {
			fail("operation %q: method %q is unknown", op.ID, op.Method)
		}
		if op.Handler != nil && !op.Access.Public && d.Authenticate == nil {
			fail("operation %q needs a caller, but the door cannot authenticate", op.ID)
		}
		for _, path := range append([]string{op.Path}, op.Aliases...) {
			_, path = splitAlias(op.Method, path)
			if prefixOf(path, d.Prefixes, d.Tolerant) == "" {
				fail("operation %q: path %q is under none of the prefixes", op.ID, path)
			}
		}
	}
	return errors.Join(errs...)
}

// methods are those a door may serve; any other answers 405 or 404.
var methods = []string{
	fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
}

// splitAlias parts "PATCH /x" into method and path; method is the default.
func splitAlias(method, alias string) (string, string) {
	if m, path, ok := strings.Cut(alias, " "); ok {
		return m, path
	}
	return method, alias
}

// prefixOf returns the longest of prefixes that path lies under, or "".
func prefixOf(path string, prefixes []string, fold bool) string {
	best := ""
	for _, p := range prefixes {
		if len(p) > len(best) && under(path, p, fold) {
			best = p
		}
	}
	return best
}

// under tells whether path is prefix or lies below it: "/api/v1" is not above
// "/api/v10".
func under(path, prefix string, fold bool) bool {
	if len(path) < len(prefix) || (len(path) > len(prefix) && path[len(prefix)] != '/') {
		return false
	}
	if fold {
		return strings.EqualFold(path[:len(prefix)], prefix)
	}
	return path[:len(prefix)] == prefix
}
