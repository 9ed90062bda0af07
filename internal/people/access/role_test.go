package access_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/access"
	"quad/internal/store"
	"quad/models"
)

func TestARoleFromCreationToDeletion(t *testing.T) {
	w := newWorld(t)
	r := w.role(" Reviewer ")
	require.Equal(t, "Reviewer", r.Title)
	require.Equal(t, "Reviewer", r.Label, "the label is the title unless it is given")
	require.Equal(t, w.home.ID, r.OrganizationID)
	require.EqualValues(t, 1, w.audited("role.created", r.ID))

	_, err := w.CreateRole(w.admin, access.RoleInput{Title: "reviewer", Status: "active", Visibility: "x"})
	require.ErrorIs(t, err, access.ErrRoleTaken)
	for _, title := range []string{"public", "Any"} { // everybody has them: a mapping of theirs must not be an accident
		_, err = w.CreateRole(w.admin, access.RoleInput{Title: title, Status: "ACTIVE", Visibility: "x"})
		require.ErrorIs(t, err, access.ErrRoleTaken)
		_, err = w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: title, Status: "ACTIVE", Visibility: "x"})
		require.ErrorIs(t, err, access.ErrRoleTaken)
	}

	// The permissions follow the title.
	p := w.permission("read_reports", "reports")
	_, err = w.GrantPermission(w.admin, r.ID, p.ID)
	require.NoError(t, err)
	require.True(t, w.allowed("GET", "/user/v1/reports/1", "Reviewer"))
	r, err = w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: "reviewer", Status: "active", Visibility: "PUBLIC"})
	require.NoError(t, err)
	require.True(t, w.allowed("GET", "/user/v1/reports/1", "reviewer"))
	r, err = w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: "Assessor", Status: "active", Visibility: "PUBLIC"})
	require.NoError(t, err)
	require.Equal(t, "Assessor", r.Label, "the label was the title")
	require.False(t, w.allowed("GET", "/user/v1/reports/1", "reviewer"))
	require.True(t, w.allowed("GET", "/user/v1/reports/1", "Assessor"))
	require.Empty(t, w.gone.ids)
	require.EqualValues(t, 2, w.audited("role.updated", r.ID))
	_, err = w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: "MENTOR", Status: "active", Visibility: "PUBLIC"})
	require.ErrorIs(t, err, access.ErrRoleTaken)

	require.NoError(t, w.DeleteRole(w.admin, r.ID))
	require.Equal(t, []int64{r.ID}, w.gone.ids)
	require.EqualValues(t, 1, w.audited("role.deleted", r.ID))
	require.ErrorIs(t, w.DeleteRole(w.admin, r.ID), access.ErrRoleUnknown)
	_, err = w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: "Assessor", Status: "ACTIVE", Visibility: "x"})
	require.ErrorIs(t, err, access.ErrRoleUnknown)

	// The title is free, and means nothing yet.
	again := w.role("assessor")
	require.NotEqual(t, r.ID, again.ID)
	require.False(t, w.allowed("GET", "/user/v1/reports/1", "assessor"))
}

func TestARoleThatCannotBeGivenAnyMoreIsGone(t *testing.T) {
	w := newWorld(t)
	r := w.role("reviewer")
	p := w.permission("read_reports", "reports")
	_, err := w.GrantPermission(w.admin, r.ID, p.ID)
	require.NoError(t, err)
	update := func(status models.Status, kind models.UserType) {
		_, err := w.UpdateRole(w.admin, r.ID, access.RoleInput{Title: "reviewer", Label: "Reviews", Status: status, UserType: kind, Visibility: "PUBLIC"})
		require.NoError(t, err)
	}
	update("ACTIVE", models.UserTypeOrdinary)
	require.Empty(t, w.gone.ids)
	update("inactive", models.UserTypeOrdinary)
	require.Equal(t, []int64{r.ID}, w.gone.ids)
	update("INACTIVE", models.UserTypeSystem)
	require.Len(t, w.gone.ids, 1, "it was gone before")
	update("ACTIVE", models.UserTypeOrdinary)
	require.True(t, w.allowed("GET", "/user/v1/reports/1", "reviewer"), "its permissions wait for it")
	update("ACTIVE", models.UserTypeSystem)
	require.Len(t, w.gone.ids, 2, "nobody asks for a system role")
}

