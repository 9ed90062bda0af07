package moodlews

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/models"
)

// fieldsOf are the names of the fields that an error is about.
func fieldsOf(t *testing.T, err error) (names []string) {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	for _, f := range e.Fields {
		names = append(names, f.Field)
	}
	return names
}

// cutting ends the connection in the middle of an answer.
func cutting(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"users\": [{\"id\"")
	_ = buffered.Flush()
	_ = conn.Close()
}

func status(code int, header, value, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// What goes wrong is told in words that one can act on, and the token in none.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, function string
		answer         http.HandlerFunc
		table          string
		is             error
		says           string
		calls          int // 0: any number
	}{
		{"token unknown", fnSiteInfo, saying(exception("invalidtoken")), source.Users, source.ErrRefused, "does not know the token", 1},
		{"token refused", fnSiteInfo, saying(exception("accessexception")), source.Users, source.ErrRefused, "webservice/rest:use", 1},
		{"token lapsed", fnUsers, saying(exception("invalidtoken")), source.Users, source.ErrRefused, "does not know the token", 1},
		{"switched off", fnSiteInfo, status(403, "", "", ""), source.Users, source.ErrRefused, "switched off", 1},
		{"firewall", fnSiteInfo, status(403, "", "", "<html>no</html>"), source.Users, source.ErrRefused, "in front of", 1},
		{"unauthorized", fnSiteInfo, status(401, "", "", ""), source.Users, source.ErrRefused, "refuses", 1},
		{"not found", fnSiteInfo, status(404, "", "", "<html>"), source.Users, source.ErrProtocol, "no Moodle at url", 1},
		{"redirection", fnSiteInfo, status(301, "Location", "https://neu.example.org/x?wstoken="+token, ""), source.Users, source.ErrProtocol, "to https://neu.example.org:", 1},
		{"bad gateway", fnUsers, status(502, "", "", "<html>"), source.Users, source.ErrUnreachable, "does not answer", tries},
		{"gateway timeout", fnUsers, status(504, "", "", "<html>"), source.Users, source.ErrSlow, "too long", 1},
		{"server error", fnUsers, status(500, "", "", "<html>"), source.Users, source.ErrProtocol, "understood", 1},
		{"cut off", fnUsers, cutting, source.Users, source.ErrEnded, "ended the connection", tries},
		{"html", fnUsers, saying("<html>Wartung</html>"), source.Users, source.ErrProtocol, "understood", 1},
		{"nothing", fnUsers, saying(""), source.Users, source.ErrProtocol, "understood", 1},
		{"half", fnUsers, saying(`{"users": [{"id": 7`), source.Users, source.ErrProtocol, "understood", 1},
		{"more", fnUsers, saying(`{"users": []} <b>Warning</b>`), source.Users, source.ErrProtocol, "understood", 1},
		{"a list", fnUsers, saying(`[]`), source.Users, source.ErrProtocol, "understood", 1},
		{"null", fnUsers, saying(`null`), source.Users, source.ErrIncomplete, "users that the token's user may see", 2},
		{"nobody", fnUsers, saying(`{"users": []}`), source.Users, source.ErrIncomplete, "users that the token's user may see", 2},
		{"no course", fnCourses, saying(`{"courses": []}`), source.Enrolments, source.ErrIncomplete, "courses that the token's user may see", 1},
		{"wrong type", fnUsers, saying(`{"users": [{"id": {}}]}`), source.Users, source.ErrProtocol, "understood", 1},
		{"no key", fnUsers, saying(`{"users": [{"id": 7, "username": "x", "confirmed": true}]}`), source.Users, source.ErrIncomplete, `key "suspended"`, 1},
		{"no id", fnUsers, saying(`{"users": [{"username": "x"}]}`), source.Users, source.ErrIncomplete, `key "id"`, 1},
		{"no key of a course", fnCourses, saying(`{"courses": [{"id": 2, "fullname": "x"}]}`), source.Courses, source.ErrIncomplete, `key "visible"`, 1},
		{"no functions", fnSiteInfo, saying(`{"release": "4.1"}`), source.Users, source.ErrIncomplete, `key "functions"`, 1},
		{"too few functions", fnSiteInfo, saying(siteInfo(fnSiteInfo, fnUsers, fnCourses)), source.Users, source.ErrIncomplete, "function " + fnEnrolled, 0},
		{"an absent table", fnSiteInfo, saying(siteInfo(required...)), source.Grades, source.ErrIncomplete, fnGrades, 0},
		{"no function any more", fnCategories, saying(exception("accessexception")), source.Categories, source.ErrIncomplete, "function " + fnCategories, 1},
		{"not allowed", fnCategories, saying(exception("nopermissions")), source.Categories, source.ErrIncomplete, "function " + fnCategories, 1},
		{"allowed of no course", fnEnrolled, saying(exception("nopermissions")), source.Roles, source.ErrIncomplete, "function " + fnEnrolled, 2},
		{"another error", fnCategories, saying(exception("dmlreadexception")), source.Categories, source.ErrProtocol, `"dmlreadexception"`, 1},
		{"another error of one course", fnEnrolled, saying(exception("dmlreadexception")), source.Roles, source.ErrProtocol, `"dmlreadexception"`, 0},
		{"an error in a list", fnEnrolled, saying(exception("invalidparameter")), source.Roles, source.ErrProtocol, `"invalidparameter"`, 0},
		{"large ids", fnEnrolled, by("options[2][value]", map[string]string{"0": `[{"id": 99999999999}]`, "": `[]`}), source.Enrolments, source.ErrProtocol, "larger than any should be", 0},
		{"pages without end", fnEnrolled, saying(`[{"id": 7}]`), source.Enrolments, source.ErrProtocol, "understood", 0},
		{"too large", fnUsers, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"users": [{"id": "`)
			for range maxElement >> 20 {
				fmt.Fprint(w, strings.Repeat("9", 1<<20))
			}
		}, source.Users, source.ErrProtocol, "larger than any should be", 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := plain(t)
			s.do(c.function, c.answer)
			err := fails(t, s.settings(), options(), c.table)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
			var e *models.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Text, c.says)
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				require.NotContains(t, fmt.Sprintf("%v %+v", cause, cause), token)
			}
			if c.calls > 0 {
				require.Equal(t, c.calls, s.called(c.function))
			}
		})
	}
}

