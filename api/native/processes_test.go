package native_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

func TestRoleRequestIsApproved(t *testing.T) {
	w := newWorkingWorld(t)
	user, orgAdmin := w.as(t, w.user), w.as(t, w.orgAdmin)
	started := w.startRequest(t, user)
	id := started.Text(t, "id")
	require.Equal(t, "role_request", started.Text(t, "subject.type"))
	waiting := await(t, user, id, "waiting")
	require.Equal(t, fmt.Sprintf("%s/namespaces/%s/workflows/org-role-request%%2F%d%%2F%s/%s/history",
		w.Config.Temporal.UIURL, w.Config.Temporal.Namespace, w.Account.ID, waiting.Text(t, "subject.id"), waiting.Text(t, "runId")),
		waiting.Text(t, "links.temporal"))

	held := user.Do(t, 200, "GET", path("/processes/%s/holders", id), nil)
	require.Contains(t, string(held.Body), `"name":"orgadmin"`)
	require.Equal(t, "remind", held.Text(t, "nextAction"))

	request := path("/role-requests/%s", waiting.Text(t, "subject.id"))
	require.Equal(t, "REQUESTED", user.Do(t, 200, "GET", request, nil).Text(t, "status"))
	moved := orgAdmin.Do(t, 200, "PUT", request+"/deadline", object{"deadline": "2027-05-01T00:00:00Z"})
	require.Equal(t, "2027-05-01T00:00:00Z", moved.Text(t, "expiresAt"))
	require.Equal(t, "2027-05-01T00:00:00Z", await(t, user, id, "waiting").Text(t, "deadline"))
	require.Equal(t, []string{"deadline"}, fields(t, orgAdmin.Do(t, 422, "PUT", request+"/deadline", object{"deadline": "2001-01-01T00:00:00Z"})))

	decide := path("/processes/%s/decide", id)
	problem(t, user.Do(t, 403, "POST", decide, object{"decision": "APPROVED"}), "forbidden")
	problem(t, w.as(t, w.admin).Do(t, 403, "POST", decide, object{"decision": "APPROVED"}), "forbidden")
	require.Equal(t, []string{"status"}, fields(t, orgAdmin.Do(t, 422, "POST", decide, object{"decision": "PERHAPS"})))
	require.Equal(t, "waiting", orgAdmin.Do(t, 200, "POST", decide, object{"decision": "UNDER_REVIEW"}).Text(t, "state"))
	orgAdmin.Do(t, 200, "POST", decide, object{"decision": "APPROVED", "comments": []string{"welcome"}})
	require.Equal(t, "completed", await(t, user, id, "completed").Text(t, "state"))
	problem(t, orgAdmin.Do(t, 409, "POST", decide, object{"decision": "REJECTED"}), "process.ended")

	done := user.Do(t, 200, "GET", request, nil)
	require.Equal(t, "APPROVED", done.Text(t, "status"))
	require.Contains(t, string(done.Body), "welcome")
	require.Contains(t, string(user.Do(t, 200, "GET", "/hub/v1/me", nil).Body), `"title":"mentor"`)
	problem(t, orgAdmin.Do(t, 409, "PUT", request+"/deadline", object{"deadline": "2027-06-01T00:00:00Z"}), "role_request.not_decidable")
	require.Equal(t, "none", user.Do(t, 200, "GET", path("/processes/%s/holders", id), nil).Text(t, "nextAction"))

	timeline := path("/processes/%s/timeline", id)
	all := walk(t, user, timeline+"?limit=100")
	require.Greater(t, len(all), 3)
	require.Equal(t, all, walk(t, user, timeline+"?limit=1"), "pages of one line are the whole timeline")
	problem(t, user.Do(t, 409, "POST", path("/processes/%s/retry", id), nil), "process.state")
	problem(t, user.Do(t, 409, "POST", path("/processes/%s/cancel", id), nil), "process.ended")

	mails := w.as(t, w.user).Do(t, 200, "GET", "/hub/v1/notifications?template=mentor_request_accepted&processId="+id, nil)
	require.Len(t, items(t, mails), 1)
}

func TestProcessIsCancelled(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	id := w.startRequest(t, user).Text(t, "id")
	problem(t, user.Do(t, 409, "POST", path("/processes/%s/retry", id), nil), "process.not_ended")
	asked := user.Do(t, 200, "POST", path("/processes/%s/cancel", id), nil)
	require.NotEmpty(t, asked.Text(t, "cancelRequestedAt"))
	w.StartWorker(workerRun)
	ended := await(t, user, id, "cancelled")
	request := user.Do(t, 200, "GET", path("/role-requests/%s", ended.Text(t, "subject.id")), nil)
	require.Equal(t, "WITHDRAWN", request.Text(t, "status"))
	problem(t, user.Do(t, 409, "POST", path("/processes/%s/retry", id), nil), "role_request.no_retry")
}

// With nobody to apply it a decision is kept, and applied as soon as there is.
func TestDecisionWithoutWorkerIsKept(t *testing.T) {
	w := newWorld(t, map[string]string{"API_DECISION_TIMEOUT": "300ms"})
	user := w.as(t, w.user)
	id := w.startRequest(t, user).Text(t, "id")
	problem(t, w.as(t, w.orgAdmin).Do(t, 503, "POST", path("/processes/%s/decide", id), object{"decision": "REJECTED"}), "unavailable")
	w.StartWorker(workerRun)
	require.Equal(t, "completed", await(t, user, id, "completed").Text(t, "state"))
}

