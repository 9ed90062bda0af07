package learning

import (
	"time"
)

// Schedule is from when to when a course runs. A missing end is open.
type Schedule struct {
	StartsAt *time.Time
	EndsAt   *time.Time
}
