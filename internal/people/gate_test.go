package people_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/livecache"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

func (w *world) allowed(s *people.Service, p people.Person, method, path string) bool {
	w.t.Helper()
	principal := auth.Principal{AccountID: w.account.ID, UserID: p.User.ID, Roles: titles(p)}
	ok, err := s.Allowed(w.public, principal, method, path)
	require.NoError(w.t, err)
	return ok
}

// TestShippedMapping is the contract's "Shipped mapping".
func TestShippedMapping(t *testing.T) {
	w := newWorld(t)
	public := people.Person{}
	for _, c := range []struct {
		method, path                       string
		public, learner, orgAdmin, isAdmin bool
	}{
		{"POST", "/user/v1/account/create", true, true, true, true},
		{"POST", "/user/v1/account/login", true, true, true, true},
		{"POST", "/user/v1/account/generateToken", true, true, true, true},
		{"POST", "/user/v1/account/generateOtp", true, true, true, true},
		{"POST", "/user/v1/account/resetPassword", true, true, true, true},
		{"POST", "/user/v1/account/registrationOtp", true, true, true, true},
		{"POST", "/user/v1/admin/create", true, true, true, true},
		{"POST", "/user/v1/admin/login", true, true, true, true},
		{"GET", "/user/v1/account/create", false, false, false, true},
		{"POST", "/user/v1/account/logout", false, true, true, true},
		{"PATCH", "/user/v1/account/acceptTermsAndCondition", false, true, true, true},
		{"GET", "/user/v1/account/list", false, true, true, true},
		{"GET", "/user/v1/account/search", false, true, true, true},
		{"POST", "/user/v1/account/search", false, true, true, true},
		{"GET", "/user/v1/user/read/7", false, true, true, true},
		{"GET", "/user/v1/user/read/0123456789abcdef0123456789abcdef", false, true, true, true},
		{"PATCH", "/user/v1/user/update", false, true, true, true},
		{"GET", "/user/v1/cloud-services/file/getSignedUrl", false, true, true, true},
		{"POST", "/user/v1/form/read", false, true, true, true},
		{"POST", "/user/v1/form/read/3", false, true, true, true},
		{"POST", "/user/v1/form/create", false, false, true, true},
		{"POST", "/user/v1/entity-type/read", false, true, true, true},
		{"POST", "/user/v1/entity-type/create", false, false, true, true},
		{"POST", "/mentoring/v1/entity-type/create", false, false, true, true},
		{"GET", "/user/v1/entity/read/4", false, true, true, true},
		{"POST", "/user/v1/entity/list", false, true, true, true},
		{"DELETE", "/user/v1/entity/delete/4", false, false, true, true},
		{"GET", "/user/v1/organization/list", false, true, true, true},
		{"HEAD", "/user/v1/organization/list", false, true, true, true},
		{"HEAD", "/user/v1/permissions/list", false, false, false, true},
		{"POST", "/user/v1/organization/requestOrgRole", false, true, true, true},
		{"POST", "/user/v1/organization/create", false, false, false, true},
		{"POST", "/user/v1/organization/update/5", false, false, true, true},
		{"PATCH", "/user/v1/organization/update/5", false, false, true, true},
		{"GET", "/user/v1/userRole/list", false, true, true, true},
		{"GET", "/user/v1/user-role/list", false, true, true, true},
		{"POST", "/user/v1/userRole/Create", false, false, false, true},
		{"POST", "/user/v1/rolePermissionMapping/create/5", false, false, false, true},
		{"POST", "/user/v1/permissions/create", false, false, false, true},
		{"POST", "/user/v1/modules/create", false, false, false, true},
		{"DELETE", "/user/v1/admin/deleteUser/9", false, false, false, true},
		{"POST", "/user/v1/org-admin/bulkUserCreate", false, false, true, true}, // the operation itself wants the role org_admin
		{"POST", "/user/v1/notification/template", false, false, true, true},
		{"PATCH", "/user/v1/notification/template/8", false, false, true, true},
		{"GET", "/user/v1/user/../admin/deleteUser/9", false, false, false, true},
		{"GET", "/user/v1//user/read/7", false, true, true, true},
		{"GET", "/user/v1/users/read/7", false, false, false, true},
		{"GET", "/user", false, false, false, true},
	} {
		require.Equal(t, c.public, w.allowed(w.Service, public, c.method, c.path), "public %s %s", c.method, c.path)
		require.Equal(t, c.learner, w.allowed(w.Service, w.learner, c.method, c.path), "learner %s %s", c.method, c.path)
		require.Equal(t, c.orgAdmin, w.allowed(w.Service, w.orgAdmin, c.method, c.path), "org_admin %s %s", c.method, c.path)
		require.Equal(t, c.isAdmin, w.allowed(w.Service, w.admin, c.method, c.path), "admin %s %s", c.method, c.path)
	}
}

