package demo

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/devstack"
	"quad/internal/hub"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

// emptyHub is a hub on a database without any account.
func emptyHub(t *testing.T) *hub.Hub {
	t.Helper()
	cfg, err := config.FromMap(hubtest.Settings(t, testenv.SMTP(t)))
	require.NoError(t, err)
	h, err := hub.New(t.Context(), cfg, hub.Options{Role: "test"})
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

func keep(name string) (string, error) { return "password of " + name, nil }

func count(t *testing.T, h *hub.Hub, table string) (n int64) {
	t.Helper()
	require.NoError(t, h.DB.Query(store.AsSystem(t.Context()), &n, "SELECT count(*) FROM "+table, nil))
	return n
}

func TestSeed(t *testing.T) {
	h := emptyHub(t)
	data, made, err := Seed(t.Context(), h, keep)
	require.NoError(t, err)
	require.True(t, made)
	require.Equal(t, AccountName, data.Account.Name)
	require.Equal(t, OrganizationCode, data.Elevate.Organization.Code)
	require.Equal(t, "let me in", data.Elevate.AdminSecretCode)

	account, err := h.Auth.ResolveAccount(t.Context(), "anything.test")
	require.NoError(t, err)
	require.Equal(t, data.Account.ID, account)
	ctx := store.WithAccount(t.Context(), account)
	for _, c := range []struct{ email, password, role string }{
		{data.Hub.Email, data.Hub.Password, models.RoleAdmin},
		{data.Elevate.Admin.Email, data.Elevate.Admin.Password, models.RoleAdmin},
		{data.Elevate.OrgAdmin.Email, data.Elevate.OrgAdmin.Password, models.RoleOrgAdmin},
		{data.Elevate.User.Email, data.Elevate.User.Password, models.RoleMentee},
	} {
		in, err := h.People.SignIn(ctx, people.SignIn{Email: c.email, Password: c.password, Address: "127.0.0.1"})
		require.NoError(t, err, c.email)
		require.Len(t, in.Roles, 1)
		require.Equal(t, c.role, in.Roles[0].Title)
		require.Equal(t, data.Elevate.Organization.ID, in.User.OrganizationID)
	}

	// Who administers a tenant signs in to it.
	require.Equal(t, data.Hub, &data.MIS.SuperAdmin)
	in, err := h.People.SignIn(ctx, people.SignIn{Email: data.MIS.TenantAdmin.Email, Password: data.MIS.TenantAdmin.Password, Address: "127.0.0.1"})
	require.NoError(t, err)
	require.Equal(t, models.RoleOrgAdmin, in.Roles[0].Title)
	require.NotEqual(t, data.Elevate.Organization.ID, in.User.OrganizationID)
	for table, n := range map[string]int64{"projects": 4, "project_expenses": 8, "milestones": 9, "activities": 6, "surveys": 1, "survey_submissions": 5} {
		require.Equal(t, n, count(t, h, table), table)
	}

	// The other account is apart.
	other, err := h.Auth.ResolveAccount(t.Context(), OtherHost+":8080")
	require.NoError(t, err)
	require.NotEqual(t, account, other)
	stranger, err := h.Auth.CandidateByEmail(store.WithAccount(t.Context(), other), AdminEmail)
	require.NoError(t, err)
	require.False(t, stranger.Usable)

	// Each account has its own client.
	for client, owner := range map[devstack.DemoClient]int64{data.Enabley.DemoClient: account, data.Enabley.OtherAccount: other} {
		token, err := h.Auth.SignInClient(t.Context(), client.ClientKey, client.Secret)
		require.NoError(t, err)
		who, err := h.Auth.AuthenticateClientToken(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, owner, who.AccountID)
	}
	require.NotEmpty(t, data.Enabley.Hierarchy)
	named, err := h.People.SubAccount(ctx, data.Enabley.SubAccountName)
	require.NoError(t, err)
	require.Positive(t, named)

	// The second time finds what is there, though people have changed it.
	_, err = h.DB.Exec(ctx, `UPDATE users SET name = 'Somebody', status = 'INACTIVE' WHERE account_id = @account_id AND email = @email`, store.Args{"email": "yuki.tanaka@demo.test"})
	require.NoError(t, err)
	before := map[string]int64{}
	for _, table := range []string{"accounts", "organizations", "users", "user_roles", "user_credentials", "notifications", "audit_events"} {
		before[table] = count(t, h, table)
		require.Positive(t, before[table], table)
	}
	require.Equal(t, int64(4), before["organizations"])
	require.Equal(t, int64(44), before["users"])
	again, made, err := Seed(t.Context(), h, keep)
	require.NoError(t, err)
	require.False(t, made)
	require.Equal(t, data, again)
	for table, n := range before {
		require.Equal(t, n, count(t, h, table), table)
	}

	// A password that is not the kept one any more is not told.
	again, _, err = Seed(t.Context(), h, func(string) (string, error) { return "another", nil })
	require.NoError(t, err)
	require.Empty(t, again.Hub.Password)
	require.ErrorContains(t, Run(t.Context(), hubOf(again), nil), "the password of admin@demo.test is not known")
}

func TestManySeedersAtOnce(t *testing.T) {
	h := emptyHub(t)
	var group sync.WaitGroup
	var mu sync.Mutex
	makers := 0
	for range 5 {
		group.Go(func() {
			_, made, err := Seed(t.Context(), h, keep)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if made {
				makers++
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, makers)
	require.Equal(t, int64(44), count(t, h, "users"))
}

func TestNoDemoPeopleAmongRealOnes(t *testing.T) {
	e := hubtest.New(t, hubtest.Options{})
	_, _, err := Seed(t.Context(), e.Hub, keep)
	require.ErrorIs(t, err, ErrAccountInUse)
	require.Zero(t, count(t, e.Hub, "users"))

	h := emptyHub(t)
	account, home, err := h.People.EnsureAccount(t.Context(), people.AccountSpec{Name: AccountName, Default: true})
	require.NoError(t, err)
	_, err = h.People.EnsureUser(store.WithAccount(t.Context(), account.ID), people.NewUser{Name: "Real", Email: "real@real.test", OrganizationID: home.ID})
	require.NoError(t, err)
	_, _, err = Seed(t.Context(), h, keep)
	require.ErrorIs(t, err, ErrAccountInUse)
	require.Equal(t, int64(1), count(t, h, "users"))
}
