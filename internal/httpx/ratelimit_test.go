package httpx

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"quad/internal/testenv"
)

func redisClient(t *testing.T) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(testenv.Redis(t))
	require.NoError(t, err)
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// allowed counts how many of n requests pass.
func allowed(l *Limiter, key string, rate Rate, n int) int {
	passed := 0
	for range n {
		if l.Allow(context.Background(), key, rate).Allowed {
			passed++
		}
	}
	return passed
}

func TestStrictLimitsAreExactOverReplicas(t *testing.T) {
	rdb := redisClient(t)
	replicas := []*Limiter{NewLimiter(rdb, Limits{}, nil), NewLimiter(rdb, Limits{}, nil), NewLimiter(rdb, Limits{}, nil)}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for _, l := range replicas {
		for range 4 {
			wg.Go(func() { passed.Add(int64(allowed(l, "login:1", Rate{PerMinute: 10}, 10))) })
		}
	}
	wg.Wait()
	require.InDelta(t, 10, passed.Load(), 1, "10 a minute, whatever the number of replicas; one more may drip in meanwhile")
	require.Equal(t, 10, allowed(replicas[0], "login:2", Rate{PerMinute: 10}, 10), "another key has its own count")
	v := replicas[1].Allow(t.Context(), "login:1", Rate{PerMinute: 10})
	require.False(t, v.Allowed)
	require.Positive(t, v.RetryAfter)
}

func TestGenerousLimitsAreAskedForInLots(t *testing.T) {
	rdb := redisClient(t)
	counter := &countingHook{}
	rdb.AddHook(counter)
	l := NewLimiter(rdb, Limits{}, nil)
	require.Equal(t, 1000, allowed(l, "account:1", Rate{PerMinute: 6000}, 1000))
	require.LessOrEqual(t, counter.calls.Load(), int64(30), "round trips for 1,000 requests")
	require.InDelta(t, 5000, allowed(l, "account:1", Rate{PerMinute: 6000}, 10_000), 300)
}

type countingHook struct{ calls atomic.Int64 }

func (h *countingHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *countingHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.calls.Add(1)
		return next(ctx, cmd)
	}
}

func (h *countingHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestWithoutRedisRequestsGoOnAndStayBounded(t *testing.T) {
	down := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 100 * time.Millisecond})
	t.Cleanup(func() { _ = down.Close() })
	for name, l := range map[string]*Limiter{"down": NewLimiter(down, Limits{}, nil), "none": NewLimiter(nil, Limits{}, nil)} {
		start := time.Now()
		require.Equal(t, 50, allowed(l, "k", Rate{PerMinute: 50}, 500), name)
		require.Less(t, time.Since(start), 5*time.Second, "Redis is not asked for each request: %s", name)
	}
}

func TestTheCountInTheProcess(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := NewLimiter(nil, Limits{}, nil)
	l.now = func() time.Time { return now }
	rate := Rate{PerMinute: 60, Burst: 5}
	require.Equal(t, 5, allowed(l, "k", rate, 20))
	v := l.Allow(t.Context(), "k", rate)
	require.False(t, v.Allowed)
	require.Equal(t, time.Second, v.RetryAfter)
	now = now.Add(time.Second)
	require.Equal(t, 1, allowed(l, "k", rate, 20), "one a second")
	now = now.Add(time.Hour)
	require.Equal(t, 5, allowed(l, "k", rate, 20), "never more than the burst")
	require.Equal(t, 20, allowed(l, "k", Rate{}, 20), "no limit")

	for i := range maxLots + 1000 {
		l.Allow(t.Context(), fmt.Sprint(i), rate)
	}
	require.LessOrEqual(t, len(l.lots), maxLots, "a flood of addresses does not fill the memory")
}

