package moodlews

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// times collects moments of a row; one that can't be spoils it.
type times struct{ wrong bool }

func (t *times) of(n number) any {
	at, ok := moodle.Moment(int64(n))
	if !ok {
		t.wrong = true
	}
	return at
}

// or gives a row, or skips it where a time is wrong.
func (t *times) or(it item) item {
	if t.wrong {
		return skip(it.keys.Last, source.ReasonBadValue, it.keys.Last)
	}
	return it
}

// warning is how functions tell that something was left out.
type warning struct {
	Item        text
	ItemID      number
	WarningCode text
}

// warnings reads a list of them.
func (a *answer) warnings(into *[]warning) func() error {
	*into = nil
	return func() error {
		return a.list(func() error {
			var w warning
			err := a.decode(&w)
			*into = append(*into, w)
			return err
		})
	}
}

func (s *snapshot) categoryRows(ctx context.Context) (items []item, err error) {
	err = s.client.call(ctx, fnCategories, nil, func(a *answer) error {
		items = nil
		return a.list(func() error {
			var c struct {
				ID, Parent number
				Name       text
				Visible    *flag // told to those who may hide it; others see only what they may
			}
			if err := a.decode(&c); err != nil {
				return err
			}
			if c.ID <= 0 {
				return need(fnCategories, "id", "")
			}
			items = append(items, row(int64(c.ID), s.name(c.Name), moodle.Reference(int64(c.Parent)), c.Visible == nil || bool(*c.Visible)))
			return nil
		})
	})
	return items, s.client.whole(fnCategories, err)
}

// course is what more than one table needs of a course.
type course struct {
	id      int64
	tracked bool // completion is
	hidden  bool // the token's user may not see it
}

// courseRows are all courses.
func (s *snapshot) courseRows(ctx context.Context) (items []item, err error) {
	var courses []course
	var left []warning
	err = s.client.call(ctx, fnCourses, url.Values{"field": {""}, "value": {""}}, func(a *answer) error {
		items, courses = nil, nil
		return a.object(members{
			"courses": func() error {
				return a.list(func() error {
					it, c, err := s.course(a)
					items = append(items, it)
					if it.values != nil {
						courses = append(courses, c)
					}
					return err
				})
			},
			"warnings": a.warnings(&left),
		})
	})
	if err != nil {
		return nil, s.client.whole(fnCourses, err)
	}
	if len(items) == 0 { // there is at least the front page
		return nil, source.Incomplete("courses that the token's user may see")
	}
	for _, w := range left {
		id := int64(w.ItemID)
		if w.Item != "course" || id <= 0 || id == moodle.FrontPage || slices.ContainsFunc(courses, func(c course) bool { return c.id == id }) {
			continue
		}
		kept := keep(source.Span{First: id - 1, Last: id})
		kept.reason, kept.sample = source.ReasonNotShown, id
		items, courses = append(items, kept), append(courses, course{id: id, hidden: true})
	}
	slices.SortFunc(courses, func(a, b course) int { return cmp.Compare(a.id, b.id) })
	courses = slices.CompactFunc(courses, func(a, b course) bool { return a.id == b.id })
	s.lock.Lock()
	defer s.lock.Unlock()
	s.courses = courses
	return items, nil
}

// course reads one course.
func (s *snapshot) course(a *answer) (item, course, error) {
	const may = " (moodle/course:update)"
	var c struct {
		ID, CategoryID, StartDate, EndDate, TimeCreated number
		FullName, ShortName, IDNumber, Format           text
		Visible, EnableCompletion                       *flag
	}
	if err := a.decode(&c); err != nil {
		return item{}, course{}, err
	}
	id := int64(c.ID)
	switch {
	case id <= 0:
		return item{}, course{}, need(fnCourses, "id", "")
	case id == moodle.FrontPage || c.Format == "site":
		return skip(id, source.ReasonFrontPage, id), course{}, nil
	case c.Visible == nil:
		return item{}, course{}, need(fnCourses, "visible", may)
	case c.EnableCompletion == nil:
		return item{}, course{}, need(fnCourses, "enablecompletion", may)
	}
	var t times
	it := row(id, s.name(c.FullName), s.name(c.ShortName), string(c.IDNumber), moodle.Reference(int64(c.CategoryID)), bool(*c.Visible),
		bool(*c.EnableCompletion), t.of(c.StartDate), t.of(c.EndDate), t.of(c.TimeCreated))
	return t.or(it), course{id: id, tracked: bool(*c.EnableCompletion)}, nil
}

