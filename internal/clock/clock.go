// Package clock is what time it is. What rules depend on asks a Clock, so that
// tests can let years pass.
package clock

import "time"

// Clock tells the time, in UTC and whole microseconds, which is what the
// database keeps.
type Clock func() time.Time

// System is the machine's clock.
func System() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Or is c, or the machine's clock for nil.
func (c Clock) Or() Clock {
	if c == nil {
		return System
	}
	return c
}
