package figures

import "strings"

// Each figure is a statement of this file. They are put together from parts
// that say what is counted: members, enrolled and during. Sums of scores are
// floats whose order differs from run to run; as numerics they lose that noise,
// and numerics round half away from zero.

// notDeleted is, in SQL, the condition that a column names nobody who is
// deleted. There are few of these, so they are looked for and not all others.
func notDeleted(user string) string {
	return ` NOT EXISTS (SELECT FROM users d WHERE d.account_id = @account_id AND d.id = ` + user + ` AND d.status = 'DELETED')`
}

// members is, in SQL, the beginning of a statement about the people of some
// organizations: who they are, by indexes alone. Everybody needs no list.
func members(scope Scope) string {
	if scope.All {
		return `WITH `
	}
	return `WITH organization AS MATERIALIZED (SELECT id FROM organizations WHERE account_id = @account_id AND id = ANY(CAST(@organizations AS bigint[]))),
		members AS MATERIALIZED (
			SELECT m.id FROM (
				SELECT u.id FROM organization o JOIN users u ON u.organization_id = o.id
				UNION
				SELECT u.user_id FROM organization o JOIN user_organizations u ON u.organization_id = o.id
			) m WHERE` + notDeleted(`m.id`) + `
		), `
}

// of is, in SQL, the rows of a table (with its alias) that are about people in
// scope, up to its WHERE with the account.
func of(scope Scope, table, alias string) string {
	from, where := table+" "+alias, ` WHERE `+alias+`.account_id = @account_id`
	if !scope.All {
		return `members m JOIN ` + from + ` ON ` + alias + `.user_id = m.id` + where
	}
	return from + where + ` AND` + notDeleted(alias+`.user_id`)
}

// during is, in SQL, the condition that a moment lies in the period.
func during(p Period, moment string) string {
	var text strings.Builder
	if p.From != nil {
		text.WriteString(` AND ` + moment + ` >= @from`)
	}
	if p.To != nil {
		text.WriteString(` AND ` + moment + ` < @until`)
	}
	return text.String()
}

// enrolled is, in SQL, E: the rows e behind FROM.
func enrolled(scope Scope, p Period) string {
	return of(scope, `enrollments`, `e`) + ` AND e.learner` + during(p, `e.enrolled_at`)
}

// share is, in SQL, a part of a whole in per cent, of two counts.
func share(part, whole string) string {
	return `CAST(coalesce(round(100 * CAST(` + part + ` AS numeric) / nullif(` + whole + `, 0), 1), 0) AS double precision)`
}

// mean is, in SQL, a sum of floats divided by their count.
func mean(sum, count string) string {
	return `CAST(coalesce(round(CAST(` + sum + ` / nullif(` + count + `, 0) AS numeric), 1), 0) AS double precision)`
}

// minutes is, in SQL, a mean of seconds in whole minutes.
func minutes(sum, count string) string {
	return `CAST(coalesce(round(CAST(` + sum + ` AS numeric) / nullif(60 * ` + count + `, 0)), 0) AS bigint)`
}

// sums is, in SQL, what most figures need of rows of E.
const sums = `count(*) AS enrollments, count(e.completed_at) AS completions, count(e.score) AS graded, sum(e.score) AS score`

// learners is, in SQL, a table of the people in E with their sums.
func learners(scope Scope, p Period) string {
	return `learners AS (SELECT e.user_id, ` + sums + ` FROM ` + enrolled(scope, p) + ` GROUP BY e.user_id)`
}

func trainingSQL(scope Scope, p Period, program bool) string {
	more := ``
	if program {
		more = `, (SELECT count(*) FROM projects WHERE account_id = @account_id AND status = 'active'`
		if !scope.All {
			more += ` AND organization_id = ANY(CAST(@organizations AS bigint[]))`
		}
		more += `) AS active_programs`
	}
	return members(scope) + learners(scope, p) + `, totals AS (
			SELECT count(*) AS trainees, coalesce(sum(enrollments), 0) AS enrollments, coalesce(sum(completions), 0) AS completions,
				coalesce(sum(graded), 0) AS graded, sum(score) AS score
			FROM learners
		)
		SELECT trainees, enrollments, completions, graded, ` + share(`completions`, `enrollments`) + ` AS completion_rate,
			` + mean(`score`, `graded`) + ` AS average_score, ` + certificates(scope, p) + ` AS certificates` + more + ` FROM totals`
}

