package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// ResetPage is the hub's own page for a new password.
const ResetPage = "/reset-password"

// Refusals of new passwords.
var (
	ErrPasswordWrong = models.Refuse(models.KindInvalid, "auth.password_wrong", "the current password is not correct")
	ErrPasswordSame  = models.Refuse(models.KindInvalid, "auth.password_same", "the new password must differ from the current one")
)

// RequestPasswordLink mails a link for a new password to an ACTIVE person; the
// link before is void. Whoever an address belongs to, the same is done: whether
// there is anybody to write to is found out when the mail is made. So neither
// the answer nor its time tells who has an account. An address that is written
// to too often is written to no more, without a word. Errors: an invalid input.
func (s *Service) RequestPasswordLink(ctx context.Context, email string) error {
	var r rules
	email = r.email("email", email)
	if err := r.Err(); err != nil {
		return err
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		issued, err := s.auth.IssueLink(ctx, models.CodePasswordLink, email)
		if err != nil {
			return err
		}
		return s.mail.Send(ctx, notify.Message{
			Template: mailResetLink, Recipient: email, EventKey: fmt.Sprintf("link/%d/%d", issued.ID, issued.Sent),
			Params: map[string]any{"appName": appName, "code_id": issued.ID, "validity": span(s.cfg.ResetLinkTTL)},
		})
	})
	if errors.Is(err, auth.ErrCodeLimit) {
		slog.InfoContext(ctx, "a link for a new password was mailed too often")
		return nil
	}
	return err
}

// resetLinkParams gives the mail its link and the name, so that neither is
// stored. There is no mail to who has no account that can be used.
func (s *Service) resetLinkParams(ctx context.Context, n models.Notification) (map[string]string, error) {
	var m codeMail
	if err := json.Unmarshal(n.Params, &m); err != nil {
		return nil, fmt.Errorf("people: mail %d: %w", n.ID, err)
	}
	token, email, err := s.auth.LinkToken(ctx, m.CodeID)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, notify.ErrObsolete
	case err != nil:
		return nil, err
	}
	who, err := s.auth.CandidateByEmail(ctx, email)
	switch {
	case err != nil:
		return nil, err
	case !who.Usable:
		return nil, notify.ErrObsolete
	}
	page, err := s.resetPage(ctx)
	if err != nil {
		return nil, err
	}
	query := page.Query()
	query.Set("token", token)
	page.RawQuery = query.Encode()
	return map[string]string{"name": who.User.Name, "link": page.String()}, nil
}

// resetPage is where people set a new password: the page configured, else that
// of the hub, which an account with a host of its own has there, because the
// host tells whose token is shown.
func (s *Service) resetPage(ctx context.Context) (*url.URL, error) {
	if s.resetURL != "" {
		return url.Parse(s.resetURL)
	}
	page, err := url.Parse(s.url)
	if err != nil {
		return nil, fmt.Errorf("people: public address: %w", err)
	}
	page = page.JoinPath(ResetPage)
	var host string
	if err := s.db.Query(ctx, &host, `SELECT d.host FROM account_domains d JOIN accounts a ON a.id = d.account_id AND NOT a.is_default
		WHERE d.account_id = @account_id ORDER BY d.host LIMIT 1`, nil); err != nil {
		return nil, fmt.Errorf("people: host of the account: %w", err)
	}
	if host != "" {
		if port := page.Port(); port != "" {
			host = net.JoinHostPort(host, port)
		}
		page.Host = host
	}
	return page, nil
}

// ResetPasswordByLink sets a new password with the token of a mailed link and
// ends all sessions of the person. Address is the caller's network address.
// Errors: an invalid input, auth.ErrLinkInvalid (also for who was deactivated
// meanwhile), ErrPasswordSame.
func (s *Service) ResetPasswordByLink(ctx context.Context, token, password, address string) error {
	var r rules
	password = r.password("password", password)
	if err := r.Err(); err != nil {
		return err
	}
	link, err := s.auth.OpenLink(ctx, models.CodePasswordLink, token)
	if err != nil {
		return err
	}
	who, err := s.auth.CandidateByEmail(ctx, link.Email)
	switch {
	case err != nil:
		return err
	case !who.Usable:
		return auth.ErrLinkInvalid
	}
	hash, err := s.newHash(ctx, password, who.PasswordHash)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.auth.SpendLink(ctx, link); err != nil {
			return err
		}
		return s.replaceForgotten(ctx, who, hash, address)
	})
}

// newHash makes the hash of a new password. Errors: ErrPasswordSame when it is
// the current one.
func (s *Service) newHash(ctx context.Context, password, current string) (string, error) {
	if current != "" {
		same, _, err := s.auth.Passwords().Match(ctx, password, current)
		switch {
		case err != nil:
			return "", err
		case same:
			return "", ErrPasswordSame
		}
	}
	return s.auth.Passwords().Hash(ctx, password)
}

// PasswordChange is a new password for the caller.
type PasswordChange struct {
	Current string
	New     string
	Address string // the caller's network address, for the lock against guessing
}

// ChangePassword replaces the caller's password and ends their other sessions.
// Who holds a stolen session can't guess the password here: wrong ones count
// like failed sign-ins, and while a lock is on every one is wrong. Errors: an
// invalid input, ErrPasswordWrong, ErrPasswordSame.
func (s *Service) ChangePassword(ctx context.Context, in PasswordChange) error {
	me, ok := auth.IdentityFrom(ctx)
	if !ok || me.User.Email == nil {
		return models.ErrUnauthenticated
	}
	var r rules
	in.New = r.password("newPassword", in.New)
	if err := r.Err(); err != nil {
		return err
	}
	attempt := s.auth.NewAttempt(ctx, *me.User.Email, in.Address)
	locked, err := s.auth.Locked(ctx, attempt)
	if err != nil {
		return err
	}
	who, err := s.auth.CandidateByEmail(ctx, *me.User.Email)
	if err != nil {
		return err
	}
	match := false
	if !locked && who.User.ID == me.User.ID {
		if match, _, err = s.auth.Passwords().Match(ctx, clip(in.Current), who.PasswordHash); err != nil {
			return err
		}
	}
	if !match {
		if err := s.auth.Failed(ctx, attempt); err != nil {
			return err
		}
		return ErrPasswordWrong
	}
	if in.New == in.Current {
		return ErrPasswordSame
	}
	hash, err := s.auth.Passwords().Hash(ctx, in.New)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		// The credential first, and only if it is still the one that was checked:
		// a sign-in with the old password waits for it.
		n, err := s.db.Exec(ctx, `UPDATE user_credentials SET password_hash = @hash, updated_at = now()
			WHERE user_id = @user AND account_id = @account_id AND password_hash = @old`,
			store.Args{"user": me.User.ID, "hash": hash, "old": who.PasswordHash})
		switch {
		case err != nil:
			return fmt.Errorf("people: change password: %w", err)
		case n == 0:
			return ErrPasswordWrong
		}
		if _, err := s.auth.CloseOtherSessions(ctx, auth.EndPasswordChanged, me.User.ID, me.Principal.SessionID); err != nil {
			return err
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "user.password_changed", SubjectType: "user", SubjectID: me.User.ID,
			OrganizationID: &me.User.OrganizationID})
	})
}
