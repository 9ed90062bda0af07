package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"quad/internal/store"
	"quad/models"
)

// The search attributes by which operators find processes in the Temporal UI.
var (
	attrAccount      = temporal.NewSearchAttributeKeyInt64("QuadAccount")
	attrOrganization = temporal.NewSearchAttributeKeyInt64("QuadOrganization")
	attrKind         = temporal.NewSearchAttributeKeyKeyword("QuadKind")
	attrSubject      = temporal.NewSearchAttributeKeyKeyword("QuadSubject")
)

// SearchAttributes are the search attributes that the namespace needs, by name.
var SearchAttributes = map[string]enums.IndexedValueType{
	attrAccount.GetName():      attrAccount.GetValueType(),
	attrOrganization.GetName(): attrOrganization.GetValueType(),
	attrKind.GetName():         attrKind.GetValueType(),
	attrSubject.GetName():      attrSubject.GetValueType(),
}

func errNoTemporal() error {
	return models.ErrUnavailable.With(errors.New("no connection to Temporal is configured"))
}

func unavailable(err error) error { return models.ErrUnavailable.With(err) }

// startOptions are those of every start. The row decides which process exists,
// so a workflow id is used once: an ended workflow is never run again under it.
func startOptions(p models.Process, spec models.ProcessSpec, conflict enums.WorkflowIdConflictPolicy) client.StartWorkflowOptions {
	attributes := []temporal.SearchAttributeUpdate{
		attrAccount.ValueSet(p.AccountID), attrKind.ValueSet(string(p.Kind)),
		attrSubject.ValueSet(fmt.Sprintf("%s:%d", p.SubjectType, p.SubjectID)),
	}
	if p.OrganizationID != nil {
		attributes = append(attributes, attrOrganization.ValueSet(*p.OrganizationID))
	}
	return client.StartWorkflowOptions{
		ID: p.WorkflowID, TaskQueue: spec.TaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 conflict,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(attributes...),
	}
}

func workflowInput(p models.Process) models.ProcessInput {
	return models.ProcessInput{AccountID: p.AccountID, ProcessID: p.ID, SubjectID: p.SubjectID, Attempt: p.Attempt}
}

// start starts the workflow of p and records that it runs. A workflow that
// exists under the id is the one that an earlier start has made before its
// answer was lost.
func (s *Service) start(ctx context.Context, p models.Process) error {
	if s.temporal == nil {
		return errNoTemporal()
	}
	spec, ok := p.Spec()
	if !ok {
		return ErrUnknownKind
	}
	var runID string
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	run, err := s.temporal.ExecuteWorkflow(ctx, startOptions(p, spec, enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL), spec.WorkflowType, workflowInput(p))
	switch {
	case err == nil:
		runID = run.GetRunID()
	case errors.As(err, &exists):
		runID = exists.RunId
	default:
		return fmt.Errorf("process: start %s: %w", p.WorkflowID, outage(err))
	}
	return s.started(ctx, p, runID)
}

const markStarted = `
UPDATE processes SET run_id = @run, started_at = COALESCE(started_at, now()), next_start_at = now() + make_interval(secs => @check)
WHERE account_id = @account_id AND id = @id AND ended_at IS NULL
RETURNING *`

// started records the run of a process. If the process was cancelled while it
// was being started, the workflow is told so.
func (s *Service) started(ctx context.Context, p models.Process, runID string) error {
	ctx = store.WithAccount(ctx, p.AccountID)
	var now models.Process
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		before, err := s.lock(ctx, p.ID)
		if err != nil {
			return err
		}
		args := store.Args{"id": p.ID, "run": runID, "check": s.checkEvery.Seconds()}
		if err := s.db.Query(ctx, &now, markStarted, args); err != nil || now.ID == 0 || equal(before.RunID, &runID) {
			return err
		}
		return s.addEvent(ctx, event{process: p.ID, typ: "started", data: map[string]any{"runId": runID}})
	})
	if err != nil {
		return fmt.Errorf("process: record the start of %d: %w", p.ID, err)
	}
	if now.ID == 0 || now.CancelRequestedAt != nil {
		return s.sendCancel(ctx, p)
	}
	return nil
}

