package moodlews

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// user is what functions tell of a person.
type user struct {
	ID                                         number
	Username, Auth                             *text
	Email, IDNumber, FirstName, LastName, Lang text
	Confirmed, Suspended                       *flag
}

// guestName is the name by which the guest account signs in, everywhere.
const guestName = "guest"

// values makes a row of a user; a reason says why it is none.
func (u *user) values() ([]any, source.Reason, error) {
	const may = " (moodle/user:viewalldetails, moodle/user:update)"
	switch {
	case u.ID <= 0:
		return nil, "", need(fnUsers, "id", "")
	case u.Username == nil:
		return nil, "", need(fnUsers, "username", may)
	case *u.Username == guestName:
		return nil, source.ReasonGuest, nil
	case u.Confirmed == nil:
		return nil, "", need(fnUsers, "confirmed", may)
	case u.Suspended == nil:
		return nil, "", need(fnUsers, "suspended", may)
	case u.Auth == nil:
		return nil, "", need(fnUsers, "auth", may)
	}
	confirmed, suspended := bool(*u.Confirmed), bool(*u.Suspended)
	return []any{
		moodle.Email(string(u.Email)), string(*u.Username), string(u.IDNumber), string(u.FirstName), string(u.LastName), string(u.Lang),
		confirmed, suspended, confirmed && !suspended && *u.Auth != "nologin", false, nil,
	}, "", nil
}

// everybody asks for all users. Who has an empty field that is searched for is
// left out, so two are: those without an address have a name.
func (s *snapshot) everybody(ctx context.Context, one func(*user) error) error {
	seen := map[int64]bool{}
	for _, field := range []string{"email", "lastname"} {
		params := url.Values{"criteria[0][key]": {field}, "criteria[0][value]": {"%"}}
		err := s.client.call(ctx, fnUsers, params, func(a *answer) error {
			return a.object(members{"users": func() error {
				return a.list(func() error {
					var u user
					if err := a.decode(&u); err != nil || seen[int64(u.ID)] {
						return err
					}
					if err := one(&u); err != nil {
						return err
					}
					seen[int64(u.ID)] = true
					return nil
				})
			}})
		})
		if err != nil {
			return s.client.whole(fnUsers, err)
		}
	}
	if len(seen) == 0 {
		// There is at least the token's own.
		return source.Incomplete("users that the token's user may see")
	}
	return nil
}

