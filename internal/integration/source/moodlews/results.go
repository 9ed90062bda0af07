package moodlews

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// errNotTold: an answer says nothing about what was asked, not even that there
// is nothing.
var errNotTold = errors.New("nothing about what was asked")

func isFault(err error, code string) bool {
	f := faultOf(err)
	return f != nil && f.code == code
}

// quiz is what the function tells of a quiz.
type quiz struct {
	ID        number
	Name      text
	SumGrades grade
}

// quizzesOf are the quizzes of a course.
func (s *snapshot) quizzesOf(ctx context.Context, course int64) (out []quiz, err error) {
	var left []warning
	err = s.client.call(ctx, fnQuizzes, ids("courseids", course), func(a *answer) error {
		out = nil
		return a.object(members{
			"quizzes": func() error {
				return a.list(func() error {
					var q quiz
					if err := a.decode(&q); err != nil {
						return err
					}
					if q.ID <= 0 {
						return need(fnQuizzes, "id", "")
					}
					out = append(out, q)
					return nil
				})
			},
			"warnings": a.warnings(&left),
		})
	})
	if err == nil && slices.ContainsFunc(left, func(w warning) bool { return w.Item == "course" && int64(w.ItemID) == course }) {
		err = errHidden
	}
	return out, err
}

// quizRows are the quizzes of a course. A pass mark is not told.
func (s *snapshot) quizRows(ctx context.Context, c course) ([]item, error) {
	found, err := s.quizzesOf(ctx, c.id)
	items := make([]item, 0, len(found))
	for _, q := range found {
		key, ok := pairKeys.of(c.id, int64(q.ID))
		if !ok {
			return nil, errLargeID
		}
		if q.SumGrades.wrong {
			items = append(items, skip(key, source.ReasonBadValue, int64(q.ID)))
			continue
		}
		points := q.SumGrades.points()
		if q.SumGrades.units <= 0 {
			points = nil
		}
		items = append(items, row(key, c.id, s.name(q.Name), points, nil))
	}
	return items, err
}

// quizAttempts is the plan of the attempts of people at the quizzes of their
// courses.
func (s *snapshot) quizAttempts(ctx context.Context) (plan, error) {
	function := fnAttempts
	if !s.functions[function] {
		function = fnAttempts50
	}
	quizzes := map[int64][]int64{} // of courses
	partial, err := s.eachCourse(ctx, fnQuizzes, func(ctx context.Context, c course) error {
		found, err := s.quizzesOf(ctx, c.id)
		s.lock.Lock()
		defer s.lock.Unlock()
		for _, q := range found {
			quizzes[c.id] = append(quizzes[c.id], int64(q.ID))
		}
		return err
	})
	switch {
	case err != nil:
		return plan{}, err
	case partial: // whose attempts are missing is not known
		return plan{kept: []source.Span{all}}, nil
	}
	some := func(c course) bool { return len(quizzes[c.id]) > 0 }
	return s.byPerson(ctx, attemptKeys, function, some, func(ctx context.Context, user int64, courses []int64) (items []item, err error) {
		for _, course := range courses {
			for _, quiz := range quizzes[course] {
				of, err := s.attemptsAt(ctx, function, course, quiz, user)
				if err != nil {
					return nil, err
				}
				items = append(items, of...)
			}
		}
		return items, nil
	})
}

// attemptsAt are the attempts of one person at one quiz.
func (s *snapshot) attemptsAt(ctx context.Context, function string, course, quiz, user int64) (items []item, err error) {
	params := url.Values{"quizid": param(quiz), "userid": param(user), "status": {"all"}, "includepreviews": {"0"}}
	err = s.client.call(ctx, function, params, func(a *answer) error {
		items = nil
		return a.object(members{"attempts": func() error {
			return a.list(func() error {
				var at struct {
					ID, Attempt, TimeStart, TimeFinish number
					State                              text
					Preview                            flag
					SumGrades                          grade
				}
				if err := a.decode(&at); err != nil {
					return err
				}
				key, ok := attemptKeys.of(user, int64(at.ID))
				of, fits := pairKeys.of(course, quiz)
				if !ok || !fits {
					return errLargeID
				}
				switch {
				case bool(at.Preview):
					items = append(items, skip(key, source.ReasonPreview, int64(at.ID)))
					return nil
				case at.SumGrades.wrong:
					items = append(items, skip(key, source.ReasonBadValue, int64(at.ID)))
					return nil
				}
				var t times
				items = append(items, t.or(row(key, of, user, int64(at.Attempt), at.SumGrades.points(), at.State == "finished",
					t.of(at.TimeStart), t.of(at.TimeFinish))))
				return nil
			})
		}})
	})
	return items, err
}

// assignment is what the function tells of an assignment.
type assignment struct {
	ID, DueDate     number
	Grade           number
	Name            text
	MarkingWorkflow flag
}

// assignmentsOf are the assignments of a course.
func (s *snapshot) assignmentsOf(ctx context.Context, course int64) (out []assignment, err error) {
	told := false
	params := ids("courseids", course)
	params.Set("includenotenrolledcourses", "1")
	err = s.client.call(ctx, fnAssignments, params, func(a *answer) error {
		out, told = nil, false
		return a.object(members{"courses": func() error {
			return a.list(func() error {
				var of struct {
					ID          number
					Assignments []assignment
				}
				if err := a.decode(&of); err != nil || int64(of.ID) != course {
					return err
				}
				out, told = of.Assignments, true
				for _, a := range out {
					if a.ID <= 0 {
						return need(fnAssignments, "id", "")
					}
				}
				return nil
			})
		}})
	})
	if err == nil && !told { // it is left out if the token's user may not see it
		err = errHidden
	}
	return out, err
}

