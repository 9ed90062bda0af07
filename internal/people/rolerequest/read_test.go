package rolerequest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

func TestList(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	a := w.Ask(requesttest.Anu, requesttest.Mentor)
	b := w.Ask(requesttest.Ben, requesttest.Mentor)
	c := w.Ask(requesttest.Ben, requesttest.SessionManager)
	w.Ask(requesttest.AccountAdmin, requesttest.Mentor) // in the other organization
	decide(t, w, requesttest.AdminOne, a.ID, models.RoleRequestApproved)
	decide(t, w, requesttest.AdminTwo, b.ID, models.RoleRequestUnderReview)

	type filter = rolerequest.Filter
	list := func(f filter) ([]int64, int64) {
		page, count, err := w.Requests.List(w.As(requesttest.AdminOne), f)
		require.NoError(t, err)
		var ids []int64
		for _, v := range page {
			ids = append(ids, v.ID)
		}
		return ids, count
	}
	for name, x := range map[string]struct {
		filter filter
		ids    []int64
		count  int64
	}{
		"all, newest first":    {filter{}, []int64{c.ID, b.ID, a.ID}, 3},
		"role":                 {filter{RoleIDs: []int64{requesttest.Mentor, 999}}, []int64{b.ID, a.ID}, 2},
		"status":               {filter{Statuses: []models.RoleRequestStatus{models.RoleRequestApproved, models.RoleRequested}}, []int64{c.ID, a.ID}, 2},
		"handled by":           {filter{HandledBy: []int64{requesttest.AdminTwo}}, []int64{b.ID}, 1},
		"all three":            {filter{RoleIDs: []int64{requesttest.Mentor}, Statuses: []models.RoleRequestStatus{models.RoleRequestApproved}, HandledBy: []int64{requesttest.AdminOne}}, []int64{a.ID}, 1},
		"nothing":              {filter{RoleIDs: []int64{999}}, nil, 0},
		"second page":          {filter{Page: 2, Limit: 2}, []int64{a.ID}, 3},
		"behind the last page": {filter{Page: 9, Limit: 2}, nil, 3},
	} {
		ids, count := list(x.filter)
		require.Equal(t, x.ids, ids, name)
		require.Equal(t, x.count, count, name)
	}

	page, _, err := w.Requests.List(w.As(requesttest.AdminOne), filter{HandledBy: []int64{requesttest.AdminTwo}})
	require.NoError(t, err)
	require.Equal(t, rolerequest.Person{ID: requesttest.Ben, Name: "Ben", Email: "ben@school.test"}, page[0].Requester)
	require.Equal(t, &rolerequest.Person{ID: requesttest.AdminTwo, Name: "Two", Email: "two@school.test"}, page[0].Handler)
	require.Equal(t, "mentor", page[0].RoleTitle)

	w.Shift(31 * day)
	ids, count := list(filter{Statuses: []models.RoleRequestStatus{models.RoleRequestExpired}})
	require.Equal(t, []int64{c.ID, b.ID}, ids, "expired by the clock, no job has run")
	require.EqualValues(t, 2, count)
	ids, _ = list(filter{Statuses: []models.RoleRequestStatus{models.RoleRequested, models.RoleRequestUnderReview}})
	require.Empty(t, ids)

	_, count, err = w.Requests.List(w.As(requesttest.OtherAdmin), filter{})
	require.NoError(t, err)
	require.EqualValues(t, 1, count)
	_, count, err = w.Requests.List(w.As(requesttest.ForeignAdmin), filter{})
	require.NoError(t, err)
	require.Zero(t, count)
	for _, who := range []int64{requesttest.Anu, requesttest.AccountAdmin} {
		_, _, err = w.Requests.List(w.As(who), filter{})
		require.ErrorIs(t, err, models.ErrForbidden)
	}

	ctx := w.As(requesttest.AdminOne)
	before := w.DB.Statements()
	_, _, err = w.Requests.List(ctx, filter{})
	require.NoError(t, err)
	require.EqualValues(t, 2, w.DB.Statements()-before)
}

func TestDetails(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	decide(t, w, requesttest.AdminOne, r.ID, models.RoleRequestRejected, "not yet", "ask again in spring")
	ctx := w.As(requesttest.AdminTwo)
	before := w.DB.Statements()
	v, err := w.Requests.Get(ctx, r.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, w.DB.Statements()-before)
	require.Equal(t, w.Row(r.ID), v.RoleRequest)
	require.EqualValues(t, []string{"not yet", "ask again in spring"}, v.Comments)
	require.JSONEq(t, `{"why": "teaching"}`, string(v.Meta))
	require.Equal(t, "One", v.Handler.Name)
	for _, who := range []int64{requesttest.Anu, requesttest.AccountAdmin} {
		_, err := w.Requests.Get(w.As(who), r.ID)
		require.NoError(t, err)
	}
	for _, who := range []int64{requesttest.Ben, requesttest.OtherAdmin, requesttest.ForeignAdmin} {
		_, err := w.Requests.Get(w.As(who), r.ID)
		require.ErrorIs(t, err, rolerequest.ErrNotFound)
	}
	_, err = w.Requests.Get(ctx, 999)
	require.ErrorIs(t, err, rolerequest.ErrNotFound)
}

func TestWhoHolds(t *testing.T) {
	w := requesttest.New(t, requesttest.Options{})
	r := w.Ask(requesttest.Anu, requesttest.Mentor)
	holders := func() (names []string) {
		h, err := w.Requests.WhoHolds(w.As(requesttest.Anu), r.ID)
		require.NoError(t, err)
		for _, p := range h.Holders {
			names = append(names, p.Name+" "+p.Role)
		}
		return names
	}
	require.Equal(t, []string{"One org_admin", "Two org_admin"}, holders())
	h, err := w.Requests.WhoHolds(w.As(requesttest.AdminOne), r.ID)
	require.NoError(t, err)
	require.Equal(t, models.RoleRequestRemind, h.Next)
	require.Equal(t, r.RemindAt, h.NextAt)
	require.Equal(t, r.ExpiresAt, h.Deadline)

	w.Exec(`UPDATE role_requests SET escalated_at = now()`, nil)
	w.Exec(`INSERT INTO user_roles (account_id, user_id, role_id) VALUES (1, 111, 5)`, nil)
	require.Equal(t, []string{"One org_admin", "Two org_admin", "Root admin"}, holders(), "each once")
	w.Exec(`UPDATE users SET status = 'INACTIVE' WHERE id = 112`, nil)
	require.Equal(t, []string{"One org_admin", "Root admin"}, holders())
	_, err = w.Requests.WhoHolds(w.As(requesttest.Ben), r.ID)
	require.ErrorIs(t, err, rolerequest.ErrNotFound)

	decide(t, w, requesttest.AdminOne, r.ID, models.RoleRequestApproved)
	require.Empty(t, holders(), "nobody holds a closed one")
}
