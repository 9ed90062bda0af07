package certification_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// office is where certificates are defined and shown: two accounts, each with
// an administrator, and a clock of its own. Courses, people and enrolments are
// written to the tables as their areas do.
type office struct {
	*certification.Service
	t   *testing.T
	db  *store.DB
	now time.Time

	admin, system, foreign context.Context // system is a client of the account
	account, other         int64
	home, otherHome        int64 // organizations
}

const publicURL = "https://hub.example.test"

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2025, 1, 31, 9, 30, 0, 250_000_000, time.UTC)}
	var err error
	o.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(o.db.Close)
	mails, err := notify.New(notify.Deps{DB: o.db})
	require.NoError(t, err)
	o.Service, err = certification.New(certification.Deps{
		DB: o.db, Process: process.NewService(process.Deps{DB: o.db}), Notify: mails, Clock: func() time.Time { return o.now }, PublicURL: publicURL + "/", Config: config.Certificates{ReminderDays: []int{30, 7, 1}},
	})
	require.NoError(t, err)
	o.account, o.home = o.newAccount("Mill")
	o.other, o.otherHome = o.newAccount("Elsewhere")
	as := func(account int64, p auth.Principal) context.Context {
		p.AccountID, p.Door, p.Roles = account, "test", []string{models.RoleAdmin}
		return auth.WithPrincipal(t.Context(), p)
	}
	o.admin = as(o.account, auth.Principal{UserID: o.person("Admin"), OrganizationID: o.home})
	o.system = as(o.account, auth.Principal{ClientID: 7})
	o.foreign = as(o.other, auth.Principal{UserID: 1, OrganizationID: o.otherHome})
	return o
}

// get runs a statement that gives one value.
func get[T any](o *office, text string, args store.Args) (v T) {
	o.t.Helper()
	require.NoError(o.t, o.db.Query(store.AsSystem(o.t.Context()), &v, text, args))
	return v
}

func (o *office) newAccount(name string) (account, organization int64) {
	o.t.Helper()
	account = get[int64](o, `INSERT INTO accounts (name) VALUES (@name) RETURNING id`, store.Args{"name": name})
	organization = get[int64](o, `INSERT INTO organizations (account_id, name, code, status, is_default) VALUES (@account, @name, lower(@name), 'ACTIVE', true) RETURNING id`,
		store.Args{"account": account, "name": name})
	return account, organization
}

// person adds somebody whose identifier is their name.
func (o *office) person(name string) int64 {
	o.t.Helper()
	return get[int64](o, `INSERT INTO users (account_id, organization_id, name, email, status, identifier)
		VALUES (@account, @home, @name, lower(replace(@name, ' ', '.')) || '@example.test', 'ACTIVE', @name) RETURNING id`,
		store.Args{"account": o.account, "home": o.home, "name": name})
}

// as is the context of somebody without a role.
func (o *office) as(userID int64) context.Context {
	return auth.WithPrincipal(o.t.Context(), auth.Principal{AccountID: o.account, OrganizationID: o.home, UserID: userID, Door: "test"})
}

// course adds a channel of the account that is named.
func (o *office) course(account int64, identifier string) int64 {
	o.t.Helper()
	return get[int64](o, `INSERT INTO courses (account_id, identifier, name, type) VALUES (@account, @identifier, 'Course ' || @identifier, 'COURSE') RETURNING id`,
		store.Args{"account": account, "identifier": identifier})
}

// certificate defines one with courses that are there or are added.
func (o *office) certificate(name string, validity *certification.Validity, courses ...string) certification.Definition {
	o.t.Helper()
	in := certification.Input{Identifier: &name, Name: name, Validity: validity}
	for _, c := range courses {
		if get[int64](o, `SELECT count(*) FROM courses WHERE account_id = @account AND identifier = @id`, store.Args{"account": o.account, "id": c}) == 0 {
			o.course(o.account, c)
		}
		in.Courses = append(in.Courses, ref.ByIdentifier(c))
	}
	d, err := o.Create(o.admin, in)
	require.NoError(o.t, err)
	return d
}

// progress says how far a person is in a course, of which they become a learner.
func (o *office) progress(userID int64, course string, percent int) {
	o.t.Helper()
	var courseID int64
	err := o.db.InTx(o.admin, func(ctx context.Context) error {
		err := o.db.Query(ctx, &courseID, `INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, progress, first_completed_at, last_completed_at, last_progress_at)
			SELECT c.account_id, c.id, @user, true, true, @progress, CASE WHEN @progress = 100 THEN CAST(@now AS timestamptz) END,
				CASE WHEN @progress = 100 THEN CAST(@now AS timestamptz) END, CASE WHEN @progress > 0 THEN CAST(@now AS timestamptz) END
			FROM courses c WHERE c.account_id = @account_id AND c.identifier = @course
			ON CONFLICT (user_id, course_id) DO UPDATE SET progress = excluded.progress, last_progress_at = excluded.last_progress_at,
				last_completed_at = coalesce(excluded.last_completed_at, enrollments.last_completed_at)
			RETURNING course_id`, store.Args{"user": userID, "progress": percent, "course": course, "now": o.now})
		if err != nil {
			return err
		}
		return o.Follow(ctx, []int64{userID}, []int64{courseID})
	})
	require.NoError(o.t, err)
}

// held is what a person has of a certificate.
func (o *office) held(user, certificate string) certification.Held {
	o.t.Helper()
	all, err := o.ListOf(o.admin, ref.ByIdentifier(user))
	require.NoError(o.t, err)
	for _, h := range all {
		if h.Identifier == certificate {
			return h
		}
	}
	o.t.Fatalf("%s has nothing of %s", user, certificate)
	return certification.Held{}
}

// statements counts those of do.
func (o *office) statements(do func()) int64 {
	before := o.db.Statements()
	do()
	return o.db.Statements() - before
}

// brokenRules lists "field:rule" of an invalid input.
func brokenRules(t *testing.T, err error) []string {
	t.Helper()
	var invalid *models.Error
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, models.KindInvalid, invalid.Kind)
	var out []string
	for _, f := range invalid.Fields {
		out = append(out, f.Field+":"+f.Rule)
	}
	return out
}

// at the same time, n times; how many did it, and how many met the refusal.
func together(t *testing.T, n int, refusal error, do func(i int) error) (done, refused int) {
	t.Helper()
	results := make(chan error, n)
	for i := range n {
		go func() { results <- do(i) }()
	}
	for range n {
		switch err := <-results; {
		case err == nil:
			done++
		case errors.Is(err, refusal):
			refused++
		default:
			require.NoError(t, err)
		}
	}
	return done, refused
}

func identifiers(list []certification.Definition) []string {
	out := []string{}
	for _, d := range list {
		out = append(out, d.Identifier)
	}
	return out
}

func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("N%03d", i)
	}
	return out
}
