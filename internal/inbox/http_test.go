package inbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func do(t *testing.T, s *Server, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.HTTPAddr()+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(content)
}

type listAnswer struct {
	Total    int              `json:"total"`
	Messages []map[string]any `json:"messages"`
}

func list(t *testing.T, s *Server, query string) listAnswer {
	t.Helper()
	answer, body := do(t, s, http.MethodGet, "/api/messages"+query, "")
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	require.Equal(t, "application/json; charset=utf-8", answer.Header.Get("Content-Type"))
	var out listAnswer
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	require.NotNil(t, out.Messages, "an empty list is [], not null")
	return out
}

func TestMessagesOverHTTP(t *testing.T) {
	s := newServer(t, Options{})
	require.Equal(t, listAnswer{Messages: []map[string]any{}}, list(t, s, ""))

	send(t, s, mailOf("First & <last>", "one"), "ann+tag@hub.test")
	send(t, s, mailOf("Second", "two"), "bob@hub.test")
	got := list(t, s, "")
	require.Equal(t, 2, got.Total)
	require.Equal(t, "Second", got.Messages[0]["subject"])

	first := got.Messages[1]
	at, err := time.Parse(time.RFC3339Nano, first["receivedAt"].(string))
	require.NoError(t, err)
	delete(first, "receivedAt")
	require.Equal(t, map[string]any{
		"id": "1", "from": "quad@hub.test", "to": []any{"ann+tag@hub.test"}, "subject": "First & <last>", "text": "one\n", "html": "",
		"headers": map[string]any{"From": "Quad <quad@hub.test>", "To": "someone@hub.test", "Subject": "First & <last>"},
	}, first)

	require.Equal(t, 1, list(t, s, "?to="+url.QueryEscape("ANN+tag@hub.test")).Total)
	require.Equal(t, 1, list(t, s, "?subject=second").Total)
	require.Equal(t, 0, list(t, s, "?subject=second&to=nobody@hub.test").Total)
	require.Equal(t, 1, list(t, s, "?q=bob").Total)
	require.Equal(t, 1, list(t, s, "?after="+url.QueryEscape(at.Format(time.RFC3339Nano))).Total)
	zone := time.FixedZone("", 2*3600)
	require.Equal(t, 2, list(t, s, "?after="+at.Add(-time.Minute).In(zone).Format(time.RFC3339)).Total, "an unescaped +02:00")

	page := list(t, s, "?limit=1")
	require.Equal(t, 2, page.Total, "total counts what matches, not what is shown")
	require.Len(t, page.Messages, 1)
	page = list(t, s, "?limit=1&before="+page.Messages[0]["id"].(string))
	require.Equal(t, "1", page.Messages[0]["id"])
	require.Empty(t, list(t, s, "?limit=0").Messages)
	require.Equal(t, 2, list(t, s, "?limit=0").Total)
	require.Len(t, list(t, s, "?limit=100000").Messages, 2)
	require.NotContains(t, list(t, s, "?view=summary").Messages[0], "text")

	answer, body := do(t, s, http.MethodGet, "/api/messages/1", "")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, body, `"text":"one\n"`)
	answer, body = do(t, s, http.MethodGet, "/api/messages/1/raw", "")
	require.Equal(t, mailOf("First & <last>", "one"), body)
	require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment")

	answer, _ = do(t, s, http.MethodDelete, "/api/messages", "")
	require.Equal(t, http.StatusNoContent, answer.StatusCode)
	require.Equal(t, 0, list(t, s, "").Total)
	answer, _ = do(t, s, http.MethodGet, "/api/messages/1", "")
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
}

