package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quad/internal/learning/figures"
	"quad/internal/store"
	"quad/models"
)

// How much the figures are computed over: a learner is in five courses.
const (
	misTenants       = 100
	misCourses       = 1_000
	misCoursesOfEach = 5
)

// figureData are $n learners of 100 tenants, each twentieth of two of them, with
// five courses each, of which they have completed most, an attempt of a quiz in
// each second one and what they have handed in in each fourth. The rows are too
// many to look for each one's parents in other tables.
var figureData = []string{
	`SET session_replication_role = replica`,
	fmt.Sprintf(`INSERT INTO organizations (account_id, name, code) SELECT $account, 'Tenant ' || n, 'tenant-' || n FROM generate_series(1, %d) n`, misTenants),
	fmt.Sprintf(`INSERT INTO courses (account_id, identifier, name, type) SELECT $account, 'figures-' || n, 'Course ' || n, 'COURSE' FROM generate_series(1, %d) n`, misCourses),
	`INSERT INTO users (account_id, organization_id, email, name, status)
		SELECT $account, o.ids[1 + n % cardinality(o.ids)], 'learner-' || n || '@figures.example', 'Learner ' || n, CASE WHEN n % 200 = 7 THEN 'DELETED' ELSE 'ACTIVE' END
		FROM generate_series(1, $n) n, (SELECT array_agg(id ORDER BY id) AS ids FROM organizations WHERE account_id = $account AND code LIKE 'tenant-%') o`,
	`INSERT INTO user_organizations (account_id, user_id, organization_id) SELECT u.account_id, u.id, o.ids[1 + (u.id * 7 + 3) % cardinality(o.ids)]
		FROM users u, (SELECT array_agg(id ORDER BY id) AS ids FROM organizations WHERE account_id = $account AND code LIKE 'tenant-%') o
		WHERE u.account_id = $account AND u.email LIKE '%@figures.example' AND u.id % 20 = 0 ON CONFLICT DO NOTHING`,
	fmt.Sprintf(`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, progress, score, first_completed_at, last_completed_at, last_progress_at,
			enrolled_at, created_at, seconds_spent)
		SELECT $account, c.ids[1 + (u.id * 31 + k * 197) %% cardinality(c.ids)], u.id, true, true, p.progress, (hashtext(u.id || ' ' || k) & 65535) %% 5000 / 50.0,
			p.at, p.at, t.at, t.at, t.at, (u.id * 97 + k * 1013) %% 20000
		FROM users u, generate_series(1, %d) k, (SELECT array_agg(id ORDER BY id) AS ids FROM courses WHERE account_id = $account AND identifier LIKE 'figures-%%') c,
			LATERAL (SELECT now() - (u.id * 13 + k * 311) %% 1500 * interval '1 day' - interval '12 days' AS at) t,
			LATERAL (SELECT CASE WHEN (u.id + k) %% 5 < 3 THEN 100 ELSE 40 END AS progress, CASE WHEN (u.id + k) %% 5 < 3 THEN t.at + interval '10 days' END AS at) p
		WHERE u.account_id = $account AND u.email LIKE '%%@figures.example'`, misCoursesOfEach),
	`INSERT INTO quizzes (account_id, course_id, name, max_points) SELECT account_id, id, 'Quiz of ' || name, 10 FROM courses WHERE account_id = $account AND identifier LIKE 'figures-%'`,
	`INSERT INTO quiz_attempts (account_id, quiz_id, user_id, points, started_at, finished_at)
		SELECT e.account_id, q.id, e.user_id, e.score / 10, e.enrolled_at, e.enrolled_at + interval '20 minutes' FROM enrollments e JOIN quizzes q USING (course_id)
		WHERE e.account_id = $account AND e.id % 2 = 0`,
	`INSERT INTO assignments (account_id, course_id, name, max_grade) SELECT account_id, id, 'Task of ' || name, 20 FROM courses WHERE account_id = $account AND identifier LIKE 'figures-%'`,
	`INSERT INTO assignment_submissions (account_id, assignment_id, user_id, started_at, submitted_at, grade)
		SELECT e.account_id, a.id, e.user_id, e.enrolled_at, e.enrolled_at + interval '2 hours', e.score / 5 FROM enrollments e JOIN assignments a USING (course_id)
		WHERE e.account_id = $account AND e.id % 4 = 0`,
	`SET session_replication_role = DEFAULT`,
	`VACUUM ANALYZE`,
}

