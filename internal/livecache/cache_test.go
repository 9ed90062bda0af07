package livecache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/livecache"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// replica is a process with a cache of the number of an account's modules.
type replica struct {
	t     *testing.T
	db    *store.DB
	live  *livecache.Watcher
	cache *livecache.Cache[int64]
	loads atomic.Int64
}

func newReplica(t *testing.T, db *store.DB) *replica {
	t.Helper()
	live := livecache.NewWatcher(db)
	return &replica{t: t, db: db, live: live, cache: livecache.New[int64](live, "modules")}
}

func (r *replica) load(ctx context.Context) (n int64, err error) {
	r.loads.Add(1)
	err = r.db.Query(ctx, &n, `SELECT count(*) FROM modules WHERE account_id = @account_id`, nil)
	return n, err
}

func (r *replica) get(ctx context.Context) int64 {
	r.t.Helper()
	n, err := r.cache.Get(ctx, r.load)
	require.NoError(r.t, err)
	return n
}

func (r *replica) add(ctx context.Context, code string) error {
	if err := r.db.Conn(ctx).Create(&models.Module{Code: code, Status: models.StatusActive}).Error; err != nil {
		return err
	}
	return r.cache.Changed(ctx)
}

// watch listens until the test ends, or stop is called.
func (r *replica) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.live.Watch(ctx)
	}()
	stop = func() { cancel(); <-ended }
	r.t.Cleanup(stop)
	require.Eventually(r.t, r.live.Listening, 10*time.Second, time.Millisecond)
	return stop
}

func open(t *testing.T) (db *store.DB, one, two context.Context) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 10, Name: "livecache"})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	accounts := []models.Account{{Name: "One"}, {Name: "Two"}}
	require.NoError(t, db.Conn(store.AsSystem(t.Context())).Select("Name").Create(&accounts).Error)
	return db, store.WithAccount(t.Context(), accounts[0].ID), store.WithAccount(t.Context(), accounts[1].ID)
}

func TestAChangeIsForgottenByAllReplicas(t *testing.T) {
	db, one, two := open(t)
	here, there := newReplica(t, db), newReplica(t, db)
	here.watch()
	there.watch()
	require.Zero(t, here.get(one))
	require.Zero(t, there.get(one))
	require.Zero(t, there.get(two))
	before := there.loads.Load()
	require.NoError(t, db.InTx(one, func(ctx context.Context) error {
		require.NoError(t, here.add(ctx, "a"))
		require.EqualValues(t, 1, here.get(ctx), "inside of the transaction it is seen")
		require.Zero(t, here.get(one), "and not outside")
		return nil
	}))
	require.EqualValues(t, 1, here.get(one), "at once where it was made")
	require.Eventually(t, func() bool { return there.get(one) == 1 }, time.Second, time.Millisecond)
	require.Zero(t, there.get(two))
	require.Equal(t, before+1, there.loads.Load(), "the other account's value was kept")
}

func TestAnUndoneChangeIsNotKept(t *testing.T) {
	db, one, _ := open(t)
	r := newReplica(t, db)
	r.watch()
	undo := errors.New("undo")
	require.ErrorIs(t, db.InTx(one, func(ctx context.Context) error {
		require.NoError(t, r.add(ctx, "a"))
		require.EqualValues(t, 1, r.get(ctx))
		return undo
	}), undo)
	require.Zero(t, r.get(one))
}

func TestAReplicaThatMissedChangesForgetsThemAll(t *testing.T) {
	db, one, _ := open(t)
	here, there := newReplica(t, db), newReplica(t, db)
	there.watch()
	require.Zero(t, there.get(one))
	// The connection dies and a change is made before there is another.
	require.Eventually(t, func() bool {
		var killed int64
		err := db.Query(store.AsSystem(t.Context()), &killed, `SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE query LIKE 'LISTEN%' AND datname = current_database()) x`, nil)
		return err == nil && killed == 1
	}, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return !there.live.Listening() }, 10*time.Second, time.Millisecond)
	require.NoError(t, here.add(one, "a"))
	require.Eventually(t, there.live.Listening, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, there.get(one))
}

