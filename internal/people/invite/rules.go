package invite

import (
	"slices"
	"strconv"
	"strings"

	"quad/internal/people"
	"quad/models"
)

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
	badName, badEmail := !people.ValidName(p.name), !people.ValidEmail(p.email)
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
