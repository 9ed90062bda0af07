package native_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/models"
)

// acting is the context of a person who calls an area.
func (w *world) acting(t *testing.T, p hubtest.Person, roles ...string) context.Context {
	t.Helper()
	return auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: roles,
	})
}

// channel makes a course and gives its id.
func (w *world) channel(t *testing.T, identifier string) int64 {
	t.Helper()
	ctx := w.acting(t, w.admin, models.RoleAdmin)
	name, kind := "Course "+identifier, models.CourseTypeCourse
	_, err := w.Learning.UpsertChannel(ctx, learning.ChannelChange{Identifier: identifier, Name: &name, Type: &kind})
	require.NoError(t, err)
	c, err := w.Learning.Channel(ctx, ref.ByIdentifier(identifier))
	require.NoError(t, err)
	return c.ID
}

// learns enrols a person in a course and says how far they are.
func (w *world) learns(t *testing.T, p hubtest.Person, course int64, percent int) {
	t.Helper()
	ctx := w.acting(t, w.admin, models.RoleAdmin)
	require.NoError(t, w.Enrollments.Assign(ctx, ref.ByID(course), ref.ByID(p.ID), nil))
	if percent > 0 {
		verdicts, err := w.Enrollments.Report(ctx, []enrollment.ProgressReport{{User: ref.ByID(p.ID), Course: ref.ByID(course), Progress: percent}})
		require.NoError(t, err)
		require.EqualValues(t, "applied", verdicts[0].Verdict)
	}
}

func TestCertificates(t *testing.T) {
	w := newWorld(t, nil)
	admin, orgAdmin := w.as(t, w.admin), w.as(t, w.orgAdmin)
	fire, ethics := w.channel(t, "FIRE-101"), w.channel(t, "ETHICS-1")
	w.learns(t, w.user, fire, 0)

	made := admin.Do(t, 201, "POST", "/hub/v1/certificates", object{
		"identifier": "CERT-FIRE", "name": "Fire safety", "courses": []object{{"identifier": "FIRE-101"}, {"id": ethics}},
		"validity": object{"duration": 2, "unit": "YEAR"}, "asksConfirmation": true,
	})
	at := path("/certificates/%s", made.Text(t, "id"))
	require.Equal(t, []any{
		object{"id": float64(fire), "identifier": "FIRE-101", "name": "Course FIRE-101"}, object{"id": float64(ethics), "identifier": "ETHICS-1", "name": "Course ETHICS-1"},
	}, made.Map(t)["courses"])
	require.Equal(t, object{"duration": 2.0, "unit": "YEAR"}, made.Map(t)["validity"])
	require.Equal(t, []any{"ACTIVE", true}, []any{made.Map(t)["status"], made.Map(t)["asksConfirmation"]})
	require.Equal(t, made.Map(t), admin.Do(t, 200, "GET", at, nil).Map(t))
	require.Len(t, items(t, admin.Do(t, 200, "GET", path("/users/%d/certificates", w.user.ID), nil)), 1, "it concerns who learns already")
	plain := admin.Do(t, 201, "POST", "/hub/v1/certificates", object{"name": "Ethics", "courses": []object{{"id": ethics}}, "status": "INACTIVE"})
	require.Equal(t, plain.Text(t, "id"), plain.Text(t, "identifier"))
	require.Nil(t, plain.Map(t)["validity"])

	problem(t, admin.Do(t, 409, "POST", "/hub/v1/certificates", object{"identifier": "CERT-FIRE", "name": "x", "courses": []object{{"id": ethics}}}), "certificate.identifier_taken")
	require.ElementsMatch(t, []string{"name", "courses", "identifier", "status", "validity.duration"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/certificates",
		object{"identifier": "", "courses": []object{}, "status": "GONE", "validity": object{"duration": 0, "unit": "DAY"}})))
	require.Equal(t, []string{"courses[0]", "courses[1]"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/certificates",
		object{"name": "x", "courses": []object{{"id": 999_999}, {}}})))
	require.Equal(t, []string{"validity.unit"}, fields(t, admin.Do(t, 422, "PATCH", at, object{"validity": object{"duration": 1, "unit": "WEEK"}})))
	admin.Do(t, 400, "POST", "/hub/v1/certificates", `{"name"`)
	problem(t, orgAdmin.Do(t, 403, "POST", "/hub/v1/certificates", object{}), "forbidden")
	problem(t, admin.Do(t, 404, "GET", "/hub/v1/certificates/999999", nil), "certificate.unknown")
	problem(t, admin.Do(t, 404, "PATCH", "/hub/v1/certificates/999999", object{"name": "x"}), "certificate.unknown")
	problem(t, admin.Do(t, 409, "PATCH", at, object{"identifier": plain.Text(t, "identifier")}), "certificate.identifier_taken")

	changed := admin.Do(t, 200, "PATCH", at, object{"name": "Fire", "validity": nil, "courses": []object{{"id": fire}}, "asksConfirmation": false, "status": "ARCHIVED"})
	require.Nil(t, changed.Map(t)["validity"])
	require.Equal(t, []any{"Fire", "ARCHIVED", false}, []any{changed.Map(t)["name"], changed.Map(t)["status"], changed.Map(t)["asksConfirmation"]})
	require.Equal(t, "CERT-FIRE", admin.Do(t, 200, "PATCH", at, object{"validity": object{"duration": 30, "unit": "DAY"}}).Text(t, "identifier"))

	require.Equal(t, []string{made.Text(t, "id"), plain.Text(t, "id")}, walk(t, admin, "/hub/v1/certificates?limit=1"))
	require.Equal(t, []string{plain.Text(t, "id")}, walk(t, admin, "/hub/v1/certificates?status=INACTIVE"))
	require.Equal(t, []string{plain.Text(t, "id")}, walk(t, admin, "/hub/v1/certificates?search=THIC"))
	require.Equal(t, []string{made.Text(t, "id")}, walk(t, admin, path("/certificates?courseId=%d", fire)))
	admin.Do(t, 400, "GET", "/hub/v1/certificates?status=ODD", nil)
	orgAdmin.Do(t, 403, "GET", "/hub/v1/certificates", nil)
	orgAdmin.Do(t, 403, "GET", at, nil)
	orgAdmin.Do(t, 403, "PATCH", at, object{"name": "x"})
}

