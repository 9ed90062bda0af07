package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"quad/internal/devstack"
	"quad/internal/integration/source"
)

// moodleSchema has the tables of a Moodle, with its indexes.
const moodleSchema = "internal/integration/source/moodletest/testdata/schema.sql"

// moodleCourses is how many courses the Moodle has; each user is in five.
const moodleCourses = 1_000

// moodleData are $n users with five enrolments each, and for each enrolment a
// role, the course total, and a completion, of which three in five are complete.
// $u are the users and $e their enrolments, as the sequences of MariaDB.
var moodleData = []string{
	`SET SESSION unique_checks = 0, foreign_key_checks = 0`,
	`INSERT INTO mdl_config (name, value) VALUES ('siteguest', '1'), ('version', '2024100700'), ('release', '4.5 (Build: 20241007)')`,
	`INSERT INTO mdl_user (id, username, firstname, lastname, email, confirmed, timecreated) VALUES (1, 'guest', 'Guest', '', 'root@localhost', 1, 1600000000)`,
	`INSERT INTO mdl_user (id, username, idnumber, firstname, lastname, email, confirmed, timecreated)
		SELECT seq + 1, CONCAT('learner', seq), CONCAT('E', seq), CONCAT('First ', seq % 977), CONCAT('Last ', seq), CONCAT('learner-', seq, '@moodle.example'), 1,
			1600000000 + seq FROM $u`,
	`INSERT INTO mdl_course_categories (id, name, path, depth) SELECT seq, CONCAT('Category ', seq), CONCAT('/', seq), 1 FROM seq_1_to_20`,
	`INSERT INTO mdl_course (id, category, fullname, shortname, idnumber, format, enablecompletion, startdate, timecreated)
		SELECT seq + 1, 1 + seq % 20, CONCAT('Course ', seq), CONCAT('c', seq), CONCAT('C', seq), 'topics', 1, 1600000000, 1600000000 FROM $c`,
	`INSERT INTO mdl_course (id, fullname, shortname, format) VALUES (1, 'Site', 'site', 'site')`,
	`INSERT INTO mdl_context (id, contextlevel, instanceid, path, depth) SELECT seq + 1, 50, seq + 1, CONCAT('/1/', seq + 1), 2 FROM $c`,
	`INSERT INTO mdl_role (id, name, shortname, description, sortorder, archetype) VALUES (5, '', 'student', '', 5, 'student')`,
	`INSERT INTO mdl_enrol (id, enrol, courseid, timecreated) SELECT seq + 1, 'manual', seq + 1, 1600000000 FROM $c`,
	`INSERT INTO mdl_grade_items (id, courseid, itemtype, gradetype, grademax, grademin) SELECT seq + 1, seq + 1, 'course', 1, 100, 0 FROM $c`,
	// The n-th enrolment is that of user n / 5 in one of five courses side by side.
	`INSERT INTO mdl_user_enrolments (id, enrolid, userid, timestart, timecreated, timeend)
		SELECT seq, $course, $user, 1650000000 + seq * 13 % 80000000, 1650000000 + seq * 13 % 80000000, 0 FROM $e`,
	`INSERT INTO mdl_role_assignments (id, roleid, contextid, userid, timemodified) SELECT seq, 5, $course, $user, 1650000000 FROM $e`,
	`INSERT INTO mdl_grade_grades (id, itemid, userid, rawgrade, finalgrade, timecreated, timemodified)
		SELECT seq, $course, $user, seq * 7 % 1001 / 10, seq * 7 % 1001 / 10, 1650000000, 1700000000 + seq % 1000000 FROM $e`,
	`INSERT INTO mdl_course_completions (id, userid, course, timeenrolled, timecompleted)
		SELECT seq, $user, $course, 1650000000, IF(seq % 5 < 3, 1700000000 + seq % 1000000, NULL) FROM $e`,
	`ANALYZE TABLE mdl_user, mdl_user_enrolments, mdl_role_assignments, mdl_grade_grades, mdl_course_completions`,
}

// moodle is the database of a Moodle with users who learn.
type moodle struct {
	users    int
	settings source.Settings // those of a connection; its account may only read
	db       *sql.DB
}

// enrolments is how many the Moodle has.
func (m *moodle) enrolments() int { return m.users * misCoursesOfEach }

// openMoodle starts a MariaDB with a Moodle of so many users. It goes with the
// stack.
func openMoodle(ctx context.Context, s *stack, users int) (*moodle, error) {
	var server *devstack.MariaDB
	_, _, err := s.start(ctx, nil, func(port int) (_ devstack.Child, err error) {
		// A learning system's server is no worse off than the hub's.
		server, err = devstack.NewMariaDB(ctx, devstack.MariaDBOptions{Dir: s.dir, Port: port, Settings: map[string]string{
			"innodb-buffer-pool-size": "256M", "innodb-log-file-size": "256M",
		}})
		if err != nil {
			return devstack.Child{}, err
		}
		return server.Child, nil
	})
	if err != nil {
		return nil, err
	}
	config := server.Config.Clone()
	config.MultiStatements = true
	if err := server.Exec(ctx, "CREATE DATABASE moodle CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"); err != nil {
		return nil, err
	}
	config.DBName = "moodle"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	m := &moodle{users: users, db: sql.OpenDB(connector)}
	m.db.SetMaxOpenConns(1) // what a session sets is for all statements
	s.onClose(m.db.Close)
	schema, err := os.ReadFile(filepath.Join(s.root, moodleSchema))
	if err != nil {
		return nil, err
	}
	password := strings.ToLower(config.Passwd)
	for _, text := range []string{string(schema), "CREATE USER reader@'%' IDENTIFIED BY '" + password + "'; GRANT SELECT ON moodle.* TO reader@'%'"} {
		if err := m.exec(ctx, text); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(config.Addr)
	if err != nil {
		return nil, err
	}
	m.settings = source.Settings{"engine": "mysql", "host": host, "port": port, "database": "moodle", "user": "reader", "password": password, "tls": "off"}
	return m, m.fill(ctx)
}

// fill makes the rows, table by table.
func (m *moodle) fill(ctx context.Context) error {
	sequence := func(last int) string { return "seq_1_to_" + strconv.Itoa(last) }
	values := strings.NewReplacer("$user", "2 + (seq - 1) DIV 5", "$u", sequence(m.users),
		"$course", fmt.Sprintf("2 + ((seq - 1) DIV 5 * 37 + (seq - 1) %% 5 * 197) %% %d", moodleCourses), "$c", sequence(moodleCourses), "$e", sequence(m.enrolments()))
	for _, text := range moodleData {
		if err := m.exec(ctx, values.Replace(text)); err != nil {
			return fmt.Errorf("%.60s…: %w", text, err)
		}
	}
	return nil
}

// regrade changes the total of every hundredth enrolment, all over the table,
// and tells of how many.
func (m *moodle) regrade(ctx context.Context) (int64, error) {
	result, err := m.db.ExecContext(ctx, "UPDATE mdl_grade_grades SET finalgrade = (finalgrade + 1) % 100, timemodified = timemodified + 1 WHERE id % 100 = 7")
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (m *moodle) exec(ctx context.Context, text string) error {
	if _, err := m.db.ExecContext(ctx, text); err != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}
