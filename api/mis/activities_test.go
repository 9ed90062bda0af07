package mis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/store"
)

func TestActivities(t *testing.T) {
	w := newWorld(t)
	project := w.newProject(t, w.manager)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	activities := project + "/activities"
	require.Empty(t, list(t, user.Do(t, 200, "GET", activities, nil)))

	made := manager.Do(t, 201, "POST", activities, object{"name": "Module 1", "description": "Introduction", "startDate": "2024-01-15", "endDate": "2024-01-20"})
	require.Equal(t, object{
		"projectId": strings.TrimPrefix(project, "/mis/projects/"), "name": "Module 1", "description": "Introduction", "status": "active",
		"startDate": "2024-01-15", "endDate": "2024-01-20",
	}, without(made.Map(t), "id", "createdAt", "updatedAt"))
	one := activities + "/" + made.Text(t, "id")
	require.JSONEq(t, string(made.Body), string(user.Do(t, 200, "GET", one, nil).Body))
	manager.Do(t, 201, "POST", activities, object{"name": "Before", "startDate": "2024-01-14", "endDate": "2024-01-14", "status": "planned"})
	var names []any
	for _, a := range list(t, user.Do(t, 200, "GET", activities, nil)) {
		names = append(names, a["name"])
	}
	require.Equal(t, []any{"Before", "Module 1"}, names, "by the day they start")

	changed := manager.Do(t, 200, "PATCH", one, object{"status": "completed"})
	require.Equal(t, "completed", changed.Text(t, "status"))
	require.JSONEq(t, string(changed.Body), string(manager.Do(t, 200, "PATCH", one, object{}).Body))
	fails(t, manager.Do(t, 409, "PATCH", one, object{"status": "on_hold"}), "An activity that is completed cannot become on_hold")
	fails(t, manager.Do(t, 400, "PATCH", one, object{"endDate": "2024-01-14"}), []string{"endDate must not be before startDate"})
	fails(t, manager.Do(t, 400, "POST", activities, object{"name": "", "startDate": "2024-01-15", "status": "x"}), []string{
		"name should not be empty", "endDate is required", "status must be one of the following values: planned, active, on_hold, completed, cancelled",
	})

	other := w.newProject(t, w.manager)
	fails(t, manager.Do(t, 404, "GET", other+"/activities/"+made.Text(t, "id"), nil), "Activity not found")
	south := w.as(t, w.southManager)
	for _, path := range []string{activities, one} {
		fails(t, south.Do(t, 404, "GET", path, nil), "Project not found")
	}
	fails(t, user.Do(t, 403, "DELETE", one, nil), "Forbidden resource")
	require.Equal(t, object{"success": true, "message": "Activity deleted"}, manager.Do(t, 200, "DELETE", one, nil).Map(t))
	fails(t, manager.Do(t, 404, "DELETE", one, nil), "Activity not found")
	fails(t, manager.Do(t, 404, "PATCH", one, object{"name": "N"}), "Activity not found")
}

func TestActivityAssignments(t *testing.T) {
	w := newWorkingWorld(t)
	project := w.newProject(t, w.manager)
	manager := w.as(t, w.manager)
	id := manager.Do(t, 201, "POST", project+"/activities", object{"name": "Planting", "startDate": "2024-01-15", "endDate": "2024-01-20"}).Text(t, "id")
	assign := project + "/activities/" + id + "/assign"
	userID := fmt.Sprint(w.user.ID)

	made := manager.Do(t, 201, "POST", assign, object{"user_id": userID})
	require.Equal(t, object{"activityId": id, "userId": userID}, without(made.Map(t), "id", "assignedAt"))
	fails(t, manager.Do(t, 409, "POST", assign, object{"user_id": userID}), "The user is assigned to this activity already")
	hubtest.Eventually(t, "the mail", func() bool {
		for _, m := range w.Inbox.Messages(inbox.Filter{To: w.user.Email, Limit: 10}) {
			if m.Subject == "You are on the activity Planting" {
				return strings.Contains(m.Text, "the project Q1 Training Initiative") && strings.Contains(m.Text, "15 January 2024")
			}
		}
		return false
	})

	// Whom the caller can't see is as unknown as whom nobody knows.
	for _, who := range []string{fmt.Sprint(w.southUser.ID), fmt.Sprint(w.loner.ID), "999999999", "x", "0"} {
		fails(t, manager.Do(t, 404, "POST", assign, object{"user_id": who}), "User not found")
	}
	w.as(t, w.root).Do(t, 201, "POST", assign, object{"user_id": fmt.Sprint(w.southUser.ID)})
	fails(t, manager.Do(t, 400, "POST", assign, object{"userId": userID}), []string{"user_id is required"})
	fails(t, manager.Do(t, 400, "POST", assign, `"`+userID+`"`), []string{"body must be a JSON object"})
	fails(t, manager.Do(t, 404, "POST", project+"/activities/999999999/assign", object{"user_id": userID}), "Activity not found")
	fails(t, w.as(t, w.southManager).Do(t, 404, "POST", assign, object{"user_id": userID}), "Project not found")
	fails(t, w.as(t, w.viewer).Do(t, 403, "POST", assign, object{"user_id": userID}), "Forbidden resource")

	one := project + "/activities/assignments/" + made.Text(t, "id")
	other := w.newProject(t, w.manager)
	fails(t, manager.Do(t, 404, "DELETE", other+"/activities/assignments/"+made.Text(t, "id"), nil), "Assignment not found")
	fails(t, w.as(t, w.user).Do(t, 403, "DELETE", one, nil), "Forbidden resource")
	require.Equal(t, object{"success": true, "message": "Assignment removed"}, manager.Do(t, 200, "DELETE", one, nil).Map(t))
	fails(t, manager.Do(t, 404, "DELETE", one, nil), "Assignment not found")

	// Whoever is deleted is on nothing any more.
	manager.Do(t, 201, "POST", assign, object{"user_id": userID})
	require.NoError(t, w.People.DeleteUser(w.AdminContext(w.root), w.user.ID))
	var left []int64
	require.NoError(t, w.DB.Query(w.Context(), &left, `SELECT user_id FROM activity_assignments WHERE account_id = @account_id`, store.Args{}))
	require.Equal(t, []int64{w.southUser.ID}, left)
	fails(t, manager.Do(t, 404, "POST", assign, object{"user_id": userID}), "User not found")
}

func TestManyAssignmentsAtOnce(t *testing.T) {
	w := newWorld(t)
	project := w.newProject(t, w.manager)
	manager := w.as(t, w.manager)
	id := manager.Do(t, 201, "POST", project+"/activities", object{"name": "A", "startDate": "2024-01-15", "endDate": "2024-01-20"}).Text(t, "id")
	counts := manager.AtOnce(t, 50, "POST", project+"/activities/"+id+"/assign", object{"user_id": fmt.Sprint(w.user.ID)})
	require.Equal(t, map[int]int{201: 1, 409: 49}, counts)
}
