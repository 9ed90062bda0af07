package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/models"
)

func TestOrganizations(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.orgAdmin), w.as(t, w.user)
	made := admin.Do(t, 201, "POST", "/hub/v1/organizations", object{
		"name": "Mill", "code": "mill", "description": "A mill", "domains": []string{"Mill.test"}, "adminEmail": "boss@mill.test",
	})
	at := path("/organizations/%s", made.Text(t, "id"))
	require.Contains(t, string(made.Body), `"domains":["mill.test"]`)
	problem(t, admin.Do(t, 409, "POST", "/hub/v1/organizations", object{"name": "Mill", "code": "MILL", "description": "again"}), "organization.code_taken")
	wrong := admin.Do(t, 422, "POST", "/hub/v1/organizations", object{"code": "a b", "adminEmail": "nobody"})
	require.ElementsMatch(t, []string{"name", "code", "description", "adminEmail"}, fields(t, wrong))
	orgAdmin.Do(t, 403, "POST", "/hub/v1/organizations", object{"name": "x", "code": "x", "description": "x"})

	require.Len(t, walk(t, user, "/hub/v1/organizations?limit=1"), 3)
	require.Equal(t, []string{made.Text(t, "id")}, walk(t, user, "/hub/v1/organizations?search=mi"))
	user.Do(t, 400, "GET", "/hub/v1/organizations?limit=0", nil)

	patched := admin.Do(t, 200, "PATCH", at, object{"description": "The mill"})
	require.Equal(t, "Mill", patched.Text(t, "name"))
	require.Contains(t, string(patched.Body), `"domains":["mill.test"]`)
	require.Contains(t, string(admin.Do(t, 200, "PATCH", at, object{"domains": []string{}}).Body), `"domains":[]`)
	own := path("/organizations/%d", w.Organization.ID)
	require.Equal(t, "Home", orgAdmin.Do(t, 200, "PATCH", own, object{"name": "Home"}).Text(t, "name"))
	problem(t, orgAdmin.Do(t, 403, "PATCH", at, object{"name": "Mine"}), "forbidden")
	problem(t, orgAdmin.Do(t, 404, "PATCH", path("/organizations/999999"), object{"name": "Mine"}), "organization.unknown")
	require.Equal(t, []string{"name"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"name": ""})))
	admin.Do(t, 200, "PATCH", own, object{"domains": []string{"home.test"}})
	problem(t, admin.Do(t, 409, "PATCH", at, object{"domains": []string{"home.test"}}), "organization.domain_taken")

	require.Equal(t, "INACTIVE", admin.Do(t, 200, "POST", at+"/deactivate", nil).Text(t, "status"))
	problem(t, admin.Do(t, 409, "POST", at+"/deactivate", nil), "organization.inactive")
	problem(t, admin.Do(t, 409, "POST", own+"/deactivate", nil), "organization.default")
	user.Do(t, 404, "GET", at, nil)
	admin.Do(t, 200, "GET", at, nil)
	require.Empty(t, walk(t, user, "/hub/v1/organizations?status=INACTIVE"))
	require.Len(t, walk(t, admin, "/hub/v1/organizations?status=INACTIVE"), 1)
}

// Deactivating an organization ends the sessions of its people at once.
func TestDeactivatedPeopleAreOut(t *testing.T) {
	w := newWorld(t, nil)
	admin, otherUser, user := w.as(t, w.admin), w.as(t, w.otherUser), w.as(t, w.user)
	admin.Do(t, 200, "POST", path("/organizations/%d/deactivate", w.other.ID), nil)
	otherUser.Do(t, 401, "GET", "/hub/v1/me", nil)
	orgAdmin := w.as(t, w.orgAdmin)
	for range 2 { // the second time changes nothing
		require.Equal(t, "INACTIVE", orgAdmin.Do(t, 200, "POST", path("/users/%d/deactivate", w.user.ID), nil).Text(t, "status"))
	}
	user.Do(t, 401, "GET", "/hub/v1/me", nil)
	w.anyone().Do(t, 401, "POST", "/hub/v1/login", object{"email": w.user.Email, "password": hubtest.Password})
	orgAdmin.Do(t, 404, "POST", path("/users/%d/deactivate", w.otherUser.ID), nil)
}

