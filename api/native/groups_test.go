package native_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/models"
)

const groups = "/hub/v1/groups"

// hierarchy sets the types of the tests.
func hierarchy(t *testing.T, admin contracttest.Client) {
	t.Helper()
	admin.Do(t, 200, "PUT", "/hub/v1/group-hierarchy", object{"types": []string{"REGIONAL", "UNIDADE", "TURMA"}})
}

// group makes one and gives its id.
func group(t *testing.T, admin contracttest.Client, name, kind string, more object) int64 {
	t.Helper()
	body := object{"name": name, "type": kind, "identifier": name}
	for k, v := range more {
		body[k] = v
	}
	return mustID(t, admin.Do(t, 201, "POST", groups, body).Text(t, "id"))
}

func TestGroupHierarchy(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	const at = "/hub/v1/group-hierarchy"
	require.Equal(t, object{"types": []any{}}, admin.Do(t, 200, "GET", at, nil).Map(t))
	a := admin.Do(t, 200, "PUT", at, object{"types": []string{" Região ", "Time"}})
	require.Equal(t, object{"types": []any{"Região", "Time"}}, a.Map(t))
	require.Equal(t, a.Map(t), admin.Do(t, 200, "GET", at, nil).Map(t))
	for _, types := range []any{[]string{}, []string{"a", "a"}, []string{""}, nil, slices.Repeat([]string{"x"}, 51)} {
		require.Equal(t, []string{"types"}, fields(t, admin.Do(t, 422, "PUT", at, object{"types": types})))
	}
	require.Equal(t, []string{"types"}, fields(t, admin.Do(t, 422, "PUT", at, object{"types": "x"})))
	problem(t, admin.Do(t, 400, "PUT", at, "{"), "body_syntax")
	group(t, admin, "R", "Região", nil)
	problem(t, admin.Do(t, 422, "PUT", at, object{"types": []string{"Time"}}), "invalid")
	problem(t, w.as(t, w.orgAdmin).Do(t, 403, "GET", at, nil), "forbidden")
	problem(t, w.as(t, w.orgAdmin).Do(t, 403, "PUT", at, object{"types": []string{"Time"}}), "forbidden")
}

func TestGroups(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	hierarchy(t, admin)
	a := admin.Do(t, 201, "POST", groups, object{"name": "Norte", "type": "REGIONAL"})
	region := mustID(t, a.Text(t, "id"))
	require.Equal(t, fmt.Sprint(region), a.Text(t, "identifier"), "without one it is the id")
	a = admin.Do(t, 201, "POST", groups, object{"name": "Unidade 1", "type": "UNIDADE", "identifier": "U/1", "parentId": region, "organizationId": w.other.ID})
	unit := mustID(t, a.Text(t, "id"))
	require.Equal(t, a.Map(t), admin.Do(t, 200, "GET", path("/groups/%d", unit), nil).Map(t))
	for field, want := range map[string]any{
		"identifier": "U/1", "name": "Unidade 1", "type": "UNIDADE", "parentId": float64(region), "parentIdentifier": fmt.Sprint(region),
		"organizationId": float64(w.other.ID), "organizationName": "Other",
	} {
		require.Equal(t, want, a.Map(t)[field], field)
	}

	problem(t, admin.Do(t, 409, "POST", groups, object{"name": "x", "type": "REGIONAL", "identifier": "U/1"}), "group.taken")
	problem(t, admin.Do(t, 404, "POST", groups, object{"name": "x", "type": "TURMA", "parentId": 1 << 40}), "group.parent_unknown")
	problem(t, admin.Do(t, 404, "POST", groups, object{"name": "x", "type": "REGIONAL", "organizationId": w.Organization.ID}), "organization.unknown")
	require.Equal(t, []string{"name", "type"}, fields(t, admin.Do(t, 422, "POST", groups, object{})))
	require.Equal(t, []string{"parentId"}, fields(t, admin.Do(t, 422, "POST", groups, object{"name": "x", "type": "TURMA"})))
	require.Equal(t, []string{"organizationId"}, fields(t, admin.Do(t, 422, "POST", groups, object{"name": "x", "type": "TURMA", "parentId": unit})))
	require.Equal(t, []string{"identifier"}, fields(t, admin.Do(t, 422, "POST", groups, object{"name": "x", "type": "REGIONAL", "identifier": "hierarchy"})))

	a = admin.Do(t, 200, "PATCH", path("/groups/%d", unit), object{"name": "Unidade I"})
	require.Equal(t, "Unidade I", a.Text(t, "name"))
	require.EqualValues(t, region, a.Map(t)["parentId"])
	a = admin.Do(t, 200, "PATCH", path("/groups/%d", unit), object{"type": "REGIONAL", "parentId": nil, "organizationId": nil})
	require.Nil(t, a.Map(t)["parentId"])
	require.Nil(t, a.Map(t)["organizationName"])
	require.Equal(t, []string{"type"}, fields(t, admin.Do(t, 422, "PATCH", path("/groups/%d", unit), object{"type": "unidade"})))
	problem(t, admin.Do(t, 404, "PATCH", path("/groups/%d", 1<<40), object{"name": "x"}), "group.unknown")
	problem(t, admin.Do(t, 404, "PATCH", path("/groups/%d", unit), object{"parentId": 1 << 40}), "group.parent_unknown")

	admin.Do(t, 200, "PATCH", path("/groups/%d", unit), object{"type": "TURMA", "parentId": region})
	problem(t, admin.Do(t, 422, "DELETE", path("/groups/%d", region), nil), "group.has_groups")
	admin.Do(t, 204, "DELETE", path("/groups/%d", unit), nil)
	admin.Do(t, 204, "DELETE", path("/groups/%d", region), nil)
	problem(t, admin.Do(t, 404, "DELETE", path("/groups/%d", region), nil), "group.unknown")
	problem(t, admin.Do(t, 404, "GET", path("/groups/%d", region), nil), "group.unknown")
}