// misFigure is a figure of the MIS door, and the same asked of its area in a
// transaction: the statement alone.
type misFigure struct {
	name, path string
	alone      func(ctx context.Context, s *figures.Service, scope figures.Scope) error
}

// alone makes a misFigure's one of a method.
func alone[T any](method func(s *figures.Service, ctx context.Context, scope figures.Scope, p figures.Period) (T, error)) func(context.Context, *figures.Service, figures.Scope) error {
	return func(ctx context.Context, s *figures.Service, scope figures.Scope) error {
		_, err := method(s, ctx, scope, figures.Period{})
		return err
	}
}

var misFigures = []misFigure{
	{"KPIs", "/mis/etl/kpis", alone((*figures.Service).Training)},
	{"course performance", "/mis/etl/course-performance", alone((*figures.Service).Courses)},
	{"program KPIs", "/mis/bi/kpis", alone((*figures.Service).Program)},
	{"trends", "/mis/bi/trends", func(ctx context.Context, s *figures.Service, scope figures.Scope) error {
		_, err := s.Trends(ctx, scope, 6)
		return err
	}},
	{"course analytics", "/mis/bi/course-analytics", alone((*figures.Service).Courses)},
	{"summary", "/mis/bi/performance-summary", alone((*figures.Service).Summary)},
	{"grades", "/mis/bi/grade-distribution", alone((*figures.Service).Grades)},
	{"quizzes", "/mis/bi/quiz-performance", alone((*figures.Service).Quizzes)},
	{"assignments", "/mis/bi/assignment-performance", alone((*figures.Service).Assignments)},
}

// misCaller is somebody who asks for figures.
type misCaller struct {
	who   string
	email string
	scope figures.Scope
}

// misBench measures figures.
type misBench struct {
	*stack
	learners int
	ctx      context.Context //nolint:containedctx // of the account, for the statements alone
	callers  []misCaller     // who sees all, one tenant, three tenants
	root     context.Context //nolint:containedctx // of who sees all
}

// benchMISFigures compares each figure of the MIS door with its statement alone:
// of everybody as the first answer of an api that has just started, since it
// keeps those, and of one and of three tenants; then how many KPIs it answers.
func benchMISFigures(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	say("  making %s enrolments of %s learners", plain(float64(size.learners*misCoursesOfEach)), plain(float64(size.learners)))
	if err := s.execAll(ctx, figureData, s.account.ID, size.learners); err != nil {
		return nil, err
	}
	b := &misBench{stack: s, learners: size.learners, ctx: store.WithAccount(ctx, s.account.ID)}
	if err := b.people(ctx); err != nil {
		return nil, err
	}
	rows, err := b.first(ctx, size.rounds)
	if err != nil {
		return nil, err
	}
	url, stop, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	row, err := b.kept(ctx, url)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	rows = append(rows, row)
	for _, caller := range b.callers[1:] {
		row, err := b.slowest(ctx, url, caller, size.rounds)
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		rows = append(rows, row)
	}
	for _, caller := range b.callers {
		row, err := b.load(ctx, url, caller, size)
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		rows = append(rows, row)
	}
	if err := stop(); err != nil {
		return nil, err
	}
	if row, err = b.report(ctx, size.rounds); err != nil {
		return nil, err
	}
	return append(rows, row), nil
}

