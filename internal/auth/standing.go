package auth

import (
	"context"
	"fmt"

	"quad/internal/store"
	"quad/models"
)

// standing is what the statement of every request tells of whether a person may
// use the hub.
type standing struct {
	open bool // user and account are ACTIVE
	home bool // the home organization is ACTIVE
}

// usable is the rule who may use the hub: an ACTIVE person of an ACTIVE account
// who is an administrator of it or belongs to at least one ACTIVE organization.
// Nearly everybody's home is one of them, so that the other organizations are
// asked for only when it is not.
func (s *Service) usable(ctx context.Context, i Identity, st standing) (bool, error) {
	switch {
	case !st.open:
		return false, nil
	case st.home, i.Principal.Has(models.RoleAdmin):
		return true, nil
	case i.Membership != nil:
		return len(i.Membership.Organizations) > 0, nil
	}
	ids, err := s.memberships(store.WithAccount(ctx, i.User.AccountID), i.User.ID)
	return len(ids) > 0, err
}

// Membership is what a person belongs to.
type Membership struct {
	// Tenant is the home organization; nil when that is the account's default one.
	Tenant *int64
	// Organizations are the ACTIVE ones other than the default one, the home first, then by
	// the time of joining.
	Organizations []int64
}

// reach is what a person sees.
func (i Identity) reach() Reach {
	return Reach{All: i.Principal.Has(models.RoleAdmin), Organizations: i.Membership.Organizations}
}

// memberOf are the ACTIVE organizations of user u, the home before the others.
const memberOf = `SELECT o.id FROM (SELECT u.organization_id AS id, CAST(NULL AS timestamptz) AS since
			UNION ALL SELECT m.organization_id, m.created_at FROM user_organizations m
				WHERE m.user_id = u.id AND m.organization_id <> u.organization_id) m
		JOIN organizations o ON o.id = m.id AND o.status = 'ACTIVE' AND NOT o.is_default
		ORDER BY m.since NULLS FIRST, o.id`

// memberSelect reads the parts of a person's name and a Membership, besides
// identitySelect. It is apart because few doors show them and every request
// would pay for them.
const memberSelect = `u.first_name, u.last_name,
	(SELECT o.id FROM organizations o WHERE o.id = u.organization_id AND NOT o.is_default), ARRAY(` + memberOf + `)`

// memberships gives the ACTIVE organizations of a user: one statement.
func (s *Service) memberships(ctx context.Context, userID int64) ([]int64, error) {
	var ids []int64
	err := s.db.Query(ctx, &ids, `SELECT unnest(ARRAY(`+memberOf+`)) FROM users u
		WHERE u.id = CAST(@user AS bigint) AND u.account_id = @account_id`, store.Args{"user": userID})
	if err != nil {
		return nil, fmt.Errorf("auth: memberships: %w", err)
	}
	return ids, nil
}
