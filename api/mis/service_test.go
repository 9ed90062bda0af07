package mis_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api"
	"quad/internal/hubtest"
)

func TestHello(t *testing.T) {
	w := newWorld(t)
	a := w.anyone().Do(t, http.StatusOK, "GET", "/mis", nil)
	require.Equal(t, "Hello World!", string(a.Body))
	require.Contains(t, a.Header.Get("Content-Type"), "text/plain")
	fails(t, w.anyone().Do(t, http.StatusNotFound, "POST", "/mis", object{}), "Cannot POST /mis")
	fails(t, w.anyone().Do(t, http.StatusNotFound, "GET", "/mis/x", nil), "Cannot GET /mis/x")
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	health := w.anyone().Do(t, http.StatusOK, "GET", "/mis/health", nil).Map(t)
	require.Equal(t, "ok", health["status"])
	require.Equal(t, "test", health["version"])
	at, err := time.Parse(time.RFC3339, health["timestamp"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)

	w.DB.Close()
	hubtest.Eventually(t, "the database to be missed", func() bool {
		return w.anyone().Status(t.Context(), "GET", "/mis/health", nil) == http.StatusServiceUnavailable
	})
	require.Equal(t, "error", w.anyone().Do(t, http.StatusServiceUnavailable, "GET", "/mis/health", nil).Text(t, "status"))
}

func TestRateLimits(t *testing.T) {
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"MIS_RATE_PER_USER": "5", "MIS_RATE_AUTH": "3"}})
	north, south := w.as(t, w.user), w.as(t, w.southUser)
	for left := 4; left >= 0; left-- {
		a := north.Do(t, http.StatusOK, "GET", authPath+"me", nil)
		require.Equal(t, "5", a.Header.Get("X-RateLimit-Limit"))
		require.Equal(t, strconv.Itoa(left), a.Header.Get("X-RateLimit-Remaining"))
		require.NotEmpty(t, a.Header.Get("X-RateLimit-Reset"))
		require.Empty(t, a.Header.Get("RateLimit-Limit"))
	}
	a := north.Do(t, http.StatusTooManyRequests, "GET", authPath+"me", nil)
	fails(t, a, "ThrottlerException: Too Many Requests")
	require.Equal(t, "0", a.Header.Get("X-RateLimit-Remaining"))
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	north.Do(t, http.StatusTooManyRequests, "GET", usersPath, nil) // before the role is looked at
	south.Do(t, http.StatusOK, "GET", authPath+"me", nil)          // another user of the address

	// Who is nobody is counted by the address, before the token is refused.
	for range 5 {
		w.anyone().Do(t, http.StatusUnauthorized, "GET", authPath+"me", nil)
	}
	w.anyone().Do(t, http.StatusTooManyRequests, "GET", authPath+"me", nil)
	w.bearer("nonsense").Do(t, http.StatusTooManyRequests, "GET", authPath+"me", nil)
	for range 20 {
		w.anyone().Do(t, http.StatusOK, "GET", "/mis", nil)
	}
	health := w.anyone().Do(t, http.StatusOK, "GET", "/mis/health", nil)
	require.Empty(t, health.Header.Get("X-RateLimit-Limit"))
}

func TestRateLimitOfSignIn(t *testing.T) {
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"MIS_RATE_PER_USER": "100", "MIS_RATE_AUTH": "3"}})
	require.Equal(t, "2", w.signIn(t, http.StatusOK, w.user.Email, hubtest.Password).Header.Get("X-RateLimit-Remaining"), "the tighter limit is told")
	w.signIn(t, http.StatusUnauthorized, w.user.Email, "wrong password")
	w.refresh(t, http.StatusUnauthorized, "nonsense")
	for path, body := range map[string]object{
		"login": {"email": w.user.Email, "password": hubtest.Password}, "register": jane("jane@example.test", nil), "refresh": {"refreshToken": "x"},
		"forgot-password": {"email": w.user.Email}, "reset-password": {"token": "x", "password": newPassword},
	} {
		a := w.anyone().Do(t, http.StatusTooManyRequests, "POST", authPath+path, body)
		require.Equal(t, "3", a.Header.Get("X-RateLimit-Limit"))
		require.NotEmpty(t, a.Header.Get("Retry-After"))
	}
}

// Behind TLS the cookie is for TLS only.
func TestCookieBehindTLS(t *testing.T) {
	w := buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"API_TRUSTED_PROXIES": "127.0.0.1"}})
	login := object{"email": w.user.Email, "password": hubtest.Password}
	require.False(t, cookieOf(t, w.anyone().Do(t, http.StatusOK, "POST", authPath+"login", login)).Secure)
	require.True(t, cookieOf(t, w.anyone().With("X-Forwarded-Proto", "https").Do(t, http.StatusOK, "POST", authPath+"login", login)).Secure)
	public := buildWorld(t, hubtest.Options{App: api.ForHub, Settings: map[string]string{"PUBLIC_URL": "https://quad.test"}})
	require.True(t, cookieOf(t, public.signIn(t, http.StatusOK, public.user.Email, hubtest.Password)).Secure)
}
