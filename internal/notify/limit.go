package notify

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// bulkTemplate marks the mails of an import, which cannot be found by their
// recipient.
const bulkTemplate = "generic_invite"

// bulkTemplates are the mails that go out by the thousand, in SQL and as in the
// condition of the index notifications_due_single. They wait behind all others
// and leave a tenth of the account's rate to them, so that a sign-up code does
// not wait for the last invitation of an import.
const bulkTemplates = `('` + bulkTemplate + `', 'certificate_expires', 'certificate_expired')`

// limits are the mail rates of the accounts. They live in Redis and hold for
// all workers together.
type limits struct {
	limiter    *redis_rate.Limiter
	bulk, full redis_rate.Limit

	// ends is, by account and lane, the time after the last slot given to a
	// mail that has to wait. It spreads a large backlog over the time that the
	// rate needs for it, instead of looking at all of it again and again. Every
	// replica has its own: a slot is when to ask again, not a right to send.
	mu   sync.Mutex
	ends map[string]time.Time
}

func newLimits(client redis.UniversalClient, perMinute int) *limits {
	perMinute = max(perMinute, 1)
	return &limits{
		limiter: redis_rate.NewLimiter(client),
		full:    redis_rate.PerMinute(perMinute),
		bulk:    redis_rate.PerMinute(max(perMinute-perMinute/10, 1)),
		ends:    map[string]time.Time{},
	}
}

func limitKey(account int64) string { return "mail:" + strconv.FormatInt(account, 10) }

func bulkKey(account int64) string { return limitKey(account) + ":bulk" }

// take asks for n mails of an account. It gives how many may leave now, and
// when the next one may.
func (l *limits) take(ctx context.Context, account int64, bulk bool, n int) (allowed int, next time.Duration, err error) {
	if bulk {
		res, err := l.limiter.AllowAtMost(ctx, bulkKey(account), l.bulk, n)
		if err != nil {
			return 0, 0, fmt.Errorf("notify: rate limit: %w", err)
		}
		if res.Allowed == 0 {
			return 0, res.RetryAfter, nil
		}
		n = res.Allowed
	}
	res, err := l.limiter.AllowAtMost(ctx, limitKey(account), l.full, n)
	if err != nil {
		return 0, 0, fmt.Errorf("notify: rate limit: %w", err)
	}
	return res.Allowed, max(res.RetryAfter, l.interval(bulk)), nil
}

// interval is the time between two mails of an account at its full rate.
func (l *limits) interval(bulk bool) time.Duration {
	if bulk {
		return l.bulk.Period / time.Duration(l.bulk.Rate)
	}
	return l.full.Period / time.Duration(l.full.Rate)
}

// slots gives the delays, in seconds, after which n waiting mails of an account
// ask again. The first one is after next at the earliest.
func (l *limits) slots(account int64, bulk bool, next time.Duration, n int) []float64 {
	if n == 0 {
		return nil
	}
	key := limitKey(account)
	if bulk {
		key = bulkKey(account)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	first := now.Add(next)
	if end := l.ends[key]; end.After(first) {
		first = end
	}
	delays := make([]float64, n)
	for i := range delays {
		delays[i] = (first.Sub(now) + time.Duration(i)*l.interval(bulk)).Seconds()
	}
	for k, end := range l.ends {
		if end.Before(now) {
			delete(l.ends, k)
		}
	}
	l.ends[key] = first.Add(time.Duration(n) * l.interval(bulk))
	return delays
}
