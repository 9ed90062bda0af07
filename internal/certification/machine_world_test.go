package certification

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// mill is an account with a clock that only the test moves. Courses, people and
// enrolments are written to the tables as their areas do it. Temporal is
// absent: sweeps run when the test lets them.
type mill struct {
	*Service
	t    testing.TB
	db   *store.DB
	now  time.Time
	home int64 // the default organization

	ctx     context.Context // the hub's own work
	admin   context.Context
	account int64
	people  int
}

func newMill(t testing.TB) *mill {
	t.Helper()
	return newMillOn(t, nil)
}

// newMillOn is newMill with a tracer of its statements.
func newMillOn(t testing.TB, tracer pgx.QueryTracer) *mill {
	t.Helper()
	m := &mill{t: t, now: at("2026-01-31T10:00:00Z")}
	var err error
	m.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 20, Name: "certification-test", Tracer: tracer})
	require.NoError(t, err)
	t.Cleanup(m.db.Close)
	mails, err := notify.New(notify.Deps{DB: m.db})
	require.NoError(t, err)
	d := Deps{
		DB: m.db, Process: process.NewService(process.Deps{DB: m.db}), Notify: mails, PublicURL: "https://hub.test",
		Config: config.Certificates{ReminderDays: []int{30, 7, 1}}, Clock: func() time.Time { return m.now },
	}
	m.Service, err = New(d)
	require.NoError(t, err)
	system := store.AsSystem(t.Context())
	account := models.Account{Name: "Mill", Status: models.StatusActive, IsDefault: true}
	require.NoError(t, m.db.Conn(system).Create(&account).Error)
	m.account = account.ID
	m.ctx = store.WithAccount(t.Context(), m.account)
	home := models.Organization{Name: "Home", Code: "home", Status: models.StatusActive, IsDefault: true}
	require.NoError(t, m.db.Conn(m.ctx).Create(&home).Error)
	m.home = home.ID
	m.admin = m.as(m.person("Admin"), models.RoleAdmin)
	return m
}

func at(text string) time.Time {
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return moment.UTC()
}

// as is the context of a request that a person makes.
func (m *mill) as(user int64, roles ...string) context.Context {
	return auth.WithPrincipal(m.t.Context(), auth.Principal{AccountID: m.account, UserID: user, OrganizationID: m.home, Door: "test", Roles: roles})
}

// id runs a statement that gives one id.
func (m *mill) id(text string, args store.Args) (id int64) {
	m.t.Helper()
	require.NoError(m.t, m.db.Query(m.ctx, &id, text, args))
	require.NotZero(m.t, id)
	return id
}

func (m *mill) exec(text string, args store.Args) int64 {
	m.t.Helper()
	n, err := m.db.Exec(m.ctx, text, args)
	require.NoError(m.t, err)
	return n
}

func (m *mill) person(name string) int64 {
	m.t.Helper()
	m.people++
	return m.id(`INSERT INTO users (account_id, organization_id, name, email, status, identifier)
		VALUES (@account_id, @home, @name, @email, 'ACTIVE', @email) RETURNING id`,
		store.Args{"home": m.home, "name": name, "email": fmt.Sprintf("person-%d@mill.test", m.people)})
}

func (m *mill) course(name string) int64 {
	m.t.Helper()
	return m.id(`INSERT INTO courses (account_id, identifier, name, type) VALUES (@account_id, @name, @name, 'COURSE') RETURNING id`, store.Args{"name": name})
}

// certificate defines one; validity is like "1 YEAR", "" for ever.
func (m *mill) certificate(name, validity string, asks bool, courses ...int64) int64 {
	m.t.Helper()
	after, unit := parseValidity(validity)
	id := m.id(`INSERT INTO certificates (account_id, identifier, name, expires_after, expires_unit, asks_confirmation)
		VALUES (@account_id, @name, @name, @after, @unit, @asks) RETURNING id`, store.Args{"name": name, "after": after, "unit": unit, "asks": asks})
	m.courses(id, courses...)
	return id
}

func parseValidity(text string) (after *int, unit *models.ValidityUnit) {
	if text == "" {
		return nil, nil
	}
	var n int
	var u models.ValidityUnit
	if _, err := fmt.Sscan(text, &n, &u); err != nil {
		panic(err)
	}
	return &n, &u
}

func (m *mill) courses(certificate int64, courses ...int64) {
	m.t.Helper()
	m.exec(`DELETE FROM certificate_courses WHERE account_id = @account_id AND certificate_id = @id`, store.Args{"id": certificate})
	for i, course := range courses {
		m.exec(`INSERT INTO certificate_courses (account_id, certificate_id, course_id, position) VALUES (@account_id, @id, @course, @position)`,
			store.Args{"id": certificate, "course": course, "position": i})
	}
}

// redefine changes a certificate as its administrators do.
func (m *mill) redefine(certificate int64, validity string, asks bool, courses ...int64) {
	m.t.Helper()
	after, unit := parseValidity(validity)
	require.NoError(m.t, m.db.InTx(m.ctx, func(ctx context.Context) error {
		_, err := m.db.Exec(ctx, `UPDATE certificates SET expires_after = @after, expires_unit = @unit, asks_confirmation = @asks
			WHERE account_id = @account_id AND id = @id`, store.Args{"id": certificate, "after": after, "unit": unit, "asks": asks})
		if err != nil {
			return err
		}
		if len(courses) > 0 {
			m.courses(certificate, courses...)
		}
		return nil
	}))
	require.NoError(m.t, m.Reevaluate(m.ctx, certificate))
}

