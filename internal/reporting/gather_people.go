package reporting

import (
	"context"

	"quad/internal/store"
)

// formsOf is the forms of the scope.
var formsOf = `f.account_id = @account_id AND f.deleted_at IS NULL AND ` + ofScope("f.organization_id")

// What was handed in in the period, and what was asked for in it.
var (
	handedIn = inPeriod("CAST(s.submitted_at AT TIME ZONE 'UTC' AS date)")
	askedFor = inPeriod("CAST(a.assigned_at AT TIME ZONE 'UTC' AS date)")
)

var formRows = `
SELECT f.name, f.status, s.submissions, s.people, a.assigned, a.answered, a.overdue, CASE WHEN a.assigned > 0 THEN round(100.0 * a.answered / a.assigned, 1) END, s.last
FROM surveys f
CROSS JOIN LATERAL (SELECT count(*) AS submissions, count(DISTINCT s.user_id) AS people, max(CAST(s.submitted_at AT TIME ZONE 'UTC' AS date)) AS last
    FROM survey_submissions s WHERE s.survey_id = f.id AND ` + handedIn + `) s
CROSS JOIN LATERAL (SELECT count(*) AS assigned, count(*) FILTER (WHERE x.answered) AS answered,
        count(*) FILTER (WHERE NOT x.answered AND x.due_on < CAST(@today AS date)) AS overdue
    FROM (SELECT a.due_on, EXISTS (SELECT FROM survey_submissions h WHERE h.survey_id = a.survey_id AND h.user_id = a.user_id) AS answered
        FROM survey_assignments a WHERE a.survey_id = f.id AND ` + askedFor + `) x) a
WHERE ` + formsOf + `
ORDER BY s.submissions DESC, f.name, f.id`

var formFacts = `
SELECT count(*) AS submissions, count(DISTINCT s.user_id) AS people, count(DISTINCT s.survey_id) AS forms
FROM survey_submissions s JOIN surveys f ON f.id = s.survey_id WHERE ` + formsOf + ` AND ` + handedIn

var assignedFacts = `
SELECT count(*) AS assigned, count(*) FILTER (WHERE x.answered) AS answered, count(*) FILTER (WHERE NOT x.answered AND x.due_on < CAST(@today AS date)) AS overdue
FROM (SELECT a.due_on, EXISTS (SELECT FROM survey_submissions h WHERE h.survey_id = a.survey_id AND h.user_id = a.user_id) AS answered
    FROM survey_assignments a JOIN surveys f ON f.id = a.survey_id WHERE ` + formsOf + ` AND ` + askedFor + `) x`

var formMonths = `
SELECT to_char(s.submitted_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) AS submissions
FROM survey_submissions s JOIN surveys f ON f.id = s.survey_id WHERE ` + formsOf + ` AND ` + handedIn + ` GROUP BY 1 ORDER BY 1`

// formResponses is who answers which forms.
func formResponses(ctx context.Context, g *gathering) error {
	type submitted struct{ Submissions, People, Forms int64 }
	read := func(args store.Args) (out submitted, err error) {
		return out, g.s.d.DB.Query(ctx, &out, formFacts, args)
	}
	now, err := read(g.args)
	if err != nil {
		return err
	}
	var submissions, people *float64
	if g.before != nil {
		was, err := read(g.periodArgs(*g.before))
		if err != nil {
			return err
		}
		submissions, people = new(float64(was.Submissions)), new(float64(was.People))
	}
	var asked struct{ Assigned, Answered, Overdue int64 }
	if err := g.s.d.DB.Query(ctx, &asked, assignedFacts, g.args); err != nil {
		return err
	}
	g.fact(Fact{Key: "submissions", Name: "Submissions", Kind: KindCount, Value: float64(now.Submissions), Good: 1}, submissions)
	g.fact(Fact{Key: "people", Name: "People who answered", Kind: KindCount, Value: float64(now.People), Good: 1}, people)
	g.fact(Fact{Key: "forms", Name: "Forms answered", Kind: KindCount, Value: float64(now.Forms)}, nil)
	g.fact(Fact{Key: "assigned", Name: "Assignments", Kind: KindCount, Value: float64(asked.Assigned)}, nil)
	g.fact(Fact{Key: "answered", Name: "Assignments answered", Kind: KindCount, Value: float64(asked.Answered)}, nil)
	g.fact(Fact{Key: "answer_rate", Name: "Answer rate", Kind: KindRate, Value: share(float64(asked.Answered), float64(asked.Assigned)), Good: 1}, nil)
	g.fact(Fact{Key: "overdue", Name: "Overdue answers", Kind: KindCount, Value: float64(asked.Overdue), Good: -1}, nil)
	if asked.Overdue > 0 {
		g.say("%s overdue.", countOf(float64(asked.Overdue), "assigned answer is", "assigned answers are"))
	}
	g.table("Forms", Column{"Form", KindText}, Column{"Status", KindText}, Column{"Submissions", KindCount}, Column{"People", KindCount},
		Column{"Assigned", KindCount}, Column{"Answered", KindCount}, Column{"Overdue", KindCount}, Column{"Answer rate", KindRate}, Column{"Last answer", KindDay})
	if err := g.query(ctx, g.s.d.DB, formRows, g.args); err != nil {
		return err
	}
	forms := g.data.Tables[0]
	g.chart(bars("Submissions by form", KindCount, "Submissions", column(forms, 0), values(forms, 2)))
	var months []struct {
		Month       string
		Submissions int64
	}
	if err := g.s.d.DB.Query(ctx, &months, formMonths, g.args); err != nil {
		return err
	}
	g.table("Month by month", Column{"Month", KindText}, Column{"Submissions", KindCount})
	c := Chart{Title: "Submissions by month", Kind: KindCount, Lines: true, Series: []Series{{Name: "Submissions", Values: []float64{}}}}
	for i, m := range months {
		if err := g.row(m.Month, float64(m.Submissions)); err != nil {
			return err
		}
		if i >= len(months)-mostMonths {
			c.Labels, c.Series[0].Values = append(c.Labels, monthName(m.Month)), append(c.Series[0].Values, float64(m.Submissions))
		}
	}
	if len(c.Labels) > 1 {
		g.chart(c)
	}
	return nil
}

