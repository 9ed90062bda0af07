package crossdoor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// A person whom a calling system makes signs in at the other doors.
func TestMadeByEnableySignsInElsewhere(t *testing.T) {
	w := newWorld(t)
	north := w.organization(t, "North", "north")
	in := john()
	in["subAccountName"] = "North"
	w.put(t, 201, in)

	id := w.userID(t, "john@example.test")
	me := w.elevateAs(t, "JOHN@example.test", "long enough")
	profile := me.Do(t, 200, "GET", path("/user/v1/user/read/%d", id), nil)
	require.Equal(t, "John van Doe", profile.Text(t, "result.name"))
	require.Equal(t, "john@example.test", profile.Text(t, "result.email"))
	require.Equal(t, path("%d", north), profile.Text(t, "result.organization_id"))
	for _, role := range []string{`"title":"mentee"`, `"title":"learner"`, `"title":"instructor"`} {
		require.Contains(t, string(profile.Body), role)
	}
	require.Equal(t, path("%d", id), w.nativeAs(t, "john@example.test", "long enough").Do(t, 200, "GET", "/hub/v1/me", nil).Text(t, "id"))

	// Another password ends the session of the old one, at once and at every door.
	w.put(t, 200, object{"identifier": "u-1001", "password": "even longer"})
	me.Do(t, 401, "GET", path("/user/v1/user/read/%d", id), nil)
	w.refusedByElevate(t, "john@example.test", "long enough")
	w.elevateAs(t, "john@example.test", "even longer")
}

// Who is deactivated through one door is so at the other, and back again.
func TestDeactivatedAtOneDoorIsOutAtTheOther(t *testing.T) {
	w := newWorld(t)
	w.put(t, 201, john())
	id := w.userID(t, "john@example.test")
	me := w.elevateAs(t, "john@example.test", "long enough")

	w.elevate.Do(t, 202, "POST", "/user/v1/admin/deactivateUser", object{"id": []int64{id}})
	require.Equal(t, false, w.external(t, "u-1001")["isActive"])
	me.Do(t, 401, "GET", path("/user/v1/user/read/%d", id), nil)
	w.refusedByElevate(t, "john@example.test", "long enough")

	// A partial change does not bring them back; a change of the status does.
	w.put(t, 200, object{"identifier": "u-1001", "phone": "+15550100"})
	w.refusedByElevate(t, "john@example.test", "long enough")
	w.enabley.Do(t, 200, "PUT", user("u-1001"), nil)
	require.Equal(t, true, w.external(t, "u-1001")["isActive"])
	me = w.elevateAs(t, "john@example.test", "long enough")

	w.enabley.Do(t, 200, "PUT", user("u-1001")+"?isActive=false", nil)
	me.Do(t, 401, "GET", path("/user/v1/user/read/%d", id), nil)
	w.refusedByElevate(t, "john@example.test", "long enough")
	w.at(nativeContract).Do(t, 401, "POST", "/hub/v1/login", object{"email": "john@example.test", "password": "long enough"})
	w.put(t, 200, object{"identifier": "u-1001", "isActive": true})
	w.elevateAs(t, "john@example.test", "long enough")
}

// An address belongs to one person of the account, whatever door they came
// through, in any case.
func TestAddressesAreUniqueAcrossDoors(t *testing.T) {
	w := newWorld(t)
	w.put(t, 201, john())
	signUp := object{"name": "Other John", "email": "JOHN@EXAMPLE.test", "password": "long enough"}
	a := w.at(elevateContract).Do(t, 406, "POST", "/user/v1/account/create", signUp)
	require.Equal(t, "User already exists.", a.Text(t, "message"))

	signUp["email"], signUp["name"] = "ann@example.test", "Ann Lee"
	w.at(elevateContract).Do(t, 200, "POST", "/user/v1/account/create", signUp)
	ann := w.userID(t, "ann@example.test")
	taken := object{"identifier": "u-7", "username": "somebody", "firstName": "Some", "lastName": "Body", "email": "Ann@Example.test"}
	fails(t, w.enabley.Do(t, 409, "PUT", "/api/v2/users", taken), "item_exists")
	w.gone(t, user("u-7"))
	fails(t, w.enabley.Do(t, 409, "PUT", "/api/v2/users", object{"identifier": "u-1001", "email": "ann@example.test"}), "item_exists")

	// Whose user name is their address is adopted by it: the same person.
	w.put(t, 200, object{"identifier": "u-7", "username": "ANN@example.test", "firstName": "Ann", "lastName": "Lee"})
	require.Equal(t, ann, w.userID(t, "ann@example.test"))
	require.Equal(t, "ann@example.test", w.external(t, "u-7")["email"])
	w.elevateAs(t, "ann@example.test", "long enough")

	// And nobody adopts them again.
	fails(t, w.enabley.Do(t, 409, "PUT", "/api/v2/users", object{"identifier": "u-8", "username": "ann@example.test", "firstName": "A", "lastName": "L"}), "item_exists")
	w.gone(t, user("u-8"))
}

