package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// maxBatch is how many users one call changes at most.
const maxBatch = 1000

// NewUser describes a user that an administrator makes.
type NewUser struct {
	Name           string
	Email          string
	Password       string   // "": the person sets one through a password reset
	OrganizationID int64    // 0: the caller's own
	Roles          []string // titles; none: the default role
	// FirstName and LastName make the Name where they are known apart.
	FirstName, LastName *string
	// Also are titles of ordinary roles that are given besides the default one,
	// where the account has them; only without Roles.
	Also []string

	noMail bool // no welcome
}

func (in *NewUser) check(r *rules, needsPassword bool) {
	if in.FirstName != nil && in.LastName != nil {
		r.part("firstName", &in.FirstName)
		r.part("lastName", &in.LastName)
		r.wholeName(*in.FirstName, *in.LastName)
		in.Name = *in.FirstName + " " + *in.LastName
	} else {
		in.Name = r.name("name", in.Name)
	}
	in.Email = r.email("email", in.Email)
	if in.Password != "" || needsPassword {
		in.Password = r.password("password", in.Password)
	}
	if len(in.Roles) > store.MaxPage {
		r.Bad("roles", input.TooLong, "are too many")
	}
}

// CreateUser makes a user for an administrator: an admin in any organization
// with any role, an org_admin in the own one with ordinary roles. The e-mail
// address counts as not verified. Errors: an invalid input, models.ErrForbidden,
// ErrOrganizationUnknown, ErrOrganizationClosed, ErrRoleUnknown, ErrEmailTaken.
func (s *Service) CreateUser(ctx context.Context, in NewUser) (Person, error) {
	own, err := managed(ctx)
	if err != nil {
		return Person{}, err
	}
	var r rules
	in.check(&r, false)
	if err := r.Err(); err != nil {
		return Person{}, err
	}
	p, _ := auth.From(ctx)
	if in.OrganizationID == 0 {
		in.OrganizationID = p.OrganizationID
	}
	if own != 0 && in.OrganizationID != own {
		return Person{}, ErrOrganizationUnknown
	}
	if own != 0 {
		roles, err := s.activeRoles(ctx, in.Roles)
		if err != nil {
			return Person{}, err
		}
		for _, role := range roles {
			if role.UserType != models.UserTypeOrdinary {
				return Person{}, models.ErrForbidden
			}
		}
	}
	return s.createUser(ctx, in, userCreated)
}

const userCreated = "user.created"

// createUser writes the user; organization 0 is the default one. The action is
// for the audit trail.
func (s *Service) createUser(ctx context.Context, in NewUser, action string) (Person, error) {
	j := joining{
		name: in.Name, email: in.Email, first: in.FirstName, last: in.LastName, exactRoles: len(in.Roles) > 0, also: in.Also,
		action: action, noSession: true, noMail: in.noMail,
	}
	roles, err := s.activeRoles(ctx, in.Roles)
	if err != nil {
		return Person{}, err
	}
	for _, role := range roles {
		j.roleIDs = append(j.roleIDs, role.ID)
	}
	if in.Password != "" {
		if j.hash, err = s.auth.Passwords().Hash(ctx, in.Password); err != nil {
			return Person{}, err
		}
	}
	var out SignedIn
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var o models.Organization
		err := s.db.Query(ctx, &o, `SELECT * FROM organizations WHERE account_id = @account_id AND (id = @id OR CAST(@id AS bigint) = 0 AND is_default) FOR SHARE`,
			store.Args{"id": in.OrganizationID})
		switch {
		case err != nil:
			return err
		case o.ID == 0:
			return ErrOrganizationUnknown
		case o.Status != models.StatusActive:
			return ErrOrganizationClosed
		}
		j.organization = o
		out, err = s.join(ctx, j)
		return err
	})
	return out.Person, err
}

// Profile reads a person of the account. The caller's own profile comes from
// the request's identity and needs no statement. Errors: ErrUserUnknown, also
// for the deleted.
func (s *Service) Profile(ctx context.Context, userID int64) (Person, error) {
	if me, ok := auth.IdentityFrom(ctx); ok && me.User.ID == userID {
		return Person{User: me.User, Roles: me.Roles}, nil
	}
	return personOf(s.auth.Person(ctx, userID))
}