func TestADeafReplicaTrustsItsMemoryForASecond(t *testing.T) {
	db, one, _ := open(t)
	here, deaf := newReplica(t, db), newReplica(t, db)
	require.False(t, deaf.live.Listening())
	began := time.Now()
	require.Zero(t, deaf.get(one))
	for time.Since(began) < 100*time.Millisecond {
		deaf.get(one)
	}
	// One, on a machine that is not stalled for a second.
	require.LessOrEqual(t, deaf.loads.Load(), 1+int64(time.Since(began)/time.Second))
	require.NoError(t, here.add(one, "a"))
	require.Eventually(t, func() bool { return deaf.get(one) == 1 }, 3*time.Second, 5*time.Millisecond)
}

func TestManyWaitForOneLoad(t *testing.T) {
	db, one, two := open(t)
	r := newReplica(t, db)
	r.watch()
	var calls atomic.Int64
	open := make(chan struct{})
	slow := func(ctx context.Context) (int64, error) {
		calls.Add(1)
		<-open
		return r.load(ctx)
	}
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 100 {
		wg.Go(func() {
			if n, err := r.cache.Get(one, slow); err != nil || n != 0 {
				failed.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return calls.Load() == 1 }, 10*time.Second, time.Millisecond)
	require.Zero(t, r.get(two), "another account does not wait")

	// One who gives up leaves the others their load.
	ctx, cancel := context.WithCancel(one)
	cancel()
	_, err := r.cache.Get(ctx, slow)
	require.ErrorIs(t, err, context.Canceled)

	close(open)
	wg.Wait()
	require.Zero(t, failed.Load())
	require.EqualValues(t, 1, calls.Load())
}

func TestALoadOutlivesTheCallerWhoBeganIt(t *testing.T) {
	db, one, _ := open(t)
	r := newReplica(t, db)
	r.watch()
	began, open := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context) (int64, error) {
		close(began)
		<-open
		return r.load(ctx)
	}
	ctx, cancel := context.WithCancel(one)
	first := make(chan error, 1)
	go func() {
		_, err := r.cache.Get(ctx, slow)
		first <- err
	}()
	<-began
	second := make(chan error, 1)
	go func() {
		_, err := r.cache.Get(one, slow) // would close a closed channel if it loaded itself
		second <- err
	}()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(open)
	require.NoError(t, <-second)
	require.EqualValues(t, 1, r.loads.Load())
}

func TestALoadFromBeforeAChangeIsNotKept(t *testing.T) {
	db, one, _ := open(t)
	r := newReplica(t, db)
	r.watch()
	read, open := make(chan struct{}), make(chan struct{})
	slow := func(ctx context.Context) (int64, error) {
		n, err := r.load(ctx)
		close(read)
		<-open
		return n, err
	}
	old := make(chan int64, 1)
	go func() {
		n, _ := r.cache.Get(one, slow)
		old <- n
	}()
	<-read
	require.NoError(t, db.InTx(one, func(ctx context.Context) error { return r.add(ctx, "a") }))
	require.EqualValues(t, 1, r.get(one), "who asks after the change does not join the load from before")
	close(open)
	require.Zero(t, <-old)
	require.EqualValues(t, 1, r.get(one), "the late result did not replace the newer one")
}

func TestFailuresAreNotKept(t *testing.T) {
	db, one, _ := open(t)
	r := newReplica(t, db)
	broken := errors.New("broken")
	_, err := r.cache.Get(one, func(context.Context) (int64, error) { return 7, broken })
	require.ErrorIs(t, err, broken)
	_, err = r.cache.Get(one, func(context.Context) (int64, error) { panic("out of luck") })
	require.ErrorContains(t, err, "panicked")
	require.Zero(t, r.get(one))
	_, err = r.cache.Get(t.Context(), r.load)
	require.ErrorIs(t, err, store.ErrNoAccount)
	require.ErrorIs(t, r.cache.Changed(t.Context()), store.ErrNoAccount)
	require.Panics(t, func() { livecache.New[int](r.live, "modules") }, "a name is used once")
}