// certificates is, in SQL, how many are held and not revoked: of the hub's own
// those that stand on an issue, and those that were begun anew after they had
// expired, where the last issue was not revoked.
func certificates(scope Scope, p Period) string {
	return `(SELECT count(*) FROM ` + of(scope, `user_certificates`, `c`) + ` AND c.issue_id IS NOT NULL AND c.state <> 'REVOKED'` + during(p, `c.certified_at`) + `)
			+ (SELECT count(*) FROM ` + of(scope, `certificate_issues`, `i`) + ` AND i.end_reason = 'restarted'` + during(p, `i.certified_at`) + `
				AND EXISTS (SELECT FROM user_certificates c WHERE c.user_id = i.user_id AND c.certificate_id = i.certificate_id AND c.issue_id IS NULL AND c.state <> 'REVOKED')
				AND NOT EXISTS (SELECT FROM certificate_issues n WHERE n.user_id = i.user_id AND n.certificate_id = i.certificate_id AND n.id > i.id))
			+ (SELECT count(*) FROM ` + of(scope, `external_certificates`, `x`) + ` AND x.kind = 'certificate'` + during(p, `x.issued_at`) + `)`
}

func summarySQL(scope Scope, p Period) string {
	// A mean is what it is up to the noise of a sum.
	return members(scope) + learners(scope, p) + `, totals AS (
			SELECT coalesce(sum(enrollments), 0) AS enrollments, coalesce(sum(completions), 0) AS completions, sum(graded) AS graded, sum(score) AS score,
				count(*) FILTER (WHERE score / nullif(graded, 0) >= 90 - 1e-9) AS top_performers,
				count(*) FILTER (WHERE score / nullif(graded, 0) < 70 - 1e-9) AS needs_support
			FROM learners
		)
		SELECT enrollments, completions, ` + share(`completions`, `enrollments`) + ` AS completion_rate, ` + mean(`score`, `graded`) + ` AS average_score,
			top_performers, needs_support FROM totals`
}

// listed is, in SQL, the join that a course c is shown by, with the sums of its
// rows of E: every one that people can be in, or those that somebody of E is in.
func listed(scope Scope) string {
	if scope.All {
		return ` LEFT JOIN counted n ON n.course_id = c.id WHERE c.account_id = @account_id AND NOT c.master`
	}
	return ` JOIN counted n ON n.course_id = c.id WHERE c.account_id = @account_id`
}

func coursesSQL(scope Scope, p Period) string {
	return members(scope) + `counted AS (
			SELECT e.course_id, ` + sums + `, sum(e.seconds_spent) FILTER (WHERE e.seconds_spent > 0) AS seconds,
				count(*) FILTER (WHERE e.seconds_spent > 0) AS timed
			FROM ` + enrolled(scope, p) + ` GROUP BY e.course_id
		)
		SELECT c.id, c.name, coalesce(n.enrollments, 0) AS enrollments, coalesce(n.completions, 0) AS completions, coalesce(n.graded, 0) AS graded,
			` + share(`n.completions`, `n.enrollments`) + ` AS completion_rate, ` + mean(`n.score`, `n.graded`) + ` AS average_score,
			` + minutes(`n.seconds`, `n.timed`) + ` AS average_minutes
		FROM courses c` + listed(scope) + ` ORDER BY lower(c.name) COLLATE "C", c.id`
}

// trendsSQL reads E once: how many fell into which months, by their begin and by
// their completion; 0 and the last one are before and after all months.
func trendsSQL(scope Scope) string {
	return members(scope) + `cells AS MATERIALIZED (
			SELECT width_bucket(e.enrolled_at, CAST(@begins AS timestamptz[])) AS begun,
				width_bucket(e.completed_at, CAST(@begins AS timestamptz[])) AS completed, ` + sums + `
			FROM ` + enrolled(scope, Period{}) + ` GROUP BY 1, 2
		),
		begun AS (SELECT begun AS month, sum(enrollments) AS enrollments FROM cells GROUP BY 1),
		completed AS (SELECT completed AS month, sum(completions) AS completions, sum(graded) AS graded, sum(score) AS score FROM cells GROUP BY 1)
		SELECT to_char(b.at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, coalesce(s.enrollments, 0) AS enrollments, coalesce(f.completions, 0) AS completions,
			` + mean(`f.score`, `f.graded`) + ` AS average_score, coalesce((SELECT sum(enrollments) FROM cells), 0) AS weight
		FROM unnest(CAST(@begins AS timestamptz[])) WITH ORDINALITY b (at, month) LEFT JOIN begun s USING (month) LEFT JOIN completed f USING (month)
		WHERE b.month < cardinality(CAST(@begins AS timestamptz[])) ORDER BY b.month`
}

