package people

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"quad/internal/input"
	"quad/models"
)

// Limits of texts, in characters unless said otherwise.
const (
	maxName        = 255
	maxEmail       = 254 // bytes, RFC 5321
	minPassword    = 8
	maxPassword    = 128
	maxCode        = 64
	maxDescription = 2000
	maxDomains     = 100
	maxCodeDigits  = 10
)

// rules collects what is wrong with an input, so that a caller sees all of it
// at once.
type rules struct{ input.Check }

// text trims a text and checks its length.
func (r *rules) text(field, value string, most int, required bool) string {
	if required {
		r.Text(field, &value, most)
	} else {
		r.Optional(field, &value, most)
	}
	return value
}

// name checks a name of a person or thing: one line of printable text.
func (r *rules) name(field, value string) string {
	r.Line(field, &value, maxName)
	return value
}

// email normalizes an address and checks it.
func (r *rules) email(field, value string) string {
	value = models.NormalizeEmail(value)
	switch {
	case value == "":
		r.Bad(field, input.Required, "field is empty")
	case !ValidEmail(value):
		r.Bad(field, input.Email, "is invalid")
	}
	return value
}

// password checks a new password. Spaces inside are part of it; only spaces are
// none.
func (r *rules) password(field, value string) string {
	n := utf8.RuneCountInString(value)
	switch {
	case strings.TrimSpace(value) == "":
		r.Bad(field, input.Required, "field is empty")
	case n < minPassword:
		r.Bad(field, input.TooShort, "is shorter than 8 characters")
	case n > maxPassword:
		r.Bad(field, input.TooLong, "is longer than 128 characters")
	}
	return value
}

// digits checks a one-time code. exact 0 allows any number of digits: a code of
// the wrong length is a wrong code, not a malformed one.
func (r *rules) digits(field, value string, exact int) string {
	value = strings.TrimSpace(value)
	onlyDigits := strings.IndexFunc(value, func(c rune) bool { return c < '0' || c > '9' }) < 0
	switch {
	case value == "":
		r.Bad(field, input.Required, "field is empty")
	case !onlyDigits, len(value) > maxCodeDigits, exact > 0 && len(value) != exact:
		r.Bad(field, input.Digits, "is invalid")
	}
	return value
}

// code checks a short name that machines use: no white space.
func (r *rules) code(field, value string) string {
	r.Word(field, &value, maxCode)
	return value
}

// domain checks the part of an e-mail address behind the @.
func (r *rules) domain(field, value string) string {
	value = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(value), "@"))
	if len(value) > maxEmail || !validDomain(value) {
		r.Bad(field, input.Invalid, "is invalid")
	}
	return value
}

// domains checks a list of domains and gives it sorted and without repetitions;
// nil stays nil.
func (r *rules) domains(field string, values []string) []string {
	if values == nil {
		return nil
	}
	if len(values) > maxDomains {
		r.Bad(field, input.TooLong, "are too many")
		return values
	}
	out := []string{}
	for _, d := range values {
		if d = r.domain(field, d); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}

// ValidName tells whether a trimmed name of a person or thing will do.
func ValidName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName && strings.IndexFunc(name, unicode.IsControl) < 0
}

// ValidEmail tells whether a trimmed address can be written to: a local part of
// unquoted atoms and a domain of at least two labels (RFC 5321, ASCII).
func ValidEmail(email string) bool {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || len(local) > 64 || len(email) > maxEmail || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	atom := func(c rune) bool { return alphanumeric(c) || strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", c) }
	return strings.IndexFunc(local, func(c rune) bool { return !atom(c) }) < 0 && validDomain(domain)
}

func validDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.IndexFunc(label, func(c rune) bool { return !alphanumeric(c) && c != '-' }) >= 0 {
			return false
		}
	}
	return len(labels) >= 2
}

func alphanumeric(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