func TestUsers(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.orgAdmin), w.as(t, w.user)
	mentor, adminRole := w.role(t, models.RoleMentor), w.role(t, models.RoleAdmin)
	made := orgAdmin.Do(t, 201, "POST", "/hub/v1/users", object{"name": "New", "email": "New@Example.test", "password": hubtest.Password, "roleIds": []int64{mentor}})
	id := made.Text(t, "id")
	require.Equal(t, "new@example.test", made.Text(t, "email"))
	w.anyone().Do(t, 200, "POST", "/hub/v1/login", object{"email": "new@example.test", "password": hubtest.Password})
	problem(t, admin.Do(t, 409, "POST", "/hub/v1/users", object{"name": "New", "email": "new@example.test"}), "user.email_taken")
	require.Equal(t, []string{"roleIds"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/users", object{"name": "N", "email": "n@example.test", "roleIds": []int64{999_999}})))
	orgAdmin.Do(t, 403, "POST", "/hub/v1/users", object{"name": "N", "email": "n@example.test", "roleIds": []int64{adminRole}})
	orgAdmin.Do(t, 404, "POST", "/hub/v1/users", object{"name": "N", "email": "n@example.test", "organizationId": w.other.ID})
	require.Equal(t, []string{"roleIds"}, fields(t, orgAdmin.Do(t, 422, "POST", "/hub/v1/users", `{"name":"N","email":"n@example.test","roleIds":"1"}`)))

	require.Len(t, walk(t, admin, "/hub/v1/users?limit=2"), 6)
	require.Len(t, walk(t, orgAdmin, "/hub/v1/users?limit=2"), 4)
	require.Equal(t, []string{id}, walk(t, orgAdmin, "/hub/v1/users?email=NEW@example.test"))
	require.Empty(t, walk(t, orgAdmin, path("/users?organizationId=%d", w.other.ID)))
	require.Empty(t, walk(t, admin, "/hub/v1/users?status=INACTIVE"))
	user.Do(t, 403, "GET", "/hub/v1/users", nil)

	self := path("/users/%d", w.user.ID)
	require.Equal(t, "user", user.Do(t, 200, "GET", self, nil).Text(t, "name"))
	user.Do(t, 404, "GET", path("/users/%s", id), nil)
	require.Equal(t, "Renamed", user.Do(t, 200, "PATCH", self, object{"name": " Renamed "}).Text(t, "name"))
	user.Do(t, 403, "PATCH", self, object{"organizationId": w.other.ID})
	orgAdmin.Do(t, 403, "PATCH", self, object{"organizationId": w.other.ID})
	require.Equal(t, []string{"name"}, fields(t, user.Do(t, 422, "PATCH", self, object{"name": ""})))

	grant := path("/users/%s/roles/%d", id, adminRole)
	problem(t, orgAdmin.Do(t, 403, "PUT", grant, nil), "forbidden")
	require.Contains(t, string(admin.Do(t, 200, "PUT", grant, nil).Body), `"title":"admin"`)
	require.NotContains(t, string(admin.Do(t, 200, "DELETE", grant, nil).Body), `"title":"admin"`)
	problem(t, admin.Do(t, 404, "PUT", path("/users/%s/roles/999999", id), nil), "role.unknown")
	problem(t, admin.Do(t, 404, "DELETE", path("/users/%s/roles/999999", id), nil), "role.unknown")

	require.Equal(t, walk(t, user, "/hub/v1/roles"), walk(t, user, "/hub/v1/roles?limit=1"))
	user.Do(t, 400, "GET", "/hub/v1/roles?limit=x", nil)
}

// A person who is moved takes neither open requests nor the right to
// administrate along.
func TestUserIsMoved(t *testing.T) {
	w := newWorld(t, nil)
	admin, moving := w.as(t, w.admin), w.as(t, w.orgAdmin)
	id := w.startRequest(t, moving).Text(t, "id")
	at := path("/users/%d", w.orgAdmin.ID)
	admin.Do(t, 404, "PATCH", at, object{"organizationId": 999_999})
	moved := admin.Do(t, 200, "PATCH", at, object{"organizationId": w.other.ID})
	require.NotContains(t, string(moved.Body), models.RoleOrgAdmin)
	moving.Do(t, 403, "GET", "/hub/v1/users", nil)
	require.Equal(t, "cancelled", moving.Do(t, 200, "GET", path("/processes/%s", id), nil).Text(t, "state"))

	closed := w.NewOrganization("Closed", "closed")
	admin.Do(t, 200, "POST", path("/organizations/%d/deactivate", closed.ID), nil)
	problem(t, admin.Do(t, 409, "PATCH", at, object{"organizationId": closed.ID}), "organization.inactive")
}

func TestAudit(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	orgAdmin.Do(t, 200, "PATCH", path("/organizations/%d", w.Organization.ID), object{"name": "Home"})
	admin.Do(t, 200, "PATCH", path("/organizations/%d", w.other.ID), object{"name": "Away"})

	subject := path("/audit?subject=organization:%d", w.Organization.ID)
	first := items(t, orgAdmin.Do(t, 200, "GET", subject, nil))[0]
	require.Equal(t, "organization.updated", first["action"])
	require.Equal(t, "native", first["door"])
	require.EqualValues(t, w.orgAdmin.ID, first["actorId"])
	require.NotEmpty(t, walk(t, admin, path("/audit?subject=organization:%d", w.other.ID)))
	require.Empty(t, walk(t, orgAdmin, path("/audit?subject=organization:%d", w.other.ID)))
	require.Greater(t, len(walk(t, admin, "/hub/v1/audit?limit=5")), len(walk(t, orgAdmin, "/hub/v1/audit?limit=5")))
	w.as(t, w.user).Do(t, 403, "GET", "/hub/v1/audit", nil)
	orgAdmin.Do(t, 400, "GET", "/hub/v1/audit?subject=organization", nil)
}
