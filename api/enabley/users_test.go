package enabley_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

const (
	users         = "/api/v2/users"
	userPassword  = "correct-horse-9"
	entitlements  = users + "/entitlements"
	userIdentity  = users + "/identityManagement"
	notifications = `SELECT count(*) FROM notifications WHERE account_id = @account_id`
)

// john is a whole user body, changed by more.
func john(identifier string, more object) object {
	body := object{
		"identifier": identifier, "username": "john." + identifier, "firstName": "John", "lastName": "Doe", "email": identifier + "@mail.test",
	}
	maps.Copy(body, more)
	return body
}

// putUser makes or changes a user.
func (w *world) putUser(t *testing.T, status int, body object) {
	t.Helper()
	a := w.api.Do(t, status, "PUT", users, body)
	require.Equal(t, body["identifier"], a.Text(t, "identifier"))
}

func (w *world) getUser(t *testing.T, identifier string) object {
	t.Helper()
	return w.api.Do(t, http.StatusOK, "GET", users+"/"+url.PathEscape(identifier), nil).Map(t)
}

func (w *world) number(t *testing.T, text string, args store.Args) (n int64) {
	t.Helper()
	require.NoError(t, w.DB.Query(w.Context(), &n, text, args))
	return n
}

// usersOf gives the identifiers of listed users, "-" for those who have none.
func usersOf(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	out := []string{}
	for _, item := range list(t, a) {
		identifier, ok := item["identifier"].(string)
		if !ok {
			identifier = "-"
		}
		out = append(out, identifier)
	}
	return out
}

func TestCreateAndChangeAUser(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u/1 ä", object{
		"email": "John@Mail.test", "phone": "+1", "customAttributes": object{"employeeRole": "driver", "shift": 2.5}, "password": userPassword,
		"possibleRoles": []string{"INSTRUCTOR", "LEARNER"}, "subAccountName": "North", "ignored": true,
	}))
	made := w.getUser(t, "u/1 ä")
	for field, want := range map[string]any{
		"identifier": "u/1 ä", "username": "john.u/1 ä", "firstName": "John", "lastName": "Doe", "email": "john@mail.test", "phone": "+1", "address": nil,
		"customAttributes": object{"employeeRole": "driver", "shift": 2.5}, "isActive": true, "possibleRoles": []any{"LEARNER", "INSTRUCTOR"},
		"userSubAccountNames": []any{"North"}, "created": made["modified"],
	} {
		require.EqualValues(t, want, made[field], field)
	}
	require.Zero(t, w.number(t, notifications, nil), "no mail is sent")
	w.putUser(t, http.StatusOK, object{"identifier": "u/1 ä"})
	require.Equal(t, made, w.getUser(t, "u/1 ä"))

	w.putUser(t, http.StatusOK, object{"identifier": "u/1 ä", "firstName": "Johnny", "email": nil, "phone": nil, "address": "1 High Street",
		"customAttributes": object{"a": nil}, "possibleRoles": []string{"EDITOR"}, "subAccountName": "South", "isActive": false})
	changed := w.getUser(t, "u/1 ä")
	for field, want := range map[string]any{
		"firstName": "Johnny", "lastName": "Doe", "username": "john.u/1 ä", "email": nil, "phone": nil, "address": "1 High Street",
		"customAttributes": object{"a": nil}, "isActive": false, "possibleRoles": []any{"EDITOR"}, "userSubAccountNames": []any{"North", "South"},
		"created": made["created"],
	} {
		require.Equal(t, want, changed[field], field)
	}
	require.GreaterOrEqual(t, changed["modified"], made["modified"])
	w.putUser(t, http.StatusOK, object{"identifier": "u/1 ä", "lastName": "Roe"})
	require.Equal(t, false, w.getUser(t, "u/1 ä")["isActive"], "a partial change activates nobody")
}