func TestStartIsIdempotent(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	body := object{"kind": "org-role-request", "input": object{"roleId": w.role(t, models.RoleMentor)}}
	keyed := user.With("Idempotency-Key", "k-1")

	var mu sync.Mutex
	statuses, processes := map[int]int{}, map[string]bool{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			status, id := w.start(t, keyed.Header, `{"kind":"org-role-request","input":{"roleId":`+fmt.Sprint(w.role(t, models.RoleMentor))+`}}`)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
			processes[id] = true
		})
	}
	wg.Wait()
	require.Equal(t, map[int]int{201: 1, 200: 19}, statuses, "one request made it, the others met it")
	require.Len(t, processes, 1)

	again := keyed.Do(t, 200, "POST", "/hub/v1/processes", body)
	require.True(t, processes[again.Text(t, "id")])
	problem(t, keyed.Do(t, 409, "POST", "/hub/v1/processes", object{"kind": "org-role-request", "input": object{"roleId": w.role(t, models.RoleSessionManager)}}),
		"process.idempotency_key_reused")
	problem(t, user.Do(t, 409, "POST", "/hub/v1/processes", body), "role_request.already_requested")
	// A key belongs to its user.
	other := w.as(t, w.otherUser).With("Idempotency-Key", "k-1")
	require.NotEqual(t, again.Text(t, "id"), other.Do(t, 201, "POST", "/hub/v1/processes", body).Text(t, "id"))

	require.Equal(t, []string{"kind"}, fields(t, user.Do(t, 422, "POST", "/hub/v1/processes", object{"kind": "none", "input": object{}})))
	require.Equal(t, []string{"input.roleId"}, fields(t, user.Do(t, 422, "POST", "/hub/v1/processes", object{"kind": "org-role-request", "input": object{}})))
	problem(t, user.Do(t, 404, "POST", "/hub/v1/processes", object{"kind": "org-role-request", "input": object{"roleId": 999_999}}), "role_request.role_not_found")
	problem(t, user.Do(t, 403, "POST", "/hub/v1/processes", object{"kind": "bulk-invite", "input": object{"rows": rows("a@example.test")}}), "forbidden")
	tooLong := user.With("Idempotency-Key", strings.Repeat("k", 201)).Do(t, 400, "POST", "/hub/v1/processes", body)
	require.Equal(t, []string{"Idempotency-Key"}, fields(t, tooLong))
}

// start sends a request without the test's assertions, for use in parallel.
func (w *world) start(t *testing.T, header http.Header, body string) (status int, id string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/hub/v1/processes", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header = header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	var buf bytes.Buffer
	_, _ = buf.ReadFrom(resp.Body)
	_, rest, _ := strings.Cut(buf.String(), `"id":`)
	id, _, _ = strings.Cut(rest, ",")
	return resp.StatusCode, id
}

func TestProcessLists(t *testing.T) {
	w := newWorld(t, nil)
	user, orgAdmin, admin := w.as(t, w.user), w.as(t, w.orgAdmin), w.as(t, w.admin)
	request := w.startRequest(t, user).Text(t, "id")
	foreign := w.startRequest(t, w.as(t, w.otherUser)).Text(t, "id")
	bulk := orgAdmin.Do(t, 201, "POST", "/hub/v1/processes", object{"kind": "bulk-invite", "input": object{"rows": rows("a@example.test")}}).Text(t, "id")

	require.Equal(t, []string{bulk, foreign, request}, walk(t, admin, "/hub/v1/processes?limit=1"))
	require.Equal(t, []string{bulk, request}, walk(t, orgAdmin, "/hub/v1/processes?limit=1"))
	require.Equal(t, []string{request}, walk(t, user, "/hub/v1/processes"))
	require.Equal(t, []string{foreign}, walk(t, w.as(t, w.otherAdmin), "/hub/v1/processes"))
	require.Equal(t, []string{bulk}, walk(t, admin, "/hub/v1/processes?kind=bulk-invite"))
	require.Equal(t, []string{foreign}, walk(t, admin, fmt.Sprintf("/hub/v1/processes?organizationId=%d", w.other.ID)))
	require.Empty(t, walk(t, admin, "/hub/v1/processes?state=failed"))
	require.Len(t, walk(t, admin, "/hub/v1/processes?createdFrom=2020-01-01T00:00:00Z&createdTo=2100-01-01T00:00:00Z"), 3)
	require.Empty(t, walk(t, admin, "/hub/v1/processes?createdTo=2020-01-01T00:00:00Z"))
	subject := user.Do(t, 200, "GET", "/hub/v1/processes/"+request, nil).Text(t, "subject.id")
	require.Equal(t, []string{request}, walk(t, admin, "/hub/v1/processes?subject=role_request:"+subject))

	// A cursor is good for its own list only.
	next := admin.Do(t, 200, "GET", "/hub/v1/processes?limit=1", nil).Text(t, "next")
	for _, at := range []string{
		"/hub/v1/processes?kind=bulk-invite&cursor=" + next, "/hub/v1/notifications?cursor=" + next, // other filter, other list
		"/hub/v1/processes?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		problem(t, admin.Do(t, 400, "GET", at, nil), "bad_cursor")
	}
	bad := admin.Do(t, 400, "GET", "/hub/v1/processes?kind=x&state=y&organizationId=0&subject=z&createdFrom=now&limit=101", nil)
	require.ElementsMatch(t, []string{"kind", "state", "organizationId", "subject", "createdFrom", "limit"}, fields(t, bad))
}