func TestLimitsOfADoor(t *testing.T) {
	ok := func(c *fiber.Ctx) error { return nil }
	door := Door{
		Name: "d", Prefixes: []string{"/d"}, ErrorHandler: shaped("d"),
		Authenticate: func(c *fiber.Ctx, op Operation) error {
			if !op.Access.Public {
				SetCaller(c, 7, 1)
			}
			return nil
		},
		Operations: []Operation{
			{ID: "login", Method: "POST", Path: "/d/login", Access: Public, Class: "login", Handler: ok},
			{ID: "mine", Method: "GET", Path: "/d/mine", Handler: ok},
			{ID: "open", Method: "GET", Path: "/d/open", Access: Public, Handler: ok},
		},
	}
	limiter := NewLimiter(redisClient(t), Limits{
		Address: Rate{PerMinute: 20}, Account: Rate{PerMinute: 4}, Classes: map[string]Rate{"login": {PerMinute: 2}},
	}, nil)
	app, _ := newTestApp(t, Options{Limiter: limiter}, door)
	base := "http://" + serve(t, app)
	count := func(method, path string, n int) (passed int) {
		for range n {
			if res, _ := call(t, method, base+path, nil); res.StatusCode == 200 {
				passed++
			}
		}
		return passed
	}
	require.Equal(t, 2, count("POST", "/d/login", 4))
	res, body := call(t, "POST", base+"/d/login", nil)
	require.Equal(t, 429, res.StatusCode)
	require.JSONEq(t, `{"dialect":"d","code":"rate_limited"}`, body)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.Equal(t, "2", res.Header.Get("RateLimit-Limit"))
	require.Equal(t, "0", res.Header.Get("RateLimit-Remaining"))
	require.Equal(t, 4, count("GET", "/d/mine", 6))
	res, _ = call(t, "GET", base+"/d/open", nil)
	require.Equal(t, 200, res.StatusCode, "other operations of the address go on")
	require.Equal(t, "20", res.Header.Get("RateLimit-Limit"))
}

func TestAnIPv6ClientIsItsNetwork(t *testing.T) {
	require.Equal(t, addressKey(netip.MustParseAddr("2001:db8::1")), addressKey(netip.MustParseAddr("2001:db8::ffff:1")))
	require.NotEqual(t, addressKey(netip.MustParseAddr("2001:db8::1")), addressKey(netip.MustParseAddr("2001:db8:0:1::1")))
	require.NotEqual(t, addressKey(netip.MustParseAddr("192.0.2.1")), addressKey(netip.MustParseAddr("192.0.2.2")))
}

func TestARatePerCaller(t *testing.T) {
	ok := func(c *fiber.Ctx) error { return nil }
	door := Door{
		Name: "d", Prefixes: []string{"/d"}, ErrorHandler: shaped("d"), PerCaller: Rate{PerMinute: 3}, RateHeaders: "X-RateLimit",
		Authenticate: func(c *fiber.Ctx, op Operation) error {
			user, found := ParseID(c.Get("User"))
			if !found {
				return fiber.ErrUnauthorized
			}
			SetCaller(c, 7, user)
			return nil
		},
		Operations: []Operation{
			{ID: "mine", Method: "GET", Path: "/d/mine", Handler: ok},
			{ID: "probe", Method: "GET", Path: "/d/probe", Unlimited: true, Handler: ok},
		},
	}
	app, _ := newTestApp(t, Options{Limiter: NewLimiter(redisClient(t), Limits{Address: Rate{PerMinute: 600}}, nil)}, door)
	base := "http://" + serve(t, app)
	ask := func(path, user string) *http.Response {
		res, _ := call(t, "GET", base+path, nil, "User", user)
		return res
	}
	for _, user := range []string{"1", "2"} {
		for left := 2; left >= 0; left-- {
			res := ask("/d/mine", user)
			require.Equal(t, 200, res.StatusCode)
			require.Equal(t, "3", res.Header.Get("X-RateLimit-Limit"), "the tightest is told")
			require.Equal(t, fmt.Sprint(left), res.Header.Get("X-RateLimit-Remaining"))
			require.Empty(t, res.Header.Get("RateLimit-Limit"))
		}
		require.Equal(t, 429, ask("/d/mine", user).StatusCode)
	}
	for range 3 {
		require.Equal(t, 401, ask("/d/mine", "nobody").StatusCode)
	}
	require.Equal(t, 429, ask("/d/mine", "nobody").StatusCode, "before the token is refused")
	for range 10 {
		res := ask("/d/probe", "1")
		require.Equal(t, 200, res.StatusCode)
		require.Empty(t, res.Header.Get("X-RateLimit-Limit"))
	}
}

func TestRemainingGoesDownOneByOne(t *testing.T) {
	l := NewLimiter(redisClient(t), Limits{}, nil)
	for left := 299; left > 200; left-- { // whatever the lots
		v := l.Allow(t.Context(), "k", Rate{PerMinute: 300})
		require.True(t, v.Allowed)
		require.InDelta(t, left, v.Remaining, 10, "some drip in meanwhile")
	}
}
