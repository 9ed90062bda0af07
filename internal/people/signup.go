package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// SignUp is what a person gives to join.
type SignUp struct {
	Name          string
	Email         string
	Password      string
	Code          string // the mailed one-time code; not looked at when e-mail verification is off
	AcceptedTerms bool
}

// RequestRegistration mails a code for a sign-up. Errors: an invalid input,
// ErrEmailTaken, auth.ErrCodeLimit.
func (s *Service) RequestRegistration(ctx context.Context, name, email string) error {
	var r rules
	name = r.text("name", name, maxName, false)
	email = r.email("email", email)
	if err := r.Err(); err != nil {
		return err
	}
	taken, err := s.emailTaken(ctx, email)
	if err != nil {
		return err
	}
	if taken {
		return ErrEmailTaken
	}
	return s.sendCode(ctx, models.CodeRegistration, mailRegistrationCode, email, name, nil)
}

// emailTaken spares a person the way to a refusal. What decides is the unique
// index, when the user is written.
func (s *Service) emailTaken(ctx context.Context, email string) (bool, error) {
	var taken bool
	err := s.db.Query(ctx, &taken, `SELECT EXISTS (SELECT FROM users WHERE account_id = @account_id AND email = @email)`, store.Args{"email": email})
	return taken, err
}

// SignUp makes a user and signs them in. The organization is that of an open
// invitation for the address, else the one that owns the address's domain, else
// the default one; the roles are those of the invitation, plus mentee unless
// mentor is among them. The invitation is ACCEPTED in the same transaction.
// However many sign up with one address at the same time, one succeeds. Errors:
// an invalid input, auth.ErrCodeWrong, ErrEmailTaken.
func (s *Service) SignUp(ctx context.Context, in SignUp) (SignedIn, error) {
	var r rules
	in.Name = r.name("name", in.Name)
	in.Email = r.email("email", in.Email)
	in.Password = r.password("password", in.Password)
	if s.cfg.VerifyEmail {
		in.Code = r.digits("otp", in.Code, 0)
	}
	if err := r.Err(); err != nil {
		return SignedIn{}, err
	}
	taken, err := s.emailTaken(ctx, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	if taken {
		return SignedIn{}, ErrEmailTaken
	}
	var code int64
	if s.cfg.VerifyEmail {
		if code, err = s.auth.CheckCode(ctx, models.CodeRegistration, in.Email, in.Code); err != nil {
			return SignedIn{}, err
		}
	}
	hash, err := s.auth.Passwords().Hash(ctx, in.Password)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if code != 0 {
			if err := s.auth.SpendCode(ctx, code); err != nil {
				return err
			}
		}
		invite, err := s.openInvite(ctx, in.Email)
		if err != nil {
			return err
		}
		organization, err := s.homeOf(ctx, in.Email, invite.OrganizationID)
		if err != nil {
			return err
		}
		j := joining{name: in.Name, email: in.Email, hash: hash, verified: s.cfg.VerifyEmail, organization: organization, action: "user.signed_up"}
		if in.AcceptedTerms {
			now := time.Now().UTC()
			j.acceptedTerms = &now
		}
		if invite.ID != 0 && organization.ID == invite.OrganizationID {
			j.invite, j.roleIDs = invite.ID, invite.RoleIDs
		}
		out, err = s.join(ctx, j)
		return err
	})
	return out, err
}

// openInvite locks and reads the open invitation for an address; zero if there
// is none.
func (s *Service) openInvite(ctx context.Context, email string) (models.Invite, error) {
	var i models.Invite
	err := s.db.Query(ctx, &i, `SELECT * FROM invites WHERE account_id = @account_id AND email = @email AND status = 'PENDING' AND expires_at > now()
		FOR UPDATE`, store.Args{"email": email})
	return i, err
}

// homeOf finds the ACTIVE organization for a new person, and keeps it from
// being deactivated until the transaction ends: the deactivation then takes the
// person along.
func (s *Service) homeOf(ctx context.Context, email string, invited int64) (models.Organization, error) {
	_, domain, _ := strings.Cut(email, "@")
	var o models.Organization
	err := s.db.Query(ctx, &o, `SELECT o.* FROM organizations o WHERE o.account_id = @account_id AND o.status = 'ACTIVE' AND (o.is_default OR o.id = @invited
			OR o.id = (SELECT organization_id FROM organization_domains WHERE account_id = @account_id AND domain = @domain))
		ORDER BY o.id = @invited DESC, o.is_default LIMIT 1 FOR SHARE`, store.Args{"invited": invited, "domain": domain})
	if err == nil && o.ID == 0 {
		err = ErrOrganizationClosed
	}
	return o, err
}

// joining is a person on the way in.
type joining struct {
	name, email   string
	first, last   *string // the parts of the name, where they are known
	hash          string  // "" for a person who sets the password later
	verified      bool
	acceptedTerms *time.Time
	organization  models.Organization
	invite        int64
	roleIDs       []int64  // besides the default role
	also          []string // titles of ordinary roles besides the default one, where the account has them
	exactRoles    bool     // no default role
	action        string   // for the audit trail
	noSession     bool
	noMail        bool // no welcome
}

