package input_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/input"
	"quad/models"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 6)
	for _, c := range []struct {
		name  string
		check func(*input.Check, *string) bool
		value string
		want  string // trimmed, when it will do
		rule  string // when not
	}{
		{"text", func(c *input.Check, v *string) bool { return c.Text("f", v, 5) }, " a\nb ", "a\nb", ""},
		{"no text", func(c *input.Check, v *string) bool { return c.Text("f", v, 5) }, " \t", "", input.Required},
		{"characters count, not bytes", func(c *input.Check, v *string) bool { return c.Text("f", v, 6) }, long, long, ""},
		{"too long", func(c *input.Check, v *string) bool { return c.Text("f", v, 5) }, long, "", input.TooLong},
		{"NUL", func(c *input.Check, v *string) bool { return c.Text("f", v, 5) }, "a\x00b", "", input.Invalid},
		{"no UTF-8", func(c *input.Check, v *string) bool { return c.Optional("f", v, 5) }, "a\xff", "", input.Invalid},
		{"optional", func(c *input.Check, v *string) bool { return c.Optional("f", v, 5) }, "  ", "", ""},
		{"line", func(c *input.Check, v *string) bool { return c.Line("f", v, 5) }, "a b", "a b", ""},
		{"two lines", func(c *input.Check, v *string) bool { return c.Line("f", v, 5) }, "a\nb", "", input.Invalid},
		{"optional line", func(c *input.Check, v *string) bool { return c.OptionalLine("f", v, 5) }, "", "", ""},
		{"word", func(c *input.Check, v *string) bool { return c.Word("f", v, 5) }, " a-b ", "a-b", ""},
		{"two words", func(c *input.Check, v *string) bool { return c.Word("f", v, 5) }, "a b", "", input.NoSpace},
		{"one of", func(c *input.Check, v *string) bool { return input.OneOf(c, "f", v, "ON", "OFF") }, " off ", "OFF", ""},
		{"none of", func(c *input.Check, v *string) bool { return input.OneOf(c, "f", v, "ON", "OFF") }, "of", "", input.Enum},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var check input.Check
			value := c.value
			ok := c.check(&check, &value)
			require.Equal(t, c.rule == "", ok)
			if ok {
				require.NoError(t, check.Err())
				require.Equal(t, c.want, value)
				return
			}
			err := check.Err()
			require.Equal(t, models.KindInvalid, models.KindOf(err))
			var typed *models.Error
			require.ErrorAs(t, err, &typed)
			require.Len(t, typed.Fields, 1)
			require.Equal(t, c.rule, typed.Fields[0].Rule)
			require.Equal(t, "f", typed.Fields[0].Field)
			require.True(t, c.check(&input.Check{}, nil), "what was not sent will do")
		})
	}
}

func TestAllThatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	var check input.Check
	empty, spaced := "", "a b"
	check.Text("one", &empty, 5)
	check.Word("two", &spaced, 5)
	require.False(t, check.Bad("three", "odd", "is odd"))
	var typed *models.Error
	require.ErrorAs(t, check.Err(), &typed)
	require.Len(t, typed.Fields, 3)
	require.Equal(t, "three is odd", typed.Fields[2].Text)
}
