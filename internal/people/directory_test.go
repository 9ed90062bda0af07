package people_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// listed gives the names of all pages, and checks the count against each page's.
func (w *world) listed(p people.Person, f people.DirectoryFilter) []string {
	w.t.Helper()
	out := []string{}
	ctx := w.as(p)
	for f.Page = 1; ; f.Page++ {
		page, count, err := w.Directory(ctx, f)
		require.NoError(w.t, err)
		for _, l := range page {
			out = append(out, l.Name)
		}
		if int64(len(out)) >= count {
			require.Len(w.t, out, int(count))
			return out
		}
		require.NotEmpty(w.t, page)
	}
}

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	ids := map[string]int64{}
	for _, name := range []string{"bela", "Anna", "Ängla", "anna_2", "Anna%", "BELA B", "éva", "Éva B", "1st"} {
		p, err := w.EnsureUser(w.public, people.NewUser{Name: name, Email: fmt.Sprintf("p%d@mail.test", len(ids)), OrganizationID: elsewhere.ID, Roles: []string{models.RoleMentor, models.RoleUser}})
		require.NoError(t, err)
		ids[name] = p.User.ID
	}
	gone := w.user(w.public, "gone", models.RoleMentor)
	_, err = w.DeactivateUsers(w.as(w.admin), gone.User.ID)
	require.NoError(t, err)
	mentors := []string{models.RoleMentor}

	byName := []string{"1st", "Anna", "Anna%", "anna_2", "bela", "BELA B", "Ängla", "éva", "Éva B"}
	for _, limit := range []int{1, 2, 4, 5, 0} { // the second half is read backwards
		require.Equal(t, byName, w.listed(w.learner, people.DirectoryFilter{Roles: mentors, Limit: limit}), "limit %d", limit)
	}
	require.Equal(t, append(slices.Clone(byName[:6]), "The admin", "The learner", "The orgadmin", "Ängla", "éva", "Éva B"),
		w.listed(w.learner, people.DirectoryFilter{}), "the inactive are not listed")
	require.Equal(t, byName, w.listed(w.learner, people.DirectoryFilter{Roles: []string{" MENTOR", "user", "nothing"}}), "each once")
	require.Equal(t, []string{"The admin", "The orgadmin", "The stranger"}, w.listed(w.stranger, people.DirectoryFilter{}), "another account's people")

	for start, want := range map[string][]string{
		"ANNA": {"Anna", "Anna%", "anna_2"}, "anna%": {"Anna%"}, "anna_": {"anna_2"}, "ÉV": {"éva", "Éva B"}, "nna": {}, " bela ": {"bela", "BELA B"}, `\`: {}, "\x00": {}, "\xff": {},
	} {
		require.Equal(t, want, w.listed(w.learner, people.DirectoryFilter{Roles: mentors, Start: start}), "start %q", start)
	}
	for part, want := range map[string][]string{
		"NNA": {"Anna", "Anna%", "anna_2"}, "%": {"Anna%"}, "_": {"anna_2"}, "VA": {"éva", "Éva B"}, "a b": {"BELA B", "Éva B"}, "a,b": {}, `\`: {}, "'; --": {}, "\x00": {},
		"P0@mail.test, p8@MAIL.test,": {"1st", "bela"}, "p0@mail.test": {"bela"}, "nobody@mail.test": {}, "p0@mail.test,ann": {},
	} {
		require.Equal(t, want, w.listed(w.learner, people.DirectoryFilter{Roles: mentors, Search: part}), "part %q", part)
	}

	list := func(f people.DirectoryFilter) []string { return w.listed(w.learner, f) }
	two := []int64{ids["Anna"], ids["bela"], w.stranger.User.ID, gone.User.ID, 1 << 60, -1}
	require.Equal(t, []string{"Anna", "bela"}, list(people.DirectoryFilter{IDs: two}))
	require.Equal(t, []string{"Anna", "bela", "Éva B"}, list(people.DirectoryFilter{IDs: two, Emails: []string{"P7@mail.test ", "stranger@mail.test", "none\x00", ""}}), "they widen each other")
	require.Equal(t, []string{"Éva B"}, list(people.DirectoryFilter{Emails: []string{"p7@mail.test"}}))
	require.Equal(t, []string{"bela"}, list(people.DirectoryFilter{IDs: two, Emails: []string{"p1@mail.test"}, Excluded: []int64{ids["Anna"]}}), "exclusions win")
	require.Equal(t, []string{"bela"}, list(people.DirectoryFilter{IDs: two, Search: "b", Roles: mentors}))
	require.Empty(t, list(people.DirectoryFilter{IDs: []int64{}}), "nobody is asked for")
	require.Empty(t, list(people.DirectoryFilter{Roles: []string{}}))
	require.Empty(t, list(people.DirectoryFilter{Roles: []string{"nothing"}}))
	require.Empty(t, list(people.DirectoryFilter{Roles: []string{"mentor\x00"}}))
	page, count, err := w.Directory(w.as(w.learner), people.DirectoryFilter{Roles: mentors, Page: 1 << 40, Limit: 4})
	require.NoError(t, err)
	require.Empty(t, page)
	require.EqualValues(t, len(byName), count, "behind the end")

	w.exec(`UPDATE roles SET status = 'INACTIVE' WHERE title = 'mentor'`, nil)
	require.Empty(t, list(people.DirectoryFilter{Roles: mentors}))
	_, _, err = w.Directory(w.public, people.DirectoryFilter{})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func TestDirectoryShowsAddressesToThoseWhoManage(t *testing.T) {
	w := newWorld(t)
	elsewhere, err := w.AddOrganization(w.public, organization("elsewhere"))
	require.NoError(t, err)
	far, err := w.EnsureUser(w.public, people.NewUser{Name: "Far", Email: "far@mail.test", OrganizationID: elsewhere.ID})
	require.NoError(t, err)
	shown := func(p people.Person) map[int64]string {
		out := map[int64]string{}
		page, _, err := w.Directory(w.as(p), people.DirectoryFilter{})
		require.NoError(t, err)
		for _, l := range page {
			out[l.ID] = l.Email
			require.NotEmpty(t, l.Organization.Code)
		}
		return out
	}
	require.Equal(t, map[int64]string{w.admin.User.ID: "", w.orgAdmin.User.ID: "", w.learner.User.ID: "learner@mail.test", far.User.ID: ""}, shown(w.learner))
	require.Equal(t, map[int64]string{w.admin.User.ID: "admin@mail.test", w.orgAdmin.User.ID: "orgadmin@mail.test", w.learner.User.ID: "learner@mail.test", far.User.ID: ""}, shown(w.orgAdmin))
	require.Equal(t, "far@mail.test", shown(w.admin)[far.User.ID])
}

// crowd adds n people to the account, every 50th of them not ACTIVE, every
// fourth a mentor.
func (w *world) crowd(n int) {
	w.t.Helper()
	w.exec(`INSERT INTO users (account_id, organization_id, email, name, status)
		SELECT @account, @organization, 'crowd-' || n || '@mail.test', 'Crowd ' || lpad(n::text, 6, '0'), CASE WHEN n % 50 = 0 THEN 'INACTIVE' ELSE 'ACTIVE' END
		FROM generate_series(1, @n) n`, store.Args{"account": w.account.ID, "organization": w.home.ID, "n": n})
	w.exec(`INSERT INTO user_roles (account_id, user_id, role_id) SELECT u.account_id, u.id, r.id FROM users u
		JOIN roles r ON r.account_id = u.account_id AND r.title = 'mentee' WHERE u.email LIKE 'crowd-%'`, nil)
	w.exec(`INSERT INTO user_roles (account_id, user_id, role_id) SELECT u.account_id, u.id, r.id FROM users u
		JOIN roles r ON r.account_id = u.account_id AND r.title = 'mentor' WHERE u.email LIKE 'crowd-%' AND substring(u.email FROM '\d+')::int % 4 = 1`, nil)
	w.exec(`VACUUM ANALYZE users, user_roles, roles`, nil)
}

// A hundred thousand people: every page is right, the last ones too, in two
// statements.
func TestDirectoryOfAHundredThousand(t *testing.T) {
	w := newWorld(t)
	const n = 102_000
	w.crowd(n)
	want := make([]string, 0, n)
	for i := 1; i <= n; i++ {
		if i%50 != 0 {
			want = append(want, fmt.Sprintf("Crowd %06d", i))
		}
	}
	ctx := w.as(w.learner)
	page := func(f people.DirectoryFilter) (names []string, count, statements int64) {
		before := w.db.Statements()
		got, count, err := w.Directory(ctx, f)
		require.NoError(t, err)
		for _, l := range got {
			names = append(names, l.Name)
		}
		return names, count, w.db.Statements() - before
	}
	mentees := []string{models.RoleMentee}
	for _, number := range []int{1, 2, 500, 501, 999, 1000} {
		names, count, statements := page(people.DirectoryFilter{Roles: mentees, Page: number})
		require.EqualValues(t, len(want)+1, count, "and the learner of the world")
		sofar := (number - 1) * 100
		require.Equal(t, want[sofar:min(sofar+100, len(want))][:50], names[:50], "page %d", number)
		require.EqualValues(t, 2, statements)
	}
	names, _, _ := page(people.DirectoryFilter{Roles: mentees, Page: 1000})
	require.Equal(t, append(slices.Clone(want[99_900:]), "The learner"), names, "the last page")
	names, count, statements := page(people.DirectoryFilter{Roles: mentees, Page: 1001})
	require.Empty(t, names)
	require.EqualValues(t, len(want)+1, count)
	require.EqualValues(t, 1, statements, "behind the end nothing is read")

	names, count, statements = page(people.DirectoryFilter{Search: "D 09999"})
	require.EqualValues(t, 10, count)
	require.Equal(t, want[slices.Index(want, "Crowd 099990"):][:10], names)
	require.EqualValues(t, 2, statements)
	names, count, statements = page(people.DirectoryFilter{Roles: []string{models.RoleMentor}, Start: "crowd 0999", Limit: 5, Page: 2})
	require.EqualValues(t, 25, count)
	require.Equal(t, []string{"Crowd 099921", "Crowd 099925", "Crowd 099929", "Crowd 099933", "Crowd 099937"}, names)
	require.EqualValues(t, 2, statements)
}
