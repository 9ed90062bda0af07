package elevate_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// group is a line of the lists of people.
type group struct {
	Key    string
	Values []entry
}

type entry struct {
	UnderscoreID int64  `json:"_id"`
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	Email        string `json:"email"`
	Organization struct{ Code string }
}

// groups reads a list of people: key and names of each group.
func groups(t *testing.T, a contracttest.Answer) (keys []string, all []entry, count int) {
	t.Helper()
	var body struct {
		Result struct {
			Data  []group
			Count int
		}
	}
	a.JSON(t, &body)
	for _, g := range body.Result.Data {
		keys = append(keys, g.Key)
		all = append(all, g.Values...)
		for _, e := range g.Values {
			require.Equal(t, e.ID, e.UnderscoreID)
		}
	}
	return keys, all, body.Result.Count
}

func names(t *testing.T, a contracttest.Answer) []string {
	t.Helper()
	_, all, _ := groups(t, a)
	out := []string{}
	for _, e := range all {
		out = append(out, e.Name)
	}
	return out
}

// mentors adds people of a second organization of the account, and one of
// another account.
func (w *world) mentors(t *testing.T, names ...string) map[string]int64 {
	t.Helper()
	ids := map[string]int64{}
	for i, name := range names {
		p, err := w.People.EnsureUser(w.Context(), people.NewUser{
			Name: name, Email: "mentor" + strconv.Itoa(i) + "@example.test", OrganizationID: w.other.ID, Roles: []string{models.RoleMentor},
		})
		require.NoError(t, err)
		ids[name] = p.User.ID
	}
	account, organization := w.NewAccount("elsewhere.test")
	w.NewPerson(account.ID, organization.ID, "foreign", models.RoleMentor)
	return ids
}

func TestListUsers(t *testing.T) {
	w := newWorld(t, nil)
	ids := w.mentors(t, "zoe", "anna", "Bob", "Anton", "éva", "Éric", "gone")
	_, err := w.People.DeactivateUsers(w.AdminContext(w.admin), ids["gone"])
	require.NoError(t, err)
	me := w.as(t, w.user)
	const list = "/user/v1/account/list"

	a := me.Do(t, 200, "GET", list+"?userType=mentor", nil)
	require.Equal(t, "Mentor list fetched successfully.", a.Text(t, "message"))
	keys, all, count := groups(t, a)
	require.Equal(t, []string{"A", "B", "Z", "É"}, keys)
	require.Equal(t, []string{"anna", "Anton", "Bob", "zoe", "Éric", "éva"}, names(t, a))
	require.Equal(t, 6, count, "people, not groups")
	require.Equal(t, "other", all[0].Organization.Code)
	require.NotContains(t, string(a.Body), "@", "addresses are for those who manage")

	a = me.Do(t, 200, "GET", list+"?userType=mentor&page=2&limit=4", nil)
	require.Equal(t, []string{"Éric", "éva"}, names(t, a))
	a = me.Do(t, 200, "GET", list+"?userType=mentor&page=-1&limit=101", nil)
	require.Len(t, names(t, a), 6, "what is out of range falls back")
	a = me.Do(t, 200, "GET", list+"?userType=mentor&page=3&limit=4", nil)
	require.Empty(t, names(t, a))
	_, _, count = groups(t, a)
	require.Equal(t, 6, count)
	require.Equal(t, []string{"anna", "Anton"}, names(t, me.Do(t, 200, "GET", list+"?userType=mentor&search=AN", nil)))
	require.Equal(t, []string{"éva"}, names(t, me.Do(t, 200, "GET", list+"?userType=mentor&search="+url.QueryEscape("ÉV"), nil)))
	for _, none := range []string{"search=nna", "search=%25", "search=_", "search=%27%3B--"} {
		require.Empty(t, names(t, me.Do(t, 200, "GET", list+"?userType=mentor&"+none, nil)), none)
	}

	a = me.Do(t, 200, "GET", list+"?type=mentee", nil)
	require.Equal(t, "Mentee list fetched successfully.", a.Text(t, "message"))
	require.Equal(t, []string{"user"}, names(t, a), "type is another name of it")
	a = me.Do(t, 200, "GET", list+"?userType=org_admin", nil)
	require.Equal(t, "User list fetched successfully.", a.Text(t, "message"))
	require.Equal(t, []string{"orgadmin", "otheradmin"}, names(t, a))
	require.Empty(t, names(t, me.Do(t, 200, "GET", list+"?userType=nothing", nil)))

	admins := w.as(t, w.admin).Do(t, 200, "GET", list+"?userType=mentor", nil)
	_, all, _ = groups(t, admins)
	require.Equal(t, "mentor1@example.test", all[0].Email)
	_, all, _ = groups(t, w.as(t, w.orgAdmin).Do(t, 200, "GET", list+"?userType=mentor", nil))
	require.Empty(t, all[0].Email, "of another organization")

	for _, query := range []string{"", "?userType=", "?userType=%20"} {
		a = me.Do(t, 422, "GET", list+query, nil)
		require.Equal(t, []string{"query.userType"}, params(t, a))
		require.Contains(t, string(a.Body), "type can not be null")
	}
	fails(t, w.anyone().Do(t, 401, "GET", list+"?userType=mentor", nil), "UNAUTHORIZED", "Unauthorized request")
}

