package moodledb

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quad/internal/integration/source"
)

// layout is which of Moodle's tables and columns that we know are there.
type layout struct {
	columns map[string]map[string]bool // by table without prefix
	// absent are tables of source.Tables, or parts of them ("awards.customcert"),
	// that this site can't have, with the reason.
	absent map[string]string
}

func (l *layout) has(table string) bool { return l.columns[table] != nil }

// column is the expression of an optional column, or NULL.
func (l *layout) column(table, alias, name string) string {
	if l.columns[table][name] {
		return alias + "." + name
	}
	return "NULL"
}

// need is a table of Moodle with the columns that are read.
type need struct {
	table   string
	columns string // separated by blanks
}

// core is what every Moodle from 4.0 on has.
var core = []need{
	{"config", "name value"},
	{"config_plugins", "plugin name value"},
	{"user", "id auth confirmed deleted suspended username idnumber firstname lastname email lang timecreated"},
	{"course_categories", "id name parent visible"},
	{"course", "id category fullname shortname idnumber format startdate enddate visible timecreated enablecompletion"},
	{"course_modules", "id course completion deletioninprogress"},
	{"context", "id contextlevel instanceid"},
	{"role", "id shortname archetype"},
	{"role_assignments", "id roleid contextid userid"},
	{"enrol", "id enrol status courseid"},
	{"user_enrolments", "id status enrolid userid timestart timeend timecreated"},
	{"course_completions", "id userid course timecompleted"},
	{"course_modules_completion", "id coursemoduleid userid completionstate timemodified"},
	{"grade_items", "id courseid itemtype itemmodule iteminstance itemnumber calculation gradetype grademax grademin gradepass"},
	{"grade_grades", "id itemid userid rawgrademax rawgrademin finalgrade timemodified"},
	{"cohort", "id name idnumber"},
	{"cohort_members", "id cohortid userid"},
	{"badge", "id name courseid"},
	{"badge_issued", "id badgeid userid uniquehash dateissued dateexpire"},
}

// plugin is a part of Moodle that a site may not have.
type plugin struct {
	name    string   // as in config_plugins
	tables  []need   // all of them or none
	without []string // what is absent without it: tables of package source or parts of them
}

// Origins of awards, in the order of their numbers in the keys.
var origins = []string{"customcert", "certificate", "tool_certificate", "badge"}

var plugins = []plugin{
	{
		"mod_quiz", []need{
			{"quiz", "id course name sumgrades"},
			{"quiz_attempts", "id quiz userid attempt preview state timestart timefinish sumgrades"},
		},
		[]string{source.Quizzes, source.QuizAttempts},
	},
	{
		"mod_assign", []need{
			{"assign", "id course name duedate grade markingworkflow"},
			{"assign_submission", "id assignment userid timecreated timemodified status groupid attemptnumber"},
			{"assign_grades", "id assignment userid timemodified grade attemptnumber"},
			{"assign_user_flags", "userid assignment workflowstate"},
		},
		[]string{source.Assignments, source.Submissions, source.SubmissionMarks},
	},
	{"mod_customcert", []need{
		{"customcert", "id course name"},
		{"customcert_issues", "id userid customcertid code timecreated"},
	}, []string{source.Awards + ".customcert"}},
	{"mod_certificate", []need{
		{"certificate", "id course name"},
		{"certificate_issues", "id userid certificateid code timecreated"},
	}, []string{source.Awards + ".certificate"}},
	{"tool_certificate", []need{
		{"tool_certificate_templates", "id name"},
		{"tool_certificate_issues", "id userid templateid code timecreated expires"},
	}, []string{source.Awards + ".tool_certificate"}},
}

// optional are tables and columns that some versions lack, and that are read
// where they are.
var optional = []need{
	{"grade_settings", "courseid name value"},
	{"assign_submission", "timestarted"},
	{"tool_certificate_issues", "courseid"},
}

// layout finds out what is there. Errors: source.Incomplete, which names what
// is missing.
func (s *site) layout(ctx context.Context, c *session) (*layout, error) {
	l := &layout{columns: map[string]map[string]bool{}, absent: map[string]string{}}
	wanted := map[string]string{} // full name: table
	for _, n := range slices.Concat(core, optional) {
		wanted[s.settings.prefix+n.table] = n.table
	}
	for _, p := range plugins {
		for _, n := range p.tables {
			wanted[s.settings.prefix+n.table] = n.table
		}
	}
	names := slices.Sorted(maps.Keys(wanted))
	err := c.rows(ctx, s.engine.columns(s.settings, names), func(rows *sql.Rows) error {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return source.ErrProtocol.With(err)
		}
		for _, name := range names {
			if !s.engine.sameName(name, table) {
				continue
			}
			if l.columns[wanted[name]] == nil {
				l.columns[wanted[name]] = map[string]bool{}
			}
			l.columns[wanted[name]][strings.ToLower(column)] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.complete(l, core); err != nil {
		return nil, err
	}
	return l, s.addPlugins(ctx, c, l)
}

// complete tells whether all tables and columns are there.
func (s *site) complete(l *layout, needs []need) error {
	for _, n := range needs {
		if !l.has(n.table) {
			if len(l.columns) == 0 {
				return source.Incomplete(fmt.Sprintf("table %s%s nor any other of Moodle's: is the prefix %q right, and may the account %q read the tables?",
					s.settings.prefix, n.table, s.settings.prefix, s.settings.user))
			}
			return source.Incomplete(fmt.Sprintf("table %s%s that the account %q may read", s.settings.prefix, n.table, s.settings.user))
		}
		for _, column := range strings.Fields(n.columns) {
			if !l.columns[n.table][column] {
				return source.Incomplete(fmt.Sprintf("column %s%s.%s that the account %q may read", s.settings.prefix, n.table, column, s.settings.user))
			}
		}
	}
	return nil
}

// addPlugins tells which plugins are there. One that is installed and whose
// tables are not seen is no reason to take its rows for deleted.
func (s *site) addPlugins(ctx context.Context, c *session, l *layout) error {
	installed := map[string]bool{}
	err := c.rows(ctx, "SELECT plugin FROM "+s.table("config_plugins")+" WHERE name = 'version'", func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return source.ErrProtocol.With(err)
		}
		installed[name] = true
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range plugins {
		there := slices.ContainsFunc(p.tables, func(n need) bool { return l.has(n.table) })
		if there || installed[p.name] {
			if err := s.complete(l, p.tables); err != nil {
				return err
			}
			continue
		}
		for _, table := range p.without {
			l.absent[table] = "the plugin " + p.name + " is not installed"
		}
	}
	return nil
}
