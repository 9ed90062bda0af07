package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/testenv"
	"quad/internal/testenv/faultproxy"
	"quad/models"
)

// The server of a Moodle is killed in the middle of a run. When it comes back
// the run goes on by itself; when it does not, the run ends, says why, and has
// changed nothing.
func TestLearningSystemKilled(t *testing.T) {
	t.Parallel()
	r := dice(t)
	server := testenv.PrivateMariaDB(t)
	moodle := moodletest.LoadOn(t, server, 2)
	w := newSyncWorld(t, map[string]string{"SYNC_RETRY_LONGEST": "1500ms"})
	calm, struck := w.follow("calm", moodle.Settings, 0), w.follow("struck", moodle.Settings, 20)
	worker := start(t, w.Env, "worker", nil)

	run := struck.start(integration.Start{})
	struck.awaitRead(run, int64(1+r.IntN(10)))
	server.Kill()
	struck.awaitTries(run, 2)
	server.Start()
	require.GreaterOrEqual(t, struck.awaitEnd(run, models.SyncCompleted).Attempts, 2)
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)
	struck.requireLike(calm)

	moodle.Mutate(t)
	before := struck.brought()
	run = struck.start(integration.Start{})
	struck.awaitRead(run, int64(1+r.IntN(5)))
	server.Kill()
	failed := struck.awaitEnd(run, models.SyncFailed)
	require.Equal(t, source.ErrUnreachable.Text, *failed.Error)
	p, err := w.Processes.Get(struck.ctx, *run.ProcessID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessFailed, p.State)
	require.Equal(t, source.ErrUnreachable.Text, *p.Error)
	c, err := w.Integrations.Get(struck.ctx, struck.connection)
	require.NoError(t, err)
	require.Equal(t, models.ConnectionFailing, c.Status)
	require.Equal(t, source.ErrUnreachable.Text, *c.LastError)
	struck.requireBrought(before)
	struck.requireNothingStaged()

	server.Start()
	struck.awaitEnd(struck.start(integration.Start{}), models.SyncCompleted)
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)
	struck.requireLike(calm)
	worker.stop()
}

// manyRows gives a Moodle that many completions more: of activities that are
// gone, so that they are read and no more.
const manyRows = 200_000

// Lines to a Moodle that are cut, refuse, or go silent and come back: each run
// gets to its end by itself and brings what it would have brought. Over a slow
// line a worker does not gather what it has not yet staged.
func TestBadLinesToLearningSystem(t *testing.T) {
	t.Parallel()
	moodle := site(t)
	w := newSyncWorld(t, map[string]string{"SYNC_STATEMENT_TIMEOUT": "2s", "SYNC_RETRY_LONGEST": "2s", "WORKER_BULK_CONCURRENCY": "8"})
	behind := func(name string, slow int) (*follower, *faultproxy.Proxy) {
		line := faultproxy.New(t, net.JoinHostPort(moodle.Settings["host"], moodle.Settings["port"]))
		settings := maps.Clone(moodle.Settings)
		settings["host"], settings["port"] = line.HostPort()
		return w.follow(name, settings, slow), line
	}
	calm := w.follow("calm", moodle.Settings, 0)
	silent, silentLine := behind("silent", 10)
	refused, refusedLine := behind("refused", 10)
	cut, cutLine := behind("cut", 10)
	worker := start(t, w.Env, "worker", nil)

	struck := []*follower{silent, refused, cut}
	runs := map[*follower]models.SyncRun{}
	for _, f := range struck {
		runs[f] = f.start(integration.Start{})
	}
	silent.awaitRead(runs[silent], 3)
	silentLine.Silence()
	refused.awaitRead(runs[refused], 3)
	refusedLine.Refuse()
	cut.awaitRead(runs[cut], 3)
	cutLine.Cut()
	refused.awaitTries(runs[refused], 2)
	refusedLine.Accept()
	silent.awaitTries(runs[silent], 2) // once amid reading, once before anything was said
	silentLine.Speak()
	calm.awaitEnd(calm.start(integration.Start{}), models.SyncCompleted)
	for _, f := range struck {
		require.GreaterOrEqual(t, f.awaitEnd(runs[f], models.SyncCompleted).Attempts, 2)
		f.requireLike(calm)
	}

	moodle.Exec(t, fmt.Sprintf(`INSERT INTO mdl_course_modules_completion (coursemoduleid, userid, completionstate, timemodified)
		SELECT 1000000 + seq, 4, 1, 1733550506 FROM seq_1_to_%d`, manyRows))
	slow, slowLine := behind("slow", 0)
	slowLine.Slow(faultproxy.Line{BytesPerSecond: 2_000_000})
	before := worker.memory()
	run := slow.awaitEnd(slow.start(integration.Start{DryRun: true}), models.SyncCompleted)
	require.Equal(t, 1, run.Attempts, "slow is not broken")
	require.Greater(t, slowLine.Passed(), int64(manyRows*20))
	grown := worker.memory() - before
	t.Logf("%d bytes came over the slow line, the worker grew by %d", slowLine.Passed(), grown)
	require.Less(t, grown, int64(32<<20))
	slow.requireNothingStaged()
	worker.stop()
}

// memory is the most of it that the role has had at once, in bytes.
func (q *quad) memory() (peak int64) {
	q.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", q.process.Pid()))
	require.NoError(q.t, err)
	_, line, found := strings.Cut(string(status), "VmHWM:")
	require.True(q.t, found)
	_, err = fmt.Sscanf(line, "%d kB", &peak)
	require.NoError(q.t, err)
	return peak << 10
}
