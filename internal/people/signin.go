package people

import (
	"context"
	"errors"
	"slices"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// SignIn is a sign-in with e-mail address and password.
type SignIn struct {
	Email    string
	Password string
	Address  string // the caller's network address, for the lock against guessing
	Role     string // the title of a role that the person must hold; "": any or none
	// Tell has who may not use the hub told so, after the right password, and
	// refusals kept in the audit trail.
	Tell bool
}

// ErrDeactivated refuses a person who may not use the hub, and says so.
var ErrDeactivated = models.Refuse(models.KindForbidden, "auth.deactivated", "this account is deactivated")

// SignIn checks a password and opens a session, in the account of the context.
// Whatever is wrong (unknown address, wrong password, a person or organization
// that is not ACTIVE, no such role), the refusal and its cost are the same; only
// when a role is asked for, a missing one is told apart, and with Tell a person
// who may not use the hub. Errors: an invalid input, ErrBadCredentials,
// ErrLoginUnknown, ErrDeactivated, auth.ErrLocked after too many failures.
func (s *Service) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	var r rules
	in.Email = r.email("email", in.Email)
	if in.Password == "" {
		r.Bad("password", input.Required, "field is empty")
	}
	if err := r.Err(); err != nil {
		return SignedIn{}, err
	}
	attempt := s.auth.NewAttempt(ctx, in.Email, in.Address)
	if locked, err := s.auth.Locked(ctx, attempt); err != nil || locked {
		return SignedIn{}, errors.Join(err, lockedError(locked))
	}
	who, err := s.auth.CandidateByEmail(ctx, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	match, rehash, err := s.auth.Passwords().Match(ctx, clip(in.Password), who.PasswordHash)
	if err != nil {
		return SignedIn{}, err
	}
	hasRole := in.Role == "" || slices.ContainsFunc(who.Roles, func(r models.Role) bool { return r.Title == in.Role })
	if in.Tell && match && !who.Usable {
		if err := s.refused(ctx, in, who.User); err != nil {
			return SignedIn{}, err
		}
		return SignedIn{}, ErrDeactivated
	}
	if !match || !who.Usable || !hasRole {
		if err := s.auth.Failed(ctx, attempt); err != nil {
			return SignedIn{}, err
		}
		if err := s.refused(ctx, in, who.User); err != nil {
			return SignedIn{}, err
		}
		if !hasRole || in.Role != "" && who.User.ID == 0 {
			return SignedIn{}, ErrLoginUnknown
		}
		return SignedIn{}, ErrBadCredentials
	}
	out := SignedIn{Person: Person{User: who.User, Roles: who.Roles}}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.auth.Succeeded(ctx, attempt); err != nil {
			return err
		}
		out.Tokens, err = s.auth.OpenSession(ctx, auth.NewSession{User: who.User, Roles: who.Roles, Tenant: who.Membership.Tenant, PasswordHash: who.PasswordHash, SignIn: true})
		if errors.Is(err, models.ErrUnauthenticated) {
			return ErrBadCredentials // deactivated or given a new password since it was read
		}
		if err != nil {
			return err
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "session.opened", SubjectType: "session", SubjectID: out.Tokens.SessionID,
			OrganizationID: &who.User.OrganizationID, ActorID: &who.User.ID})
	})
	if err != nil {
		return SignedIn{}, err
	}
	now := time.Now().UTC()
	out.User.LastLoggedInAt = &now
	if rehash {
		return out, s.rehash(ctx, who, in.Password)
	}
	return out, nil
}

// refused keeps a refused sign-in, with as many statements for somebody who is
// not there.
func (s *Service) refused(ctx context.Context, in SignIn, u models.User) error {
	if !in.Tell {
		return nil
	}
	e := audit.Event{Action: "session.refused", SubjectType: "user", SubjectID: u.ID}
	if u.ID != 0 {
		e.OrganizationID = &u.OrganizationID
	}
	return audit.Write(ctx, s.db, e)
}

func lockedError(locked bool) error {
	if locked {
		return auth.ErrLocked
	}
	return nil
}

// clip bounds what is hashed: no stored password is longer.
func clip(password string) string {
	if len(password) > 4*maxPassword {
		return password[:4*maxPassword]
	}
	return password
}

// rehash stores the password under today's parameters, unless it was replaced
// meanwhile.
func (s *Service) rehash(ctx context.Context, who auth.Candidate, password string) error {
	hash, err := s.auth.Passwords().Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `UPDATE user_credentials SET password_hash = @hash, updated_at = now()
		WHERE user_id = @user AND account_id = @account_id AND password_hash = @old`,
		store.Args{"hash": hash, "user": who.User.ID, "old": who.PasswordHash})
	return err
}

// Refresh trades a refresh token for a new access token. With rotate the
// refresh token is replaced as well, and using a spent one ends the session.
// Errors: auth.ErrTokenInvalid, auth.ErrTokenExpired, auth.ErrTokenReused.
func (s *Service) Refresh(ctx context.Context, refreshToken string, rotate bool) (SignedIn, error) {
	trade := s.auth.Refresh
	if rotate {
		trade = s.auth.Rotate
	}
	tokens, who, err := trade(ctx, refreshToken)
	return SignedIn{Person: Person{User: who.User, Roles: who.Roles}, Tokens: tokens}, err
}

// SignOut ends the caller's session. A refresh token, when given, must be the
// caller's own; its session ends too. Errors: auth.ErrTokenInvalid,
// auth.ErrTokenExpired for the refresh token.
func (s *Service) SignOut(ctx context.Context, refreshToken string) error {
	p, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	sessions := []int64{p.SessionID}
	if refreshToken != "" {
		session, user, err := s.auth.RefreshSession(refreshToken)
		if err != nil {
			return err
		}
		if user != p.UserID {
			return auth.ErrTokenInvalid
		}
		if session != p.SessionID {
			sessions = append(sessions, session)
		}
	}
	return s.closeSessions(ctx, p, sessions...)
}

// SignOutOf ends the caller's session, and the one that a refresh token belongs
// to if it is the caller's own and alive. Any other token is of no matter.
func (s *Service) SignOutOf(ctx context.Context, refreshToken string) error {
	p, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	sessions := []int64{p.SessionID}
	if refreshToken != "" {
		other, err := s.auth.OwnSession(ctx, p.UserID, refreshToken)
		if err != nil {
			return err
		}
		if other != 0 && other != p.SessionID {
			sessions = append(sessions, other)
		}
	}
	return s.closeSessions(ctx, p, sessions...)
}

// closeSessions ends sessions of the caller in one transaction.
func (s *Service) closeSessions(ctx context.Context, p auth.Principal, ids ...int64) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		for _, id := range ids {
			closed, err := s.auth.CloseSession(ctx, id, auth.EndLogout)
			if err != nil {
				return err
			}
			if !closed {
				continue
			}
			if err := audit.Write(ctx, s.db, audit.Event{Action: "session.closed", SubjectType: "session", SubjectID: id, OrganizationID: &p.OrganizationID}); err != nil {
				return err
			}
		}
		return nil
	})
}
