package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
)

// Only who was asked to stop says so: an import whose heartbeats were lost has
// to go on, elsewhere or here.
func TestCancelled(t *testing.T) {
	require.False(t, cancelled(t.Context()))
	for cause, want := range map[error]bool{
		temporal.NewCanceledError():                             true,
		serviceerror.NewNotFound("activity already timed out"):  false,
		serviceerror.NewDeadlineExceeded("heartbeat not heard"): false,
		context.DeadlineExceeded:                                false,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		require.Equal(t, want, cancelled(ctx), "%v", cause)
	}
}