// people makes those who ask.
func (b *misBench) people(ctx context.Context) error {
	var tenants []int64
	if err := b.hub.DB.Query(b.ctx, &tenants, `SELECT id FROM organizations WHERE account_id = @account_id AND code LIKE 'tenant-%' ORDER BY id LIMIT 4`, nil); err != nil {
		return err
	}
	for _, c := range []struct {
		who, name, role string
		tenants         []int64
	}{
		{"everybody", "figures-root", models.RoleAdmin, nil}, {"a tenant", "figures-one", models.RoleReportViewer, tenants[:1]},
		{"three tenants", "figures-three", models.RoleReportViewer, tenants[1:]},
	} {
		user, err := b.person(ctx, c.name, c.role)
		if err != nil {
			return err
		}
		for _, tenant := range c.tenants {
			if _, err := b.hub.DB.Exec(b.ctx, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @tenant)`,
				store.Args{"user": user.ID, "tenant": tenant}); err != nil {
				return err
			}
		}
		if c.tenants == nil {
			b.root = actAs(ctx, user, models.RoleAdmin)
		}
		b.callers = append(b.callers, misCaller{who: c.who, email: *user.Email, scope: figures.Scope{All: c.tenants == nil, Organizations: c.tenants}})
	}
	return nil
}

// alone times the statement of a figure, in a transaction, where nothing is kept.
func (b *misBench) alone(f misFigure, scope figures.Scope) (time.Duration, error) {
	begin := time.Now()
	err := b.hub.DB.InTx(b.ctx, func(ctx context.Context) error { return f.alone(ctx, b.hub.Figures, scope) })
	return time.Since(begin), err
}

// door times the answer of the door, and tells how old it says that it is; below
// 0: it was computed for this request.
func (b *misBench) door(ctx context.Context, url, token string, f misFigure) (took time.Duration, age int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+f.path, http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	begin := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	text, err := io.ReadAll(answer.Body)
	took = time.Since(begin)
	switch err := errors.Join(err, answer.Body.Close()); {
	case err != nil:
		return 0, 0, err
	case answer.StatusCode != http.StatusOK || !json.Valid(text):
		return 0, 0, fmt.Errorf("%s answers %s: %.300s", f.path, answer.Status, text)
	}
	age = -1
	if told := answer.Header.Get("X-Data-Age"); told != "" {
		age, err = strconv.Atoi(told)
	}
	return took, age, err
}

// token signs somebody in.
func (b *misBench) token(ctx context.Context, url, email string) (string, error) {
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"accessToken"`
	}
	if err = call(ctx, http.MethodPost, url+"/mis/auth/login", "", body, &answer); err == nil && answer.AccessToken == "" {
		err = errors.New("sign-in gives no token")
	}
	return answer.AccessToken, err
}

// timed are the rounds of a figure, in milliseconds.
type timed struct{ values, limits, ratios []float64 }

func (t *timed) add(value, limit time.Duration) {
	t.values, t.limits = append(t.values, value.Seconds()*1e3), append(t.limits, limit.Seconds()*1e3)
	t.ratios = append(t.ratios, value.Seconds()/limit.Seconds())
}

func (t *timed) row(name, note string) Row {
	row := Row{Name: name, Value: median(t.values), Unit: "ms", Note: note}
	return row.against(median(t.limits), t.ratios)
}

// misLimit is how long an answer may take, in milliseconds, and keptAge how old
// one may be that was kept, in seconds.
const misLimit, keptAge = 300, 60

// first times the first answers about everybody, each of an api of its own.
func (b *misBench) first(ctx context.Context, rounds int) ([]Row, error) {
	all := make([]timed, len(misFigures))
	everybody := b.callers[0]
	for range rounds {
		url, stop, err := b.api(ctx)
		if err != nil {
			return nil, err
		}
		token, err := b.token(ctx, url, everybody.email)
		for i := 0; err == nil && i < len(misFigures); i++ {
			var limit, value time.Duration
			if limit, err = b.alone(misFigures[i], everybody.scope); err == nil {
				value, _, err = b.door(ctx, url, token, misFigures[i])
				all[i].add(value, limit)
			}
		}
		if err := errors.Join(err, stop()); err != nil {
			return nil, err
		}
	}
	var rows []Row
	for i, f := range misFigures {
		if f.name == "course analytics" {
			continue // the same figures as course performance, which the api has kept by then
		}
		rows = append(rows, all[i].row("mis "+f.name+" of everybody, first", fmt.Sprintf("%s enrolments; limit: its SQL alone", plain(float64(b.learners*misCoursesOfEach)))).judge(ratioAtMost(2)))
	}
	return rows, nil
}

// slowest times all figures of somebody's tenants and gives the slowest of them.
func (b *misBench) slowest(ctx context.Context, url string, caller misCaller, rounds int) (row Row, err error) {
	token, err := b.token(ctx, url, caller.email)
	if err != nil {
		return row, err
	}
	for _, f := range misFigures {
		var t timed
		for range rounds + 1 {
			limit, err := b.alone(f, caller.scope)
			if err != nil {
				return row, err
			}
			value, _, err := b.door(ctx, url, token, f)
			if err != nil {
				return row, err
			}
			t.add(value, limit)
		}
		t.values, t.limits, t.ratios = t.values[1:], t.limits[1:], t.ratios[1:] // the first one warms
		if r := t.row("mis figures of "+caller.who+", slowest", "it is "+f.name+"; limit: its SQL alone").judge(under(misLimit), ratioAtMost(2)); r.Value > row.Value {
			row = r
		}
	}
	return row, nil
}

// kept asks for all figures of everybody, and again when the first answers are too
// old to be given: who looked within the last minutes does not wait again. It
// gives the slowest of these.
func (b *misBench) kept(ctx context.Context, url string) (row Row, err error) {
	token, err := b.token(ctx, url, b.callers[0].email)
	if err != nil {
		return row, err
	}
	for _, f := range misFigures {
		if _, _, err := b.door(ctx, url, token, f); err != nil {
			return row, err
		}
	}
	say("  waiting until what was kept is too old")
	select {
	case <-time.After((keptAge + 10) * time.Second):
	case <-ctx.Done():
		return row, ctx.Err()
	}
	oldest := 0
	for _, f := range misFigures {
		took, age, err := b.door(ctx, url, token, f)
		if err != nil {
			return row, err
		}
		if age > keptAge {
			return row, fmt.Errorf("%s is %d s old", f.name, age)
		}
		oldest = max(oldest, age)
		if ms := took.Seconds() * 1e3; ms > row.Value {
			row = Row{Name: "mis figures of everybody, asked again after 70 s, slowest", Value: ms, Unit: "ms", Note: "it is " + f.name}
		}
	}
	row.Note += fmt.Sprintf("; the oldest says that it is %d s old", oldest)
	return row.judge(under(misLimit)), nil
}

// load asks for the KPIs from all connections. The limit is how often the
// statement alone runs, from as many.
func (b *misBench) load(ctx context.Context, url string, caller misCaller, size sizes) (Row, error) {
	token, err := b.token(ctx, url, caller.email)
	if err != nil {
		return Row{}, err
	}
	l := load{
		Host: strings.TrimPrefix(url, "http://"), Connections: size.connections, Time: size.doorTime,
		Targets: []target{{Path: misFigures[0].path, Header: "Authorization", Token: token, Expect: `"totalTrainees":`}},
	}
	var values, limits, ratios []float64
	for range size.doorRounds {
		limit, err := b.statements(caller, size)
		if err != nil {
			return Row{}, err
		}
		value, err := l.run(ctx)
		if err != nil {
			return Row{}, err
		}
		values, limits, ratios = append(values, value.perSecond()), append(limits, limit), append(ratios, value.perSecond()/limit)
	}
	row := Row{Name: "mis KPIs of " + caller.who, Value: median(values), Unit: "req/s", Note: fmt.Sprintf("%d connections; limit: its SQL alone", size.connections)}
	return row.against(median(limits), ratios).judge(ratioAtLeast(0.5)), nil
}

// statements tells how often the KPIs' statement runs in a second.
func (b *misBench) statements(caller misCaller, size sizes) (float64, error) {
	var done atomic.Int64
	failures := make(chan error, size.connections)
	var group sync.WaitGroup
	begin := time.Now()
	for range size.connections {
		group.Go(func() {
			for time.Since(begin) < size.doorTime {
				if _, err := b.alone(misFigures[0], caller.scope); err != nil {
					failures <- err
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	close(failures)
	return float64(done.Load()) / time.Since(begin).Seconds(), <-failures
}
