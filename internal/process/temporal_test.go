package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"quad/internal/config"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// quick are short times, so that a test does not wait for a sweep's leases.
func quick(db *store.DB, c process.TemporalClient) process.Deps {
	return process.Deps{DB: db, Temporal: c, Grace: 100 * time.Millisecond, CheckEvery: 200 * time.Millisecond, StartTimeout: 5 * time.Second, DecisionTimeout: 10 * time.Second}
}

func newClient(t *testing.T, address, namespace string) process.TemporalClient {
	t.Helper()
	c, err := process.NewClient(config.Temporal{Address: address, Namespace: namespace}, process.ClientOptions{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// steps are the activities of the test's workflow.
type steps struct{ s *process.Service }

func (a *steps) Move(ctx context.Context, in models.ProcessInput, to models.ProcessState) error {
	_, err := a.s.Transition(store.WithAccount(ctx, in.AccountID), in.ProcessID, process.Transition{To: to})
	return process.EncodeError(err)
}

// question is what the test's workflow is asked.
type question struct{ Word string }

// testWorkflow waits until it is told how to end.
func testWorkflow(ctx workflow.Context, in models.ProcessInput) error {
	move := func(ctx workflow.Context, to models.ProcessState) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
		return workflow.ExecuteActivity(ctx, "Move", in, to).Get(ctx, nil)
	}
	end := ""
	err := workflow.SetUpdateHandler(ctx, "decide", func(ctx workflow.Context, q question) (string, error) {
		switch q.Word {
		case "no":
			return "", process.EncodeError(&models.Error{Kind: models.KindConflict, Code: "role_request.closed", Text: "it is closed",
				Fields: []models.FieldError{{Field: "status", Rule: "enum", Text: "not this"}}})
		case "move":
			// A refusal that comes out of an activity.
			return "", move(ctx, models.ProcessPending)
		}
		end = q.Word
		return "answer to " + q.Word, nil
	})
	if err != nil {
		return err
	}
	news := workflow.GetSignalChannel(ctx, "news")
	workflow.Go(ctx, func(ctx workflow.Context) { news.Receive(ctx, &end) })
	if err := move(ctx, models.ProcessRunning); err != nil {
		return err
	}
	if err := workflow.Await(ctx, func() bool { return end != "" }); err != nil {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		return move(detached, models.ProcessCancelled)
	}
	switch end {
	case "silent":
		return nil
	case "fail":
		return process.EncodeError(models.Refuse(models.KindInvalid, "file.gone", "the file is gone"))
	case "bug":
		return errors.New("postgres://secret")
	}
	return move(ctx, models.ProcessCompleted)
}

func runWorker(t *testing.T, c client.Client, s *process.Service) worker.Worker {
	t.Helper()
	w := worker.New(c, models.QueueBulk, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflowWithOptions(testWorkflow, workflow.RegisterOptions{Name: "BulkInvite"})
	w.RegisterActivity(&steps{s})
	require.NoError(t, w.Start())
	return w
}

// becomes waits for a state, sweeping meanwhile.
func becomes(t *testing.T, ctx context.Context, s *process.Service, id int64, want models.ProcessState) models.Process {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		swept := s.Sweep(ctx)
		p, err := s.Get(ctx, id)
		require.NoError(t, err)
		if p.State == want {
			return p
		}
		require.True(t, time.Now().Before(deadline), "state %s, not %s; last sweep: %v", p.State, want, swept)
		runtime.Gosched()
	}
}

func types(t *testing.T, ctx context.Context, s *process.Service, id int64) (seen []string) {
	t.Helper()
	lines, err := s.Timeline(ctx, id, 0, 0)
	require.NoError(t, err)
	for _, l := range lines {
		seen = append(seen, l.Type)
	}
	return seen
}

func TestProcessRuns(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	s := process.NewService(quick(w.db, c))
	defer runWorker(t, c, s).Stop()

	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	p = becomes(t, w.ctx, s, p.ID, models.ProcessRunning)
	require.Eventually(t, func() bool {
		p, err = s.Get(w.ctx, p.ID)
		return err == nil && p.RunID != nil
	}, patience, 10*time.Millisecond)
	info, err := c.DescribeWorkflowExecution(t.Context(), p.WorkflowID, "")
	require.NoError(t, err)
	attributes := info.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	require.JSONEq(t, `1`, string(attributes["QuadAccount"].GetData()))
	require.JSONEq(t, `"bulk-invite"`, string(attributes["QuadKind"].GetData()))
	require.JSONEq(t, `"invite_file:1"`, string(attributes["QuadSubject"].GetData()))

	var answer string
	require.NoError(t, s.Update(w.ctx, p, "decide", "d1", question{"go"}, &answer))
	require.Equal(t, "answer to go", answer)
	p = becomes(t, w.ctx, s, p.ID, models.ProcessCompleted)
	require.NotNil(t, p.EndedAt)
	// The row says so a moment before the workflow that wrote it has closed.
	require.Eventually(t, func() bool {
		info, err := c.DescribeWorkflowExecution(t.Context(), p.WorkflowID, "")
		return err == nil && info.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}, patience, 10*time.Millisecond)
	require.ErrorIs(t, s.Update(w.ctx, p, "decide", "d2", question{"go"}, &answer), process.ErrEnded)
	require.ErrorIs(t, s.Signal(w.ctx, p, "news", "go"), process.ErrEnded)
	_, err = s.Cancel(w.ctx, p.ID)
	require.ErrorIs(t, err, process.ErrEnded)
}

func sharedClient(t *testing.T) process.TemporalClient {
	t.Helper()
	address, namespace := testenv.Temporal(t)
	return newClient(t, address, namespace)
}

func TestUpdateCarriesRefusals(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	s := process.NewService(quick(w.db, c))
	defer runWorker(t, c, s).Stop()
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)

	err = s.Update(w.ctx, p, "decide", "", question{"no"}, nil)
	var refused *models.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, models.KindConflict, refused.Kind)
	require.Equal(t, "role_request.closed", refused.Code)
	require.Equal(t, "it is closed", refused.Text)
	require.Equal(t, "status", refused.Fields[0].Field)

	becomes(t, w.ctx, s, p.ID, models.ProcessRunning)
	require.ErrorIs(t, s.Update(w.ctx, p, "decide", "", question{"move"}, nil), process.ErrState)
	require.NoError(t, s.Signal(w.ctx, p, "news", "done"))
	becomes(t, w.ctx, s, p.ID, models.ProcessCompleted)
}

