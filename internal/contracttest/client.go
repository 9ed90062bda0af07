package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Client sends requests to a running hub and validates the answers.
type Client struct {
	Contract *Contract
	BaseURL  string      // http://127.0.0.1:port
	Host     string      // the host asked for; empty: that of BaseURL
	Header   http.Header // sent with every request
	HTTP     *http.Client
}

// shared keeps enough connections for tests that send many requests at once.
var shared = &http.Client{
	Timeout: time.Minute,
	Transport: &http.Transport{
		MaxIdleConnsPerHost: 128, IdleConnTimeout: 10 * time.Second, DisableCompression: true,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// With returns a copy of the client that sends one more header.
func (c Client) With(key, value string) Client {
	h := c.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(key, value)
	c.Header = h
	return c
}

// Answer is a validated answer.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	Operation string // id, "" for an alias outside of the document
}

// JSON decodes the body into v.
func (a Answer) JSON(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// Map is the body as an object.
func (a Answer) Map(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	a.JSON(t, &m)
	return m
}

// Text is the value under a path of keys joined by dots, as text; "" when it is
// not there.
func (a Answer) Text(t testing.TB, path string) string {
	t.Helper()
	var v any = a.Map(t)
	for _, key := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	if v == nil {
		return ""
	}
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprint(v)
}

// Do sends a request and fails the test unless the answer has the status and
// is, as a whole, what the contract says. The body is sent as JSON; a string or
// []byte is sent as it is; nil sends none. What it gets counts as proof of the
// operation.
func (c Client) Do(t testing.TB, want int, method, path string, body any) Answer {
	t.Helper()
	a, req, err := c.send(t.Context(), method, path, body)
	require.NoError(t, err)
	require.Equal(t, want, a.Status, "%s %s answered %s", method, path, a.Body)
	a.Operation, err = c.Contract.check(req, a)
	require.NoError(t, err)
	c.Contract.record(a.Operation, a.Status)
	return a
}

// Status sends a request from any goroutine and gives the status of whatever
// came back, valid or not; 0 means that there was no answer.
func (c Client) Status(ctx context.Context, method, path string, body any) int {
	a, _, err := c.send(ctx, method, path, body)
	if err != nil {
		return 0
	}
	return a.Status
}

// AtOnce sends the same request n times at once and counts the statuses. Every
// answer is held to the contract, as Do does, but counts as no proof.
func (c Client) AtOnce(t testing.TB, n int, method, path string, body any) map[int]int {
	t.Helper()
	broken := make([]error, n)
	counts := AtOnce(n, func(i int) int {
		a, req, err := c.send(t.Context(), method, path, body)
		if err == nil {
			_, err = c.Contract.check(req, a)
		}
		broken[i] = err
		return a.Status
	})
	for _, err := range broken {
		require.NoError(t, err)
	}
	return counts
}

// AtOnce runs do n times at the same moment, each with its number from 0, and
// counts what the runs give: statuses, mostly. The runs are other goroutines
// than the test's, so do must not end the test; it may give 0 when it failed.
func AtOnce(n int, do func(i int) int) map[int]int {
	start, results := make(chan struct{}), make(chan int, n)
	for i := range n {
		go func() {
			<-start
			results <- do(i)
		}()
	}
	close(start)
	counts := map[int]int{}
	for range n {
		counts[<-results]++
	}
	return counts
}

// send gives the answer as it came, and the request that led to it.
func (c Client) send(ctx context.Context, method, path string, body any) (Answer, *http.Request, error) {
	payload, err := encode(body)
	if err != nil {
		return Answer{}, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.BaseURL+path, bytes.NewReader(payload))
	if err != nil {
		return Answer{}, nil, err
	}
	for k, v := range c.Header {
		req.Header[k] = slices.Clone(v)
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Host = c.Host
	a, err := c.answer(req)
	return a, req, err
}

func (c Client) answer(req *http.Request) (Answer, error) {
	client := c.HTTP
	if client == nil {
		client = shared
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: got}, nil
}

// Raw is sent as it is, also inside of a body, valid JSON or not.
type Raw string

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	case string:
		return []byte(b), nil
	case Raw:
		return []byte(b), nil
	}
	var raws []Raw
	encoded, err := json.Marshal(marked(body, &raws))
	for i, raw := range raws {
		encoded = bytes.Replace(encoded, fmt.Appendf(nil, `"%s"`, mark(i)), []byte(raw), 1)
	}
	return encoded, err
}

func mark(i int) string { return fmt.Sprintf("raw-value-%d-of-a-broken-request", i) }

// marked puts a mark where a Raw stands, because the encoder would check it.
func marked(value any, raws *[]Raw) any {
	switch v := value.(type) {
	case Raw:
		*raws = append(*raws, v)
		return mark(len(*raws) - 1)
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = marked(v[i], raws)
		}
		return v
	case map[string]any:
		v = maps.Clone(v)
		for k := range v {
			v[k] = marked(v[k], raws)
		}
		return v
	}
	return value
}
