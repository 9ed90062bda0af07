package wsserver

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// function is one function of the service.
type function struct {
	params []param
	do     func(*call) (any, error)
}

var functions map[string]function

func init() { //nolint:gochecknoinits // the first function lists them all
	functions = map[string]function{
		"core_webservice_get_site_info":                    {nil, siteInfo},
		"core_user_get_users":                              {takes("criteria[][key]:text", "criteria[][value]:text"), users},
		"core_course_get_categories":                       {takes("criteria[][key]:text", "criteria[][value]:text", "addsubcategories:bool"), categories},
		"core_course_get_courses_by_field":                 {takes("field:text", "value:text"), courses},
		"core_course_get_contents":                         {takes("courseid:int"), contents},
		"core_enrol_get_enrolled_users":                    {takes("courseid:int", "options[][name]:text", "options[][value]:text"), enrolled},
		"core_completion_get_course_completion_status":     {takes("courseid:int", "userid:int"), completion},
		"core_completion_get_activities_completion_status": {takes("courseid:int", "userid:int"), activities},
		"gradereport_user_get_grade_items":                 {takes("courseid:int", "userid:int", "groupid:int"), grades},
		"mod_quiz_get_quizzes_by_courses":                  {takes("courseids[]:int"), quizzes},
		"mod_quiz_get_user_attempts":                       {takes("quizid:int", "userid:int", "status:text", "includepreviews:bool"), attempts},
		"mod_assign_get_assignments":                       {takes("courseids[]:int", "includenotenrolledcourses:bool"), assignments},
		"mod_assign_get_submissions":                       {takes("assignmentids[]:int", "status:text", "since:int", "before:int"), submissions},
		"mod_assign_get_grades":                            {takes("assignmentids[]:int", "since:int"), marks},
		"core_cohort_get_cohorts":                          {takes("cohortids[]:int"), cohorts},
		"core_cohort_get_cohort_members":                   {takes("cohortids[]:int"), cohortMembers},
		"core_badges_get_user_badges":                      {takes("userid:int", "courseid:int", "page:int", "perpage:int"), badges},
		"mod_customcert_list_issues":                       {takes("timecreatedfrom:int", "userid:int", "customcertid:int", "limit:int", "offset:int"), certificates},
	}
}

func siteInfo(c *call) (any, error) {
	offered := []any{}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		var removed bool
		c.set(func() { removed = c.removed[name] })
		if !removed {
			offered = append(offered, map[string]any{"name": name, "version": "2024100706"})
		}
	}
	release, err := c.one("SELECT value FROM mdl_config WHERE name = 'release'")
	return map[string]any{
		"sitename": "Lernportal", "siteurl": c.URL, "userid": 2, "username": "quad", "release": release.text("value"), "version": "2024100706", "functions": offered,
	}, err
}

func users(c *call) (any, error) {
	field, value := c.form.Get("criteria[0][key]"), c.form.Get("criteria[0][value]")
	if (field != "email" && field != "lastname" && field != "firstname") || value != "%" || c.form.Has("criteria[1][key]") {
		return nil, fault("invalidparameter") // what else there is, nobody asks for
	}
	// Whose field is empty is dropped.
	rows, err := c.query("SELECT * FROM mdl_user WHERE deleted = 0 AND %s <> '' ORDER BY lastname, id", field)
	out := []any{}
	for _, r := range rows {
		u := r.pick("id", "firstaccess", "lastaccess")
		for _, name := range []string{"username", "firstname", "lastname", "email", "idnumber", "department", "institution", "auth", "lang", "timezone"} {
			if r[name].String != "" || name == "username" {
				u[name] = r.text(name)
			}
		}
		u["fullname"], u["suspended"], u["confirmed"] = r["firstname"].String+" "+r["lastname"].String, r.int("suspended") != 0, r.int("confirmed") != 0
		out = append(out, u)
	}
	return map[string]any{"users": out, "warnings": []any{}}, err
}

func categories(c *call) (any, error) {
	rows, err := c.query("SELECT * FROM mdl_course_categories ORDER BY sortorder")
	out := []any{}
	for _, r := range rows {
		k := r.pick("id", "parent", "visible", "depth", "coursecount", "timemodified")
		k["name"], k["path"], k["idnumber"] = r.text("name"), r.text("path"), r.text("idnumber")
		out = append(out, k)
	}
	return out, err
}

func courses(c *call) (any, error) {
	if c.form.Get("field") != "" {
		return nil, fault("invalidparameter")
	}
	rows, err := c.query("SELECT * FROM mdl_course ORDER BY sortorder, id")
	out := []any{}
	for _, r := range rows {
		k := r.pick("id", "visible", "enablecompletion", "startdate", "enddate", "timecreated", "timemodified", "cacherev")
		k["categoryid"] = r.int("category")
		for _, name := range []string{"fullname", "shortname", "idnumber", "format", "summary"} {
			k[name] = r.text(name)
		}
		k["displayname"] = k["fullname"]
		out = append(out, k)
	}
	return map[string]any{"courses": out, "warnings": []any{}}, err
}

