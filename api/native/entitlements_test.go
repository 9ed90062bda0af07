package native_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/ref"
	"quad/models"
)

func TestEntitlements(t *testing.T) {
	w := newWorld(t, nil)
	system := auth.WithPrincipal(w.Context(), auth.Principal{AccountID: w.Account.ID, ClientID: 1, Roles: []string{models.RoleAdmin}, Door: "test"})
	for identifier, who := range map[string]string{"u1": w.user.Email, "o1": w.otherUser.Email} {
		_, err := w.People.UpsertExternal(system, people.ExternalChange{Identifier: identifier, Username: &who, PossibleRoles: []string{"MANAGER", "EDITOR"}})
		require.NoError(t, err)
	}
	require.NoError(t, w.DB.Query(w.Context(), new(int64), `INSERT INTO groups (account_id, identifier, name, type) VALUES (@account_id, 'g1', 'Group', 'T') RETURNING id`, nil))
	grant := func(user string, kind models.EntitlementEntity, entity string, role models.EntitlementRole) {
		require.NoError(t, w.Entitlements.Grant(system, entitlement.Change{User: ref.ByIdentifier(user), EntityType: kind, Entity: ref.ByIdentifier(entity), Role: role}))
	}
	grant("u1", models.EntitlementGroup, "g1", models.EntitlementEditor)
	grant("u1", models.EntitlementWorkspace, "Other", models.EntitlementManager)
	grant("o1", models.EntitlementGroup, "g1", models.EntitlementManager)

	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.orgAdmin), w.as(t, w.user)
	own := path("/users/%d/entitlements", w.user.ID)
	got := items(t, admin.Do(t, 200, "GET", own, nil))
	require.Len(t, got, 2)
	for field, want := range map[string]any{
		"userId": float64(w.user.ID), "userIdentifier": "u1", "userName": "user", "entityType": "GROUP", "entityIdentifier": "g1", "entityName": "Group", "role": "EDITOR",
	} {
		require.Equal(t, want, got[0][field], field)
	}
	require.Equal(t, []any{"WORKSPACE", float64(w.other.ID), "Other"}, []any{got[1]["entityType"], got[1]["entityId"], got[1]["entityIdentifier"]})
	require.Len(t, walk(t, orgAdmin, own+"?limit=1"), 2)
	problem(t, orgAdmin.Do(t, 404, "GET", path("/users/%d/entitlements", w.otherUser.ID), nil), "user.unknown")
	user.Do(t, 403, "GET", own, nil)

	const all = "/hub/v1/entitlements"
	for query, want := range map[string]int{
		"": 3, "limit=1": 3, "userIdentifier=u1": 2, "userIdentifier=U1": 0, "userIdentifier=o1&entityType=GROUP": 1, "entityType=GROUP&entityIdentifier=g1&limit=1": 2,
		"entityType=COURSE&entityIdentifier=g1": 0, "entityType=WORKSPACE&entityIdentifier=Other": 1, "entityType=WORKSPACE": 1,
		"userId=" + path("%d", w.user.ID)[len("/hub/v1"):]: 2, "userId=999999": 0,
	} {
		require.Len(t, walk(t, admin, all+"?"+query), want, query)
	}
	for _, query := range []string{
		"userId=x", "userId=1&userIdentifier=u1", "entityIdentifier=g1", "entityType=TEAM", "limit=0", "cursor=x", "userIdentifier=" + strings.Repeat("x", 256),
	} {
		admin.Do(t, 400, "GET", all+"?"+query, nil)
	}
	orgAdmin.Do(t, 403, "GET", all, nil)

	before := w.DB.Statements()
	admin.Do(t, 200, "GET", all, nil)
	require.LessOrEqual(t, w.DB.Statements()-before, int64(2), "one, and one to authenticate")
	before = w.DB.Statements()
	admin.Do(t, 200, "GET", own, nil)
	require.LessOrEqual(t, w.DB.Statements()-before, int64(3))
}
