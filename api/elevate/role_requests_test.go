package elevate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/models"
)

const (
	requests = "/user/v1/org-admin/getRequests?page=1&limit=10"
	details  = "/user/v1/org-admin/getRequestDetails"
	update   = "/user/v1/org-admin/updateRequestStatus"
	ask      = "/user/v1/organization/requestOrgRole"
)

// roleID finds a shipped role.
func (w *world) roleID(t *testing.T, title string) int64 {
	t.Helper()
	role, err := w.People.RoleByTitle(w.Context(), title)
	require.NoError(t, err)
	return role.ID
}

func TestRoleRequestFromWishToRole(t *testing.T) {
	w := newWorkingWorld(t)
	me, admin := w.as(t, w.user), w.as(t, w.orgAdmin)
	mentor := w.roleID(t, models.RoleMentor)

	a := me.Do(t, 200, "POST", ask, object{"role": mentor, "form_data": object{"why": "I teach"}})
	id := a.Text(t, "result.request_id")
	require.Equal(t, "REQUESTED", a.Text(t, "result.status"))
	require.Equal(t, "I teach", a.Text(t, "result.meta.why"))
	fails(t, me.Do(t, 406, "POST", ask, object{"role": mentor}), "CLIENT_ERROR",
		"You have already requested to be a mentor. Please wait for the org admin's approval")
	fails(t, me.Do(t, 406, "POST", ask, object{"role": w.roleID(t, models.RoleAdmin)}), "CLIENT_ERROR", "Role not found.")
	fails(t, me.Do(t, 406, "POST", ask, object{"role": 999999999}), "CLIENT_ERROR", "Role not found.")
	require.ElementsMatch(t, []string{"body.role", "body.form_data"}, params(t, me.Do(t, 422, "POST", ask, object{"role": "x", "form_data": []int{1}})))
	w.anyone().Do(t, 401, "POST", ask, object{"role": mentor})

	list := admin.Do(t, 200, "POST", requests, object{"filters": object{"status": []string{"requested"}, "role": []int64{mentor}}})
	require.Equal(t, "1", list.Text(t, "result.count"))
	require.Contains(t, string(list.Body), w.user.Email)
	require.Equal(t, "0", admin.Do(t, 200, "POST", requests, object{"filters": object{"status": []string{"APPROVED"}}}).Text(t, "result.count"))
	require.Equal(t, []string{"body.filters.status"}, params(t, admin.Do(t, 422, "POST", requests, object{"filters": object{"status": []string{"odd"}}})))
	fails(t, w.as(t, w.admin).Do(t, 400, "POST", requests, object{}), "CLIENT_ERROR", "User does't have admin access.")

	one := admin.Do(t, 200, "GET", details+"?request_id="+id, nil)
	require.Equal(t, "mentor", one.Text(t, "result.role"))
	require.Contains(t, string(one.Body), `"comments":[]`)
	admin.Do(t, 422, "GET", details, nil)
	fails(t, w.as(t, w.otherAdmin).Do(t, 400, "GET", details+"?request_id="+id, nil), "CLIENT_ERROR", "Role Change Request not found.")
	fails(t, w.as(t, w.otherAdmin).Do(t, 400, "POST", update, object{"request_id": number(t, id), "status": "APPROVED"}),
		"CLIENT_ERROR", "Role Change Request not found.")

	require.ElementsMatch(t, []string{"body.request_id", "body.status"}, params(t, admin.Do(t, 422, "POST", update, object{"status": "REQUESTED"})))
	decide := func(status string) object {
		return object{"request_id": number(t, id), "status": status, "comments": []string{"seen"}}
	}
	require.Equal(t, "UNDER_REVIEW", admin.Do(t, 200, "POST", update, decide("UNDER_REVIEW")).Text(t, "result.status"))
	fails(t, admin.Do(t, 400, "POST", update, decide("UNDER_REVIEW")), "CLIENT_ERROR", "Invalid organisation request")
	require.Empty(t, w.answers(), "a review is no news for the requester")
	require.Equal(t, "APPROVED", admin.Do(t, 200, "POST", update, decide("APPROVED")).Text(t, "result.status"))
	for _, again := range []string{"APPROVED", "REJECTED"} {
		fails(t, admin.Do(t, 400, "POST", update, decide(again)), "CLIENT_ERROR", "Invalid organisation request")
	}

	// The role holds at the next request, without a new login; mentee is gone.
	profile := me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil)
	require.Equal(t, "mentor", profile.Text(t, "result.role"))
	require.NotContains(t, string(profile.Body), `"mentee"`)
	hubtest.Eventually(t, "the mail", func() bool { return len(w.answers()) == 1 })
	require.Contains(t, w.answers()[0].Text, "Mentor")
	// After an approval the old request comes back.
	require.Equal(t, id, me.Do(t, 200, "POST", ask, object{"role": mentor}).Text(t, "result.request_id"))
}