// join writes a new person with all that belongs to them. It runs in a
// transaction. Errors: ErrEmailTaken.
func (s *Service) join(ctx context.Context, j joining) (SignedIn, error) {
	u := models.User{OrganizationID: j.organization.ID, Email: &j.email, EmailVerified: j.verified, Name: j.name, FirstName: j.first, LastName: j.last, Status: models.StatusActive,
		Location: pq.StringArray{}, Languages: pq.StringArray{}, PreferredLanguage: "en", AcceptedTermsAt: j.acceptedTerms}
	if err := s.db.Conn(ctx).Create(&u).Error; err != nil {
		// An address may also be somebody's user name.
		if store.Violates(err, "users_email") || store.Violates(err, "users_login") {
			return SignedIn{}, ErrEmailTaken.With(err)
		}
		return SignedIn{}, fmt.Errorf("people: join: %w", err)
	}
	if j.hash != "" {
		if err := s.db.Conn(ctx).Create(&models.UserCredential{UserID: u.ID, PasswordHash: j.hash}).Error; err != nil {
			return SignedIn{}, fmt.Errorf("people: join: %w", err)
		}
	}
	roles, err := s.rolesFor(ctx, j)
	if err != nil {
		return SignedIn{}, err
	}
	if len(roles) > 0 {
		rows := make([]models.UserRole, len(roles))
		for i, r := range roles {
			rows[i] = models.UserRole{UserID: u.ID, RoleID: r.ID}
		}
		if err := s.db.Conn(ctx).Create(&rows).Error; err != nil {
			return SignedIn{}, fmt.Errorf("people: join: %w", err)
		}
	}
	if j.invite != 0 {
		n, err := s.db.Exec(ctx, `UPDATE invites SET status = 'ACCEPTED', user_id = @user, updated_at = now()
			WHERE id = @id AND account_id = @account_id AND status = 'PENDING'`, store.Args{"id": j.invite, "user": u.ID})
		if err != nil {
			return SignedIn{}, err
		}
		if n == 0 {
			return SignedIn{}, ErrInviteInvalid
		}
	}
	out := SignedIn{Person: Person{User: u, Roles: roles}}
	if !j.noSession {
		if out.Tokens, err = s.auth.OpenSession(ctx, auth.NewSession{User: u, Roles: roles}); err != nil {
			return SignedIn{}, err
		}
	}
	if !j.noMail {
		if err := s.welcome(ctx, u, j.organization.Name); err != nil {
			return SignedIn{}, err
		}
	}
	actor := auth.Actor(ctx)
	if actor == nil {
		actor = &u.ID
	}
	data := map[string]any{"roles": titles(roles)}
	if j.invite != 0 {
		data["invite"] = j.invite
	}
	return out, audit.Write(ctx, s.db, audit.Event{Action: j.action, SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID, ActorID: actor, Data: data})
}

// rolesFor are the roles that a new person gets: of those given, the ones that
// may be held now, and mentee unless mentor is among them.
func (s *Service) rolesFor(ctx context.Context, j joining) ([]models.Role, error) {
	var roles []models.Role
	given := j.roleIDs
	if given == nil {
		given = []int64{}
	}
	query := s.db.Conn(ctx).Where("status = 'ACTIVE' AND deleted_at IS NULL").Order("id")
	if j.exactRoles {
		query = query.Where("id = ANY(CAST(? AS bigint[]))", pq.Int64Array(given))
	} else {
		query = query.Where("user_type = ?", models.UserTypeOrdinary).
			Where("id = ANY(CAST(? AS bigint[])) OR lower(title) = ANY(CAST(? AS text[]))", pq.Int64Array(given), pq.StringArray(append([]string{models.RoleMentee}, j.also...)))
	}
	if err := query.Find(&roles).Error; err != nil {
		return nil, fmt.Errorf("people: roles: %w", err)
	}
	isMentor := func(r models.Role) bool { return strings.EqualFold(r.Title, models.RoleMentor) }
	if !j.exactRoles && slices.ContainsFunc(roles, isMentor) {
		roles = slices.DeleteFunc(roles, func(r models.Role) bool {
			return strings.EqualFold(r.Title, models.RoleMentee) && !slices.Contains(given, r.ID)
		})
	}
	return roles, nil
}

func titles(roles []models.Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = r.Title
	}
	return out
}

// NewAdmin is what makes an administrator of the account.
type NewAdmin struct {
	Name, Email, Password, SecretCode string
}

// CreateAdmin makes an administrator in the default organization, for a caller
// who knows the deployment's secret code; without one configured nobody does.
// Errors: an invalid input, ErrSecretCode, ErrEmailTaken.
func (s *Service) CreateAdmin(ctx context.Context, in NewAdmin) (Person, error) {
	var r rules
	if strings.TrimSpace(in.SecretCode) == "" {
		r.Bad("secret_code", input.Required, "field is empty")
	}
	u := NewUser{Name: in.Name, Email: in.Email, Password: in.Password, Roles: []string{models.RoleAdmin}}
	u.check(&r, true)
	if err := r.Err(); err != nil {
		return Person{}, err
	}
	if !sameSecret(in.SecretCode, s.cfg.AdminSecretCode) {
		return Person{}, ErrSecretCode
	}
	return s.EnsureUser(ctx, u)
}

// EnsureUser is CreateUser for the hub itself: it asks nobody's permission.
// Errors: as CreateUser.
func (s *Service) EnsureUser(ctx context.Context, in NewUser) (Person, error) {
	var r rules
	in.check(&r, false)
	if err := r.Err(); err != nil {
		return Person{}, err
	}
	return s.createUser(ctx, in, userCreated)
}