func TestSearchUsers(t *testing.T) {
	w := newWorld(t, nil)
	ids := w.mentors(t, "zoe", "anna", "Bob", "Anton")
	me := w.as(t, w.user)
	const search = "/user/v1/account/search"
	for _, method := range []string{"GET", "POST"} {
		find := func(query string, body any) []string {
			t.Helper()
			return names(t, me.Do(t, 200, method, search+query, body))
		}
		require.Equal(t, []string{"anna", "Anton", "Bob", "zoe"}, find("?type=mentor", nil))
		require.Equal(t, []string{"anna", "Anton", "Bob", "orgadmin", "otheradmin", "zoe"}, find("?type=mentor,%20org_admin", nil))
		require.Equal(t, []string{"admin", "anna", "Anton", "Bob", "orgadmin", "otheradmin", "user", "zoe"}, find("?type=all", nil))
		require.Equal(t, []string{"anna"}, find("?type=all&search=NNA", nil))
		require.Equal(t, []string{"Bob", "zoe"}, find("?type=all&search="+url.QueryEscape("MENTOR0@example.test, mentor2@example.test"), nil))
		require.Equal(t, []string{"Anton"}, find("?type=mentor&page=2&limit=1", nil))
		require.Equal(t, []string{"anna", "zoe"}, find("?type=all", object{"user_ids": []any{strconv.FormatInt(ids["zoe"], 10), ids["anna"], "x", "-1", 1.5}}))
		require.Equal(t, []string{"Anton", "Bob", "zoe"}, find("?type=all", object{"user_ids": []any{ids["zoe"]}, "email_ids": []any{"Mentor3@example.test", "mentor2@example.test", "foreign@example.test", 7}}))
		require.Equal(t, []string{"zoe"}, find("?type=all", object{"user_ids": []any{ids["zoe"], ids["Bob"]}, "email_ids": []any{"mentor2@example.test"}, "excluded_user_ids": []any{ids["Bob"]}}))
		require.Empty(t, find("?type=all", object{"user_ids": []any{"none"}}))
		require.Equal(t, []string{"Anton", "Bob", "zoe"}, find("?type=mentor", object{"user_ids": []any{}, "email_ids": nil, "excluded_user_ids": []any{ids["anna"]}}), "empty lists are no condition")
		require.Empty(t, find("?type=,", nil))

		require.Equal(t, []string{"query.type"}, params(t, me.Do(t, 422, method, search, nil)))
		require.ElementsMatch(t, []string{"body.user_ids", "body.email_ids", "body.excluded_user_ids"},
			params(t, me.Do(t, 422, method, search+"?type=all", object{"user_ids": "1", "email_ids": []any{true}, "excluded_user_ids": []any{object{}}})))
		require.Equal(t, []string{"body.user_ids"}, params(t, me.Do(t, 422, method, search+"?type=all", object{"user_ids": make([]int, 1001)})))
		require.Equal(t, 400, me.Status(t.Context(), method, search+"?type=all", `{"user_ids":`))
		fails(t, w.anyone().Do(t, 401, method, search+"?type=all", nil), "UNAUTHORIZED", "Unauthorized request")
	}
}

