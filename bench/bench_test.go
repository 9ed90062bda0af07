package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
)

func TestGoalsAreJudgedByValueAndRatio(t *testing.T) {
	row := Row{Name: "rows", Value: 25_000, Unit: "rows/s"}.against(50_000, []float64{0.4, 0.6, 0.55})
	require.InDelta(t, 0.55, *row.Ratio, 1e-9)
	require.InDelta(t, 50_000, *row.Limit, 1e-9)

	met := row.judge(ratioAtLeast(0.5), atLeast(20_000))
	require.True(t, *met.Met)
	require.Equal(t, "ratio >= 0.5, value >= 20,000", met.Goal)
	require.False(t, *row.judge(ratioAtLeast(0.5), atLeast(30_000)).Met, "one of two is missed")
	require.False(t, *row.judge(ratioAtLeast(0.6)).Met)
	require.False(t, *Row{Value: 1}.judge(ratioAtLeast(0)).Met, "no ratio was measured")
	require.False(t, *Row{Value: 200}.judge(under(200)).Met)
	require.True(t, *Row{Value: 2}.judge(atMost(2)).Met)
	require.False(t, *Row{Value: 3}.judge(atMost(2)).Met)

	slow := Row{Value: 3, Unit: "s"}.against(1, []float64{3})
	require.False(t, *slow.judge(under(10), ratioUnder(3)).Met)
	require.True(t, *slow.judge(under(10), ratioUnder(3.1)).Met)
	require.True(t, *slow.judge(ratioAtMost(3)).Met)
	require.False(t, *slow.judge(ratioAtMost(2.9)).Met)
	require.False(t, *Row{Value: 1}.judge(ratioUnder(3)).Met, "no ratio was measured")
}

func TestPercentiles(t *testing.T) {
	numbers := []float64{5, 1, 4, 2, 3, 6}
	require.InDelta(t, 3.5, median(numbers), 1e-9)
	require.InDelta(t, 3, median(numbers[:5]), 1e-9)
	require.InDelta(t, 6, percentile(numbers, 99), 1e-9)
	require.InDelta(t, 1, percentile(numbers, 1), 1e-9)
	require.Equal(t, []float64{5, 1, 4, 2, 3, 6}, numbers, "the order of the rounds is kept")
	many := make([]float64, 200)
	for i := range many {
		many[i] = float64(i + 1)
	}
	require.InDelta(t, 198, percentile(many, 99), 1e-9)
}

