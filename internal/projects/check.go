package projects

import (
	"fmt"
	"time"

	"quad/internal/input"
	"quad/models"
)

// Sizes, in characters.
const (
	MaxName        = 200
	MaxDescription = 20_000
	MaxCategory    = 50 // of an expense
)

// check collects what is wrong with an input of this area.
type check struct{ input.Check }

func (c *check) name(value *string) { c.Text("name", value, MaxName) }

func (c *check) description(value *string) { c.Optional("description", value, MaxDescription) }

func (c *check) budget(value *models.Money) {
	if value != nil && (*value < 0 || *value > models.MaxMoney) {
		c.Bad("budget", "range", fmt.Sprintf("must be from 0 to %s", models.MaxMoney))
	}
}

func (c *check) amount(value models.Money) {
	if value <= 0 || value > models.MaxMoney {
		c.Bad("amount", "range", fmt.Sprintf("must be greater than 0, at most %s", models.MaxMoney))
	}
}

// span refuses an end before the start. Ends that are not given are not
// compared.
func (c *check) span(startsOn, endsOn *time.Time) {
	if startsOn != nil && endsOn != nil && endsOn.Before(*startsOn) {
		c.Bad("endDate", "order", "must not be before startDate")
	}
}

// spans is span for a change of what is stored.
func spans(startsOn, endsOn time.Time) error {
	var c check
	c.span(&startsOn, &endsOn)
	return c.Err()
}

// status is a state of a machine.
type status[S any] interface {
	~string
	CanBecome(next S) bool
}

// follow moves a status on, where another one is wanted. Errors: ErrTransition.
func follow[S status[S]](what string, at *S, next *S) error {
	if next == nil || *next == *at {
		return nil
	}
	if !S.CanBecome(*at, *next) {
		e := *ErrTransition
		e.Text = fmt.Sprintf("%s that is %s cannot become %s", what, *at, *next)
		return &e
	}
	*at = *next
	return nil
}

// set copies what is given.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
