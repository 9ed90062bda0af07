package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// verifiedTokens remembers which access tokens have been checked. Signature and
// content of a token never change, so a token that is seen again, by the same
// keys, needs its expiry looked at and nothing else; whether its session still lives is asked of
// the database with every request, here as without it. Tokens are kept as
// hashes. The zero value is ready.
type verifiedTokens struct {
	mu   sync.RWMutex
	new  map[[sha256.Size]byte]verifiedToken
	last map[[sha256.Size]byte]verifiedToken // the generation before; dropped when new is full
}

type verifiedToken struct {
	user, session int64
	expires       time.Time
	keys          *Keyring // that it was checked with
}

// verifiedGeneration bounds the tokens of each of the two generations.
const verifiedGeneration = 16_384

func (v *verifiedTokens) get(key [sha256.Size]byte) (verifiedToken, bool) {
	v.mu.RLock()
	token, ok := v.new[key]
	old := false
	if !ok {
		token, old = v.last[key]
	}
	v.mu.RUnlock()
	if old {
		v.put(key, token) // in use: it survives the next drop
	}
	return token, ok || old
}

func (v *verifiedTokens) put(key [sha256.Size]byte, token verifiedToken) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.new == nil || len(v.new) >= verifiedGeneration {
		v.last, v.new = v.new, map[[sha256.Size]byte]verifiedToken{}
	}
	v.new[key] = token
}

// access checks an access token and tells whose it is: user and session.
// Errors: ErrTokenInvalid, ErrTokenExpired.
func (s *Service) access(token string) (ClaimData, error) {
	if len(token) > maxToken {
		return ClaimData{}, ErrTokenInvalid
	}
	key := sha256.Sum256([]byte(token))
	if seen, ok := s.verified.get(key); ok && seen.keys == s.keys {
		if !s.now().Before(seen.expires) {
			return ClaimData{}, ErrTokenExpired
		}
		return ClaimData{ID: seen.user, SessionID: seen.session}, nil
	}
	claims, err := s.parse(purposeAccess, token)
	if err != nil {
		return ClaimData{}, err
	}
	s.verified.put(key, verifiedToken{user: claims.Data.ID, session: claims.Data.SessionID, expires: claims.ExpiresAt.Time, keys: s.keys})
	return claims.Data, nil
}
