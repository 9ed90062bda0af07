package enabley_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

const groups = "/api/v1/groups"

// types makes the account's hierarchy: Region, Branch, Team.
func (w *world) types(t *testing.T) {
	t.Helper()
	require.NoError(t, w.Groups.SetHierarchy(w.office(t), []string{"Region", "Branch", "Team"}))
}

// putGroup makes or changes a group.
func (w *world) putGroup(t *testing.T, status int, body object) {
	t.Helper()
	a := w.api.Do(t, status, "PUT", groups, body)
	require.Equal(t, object{"identifier": body["identifier"]}, a.Map(t))
}

// tree makes a region R, a branch B of North below it and a team T below that.
func (w *world) tree(t *testing.T) {
	t.Helper()
	w.types(t)
	w.putGroup(t, 201, object{"identifier": "R", "name": "Region", "type": "Region"})
	w.putGroup(t, 201, object{"identifier": "B", "name": "Branch", "type": "Branch", "parentIdentifier": "R", "subAccountName": "North"})
	w.putGroup(t, 201, object{"identifier": "T", "name": "Team", "type": "Team", "parentIdentifier": "B", "subAccountName": "North"})
}

func groupPath(identifier string) string { return groups + "/" + url.PathEscape(identifier) }

func memberPath(group, user string) string {
	return groupPath(group) + "/users/" + url.PathEscape(user)
}

func groupsOfPath(user string) string { return "/api/v1/users/" + url.PathEscape(user) + "/groups" }

// identifiers lists those of an array.
func identifiers(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	out := []string{}
	for _, item := range list(t, a) {
		out = append(out, item["identifier"].(string))
	}
	return out
}

func TestHierarchyOfGroups(t *testing.T) {
	w := newWorld(t)
	var types []string
	w.api.Do(t, 200, "GET", groups+"/hierarchy", nil).JSON(t, &types)
	require.Equal(t, []string{}, types)
	named := []string{"CONTA", "REGIONAL", "UNIDADE", "EIXO", "CURSO", "TURMA", "SETOR", "CARGO"}
	require.NoError(t, w.Groups.SetHierarchy(w.office(t), named))
	w.api.Do(t, 200, "GET", groups+"/hierarchy", nil).JSON(t, &types)
	require.Equal(t, named, types)
	w.elsewhere(t, "two.test").Do(t, 200, "GET", groups+"/hierarchy", nil).JSON(t, &types)
	require.Empty(t, types)
	fails(t, w.anyone().Do(t, 401, "GET", groups+"/hierarchy", nil), "access_denied")
}

func TestPutGroup(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	const name = "Noite/Ä 100%"
	w.putGroup(t, 201, object{"identifier": name, "name": "Noite", "type": "Team", "parentIdentifier": "R", "subAccountName": "South", "unknown": 1})
	got := w.api.Do(t, 200, "GET", groupPath(name), nil).Map(t)
	require.Equal(t, got["created"], got["modified"])
	for field, want := range map[string]any{"identifier": name, "name": "Noite", "type": "Team", "parentIdentifier": "R", "subAccountName": "South"} {
		require.Equal(t, want, got[field], field)
	}
	w.putGroup(t, 200, object{"identifier": name, "name": "Nuit"})
	w.putGroup(t, 200, object{"identifier": name, "subAccountName": nil})
	got = w.api.Do(t, 200, "GET", groupPath(name), nil).Map(t)
	require.Equal(t, "Nuit", got["name"])
	require.Equal(t, "R", got["parentIdentifier"])
	require.Nil(t, got["subAccountName"])
	w.putGroup(t, 200, object{"identifier": name, "type": "Region", "parentIdentifier": nil})
	require.Nil(t, w.api.Do(t, 200, "GET", groupPath(name), nil).Map(t)["parentIdentifier"])
}

func TestGroupsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.putGroup(t, 201, object{"identifier": "T2", "name": "Team 2", "type": "Team", "parentIdentifier": "T", "subAccountName": "North"})
	w.putGroup(t, 201, object{"identifier": "R2", "name": "Region 2", "type": "Region"})
	before := list(t, w.api.Do(t, 200, "GET", groups+"/list", nil))
	for what, c := range map[string]struct {
		body any
		code string
	}{
		"no object":           {[]int{1}, "invalid_request"},
		"no identifier":       {object{"name": "x", "type": "Region"}, "invalid_request"},
		"no name":             {object{"identifier": "N", "type": "Region"}, "invalid_request"},
		"no type":             {object{"identifier": "N", "name": "x"}, "invalid_request"},
		"empty name":          {object{"identifier": "R", "name": " "}, "invalid_request"},
		"null name":           {object{"identifier": "R", "name": nil}, "invalid_request"},
		"null type":           {object{"identifier": "R", "type": nil}, "invalid_request"},
		"number as name":      {object{"identifier": "R", "name": 1}, "invalid_request"},
		"reserved":            {object{"identifier": "list", "name": "x", "type": "Region"}, "invalid_request"},
		"reserved too":        {object{"identifier": "hierarchy", "name": "x", "type": "Region"}, "invalid_request"},
		"unknown type":        {object{"identifier": "N", "name": "x", "type": "region"}, "invalid_request"},
		"no parent":           {object{"identifier": "N", "name": "x", "type": "Branch"}, "invalid_request"},
		"parent beside":       {object{"identifier": "N", "name": "x", "type": "Branch", "parentIdentifier": "B", "subAccountName": "North"}, "invalid_request"},
		"parent below":        {object{"identifier": "N", "name": "x", "type": "Branch", "parentIdentifier": "T", "subAccountName": "North"}, "invalid_request"},
		"other sub-account":   {object{"identifier": "N", "name": "x", "type": "Team", "parentIdentifier": "B", "subAccountName": "South"}, "invalid_request"},
		"circle":              {object{"identifier": "T", "parentIdentifier": "T2"}, "invalid_request"},
		"beside its children": {object{"identifier": "R", "type": "Branch", "parentIdentifier": "R2"}, "invalid_request"},
		"without children":    {object{"identifier": "B", "subAccountName": "South"}, "invalid_request"},
		"unknown parent":      {object{"identifier": "N", "name": "x", "type": "Branch", "parentIdentifier": "b"}, "item_not_exists"},
		"empty parent":        {object{"identifier": "N", "name": "x", "type": "Branch", "parentIdentifier": ""}, "item_not_exists"},
		"unknown sub-account": {object{"identifier": "N", "name": "x", "type": "Region", "subAccountName": "north"}, "item_not_exists"},
		"empty sub-account":   {object{"identifier": "R", "subAccountName": ""}, "item_not_exists"},
		"syntax before names": {object{"identifier": "N", "type": "Region", "subAccountName": "Nowhere"}, "invalid_request"},
		"names before rules":  {object{"identifier": "N", "name": "x", "type": "none", "subAccountName": "Nowhere"}, "item_not_exists"},
	} {
		a := w.api.Do(t, 400, "PUT", groups, c.body)
		require.Equal(t, c.code, a.Text(t, "error"), "%s: %s", what, a.Body)
	}
	require.Equal(t, before, list(t, w.api.Do(t, 200, "GET", groups+"/list", nil)))
	fails(t, w.anyone().Do(t, 401, "PUT", groups, object{"identifier": "N"}), "access_denied")
}

func TestListsOfGroups(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "[]", strings.TrimSpace(string(w.api.Do(t, 200, "GET", groups+"/list", nil).Body)))
	w.tree(t)
	w.putGroup(t, 201, object{"identifier": "A", "name": "Last", "type": "Team", "parentIdentifier": "R"})
	a := w.api.Do(t, 200, "GET", groups+"/list?subAccountName=", nil)
	require.Equal(t, []string{"R", "B", "T", "A"}, identifiers(t, a), "oldest first")
	for _, item := range list(t, a) {
		require.Equal(t, w.api.Do(t, 200, "GET", groupPath(item["identifier"].(string)), nil).Map(t), item)
	}
	require.Equal(t, []string{"B", "T"}, identifiers(t, w.api.Do(t, 200, "GET", groups+"/list?subAccountName=North", nil)))
	require.Empty(t, list(t, w.api.Do(t, 200, "GET", groups+"/list?subAccountName=South", nil)))
	fails(t, w.api.Do(t, 404, "GET", groups+"/list?subAccountName=north", nil), "not_found")
	require.Empty(t, list(t, w.elsewhere(t, "two.test").Do(t, 200, "GET", groups+"/list", nil)))

	w.api.Do(t, 200, "GET", groupPath("T")+"?subAccountName=North", nil)
	for _, path := range []string{"T?subAccountName=South", "R?subAccountName=North", "T?subAccountName=Nowhere", "t", "%FF", strings.Repeat("x", 300)} {
		fails(t, w.api.Do(t, 404, "GET", groups+"/"+path, nil), "not_found")
	}

	// A sub-account that ends takes its groups along.
	w.NewPerson(0, 0, "admin", models.RoleAdmin) // whom the account keeps
	_, err := w.People.DeactivateOrganization(w.office(t), w.north.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"R", "A"}, identifiers(t, w.api.Do(t, 200, "GET", groups+"/list", nil)))
	fails(t, w.api.Do(t, 404, "GET", groupPath("T"), nil), "not_found")
	fails(t, w.api.Do(t, 400, "PUT", groups, object{"identifier": "T", "name": "x", "type": "Region"}), "invalid_request")
	fails(t, w.api.Do(t, 400, "PUT", groups, object{"identifier": "N", "name": "x", "type": "Team", "parentIdentifier": "B"}), "item_not_exists")
}

