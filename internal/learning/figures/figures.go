// Package figures computes what the account's people have learned: key figures,
// trends, and lists of courses, quizzes and assignments. docs/mis.md has the
// formulas. Each figure is one SQL statement over the rows as they are now
// (sql.go); those over very many rows are kept for a minute at most (keep.go).
//
// E, in this package, are the enrolments that count: of learners, not ended, of
// people who are not deleted and who are members of an organization in scope. A
// person who is in several of them counts once. C are those of E that have been
// completed, G those that have a score.
package figures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/people"
	"quad/internal/store"
)

// Scope is whose figures are computed: all people's of the account, or those of
// the members of some organizations.
type Scope struct {
	All           bool
	Organizations []int64
}

// Period limits figures to days in UTC, both of them inclusive; nil is open, and
// the zero Period is all time. It is the day of the enrolment that counts for E
// (and so for its completions and scores), the day of issue for certificates,
// and for quizzes and assignments the day on which an attempt was finished or a
// version handed in.
type Period struct{ From, To *time.Time }

func (p Period) open() bool { return p.From == nil && p.To == nil }

// Training are the key figures of learning.
type Training struct {
	Trainees       int64 // distinct people in E
	Enrollments    int64 // count of E
	Completions    int64 // count of C
	Graded         int64 // count of G
	CompletionRate float64
	AverageScore   float64 // over G
	Certificates   int64   // held, not revoked; expired ones, and those of learning systems, included
}

// Program is Training with the projects that are running.
type Program struct {
	Training
	ActivePrograms int64
}

// Course are the figures of a course.
type Course struct {
	ID             int64
	Name           string
	Enrollments    int64
	Completions    int64
	Graded         int64
	CompletionRate float64
	AverageScore   float64
	AverageMinutes int64 // over those of E of whom time was recorded
}

// Month are the figures of a calendar month in UTC.
type Month struct {
	Month        string // 2026-01
	Enrollments  int64  // of E, begun in the month
	Completions  int64  // of C, completed in it
	AverageScore float64
}

// Summary are the results of all.
type Summary struct {
	Enrollments    int64
	Completions    int64
	CompletionRate float64
	AverageScore   float64
	TopPerformers  int64 // people whose own mean score is 90 or more
	NeedsSupport   int64 // and below 70
}

// Grades count G by bands: A from 90, B from 80, C from 70, D from 60, F below.
type Grades struct{ A, B, C, D, F int64 }

// Quiz are the figures of a quiz.
type Quiz struct {
	ID             int64
	CourseID       int64
	Name           string
	CourseName     string
	Attempts       int64 // finished ones, by the learners of E in its course
	AverageScore   float64
	PassRate       float64
	AverageMinutes int64
}

// Assignment are the figures of an assignment.
type Assignment struct {
	ID             int64
	CourseID       int64
	Name           string
	CourseName     string
	Submissions    int64 // versions handed in by the learners of E in its course
	AverageScore   float64
	SubmissionRate float64
	AverageMinutes int64
}

// MaxMonths is how many months a trend has at most.
const MaxMonths = 60

// Deps is what a Service needs.
type Deps struct {
	DB     *store.DB
	Auth   *auth.Service
	People *people.Service
	Clock  clock.Clock // nil: the machine's
	// KeepFrom is from how many enrolments, attempts or versions on a figure is
	// kept for a while; 0: 100,000.
	KeepFrom int64
}

// Service is the area's door. It is safe for concurrent use. Its figures check
// no role: the caller has resolved the Scope. All values are rounded: rates and
// averages to one decimal, half away from zero, minutes to whole ones. Nothing
// to divide by gives 0. Lists are complete, by name in any case, and not to be
// changed by those who get them. Errors: the database's.
type Service struct {
	db     *store.DB
	auth   *auth.Service
	people *people.Service
	now    clock.Clock
	kept   *keeper
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Auth == nil || d.People == nil {
		return nil, errors.New("figures: DB, Auth and People are needed")
	}
	if d.KeepFrom == 0 {
		d.KeepFrom = keepFrom
	}
	now := d.Clock.Or()
	return &Service{db: d.DB, auth: d.Auth, people: d.People, now: now, kept: newKeeper(d.KeepFrom)}, nil
}

// Scope gives what a caller means who names an organization, or nil for all in
// reach. At most one statement. Errors: people.ErrOrganizationUnknown when
// somebody who sees all names none, models.ErrForbidden when anybody else names
// one out of reach.
func (s *Service) Scope(ctx context.Context, organization *int64) (Scope, error) {
	if organization != nil {
		if err := s.people.NamedOrganization(ctx, *organization); err != nil {
			return Scope{}, err
		}
		return Scope{Organizations: []int64{*organization}}, nil
	}
	reach, err := s.auth.Reach(ctx)
	if err != nil {
		return Scope{}, err
	}
	return Scope{All: reach.All, Organizations: reach.Organizations}, nil
}

