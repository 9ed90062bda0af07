package mis_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/mis/wire"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/people/invite"
	"quad/internal/store"
	"quad/models"
)

const tenantsPath = "/mis/tenants"

func tenantPath(id int64) string { return fmt.Sprintf("%s/%d", tenantsPath, id) }

// names are the names of listed things.
func names(items []object) []string {
	out := []string{}
	for _, item := range items {
		out = append(out, item["name"].(string))
	}
	return out
}

func TestTenantsAreListed(t *testing.T) {
	w := newWorld(t)
	w.NewOrganization("abc", "abc")
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	w.elsewhere(t, "far.test").Do(t, 201, "POST", tenantsPath, object{"name": "Far", "email": "far@far.test"})

	require.Equal(t, []string{"abc", "North", "South"}, names(list(t, root.Do(t, 200, "GET", tenantsPath, nil))), "by name, without the default organization")
	require.Equal(t, []string{"North"}, names(list(t, north.Do(t, 200, "GET", tenantsPath, nil))))
	fails(t, w.as(t, w.manager).Do(t, 403, "GET", tenantsPath, nil), "Forbidden resource")

	require.Equal(t, "North", north.Do(t, 200, "GET", tenantPath(w.north.ID), nil).Text(t, "name"))
	fails(t, north.Do(t, 404, "GET", tenantPath(w.south.ID), nil), "Tenant not found")
	fails(t, root.Do(t, 404, "GET", tenantPath(w.Organization.ID), nil), "Tenant not found")
	fails(t, root.Do(t, 404, "GET", tenantsPath+"/none", nil), "Tenant not found")

	// Who may analyse sees their memberships in short.
	w.join(t, w.viewer, w.south)
	a := w.as(t, w.viewer).Do(t, 200, "GET", "/mis/bi/tenants", nil)
	require.Equal(t, []object{
		{"id": idText(w.north.ID), "name": "North", "status": "active"}, {"id": idText(w.south.ID), "name": "South", "status": "active"},
	}, list(t, a))
	require.Len(t, list(t, root.Do(t, 200, "GET", "/mis/bi/tenants", nil)), 3)
	w.as(t, w.user).Do(t, 403, "GET", "/mis/bi/tenants", nil)

	for _, path := range []string{tenantsPath, tenantPath(w.north.ID), "/mis/bi/tenants"} {
		require.LessOrEqual(t, w.statementsOf(func() { north.Do(t, 200, "GET", path, nil) }), int64(1+1), path)
	}
}

func TestTenantsAreMadeAndChanged(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)

	a := root.Do(t, 201, "POST", tenantsPath, object{
		"name": " Acme Corporation ", "email": "Admin@Acme.com", "phone": "+1-555-0100", "address": "123 Business Ave", "status": "inactive",
	})
	acme := a.Map(t)
	require.Equal(t, []any{"Acme Corporation", "admin@acme.com", "+1-555-0100", "123 Business Ave", "active"},
		[]any{acme["name"], acme["email"], acme["phone"], acme["address"], acme["status"]}, "a new one is active, whatever is asked for")
	path := tenantsPath + "/" + acme["id"].(string)
	require.Equal(t, acme, root.Do(t, 200, "GET", path, nil).Map(t))
	var o models.Organization
	require.NoError(t, w.DB.Query(w.Context(), &o, `SELECT * FROM organizations WHERE account_id = @account_id AND name = 'Acme Corporation'`, nil))
	require.Equal(t, "acme-corporation", o.Code)
	bare := root.Do(t, 201, "POST", tenantsPath, object{"name": "東京", "email": "a@b.example"}).Map(t)
	require.Equal(t, []any{"", ""}, []any{bare["phone"], bare["address"]})

	// Names are unique in any case, codes anyway.
	fails(t, root.Do(t, 409, "POST", tenantsPath, object{"name": "ACME corporation", "email": "a@b.example"}), "Tenant name already exists")
	root.Do(t, 201, "POST", tenantsPath, object{"name": "Acme, Corporation!", "email": "a@b.example"})
	fails(t, root.Do(t, 400, "POST", tenantsPath, object{"phone": 5}), []string{"name is required", "email is required", "phone must be a string"})
	fails(t, root.Do(t, 400, "POST", tenantsPath, object{"name": "a\nb", "email": "a@b.example"}), []string{"name is invalid"})
	w.as(t, w.tenantAdmin).Do(t, 403, "POST", tenantsPath, object{"name": "Mine", "email": "a@b.example"})

	// What is left out stays, nothing changes nothing.
	w.exec(t, `UPDATE organizations SET updated_at = updated_at - interval '1 hour' WHERE id = @id`, store.Args{"id": o.ID})
	before := root.Do(t, 200, "GET", path, nil).Map(t)
	for _, nothing := range []object{{}, {"name": "Acme Corporation", "status": "active"}} {
		require.Equal(t, before, root.Do(t, 200, "PATCH", path, nothing).Map(t))
		require.Equal(t, before, root.Do(t, 200, "PUT", path, nothing).Map(t))
	}
	require.Zero(t, w.audited(t, "organization.updated", o.ID))
	after := root.Do(t, 200, "PUT", path, object{"name": "acme corporation", "phone": ""}).Map(t)
	require.Equal(t, []any{"acme corporation", "", "123 Business Ave"}, []any{after["name"], after["phone"], after["address"]})
	require.NotEqual(t, before["updatedAt"], after["updatedAt"])
	require.EqualValues(t, 1, w.audited(t, "organization.updated", o.ID))
	fails(t, root.Do(t, 409, "PATCH", path, object{"name": "north"}), "Tenant name already exists")
	fails(t, root.Do(t, 400, "PATCH", path, object{"status": "gone", "email": "x"}),
		[]string{"email must be an email", "status must be one of the following values: active, inactive"})
	for _, method := range []string{"PATCH", "PUT"} {
		fails(t, root.Do(t, 404, method, tenantPath(1<<40), object{"name": "x"}), "Tenant not found")
		root.Do(t, 404, method, tenantPath(w.Organization.ID), object{"status": "inactive"})
	}
	w.as(t, w.tenantAdmin).Do(t, 403, "PATCH", tenantPath(w.north.ID), object{})
	// BEGIN, lock, name, look, write, read, audit, COMMIT.
	require.LessOrEqual(t, w.statementsOf(func() { root.Do(t, 200, "PATCH", path, object{"name": "Other"}) }), int64(1+8))
}