// sendCancel asks the workflow to cancel. One that does not run has nothing to
// cancel: the sweeper's check ends its row.
func (s *Service) sendCancel(ctx context.Context, p models.Process) error {
	if s.temporal == nil {
		return errNoTemporal()
	}
	err := s.temporal.CancelWorkflow(ctx, p.WorkflowID, "")
	var missing *serviceerror.NotFound
	if err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("process: cancel %s: %w", p.WorkflowID, outage(err))
	}
	return nil
}

// Update asks the running workflow and waits for its answer, at most
// DecisionTimeout. A workflow that has not been started yet is started with
// the question. updateID makes a repeated question the same one. result is a
// pointer or nil. Errors: the refusal of the workflow as *models.Error;
// ErrEnded; models.ErrUnavailable if nobody answered in time: the question may
// still be answered later.
func (s *Service) Update(ctx context.Context, p models.Process, name, updateID string, arg, result any) error {
	if s.temporal == nil {
		return errNoTemporal()
	}
	spec, ok := p.Spec()
	if !ok {
		return ErrUnknownKind
	}
	if s.paused() {
		return unavailable(errors.New("temporal did not answer a moment ago"))
	}
	ctx, cancel := context.WithTimeout(ctx, s.decisionTimeout)
	defer cancel()
	begin := s.temporal.NewWithStartWorkflowOperation(
		startOptions(p, spec, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING), spec.WorkflowType, workflowInput(p))
	handle, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: begin,
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: p.WorkflowID, UpdateID: updateID, UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, result)
	}
	if err != nil {
		return fmt.Errorf("process: update %s of %s: %w", name, p.WorkflowID, updateError(ctx, err))
	}
	if p.StartedAt == nil {
		s.recordRun(ctx, p, begin.Get)
	}
	return nil
}

// Signal tells the workflow news and starts it if it has not been started yet.
// Errors: ErrEnded, models.ErrUnavailable.
func (s *Service) Signal(ctx context.Context, p models.Process, name string, arg any) error {
	if s.temporal == nil {
		return errNoTemporal()
	}
	spec, ok := p.Spec()
	if !ok {
		return ErrUnknownKind
	}
	if s.paused() {
		return unavailable(errors.New("temporal did not answer a moment ago"))
	}
	ctx, cancel := context.WithTimeout(ctx, s.decisionTimeout)
	defer cancel()
	options := startOptions(p, spec, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
	run, err := s.temporal.SignalWithStartWorkflow(ctx, p.WorkflowID, name, arg, options, spec.WorkflowType, workflowInput(p))
	if err != nil {
		return fmt.Errorf("process: signal %s to %s: %w", name, p.WorkflowID, updateError(ctx, err))
	}
	if p.StartedAt == nil {
		s.recordRun(ctx, p, func(context.Context) (client.WorkflowRun, error) { return run, nil })
	}
	return nil
}

// recordRun notes the run that was started together with a question. The
// answer counts whether or not this succeeds; the sweeper repeats it.
func (s *Service) recordRun(ctx context.Context, p models.Process, get func(context.Context) (client.WorkflowRun, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.startTimeout)
	defer cancel()
	run, err := get(ctx)
	if err == nil {
		err = s.started(ctx, p, run.GetRunID())
	}
	if err != nil {
		slog.WarnContext(ctx, "the start of a process was not recorded", "process_id", p.ID, "error", err)
	}
}

// updateError turns what a call to a workflow gave into the hub's errors.
func updateError(ctx context.Context, err error) error {
	if refused := DecodeError(err); refused != nil {
		return refused
	}
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	var missing *serviceerror.NotFound
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &exists), errors.As(err, &missing):
		return ErrEnded.With(err)
	case errors.As(err, &app) && app.Type() == "AcceptedUpdateCompletedWorkflow":
		return ErrEnded.With(err)
	case errors.As(err, &app):
		return err // a mistake in the workflow, not an answer
	case errors.As(err, &late), ctx.Err() != nil:
		return unavailable(err)
	}
	return outage(err)
}

// outage marks the errors of calls that may succeed later. A bad request stays
// what it is.
func outage(err error) error {
	var invalid *serviceerror.InvalidArgument
	var denied *serviceerror.PermissionDenied
	if err == nil || errors.As(err, &invalid) || errors.As(err, &denied) {
		return err
	}
	return unavailable(err)
}