// allCourses are all courses, in the order of their ids.
func (s *snapshot) allCourses(ctx context.Context) ([]course, error) {
	if s.courses == nil {
		if _, err := s.courseRows(ctx); err != nil {
			return nil, err
		}
	}
	return s.courses, nil
}

// enrolmentRows tell who is in a course. The method is not told, nor when it
// begins and ends: that they are active is judged by the site, now.
func (s *snapshot) enrolmentRows(ctx context.Context, c course) ([]item, error) {
	r, err := s.roster(ctx, c.id)
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(r.members))
	for _, m := range r.members {
		key, ok := pairKeys.of(c.id, m.user)
		if !ok {
			return nil, errLargeID
		}
		items = append(items, row(key, m.user, c.id, "", m.active, nil, nil, nil))
	}
	return items, nil
}

// roleRows tell what members of a course are there. The archetype of a role is
// not told: which are those of learners is a setting.
func (s *snapshot) roleRows(ctx context.Context, c course) ([]item, error) {
	r, err := s.roster(ctx, c.id)
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(r.holdings))
	for _, h := range r.holdings {
		if h.role <= 0 || h.role >= 1<<roleBits {
			return nil, errLargeID
		}
		key, ok := holdingKeys.of(c.id, h.user<<roleBits+h.role)
		if !ok {
			return nil, errLargeID
		}
		items = append(items, row(key, h.user, c.id, s.settings.learner(h.name), h.name))
	}
	return items, nil
}

// cert is an activity of the plugin customcert.
type cert struct {
	id, course int64
	name       string
}

