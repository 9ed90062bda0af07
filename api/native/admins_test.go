package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/models"
)

// An account keeps an active admin, and only admins take an admin's access away.
func TestAdminsAreKept(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	off := path("/users/%d/deactivate", w.admin.ID)
	problem(t, orgAdmin.Do(t, 403, "POST", off, nil), "user.admin_protected")
	problem(t, admin.Do(t, 409, "POST", off, nil), "account.last_admin")
	problem(t, admin.Do(t, 409, "DELETE", path("/users/%d/roles/%d", w.admin.ID, w.role(t, models.RoleAdmin)), nil), "account.last_admin")
	admin.Do(t, 200, "PATCH", path("/users/%d", w.admin.ID), object{"organizationId": w.other.ID})
	problem(t, admin.Do(t, 409, "POST", path("/organizations/%d/deactivate", w.other.ID), nil), "account.last_admin")
	require.Equal(t, "ACTIVE", admin.Do(t, 200, "GET", path("/users/%d", w.admin.ID), nil).Text(t, "status"))

	// Two admins who take each other's access away at once leave one.
	second := w.NewPerson(0, 0, "second", models.RoleAdmin)
	clients, ids := []contracttest.Client{admin, w.as(t, second)}, []int64{second.ID, w.admin.ID}
	got := contracttest.AtOnce(2, func(i int) int {
		return clients[i].Status(t.Context(), "POST", path("/users/%d/deactivate", ids[i]), nil)
	})
	require.Equal(t, 1, got[200], got)
	left := 0
	for _, c := range clients {
		if c.Status(t.Context(), "GET", "/hub/v1/me", nil) == 200 {
			left++
		}
	}
	require.Equal(t, 1, left)
}

// Nobody decides their own request; who holds it says so.
func TestNobodyDecidesTheirOwnRequest(t *testing.T) {
	w := newWorkingWorld(t)
	second := w.NewPerson(0, 0, "second", models.RoleOrgAdmin)
	me := w.as(t, w.orgAdmin)
	p := w.startRequest(t, me)
	id := p.Text(t, "id")
	problem(t, me.Do(t, 403, "POST", path("/processes/%s/decide", id), object{"decision": "APPROVED"}), "role_request.own")
	problem(t, me.Do(t, 403, "PUT", path("/role-requests/%s/deadline", p.Text(t, "subject.id")), object{"deadline": "2100-01-01T00:00:00Z"}), "role_request.own")
	holders := string(me.Do(t, 200, "GET", path("/processes/%s/holders", id), nil).Body)
	require.Contains(t, holders, `"name":"second"`)
	require.NotContains(t, holders, `"name":"orgadmin"`)
	w.as(t, second).Do(t, 200, "POST", path("/processes/%s/decide", id), object{"decision": "APPROVED"})
}
