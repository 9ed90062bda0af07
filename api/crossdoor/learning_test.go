package crossdoor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/store"
	"quad/models"
)

// learner is a person with a course, a certificate of it that the learner has to
// confirm, a group that is linked to the course, a profile and an entitlement.
func (w *world) learner(t *testing.T) (userID, courseID int64) {
	t.Helper()
	made := w.native.Do(t, 201, "POST", "/hub/v1/users", object{"name": "Ann Lee", "email": "ann@example.test", "password": hubtest.Password})
	userID = number(t, made.Text(t, "id"))
	w.put(t, 200, object{"identifier": "u-7", "username": "ann@example.test", "possibleRoles": []string{"LEARNER", "MANAGER"}})

	course := w.native.Do(t, 201, "POST", "/hub/v1/courses", object{"identifier": "FIRE-101", "name": "Fire safety", "type": "COURSE"})
	courseID = number(t, course.Text(t, "id"))
	w.native.Do(t, 201, "POST", "/hub/v1/certificates", object{
		"identifier": "CERT-FIRE", "name": "Fire safety", "courses": []object{{"id": courseID}}, "asksConfirmation": true,
		"validity": object{"duration": 1, "unit": "YEAR"},
	})
	w.native.Do(t, 200, "PUT", "/hub/v1/group-hierarchy", object{"types": []string{"REGIONAL", "TURMA"}})
	w.enabley.Do(t, 201, "PUT", "/api/v1/groups", object{"identifier": "G-1", "name": "Night shift", "type": "REGIONAL"})
	w.enabley.Do(t, 200, "POST", "/api/v1/channels/FIRE-101/groups/G-1", nil)
	w.enabley.Do(t, 200, "POST", "/api/v1/groups/G-1/users/u-7", nil)
	w.enabley.Do(t, 201, "PUT", "/api/v2/userProfiles", object{"identifier": "P-1", "name": "Drivers"})
	w.enabley.Do(t, 200, "PUT", "/api/v2/userProfiles/P-1/users/u-7", nil)
	w.enabley.Do(t, 200, "POST", "/api/v2/users/entitlements",
		object{"userIdentifier": "u-7", "entityType": "GROUP", "entityIdentifier": "G-1", "userRole": "MANAGER"})
	return userID, courseID
}

const performance = "/api/v2/performance?channelIdentifier=FIRE-101"

// performanceOf is the one row of the channel's performance.
func (w *world) performanceOf(t *testing.T) object {
	t.Helper()
	var page struct{ Items []object }
	w.enabley.Do(t, 200, "GET", performance, nil).JSON(t, &page)
	require.Len(t, page.Items, 1)
	return page.Items[0]
}

// certificate is the one certificate of the person.
func (w *world) certificate(t *testing.T) object {
	t.Helper()
	all := list(t, w.enabley.Do(t, 200, "GET", "/api/v1/certificates/users/u-7", nil))
	require.Len(t, all, 1)
	return all[0]
}

