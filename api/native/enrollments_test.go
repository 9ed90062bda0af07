package native_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/ref"
	"quad/models"
)

// channel makes a course that people can learn in.
func channel(t *testing.T, admin contracttest.Client, identifier string) int64 {
	t.Helper()
	a := admin.Do(t, 201, "POST", "/hub/v1/courses", object{"identifier": identifier, "name": "The " + identifier, "type": "COURSE"})
	return mustID(t, a.Text(t, "id"))
}

// verdicts of the entries of a batch, with the ids of people and courses.
func verdicts(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	var body struct {
		Results []struct {
			UserID, CourseID *int64
			Verdict          string
		}
	}
	a.JSON(t, &body)
	show := func(id *int64) string {
		if id == nil {
			return "-"
		}
		return fmt.Sprint(*id)
	}
	out := []string{}
	for _, r := range body.Results {
		out = append(out, r.Verdict+" "+show(r.UserID)+" "+show(r.CourseID))
	}
	return out
}

func TestLearners(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	fire := channel(t, admin, "FIRE")
	at := path("/courses/%d/learners", fire)
	users := func(refs ...object) object { return object{"users": refs} }
	enrolled := admin.Do(t, 200, "POST", at, users(object{"id": w.user.ID}, object{"identifier": "nobody"}, object{"id": w.user.ID}, object{"id": w.otherUser.ID}))
	require.Equal(t, []string{
		fmt.Sprintf("applied %d %d", w.user.ID, fire), fmt.Sprintf("unknown_user - %d", fire),
		fmt.Sprintf("duplicate %d %d", w.user.ID, fire), fmt.Sprintf("applied %d %d", w.otherUser.ID, fire),
	}, verdicts(t, enrolled))
	require.Equal(t, []string{fmt.Sprintf("unchanged %d %d", w.user.ID, fire)}, verdicts(t, admin.Do(t, 200, "POST", at, users(object{"id": w.user.ID}))))
	require.Equal(t, []string{"users"}, fields(t, admin.Do(t, 422, "POST", at, object{"users": []object{}})))
	require.Equal(t, []string{"users"}, fields(t, admin.Do(t, 422, "POST", at, object{})))
	admin.Do(t, 400, "POST", at, `{`)
	problem(t, admin.Do(t, 404, "POST", path("/courses/%d/learners", fire+1), users(object{"id": w.user.ID})), "course.unknown")
	problem(t, orgAdmin.Do(t, 403, "POST", at, users(object{"id": w.user.ID})), "forbidden")

	require.Len(t, walk(t, admin, at), 2)
	require.Equal(t, walk(t, admin, at), walk(t, admin, at+"?limit=1"))
	first := items(t, admin.Do(t, 200, "GET", at+"?limit=1", nil))[0]
	require.Equal(t, object{"id": float64(w.user.ID), "identifier": nil, "name": "user"}, first["user"])
	require.Equal(t, object{"id": float64(fire), "identifier": "FIRE", "name": "The FIRE"}, first["course"])
	require.Equal(t, []any{true, false, 0.0, nil, nil}, []any{first["direct"], first["instructor"], first["progress"], first["score"], first["completedAt"]})
	admin.Do(t, 400, "GET", at+"?limit=0", nil)
	marker := admin.Do(t, 200, "GET", at+"?limit=1", nil).Text(t, "next")
	other := path("/courses/%d/learners", channel(t, admin, "OTHER"))
	require.Empty(t, walk(t, admin, other))
	admin.Do(t, 400, "GET", other+"?cursor="+marker, nil)
	problem(t, admin.Do(t, 404, "GET", path("/courses/999999/learners"), nil), "course.unknown")

	gone := path("/courses/%d/learners/%d", fire, w.user.ID)
	for range 2 {
		admin.Do(t, 204, "DELETE", gone, nil)
	}
	require.Len(t, walk(t, admin, at), 1)
	problem(t, admin.Do(t, 404, "DELETE", path("/courses/%d/learners/999999", fire), nil), "user.unknown")
	orgAdmin.Do(t, 403, "DELETE", gone, nil)
}

func TestProgress(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	fire := channel(t, admin, "FIRE")
	admin.Do(t, 200, "POST", path("/courses/%d/learners", fire), object{"users": []object{{"id": w.user.ID}}})
	at := path("/courses/%d/learners/%d/progress", fire, w.user.ID)
	hour := func(ago int) string {
		return time.Now().UTC().Add(-time.Duration(ago) * time.Hour).Format(time.RFC3339)
	}
	two := hour(2)

	set := admin.Do(t, 200, "PUT", at, object{"progress": 40, "at": two}).Map(t)
	require.Equal(t, []any{"applied", 40.0, nil, nil}, []any{set["verdict"], set["progress"], set["score"], set["completedAt"]})
	require.Equal(t, two, set["lastProgressAt"])
	set = admin.Do(t, 200, "PUT", at, object{"progress": 10, "at": hour(3)}).Map(t)
	require.Equal(t, []any{"stale", 40.0}, []any{set["verdict"], set["progress"]})
	one := hour(1)
	set = admin.Do(t, 200, "PUT", at, object{"progress": 100, "score": 92, "at": one}).Map(t)
	require.Equal(t, []any{"applied", 100.0, 92.0, one}, []any{set["verdict"], set["progress"], set["score"], set["completedAt"]})
	set = admin.Do(t, 200, "PUT", at, object{"progress": 100, "score": nil}).Map(t)
	require.Equal(t, []any{"unchanged", 92.0}, []any{set["verdict"], set["score"]})

	for _, body := range []object{{"progress": 101}, {"progress": -1}, {}} {
		require.Equal(t, []string{"progress"}, fields(t, admin.Do(t, 422, "PUT", at, body)), "%v", body)
	}
	require.Equal(t, []string{"score"}, fields(t, admin.Do(t, 422, "PUT", at, object{"progress": 1, "score": int64(1) << 40})))
	require.Equal(t, []string{"at"}, fields(t, admin.Do(t, 422, "PUT", at, object{"progress": 1, "at": "0001-01-01T00:00:00Z"})))
	problem(t, admin.Do(t, 404, "PUT", path("/courses/%d/learners/%d/progress", fire, w.otherUser.ID), object{"progress": 1}), "enrollment.unknown")
	problem(t, admin.Do(t, 404, "PUT", path("/courses/%d/learners/999999/progress", fire), object{"progress": 1}), "user.unknown")
	w.as(t, w.user).Do(t, 403, "PUT", at, object{"progress": 1})
}

