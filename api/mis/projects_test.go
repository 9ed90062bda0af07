package mis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

// newProject opens a project of three months by a person and gives its path.
func (w *world) newProject(t *testing.T, by hubtest.Person, change ...object) string {
	t.Helper()
	body := object{"name": "Q1 Training Initiative", "startDate": "2024-01-01", "endDate": "2024-03-31"}
	for _, c := range change {
		for k, v := range c {
			body[k] = v
		}
	}
	return "/mis/projects/" + w.as(t, by).Do(t, 201, "POST", "/mis/projects", body).Text(t, "id")
}

// without leaves out what a test cannot know.
func without(o object, keys ...string) object {
	for _, k := range keys {
		delete(o, k)
	}
	return o
}

func TestProjects(t *testing.T) {
	w := newWorld(t)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	require.Empty(t, list(t, user.Do(t, 200, "GET", "/mis/projects", nil)))

	made := manager.Do(t, 201, "POST", "/mis/projects", object{
		"name": "Q1 Training Initiative", "description": "Comprehensive training program for new employees",
		"startDate": "2024-01-01", "endDate": "2024-03-31", "budget": contracttest.Raw("50000.10"), "unknown": true,
	})
	id, tenant := made.Text(t, "id"), fmt.Sprint(w.north.ID)
	require.Equal(t, object{
		"id": id, "name": "Q1 Training Initiative", "description": "Comprehensive training program for new employees", "status": "active",
		"startDate": "2024-01-01", "endDate": "2024-03-31", "budget": 50000.1, "tenantId": tenant,
	}, without(made.Map(t), "createdAt", "updatedAt"))
	require.Contains(t, string(made.Body), `"budget":50000.1,`, "what came is what is said")
	path := "/mis/projects/" + id
	require.JSONEq(t, string(made.Body), string(user.Do(t, 200, "GET", path, nil).Body))

	plain := manager.Do(t, 201, "POST", "/mis/projects", object{"name": "Plain", "startDate": "2024-01-01", "endDate": "2024-01-01", "status": "planned"}).Map(t)
	require.Equal(t, object{"description": "", "budget": 0.0, "status": "planned"}, without(plain, "id", "name", "startDate", "endDate", "tenantId", "createdAt", "updatedAt"))

	changed := manager.Do(t, 200, "PATCH", path, object{"name": "Updated", "budget": 55000, "status": "on_hold"})
	require.Equal(t, "Updated", changed.Text(t, "name"))
	require.Equal(t, "on_hold", changed.Text(t, "status"))
	require.Equal(t, "55000", changed.Text(t, "budget"))
	require.Equal(t, "Comprehensive training program for new employees", changed.Text(t, "description"))
	require.JSONEq(t, string(changed.Body), string(manager.Do(t, 200, "PATCH", path, object{}).Body), "nothing changes, not even updatedAt")
	require.JSONEq(t, string(changed.Body), string(manager.Do(t, 200, "PATCH", path, object{"status": "on_hold"}).Body), "the same status again")
	fails(t, manager.Do(t, 409, "PATCH", path, object{"status": "completed", "name": "Never"}), "A project that is on_hold cannot become completed")

	all := list(t, user.Do(t, 200, "GET", "/mis/projects", nil))
	require.Equal(t, []any{"Plain", "Updated"}, []any{all[0]["name"], all[1]["name"]}, "the newest first")

	require.Equal(t, object{"success": true, "message": "Project deleted"}, manager.Do(t, 200, "DELETE", path, nil).Map(t))
	for _, method := range []string{"GET", "DELETE"} {
		fails(t, manager.Do(t, 404, method, path, nil), "Project not found")
	}
	fails(t, manager.Do(t, 404, "PATCH", path, object{}), "Project not found")
	for _, word := range []string{"x", "0", "-1", "1.5", "99999999999999999999", "%20"} {
		fails(t, manager.Do(t, 404, "GET", "/mis/projects/"+word, nil), "Project not found")
	}
}

