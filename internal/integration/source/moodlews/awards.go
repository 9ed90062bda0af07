package moodlews

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// awards is the plan of certificates and badges: first those of the plugin
// customcert, certificate by certificate, then badges, person by person.
func (s *snapshot) awards(ctx context.Context) (plan, error) {
	absent, err := absentOf(s.functions)
	if err != nil {
		return plan{}, err
	}
	p := plan{function: fnBadges}
	certs := map[int64]cert{}
	if absent[partCertificates] == "" {
		p.partial, err = s.eachCourse(ctx, fnContents, func(ctx context.Context, c course) error {
			of, err := s.certsOf(ctx, c)
			s.lock.Lock()
			defer s.lock.Unlock()
			for _, k := range of {
				certs[k.id] = k
			}
			return err
		})
		if err != nil {
			return plan{}, err
		}
		order := make([]int64, 0, len(certs))
		for id := range certs {
			order = append(order, id)
		}
		slices.Sort(order)
		if p.units, err = certificateKeys.units(order); err != nil {
			return plan{}, err
		}
	} else {
		p.kept = append(p.kept, source.Span{First: 0, Last: badgeKeys.base})
	}
	if absent[partBadges] == "" {
		people, err := s.allPeople(ctx)
		if err != nil {
			return plan{}, err
		}
		of, err := badgeKeys.units(people)
		if err != nil {
			return plan{}, err
		}
		p.units = append(p.units, of...)
	} else {
		p.kept = append(p.kept, source.Span{First: badgeKeys.base, Last: all.Last})
	}
	p.load = func(ctx context.Context, u unit) (items []item, err error) {
		if u.keys.First < badgeKeys.base {
			items, err = s.certificateRows(ctx, certs[u.id])
		} else {
			items, err = s.badgeRows(ctx, u.id)
		}
		slices.SortFunc(items, byKey)
		return items, err
	}
	return p, nil
}

// certificatePage is how many certificates are told at a time, at most.
const certificatePage = 500

// certificateRows are what was given of one certificate.
func (s *snapshot) certificateRows(ctx context.Context, c cert) (items []item, err error) {
	seen := map[int64]bool{}
	for offset := 0; ; offset += certificatePage {
		var page []item
		params := url.Values{"customcertid": param(c.id), "limit": {strconv.Itoa(certificatePage)}, "offset": {strconv.Itoa(offset)}}
		err := s.client.call(ctx, fnCertificates, params, func(a *answer) error {
			page = nil
			return a.list(func() error {
				var of struct {
					Issue struct {
						ID, TimeCreated number
						Code            text
					}
					User struct{ ID number }
				}
				if err := a.decode(&of); err != nil {
					return err
				}
				key, ok := certificateKeys.of(c.id, int64(of.Issue.ID))
				switch {
				case !ok:
					return errLargeID
				case of.User.ID <= 0:
					return need(fnCertificates, "user.id", "")
				}
				var t times
				page = append(page, t.or(row(key, "certificate", "customcert", c.name, int64(of.User.ID), c.course, string(of.Issue.Code),
					t.of(of.Issue.TimeCreated), nil)))
				return nil
			})
		})
		if err != nil || len(page) == 0 {
			return items, err
		}
		if items, err = addPage(items, page, seen); err != nil {
			return nil, err
		}
	}
}

// addPage adds what is new of a page.
func addPage(items, page []item, seen map[int64]bool) ([]item, error) {
	before := len(items)
	for _, it := range page {
		if key := it.keys.Last; !seen[key] {
			seen[key] = true
			items = append(items, it)
		}
	}
	if len(items) == before {
		return nil, source.ErrProtocol.With(errNoPages)
	}
	return items, nil
}

// badgePage is how many badges are asked for at a time.
const badgePage = 100

// badgeRows are the badges of one person.
func (s *snapshot) badgeRows(ctx context.Context, user int64) (items []item, err error) {
	seen := map[int64]bool{}
	for n := 0; ; n++ {
		var page []item
		params := url.Values{"userid": param(user), "page": {strconv.Itoa(n)}, "perpage": {strconv.Itoa(badgePage)}}
		err := s.client.call(ctx, fnBadges, params, func(a *answer) error {
			page = nil
			return a.object(members{"badges": func() error {
				return a.list(func() error {
					var b struct {
						ID, CourseID, DateIssued, DateExpire number
						Name, UniqueHash                     text
					}
					if err := a.decode(&b); err != nil {
						return err
					}
					key, ok := badgeKeys.of(user, int64(b.ID))
					if !ok {
						return errLargeID
					}
					var t times
					page = append(page, t.or(row(key, "badge", "badge", s.name(b.Name), user, moodle.Reference(int64(b.CourseID)), string(b.UniqueHash),
						t.of(b.DateIssued), t.of(b.DateExpire))))
					return nil
				})
			}})
		})
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return items, nil
		}
		if items, err = addPage(items, page, seen); err != nil || len(page) < badgePage {
			return items, err
		}
	}
}
