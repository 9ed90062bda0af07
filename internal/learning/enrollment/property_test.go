package enrollment_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"quad/internal/input"
	"quad/internal/learning/enrollment"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/models"
)

// model is who is in which course, kept the naive way: by looking at everything
// after every change.
type model struct {
	parent  map[int64]int64          // group: the one above, 0 for none
	members map[int64]map[int64]bool // group: people
	links   map[link]bool            // recursive or not
	sources map[source]bool          // withdrawn or not
	direct  map[pair]bool
	gone    map[int64]bool // people
}

type link struct{ course, group int64 }

type source struct {
	link
	user int64
}

func newModel() *model {
	return &model{
		parent: map[int64]int64{}, members: map[int64]map[int64]bool{}, links: map[link]bool{}, sources: map[source]bool{},
		direct: map[pair]bool{}, gone: map[int64]bool{},
	}
}

// under tells whether a group is the other one, or below it where that counts.
func (m *model) under(group, other int64, recursive bool) bool {
	for at := group; at != 0; at = m.parent[at] {
		if at == other {
			return true
		}
		if !recursive {
			return false
		}
	}
	return false
}

// wanted are the sources that links and memberships make.
func (m *model) wanted() map[source]bool {
	out := map[source]bool{}
	for l, recursive := range m.links {
		for g, members := range m.members {
			if m.under(g, l.group, recursive) {
				for user := range members {
					out[source{l, user}] = true
				}
			}
		}
	}
	return out
}

// follow brings the sources in line.
func (m *model) follow() {
	wanted := m.wanted()
	maps.DeleteFunc(m.sources, func(s source, _ bool) bool { return !wanted[s] })
	for s := range wanted {
		if _, there := m.sources[s]; !there {
			m.sources[s] = false
		}
	}
}

// learners are the pairs of people and courses in which they learn.
func (m *model) learners() map[pair]bool {
	out := maps.Clone(m.direct)
	for s, withdrawn := range m.sources {
		if !withdrawn {
			out[pair{s.user, s.course}] = true
		}
	}
	return out
}

func (m *model) remove(user, course int64) {
	delete(m.direct, pair{user, course})
	for s := range m.sources {
		if s.user == user && s.course == course {
			m.sources[s] = true
		}
	}
}

// drop takes a person out of everything.
func (m *model) drop(user int64) {
	m.gone[user] = true
	for _, members := range m.members {
		delete(members, user)
	}
	maps.DeleteFunc(m.direct, func(p pair, _ bool) bool { return p.UserID == user })
}

// campus is a world with some groups, people and courses to play with.
type campus struct {
	*world
	users, groupIDs, courses []int64
}

