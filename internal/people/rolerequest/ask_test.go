package rolerequest_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/internal/store"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

const day = 24 * time.Hour

func TestAskStoresRequestAndProcess(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.Equal(t, models.RoleRequested, r.Status)
	require.Equal(t, requesttest.Organization, r.OrganizationID)
	require.JSONEq(t, `{"why": "teaching"}`, string(r.Meta))
	require.WithinDuration(t, r.CreatedAt.Add(30*day), r.ExpiresAt, 0)
	require.Equal(t, w.Row(r.ID), r)

	p := w.Process(r)
	require.Equal(t, models.ProcessOrgRoleRequest, p.Kind)
	require.Equal(t, models.ProcessPending, p.State)
	require.Equal(t, r.ID, p.SubjectID)
	require.Equal(t, requesttest.Anu, *p.StartedBy)
	require.WithinDuration(t, r.ExpiresAt, *p.Deadline, 0)
	require.Equal(t, 1, w.Count(`audit_events WHERE action = 'role_request.created' AND subject_id = @id AND actor_id = 101`, store.Args{"id": r.ID}))
	require.Empty(t, w.Mails())
}

func TestAskRefusals(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	for name, role := range map[string]int64{"unknown": 999, "system": requesttest.Admin, "inactive": requesttest.Retired, "of another account": 94} {
		_, err := w.Requests.Ask(w.As(requesttest.Anu), rolerequest.Ask{RoleID: role})
		require.ErrorIs(t, err, rolerequest.ErrRoleNotFound, name)
	}
	for _, form := range []string{`[]`, `"x"`, `{`, `{"a":"` + string(make([]byte, 70_000)) + `"}`} {
		_, err := w.Requests.Ask(w.As(requesttest.Anu), rolerequest.Ask{RoleID: requesttest.Mentor, FormData: json.RawMessage(form)})
		require.Equal(t, models.KindInvalid, models.KindOf(err))
	}
	_, err := w.Requests.Ask(w.System(), rolerequest.Ask{RoleID: requesttest.Mentor})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	require.Zero(t, w.Count("role_requests", nil))
	require.Zero(t, w.Count("processes", nil))
}

func TestAskAgain(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	ask := func() (models.RoleRequest, error) {
		return w.Requests.Ask(w.As(requesttest.Anu), rolerequest.Ask{RoleID: requesttest.Mentor})
	}
	first := w.Ask(requesttest.Anu, requesttest.Mentor)
	_, err := ask()
	require.ErrorIs(t, err, rolerequest.ErrAlreadyRequested)
	decide(t, w, requesttest.AdminOne, first.ID, models.RoleRequestUnderReview)
	_, err = ask()
	require.ErrorIs(t, err, rolerequest.ErrAlreadyRequested, "under review")
	w.Ask(requesttest.Ben, requesttest.Mentor)
	w.Ask(requesttest.Anu, requesttest.SessionManager) // another person, another role

	decide(t, w, requesttest.AdminOne, first.ID, models.RoleRequestRejected)
	second := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.NotEqual(t, first.ID, second.ID, "after a rejection")
	require.NoError(t, w.Requests.Withdraw(w.As(requesttest.Anu), second.ID))
	third := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.NotEqual(t, second.ID, third.ID, "after a withdrawal")

	w.Shift(31 * day) // no job has run
	fourth := w.Ask(requesttest.Anu, requesttest.Mentor)
	require.NotEqual(t, third.ID, fourth.ID, "after the deadline")
	require.Equal(t, models.RoleRequestExpired, w.Row(third.ID).Status)
	require.Equal(t, models.ProcessCompleted, w.Process(third).State)

	decide(t, w, requesttest.AdminOne, fourth.ID, models.RoleRequestApproved)
	again, err := ask()
	require.NoError(t, err)
	require.Equal(t, fourth.ID, again.ID, "after an approval the old request comes back")
	require.Equal(t, models.RoleRequestApproved, again.Status)
	require.Equal(t, 1, w.Count(`processes WHERE subject_id = @id`, store.Args{"id": fourth.ID}))
}

func TestParallelRequestsGiveOne(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	ctx := w.As(requesttest.Anu)
	var made, refused atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			switch _, err := w.Requests.Ask(ctx, rolerequest.Ask{RoleID: requesttest.Mentor}); {
			case err == nil:
				made.Add(1)
			case models.KindOf(err) == models.KindConflict:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, made.Load())
	require.EqualValues(t, 99, refused.Load())
	require.Equal(t, 1, w.Count("role_requests", nil))
	require.Equal(t, 1, w.Count("processes", nil))
}

func TestNativeStart(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	ctx := w.As(requesttest.Anu)
	start := func(input, key string) (models.Process, error) {
		return w.Processes.Start(ctx, models.ProcessOrgRoleRequest, json.RawMessage(input), key)
	}
	p, err := start(`{"roleId": 2, "formData": {"a": 1}}`, "k1")
	require.NoError(t, err)
	require.JSONEq(t, `{"a": 1}`, string(w.Row(p.SubjectID).Meta))

	same, err := start(`{"roleId":2,"formData":{"a":1}}`, "k1")
	require.NoError(t, err)
	require.Equal(t, p.ID, same.ID, "the same request again")
	_, err = start(`{"roleId": 3}`, "k1")
	require.ErrorIs(t, err, process.ErrKeyReused)
	_, err = start(`{"roleId": 2}`, "k2")
	require.ErrorIs(t, err, rolerequest.ErrAlreadyRequested)
	for _, bad := range []string{``, `{}`, `{"roleId": "2"}`, `[]`, `{"roleId": -1}`} {
		_, err = start(bad, "")
		require.Equal(t, models.KindInvalid, models.KindOf(err), bad)
	}
	var ids sync.Map
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			q, err := start(`{"roleId": 3}`, "k3")
			if err != nil {
				t.Error(err)
			}
			ids.Store(q.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n, "one key in parallel is one process")

	_, err = w.Processes.Retry(ctx, p.ID)
	require.ErrorIs(t, err, process.ErrNotEnded)
	decide(t, w, requesttest.AdminTwo, p.SubjectID, models.RoleRequestApproved)
	granted, err := start(`{"roleId": 2}`, "k4")
	require.NoError(t, err)
	require.Equal(t, p.ID, granted.ID)
}

func TestAskStatements(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	ctx := w.As(requesttest.Anu)
	before := w.DB.Statements()
	_, err := w.Requests.Ask(ctx, rolerequest.Ask{RoleID: requesttest.Mentor})
	require.NoError(t, err)
	require.LessOrEqual(t, w.DB.Statements()-before, int64(8))
}
