package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"quad/models"
)

// The profiles of activity options. A workflow names one and writes no timeout
// or retry policy of its own. Refusals (activities.Classify) are never
// retried; everything else is retried until the profile gives up.

// retryForever is for work that must get done once whatever it needs is back:
// attempts are at most half a minute apart, so work goes on soon after an
// outage.
var retryForever = temporal.RetryPolicy{
	InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
}

// Short is for one or a few statements: it is given 30 s, and repeated until it
// gets done or is refused.
func Short(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: models.QueueCore, StartToCloseTimeout: 30 * time.Second, RetryPolicy: policy(retryForever),
	})
}

// Answer is for the step behind an update that somebody waits for: it is given
// 10 s and is tried again soon, because the caller waits a few seconds only.
func Answer(ctx workflow.Context) workflow.Context {
	p := retryForever
	p.InitialInterval, p.MaximumInterval = 100*time.Millisecond, 5*time.Second
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: models.QueueCore, StartToCloseTimeout: 10 * time.Second, RetryPolicy: policy(p),
	})
}

// Long is for work on files and many rows on the bulk queue. It must heartbeat
// (at least every 10 s) and go on where its last heartbeat or its rows say.
// A worker that is killed is noticed after 30 s. When the workflow is
// cancelled it waits until the activity has stopped at a safe point.
func Long(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: models.QueueBulk, StartToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: 30 * time.Second,
		WaitForCancellation: true, RetryPolicy: policy(retryForever),
	})
}

// LongTries is Long with a number of attempts, for work that may fail by its
// input in ways that are no refusal.
func LongTries(ctx workflow.Context, attempts int32) workflow.Context {
	o := workflow.GetActivityOptions(Long(ctx))
	p := retryForever
	p.MaximumAttempts = attempts
	o.RetryPolicy = policy(p)
	return workflow.WithActivityOptions(ctx, o)
}

// Cleanup is Short for what has to be done after the workflow was cancelled:
// its context is not cancelled with the workflow's.
func Cleanup(ctx workflow.Context) workflow.Context {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return Short(detached)
}

// policy copies, because options keep the pointer.
func policy(p temporal.RetryPolicy) *temporal.RetryPolicy { return &p }