func (s *snapshot) assignmentRows(ctx context.Context, c course) ([]item, error) {
	found, err := s.assignmentsOf(ctx, c.id)
	items := make([]item, 0, len(found))
	for _, a := range found {
		key, ok := pairKeys.of(c.id, int64(a.ID))
		if !ok {
			return nil, errLargeID
		}
		var highest any
		if a.Grade > 0 { // below: a scale; 0: not graded
			highest = float64(a.Grade)
		}
		var t times
		items = append(items, t.or(row(key, c.id, s.name(a.Name), highest, t.of(a.DueDate))))
	}
	return items, err
}

// noneFound is the code of the warning that an assignment has none of what was
// asked for.
const noneFound = "3"

// ofAssignment asks a function about one assignment and hands each element of a
// list in the answer to one.
func (s *snapshot) ofAssignment(ctx context.Context, function, list string, id int64, one func(*answer) error) error {
	var told bool
	var left []warning
	err := s.client.call(ctx, function, ids("assignmentids", id), func(a *answer) error {
		told = false
		return a.object(members{
			"assignments": func() error {
				return a.list(func() error {
					return a.object(members{
						"assignmentid": func() error {
							var of number
							err := a.decode(&of)
							told = told || int64(of) == id
							return err
						},
						list: func() error { return a.list(func() error { return one(a) }) },
					})
				})
			},
			"warnings": a.warnings(&left),
		})
	})
	if err != nil || told {
		return err
	}
	for _, w := range left {
		if int64(w.ItemID) == id && w.WarningCode == noneFound {
			return nil
		} else if int64(w.ItemID) == id {
			return errHidden
		}
	}
	return source.ErrProtocol.With(errNotTold)
}

// submission is what the function tells of something handed in.
type submission struct {
	ID, UserID, AttemptNumber              number
	Status, GradingStatus                  text
	TimeCreated, TimeModified, TimeStarted number
}

func (s *snapshot) submissions(ctx context.Context, assignment int64) (map[int64]submission, error) {
	found := map[int64]submission{}
	err := s.ofAssignment(ctx, fnSubmissions, "submissions", assignment, func(a *answer) error {
		var sub submission
		if err := a.decode(&sub); err != nil {
			return err
		}
		if sub.ID <= 0 {
			return need(fnSubmissions, "id", "")
		}
		found[int64(sub.ID)] = sub
		return nil
	})
	return found, err
}

// submissionRows are the latest attempts at an assignment; earlier ones are not
// told.
func (s *snapshot) submissionRows(ctx context.Context, a ofCourse) ([]item, error) {
	found, err := s.submissions(ctx, a.id)
	if err != nil {
		return nil, err
	}
	of, ok := pairKeys.of(a.course, a.id)
	if !ok {
		return nil, errLargeID
	}
	items := make([]item, 0, len(found))
	for _, sub := range found {
		key, ok := submissionKeys.of(a.id, int64(sub.ID))
		if !ok {
			return nil, errLargeID
		}
		var t times
		started, handedIn, at := t.of(sub.TimeStarted), sub.Status == "submitted", any(nil)
		if started == nil {
			started = t.of(sub.TimeCreated)
		}
		if handedIn {
			at = t.of(sub.TimeModified)
		}
		items = append(items, t.or(row(key, of, moodle.Reference(int64(sub.UserID)), int64(sub.AttemptNumber), true, handedIn, started, at)))
	}
	return items, nil
}

// released is the state of a marking workflow in which a grade counts.
const released = "released"

// markRows are the grades of the latest attempts at an assignment. Where a
// marking workflow holds them back, what was handed in tells whose are released.
func (s *snapshot) markRows(ctx context.Context, a ofCourse) ([]item, error) {
	free := map[int64]bool{}
	if a.held && s.functions[fnSubmissions] {
		found, err := s.submissions(ctx, a.id)
		if err != nil {
			return nil, err
		}
		for _, sub := range found {
			if sub.GradingStatus == released {
				free[int64(sub.UserID)] = true
			}
		}
	}
	of, ok := pairKeys.of(a.course, a.id)
	if !ok {
		return nil, errLargeID
	}
	rows := map[int64]item{}
	err := s.ofAssignment(ctx, fnMarks, "grades", a.id, func(in *answer) error {
		var m struct {
			UserID, AttemptNumber, TimeModified number
			Grade                               grade
		}
		if err := in.decode(&m); err != nil {
			return err
		}
		key, ok := pairKeys.of(a.id, int64(m.UserID))
		if !ok {
			return errLargeID
		}
		var t times
		var value, at any
		switch {
		case m.Grade.wrong:
			rows[key] = skip(key, source.ReasonBadValue, int64(m.UserID))
			return nil
		case m.Grade.given && m.Grade.units >= 0 && (!a.held || free[int64(m.UserID)]): // below: opened, not graded
			value, at = m.Grade.points(), t.of(m.TimeModified)
		}
		rows[key] = t.or(row(key, of, int64(m.UserID), int64(m.AttemptNumber), value, at))
		return nil
	})
	items := make([]item, 0, len(rows))
	for _, it := range rows {
		items = append(items, it)
	}
	return items, err
}