func TestUpdateStartsWhatWasNotStarted(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	p, err := process.NewService(process.Deps{DB: w.db}).Create(w.ctx, w.request(1)) // Temporal not reached
	require.NoError(t, err)
	s := process.NewService(quick(w.db, c))
	defer runWorker(t, c, s).Stop()
	var answer string
	require.NoError(t, s.Update(w.ctx, p, "decide", "d1", question{"go"}, &answer))
	p = becomes(t, w.ctx, s, p.ID, models.ProcessCompleted)
	require.NotNil(t, p.RunID)
}

func TestUpdateWithoutWorkerIsUnavailableInTime(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	d := quick(w.db, c)
	d.DecisionTimeout = 700 * time.Millisecond
	s := process.NewService(d)
	p, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	begin := time.Now()
	require.ErrorIs(t, s.Update(w.ctx, p, "decide", "d1", question{"go"}, nil), models.ErrUnavailable)
	require.Less(t, time.Since(begin), 5*time.Second)
}

func TestTemporalDown(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	server := testenv.PrivateTemporal(t)
	server.Kill()
	c := newClient(t, server.Address(), "default")
	d := quick(w.db, c)
	d.StartTimeout, d.DecisionTimeout = 300*time.Millisecond, 500*time.Millisecond
	s := process.NewService(d)

	var ids []int64
	begin := time.Now()
	for i := range 20 {
		p, err := s.Create(w.ctx, w.request(int64(i+1)))
		require.NoError(t, err)
		ids = append(ids, p.ID)
	}
	require.Less(t, time.Since(begin), 5*time.Second, "only the first request waits for Temporal")
	first, err := s.Get(w.ctx, ids[0])
	require.NoError(t, err)
	begin = time.Now()
	require.ErrorIs(t, s.Update(w.ctx, first, "decide", "", question{"go"}, nil), models.ErrUnavailable)
	require.ErrorIs(t, s.Signal(w.ctx, first, "news", "go"), models.ErrUnavailable)
	require.ErrorIs(t, s.Sweep(w.ctx), models.ErrUnavailable)
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Zero(t, w.count(t, `SELECT count(*) FROM processes WHERE start_attempts > 0`, nil), "an outage uses up no attempt")

	// One is cancelled while nothing can be reached.
	closed := &handler{}
	s.Handle(models.ProcessBulkInvite, closed)
	p, err := s.Cancel(w.ctx, ids[1])
	require.NoError(t, err)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.EqualValues(t, 1, closed.cancelled.Load())

	server.Start()
	require.Eventually(t, func() bool { return s.Healthy(t.Context()) == nil }, patience, 50*time.Millisecond)
	defer runWorker(t, c, s).Stop()
	second := process.NewService(d) // another replica sweeps as well
	for i, id := range ids {
		if i == 1 {
			continue
		}
		_ = second.Sweep(t.Context())
		becomes(t, w.ctx, s, id, models.ProcessRunning)
	}
	require.Zero(t, w.count(t, `SELECT count(*) FROM process_events WHERE type = 'started' GROUP BY process_id HAVING count(*) > 1`, nil))
}