func TestTenantsOfProjects(t *testing.T) {
	w := newWorld(t)
	body := func(tenant any) object {
		o := object{"name": "P", "startDate": "2024-01-01", "endDate": "2024-03-31"}
		if tenant != nil {
			o["tenantId"] = tenant
		}
		return o
	}
	north, south := fmt.Sprint(w.north.ID), fmt.Sprint(w.south.ID)
	root, admin, manager, viewer := w.as(t, w.root), w.as(t, w.tenantAdmin), w.as(t, w.manager), w.as(t, w.viewer)

	shared := root.Do(t, 201, "POST", "/mis/projects", body(nil))
	require.Nil(t, shared.Map(t)["tenantId"])
	require.Equal(t, south, root.Do(t, 201, "POST", "/mis/projects", body(south)).Text(t, "tenantId"))
	require.Equal(t, north, admin.Do(t, 201, "POST", "/mis/projects", body(nil)).Text(t, "tenantId"))
	require.Equal(t, north, manager.Do(t, 201, "POST", "/mis/projects", body(north)).Text(t, "tenantId"))
	for _, tenant := range []any{south, "999999999", "x", fmt.Sprint(w.Organization.ID)} {
		fails(t, admin.Do(t, 403, "POST", "/mis/projects", body(tenant)), "Forbidden resource")
	}
	for _, tenant := range []any{"999999999", "x", fmt.Sprint(w.Organization.ID)} {
		fails(t, root.Do(t, 404, "POST", "/mis/projects", body(tenant)), "Tenant not found")
	}
	fails(t, viewer.Do(t, 403, "POST", "/mis/projects", body(nil)), "Forbidden resource")
	fails(t, w.anyone().Do(t, 401, "GET", "/mis/projects", nil), "Unauthorized")

	// What belongs to no tenant is everybody's to read and nobody's but a
	// SUPER_ADMIN's to change.
	path := "/mis/projects/" + shared.Text(t, "id")
	for _, p := range []hubtest.Person{w.loner, w.southUser, w.viewer} {
		w.as(t, p).Do(t, 200, "GET", path, nil)
	}
	fails(t, admin.Do(t, 403, "PATCH", path, object{"name": "Mine"}), "Forbidden resource")
	fails(t, manager.Do(t, 403, "DELETE", path, nil), "Forbidden resource")
	fails(t, manager.Do(t, 400, "PATCH", path, object{"name": ""}), []string{"name should not be empty"})
	root.Do(t, 200, "PATCH", path, object{"name": "Everybody's"})
	require.Len(t, list(t, w.as(t, w.loner).Do(t, 200, "GET", "/mis/projects", nil)), 1)
	require.Len(t, list(t, w.as(t, w.southUser).Do(t, 200, "GET", "/mis/projects", nil)), 2)
	require.Len(t, list(t, viewer.Do(t, 200, "GET", "/mis/projects", nil)), 3)
	require.Len(t, list(t, root.Do(t, 200, "GET", "/mis/projects", nil)), 4)
	require.Empty(t, list(t, w.elsewhere(t, "elsewhere.test").Do(t, 200, "GET", "/mis/projects", nil)))
}

func TestProjectsThatBreakRules(t *testing.T) {
	w := newWorld(t)
	manager := w.as(t, w.manager)
	path := w.newProject(t, w.manager)
	good := func(key string, value any) object {
		o := object{"name": "P", "startDate": "2024-01-01", "endDate": "2024-03-31"}
		o[key] = value
		return o
	}
	const (
		dates  = "endDate must not be before startDate"
		budget = "budget must be a number from 0 to 99999999999999 with at most 4 decimal places"
	)
	for _, c := range []struct {
		key    string
		value  any
		faults []string
	}{
		{"name", " ", []string{"name should not be empty"}},
		{"name", strings.Repeat("ü", 201), []string{"name must be shorter than or equal to 200 characters"}},
		{"name", nil, []string{"name must be a string"}},
		{"endDate", "2023-12-31", []string{dates}},
		{"startDate", "2024-02-30", []string{"startDate must be a valid day such as 2024-01-31"}},
		{"startDate", "2024-01-01T00:00:00Z", []string{"startDate must be a valid day such as 2024-01-31"}},
		{"budget", -1, []string{budget}},
		{"budget", "50000", []string{budget}},
		{"budget", contracttest.Raw("0.00001"), []string{budget}},
		{"budget", contracttest.Raw("99999999999999.5"), []string{budget}},
		{"budget", contracttest.Raw("1e400"), []string{budget}},
		{"budget", nil, []string{budget}},
		{"status", "done", []string{"status must be one of the following values: planned, active, on_hold, completed, cancelled"}},
		{"tenantId", nil, []string{"tenantId must be a string"}},
	} {
		fails(t, manager.Do(t, 400, "POST", "/mis/projects", good(c.key, c.value)), c.faults)
		if c.key != "tenantId" {
			fails(t, manager.Do(t, 400, "PATCH", path, object{c.key: c.value}), c.faults)
		}
	}
	fails(t, manager.Do(t, 400, "POST", "/mis/projects", object{"budget": -1}),
		[]string{"name is required", "startDate is required", "endDate is required", budget})
	fails(t, manager.Do(t, 400, "POST", "/mis/projects", []any{}), []string{"body must be a JSON object"})
	for text, want := range map[string]string{"0.1": "0.1", "0.30000": "0.3", "1e3": "1000", "99999999999999": "99999999999999", "-0": "0"} {
		a := manager.Do(t, 201, "POST", "/mis/projects", good("budget", contracttest.Raw(text)))
		require.Contains(t, string(a.Body), `"budget":`+want+`,`)
	}
	// The body comes before what it is about.
	fails(t, manager.Do(t, 400, "PATCH", "/mis/projects/999999999", object{"name": ""}), []string{"name should not be empty"})
	// Each date alone is held against the other one as it is stored.
	fails(t, manager.Do(t, 400, "PATCH", path, object{"startDate": "2024-04-01"}), []string{dates})
	manager.Do(t, 200, "PATCH", path, object{"startDate": "2024-03-31"})
}

