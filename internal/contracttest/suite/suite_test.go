package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

// A small door with a thing that has a code: modules of the hub stand for it.
const document = `
openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /things/{id}:
    post:
      operationId: renameThing
      x-roles: [admin]
      parameters: [{name: id, in: path, required: true, schema: {type: integer, minimum: 1}, example: 7}]
      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [code], properties: {code: {type: string, minLength: 1}}}}}}
      responses:
        "200": {description: ok, content: {application/json: {schema: {type: object, required: [code], properties: {code: {type: string}}}}}}
        "400": {description: no, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}}}}
        "401": {description: no, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}}}}
        "403": {description: no, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}}}}
  /open:
    get:
      operationId: readOpen
      x-roles: [public]
      parameters: [{name: q, in: query, schema: {type: string}, example: x}]
      responses:
        "200": {description: ok, content: {application/json: {schema: {type: object}}}}
components:
  schemas:
    Error: {type: object, required: [error], properties: {error: {type: string}}}
`

// fake serves the document, right but for the bug named.
type fake struct {
	env *hubtest.Env
	bug string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	refuse := func(status int, text string) { answer(status, map[string]string{"error": text}) }
	id, isThing := strings.CutPrefix(r.URL.Path, "/things/")
	switch {
	case r.URL.Path == "/open" && r.Method == http.MethodGet:
		if f.bug == "header" && strings.Contains(r.URL.Query().Get("q"), "X-Injected: yes") {
			w.Header().Set("X-Injected", "yes")
		}
		answer(200, map[string]any{})
		return
	case !isThing || r.Method != http.MethodPost:
		refuse(404, "unknown path")
		return
	}
	who, err := f.env.Auth.Authenticate(r.Context(), r.Header.Get("X-Token"))
	switch {
	case f.bug == "expired tokens work" && errors.Is(err, auth.ErrTokenExpired):
		answer(200, map[string]string{"code": "x"})
		return
	case errors.Is(err, auth.ErrTokenExpired):
		refuse(401, "expired")
		return
	case err != nil:
		refuse(401, "no token")
		return
	case !who.Principal.Has(models.RoleAdmin) && f.bug != "any role will do":
		if f.bug == "refused but done" {
			f.rename(r, who, id, "done")
		}
		refuse(403, "not for you")
		return
	}
	var in struct{ Code string }
	switch {
	case f.bug == "breaks on emoji" && strings.Contains(string(body), "👩"):
		refuse(500, "oops")
	case f.bug == "shows its inside" && strings.Contains(string(body), "pg_sleep"):
		refuse(400, "ERROR: (SQLSTATE 42601)")
	case !utf8.Valid(body) || strings.Contains(string(body), `\u0000`) || json.Unmarshal(body, &in) != nil || strings.TrimSpace(in.Code) == "" || len(in.Code) > 9000:
		if f.bug == "plain text" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		if f.bug == "writes before it checks" {
			f.rename(r, who, id, fmt.Sprintf("n%d", len(body)))
		}
		refuse(400, "bad input")
	default:
		if status, text := f.rename(r, who, id, in.Code); status != 200 {
			refuse(status, text)
			return
		}
		answer(200, map[string]string{"code": in.Code})
	}
}

func (f *fake) rename(r *http.Request, who auth.Identity, text, code string) (int, string) {
	id, _ := strconv.ParseInt(text, 10, 64)
	ctx := auth.WithIdentity(r.Context(), who)
	if f.bug == "writes across accounts" {
		ctx = store.AsSystem(ctx)
	}
	var rows int64
	err := f.env.DB.InTx(ctx, func(ctx context.Context) error {
		result := f.env.DB.Conn(ctx).Model(&models.Module{}).Where("id = ?", id).Update("code", code)
		rows = result.RowsAffected
		return result.Error
	})
	switch {
	case err != nil:
		return 400, "not possible"
	case rows == 1:
		return 200, ""
	case f.bug == "tells what exists" && id < nobody:
		return 400, "another's"
	case f.bug == "tells a name":
		var m models.Module
		_ = f.env.DB.Conn(store.AsSystem(ctx)).Take(&m, id).Error
		return 400, "none: " + m.Code
	}
	return 400, "none"
}

func (f *fake) door() Door {
	return Door{
		Name: "fake", Contract: contracttest.Load("fake", []byte(document)), Served: []string{"renameThing", "readOpen"},
		Authorize: func(token string) (string, string) { return "X-Token", token },
		Roles:     []string{models.RoleMentee, models.RoleAdmin}, ErrorSchema: "Error",
		Rules: Rules{
			NoToken: Refusal{401, "no token"}, BadToken: Refusal{401, "no token"}, Expired: Refusal{401, "expired"}, Ended: Refusal{401, "expired"},
			Inactive: Refusal{401, "expired"}, Lacks: func(contracttest.Operation, string) Refusal { return Refusal{403, "not for you"} },
		},
		Fixtures: map[string]Fixture{"renameThing": {
			Values: func(c Cell) contracttest.Values { return contracttest.Values{"body.code": c.Caller.Place.Name()} },
			Record: func(_ Cell, p *Place) contracttest.Values {
				return contracttest.Values{"path.id": p.Insert(`INSERT INTO modules (account_id, code) VALUES (@account_id, @code) RETURNING id`, store.Args{"code": p.Name()})}
			},
			Reach: func(string) Reach { return OwnAccount },
		}},
	}
}

// TestSuitesFindBugs: a right door passes, and each bug is found by the suite
// that is there for it.
func TestSuitesFindBugs(t *testing.T) {
	f := &fake{env: hubtest.New(t, hubtest.Options{})}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.env.URL = server.URL
	w := NewWorld(t, f.env, f.door())
	m, everything := newMatrix(w), w.ledger(0)
	access := func() (found []string) {
		for _, id := range w.Door.Served {
			found = append(found, m.prove(m.trials(w.Door.Contract.Operation(id), m.callers))...)
		}
		return found
	}
	input := func() (found []string) {
		for _, id := range w.Door.Served {
			found = append(found, w.withstand(everything, w.breakUp(w.Door.Contract.Operation(id)))...)
		}
		return found
	}
	require.Empty(t, access())
	require.Empty(t, input())
	for _, c := range []struct {
		bug  string
		by   func() []string
		says string
	}{
		{"any role will do", access, `renameThing as mentee of the own organization: want 403 "not for you"`},
		{"expired tokens work", access, `renameThing as expired token admin: want 401 "expired"`},
		{"refused but done", access, "a refused request wrote:\n  modules"},
		{"writes across accounts", access, "renameThing as admin of the other account: another's record shows"},
		{"writes across accounts", access, "a refused request wrote:\n  modules"},
		{"tells what exists", access, "renameThing as admin of the other account: another's record shows"},
		{"tells a name", access, `renameThing as admin of the other account: "zqhome" of another account is in the answer`},
		{"breaks on emoji", input, "body.code emoji: an internal error"},
		{"shows its inside", input, `body.code SQL that waits: the answer shows "SQLSTATE"`},
		{"plain text", input, "body.code missing: renameThing: the answer 400 breaks the contract"},
		{"writes before it checks", input, "refused requests wrote:\n  modules"},
		{"header", input, "readOpen: query.q CRLF: the request wrote a header of the answer"},
	} {
		f.bug = c.bug
		found := c.by()
		require.True(t, slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, c.says) }), "%s: %q", c.bug, found)
	}
}

func TestRequestsAreMadeFromTheContract(t *testing.T) {
	RequestsAreValid(t, contracttest.Load("fake", []byte(document)))
	RolesAreKnown(t, (&fake{}).door())
}