func newCampus(t *testing.T, users, groups, courses int) *campus {
	t.Helper()
	c := &campus{world: newWorld(t)}
	for i := range users {
		c.users = append(c.users, c.person(fmt.Sprint("p", i)))
	}
	for i := range courses {
		c.courses = append(c.courses, c.course(fmt.Sprint("c", i), 0))
	}
	c.groupIDs = append(c.groupIDs, c.group("g0", ""))
	for i := 1; i < groups; i++ {
		c.groupIDs = append(c.groupIDs, c.group(fmt.Sprint("g", i), "g0"))
	}
	return c
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// step does something at random, to the hub and, when it succeeded, to the model
// (nil: to the hub only). It names what it did.
func (c *campus) step(r *rand.Rand, m *model) (what string, err error) {
	user, g, course := pick(r, c.users), pick(r, c.groupIDs), pick(r, c.courses)
	u, at, on := ref.ByID(user), ref.ByID(g), ref.ByID(course)
	switch r.IntN(20) {
	case 0, 1, 2, 3:
		what, err = fmt.Sprint("join ", user, " ", g), c.groups.AddMember(c.admin, at, u, false)
		return what, m.after(err, func() { m.add(g, user) })
	case 4:
		what, err = fmt.Sprint("join only ", user, " ", g), c.groups.AddMember(c.admin, at, u, true)
		return what, m.after(err, func() {
			for _, members := range m.members {
				delete(members, user)
			}
			m.add(g, user)
		})
	case 5, 6, 7:
		what, err = fmt.Sprint("leave ", user, " ", g), c.groups.RemoveMember(c.admin, at, u)
		return what, m.after(err, func() { delete(m.members[g], user) })
	case 8, 9, 10:
		recursive := r.IntN(2) == 0
		what, err = fmt.Sprint("link ", course, " ", g, " ", recursive), c.LinkGroup(c.admin, on, at, recursive)
		return what, m.after(err, func() { m.links[link{course, g}] = recursive })
	case 11, 12:
		what, err = fmt.Sprint("unlink ", course, " ", g), c.UnlinkGroup(c.admin, on, at)
		return what, m.after(err, func() { delete(m.links, link{course, g}) })
	case 13, 14:
		to := pick(r, c.groupIDs)
		_, err = c.groups.Update(c.admin, at, group.Change{Parent: input.To(ref.ByID(to))})
		what = fmt.Sprint("move ", g, " to ", to)
		return what, m.after(err, func() { m.parent[g] = to })
	case 15:
		what, err = fmt.Sprint("assign ", user, " ", course), c.Assign(c.admin, on, u, nil)
		return what, m.after(err, func() { m.direct[pair{user, course}] = true })
	case 16, 17, 18:
		what, err = fmt.Sprint("remove ", user, " ", course), c.Remove(c.admin, on, u)
		return what, m.after(err, func() { m.remove(user, course) })
	default:
		if r.IntN(8) > 0 { // people are not endless
			_, err = c.Report(c.admin, []enrollment.ProgressReport{
				{User: u, Course: on, Progress: r.IntN(101)}, {User: ref.ByID(pick(r, c.users)), Course: ref.ByID(pick(r, c.courses)), Progress: 100},
			})
			return "report", m.after(err, func() {})
		}
		what, err = fmt.Sprint("delete ", user), c.people.DeleteUser(c.admin, user)
		return what, m.after(err, func() { m.drop(user) })
	}
}

func (m *model) add(group, user int64) {
	if m.members[group] == nil {
		m.members[group] = map[int64]bool{}
	}
	m.members[group][user] = true
}

// after changes the model when the hub has changed. What the hub refuses, it
// refuses rightly: the rules of the tree, and people who are gone.
func (m *model) after(err error, change func()) error {
	if err == nil {
		if m != nil {
			change()
			m.follow()
		}
		return nil
	}
	if models.KindOf(err) == models.KindInvalid || errors.Is(err, people.ErrUserUnknown) {
		return nil
	}
	return err
}

// state reads what the hub has.
func (c *campus) state() (sources map[source]bool, learners map[pair]bool) {
	c.t.Helper()
	var rows []struct {
		CourseID, GroupID, UserID int64
		Withdrawn                 bool
	}
	require.NoError(c.t, c.db.Query(c.system, &rows, `SELECT l.course_id, l.group_id, s.user_id, s.withdrawn
		FROM enrollment_sources s JOIN course_groups l ON l.id = s.course_group_id AND l.course_id = s.course_id`, nil))
	sources = map[source]bool{}
	for _, r := range rows {
		sources[source{link{r.CourseID, r.GroupID}, r.UserID}] = r.Withdrawn
	}
	var open []models.Enrollment
	require.NoError(c.t, c.db.Query(c.system, &open, `SELECT user_id, course_id FROM enrollments WHERE learner AND ended_at IS NULL`, nil))
	learners = map[pair]bool{}
	for _, e := range open {
		learners[pair{e.UserID, e.CourseID}] = true
	}
	return sources, learners
}

// read makes a model of the tables of memberships, links and direct enrolments.
func (c *campus) read() *model {
	c.t.Helper()
	m := newModel()
	var groups []models.Group
	require.NoError(c.t, c.db.Query(c.system, &groups, `SELECT id, parent_id FROM groups`, nil))
	for _, g := range groups {
		if g.ParentID != nil {
			m.parent[g.ID] = *g.ParentID
		}
	}
	var members []models.GroupMember
	require.NoError(c.t, c.db.Query(c.system, &members, `SELECT group_id, user_id FROM group_members`, nil))
	for _, g := range members {
		m.add(g.GroupID, g.UserID)
	}
	var links []models.CourseGroup
	require.NoError(c.t, c.db.Query(c.system, &links, `SELECT course_id, group_id, recursive FROM course_groups`, nil))
	for _, l := range links {
		m.links[link{l.CourseID, l.GroupID}] = l.Recursive
	}
	var direct []models.Enrollment
	require.NoError(c.t, c.db.Query(c.system, &direct, `SELECT user_id, course_id FROM enrollments WHERE direct_learner`, nil))
	for _, e := range direct {
		m.direct[pair{e.UserID, e.CourseID}] = true
	}
	return m
}

// Whatever happens in whatever order, the hub ends where the naive model ends,
// and tells of exactly the enrolments that began or ended.
func TestFollowsTheModel(t *testing.T) {
	c := newCampus(t, 5, 6, 2)
	m := newModel()
	for _, g := range c.groupIDs[1:] {
		m.parent[g] = c.groupIDs[0]
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var done []string
	for range 300 {
		before := m.learners()
		what, err := c.step(r, m)
		done = append(done, what)
		require.NoError(t, err, "seed %d: %v", seed, done)
		sources, learners := c.state()
		require.Equal(t, m.sources, sources, "seed %d: %v", seed, done)
		require.Equal(t, m.learners(), learners, "seed %d: %v", seed, done)
		told := c.heard()
		if what != "report" {
			require.Equal(t, difference(before, learners), told, "seed %d: %v", seed, done)
		}
	}
}

// difference lists the pairs that only one of two sets has.
func difference(a, b map[pair]bool) []pair {
	out := []pair{}
	for p := range a {
		if !b[p] {
			out = append(out, p)
		}
	}
	for p := range b {
		if !a[p] {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePairs)
	return out
}

// The same at the same time, by many: nobody waits for each other forever,
// nothing fails, and what is left fits together.
func TestFollowsAtOnce(t *testing.T) {
	c := newCampus(t, 8, 8, 3)
	seed := rand.Uint64()
	work, ctx := errgroup.WithContext(t.Context())
	for worker := range 8 {
		work.Go(func() error {
			r := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 60 {
				if what, err := c.step(r, nil); err != nil || ctx.Err() != nil {
					return fmt.Errorf("seed %d, worker %d: %s: %w", seed, worker, what, errors.Join(err, context.Cause(ctx)))
				}
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
	m := c.read()
	sources, learners := c.state()
	require.Equal(t, m.wanted(), allTrue(sources), "seed %d", seed)
	m.sources = sources
	require.Equal(t, m.learners(), learners, "seed %d", seed)
	var wrong int64
	require.NoError(t, c.db.Query(c.system, &wrong, `SELECT count(*) FROM enrollments e JOIN users u ON u.id = e.user_id
		WHERE u.status = 'DELETED' AND e.ended_at IS NULL`, nil))
	require.Zero(t, wrong, "deleted people learn nothing")
}

func allTrue[K comparable](m map[K]bool) map[K]bool {
	out := map[K]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}
