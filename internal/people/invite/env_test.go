package invite

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// env is an account with organizations, roles and an uploader, and the area on
// real services; Temporal is absent, so that nothing runs by itself.
type env struct {
	t        testing.TB
	url      string
	db       *store.DB
	blob     *blob.Store
	svc      *Service
	ctx      context.Context // of the uploader, an org_admin of org
	account  int64
	org      int64 // the uploader's
	home     int64 // the default organization
	other    int64
	uploader int64
	roles    map[string]int64
}

func testConfig() config.Invites {
	return config.Invites{LapseAfter: 168 * time.Hour, MaxRows: 1_000_000, MaxBytes: 512 << 20, PageRows: 1000, Mails: true}
}

func newEnv(t testing.TB, cfg config.Invites, tracer ...pgx.QueryTracer) *env {
	t.Helper()
	ctx := t.Context()
	e := &env{t: t, url: testenv.Database(t), roles: map[string]int64{}}
	var err error
	options := store.Options{URL: e.url, MaxConns: 10, Name: "invite-test"}
	if len(tracer) > 0 {
		options.Tracer = tracer[0]
	}
	e.db, err = store.Open(ctx, options)
	require.NoError(t, err)
	t.Cleanup(e.db.Close)
	master := bytes.Repeat([]byte{7}, 32)
	e.blob, err = blob.Open(ctx, blob.Options{URL: "file://" + t.TempDir(), PublicURL: "http://hub.test", Keys: [][]byte{master}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.blob.Close()) })
	keys, err := auth.NewKeyring([]string{base64.StdEncoding.EncodeToString(master)})
	require.NoError(t, err)
	mails, err := notify.New(notify.Deps{DB: e.db})
	require.NoError(t, err)
	e.svc, err = New(Deps{
		DB: e.db, Process: process.NewService(process.Deps{DB: e.db}), Notify: mails, Blob: e.blob, Keys: keys,
		Config: cfg, PublicURL: "http://hub.test", BlobKey: func(account int64, path string) string { return fmt.Sprintf("%d/%s", account, path) },
	})
	require.NoError(t, err)
	e.seed()
	return e
}

func (e *env) seed() {
	system := store.AsSystem(e.t.Context())
	account := models.Account{Name: "Test", Status: models.StatusActive, IsDefault: true}
	require.NoError(e.t, e.db.Conn(system).Create(&account).Error)
	e.account = account.ID
	ctx := store.WithAccount(e.t.Context(), e.account)
	for i, id := range []*int64{&e.home, &e.org, &e.other} {
		o := models.Organization{Name: fmt.Sprintf("Organization %d", i), Code: fmt.Sprintf("org%d", i), Status: models.StatusActive, IsDefault: i == 0}
		require.NoError(e.t, e.db.Conn(ctx).Create(&o).Error)
		*id = o.ID
	}
	for _, r := range []models.Role{
		{Title: models.RoleMentee}, {Title: models.RoleMentor}, {Title: models.RoleSessionManager}, {Title: models.RoleOrgAdmin},
		{Title: models.RoleAdmin, UserType: models.UserTypeSystem}, {Title: "retired", Status: models.StatusInactive},
	} {
		r.OrganizationID, r.Visibility = e.home, "PUBLIC"
		if r.Status == "" {
			r.Status = models.StatusActive
		}
		require.NoError(e.t, e.db.Conn(ctx).Create(&r).Error)
		e.roles[r.Title] = r.ID
	}
	e.uploader = e.user("uploader@test.example", e.org, models.RoleOrgAdmin)
	e.ctx = auth.WithPrincipal(e.t.Context(), auth.Principal{
		AccountID: e.account, UserID: e.uploader, OrganizationID: e.org, Door: "elevate", Roles: []string{models.RoleOrgAdmin},
	})
}

