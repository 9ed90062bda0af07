package people

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// Refusals that protect those who administrate.
var (
	ErrLastAdmin         = models.Refuse(models.KindConflict, "account.last_admin", "this would leave the account without an active admin: make somebody else admin first")
	ErrAdminProtected    = models.Refuse(models.KindForbidden, "user.admin_protected", "only an admin of the account can deactivate one of its admins")
	ErrOtherOrganization = models.Refuse(models.KindConflict, "user.other_organization", "the user belongs to another organization")
)

// anyAdmin tells whether one of the users is an admin of the account. The
// transaction has locked their rows before, with a statement of its own, so
// that nobody becomes one meanwhile.
func (s *Service) anyAdmin(ctx context.Context, userIDs ...int64) (bool, error) {
	var found bool
	err := s.db.Query(ctx, &found, `SELECT EXISTS (SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id
		WHERE ur.account_id = @account_id AND ur.user_id = ANY(CAST(@ids AS bigint[]))
			AND lower(r.title) = @admin AND r.status = 'ACTIVE' AND r.deleted_at IS NULL)`,
		store.Args{"ids": pq.Int64Array(userIDs), "admin": models.RoleAdmin})
	return found, err
}

// someAdminStays ends a transaction that has taken an admin's access away.
// Whoever else does so at the same time waits here for the end of this one and
// then sees what it did: of two admins who deactivate each other one stays.
// Errors: ErrLastAdmin.
func (s *Service) someAdminStays(ctx context.Context) error {
	// One that does not collide with the foreign keys of new rows.
	if _, err := s.db.Exec(ctx, `SELECT id FROM accounts WHERE id = @account_id FOR NO KEY UPDATE`, nil); err != nil {
		return err
	}
	var stays bool
	// From the role to its few holders: OFFSET keeps the planner from walking
	// through all users instead.
	err := s.db.Query(ctx, &stays, `SELECT EXISTS (SELECT FROM roles r
		CROSS JOIN LATERAL (SELECT ur.user_id FROM user_roles ur WHERE ur.role_id = r.id OFFSET 0) held JOIN users u ON u.id = held.user_id
		WHERE r.account_id = @account_id AND lower(r.title) = @admin AND r.status = 'ACTIVE' AND r.deleted_at IS NULL AND u.status = 'ACTIVE')`,
		store.Args{"admin": models.RoleAdmin})
	if err == nil && !stays {
		err = ErrLastAdmin
	}
	return err
}

// OrgAdminAssignment names a user, by id or by e-mail address or by both, and
// the organization they are to administrate.
type OrgAdminAssignment struct {
	UserID         int64  // 0: named by Email
	Email          string // "": named by UserID
	OrganizationID int64
}

// AssignOrgAdmin makes an ACTIVE user administrator of an organization, for an
// admin. The user is one of that organization, or of the default one and moves
// then. It holds from the user's next request on; doing it again changes
// nothing. Errors: an invalid input, models.ErrForbidden,
// ErrOrganizationUnknown, ErrOrganizationClosed, ErrUserUnknown (also for one
// who is not ACTIVE), ErrOtherOrganization, ErrRoleUnknown.
func (s *Service) AssignOrgAdmin(ctx context.Context, a OrgAdminAssignment) (Person, error) {
	if err := requireAdmin(ctx); err != nil {
		return Person{}, err
	}
	if a.UserID == 0 && strings.TrimSpace(a.Email) == "" {
		return Person{}, models.Invalid(models.FieldError{Field: "user_id", Rule: input.Required, Text: "user_id or email is needed"})
	}
	var u struct {
		models.User
		AtHome bool // in the default organization
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		// The organization is locked before the user, as its deactivation does.
		if err := s.openOrganization(ctx, &a.OrganizationID); err != nil {
			return err
		}
		err := s.db.Query(ctx, &u, `SELECT u.*, o.is_default AS at_home FROM users u JOIN organizations o ON o.id = u.organization_id
			WHERE u.account_id = @account_id AND u.status = 'ACTIVE' AND (CAST(@id AS bigint) = 0 OR u.id = @id) AND (@email = '' OR u.email = @email)
			FOR NO KEY UPDATE OF u`, store.Args{"id": a.UserID, "email": models.NormalizeEmail(a.Email)})
		switch {
		case err != nil:
			return err
		case u.ID == 0:
			return ErrUserUnknown
		case u.OrganizationID != a.OrganizationID && !u.AtHome:
			return ErrOtherOrganization
		}
		if err := s.updateUser(ctx, u.User, UserChange{OrganizationID: &a.OrganizationID}); err != nil {
			return err
		}
		return s.giveOrgAdmin(ctx, u.ID, a.OrganizationID)
	})
	if err != nil {
		return Person{}, err
	}
	return s.stored(ctx, u.ID)
}

// giveOrgAdmin gives the role to a user whom the transaction has locked.
func (s *Service) giveOrgAdmin(ctx context.Context, userID, organizationID int64) error {
	roles, err := s.activeRoles(ctx, []string{models.RoleOrgAdmin})
	if err != nil {
		return err
	}
	n, err := s.db.Exec(ctx, `INSERT INTO user_roles (account_id, user_id, role_id) VALUES (@account_id, @user, @role) ON CONFLICT DO NOTHING`,
		store.Args{"user": userID, "role": roles[0].ID})
	if err != nil || n == 0 {
		return err
	}
	return audit.Write(ctx, s.db, audit.Event{Action: "role.granted", SubjectType: "user", SubjectID: userID, OrganizationID: &organizationID,
		Data: map[string]any{"role": models.RoleOrgAdmin}})
}
