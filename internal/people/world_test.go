package people_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/livecache"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

const (
	password = "correct horse"
	address  = "192.0.2.1"
)

var authConfig = config.Auth{
	AccessTTL: time.Hour, RefreshTTL: 24 * time.Hour, OTPTTL: 24 * time.Hour, OTPMaxAttempts: 5, VerifyEmail: true, LockAfter: 5, LockFor: time.Hour,
	AdminSecretCode: "open sesame", PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1,
}

// world is two accounts, each with an admin, an org_admin and a learner in the
// default organization.
type world struct {
	*people.Service
	t    *testing.T
	db   *store.DB
	auth *auth.Service
	keys *auth.Keyring

	public, other                  context.Context // bound to the accounts, as a door does for public requests
	account, otherAccount          models.Account
	home, otherHome                models.Organization
	admin, orgAdmin, learner       people.Person
	otherAdmin, otherOrg, stranger people.Person
}

func newWorld(t *testing.T, change ...func(*config.Auth)) *world {
	t.Helper()
	cfg := authConfig
	for _, c := range change {
		c(&cfg)
	}
	w := &world{t: t}
	var err error
	w.db, err = store.Open(t.Context(), store.Options{URL: testenv.Database(t), MaxConns: 12})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	w.keys, err = auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))})
	require.NoError(t, err)
	w.Service, w.auth = w.replica(cfg)

	w.account, w.home, err = w.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true, OrganizationName: "Home"})
	require.NoError(t, err)
	w.otherAccount, w.otherHome, err = w.EnsureAccount(t.Context(), people.AccountSpec{Name: "Two", Hosts: []string{"two.test"}})
	require.NoError(t, err)
	w.public = auth.WithDoor(store.WithAccount(t.Context(), w.account.ID), "test")
	w.other = auth.WithDoor(store.WithAccount(t.Context(), w.otherAccount.ID), "test")
	w.admin = w.user(w.public, "admin", models.RoleAdmin)
	w.orgAdmin = w.user(w.public, "orgadmin", models.RoleOrgAdmin)
	w.learner = w.user(w.public, "learner")
	w.otherAdmin = w.user(w.other, "admin", models.RoleAdmin)
	w.otherOrg = w.user(w.other, "orgadmin", models.RoleOrgAdmin)
	w.stranger = w.user(w.other, "stranger")
	return w
}

// replica is another process on the same database.
func (w *world) replica(cfg config.Auth) (*people.Service, *auth.Service) {
	w.t.Helper()
	return w.listeningReplica(cfg, nil)
}

// listeningReplica hears of changes while live's Watch runs.
func (w *world) listeningReplica(cfg config.Auth, live *livecache.Watcher) (*people.Service, *auth.Service) {
	w.t.Helper()
	a, err := auth.New(auth.Deps{DB: w.db, Keys: w.keys, Config: cfg})
	require.NoError(w.t, err)
	mail, err := notify.New(notify.Deps{DB: w.db})
	require.NoError(w.t, err)
	s, err := people.New(people.Deps{DB: w.db, Auth: a, Mail: mail, Config: cfg, Live: live, PublicURL: "https://quad.test"})
	require.NoError(w.t, err)
	return s, a
}

func (w *world) user(ctx context.Context, name string, roles ...string) people.Person {
	w.t.Helper()
	p, err := w.EnsureUser(ctx, people.NewUser{Name: "The " + name, Email: name + "@mail.test", Password: password, Roles: roles})
	require.NoError(w.t, err)
	return p
}

// as is the context of a request by a person.
func (w *world) as(p people.Person) context.Context {
	w.t.Helper()
	ctx := store.WithAccount(w.public, p.User.AccountID)
	pair, err := w.auth.OpenSession(ctx, auth.NewSession{User: p.User, Roles: p.Roles})
	require.NoError(w.t, err)
	return w.with(pair.Access)
}

