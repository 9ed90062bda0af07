package native_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
)

func TestCourses(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	made := admin.Do(t, 201, "POST", "/hub/v1/courses", object{
		"identifier": "FIRE-101", "name": " Fire safety ", "type": "COURSE", "status": "ACTIVE", "durationMs": 5_400_000, "categories": []string{"Safety"},
		"organizationId": w.other.ID, "schedule": object{"startsAt": "2026-01-01T09:00:00+01:00", "endsAt": nil},
	})
	id := made.Text(t, "id")
	at := path("/courses/%s", id)
	require.Equal(t, "Fire safety", made.Text(t, "name"))
	require.Equal(t, "STARTED", made.Text(t, "availability"))
	require.Equal(t, object{"startsAt": "2026-01-01T08:00:00Z", "endsAt": nil}, made.Map(t)["schedule"])
	require.True(t, strings.HasPrefix(made.Text(t, "link"), w.URL+"/channels/"), "%s", made.Body)
	require.Equal(t, made.Map(t), admin.Do(t, 200, "GET", at, nil).Map(t))

	master := admin.Do(t, 201, "POST", "/hub/v1/courses", object{"name": "Template", "type": "COURSE", "master": true, "published": false})
	require.Equal(t, master.Text(t, "id"), master.Text(t, "identifier"), "its id, when nobody gave another one")
	require.Equal(t, []any{nil, nil, false, []any{}}, []any{master.Map(t)["schedule"], master.Map(t)["durationMs"], master.Map(t)["published"], master.Map(t)["categories"]})
	stream := admin.Do(t, 201, "POST", "/hub/v1/courses", object{"name": "News 100%", "type": "STREAM", "status": "DRAFT"})

	problem(t, admin.Do(t, 409, "POST", "/hub/v1/courses", object{"identifier": "FIRE-101", "name": "x", "type": "STREAM"}), "course.identifier_taken")
	wrong := admin.Do(t, 422, "POST", "/hub/v1/courses", object{
		"name": "", "type": "LESSON", "status": "OLD", "durationMs": -1, "categories": []string{""},
		"schedule": object{"startsAt": "2026-01-01T09:00:00Z", "endsAt": "2026-01-01T09:00:00Z"},
	})
	require.ElementsMatch(t, []string{"name", "type", "status", "durationMs", "categories", "endsAt"}, fields(t, wrong))
	require.Equal(t, []string{"organizationId"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/courses", object{"name": "x", "type": "COURSE", "organizationId": w.Organization.ID})))
	require.Equal(t, []string{"schedule"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/courses", object{"name": "x", "type": "COURSE", "master": true, "schedule": object{}})))
	admin.Do(t, 400, "POST", "/hub/v1/courses", `{`)
	problem(t, orgAdmin.Do(t, 403, "POST", "/hub/v1/courses", object{"name": "x", "type": "COURSE"}), "forbidden")

	all := []string{id, master.Text(t, "id"), stream.Text(t, "id")}
	require.Equal(t, all, walk(t, admin, "/hub/v1/courses"))
	require.Equal(t, all, walk(t, admin, "/hub/v1/courses?limit=1"))
	for query, want := range map[string][]string{
		"master=true": {all[1]}, "master=false&limit=1": {all[0], all[2]}, "type=STREAM": {all[2]}, "status=DRAFT": {all[2]}, "category=Safety": {all[0]},
		"search=0%25": {all[2]}, "search=fire": {all[0]}, path("organizationId=%d", w.other.ID)[len("/hub/v1"):]: {all[0]}, "category=safety": nil,
	} {
		require.Equal(t, want, walk(t, admin, "/hub/v1/courses?"+query), query)
	}
	for _, query := range []string{"master=yes", "type=x", "status=x", "organizationId=x", "limit=0", "cursor=x"} {
		admin.Do(t, 400, "GET", "/hub/v1/courses?"+query, nil)
	}
	marker := admin.Do(t, 200, "GET", "/hub/v1/courses?limit=1", nil).Text(t, "next")
	admin.Do(t, 400, "GET", "/hub/v1/courses?master=true&limit=1&cursor="+marker, nil)

	patched := admin.Do(t, 200, "PATCH", at, object{"schedule": nil, "durationMs": nil, "organizationId": nil, "categories": []string{"A", "B"}, "status": "INACTIVE"}).Map(t)
	require.Equal(t, []any{nil, nil, nil, []any{"A", "B"}, "NONACTIVE", "Fire safety"},
		[]any{patched["schedule"], patched["durationMs"], patched["organizationId"], patched["categories"], patched["availability"], patched["name"]})
	patched = admin.Do(t, 200, "PATCH", at, object{"schedule": object{"startsAt": "2999-01-01T00:00:00Z"}, "status": "ACTIVE", "durationMs": 0}).Map(t)
	require.Equal(t, []any{"SCHEDULED", 0.0}, []any{patched["availability"], patched["durationMs"]})
	require.Equal(t, patched, admin.Do(t, 200, "GET", at, nil).Map(t))
	require.Equal(t, []string{"published"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"published": false})))
	require.Equal(t, []string{"durationMs"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"durationMs": "long"})))
	problem(t, admin.Do(t, 404, "PATCH", path("/courses/999999"), object{"name": "x"}), "course.unknown")
}