func TestMembersOfGroups(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	for _, u := range []string{"u/1", "u2"} {
		w.putUser(t, 201, john(u, nil))
	}
	in := func(user string) []string { return identifiers(t, w.api.Do(t, 200, "GET", groupsOfPath(user), nil)) }
	for range 2 {
		a := w.api.Do(t, 200, "POST", memberPath("T", "u/1"), nil)
		require.Equal(t, object{"identifier": "T"}, a.Map(t))
	}
	w.api.Do(t, 200, "POST", memberPath("R", "u/1")+"?replace=false", nil)
	w.api.Do(t, 200, "POST", memberPath("R", "u2"), nil)
	require.Equal(t, []string{"R", "T"}, in("u/1"), "direct ones only")
	require.Equal(t, []string{"T"}, identifiers(t, w.api.Do(t, 200, "GET", groupsOfPath("u/1")+"?subAccountName=North", nil)))
	require.Empty(t, identifiers(t, w.api.Do(t, 200, "GET", groupsOfPath("u2")+"?subAccountName=North", nil)))
	require.Equal(t, w.api.Do(t, 200, "GET", groupPath("T"), nil).Map(t), list(t, w.api.Do(t, 200, "GET", groupsOfPath("u/1"), nil))[1])

	require.Equal(t, object{"identifier": "B"}, w.api.Do(t, 200, "POST", memberPath("B", "u/1")+"?replace=true", nil).Map(t))
	require.Equal(t, []string{"B"}, in("u/1"))
	require.Equal(t, []string{"R"}, in("u2"))
	for range 2 {
		require.Equal(t, object{"identifier": "B"}, w.api.Do(t, 200, "DELETE", memberPath("B", "u/1"), nil).Map(t))
	}
	require.Empty(t, in("u/1"))

	other := w.elsewhere(t, "two.test")
	for _, method := range []string{"POST", "DELETE"} {
		for _, path := range []string{memberPath("X", "u2"), memberPath("R", "x"), memberPath("r", "u2"), memberPath("R", strings.Repeat("x", 300))} {
			fails(t, w.api.Do(t, 404, method, path, nil), "not_found")
		}
		fails(t, other.Do(t, 404, method, memberPath("R", "u2"), nil), "not_found")
	}
	fails(t, w.api.Do(t, 400, "POST", memberPath("R", "u2")+"?replace=yes", nil), "invalid_request")
	fails(t, w.api.Do(t, 404, "GET", groupsOfPath("x"), nil), "not_found")
	fails(t, w.api.Do(t, 404, "GET", groupsOfPath("u2")+"?subAccountName=Nowhere", nil), "not_found")
	fails(t, other.Do(t, 404, "GET", groupsOfPath("u2"), nil), "not_found")
	require.Equal(t, []string{"R"}, in("u2"))
}

