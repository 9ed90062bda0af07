package moodledb

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
)

// special are rows of cases that the test data lacks, in SQL that both servers
// take. Their ids are above those of the data.
const special = `
INSERT INTO mdl_user (id, username, email, firstname, lastname, idnumber, auth, confirmed, mnethostid, lang, timecreated) VALUES
	(9001, 'aenna', '  ÄNNA@Example.ORG ', ' Änna', 'O''Neil &amp; <b>', '007', 'manual', 1, 1, 'de', 0),
	(9002, 'none', 'no address', 'x', 'y', '', 'nologin', 1, 1, 'en', 1700000000), (9003, 'spaces', 'a b@example.org', 'x', 'y', '', 'manual', 2, 1, 'en', 1);
INSERT INTO mdl_course (id, category, fullname, shortname, visible, startdate, enddate) VALUES
	(9001, 0, '<span lang="en" class="multilang">Fire &amp; water</span> <span class="multilang" lang="de">Feuer &amp; Wasser</span> (2)', 'S', 0, 2147483647, 1700000000),
	(9002, 3, 'x', 'x', 1, 253402300800, 0), (9003, 3, 'Zwei', 'Z', 1, 0, 0);
INSERT INTO mdl_enrol (id, enrol, status, courseid) VALUES (9001, 'self', 1, 9001), (9002, 'manual', 0, 9001);
INSERT INTO mdl_user_enrolments (id, status, enrolid, userid, timestart, timeend, timecreated) VALUES
	(9001, 0, 9001, 9001, 0, 2147483647, 1700000000), (9002, 0, 9002, 9001, 1700000000, 1800000000, 0), (9003, 1, 9002, 9002, 0, 0, 0);
INSERT INTO mdl_grade_items (id, courseid, itemtype, calculation, gradetype, grademax, grademin, gradepass, itemmodule, iteminstance, itemnumber) VALUES
	(9001, 9001, 'course', '=##gi1##', 1, 100, 0, 0, NULL, NULL, NULL), (9002, 9003, 'course', NULL, 1, 100, 0, 0, NULL, NULL, NULL),
	(9003, 9001, 'mod', NULL, 1, 20, 10, 12.5, 'quiz', 9001, 0), (9004, 9001, 'mod', NULL, 1, 20, 0, 5, 'quiz', 9001, 0),
	(9005, 9002, 'mod', NULL, 1, 10, 0, 5, 'quiz', 9002, 0), (9006, 9003, 'course', NULL, 2, 3, 1, 0, NULL, NULL, NULL);
INSERT INTO mdl_grade_grades (id, itemid, userid, finalgrade, rawgrademin, rawgrademax, timemodified) VALUES
	(90001, 9001, 9001, 30, 10, 50, 1700000000), (90002, 9002, 9001, 33.33333, 10, 50, NULL), (90003, 9002, 9002, 10, 7, 7, NULL),
	(90004, 9006, 9001, 2, 1, 3, NULL), (90005, 9002, 9003, NULL, 0, 100, NULL), (90006, 9002, 9004, 70, 0, 50, NULL);
INSERT INTO mdl_quiz (id, course, name, intro, sumgrades, grade) VALUES (9001, 9001, 'Q', '', 12.5, 0), (9002, 9001, 'R', '', 0, 10);
INSERT INTO mdl_quiz_attempts (id, quiz, userid, attempt, uniqueid, layout, preview, state, timestart, timefinish, sumgrades) VALUES
	(9001, 9001, 9001, 1, 990001, '', 0, 'finished', 1700000000, 1700000060, 7.12345), (9002, 9001, 9001, 2, 990002, '', 0, 'abandoned', 1700000000, 0, NULL),
	(9003, 9001, 9001, 3, 990003, '', 1, 'finished', 1700000000, 1700000060, 5);
INSERT INTO mdl_assign (id, course, name, intro, grade, markingworkflow, duedate) VALUES (9001, 9001, 'A', '', 50, 1, 1700000000), (9002, 9001, 'B', '', -2, 0, 0);
INSERT INTO mdl_assign_submission (id, assignment, userid, timecreated, timemodified, status, groupid, attemptnumber, latest, timestarted) VALUES
	(9001, 9001, 9001, 1600000000, 1600000060, 'submitted', 0, 0, 1, NULL), (9002, 9001, 9001, 1600000100, 1600000160, 'reopened', 0, 1, 1, 1600000120),
	(9003, 9001, 0, 1600000000, 1600000060, 'submitted', 5, 0, 0, 0);
INSERT INTO mdl_assign_grades (id, assignment, userid, timemodified, grader, grade, attemptnumber) VALUES
	(9001, 9001, 9001, 1600000000, 2, 41.5, 0), (9002, 9001, 9002, 1600000000, 2, 41.5, 0), (9003, 9002, 9001, 1600000000, 2, 2, 0),
	(9004, 9002, 9002, 1600000000, -1, -1, 0), (9005, 9002, 9003, 1600000000, 2, NULL, 0);
INSERT INTO mdl_assign_user_flags (id, userid, assignment, workflowstate) VALUES (9001, 9001, 9001, 'released'), (9002, 9001, 9001, 'released'), (9003, 9002, 9001, 'inmarking');
INSERT INTO mdl_role (id, name, shortname, description, sortorder, archetype) VALUES (901, '', 'azubi', '', 901, 'student'), (902, '', 'plain', '', 902, '');
INSERT INTO mdl_context (id, contextlevel, instanceid) VALUES (90001, 50, 9001), (90002, 40, 9001);
INSERT INTO mdl_role_assignments (id, roleid, contextid, userid) VALUES (9001, 901, 90001, 9001), (9002, 902, 90001, 9001), (9003, 901, 90002, 9001), (9004, 903, 90001, 9001);
INSERT INTO mdl_course_modules (id, course, module, instance, completion, deletioninprogress) VALUES (9001, 9001, 1, 1, 2, 0), (9002, 9001, 1, 1, 2, 1), (9003, 9001, 1, 1, 0, 0);
INSERT INTO mdl_course_modules_completion (id, coursemoduleid, userid, completionstate, timemodified) VALUES
	(9001, 9001, 9001, 0, 1700000000), (9002, 9001, 9002, 2, 1700000000), (9003, 9001, 9003, 3, 1700000000);
INSERT INTO mdl_badge (id, name, usercreated, usermodified, message, messagesubject, courseid) VALUES (9001, 'Bee', 2, 2, '', '', NULL);
INSERT INTO mdl_badge_issued (id, badgeid, userid, uniquehash, dateissued, dateexpire) VALUES (9001, 9001, 9001, 'hash', 1700000000, 1800000000);
CREATE TABLE mdl_grade_settings (id bigint PRIMARY KEY, courseid bigint NOT NULL, name varchar(255) NOT NULL, value text);
CREATE TABLE mdl_tool_certificate_templates (id bigint PRIMARY KEY, name varchar(255) NOT NULL, contextid bigint NOT NULL);
CREATE TABLE mdl_tool_certificate_issues (id bigint PRIMARY KEY, userid bigint NOT NULL, templateid bigint NOT NULL, code varchar(40) NOT NULL, emailed smallint, timecreated bigint NOT NULL,
	expires bigint, data text, component varchar(255), courseid bigint);
INSERT INTO mdl_tool_certificate_templates VALUES (1, 'Diploma', 1);
INSERT INTO mdl_tool_certificate_issues VALUES (7, 9001, 1, 'T7', 0, 1700000000, 1800000000, NULL, 'x', 9003), (8, 9001, 1, 'T8', 0, 1700000000, NULL, NULL, 'x', NULL), (9, 1, 99, '', 0, 1, 0, NULL, 'x', 0);
`