func TestTheHubKeepsTheRolesItGoesBy(t *testing.T) {
	w := newWorld(t)
	for _, title := range []string{models.RoleAdmin, models.RoleOrgAdmin, models.RoleMentee} {
		id := w.shipped("roles", "title", title)
		kind := models.UserTypeOrdinary
		if title == models.RoleAdmin {
			kind = models.UserTypeSystem
		}
		require.ErrorIs(t, w.DeleteRole(w.admin, id), access.ErrRoleBuiltIn)
		for _, in := range []access.RoleInput{
			{Title: "boss", Status: "ACTIVE", UserType: kind}, {Title: title, Status: "INACTIVE", UserType: kind},
			{Title: title, Status: "ACTIVE", UserType: 1 - kind}, {Title: strings.ToUpper(title), Status: "ACTIVE", UserType: kind},
		} {
			in.Visibility = "PUBLIC"
			_, err := w.UpdateRole(w.admin, id, in)
			require.ErrorIs(t, err, access.ErrRoleBuiltIn)
		}
		r, err := w.UpdateRole(w.admin, id, access.RoleInput{Title: title, Label: "Called so", Status: "ACTIVE", UserType: kind, Visibility: "PRIVATE"})
		require.NoError(t, err)
		require.Equal(t, "Called so", r.Label)
	}
	for _, title := range []string{models.RoleUser, models.RoleMentor, models.RoleSessionManager} {
		require.NoError(t, w.DeleteRole(w.admin, w.shipped("roles", "title", title)))
	}
}

func TestOnlyAdminsOfTheOrganizationChangeARole(t *testing.T) {
	w := newWorld(t)
	r := w.role("reviewer")
	in := access.RoleInput{Title: "other", Status: "ACTIVE", Visibility: "x"}
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"learner": {w.learner, models.ErrForbidden}, "admin of another organization": {w.otherAdmin, access.ErrRoleUnknown},
		"admin of another account": {w.foreign, access.ErrRoleUnknown}, "nobody": {t.Context(), models.ErrUnauthenticated},
	} {
		_, err := w.UpdateRole(c.ctx, r.ID, in)
		require.ErrorIs(t, err, c.want, name)
		require.ErrorIs(t, w.DeleteRole(c.ctx, r.ID), c.want, name)
	}
	_, err := w.CreateRole(w.learner, in)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.CreateRole(w.foreign, access.RoleInput{Title: "reviewer", Status: "ACTIVE", Visibility: "x"})
	require.NoError(t, err, "a title is unique in its account")
}

func TestRulesOfARole(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateRole(w.admin, access.RoleInput{Title: " ", UserType: 2})
	require.ElementsMatch(t, []string{"title:required", "user_type:enum", "status:required", "visibility:required"}, rulesOf(t, err))
	_, err = w.CreateRole(w.admin, access.RoleInput{
		Title: "two words", Label: "nul\x00", Status: "gone", Visibility: strings.Repeat("x", access.MaxText+1),
	})
	require.ElementsMatch(t, []string{"title:no_space", "label:invalid", "status:enum", "visibility:too_long"}, rulesOf(t, err))
}

func TestOneOfManyWhoWantATitleGetsIt(t *testing.T) {
	w := newWorld(t)
	won, lost := race(t, access.ErrRoleTaken, func(int) error {
		_, err := w.CreateRole(w.admin, access.RoleInput{Title: "reviewer", Status: "ACTIVE", Visibility: "PUBLIC"})
		return err
	})
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	id := w.shipped("roles", "title", "reviewer")
	won, lost = race(t, access.ErrRoleUnknown, func(int) error { return w.DeleteRole(w.admin, id) })
	require.Equal(t, [2]int{1, 49}, [2]int{won, lost})
	require.Len(t, w.gone.ids, 1)
	require.EqualValues(t, 1, w.audited("role.deleted", id))
}

// What letters are the same but for case is the database's affair.
func TestTitlesOfAllAlphabets(t *testing.T) {
	w := newWorld(t)
	p := w.permission("read_reports", "reports")
	for _, title := range []string{"Prüfer", "İnceleyici", "ΕΛΕΓΚΤΗΣ", "审查员", "a,b;c"} {
		r := w.role(title)
		_, err := w.GrantPermission(w.admin, r.ID, p.ID)
		require.NoError(t, err, title)
		require.True(t, w.allowed("GET", "/user/v1/reports/1", title))
		_, count, err := w.ListRoles(w.learner, access.RoleFilter{Page: access.Page{Search: title}})
		require.NoError(t, err)
		require.EqualValues(t, 1, count, title)
		require.NoError(t, w.WithdrawPermission(w.admin, r.ID, p.ID), title)
		require.False(t, w.allowed("GET", "/user/v1/reports/1", title))
		_, err = w.GrantPermission(w.admin, r.ID, p.ID)
		require.NoError(t, err)
		require.NoError(t, w.DeleteRole(w.admin, r.ID))
		require.Zero(t, w.count(`SELECT count(*) FROM role_permissions WHERE permission_id = @id`, store.Args{"id": p.ID}), title)
	}
}

