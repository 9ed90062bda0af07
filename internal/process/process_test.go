package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

const patience = 30 * time.Second

// world is a database with one account, one organization and one user.
type world struct {
	db   *store.DB
	ctx  context.Context // the user's
	user int64
	org  int64
}

func newWorld(t *testing.T, url string) world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{URL: url, MaxConns: 30})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := world{db: db, user: 7}
	system := store.AsSystem(t.Context())
	_, err = db.Exec(system, `INSERT INTO accounts (id, name) VALUES (1, 'One'), (2, 'Two')`, nil)
	require.NoError(t, err)
	require.NoError(t, db.Query(system, &w.org, `INSERT INTO organizations (account_id, name, code) VALUES (1, 'Org', 'org') RETURNING id`, nil))
	w.ctx = auth.WithPrincipal(t.Context(), auth.Principal{AccountID: 1, UserID: w.user, Door: "native"})
	return w
}

func (w world) request(subject int64) process.New {
	return process.New{
		Kind: models.ProcessBulkInvite, OrganizationID: &w.org, BusinessKey: fmt.Sprint("file-", subject),
		SubjectType: "invite_file", SubjectID: subject, Input: map[string]any{"fileId": subject},
	}
}

func (w world) count(t *testing.T, text string, args store.Args) int64 {
	t.Helper()
	var n int64
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &n, text, args))
	return n
}

func TestCreateWritesRowTimelineAndAudit(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	deadline := time.Now().Add(time.Hour)
	n := w.request(42)
	n.Deadline, n.Total = &deadline, 9
	p, err := s.Create(w.ctx, n)
	require.NoError(t, err)
	require.Equal(t, "bulk-invite/1/42", p.WorkflowID)
	require.Equal(t, models.ProcessPending, p.State)
	require.Equal(t, 1, p.Attempt)
	require.EqualValues(t, 9, p.Total)
	require.Equal(t, w.user, *p.StartedBy)
	require.Equal(t, "native", p.Door)
	require.Nil(t, p.StartedAt)
	require.JSONEq(t, `{"fileId": 42}`, string(p.Input))
	require.WithinDuration(t, deadline, *p.Deadline, time.Millisecond)

	got, err := s.Get(w.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, p, got)
	lines, err := s.Timeline(w.ctx, p.ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	require.Equal(t, "created", lines[0].Type)
	require.Equal(t, w.user, *lines[0].ActorID)
	require.EqualValues(t, 1, w.count(t, `SELECT count(*) FROM audit_events WHERE action = 'process.created' AND process_id = @id AND actor_id = 7`, store.Args{"id": p.ID}))

	other := store.WithAccount(t.Context(), 2)
	_, err = s.Get(other, p.ID)
	require.ErrorIs(t, err, models.ErrNotFound)
	_, err = s.Timeline(other, p.ID, 0, 0)
	require.ErrorIs(t, err, models.ErrNotFound)
	_, err = s.Transition(other, p.ID, process.Transition{To: models.ProcessRunning})
	require.ErrorIs(t, err, models.ErrNotFound)
	_, err = s.Cancel(other, p.ID)
	require.ErrorIs(t, err, models.ErrNotFound)
	_, err = s.Create(t.Context(), n)
	require.ErrorIs(t, err, store.ErrNoAccount)
}

func TestParallelCreatesGiveOneProcess(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	var created, open atomic.Int64
	var ids sync.Map
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			n := w.request(5)
			n.SubjectID = int64(1000 + i) // each request has made a row of its own by now
			p, err := s.Create(w.ctx, n)
			var already *process.AlreadyOpenError
			switch {
			case err == nil:
				created.Add(1)
				ids.Store(p.ID, true)
			case errors.As(err, &already):
				open.Add(1)
				ids.Store(already.Process.ID, true)
				require.Equal(t, models.KindConflict, models.KindOf(err))
				require.False(t, already.Repeated)
			default:
				t.Errorf("unexpected: %v", err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, created.Load())
	require.EqualValues(t, 99, open.Load())
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n)
	require.EqualValues(t, 1, w.count(t, `SELECT count(*) FROM processes`, nil))
	require.EqualValues(t, 1, w.count(t, `SELECT count(*) FROM process_events`, nil))
}

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	n := w.request(1)
	n.IdempotencyKey, n.RequestHash = "key-1", []byte{1}
	p, err := s.Create(w.ctx, n)
	require.NoError(t, err)

	_, err = s.Create(w.ctx, n)
	var already *process.AlreadyOpenError
	require.ErrorAs(t, err, &already)
	require.True(t, already.Repeated)
	require.Equal(t, p.ID, already.Process.ID)

	other := w.request(2)
	other.IdempotencyKey, other.RequestHash = "key-1", []byte{2}
	_, err = s.Create(w.ctx, other)
	require.ErrorIs(t, err, process.ErrKeyReused)

	// The key outlives the process.
	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessCompleted})
	require.NoError(t, err)
	_, err = s.Create(w.ctx, n)
	require.ErrorAs(t, err, &already)
	require.True(t, already.Repeated)

	// Without the key the business request may be made again, as the next attempt.
	again := w.request(1)
	_, err = s.Create(w.ctx, again)
	require.ErrorIs(t, err, process.ErrAttemptExists)
	again.Attempt = 2
	p, err = s.Create(w.ctx, again)
	require.NoError(t, err)
	require.Equal(t, "bulk-invite/1/1/2", p.WorkflowID)
}