func TestUserBodies(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", nil))
	before := w.getUser(t, "u1")
	for name, change := range map[string]object{
		"no identifier": {"identifier": ""}, "null identifier": {"identifier": nil}, "long identifier": {"identifier": strings.Repeat("ü", 256)},
		"number": {"username": 1}, "blank user name": {"username": "  "}, "null user name": {"username": nil}, "null name": {"firstName": nil},
		"empty name": {"lastName": ""}, "not an address": {"email": "nobody"}, "empty address": {"email": ""}, "short password": {"password": "1234567"},
		"null password": {"password": nil}, "null status": {"isActive": nil}, "status as text": {"isActive": "true"}, "no roles": {"possibleRoles": []string{}},
		"null roles": {"possibleRoles": nil}, "unknown role": {"possibleRoles": []string{"learner"}}, "attributes as list": {"customAttributes": []int{1}},
		"null attributes": {"customAttributes": nil}, "NUL": {"customAttributes": object{"a": "b\x00"}}, "huge attributes": {"customAttributes": object{"a": strings.Repeat("x", 100_001)}},
		"phone as number": {"phone": 1}, "NUL in a phone": {"phone": "1\x00"}, "empty sub-account": {"subAccountName": ""},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users, john("u1", change)), "invalid_request")
		})
	}
	require.Equal(t, before, w.getUser(t, "u1"), "a refused call changes nothing")
	for _, field := range []string{"username", "firstName", "lastName"} {
		body := john("u2", nil)
		delete(body, field)
		a := w.api.Do(t, http.StatusBadRequest, "PUT", users, body)
		fails(t, a, "invalid_request")
		require.Contains(t, a.Text(t, "error_description"), field)
	}
	for _, body := range []any{nil, "{", "[]", "null", `"text"`} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users, body), "invalid_request")
	}
	for _, reserved := range []string{"entitlements", "identityManagement"} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users, john(reserved, nil)), "invalid_request")
	}
	for _, name := range []string{"Nowhere", "north", "Default", w.Organization.Name, " North"} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users, john("u2", object{"subAccountName": name})), "item_not_exists")
	}
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users WHERE account_id = @account_id AND identifier IS NOT NULL`, nil))
}

func TestTakenNames(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", nil))
	w.putUser(t, http.StatusCreated, john("U1", object{"email": nil, "username": "Other"}))
	for name, body := range map[string]object{
		"user name":       john("u2", object{"username": "JOHN.U1", "email": nil}),
		"address":         john("u2", object{"email": "U1@MAIL.TEST"}),
		"a change's name": {"identifier": "U1", "username": "john.u1"},
		"a change's mail": {"identifier": "U1", "email": "u1@mail.test"},
	} {
		t.Run(name, func(t *testing.T) { fails(t, w.api.Do(t, http.StatusConflict, "PUT", users, body), "item_exists") })
	}
	person := w.NewPerson(0, 0, "adopted", models.RoleMentee)
	w.putUser(t, http.StatusOK, object{"identifier": "u3", "username": strings.ToUpper(person.Email), "phone": "1"})
	require.Equal(t, person.Email, w.getUser(t, "u3")["email"])
	fails(t, w.api.Do(t, http.StatusConflict, "PUT", users, john("u4", object{"username": person.Email})), "item_exists")

	c := w.elsewhere(t, "elsewhere.test")
	c.Do(t, http.StatusCreated, "PUT", users, john("u1", nil))
	c.Do(t, http.StatusNotFound, "GET", users+"/u3", nil)
}

// One of many who make a user makes them, the others change them.
func TestConcurrentPutsOfAUser(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, map[int]int{201: 1, 200: 49}, w.api.AtOnce(t, 50, "PUT", users, john("u1", object{"possibleRoles": []string{"MANAGER"}, "subAccountName": "North"})))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM users WHERE account_id = @account_id AND identifier = 'u1'`, nil))
	require.Equal(t, []any{"MANAGER"}, w.getUser(t, "u1")["possibleRoles"])
	require.Equal(t, map[int]int{200: 1, 400: 19}, w.api.AtOnce(t, 20, "PUT", userIdentity, object{"currentUserIdentifier": "u1", "newUserIdentifier": "u2"}))
	require.Equal(t, map[int]int{200: 1, 404: 19}, w.api.AtOnce(t, 20, "DELETE", users+"/u2", nil))
}

