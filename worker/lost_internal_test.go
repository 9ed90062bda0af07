package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	temporalworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// An activity that heartbeats has to do so at least as often as the settings
// say, and as its workflow says; one that does not is left alone.
func TestLostAfter(t *testing.T) {
	silence := func(ctx context.Context) (time.Duration, error) { return activity.GetInfo(ctx).HeartbeatTimeout, nil }
	for said, want := range map[time.Duration]time.Duration{30 * time.Second: 4 * time.Second, 3 * time.Second: 3 * time.Second, 0: 0} {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetWorkerOptions(temporalworker.Options{Interceptors: []interceptor.WorkerInterceptor{&lostAfter{after: 4 * time.Second}}})
		env.RegisterActivity(silence)
		env.ExecuteWorkflow(func(ctx workflow.Context) (got time.Duration, err error) {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: said})
			err = workflow.ExecuteActivity(ctx, silence).Get(ctx, &got)
			return got, err
		})
		require.NoError(t, env.GetWorkflowError())
		var got time.Duration
		require.NoError(t, env.GetWorkflowResult(&got))
		require.Equal(t, want, got)
	}
}
