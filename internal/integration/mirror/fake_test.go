package mirror_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"quad/internal/integration/source"
)

// system is a learning system in memory.
type system struct {
	tables map[string]map[int64][]any
	// left is after how many more calls the line breaks; below 0: never.
	left int
	// reads counts the calls of Read, and digests those of Digest.
	reads, digests int
}

func newSystem() *system {
	s := &system{tables: map[string]map[int64][]any{}, left: -1}
	for _, t := range source.Tables {
		s.tables[t.Name] = map[int64][]any{}
	}
	return s
}

// put writes a row; the values are in the order of the columns.
func (s *system) put(table string, id int64, values ...any) {
	t, ok := source.TableOf(table)
	if !ok || len(values) != len(t.Columns) {
		panic(fmt.Sprintf("%s: %d values", table, len(values)))
	}
	s.tables[table][id] = values
}

func (s *system) remove(table string, id int64) { delete(s.tables[table], id) }

// set changes a column of a row.
func (s *system) set(table string, id int64, column string, value any) {
	t, _ := source.TableOf(table)
	row := slices.Clone(s.tables[table][id])
	row[t.Index(column)] = value
	s.tables[table][id] = row
}

func (s *system) ids(table string) []int64 { return slices.Sorted(maps.Keys(s.tables[table])) }

// snapshot gives a view that later changes do not touch.
func (s *system) snapshot() *snapshot {
	view := &snapshot{of: s, rows: map[string][]source.Row{}}
	for name, rows := range s.tables {
		for _, id := range slices.Sorted(maps.Keys(rows)) {
			view.rows[name] = append(view.rows[name], source.Row{ID: id, Values: rows[id]})
		}
	}
	return view
}

// snapshot is a view of a system that can sum up.
type snapshot struct {
	of   *system
	rows map[string][]source.Row
}

func (s *snapshot) At() time.Time { return start }
func (s *snapshot) Close() error  { return nil }

func (s *snapshot) call(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.of.left == 0 {
		return source.ErrEnded
	}
	s.of.left--
	return nil
}

// between gives the rows above after and at most until.
func (s *snapshot) between(table string, after, until int64) []source.Row {
	rows := s.rows[table]
	find := func(id int64) int {
		at, _ := slices.BinarySearchFunc(rows, id, func(r source.Row, id int64) int {
			if r.ID <= id {
				return -1
			}
			return 1
		})
		return at
	}
	return rows[find(after):find(until)]
}

func (s *snapshot) Read(ctx context.Context, table string, after, until int64, limit int) (source.Page, error) {
	if err := s.call(ctx); err != nil {
		return source.Page{}, err
	}
	s.of.reads++
	rows := s.between(table, after, until)
	p := source.Page{Last: after, Done: len(rows) <= limit}
	for _, r := range rows[:min(limit, len(rows))] {
		p.Last = r.ID
		if r.ID%skipEvery == 0 {
			p.Skip(source.ReasonGuest, r.ID)
			continue
		}
		p.Rows = append(p.Rows, source.Row{ID: r.ID, Values: slices.Clone(r.Values)})
	}
	return p, nil
}

// skipEvery: rows of such ids are there and are not given.
const skipEvery = 17

