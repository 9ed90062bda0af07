package wsserver

import (
	"fmt"
)

func quizzes(c *call) (any, error) {
	rows, err := c.query("SELECT * FROM mdl_quiz WHERE course IN (%s) ORDER BY name, id", sqlList(c.list("courseids")))
	out := []any{}
	for _, r := range rows {
		q := r.pick("id", "course", "grademethod", "timeopen", "timeclose")
		q["name"], q["grade"], q["sumgrades"] = r.text("name"), r.float("grade"), r.float("sumgrades")
		out = append(out, q)
	}
	return map[string]any{"quizzes": out, "warnings": []any{}}, err
}

func attempts(c *call) (any, error) {
	if err := c.person(c.int("userid")); err != nil {
		return nil, err
	}
	where := ""
	switch c.form.Get("status") {
	case "all":
	case "", "finished":
		where = " AND state IN ('finished', 'abandoned')"
	case "unfinished":
		where = " AND state IN ('inprogress', 'overdue')"
	default:
		return nil, fault("invalidparameter")
	}
	if c.form.Get("includepreviews") != "1" {
		where += " AND preview = 0"
	}
	rows, err := c.query("SELECT * FROM mdl_quiz_attempts WHERE quiz = %d AND userid = %d%s ORDER BY attempt DESC", c.int("quizid"), c.int("userid"), where)
	out := []any{}
	for _, r := range rows {
		a := r.pick("id", "quiz", "userid", "attempt", "preview", "timestart", "timefinish", "timemodified")
		a["state"], a["sumgrades"] = r.text("state"), r.float("sumgrades")
		out = append(out, a)
	}
	return map[string]any{"attempts": out, "warnings": []any{}}, err
}

func assignments(c *call) (any, error) {
	out := []any{}
	if c.form.Get("includenotenrolledcourses") != "1" { // the token's user is in no course
		return map[string]any{"courses": out, "warnings": []any{}}, nil
	}
	for _, id := range c.list("courseids") {
		rows, err := c.query("SELECT * FROM mdl_assign WHERE course = %d ORDER BY id DESC", id)
		if err != nil {
			return nil, err
		}
		list := []any{}
		for _, r := range rows {
			a := r.pick("id", "course", "duedate", "grade", "teamsubmission", "markingworkflow", "timemodified")
			a["name"] = r.text("name")
			list = append(list, a)
		}
		out = append(out, map[string]any{"id": id, "fullname": "", "assignments": list})
	}
	return map[string]any{"courses": out, "warnings": []any{}}, nil
}

// warned is the warning about an assignment.
func warned(id int64, code string) any {
	return map[string]any{"item": "module", "itemid": id, "warningcode": code, "message": "Keine Abgaben oder nicht zugänglich"}
}

// each asks about assignments and puts together what there is of each.
func (c *call) each(name string, of func(id int64) ([]any, error)) (any, error) {
	list, warnings := []any{}, []any{}
	for _, id := range c.list("assignmentids") {
		r, err := c.one("SELECT id FROM mdl_assign WHERE id = %d", id)
		if err != nil {
			return nil, err
		}
		if r == nil {
			warnings = append(warnings, warned(id, "1"))
			continue
		}
		found, err := of(id)
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			warnings = append(warnings, warned(id, "3"))
		default:
			list = append(list, map[string]any{"assignmentid": id, name: found})
		}
	}
	return map[string]any{"assignments": list, "warnings": warnings}, nil
}

func submissions(c *call) (any, error) {
	return c.each("submissions", func(id int64) ([]any, error) {
		rows, err := c.query(`SELECT k.*, a.markingworkflow, f.workflowstate FROM mdl_assign_submission k JOIN mdl_assign a ON a.id = k.assignment
			LEFT JOIN mdl_assign_user_flags f ON f.assignment = k.assignment AND f.userid = k.userid
			WHERE k.assignment = %d AND NOT EXISTS (SELECT 1 FROM mdl_assign_submission o WHERE o.assignment = k.assignment AND o.userid = k.userid
			AND o.groupid = k.groupid AND o.attemptnumber > k.attemptnumber) ORDER BY k.timemodified DESC`, id)
		var out []any
		for _, r := range rows {
			s := r.pick("id", "userid", "groupid", "attemptnumber", "timecreated", "timemodified", "timestarted")
			if s["timestarted"] == int64(0) {
				s["timestarted"] = nil
			}
			s["status"], s["gradingstatus"] = r.text("status"), "notgraded"
			if r.int("markingworkflow") == 1 {
				s["gradingstatus"] = "notmarked"
				if r["workflowstate"].String != "" {
					s["gradingstatus"] = r.text("workflowstate")
				}
			}
			out = append(out, s)
		}
		return out, err
	})
}

