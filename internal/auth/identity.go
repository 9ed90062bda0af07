package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/gather"
	"quad/internal/store"
	"quad/models"
)

// Identity is an authenticated person as the database has them now: whole user
// row and ACTIVE roles come with the check of the token, in one statement.
type Identity struct {
	Principal Principal
	User      models.User
	// Roles are the ACTIVE roles held, by id. ID, Title, Label, UserType and
	// Status are set.
	Roles []models.Role
	// Membership is nil unless it was read too: at doors with a Profile, and by
	// a sign-in. The parts of the person's name come with it.
	Membership *Membership
}

type identityKey struct{}

// WithIdentity puts an identity and its principal into the context.
func WithIdentity(ctx context.Context, i Identity) context.Context {
	if i.Membership != nil {
		ctx = WithReach(ctx, i.reach())
	}
	return WithPrincipal(context.WithValue(ctx, identityKey{}, &i), i.Principal)
}

// IdentityFrom gives the identity that the request was authenticated with, so
// that a read of one's own profile needs no second statement.
func IdentityFrom(ctx context.Context) (Identity, bool) {
	if i, ok := ctx.Value(identityKey{}).(*Identity); ok {
		return *i, true
	}
	return Identity{}, false
}

// identitySelect reads a user with the state of all that can end their access
// and their ACTIVE roles, four texts each: id, title, label, user type. It is
// the statement of every request, so it is written for the executor: what is
// looked up by one key is a scalar, because a join would carry the wide row
// through one more level; the roles are one array instead of four sorted ones,
// each found by its key (the limit keeps the planner from hashing all roles for
// the one or two that a person has).
const identitySelect = `u.id, u.account_id, u.organization_id, u.identifier, u.email, u.email_verified, u.name, u.status, u.about, u.image,
	u.gender, u.location, u.languages, u.preferred_language, u.share_link, u.accepted_terms_at, u.last_logged_in_at, u.deleted_at,
	u.created_at, u.updated_at,
	u.status = 'ACTIVE' AND (SELECT a.status = 'ACTIVE' FROM accounts a WHERE a.id = u.account_id),
	(SELECT o.status = 'ACTIVE' FROM organizations o WHERE o.id = u.organization_id),
	ARRAY(SELECT r.role FROM user_roles ur CROSS JOIN LATERAL (
		SELECT ARRAY[r.id::text, r.title, r.label, r.user_type::text] AS role FROM roles r
		WHERE r.id = ur.role_id AND r.status = 'ACTIVE' AND r.deleted_at IS NULL LIMIT 1) r
		WHERE ur.user_id = u.id)`

// sessionSelect reads a session besides its person.
const sessionSelect = `s.id, s.door, s.refresh_generation, s.expires_at, s.ended_at IS NULL AND s.expires_at > now()
	FROM sessions s JOIN users u ON u.id = s.user_id
	WHERE s.id = ANY(CAST(@sessions AS bigint[]))`

const (
	bySessions       = `SELECT ` + identitySelect + `, ` + sessionSelect
	bySessionsMember = `SELECT ` + identitySelect + `, ` + memberSelect + `, ` + sessionSelect
)

const byAPIToken = `SELECT ` + identitySelect + `, t.id, t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute',
		t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
	FROM api_tokens t JOIN users u ON u.id = t.user_id
	WHERE t.token_hash = @hash`

// scanIdentity scans the columns of identitySelect, those of memberSelect where
// member is true, and then more.
func scanIdentity(row pgx.CollectableRow, member bool, more ...any) (i Identity, st standing, err error) {
	u := &i.User
	var roles []string
	dest := []any{&u.ID, &u.AccountID, &u.OrganizationID, &u.Identifier, &u.Email, &u.EmailVerified, &u.Name, (*string)(&u.Status), &u.About, &u.Image,
		&u.Gender, (*[]string)(&u.Location), (*[]string)(&u.Languages), &u.PreferredLanguage, &u.ShareLink, &u.AcceptedTermsAt, &u.LastLoggedInAt, &u.DeletedAt,
		&u.CreatedAt, &u.UpdatedAt, &st.open, &st.home, &roles}
	if member {
		i.Membership = &Membership{}
		dest = append(dest, &u.FirstName, &u.LastName, &i.Membership.Tenant, &i.Membership.Organizations)
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return Identity{}, standing{}, err
	}
	if i.Roles, err = rolesOf(u.AccountID, roles); err != nil {
		return Identity{}, standing{}, err
	}
	titles := make([]string, len(i.Roles))
	for n, r := range i.Roles {
		titles[n] = r.Title
	}
	i.Principal = Principal{AccountID: u.AccountID, UserID: u.ID, OrganizationID: u.OrganizationID, Name: u.Name, Roles: titles}
	return i, st, nil
}