// course checks that a course is there.
func (c *call) course(id int64) error {
	r, err := c.one("SELECT id FROM mdl_course WHERE id = %d", id)
	if err == nil && r == nil {
		err = &Fault{Exception: "dml_missing_record_exception", Code: "invalidrecord", Message: "course"}
	}
	return err
}

// person checks that somebody is there and not deleted.
func (c *call) person(id int64) error {
	r, err := c.one("SELECT deleted, confirmed, username FROM mdl_user WHERE id = %d", id)
	switch {
	case err != nil:
		return err
	case r == nil:
		return fault("invaliduser")
	case r.int("deleted") != 0:
		return fault("userdeleted")
	case r.int("confirmed") == 0:
		return fault("usernotconfirmed")
	case r["username"].String == "guest":
		return fault("guestsarenotallowed")
	}
	return nil
}

func contents(c *call) (any, error) {
	id := c.int("courseid")
	if err := c.course(id); err != nil {
		return nil, err
	}
	rows, err := c.query(`SELECT m.id, m.instance, m.completion, m.visible, n.name AS modname, k.name AS title FROM mdl_course_modules m JOIN mdl_modules n ON n.id = m.module
		LEFT JOIN mdl_customcert k ON n.name = 'customcert' AND k.id = m.instance WHERE m.course = %d AND m.deletioninprogress = 0 ORDER BY m.id DESC`, id)
	first, second := []any{}, []any{}
	for i, r := range rows {
		m := r.pick("id", "instance", "completion", "visible")
		m["modname"], m["name"] = r.text("modname"), r.text("title")
		if i%2 == 0 {
			first = append(first, m)
		} else {
			second = append(second, m)
		}
	}
	return []any{map[string]any{"id": 1, "name": "Allgemeines", "modules": first}, map[string]any{"id": 2, "name": "Thema 1", "modules": second}}, err
}

// active is, in SQL, whether an enrolment u by a method e lets learn now.
func (c *call) active() (sql string) {
	c.set(func() {
		sql = fmt.Sprintf("(u.status = 0 AND e.status = 0 AND u.timestart < %[1]d AND (u.timeend = 0 OR u.timeend > %[1]d))", c.now.Unix())
	})
	return sql
}

// inCourse is, in SQL, the ids of those who are enrolled in a course.
func (c *call) inCourse(course int64, condition string) string {
	return fmt.Sprintf(`SELECT u.userid FROM mdl_user_enrolments u JOIN mdl_enrol e ON e.id = u.enrolid WHERE e.courseid = %d AND %s`, course, condition)
}

func enrolled(c *call) (any, error) {
	id, o := c.int("courseid"), c.options()
	if err := c.course(id); err != nil {
		return nil, err
	}
	where := "p.id IN (" + c.inCourse(id, "1 = 1") + ")"
	for name, value := range o {
		switch name {
		case "onlyactive", "onlysuspended":
			if value != "0" && value != "1" {
				return nil, fault("invalidparameter")
			}
		case "limitfrom", "limitnumber", "userfields":
		case "sortby":
			if value != "id" {
				return nil, fault("invalidparameter")
			}
		default:
			return nil, fault("invalidparameter")
		}
	}
	if o["onlyactive"] == "1" {
		where += " AND p.id IN (" + c.inCourse(id, c.active()) + ")"
	}
	if o["onlysuspended"] == "1" {
		where += " AND p.id NOT IN (" + c.inCourse(id, c.active()) + ")"
	}
	limit := ""
	if o["limitnumber"] != "" {
		limit = "LIMIT " + o["limitnumber"] + " OFFSET " + o["limitfrom"]
	}
	rows, err := c.query("SELECT p.id, p.firstname, p.lastname, p.username FROM mdl_user p WHERE p.deleted = 0 AND %s ORDER BY p.id %s", where, limit)
	if err != nil {
		return nil, err
	}
	held, err := c.query(`SELECT a.userid, a.roleid, r.shortname FROM mdl_role_assignments a JOIN mdl_context x ON x.id = a.contextid AND x.contextlevel = 50
		JOIN mdl_role r ON r.id = a.roleid WHERE x.instanceid = %d ORDER BY a.id`, id)
	roles := map[int64][]any{}
	for _, r := range held {
		roles[r.int("userid")] = append(roles[r.int("userid")], map[string]any{"roleid": r.int("roleid"), "name": "", "shortname": r.text("shortname"), "sortorder": 0})
	}
	out := []any{}
	for _, r := range rows {
		var unseen bool
		c.set(func() { unseen = c.unseen[r.int("id")] }) // after the limit: a page may be short
		if unseen {
			continue
		}
		u := map[string]any{"id": r.int("id"), "fullname": r["firstname"].String + " " + r["lastname"].String}
		fields := o["userfields"]
		if fields == "" {
			u["username"], u["groups"] = r.text("username"), []any{}
		}
		if fields == "" || slices.Contains(strings.Split(fields, ","), "roles") {
			u["roles"] = append([]any{}, roles[r.int("id")]...)
		}
		out = append(out, u)
	}
	return out, err
}

