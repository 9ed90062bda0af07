package mis_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api/mis/wire"
	"quad/internal/audit"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

const auditPath = "/mis/auth/audit-logs"

// actions are what the entries of a page say.
func actions(items []object) []string {
	out := []string{}
	for _, item := range items {
		out = append(out, fmt.Sprint(item["action"], " ", item["entityType"]))
	}
	return out
}

func TestAuditLogs(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root).With("User-Agent", "Mozilla/5.0"), w.as(t, w.tenantAdmin)
	w.exec(t, `DELETE FROM audit_events`, nil) // of the world's making
	w.elsewhere(t, "far.test").Do(t, 201, "POST", tenantsPath, object{"name": "Far", "email": "far@far.test"})

	root.Do(t, 201, "POST", tenantsPath, object{"name": "New", "email": "a@b.example"})
	root.Do(t, 200, "PATCH", tenantPath(w.north.ID), object{"phone": "1"})
	north.Do(t, 201, "POST", holderPath(3, w.user.ID), nil)
	north.Do(t, 200, "DELETE", holderPath(3, w.user.ID), nil)
	w.anyone().Do(t, 200, "POST", "/mis/auth/login", object{"email": w.user.Email, "password": "correct horse battery"})
	w.anyone().Do(t, 401, "POST", "/mis/auth/login", object{"email": w.user.Email, "password": "wrong"})

	a := root.Do(t, 200, "GET", auditPath, nil)
	require.Equal(t, []string{"LOGIN_FAILED user", "LOGIN session", "UNASSIGN user", "ASSIGN user", "UPDATE tenant", "CREATE tenant"},
		actions(members(t, a, "data")), "the newest first, nothing of another account")
	require.Equal(t, []any{6., 1., 20.}, []any{a.Map(t)["total"], a.Map(t)["page"], a.Map(t)["limit"]})
	update := members(t, a, "data")[4]
	require.Equal(t, []any{idText(w.root.ID), w.root.Email, idText(w.north.ID), idText(w.north.ID), "127.0.0.1", "Mozilla/5.0", object{"changed": []any{"phone"}}},
		[]any{update["userId"], update["userEmail"], update["tenantId"], update["entityId"], update["ipAddress"], update["userAgent"], update["details"]})

	// Filters, one by one and together.
	for query, want := range map[string]int{
		"userId=" + idText(w.root.ID): 2, "userId=none": 0, "action=ASSIGN": 1, "action=UPDATE": 1, "action=SYNC": 0, "action=LOGIN_FAILED": 1,
		"entityType=tenant": 2, "entityType=Tenant": 2, "entityType=organization": 0, "entityType=user&entityId=" + idText(w.user.ID): 3,
		"entityId=" + idText(w.north.ID) + "&action=UPDATE&entityType=tenant": 1,
		"startDate=" + time.Now().UTC().Format("2006-01-02"):                  6, "endDate=2020-01-01": 0, "startDate=2020-01-01&endDate=9998-01-01": 6,
		"action=UPDATE&userId=" + idText(w.tenantAdmin.ID): 0,
	} {
		require.EqualValues(t, want, root.Do(t, 200, "GET", auditPath+"?"+query, nil).Map(t)["total"], query)
	}
	fails(t, root.Do(t, 400, "GET", auditPath+"?action=EAT", nil),
		"Action must be one of the following values: CREATE, UPDATE, DELETE, ASSIGN, UNASSIGN, LOGIN, LOGIN_FAILED, LOGOUT, PASSWORD_RESET, SYNC")
	fails(t, root.Do(t, 400, "GET", auditPath+"?startDate=2024-02-30", nil), "StartDate must be a valid day such as 2024-01-31")

	// Pages.
	a = root.Do(t, 200, "GET", auditPath+"?page=2&limit=4", nil)
	require.Equal(t, []string{"UPDATE tenant", "CREATE tenant"}, actions(members(t, a, "data")))
	a = root.Do(t, 200, "GET", auditPath+"?page=9&limit=1000", nil)
	require.Equal(t, object{"data": []any{}, "total": 6., "page": 9., "limit": 100.}, a.Map(t))
	a = root.Do(t, 200, "GET", auditPath+"?page=0&limit=x", nil)
	require.Equal(t, []any{1., 20.}, []any{a.Map(t)["page"], a.Map(t)["limit"]})

	// A TENANT_ADMIN sees what happened in the own tenants.
	require.EqualValues(t, 5, north.Do(t, 200, "GET", auditPath, nil).Map(t)["total"], "all but the new tenant")
	require.EqualValues(t, 0, w.as(t, w.southAdmin).Do(t, 200, "GET", auditPath, nil).Map(t)["total"])
	fails(t, w.as(t, w.manager).Do(t, 403, "GET", auditPath, nil), "Forbidden resource")
	require.LessOrEqual(t, w.statementsOf(func() { north.Do(t, 200, "GET", auditPath, nil) }), int64(1+2))

	// Who is deleted leaves neither name nor address.
	require.NoError(t, w.People.DeleteUser(w.AdminContext(w.root), w.user.ID))
	for _, e := range members(t, root.Do(t, 200, "GET", auditPath+"?userId="+idText(w.user.ID), nil), "data") {
		require.Equal(t, []any{nil, nil, nil}, []any{e["userEmail"], e["ipAddress"], e["userAgent"]})
	}
}