func TestUnchangedListIsNotSentAgain(t *testing.T) {
	s := newServer(t, Options{})
	answer, _ := do(t, s, http.MethodGet, "/api/messages", "")
	etag := answer.Header.Get("ETag")
	require.NotEmpty(t, etag)
	answer, body := do(t, s, http.MethodGet, "/api/messages", "", "If-None-Match", etag)
	require.Equal(t, http.StatusNotModified, answer.StatusCode)
	require.Empty(t, body)
	send(t, s, mailOf("news", ""), "a@hub.test")
	answer, _ = do(t, s, http.MethodGet, "/api/messages", "", "If-None-Match", etag)
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestFaultsOverHTTP(t *testing.T) {
	s := newServer(t, Options{})
	answer, body := do(t, s, http.MethodPost, "/api/faults", `{"mode":"reject","rate":0.5}`)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.JSONEq(t, `{"mode":"reject","rate":0.5,"code":451}`, body)
	require.Equal(t, Fault{Mode: FaultReject, Rate: 0.5, Code: 451}, s.faults.get())
	_, body = do(t, s, http.MethodPost, "/api/faults", `{"mode":"drop"}`)
	require.JSONEq(t, `{"mode":"drop","rate":1}`, body)
	do(t, s, http.MethodPost, "/api/faults", `{"mode":"ok","rate":1}`)
	_, body = do(t, s, http.MethodGet, "/api/faults", "")
	require.JSONEq(t, `{"mode":"ok","rate":0}`, body)
}

func TestBadRequestsAreProblems(t *testing.T) {
	s := newServer(t, Options{})
	tests := []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/messages?limit=many", "", 400},
		{"GET", "/api/messages?limit=-1", "", 400},
		{"GET", "/api/messages?limit=", "", 400},
		{"GET", "/api/messages?after=yesterday", "", 400},
		{"GET", "/api/messages?before=x", "", 400},
		{"GET", "/api/messages?view=fancy", "", 400},
		{"GET", "/api/messages?to=" + strings.Repeat("a", 1001), "", 400},
		{"PUT", "/api/messages", "", 405},
		{"GET", "/api/messages/7", "", 404},
		{"GET", "/api/messages/x", "", 404},
		{"GET", "/messages/7/html", "", 404},
		{"POST", "/api/faults", "", 400},
		{"POST", "/api/faults", "[]", 400},
		{"POST", "/api/faults", `{"mode":"explode"}`, 400},
		{"POST", "/api/faults", `{"mode":"drop","rate":2}`, 400},
		{"POST", "/api/faults", `{"mode":"drop","rate":"1"}`, 400},
		{"POST", "/api/faults", `{"mode":"drop","share":1}`, 400},
		{"POST", "/api/faults", `{"mode":"drop"} {"mode":"ok"}`, 400},
		{"POST", "/api/faults", `{"mode":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 400},
		{"POST", "/api/faults", `{"mode":"drop","code":550}`, 400},
		{"PATCH", "/api/faults", "", 405},
		{"GET", "/nothing", "", 404},
	}
	for _, tt := range tests {
		answer, body := do(t, s, tt.method, tt.path, tt.body)
		require.Equal(t, tt.status, answer.StatusCode, "%s %s", tt.method, tt.path)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), tt.path)
		var problem struct {
			Title, Detail string
			Status        int
		}
		require.NoError(t, json.Unmarshal([]byte(body), &problem))
		require.Equal(t, tt.status, problem.Status)
		require.NotEmpty(t, problem.Title)
		require.NotEmpty(t, problem.Detail)
	}
	require.Equal(t, FaultOK, s.faults.get().Mode)
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	s := newServer(t, Options{})
	send(t, s, mailOf("kept", ""), "a@hub.test")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://elsewhere.test"}} {
		answer, _ := do(t, s, http.MethodDelete, "/api/messages", "", header...)
		require.Equal(t, http.StatusForbidden, answer.StatusCode)
	}
	require.Equal(t, 1, list(t, s, "").Total)
}

func TestPage(t *testing.T) {
	s := newServer(t, Options{})
	answer, body := do(t, s, http.MethodGet, "/", "")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, body, `sandbox="allow-popups allow-popups-to-escape-sandbox"`)
	for _, asset := range []string{"/assets/inbox.js", "/assets/inbox.css"} {
		require.Contains(t, body, asset)
		answer, content := do(t, s, http.MethodGet, asset, "")
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.NotContains(t, content, "innerHTML")
		require.NotContains(t, content, "http://")
		require.NotContains(t, content, "https://")
	}
}

func TestHTMLIsServedWithoutPowers(t *testing.T) {
	s := newServer(t, Options{})
	send(t, s, "Subject: x\r\nContent-Type: text/html\r\n\r\n<img src=http://tracker.test/p.png><script>alert(1)</script>", "a@hub.test")
	answer, body := do(t, s, http.MethodGet, "/messages/1/html", "")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, body, "tracker.test", "shown as it was sent; the policy takes its powers")
	policy := answer.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "img-src data:;")
	require.Contains(t, policy, "sandbox")
	require.NotContains(t, policy, "allow-scripts")
	require.NotContains(t, policy, "allow-same-origin")
	require.NotContains(t, policy, "script-src")
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", answer.Header.Get("Referrer-Policy"))
}
