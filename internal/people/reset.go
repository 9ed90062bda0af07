package people

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"strings"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// sameSecret compares in constant time, whatever the lengths. An empty secret
// equals nothing.
func sameSecret(given, want string) bool {
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// RequestPasswordReset mails a code for a new password. An address without an
// ACTIVE user is answered alike, and no mail is sent. The new password is
// refused when it is the current one; since that makes an answer about a
// password, each comparison counts for the lock against guessing, and a locked
// login is not compared. A code that was mailed too often is mailed no more,
// without a word: the refusal would tell that the address is known. Errors: an
// invalid input, ErrPasswordReused.
func (s *Service) RequestPasswordReset(ctx context.Context, email, newPassword, address string) error {
	var r rules
	email = r.email("email", email)
	newPassword = r.password("password", newPassword)
	if err := r.Err(); err != nil {
		return err
	}
	attempt := s.auth.NewAttempt(ctx, email, address)
	locked, err := s.auth.Locked(ctx, attempt)
	if err != nil {
		return err
	}
	who, err := s.auth.CandidateByEmail(ctx, email)
	if err != nil {
		return err
	}
	if !locked {
		same, _, err := s.auth.Passwords().Match(ctx, newPassword, who.PasswordHash)
		if err != nil {
			return err
		}
		if err := s.auth.Failed(ctx, attempt); err != nil {
			return err
		}
		if same && who.Usable {
			return ErrPasswordReused
		}
	}
	if !who.Usable {
		return nil
	}
	err = s.sendCode(ctx, models.CodePasswordReset, mailResetCode, email, who.User.Name, &who.User)
	if errors.Is(err, auth.ErrCodeLimit) {
		slog.InfoContext(ctx, "a code for a password reset was mailed too often", "user", who.User.ID)
		return nil
	}
	return err
}

// PasswordReset is a new password with the code that was mailed for it.
type PasswordReset struct {
	Email    string
	Password string
	Code     string
	Address  string // the caller's network address
}

// ResetPassword sets a new password, ends all sessions of the person and opens
// a new one. Errors: an invalid input, auth.ErrCodeWrong, ErrPasswordReused,
// ErrUserUnknown (deactivated since the code was sent).
func (s *Service) ResetPassword(ctx context.Context, in PasswordReset) (SignedIn, error) {
	var r rules
	in.Email = r.email("email", in.Email)
	in.Password = r.password("password", in.Password)
	in.Code = r.digits("otp", in.Code, 6)
	if err := r.Err(); err != nil {
		return SignedIn{}, err
	}
	code, err := s.auth.CheckCode(ctx, models.CodePasswordReset, in.Email, in.Code)
	if err != nil {
		return SignedIn{}, err
	}
	who, err := s.auth.CandidateByEmail(ctx, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	if !who.Usable {
		return SignedIn{}, ErrUserUnknown
	}
	if who.PasswordHash != "" {
		same, _, err := s.auth.Passwords().Match(ctx, in.Password, who.PasswordHash)
		if err != nil {
			return SignedIn{}, err
		}
		if same {
			return SignedIn{}, ErrPasswordReused
		}
	}
	hash, err := s.auth.Passwords().Hash(ctx, in.Password)
	if err != nil {
		return SignedIn{}, err
	}
	out := SignedIn{Person: Person{User: who.User, Roles: who.Roles}}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.auth.SpendCode(ctx, code); err != nil {
			return err
		}
		if err := s.replaceForgotten(ctx, who, hash, in.Address); err != nil {
			return err
		}
		out.User.EmailVerified = true // the code came by mail
		out.Tokens, err = s.auth.OpenSession(ctx, auth.NewSession{User: out.User, Roles: who.Roles, Tenant: who.Membership.Tenant})
		if errors.Is(err, models.ErrUnauthenticated) {
			return ErrUserUnknown
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

// replaceForgotten gives a person a new password, in the transaction that has
// used up what they proved their address with: all sessions end, locks against
// guessing are off.
func (s *Service) replaceForgotten(ctx context.Context, who auth.Candidate, hash, address string) error {
	// The credential first: a sign-in with the old password waits for it.
	if err := s.setPassword(ctx, who.User.ID, secret{UserID: who.User.ID, Hash: hash}); err != nil {
		return err
	}
	if _, err := s.db.Exec(ctx, `UPDATE users SET email_verified = true, updated_at = now()
		WHERE id = @user AND account_id = @account_id AND NOT email_verified`, store.Args{"user": who.User.ID}); err != nil {
		return err
	}
	if _, err := s.auth.CloseUserSessions(ctx, auth.EndPasswordReset, who.User.ID); err != nil {
		return err
	}
	if err := s.auth.Unlock(ctx, s.auth.NewAttempt(ctx, *who.User.Email, address)); err != nil {
		return err
	}
	return audit.Write(ctx, s.db, audit.Event{Action: "user.password_reset", SubjectType: "user", SubjectID: who.User.ID,
		OrganizationID: &who.User.OrganizationID, ActorID: &who.User.ID})
}