// Progress that the hub's own API reports is what the Enabley door shows, as
// performance and in the state of the certificate, which the learner confirms.
func TestProgressMakesPerformanceAndCertificates(t *testing.T) {
	w := newWorld(t)
	userID, courseID := w.learner(t)
	require.Equal(t, "INIT", w.certificate(t)["state"])
	row := w.performanceOf(t)
	require.Equal(t, []any{"u-7", "FIRE-101", 0.0, nil, nil}, []any{row["externalUserId"], row["externalChannelId"], row["progress"], row["score"], row["completionDate"]})

	w.progress(t, object{"user": object{"id": userID}, "course": object{"id": courseID}, "progress": 40})
	require.Equal(t, 40.0, w.performanceOf(t)["progress"])
	require.Equal(t, "IN_PROGRESS", w.certificate(t)["state"])
	w.progress(t, object{"user": object{"identifier": "u-7"}, "course": object{"identifier": "FIRE-101"}, "progress": 100, "score": 92})
	row = w.performanceOf(t)
	require.Equal(t, []any{100.0, 92.0}, []any{row["progress"], row["score"]})
	require.NotNil(t, row["completionDate"])
	held := w.certificate(t)
	require.Equal(t, "AWAITS_LEARNER_CONFIRMATION", held["state"])
	require.Nil(t, held["pdfUrl"])

	me := w.nativeAs(t, "ann@example.test", hubtest.Password)
	var mine struct{ Items []struct{ ID int64 } }
	me.Do(t, 200, "GET", "/hub/v1/me/certificates", nil).JSON(t, &mine)
	require.Len(t, mine.Items, 1)
	confirm := path("/hub/v1/user-certificates/%d/confirm", mine.Items[0].ID)
	other := w.NewPerson(0, 0, "other", models.RoleMentee)
	w.nativeAs(t, other.Email, hubtest.Password).Do(t, 404, "POST", confirm, nil)
	me.Do(t, 200, "POST", confirm, nil)
	held = w.certificate(t)
	require.Equal(t, "CERTIFIED", held["state"])
	require.NotNil(t, held["certificationDate"])
	require.NotNil(t, held["expirationDate"])
	pdf, ok := held["pdfUrl"].(string)
	require.True(t, ok)
	status, content := hubtest.Get(t, pdf)
	require.Equal(t, 200, status)
	require.Equal(t, "%PDF-", content[:5])

	w.native.Do(t, 200, "POST", path("/hub/v1/user-certificates/%d/revoke", mine.Items[0].ID), object{"reason": "by mistake"})
	require.Equal(t, "REVOKED", w.certificate(t)["state"])

	// Who is inactive at one door keeps what they have earned at the other.
	w.elevate.Do(t, 202, "POST", "/user/v1/admin/deactivateUser", object{"id": []int64{userID}})
	require.Equal(t, 100.0, w.performanceOf(t)["progress"])
}

// A person deleted through Elevate is unknown to the Enabley door, and nothing
// of theirs is left in any list.
func TestDeletedByElevateIsGone(t *testing.T) {
	w := newWorld(t)
	userID, courseID := w.learner(t)
	w.progress(t, object{"user": object{"id": userID}, "course": object{"id": courseID}, "progress": 100})
	rows := func(table string) (n int64) {
		require.NoError(t, w.DB.Query(w.Context(), &n, `SELECT count(*) FROM `+table+` WHERE account_id = @account_id AND user_id = @user`, store.Args{"user": userID}))
		return n
	}
	kept := []string{"group_members", "user_profile_members", "entitlements", "user_certificates", "user_organizations", "user_details"}
	for _, table := range kept[:4] {
		require.EqualValues(t, 1, rows(table), "%s has something before: what follows proves something", table)
	}
	require.Equal(t, "1", w.enabley.Do(t, 200, "GET", "/api/v2/channels/channels/FIRE-101/members/count", nil).Text(t, "learners"))

	w.elevate.Do(t, 202, "DELETE", path("/user/v1/admin/deleteUser/%d", userID), nil)
	for _, gone := range []string{user("u-7"), "/api/v1/users/u-7/groups", "/api/v1/certificates/users/u-7", "/api/v1/performance?externalUserId=u-7"} {
		w.gone(t, gone)
	}
	require.Contains(t, string(w.enabley.Do(t, 200, "GET", performance, nil).Body), `"items":[]`)
	require.Equal(t, "0", w.enabley.Do(t, 200, "GET", "/api/v2/channels/channels/FIRE-101/members/count", nil).Text(t, "learners"))
	for _, table := range kept {
		require.Zero(t, rows(table), table)
	}
	// Identifier and user name are free: whoever has them now is somebody else,
	// who has done nothing yet.
	w.put(t, 201, object{"identifier": "u-7", "username": "ann@example.test", "firstName": "Ann", "lastName": "Other", "email": "ann@example.test"})
	require.NotEqual(t, userID, w.userID(t, "ann@example.test"))
	w.enabley.Do(t, 200, "POST", "/api/v1/groups/G-1/users/u-7", nil)
	require.Equal(t, 0.0, w.performanceOf(t)["progress"])
	require.Equal(t, "INIT", w.certificate(t)["state"])
}

// progress reports how far a person has come.
func (w *world) progress(t *testing.T, report object) {
	t.Helper()
	a := w.native.Do(t, 200, "POST", "/hub/v1/progress", object{"entries": []object{report}})
	require.Contains(t, string(a.Body), `"applied"`)
}
