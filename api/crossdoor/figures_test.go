package crossdoor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/mis"
	"quad/internal/contracttest"
)

var misContract = contracttest.Load(mis.Name, mis.Contract)

// Progress that the hub's own API reports, courses that the Enabley door
// completes by force and certificates that follow are in the figures of the MIS
// door at once.
func TestProgressMakesFigures(t *testing.T) {
	w := newWorld(t)
	userID, courseID := w.learner(t)
	figures := w.at(misContract).With("Authorization", "Bearer "+w.Token(t, w.admin, mis.Name))
	kpis := func(trainees, rate, score, completed, certificates float64) {
		t.Helper()
		require.Equal(t, object{
			"totalTrainees": trainees, "completionRate": rate, "averageScore": score, "coursesCompleted": completed, "certificatesIssued": certificates,
		}, figures.Do(t, 200, "GET", "/mis/etl/kpis", nil).Map(t))
	}
	kpis(1, 0, 0, 0, 0)
	w.progress(t, object{"user": object{"id": userID}, "course": object{"id": courseID}, "progress": 40, "score": 69.95})
	kpis(1, 0, 70, 0, 0)
	require.Equal(t, 70.0, w.performanceOf(t)["score"], "whole per cent")
	require.Equal(t, 1.0, figures.Do(t, 200, "GET", "/mis/bi/performance-summary", nil).Map(t)["needsSupport"], "unrounded it is less than 70")

	w.native.Do(t, 201, "POST", "/hub/v1/users", object{"name": "Bo", "email": "bo@example.test", "password": "correct horse battery"})
	w.put(t, 200, object{"identifier": "u-8", "username": "bo@example.test", "possibleRoles": []string{"LEARNER"}})
	w.enabley.Do(t, 200, "POST", "/api/v2/channels/FIRE-101/users/u-8", nil)
	kpis(2, 0, 70, 0, 0)
	w.enabley.Do(t, 200, "POST", "/api/v4/channels/forceComplete/channel/FIRE-101/user/u-8", nil)
	kpis(2, 50, 70, 1, 0)
	w.progress(t, object{"user": object{"id": userID}, "course": object{"id": courseID}, "progress": 100, "score": 92.5})
	kpis(2, 100, 92.5, 2, 0)

	me := w.nativeAs(t, "ann@example.test", "correct horse battery")
	var mine struct{ Items []struct{ ID int64 } }
	me.Do(t, 200, "GET", "/hub/v1/me/certificates", nil).JSON(t, &mine)
	me.Do(t, 200, "POST", path("/hub/v1/user-certificates/%d/confirm", mine.Items[0].ID), nil)
	kpis(2, 100, 92.5, 2, 1)
	w.enabley.Do(t, 200, "DELETE", "/api/v2/users/u-7", nil)
	kpis(1, 100, 0, 1, 0)
}
