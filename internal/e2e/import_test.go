package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// A worker that is killed again and again in the middle of a large import
// leaves what an undisturbed one does.
func TestWorkerKilledDuringImport(t *testing.T) {
	t.Parallel()
	const rows = 50_000
	w := newWorld(t, map[string]string{"INVITE_MAILS": "false"})
	l := newList(rows, 1, w.known)
	worker := start(t, w.Env, "worker", nil)
	f := w.submit("large.csv", l)
	for _, from := range []int64{1_000, 20_000} {
		w.awaitDone(f, from+rand.Int64N(18_000))
		worker.kill()
		w.midway(f)
		worker.start()
	}
	// And once more when all rows are in and the result is being written.
	w.awaitDone(f, rows)
	worker.restart()
	w.requireOutcome(f, l)
	require.Zero(t, w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'generic_invite'`, nil))
	worker.stop()
}

// A worker that is killed while mails go out loses none; what it had handed
// over without noting it comes again as the same mail.
func TestWorkerKilledWhileMailing(t *testing.T) {
	t.Parallel()
	const rows = 2_400
	w := newWorld(t, map[string]string{"INVITE_PAGE_ROWS": "50"})
	l := newList(rows, 2, w.known)
	begin := time.Now()
	worker := start(t, w.Env, "worker", nil)
	f := w.submit("mailed.csv", l)
	w.awaitDone(f, 200+rand.Int64N(800))
	worker.kill()
	w.midway(f)
	worker.start()
	kills := 1
	for _, from := range []int{100, 700, 1_300} {
		from += rand.IntN(400)
		w.await("mails go out", func() bool { return w.sent(f) >= from })
		worker.kill()
		kills++
		require.Less(t, w.sent(f), len(l.invitees()), "all mails were out before the worker was killed")
		worker.start()
	}
	w.requireOutcome(f, l)
	w.requireMails(begin, f, l, kills*mailsAtOnce)
	require.Equal(t, models.ProcessCompletedWithErrors, w.mustProc(f).State)
	worker.stop()
}