func at(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// Each rule of what a row becomes, where the data of the other tests lacks it.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, engine := range bothEngines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			site := moodletest.Load(t, engine, 1)
			site.Exec(t, special)
			src := connect(t, site.Settings)
			snap := look(t, src)
			read := map[string]content{}
			want := func(table string, id int64, values ...any) {
				t.Helper()
				if _, ok := read[table]; !ok {
					read[table] = readTable(t, snap, table, 1000)
				}
				require.Equal(t, values, byKey(read[table])[id], fmt.Sprint(table, id))
			}
			want(source.Users, 9001, "änna@example.org", "aenna", "007", " Änna", "O'Neil &amp; <b>", "de", true, false, true, false, nil)
			want(source.Users, 9002, nil, "none", "", "x", "y", "en", true, false, false, false, at(1700000000))
			want(source.Users, 9003, nil, "spaces", "", "x", "y", "en", false, false, false, false, at(1))
			want(source.Courses, 9001, "Feuer &amp; Wasser (2)", "S", "", nil, false, false, nil, at(1700000000), nil)
			want(source.Courses, 9003, "Zwei", "Z", "", int64(3), true, false, nil, nil, nil)
			require.Equal(t, int64(1), read[source.Courses].skipped[source.ReasonBadValue], "a course that begins after the year 9999")
			want(source.Enrolments, 9001, int64(9001), int64(9001), "self", false, nil, nil, at(1700000000))
			want(source.Enrolments, 9002, int64(9001), int64(9001), "manual", true, at(1700000000), at(1800000000), nil)
			want(source.Enrolments, 9003, int64(9002), int64(9001), "manual", false, nil, nil, nil)
			want(source.Roles, 9001, int64(9001), int64(9001), true, "azubi")
			want(source.Roles, 9002, int64(9001), int64(9001), false, "plain")
			want(source.Roles, 9003)
			want(source.Roles, 9004)
			want(source.Activities, 9001, int64(9001), true)
			want(source.Activities, 9002, int64(9001), false)
			want(source.Activities, 9003, int64(9001), false)
			want(source.ActivityStates, 9001, int64(9001), int64(9001), false, at(1700000000))
			want(source.ActivityStates, 9002, int64(9002), int64(9001), true, at(1700000000))
			want(source.ActivityStates, 9003, int64(9003), int64(9001), false, at(1700000000))
			// A calculated total has the bounds of the course, others their own.
			want(source.Grades, 90001, int64(9001), int64(9001), 30.0, at(1700000000))
			want(source.Grades, 90002, int64(9001), int64(9003), 2333333.0*100/4000000, nil)
			want(source.Grades, 90003, int64(9002), int64(9003), nil, nil)
			want(source.Grades, 90004, int64(9001), int64(9003), nil, nil)
			want(source.Grades, 90005, int64(9003), int64(9003), nil, nil)
			want(source.Grades, 90006, int64(9004), int64(9003), 140.0, nil)
			want(source.Quizzes, 9001, int64(9001), "Q", 12.5, 25.0)
			want(source.Quizzes, 9002, int64(9001), "R", nil, nil)
			want(source.QuizAttempts, 9001, int64(9001), int64(9001), int64(1), 7.12345, true, at(1700000000), at(1700000060))
			want(source.QuizAttempts, 9002, int64(9001), int64(9001), int64(2), nil, false, at(1700000000), nil)
			want(source.QuizAttempts, 9003)
			want(source.Assignments, 9001, int64(9001), "A", 50.0, at(1700000000))
			want(source.Assignments, 9002, int64(9001), "B", nil, nil)
			want(source.Submissions, 9001, int64(9001), int64(9001), int64(0), false, true, at(1600000000), at(1600000060))
			want(source.Submissions, 9002, int64(9001), int64(9001), int64(1), true, false, at(1600000120), nil)
			want(source.Submissions, 9003, int64(9001), nil, int64(0), true, true, at(1600000000), at(1600000060))
			want(source.SubmissionMarks, 9001, int64(9001), int64(9001), int64(0), 41.5, at(1600000000))
			want(source.SubmissionMarks, 9002, int64(9001), int64(9002), int64(0), nil, nil)
			want(source.SubmissionMarks, 9003, int64(9002), int64(9001), int64(0), 2.0, at(1600000000))
			want(source.SubmissionMarks, 9004, int64(9002), int64(9002), int64(0), nil, nil)
			want(source.SubmissionMarks, 9005, int64(9002), int64(9003), int64(0), nil, nil)
			want(source.Awards, 9001*4+3, "badge", "badge", "Bee", int64(9001), nil, "hash", at(1700000000), at(1800000000))
			want(source.Awards, 7*4+2, "certificate", "tool_certificate", "Diploma", int64(9001), int64(9003), "T7", at(1700000000), at(1800000000))
			want(source.Awards, 8*4+2, "certificate", "tool_certificate", "Diploma", int64(9001), nil, "T8", at(1700000000), nil)
			want(source.Awards, 9*4+2)

			// The course, or else the site, may say that every total has bounds of
			// its own.
			bounds := func(statement string, percent float64) {
				t.Helper()
				site.Exec(t, statement)
				before, err := snap.Digest(t.Context(), source.Grades, 90000, 90001, 1)
				require.NoError(t, err)
				snap = look(t, src)
				delete(read, source.Grades)
				want(source.Grades, 90001, int64(9001), int64(9001), percent, at(1700000000))
				after, err := snap.Digest(t.Context(), source.Grades, 90000, 90001, 1)
				require.NoError(t, err)
				require.NotEqual(t, before.Digest, after.Digest)
			}
			bounds("UPDATE mdl_config SET value = '2' WHERE name = 'grade_minmaxtouse'", 50)
			bounds("INSERT INTO mdl_grade_settings VALUES (1, 9001, 'minmaxtouse', '1')", 30)
			bounds("UPDATE mdl_config SET value = '1' WHERE name = 'grade_minmaxtouse'; UPDATE mdl_grade_settings SET value = '2'", 50)

			if engine == moodletest.MySQL { // the other server has no such texts
				site.Exec(t, "INSERT INTO mdl_cohort (id, contextid, name, descriptionformat, timecreated, timemodified) VALUES (9001, 1, CONCAT('a', CHAR(0), 'b'), 0, 0, 0)")
				snap = look(t, src)
				want(source.Cohorts, 9001, "ab", "")
			}
		})
	}
}

// Keys made of ids and places are bounded as their ids are.
func TestBoundsOfComposedKeys(t *testing.T) {
	for n := range int64(4) {
		for after := int64(0); after < 50; after++ {
			for id := int64(1); id < 14; id++ {
				require.Equal(t, id*4+n > after, id > floor(after, n, 4), "%d*4+%d > %d", id, n, after)
			}
		}
	}
	require.Equal(t, int64(7), floor(7, 0, 1))
}
