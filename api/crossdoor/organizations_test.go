package crossdoor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/models"
)

// An organization that Elevate made is a sub-account here, and gone here when
// Elevate deactivates it, with all that is in it.
func TestOrganizationsAreSubAccounts(t *testing.T) {
	w := newWorld(t)
	north, south := w.organization(t, "North", "north"), w.organization(t, "South", "south")
	require.NotEqual(t, north, south)
	w.native.Do(t, 200, "PUT", "/hub/v1/group-hierarchy", object{"types": []string{"REGIONAL", "TURMA"}})

	in := john()
	in["subAccountName"] = "South"
	w.put(t, 201, in)
	w.put(t, 200, object{"identifier": "u-1001", "subAccountName": "North"})
	require.ElementsMatch(t, []any{"South", "North"}, w.external(t, "u-1001")["userSubAccountNames"])
	for name, body := range map[string]object{
		"N-1": {"type": "STREAM", "subAccountName": "North"}, "A-1": {"type": "COURSE"},
	} {
		body["identifier"], body["name"] = name, "Channel "+name
		w.enabley.Do(t, 201, "PUT", "/api/v1/channels", body)
	}
	for name, body := range map[string]object{"G-N": {"subAccountName": "North"}, "G-A": {}} {
		body["identifier"], body["name"], body["type"] = name, "Group "+name, "REGIONAL"
		w.enabley.Do(t, 201, "PUT", "/api/v1/groups", body)
	}
	w.enabley.Do(t, 200, "POST", "/api/v1/groups/G-N/users/u-1001", nil)
	lists := []string{"/api/v1/channels", "/api/v3/channels", "/api/v1/groups/list", "/api/v2/users", "/api/v3/users", "/api/v1/users/u-1001/groups"}
	for _, list := range lists {
		w.enabley.Do(t, 200, "GET", list+"?subAccountName=North", nil)
	}
	require.ElementsMatch(t, []string{"G-N", "G-A"}, fields(list(t, w.enabley.Do(t, 200, "GET", "/api/v1/groups/list", nil)), "identifier"))

	// The name is the row's, whoever changes it.
	w.elevate.Do(t, 200, "POST", path("/user/v1/organization/update/%d", north), object{"name": "Far North", "code": "north", "description": "x"})
	require.ElementsMatch(t, []any{"South", "Far North"}, w.external(t, "u-1001")["userSubAccountNames"])
	w.gone(t, "/api/v1/channels?subAccountName=North")
	require.Equal(t, []string{"N-1"}, fields(list(t, w.enabley.Do(t, 200, "GET", "/api/v1/channels?subAccountName=Far%20North", nil)), "identifier"))

	w.elevate.Do(t, 202, "POST", path("/user/v1/admin/deactivateOrg/%d", north), nil)
	for _, list := range lists {
		w.gone(t, list+"?subAccountName=Far%20North")
	}
	fails(t, w.enabley.Do(t, 404, "DELETE", user("u-1001")+"/subAccountName/Far%20North", nil), "not_found")
	for _, request := range []struct {
		method, path string
		body         object
	}{
		{"PUT", "/api/v2/users", object{"identifier": "u-1001", "subAccountName": "Far North"}},
		{"PUT", "/api/v1/channels", object{"identifier": "A-1", "subAccountName": "Far North"}},
		{"PUT", "/api/v1/groups", object{"identifier": "G-A", "subAccountName": "Far North"}},
		{"POST", "/api/v2/users/entitlements", object{"userIdentifier": "u-1001", "entityType": "WORKSPACE", "entityIdentifier": "Far North", "userRole": "INSTRUCTOR"}},
	} {
		fails(t, w.enabley.Do(t, 400, request.method, request.path, request.body), "item_not_exists")
	}

	// At home in South, the person stays; what was in North is not to be seen.
	u := w.external(t, "u-1001")
	require.Equal(t, []any{"South"}, u["userSubAccountNames"])
	require.Equal(t, true, u["isActive"])
	require.Equal(t, []string{"A-1"}, fields(list(t, w.enabley.Do(t, 200, "GET", "/api/v1/channels", nil)), "identifier"))
	require.Equal(t, []string{"G-A"}, fields(list(t, w.enabley.Do(t, 200, "GET", "/api/v1/groups/list", nil)), "identifier"))
	require.Empty(t, list(t, w.enabley.Do(t, 200, "GET", "/api/v1/users/u-1001/groups", nil)))
	for _, gone := range []string{"/api/v1/channels/N-1", "/api/v1/groups/G-N", "/api/v2/channels/channels/N-1/members/count", "/api/v1/performance?externalChannelId=N-1"} {
		w.gone(t, gone)
	}
	// Their identifiers stay taken: nobody gets somebody else's channel.
	a := w.enabley.Do(t, 409, "PUT", "/api/v1/channels", object{"identifier": "N-1", "name": "Mine", "type": "STREAM"})
	fails(t, a, "item_exists")

	// Who was at home there is out, with all people of the organization.
	w.elevate.Do(t, 202, "POST", path("/user/v1/admin/deactivateOrg/%d", south), nil)
	u = w.external(t, "u-1001")
	require.Equal(t, []any{}, u["userSubAccountNames"])
	require.Equal(t, false, u["isActive"])
	w.refusedByElevate(t, "john@example.test", "long enough")
}

// The organization that everybody is in who is in no other is none of the
// sub-accounts.
func TestDefaultOrganizationIsNoSubAccount(t *testing.T) {
	w := newWorld(t)
	w.gone(t, "/api/v3/users?subAccountName="+w.Organization.Name)
	fails(t, w.enabley.Do(t, 400, "PUT", "/api/v2/users", object{
		"identifier": "u-1", "username": "one", "firstName": "O", "lastName": "N", "subAccountName": w.Organization.Name,
	}), "item_not_exists")
	w.gone(t, user("u-1"))
	person := w.NewPerson(0, 0, "somebody", models.RoleMentee)
	w.put(t, 200, object{"identifier": "u-2", "username": person.Email})
	require.Equal(t, []any{}, w.external(t, "u-2")["userSubAccountNames"])

	// Added to one, they have moved there for Elevate too; taken out, back.
	north := w.organization(t, "North", "north")
	w.put(t, 200, object{"identifier": "u-2", "subAccountName": "North"})
	me := w.elevateAs(t, person.Email, hubtest.Password)
	at := path("/user/v1/user/read/%d", person.ID)
	require.Equal(t, path("%d", north), me.Do(t, 200, "GET", at, nil).Text(t, "result.organization_id"))
	w.enabley.Do(t, 200, "DELETE", user("u-2")+"/subAccountName/North", nil)
	require.Equal(t, path("%d", w.Organization.ID), me.Do(t, 200, "GET", at, nil).Text(t, "result.organization_id"))
}