// What a person is, their groups follow: who leaves a sub-account leaves its
// groups, who is deleted all; deactivation changes nothing.
func TestGroupsFollowPeople(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.putUser(t, 201, john("u1", object{"subAccountName": "North"}))
	for _, g := range []string{"R", "B", "T"} {
		w.api.Do(t, 200, "POST", memberPath(g, "u1"), nil)
	}
	w.api.Do(t, 200, "PUT", users+"/u1?isActive=false", object{"isActive": false})
	require.Equal(t, []string{"R", "B", "T"}, identifiers(t, w.api.Do(t, 200, "GET", groupsOfPath("u1"), nil)))
	w.api.Do(t, 200, "DELETE", users+"/u1/subAccountName/North", nil)
	require.Equal(t, []string{"R"}, identifiers(t, w.api.Do(t, 200, "GET", groupsOfPath("u1"), nil)))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM group_members WHERE account_id = @account_id`, nil))
	w.api.Do(t, 200, "DELETE", users+"/u1", nil)
	require.Zero(t, w.number(t, `SELECT count(*) FROM group_members WHERE account_id = @account_id`, nil))
}

func TestDeleteGroup(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.putUser(t, 201, john("u1", object{"possibleRoles": []string{"MANAGER"}}))
	w.api.Do(t, 200, "POST", memberPath("T", "u1"), nil)
	w.api.Do(t, 200, "POST", entitlements, object{"userIdentifier": "u1", "entityType": "GROUP", "entityIdentifier": "T", "userRole": "MANAGER"})
	course := w.course(t, "C", nil)
	require.NoError(t, w.Enrollments.LinkGroup(w.office(t), ref.ByID(course.ID), ref.ByIdentifier("T"), false))
	const learners = `SELECT count(*) FROM enrollments WHERE account_id = @account_id AND learner`
	require.EqualValues(t, 1, w.number(t, learners, nil))

	fails(t, w.api.Do(t, 400, "DELETE", groupPath("R"), nil), "invalid_request")
	fails(t, w.elsewhere(t, "two.test").Do(t, 404, "DELETE", groupPath("T"), nil), "not_found")
	require.Equal(t, object{"identifier": "T"}, w.api.Do(t, 200, "DELETE", groupPath("T"), nil).Map(t))
	fails(t, w.api.Do(t, 404, "DELETE", groupPath("T"), nil), "not_found")
	fails(t, w.api.Do(t, 404, "GET", groupPath("T"), nil), "not_found")
	for _, left := range []string{"group_members", "entitlements", "course_groups", "enrollment_sources"} {
		require.Zero(t, w.number(t, `SELECT count(*) FROM `+left+` WHERE account_id = @account_id`, nil), left)
	}
	require.Zero(t, w.number(t, learners, nil))
	w.putGroup(t, 201, object{"identifier": "T", "name": "New", "type": "Region"})
}

// Of 50 clients who put one new group, one makes it; the others change it.
func TestPutGroupAtOnce(t *testing.T) {
	w := newWorld(t)
	w.types(t)
	body := object{"identifier": "G", "name": "G", "type": "Region"}
	require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusOK: 49}, w.api.AtOnce(t, 50, "PUT", groups, body))
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM groups WHERE account_id = @account_id`, nil))

	// Members come and go while the group is taken away: no trace is left, and
	// nobody waits for each other.
	w.putUser(t, 201, john("u1", nil))
	counts := contracttest.AtOnce(30, func(i int) int {
		switch i % 3 {
		case 0:
			return w.api.Status(t.Context(), "POST", memberPath("G", "u1")+"?replace=true", nil)
		case 1:
			return w.api.Status(t.Context(), "DELETE", memberPath("G", "u1"), nil)
		}
		return w.api.Status(t.Context(), "DELETE", groupPath("G"), nil)
	})
	require.Equal(t, 30, counts[200]+counts[404], "%v", counts)
	require.Zero(t, w.number(t, `SELECT count(*) FROM group_members WHERE account_id = @account_id`, nil))
}

func TestStatementsOfGroups(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.putUser(t, 201, john("u1", nil))
	root, err := w.Groups.Get(w.office(t), ref.ByIdentifier("R"), "")
	require.NoError(t, err)
	_, err = w.DB.Exec(w.Context(), `INSERT INTO groups (account_id, identifier, name, type, parent_id)
		SELECT @account_id, 'G' || n, 'Group ' || n, 'Team', @root FROM generate_series(1, 9997) n`, store.Args{"root": root.ID})
	require.NoError(t, err)
	require.Len(t, list(t, w.api.Do(t, 200, "GET", groups+"/list", nil)), 10_000)
	for _, c := range []struct {
		most         int64
		status       int
		method, path string
		body         any
	}{
		{1, 200, "GET", groups + "/hierarchy", nil},
		{1, 200, "GET", groups + "/list", nil},
		{2, 200, "GET", groups + "/list?subAccountName=North", nil},
		{1, 200, "GET", groupPath("T"), nil},
		{2, 200, "GET", groupPath("T") + "?subAccountName=North", nil},
		{7, 201, "PUT", groups, object{"identifier": "N", "name": "N", "type": "Team", "parentIdentifier": "B", "subAccountName": "North"}},
		{6, 200, "PUT", groups, object{"identifier": "N", "name": "N", "parentIdentifier": "B"}},
		{1, 200, "GET", groupsOfPath("u1"), nil},
		{2, 200, "GET", groupsOfPath("u1") + "?subAccountName=North", nil},
	} {
		before := w.DB.Statements()
		w.api.Do(t, c.status, c.method, c.path, c.body)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most+tokenStatements, "%s %s", c.method, c.path)
	}
	// What other areas do when somebody joins or leaves does not grow with the
	// tree either.
	for _, c := range []struct{ method, path string }{
		{"POST", memberPath("N", "u1")}, {"POST", memberPath("T", "u1") + "?replace=true"}, {"DELETE", memberPath("T", "u1")}, {"DELETE", groupPath("N")},
	} {
		before := w.DB.Statements()
		w.api.Do(t, 200, c.method, c.path, nil)
		require.LessOrEqual(t, w.DB.Statements()-before, int64(15+tokenStatements), "%s %s", c.method, c.path)
	}
}