// enrol makes a person a learner.
func (m *mill) enrol(user, course int64) {
	m.t.Helper()
	m.exec(`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner) VALUES (@account_id, @course, @user, true, true)
		ON CONFLICT (user_id, course_id) DO UPDATE SET direct_learner = true, learner = true, ended_at = NULL`, store.Args{"course": course, "user": user})
	require.NoError(m.t, m.Follow(m.ctx, []int64{user}, []int64{course}))
}

func (m *mill) unenrol(user, course int64) {
	m.t.Helper()
	m.exec(`UPDATE enrollments SET direct_learner = false, learner = false, ended_at = @now WHERE account_id = @account_id AND course_id = @course AND user_id = @user`,
		store.Args{"course": course, "user": user, "now": m.now})
	require.NoError(m.t, m.Follow(m.ctx, []int64{user}, []int64{course}))
}

// progress reports where a learner stands now.
func (m *mill) progress(user, course int64, percent int) {
	m.t.Helper()
	m.exec(`UPDATE enrollments SET progress = @percent, last_progress_at = @now,
			first_completed_at = CASE WHEN @percent = 100 THEN coalesce(first_completed_at, @now) ELSE first_completed_at END,
			last_completed_at = CASE WHEN @percent = 100 THEN @now ELSE last_completed_at END
		WHERE account_id = @account_id AND course_id = @course AND user_id = @user`,
		store.Args{"course": course, "user": user, "percent": percent, "now": m.now})
	require.NoError(m.t, m.Follow(m.ctx, []int64{user}, []int64{course}))
}

// find reads the row of a person's certificate, nil if there is none.
func (m *mill) find(user, certificate int64) *models.UserCertificate {
	m.t.Helper()
	var rows []models.UserCertificate
	require.NoError(m.t, m.db.Query(m.ctx, &rows, `SELECT * FROM user_certificates WHERE account_id = @account_id AND user_id = @user AND certificate_id = @certificate`,
		store.Args{"user": user, "certificate": certificate}))
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// get is find for one that must be there.
func (m *mill) get(user, certificate int64) models.UserCertificate {
	m.t.Helper()
	l := m.find(user, certificate)
	require.NotNil(m.t, l)
	return *l
}

// state is what is shown of a person's certificate; "" for none.
func (m *mill) state(user, certificate int64) models.CertificateState {
	m.t.Helper()
	l := m.find(user, certificate)
	if l == nil {
		return ""
	}
	var sql models.CertificateState
	require.NoError(m.t, m.db.Query(m.ctx, &sql, `SELECT certificate_state(state, warns_at, expires_at, @now) FROM user_certificates
		WHERE account_id = @account_id AND id = @id`, store.Args{"now": m.now, "id": l.ID}))
	require.Equal(m.t, l.StateAt(m.now), sql)
	return sql
}

// path is the ledger of a person's certificate: "INIT IN_PROGRESS …", "-" for
// its end.
func (m *mill) path(user, certificate int64) string {
	m.t.Helper()
	var path string
	require.NoError(m.t, m.db.Query(m.ctx, &path, `SELECT coalesce(string_agg(coalesce(to_state, '-'), ' ' ORDER BY id), '') FROM certificate_transitions
		WHERE account_id = @account_id AND user_id = @user AND certificate_id = @certificate`, store.Args{"user": user, "certificate": certificate}))
	return path
}

func (m *mill) issues(user, certificate int64) []models.CertificateIssue {
	m.t.Helper()
	var rows []models.CertificateIssue
	require.NoError(m.t, m.db.Query(m.ctx, &rows, `SELECT * FROM certificate_issues WHERE account_id = @account_id AND user_id = @user AND certificate_id = @certificate ORDER BY id`,
		store.Args{"user": user, "certificate": certificate}))
	return rows
}

// sweepOnce runs a whole process, as the workflow does, and gives its counters.
func (m *mill) sweepOnce() map[string]int64 {
	m.t.Helper()
	p, err := m.start(m.ctx, process.New{})
	require.NoError(m.t, err)
	in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID, SubjectID: p.SubjectID, Attempt: p.Attempt}
	w, err := m.Sweep(m.ctx, in, never, func(Swept) {})
	require.NoError(m.t, err)
	require.False(m.t, w.More)
	require.False(m.t, w.Cancelled)
	require.NoError(m.t, m.Finish(m.ctx, in, Ending{}))
	p, err = m.d.Process.Get(m.ctx, p.ID)
	require.NoError(m.t, err)
	require.Equal(m.t, models.ProcessCompleted, p.State)
	require.Equal(m.t, p.Total, p.Done)
	counters := map[string]int64{}
	require.NoError(m.t, json.Unmarshal(p.Counters, &counters))
	require.Zero(m.t, m.due(), "nothing is due behind a sweep")
	return counters
}

func never() bool { return false }

// due is how many links a sweep would look at.
func (m *mill) due() (n int64) {
	m.t.Helper()
	require.NoError(m.t, m.db.Query(m.ctx, &n, `SELECT count(*) FROM user_certificates WHERE account_id = @account_id AND due_at <= @now`, store.Args{"now": m.now}))
	return n
}

// certified makes a person who is certified now.
func (m *mill) certified(name string, certificate, course int64) int64 {
	m.t.Helper()
	user := m.person(name)
	m.enrol(user, course)
	m.progress(user, course, 100)
	require.Equal(m.t, models.CertificateCertified, m.state(user, certificate))
	return user
}