func TestListOfGroups(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	hierarchy(t, admin)
	region := group(t, admin, "Norte", "REGIONAL", nil)
	var all []string
	all = append(all, fmt.Sprint(region))
	for n := range 6 {
		more := object{"parentId": region}
		if n%2 == 0 {
			more["organizationId"] = w.other.ID
		}
		all = append(all, fmt.Sprint(group(t, admin, fmt.Sprint("Turma ", n), "TURMA", more)))
	}
	require.Equal(t, all, walk(t, admin, groups+"?limit=2"))
	require.Equal(t, all[:1], walk(t, admin, groups+"?top=true"))
	require.Equal(t, all, walk(t, admin, groups+"?top=false"))
	require.Equal(t, all[1:], walk(t, admin, groups+fmt.Sprintf("?limit=4&parentId=%d&search=URMA&type=TURMA", region)))
	require.Equal(t, []string{all[1], all[3], all[5]}, walk(t, admin, groups+fmt.Sprintf("?limit=1&organizationId=%d", w.other.ID)))
	require.Empty(t, walk(t, admin, groups+"?search=%25"))
	next := admin.Do(t, 200, "GET", groups+"?limit=2", nil).Text(t, "next")
	problem(t, admin.Do(t, 400, "GET", groups+"?top=true&cursor="+next, nil), "bad_cursor")
	problem(t, admin.Do(t, 400, "GET", groups+"?top=1&parentId=x", nil), "bad_parameter")

	// Of an inactive organization they are still listed here.
	admin.Do(t, 200, "POST", path("/organizations/%d/deactivate", w.other.ID), nil)
	require.Equal(t, all, walk(t, admin, groups))
}

