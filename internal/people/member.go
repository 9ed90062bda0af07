package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/settings"
	"quad/internal/store"
	"quad/models"
)

// ErrRegistrationOff refuses who would register where people do not.
var ErrRegistrationOff = models.Refuse(models.KindForbidden, "user.registration_off", "registration is switched off")

// ErrOwnAccount refuses who would lock themselves out.
var ErrOwnAccount = models.Refuse(models.KindForbidden, "user.own_account", "you cannot delete or deactivate your own account")

// Registration is what a person gives to join without proof of the address.
type Registration struct {
	FirstName, LastName, Email, Password string
}

// Register makes a person of the default organization who has the default role
// and the role user. The address counts as not verified, so that no invitation
// and no domain gives them more. However many register with one address at the
// same time, one succeeds. Errors: an invalid input, ErrRegistrationOff,
// ErrEmailTaken.
func (s *Service) Register(ctx context.Context, in Registration) (Person, error) {
	u, err := s.newMember(ctx, in)
	if err != nil {
		return Person{}, err
	}
	on, err := s.wants(ctx, settings.RegistrationEnabled)
	switch {
	case err != nil:
		return Person{}, err
	case !on:
		return Person{}, ErrRegistrationOff
	}
	taken, err := s.emailTaken(ctx, u.Email)
	if err != nil {
		return Person{}, err
	}
	if taken {
		return Person{}, ErrEmailTaken
	}
	return s.createUser(ctx, u, "user.signed_up")
}

// newMember checks who registers or is made as a member.
func (s *Service) newMember(ctx context.Context, in Registration) (NewUser, error) {
	u := NewUser{FirstName: &in.FirstName, LastName: &in.LastName, Email: in.Email, Password: in.Password, Also: []string{models.RoleUser}}
	var r rules
	u.check(&r, true)
	if err := r.Err(); err != nil {
		return NewUser{}, err
	}
	welcome, err := s.wants(ctx, settings.WelcomeMail)
	u.noMail = !welcome
	return u, err
}

// AddMember makes a person for an administrator, in the organization named or
// else in the default one, with the default role and the role user. Errors: an
// invalid input, models.ErrForbidden, ErrOrganizationUnknown (also for the
// default one), ErrOrganizationClosed, ErrEmailTaken.
func (s *Service) AddMember(ctx context.Context, in Registration, organizationID *int64) (Person, error) {
	if err := requireAdmin(ctx); err != nil {
		return Person{}, err
	}
	u, err := s.newMember(ctx, in)
	if err != nil {
		return Person{}, err
	}
	if organizationID != nil {
		if err := s.exists(ctx, *organizationID); err != nil {
			return Person{}, err
		}
		u.OrganizationID = *organizationID
	}
	return s.createUser(ctx, u, userCreated)
}

// Member is a person as an administrator of organizations sees them.
type Member struct {
	ID                  int64
	Email               string // "" for who has none
	FirstName, LastName string
	Titles              []string // of the ACTIVE roles held, by id
	Tenant              *int64   // the home organization unless it is the default one
	Status              models.Status
	LastLoggedInAt      *time.Time
	CreatedAt           time.Time
	UpdatedAt           time.Time
}

// memberColumns are what scanMember reads, of users u.
const memberColumns = `SELECT u.id, coalesce(u.email, ''), ` + firstNameSQL + `, ` + lastNameSQL + `,
		ARRAY(SELECT r.title FROM user_roles ur JOIN roles r ON r.id = ur.role_id AND r.status = 'ACTIVE' AND r.deleted_at IS NULL
			WHERE ur.user_id = u.id ORDER BY r.id),
		o.id, u.status, u.last_logged_in_at, u.created_at, u.updated_at
	FROM users u LEFT JOIN organizations o ON o.id = u.organization_id AND NOT o.is_default
	WHERE u.account_id = @account_id AND u.status <> 'DELETED'`

// inReach is MemberSQL from the organizations to their people, for lists.
const inReach = ` AND u.id IN (SELECT h.id FROM users h WHERE h.organization_id = ANY(@organizations)
	UNION ALL SELECT m.user_id FROM user_organizations m WHERE m.organization_id = ANY(@organizations))`

// isInReach is inReach for one person, who may be one of very many.
const isInReach = ` AND (u.organization_id = ANY(@organizations)
	OR EXISTS (SELECT FROM user_organizations m WHERE m.user_id = u.id AND m.organization_id = ANY(@organizations)))`

