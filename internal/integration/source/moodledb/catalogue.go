package moodledb

import (
	"strconv"
	"strings"

	"quad/internal/integration/source"
)

// query says what a table of the hub is in Moodle's tables.
type query struct {
	parts []part
	// row makes the values of the hub's table of a row, or says why it is left
	// out.
	row func(*raw) ([]any, source.Reason)
}

// part is one SELECT. The rows of a query with several parts have the keys
// id * parts + number of the part.
type part struct {
	from    string // table of the keys, without prefix; it goes by the name k
	joins   string // {name} stands for a table
	fields  []field
	missing bool // the plugin is not there: no rows
}

// field is a column of a part: its name for row, and an expression.
type field struct {
	name, sql string
	text      bool
}

// ints and texts are fields "name" or "name=expression"; a plain name is a
// column of k.
func ints(names ...string) []field  { return fieldsOf(false, names) }
func texts(names ...string) []field { return fieldsOf(true, names) }

func fieldsOf(text bool, names []string) []field {
	out := make([]field, len(names))
	for i, n := range names {
		name, sql, given := strings.Cut(n, "=")
		if !given {
			sql = "k." + name
		}
		out[i] = field{name: name, sql: sql, text: text}
	}
	return out
}

func one(from, joins string, row func(*raw) ([]any, source.Reason), fields ...[]field) query {
	p := part{from: from, joins: joins}
	for _, f := range fields {
		p.fields = append(p.fields, f...)
	}
	return query{parts: []part{p}, row: row}
}

// courseContext is the level of contexts of courses.
const courseContext = "50"

// catalogue is the query of every table that is there. Comparisons of texts
// that people type are left to Go: servers differ in what they take for equal.
func (l *layout) catalogue() map[string]query {
	all := map[string]query{
		source.Users: one("user", "", userRow, ints("deleted", "suspended", "confirmed", "timecreated"),
			texts("auth", "username", "idnumber", "firstname", "lastname", "email", "lang")),
		source.Categories: one("course_categories", "", categoryRow, ints("parent", "visible"), texts("name")),
		source.Courses: one("course", "", courseRow, ints("category", "visible", "enablecompletion", "startdate", "enddate", "timecreated"),
			texts("fullname", "shortname", "idnumber", "format")),
		source.Enrolments: one("user_enrolments", "LEFT JOIN {enrol} e ON e.id = k.enrolid", enrolmentRow,
			ints("userid", "status", "timestart", "timeend", "timecreated", "course=e.courseid", "off=e.status"), texts("method=e.enrol")),
		source.Roles: one("role_assignments",
			"JOIN {context} x ON x.id = k.contextid AND x.contextlevel = "+courseContext+" LEFT JOIN {role} r ON r.id = k.roleid", roleRow,
			ints("userid", "course=x.instanceid"), texts("archetype=r.archetype", "name=r.shortname")),
		source.Activities:     one("course_modules", "", activityRow, ints("course", "completion", "deletioninprogress")),
		source.ActivityStates: one("course_modules_completion", "", activityStateRow, ints("userid", "coursemoduleid", "completionstate", "timemodified")),
		source.Completions:    one("course_completions", "", completionRow, ints("userid", "course", "timecompleted")),
		source.Grades:         l.grades(),
		source.Cohorts:        one("cohort", "", cohortRow, texts("name", "idnumber")),
		source.CohortMembers:  one("cohort_members", "", cohortMemberRow, ints("cohortid", "userid")),
		source.Awards:         l.awards(),
	}
	if l.has("quiz") {
		// The pass mark is the gradebook's. Nothing keeps it from having two
		// columns for one quiz: the older counts.
		all[source.Quizzes] = one("quiz", `LEFT JOIN {grade_items} i ON i.id = (SELECT MIN(o.id) FROM {grade_items} o WHERE o.itemtype = 'mod'
			AND o.itemmodule = 'quiz' AND o.iteminstance = k.id AND o.courseid = k.course AND o.itemnumber = 0)`, quizRow,
			ints("course", "gradetype=i.gradetype"), texts("name", "sumgrades", "pass=i.gradepass", "max=i.grademax", "min=i.grademin"))
		all[source.QuizAttempts] = one("quiz_attempts", "", quizAttemptRow,
			ints("quiz", "userid", "attempt", "preview", "timestart", "timefinish"), texts("state", "sumgrades"))
	}
	if l.has("assign") {
		all[source.Assignments] = one("assign", "", assignmentRow, ints("course", "grade", "duedate"), texts("name"))
		// The flag for the latest attempt may be stale: it is what has no higher one.
		all[source.Submissions] = one("assign_submission", "", submissionRow,
			ints("assignment", "userid", "attemptnumber", "timecreated", "timemodified",
				"timestarted="+l.column("assign_submission", "k", "timestarted"),
				`later=CASE WHEN EXISTS (SELECT 1 FROM {assign_submission} o WHERE o.assignment = k.assignment AND o.userid = k.userid
				AND o.groupid = k.groupid AND o.attemptnumber > k.attemptnumber) THEN 1 ELSE 0 END`), texts("status"))
		// With a marking workflow a grade counts once it is released.
		all[source.SubmissionMarks] = one("assign_grades", "LEFT JOIN {assign} a ON a.id = k.assignment", submissionMarkRow,
			ints("assignment", "userid", "attemptnumber", "timemodified",
				`held=CASE WHEN a.markingworkflow = 1 AND NOT EXISTS (SELECT 1 FROM {assign_user_flags} f WHERE f.userid = k.userid
				AND f.assignment = k.assignment AND f.workflowstate = 'released') THEN 1 ELSE 0 END`), texts("grade"))
	}
	return all
}

