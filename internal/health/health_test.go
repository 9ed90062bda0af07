package health_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/health"
)

func TestReport(t *testing.T) {
	up := health.Check{Name: "up", Ask: func(context.Context) error { return nil }}
	refuses := health.Check{Name: "refuses", Ask: func(context.Context) error { return fmt.Errorf("dial 10.0.0.1: %w", syscall.ECONNREFUSED) }}
	broken := health.Check{Name: "broken", Required: true, Ask: func(context.Context) error { return errors.New("secret.host is gone") }}

	r := health.New("1.2.3", up).Report(t.Context())
	require.False(t, r.Broken() || r.Degraded())
	require.Equal(t, "1.2.3", r.Version)
	require.Empty(t, r.States[0].Reason())

	r = health.New("", up, refuses).Report(t.Context())
	require.True(t, r.Degraded())
	require.False(t, r.Broken())
	require.Equal(t, "Connection refused", r.States[1].Reason())

	r = health.New("", refuses, broken).Report(t.Context())
	require.True(t, r.Broken())
	require.Equal(t, "Not available", r.States[1].Reason(), "names of hosts stay here")
}

// One that ignores its deadline holds up nobody, and one that hangs up is not
// taken for the dependency.
func TestOneRoundIsBounded(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	states := health.Ask(ctx, []health.Check{
		{Name: "stuck", Ask: func(context.Context) error { <-forever; return nil }},
		{Name: "slow", Ask: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		{Name: "up", Ask: func(ctx context.Context) error { return ctx.Err() }},
	})
	require.Less(t, time.Since(start), 2*health.Timeout)
	require.True(t, states[0].TimedOut())
	require.Equal(t, "No answer in time", states[1].Reason())
	require.NoError(t, states[2].Err)
}