// members reads people in the reach of the caller: everybody, or the one with
// the id. One statement. Errors: models.ErrForbidden for who administrates
// nothing.
func (s *Service) members(ctx context.Context, id *int64) ([]Member, error) {
	_, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return nil, err
	}
	condition, limit, args := "", inReach, store.Args{}
	if id != nil {
		condition, limit, args["id"] = ` AND u.id = @id`, isInReach, *id
	}
	if !reach.All {
		condition += limit
		args["organizations"] = slices.Concat([]int64{}, reach.Organizations)
	}
	list := []Member{}
	err = s.db.QueryRows(ctx, memberColumns+condition+` ORDER BY u.created_at DESC, u.id DESC`, args, func(row pgx.CollectableRow) error {
		var m Member
		err := row.Scan(&m.ID, &m.Email, &m.FirstName, &m.LastName, &m.Titles, &m.Tenant, (*string)(&m.Status), &m.LastLoggedInAt, &m.CreatedAt, &m.UpdatedAt)
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("people: members: %w", err)
	}
	return list, nil
}

// Members gives all people whom an administrator reaches, the newest first: an
// admin everybody, an org_admin the members of the own ACTIVE organizations. One
// statement. Errors: models.ErrForbidden.
func (s *Service) Members(ctx context.Context) ([]Member, error) {
	return s.members(ctx, nil)
}

// Member is Members for one of them. Errors: models.ErrForbidden, ErrUserUnknown.
func (s *Service) Member(ctx context.Context, id int64) (Member, error) {
	list, err := s.members(ctx, &id)
	if err == nil && len(list) == 0 {
		err = ErrUserUnknown
	}
	if err != nil {
		return Member{}, err
	}
	return list[0], nil
}

// MemberChange is what is to change of a person; nil stays as it is.
type MemberChange struct {
	FirstName, LastName *string
	Email               *string
	// Tenant is the new home organization, which takes the place of the old one;
	// cleared, the person leaves all their organizations. For admins.
	Tenant input.Field[int64]
	Active *bool
}

func (c *MemberChange) check() error {
	var r rules
	r.part("firstName", &c.FirstName)
	r.part("lastName", &c.LastName)
	if c.Email != nil {
		email := r.email("email", *c.Email)
		c.Email = &email
	}
	return r.Err()
}

// ChangeMember changes a person in the reach of an administrator. Who is
// deactivated loses their sessions. Errors: an invalid input,
// models.ErrForbidden (also for an admin of the account, by somebody who is
// none), ErrUserUnknown, ErrOwnAccount, ErrOrganizationUnknown,
// ErrOrganizationClosed, ErrEmailTaken, ErrLastAdmin.
func (s *Service) ChangeMember(ctx context.Context, id int64, c MemberChange) (Member, error) {
	caller, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return Member{}, err
	}
	if err := c.check(); err != nil {
		return Member{}, err
	}
	byAdmin := caller.Has(models.RoleAdmin)
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The organization is locked before the user, as its deactivation does.
		closed := s.openTenant(ctx, c.Tenant.Value)
		u, err := s.LockUser(ctx, ref.ByID(id))
		if err != nil {
			return err
		}
		st, err := s.standingOf(ctx, u.ID, reach)
		switch {
		case err != nil:
			return err
		case !st.Member:
			return ErrUserUnknown
		case !byAdmin && (st.Admin || c.Tenant.Sent):
			return models.ErrForbidden
		case c.Active != nil && !*c.Active && u.ID == caller.UserID:
			return ErrOwnAccount
		case closed != nil && (c.Tenant.Value == nil || *c.Tenant.Value != u.OrganizationID):
			return closed
		}
		if err := s.changeColumns(ctx, u, c); err != nil {
			return err
		}
		if err := s.rehome(ctx, u, c.Tenant); err != nil || c.Active == nil {
			return err
		}
		return s.setActive(ctx, u, *c.Active, byAdmin)
	})
	if err != nil {
		return Member{}, err
	}
	return s.Member(ctx, id)
}

// openTenant is openOrganization for organizations that can be named as a
// person's own.
func (s *Service) openTenant(ctx context.Context, id *int64) error {
	if id == nil {
		return nil
	}
	if err := s.openOrganization(ctx, id); err != nil {
		return err
	}
	return s.exists(ctx, *id)
}