// ProfileByShareLink is Profile by the key of a shared profile.
func (s *Service) ProfileByShareLink(ctx context.Context, link string) (Person, error) {
	return personOf(s.auth.PersonByShareLink(ctx, link))
}

func personOf(i auth.Identity, err error) (Person, error) {
	if errors.Is(err, models.ErrNotFound) {
		return Person{}, ErrUserUnknown
	}
	return Person{User: i.User, Roles: i.Roles}, err
}

// UserFilter says which users to list. Zero fields do not filter.
type UserFilter struct {
	OrganizationID int64
	Status         models.Status
	Role           string // title
	Search         string // start of the name or of the e-mail address
	Email          string // the whole address, in any case
	After          int64  // id of the last user of the page before
	Limit          int    // 1 to 100; anything else is 100
}

const listUsers = `SELECT u.* FROM users u
	WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND u.id > @after
		AND (CAST(@organization AS bigint) = 0 OR u.organization_id = @organization)
		AND (@status = '' OR u.status = @status)
		AND (@search = '' OR lower(u.name) LIKE @search OR u.email LIKE @search)
		AND (@email = '' OR u.email = @email)
		AND (@role = '' OR EXISTS (SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id
			WHERE ur.user_id = u.id AND lower(r.title) = @role AND r.status = 'ACTIVE' AND r.deleted_at IS NULL))
	ORDER BY u.id LIMIT @limit`

// ListUsers pages through users by id, for an administrator: an admin sees all,
// an org_admin the own organization. next is the After of the next page, 0 on
// the last one. Errors: models.ErrForbidden.
func (s *Service) ListUsers(ctx context.Context, f UserFilter) (page []Person, next int64, err error) {
	own, err := managed(ctx)
	if err != nil {
		return nil, 0, err
	}
	if own != 0 {
		if f.OrganizationID != 0 && f.OrganizationID != own {
			return nil, 0, nil
		}
		f.OrganizationID = own
	}
	f.Limit = store.PageSize(f.Limit)
	var users []models.User
	err = s.db.Query(ctx, &users, listUsers, store.Args{
		"after": f.After, "organization": f.OrganizationID, "status": f.Status, "search": prefixPattern(f.Search),
		"email": models.NormalizeEmail(f.Email), "role": strings.ToLower(f.Role), "limit": f.Limit + 1,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("people: list users: %w", err)
	}
	if len(users) > f.Limit {
		users = users[:f.Limit]
		next = users[f.Limit-1].ID
	}
	page, err = s.withRoles(ctx, users)
	return page, next, err
}

// withRoles adds the ACTIVE roles of many users with one statement.
func (s *Service) withRoles(ctx context.Context, users []models.User) ([]Person, error) {
	out := make([]Person, len(users))
	index := make(map[int64]int, len(users))
	ids := make(pq.Int64Array, len(users))
	for i, u := range users {
		out[i], index[u.ID], ids[i] = Person{User: u}, i, u.ID
	}
	if len(users) == 0 {
		return out, nil
	}
	var held []struct {
		models.Role
		UserID int64
	}
	err := s.db.Query(ctx, &held, `SELECT r.*, ur.user_id FROM user_roles ur JOIN roles r ON r.id = ur.role_id
		WHERE ur.account_id = @account_id AND ur.user_id = ANY(CAST(@ids AS bigint[])) AND r.status = 'ACTIVE' AND r.deleted_at IS NULL ORDER BY r.id`,
		store.Args{"ids": ids})
	if err != nil {
		return nil, fmt.Errorf("people: roles of users: %w", err)
	}
	for _, h := range held {
		p := &out[index[h.UserID]]
		p.Roles = append(p.Roles, h.Role)
	}
	return out, nil
}

// prefixPattern is a LIKE pattern for what begins with a text, in lower case;
// "" for no text.
func prefixPattern(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return ""
	}
	return store.EscapeLike(text) + "%"
}
