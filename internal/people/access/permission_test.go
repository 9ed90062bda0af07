package access_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/access"
	"quad/internal/store"
	"quad/models"
)

const reports = "/user/v1/reports/list"

func reportsPermission() access.PermissionInput {
	return access.PermissionInput{Code: "read_reports", Module: "reports", Methods: []string{"get"}, Path: reports}
}

func TestAPermissionFromCreationToDeletion(t *testing.T) {
	w := newWorld(t)
	can := func(method string) bool { return w.allowed(method, reports, models.RoleMentor) }
	mentor := w.shipped("roles", "title", models.RoleMentor)
	p, err := w.CreatePermission(w.admin, reportsPermission())
	require.NoError(t, err)
	require.Equal(t, models.StatusActive, p.Status)
	require.Equal(t, []string{"GET"}, []string(p.RequestType))
	require.False(t, can("GET"), "nobody has it yet")

	granted, err := w.GrantPermission(w.admin, mentor, p.ID)
	require.NoError(t, err)
	require.Equal(t, p.ID, granted.ID)
	require.True(t, can("GET"))
	require.False(t, w.allowed("GET", reports, models.RoleMentee), "another role")
	_, err = w.GrantPermission(w.admin, mentor, p.ID)
	require.ErrorIs(t, err, access.ErrMappingExists)

	in := reportsPermission()
	in.Methods = []string{"DELETE", "post", "POST"}
	p, err = w.UpdatePermission(w.admin, p.ID, in)
	require.NoError(t, err)
	require.Equal(t, []string{"POST", "DELETE"}, []string(p.RequestType))
	require.False(t, can("GET"))
	require.True(t, can("POST"))
	in.Status = "Inactive"
	_, err = w.UpdatePermission(w.admin, p.ID, in)
	require.NoError(t, err)
	require.False(t, can("POST"))
	in.Status = ""
	p, err = w.UpdatePermission(w.admin, p.ID, in)
	require.NoError(t, err)
	require.Equal(t, models.StatusInactive, p.Status, "it stays as it is")
	in.Status = "ACTIVE"
	_, err = w.UpdatePermission(w.admin, p.ID, in)
	require.NoError(t, err)
	require.True(t, can("POST"))

	require.NoError(t, w.WithdrawPermission(w.admin, mentor, p.ID))
	require.False(t, can("POST"))
	require.ErrorIs(t, w.WithdrawPermission(w.admin, mentor, p.ID), access.ErrMappingUnknown)
	_, err = w.GrantPermission(w.admin, mentor, p.ID)
	require.NoError(t, err)
	require.True(t, can("POST"))

	require.NoError(t, w.DeletePermission(w.admin, p.ID))
	require.False(t, can("POST"))
	require.Zero(t, w.count(`SELECT count(*) FROM role_permissions WHERE permission_id = @id`, store.Args{"id": p.ID}))
	require.ErrorIs(t, w.DeletePermission(w.admin, p.ID), access.ErrPermissionUnknown)
	require.ErrorIs(t, w.WithdrawPermission(w.admin, mentor, p.ID), access.ErrMappingUnknown)
	_, err = w.UpdatePermission(w.admin, p.ID, in)
	require.ErrorIs(t, err, access.ErrPermissionUnknown)
	_, err = w.GrantPermission(w.admin, mentor, p.ID)
	require.ErrorIs(t, err, access.ErrPermissionUnknown)
	again, err := w.CreatePermission(w.admin, in)
	require.NoError(t, err, "its code is free")
	require.NotEqual(t, p.ID, again.ID)
	require.False(t, can("POST"))
	for action, id := range map[string]int64{"permission.created": p.ID, "permission.deleted": p.ID, "role.permission_withdrawn": mentor} {
		require.EqualValues(t, 1, w.audited(action, id), action)
	}
	require.EqualValues(t, 4, w.audited("permission.updated", p.ID))
	require.EqualValues(t, 2, w.audited("role.permission_granted", mentor))
}

func TestRulesOfAPermission(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreatePermission(w.admin, access.PermissionInput{})
	require.ElementsMatch(t, []string{"code:required", "module:required", "request_type:required", "api_path:required"}, rulesOf(t, err))
	_, err = w.CreatePermission(w.admin, access.PermissionInput{
		Code: "a b", Module: "m\x00", Methods: []string{"GET", "HEAD"}, Path: "user/v1", Status: "gone",
	})
	require.ElementsMatch(t, []string{"code:no_space", "module:invalid", "request_type:enum", "api_path:invalid", "status:enum"}, rulesOf(t, err))
	for _, path := range []string{"/", "/a b", "/" + strings.Repeat("a", access.MaxPath)} {
		in := reportsPermission()
		in.Path = path
		_, err = w.CreatePermission(w.admin, in)
		require.Len(t, rulesOf(t, err), 1, path)
	}
}

