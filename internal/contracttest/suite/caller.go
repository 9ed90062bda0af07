package suite

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/models"
)

// state is what a caller's token is worth.
type state string

const (
	signedIn  state = "signed in"
	anonymous state = "no token"
	garbage   state = "garbage token"
	expired   state = "expired token"
	loggedOut state = "logged out" // or revoked, of clients
	inactive  state = "deactivated"
)

// Caller is who sends a request.
type Caller struct {
	Place  *Place
	Role   string         // "" without a person
	Person hubtest.Person // zero without a person

	state state
	title string
	token func() string // a token of its own for every request
}

// Cell is one field of the matrix: an operation and who calls it.
type Cell struct {
	World     *World
	Operation contracttest.Operation
	Caller    Caller
}

// String names the cell in messages.
func (c Cell) String() string { return c.Operation.ID + " as " + c.Caller.title }

// callers are all that try every operation.
func (w *World) callers() []Caller {
	w.T.Helper()
	if w.Door.Clients {
		return w.clients()
	}
	var all []Caller
	for _, p := range []*Place{w.Home, w.Sister, w.Far} {
		for _, role := range w.Door.Roles {
			who := p.People[role]
			all = append(all, Caller{
				Place: p, Role: role, Person: who, state: signedIn, title: role + " of the " + p.Title,
				token: func() string { return w.Token(w.T, who, w.Door.Name) },
			})
		}
	}
	all = append(all, w.nobodies()...)
	pair := w.Session(w.T, w.Home.People[w.Door.Roles[0]], w.Door.Name)
	return append(append(all, w.garbage(pair.Access, map[string]string{"refresh token": pair.Refresh})...), w.ended()...)
}

// nobodies are callers without a token.
func (w *World) nobodies() []Caller {
	var all []Caller
	for _, p := range []*Place{w.Home, w.Far} {
		all = append(all, Caller{Place: p, state: anonymous, title: "nobody of the " + p.Title, token: func() string { return "" }})
	}
	return all
}

// proper is somebody new who may call an operation, if that needs anybody.
func (w *World) proper(op contracttest.Operation) Caller {
	w.T.Helper()
	switch {
	case op.Public():
		return Caller{Place: w.Home, state: anonymous, token: func() string { return "" }}
	case w.Door.Clients:
		return w.apiClient(w.Home)
	}
	role := w.Door.Roles[max(slices.IndexFunc(w.Door.Roles, op.Serves), 0)]
	caller := Caller{Place: w.Home, Role: role, Person: w.Home.NewPerson(role), state: signedIn}
	caller.token = func() string { return w.Token(w.T, caller.Person, w.Door.Name) }
	return caller
}

// garbage are callers whose token nobody has signed for them: made from one
// that is good, or more that are good elsewhere.
func (w *World) garbage(good string, more map[string]string) []Caller {
	w.T.Helper()
	head, rest, _ := strings.Cut(good, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	tokens := map[string]string{
		"text":            "nonsense",
		"cut signature":   head + "." + claims + "." + signature[:len(signature)-4],
		"another's claim": head + "." + strings.Replace(claims, claims[10:14], "AAAA", 1) + "." + signature,
		"no algorithm":    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + claims + ".",
	}
	maps.Copy(tokens, more)
	var all []Caller
	for title, token := range tokens {
		all = append(all, Caller{Place: w.Home, state: garbage, title: string(garbage) + ": " + title, token: func() string { return token }})
	}
	return all
}

// ended are callers of every role whose token was good once.
func (w *World) ended() []Caller {
	w.T.Helper()
	cfg := w.Config.Auth
	cfg.AccessTTL = -time.Hour
	past, err := auth.New(auth.Deps{DB: w.DB, Keys: w.Keys, Config: cfg})
	require.NoError(w.T, err)
	var all []Caller
	var gone []int64
	for _, role := range w.Door.Roles {
		who := w.Home.People[role]
		old := hubtest.Session(w.T, past, who, w.Door.Name)
		out := w.Session(w.T, who, w.Door.Name)
		closed, err := w.Auth.CloseSession(w.Home.Context(), out.SessionID, auth.EndLogout)
		require.NoError(w.T, err)
		require.True(w.T, closed)
		leaver := w.Home.NewPerson(role)
		left := w.Session(w.T, leaver, w.Door.Name)
		gone = append(gone, leaver.ID)
		for s, token := range map[state]string{expired: old.Access, loggedOut: out.Access, inactive: left.Access} {
			all = append(all, Caller{Place: w.Home, Role: role, state: s, title: string(s) + " " + role, token: func() string { return token }})
		}
	}
	_, err = w.People.DeactivateUsers(w.AdminContext(w.Home.People[models.RoleAdmin]), gone...)
	require.NoError(w.T, err)
	return all
}
