package mis_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

const rolesPath = "/mis/auth/roles"

func holderPath(role, user int64) string { return fmt.Sprintf("%s/%d/users/%d", rolesPath, role, user) }

// counts are the roles of a list with the numbers of their holders.
func counts(t *testing.T, a contracttest.Answer) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, role := range members(t, a, "roles") {
		out[role["name"].(string)] = int64(role["userCount"].(float64))
	}
	return out
}

// members are the objects of a wrapped list.
func members(t *testing.T, a contracttest.Answer, name string) []object {
	t.Helper()
	var out []object
	for _, item := range a.Map(t)[name].([]any) {
		out = append(out, item.(object))
	}
	return out
}

// emails are the addresses of people in a list.
func emails(people []object) []string {
	out := []string{}
	for _, p := range people {
		out = append(out, p["email"].(string))
	}
	return out
}

func TestRoles(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	w.elsewhere(t, "far.test") // is counted nowhere

	a := root.Do(t, 200, "GET", rolesPath, nil)
	require.Equal(t, map[string]int64{"SUPER_ADMIN": 1, "TENANT_ADMIN": 2, "PROJECT_MANAGER": 2, "REPORT_VIEWER": 2, "USER": 3}, counts(t, a))
	for i, role := range members(t, a, "roles") {
		require.EqualValues(t, i+1, role["id"])
	}
	a = north.Do(t, 200, "GET", rolesPath, nil)
	require.Equal(t, map[string]int64{"SUPER_ADMIN": 0, "TENANT_ADMIN": 1, "PROJECT_MANAGER": 1, "REPORT_VIEWER": 1, "USER": 1}, counts(t, a))
	fails(t, w.as(t, w.viewer).Do(t, 403, "GET", rolesPath, nil), "Forbidden resource")

	// Members count wherever their home is, the deleted do not.
	w.join(t, w.southUser, w.north)
	w.NewPerson(0, w.north.ID, "roleless", models.RoleMentor)
	w.exec(t, `UPDATE users SET status = 'DELETED' WHERE id = @id`, store.Args{"id": w.viewer.ID})
	a = north.Do(t, 200, "GET", rolesPath+"/statistics", nil)
	require.Equal(t, object{
		"totalRoles": 5., "totalUsers": 5., "usersWithoutRole": 1., "roles": []any{
			object{"id": 1., "name": "SUPER_ADMIN", "userCount": 0., "percentage": 0.},
			object{"id": 2., "name": "TENANT_ADMIN", "userCount": 1., "percentage": 20.},
			object{"id": 3., "name": "PROJECT_MANAGER", "userCount": 1., "percentage": 20.},
			object{"id": 4., "name": "REPORT_VIEWER", "userCount": 0., "percentage": 0.},
			object{"id": 5., "name": "USER", "userCount": 2., "percentage": 40.},
		},
	}, a.Map(t))
	a = root.Do(t, 200, "GET", rolesPath+"/statistics", nil)
	require.EqualValues(t, 10, a.Map(t)["totalUsers"])
	require.EqualValues(t, 1, a.Map(t)["usersWithoutRole"])
	w.as(t, w.manager).Do(t, 403, "GET", rolesPath+"/statistics", nil)
}

