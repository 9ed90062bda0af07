package suite

import (
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
	loggedOut state = "logged out"
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
	for _, p := range []*Place{w.Home, w.Far} {
		all = append(all, Caller{Place: p, state: anonymous, title: "nobody of the " + p.Title, token: func() string { return "" }})
	}
	return append(append(all, w.garbage()...), w.ended()...)
}

// garbage are callers whose token nobody has signed for them.
func (w *World) garbage() []Caller {
	w.T.Helper()
	pair := w.Session(w.T, w.Home.People[w.Door.Roles[0]], w.Door.Name)
	head, rest, _ := strings.Cut(pair.Access, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	var all []Caller
	for title, token := range map[string]string{
		"text":            "nonsense",
		"cut signature":   head + "." + claims + "." + signature[:len(signature)-4],
		"another's claim": head + "." + strings.Replace(claims, claims[10:14], "AAAA", 1) + "." + signature,
		"no algorithm":    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + claims + ".",
		"refresh token":   pair.Refresh,
	} {
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
