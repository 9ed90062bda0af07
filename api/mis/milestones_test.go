package mis_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMilestones(t *testing.T) {
	w := newWorld(t)
	project := w.newProject(t, w.manager)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	milestones := project + "/milestones"
	require.Empty(t, list(t, user.Do(t, 200, "GET", milestones, nil)))

	made := manager.Do(t, 201, "POST", milestones, object{"name": "Phase 1", "description": "Initial modules", "dueDate": "2024-02-15"})
	require.Equal(t, object{
		"projectId": strings.TrimPrefix(project, "/mis/projects/"), "name": "Phase 1", "description": "Initial modules", "dueDate": "2024-02-15", "status": "pending",
	}, without(made.Map(t), "id", "createdAt", "updatedAt"))
	one := milestones + "/" + made.Text(t, "id")
	require.JSONEq(t, string(made.Body), string(user.Do(t, 200, "GET", one, nil).Body))
	manager.Do(t, 201, "POST", milestones, object{"name": "Begin", "dueDate": "2024-01-15", "status": "in_progress"})
	manager.Do(t, 201, "POST", milestones, object{"name": "Phase 1 too", "dueDate": "2024-02-15"})
	var names []any
	for _, m := range list(t, user.Do(t, 200, "GET", milestones, nil)) {
		names = append(names, m["name"])
	}
	require.Equal(t, []any{"Begin", "Phase 1", "Phase 1 too"}, names, "by the day they are due")

	changed := manager.Do(t, 200, "PATCH", one, object{"status": "completed", "description": "", "dueDate": "2024-02-29"})
	require.Equal(t, []string{"completed", "", "2024-02-29", "Phase 1"},
		[]string{changed.Text(t, "status"), changed.Text(t, "description"), changed.Text(t, "dueDate"), changed.Text(t, "name")})
	require.JSONEq(t, string(changed.Body), string(manager.Do(t, 200, "PATCH", one, object{}).Body))
	require.JSONEq(t, string(changed.Body), string(manager.Do(t, 200, "PATCH", one, object{"status": "completed"}).Body))
	fails(t, manager.Do(t, 409, "PATCH", one, object{"status": "cancelled"}), "A milestone that is completed cannot become cancelled")
	for _, status := range []string{"in_progress", "cancelled", "pending"} {
		manager.Do(t, 200, "PATCH", one, object{"status": status})
	}

	require.Equal(t, object{"success": true, "message": "Milestone deleted"}, manager.Do(t, 200, "DELETE", one, nil).Map(t))
	fails(t, manager.Do(t, 404, "GET", one, nil), "Milestone not found")
	fails(t, manager.Do(t, 404, "PATCH", one, object{}), "Milestone not found")
	fails(t, manager.Do(t, 404, "DELETE", one, nil), "Milestone not found")
}

func TestMilestonesOutOfReachAndBrokenOnes(t *testing.T) {
	w := newWorld(t)
	project, other := w.newProject(t, w.manager), w.newProject(t, w.manager)
	manager, south := w.as(t, w.manager), w.as(t, w.southManager)
	id := manager.Do(t, 201, "POST", project+"/milestones", object{"name": "M", "dueDate": "2024-02-15"}).Text(t, "id")
	one := project + "/milestones/" + id
	fails(t, manager.Do(t, 404, "GET", other+"/milestones/"+id, nil), "Milestone not found")
	fails(t, manager.Do(t, 404, "PATCH", other+"/milestones/"+id, object{"name": "N"}), "Milestone not found")
	for _, path := range []string{project + "/milestones", one} {
		fails(t, south.Do(t, 404, "GET", path, nil), "Project not found")
	}
	fails(t, south.Do(t, 404, "POST", project+"/milestones", object{"name": "M", "dueDate": "2024-02-15"}), "Project not found")
	fails(t, w.as(t, w.viewer).Do(t, 403, "PATCH", one, object{"name": "N"}), "Forbidden resource")

	fails(t, manager.Do(t, 400, "POST", project+"/milestones", object{"status": "late", "description": nil}), []string{
		"name is required", "description must be a string", "dueDate is required",
		"status must be one of the following values: pending, in_progress, completed, cancelled",
	})
	fails(t, manager.Do(t, 400, "PATCH", one, object{"dueDate": "tomorrow"}), []string{"dueDate must be a valid day such as 2024-01-31"})

	// One of a project without tenant is a SUPER_ADMIN's to change.
	shared := w.newProject(t, w.root)
	theirs := shared + "/milestones/" + w.as(t, w.root).Do(t, 201, "POST", shared+"/milestones", object{"name": "M", "dueDate": "2024-02-15"}).Text(t, "id")
	manager.Do(t, 200, "GET", theirs, nil)
	fails(t, manager.Do(t, 403, "DELETE", theirs, nil), "Forbidden resource")
	fails(t, manager.Do(t, 404, "DELETE", shared+"/milestones/999999999", nil), "Milestone not found")
}
