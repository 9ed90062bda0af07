package people_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// An org_admin finds the members of the own organizations, by their home or by
// another membership, in the list and one by one alike.
func TestMembersInReach(t *testing.T) {
	w := newWorld(t)
	o, err := w.AddOrganization(w.public, people.OrganizationInput{Name: "Tenant", Code: "tenant", Description: "x"})
	require.NoError(t, err)
	join := func(p people.Person) {
		w.exec(`INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization)`,
			store.Args{"account_id": w.account.ID, "user": p.User.ID, "organization": o.ID})
	}
	join(w.orgAdmin)
	join(w.learner)
	ctx := w.as(w.orgAdmin)
	list, err := w.Members(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
	for _, m := range list {
		one, err := w.Member(ctx, m.ID)
		require.NoError(t, err)
		require.Equal(t, m, one)
	}
	for _, p := range []people.Person{w.admin, w.stranger} {
		_, err = w.Member(ctx, p.User.ID)
		require.ErrorIs(t, err, people.ErrUserUnknown)
	}
	_, err = w.Members(w.as(w.learner))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = w.Member(w.as(w.admin), w.stranger.User.ID)
	require.ErrorIs(t, err, people.ErrUserUnknown, "another account's")
}
