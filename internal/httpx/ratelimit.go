package httpx

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"
)

// Rate is how many requests a minute are allowed. Burst is how many of them may
// come at once; 0 means PerMinute. A PerMinute of 0 is no limit.
type Rate struct{ PerMinute, Burst int }

// Limits are the rates of the hub.
type Limits struct {
	Address Rate            // of one client address (an IPv6 client is its /64)
	Account Rate            // of one account, whatever user and door
	Classes map[string]Rate // of one address, per Operation.Class
}

// Limiter counts requests in Redis, so that all replicas share one count. To
// spare a round trip per request it takes allowances in small lots and spends
// them in the process: strict limits (lots of one) are exact, generous ones are
// over-counted by at most one lot per replica. While Redis is away each replica
// counts for itself, so requests go on and stay bounded.
type Limiter struct {
	limits Limits
	redis  *redis_rate.Limiter
	log    *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	lots  map[string]*lot
	swept time.Time

	downUntil atomic.Int64 // unix nanoseconds
}

// lot is what one key may still do here. Without Redis it is the whole count.
type lot struct {
	mu      sync.Mutex
	left    int
	expires time.Time // of left
	rest    int       // what Redis had besides left when it was asked
	full    time.Time // when the full burst is there again, as Redis said
	denied  time.Time // no request before this, by word of Redis
	arrival time.Time // GCRA's theoretical arrival time, for the count without Redis
}

const (
	lotLife      = 2 * time.Second        // how long an allowance may lie unused
	redisTimeout = 250 * time.Millisecond // waiting longer than that is worse than counting alone
	redisRetry   = 2 * time.Second
	maxLots      = 100_000
)

// NewLimiter counts in rdb; nil counts in this process only.
func NewLimiter(rdb redis.UniversalClient, limits Limits, log *slog.Logger) *Limiter {
	if log == nil {
		log = slog.Default()
	}
	l := &Limiter{limits: limits, log: log, now: time.Now, lots: map[string]*lot{}}
	if rdb != nil {
		l.redis = redis_rate.NewLimiter(rdb)
	}
	return l
}

// Verdict is the answer to one request.
type Verdict struct {
	Allowed    bool
	Limit      int           // requests a minute
	Remaining  int           // this many more may come at once, as far as known
	RetryAfter time.Duration // when not allowed
	Reset      time.Duration // until the full burst is there again, as far as known
}

// Allow counts one request of key against rate. It never fails: see Limiter.
func (l *Limiter) Allow(ctx context.Context, key string, rate Rate) Verdict {
	if rate.PerMinute <= 0 {
		return Verdict{Allowed: true}
	}
	if rate.Burst <= 0 {
		rate.Burst = rate.PerMinute
	}
	e := l.entry(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := l.now()
	if e.left > 0 && now.Before(e.expires) {
		e.left--
		return Verdict{Allowed: true, Limit: rate.PerMinute, Remaining: e.left + e.rest, Reset: max(e.full.Sub(now), 0)}
	}
	if now.Before(e.denied) {
		return Verdict{Limit: rate.PerMinute, RetryAfter: e.denied.Sub(now), Reset: e.denied.Sub(now)}
	}
	if l.redis != nil && now.UnixNano() >= l.downUntil.Load() {
		v, err := l.ask(ctx, e, key, rate, now)
		if err == nil {
			return v
		}
		if ctx.Err() == nil || errors.Is(err, redis.ErrClosed) {
			l.downUntil.Store(now.Add(redisRetry).UnixNano())
			l.log.WarnContext(ctx, "rate limits are counted without Redis", "error", err)
		}
	}
	return e.alone(rate, now)
}

// ask takes a lot of allowances from Redis and spends one of them.
func (l *Limiter) ask(ctx context.Context, e *lot, key string, rate Rate, now time.Time) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	size := min(max(rate.Burst/50, 1), 200)
	limit := redis_rate.Limit{Rate: rate.PerMinute, Burst: rate.Burst, Period: time.Minute}
	res, err := l.redis.AllowAtMost(ctx, key, limit, size)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Limit: rate.PerMinute, Remaining: res.Remaining, Reset: res.ResetAfter}
	if res.Allowed == 0 {
		v.RetryAfter = max(res.RetryAfter, time.Millisecond)
		// Not longer than a second: another replica may give back by expiry.
		e.denied = now.Add(min(v.RetryAfter, time.Second))
		return v, nil
	}
	e.left, e.expires = res.Allowed-1, now.Add(lotLife)
	e.rest, e.full = res.Remaining, now.Add(res.ResetAfter)
	v.Allowed, v.Remaining = true, e.left+e.rest
	return v, nil
}

