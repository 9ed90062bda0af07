package moodledb

import (
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// The functions here make the values of a row of the hub's table, in the order
// of its columns, from a row of a query of the catalogue.

func userRow(r *raw) ([]any, source.Reason) {
	if r.id == r.snapshot.guest {
		return nil, source.ReasonGuest
	}
	confirmed, suspended, deleted := r.number("confirmed") == 1, r.number("suspended") != 0, r.number("deleted") != 0
	return []any{
		r.email("email"), r.text("username"), r.text("idnumber"), r.text("firstname"), r.text("lastname"), r.text("lang"),
		confirmed, suspended, confirmed && !suspended && !deleted && r.text("auth") != "nologin", deleted, r.moment("timecreated"),
	}, ""
}

func categoryRow(r *raw) ([]any, source.Reason) {
	return []any{r.name("name"), r.reference("parent"), r.number("visible") != 0}, ""
}

func courseRow(r *raw) ([]any, source.Reason) {
	if r.id == moodle.FrontPage || r.text("format") == "site" {
		return nil, source.ReasonFrontPage
	}
	return []any{
		r.name("fullname"), r.name("shortname"), r.text("idnumber"), r.reference("category"), r.number("visible") != 0,
		r.number("enablecompletion") != 0, r.moment("startdate"), r.moment("enddate"), r.moment("timecreated"),
	}, ""
}

func enrolmentRow(r *raw) ([]any, source.Reason) {
	if !r.given("course") { // the method is gone, and with it the course
		return nil, source.ReasonNoSubject
	}
	return []any{
		r.number("userid"), r.number("course"), r.text("method"), r.number("status") == 0 && r.number("off") == 0,
		r.moment("timestart"), r.moment("timeend"), r.moment("timecreated"),
	}, ""
}

func roleRow(r *raw) ([]any, source.Reason) {
	if !r.texts["name"].Valid {
		return nil, source.ReasonNoSubject
	}
	return []any{r.number("userid"), r.number("course"), r.text("archetype") == "student", r.text("name")}, ""
}

func activityRow(r *raw) ([]any, source.Reason) {
	return []any{r.number("course"), r.number("completion") != 0 && r.number("deletioninprogress") == 0}, ""
}

func activityStateRow(r *raw) ([]any, source.Reason) {
	return []any{r.number("userid"), r.number("coursemoduleid"), moodle.Done(r.number("completionstate")), r.moment("timemodified")}, ""
}

func completionRow(r *raw) ([]any, source.Reason) {
	return []any{r.number("userid"), r.number("course"), r.moment("timecompleted")}, ""
}

// gradeValue is the type of grade items that have numbers; others have none, a
// word of a scale, or a text.
const gradeValue = 1

func gradeRow(r *raw) ([]any, source.Reason) {
	if !r.given("course") {
		return nil, source.ReasonNoSubject
	}
	var value any
	grade, graded := r.decimal("finalgrade")
	lowest, _ := r.decimal("min")
	highest, _ := r.decimal("max")
	if graded && r.number("gradetype") == gradeValue {
		value = moodle.Percent(grade, lowest, highest)
	}
	return []any{r.number("userid"), r.number("course"), value, r.moment("timemodified")}, ""
}

func quizRow(r *raw) ([]any, source.Reason) {
	var points, pass any
	if n, ok := r.decimal("sumgrades"); ok && n > 0 {
		points = float64(n) / moodle.Unit
	}
	if mark, ok := r.decimal("pass"); ok && mark > 0 && r.number("gradetype") == gradeValue {
		lowest, _ := r.decimal("min")
		highest, _ := r.decimal("max")
		pass = moodle.Percent(mark, lowest, highest)
	}
	return []any{r.number("course"), r.name("name"), points, pass}, ""
}

func quizAttemptRow(r *raw) ([]any, source.Reason) {
	if r.number("preview") != 0 {
		return nil, source.ReasonPreview
	}
	return []any{
		r.number("quiz"), r.number("userid"), r.number("attempt"), r.float("sumgrades"), r.text("state") == "finished",
		r.moment("timestart"), r.moment("timefinish"),
	}, ""
}

func assignmentRow(r *raw) ([]any, source.Reason) {
	var highest any
	if v := r.number("grade"); v > 0 { // below: a scale; 0: not graded
		highest = float64(v)
	}
	return []any{r.number("course"), r.name("name"), highest, r.moment("duedate")}, ""
}

func submissionRow(r *raw) ([]any, source.Reason) {
	handedIn := r.text("status") == "submitted"
	started, at := r.moment("timestarted"), any(nil)
	if started == nil {
		started = r.moment("timecreated")
	}
	if handedIn {
		at = r.moment("timemodified")
	}
	return []any{
		r.number("assignment"), r.reference("userid"), r.number("attemptnumber"), r.number("later") == 0, handedIn, started, at,
	}, ""
}

func submissionMarkRow(r *raw) ([]any, source.Reason) {
	var value, at any
	if n, ok := r.decimal("grade"); ok && n >= 0 && r.number("held") == 0 { // below: opened, not graded
		value, at = float64(n)/moodle.Unit, r.moment("timemodified")
	}
	return []any{r.number("assignment"), r.number("userid"), r.number("attemptnumber"), value, at}, ""
}

func cohortRow(r *raw) ([]any, source.Reason) {
	return []any{r.name("name"), r.text("idnumber")}, ""
}

func cohortMemberRow(r *raw) ([]any, source.Reason) {
	return []any{r.number("cohortid"), r.number("userid")}, ""
}

func awardRow(r *raw) ([]any, source.Reason) {
	if !r.given("definition") {
		return nil, source.ReasonNoSubject
	}
	origin := origins[r.id%int64(r.parts)]
	kind := "certificate"
	if origin == "badge" {
		kind = origin
	}
	return []any{
		kind, origin, r.name("name"), r.number("userid"), r.reference("course"), r.text("code"),
		r.moment("issued"), r.moment("expires"),
	}, ""
}