func TestDeleteCourse(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	create := func(body object) string {
		body["name"], body["type"] = "Own", "COURSE"
		return path("/courses/%s", admin.Do(t, 201, "POST", "/hub/v1/courses", body).Text(t, "id"))
	}
	master, course := create(object{"master": true}), create(object{"identifier": "A"})
	admin.Do(t, 201, "POST", course+"/sessions", bodies["createCourseSession"])
	admin.Do(t, 201, "PUT", course+"/catalog-item", nil)
	// What others keep about it: an enrolment and an entitlement.
	for _, text := range []string{
		`INSERT INTO enrollments (account_id, course_id, user_id, learner, direct_learner)
			SELECT @account_id, id, @user, true, true FROM courses WHERE account_id = @account_id AND NOT master`,
		`INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role)
			SELECT @account_id, @user, 'COURSE', id, 'EDITOR' FROM courses WHERE account_id = @account_id AND NOT master`,
		`UPDATE courses SET master_id = (SELECT id FROM courses WHERE account_id = @account_id AND master) WHERE account_id = @account_id AND NOT master`,
	} {
		_, err := w.DB.Exec(w.Context(), text, store.Args{"user": w.user.ID})
		require.NoError(t, err)
	}
	problem(t, admin.Do(t, 409, "DELETE", master, nil), "course.instances")
	admin.Do(t, 204, "DELETE", course, nil)
	admin.Do(t, 404, "DELETE", course, nil)
	admin.Do(t, 404, "GET", course, nil)
	admin.Do(t, 204, "DELETE", master, nil)
	var left int64
	require.NoError(t, w.DB.Query(w.Context(), &left, `SELECT (SELECT count(*) FROM courses WHERE account_id = @account_id)
		+ (SELECT count(*) FROM enrollments WHERE account_id = @account_id) + (SELECT count(*) FROM entitlements WHERE account_id = @account_id)`, nil))
	require.Zero(t, left)
}

