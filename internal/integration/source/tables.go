package source

// Type is the type of a column.
type Type string

// The types.
const (
	Int   Type = "bigint"
	Float Type = "double precision"
	Text  Type = "text"
	Bool  Type = "boolean"
	Time  Type = "timestamptz"
)

// Column is one column of a Table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
}

// Table is one kind of rows that the hub takes from learning systems. The hub
// keeps it, as it is, in lms_<name>.
type Table struct {
	Name string
	// Noun is what people call its rows, "users".
	Noun    string
	Columns []Column
}

// Index gives the position of a column, -1 if the table has none of this name.
func (t Table) Index(column string) int {
	for i, c := range t.Columns {
		if c.Name == column {
			return i
		}
	}
	return -1
}

func int64s(name string) Column   { return Column{Name: name, Type: Int} }
func text(name string) Column     { return Column{Name: name, Type: Text} }
func flag(name string) Column     { return Column{Name: name, Type: Bool} }
func orNull(c Column) Column      { c.Nullable = true; return c }
func moment(name string) Column   { return Column{Name: name, Type: Time, Nullable: true} }
func fraction(name string) Column { return Column{Name: name, Type: Float, Nullable: true} }

// Names of the tables.
const (
	Users           = "users"
	Categories      = "categories"
	Courses         = "courses"
	Enrolments      = "enrolments"
	Roles           = "roles"
	Activities      = "activities"
	ActivityStates  = "activity_states"
	Completions     = "completions"
	Grades          = "grades"
	Quizzes         = "quizzes"
	QuizAttempts    = "quiz_attempts"
	Assignments     = "assignments"
	Submissions     = "submissions"
	SubmissionMarks = "submission_marks"
	Cohorts         = "cohorts"
	CohortMembers   = "cohort_members"
	Awards          = "awards"
)

// Tables are all tables, in the order in which they are read: what is referred
// to comes first. Ids are those of the system; users, courses and so on are
// named by them (user_id is the id of a row of users).
var Tables = []Table{
	{Name: Users, Noun: "users", Columns: []Column{
		orNull(text("email")), // trimmed, NFC, lower case; null: none or no address
		text("username"), text("identifier"), text("first_name"), text("last_name"), text("language"),
		flag("confirmed"), flag("suspended"), flag("can_sign_in"), flag("deleted"), moment("created_at"),
	}},
	{Name: Categories, Noun: "categories", Columns: []Column{text("name"), orNull(int64s("parent_id")), flag("visible")}},
	{Name: Courses, Noun: "courses", Columns: []Column{
		text("name"), text("short_name"), text("identifier"), orNull(int64s("category_id")), flag("visible"), flag("tracks_completion"),
		moment("starts_at"), moment("ends_at"), moment("created_at"),
	}},
	// One row for each method by which a user is enrolled in a course. It counts
	// now if it is active and now is between its dates (null: open).
	{Name: Enrolments, Noun: "enrolments", Columns: []Column{
		int64s("user_id"), int64s("course_id"), text("method"), flag("active"), moment("starts_at"), moment("ends_at"), moment("created_at"),
	}},
	// What a user is in a course; more than one row may say the same.
	{Name: Roles, Noun: "course roles", Columns: []Column{int64s("user_id"), int64s("course_id"), flag("learner"), text("role")}},
	{Name: Activities, Noun: "activities", Columns: []Column{int64s("course_id"), flag("tracked")}},
	{Name: ActivityStates, Noun: "activity completions", Columns: []Column{
		int64s("user_id"), int64s("activity_id"), flag("done"), moment("changed_at"),
	}},
	{Name: Completions, Noun: "course completions", Columns: []Column{int64s("user_id"), int64s("course_id"), moment("completed_at")}},
	// The course total of a user in percent, 0 to 100 unless the system allows
	// more; null: not graded.
	{Name: Grades, Noun: "course grades", Columns: []Column{int64s("user_id"), int64s("course_id"), fraction("percent"), moment("graded_at")}},
	{Name: Quizzes, Noun: "quizzes", Columns: []Column{
		int64s("course_id"), text("name"), fraction("max_points"), fraction("pass_percent"), // null: ungraded; no pass mark
	}},
	{Name: QuizAttempts, Noun: "quiz attempts", Columns: []Column{
		int64s("quiz_id"), int64s("user_id"), int64s("attempt_no"), fraction("points"), flag("finished"), moment("started_at"), moment("finished_at"),
	}},
	{Name: Assignments, Noun: "assignments", Columns: []Column{int64s("course_id"), text("name"), fraction("max_grade"), moment("due_at")}},
	{Name: Submissions, Noun: "submissions", Columns: []Column{
		int64s("assignment_id"), orNull(int64s("user_id")), // null: of a team
		int64s("attempt_no"), flag("latest"), flag("handed_in"), moment("started_at"), moment("handed_in_at"),
	}},
	{Name: SubmissionMarks, Noun: "submission grades", Columns: []Column{
		int64s("assignment_id"), int64s("user_id"), int64s("attempt_no"), fraction("grade"), moment("graded_at"), // null: not graded
	}},
	{Name: Cohorts, Noun: "cohorts", Columns: []Column{text("name"), text("identifier")}},
	{Name: CohortMembers, Noun: "cohort members", Columns: []Column{int64s("cohort_id"), int64s("user_id")}},
	// Certificates and badges that the system gave. Where it keeps them in
	// several places, the connector makes one key of place and id.
	{Name: Awards, Noun: "certificates and badges", Columns: []Column{
		text("kind"), // "certificate" or "badge"
		text("origin"), text("name"), int64s("user_id"), orNull(int64s("course_id")), text("code"), moment("issued_at"), moment("expires_at"),
	}},
}

// TableOf finds a table by its name.
func TableOf(name string) (Table, bool) {
	for _, t := range Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}