// handler is an area's handler that counts.
type handler struct {
	cancelled, failed, decided atomic.Int64
	again                      func(context.Context, models.Process) (models.Process, error)
}

func (h *handler) Start(ctx context.Context, _ json.RawMessage, _ string) (models.Process, error) {
	return models.Process{}, models.ErrForbidden
}

func (h *handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	return h.again(ctx, p)
}

func (h *handler) Decide(context.Context, models.Process, process.Decision) error {
	h.decided.Add(1)
	return nil
}

func (h *handler) Cancelled(context.Context, models.Process) error { h.cancelled.Add(1); return nil }
func (h *handler) Failed(context.Context, models.Process) error    { h.failed.Add(1); return nil }

func TestCancelReachesTheWorkflow(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	s := process.NewService(quick(w.db, c))
	worker := runWorker(t, c, s)
	defer worker.Stop()
	direct, err := s.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	lost, err := s.Create(w.ctx, w.request(2))
	require.NoError(t, err)
	becomes(t, w.ctx, s, direct.ID, models.ProcessRunning)
	becomes(t, w.ctx, s, lost.ID, models.ProcessRunning)

	p, err := s.Cancel(w.ctx, direct.ID)
	require.NoError(t, err)
	require.NotNil(t, p.CancelRequestedAt)
	_, err = s.Cancel(w.ctx, direct.ID) // again
	require.NoError(t, err)
	// The message about this one gets lost; the sweeper sends it again.
	_, err = process.NewService(process.Deps{DB: w.db, Grace: 100 * time.Millisecond}).Cancel(w.ctx, lost.ID)
	require.NoError(t, err)
	becomes(t, w.ctx, s, lost.ID, models.ProcessCancelled)
	p = becomes(t, w.ctx, s, direct.ID, models.ProcessCancelled)
	require.Equal(t, w.user, *p.CancelRequestedBy)
	require.Contains(t, types(t, w.ctx, s, lost.ID), "cancel_requested")
}