// user makes a user with roles and gives the id.
func (e *env) user(email string, org int64, roles ...string) int64 {
	e.t.Helper()
	ctx := store.WithAccount(e.t.Context(), e.account)
	u := models.User{OrganizationID: org, Email: &email, Name: email, Status: models.StatusActive, PreferredLanguage: "en", Location: pq.StringArray{}, Languages: pq.StringArray{}}
	require.NoError(e.t, e.db.Conn(ctx).Create(&u).Error)
	for _, r := range roles {
		require.NoError(e.t, e.db.Conn(ctx).Create(&models.UserRole{UserID: u.ID, RoleID: e.roles[r]}).Error)
	}
	return u.ID
}

// upload stores a file for the uploader's organization.
func (e *env) upload(path string, content []byte) {
	e.t.Helper()
	_, err := e.blob.Write(e.ctx, fmt.Sprintf("%d/%s", e.account, path), bytes.NewReader(content), blob.WriteOptions{})
	require.NoError(e.t, err)
	var n int64
	require.NoError(e.t, e.db.Conn(e.ctx).Model(&models.StoredFile{}).Where("path = ?", path).Count(&n).Error)
	if n == 0 {
		require.NoError(e.t, e.db.Conn(e.ctx).Create(&models.StoredFile{OrganizationID: e.org, UserID: &e.uploader, Path: path, Name: path, Purpose: "upload"}).Error)
	}
}

// submit uploads content and registers it.
func (e *env) submit(path, content string) models.InviteFile {
	e.t.Helper()
	e.upload(path, []byte(content))
	f, err := e.svc.Submit(e.ctx, Submission{Path: path})
	require.NoError(e.t, err)
	return f
}

func (e *env) input(f models.InviteFile) models.ProcessInput {
	e.t.Helper()
	f = e.file(f.ID)
	p := e.proc(f)
	return models.ProcessInput{AccountID: e.account, ProcessID: p.ID, SubjectID: f.ID, Attempt: p.Attempt}
}

func (e *env) worker() context.Context { return store.WithAccount(e.t.Context(), e.account) }

// run does all steps of a process, as the workflow would.
func (e *env) run(f models.InviteFile) models.InviteFile {
	e.t.Helper()
	in, ctx := e.input(f), e.worker()
	checked, err := e.svc.Check(ctx, in, func(int64) {})
	require.NoError(e.t, err)
	if checked.Failure == "" {
		done, err := e.svc.ImportPages(ctx, in, never, func(Imported) {})
		require.NoError(e.t, err)
		require.False(e.t, done.More)
	}
	_, err = e.svc.WriteResult(ctx, in, checked.Failure, func(int64) {})
	require.NoError(e.t, err)
	require.NoError(e.t, e.svc.Finish(ctx, in, Ending{Failure: checked.Failure}))
	return e.file(f.ID)
}

func never() bool { return false }

func (e *env) file(id int64) models.InviteFile {
	e.t.Helper()
	f, err := e.svc.file(e.worker(), id)
	require.NoError(e.t, err)
	return f
}

func (e *env) proc(f models.InviteFile) models.Process {
	e.t.Helper()
	require.NotNil(e.t, f.ProcessID)
	var p models.Process
	require.NoError(e.t, e.db.Conn(e.worker()).Take(&p, *f.ProcessID).Error)
	return p
}

// result reads the result file.
func (e *env) result(f models.InviteFile) string {
	e.t.Helper()
	require.NotNil(e.t, f.OutputPath)
	r, err := e.blob.NewReader(e.ctx, fmt.Sprintf("%d/%s", e.account, *f.OutputPath))
	require.NoError(e.t, err)
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(r)
	require.NoError(e.t, err)
	return string(content)
}

// listOf writes n rows of a list, with the header.
func listOf(n int) string {
	var b strings.Builder
	b.WriteString("name,email,roles\n")
	for i := range n {
		fmt.Fprintf(&b, "Person %d,person-%07d@list.example,\"mentor,session_manager\"\n", i, (i*7919)%n)
	}
	return b.String()
}