func TestOneOfManyWhoWantACodeGetsIt(t *testing.T) {
	w := newWorld(t)
	won, lost := race(t, access.ErrPermissionTaken, func(int) error {
		_, err := w.CreatePermission(w.admin, reportsPermission())
		return err
	})
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	won, lost = race(t, access.ErrModuleTaken, func(n int) error {
		_, err := w.CreateModule(w.admin, access.ModuleInput{Code: []string{"reports", "REPORTS"}[n%2]})
		return err
	})
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	mentor, permission := w.shipped("roles", "title", models.RoleMentor), w.shipped("permissions", "code", "read_reports")
	won, lost = race(t, access.ErrMappingExists, func(int) error {
		_, err := w.GrantPermission(w.admin, mentor, permission)
		return err
	})
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	won, lost = race(t, access.ErrMappingUnknown, func(int) error { return w.WithdrawPermission(w.admin, mentor, permission) })
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	require.EqualValues(t, 1, w.audited("role.permission_granted", mentor))
	require.EqualValues(t, 1, w.audited("role.permission_withdrawn", mentor))
}

func TestPermissionsOfOthersDoNotExist(t *testing.T) {
	w := newWorld(t)
	p, m := w.permission("read_reports", "reports"), w.shipped("modules", "code", "form")
	mentor := w.shipped("roles", "title", models.RoleMentor)
	for name, c := range map[string]struct {
		ctx                         context.Context
		permission, module, mapping error
	}{
		"foreign": {w.foreign, access.ErrPermissionUnknown, access.ErrModuleUnknown, access.ErrMappingUnknown},
		"learner": {w.learner, models.ErrForbidden, models.ErrForbidden, models.ErrForbidden},
	} {
		_, err := w.UpdatePermission(c.ctx, p.ID, reportsPermission())
		require.ErrorIs(t, err, c.permission, name)
		require.ErrorIs(t, w.DeletePermission(c.ctx, p.ID), c.permission, name)
		_, err = w.UpdateModule(c.ctx, m, access.ModuleInput{Code: "mine"})
		require.ErrorIs(t, err, c.module, name)
		require.ErrorIs(t, w.DeleteModule(c.ctx, m), c.module, name)
		require.ErrorIs(t, w.WithdrawPermission(c.ctx, mentor, p.ID), c.mapping, name)
	}
	_, err := w.GrantPermission(w.foreign, mentor, p.ID)
	require.ErrorIs(t, err, access.ErrRoleUnknown)
	var theirs int64
	require.NoError(t, w.db.Query(w.foreign, &theirs, `SELECT id FROM roles WHERE account_id = @account_id AND title = 'mentor'`, nil))
	_, err = w.GrantPermission(w.foreign, theirs, p.ID)
	require.ErrorIs(t, err, access.ErrPermissionUnknown)
	_, err = w.GrantPermission(w.learner, mentor, p.ID)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreatePermission(w.learner, reportsPermission())
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreateModule(w.learner, access.ModuleInput{Code: "mine"})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreatePermission(w.foreign, reportsPermission())
	require.NoError(t, err, "a code is unique in its account")
	_, _, err = w.ListPermissions(w.learner, access.Page{})
	require.ErrorIs(t, err, models.ErrForbidden)
	_, _, err = w.ListModules(w.learner, access.Page{})
	require.ErrorIs(t, err, models.ErrForbidden)
	page, count, err := w.ListPermissions(w.foreign, access.Page{Search: "reports"})
	require.NoError(t, err)
	require.EqualValues(t, 1, count)
	require.NotEqual(t, p.ID, page[0].ID)

	// An organization gives permissions to the default one's roles and to its own.
	_, err = w.GrantPermission(w.otherAdmin, mentor, p.ID)
	require.NoError(t, err)
	own, err := w.CreateRole(w.otherAdmin, access.RoleInput{Title: "reviewer", Status: "ACTIVE", Visibility: "PUBLIC"})
	require.NoError(t, err)
	_, err = w.GrantPermission(w.admin, own.ID, p.ID)
	require.ErrorIs(t, err, access.ErrRoleUnknown)
	_, err = w.GrantPermission(w.otherAdmin, own.ID, p.ID)
	require.NoError(t, err)
	require.ErrorIs(t, w.WithdrawPermission(w.admin, own.ID, p.ID), access.ErrMappingUnknown)
}

