package suite

import (
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/clock"
	"quad/models"
)

// clients are all that try every operation of a door whose callers are API
// clients: one of the own account and one of another, and those who are none.
func (w *World) clients() []Caller {
	w.T.Helper()
	own := w.apiClient(w.Home)
	admin := w.Home.NewPerson(models.RoleAdmin)
	all := append([]Caller{own, w.apiClient(w.Far)}, w.nobodies()...)
	all = append(all, w.garbage(own.token(), map[string]string{"a person's token": w.Token(w.T, admin, w.Door.Name)})...)

	cfg := w.Config.Auth
	past, err := auth.New(auth.Deps{DB: w.DB, Keys: w.Keys, Config: cfg, Clock: func() time.Time {
		return clock.System().Add(-2 * auth.ClientTokenLife)
	}})
	require.NoError(w.T, err)
	key, secret, _ := w.newClient(w.Home)
	old, err := past.SignInClient(w.T.Context(), key, secret)
	require.NoError(w.T, err)

	key, secret, id := w.newClient(w.Home)
	revoked, err := w.Auth.SignInClient(w.T.Context(), key, secret)
	require.NoError(w.T, err)
	require.NoError(w.T, w.People.RevokeAPIClient(w.AdminContext(admin), id))
	for s, token := range map[state]string{expired: old, loggedOut: revoked} {
		all = append(all, Caller{Place: w.Home, state: s, title: string(s) + " client", token: func() string { return token }})
	}
	return all
}

// apiClient is a new API client of a place's account.
func (w *World) apiClient(p *Place) Caller {
	w.T.Helper()
	key, secret, _ := w.newClient(p)
	token, err := w.Auth.SignInClient(w.T.Context(), key, secret)
	require.NoError(w.T, err)
	return Caller{Place: p, state: signedIn, title: "client of the " + p.Title, token: func() string { return token }}
}

func (w *World) newClient(p *Place) (key, secret string, id int64) {
	w.T.Helper()
	secret, client, err := w.People.IssueAPIClient(p.Context(), p.Name(), nil)
	require.NoError(w.T, err)
	return client.ClientKey, secret, client.ID
}