// memberOf is the condition that a person u is a member of an organization of
// the scope.
const memberOf = `(@all OR u.organization_id = ANY(CAST(@organizations AS bigint[]))
    OR EXISTS (SELECT FROM user_organizations m WHERE m.user_id = u.id AND m.organization_id = ANY(CAST(@organizations AS bigint[]))))`

var enrolledIn = inPeriod("CAST(e.enrolled_at AT TIME ZONE 'UTC' AS date)")

// learnersOf is the learners of the scope with their enrolments.
var learnersOf = `
FROM users u CROSS JOIN LATERAL (
    SELECT count(*) AS enrolments, count(e.completed_at) AS completed, round(avg(e.progress), 1) AS progress, avg(e.score) AS mean,
        max(CAST(e.last_progress_at AT TIME ZONE 'UTC' AS date)) AS last
    FROM enrollments e WHERE e.account_id = @account_id AND e.user_id = u.id AND e.learner AND ` + enrolledIn + `) e
WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND e.enrolments > 0 AND ` + memberOf

var learnerRows = `
SELECT u.name, e.enrolments, e.completed, round(100.0 * e.completed / e.enrolments, 1), e.progress, round(CAST(e.mean AS numeric), 1), e.last` + learnersOf + `
ORDER BY e.mean NULLS LAST, u.name, u.id`

var learnerFacts = `
SELECT count(*) AS learners, COALESCE(sum(e.enrolments), 0) AS enrolments, COALESCE(sum(e.completed), 0) AS completed,
    count(*) FILTER (WHERE e.completed = e.enrolments) AS finished, count(*) FILTER (WHERE e.progress = 0) AS idle,
    count(*) FILTER (WHERE e.mean < 70) AS support` + learnersOf

// learnerProgress is how far each learner has come. It is the one report that
// has learners' names.
func learnerProgress(ctx context.Context, g *gathering) error {
	var f struct{ Learners, Enrolments, Completed, Finished, Idle, Support int64 }
	if err := g.s.d.DB.Query(ctx, &f, learnerFacts, g.args); err != nil {
		return err
	}
	for _, fact := range []Fact{
		{Key: "learners", Name: "Learners", Kind: KindCount, Value: float64(f.Learners)},
		{Key: "enrollments", Name: "Enrolments", Kind: KindCount, Value: float64(f.Enrolments)},
		{Key: "completions", Name: "Completions", Kind: KindCount, Value: float64(f.Completed)},
		{Key: "completion_rate", Name: "Completion rate", Kind: KindRate, Value: share(float64(f.Completed), float64(f.Enrolments)), Good: 1},
		{Key: "finished", Name: "Learners who completed everything", Kind: KindCount, Value: float64(f.Finished), Good: 1},
		{Key: "idle", Name: "Learners who have not begun", Kind: KindCount, Value: float64(f.Idle), Good: -1},
		{Key: "needs_support", Name: "Learners who need support", Kind: KindCount, Value: float64(f.Support), Good: -1},
	} {
		g.fact(fact, nil)
	}
	g.table("Learners, the lowest mean scores first", Column{"Learner", KindText}, Column{"Enrolments", KindCount}, Column{"Completions", KindCount},
		Column{"Completion rate", KindRate}, Column{"Progress", KindRate}, Column{"Mean score", KindRate}, Column{"Last activity", KindDay})
	if err := g.query(ctx, g.s.d.DB, learnerRows, g.args); err != nil {
		return err
	}
	g.chart(Chart{Title: "Learners by completion", Kind: KindCount, Labels: []string{"Not begun", "Under way", "All completed"},
		Series: []Series{{Name: "Learners", Values: []float64{float64(f.Idle), float64(f.Learners - f.Idle - f.Finished), float64(f.Finished)}}}})
	var names []string
	for _, row := range g.data.Tables[0].Rows {
		if score, graded := row[5].(float64); graded && score < supportScore && len(names) < 5 {
			names = append(names, text(row[0])+" ("+number(KindRate, score)+")")
		}
	}
	if len(names) > 0 {
		g.say("The lowest mean scores: %s.", join(names))
	}
	return nil
}