func TestUpdateUser(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	const update = "/user/v1/user/update"
	a := me.Do(t, 200, "PATCH", update, object{
		"name": " John ", "location": []string{"ap"}, "about": "Experienced Teacher", "has_accepted_terms_and_conditions": true,
		"gender": "male", "image": "https://cloudstorage.com/container/abc.png", "languages": []string{"en_in", "hi"}, "preferred_language": "hi",
		// Read-only or unknown: ignored.
		"id": 1, "status": "INACTIVE", "roles": []int{1}, "password": "short", "organization_id": w.other.ID, "share_link": "mine", "nothing": object{},
	})
	require.Equal(t, "Profile updated successfully.", a.Text(t, "message"))
	require.Equal(t, "John", a.Text(t, "result.name"))
	require.Equal(t, "ACTIVE", a.Text(t, "result.status"))
	require.Equal(t, strconv.FormatInt(w.Organization.ID, 10), a.Text(t, "result.organization_id"))
	require.Equal(t, "hi", a.Text(t, "result.preferred_language.value"))
	require.NotEmpty(t, a.Text(t, "result.preferred_language.label"))

	profile := w.as(t, w.user).Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil)
	require.Equal(t, "Experienced Teacher", profile.Text(t, "result.about"))
	require.Equal(t, "male", profile.Text(t, "result.gender.value"))
	require.Equal(t, "true", profile.Text(t, "result.has_accepted_terms_and_conditions"))
	require.Empty(t, profile.Text(t, "result.share_link"))
	require.Equal(t, "mentee", profile.Text(t, "result.role"))

	a = me.Do(t, 200, "PATCH", update, object{"about": "", "gender": nil})
	require.Equal(t, "John", a.Text(t, "result.name"), "absent fields stay")
	profile = me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil)
	require.Empty(t, profile.Text(t, "result.about"))
	require.Equal(t, "male", profile.Text(t, "result.gender.value"))
	me.Do(t, 200, "PATCH", update, object{})

	for _, email := range []any{w.user.Email, "other@example.test", nil} {
		fails(t, me.Do(t, 400, "PATCH", update, object{"name": "Jane", "email": email}), "CLIENT_ERROR", "You can not update email.")
	}
	a = me.Do(t, 422, "PATCH", update, object{
		"name": " ", "about": 1, "gender": strings.Repeat("g", 65), "location": "ap", "languages": []any{1}, "preferred_language": "", "has_accepted_terms_and_conditions": "yes", "image": object{},
	})
	require.Subset(t, params(t, a), []string{"body.name", "body.about", "body.location", "body.languages", "body.preferred_language", "body.has_accepted_terms_and_conditions", "body.image"})
	require.Equal(t, []string{"body.gender"}, params(t, me.Do(t, 422, "PATCH", update, object{"gender": strings.Repeat("g", 65)})))
	require.Equal(t, []string{"body.about"}, params(t, me.Do(t, 422, "PATCH", update, object{"about": strings.Repeat("g", 2001)})))
	fails(t, w.anyone().Do(t, 401, "PATCH", update, object{"name": "Jane"}), "UNAUTHORIZED", "Unauthorized request")
	require.Equal(t, "John", me.Do(t, 200, "GET", path("/user/v1/user/read/%d", w.user.ID), nil).Text(t, "result.name"), "nothing of that was written")
}

func TestCodesOfClosedLists(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	me.Do(t, 200, "PATCH", "/user/v1/user/update", object{"gender": "anything"})
	_, err := w.DB.Exec(w.Context(), `UPDATE entity_types SET allow_custom_entities = false WHERE account_id = @account_id`, nil)
	require.NoError(t, err)
	me = w.as(t, w.user)
	codes := object{"gender": "robot", "location": []string{"wb", "moon"}, "languages": []string{"xx"}, "preferred_language": "klingon"}
	for _, path := range []string{"/user/v1/user/update", "/user/v1/user/setLanguagePreference"} {
		require.ElementsMatch(t, []string{"body.gender", "body.location", "body.languages", "body.preferred_language"}, params(t, me.Do(t, 422, "PATCH", path, codes)))
	}
	me.Do(t, 200, "PATCH", "/user/v1/user/update", object{"gender": "anything", "about": "what was stored before may stay"})
	me.Do(t, 200, "PATCH", "/user/v1/user/update", object{"gender": "female", "location": []string{"wb"}, "languages": []string{"hi", "en"}})
	a := me.Do(t, 200, "PATCH", "/user/v1/user/setLanguagePreference", object{"preferred_language": "hi"})
	require.Equal(t, "Hindi", a.Text(t, "result.preferred_language.label"))
}

func TestSetLanguagePreference(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	const set = "/user/v1/user/setLanguagePreference"
	a := me.Do(t, 200, "PATCH", set, object{"preferred_language": "hi"})
	require.Equal(t, "hi", a.Text(t, "result.preferred_language.value"))
	require.Equal(t, "hi", w.signIn(t, w.user).Text(t, "result.user.preferred_language.value"))
	a = me.Do(t, 200, "PATCH", set, object{"name": "John", "about": "A teacher"})
	require.Equal(t, "hi", a.Text(t, "result.preferred_language.value"))
	require.Equal(t, "John", a.Text(t, "result.name"), "the fields of the profile count as well")
	for _, body := range []object{{}, {"preferred_language": nil}, {"preferred_language": " "}, {"nothing": 1}} {
		require.Equal(t, []string{"body.preferred_language"}, params(t, me.Do(t, 422, "PATCH", set, body)), body)
	}
	fails(t, me.Do(t, 400, "PATCH", set, object{"email": "x@example.test"}), "CLIENT_ERROR", "You can not update email.")
}