// A site that is busy is left alone for as long as it says; a short while is
// waited for at once.
func TestBusy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer http.HandlerFunc
		after  time.Duration
	}{
		{status(503, "Retry-After", "120", "<html>Wartung</html>"), 2 * time.Minute},
		{status(429, "Retry-After", "", ""), busyPause},
		{status(503, "Retry-After", "99999999", ""), maxPause},
		{saying(exception("sitemaintenance")), maintenance},
	} {
		s := plain(t)
		s.do(fnUsers, c.answer)
		var busy *source.BusyError
		require.ErrorAs(t, fails(t, s.settings(), options(), source.Users), &busy)
		require.Equal(t, c.after, busy.After)
		require.ErrorIs(t, busy, source.ErrBusy)
		require.Equal(t, 1, s.called(fnUsers))
	}
	now := time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)
	require.Equal(t, time.Minute, pauseOf(now.Add(time.Minute).Format(http.TimeFormat), now))
	require.Equal(t, time.Second, pauseOf(now.Add(-time.Minute).Format(http.TimeFormat), now))

	for _, once := range []http.HandlerFunc{status(429, "Retry-After", "1", ""), cutting} {
		s := plain(t)
		var calls atomic.Int64
		s.do(fnCourses, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) == 1 {
				once(w, r)
				return
			}
			fmt.Fprint(w, `{"courses": [{"id": 1}]}`)
		})
		require.NoError(t, fails(t, s.settings(), options(), source.Courses))
		require.Equal(t, int64(2), calls.Load())
	}
}

// The line may be slow, end nowhere, lead where it must not, or not be what it
// says.
func TestLines(t *testing.T) {
	t.Parallel()
	s := plain(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for _, answer := range []http.HandlerFunc{
		func(_ http.ResponseWriter, _ *http.Request) { <-hang },
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"users": [`)
			w.(http.Flusher).Flush()
			<-hang
		},
	} {
		s.do(fnUsers, answer)
		o := options()
		o.Timeout = 300 * time.Millisecond
		require.ErrorIs(t, fails(t, s.settings(), o, source.Users), source.ErrSlow)
	}

	o := options()
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, source.ErrForbiddenHost.With(errors.New("10.0.0.1"))
	}
	require.ErrorIs(t, fails(t, s.settings(), o, source.Users), source.ErrForbiddenHost)

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, fails(t, source.Settings{"url": "http://" + closed.Addr().String(), "token": token}, options(), source.Users), source.ErrUnreachable)
	require.ErrorIs(t, fails(t, source.Settings{"url": strings.Replace(s.URL, "http", "https", 1), "token": token}, options(), source.Users), source.ErrTLS)

	secret := newStub(t, httptest.NewTLSServer)
	settings := secret.settings()
	require.ErrorIs(t, fails(t, settings, options(), source.Users), source.ErrTLS)
	settings["ca"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secret.Certificate().Raw}))
	require.NoError(t, fails(t, settings, options(), source.Users))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New().Open(ctx, s.settings(), options())
	require.ErrorIs(t, err, context.Canceled)
}

// Each request waits for its turn.
func TestRequestsArePaced(t *testing.T) {
	t.Parallel()
	s := plain(t)
	var asked atomic.Int64
	o := options()
	o.Pace = func(context.Context) error { asked.Add(1); return nil }
	require.NoError(t, fails(t, s.settings(), o, source.Users))
	require.Equal(t, int64(s.called(fnSiteInfo)+s.called(fnUsers)), asked.Load())
	require.Equal(t, 2, s.called(fnUsers))
	o.Pace = func(context.Context) error { return context.DeadlineExceeded }
	_, err := New().Open(t.Context(), s.settings(), o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