func TestTransitions(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	all := models.ProcessStates
	subject := int64(0)
	reach := map[models.ProcessState][]models.ProcessState{models.ProcessPending: nil}
	for _, state := range all[1:] {
		reach[state] = []models.ProcessState{state}
	}
	to := func(state models.ProcessState) process.Transition {
		tr := process.Transition{To: state}
		if state == models.ProcessFailed {
			tr.Error = "the file is gone; upload it again"
		}
		return tr
	}
	for _, from := range all {
		for _, next := range all {
			subject++
			p, err := s.Create(w.ctx, w.request(subject))
			require.NoError(t, err)
			for _, step := range reach[from] {
				p, err = s.Transition(w.ctx, p.ID, to(step))
				require.NoError(t, err)
			}
			before := w.count(t, `SELECT count(*) FROM process_events`, nil)
			changed, err := s.Transition(w.ctx, p.ID, to(next))
			after := w.count(t, `SELECT count(*) FROM process_events`, nil)
			switch {
			case from == next:
				require.NoError(t, err)
				require.Equal(t, before, after, "repeated %s", next)
			case from.CanBecome(next):
				require.NoError(t, err, "%s to %s", from, next)
				require.Equal(t, next, changed.State)
				require.Equal(t, next.Final(), changed.EndedAt != nil)
				require.Equal(t, before+1, after)
			case from.Final():
				require.ErrorIs(t, err, process.ErrEnded, "%s to %s", from, next)
				require.Equal(t, before, after)
			default:
				require.ErrorIs(t, err, process.ErrState, "%s to %s", from, next)
				require.Equal(t, before, after)
			}
		}
	}
	states := w.count(t, `SELECT count(*) FROM process_events WHERE type = 'state'`, nil)
	require.Equal(t, states, w.count(t, `SELECT count(*) FROM audit_events WHERE action <> 'process.created'`, nil))
}

func TestTransitionKeepsWhatIsNotNamed(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	deadline, five, ten := time.Now().Add(time.Hour), int64(5), int64(10)
	p, err = s.Transition(w.ctx, p.ID, process.Transition{
		To: models.ProcessWaiting, Stage: "decision", WaitsFor: "organization admins", Deadline: &deadline,
		Counters: map[string]int{"a": 1}, Done: &five, Total: &ten,
	})
	require.NoError(t, err)
	require.Equal(t, "organization admins", *p.WaitsFor)
	require.NotNil(t, p.StartedAt)

	later := deadline.Add(time.Hour)
	moved, err := s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessWaiting, WaitsFor: "account admins", Deadline: &later})
	require.NoError(t, err)
	require.Equal(t, "account admins", *moved.WaitsFor)
	require.WithinDuration(t, later, *moved.Deadline, time.Millisecond)
	require.EqualValues(t, 5, moved.Done)

	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessFailed})
	require.ErrorContains(t, err, "reason")
	p, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessFailed, Error: "nobody decided", Result: map[string]string{"x": "y"}})
	require.NoError(t, err)
	require.Equal(t, "decision", p.Stage)
	require.JSONEq(t, `{"a": 1}`, string(p.Counters))
	require.JSONEq(t, `{"x": "y"}`, string(p.Result))
	require.Nil(t, p.WaitsFor)
	require.Equal(t, "nobody decided", *p.Error)
}