func TestPermissionsComeFromData(t *testing.T) {
	w := newWorld(t)
	const path = "/user/v1/reports/list"
	change := func(text string) {
		w.exec(text, store.Args{"account": w.account.ID})
		require.NoError(t, w.PermissionsChanged(w.public))
	}
	can := func() bool { return w.allowed(w.Service, w.learner, "GET", path) }
	require.False(t, can())
	change(`WITH p AS (INSERT INTO permissions (account_id, code, module, request_type, api_path) VALUES (@account, 'r', 'reports', '{GET}', '/user/v1/reports/list') RETURNING id)
		INSERT INTO role_permissions (account_id, role_title, permission_id) SELECT @account, 'mentee', id FROM p`)
	require.True(t, can())
	require.False(t, w.allowed(w.Service, w.orgAdmin, "GET", path), "another role")
	require.False(t, w.allowed(w.Service, w.learner, "POST", path), "another method")
	require.True(t, w.allowed(w.Service, w.learner, "GET", path+"/12"), "with an id")
	require.False(t, w.allowed(w.Service, w.learner, "GET", path+"/twelve"))
	ok, err := w.Allowed(w.other, auth.Principal{AccountID: w.otherAccount.ID, UserID: w.stranger.User.ID, Roles: titles(w.stranger)}, "GET", path)
	require.NoError(t, err)
	require.False(t, ok, "another account")
	change(`UPDATE permissions SET api_path = '/user/v1/reports/*' WHERE code = 'r'`)
	require.True(t, w.allowed(w.Service, w.learner, "GET", path+"/twelve"))
	change(`UPDATE permissions SET module = 'other' WHERE code = 'r'`)
	require.False(t, can(), "the module has to be the path's")
	change(`UPDATE permissions SET module = 'reports', status = 'INACTIVE' WHERE code = 'r'`)
	require.False(t, can())
	change(`UPDATE permissions SET status = 'ACTIVE' WHERE code = 'r'`)
	require.True(t, can())
	change(`DELETE FROM role_permissions WHERE role_title = 'mentee'`)
	require.False(t, can())
	_, err = w.Allowed(t.Context(), auth.Principal{}, "GET", path)
	require.ErrorIs(t, err, store.ErrNoAccount)
}

func TestPermissionsAreKeptAndForgottenByAllReplicas(t *testing.T) {
	w := newWorld(t)
	live := livecache.NewWatcher(w.db)
	other, _ := w.listeningReplica(authConfig, live)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		live.Watch(ctx)
	}()
	defer func() {
		stop()
		<-done
	}()
	const path = "/user/v1/user/read/1"
	require.Eventually(t, live.Listening, 10*time.Second, time.Millisecond)
	// What was kept before it listened is dropped once.
	require.Eventually(t, func() bool {
		before := w.db.Statements()
		for range 100 {
			require.True(t, w.allowed(other, w.learner, "GET", path))
		}
		return w.db.Statements() == before
	}, 10*time.Second, time.Millisecond)

	w.exec(`UPDATE permissions SET status = 'INACTIVE' WHERE code = 'user_profile'`, nil)
	require.NoError(t, w.PermissionsChanged(w.public))
	require.Eventually(t, func() bool { return !w.allowed(other, w.learner, "GET", path) }, time.Second, 5*time.Millisecond)
}

func TestEnsureAccountIsIdempotentAndRespectsOperators(t *testing.T) {
	w := newWorld(t)
	spec := people.AccountSpec{Name: "renamed meanwhile", Default: true, OrganizationName: "Home", Hosts: []string{"One.test", "two.test"}}
	rows := func() string {
		var all string
		require.NoError(t, w.db.Query(w.public, &all, `SELECT concat((SELECT count(*) FROM roles WHERE account_id = @account_id), ' ',
			(SELECT count(*) FROM permissions WHERE account_id = @account_id), ' ', (SELECT count(*) FROM role_permissions WHERE account_id = @account_id), ' ',
			(SELECT count(*) FROM modules WHERE account_id = @account_id), ' ', (SELECT count(*) FROM organizations WHERE account_id = @account_id))`, nil))
		return all
	}
	w.exec(`DELETE FROM role_permissions WHERE role_title = 'any' AND account_id = @id`, store.Args{"id": w.account.ID})
	w.exec(`DELETE FROM permissions WHERE code = 'form_all' AND account_id = @id`, store.Args{"id": w.account.ID})
	w.exec(`UPDATE roles SET deleted_at = now() WHERE title = 'mentor' AND account_id = @id`, store.Args{"id": w.account.ID})
	w.exec(`UPDATE roles SET label = 'Learner' WHERE title = 'mentee' AND account_id = @id`, store.Args{"id": w.account.ID})
	w.exec(`UPDATE organizations SET name = 'Renamed' WHERE id = @id`, store.Args{"id": w.home.ID})
	before := rows()
	for _, err := range race(func(int) error {
		account, organization, err := w.EnsureAccount(t.Context(), spec)
		if err == nil && (account.ID != w.account.ID || organization.ID != w.home.ID || organization.Name != "Renamed") {
			return fmt.Errorf("account %d organization %d %s", account.ID, organization.ID, organization.Name)
		}
		return err
	}) {
		require.NoError(t, err)
	}
	require.Equal(t, before, rows())
	require.EqualValues(t, 2, w.count(`SELECT count(*) FROM accounts`, nil))
	mentee, err := w.RoleByTitle(w.public, "Mentee")
	require.NoError(t, err)
	require.Equal(t, "Learner", mentee.Label)
	_, err = w.RoleByTitle(w.public, models.RoleMentor)
	require.ErrorIs(t, err, people.ErrRoleUnknown)

	got, err := w.auth.ResolveAccount(t.Context(), "two.test")
	require.NoError(t, err)
	require.Equal(t, w.otherAccount.ID, got, "a host stays where it is")
	got, err = w.auth.ResolveAccount(t.Context(), "one.test")
	require.NoError(t, err)
	require.Equal(t, w.account.ID, got)

	// What is new in a version reaches accounts that exist.
	w.exec(`DELETE FROM shipped_items WHERE item IN ('permission:form_all', 'mapping:org_admin:form_all') AND account_id = @id`, store.Args{"id": w.account.ID})
	_, _, err = w.EnsureAccount(t.Context(), spec)
	require.NoError(t, err)
	require.True(t, w.allowed(w.Service, w.orgAdmin, "POST", "/user/v1/form/create"))
	_, _, err = w.EnsureAccount(t.Context(), people.AccountSpec{})
	require.Contains(t, rulesOf(t, err), "name:required")
}
