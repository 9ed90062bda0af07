package moodledb

import (
	"database/sql"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// raw is one row as the database gives it. The methods make values of it; one
// that can't be made sets wrong.
type raw struct {
	snapshot *snapshot
	id       int64
	into     []any // what a row is scanned into
	ints     map[string]*sql.NullInt64
	texts    map[string]*sql.NullString
	parts    int
	wrong    bool
}

func newRaw(s *snapshot, q query) *raw {
	r := &raw{snapshot: s, ints: map[string]*sql.NullInt64{}, texts: map[string]*sql.NullString{}, parts: len(q.parts)}
	r.into = append(r.into, &r.id)
	for _, f := range q.parts[0].fields {
		if f.text {
			r.texts[f.name] = new(sql.NullString)
			r.into = append(r.into, r.texts[f.name])
		} else {
			r.ints[f.name] = new(sql.NullInt64)
			r.into = append(r.into, r.ints[f.name])
		}
	}
	return r
}

// number is a column, 0 for null.
func (r *raw) number(name string) int64 { return r.ints[name].Int64 }

// given tells whether a number is not null.
func (r *raw) given(name string) bool { return r.ints[name].Valid }

// reference is the id of something else: nil for 0 and null.
func (r *raw) reference(name string) any {
	if v := r.number(name); v != 0 {
		return v
	}
	return nil
}

// Bounds of unix times.
const (
	forever = 2147483647   // how Moodle says that there is no end
	latest  = 253402300799 // the end of the year 9999
)

// moment is a unix time: nil for never and for no end.
func (r *raw) moment(name string) any {
	v := r.number(name)
	switch {
	case v <= 0, v == forever:
		return nil
	case v > latest:
		r.wrong = true
		return nil
	}
	return time.Unix(v, 0).UTC()
}

// text is a column as it is, "" for null, without what no text column of the
// hub can hold.
func (r *raw) text(name string) string {
	v := r.texts[name].String
	if strings.IndexByte(v, 0) >= 0 {
		v = strings.ReplaceAll(v, "\x00", "")
	}
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, "\uFFFD")
	}
	return v
}

// name is a text that may be given in several languages.
func (r *raw) name(column string) string {
	return inLanguage(r.text(column), r.snapshot.site.settings.language)
}

// email is an address in the form in which addresses are compared: nil for
// what is none, such as the checksum that a deleted account has.
func (r *raw) email(name string) any {
	v := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(r.text(name)))))
	at := strings.LastIndexByte(v, '@')
	if at < 1 || at == len(v)-1 || strings.ContainsFunc(v, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return nil
	}
	return v
}

// unit is the precision of grades: they are decimals with five places.
const unit = 100_000

// decimal is a grade as a whole number of units; false: null.
func (r *raw) decimal(name string) (int64, bool) {
	v := r.texts[name]
	if !v.Valid {
		return 0, false
	}
	n, ok := parseDecimal(v.String)
	if !ok {
		r.wrong = true
	}
	return n, ok
}

// float is a grade: nil for null.
func (r *raw) float(name string) any {
	if n, ok := r.decimal(name); ok {
		return float64(n) / unit
	}
	return nil
}

// maxUnits bounds grades so that a hundred times one is exact in a float64.
const maxUnits = 1 << 46

// parseDecimal reads "-12.50000" as -1250000, without a detour by floating
// point numbers.
func parseDecimal(text string) (int64, bool) {
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
	if err != nil || whole == "" || n > maxUnits {
		return 0, false
	}
	if negative {
		return -int64(n), true //nolint:gosec // below maxUnits
	}
	return int64(n), true //nolint:gosec // below maxUnits
}

// percent is where a value lies between two bounds: nil if they are none.
func percent(value, lowest, highest int64) any {
	if highest == lowest {
		return nil
	}
	return float64(value-lowest) * 100 / float64(highest-lowest)
}

// wholeNumber is 0 for what is none.
func wholeNumber(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// span is one language of a text of Moodle's filter "multilang".
var (
	span  = regexp.MustCompile(`(?is)<(?:span|lang)((?:\s+[a-z-]+\s*=\s*"[^"]*")+)\s*>(.*?)</(?:span|lang)>`)
	spans = regexp.MustCompile(`(?is)(?:` + span.String() + `\s*)+`)
	lang  = regexp.MustCompile(`(?i)\slang\s*=\s*"([a-z0-9_-]+)"`)
	multi = regexp.MustCompile(`(?i)\sclass\s*=\s*"multilang"`)
)

// inLanguage keeps one language of each group of neighbouring languages, as
// Moodle's filter does: the one asked for, or its parent (de for de_at), or
// else the first. All other text stays as it is: names are plain text.
func inLanguage(text, language string) string {
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
