package learning

import (
	"fmt"
	"strings"
	"time"

	"quad/internal/input"
	"quad/internal/ref"
	"quad/models"
)

// check collects what is wrong with an input of this area.
type check struct{ input.Check }

// identifier is a key that a calling system chooses. It is taken as it is:
// nothing is trimmed.
func (c *check) identifier(field, value string) bool {
	switch {
	case value == "":
		return c.Bad(field, input.Required, "field is empty")
	case !ref.ValidIdentifier(value):
		return c.Bad(field, input.Invalid, fmt.Sprintf("is invalid, must be text of at most %d characters", ref.MaxIdentifier))
	}
	return true
}

// given refuses a missing value of something new.
func (c *check) given(field string, sent bool) {
	if !sent {
		c.Bad(field, input.Required, "field is empty")
	}
}

// schedule is a time span with two ends, each of which may be open.
func (c *check) schedule(s *Schedule) {
	if s == nil {
		return
	}
	for field, at := range map[string]*time.Time{"starts_at": s.StartsAt, "ends_at": s.EndsAt} {
		c.time(field, at)
	}
	if s.StartsAt != nil && s.EndsAt != nil && !s.EndsAt.After(*s.StartsAt) {
		c.Bad("ends_at", input.Invalid, "is invalid, must be after starts_at")
	}
}

// time is a moment that every client can write; it loses what the database
// would not keep.
func (c *check) time(field string, at *time.Time) {
	if at == nil {
		return
	}
	*at = at.UTC().Truncate(time.Microsecond)
	if at.Year() < 1 || at.Year() > 9999 {
		c.Bad(field, input.Invalid, "is invalid, must be in the years 1 to 9999")
	}
}

func (c *check) duration(ms *int64) {
	if ms != nil && (*ms < 0 || *ms > MaxDuration) {
		c.Bad("duration_ms", input.Invalid, fmt.Sprintf("is invalid, must be from 0 to %d", MaxDuration))
	}
}

// categories gives the categories without blanks around them and without
// repetitions, in the order in which they came.
func (c *check) categories(given []string) []string {
	if len(given) > MaxCategories {
		c.Bad("categories", input.TooLong, fmt.Sprintf("are too many, at most %d", MaxCategories))
		return nil
	}
	seen := map[string]bool{}
	out := make([]string, 0, len(given))
	for _, category := range given {
		if !c.Line("categories", &category, MaxCategory) {
			return nil
		}
		if !seen[category] {
			seen[category] = true
			out = append(out, category)
		}
	}
	return out
}

// name is what a course or session is called.
func (c *check) name(value *string) { c.Line("name", value, MaxName) }

// optionalText gives nil for a text that is empty.
func (c *check) optionalText(field string, value *string, most int) *string {
	if value == nil || !c.Optional(field, value, most) || strings.TrimSpace(*value) == "" {
		return nil
	}
	return value
}

// fixedType refuses to change the type of a course.
func fixedType(to *models.CourseType, is models.CourseType) error {
	if to == nil || *to == is {
		return nil
	}
	var c check
	c.Bad("type", input.Invalid, "cannot be changed, it is "+string(is))
	return c.Err()
}