func gradesSQL(scope Scope, p Period) string {
	return members(scope) + `graded AS (SELECT e.score + 1e-9 AS score FROM ` + enrolled(scope, p) + ` AND e.score IS NOT NULL)
		SELECT count(*) FILTER (WHERE score >= 90) AS a, count(*) FILTER (WHERE score >= 80 AND score < 90) AS b,
			count(*) FILTER (WHERE score >= 70 AND score < 80) AS c, count(*) FILTER (WHERE score >= 60 AND score < 70) AS d,
			count(*) FILTER (WHERE score < 60) AS f
		FROM graded`
}

// taken joins rows a about people in scope, of quizzes or assignments q, with
// the enrolments that make them count.
const taken = ` JOIN enrollments e ON e.account_id = @account_id AND e.user_id = a.user_id AND e.course_id = q.course_id AND e.learner`

func quizzesSQL(scope Scope, p Period) string {
	return members(scope) + `counted AS (SELECT e.course_id FROM ` + enrolled(scope, Period{}) + ` GROUP BY e.course_id),
		attempts AS (
			SELECT a.quiz_id, count(*) AS attempts, count(100 * a.points / nullif(q.max_points, 0)) AS graded, sum(100 * a.points / nullif(q.max_points, 0)) AS score,
				count(*) FILTER (WHERE 100 * a.points / nullif(q.max_points, 0) >= coalesce(q.pass_percent, 60) - 1e-9) AS passed,
				sum(extract(epoch FROM a.finished_at - a.started_at)) AS seconds
			FROM (SELECT a.quiz_id, a.user_id, a.points, a.started_at, a.finished_at FROM ` + of(scope, `quiz_attempts`, `a`) + ` AND a.finished_at IS NOT NULL` +
		during(p, `a.finished_at`) + `) a JOIN quizzes q ON q.id = a.quiz_id` + taken + ` GROUP BY a.quiz_id
		)
		SELECT q.id, q.course_id, q.name, c.name AS course_name, coalesce(a.attempts, 0) AS attempts, ` + mean(`a.score`, `a.graded`) + ` AS average_score,
			` + share(`a.passed`, `a.attempts`) + ` AS pass_rate, ` + minutes(`a.seconds`, `a.attempts`) + ` AS average_minutes
		FROM courses c JOIN quizzes q ON q.course_id = c.id LEFT JOIN attempts a ON a.quiz_id = q.id` + shown(scope) + ` ORDER BY lower(q.name) COLLATE "C", q.id`
}

// shown is, in SQL, the condition that a course c is one that Courses lists.
func shown(scope Scope) string {
	if scope.All {
		return ` WHERE c.account_id = @account_id AND NOT c.master`
	}
	return ` WHERE c.account_id = @account_id AND c.id IN (SELECT course_id FROM counted)`
}

// assignmentsSQL: of a learner's versions the grade of the latest one that has
// any counts.
func assignmentsSQL(scope Scope, p Period) string {
	return members(scope) + `counted AS (SELECT e.course_id, count(*) AS learners FROM ` + enrolled(scope, Period{}) + ` GROUP BY e.course_id),
		versions AS (
			SELECT a.assignment_id, a.user_id, count(*) AS submissions,
				(array_agg(a.grade ORDER BY a.attempt_no DESC, a.id DESC) FILTER (WHERE a.grade IS NOT NULL))[1] AS grade,
				sum(extract(epoch FROM a.submitted_at - a.started_at)) FILTER (WHERE a.submitted_at >= a.started_at) AS seconds,
				count(*) FILTER (WHERE a.submitted_at >= a.started_at) AS timed
			FROM ` + of(scope, `assignment_submissions`, `a`) + ` AND a.submitted_at IS NOT NULL` + during(p, `a.submitted_at`) + `
			GROUP BY a.user_id, a.assignment_id
		),
		handed AS (
			SELECT a.assignment_id, sum(a.submissions) AS submissions, count(*) AS submitters, sum(a.seconds) AS seconds, sum(a.timed) AS timed,
				sum(100 * a.grade / nullif(q.max_grade, 0)) AS score, count(100 * a.grade / nullif(q.max_grade, 0)) AS graded
			FROM versions a JOIN assignments q ON q.id = a.assignment_id` + taken + ` GROUP BY a.assignment_id
		)
		SELECT q.id, q.course_id, q.name, c.name AS course_name, coalesce(h.submissions, 0) AS submissions, ` + mean(`h.score`, `h.graded`) + ` AS average_score,
			` + share(`h.submitters`, `n.learners`) + ` AS submission_rate, ` + minutes(`h.seconds`, `h.timed`) + ` AS average_minutes
		FROM courses c JOIN assignments q ON q.course_id = c.id LEFT JOIN counted n ON n.course_id = c.id LEFT JOIN handed h ON h.assignment_id = q.id` +
		shown(scope) + ` ORDER BY lower(q.name) COLLATE "C", q.id`
}
