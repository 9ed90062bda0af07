package invite

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"quad/models"
)

// maxName is the longest name in characters.
const maxName = 255

// roleBook knows the account's roles by title in lower case.
type roleBook map[string]roleEntry

type roleEntry struct {
	id      int64
	givable bool // an ACTIVE ordinary role
}

// person is a row as far as its own cells tell.
type person struct {
	name    string
	email   string
	roles   []int64
	verdict Verdict // notJudged when the cells are in order
}

// judge applies the rules that need nothing but the row and the roles.
func judge(name, email, roles []byte, book roleBook) person {
	p := person{name: strings.TrimSpace(string(name)), email: models.NormalizeEmail(string(email))}
	badRoles := p.setRoles(string(roles), book)
	badName, badEmail := !validName(p.name), !validEmail(p.email)
	switch {
	case badName && badEmail && badRoles != notJudged:
		p.verdict = InvalidAll
	case badName && badEmail:
		p.verdict = InvalidNameEmail
	case badName && badRoles != notJudged:
		p.verdict = InvalidNameRoles
	case badEmail && badRoles != notJudged:
		p.verdict = InvalidEmailRoles
	case badName:
		p.verdict = InvalidName
	case badEmail:
		p.verdict = InvalidEmail
	default:
		p.verdict = badRoles
	}
	return p
}

// setRoles resolves the roles cell: titles in any case, separated by commas or
// semicolons. The result is what is wrong with it.
func (p *person) setRoles(cell string, book roleBook) Verdict {
	verdict := notJudged
	for title := range strings.FieldsFuncSeq(cell, func(r rune) bool { return r == ',' || r == ';' }) {
		title = strings.TrimSpace(title)
		if title == "" {
			continue
		}
		switch role, known := book[strings.ToLower(title)]; {
		case !known:
			verdict = UnknownRole
		case !role.givable:
			if verdict == notJudged {
				verdict = ForbiddenRole
			}
		case !slices.Contains(p.roles, role.id):
			p.roles = append(p.roles, role.id)
		}
	}
	if verdict == notJudged && len(p.roles) == 0 {
		return InvalidRoles
	}
	slices.Sort(p.roles)
	return verdict
}

func validName(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= maxName && strings.IndexFunc(name, unicode.IsControl) < 0
}

// validEmail tells whether a trimmed address can be written to: local part of
// unquoted atoms, and a domain of at least two labels (RFC 5321, ASCII).
func validEmail(email string) bool {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || len(local) == 0 || len(local) > 64 || len(email) > 254 {
		return false
	}
	for i := range len(local) {
		c := local[i]
		switch {
		case alphanumeric(c), strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) >= 0:
		case c == '.' && i > 0 && i < len(local)-1 && local[i-1] != '.':
		default:
			return false
		}
	}
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		if labels++; len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !alphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return labels >= 2
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// arrayLiteral writes ids as a PostgreSQL array, "{1,2}".
func arrayLiteral(ids []int64) string {
	b := make([]byte, 0, 2+8*len(ids))
	b = append(b, '{')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, '}'))
}
