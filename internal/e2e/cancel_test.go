package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people/invite"
	"quad/internal/store"
	"quad/models"
)

// An import that is cancelled in the middle says which rows it left out, and a
// retry does these and no other.
func TestCancelDuringImportAndRetry(t *testing.T) {
	t.Parallel()
	const rows = 2_000
	w := newWorld(t, map[string]string{"INVITE_PAGE_ROWS": "10"})
	l := newList(rows, 41, w.known)
	begin := time.Now()
	worker := start(t, w.Env, "worker", nil)
	f := w.submit("cancelled.csv", l)
	w.awaitDone(f, 200)
	_, err := w.Processes.Cancel(w.manager(), *f.ProcessID)
	require.NoError(t, err)
	p := w.awaitEnd(f)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.Greater(t, p.Done, int64(0))
	require.Less(t, p.Done, int64(rows))

	// The rows up to the cancel have their verdicts, the others none.
	byFile := store.Args{"file": f.ID}
	w.same("verdicts", l.verdicts()[:p.Done], w.lines(`SELECT row_no || ' ' || verdict FROM invite_rows
		WHERE account_id = @account_id AND file_id = @file ORDER BY row_no`, byFile))
	var row models.InviteFile
	require.NoError(t, w.DB.Conn(w.Context()).Take(&row, f.ID).Error)
	require.Equal(t, models.InviteFileCancelled, row.Status)
	want := l.results()
	for i, got := range w.result(row) {
		if i > int(p.Done) {
			want[i][3] = string(invite.NotProcessed)
		}
		require.Equal(t, want[i], got[:4], "row %d", i)
	}
	w.await("the mails of the rows that were imported are sent", func() bool {
		return w.sent(f) == len(l.first(p.Done).invitees())
	})

	// A retry goes on where the cancel came. Its worker is killed as well.
	next, err := w.Processes.Retry(w.manager(), p.ID)
	require.NoError(t, err)
	require.Equal(t, 2, next.Attempt)
	f.ProcessID = &next.ID
	w.awaitDone(f, p.Done+200)
	worker.kill()
	w.midway(f)
	worker.start()
	end := w.awaitEnd(f)
	require.Equal(t, models.ProcessCompletedWithErrors, end.State)
	w.same("verdicts", l.verdicts(), w.lines(`SELECT row_no || ' ' || verdict FROM invite_rows
		WHERE account_id = @account_id AND file_id = @file ORDER BY row_no`, byFile))
	require.Equal(t, len(l.invitees()), w.number(`SELECT count(*) FROM invites WHERE account_id = @account_id`, nil))
	w.requireResult(f, l)
	w.requireMails(begin, f, l, mailsAtOnce)
	worker.stop()
}

// first is the list up to a row.
func (l list) first(rows int64) list { return list{rows: l.rows[:rows]} }
