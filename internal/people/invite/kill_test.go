package invite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// chaos is a tracer that breaks statements: what begins with a cancelled
// context fails as if the worker had died before it, and its transaction is
// lost. An armed chaos breaks each statement with the same chance.
type chaos struct {
	mu     sync.Mutex
	random *rand.Rand
	armed  bool
	broken int
}

func (c *chaos) next(ctx context.Context) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed || c.random.IntN(10) > 0 {
		return ctx
	}
	c.broken++
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func (c *chaos) arm(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = on
}

func (c *chaos) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL == "rollback" {
		return ctx
	}
	return c.next(ctx)
}

func (c *chaos) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *chaos) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return c.next(ctx)
}

func (c *chaos) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

// Broken at any statement, any number of times, an import tells the story of an
// undisturbed one: no row lost, none twice, no second invitation or mail.
func TestBrokenAnywhereIsLikeUndisturbed(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 4
	calm := newEnv(t, cfg)
	list := listOfKinds(calm.everyKind())
	want := calm.story(calm.run(calm.submit("kinds.csv", list)))

	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &chaos{random: rand.New(rand.NewPCG(seed, 1))}
			e := newEnv(t, cfg, c)
			e.everyKind()
			f := e.submit("kinds.csv", list)
			in := e.input(f)
			again := func(step func(ctx context.Context) error) {
				for try := 0; ; try++ {
					require.Less(t, try, 200, "it never gets done")
					c.arm(true)
					err := step(e.worker())
					c.arm(false)
					if err == nil {
						return
					}
				}
			}
			again(func(ctx context.Context) error {
				_, err := e.svc.Check(ctx, in, func(int64) {})
				return err
			})
			again(func(ctx context.Context) error {
				_, err := e.svc.ImportPages(ctx, in, never, func(Imported) {})
				return err
			})
			again(func(ctx context.Context) error {
				_, err := e.svc.WriteResult(ctx, in, "", func(int64) {})
				return err
			})
			again(func(ctx context.Context) error { return e.svc.Finish(ctx, in, Ending{}) })
			require.Greater(t, c.broken, 5, "hardly anything was broken")
			require.Equal(t, want, e.story(e.file(f.ID)))
		})
	}
}

// Two workers that both believe to run the import write each page once, and two
// files with the same people invite each person once.
func TestImportsAtOnce(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 50
	e := newEnv(t, cfg)
	const n = 1000
	one, two := e.submit("one.csv", listOf(n)), e.submit("two.csv", reversed(n))
	var group sync.WaitGroup
	for _, f := range []models.InviteFile{one, one, two} {
		in := e.input(f)
		group.Go(func() {
			_, err := e.svc.Check(e.worker(), in, func(int64) {})
			if errors.Is(err, process.ErrEnded) {
				return // its twin has done everything meanwhile
			}
			require.NoError(t, err)
			_, err = e.svc.ImportPages(e.worker(), in, never, func(Imported) {})
			require.NoError(t, err)
			require.NoError(t, e.svc.Finish(e.worker(), in, Ending{}))
		})
	}
	group.Wait()
	require.Len(t, e.world()["invites"], n)
	require.Len(t, e.world()["mails"], n)
	sum := map[string]int64{}
	for _, f := range []models.InviteFile{one, two} {
		p := e.proc(e.file(f.ID))
		require.EqualValues(t, n, p.Done)
		require.Equal(t, models.ProcessCompleted, p.State)
		var counts []struct {
			Verdict string
			Rows    int64
		}
		require.NoError(t, e.db.Query(e.worker(), &counts, `SELECT verdict, count(*) AS rows FROM invite_rows
			WHERE account_id = @account_id AND file_id = @file GROUP BY 1`, store.Args{"file": f.ID}))
		for _, c := range counts {
			sum[c.Verdict] += c.Rows
		}
	}
	require.Equal(t, map[string]int64{"invited": n, "already_invited": n}, sum)
}

// reversed is listOf(n) with the rows in another order.
func reversed(n int) string {
	out := "name,email,roles\n"
	for i := n - 1; i >= 0; i-- {
		out += fmt.Sprintf("Person %d,person-%07d@list.example,\"mentor,session_manager\"\n", i, (i*7919)%n)
	}
	return out
}