func TestUserSearches(t *testing.T) {
	w := newWorld(t)
	for i, more := range []object{{"firstName": "100%_sure", "subAccountName": "North"}, {"lastName": "ÄRGER"}, {"subAccountName": "North", "isActive": false}, {"email": nil}} {
		w.putUser(t, http.StatusCreated, john(fmt.Sprint("s", i), more))
	}
	w.NewPerson(0, 0, "native", models.RoleMentee)
	w.putUser(t, http.StatusCreated, john("gone", nil))
	w.api.Do(t, http.StatusOK, "DELETE", users+"/gone", nil)
	for query, want := range map[string][]string{
		"":                                      {"s0", "s1", "s2", "s3", "-"},
		"limit=2":                               {"s0", "s1"},
		"start=1&limit=2":                       {"s1", "s2"},
		"start=3":                               {"s3", "-"},
		"start=5":                               {},
		"start=2147483647":                      {},
		"firstNameSubstring=%25_":               {"s0"},
		"firstNameSubstring=J%25":               {},
		"lastNameSubstring=%C3%A4rg":            {"s1"},
		"usernameSubstring=JOHN.&start=1":       {"s1", "s2", "s3"},
		"emailSubstring=%40MAIL.test":           {"s0", "s1", "s2"},
		"identifier=s2":                         {"s2"},
		"identifier=s":                          {},
		"subAccountName=North":                  {"s0", "s2"},
		"subAccountName=North&identifier=s1":    {},
		"subAccountName=South":                  {},
		"emailSubstring=s&identifier=s0&other=": {"s0"},
	} {
		t.Run(query, func(t *testing.T) {
			require.Equal(t, want, usersOf(t, w.api.Do(t, http.StatusOK, "GET", users+"?"+query, nil)))
			if !strings.Contains(query, "start") && !strings.Contains(query, "limit") {
				a := w.api.Do(t, http.StatusOK, "GET", "/api/v3/users?"+query, nil)
				items, ok := a.Map(t)["items"].([]any)
				require.True(t, ok)
				require.Len(t, items, len(want))
			}
		})
	}
	for _, query := range []string{"limit=0", "limit=201", "limit=x", "start=-1", "start=1.5", "start=2147483648", "emailSubstring=" + strings.Repeat("x", 256)} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "GET", users+"?"+query, nil), "invalid_request")
	}
	for _, path := range []string{users, "/api/v3/users"} {
		for _, name := range []string{"Nowhere", "north"} {
			fails(t, w.api.Do(t, http.StatusNotFound, "GET", path+"?subAccountName="+name, nil), "not_found")
		}
	}
	w.api.Do(t, http.StatusOK, "GET", users+"/s0?subAccountName=North", nil)
	for _, path := range []string{"/s1?subAccountName=North", "/s0?subAccountName=Nowhere", "/nobody", "/gone", "/S0", "/" + strings.Repeat("x", 300)} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", users+path, nil), "not_found")
	}
}

func TestPagesOfUsers(t *testing.T) {
	w, clock := newClockedWorld(t, time.Now().UTC().Truncate(time.Second))
	w.NewPerson(0, 0, "other", models.RoleMentee)
	p := paging{
		path: "/api/v3/users", filters: url.Values{"subAccountName": {"North"}, "emailSubstring": {"ROW-"}, "lastNameSubstring": {"do"}},
		others: []url.Values{
			{"subAccountName": {"South"}}, {"emailSubstring": {"row"}}, {"identifier": {"row-0001"}}, {"firstNameSubstring": {"J"}}, {"usernameSubstring": {"r"}},
		},
		another: "/api/v3/channels", field: "identifier", statements: 2,
		insert: func(t *testing.T, from, to int, name func(string) string) {
			t.Helper()
			w.exec(t, `INSERT INTO users (account_id, organization_id, identifier, username, email, name, created_at)
				SELECT @account_id, @organization, `+name("n")+`, `+name("n")+`, `+name("n")+` || '@mail.test', 'John Doe', now() + n * interval '1 millisecond'
				FROM generate_series(CAST(@from AS bigint), CAST(@to AS bigint) - 1) n`, store.Args{"organization": w.north.ID, "from": from, "to": to})
		},
		remove: func(t *testing.T, names []string) {
			t.Helper()
			w.exec(t, `UPDATE users SET status = 'DELETED', identifier = NULL WHERE account_id = @account_id AND identifier = ANY(CAST(@names AS text[]))`,
				store.Args{"names": pq.StringArray(names)})
		},
	}
	p.prove(t, w, clock)
}