// Whoever grants while the role goes has granted before, or nothing.
func TestNoMappingOutlivesItsRole(t *testing.T) {
	w := newWorld(t)
	p := w.permission("read_reports", "reports")
	for i := range 10 {
		r := w.role(fmt.Sprintf("role%d", i))
		granted := make(chan error, 1)
		go func() {
			_, err := w.GrantPermission(w.admin, r.ID, p.ID)
			granted <- err
		}()
		require.NoError(t, w.DeleteRole(w.admin, r.ID))
		if err := <-granted; err != nil {
			require.ErrorIs(t, err, access.ErrRoleUnknown)
		}
		require.Zero(t, w.count(`SELECT count(*) FROM role_permissions WHERE role_title = @title`, store.Args{"title": r.Title}))
	}
}

func TestListRoles(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateRole(w.otherAdmin, access.RoleInput{Title: "elsewhere", Status: "ACTIVE", Visibility: "PUBLIC"})
	require.NoError(t, err)
	w.role("100%_sure", func(in *access.RoleInput) { in.Status, in.Visibility = "INACTIVE", "Staff" })
	gone := w.role("zzz")
	require.NoError(t, w.DeleteRole(w.admin, gone.ID))
	system, ordinary, none := int64(1), int64(0), int64(-1)
	inactive, staff, odd := models.Status("inactive"), "staff", "\x00"
	for name, c := range map[string]struct {
		f    access.RoleFilter
		want []string
	}{
		"all":          {access.RoleFilter{}, []string{"100%_sure", "admin", "mentee", "mentor", "org_admin", "project_manager", "report_viewer", "session_manager", "user"}},
		"part, case":   {access.RoleFilter{Page: access.Page{Search: " MeNt "}}, []string{"mentee", "mentor"}},
		"no wildcards": {access.RoleFilter{Page: access.Page{Search: "%_"}}, []string{"100%_sure"}},
		"quotes":       {access.RoleFilter{Page: access.Page{Search: `'"\`}}, nil},
		"nul":          {access.RoleFilter{Page: access.Page{Search: "\x00"}}, nil},
		"no UTF-8":     {access.RoleFilter{Page: access.Page{Search: "\xff"}}, nil},
		"system":       {access.RoleFilter{UserType: &system}, []string{"admin"}},
		"ordinary":     {access.RoleFilter{UserType: &ordinary, Page: access.Page{Search: "or"}}, []string{"mentor", "org_admin", "report_viewer"}},
		"no type":      {access.RoleFilter{UserType: &none}, nil},
		"inactive":     {access.RoleFilter{Status: &inactive}, []string{"100%_sure"}},
		"visibility":   {access.RoleFilter{Visibility: &staff}, []string{"100%_sure"}},
		"nul again":    {access.RoleFilter{Visibility: &odd}, nil},
		"organization": {access.RoleFilter{OrganizationID: &none}, nil},
	} {
		page, count, err := w.ListRoles(w.learner, c.f)
		require.NoError(t, err, name)
		require.Equal(t, c.want, titles(page), name)
		require.Len(t, c.want, int(count), name)
	}
	page, count, err := w.ListRoles(w.otherAdmin, access.RoleFilter{Page: access.Page{Number: 2, Limit: 3}})
	require.NoError(t, err)
	require.EqualValues(t, 10, count)
	require.Equal(t, []string{"mentee", "mentor", "org_admin"}, titles(page))
	page, count, err = w.ListRoles(w.otherAdmin, access.RoleFilter{Page: access.Page{Number: 2_000_000_000, Limit: 1_000}})
	require.NoError(t, err)
	require.EqualValues(t, 10, count)
	require.Empty(t, page)
	_, _, err = w.ListRoles(t.Context(), access.RoleFilter{})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
}

func titles(roles []models.Role) []string {
	var out []string
	for _, r := range roles {
		out = append(out, r.Title)
	}
	return out
}
