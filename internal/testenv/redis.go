package testenv

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// claimLife frees the claim of a process that died; longer than any test runs.
const claimLife = time.Hour

// sharedRedis is the URL of the server that all tests share.
var sharedRedis = sync.OnceValues(func() (string, error) {
	return shared(RedisVariable, func(dir string) prepare { return redisIn(dir, true) })
})

// Redis returns the URL of an empty logical database of the test's own. It is
// emptied when the test ends. FLUSHALL and publish/subscribe reach across
// logical databases: for the first there is [PrivateRedis].
func Redis(t testing.TB) string {
	t.Helper()
	server := mustGet(t, sharedRedis)
	ctx, cancel := setup()
	defer cancel()
	number, err := claimRedis(ctx, server)
	if err != nil {
		t.Fatalf("testenv: claim a Redis database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := setup()
		defer cancel()
		if err := releaseRedis(ctx, server, number); err != nil {
			t.Errorf("testenv: release a Redis database: %v", err)
		}
	})
	return inRedis(server, number)
}

func claimKey(number int) string { return "quad:testenv:claim:" + strconv.Itoa(number) }

// claimRedis takes a logical database that no other test has, in whatever
// process. The claims are keys in database 0, which is never given out.
func claimRedis(ctx context.Context, server string) (number int, err error) {
	err = inClient(server, 0, func(client *redis.Client) error {
		count := 16 // the default, for servers that do not tell
		if config, err := client.ConfigGet(ctx, "databases").Result(); err == nil {
			if n, err := strconv.Atoi(config["databases"]); err == nil {
				count = n
			}
		}
		if count < 2 {
			return errors.New("the server has one database only")
		}
		// The counter spreads the claims, so that the first try nearly always succeeds.
		turn, err := client.Incr(ctx, "quad:testenv:turn").Result()
		if err != nil {
			return err
		}
		for i := range count - 1 {
			number = 1 + int((turn+int64(i))%int64(count-1))
			claimed, err := client.SetNX(ctx, claimKey(number), "", claimLife).Result()
			if err != nil {
				return err
			}
			if claimed {
				return nil
			}
		}
		return fmt.Errorf("all %d databases are in use", count-1)
	})
	if err != nil {
		return 0, err
	}
	// What a killed process left behind.
	return number, flush(ctx, server, number)
}

func releaseRedis(ctx context.Context, server string, number int) error {
	if err := flush(ctx, server, number); err != nil {
		return err
	}
	return inClient(server, 0, func(client *redis.Client) error {
		return client.Del(ctx, claimKey(number)).Err()
	})
}

func flush(ctx context.Context, server string, number int) error {
	return inClient(server, number, func(client *redis.Client) error { return client.FlushDB(ctx).Err() })
}

// inClient runs do with a client of one logical database.
func inClient(server string, number int, do func(*redis.Client) error) (err error) {
	options, err := redis.ParseURL(server)
	if err != nil {
		return err
	}
	options.DB = number
	client := redis.NewClient(options)
	defer func() { err = errors.Join(err, client.Close()) }()
	return do(client)
}

// inRedis is the URL of another logical database of the same server.
func inRedis(server string, number int) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // ParseURL has accepted it before
	}
	u.Path = "/" + strconv.Itoa(number)
	return u.String()
}