func (s *snapshot) Digest(ctx context.Context, table string, after, until int64, rows int) (source.Range, error) {
	if err := s.call(ctx); err != nil {
		return source.Range{}, err
	}
	s.of.digests++
	d := source.Range{First: after, Last: after}
	for _, r := range s.between(table, after, until) {
		if d.Rows == int64(rows) {
			break
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%d", r.ID)
		for _, v := range r.Values {
			fmt.Fprintf(h, "|%v", v)
		}
		d.Last, d.Rows, d.Digest = r.ID, d.Rows+1, d.Digest^int64(h.Sum64()) //nolint:gosec // bits
	}
	return d, nil
}

// plain is a snapshot of a system that can't sum up.
type plain struct{ source.Snapshot }

// life makes and changes the rows of a system at random.
type life struct {
	*system
	r    *rand.Rand
	next map[string]int64
}

func newLife(seed uint64) *life {
	return &life{system: newSystem(), r: rand.New(rand.NewPCG(seed, 1)), next: map[string]int64{}} //nolint:gosec // not a secret
}

// any gives the id of a row, or now and then one that is not there.
func (l *life) any(table string) int64 {
	ids := l.ids(table)
	if len(ids) == 0 || l.r.IntN(25) == 0 {
		return 9_000 + l.r.Int64N(5)
	}
	return ids[l.r.IntN(len(ids))]
}

func (l *life) id(table string) int64 {
	l.next[table] += 1 + l.r.Int64N(3)
	return l.next[table]
}

// at gives a time, or now and then none.
func (l *life) at() any {
	if l.r.IntN(12) == 0 {
		return nil
	}
	return start.AddDate(0, 0, -l.r.IntN(400)).Add(time.Duration(l.r.IntN(86_400)) * time.Second)
}

func (l *life) flag(oneIn int) bool { return l.r.IntN(oneIn) != 0 }

func (l *life) orNil(v any) any {
	if l.r.IntN(6) == 0 {
		return nil
	}
	return v
}

func (l *life) float(most int) float64 { return float64(l.r.IntN(most*100_000)) / 100_000 }

// row makes the values of a row.
func (l *life) row(table string) []any {
	switch table {
	case source.Users:
		n := l.r.IntN(60) // few addresses: some users have the same
		return []any{l.orNil(fmt.Sprintf("p%d@mail.test", n)), fmt.Sprintf("u%d", n), "", fmt.Sprintf("First%d", l.r.IntN(9)), fmt.Sprintf("Last%d", n), "en",
			true, false, true, !l.flag(8), l.at()}
	case source.Categories:
		return []any{fmt.Sprintf("Category %d", l.r.IntN(9)), nil, true}
	case source.Courses:
		n := l.r.IntN(50)
		return []any{fmt.Sprintf("Course %d", n), fmt.Sprintf("c%d", n), "", l.orNil(l.any(source.Categories)), l.flag(4), true, l.at(), l.at(), l.at()}
	case source.Enrolments:
		return []any{l.any(source.Users), l.any(source.Courses), "manual", l.flag(5), l.at(), l.at(), l.at()}
	case source.Roles:
		role := []string{"student", "student", "student", "teacher", "manager"}[l.r.IntN(5)]
		return []any{l.any(source.Users), l.any(source.Courses), role == "student", role}
	case source.Activities:
		return []any{l.any(source.Courses), l.flag(4)}
	case source.ActivityStates:
		return []any{l.any(source.Users), l.any(source.Activities), l.flag(4), l.at()}
	case source.Completions:
		return []any{l.any(source.Users), l.any(source.Courses), l.orNil(l.at())}
	case source.Grades:
		return []any{l.any(source.Users), l.any(source.Courses), l.orNil(l.float(110)), l.at()}
	case source.Quizzes:
		return []any{l.any(source.Courses), fmt.Sprintf("Quiz %d", l.r.IntN(50)), l.orNil(l.float(20)), l.orNil(l.float(110))}
	case source.QuizAttempts:
		return []any{l.any(source.Quizzes), l.any(source.Users), 1 + l.r.Int64N(3), l.orNil(l.float(20)), l.flag(5), l.at(), l.at()}
	case source.Assignments:
		return []any{l.any(source.Courses), fmt.Sprintf("Task %d", l.r.IntN(50)), l.orNil(l.float(100)), l.at()}
	case source.Submissions:
		return []any{l.any(source.Assignments), l.orNil(l.any(source.Users)), l.r.Int64N(3), true, l.flag(4), l.at(), l.at()}
	case source.SubmissionMarks:
		return []any{l.any(source.Assignments), l.any(source.Users), l.r.Int64N(3), l.orNil(l.float(100) - 1), l.at()}
	case source.Cohorts:
		return []any{fmt.Sprintf("Cohort %d", l.r.IntN(9)), ""}
	case source.CohortMembers:
		return []any{l.any(source.Cohorts), l.any(source.Users)}
	case source.Awards:
		kind := []string{"certificate", "badge"}[l.r.IntN(2)]
		return []any{kind, kind + "s", "Award", l.any(source.Users), l.orNil(l.any(source.Courses)), fmt.Sprintf("code%d", l.r.IntN(1e6)), l.at(), l.at()}
	}
	panic(table)
}

var sizes = map[string]int{
	source.Users: 60, source.Categories: 4, source.Courses: 12, source.Enrolments: 220, source.Roles: 220, source.Activities: 40, source.ActivityStates: 300,
	source.Completions: 120, source.Grades: 160, source.Quizzes: 15, source.QuizAttempts: 150, source.Assignments: 15, source.Submissions: 120,
	source.SubmissionMarks: 120, source.Cohorts: 3, source.CohortMembers: 40, source.Awards: 40,
}

// begin fills the system.
func (l *life) begin() {
	for _, t := range source.Tables {
		for range sizes[t.Name] {
			l.put(t.Name, l.id(t.Name), l.row(t.Name)...)
		}
	}
}

// day changes some rows of every table, makes some and removes some.
func (l *life) day() {
	for _, t := range source.Tables {
		for range l.r.IntN(1 + sizes[t.Name]/12) {
			ids := l.ids(t.Name)
			switch what := l.r.IntN(4); {
			case what == 0 || len(ids) == 0:
				l.put(t.Name, l.id(t.Name), l.row(t.Name)...)
			case what == 1:
				l.remove(t.Name, ids[l.r.IntN(len(ids))])
			default:
				c := t.Columns[l.r.IntN(len(t.Columns))]
				l.set(t.Name, ids[l.r.IntN(len(ids))], c.Name, l.row(t.Name)[t.Index(c.Name)])
			}
		}
	}
}