func TestPermissionsFollowTheirModule(t *testing.T) {
	w := newWorld(t)
	m, err := w.CreateModule(w.admin, access.ModuleInput{Code: "Reports"})
	require.NoError(t, err)
	require.Equal(t, models.StatusActive, m.Status)
	mentor := w.shipped("roles", "title", models.RoleMentor)
	var ids []int64
	for i, module := range []string{"reports", "REPORTS", "reports"} {
		p, err := w.CreatePermission(w.admin, access.PermissionInput{
			Code: fmt.Sprintf("p%d", i), Module: module, Methods: []string{"GET"}, Path: "/user/v1/figures/*",
		})
		require.NoError(t, err)
		_, err = w.GrantPermission(w.admin, mentor, p.ID)
		require.NoError(t, err)
		ids = append(ids, p.ID)
	}
	kept := w.permission("kept", "reporting")
	can := func() bool { return w.allowed("GET", "/user/v1/figures/1", models.RoleMentor) }
	require.False(t, can(), "the module is another segment")

	m, err = w.UpdateModule(w.admin, m.ID, access.ModuleInput{Code: "figures", Status: "inactive"})
	require.NoError(t, err)
	require.Equal(t, models.StatusInactive, m.Status)
	require.True(t, can())
	_, err = w.UpdateModule(w.admin, m.ID, access.ModuleInput{Code: "FORM"})
	require.ErrorIs(t, err, access.ErrModuleTaken)
	m, err = w.UpdateModule(w.admin, m.ID, access.ModuleInput{Code: "figures"})
	require.NoError(t, err)
	require.Equal(t, models.StatusInactive, m.Status, "it stays as it is")
	for _, id := range ids {
		require.EqualValues(t, 1, w.audited("permission.moved", id))
	}

	require.NoError(t, w.DeleteModule(w.admin, m.ID))
	require.False(t, can())
	require.ErrorIs(t, w.DeleteModule(w.admin, m.ID), access.ErrModuleUnknown)
	_, err = w.UpdateModule(w.admin, m.ID, access.ModuleInput{Code: "figures"})
	require.ErrorIs(t, err, access.ErrModuleUnknown)
	require.EqualValues(t, 1, w.audited("module.deleted", m.ID))
	for _, id := range ids {
		require.EqualValues(t, 1, w.audited("permission.deleted", id))
		require.ErrorIs(t, w.DeletePermission(w.admin, id), access.ErrPermissionUnknown)
	}
	require.Zero(t, w.count(`SELECT count(*) FROM role_permissions m JOIN permissions p ON p.id = m.permission_id WHERE p.deleted_at IS NOT NULL`, nil))
	require.NoError(t, w.DeletePermission(w.admin, kept.ID), "of another module")
	_, err = w.CreateModule(w.admin, access.ModuleInput{Code: "figures"})
	require.NoError(t, err, "its code is free")
	_, err = w.CreateModule(w.admin, access.ModuleInput{Code: "a b", Status: "gone"})
	require.ElementsMatch(t, []string{"code:no_space", "status:enum"}, rulesOf(t, err))
}