func TestCourseSessions(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	create := func(body object) string {
		return path("/courses/%s/sessions", admin.Do(t, 201, "POST", "/hub/v1/courses", body).Text(t, "id"))
	}
	at := create(object{"name": "Own", "type": "COURSE"})
	made := admin.Do(t, 201, "POST", at, object{
		"name": "Drill", "description": "Practice", "startsAt": "2027-01-01T10:00:00Z", "endsAt": "2027-01-01T12:00:00Z", "includeGrade": true, "live": true,
	})
	first := made.Text(t, "id")
	require.Equal(t, []any{true, true, true, false, false, "Practice", nil}, []any{made.Map(t)["includeGrade"], made.Map(t)["live"], made.Map(t)["published"],
		made.Map(t)["allDay"], made.Map(t)["optional"], made.Map(t)["description"], made.Map(t)["location"]})
	second := admin.Do(t, 201, "POST", at, object{"name": "Theory", "startsAt": "2027-01-01T08:00:00Z", "endsAt": "2027-01-01T08:00:00Z", "published": false}).Text(t, "id")
	require.Equal(t, []string{first, second}, walk(t, admin, at+"?limit=1"))
	require.Equal(t, made.Map(t), admin.Do(t, 200, "GET", at+"/"+first, nil).Map(t))
	require.ElementsMatch(t, []string{"name", "startsAt", "endsAt"}, fields(t, admin.Do(t, 422, "POST", at, object{})))
	require.Equal(t, []string{"endsAt"}, fields(t, admin.Do(t, 422, "POST", at, object{"name": "x", "startsAt": "2027-01-01T08:00:00Z", "endsAt": "2027-01-01T07:00:00Z"})))
	problem(t, admin.Do(t, 409, "POST", create(object{"name": "News", "type": "STREAM"}), bodies["createCourseSession"]), "course.no_sessions")
	admin.Do(t, 400, "GET", at+"?limit=x", nil)

	patched := admin.Do(t, 200, "PATCH", at+"/"+first, object{"description": nil, "location": "Yard 2", "endsAt": "2027-01-01T13:00:00Z", "optional": true}).Map(t)
	require.Equal(t, []any{nil, "Yard 2", "2027-01-01T13:00:00Z", true, "Drill", true},
		[]any{patched["description"], patched["location"], patched["endsAt"], patched["optional"], patched["name"], patched["live"]})
	require.Equal(t, []string{"startsAt"}, fields(t, admin.Do(t, 422, "PATCH", at+"/"+first, object{"startsAt": "0001-01-01T00:00:00Z"})))
	admin.Do(t, 422, "PATCH", at+"/"+first, object{"startsAt": "soon"})
	other := create(object{"name": "Other", "type": "COURSE"})
	problem(t, admin.Do(t, 404, "GET", other+"/"+first, nil), "session.unknown")
	problem(t, admin.Do(t, 404, "PATCH", other+"/"+first, object{"name": "x"}), "session.unknown")
	admin.Do(t, 204, "DELETE", at+"/"+first, nil)
	problem(t, admin.Do(t, 404, "DELETE", at+"/"+first, nil), "session.unknown")
	require.Equal(t, []string{second}, walk(t, admin, at))
}

func TestCatalogItems(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	at := path("/courses/%s/catalog-item", admin.Do(t, 201, "POST", "/hub/v1/courses", object{"name": "Own", "type": "COURSE"}).Text(t, "id"))
	problem(t, admin.Do(t, 404, "GET", at, nil), "catalog_item.unknown")
	made := admin.Do(t, 201, "PUT", at, nil)
	require.Equal(t, w.URL+"/catalog/"+made.Text(t, "id"), made.Text(t, "link"))
	require.Equal(t, made.Map(t), admin.Do(t, 200, "PUT", at, nil).Map(t))
	require.Equal(t, made.Map(t), admin.Do(t, 200, "GET", at, nil).Map(t))
	admin.Do(t, 204, "DELETE", at, nil)
	problem(t, admin.Do(t, 404, "DELETE", at, nil), "catalog_item.unknown")
	require.NotEqual(t, made.Text(t, "id"), admin.Do(t, 201, "PUT", at, nil).Text(t, "id"), "an address is not used twice")
	master := admin.Do(t, 201, "POST", "/hub/v1/courses", object{"name": "Own", "type": "COURSE", "master": true}).Text(t, "id")
	problem(t, admin.Do(t, 409, "PUT", path("/courses/%s/catalog-item", master), nil), "course.no_catalog")
	problem(t, admin.Do(t, 404, "PUT", path("/courses/999999/catalog-item"), nil), "course.unknown")
}