func TestUserStatusAndDeletion(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", object{"password": userPassword}))
	signIn := func() error {
		_, err := w.People.SignIn(w.Context(), people.SignIn{Email: "u1@mail.test", Password: userPassword, Address: "192.0.2.1"})
		return err
	}
	active := func() any { return w.getUser(t, "u1")["isActive"] }
	require.NoError(t, signIn(), "who is made here signs in everywhere")
	w.api.Do(t, http.StatusOK, "PUT", users+"/u1?isActive=false", nil)
	require.Equal(t, false, active())
	require.ErrorIs(t, signIn(), people.ErrBadCredentials)
	w.api.Do(t, http.StatusOK, "PUT", users+"/u1", nil)
	require.Equal(t, true, active(), "without isActive the user is activated")
	require.NoError(t, signIn())
	for _, value := range []string{"1", "TRUE", "yes"} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users+"/u1?isActive="+value, nil), "invalid_request")
	}
	fails(t, w.api.Do(t, http.StatusNotFound, "PUT", users+"/nobody", nil), "not_found")

	require.Equal(t, "u1", w.api.Do(t, http.StatusOK, "DELETE", users+"/u1", nil).Text(t, "identifier"))
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", users+"/u1", nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", users+"/u1", nil), "not_found")
	w.putUser(t, http.StatusCreated, john("u1", nil))

	admin := w.NewPerson(0, 0, "admin", models.RoleAdmin)
	w.putUser(t, http.StatusOK, object{"identifier": "boss", "username": admin.Email})
	fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users+"/boss?isActive=false", nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", users, object{"identifier": "boss", "isActive": false}), "invalid_request")
	fails(t, w.api.Do(t, http.StatusBadRequest, "DELETE", users+"/boss", nil), "invalid_request")
	require.Equal(t, true, w.getUser(t, "boss")["isActive"], "the last admin stays")
}

func TestUserIdentityChange(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", object{"subAccountName": "North"}))
	w.putUser(t, http.StatusCreated, john("u2", nil))
	change := func(status int, from, to any) contracttest.Answer {
		t.Helper()
		return w.api.Do(t, status, "PUT", userIdentity, object{"currentUserIdentifier": from, "newUserIdentifier": to})
	}
	before := w.getUser(t, "u1")
	fails(t, change(http.StatusBadRequest, "nobody", "u3"), "item_not_exists")
	fails(t, change(http.StatusConflict, "u1", "u2"), "item_exists")
	fails(t, change(http.StatusBadRequest, "u1", "entitlements"), "invalid_request")
	fails(t, change(http.StatusBadRequest, "u1", ""), "invalid_request")
	fails(t, change(http.StatusBadRequest, nil, "u3"), "invalid_request")
	require.Equal(t, before, w.getUser(t, "u1"))
	change(http.StatusOK, "u1", "u1")
	require.Equal(t, "u3", change(http.StatusOK, "u1", "u3").Text(t, "identifier"))
	after := w.getUser(t, "u3")
	require.Equal(t, []any{before["username"], before["userSubAccountNames"]}, []any{after["username"], after["userSubAccountNames"]})
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", users+"/u1", nil), "not_found")
}

