package worker

import (
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// lostAfter lets activities that heartbeat be given to another worker sooner
// than their workflow says, if the settings want that. Timeouts are no part of
// what a replay compares, so it may change while workflows run.
type lostAfter struct {
	interceptor.WorkerInterceptorBase
	after time.Duration
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (l *lostAfter) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &lostInbound{after: l.after}
	in.Next = next
	return in
}

type lostInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	after time.Duration
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *lostInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &lostOutbound{after: i.after}
	out.Next = next
	return i.Next.Init(out)
}

type lostOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	after time.Duration
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *lostOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if within := workflow.GetActivityOptions(ctx).HeartbeatTimeout; within > o.after {
		ctx = workflow.WithHeartbeatTimeout(ctx, o.after)
	}
	return o.Next.ExecuteActivity(ctx, name, args...)
}