func TestWorkflowsThatEndInSilence(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	c := sharedClient(t)
	s := process.NewService(quick(w.db, c))
	h := &handler{}
	h.again = func(ctx context.Context, p models.Process) (models.Process, error) {
		n := w.request(p.SubjectID)
		n.Attempt = p.Attempt + 1
		return s.Create(ctx, n)
	}
	s.Handle(models.ProcessBulkInvite, h)
	defer runWorker(t, c, s).Stop()
	start := func(subject int64) models.Process {
		p, err := s.Create(w.ctx, w.request(subject))
		require.NoError(t, err)
		return becomes(t, w.ctx, s, p.ID, models.ProcessRunning)
	}
	silent, failing, bug, killed := start(1), start(2), start(3), start(4)
	require.NoError(t, s.Signal(w.ctx, silent, "news", "silent"))
	require.NoError(t, s.Signal(w.ctx, failing, "news", "fail"))
	require.NoError(t, s.Signal(w.ctx, bug, "news", "bug"))
	require.NoError(t, c.TerminateWorkflow(t.Context(), killed.WorkflowID, "", "test"))

	p := becomes(t, w.ctx, s, silent.ID, models.ProcessFailed)
	require.Contains(t, *p.Error, "without recording a result")
	p = becomes(t, w.ctx, s, failing.ID, models.ProcessFailed)
	require.Contains(t, *p.Error, "the file is gone")
	p = becomes(t, w.ctx, s, bug.ID, models.ProcessFailed)
	require.NotContains(t, *p.Error, "secret")
	require.Contains(t, *p.Error, p.WorkflowID)
	p = becomes(t, w.ctx, s, killed.ID, models.ProcessFailed)
	require.Contains(t, *p.Error, "terminated by an operator")
	require.EqualValues(t, 4, h.failed.Load())

	require.ErrorIs(t, s.Decide(w.ctx, killed.ID, process.Decision{}), process.ErrEnded)
	again, err := s.Retry(w.ctx, killed.ID)
	require.NoError(t, err)
	require.Equal(t, 2, again.Attempt)
	becomes(t, w.ctx, s, again.ID, models.ProcessRunning)
	_, err = s.Retry(w.ctx, again.ID)
	require.ErrorIs(t, err, process.ErrNotEnded)
	require.NoError(t, s.Decide(w.ctx, again.ID, process.Decision{}))
	require.EqualValues(t, 1, h.decided.Load())
	_, err = s.Start(w.ctx, models.ProcessBulkInvite, nil, "")
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = s.Start(w.ctx, "unknown", nil, "")
	require.ErrorIs(t, err, process.ErrUnknownKind)
}

func TestVanishedWorkflowStartsAgain(t *testing.T) {
	w := newWorld(t, testenv.Database(t))
	address, lostNamespace := testenv.Temporal(t)
	_, namespace := testenv.Temporal(t)
	before := newClient(t, address, lostNamespace)
	old := process.NewService(quick(w.db, before))
	p, err := old.Create(w.ctx, w.request(1))
	require.NoError(t, err)
	cancelling, err := old.Create(w.ctx, w.request(2))
	require.NoError(t, err)
	require.NotNil(t, becomes(t, w.ctx, old, p.ID, models.ProcessPending).RunID)
	cancelling, err = process.NewService(process.Deps{DB: w.db}).Cancel(w.ctx, cancelling.ID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessPending, cancelling.State)

	// Temporal comes back without its data.
	c := newClient(t, address, namespace)
	s := process.NewService(quick(w.db, c))
	defer runWorker(t, c, s).Stop()
	p = becomes(t, w.ctx, s, p.ID, models.ProcessRunning)
	require.Contains(t, types(t, w.ctx, s, p.ID), "restarted")
	_, err = w.db.Exec(store.AsSystem(t.Context()), `UPDATE processes SET next_start_at = now() WHERE id = @id`, store.Args{"id": cancelling.ID})
	require.NoError(t, err)
	becomes(t, w.ctx, s, cancelling.ID, models.ProcessCancelled)
}

func TestErrorsThroughTemporal(t *testing.T) {
	require.NoError(t, process.EncodeError(nil))
	plain := errors.New("plain")
	require.Equal(t, plain, process.EncodeError(plain))
	require.Nil(t, process.DecodeError(plain))
	require.Nil(t, process.DecodeError(temporal.NewApplicationError("x", "other")))

	var app *temporal.ApplicationError
	require.ErrorAs(t, process.EncodeError(models.ErrNotFound.With(plain)), &app)
	require.True(t, app.NonRetryable())
	require.NotContains(t, app.Error(), "plain")
	require.ErrorAs(t, process.EncodeError(models.ErrUnavailable.With(plain)), &app)
	require.False(t, app.NonRetryable())
	again := process.EncodeError(app)
	require.Same(t, app, again)
	require.ErrorIs(t, process.DecodeError(app), models.ErrUnavailable)
}