func TestLeavingASubAccount(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", object{"subAccountName": "North"}))
	w.putUser(t, http.StatusOK, object{"identifier": "u1", "subAccountName": "South"})
	id := w.number(t, `SELECT id FROM users WHERE account_id = @account_id AND identifier = 'u1'`, nil)
	for name, organization := range map[string]int64{"n": w.north.ID, "s": w.south.ID} {
		w.exec(t, `INSERT INTO groups (account_id, organization_id, identifier, name, type) VALUES (@account_id, @organization, @name, @name, 'Team')`,
			store.Args{"name": name, "organization": organization})
		w.exec(t, `INSERT INTO group_members (account_id, group_id, user_id) SELECT @account_id, id, @user FROM groups WHERE account_id = @account_id AND identifier = @name`,
			store.Args{"name": name, "user": id})
	}
	leave := users + "/u1/subAccountName/"
	require.Equal(t, "u1", w.api.Do(t, http.StatusOK, "DELETE", leave+"North", nil).Text(t, "identifier"))
	require.Equal(t, []any{"South"}, w.getUser(t, "u1")["userSubAccountNames"])
	var groups []string
	require.NoError(t, w.DB.Query(w.Context(), &groups, `SELECT g.identifier FROM group_members m JOIN groups g ON g.id = m.group_id
		WHERE m.account_id = @account_id AND m.user_id = @user`, store.Args{"user": id}))
	require.Equal(t, []string{"s"}, groups, "memberships inside it end")
	w.api.Do(t, http.StatusOK, "DELETE", leave+"North", nil)
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", leave+"Nowhere", nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", users+"/nobody/subAccountName/North", nil), "not_found")
	w.api.Do(t, http.StatusOK, "DELETE", leave+"South", nil)
	require.Equal(t, []any{}, w.getUser(t, "u1")["userSubAccountNames"])
}

func TestUserPermissions(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", nil))
	path := users + "/u1/permissions"
	both := object{"permissions": []string{"INSTRUCTOR_CREATE_COURSE_INSTANCE", "INSTRUCTOR_CREATE_COURSE"}}
	stored := func() int64 {
		return w.number(t, `SELECT coalesce(sum(cardinality(permissions)), 0) FROM user_details WHERE account_id = @account_id`, nil)
	}
	fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", path, both), "invalid_request")
	w.putUser(t, http.StatusOK, object{"identifier": "u1", "possibleRoles": []string{"INSTRUCTOR"}})
	for _, body := range []any{object{}, object{"permissions": nil}, object{"permissions": "x"}, object{"permissions": []string{"X"}}} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "PUT", path, body), "invalid_request")
	}
	fails(t, w.api.Do(t, http.StatusNotFound, "PUT", users+"/nobody/permissions", both), "not_found")
	require.Equal(t, "u1", w.api.Do(t, http.StatusOK, "PUT", path, both).Text(t, "identifier"))
	require.EqualValues(t, 2, stored())
	w.api.Do(t, http.StatusOK, "PUT", path, object{"permissions": []string{}})
	require.Zero(t, stored())
	w.api.Do(t, http.StatusOK, "PUT", path, both)
	w.putUser(t, http.StatusOK, object{"identifier": "u1", "possibleRoles": []string{"LEARNER"}})
	require.Zero(t, stored(), "they lapse with the role")
}