// Changes of everything at once wait for each other and never in a circle, and
// leave no mapping of what is gone.
func TestChangesOfTheSameThingsAtOnce(t *testing.T) {
	w := newWorld(t)
	var modules, permissions, roles []int64
	for i := range 6 {
		m, err := w.CreateModule(w.admin, access.ModuleInput{Code: fmt.Sprintf("m%d", i)})
		require.NoError(t, err)
		modules, roles = append(modules, m.ID), append(roles, w.role(fmt.Sprintf("r%d", i)).ID)
		for j := range 4 {
			permissions = append(permissions, w.permission(fmt.Sprintf("p%d_%d", i, j), fmt.Sprintf("m%d", i)).ID)
		}
	}
	for _, r := range roles {
		for _, p := range permissions {
			_, err := w.GrantPermission(w.admin, r, p)
			require.NoError(t, err)
		}
	}
	var wg sync.WaitGroup
	failed := make(chan error, 100)
	do := func(fn func() error) {
		wg.Go(func() {
			var refusal *models.Error
			if err := fn(); err != nil && (!errors.As(err, &refusal) || refusal.Kind == models.KindUnavailable) {
				failed <- err
			}
		})
	}
	for i := range 6 {
		do(func() error { return w.DeleteModule(w.admin, modules[i]) })
		do(func() error { return w.DeletePermission(w.admin, permissions[23-4*i]) })
		do(func() error {
			_, err := w.GrantPermission(w.admin, roles[5-i], permissions[4*i])
			return err
		})
		do(func() error {
			if i%2 == 0 {
				return w.DeleteRole(w.admin, roles[i])
			}
			_, err := w.UpdateRole(w.admin, roles[i], access.RoleInput{Title: fmt.Sprintf("other%d", i), Status: "ACTIVE", Visibility: "x"})
			return err
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.Zero(t, w.count(`SELECT count(*) FROM role_permissions m JOIN permissions p ON p.id = m.permission_id WHERE p.deleted_at IS NOT NULL`, nil))
	require.Zero(t, w.count(`SELECT count(*) FROM role_permissions m WHERE m.role_title NOT IN ('public', 'any')
		AND NOT EXISTS (SELECT FROM roles r WHERE r.account_id = m.account_id AND lower(r.title) = m.role_title AND r.deleted_at IS NULL)`, nil))
}

func TestAdminsCanAlwaysSignIn(t *testing.T) {
	w := newWorld(t)
	const signIn = "/user/v1/admin/login"
	id := w.shipped("permissions", "code", "admin_login")
	in := access.PermissionInput{Code: "admin_login", Module: "admin", Methods: []string{"POST"}, Path: signIn}
	require.ErrorIs(t, w.DeletePermission(w.admin, id), access.ErrSignInNeeded)
	for _, broken := range []func(*access.PermissionInput){
		func(in *access.PermissionInput) { in.Status = "INACTIVE" },
		func(in *access.PermissionInput) { in.Module = "other" },
		func(in *access.PermissionInput) { in.Methods = []string{"GET"} },
		func(in *access.PermissionInput) { in.Path = "/user/v1/admin/other" },
	} {
		changed := in
		broken(&changed)
		_, err := w.UpdatePermission(w.admin, id, changed)
		require.ErrorIs(t, err, access.ErrSignInNeeded)
	}
	module := w.shipped("modules", "code", "admin")
	require.ErrorIs(t, w.DeleteModule(w.admin, module), access.ErrSignInNeeded)
	_, err := w.UpdateModule(w.admin, module, access.ModuleInput{Code: "boss"})
	require.ErrorIs(t, err, access.ErrSignInNeeded)
	require.True(t, w.anybody("POST", signIn))

	// A broader one will do, and then that is the last.
	in.Path = "/user/v1/admin/log*"
	_, err = w.UpdatePermission(w.admin, id, in)
	require.NoError(t, err)
	require.True(t, w.anybody("POST", signIn))
	in.Code = "another"
	other, err := w.CreatePermission(w.admin, in)
	require.NoError(t, err)
	_, err = w.db.Exec(w.admin, `INSERT INTO role_permissions (account_id, role_title, permission_id) VALUES (@account_id, 'public', @id)`, store.Args{"id": other.ID})
	require.NoError(t, err)

	// Of two who take away one each, one is too late.
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, id := range []int64{id, other.ID} {
		wg.Go(func() { errs[i] = w.DeletePermission(w.admin, id) })
	}
	wg.Wait()
	require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v, %v", errs[0], errs[1])
	require.NoError(t, w.people.PermissionsChanged(w.admin))
	require.True(t, w.anybody("POST", signIn))
}

func TestListPermissionsAndModules(t *testing.T) {
	w := newWorld(t)
	for _, code := range []string{"x_b", "X_a", "x%c"} {
		w.permission(code, "reports")
	}
	codes := func(p access.Page) (out []string, count int64) {
		page, count, err := w.ListPermissions(w.admin, p)
		require.NoError(t, err)
		for _, one := range page {
			out = append(out, one.Code)
		}
		return out, count
	}
	all, count := codes(access.Page{Search: "X_"})
	require.Equal(t, []string{"X_a", "x_b"}, all)
	require.EqualValues(t, 2, count)
	all, count = codes(access.Page{Search: "_", Number: 2, Limit: 2})
	require.Len(t, all, 2)
	require.Greater(t, count, int64(20))
	all, count = codes(access.Page{Search: "nothing like it"})
	require.Empty(t, all)
	require.Zero(t, count)
	all, _ = codes(access.Page{Search: "\x00"})
	require.Empty(t, all)

	modules, count, err := w.ListModules(w.admin, access.Page{Search: "ENT", Limit: 1})
	require.NoError(t, err)
	require.EqualValues(t, 2, count)
	require.Equal(t, "entity", modules[0].Code)
	modules, _, err = w.ListModules(w.admin, access.Page{Search: "\xff"})
	require.NoError(t, err)
	require.Empty(t, modules)

	before := w.db.Statements()
	codes(access.Page{})
	require.EqualValues(t, 2, w.db.Statements()-before)
}