func TestShareUserProfile(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)
	share := path("/user/v1/user/share/%d", w.orgAdmin.ID)
	a := me.Do(t, 200, "GET", share, nil)
	link := a.Text(t, "result.share_link")
	require.Regexp(t, `^[0-9a-f]{32}$`, link)
	require.Equal(t, link, a.Text(t, "result.shareLink"))
	require.Equal(t, link, w.as(t, w.admin).Do(t, 200, "GET", share, nil).Text(t, "result.share_link"), "made once")
	require.Equal(t, path("%d", w.orgAdmin.ID), me.Do(t, 200, "GET", "/user/v1/user/read/"+link, nil).Text(t, "result.id"))
	for _, id := range []string{"999999999", "0", "x", "99999999999999999999"} {
		fails(t, me.Do(t, 400, "GET", "/user/v1/user/share/"+id, nil), "CLIENT_ERROR", "User doesn't exist.")
	}
	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleMentee)
	fails(t, me.Do(t, 400, "GET", path("/user/v1/user/share/%d", stranger.ID), nil), "CLIENT_ERROR", "User doesn't exist.")
}

func TestStatementsOfAccountsAndPeople(t *testing.T) {
	w := newWorld(t, nil)
	w.mentors(t, "anna", "Bob")
	me, c := w.as(t, w.user), w.anyone()
	statements := func(do func()) int64 {
		before := w.DB.Statements()
		do()
		return w.DB.Statements() - before
	}
	me.Do(t, 200, "GET", "/user/v1/account/list?userType=mentor", nil)                                // permissions are cached from here on
	me.Do(t, 200, "PATCH", "/user/v1/user/setLanguagePreference", object{"preferred_language": "hi"}) // and the label of this one
	c.Do(t, 200, "POST", "/user/v1/account/generateOtp", object{"email": "nobody@example.test", "password": freshPassword})
	for _, op := range []struct {
		name   string
		most   int64 // with the one of authentication
		status int
		client contracttest.Client
		method string
		path   string
		body   any
	}{
		{"list", 3, 200, me, "GET", "/user/v1/account/list?userType=mentor&search=a", nil},
		{"search", 3, 200, me, "POST", "/user/v1/account/search?type=all&search=a", object{"excluded_user_ids": []int{1}}},
		{"profile", 4, 200, me, "PATCH", "/user/v1/user/update", object{"name": "John", "gender": "male"}},
		{"language", 4, 200, me, "PATCH", "/user/v1/user/setLanguagePreference", object{"preferred_language": "hi"}},
		{"terms", 3, 200, me, "PATCH", "/user/v1/account/acceptTermsAndCondition", nil},
		{"terms again", 1, 200, me, "PATCH", "/user/v1/account/acceptTermsAndCondition", nil},
		{"share", 3, 200, me, "GET", path("/user/v1/user/share/%d", w.admin.ID), nil},
		{"share again", 2, 200, me, "GET", path("/user/v1/user/share/%d", w.admin.ID), nil},
		{"reset code", 6, 200, c, "POST", "/user/v1/account/generateOtp", object{"email": w.orgAdmin.Email, "password": freshPassword}},
		{"reset, wrong code", 1, 401, c, "POST", "/user/v1/account/resetPassword", object{"email": newEmail(), "password": freshPassword, "otp": "123456"}},
	} {
		n := statements(func() { op.client.Do(t, op.status, op.method, op.path, op.body) })
		require.LessOrEqual(t, n, op.most, op.name)
	}
	var id int64
	require.NoError(t, w.DB.Query(w.Context(), &id, `SELECT id FROM one_time_codes WHERE account_id = @account_id AND email = @email AND ended_at IS NULL`,
		store.Args{"email": w.orgAdmin.Email}))
	code, err := w.Auth.Code(w.Context(), id)
	require.NoError(t, err)
	n := statements(func() {
		c.Do(t, 200, "POST", "/user/v1/account/resetPassword", object{"email": w.orgAdmin.Email, "password": freshPassword, "otp": code})
	})
	require.LessOrEqual(t, n, int64(9), "reset")
}