func TestAnInactiveTenantIsOutOfReach(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager)
	both := w.as(t, w.southManager)
	w.exec(t, `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account, @user, @organization)`,
		store.Args{"account": w.Account.ID, "user": w.southManager.ID, "organization": w.north.ID})
	both.Do(t, 200, "PATCH", path, object{"name": "Ours"})
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE id = @id`, store.Args{"id": w.north.ID})
	fails(t, both.Do(t, 404, "GET", path, nil), "Project not found")
	require.Empty(t, list(t, both.Do(t, 200, "GET", "/mis/projects", nil)))
	w.as(t, w.root).Do(t, 200, "GET", path, nil)
}

func TestStatementsOfProjects(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager)
	manager := w.as(t, w.manager)
	milestone := path + "/milestones/" + manager.Do(t, 201, "POST", path+"/milestones", object{"name": "M", "dueDate": "2024-02-15"}).Text(t, "id")
	activity := path + "/activities/" + manager.Do(t, 201, "POST", path+"/activities", object{"name": "A", "startDate": "2024-01-15", "endDate": "2024-01-20"}).Text(t, "id")
	for range 20 {
		w.newProject(t, w.manager)
		manager.Do(t, 201, "POST", path+"/expenses", object{"description": "Tea", "amount": 1, "category": "food", "date": "2024-01-10"})
	}
	for _, op := range []struct {
		most         int64 // beside authentication
		status       int
		method, path string
		body         any
	}{
		{1, 200, "GET", "/mis/projects", nil},
		{1, 200, "GET", path, nil},
		{1, 200, "GET", path + "/expenses", nil},
		{1, 200, "GET", path + "/milestones", nil},
		{1, 200, "GET", path + "/activities", nil},
		{1, 200, "GET", milestone, nil},
		{1, 200, "GET", activity, nil},
		{2, 201, "POST", "/mis/projects", object{"name": "P", "startDate": "2024-01-01", "endDate": "2024-03-31"}},
		{3, 201, "POST", path + "/expenses", object{"description": "Tea", "amount": 1, "category": "food", "date": "2024-01-10"}},
		{3, 200, "PATCH", path, object{"name": "New"}},
		{4, 200, "PATCH", milestone, object{"status": "completed"}},
		{4, 200, "PATCH", activity, object{"status": "completed"}},
		{6, 201, "POST", activity + "/assign", object{"user_id": fmt.Sprint(w.user.ID)}},
		{3, 200, "DELETE", path, nil},
	} {
		before := w.DB.Statements()
		manager.Do(t, op.status, op.method, op.path, op.body)
		require.LessOrEqual(t, w.DB.Statements()-before, 1+op.most, "%s %s", op.method, op.path)
	}
}

func TestProjectsInTheAuditTrail(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager)
	manager := w.as(t, w.manager)
	manager.Do(t, 200, "PATCH", path, object{"status": "completed"})
	manager.Do(t, 200, "DELETE", path, nil)
	var actions []string
	require.NoError(t, w.DB.Query(w.Context(), &actions, `SELECT action FROM audit_events WHERE account_id = @account_id AND subject_type = 'project'
		AND actor_id = @actor AND organization_id = @north AND door = 'mis' ORDER BY id`, store.Args{"actor": w.manager.ID, "north": w.north.ID}))
	require.Equal(t, []string{"project.created", "project.updated", "project.deleted"}, actions)
}

func TestManyOppositeStatusesAtOnce(t *testing.T) {
	w := newWorld(t)
	path := w.newProject(t, w.manager)
	manager := w.as(t, w.manager)
	wanted := []models.WorkStatus{models.WorkOnHold, models.WorkCompleted} // neither follows the other
	counts := contracttest.AtOnce(50, func(i int) int {
		return manager.Status(t.Context(), "PATCH", path, object{"status": wanted[i%2]})
	})
	require.Equal(t, map[int]int{200: 25, 409: 25}, counts)
}