// changeColumns writes what differs of names and address.
func (s *Service) changeColumns(ctx context.Context, u models.User, c MemberChange) error {
	set := map[string]any{}
	if err := nameColumns(set, u, c.FirstName, c.LastName); err != nil {
		return err
	}
	if c.Email != nil && (u.Email == nil || *u.Email != *c.Email) {
		set["email"], set["email_verified"] = *c.Email, false
	}
	if len(set) == 0 {
		return nil
	}
	changed := make([]string, 0, len(set))
	for column := range set {
		changed = append(changed, column)
	}
	slices.Sort(changed)
	set["updated_at"] = s.db.Conn(ctx).NowFunc()
	if err := s.db.Conn(ctx).Model(&models.User{}).Where("id = ?", u.ID).Updates(set).Error; err != nil {
		if taken(err) != nil { // an address may also be somebody's user name
			return ErrEmailTaken.With(err)
		}
		return fmt.Errorf("people: change member: %w", err)
	}
	return audit.Write(ctx, s.db, audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
		Data: map[string]any{"changed": changed}})
}

// rehome gives a locked user another home in the place of the one they had, or
// takes them out of all their organizations.
func (s *Service) rehome(ctx context.Context, u models.User, tenant input.Field[int64]) error {
	if !tenant.Sent || tenant.Value != nil && *tenant.Value == u.OrganizationID {
		return nil
	}
	if tenant.Value == nil {
		return s.leaveAll(ctx, u)
	}
	var fromTenant bool
	if err := s.db.Query(ctx, &fromTenant, `WITH double AS (
			DELETE FROM user_organizations WHERE account_id = @account_id AND user_id = @user AND organization_id IN (@organization, @home)
		)
		SELECT NOT is_default FROM organizations WHERE account_id = @account_id AND id = @home`,
		store.Args{"user": u.ID, "organization": *tenant.Value, "home": u.OrganizationID}); err != nil {
		return fmt.Errorf("people: new home: %w", err)
	}
	if err := s.updateUser(ctx, u, UserChange{OrganizationID: tenant.Value, keepOrgAdmin: true}); err != nil || !fromTenant {
		return err
	}
	if err := audit.Write(ctx, s.db, audit.Event{Action: "user.left", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID}); err != nil {
		return err
	}
	return s.tell(ctx, Event{Kind: UsersLeft, OrganizationID: u.OrganizationID, UserIDs: []int64{u.ID}})
}

// leaveAll ends all memberships of a locked user, the home last.
func (s *Service) leaveAll(ctx context.Context, u models.User) error {
	var ids []int64
	if err := s.db.Query(ctx, &ids, `SELECT id FROM (SELECT m.organization_id AS id FROM user_organizations m WHERE m.account_id = @account_id AND m.user_id = @user
			UNION SELECT CAST(@home AS bigint)) mine
		WHERE NOT EXISTS (SELECT FROM organizations o WHERE o.id = mine.id AND o.is_default) ORDER BY id = @home, id`,
		store.Args{"user": u.ID, "home": u.OrganizationID}); err != nil {
		return fmt.Errorf("people: memberships: %w", err)
	}
	for _, id := range ids {
		if _, err := s.Leave(ctx, u, id); err != nil {
			return err
		}
	}
	return nil
}

// RemoveMember is DeleteUser for everybody but the caller. Errors: those of
// DeleteUser, ErrOwnAccount.
func (s *Service) RemoveMember(ctx context.Context, id int64) error {
	caller, err := auth.CallerWith(ctx, models.RoleAdmin)
	switch {
	case err != nil:
		return err
	case caller.UserID == id:
		return ErrOwnAccount
	}
	return s.DeleteUser(ctx, id)
}

// ChangeOwnName changes the parts of the caller's name; nil stays as it is.
// Errors: an invalid input, ErrUserUnknown when the caller has gone meanwhile.
func (s *Service) ChangeOwnName(ctx context.Context, first, last *string) (Person, error) {
	me, ok := auth.IdentityFrom(ctx)
	if !ok {
		return Person{}, models.ErrUnauthenticated
	}
	c := MemberChange{FirstName: first, LastName: last}
	if err := c.check(); err != nil {
		return Person{}, err
	}
	who := Person{User: me.User, Roles: me.Roles}
	if first == nil && last == nil {
		return who, nil
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		u, err := s.LockUser(ctx, ref.ByID(me.User.ID))
		if err != nil {
			return err
		}
		if err := s.changeColumns(ctx, u, c); err != nil {
			return err
		}
		was, wasLast := NameParts(u)
		if c.FirstName == nil {
			c.FirstName = &was
		}
		if c.LastName == nil {
			c.LastName = &wasLast
		}
		who.User.FirstName, who.User.LastName = c.FirstName, c.LastName
		return nil
	})
	if err != nil {
		return Person{}, err
	}
	return who, nil
}
