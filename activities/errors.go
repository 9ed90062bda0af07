// Package activities holds the steps of the processes: thin methods that call
// an area with an idempotency key and classify its errors. There is one struct
// of methods per process; its In and Out types are part of running histories,
// so they only grow.
package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"quad/internal/process"
)

// Classify makes an area's error one that Temporal carries and knows whether to
// retry: every refusal is final except that a needed service is unavailable,
// which is retried like any error that is no refusal. process.DecodeError is
// its reverse. Each activity returns its errors through it.
func Classify(err error) error { return classifyAfter(err, 0) }

// classifyAfter is Classify of a step that is tried again after a time of its own.
func classifyAfter(err error, after time.Duration) error {
	// A cancelled activity has to end with the context's error, or Temporal
	// counts it as failed.
	if errors.Is(err, context.Canceled) {
		return err
	}
	return process.EncodeErrorAfter(err, after)
}

// Refuse is Classify for workflows: what the validator or the handler of an
// update refuses with.
func Refuse(err error) error { return process.EncodeError(err) }

// cancelled tells whether somebody has cancelled the workflow of an activity. Its
// context ends too when heartbeats did not get through, or when the activity was
// given to another worker: nobody wants it to stop then.
func cancelled(ctx context.Context) bool { return temporal.IsCanceledError(context.Cause(ctx)) }