// fromGrade is the word of the setting minmaxtouse for "the minimum and
// maximum that the grade itself has".
const fromGrade = "'2'"

// grades are the course totals. Their bounds are those of the grade, which may
// differ from person to person; only calculated totals have those of the
// course, unless the course or the site says otherwise.
func (l *layout) grades() query {
	joins := "JOIN {grade_items} i ON i.id = k.itemid AND i.itemtype = 'course' LEFT JOIN {config} c ON c.name = 'grade_minmaxtouse'"
	setting := "c.value"
	if l.has("grade_settings") {
		joins += " LEFT JOIN {grade_settings} s ON s.courseid = i.courseid AND s.name = 'minmaxtouse'"
		setting = "COALESCE(s.value, c.value)"
	}
	bound := func(which string) string {
		return "CASE WHEN COALESCE(i.calculation, '') = '' OR " + setting + " = " + fromGrade + " THEN k.rawgrade" + which + " ELSE i.grade" + which + " END"
	}
	return one("grade_grades", joins, gradeRow, ints("userid", "timemodified", "course=i.courseid", "gradetype=i.gradetype"),
		texts("finalgrade", "min="+bound("min"), "max="+bound("max")))
}

// awards are what the certificate plugins and badges gave, with one part for
// each of origins.
func (l *layout) awards() query {
	certificate := func(definition, issues, reference, course, expires string) part {
		p := part{
			from: issues, joins: "LEFT JOIN {" + definition + "} d ON d.id = k." + reference, missing: !l.has(issues),
			fields: ints("userid", "issued=k.timecreated", "expires="+expires, "course="+course, "definition=d.id"),
		}
		p.fields = append(p.fields, texts("name=d.name", "code")...)
		return p
	}
	badge := part{
		from: "badge_issued", joins: "LEFT JOIN {badge} d ON d.id = k.badgeid",
		fields: ints("userid", "issued=k.dateissued", "expires=k.dateexpire", "course=d.courseid", "definition=d.id"),
	}
	badge.fields = append(badge.fields, texts("name=d.name", "code=k.uniquehash")...)
	return query{row: awardRow, parts: []part{
		certificate("customcert", "customcert_issues", "customcertid", "d.course", "NULL"),
		certificate("certificate", "certificate_issues", "certificateid", "d.course", "NULL"),
		certificate("tool_certificate_templates", "tool_certificate_issues", "templateid", l.column("tool_certificate_issues", "k", "courseid"), "k.expires"),
		badge,
	}}
}

// columns are those of the SELECT of q, the key first.
func (q query) columns() []column {
	out := []column{{name: "id"}}
	for i, f := range q.parts[0].fields {
		out = append(out, column{name: "c" + strconv.Itoa(i), text: f.text})
	}
	return out
}