// A name is one thing at one door and two at the other.
func TestNamesFollow(t *testing.T) {
	w := newWorld(t)
	w.put(t, 201, john())
	parts := func() []any {
		u := w.external(t, "u-1001")
		return []any{u["firstName"], u["lastName"]}
	}
	require.Equal(t, []any{"John", "van Doe"}, parts())

	me := w.elevateAs(t, "john@example.test", "long enough")
	me.Do(t, 200, "PATCH", "/user/v1/user/update", object{"name": "Jean Pierre Dupont"})
	require.Equal(t, []any{"Jean", "Pierre Dupont"}, parts())
	found := w.enabley.Do(t, 200, "GET", "/api/v3/users?firstNameSubstring=jea&lastNameSubstring=PIERRE", nil)
	require.Contains(t, string(found.Body), `"u-1001"`)
	require.NotContains(t, string(w.enabley.Do(t, 200, "GET", "/api/v3/users?lastNameSubstring=van", nil).Body), `"u-1001"`)

	w.put(t, 200, object{"identifier": "u-1001", "lastName": "Martin"})
	id := w.userID(t, "john@example.test")
	require.Equal(t, "Jean Martin", me.Do(t, 200, "GET", path("/user/v1/user/read/%d", id), nil).Text(t, "result.name"))
	w.native.Do(t, 200, "PATCH", path("/hub/v1/users/%d", id), object{"name": "Prince"})
	require.Equal(t, []any{"Prince", ""}, parts())
}

// A role that a person asked for and was given at one door is a possible role at
// the other.
func TestRoleRequestGivesAPossibleRole(t *testing.T) {
	w := newWorkingWorld(t)
	in := john()
	in["possibleRoles"] = []string{"LEARNER"}
	w.put(t, 201, in)
	other := object{"identifier": "u-2", "username": "two", "firstName": "T", "lastName": "W", "possibleRoles": []string{"INSTRUCTOR"}}
	w.put(t, 201, other) // with the first one who may teach the account has the role
	require.Equal(t, []any{"LEARNER"}, w.external(t, "u-1001")["possibleRoles"])

	role, err := w.People.RoleByTitle(w.Context(), models.PossibleRoleInstructor)
	require.NoError(t, err)
	me := w.elevateAs(t, "john@example.test", "long enough")
	request := me.Do(t, 200, "POST", "/user/v1/organization/requestOrgRole", object{"role": role.ID, "form_data": object{"why": "I teach"}}).Text(t, "result.request_id")
	decider := w.NewPerson(0, 0, "decider", models.RoleOrgAdmin)
	w.elevateAs(t, decider.Email, "correct horse battery").Do(t, 200, "POST", "/user/v1/org-admin/updateRequestStatus",
		object{"request_id": number(t, request), "status": "APPROVED", "comments": []string{"good"}})
	require.Equal(t, []any{"LEARNER", "INSTRUCTOR"}, w.external(t, "u-1001")["possibleRoles"])
	w.enabley.Do(t, 200, "PUT", user("u-1001")+"/permissions", object{"permissions": []string{"INSTRUCTOR_CREATE_COURSE"}})

	// Taken back at this door, it is gone at that one.
	w.put(t, 200, object{"identifier": "u-1001", "possibleRoles": []string{"LEARNER"}})
	profile := me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.userID(t, "john@example.test")), nil)
	require.NotContains(t, string(profile.Body), `"title":"instructor"`)
}

// What an operator revokes is refused with the next request.
func TestRevokedClientIsOut(t *testing.T) {
	w := newWorld(t)
	w.put(t, 201, john())
	w.native.Do(t, 204, "DELETE", path("/hub/v1/api-clients/%d", w.client), nil)
	fails(t, w.enabley.Do(t, 401, "GET", user("u-1001"), nil), "access_denied")
	fails(t, w.enabley.Do(t, 401, "PUT", "/api/v2/users", john()), "access_denied")
	w.elevateAs(t, "john@example.test", "long enough")
}