func TestProgress(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessRunning})
	require.NoError(t, err)

	cancelling, err := s.Progress(w.ctx, nil, p.ID, process.Progress{Done: 1, Total: 10, Stage: "rows", Counters: map[string]int64{"new": 1}})
	require.NoError(t, err)
	require.False(t, cancelling)
	// In the transaction of the work, which is rolled back.
	err = w.db.Bulk(w.ctx, func(tx *store.BulkTx) error {
		_, err := s.Progress(w.ctx, tx, p.ID, process.Progress{Done: 9, Total: 10})
		require.NoError(t, err)
		return errors.New("no")
	})
	require.EqualError(t, err, "no")
	err = w.db.InTx(w.ctx, func(ctx context.Context) error {
		_, err := s.Progress(ctx, nil, p.ID, process.Progress{Done: 8, Total: 10})
		require.NoError(t, err)
		return errors.New("no again")
	})
	require.EqualError(t, err, "no again")
	_, err = s.Progress(w.ctx, nil, p.ID, process.Progress{Done: 2, Total: 10, Counters: map[string]int64{"bad": 1}})
	require.NoError(t, err)
	got, err := s.Get(w.ctx, p.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, got.Done)
	require.Equal(t, "rows", got.Stage)
	require.JSONEq(t, `{"new": 1, "bad": 1}`, string(got.Counters))

	_, err = s.Cancel(w.ctx, p.ID)
	require.NoError(t, err)
	require.NoError(t, w.db.Bulk(w.ctx, func(tx *store.BulkTx) error {
		cancelling, err = s.Progress(w.ctx, tx, p.ID, process.Progress{Done: 10, Total: 10})
		return err
	}))
	require.True(t, cancelling)

	lines, err := s.Timeline(w.ctx, p.ID, 0, 0)
	require.NoError(t, err)
	var seen []string
	for _, l := range lines {
		seen = append(seen, l.Type)
	}
	// The second report came within a second of the first one.
	require.Equal(t, []string{"created", "state", "progress", "cancel_requested", "progress"}, seen)
	var data map[string]any
	require.NoError(t, json.Unmarshal(lines[4].Data, &data))
	require.EqualValues(t, 10, data["done"])

	_, err = s.Transition(w.ctx, p.ID, process.Transition{To: models.ProcessCancelled})
	require.NoError(t, err)
	_, err = s.Progress(w.ctx, nil, p.ID, process.Progress{Done: 10, Total: 10})
	require.ErrorIs(t, err, process.ErrEnded)
	require.ErrorIs(t, w.db.InTx(w.ctx, func(ctx context.Context) error {
		_, err := s.Progress(ctx, nil, p.ID, process.Progress{Done: 10, Total: 10})
		return err
	}), process.ErrEnded)
}

func TestList(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	s := process.NewService(process.Deps{DB: w.db})
	var ids []int64
	for i := range 5 {
		n := w.request(int64(i + 1))
		if i%2 == 1 {
			n.Kind, n.SubjectType, n.OrganizationID = models.ProcessOrgRoleRequest, "role_request", nil
		}
		p, err := s.Create(w.ctx, n)
		require.NoError(t, err)
		ids = append(ids, p.ID)
	}
	_, err := s.Transition(w.ctx, ids[0], process.Transition{To: models.ProcessRunning})
	require.NoError(t, err)
	list := func(f process.Filter) []int64 {
		t.Helper()
		page, _, err := s.List(w.ctx, f)
		require.NoError(t, err)
		out := []int64{}
		for _, p := range page {
			out = append(out, p.ID)
		}
		return out
	}
	require.Equal(t, []int64{ids[4], ids[3], ids[2], ids[1], ids[0]}, list(process.Filter{}))
	require.Equal(t, []int64{ids[3], ids[1]}, list(process.Filter{Kinds: []models.ProcessKind{models.ProcessOrgRoleRequest}}))
	require.Equal(t, []int64{ids[0]}, list(process.Filter{States: []models.ProcessState{models.ProcessRunning}}))
	require.Equal(t, []int64{ids[4], ids[2], ids[0]}, list(process.Filter{OrganizationID: &w.org}))
	require.Equal(t, []int64{ids[1]}, list(process.Filter{SubjectType: "role_request", SubjectID: 2}))
	require.Equal(t, []int64{}, list(process.Filter{From: time.Now().Add(time.Hour)}))
	require.Len(t, list(process.Filter{Until: time.Now().Add(time.Hour), StartedBy: &w.user}), 5)

	var walked []int64
	var cursor int64
	for {
		page, next, err := s.List(w.ctx, process.Filter{Limit: 2, Before: cursor})
		require.NoError(t, err)
		for _, p := range page {
			walked = append(walked, p.ID)
		}
		if next == 0 {
			break
		}
		cursor = next
	}
	require.Equal(t, list(process.Filter{}), walked)
	page, _, err := s.List(store.WithAccount(t.Context(), 2), process.Filter{})
	require.NoError(t, err)
	require.Empty(t, page)

	counts, err := s.OpenCounts(t.Context())
	require.NoError(t, err)
	require.Len(t, counts, 3)
	backlog, err := s.Backlog(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, backlog[0].Pending)
}