// holdersOf is the certificates of the scope's people, in the state that they
// are in at the moment of the figures.
var holdersOf = `
FROM user_certificates l JOIN users u ON u.id = l.user_id JOIN certificates c ON c.id = l.certificate_id
CROSS JOIN LATERAL (SELECT certificate_state(l.state, l.warns_at, l.expires_at, CAST(@now AS timestamptz)) AS state) s
WHERE l.account_id = @account_id AND u.status <> 'DELETED' AND ` + memberOf

const stateCounts = `count(*) AS people, count(*) FILTER (WHERE l.required) AS required,
    count(*) FILTER (WHERE s.state IN ('CERTIFIED', 'ABOUT_TO_EXPIRE')) AS certified,
    count(*) FILTER (WHERE l.required AND s.state IN ('CERTIFIED', 'ABOUT_TO_EXPIRE')) AS compliant,
    count(*) FILTER (WHERE s.state = 'ABOUT_TO_EXPIRE') AS expiring, count(*) FILTER (WHERE s.state = 'EXPIRED') AS expired,
    count(*) FILTER (WHERE s.state = 'REVOKED') AS revoked,
    count(*) FILTER (WHERE s.state IN ('INIT', 'IN_PROGRESS', 'AWAITS_LEARNER_CONFIRMATION')) AS under_way`

var complianceFacts = `SELECT ` + stateCounts + holdersOf

var complianceRows = `
SELECT x.name, x.people, x.required, x.compliant, CASE WHEN x.required > 0 THEN round(100.0 * x.compliant / x.required, 1) END,
    x.certified, x.expiring, x.expired, x.revoked, x.under_way
FROM (SELECT c.id, c.name, ` + stateCounts + holdersOf + ` GROUP BY c.id, c.name) x
ORDER BY x.required - x.compliant DESC, x.name, x.id`

// certificateCompliance is who holds the certificates that are required of
// them. It is about the moment, whatever the period.
func certificateCompliance(ctx context.Context, g *gathering) error {
	var f struct{ People, Required, Certified, Compliant, Expiring, Expired, Revoked, UnderWay int64 }
	if err := g.s.d.DB.Query(ctx, &f, complianceFacts, g.args); err != nil {
		return err
	}
	for _, fact := range []Fact{
		{Key: "required", Name: "Certificates required of people", Kind: KindCount, Value: float64(f.Required)},
		{Key: "compliant", Name: "Of these held now", Kind: KindCount, Value: float64(f.Compliant), Good: 1},
		{Key: "compliance_rate", Name: "Compliance", Kind: KindRate, Value: share(float64(f.Compliant), float64(f.Required)), Good: 1},
		{Key: "certified", Name: "Certificates held in all", Kind: KindCount, Value: float64(f.Certified)},
		{Key: "expiring", Name: "About to expire", Kind: KindCount, Value: float64(f.Expiring), Good: -1},
		{Key: "expired", Name: "Expired", Kind: KindCount, Value: float64(f.Expired), Good: -1},
		{Key: "revoked", Name: "Revoked", Kind: KindCount, Value: float64(f.Revoked)},
		{Key: "under_way", Name: "Under way", Kind: KindCount, Value: float64(f.UnderWay)},
	} {
		g.fact(fact, nil)
	}
	held := f.Certified - f.Expiring
	g.chart(Chart{Title: "Certificates by state", Kind: KindCount, Labels: []string{"Under way", "Held", "About to expire", "Expired", "Revoked"},
		Series: []Series{{Name: "Certificates", Values: []float64{float64(f.UnderWay), float64(held), float64(f.Expiring), float64(f.Expired), float64(f.Revoked)}}}})
	g.table("Certificates, the most missing first", Column{"Certificate", KindText}, Column{"People", KindCount}, Column{"Required", KindCount}, Column{"Of these held", KindCount},
		Column{"Compliance", KindRate}, Column{"Held", KindCount}, Column{"About to expire", KindCount}, Column{"Expired", KindCount}, Column{"Revoked", KindCount}, Column{"Under way", KindCount})
	if err := g.query(ctx, g.s.d.DB, complianceRows, g.args); err != nil {
		return err
	}
	if missing := f.Required - f.Compliant; missing > 0 {
		g.say("%s not held now.", countOf(float64(missing), "required certificate is", "required certificates are"))
		if rows := g.data.Tables[0].Rows; len(rows) > 0 {
			g.say("Most of them are missing of %s.", text(rows[0][0]))
		}
	}
	if f.Expiring > 0 {
		g.say("%s about to expire.", countOf(float64(f.Expiring), "certificate is", "certificates are"))
	}
	return nil
}
