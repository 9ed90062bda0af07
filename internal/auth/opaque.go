package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"quad/internal/store"
)

// A random refresh token is the session's id, a random secret and the hub's
// signature of both. The hash of the secret tells the living token from the
// spent ones; the signature tells those, which end the session, from what
// somebody has made up, which must not.
const (
	purposeOpaque = "random refresh token"
	opaqueID      = 8
	opaqueHead    = opaqueID + 32
)

// newRefreshSecret gives a random secret and its hash.
func newRefreshSecret() (secret, hash []byte, err error) {
	secret = make([]byte, opaqueHead-opaqueID)
	if _, err := rand.Read(secret); err != nil {
		return nil, nil, fmt.Errorf("auth: refresh token: %w", err)
	}
	sum := sha256.Sum256(secret)
	return secret, sum[:], nil
}

func (s *Service) opaqueToken(sessionID int64, secret []byte) string {
	head := binary.BigEndian.AppendUint64(make([]byte, 0, opaqueHead+sha256.Size), uint64(sessionID)) //nolint:gosec // ids are positive
	head = append(head, secret...)
	return base64.RawURLEncoding.EncodeToString(append(head, s.keys.Sign(purposeOpaque, head)...))
}

// parseOpaque gives session and hash of a token that opaqueToken has made, spent
// or not. Errors: ErrTokenInvalid.
func (s *Service) parseOpaque(token string) (sessionID int64, hash []byte, err error) {
	if len(token) > maxToken {
		return 0, nil, ErrTokenInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != opaqueHead+sha256.Size || !s.keys.Verify(purposeOpaque, raw[:opaqueHead], raw[opaqueHead:]) {
		return 0, nil, ErrTokenInvalid
	}
	sum := sha256.Sum256(raw[opaqueID:opaqueHead])
	return int64(binary.BigEndian.Uint64(raw)), sum[:], nil //nolint:gosec // signed by us
}

// spend replaces the living hash of a session. Of any number that try so at the
// same time with one token, one succeeds: the condition decides.
const spend = `UPDATE sessions SET refresh_hash = CAST( @new AS bytea), refresh_generation = refresh_generation + 1, expires_at = @expires
	WHERE id = @id AND account_id = @account_id AND refresh_hash = CAST( @old AS bytea) AND ended_at IS NULL AND expires_at > now()`

// rotateOpaque is Rotate for random refresh tokens: two statements.
func (s *Service) rotateOpaque(ctx context.Context, p *Profile, token string) (TokenPair, Identity, error) {
	id, old, err := s.parseOpaque(token)
	if err != nil {
		return TokenPair{}, Identity{}, err
	}
	st, found, err := s.memberSessions.Load(ctx, id)
	switch {
	case err != nil:
		return TokenPair{}, Identity{}, err
	case !found, !st.alive:
		return TokenPair{}, Identity{}, ErrTokenExpired
	}
	if account, bound := store.AccountID(ctx); bound && account != st.User.AccountID { // another account's does not exist here
		return TokenPair{}, Identity{}, ErrTokenInvalid
	}
	st.Principal.SessionID, st.Principal.Door = id, Door(ctx)
	secret, hash, err := newRefreshSecret()
	if err != nil {
		return TokenPair{}, Identity{}, err
	}
	now := s.now()
	expires := now.Add(p.RefreshTTL).Truncate(time.Second)
	touched, err := s.db.Exec(store.WithAccount(ctx, st.User.AccountID), spend, store.Args{"id": id, "old": old, "new": hash, "expires": expires})
	if err != nil {
		return TokenPair{}, Identity{}, fmt.Errorf("auth: rotate: %w", err)
	}
	if touched == 0 { // spent before, or ended since it was read
		return TokenPair{}, Identity{}, s.reused(ctx, st)
	}
	pair, err := s.flatPair(p, holder{user: st.User, roles: st.Roles, tenant: st.Membership.Tenant, session: id}, secret, now, expires)
	return pair, st.Identity, err
}

// flatPair makes the tokens of a Profile.
func (s *Service) flatPair(p *Profile, h holder, secret []byte, now, refreshExpires time.Time) (TokenPair, error) {
	pair := TokenPair{
		SessionID: h.session, Refresh: s.opaqueToken(h.session, secret), RefreshExpiresAt: refreshExpires,
		AccessExpiresAt: now.Add(p.AccessTTL).Truncate(time.Second),
	}
	if pair.AccessExpiresAt.After(refreshExpires) {
		pair.AccessExpiresAt = refreshExpires
	}
	// They tell the client who it is; the hub itself uses sub and jti only.
	claims := jwt.MapClaims{
		"sub": strconv.FormatInt(h.user.ID, 10), "email": h.user.Email, "roles": p.RoleNames(titlesOf(h.roles)), "tenantId": nil,
		"jti": strconv.FormatInt(h.session, 10) + jtiSeparator + rand.Text(), "iat": now.Unix(), "exp": pair.AccessExpiresAt.Unix(),
	}
	if h.tenant != nil {
		claims["tenantId"] = strconv.FormatInt(*h.tenant, 10)
	}
	var err error
	if pair.Access, err = s.signClaims(purposeAccess, claims); err != nil {
		return TokenPair{}, fmt.Errorf("auth: sign: %w", err)
	}
	return pair, nil
}

// OwnSession gives the open session of a user that a living random refresh
// token belongs to; 0 for any other token. At most one statement.
func (s *Service) OwnSession(ctx context.Context, userID int64, token string) (int64, error) {
	id, hash, err := s.parseOpaque(token)
	if err != nil {
		return 0, nil //nolint:nilerr // what is no token names no session
	}
	var found int64
	err = s.db.Query(ctx, &found, `SELECT id FROM sessions WHERE id = @id AND account_id = @account_id AND user_id = @user
		AND refresh_hash = CAST( @hash AS bytea) AND ended_at IS NULL`, store.Args{"id": id, "user": userID, "hash": hash})
	if err != nil {
		return 0, fmt.Errorf("auth: session: %w", err)
	}
	return found, nil
}

// CloseOtherSessions ends all sessions of a user but one.
func (s *Service) CloseOtherSessions(ctx context.Context, reason string, userID, but int64) (int64, error) {
	n, err := s.db.Exec(ctx, `UPDATE sessions SET ended_at = now(), end_reason = @reason
		WHERE user_id = @user AND account_id = @account_id AND id <> @but AND ended_at IS NULL`, store.Args{"user": userID, "but": but, "reason": reason})
	if err != nil {
		return 0, fmt.Errorf("auth: close sessions: %w", err)
	}
	return n, nil
}