// with is the context of a request with an access token.
func (w *world) with(access string) context.Context {
	w.t.Helper()
	identity, err := w.auth.Authenticate(auth.WithDoor(w.t.Context(), "test"), access)
	require.NoError(w.t, err)
	return auth.WithIdentity(w.public, identity)
}

func (w *world) exec(text string, args store.Args) {
	w.t.Helper()
	_, err := w.db.Exec(store.AsSystem(w.t.Context()), text, args)
	require.NoError(w.t, err)
}

func (w *world) count(text string, args store.Args) int64 {
	w.t.Helper()
	var n int64
	require.NoError(w.t, w.db.Query(store.AsSystem(w.t.Context()), &n, text, args))
	return n
}

// mails gives the outbox rows to a recipient, oldest first.
func (w *world) mails(recipient, template string) []models.Notification {
	w.t.Helper()
	var rows []models.Notification
	require.NoError(w.t, w.db.Conn(store.AsSystem(w.t.Context())).Where("recipient = ? AND template = ?", recipient, template).Order("id").Find(&rows).Error)
	return rows
}

// code reads the digits of the last code mailed to a recipient.
func (w *world) code(ctx context.Context, recipient, template string) string {
	w.t.Helper()
	rows := w.mails(recipient, template)
	require.NotEmpty(w.t, rows)
	var params struct {
		CodeID int64 `json:"code_id"`
	}
	require.NoError(w.t, json.Unmarshal(rows[len(rows)-1].Params, &params))
	code, err := w.auth.Code(ctx, params.CodeID)
	require.NoError(w.t, err)
	return code
}

// signUp joins with a mailed code.
func (w *world) signUp(ctx context.Context, email string) (people.SignedIn, error) {
	w.t.Helper()
	if err := w.RequestRegistration(ctx, "Anu", email); err != nil {
		return people.SignedIn{}, err
	}
	return w.SignUp(ctx, people.SignUp{Name: "Anu", Email: email, Password: password, Code: w.code(ctx, strings.ToLower(email), "registrationotp")})
}

// invite writes an open invitation.
func (w *world) invite(ctx context.Context, organization models.Organization, by people.Person, email string, roles ...string) models.Invite {
	w.t.Helper()
	file := models.InviteFile{OrganizationID: organization.ID, CreatedBy: by.User.ID, Status: models.InviteFileProcessed, Type: "text/csv", Layout: []byte("{}")}
	require.NoError(w.t, w.db.Conn(ctx).Create(&file).Error)
	i := models.Invite{OrganizationID: organization.ID, FileID: file.ID, Email: email, Name: "Invited", RoleIDs: []int64{}, Status: models.InvitePending,
		TokenVersion: 1, ExpiresAt: time.Now().Add(time.Hour)}
	for _, title := range roles {
		r, err := w.RoleByTitle(ctx, title)
		require.NoError(w.t, err)
		i.RoleIDs = append(i.RoleIDs, r.ID)
	}
	require.NoError(w.t, w.db.Conn(ctx).Create(&i).Error)
	return i
}

func titles(p people.Person) []string {
	out := []string{}
	for _, r := range p.Roles {
		out = append(out, r.Title)
	}
	return out
}

// audited tells whether the audit trail has an action on a subject by an actor.
func (w *world) audited(action string, subject, actor int64) bool {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE action = @action AND subject_id = @subject AND actor_id = @actor AND door = 'test'`,
		store.Args{"action": action, "subject": subject, "actor": actor}) == 1
}

// race runs fn 50 times at once and gives the errors.
func race(fn func(n int) error) []error {
	errs := make([]error, 50)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := range errs {
		wg.Go(func() {
			<-start
			errs[n] = fn(n)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// rulesOf gives the broken rules of an invalid input, "field:rule".
func rulesOf(t *testing.T, err error) []string {
	t.Helper()
	var e *models.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, models.KindInvalid, e.Kind, err)
	out := []string{}
	for _, f := range e.Fields {
		out = append(out, f.Field+":"+f.Rule)
	}
	return out
}
