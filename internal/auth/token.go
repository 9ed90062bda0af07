package auth

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"quad/models"
)

// Access and refresh tokens are signed with different keys, so one can't stand
// in for the other.
const (
	purposeAccess  = "access token"
	purposeRefresh = "refresh token"
)

// maxToken bounds what is decoded, in characters.
const maxToken = 8192

// Errors about tokens.
var (
	ErrTokenInvalid = models.Refuse(models.KindUnauthenticated, "auth.token_invalid", "the token is not valid")
	ErrTokenExpired = models.Refuse(models.KindUnauthenticated, "auth.token_expired", "the token has expired or its session has ended")
	ErrTokenReused  = models.Refuse(models.KindUnauthenticated, "auth.token_reused", "the refresh token was used before; its session has been ended")
)

// Claims is the content of access and refresh tokens.
type Claims struct {
	Data ClaimData `json:"data"`
	// Generation counts the rotations of a refresh token.
	Generation int `json:"gen,omitempty"`
	// Subject and ID tell user and session in the tokens of a Profile, which
	// have no Data.
	Subject   string           `json:"sub,omitempty"`
	ID        string           `json:"jti,omitempty"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
	ExpiresAt *jwt.NumericDate `json:"exp"`
}

// ClaimData tells the client who it is. The hub itself uses the ids of user and
// session only and reads everything else from the database.
type ClaimData struct {
	ID             int64       `json:"id"`
	Name           string      `json:"name"`
	SessionID      int64       `json:"session_id"`
	OrganizationID int64       `json:"organization_id"`
	Roles          []RoleClaim `json:"roles"`
}

// RoleClaim is a role in a token.
type RoleClaim struct {
	ID       int64           `json:"id"`
	Title    string          `json:"title"`
	UserType models.UserType `json:"user_type"`
	Status   models.Status   `json:"status"`
}

// GetExpirationTime implements jwt.Claims.
func (c Claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt, nil }

// GetIssuedAt implements jwt.Claims.
func (c Claims) GetIssuedAt() (*jwt.NumericDate, error) { return c.IssuedAt, nil }

// GetNotBefore implements jwt.Claims.
func (c Claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil } //nolint:nilnil // absent

// GetIssuer implements jwt.Claims.
func (c Claims) GetIssuer() (string, error) { return "", nil }

// GetSubject implements jwt.Claims.
func (c Claims) GetSubject() (string, error) { return "", nil }

// GetAudience implements jwt.Claims.
func (c Claims) GetAudience() (jwt.ClaimStrings, error) { return nil, nil }

// TokenPair is what a sign-in gives.
type TokenPair struct {
	Access           string
	Refresh          string
	SessionID        int64
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time
}

func claimData(user models.User, roles []models.Role, sessionID int64) ClaimData {
	data := ClaimData{ID: user.ID, Name: user.Name, SessionID: sessionID, OrganizationID: user.OrganizationID, Roles: make([]RoleClaim, len(roles))}
	for i, r := range roles {
		data.Roles[i] = RoleClaim{ID: r.ID, Title: r.Title, UserType: r.UserType, Status: r.Status}
	}
	return data
}

// sign makes a token that lasts until expires.
func (s *Service) sign(purpose string, data ClaimData, generation int, expires time.Time) (string, error) {
	claims := Claims{Data: data, Generation: generation, IssuedAt: jwt.NewNumericDate(s.now()), ExpiresAt: jwt.NewNumericDate(expires)}
	return s.signClaims(purpose, claims)
}

func (s *Service) signClaims(purpose string, claims jwt.Claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.keys.purpose(purpose)[0].mac)
}

// parse checks signature and expiry. Errors: ErrTokenInvalid, ErrTokenExpired.
func (s *Service) parse(purpose, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrTokenInvalid
	}
	var claims Claims
	_, err := s.parser.ParseWithClaims(token, &claims, s.verifyingKeys(purpose))
	if claims.Subject != "" {
		claims.readFlat()
	}
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, ErrTokenExpired.With(err)
	case err != nil:
		return Claims{}, ErrTokenInvalid.With(err)
	case claims.Data.ID <= 0 || claims.Data.SessionID <= 0:
		return Claims{}, ErrTokenInvalid
	}
	return claims, nil
}

// verifyingKeys gives the parser the keys of a purpose: tokens signed by an
// older key work until they expire.
func (s *Service) verifyingKeys(purpose string) jwt.Keyfunc {
	return func(*jwt.Token) (any, error) {
		keys := s.keys.purpose(purpose)
		if len(keys) == 1 {
			return keys[0].mac, nil
		}
		set := jwt.VerificationKeySet{Keys: make([]jwt.VerificationKey, len(keys))}
		for i := range keys {
			set.Keys[i] = keys[i].mac
		}
		return set, nil
	}
}