// activityRows are the activities of a course. By the way they tell which
// certificates there are.
func (s *snapshot) activityRows(ctx context.Context, c course) (items []item, err error) {
	var certs []cert
	err = s.client.call(ctx, fnContents, url.Values{"courseid": param(c.id)}, func(a *answer) error {
		items, certs = nil, []cert{}
		return a.list(func() error {
			var section struct {
				Modules []struct {
					ID, Instance, Completion number
					ModName, Name            text
				}
			}
			if err := a.decode(&section); err != nil {
				return err
			}
			for _, m := range section.Modules {
				key, ok := pairKeys.of(c.id, int64(m.ID))
				if !ok {
					return errLargeID
				}
				items = append(items, row(key, c.id, m.Completion != 0))
				if m.ModName == "customcert" {
					certs = append(certs, cert{int64(m.Instance), c.id, s.name(m.Name)})
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.certs[c.id] = certs
	return items, nil
}

// certsOf are the certificates of a course.
func (s *snapshot) certsOf(ctx context.Context, c course) ([]cert, error) {
	s.lock.Lock()
	known := s.certs[c.id]
	s.lock.Unlock()
	if known == nil {
		if _, err := s.activityRows(ctx, c); err != nil {
			return nil, err
		}
		s.lock.Lock()
		known = s.certs[c.id]
		s.lock.Unlock()
	}
	return known, nil
}

// activityStates is the plan of what people have done of the activities of
// courses that track it.
func (s *snapshot) activityStates(ctx context.Context) (plan, error) {
	return s.byPerson(ctx, pairKeys, fnActivities, tracked, func(ctx context.Context, user int64, courses []int64) (items []item, err error) {
		for _, course := range courses {
			of, err := s.statesOf(ctx, course, user)
			if err != nil {
				return nil, err
			}
			items = append(items, of...)
		}
		return items, nil
	})
}

// statesOf are what one person has done in one course. What was not begun is no
// row.
func (s *snapshot) statesOf(ctx context.Context, course, user int64) (items []item, err error) {
	err = s.client.call(ctx, fnActivities, url.Values{"courseid": param(course), "userid": param(user)}, func(a *answer) error {
		items = nil
		return a.object(members{"statuses": func() error {
			return a.list(func() error {
				var st struct{ CMID, State, TimeCompleted number }
				if err := a.decode(&st); err != nil || st.State == 0 {
					return err
				}
				key, ok := pairKeys.of(user, int64(st.CMID))
				activity, fits := pairKeys.of(course, int64(st.CMID))
				if !ok || !fits {
					return errLargeID
				}
				var t times
				items = append(items, t.or(row(key, user, activity, moodle.Done(int64(st.State)), t.of(st.TimeCompleted))))
				return nil
			})
		}})
	})
	return items, err
}

// completionRows tell who has completed a course. Only of those who are active
// in it the site tells that; what is known of others stays.
func (s *snapshot) completionRows(ctx context.Context, c course) ([]item, error) {
	r, err := s.roster(ctx, c.id)
	if err != nil {
		return nil, err
	}
	found, refused := make([]*item, len(r.members)), make([]error, len(r.members))
	var none atomic.Bool // nobody can complete the course
	err = each(ctx, len(r.members), func(ctx context.Context, i int) error {
		m := r.members[i]
		key, ok := pairKeys.of(c.id, m.user)
		if !ok {
			return errLargeID
		}
		it := keep(source.Span{First: key - 1, Last: key})
		if m.active && !none.Load() {
			done, at, err := s.completion(ctx, c.id, m.user)
			switch {
			case isFault(err, codeNoCriteria):
				none.Store(true)
			case notShown(err):
				refused[i] = err
				it.reason, it.sample = source.ReasonNotShown, m.user
			case err != nil:
				return s.client.whole(fnCompletion, err)
			case !done:
				return nil
			case at == nil:
				it = skip(key, source.ReasonTimeUnknown, m.user)
			default:
				it = row(key, m.user, c.id, at)
			}
		}
		found[i] = &it
		return nil
	})
	if err != nil || none.Load() {
		return nil, err
	}
	items, told, why := []item(nil), false, error(nil)
	for i, m := range r.members {
		if found[i] != nil {
			items = append(items, *found[i])
		}
		told, why = told || m.active && refused[i] == nil, cmp.Or(why, refused[i])
	}
	if !told && why != nil { // not one person, but the course
		return nil, why
	}
	return items, nil
}

// completion asks whether a person has completed a course, and when: the time of
// the last criterion that they met.
func (s *snapshot) completion(ctx context.Context, course, user int64) (done bool, at any, err error) {
	var last number
	err = s.client.call(ctx, fnCompletion, url.Values{"courseid": param(course), "userid": param(user)}, func(a *answer) error {
		done, last = false, 0
		var completed *flag
		err := a.object(members{"completionstatus": func() error {
			return a.object(members{
				"completed": func() error { return a.decode(&completed) },
				"completions": func() error {
					return a.list(func() error {
						var c struct {
							Complete      flag
							TimeCompleted number
						}
						err := a.decode(&c)
						if c.Complete {
							last = max(last, c.TimeCompleted)
						}
						return err
					})
				},
			})
		}})
		if err == nil && completed == nil {
			err = need(fnCompletion, "completed", "")
		}
		if err == nil {
			done = bool(*completed)
		}
		return err
	})
	var t times
	at = t.of(last)
	if moment, ok := at.(time.Time); !ok || t.wrong || moment.IsZero() {
		at = nil
	}
	return done, at, err
}

// gradeRows are the totals of a course.
func (s *snapshot) gradeRows(ctx context.Context, c course) (items []item, err error) {
	err = s.client.call(ctx, fnGrades, url.Values{"courseid": param(c.id), "userid": {"0"}}, func(a *answer) error {
		items = nil
		return a.object(members{"usergrades": func() error {
			return a.list(func() error {
				var of struct {
					UserID     number
					GradeItems []struct {
						ItemType                     text
						GradeRaw, GradeMin, GradeMax grade
						GradeDateGraded              number
					}
				}
				if err := a.decode(&of); err != nil {
					return err
				}
				key, ok := pairKeys.of(c.id, int64(of.UserID))
				if !ok {
					return errLargeID
				}
				for _, g := range of.GradeItems {
					if g.ItemType != "course" || !g.GradeRaw.given {
						continue
					}
					if g.GradeRaw.wrong || g.GradeMin.wrong || g.GradeMax.wrong {
						items = append(items, skip(key, source.ReasonBadValue, int64(of.UserID)))
						break
					}
					var t times
					items = append(items, t.or(row(key, int64(of.UserID), c.id,
						moodle.Percent(g.GradeRaw.units, g.GradeMin.units, g.GradeMax.units), t.of(g.GradeDateGraded))))
					break
				}
				return nil
			})
		}})
	})
	return items, err
}
