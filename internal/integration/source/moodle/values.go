// Package moodle has what connectors to Moodle share, whichever way they read
// it: how its texts, times and grades become values of package source.
package moodle

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FrontPage is the id of the site's own page, which is kept as a course.
const FrontPage = 1

// Done tells whether a completion state of an activity counts as done: complete,
// or complete with a pass. 0 is open, 3 and 4 are failed.
func Done(state int64) bool { return state == 1 || state == 2 }

// Bounds of unix times.
const (
	forever = 2147483647   // how Moodle says that there is no end
	latest  = 253402300799 // the end of the year 9999
)

// Moment is a unix time in seconds: nil for never and for no end. ok is false
// for a time that can't be.
func Moment(v int64) (at any, ok bool) {
	switch {
	case v <= 0, v == forever:
		return nil, true
	case v > latest:
		return nil, false
	}
	return time.Unix(v, 0).UTC(), true
}

// Reference is the id of something else: nil for 0.
func Reference(id int64) any {
	if id != 0 {
		return id
	}
	return nil
}

// Text is a text without what no text column of the hub can hold.
func Text(v string) string {
	if strings.IndexByte(v, 0) >= 0 {
		v = strings.ReplaceAll(v, "\x00", "")
	}
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, "\uFFFD")
	}
	return v
}

// Email is an address in the form in which addresses are compared: trimmed,
// composed, in lower case; nil for what is none, such as the checksum that a
// deleted account has.
func Email(text string) any {
	v := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(Text(text)))))
	at := strings.LastIndexByte(v, '@')
	if at < 1 || at == len(v)-1 || strings.ContainsFunc(v, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return nil
	}
	return v
}

// Unit is the precision of grades: they are decimals with five places, and a
// whole number of units is one without rounding.
const Unit = 100_000

// MaxUnits bounds grades so that a hundred times one is exact in a float64.
const MaxUnits = 1 << 46

// ParseDecimal reads "-12.50000" as -1250000 units, without a detour by floating
// point numbers.
func ParseDecimal(text string) (units int64, ok bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, places, _ := strings.Cut(digits, ".")
	if len(places) > 5 {
		if strings.Trim(places[5:], "0") != "" {
			return 0, false
		}
		places = places[:5]
	}
	places += "00000"[len(places):]
	n, err := strconv.ParseUint(whole+places, 10, 63)
	if err != nil || whole == "" || n > MaxUnits {
		return 0, false
	}
	if negative {
		return -int64(n), true //nolint:gosec // below MaxUnits
	}
	return int64(n), true //nolint:gosec // below MaxUnits
}

// Percent is where a value lies between two bounds: nil if they are none.
func Percent(value, lowest, highest int64) any {
	if highest == lowest {
		return nil
	}
	return float64(value-lowest) * 100 / float64(highest-lowest)
}

// span is one language of a text of Moodle's filter "multilang".
var (
	span  = regexp.MustCompile(`(?is)<(?:span|lang)((?:\s+[a-z-]+\s*=\s*"[^"]*")+)\s*>(.*?)</(?:span|lang)>`)
	spans = regexp.MustCompile(`(?is)(?:` + span.String() + `\s*)+`)
	lang  = regexp.MustCompile(`(?i)\slang\s*=\s*"([a-z0-9_-]+)"`)
	multi = regexp.MustCompile(`(?i)\sclass\s*=\s*"multilang"`)
)

// GoodLanguage is what the code of a language looks like.
var GoodLanguage = regexp.MustCompile(`^[A-Za-z0-9_-]{2,30}$`)

// InLanguage keeps one language of each group of neighbouring languages, as
// Moodle's filter does: the one asked for (in lower case), or its parent (de for
// de_at), or else the first. All other text stays as it is: names are plain text.
func InLanguage(text, language string) string {
	if !strings.Contains(text, "multilang") {
		return text
	}
	return spans.ReplaceAllStringFunc(text, func(group string) string {
		found := span.FindAllStringSubmatch(group, -1)
		best, rank := "", -1
		parent, _, _ := strings.Cut(strings.ReplaceAll(language, "-", "_"), "_")
		for _, f := range found {
			named := lang.FindStringSubmatch(f[1])
			if named == nil || !multi.MatchString(f[1]) {
				return group // some other markup
			}
			is := 0
			switch strings.ReplaceAll(strings.ToLower(named[1]), "-", "_") {
			case strings.ReplaceAll(language, "-", "_"):
				is = 2
			case parent:
				is = 1
			}
			if is > rank {
				best, rank = f[2], is
			}
		}
		// What follows the group is set off as it was.
		return best + group[len(strings.TrimRightFunc(group, unicode.IsSpace)):]
	})
}