func TestUserCertificates(t *testing.T) {
	w := newWorld(t, nil)
	admin, user, other := w.as(t, w.admin), w.as(t, w.user), w.as(t, w.otherUser)
	fire := w.channel(t, "FIRE-101")
	cert := admin.Do(t, 201, "POST", "/hub/v1/certificates", object{"name": "Fire", "courses": []object{{"id": fire}}, "asksConfirmation": true, "validity": object{"duration": 1, "unit": "YEAR"}})
	w.learns(t, w.user, fire, 100)
	w.learns(t, w.otherUser, fire, 0)

	mine := items(t, user.Do(t, 200, "GET", "/hub/v1/me/certificates", nil))
	require.Len(t, mine, 1)
	require.Equal(t, "AWAITS_LEARNER_CONFIRMATION", mine[0]["state"])
	at := path("/user-certificates/%.0f", mine[0]["id"])
	require.Equal(t, mine[0], user.Do(t, 200, "GET", at, nil).Map(t))
	require.Equal(t, mine[0], admin.Do(t, 200, "GET", at, nil).Map(t))
	problem(t, other.Do(t, 404, "GET", at, nil), "user_certificate.unknown")

	// The learner confirms, and nobody else.
	problem(t, admin.Do(t, 404, "POST", at+"/confirm", nil), "user_certificate.unknown")
	problem(t, other.Do(t, 404, "POST", at+"/confirm", nil), "user_certificate.unknown")
	confirmed := user.Do(t, 200, "POST", at+"/confirm", nil)
	require.Equal(t, "CERTIFIED", confirmed.Text(t, "state"))
	require.Regexp(t, `^([0-9A-Z]{5}-){3}[0-9A-Z]{5}$`, confirmed.Text(t, "code"))
	code := strings.ReplaceAll(confirmed.Text(t, "code"), "-", "")
	require.Equal(t, w.URL+"/certificates/"+code, confirmed.Text(t, "pageUrl"))
	require.Equal(t, w.URL+"/certificates/"+code+".pdf", confirmed.Text(t, "pdfUrl"))
	problem(t, user.Do(t, 409, "POST", at+"/confirm", nil), "user_certificate.nothing_to_confirm")

	require.Equal(t, true, admin.Do(t, 200, "PATCH", at, object{"required": true}).Map(t)["required"])
	require.Equal(t, []string{"required"}, fields(t, admin.Do(t, 422, "PATCH", at, object{})))
	user.Do(t, 403, "PATCH", at, object{"required": false})
	problem(t, admin.Do(t, 404, "PATCH", "/hub/v1/user-certificates/999999", object{"required": true}), "user_certificate.unknown")

	// Taken back, and earned again with what was completed.
	problem(t, admin.Do(t, 409, "POST", at+"/reissue", object{}), "user_certificate.not_revoked")
	require.Equal(t, []string{"reason"}, fields(t, admin.Do(t, 422, "POST", at+"/revoke", object{"reason": strings.Repeat("x", 501)})))
	user.Do(t, 403, "POST", at+"/revoke", object{})
	require.Equal(t, "REVOKED", admin.Do(t, 200, "POST", at+"/revoke", object{"reason": "cheated"}).Text(t, "state"))
	problem(t, admin.Do(t, 409, "POST", at+"/revoke", object{}), "user_certificate.revoked")
	user.Do(t, 403, "POST", at+"/reissue", object{})
	again := admin.Do(t, 200, "POST", at+"/reissue", object{"countCompleted": true})
	require.Equal(t, "AWAITS_LEARNER_CONFIRMATION", again.Text(t, "state"))
	require.Nil(t, again.Map(t)["code"])

	var reasons []any
	for _, e := range items(t, user.Do(t, 200, "GET", at+"/history", nil)) {
		reasons = append(reasons, e["toState"])
	}
	require.Equal(t, []any{"INIT", "AWAITS_LEARNER_CONFIRMATION", "CERTIFIED", "REVOKED", "INIT", "AWAITS_LEARNER_CONFIRMATION"}, reasons)
	require.Len(t, walk(t, admin, at+"/history?limit=2"), 6)
	revoked := items(t, admin.Do(t, 200, "GET", at+"/history", nil))[3]
	require.EqualValues(t, w.admin.ID, revoked["actorId"])
	problem(t, other.Do(t, 404, "GET", at+"/history", nil), "user_certificate.unknown")

	// Lists.
	require.Len(t, walk(t, admin, "/hub/v1/user-certificates?limit=1"), 2)
	for query, n := range map[string]int{
		"state=INIT": 1, "state=CERTIFIED": 0, "required=true": 1, "required=false": 1, "certificateId=" + cert.Text(t, "id"): 2, "certificateId=999999": 0,
		"userId=" + path("%d", w.otherUser.ID)[len("/hub/v1"):]: 1,
	} {
		require.Len(t, walk(t, admin, "/hub/v1/user-certificates?"+query), n, query)
	}
	for _, query := range []string{"state=ODD", "required=1", "userId=x", "certificateId=0"} {
		admin.Do(t, 400, "GET", "/hub/v1/user-certificates?"+query, nil)
	}
	user.Do(t, 403, "GET", "/hub/v1/user-certificates", nil)
	theirs := path("/users/%d/certificates", w.otherUser.ID)
	require.Len(t, walk(t, admin, theirs+"?limit=1"), 1)
	user.Do(t, 403, "GET", theirs, nil)
	problem(t, admin.Do(t, 404, "GET", "/hub/v1/users/999999/certificates", nil), "user.unknown")
	w.anyone().Do(t, http.StatusUnauthorized, "GET", "/hub/v1/me/certificates", nil)
	admin.Do(t, 400, "GET", "/hub/v1/me/certificates?limit=0", nil)
}

func TestStatementsOfCertificates(t *testing.T) {
	w := newWorld(t, nil)
	admin, user := w.as(t, w.admin), w.as(t, w.user)
	course := w.channel(t, "FIRE-101")
	for range 10 {
		admin.Do(t, 201, "POST", "/hub/v1/certificates", object{"name": "Fire", "courses": []object{{"id": course}}})
	}
	w.learns(t, w.user, course, 0)
	id := ids(t, user.Do(t, 200, "GET", "/hub/v1/me/certificates", nil))[0]
	for at, c := range map[string]func(string){
		"/hub/v1/certificates":                    func(at string) { admin.Do(t, 200, "GET", at, nil) },
		"/hub/v1/user-certificates":               func(at string) { admin.Do(t, 200, "GET", at, nil) },
		"/hub/v1/me/certificates":                 func(at string) { user.Do(t, 200, "GET", at, nil) },
		path("/user-certificates/%s/history", id): func(at string) { user.Do(t, 200, "GET", at, nil) },
	} {
		c(at)
		before := w.DB.Statements()
		c(at)
		require.LessOrEqual(t, w.DB.Statements()-before, int64(2), at)
	}
}