// answers are the mails that told the user of a decision.
func (w *world) answers() []inbox.Message {
	return w.Inbox.Messages(inbox.Filter{To: w.user.Email, Subject: "Your request", Limit: 10})
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	id, ok := parse(s)
	require.True(t, ok, s)
	return id
}

func TestRejectedRequestMayBeAskedAgain(t *testing.T) {
	w := newWorkingWorld(t)
	me, admin := w.as(t, w.user), w.as(t, w.orgAdmin)
	mentor := w.roleID(t, models.RoleMentor)
	first := me.Do(t, 200, "POST", ask, object{"role": mentor}).Text(t, "result.request_id")
	admin.Do(t, 200, "POST", update, object{"request_id": number(t, first), "status": "REJECTED", "comments": []string{"not yet"}})
	second := me.Do(t, 200, "POST", ask, object{"role": mentor}).Text(t, "result.request_id")
	require.NotEqual(t, first, second)
	require.Equal(t, "mentee", me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil).Text(t, "result.role"))
}

func TestTwoAdminsDecideAtOnce(t *testing.T) {
	w := newWorkingWorld(t)
	second := w.NewPerson(0, 0, "orgadmin2", models.RoleOrgAdmin)
	admins := []contracttest.Client{w.as(t, w.orgAdmin), w.as(t, second)}
	id := number(t, w.as(t, w.user).Do(t, 200, "POST", ask, object{"role": w.roleID(t, models.RoleMentor)}).Text(t, "result.request_id"))
	decisions := []string{"APPROVED", "REJECTED"}
	require.Equal(t, map[int]int{200: 1, 400: 1}, contracttest.AtOnce(2, func(i int) int {
		return admins[i].Status(t.Context(), "POST", update, object{"request_id": id, "status": decisions[i]})
	}))
	hubtest.Eventually(t, "the one mail", func() bool { return len(w.answers()) == 1 })
}

func TestManyIdenticalWishesAreOneRequest(t *testing.T) {
	w := newWorkingWorld(t)
	me, mentor := w.as(t, w.user), w.roleID(t, models.RoleMentor)
	require.Equal(t, map[int]int{200: 1, 406: 99}, me.AtOnce(t, 100, "POST", ask, object{"role": mentor}))
}

// Without a worker the decision can't be applied now: 503, and it is applied
// when a worker is there. Repeating it joins the one that waits.
func TestDecisionWithoutWorkerIsKept(t *testing.T) {
	w := newWorld(t, map[string]string{"API_DECISION_TIMEOUT": "1s"})
	me, admin := w.as(t, w.user), w.as(t, w.orgAdmin)
	id := number(t, me.Do(t, 200, "POST", ask, object{"role": w.roleID(t, models.RoleMentor)}).Text(t, "result.request_id"))
	approve := object{"request_id": id, "status": "APPROVED"}
	require.Equal(t, 503, admin.Status(t.Context(), "POST", update, approve))
	w.StartWorker(workerRun)
	hubtest.Eventually(t, "the decision to be applied", func() bool {
		return me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil).Text(t, "result.role") == "mentor"
	})
	hubtest.Eventually(t, "the one mail", func() bool { return len(w.answers()) == 1 })
}
