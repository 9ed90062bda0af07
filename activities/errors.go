// Package activities holds the steps of the processes: thin methods that call
// an area with an idempotency key and classify its errors. There is one struct
// of methods per process; its In and Out types are part of running histories,
// so they only grow.
package activities

import (
	"context"
	"errors"

	"quad/internal/process"
)

// Classify makes an area's error one that Temporal carries and knows whether to
// retry: every refusal is final except that a needed service is unavailable,
// which is retried like any error that is no refusal. process.DecodeError is
// its reverse. Each activity returns its errors through it.
func Classify(err error) error {
	// A cancelled activity has to end with the context's error, or Temporal
	// counts it as failed.
	if errors.Is(err, context.Canceled) {
		return err
	}
	return process.EncodeError(err)
}

// Refuse is Classify for workflows: what the validator or the handler of an
// update refuses with.
func Refuse(err error) error { return process.EncodeError(err) }
