package people

import (
	"context"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Refusals of memberships.
var (
	ErrMemberAlready = models.Refuse(models.KindConflict, "membership.exists", "the user is a member of this organization already")
	ErrNotMember     = models.Refuse(models.KindNotFound, "membership.unknown", "the user is not a member of this organization")
)

// MemberSQL is the condition that user u is a member of an organization in
// reach, or that the caller sees all: see auth.Reach.Args. For statements that
// GORM runs.
const MemberSQL = `(@reach_all OR u.organization_id = ANY(CAST(@reach_organizations AS bigint[])) OR EXISTS (SELECT FROM user_organizations m
		WHERE m.user_id = u.id AND m.organization_id = ANY(CAST(@reach_organizations AS bigint[]))))`

// Join makes a locked user a member of an organization that the transaction has
// locked too (organizations are locked before people), and tells whether they
// were none. Who was in the default organization moves: their first
// organization becomes their home. They stay org_admin if they are: who may call
// this knows that the role holds in every organization of a person.
func (s *Service) Join(ctx context.Context, u models.User, organizationID int64) (bool, error) {
	joined, err := s.enter(ctx, u, UserChange{OrganizationID: &organizationID, keepOrgAdmin: true})
	if err != nil || !joined {
		return false, err
	}
	return true, audit.Write(ctx, s.db, audit.Event{Action: "user.joined", SubjectType: "user", SubjectID: u.ID, OrganizationID: &organizationID})
}

// enter is Join without its event; the change names the organization.
func (s *Service) enter(ctx context.Context, u models.User, c UserChange) (bool, error) {
	if u.OrganizationID == *c.OrganizationID {
		return false, nil
	}
	args := store.Args{"user": u.ID, "organization": *c.OrganizationID, "home": u.OrganizationID}
	var atHome bool
	if err := s.db.Query(ctx, &atHome, `SELECT is_default FROM organizations WHERE account_id = @account_id AND id = @home`, args); err != nil {
		return false, fmt.Errorf("people: join: %w", err)
	}
	n, err := s.db.Exec(ctx, enterOrganization[atHome], args)
	switch {
	case err != nil:
		return false, fmt.Errorf("people: join: %w", err)
	case atHome:
		return n == 0, s.updateUser(ctx, u, c)
	}
	return n > 0, nil
}

// enterOrganization adds a membership. For who moves from the default
// organization, by true, it removes the one that the new home replaces.
var enterOrganization = map[bool]string{
	false: `INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @user, @organization) ON CONFLICT DO NOTHING`,
	true:  `DELETE FROM user_organizations WHERE account_id = @account_id AND user_id = @user AND organization_id = @organization`,
}

// Leave ends the membership of a locked user in an organization, and tells
// whether they were a member. Their home becomes the one of the organizations
// left, ACTIVE or not, that they have been in for the longest time; without any,
// the default one, and then they are not org_admin any more. What they belong to
// inside the organization ends in the same transaction (UsersLeft).
func (s *Service) Leave(ctx context.Context, u models.User, organizationID int64) (bool, error) {
	return s.leave(ctx, u, organizationID, true)
}

const leaveOrganization = `WITH gone AS (
		DELETE FROM user_organizations WHERE account_id = @account_id AND user_id = @user AND organization_id = @organization RETURNING 1
	), next AS (
		SELECT coalesce((SELECT uo.organization_id FROM user_organizations uo JOIN organizations o ON o.id = uo.organization_id
				WHERE uo.account_id = @account_id AND uo.user_id = @user AND uo.organization_id <> @organization
					AND (@inactive OR o.status = 'ACTIVE') AND NOT o.is_default
				ORDER BY uo.created_at, o.id LIMIT 1 FOR SHARE OF o),
			(SELECT id FROM organizations WHERE account_id = @account_id AND is_default)) AS id WHERE @at_home
	), moved AS (
		DELETE FROM user_organizations uo USING next WHERE uo.account_id = @account_id AND uo.user_id = @user AND uo.organization_id = next.id RETURNING 1
	)
	SELECT (SELECT count(*) FROM gone) AS gone, coalesce((SELECT id FROM next), 0) AS next, EXISTS (SELECT FROM moved) AS other`

// leave is Leave, or without any the rule for those to whom an INACTIVE
// organization does not exist and whose org_admins stay in one organization.
func (s *Service) leave(ctx context.Context, u models.User, organizationID int64, anyOrganization bool) (left bool, err error) {
	var out struct {
		Gone, Next int64
		Other      bool // Next is another membership
	}
	if err := s.db.Query(ctx, &out, leaveOrganization, store.Args{"user": u.ID, "organization": organizationID,
		"at_home": u.OrganizationID == organizationID, "inactive": anyOrganization}); err != nil {
		return false, fmt.Errorf("people: leave: %w", err)
	}
	switch {
	case out.Next != 0:
		err = s.updateUser(ctx, u, UserChange{OrganizationID: &out.Next, keepOrgAdmin: anyOrganization && out.Other})
	case out.Gone == 0:
		return false, nil
	default:
		_, err = s.db.Exec(ctx, `UPDATE users SET updated_at = now() WHERE id = @user AND account_id = @account_id`, store.Args{"user": u.ID})
	}
	if err != nil {
		return false, err
	}
	if err := audit.Write(ctx, s.db, audit.Event{Action: "user.left", SubjectType: "user", SubjectID: u.ID, OrganizationID: &organizationID}); err != nil {
		return false, err
	}
	return true, s.tell(ctx, Event{Kind: UsersLeft, OrganizationID: organizationID, UserIDs: []int64{u.ID}})
}

// standing is what decides what a caller may do to a person.
type standing struct {
	Member bool // of an organization in the caller's reach
	Free   bool // of none but the default one
	Admin  bool // of the account
}

// standingOf reads how a user stands to a caller with a reach.
func (s *Service) standingOf(ctx context.Context, userID int64, reach auth.Reach) (st standing, err error) {
	err = s.db.Query(ctx, &st, `SELECT `+MemberSQL+` AS member,
			o.is_default AND NOT EXISTS (SELECT FROM user_organizations f WHERE f.user_id = u.id) AS free,
			EXISTS (SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id
				AND lower(r.title) = @admin AND r.status = 'ACTIVE' AND r.deleted_at IS NULL) AS admin
		FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = @user AND u.account_id = @account_id`,
		reach.Args(store.Args{"user": userID, "admin": models.RoleAdmin}))
	if err != nil {
		return st, fmt.Errorf("people: standing: %w", err)
	}
	return st, nil
}

// Membership is that a person belongs to an organization.
type Membership struct {
	OrganizationID, UserID int64
	Since                  time.Time
}

// AssignToOrganization makes a user a member of an organization, for an admin or
// an org_admin who is a member of it. An org_admin finds the members of the own
// organizations and people who are in none. It holds at the user's next request.
// Errors: models.ErrForbidden (also for an admin of the account, by somebody who
// is none), ErrOrganizationUnknown, ErrUserUnknown, ErrMemberAlready.
func (s *Service) AssignToOrganization(ctx context.Context, organizationID, userID int64) (Membership, error) {
	m := Membership{OrganizationID: organizationID, UserID: userID, Since: time.Now().UTC().Truncate(time.Microsecond)}
	err := s.changeMembership(ctx, m, func(ctx context.Context, u models.User) error {
		joined, err := s.Join(ctx, u, organizationID)
		if err == nil && !joined {
			err = ErrMemberAlready
		}
		return err
	}, func(st standing) bool { return st.Member || st.Free })
	return m, err
}

// RemoveFromOrganization ends what AssignToOrganization began, see Leave. Errors:
// models.ErrForbidden, ErrOrganizationUnknown, ErrUserUnknown, ErrNotMember.
func (s *Service) RemoveFromOrganization(ctx context.Context, organizationID, userID int64) error {
	m := Membership{OrganizationID: organizationID, UserID: userID}
	return s.changeMembership(ctx, m, func(ctx context.Context, u models.User) error {
		left, err := s.Leave(ctx, u, organizationID)
		if err == nil && !left {
			err = ErrNotMember
		}
		return err
	}, func(st standing) bool { return st.Member })
}

// changeMembership runs a change in a transaction that has locked organization
// and user, if the caller may change the user.
func (s *Service) changeMembership(ctx context.Context, m Membership, change func(context.Context, models.User) error, finds func(standing) bool) error {
	caller, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		var o models.Organization
		if err := s.db.Query(ctx, &o, `SELECT * FROM organizations WHERE account_id = @account_id AND id = @id AND NOT is_default FOR SHARE`,
			store.Args{"id": m.OrganizationID}); err != nil {
			return err
		}
		if o.ID == 0 || !reach.Member(o.ID) {
			return ErrOrganizationUnknown
		}
		u, err := s.LockUser(ctx, ref.ByID(m.UserID))
		if err != nil {
			return err
		}
		st, err := s.standingOf(ctx, u.ID, reach)
		switch {
		case err != nil:
			return err
		case !finds(st):
			return ErrUserUnknown
		case st.Admin && !caller.Has(models.RoleAdmin):
			return models.ErrForbidden
		}
		return change(ctx, u)
	})
}

// adminWithReach gives a caller who administrates something, and what they
// reach. Errors: models.ErrForbidden for everyone else.
func (s *Service) adminWithReach(ctx context.Context) (auth.Principal, auth.Reach, error) {
	caller, err := auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin)
	if err != nil {
		return auth.Principal{}, auth.Reach{}, err
	}
	reach, err := s.auth.Reach(ctx)
	return caller, reach, err
}