func completion(c *call) (any, error) {
	course, user := c.int("courseid"), c.int("userid")
	if err := c.course(course); err != nil {
		return nil, err
	}
	if err := c.person(user); err != nil {
		return nil, err
	}
	in, err := c.query("%s AND u.userid = %d", c.inCourse(course, c.active()), user)
	switch {
	case err != nil:
		return nil, err
	case len(in) == 0:
		return nil, fault("usernotenroled")
	}
	criteria, err := c.query(`SELECT t.id, t.criteriatype, d.timecompleted FROM mdl_course_completion_criteria t
		LEFT JOIN mdl_course_completion_crit_compl d ON d.criteriaid = t.id AND d.userid = %d WHERE t.course = %d ORDER BY t.id`, user, course)
	switch {
	case err != nil:
		return nil, err
	case len(criteria) == 0:
		return nil, fault("nocriteriaset")
	}
	done, err := c.one("SELECT timecompleted FROM mdl_course_completions WHERE userid = %d AND course = %d", user, course)
	list := []any{}
	for _, r := range criteria {
		met := map[string]any{"type": r.int("criteriatype"), "title": "Aktivitätsabschluss", "status": "", "complete": r.int("timecompleted") > 0, "timecompleted": nil, "details": map[string]any{}}
		if r.int("timecompleted") > 0 {
			met["timecompleted"] = r.int("timecompleted")
		}
		list = append(list, met)
	}
	return map[string]any{
		"completionstatus": map[string]any{"completed": done.int("timecompleted") > 0, "aggregation": 1, "completions": list}, "warnings": []any{},
	}, err
}

func activities(c *call) (any, error) {
	course, user := c.int("courseid"), c.int("userid")
	if err := c.course(course); err != nil {
		return nil, err
	}
	if err := c.person(user); err != nil {
		return nil, err
	}
	rows, err := c.query(`SELECT m.id AS cmid, m.instance, m.completion AS tracking, COALESCE(d.completionstate, 0) AS state, COALESCE(d.timemodified, 0) AS timecompleted
		FROM mdl_course_modules m LEFT JOIN mdl_course_modules_completion d ON d.coursemoduleid = m.id AND d.userid = %d
		WHERE m.course = %d AND m.completion <> 0 AND m.deletioninprogress = 0 ORDER BY m.id`, user, course)
	out := []any{}
	for _, r := range rows {
		out = append(out, r.pick("cmid", "instance", "tracking", "state", "timecompleted"))
	}
	return map[string]any{"statuses": out, "warnings": []any{}}, err
}

// grades are those of the people whom the gradebook shows: with one of its
// roles.
func grades(c *call) (any, error) {
	course := c.int("courseid")
	if err := c.course(course); err != nil {
		return nil, err
	}
	roles, err := c.one("SELECT value FROM mdl_config WHERE name = 'gradebookroles'")
	if err != nil {
		return nil, err
	}
	people, err := c.query(`SELECT p.id FROM mdl_user p WHERE p.deleted = 0 AND p.id IN (%s) AND EXISTS (SELECT 1 FROM mdl_role_assignments a
		JOIN mdl_context x ON x.id = a.contextid AND x.contextlevel = 50 WHERE x.instanceid = %d AND a.userid = p.id AND a.roleid IN (%s)) ORDER BY p.lastname`,
		c.inCourse(course, "1 = 1"), course, roles["value"].String)
	if err != nil {
		return nil, err
	}
	// A total that is switched off is not there. Totals have bounds of their own for
	// each person, other items those of the item.
	rows, err := c.query(`SELECT i.id, i.itemtype, i.itemmodule, i.iteminstance, g.userid, g.finalgrade, g.timemodified,
			CASE WHEN i.itemtype = 'course' THEN g.rawgrademin ELSE i.grademin END AS low, CASE WHEN i.itemtype = 'course' THEN g.rawgrademax ELSE i.grademax END AS high
		FROM mdl_grade_items i JOIN mdl_grade_grades g ON g.itemid = i.id WHERE i.courseid = %d AND i.gradetype <> 0 ORDER BY i.itemtype DESC, i.id`, course)
	items := map[int64][]any{}
	for _, r := range rows {
		item := r.pick("id", "iteminstance")
		item["itemtype"], item["itemmodule"], item["itemname"] = r.text("itemtype"), r.text("itemmodule"), nil
		item["graderaw"], item["grademin"], item["grademax"] = r.float("finalgrade"), r.float("low"), r.float("high")
		item["gradedategraded"], item["percentageformatted"] = nil, "-"
		if r.int("timemodified") > 0 {
			item["gradedategraded"] = r.int("timemodified")
		}
		items[r.int("userid")] = append(items[r.int("userid")], item)
	}
	out := []any{}
	for _, p := range people {
		out = append(out, map[string]any{"courseid": course, "userid": p.int("id"), "userfullname": "", "gradeitems": append([]any{}, items[p.int("id")]...)})
	}
	return map[string]any{"usergrades": out, "warnings": []any{}}, err
}

// ids are numbers as SQL has them in a list.
func sqlList(ids []int64) string {
	out := []string{"0"}
	for _, id := range ids {
		out = append(out, strconv.FormatInt(id, 10))
	}
	return strings.Join(out, ", ")
}