// userRows are all users. Deleted ones are not told.
func (s *snapshot) userRows(ctx context.Context) ([]item, error) {
	var items []item
	var people []int64
	err := s.everybody(ctx, func(u *user) error {
		values, reason, err := u.values()
		switch {
		case err != nil:
			return err
		case reason != "":
			items = append(items, skip(int64(u.ID), reason, int64(u.ID)))
		default:
			items = append(items, row(int64(u.ID), values...))
			people = append(people, int64(u.ID))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(people)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.people = people
	return items, nil
}

// allPeople are the ids of all users.
func (s *snapshot) allPeople(ctx context.Context) ([]int64, error) {
	if s.people == nil {
		if _, err := s.userRows(ctx); err != nil {
			return nil, err
		}
	}
	return s.people, nil
}

// member is somebody who is enrolled in a course; active: may learn there now.
type member struct {
	user   int64
	active bool
}

// holding is a role that a member has in a course.
type holding struct {
	user, role int64
	name       string
}

// roster is who is in a course, in the order of their ids.
type roster struct {
	members  []member
	holdings []holding
}

// rosterPage is how many members of a course are asked for at a time.
const rosterPage = 1000

// enrolled is what a function tells of a member.
type enrolled struct {
	ID    number
	Roles []struct {
		RoleID    number
		ShortName text
	}
}

// enrolledIn asks who is enrolled in a course. A page is cut before those are
// left out whom the token's user may not see, so only an empty one is the last.
func (s *snapshot) enrolledIn(ctx context.Context, course int64, active bool, fields string, one func(enrolled)) error {
	last := int64(0)
	for from := 0; ; from += rosterPage {
		params := url.Values{"courseid": param(course)}
		options := [][2]string{
			{"userfields", fields}, {"sortby", "id"}, {"limitfrom", strconv.Itoa(from)}, {"limitnumber", strconv.Itoa(rosterPage)},
		}
		if active {
			options = append(options, [2]string{"onlyactive", "1"})
		}
		for i, o := range options {
			at := "options[" + strconv.Itoa(i) + "]"
			params.Set(at+"[name]", o[0])
			params.Set(at+"[value]", o[1])
		}
		var page []enrolled
		err := s.client.call(ctx, fnEnrolled, params, func(a *answer) error {
			page = page[:0]
			return a.list(func() error {
				var e enrolled
				if err := a.decode(&e); err != nil {
					return err
				}
				if e.ID <= 0 {
					return need(fnEnrolled, "id", "")
				}
				page = append(page, e)
				return nil
			})
		})
		if err != nil || len(page) == 0 {
			return err
		}
		before := last
		for _, e := range page {
			one(e)
			last = max(last, int64(e.ID))
		}
		if last == before { // who came in between moves the others, but not all
			return source.ErrProtocol.With(errNoPages)
		}
	}
}

// errNoPages: a page holds nothing that the pages before did not.
var errNoPages = errors.New("pages do not lead on")

// roster asks who is in a course, once. Those who are active are asked for after
// all, so nobody whose enrolment changes meanwhile is missing.
func (s *snapshot) roster(ctx context.Context, course int64) (*roster, error) {
	s.lock.Lock()
	known := s.rosters[course]
	s.lock.Unlock()
	if known != nil {
		return known, nil
	}
	r, is := &roster{}, map[int64]bool{}
	names := map[text]string{} // a role's name once, not once for everybody
	err := s.enrolledIn(ctx, course, false, "id,roles", func(e enrolled) {
		is[int64(e.ID)] = false
		for _, held := range e.Roles {
			if names[held.ShortName] == "" {
				names[held.ShortName] = string(held.ShortName)
			}
			r.holdings = append(r.holdings, holding{int64(e.ID), int64(held.RoleID), names[held.ShortName]})
		}
	})
	if err == nil {
		err = s.enrolledIn(ctx, course, true, "id", func(e enrolled) { is[int64(e.ID)] = true })
	}
	if err != nil {
		return nil, err
	}
	r.members = make([]member, 0, len(is))
	for id, active := range is {
		r.members = append(r.members, member{id, active})
	}
	slices.SortFunc(r.members, func(a, b member) int { return cmp.Compare(a.user, b.user) })
	slices.SortFunc(r.holdings, func(a, b holding) int { return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.role, b.role)) })
	r.holdings = slices.Compact(r.holdings)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.rosters[course] = r
	return r, nil
}

// cohort is what functions tell of a cohort.
type cohort struct {
	ID             number
	Name, IDNumber text
}

func (s *snapshot) cohorts(ctx context.Context) (out []cohort, err error) {
	err = s.client.call(ctx, fnCohorts, nil, func(a *answer) error {
		out = out[:0]
		return a.list(func() error {
			var c cohort
			if err := a.decode(&c); err != nil {
				return err
			}
			if c.ID <= 0 {
				return need(fnCohorts, "id", "")
			}
			out = append(out, c)
			return nil
		})
	})
	return out, s.client.whole(fnCohorts, err)
}

func (s *snapshot) cohortRows(ctx context.Context) ([]item, error) {
	all, err := s.cohorts(ctx)
	items := make([]item, len(all))
	for i, c := range all {
		items[i] = row(int64(c.ID), s.name(c.Name), string(c.IDNumber))
	}
	return items, err
}

// byCohort is the plan of the members of cohorts.
func (s *snapshot) byCohort(ctx context.Context) (plan, error) {
	all, err := s.cohorts(ctx)
	if err != nil {
		return plan{}, err
	}
	of := make([]int64, len(all))
	for i, c := range all {
		of[i] = int64(c.ID)
	}
	slices.Sort(of)
	units, err := pairKeys.units(slices.Compact(of))
	return plan{units: units, function: fnCohortPeople, load: s.cohortMemberRows}, err
}

func (s *snapshot) cohortMemberRows(ctx context.Context, u unit) (items []item, err error) {
	told := false
	err = s.client.call(ctx, fnCohortPeople, ids("cohortids", u.id), func(a *answer) error {
		items = items[:0]
		return a.list(func() error {
			var of struct {
				CohortID number
				UserIDs  []number
			}
			if err := a.decode(&of); err != nil || int64(of.CohortID) != u.id {
				return err
			}
			told = true
			for _, id := range of.UserIDs {
				key, ok := pairKeys.of(u.id, int64(id))
				if !ok {
					return errLargeID
				}
				items = append(items, row(key, u.id, int64(id)))
			}
			return nil
		})
	})
	if err == nil && !told {
		err = source.ErrProtocol.With(errNotTold)
	}
	slices.SortFunc(items, byKey)
	return slices.CompactFunc(items, func(a, b item) bool { return a.keys == b.keys }), err
}

// name is a text that may be given in several languages.
func (s *snapshot) name(t text) string { return moodle.InLanguage(string(t), s.settings.language) }
