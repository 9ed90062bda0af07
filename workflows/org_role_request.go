package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"quad/activities"
	"quad/models"
)

// What can be said to and asked from a running OrgRoleRequest.
var (
	RoleRequestDecide  = Update[models.RoleRequestDecideInput, models.RoleRequestOutcome]{models.RoleRequestDecide}
	RoleRequestRecheck = Signal[struct{}]{models.RoleRequestRecheck}
	RoleRequestState   = Query[OrgRoleRequestState]{models.RoleRequestState}
)

// OrgRoleRequestState is what an operator sees of a running request.
type OrgRoleRequestState struct {
	Status    models.RoleRequestStatus `json:"status"`
	Next      models.RoleRequestAction `json:"next"`
	NextAt    time.Time                `json:"nextAt,omitzero"`
	Decisions int                      `json:"decisions"` // heard in this run
	Closed    bool                     `json:"closed"`
}

// OrgRoleRequest accompanies one role request from the wish to its end. It
// waits for the next thing that time will do to the request, lets a decision in
// between, and ends when the row is closed, whoever closed it. Cancelling it
// withdraws the request.
func OrgRoleRequest(ctx workflow.Context, in models.ProcessInput) error {
	r := &orgRoleRequest{in: in, news: RoleRequestRecheck.Channel(ctx)}
	if err := RoleRequestState.Handle(ctx, r.state); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if err := RoleRequestDecide.Handle(ctx, r.decide, r.mayDecide); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	err := r.run(ctx)
	if ctx.Err() != nil {
		err = r.withdraw(ctx)
	}
	// A decision that came in last gets its answer.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.Await(detached, func() bool { return workflow.AllHandlersFinished(detached) }); err != nil {
		return err
	}
	return err
}

type orgRoleRequest struct {
	in        models.ProcessInput
	news      Inbox[struct{}]
	step      models.RoleRequestStep
	decisions int
	changed   bool // by a decision
	closed    bool
}

// roleRequestSteps gives the activities their names; nothing is behind it here.
var roleRequestSteps *activities.OrgRoleRequest

func (r *orgRoleRequest) run(ctx workflow.Context) error {
	err := r.take(ctx, roleRequestSteps.OpenRoleRequest)
	for err == nil && !r.closed {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return r.restart(ctx)
		}
		var due bool
		if due, err = r.wait(ctx); err != nil || r.closed {
			break
		}
		switch {
		case !due:
			err = r.take(ctx, roleRequestSteps.CheckRoleRequest)
		case r.step.Action == models.RoleRequestRemind:
			err = r.take(ctx, roleRequestSteps.RemindApprovers)
		case r.step.Action == models.RoleRequestEscalate:
			err = r.take(ctx, roleRequestSteps.EscalateRoleRequest)
		default:
			err = r.take(ctx, roleRequestSteps.ExpireRoleRequest)
		}
	}
	return err
}

// take runs an activity and learns what is due next.
func (r *orgRoleRequest) take(ctx workflow.Context, activity any) error {
	in := activities.RoleRequestIn{ProcessInput: r.in, Now: workflow.Now(ctx)}
	if err := workflow.ExecuteActivity(Short(ctx), activity, in).Get(ctx, &r.step); err != nil {
		return err
	}
	r.closed = r.closed || r.step.Action == models.RoleRequestNone
	workflow.SetCurrentDetails(ctx, r.details())
	return nil
}

// details is what the Temporal UI shows; no person is in it.
func (r *orgRoleRequest) details() string {
	if r.closed {
		return "Closed."
	}
	return fmt.Sprintf("%s, waiting for a decision. If nobody decides: %s at %s.", r.step.Status, r.step.Action, r.step.At.UTC().Format(time.RFC3339))
}

// wait ends when the next step is due (true), or earlier when there are news
// (false).
func (r *orgRoleRequest) wait(ctx workflow.Context) (due bool, err error) {
	options := workflow.AwaitOptions{
		Timeout:      max(0, r.step.At.Sub(workflow.Now(ctx))),
		TimerOptions: workflow.TimerOptions{Summary: "then " + string(r.step.Action)},
	}
	if options.Timeout == 0 {
		return true, nil
	}
	woken, err := workflow.AwaitWithOptions(ctx, options, func() bool { return r.changed || r.news.ch.Len() > 0 })
	for more := true; more; {
		_, more = r.news.TryReceive()
	}
	r.changed = false
	return !woken, err
}

// mayDecide is the validator of the update: whoever comes after the end is
// refused without a trace in the history.
func (r *orgRoleRequest) mayDecide(workflow.Context, models.RoleRequestDecideInput) error {
	if r.closed {
		return activities.Refuse(activities.ErrRoleRequestNotDecidable)
	}
	return nil
}

// decide is the update. Its step goes on when the workflow is cancelled, so
// that whoever decided gets an answer.
func (r *orgRoleRequest) decide(ctx workflow.Context, d models.RoleRequestDecideInput) (models.RoleRequestOutcome, error) {
	r.decisions++
	detached, _ := workflow.NewDisconnectedContext(ctx)
	var out models.RoleRequestOutcome
	in := activities.DecisionIn{ProcessInput: r.in, DecisionID: d.DecisionID}
	if err := workflow.ExecuteActivity(Answer(detached), roleRequestSteps.ApplyDecision, in).Get(detached, &out); err != nil {
		return out, err
	}
	r.closed = r.closed || !out.Status.Open()
	r.changed = true
	return out, nil
}

// withdraw is what a cancelled workflow does last.
func (r *orgRoleRequest) withdraw(ctx workflow.Context) error {
	cleanup := Cleanup(ctx)
	in := activities.RoleRequestIn{ProcessInput: r.in, Now: workflow.Now(ctx)}
	if err := workflow.ExecuteActivity(cleanup, roleRequestSteps.WithdrawRoleRequest, in).Get(cleanup, nil); err != nil {
		return err
	}
	r.closed = true
	return ctx.Err()
}

// restart goes on with an empty history. Nothing is carried over: the next run
// begins with a look at the row.
func (r *orgRoleRequest) restart(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, OrgRoleRequest, r.in)
}

func (r *orgRoleRequest) state() (OrgRoleRequestState, error) {
	return OrgRoleRequestState{
		Status: r.step.Status, Next: r.step.Action, NextAt: r.step.At, Decisions: r.decisions, Closed: r.closed,
	}, nil
}