// The database filters by the contract's words as the page shows them.
func TestAuditWordsAreFiltered(t *testing.T) {
	w := newWorld(t)
	w.exec(t, `DELETE FROM audit_events`, nil)
	all := []string{
		"project.created", "user.signed_up", "form.duplicated", "project.updated", "course.completed_by_force", "user_certificate.revoked", "odd", "x.y2",
		"form_field.deleted", "api_token.revoked", "activity.assigned", "group.member_added", "role.permission_granted", "user.joined", "user_profile.given",
		"activity.unassigned", "course.user_removed", "role.permission_withdrawn", "user.left", "user_profile.taken", "role.revoked",
		"session.opened", "session.refused", "session.closed", "user.password_reset", "integration.synced",
	}
	events := make([]audit.Event, len(all))
	for i, action := range all {
		events[i] = audit.Event{Action: action, SubjectType: "thing", SubjectID: int64(i + 1)}
	}
	require.NoError(t, audit.Write(w.Context(), w.DB, events...))

	root, shown, found := w.as(t, w.root), map[string]string{}, map[string]string{}
	for _, e := range members(t, root.Do(t, 200, "GET", auditPath+"?limit=100", nil), "data") {
		shown[e["entityId"].(string)] = e["action"].(string)
	}
	for _, word := range wire.AuditActions {
		entries := members(t, root.Do(t, 200, "GET", auditPath+"?limit=100&action="+word, nil), "data")
		require.NotEmpty(t, entries, word)
		for _, e := range entries {
			require.NotContains(t, found, e["entityId"])
			found[e["entityId"].(string)] = word
		}
	}
	require.Len(t, shown, len(all))
	require.Equal(t, shown, found, "each entry is found by its word and by no other")
	at := func(action string) string { return shown[idText(int64(slices.Index(all, action)+1))] }
	require.Equal(t, []string{"CREATE", "UPDATE", "UPDATE", "DELETE", "ASSIGN", "UNASSIGN", "LOGIN_FAILED", "SYNC"}, []string{
		at("user.signed_up"), at("user_certificate.revoked"), at("odd"), at("api_token.revoked"), at("user_profile.given"), at("user.left"),
		at("session.refused"), at("integration.synced"),
	})
}

func TestAuditStatistics(t *testing.T) {
	w := newWorld(t)
	root, north := w.as(t, w.root), w.as(t, w.tenantAdmin)
	w.exec(t, `DELETE FROM audit_events`, nil)
	insert := func(n int, action string, actor *int64, organization int64, age time.Duration) {
		w.exec(t, `INSERT INTO audit_events (account_id, organization_id, actor_id, door, action, subject_type, subject_id, created_at)
			SELECT @account, @organization, CAST(@actor AS bigint), 'test', @action, split_part(@action, '.', 1), 1, now() - make_interval(secs => @age)
			FROM generate_series(1, @n)`, store.Args{
			"account": w.Account.ID, "organization": organization, "actor": actor, "action": action, "age": age.Seconds(), "n": n,
		})
	}
	const day = 24 * time.Hour
	insert(3, "project.updated", &w.manager.ID, w.north.ID, time.Hour)
	insert(2, "project.created", &w.tenantAdmin.ID, w.north.ID, 2*day)
	insert(2, "organization.updated", &w.root.ID, w.north.ID, 30*day)
	insert(1, "session.refused", nil, w.north.ID, time.Minute)
	insert(1, "session.refused", nil, w.north.ID, 25*time.Hour)
	insert(4, "form.created", &w.southAdmin.ID, w.south.ID, 6*day)

	require.Equal(t, object{
		"totalLogs": 9., "logsLast24Hours": 4., "logsLast7Days": 7., "failedLoginsLast24Hours": 1.,
		"byAction":     []any{object{"action": "UPDATE", "count": 5.}, object{"action": "CREATE", "count": 2.}, object{"action": "LOGIN_FAILED", "count": 2.}},
		"byEntityType": []any{object{"entityType": "project", "count": 5.}, object{"entityType": "session", "count": 2.}, object{"entityType": "tenant", "count": 2.}},
		"topUsers": []any{
			object{"userId": idText(w.manager.ID), "email": w.manager.Email, "count": 3.},
			object{"userId": idText(w.root.ID), "email": w.root.Email, "count": 2.},
			object{"userId": idText(w.tenantAdmin.ID), "email": w.tenantAdmin.Email, "count": 2.},
		},
	}, north.Do(t, 200, "GET", auditPath+"/statistics", nil).Map(t))
	all := root.Do(t, 200, "GET", auditPath+"/statistics", nil).Map(t)
	require.EqualValues(t, 13, all["totalLogs"])
	for range 12 {
		who := w.NewPerson(0, w.south.ID, fmt.Sprint("busy", time.Now().UnixNano()), models.RoleUser)
		insert(50, "project.updated", &who.ID, w.south.ID, time.Hour)
	}
	require.Len(t, root.Do(t, 200, "GET", auditPath+"/statistics", nil).Map(t)["topUsers"], 10)
	w.as(t, w.viewer).Do(t, 403, "GET", auditPath+"/statistics", nil)
	require.LessOrEqual(t, w.statementsOf(func() { north.Do(t, 200, "GET", auditPath+"/statistics", nil) }), int64(1+1))
}

