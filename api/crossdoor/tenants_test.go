package crossdoor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/mis"
	"quad/internal/contracttest"
)

// A tenant that the MIS door switches off keeps its people active: no door lets
// them in while it is off, and all of them do when it is on again.
func TestInactiveTenantAtEveryDoor(t *testing.T) {
	w := newWorld(t)
	door := contracttest.Load(mis.Name, mis.Contract)
	root := w.at(door).With("Authorization", "Bearer "+w.Token(t, w.admin, mis.Name))
	a := root.Do(t, 201, "POST", "/mis/tenants", object{"name": "North", "email": "office@north.example"})
	tenant := "/mis/tenants/" + a.Text(t, "id")
	north := number(t, a.Text(t, "id"))

	in := john()
	in["subAccountName"] = "North"
	w.put(t, 201, in)
	id := w.userID(t, "john@example.test")
	elevate, native := w.elevateAs(t, "john@example.test", "long enough"), w.nativeAs(t, "john@example.test", "long enough")
	profile := path("/user/v1/user/read/%d", id)
	elevate.Do(t, 200, "GET", profile, nil)
	native.Do(t, 200, "GET", "/hub/v1/me", nil)

	root.Do(t, 200, "PATCH", tenant, object{"status": "inactive"})
	w.refusedByElevate(t, "john@example.test", "long enough")
	elevate.Do(t, 401, "GET", profile, nil)
	native.Do(t, 401, "GET", "/hub/v1/me", nil)
	w.at(nativeContract).Do(t, 401, "POST", "/hub/v1/login", object{"email": "john@example.test", "password": "long enough"})
	w.at(door).Do(t, 403, "POST", "/mis/auth/login", object{"email": "john@example.test", "password": "long enough"})
	// Those who keep people see a person who is active and a sub-account that is gone.
	u := w.external(t, "u-1001")
	require.Equal(t, true, u["isActive"])
	require.Empty(t, u["userSubAccountNames"])
	w.gone(t, "/api/v2/users?subAccountName=North")
	require.Equal(t, "INACTIVE", w.native.Do(t, 200, "GET", path("/hub/v1/organizations/%d", north), nil).Text(t, "status"))
	require.Equal(t, "ACTIVE", w.native.Do(t, 200, "GET", path("/hub/v1/users/%d", id), nil).Text(t, "status"))
	// Elevate finds nothing left to deactivate.
	w.elevate.Do(t, 400, "POST", path("/user/v1/admin/deactivateOrg/%d", north), nil)

	root.Do(t, 200, "POST", tenant+"/activate", nil)
	elevate.Do(t, 200, "GET", profile, nil)
	native.Do(t, 200, "GET", "/hub/v1/me", nil)
	w.elevateAs(t, "john@example.test", "long enough")
	w.at(door).Do(t, 200, "POST", "/mis/auth/login", object{"email": "john@example.test", "password": "long enough"})
	require.Equal(t, []any{"North"}, w.external(t, "u-1001")["userSubAccountNames"])

	// Membership here is membership there, and the other way round.
	root.Do(t, 200, "DELETE", path("%s/users/%d", tenant, id), nil)
	require.Empty(t, w.external(t, "u-1001")["userSubAccountNames"])
	w.put(t, 200, object{"identifier": "u-1001", "subAccountName": "North"})
	root.Do(t, 409, "POST", tenant+"/users", object{"userId": path("%d", id)})
}