func TestHoldersOfARole(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)

	a := root.Do(t, 200, "GET", rolesPath+"/2", nil)
	require.Equal(t, "TENANT_ADMIN", a.Text(t, "name"))
	require.Equal(t, "2", a.Text(t, "userCount"))
	require.Equal(t, []string{w.southAdmin.Email, w.tenantAdmin.Email}, emails(members(t, a, "users")), "the newest first")
	require.Equal(t, []string{w.tenantAdmin.Email}, emails(members(t, north.Do(t, 200, "GET", rolesPath+"/2", nil), "users")))
	require.Empty(t, members(t, north.Do(t, 200, "GET", rolesPath+"/1", nil), "users"))
	fails(t, root.Do(t, 404, "GET", rolesPath+"/6", nil), "Role not found")
	fails(t, root.Do(t, 400, "GET", rolesPath+"/admin", nil), "Id must be a positive integer")

	// Candidates are ACTIVE and do not hold it.
	a = north.Do(t, 200, "GET", rolesPath+"/3/available-users", nil)
	require.Equal(t, []string{w.user.Email, w.viewer.Email, w.tenantAdmin.Email}, emails(members(t, a, "users")))
	w.exec(t, `UPDATE users SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.viewer.ID})
	a = north.Do(t, 200, "GET", rolesPath+"/3/available-users", nil)
	require.Equal(t, []string{w.user.Email, w.tenantAdmin.Email}, emails(members(t, a, "users")))
	fails(t, north.Do(t, 404, "GET", rolesPath+"/99/available-users", nil), "Role not found")
}

func TestRolesAreGivenAndTaken(t *testing.T) {
	w := newWorld(t)
	root, north, user := w.as(t, w.root), w.as(t, w.tenantAdmin), w.as(t, w.user)

	// It holds at the next request, with the token of before.
	user.Do(t, 403, "GET", rolesPath, nil)
	require.Equal(t, object{"success": true, "message": "User assigned to role"}, north.Do(t, 201, "POST", holderPath(2, w.user.ID), nil).Map(t))
	user.Do(t, 200, "GET", rolesPath, nil)
	fails(t, north.Do(t, 409, "POST", holderPath(2, w.user.ID), nil), "User already has this role")
	require.Equal(t, object{"success": true, "message": "User removed from role"}, north.Do(t, 200, "DELETE", holderPath(2, w.user.ID), nil).Map(t))
	user.Do(t, 403, "GET", rolesPath, nil)
	fails(t, north.Do(t, 404, "DELETE", holderPath(2, w.user.ID), nil), "User does not have this role")
	require.EqualValues(t, 1, w.audited(t, "role.granted", w.user.ID))
	require.EqualValues(t, 1, w.audited(t, "role.revoked", w.user.ID))

	// Nobody out of reach, and no SUPER_ADMIN by somebody who is none.
	for _, who := range []int64{w.southUser.ID, w.loner.ID, 1 << 40} {
		fails(t, north.Do(t, 404, "POST", holderPath(3, who), nil), "User not found")
		fails(t, north.Do(t, 404, "DELETE", holderPath(5, who), nil), "User not found")
		fails(t, north.Do(t, 404, "POST", holderPath(1, who), nil), "User not found")
	}
	fails(t, north.Do(t, 403, "POST", holderPath(1, w.user.ID), nil), "Forbidden resource")
	second := w.NewPerson(0, w.north.ID, "second", models.RoleAdmin)
	fails(t, north.Do(t, 403, "POST", holderPath(3, second.ID), nil), "Forbidden resource")
	fails(t, north.Do(t, 403, "DELETE", holderPath(1, second.ID), nil), "Forbidden resource")
	fails(t, root.Do(t, 404, "POST", holderPath(6, w.user.ID), nil), "Role not found")
	fails(t, root.Do(t, 404, "POST", rolesPath+"/2/users/nobody", nil), "User not found")
	root.Do(t, 400, "DELETE", rolesPath+"/x/users/1", nil)

	// A SUPER_ADMIN gives and takes anything but the last of their kind.
	root.Do(t, 201, "POST", holderPath(4, w.southUser.ID), nil)
	root.Do(t, 201, "POST", holderPath(1, w.loner.ID), nil)
	root.Do(t, 200, "DELETE", holderPath(1, w.loner.ID), nil)
	root.Do(t, 200, "DELETE", holderPath(1, second.ID), nil)
	fails(t, root.Do(t, 409, "DELETE", holderPath(1, w.root.ID), nil), "The last SUPER_ADMIN cannot be taken away")
	root.Do(t, 200, "GET", rolesPath, nil)
}

// Members of a second tenant are in reach too, wherever their home is.
func TestRolesOfMembers(t *testing.T) {
	w := newWorld(t)
	w.join(t, w.southUser, w.north)
	w.as(t, w.tenantAdmin).Do(t, 201, "POST", holderPath(3, w.southUser.ID), nil)
	w.as(t, w.southAdmin).Do(t, 200, "DELETE", holderPath(3, w.southUser.ID), nil)
}

func TestManyGiveARoleAtOnce(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, map[int]int{201: 1, 409: 49}, w.as(t, w.tenantAdmin).AtOnce(t, 50, "POST", holderPath(4, w.user.ID), nil))
	require.EqualValues(t, 1, w.audited(t, "role.granted", w.user.ID))
	require.Equal(t, map[int]int{200: 1, 404: 49}, w.as(t, w.tenantAdmin).AtOnce(t, 50, "DELETE", holderPath(4, w.user.ID), nil))
	require.EqualValues(t, 1, w.audited(t, "role.revoked", w.user.ID))
}

// Two SUPER_ADMINs who take each other's role at the same time: one stays.
func TestTwoTakeEachOthersRole(t *testing.T) {
	w := newWorld(t)
	other := w.NewPerson(0, 0, "other", models.RoleAdmin)
	people, clients := []hubtest.Person{w.root, other}, []contracttest.Client{w.as(t, w.root), w.as(t, other)}
	for range 10 {
		w.exec(t, `INSERT INTO user_roles (account_id, user_id, role_id) SELECT @account, u.id, r.id FROM users u, roles r
			WHERE u.id IN (@one, @two) AND r.account_id = @account AND r.title = 'admin' ON CONFLICT DO NOTHING`,
			store.Args{"account": w.Account.ID, "one": w.root.ID, "two": other.ID})
		got := contracttest.AtOnce(2, func(i int) int {
			return clients[i].Status(t.Context(), "DELETE", holderPath(1, people[1-i].ID), nil)
		})
		require.Equal(t, 1, got[200], got)
		require.Equal(t, 1, got[409]+got[403], "the loser comes too late, or is none any more: %v", got)
		require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM user_roles ur JOIN roles r ON r.id = ur.role_id
			WHERE ur.account_id = @account_id AND r.title = 'admin'`, nil))
	}
}

// Besides the one that knows the caller.
func TestStatementsOfRoles(t *testing.T) {
	w := newWorld(t)
	north := w.as(t, w.tenantAdmin)
	for path, most := range map[string]int64{rolesPath: 1, rolesPath + "/statistics": 1, rolesPath + "/5": 1, rolesPath + "/5/available-users": 1} {
		require.LessOrEqual(t, w.statementsOf(func() { north.Do(t, 200, "GET", path, nil) }), 1+most, path)
	}
	// Role; BEGIN, lock, standing, grant, audit, COMMIT.
	require.LessOrEqual(t, w.statementsOf(func() { north.Do(t, 201, "POST", holderPath(3, w.user.ID), nil) }), int64(1+7))
}