func TestEventMetrics(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	const path = "/mis/events/metrics"
	w.exec(t, `DELETE FROM notifications`, nil)
	w.exec(t, `DELETE FROM audit_events`, nil)
	require.Equal(t, object{
		"totalEvents": 0., "pending": 0., "processed": 0., "failed": 0., "eventsLast24Hours": 0., "byType": []any{}, "lastEventAt": nil,
	}, root.Do(t, 200, "GET", path, nil).Map(t))

	root.Do(t, 201, "POST", holderPath(3, w.user.ID), nil)
	root.Do(t, 200, "DELETE", holderPath(3, w.user.ID), nil)
	for i, state := range []string{"pending", "queued", "sent", "cancelled", "dead"} {
		require.NoError(t, w.Notify.Send(w.Context(), notify.Message{Template: "welcome", Recipient: "a@b.example", EventKey: state}))
		w.exec(t, `UPDATE notifications SET state = @state, created_at = now() - make_interval(days => @days) WHERE event_key = @state`,
			store.Args{"state": state, "days": i})
	}
	w.exec(t, `INSERT INTO processes (account_id, kind, business_key, workflow_id, subject_type, subject_id, door) VALUES (@account, 'bulk-invite', 'x', 'x', 'x', 1, 'test')`,
		store.Args{"account": w.Account.ID})
	process := w.number(t, `SELECT id FROM processes WHERE account_id = @account_id AND workflow_id = 'x'`, nil)
	require.NoError(t, audit.Write(w.Context(), w.DB, audit.Event{Action: "process.created", SubjectType: "x", SubjectID: 1, ProcessID: &process}))

	a := root.Do(t, 200, "GET", path, nil)
	got := a.Map(t)
	require.NotNil(t, got["lastEventAt"])
	delete(got, "lastEventAt")
	require.Equal(t, object{
		"totalEvents": 8., "pending": 3., "processed": 4., "failed": 1., "eventsLast24Hours": 4., "byType": []any{
			object{"type": "mail.welcome", "count": 5.}, object{"type": "process.created", "count": 1.},
			object{"type": "role.granted", "count": 1.}, object{"type": "role.revoked", "count": 1.},
		},
	}, got)
	w.exec(t, `UPDATE processes SET started_at = now()`, nil)
	require.EqualValues(t, 2, root.Do(t, 200, "GET", path, nil).Map(t)["pending"])
	w.as(t, w.tenantAdmin).Do(t, 403, "GET", path, nil)
	require.LessOrEqual(t, w.statementsOf(func() { root.Do(t, 200, "GET", path, nil) }), int64(1+1))
}

func TestSystemHealth(t *testing.T) {
	w := newWorld(t)
	const path = "/mis/auth/system-health"
	a := w.as(t, w.root).Do(t, 200, "GET", path, nil)
	require.Equal(t, []string{"database", "redis", "temporal", "storage", "mail"}, names(members(t, a, "components")))
	for _, c := range members(t, a, "components") {
		if c["name"] == "temporal" {
			continue // it may be slow to start
		}
		require.Equal(t, []any{"up", nil}, []any{c["status"], c["message"]}, c["name"])
		require.NotNil(t, c["latencyMs"])
	}
	require.Equal(t, "test", a.Text(t, "version"))
	w.as(t, w.tenantAdmin).Do(t, 403, "GET", path, nil)

	require.NoError(t, w.Inbox.Close()) // one part down is a service that works
	a = w.as(t, w.root).Do(t, 200, "GET", path, nil)
	require.Equal(t, "degraded", a.Text(t, "status"))
	mail := members(t, a, "components")[4]
	require.Equal(t, []any{"down", nil, "Connection refused"}, []any{mail["status"], mail["latencyMs"], mail["message"]})
}