func TestEntitlements(t *testing.T) {
	w := newWorld(t)
	w.putUser(t, http.StatusCreated, john("u1", object{"possibleRoles": []string{"MANAGER", "EDITOR", "INSTRUCTOR"}}))
	w.putUser(t, http.StatusCreated, john("u2", nil))
	w.exec(t, `INSERT INTO courses (account_id, identifier, name, type, master) VALUES (@account_id, 'C', 'C', 'COURSE', false), (@account_id, 'M', 'M', 'COURSE', true)`, nil)
	w.exec(t, `INSERT INTO groups (account_id, identifier, name, type) VALUES (@account_id, 'G', 'G', 'Team')`, nil)
	held := func() int64 {
		return w.number(t, `SELECT count(*) FROM entitlements WHERE account_id = @account_id`, nil)
	}
	body := func(user, kind, entity, role any) object {
		return object{"userIdentifier": user, "entityType": kind, "entityIdentifier": entity, "userRole": role}
	}
	given := int64(0)
	for kind, entities := range map[string][]string{"COURSE": {"C", "M"}, "GROUP": {"G"}, "WORKSPACE": {"North"}} {
		for _, entity := range entities {
			for _, role := range []string{"MANAGER", "EDITOR", "INSTRUCTOR"} {
				w.api.Do(t, http.StatusOK, "DELETE", entitlements, body("u1", kind, entity, role))
				require.Equal(t, "u1", w.api.Do(t, http.StatusOK, "POST", entitlements, body("u1", kind, entity, role)).Text(t, "identifier"))
				w.api.Do(t, http.StatusOK, "POST", entitlements, body("u1", kind, entity, role))
				given++
				require.Equal(t, given, held())
			}
		}
	}
	for _, method := range []string{"POST", "DELETE"} {
		for _, unknown := range []object{body("nobody", "GROUP", "G", "EDITOR"), body("u1", "GROUP", "C", "EDITOR"), body("u1", "COURSE", "G", "EDITOR"), body("u1", "WORKSPACE", "Nowhere", "EDITOR")} {
			fails(t, w.api.Do(t, http.StatusBadRequest, method, entitlements, unknown), "item_not_exists")
		}
		for _, broken := range []any{nil, "{", body("u1", "TEAM", "G", "EDITOR"), body("u1", "GROUP", "G", "LEARNER"), body(nil, "GROUP", "G", "EDITOR"), body("u1", "GROUP", "", "EDITOR"), object{}} {
			fails(t, w.api.Do(t, http.StatusBadRequest, method, entitlements, broken), "invalid_request")
		}
	}
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", entitlements, body("u2", "GROUP", "G", "EDITOR")), "invalid_request")
	require.Equal(t, given, held())
	require.Equal(t, map[int]int{200: 20}, w.api.AtOnce(t, 20, "DELETE", entitlements, body("u1", "GROUP", "G", "EDITOR")))
	require.Equal(t, given-1, held())
	w.api.Do(t, http.StatusOK, "DELETE", users+"/u1", nil)
	require.Zero(t, held())
}

// TestStatementsOfUsers: what an operation asks the database, beside who calls.
func TestStatementsOfUsers(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.putUser(t, http.StatusCreated, john(fmt.Sprint("u", i), object{"subAccountName": "North", "possibleRoles": []string{"INSTRUCTOR", "MANAGER"}}))
	}
	w.putUser(t, http.StatusCreated, john("u3", nil)) // the roles are there from here on
	hubtest.Eventually(t, "nothing else runs", func() bool {
		before := w.DB.Statements()
		w.getUser(t, "u1")
		return w.DB.Statements()-before == 1+tokenStatements
	})
	for _, c := range []struct {
		most         int64
		status       int
		method, path string
		body         any
	}{
		{1, 200, "GET", users + "?subAccountName=North&emailSubstring=u", nil},
		{2, 404, "GET", users + "?subAccountName=Nowhere", nil},
		{2, 200, "GET", "/api/v3/users?subAccountName=North", nil},
		{1, 200, "GET", users + "/u1?subAccountName=North", nil},
		{5, 201, "PUT", users, john("n1", nil)},
		{8, 201, "PUT", users, john("n2", object{"phone": "1", "password": userPassword, "subAccountName": "North"})},
		{1, 200, "PUT", users, object{"identifier": "u1"}},
		{3, 200, "PUT", users, object{"identifier": "u1", "lastName": "Roe"}},
		{3, 200, "PUT", users, john("u2", object{"possibleRoles": []string{"INSTRUCTOR", "MANAGER"}, "customAttributes": object{}})},
		{4, 200, "PUT", users, object{"identifier": "u1", "subAccountName": "North"}},
		{3, 200, "PUT", userIdentity, object{"currentUserIdentifier": "n1", "newUserIdentifier": "n3"}},
		{1, 200, "PUT", users + "/u1", nil},
		{4, 200, "PUT", users + "/u1/permissions", object{"permissions": []string{"INSTRUCTOR_CREATE_COURSE"}}},
		{5, 200, "POST", entitlements, object{"userIdentifier": "u1", "entityType": "WORKSPACE", "entityIdentifier": "North", "userRole": "MANAGER"}},
		{4, 200, "DELETE", entitlements, object{"userIdentifier": "u1", "entityType": "WORKSPACE", "entityIdentifier": "North", "userRole": "MANAGER"}},
	} {
		before := w.DB.Statements()
		w.api.Do(t, c.status, c.method, c.path, c.body)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most+tokenStatements, "%s %s %v", c.method, c.path, c.body)
	}
}
