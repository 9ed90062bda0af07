package moodlews

import (
	"cmp"
	"context"
	"slices"

	"quad/internal/integration/source"
)

// plan says how a table is read.
func (s *snapshot) plan(ctx context.Context, table string) (plan, error) {
	switch table {
	case source.Users:
		return small(fnUsers, s.userRows), nil
	case source.Categories:
		return small(fnCategories, s.categoryRows), nil
	case source.Courses:
		return small(fnCourses, s.courseRows), nil
	case source.Cohorts:
		return small(fnCohorts, s.cohortRows), nil
	case source.Enrolments:
		return s.byCourse(ctx, pairKeys, fnEnrolled, s.enrolmentRows)
	case source.Roles:
		return s.byCourse(ctx, holdingKeys, fnEnrolled, s.roleRows)
	case source.Activities:
		return s.byCourse(ctx, pairKeys, fnContents, s.activityRows)
	case source.Completions:
		return s.byCourse(ctx, pairKeys, fnCompletion, s.completionRows, tracked)
	case source.Grades:
		return s.byCourse(ctx, pairKeys, fnGrades, s.gradeRows)
	case source.Quizzes:
		return s.byCourse(ctx, pairKeys, fnQuizzes, s.quizRows)
	case source.Assignments:
		return s.byCourse(ctx, pairKeys, fnAssignments, s.assignmentRows)
	case source.ActivityStates:
		return s.activityStates(ctx)
	case source.QuizAttempts:
		return s.quizAttempts(ctx)
	case source.Submissions:
		return s.byAssignment(ctx, submissionKeys, fnSubmissions, s.submissionRows)
	case source.SubmissionMarks:
		return s.byAssignment(ctx, pairKeys, fnMarks, s.markRows)
	case source.CohortMembers:
		return s.byCohort(ctx)
	case source.Awards:
		return s.awards(ctx)
	}
	return plan{}, source.Incomplete(table)
}

// small is the plan of a table that is one answer, or few.
func small(function string, rows func(context.Context) ([]item, error)) plan {
	return plan{
		units: []unit{{keys: all}}, function: function,
		load: func(ctx context.Context, _ unit) ([]item, error) {
			items, err := rows(ctx)
			slices.SortFunc(items, byKey)
			return items, err
		},
	}
}

func byKey(a, b item) int { return cmp.Compare(a.keys.Last, b.keys.Last) }

// tracked holds for courses whose completion is tracked.
func tracked(c course) bool { return c.tracked }

// byCourse is the plan of a table whose units are courses: those for which count
// holds, or that can't be seen. Others have no rows.
func (s *snapshot) byCourse(ctx context.Context, k keys, function string, rows func(context.Context, course) ([]item, error), count ...func(course) bool) (plan, error) {
	courses, err := s.allCourses(ctx)
	if err != nil {
		return plan{}, err
	}
	of, known := make([]int64, 0, len(courses)), make(map[int64]course, len(courses))
	for _, c := range courses {
		if c.hidden || !slices.ContainsFunc(count, func(holds func(course) bool) bool { return !holds(c) }) {
			of, known[c.id] = append(of, c.id), c
		}
	}
	units, err := k.units(of)
	return plan{units: units, function: function, load: func(ctx context.Context, u unit) ([]item, error) {
		if known[u.id].hidden {
			return nil, errHidden
		}
		items, err := rows(ctx, known[u.id])
		slices.SortFunc(items, byKey)
		return items, err
	}}, err
}

// errHidden is about a course that the token's user may not see.
var errHidden = &fault{code: "nopermissions"}

// notShown tells whether an error is about one course or person.
func notShown(err error) bool {
	f := faultOf(err)
	return f != nil && f.ofOne()
}

// ofCourse is something that belongs to a course.
type ofCourse struct {
	id, course int64
	held       bool // of an assignment: grades count once they are released
}

// eachCourse asks about all courses, some at once. partial: of some nothing was
// told.
func (s *snapshot) eachCourse(ctx context.Context, function string, ask func(context.Context, course) error) (partial bool, err error) {
	courses, err := s.allCourses(ctx)
	if err != nil {
		return false, err
	}
	hidden := make([]bool, len(courses))
	err = each(ctx, len(courses), func(ctx context.Context, i int) error {
		err := error(errHidden)
		if !courses[i].hidden {
			err = ask(ctx, courses[i])
		}
		if hidden[i] = notShown(err); hidden[i] {
			return nil
		}
		return s.client.whole(function, err)
	})
	return slices.Contains(hidden, true), err
}

// byPerson is the plan of a table whose units are people, each with all of the
// courses in which they are enrolled and that count. If it is not known of a
// course who is in it, it is not known what is missing of anybody.
func (s *snapshot) byPerson(ctx context.Context, k keys, function string, counts func(course) bool, rows func(context.Context, int64, []int64) ([]item, error)) (plan, error) {
	partial, err := s.eachCourse(ctx, fnEnrolled, func(ctx context.Context, c course) error {
		_, err := s.roster(ctx, c.id)
		return err
	})
	switch {
	case err != nil:
		return plan{}, err
	case partial:
		return plan{kept: []source.Span{all}}, nil
	}
	type pair struct{ user, course int64 }
	var pairs []pair
	for _, c := range s.courses {
		if counts(c) {
			for _, m := range s.rosters[c.id].members {
				pairs = append(pairs, pair{m.user, c.id})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.user, b.user) })
	courses, order := map[int64][]int64{}, []int64{}
	for _, p := range pairs {
		if len(order) == 0 || order[len(order)-1] != p.user {
			order = append(order, p.user)
		}
		courses[p.user] = append(courses[p.user], p.course)
	}
	units, err := k.units(order)
	return plan{units: units, function: function, load: func(ctx context.Context, u unit) ([]item, error) {
		items, err := rows(ctx, u.id, courses[u.id])
		slices.SortFunc(items, byKey)
		return items, err
	}}, err
}

// byAssignment is the plan of a table whose units are assignments.
func (s *snapshot) byAssignment(ctx context.Context, k keys, function string, rows func(context.Context, ofCourse) ([]item, error)) (plan, error) {
	var found []ofCourse
	partial, err := s.eachCourse(ctx, fnAssignments, func(ctx context.Context, c course) error {
		of, err := s.assignmentsOf(ctx, c.id)
		s.lock.Lock()
		defer s.lock.Unlock()
		for _, a := range of {
			found = append(found, ofCourse{id: int64(a.ID), course: c.id, held: bool(a.MarkingWorkflow)})
		}
		return err
	})
	if err != nil {
		return plan{}, err
	}
	of, known := make([]int64, len(found)), make(map[int64]ofCourse, len(found))
	for i, a := range found {
		of[i], known[a.id] = a.id, a
	}
	slices.Sort(of)
	units, err := k.units(slices.Compact(of))
	return plan{units: units, partial: partial, function: function, load: func(ctx context.Context, u unit) ([]item, error) {
		items, err := rows(ctx, known[u.id])
		slices.SortFunc(items, byKey)
		return items, err
	}}, err
}
