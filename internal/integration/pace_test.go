package integration

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// So many requests go in a second, whoever sends them, and nobody waits who has
// given up.
func TestPace(t *testing.T) {
	t.Parallel()
	require.Nil(t, pace(nil))
	perSecond := 50
	wait, begun := pace(&perSecond), time.Now()
	var together sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		together.Go(func() { errs[i] = wait(t.Context()) })
	}
	together.Wait()
	require.GreaterOrEqual(t, time.Since(begun), time.Duration(len(errs)-1)*time.Second/time.Duration(perSecond))
	for _, err := range errs {
		require.NoError(t, err)
	}
	slow := 1
	wait = pace(&slow)
	require.NoError(t, wait(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, wait(ctx), context.Canceled)
}