func TestProgressOfMany(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	fire := channel(t, admin, "FIRE")
	for range 20 {
		p := w.NewPerson(0, 0, "p"+newName(), models.RoleMentee)
		require.NoError(t, w.Enrollments.Assign(w.AdminContext(w.admin), ref.ByID(fire), ref.ByID(p.ID), nil))
	}
	learners := items(t, admin.Do(t, 200, "GET", path("/courses/%d/learners", fire), nil))
	batch := func(progress int) object {
		entries := []object{
			{"user": object{"identifier": "nobody"}, "course": object{"id": fire}, "progress": 1},
			{"user": object{"id": w.user.ID}, "course": object{"identifier": "FIRE"}, "progress": 1},
			{"user": object{"id": w.user.ID}, "course": object{"identifier": "NOTHING"}, "progress": 1},
			{"user": object{}, "course": object{}, "progress": 1},
		}
		for _, l := range learners {
			user, ok := l["user"].(map[string]any)
			require.True(t, ok)
			entries = append(entries, object{"user": object{"id": user["id"]}, "course": object{"identifier": "FIRE"}, "progress": progress, "score": 7})
		}
		return object{"entries": entries}
	}
	got := verdicts(t, admin.Do(t, 200, "POST", "/hub/v1/progress", batch(60)))
	require.Equal(t, []string{
		fmt.Sprintf("unknown_user - %d", fire), fmt.Sprintf("not_enrolled %d %d", w.user.ID, fire), fmt.Sprintf("unknown_course %d -", w.user.ID), "unknown_user - -",
	}, got[:4])
	require.Len(t, got, 24)
	for _, verdict := range got[4:] {
		require.Contains(t, verdict, "applied ")
	}
	for _, verdict := range verdicts(t, admin.Do(t, 200, "POST", "/hub/v1/progress", batch(60)))[4:] {
		require.Contains(t, verdict, "unchanged ")
	}
	before := w.DB.Statements()
	admin.Do(t, 200, "POST", "/hub/v1/progress", batch(61))
	few := w.DB.Statements() - before
	learners = learners[:1]
	before = w.DB.Statements()
	admin.Do(t, 200, "POST", "/hub/v1/progress", batch(62))
	require.Equal(t, w.DB.Statements()-before, few, "as many statements for one as for twenty")

	wrong := admin.Do(t, 422, "POST", "/hub/v1/progress", object{"entries": []object{
		{"user": object{"id": 1}, "course": object{"id": 1}, "progress": 1}, {"user": object{"id": 1}, "course": object{"id": 1}, "progress": 200, "at": "0001-01-01T00:00:00Z"},
	}})
	require.Equal(t, []string{"entries[1].progress", "entries[1].at"}, fields(t, wrong))
	for _, entries := range []any{nil, []object{}, make([]object, 1001)} {
		require.Equal(t, []string{"entries"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/progress", object{"entries": entries})))
	}
	w.as(t, w.orgAdmin).Do(t, 403, "POST", "/hub/v1/progress", batch(1))
}

func TestMyEnrollments(t *testing.T) {
	w := newWorld(t, nil)
	admin, user := w.as(t, w.admin), w.as(t, w.user)
	require.Empty(t, walk(t, user, "/hub/v1/me/enrollments"))
	for _, name := range []string{"A", "B", "C"} {
		admin.Do(t, 200, "POST", path("/courses/%d/learners", channel(t, admin, name)), object{"users": []object{{"id": w.user.ID}, {"id": w.otherUser.ID}}})
	}
	mine := walk(t, user, "/hub/v1/me/enrollments?limit=1")
	require.Len(t, mine, 3)
	require.Equal(t, mine, walk(t, user, "/hub/v1/me/enrollments"))
	require.Equal(t, object{"id": float64(w.user.ID), "identifier": nil, "name": "user"}, items(t, user.Do(t, 200, "GET", "/hub/v1/me/enrollments", nil))[0]["user"])
	user.Do(t, 400, "GET", "/hub/v1/me/enrollments?limit=0", nil)
	w.anyone().Do(t, 401, "GET", "/hub/v1/me/enrollments", nil)
}
