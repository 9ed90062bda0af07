package auth

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"quad/internal/store"
	"quad/models"
)

// Reasons for which sessions end.
const (
	EndLogout          = "logout"
	EndPasswordReset   = "password_reset"
	EndPasswordChanged = "password_changed"
	EndDeactivated     = "deactivated"
	EndDeleted         = "deleted"
	EndRefreshReused   = "refresh_reused"
)

// NewSession says for whom a session is opened.
type NewSession struct {
	User  models.User
	Roles []models.Role // for the token's claims
	// Tenant is the home organization unless it is the default one, for the
	// claims of doors that tell it.
	Tenant *int64
	// PasswordHash, when set, is the hash that the sign-in's password was
	// checked against: if it has been replaced meanwhile, no session opens.
	PasswordHash string
	// SignIn notes the time as the user's last sign-in.
	SignIn bool
}

const openSession = `WITH person AS (
		SELECT id FROM users WHERE id = @user AND account_id = @account_id AND status = 'ACTIVE' FOR SHARE
	)
	INSERT INTO sessions (account_id, user_id, door, expires_at, refresh_hash)
	SELECT @account_id, id, @door, @expires, CAST( @refresh AS bytea) FROM person RETURNING id`

// The credential is locked first, as a password reset does, so that a reset
// either ends this session too or keeps it from opening.
const openSignIn = `WITH proof AS (
		SELECT user_id FROM user_credentials WHERE user_id = @user AND account_id = @account_id AND password_hash = @hash FOR SHARE
	), person AS (
		UPDATE users SET last_logged_in_at = now()
		WHERE id IN (SELECT user_id FROM proof) AND account_id = @account_id AND status = 'ACTIVE' RETURNING id
	)
	INSERT INTO sessions (account_id, user_id, door, expires_at, refresh_hash)
	SELECT @account_id, id, @door, @expires, CAST( @refresh AS bytea) FROM person RETURNING id`

// OpenSession opens a session with one statement and signs its tokens.
// Errors: models.ErrUnauthenticated when the user is not ACTIVE any more or
// the password was replaced meanwhile.
func (s *Service) OpenSession(ctx context.Context, n NewSession) (TokenPair, error) {
	text := openSession
	if n.SignIn {
		text = openSignIn
	}
	now := s.now()
	expires := now.Add(s.refreshTTL(ctx)).Truncate(time.Second)
	args := store.Args{"user": n.User.ID, "door": Door(ctx), "expires": expires, "hash": n.PasswordHash, "refresh": nil}
	profile := s.profile(Door(ctx))
	var secret []byte
	if profile != nil {
		var hash []byte
		var err error
		if secret, hash, err = newRefreshSecret(); err != nil {
			return TokenPair{}, err
		}
		args["refresh"] = hash
	}
	var id int64
	if err := s.db.Query(ctx, &id, text, args); err != nil {
		return TokenPair{}, fmt.Errorf("auth: open session: %w", err)
	}
	if id == 0 {
		return TokenPair{}, models.ErrUnauthenticated
	}
	if profile != nil {
		return s.flatPair(profile, holder{user: n.User, roles: n.Roles, tenant: n.Tenant, session: id}, secret, now, expires)
	}
	return s.pair(claimData(n.User, n.Roles, id), 0, now, expires)
}

func (s *Service) pair(data ClaimData, generation int, now, refreshExpires time.Time) (TokenPair, error) {
	p := TokenPair{SessionID: data.SessionID, RefreshExpiresAt: refreshExpires, AccessExpiresAt: now.Add(s.cfg.AccessTTL).Truncate(time.Second)}
	if p.AccessExpiresAt.After(refreshExpires) {
		p.AccessExpiresAt = refreshExpires
	}
	var err error
	if p.Access, err = s.sign(purposeAccess, data, 0, p.AccessExpiresAt); err != nil {
		return TokenPair{}, fmt.Errorf("auth: sign: %w", err)
	}
	if p.Refresh, err = s.sign(purposeRefresh, data, generation, refreshExpires); err != nil {
		return TokenPair{}, fmt.Errorf("auth: sign: %w", err)
	}
	return p, nil
}

// Refresh gives a new access token for a refresh token. The refresh token stays
// valid until it expires or its session ends, and comes back as it is. Errors:
// ErrTokenInvalid, ErrTokenExpired, ErrTokenReused.
func (s *Service) Refresh(ctx context.Context, refreshToken string) (TokenPair, Identity, error) {
	st, claims, err := s.refreshable(ctx, refreshToken)
	if err != nil {
		return TokenPair{}, Identity{}, err
	}
	pair, err := s.pair(claimData(st.User, st.Roles, st.session.ID), claims.Generation, s.now(), claims.ExpiresAt.Time)
	pair.Refresh = refreshToken
	return pair, st.Identity, err
}