// rolesOf reads the array of identitySelect, which comes flat, and sorts the
// roles by id.
func rolesOf(accountID int64, flat []string) ([]models.Role, error) {
	const columns = 4
	roles := make([]models.Role, 0, len(flat)/columns)
	for r := range slices.Chunk(flat, columns) {
		id, err := strconv.ParseInt(r[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("auth: role: %w", err)
		}
		userType, err := strconv.ParseInt(r[3], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("auth: role: %w", err)
		}
		roles = append(roles, models.Role{
			ID: id, AccountID: accountID, Title: r[1], Label: r[2], UserType: models.UserType(userType), Status: models.StatusActive,
		})
	}
	slices.SortFunc(roles, func(a, b models.Role) int { return cmp.Compare(a.ID, b.ID) })
	return roles, nil
}

type sessionState struct {
	Identity
	standing
	session models.Session
	alive   bool
}

// sessionLimits: requests that arrive together are looked up together, because
// what a small statement costs the database is mostly the statement itself.
var sessionLimits = gather.Limits{Calls: 4, Keys: 64, Timeout: 30 * time.Second}

// session reads a session with its person, who is the one named. A missing one
// is ErrTokenExpired: the token was signed by us, so the session was there and
// has been purged.
func (s *Service) session(ctx context.Context, id, userID int64) (sessionState, error) {
	sessions := s.sessions
	if s.profile(Door(ctx)) != nil {
		sessions = s.memberSessions
	}
	st, found, err := sessions.Load(ctx, id)
	if err != nil {
		return sessionState{}, err
	}
	if !found || st.User.ID != userID {
		return sessionState{}, ErrTokenExpired
	}
	st.Principal.SessionID, st.Principal.Door = id, Door(ctx)
	return st, nil
}

// readSessions reads sessions, by id, with their persons.
func (s *Service) readSessions(ctx context.Context, ids []int64) (map[int64]sessionState, error) {
	return s.readSessionsBy(ctx, bySessions, false, ids)
}

// readMemberSessions is readSessions with what the persons are members of.
func (s *Service) readMemberSessions(ctx context.Context, ids []int64) (map[int64]sessionState, error) {
	return s.readSessionsBy(ctx, bySessionsMember, true, ids)
}

func (s *Service) readSessionsBy(ctx context.Context, text string, member bool, ids []int64) (map[int64]sessionState, error) {
	states := make(map[int64]sessionState, len(ids))
	err := s.db.QueryRows(store.AsSystem(ctx), text, store.Args{"sessions": ids}, func(row pgx.CollectableRow) error {
		var st sessionState
		var err error
		st.Identity, st.standing, err = scanIdentity(row, member, &st.session.ID, &st.session.Door, &st.session.RefreshGeneration, &st.session.ExpiresAt, &st.alive)
		st.session.UserID, st.session.AccountID = st.User.ID, st.User.AccountID
		states[st.session.ID] = st
		return err
	})
	if err != nil {
		return nil, err
	}
	for id, st := range states {
		if st.alive { // asks for those few alone of whom the row does not tell
			if st.alive, err = s.usable(ctx, st.Identity, st.standing); err != nil {
				return nil, err
			}
			states[id] = st
		}
	}
	return states, nil
}

// Authenticate checks an access token with one statement, shared by requests
// that arrive at the same time. What ends or changes a person's access (logout,
// deactivation, a granted or lost role) therefore acts on the next request. Errors: ErrTokenInvalid, ErrTokenExpired.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (Identity, error) {
	who, err := s.access(accessToken)
	if err != nil {
		return Identity{}, err
	}
	st, err := s.session(ctx, who.SessionID, who.ID)
	if err != nil {
		return Identity{}, err
	}
	if !st.alive {
		return Identity{}, ErrTokenExpired
	}
	return st.Identity, nil
}

// AuthenticateAPIToken checks an API token with one statement, and notes its
// use at most once a minute with a second one. Errors: ErrTokenInvalid for an
// unknown token, ErrTokenExpired for one that does not work any more.
func (s *Service) AuthenticateAPIToken(ctx context.Context, token string) (Identity, error) {
	if !IsAPIToken(token) || len(token) > maxToken {
		return Identity{}, ErrTokenInvalid
	}
	hash := sha256.Sum256([]byte(token))
	var identity Identity
	var id int64
	var found, note, alive bool
	var st standing
	err := s.db.QueryRows(store.AsSystem(ctx), byAPIToken, store.Args{"hash": hash[:]}, func(row pgx.CollectableRow) error {
		found = true
		var err error
		identity, st, err = scanIdentity(row, false, &id, &note, &alive)
		return err
	})
	if err == nil && alive {
		alive, err = s.usable(ctx, identity, st)
	}
	switch {
	case err != nil:
		return Identity{}, err
	case !found:
		return Identity{}, ErrTokenInvalid
	case !alive:
		return Identity{}, ErrTokenExpired
	}
	identity.Principal.Door = Door(ctx)
	if note {
		_, err = s.db.Exec(store.WithAccount(ctx, identity.User.AccountID),
			`UPDATE api_tokens SET last_used_at = now() WHERE id = @id AND account_id = @account_id`, store.Args{"id": id})
	}
	return identity, err
}