// key names a scope among those of its account.
func (s Scope) key() string {
	if s.All {
		return "all"
	}
	ids := slices.Clone(s.Organizations)
	slices.Sort(ids)
	return fmt.Sprint(slices.Compact(ids))
}

// args are the values that the statements of a scope and period name.
func args(scope Scope, p Period) store.Args {
	args := store.Args{"organizations": pq.Int64Array(scope.Organizations)}
	if p.From != nil {
		args["from"] = day(*p.From)
	}
	if p.To != nil {
		args["until"] = day(*p.To).AddDate(0, 0, 1)
	}
	return args
}

// day is the begin of a day in UTC.
func day(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// read runs the statement of a figure, or gives what was kept of it. weight
// tells over how many rows a result was computed.
func read[T any](ctx context.Context, s *Service, figure string, scope Scope, p Period, text string, more store.Args, weight func(T) int64) (T, error) {
	run := func(ctx context.Context) (T, error) {
		all := args(scope, p)
		for name, value := range more {
			all[name] = value
		}
		var out T
		if err := s.db.Query(ctx, &out, text, all); err != nil {
			return out, fmt.Errorf("figures: %s: %w", figure, err)
		}
		return out, nil
	}
	account, known := store.AccountID(ctx)
	if !known || !p.open() || store.HasTx(ctx) { // a transaction reads its own snapshot
		return run(ctx)
	}
	value, err := s.kept.get(ctx, fmt.Sprint(account, " ", figure, " ", scope.key()), func(ctx context.Context) (any, int64, error) {
		out, err := run(store.WithAccount(ctx, account)) // a renewal is nobody's request
		return out, weight(out), err
	})
	out, _ := value.(T)
	return out, err
}

// Training gives the key figures of learning: one statement.
func (s *Service) Training(ctx context.Context, scope Scope, p Period) (Training, error) {
	return read(ctx, s, "training", scope, p, trainingSQL(scope, p, false), nil, func(t Training) int64 { return t.Enrollments })
}

// Program gives Training, and how many projects are active now, of the
// organizations in scope: one statement.
func (s *Service) Program(ctx context.Context, scope Scope, p Period) (Program, error) {
	return read(ctx, s, "program", scope, p, trainingSQL(scope, p, true), nil, func(t Program) int64 { return t.Enrollments })
}

// Courses gives the figures of the courses that somebody of E is in; where the
// scope is everybody, of all courses that people can be in: one statement.
func (s *Service) Courses(ctx context.Context, scope Scope, p Period) ([]Course, error) {
	return read(ctx, s, "courses", scope, p, coursesSQL(scope, p), nil, func(list []Course) (sum int64) {
		for _, c := range list {
			sum += c.Enrollments
		}
		return sum
	})
}

// trend is a month with over how many enrolments all months were computed.
type trend struct {
	Month
	Weight int64
}

// Trends gives the figures of the current month and of those before it, months
// of them from 1 to MaxMonths, oldest first: one statement.
func (s *Service) Trends(ctx context.Context, scope Scope, months int) ([]Month, error) {
	months = min(max(months, 1), MaxMonths)
	begins := make(pq.StringArray, months+1)
	now := s.now().UTC()
	for i := range begins {
		begins[i] = time.Date(now.Year(), now.Month()-time.Month(months-1-i), 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	}
	rows, err := read(ctx, s, fmt.Sprint("trends ", begins[0], " ", months), scope, Period{}, trendsSQL(scope), store.Args{"begins": begins}, func(list []trend) int64 {
		if len(list) == 0 {
			return 0
		}
		return list[0].Weight
	})
	out := make([]Month, len(rows))
	for i, r := range rows {
		out[i] = r.Month
	}
	return out, err
}

// Summary gives the results of all: one statement.
func (s *Service) Summary(ctx context.Context, scope Scope, p Period) (Summary, error) {
	return read(ctx, s, "summary", scope, p, summarySQL(scope, p), nil, func(r Summary) int64 { return r.Enrollments })
}

// Grades counts G by bands: one statement.
func (s *Service) Grades(ctx context.Context, scope Scope, p Period) (Grades, error) {
	return read(ctx, s, "grades", scope, p, gradesSQL(scope, p), nil, func(g Grades) int64 { return g.A + g.B + g.C + g.D + g.F })
}

// Quizzes gives the figures of the quizzes of the courses that Courses lists
// without a period: one statement.
func (s *Service) Quizzes(ctx context.Context, scope Scope, p Period) ([]Quiz, error) {
	return read(ctx, s, "quizzes", scope, p, quizzesSQL(scope, p), nil, func(list []Quiz) (sum int64) {
		for _, q := range list {
			sum += q.Attempts
		}
		return sum
	})
}

// Assignments gives the figures of the assignments of the courses that Courses
// lists without a period: one statement.
func (s *Service) Assignments(ctx context.Context, scope Scope, p Period) ([]Assignment, error) {
	return read(ctx, s, "assignments", scope, p, assignmentsSQL(scope, p), nil, func(list []Assignment) (sum int64) {
		for _, a := range list {
			sum += a.Submissions
		}
		return sum
	})
}