func marks(c *call) (any, error) {
	return c.each("grades", func(id int64) ([]any, error) {
		rows, err := c.query(`SELECT * FROM mdl_assign_grades k WHERE k.assignment = %d AND NOT EXISTS (SELECT 1 FROM mdl_assign_grades o
			WHERE o.assignment = k.assignment AND o.userid = k.userid AND o.attemptnumber > k.attemptnumber) ORDER BY k.id`, id)
		var out []any
		for _, r := range rows {
			g := r.pick("userid", "grader", "attemptnumber", "timemodified")
			g["grade"] = r.text("grade")
			out = append(out, g)
		}
		return out, err
	})
}

func cohorts(c *call) (any, error) {
	where := ""
	if some := c.list("cohortids"); len(some) > 0 {
		where = "WHERE id IN (" + sqlList(some) + ")"
	}
	rows, err := c.query("SELECT * FROM mdl_cohort %s ORDER BY name", where)
	out := []any{}
	for _, r := range rows {
		out = append(out, map[string]any{"id": r.int("id"), "name": r.text("name"), "idnumber": r.text("idnumber"), "visible": r.int("visible") != 0})
	}
	return out, err
}

func cohortMembers(c *call) (any, error) {
	out := []any{}
	for _, id := range c.list("cohortids") {
		rows, err := c.query("SELECT m.userid FROM mdl_cohort_members m JOIN mdl_user u ON u.id = m.userid AND u.deleted = 0 WHERE m.cohortid = %d ORDER BY u.lastname", id)
		if err != nil {
			return nil, err
		}
		list := []any{}
		for _, r := range rows {
			list = append(list, r.int("userid"))
		}
		out = append(out, map[string]any{"cohortid": id, "userids": list})
	}
	return out, nil
}

// badges are those that others may see.
func badges(c *call) (any, error) {
	if err := c.person(c.int("userid")); err != nil {
		return nil, err
	}
	limit := ""
	if n := c.int("perpage"); n > 0 {
		limit = fmt.Sprintf("LIMIT %d OFFSET %d", n, n*c.int("page"))
	}
	rows, err := c.query(`SELECT b.id, b.name, b.courseid, k.uniquehash, k.dateissued, k.dateexpire FROM mdl_badge_issued k JOIN mdl_badge b ON b.id = k.badgeid
		WHERE k.userid = %d AND k.visible = 1 ORDER BY k.dateissued DESC, k.id %s`, c.int("userid"), limit)
	out := []any{}
	for _, r := range rows {
		b := r.pick("id", "dateissued")
		b["name"], b["uniquehash"], b["dateexpire"], b["courseid"] = r.text("name"), r.text("uniquehash"), nil, nil
		for _, name := range []string{"dateexpire", "courseid"} {
			if r[name].Valid {
				b[name] = r.int(name)
			}
		}
		out = append(out, b)
	}
	return map[string]any{"badges": out, "warnings": []any{}}, err
}

// maxIssues is how many certificates are told at once, at most.
const maxIssues = 500

func certificates(c *call) (any, error) {
	where := "1 = 1"
	if id := c.int("customcertid"); id != 0 {
		where = fmt.Sprintf("k.customcertid = %d", id)
	}
	limit := c.int("limit")
	if limit <= 0 || limit > maxIssues {
		limit = maxIssues
	}
	rows, err := c.query(`SELECT k.id, k.customcertid, k.code, k.timecreated, k.userid FROM mdl_customcert_issues k JOIN mdl_customcert d ON d.id = k.customcertid
		JOIN mdl_user u ON u.id = k.userid WHERE %s ORDER BY k.id DESC LIMIT %d OFFSET %d`, where, limit, c.int("offset"))
	out := []any{}
	for _, r := range rows {
		issue := r.pick("id", "customcertid", "timecreated")
		issue["code"] = r.text("code")
		out = append(out, map[string]any{"issue": issue, "user": map[string]any{"id": r.int("userid"), "fullname": ""}, "template": map[string]any{"id": 1}})
	}
	return out, err
}