// alone is GCRA in this process.
func (e *lot) alone(rate Rate, now time.Time) Verdict {
	step := time.Minute / time.Duration(rate.PerMinute)
	tolerance := step * time.Duration(rate.Burst)
	arrival := e.arrival
	if arrival.Before(now) {
		arrival = now
	}
	next := arrival.Add(step)
	if wait := next.Sub(now) - tolerance; wait > 0 {
		return Verdict{Limit: rate.PerMinute, RetryAfter: wait, Reset: arrival.Sub(now)}
	}
	e.arrival = next
	return Verdict{
		Allowed: true, Limit: rate.PerMinute,
		Remaining: int((tolerance - next.Sub(now)) / step), Reset: next.Sub(now),
	}
}

// entry returns the lot of a key and keeps their number bounded.
func (l *Limiter) entry(key string) *lot {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.lots[key]; e != nil {
		return e
	}
	if now := l.now(); len(l.lots) >= maxLots || now.Sub(l.swept) > time.Minute {
		l.sweep(now)
	}
	e := &lot{}
	l.lots[key] = e
	return e
}

// sweep forgets lots that say nothing any more, and, in a flood of addresses,
// any others until there is room: a forgotten lot is only asked for again.
func (l *Limiter) sweep(now time.Time) {
	l.swept = now
	// Room for many at once: making it for one would walk all of them each time.
	room := maxLots
	if len(l.lots) >= maxLots {
		room = maxLots * 9 / 10
	}
	for key, e := range l.lots {
		if !e.mu.TryLock() {
			continue // in use right now
		}
		idle := now.After(e.expires) && now.After(e.denied) && now.After(e.arrival)
		e.mu.Unlock()
		if idle || len(l.lots) > room {
			delete(l.lots, key)
		}
	}
}

// limitAddress counts the request for its address, before anyone is known.
func (a *App) limitAddress(c *fiber.Ctx, r *request, op *Operation) error {
	l := a.opts.Limiter
	if l == nil || op.Unlimited || !r.client.IsValid() {
		return nil
	}
	key := addressKey(r.client)
	if rate, ok := l.limits.Classes[op.Class]; ok && op.Class != "" {
		if err := apply(c, r, l.Allow(c.UserContext(), "quad:rate:"+op.Class+":"+key, rate)); err != nil {
			return err
		}
	}
	return apply(c, r, l.Allow(c.UserContext(), "quad:rate:address:"+key, l.limits.Address))
}

// limitCaller counts the request for the user whom Authenticate found, or for
// the address when it found nobody.
func (a *App) limitCaller(c *fiber.Ctx, r *request, op *Operation) error {
	l, rate := a.opts.Limiter, r.mounted.door.PerCaller
	if l == nil || op.Unlimited || rate.PerMinute <= 0 {
		return nil
	}
	who := "user:" + strconv.FormatInt(r.user, 10)
	if r.user == 0 {
		if !r.client.IsValid() {
			return nil
		}
		who = "address:" + addressKey(r.client)
	}
	return apply(c, r, l.Allow(c.UserContext(), "quad:rate:"+r.mounted.door.Name+":"+who, rate))
}

// limitAccount counts the request for the account that Authenticate found.
func (a *App) limitAccount(c *fiber.Ctx, r *request, op *Operation) error {
	l := a.opts.Limiter
	if l == nil || op.Unlimited || r.account == 0 {
		return nil
	}
	return apply(c, r, l.Allow(c.UserContext(), "quad:rate:account:"+strconv.FormatInt(r.account, 10), l.limits.Account))
}

// addressKey is what counts as one client: an IPv6 customer owns a whole /64.
func addressKey(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	return addr.String()
}

// apply tells the client where it stands; the tightest of several limits wins.
func apply(c *fiber.Ctx, r *request, v Verdict) error {
	if v.Limit == 0 {
		return nil
	}
	name := "RateLimit"
	if r.mounted != nil && r.mounted.door.RateHeaders != "" {
		name = r.mounted.door.RateHeaders
	}
	before, err := strconv.Atoi(string(c.Response().Header.Peek(name + "-Remaining")))
	if err != nil || v.Remaining < before || !v.Allowed {
		c.Set(name+"-Limit", strconv.Itoa(v.Limit))
		c.Set(name+"-Remaining", strconv.Itoa(max(v.Remaining, 0)))
		c.Set(name+"-Reset", strconv.Itoa(int(math.Ceil(v.Reset.Seconds()))))
	}
	if v.Allowed {
		return nil
	}
	limited := *ErrTooManyRequests
	limited.RetryAfter = v.RetryAfter
	return &limited
}