func TestReportIsWrittenWholeAndPrinted(t *testing.T) {
	report := newReport(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), true)
	report.Rows = []Row{
		Row{Name: "with", Value: 12_345.6, Unit: "x/s"}.against(20_000, []float64{0.617}).judge(ratioAtLeast(0.7)),
		{Name: "without", Value: 0.0771, Unit: "ms"},
	}
	file := filepath.Join(t.TempDir(), "out", "latest.json")
	require.NoError(t, report.write(file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var got struct {
		Rows []map[string]any `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, map[string]any{"name": "with", "value": 12_345.6, "unit": "x/s", "limit": 20_000.0, "ratio": 0.617, "goal": "ratio >= 0.7", "met": false}, got.Rows[0])
	require.Equal(t, map[string]any{"name": "without", "value": 0.0771, "unit": "ms", "limit": nil, "ratio": nil, "goal": "", "met": nil}, got.Rows[1])

	var out bytes.Buffer
	report.print(&out)
	lines := strings.Split(out.String(), "\n")
	require.Equal(t, []string{"with", "12,346", "x/s", "20,000", "0.62", "ratio", ">=", "0.7", "NO"}, strings.Fields(lines[1]))
	require.Equal(t, []string{"without", "0.0771", "ms"}, strings.Fields(lines[2]))
	require.Contains(t, out.String(), "too short to compare")
}

func TestNumbersAreReadable(t *testing.T) {
	for want, n := range map[string]float64{"0": 0, "0.0771": 0.0771, "97.6": 97.6, "100": 99.999, "126": 126.4, "1,000": 999.9, "1,234,568": 1234567.8, "-1,234": -1234} {
		require.Equal(t, want, plain(n))
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-quick", "-only", "read, million", "-out", "x.json"})
	require.NoError(t, err)
	require.Equal(t, options{only: []string{"read", "million"}, quick: true, out: "x.json"}, o)
	for _, args := range [][]string{{"-only", "reed"}, {"read"}} {
		_, err := parse(args)
		require.Error(t, err, args)
	}
}

func TestListNamesEveryPersonOnce(t *testing.T) {
	for _, n := range []int{1, 1000, 7919, 15_838} { // the last two have a factor in common with the step
		rows, err := csv.NewReader(list(n, "list")).ReadAll()
		require.NoError(t, err)
		require.Equal(t, []string{"name", "email", "roles"}, rows[0])
		seen := map[string]bool{}
		for _, row := range rows[1:] {
			require.False(t, seen[row[1]], row[1])
			seen[row[1]] = true
		}
		require.Len(t, seen, n)
	}
}

func TestStatementsAreCountedInTheLog(t *testing.T) {
	log := strings.Join([]string{
		"quad-api LOG:  statement: begin",
		"quad-api LOG:  execute stmtcache_1: SELECT 1",
		"\tFROM x",
		"quad-api DETAIL:  parameters: $1 = 'SELECT'",
		"quad-api LOG:  execute <unnamed>: INSERT INTO y VALUES ($1)",
		"quad-api LOG:  statement: commit",
		"quad-api LOG:  statement: -- ping",
		"quad-worker LOG:  execute stmtcache_2: SELECT 2",
		"quad-api ERROR:  no statement: none",
		"quad-api LOG:  statement: SELECT 3",
	}, "\n")
	require.Equal(t, 3, countStatements(log, "quad-api"))
	require.Equal(t, 1, countStatements(log, "quad-worker"))
	require.Equal(t, 0, countStatements(log, "quad"))
}

func TestKeptLogIsBounded(t *testing.T) {
	var l logText
	for range 3 {
		_, err := l.Write(bytes.Repeat([]byte{'x'}, maxLog/2))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(l.text()), maxLog)
	l.clear()
	require.Empty(t, l.text())
}

func TestPeakMemoryIsRead(t *testing.T) {
	n, err := parsePeak("Name:\tquad\nVmPeak:\t  2048 kB\nVmHWM:\t  1024 kB\nVmRSS:\t 512 kB\n")
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, n)
	_, err = parsePeak("Name:\tquad\nState:\tZ (zombie)\n")
	require.Error(t, err)
}

// The generator asks for every target, counts what was answered, and takes no
// other answer for one.
func TestLoadGenerator(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/open", r.Header.Get("X-auth-token") == "bearer secret":
			_, _ = w.Write([]byte(`{"email":"a@b.c"}`))
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	generate := func(targets ...target) (loaded, error) {
		spec, err := json.Marshal(load{Host: server.Listener.Addr().String(), Connections: 2, Time: 50 * time.Millisecond, Targets: targets})
		require.NoError(t, err)
		var out bytes.Buffer
		if err := generateLoad(bytes.NewReader(spec), &out); err != nil {
			return loaded{}, err
		}
		var l loaded
		return l, json.Unmarshal(out.Bytes(), &l)
	}
	l, err := generate(target{Path: "/open", Expect: "a@b.c"}, target{Path: "/closed", Token: "secret", Expect: "a@b.c"})
	require.NoError(t, err)
	require.Positive(t, l.Requests)
	require.GreaterOrEqual(t, l.Took, 50*time.Millisecond)
	require.InDelta(t, float64(l.Requests)/l.Took.Seconds(), l.perSecond(), 1e-9)

	_, err = generate(target{Path: "/open"}, target{Path: "/closed", Token: "wrong"})
	require.ErrorContains(t, err, "answers 401")
	_, err = generate(target{Path: "/open", Expect: "somebody else"})
	require.ErrorContains(t, err, "answers 200")
	_, err = generate()
	require.ErrorContains(t, err, "no targets")
}

// Each request that writes has a number of its own, so that none meets what
// another one has written.
func TestLoadGeneratorWrites(t *testing.T) {
	var mu sync.Mutex
	bodies := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPut || r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if bodies[string(text)] {
			w.WriteHeader(http.StatusConflict)
			return
		}
		bodies[string(text)] = true
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	spec, err := json.Marshal(load{Host: server.Listener.Addr().String(), Connections: 4, Time: 50 * time.Millisecond, Base: 1_000, Targets: []target{{
		Path: "/users", Method: http.MethodPut, Token: "secret", Header: "Authorization", Status: http.StatusCreated, Modulus: 7, Body: `{"n":{n},"m":{m}}`,
	}}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, generateLoad(bytes.NewReader(spec), &out))
	var l loaded
	require.NoError(t, json.Unmarshal(out.Bytes(), &l))
	require.EqualValues(t, len(bodies), l.Requests)
	for n := range int64(len(bodies)) {
		n += 1_001
		require.True(t, bodies[fmt.Sprintf(`{"n":%d,"m":%d}`, n, n%7)], n)
	}
}

func TestPlacesOfTheBareServer(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_123_456)
	app := fiber.New()
	app.Get("/", func(c *fiber.Ctx) error {
		return c.SendString(fmt.Sprint(bareAt(c, "after"), " ", bareAt(c, "until") == barePlace{at: time.UnixMicro(0)}))
	})
	answer, err := app.Test(httptest.NewRequest(http.MethodGet, "/?after="+barePlace{at: at, id: 42}.String(), http.NoBody))
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, answer.Body.Close())
	require.NoError(t, err)
	require.Equal(t, "1700000000123456.42 true", string(text))
}

func TestModuleRootIsFoundFromBelow(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "bench", "main.go"))
}

func TestStackLeavesNothingWhenItIsInterrupted(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := startStack(ctx, t.TempDir(), "no such program")
	require.Error(t, err)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
}
