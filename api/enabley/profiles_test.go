package enabley_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	profiles    = "/api/v2/userProfiles"
	getProfiles = "/api/v2/getUserProfiles"
)

func (w *world) putProfile(t *testing.T, status int, body object) {
	t.Helper()
	require.Equal(t, object{"identifier": body["identifier"]}, w.api.Do(t, status, "PUT", profiles, body).Map(t))
}

func holderPath(profile, user string) string {
	return profiles + "/" + url.PathEscape(profile) + "/users/" + url.PathEscape(user)
}

func profilesOfPath(user string) string { return profiles + "/users/" + url.PathEscape(user) }

func TestPutUserProfile(t *testing.T) {
	w := newWorld(t)
	w.putProfile(t, 201, object{"identifier": "CARGO/1", "name": " Motorista ", "unknown": true})
	w.putProfile(t, 200, object{"identifier": "CARGO/1"})
	w.putProfile(t, 200, object{"identifier": "CARGO/1", "name": "Motorista"})
	got := list(t, w.api.Do(t, 200, "POST", getProfiles, []string{"CARGO/1"}))
	require.Len(t, got, 1)
	require.Equal(t, "Motorista", got[0]["name"])
	require.Equal(t, got[0]["created"], got[0]["modified"], "nothing has changed")
	w.putProfile(t, 200, object{"identifier": "CARGO/1", "name": "Conductor"})
	require.Equal(t, "Conductor", list(t, w.api.Do(t, 200, "POST", getProfiles, []string{"CARGO/1"}))[0]["name"])

	for _, body := range []any{
		object{"name": "x"}, object{"identifier": "", "name": "x"}, object{"identifier": "N"}, object{"identifier": "N", "name": ""}, object{"identifier": "N", "name": " "},
		object{"identifier": "CARGO/1", "name": nil}, object{"identifier": "N", "name": 1}, object{"identifier": strings.Repeat("x", 256), "name": "x"},
		object{"identifier": "N", "name": "a\u0000"}, object{"identifier": "N", "name": strings.Repeat("ü", 256)}, []string{"x"}, "{",
	} {
		fails(t, w.api.Do(t, 400, "PUT", profiles, body), "invalid_request")
	}
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM user_profiles WHERE account_id = @account_id`, nil))
}

func TestPutUserProfileAtOnce(t *testing.T) {
	w := newWorld(t)
	body := object{"identifier": "P", "name": "P"}
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusOK: 49}, w.api.AtOnce(t, 50, "PUT", profiles, body))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM user_profiles WHERE account_id = @account_id`, nil))
}

func TestGetUserProfiles(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{"A", "B", "C"} {
		w.putProfile(t, 201, object{"identifier": p, "name": "Profile " + p})
	}
	a := w.api.Do(t, 200, "POST", getProfiles, []string{"C", "none", "A", "C", "c", "B", "A"})
	require.Equal(t, []string{"C", "A", "B"}, identifiers(t, a), "in the order asked, each once")
	require.Equal(t, "[]", strings.TrimSpace(string(w.api.Do(t, 200, "POST", getProfiles, []string{}).Body)))
	require.Empty(t, list(t, w.api.Do(t, 200, "POST", getProfiles, []string{"none"})))
	require.Empty(t, list(t, w.elsewhere(t, "two.test").Do(t, 200, "POST", getProfiles, []string{"A"})))

	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprint("P", i)
	}
	w.api.Do(t, 200, "POST", getProfiles, many)
	for _, body := range []any{append(many, "A"), object{}, []any{1}, []any{nil}, []string{""}, []string{strings.Repeat("x", 256)}, "null", "["} {
		fails(t, w.api.Do(t, 400, "POST", getProfiles, body), "invalid_request")
	}
}

func TestProfilesOfUsers(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{"B", "A", "C/1"} {
		w.putProfile(t, 201, object{"identifier": p, "name": "Profile " + p})
	}
	for _, u := range []string{"u/1", "u2"} {
		w.putUser(t, 201, john(u, nil))
	}
	of := func(user string) []string { return identifiers(t, w.api.Do(t, 200, "POST", profilesOfPath(user), nil)) }
	require.Empty(t, of("u/1"))
	for range 2 {
		require.Equal(t, object{"identifier": "C/1"}, w.api.Do(t, 200, "PUT", holderPath("C/1", "u/1"), nil).Map(t))
	}
	w.api.Do(t, 200, "PUT", holderPath("B", "u/1")+"?replace=false", nil)
	w.api.Do(t, 200, "PUT", holderPath("B", "u2"), nil)
	require.Equal(t, []string{"B", "C/1"}, of("u/1"), "oldest first")
	require.Equal(t, []string{"B", "C/1"}, identifiers(t, w.api.Do(t, 200, "POST", profilesOfPath("u/1"), "not even JSON")))

	w.api.Do(t, 200, "PUT", holderPath("A", "u/1")+"?replace=true", nil)
	require.Equal(t, []string{"A"}, of("u/1"))
	require.Equal(t, []string{"B"}, of("u2"))
	for range 2 {
		require.Equal(t, object{"identifier": "A"}, w.api.Do(t, 200, "DELETE", holderPath("A", "u/1"), nil).Map(t))
	}
	require.Empty(t, of("u/1"))

	other := w.elsewhere(t, "two.test")
	for _, method := range []string{"PUT", "DELETE"} {
		for _, path := range []string{holderPath("X", "u2"), holderPath("b", "u2"), holderPath("B", "x"), holderPath("B", strings.Repeat("x", 300))} {
			fails(t, w.api.Do(t, 404, method, path, nil), "not_found")
		}
		fails(t, other.Do(t, 404, method, holderPath("B", "u2"), nil), "not_found")
	}
	fails(t, w.api.Do(t, 400, "PUT", holderPath("B", "u2")+"?replace=1", nil), "invalid_request")
	fails(t, w.api.Do(t, 404, "POST", profilesOfPath("x"), nil), "not_found")
	fails(t, other.Do(t, 404, "POST", profilesOfPath("u2"), nil), "not_found")
	require.Equal(t, []string{"B"}, of("u2"))

	w.api.Do(t, 200, "DELETE", users+"/u2", nil)
	require.Zero(t, w.number(t, `SELECT count(*) FROM user_profile_members WHERE account_id = @account_id`, nil))
	fails(t, w.api.Do(t, 404, "POST", profilesOfPath("u2"), nil), "not_found")
}

func TestStatementsOfProfiles(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, 201, john("u1", nil))
	for _, c := range []struct {
		most         int64
		status       int
		method, path string
		body         any
	}{
		{2, 201, "PUT", profiles, object{"identifier": "P", "name": "P"}},
		{2, 201, "PUT", profiles, object{"identifier": "Q", "name": "Q"}},
		{3, 200, "PUT", profiles, object{"identifier": "P", "name": "P2"}},
		{1, 200, "POST", getProfiles, []string{"P", "Q", "R"}},
		{4, 200, "PUT", holderPath("P", "u1"), nil},
		{5, 200, "PUT", holderPath("Q", "u1") + "?replace=true", nil},
		{1, 200, "POST", profilesOfPath("u1"), nil},
		{4, 200, "DELETE", holderPath("Q", "u1"), nil},
	} {
		before := w.DB.Statements()
		w.api.Do(t, c.status, c.method, c.path, c.body)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most+tokenStatements, "%s %s", c.method, c.path)
	}
}