func TestGroupMembers(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	hierarchy(t, admin)
	region := group(t, admin, "Norte", "REGIONAL", nil)
	team := group(t, admin, "Turma", "TURMA", object{"parentId": region})
	sub := group(t, admin, "Grupo", "TURMA", object{"parentId": team})
	var people []int64
	for range 4 {
		people = append(people, w.NewPerson(0, 0, "p"+newName(), models.RoleMentee).ID)
	}
	at := func(group, user int64) string { return path("/groups/%d/members/%d", group, user) }
	admin.Do(t, 204, "PUT", at(region, people[0]), nil)
	for _, p := range people[:3] {
		admin.Do(t, 204, "PUT", at(sub, p), nil)
		admin.Do(t, 204, "PUT", at(sub, p), nil)
	}
	// members walks the pages of a list of members, "group user".
	members := func(c contracttest.Client, method, at string, body any) (out []string) {
		for next := ""; ; {
			a := c.Do(t, 200, method, at+next, body)
			for _, item := range items(t, a) {
				out = append(out, fmt.Sprintf("%v %.0f", item["groupIdentifier"], item["userId"]))
			}
			marker := a.Text(t, "next")
			if marker == "" {
				return out
			}
			next = "&cursor=" + marker
		}
	}
	line := func(group string, users ...int64) (out []string) {
		for _, u := range users {
			out = append(out, fmt.Sprint(group, " ", u))
		}
		return out
	}
	whole := append(line("Norte", people[0]), line("Grupo", people[:3]...)...)
	for _, limit := range []int{1, 2, 100} {
		list := path("/groups/%d/members?limit=%d", region, limit)
		require.Equal(t, line("Norte", people[0]), members(admin, "GET", list, nil))
		require.Equal(t, whole, members(admin, "GET", list+"&recursive=true", nil))
		find := groups + fmt.Sprintf("/members?limit=%d", limit)
		require.Equal(t, whole, members(admin, "POST", find, object{"groupIds": []int64{region}, "recursive": true}))
		require.Equal(t, whole, members(admin, "POST", find, object{"groupIds": []int64{sub, 1 << 40}, "groupIdentifiers": []string{"Norte", "nothing", "Norte"}}))
		require.Empty(t, members(admin, "POST", find, object{"groupIds": []int64{team}}))
		require.Empty(t, members(admin, "POST", find, object{}))
	}
	member := items(t, admin.Do(t, 200, "GET", path("/groups/%d/members", region), nil))[0]
	require.Equal(t, "ACTIVE", member["status"])
	require.Nil(t, member["userIdentifier"])

	next := admin.Do(t, 200, "POST", groups+"/members?limit=1", object{"groupIds": []int64{sub}}).Text(t, "next")
	problem(t, admin.Do(t, 400, "POST", groups+"/members?cursor="+next, object{"groupIds": []int64{region}}), "bad_cursor")
	problem(t, admin.Do(t, 422, "POST", groups+"/members", object{"groupIds": slices.Repeat([]int64{sub}, 201)}), "invalid")
	problem(t, admin.Do(t, 404, "GET", path("/groups/%d/members", 1<<40), nil), "group.unknown")

	admin.Do(t, 204, "PUT", at(team, people[0])+"?replace=true", nil)
	require.Equal(t, append(line("Turma", people[0]), line("Grupo", people[1:3]...)...), members(admin, "GET", path("/groups/%d/members?recursive=true", region), nil))
	for range 2 {
		admin.Do(t, 204, "DELETE", at(team, people[0]), nil)
	}
	problem(t, admin.Do(t, 404, "PUT", at(team, 1<<40), nil), "user.unknown")
	problem(t, admin.Do(t, 404, "DELETE", at(1<<40, people[0]), nil), "group.unknown")
	problem(t, admin.Do(t, 400, "PUT", at(team, people[0])+"?replace=yes", nil), "bad_parameter")

	// Everybody with their groups.
	lines := func(c contracttest.Client, query string) (out []string) {
		for next := ""; ; {
			a := c.Do(t, 200, "GET", "/hub/v1/user-groups?"+query+next, nil)
			for _, item := range items(t, a) {
				line := fmt.Sprintf("%.0f", item["userId"])
				for _, g := range item["groups"].([]any) {
					line += fmt.Sprint(" ", g.(object)["name"])
				}
				out = append(out, line)
			}
			marker := a.Text(t, "next")
			if marker == "" {
				return out
			}
			next = "&cursor=" + marker
		}
	}
	everybody := []string{}
	for _, p := range []int64{w.admin.ID, w.orgAdmin.ID, w.user.ID, w.otherAdmin.ID, w.otherUser.ID, people[0]} {
		everybody = append(everybody, fmt.Sprint(p))
	}
	everybody = append(everybody, fmt.Sprint(people[1], " Grupo"), fmt.Sprint(people[2], " Grupo"), fmt.Sprint(people[3]))
	require.Equal(t, everybody, lines(admin, "limit=3"))
	require.Equal(t, []string{fmt.Sprint(w.otherAdmin.ID), fmt.Sprint(w.otherUser.ID)}, lines(admin, fmt.Sprintf("limit=1&organizationId=%d", w.other.ID)))
	problem(t, admin.Do(t, 400, "GET", "/hub/v1/user-groups?organizationId=x", nil), "bad_parameter")
}

func TestStatementsOfGroups(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	hierarchy(t, admin)
	region := group(t, admin, "Norte", "REGIONAL", nil)
	for range 5 {
		p := w.NewPerson(0, 0, "p"+newName(), models.RoleMentee)
		admin.Do(t, 204, "PUT", path("/groups/%d/members/%d", region, p.ID), nil)
	}
	count := func(most int64, method, at string, body any) {
		t.Helper()
		before := w.DB.Statements()
		admin.Do(t, 200, method, at, body)
		require.LessOrEqual(t, w.DB.Statements()-before, most+1, "%s %s, with one for who calls", method, at)
	}
	count(1, "GET", "/hub/v1/group-hierarchy", nil)
	count(1, "GET", groups, nil)
	count(1, "GET", path("/groups/%d", region), nil)
	count(2, "GET", path("/groups/%d/members?recursive=true", region), nil)
	count(1, "POST", groups+"/members", object{"groupIds": []int64{region}})
	count(2, "GET", "/hub/v1/user-groups", nil)
}