// Rotate gives a new access token and a new refresh token; the old refresh
// token is spent. If it is ever used again, somebody else holds a copy: the
// session is ended, for the thief and for the owner. It must not be called in a
// transaction, whose rollback would keep the session open. Errors as Refresh.
func (s *Service) Rotate(ctx context.Context, refreshToken string) (TokenPair, Identity, error) {
	if p := s.profile(Door(ctx)); p != nil {
		return s.rotateOpaque(ctx, p, refreshToken)
	}
	st, claims, err := s.refreshable(ctx, refreshToken)
	if err != nil {
		return TokenPair{}, Identity{}, err
	}
	touched, err := s.db.Exec(store.WithAccount(ctx, st.User.AccountID), `UPDATE sessions SET refresh_generation = refresh_generation + 1
		WHERE id = @id AND account_id = @account_id AND refresh_generation = @generation AND ended_at IS NULL`,
		store.Args{"id": st.session.ID, "generation": claims.Generation})
	if err != nil {
		return TokenPair{}, Identity{}, fmt.Errorf("auth: rotate: %w", err)
	}
	if touched == 0 { // rotated or ended since it was read
		return TokenPair{}, Identity{}, s.reused(ctx, st)
	}
	pair, err := s.pair(claimData(st.User, st.Roles, st.session.ID), claims.Generation+1, s.now(), claims.ExpiresAt.Time)
	return pair, st.Identity, err
}

// refreshable reads the living session of a refresh token.
func (s *Service) refreshable(ctx context.Context, token string) (sessionState, Claims, error) {
	claims, err := s.parse(purposeRefresh, token)
	if err != nil {
		return sessionState{}, Claims{}, err
	}
	st, err := s.session(ctx, claims.Data.SessionID, claims.Data.ID)
	switch {
	case err != nil:
		return sessionState{}, Claims{}, err
	case !st.alive:
		return sessionState{}, Claims{}, ErrTokenExpired
	case st.session.RefreshGeneration != claims.Generation:
		return sessionState{}, Claims{}, s.reused(ctx, st)
	}
	return st, claims, nil
}

func (s *Service) reused(ctx context.Context, st sessionState) error {
	ctx = store.WithAccount(ctx, st.User.AccountID)
	closed, err := s.CloseSession(ctx, st.session.ID, EndRefreshReused)
	if err != nil {
		return err
	}
	if closed {
		slog.WarnContext(ctx, "a spent refresh token was used again, its session is ended", "session", st.session.ID, "user", st.User.ID)
	}
	return ErrTokenReused
}

// RefreshSession gives the session and user that a refresh token was made for,
// without using it. Errors: ErrTokenInvalid, ErrTokenExpired.
func (s *Service) RefreshSession(token string) (sessionID, userID int64, err error) {
	claims, err := s.parse(purposeRefresh, token)
	return claims.Data.SessionID, claims.Data.ID, err
}

// CloseSession ends a session; false if it had ended before.
func (s *Service) CloseSession(ctx context.Context, id int64, reason string) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE sessions SET ended_at = now(), end_reason = @reason
		WHERE id = @id AND account_id = @account_id AND ended_at IS NULL`, store.Args{"id": id, "reason": reason})
	if err != nil {
		return false, fmt.Errorf("auth: close session: %w", err)
	}
	return n > 0, nil
}

// CloseUserSessions ends all sessions of the users, and gives their number.
func (s *Service) CloseUserSessions(ctx context.Context, reason string, userIDs ...int64) (int64, error) {
	if len(userIDs) == 0 {
		return 0, nil
	}
	n, err := s.db.Exec(ctx, `UPDATE sessions SET ended_at = now(), end_reason = @reason
		WHERE user_id IN @users AND account_id = @account_id AND ended_at IS NULL`, store.Args{"users": userIDs, "reason": reason})
	if err != nil {
		return 0, fmt.Errorf("auth: close sessions: %w", err)
	}
	return n, nil
}

// CloseOrganizationSessions ends all sessions of an organization's users.
func (s *Service) CloseOrganizationSessions(ctx context.Context, reason string, organizationID int64) (int64, error) {
	n, err := s.db.Exec(ctx, `UPDATE sessions SET ended_at = now(), end_reason = @reason
		FROM users u WHERE u.id = sessions.user_id AND u.organization_id = @organization AND u.account_id = @account_id
		AND sessions.account_id = @account_id AND sessions.ended_at IS NULL`, store.Args{"organization": organizationID, "reason": reason})
	if err != nil {
		return 0, fmt.Errorf("auth: close sessions: %w", err)
	}
	return n, nil
}