func TestManyMakeOneTenantAtOnce(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	require.Equal(t, map[int]int{201: 1, 409: 49}, root.AtOnce(t, 50, "POST", tenantsPath, object{"name": "One", "email": "a@b.example"}))
	got := contracttest.AtOnce(20, func(i int) int {
		path := tenantPath([]int64{w.north.ID, w.south.ID}[i%2])
		return root.Status(t.Context(), "PATCH", path, object{"name": "Both"})
	})
	require.Equal(t, 20, got[200]+got[409])
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM organizations WHERE account_id = @account_id AND name = 'Both'`, nil))
}

// A tenant that is switched off is out of reach until it is switched on again.
func TestInactiveTenants(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	path := tenantPath(w.north.ID)
	w.join(t, w.southUser, w.north)
	w.join(t, w.viewer, w.south)

	require.Equal(t, "inactive", root.Do(t, 200, "PATCH", path, object{"status": "inactive"}).Text(t, "status"))
	north.Do(t, 401, "GET", tenantsPath, nil)
	require.Equal(t, []string{"South"}, names(list(t, w.as(t, w.viewer).Do(t, 200, "GET", "/mis/bi/tenants", nil))), "who is in another one goes on there")
	w.as(t, w.southAdmin).Do(t, 200, "GET", tenantsPath, nil)
	require.Equal(t, "inactive", root.Do(t, 200, "GET", path, nil).Text(t, "status"), "a SUPER_ADMIN sees it")
	require.EqualValues(t, 4, w.number(t, `SELECT count(*) FROM users WHERE account_id = @account_id AND organization_id = @id AND status = 'ACTIVE'`,
		store.Args{"id": w.north.ID}), "its people stay active")
	require.EqualValues(t, 1, w.audited(t, "organization.deactivated", w.north.ID))

	active := object{"id": idText(w.north.ID), "name": "North", "status": "active"}
	require.Equal(t, active, root.Do(t, 200, "POST", path+"/activate", nil).Map(t))
	require.Equal(t, active, root.Do(t, 200, "POST", path+"/activate", nil).Map(t), "again changes nothing")
	require.EqualValues(t, 1, w.audited(t, "organization.activated", w.north.ID))
	north.Do(t, 200, "GET", tenantsPath, nil)
	fails(t, root.Do(t, 404, "POST", tenantPath(1<<40)+"/activate", nil), "Tenant not found")
	north.Do(t, 403, "POST", path+"/activate", nil)
}

func TestTenantsAreDeleted(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	const inUse = "Tenant still has users, projects, forms, reports or other records"
	fails(t, root.Do(t, 409, "DELETE", tenantPath(w.north.ID), nil), inUse)
	empty := w.NewOrganization("Empty", "empty")
	path := tenantPath(empty.ID)

	// Each thing that belongs to it keeps it, a member from elsewhere too.
	w.join(t, w.loner, empty)
	fails(t, root.Do(t, 409, "DELETE", path, nil), inUse)
	w.exec(t, `DELETE FROM user_organizations WHERE organization_id = @id`, store.Args{"id": empty.ID})
	for table, insert := range map[string]string{
		"projects": `INSERT INTO projects (account_id, organization_id, name, status, starts_on, ends_on) VALUES (@account, @id, 'p', 'active', '2026-01-01', '2026-01-02')`,
		"surveys":  `INSERT INTO surveys (account_id, organization_id, name, status) VALUES (@account, @id, 'f', 'active')`,
		"groups":   `INSERT INTO groups (account_id, organization_id, identifier, name, type) VALUES (@account, @id, 'g', 'g', 'g')`,
	} {
		w.exec(t, insert, store.Args{"account": w.Account.ID, "id": empty.ID})
		fails(t, root.Do(t, 409, "DELETE", path, nil), inUse)
		if table != "surveys" {
			w.exec(t, `DELETE FROM `+table+` WHERE organization_id = @id`, store.Args{"id": empty.ID})
		} else { // a deleted form is only history
			w.exec(t, `UPDATE surveys SET deleted_at = now() WHERE organization_id = @id`, store.Args{"id": empty.ID})
		}
	}
	// Requests and imports keep it while they are open.
	const open = "Invitations, imports or role requests of the organization are open: they have to end first"
	for _, way := range []struct{ insert, end string }{
		{`INSERT INTO role_requests (account_id, organization_id, user_id, role_id, remind_at, remind_every, escalate_at, expires_at)
			SELECT @account, @id, @user, id, now(), 60, now(), now() FROM roles LIMIT 1`, `UPDATE role_requests SET status = 'EXPIRED' WHERE organization_id = @id`},
		{`INSERT INTO invite_files (account_id, organization_id, door, name, input_path, created_by) VALUES (@account, @id, 'test', 'x', 'x', @user)`,
			`UPDATE invite_files SET status = 'PROCESSED' WHERE organization_id = @id`},
		{`INSERT INTO invites (account_id, organization_id, file_id, email, name, role_ids, expires_at)
			SELECT @account, @id, id, 'b@empty.example', 'B', '{}', now() + interval '1 day' FROM invite_files WHERE organization_id = @id`,
			`UPDATE invites SET status = 'LAPSED' WHERE organization_id = @id`},
	} {
		w.exec(t, way.insert, store.Args{"account": w.Account.ID, "id": empty.ID, "user": w.loner.ID})
		fails(t, root.Do(t, 409, "DELETE", path, nil), open)
		w.exec(t, way.end, store.Args{"id": empty.ID})
	}
	w.exec(t, `INSERT INTO stored_files (account_id, organization_id, path, name, purpose) VALUES (@account, @id, 'x', 'x', 'x')`, store.Args{"account": w.Account.ID, "id": empty.ID})
	// So are deleted people and processes that have ended.
	gone := w.NewPerson(0, empty.ID, "gone", models.RoleUser)
	require.NoError(t, w.People.DeleteUser(w.AdminContext(w.root), gone.ID))
	w.exec(t, `INSERT INTO processes (account_id, organization_id, kind, business_key, workflow_id, subject_type, subject_id, state, door, ended_at)
		VALUES (@account, @id, 'bulk-invite', 'x', 'x', 'x', 1, 'completed', 'test', now())`, store.Args{"account": w.Account.ID, "id": empty.ID})

	require.Equal(t, object{"success": true, "message": "Tenant deleted"}, root.Do(t, 200, "DELETE", path, nil).Map(t))
	fails(t, root.Do(t, 404, "DELETE", path, nil), "Tenant not found")
	root.Do(t, 404, "GET", path, nil)
	require.EqualValues(t, 1, w.audited(t, "organization.deleted", empty.ID))
	var lapsed int64
	require.NoError(t, w.DB.Query(w.Context(), &lapsed, `SELECT id FROM invites WHERE account_id = @account_id AND organization_id = @id`, store.Args{"id": empty.ID}))
	_, err := w.Invites.Resend(w.AdminContext(w.root), lapsed)
	require.ErrorIs(t, err, invite.ErrInviteNotFound, "nobody is invited to what is gone")
	root.Do(t, 201, "POST", tenantsPath, object{"name": "Empty", "email": "a@b.example"})
	w.as(t, w.tenantAdmin).Do(t, 403, "DELETE", tenantPath(w.north.ID), nil)
	root.Do(t, 404, "DELETE", tenantPath(w.Organization.ID), nil)
}

// Somebody joins while the tenant is deleted: it goes without members, or stays.
func TestDeletionAndMembershipAtOnce(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	for i := range 10 {
		o := w.NewOrganization(fmt.Sprint("Race ", i), fmt.Sprint("race", i))
		who := w.NewPerson(0, 0, fmt.Sprint("racer", i), models.RoleUser)
		got := contracttest.AtOnce(2, func(n int) int {
			if n == 0 {
				return root.Status(t.Context(), "DELETE", tenantPath(o.ID), nil)
			}
			return root.Status(t.Context(), "POST", tenantPath(o.ID)+"/users", object{"userId": idText(who.ID)})
		})
		require.True(t, got[200] == 1 && got[404] == 1 || got[201] == 1 && got[409] == 1, "%v", got)
	}
}

func TestMembersOfTenants(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	path := tenantPath(w.north.ID) + "/users"
	member := func(p hubtest.Person) object { return object{"userId": idText(p.ID)} }
	home := func(p hubtest.Person) int64 {
		return w.number(t, `SELECT organization_id FROM users WHERE account_id = @account_id AND id = @id`, store.Args{"id": p.ID})
	}

	// The first tenant becomes the home; what one is stays.
	root.Do(t, 201, "POST", holderPath(2, w.loner.ID), nil)
	a := north.Do(t, 403, "POST", tenantPath(w.north.ID)+"/users", member(w.root))
	fails(t, a, "Forbidden resource")
	a = north.Do(t, 201, "POST", path, member(w.loner))
	require.Equal(t, idText(w.north.ID), a.Text(t, "tenantId"))
	require.Equal(t, idText(w.loner.ID), a.Text(t, "userId"))
	require.Equal(t, w.north.ID, home(w.loner))
	require.Equal(t, []string{"North"}, names(list(t, w.as(t, w.loner).Do(t, 200, "GET", tenantsPath, nil))))
	fails(t, north.Do(t, 409, "POST", path, member(w.loner)), "User is already a member of the tenant")
	require.EqualValues(t, 1, w.audited(t, "user.joined", w.loner.ID))

	// Another one is another one.
	root.Do(t, 201, "POST", tenantPath(w.south.ID)+"/users", member(w.loner))
	require.Equal(t, w.north.ID, home(w.loner))
	require.Equal(t, []string{"North", "South"}, names(list(t, w.as(t, w.loner).Do(t, 200, "GET", tenantsPath, nil))))

	// A TENANT_ADMIN names own tenants and people who are there or nowhere.
	fails(t, north.Do(t, 404, "POST", tenantPath(w.south.ID)+"/users", member(w.user)), "Tenant not found")
	fails(t, north.Do(t, 404, "POST", path, member(w.southUser)), "User not found")
	fails(t, root.Do(t, 404, "POST", path, object{"userId": "nobody"}), "User not found")
	fails(t, root.Do(t, 400, "POST", path, object{}), []string{"userId is required"})
	w.as(t, w.manager).Do(t, 403, "POST", path, member(w.loner))

	// The home goes over to the oldest membership that is left, then to none.
	require.Equal(t, object{"success": true, "message": "User removed from tenant"},
		north.Do(t, 200, "DELETE", path+"/"+idText(w.loner.ID), nil).Map(t))
	require.Equal(t, w.south.ID, home(w.loner))
	fails(t, north.Do(t, 404, "DELETE", path+"/"+idText(w.loner.ID), nil), "User not found")
	fails(t, root.Do(t, 404, "DELETE", path+"/"+idText(w.loner.ID), nil), "User is not a member of the tenant")
	w.as(t, w.loner).Do(t, 200, "GET", tenantsPath, nil)
	root.Do(t, 200, "DELETE", tenantPath(w.south.ID)+"/users/"+idText(w.loner.ID), nil)
	require.Equal(t, w.Organization.ID, home(w.loner))
	w.as(t, w.loner).Do(t, 403, "GET", tenantsPath, nil)
	require.Zero(t, w.number(t, `SELECT count(*) FROM user_organizations WHERE account_id = @account_id AND user_id = @id`, store.Args{"id": w.loner.ID}))
	require.EqualValues(t, 2, w.audited(t, "user.left", w.loner.ID))
	second := w.NewPerson(0, w.north.ID, "second", models.RoleAdmin)
	fails(t, north.Do(t, 403, "DELETE", path+"/"+idText(second.ID), nil), "Forbidden resource")
	w.as(t, w.user).Do(t, 403, "DELETE", path+"/1", nil)
}

func TestManyAssignOneUserAtOnce(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	for _, who := range []hubtest.Person{w.loner, w.southUser} { // as the home, and besides another one
		require.Equal(t, map[int]int{201: 1, 409: 49}, root.AtOnce(t, 50, "POST", tenantPath(w.north.ID)+"/users", wireAssign(who)))
		require.EqualValues(t, 1, w.audited(t, "user.joined", who.ID))
	}
}

func wireAssign(p hubtest.Person) object { return object{"userId": wire.ID(p.ID)} }
