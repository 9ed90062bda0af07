package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"quad/internal/hubtest"
	"quad/internal/people/invite"
	"quad/models"
)

// entry is a row of a list with what must become of it.
type entry struct {
	name, email, roles string
	raw                string // the row as it stands in the file, if it isn't made of the cells
	verdict            invite.Verdict
	address            string   // that the row is about, if it is accepted
	titles             []string // of the roles it names, sorted
}

// list is a file of people and its outcome, which is computed from the rows
// alone.
type list struct{ rows []entry }

// listDomain is that of the addresses which only lists know.
const listDomain = "@list.example"

// known are users that lists name.
type known struct{ unchanged, updated, elsewhere []hubtest.Person }

var goodRoles = []struct {
	cell   string
	titles []string
}{
	{"mentor", []string{models.RoleMentor}},
	{"mentee", []string{models.RoleMentee}},
	{"session_manager,mentor", []string{models.RoleMentor, models.RoleSessionManager}},
	{"Mentee; MENTOR", []string{models.RoleMentee, models.RoleMentor}},
}

// newList makes n rows out of a seed: about one in eight is bad, and the known
// users are named once each. Lists of different seeds share nobody else.
func newList(n int, seed uint64, k known) list {
	random := rand.New(rand.NewPCG(seed, seed))
	l := list{rows: make([]entry, 0, n)}
	for i := range n - len(k.unchanged) - len(k.updated) - len(k.elsewhere) {
		l.rows = append(l.rows, l.next(random, fmt.Sprintf("%d-%d", seed, i)))
	}
	for _, set := range []struct {
		people  []hubtest.Person
		verdict invite.Verdict
	}{{k.unchanged, invite.Unchanged}, {k.updated, invite.Updated}, {k.elsewhere, invite.OtherOrganization}} {
		for _, person := range set.people {
			l.rows = slices.Insert(l.rows, random.IntN(len(l.rows)), entry{
				name: person.Name, email: strings.ToUpper(person.Email), roles: models.RoleMentor,
				verdict: set.verdict, address: person.Email, titles: []string{models.RoleMentor},
			})
		}
	}
	return l
}

// next makes the next row; tag makes it differ from all others of all lists.
func (l *list) next(random *rand.Rand, tag string) entry {
	roles := goodRoles[random.IntN(len(goodRoles))]
	e := entry{
		name: "Person " + tag, email: "person-" + tag + listDomain, roles: roles.cell,
		verdict: invite.Invited, titles: roles.titles,
	}
	switch random.IntN(8) {
	case 0:
		e.spoil(random, l.rows)
	case 1:
		e.name = `Lee "` + tag + `", Ann`
	case 2:
		e.name = "=cmd|" + tag
	case 3:
		e.email = " " + strings.ToUpper(e.email) + " "
	}
	if e.verdict == invite.Invited {
		e.address = models.NormalizeEmail(e.email)
	}
	return e
}

// spoil makes the row a bad one.
func (e *entry) spoil(random *rand.Rand, before []entry) {
	kinds := []func(){
		func() { e.name, e.verdict = " ", invite.InvalidName },
		func() { e.email, e.verdict = strings.ReplaceAll(e.email, "@", "."), invite.InvalidEmail },
		func() { e.roles, e.verdict = "pilot", invite.UnknownRole },
		func() { e.roles, e.verdict = "admin", invite.ForbiddenRole },
		func() { e.roles, e.verdict = "", invite.InvalidRoles },
		func() { e.name, e.roles, e.verdict = "", "pilot", invite.InvalidNameRoles },
		func() {
			e.raw, e.roles, e.verdict = fmt.Sprintf("%s,%s,mentor,mentee", e.name, e.email), "mentor,mentee", invite.Malformed
		},
		func() {
			// Of the whole list so far: the row it repeats is mostly on another page.
			for range 50 {
				if len(before) > 0 {
					if other := before[random.IntN(len(before))]; other.verdict == invite.Invited {
						e.email, e.verdict = strings.ToUpper(other.address), invite.Duplicate
						return
					}
				}
			}
			e.name, e.verdict = "", invite.InvalidName
		},
	}
	kinds[random.IntN(len(kinds))]()
}

// csv is the file.
func (l list) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"name", "email", "roles"}) // to memory
	for _, e := range l.rows {
		if e.raw != "" {
			w.Flush()
			b.WriteString(e.raw + "\n")
			continue
		}
		_ = w.Write([]string{e.name, e.email, e.roles})
	}
	w.Flush()
	return b.Bytes()
}

// counters are how often each verdict is given.
func (l list) counters() map[string]int64 {
	count := map[string]int64{}
	for _, e := range l.rows {
		count[string(e.verdict)]++
	}
	return count
}

// verdicts are the lines that the verdicts read as.
func (l list) verdicts() []string {
	lines := make([]string, len(l.rows))
	for i, e := range l.rows {
		lines[i] = fmt.Sprintf("%d %s", i+1, e.verdict)
	}
	return lines
}

// invitations are the lines that the invitations read as, sorted.
func (l list) invitations() []string {
	var lines []string
	for _, e := range l.rows {
		if e.verdict == invite.Invited {
			lines = append(lines, fmt.Sprintf("%s|%s|%s", e.address, strings.TrimSpace(e.name), strings.Join(e.titles, "+")))
		}
	}
	slices.Sort(lines)
	return lines
}

// invitees are their addresses, sorted.
func (l list) invitees() []string {
	var addresses []string
	for _, e := range l.rows {
		if e.verdict == invite.Invited {
			addresses = append(addresses, e.address)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// results are the cells that the result file must have, without explanations
// and ids.
func (l list) results() [][]string {
	rows := [][]string{{"name", "email", "roles", "verdict"}}
	for _, e := range l.rows {
		name := e.name
		if strings.HasPrefix(name, "=") {
			name = "'" + name // defused
		}
		rows = append(rows, []string{name, e.email, e.roles, string(e.verdict)})
	}
	return rows
}
