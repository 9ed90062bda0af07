package moodle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source/moodle"
)

func TestNamesInSeveralLanguages(t *testing.T) {
	const group = `<span lang="de" class="multilang">Arbeit</span> <SPAN class="multilang" lang="en">Work</SPAN>`
	for _, c := range []struct{ text, language, want string }{
		{"plain &amp; <b>x</b>", "de", "plain &amp; <b>x</b>"},
		{group, "de", "Arbeit"}, {group, "en", "Work"}, {group, "fr", "Arbeit"}, {group, "de_at", "Arbeit"}, {group, "en-us", "Work"},
		{group + " 12 " + group, "en", "Work 12 Work"}, {"multilang " + group, "en", "multilang Work"},
		{`<span lang="de" class="multilang">nur</span>`, "en", "nur"},
		{`<span lang="de_at" class="multilang">A</span><span lang="de" class="multilang">D</span>`, "de_at", "A"},
		{`<span class="multilang">keine</span>`, "en", `<span class="multilang">keine</span>`},
		{`<span lang="de">multilang</span>`, "en", `<span lang="de">multilang</span>`},
		{`<span lang="de" class="multilang">offen`, "de", `<span lang="de" class="multilang">offen`},
		{`<span lang="de" class="multilang"></span><span lang="en" class="multilang">x</span>`, "de", ""},
	} {
		require.Equal(t, c.want, moodle.InLanguage(c.text, c.language), c.text+" in "+c.language)
	}
}

func TestDecimals(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0.00000": 0, "12.50000": 1250000, "-1": -100000, "-0.5": -50000, "99999.99999": 9999999999, "7.1234500": 712345, ".5": -1, "": -1, "-": -1,
		"1.123456": -1, "x": -1, "1e5": -1, "+5": -1, "999999999999999999999": -1, "9999999999999": -1, "NaN": -1,
	} {
		got, ok := moodle.ParseDecimal(text)
		if want == -1 {
			require.False(t, ok, text)
			continue
		}
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]any{
		" Anna@Example.ORG ": "anna@example.org", "u\u0308ber@x.de": "\u00fcber@x.de", "": nil, "x": nil, "@x": nil, "x@": nil, "a b@x": nil, "a\x00@x": "a@x",
	} {
		require.Equal(t, want, moodle.Email(text), text)
	}
}

func TestMoments(t *testing.T) {
	for v, want := range map[int64]any{0: nil, -5: nil, 2147483647: nil, 1: time.Unix(1, 0).UTC(), 253402300799: time.Unix(253402300799, 0).UTC()} {
		at, ok := moodle.Moment(v)
		require.True(t, ok, v)
		require.Equal(t, want, at, v)
	}
	_, ok := moodle.Moment(253402300800)
	require.False(t, ok)
}
