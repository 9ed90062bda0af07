package notify

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// bulkTemplates are mails that go out by the thousand. They wait behind all
// others and leave a tenth of the account's rate to them, so that a sign-up
// code does not wait for the last invitation of an import.
const bulkTemplate = "generic_invite"

// limits are the mail rates of the accounts. They live in Redis and hold for
// all workers together.
type limits struct {
	limiter    *redis_rate.Limiter
	bulk, full redis_rate.Limit
}

func newLimits(client redis.UniversalClient, perMinute int) *limits {
	perMinute = max(perMinute, 1)
	return &limits{
		limiter: redis_rate.NewLimiter(client),
		full:    redis_rate.PerMinute(perMinute),
		bulk:    redis_rate.PerMinute(max(perMinute-perMinute/10, 1)),
	}
}

// take asks for n mails of an account. It gives how many may leave now, and
// when the next one may.
func (l *limits) take(ctx context.Context, account int64, bulk bool, n int) (allowed int, next time.Duration, err error) {
	key := "mail:" + strconv.FormatInt(account, 10)
	if bulk {
		res, err := l.limiter.AllowAtMost(ctx, key+":bulk", l.bulk, n)
		if err != nil {
			return 0, 0, fmt.Errorf("notify: rate limit: %w", err)
		}
		if res.Allowed == 0 {
			return 0, res.RetryAfter, nil
		}
		n = res.Allowed
	}
	res, err := l.limiter.AllowAtMost(ctx, key, l.full, n)
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
