package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"quad/internal/store"
	"quad/models"
)

// Prefixes make leaked secrets easy to find for scanners.
const (
	apiTokenPrefix     = "quad_"
	clientKeyPrefix    = "quadk_"
	clientSecretPrefix = "quads_"
)

// NewAPIToken makes a token and the hash that is stored. The token is shown
// once and never again. It has 256 random bits, so a plain SHA-256 is enough:
// there is nothing to guess.
func NewAPIToken() (token string, hash []byte, err error) {
	return newSecret(apiTokenPrefix)
}

// IsAPIToken tells API tokens from access tokens.
func IsAPIToken(token string) bool { return strings.HasPrefix(token, apiTokenPrefix) }

// NewClientSecret makes the key and secret of an API client and the secret's
// hash that is stored. The secret is shown once.
func NewClientSecret() (key, secret string, hash []byte, err error) {
	if secret, hash, err = newSecret(clientSecretPrefix); err != nil {
		return "", "", nil, err
	}
	raw := make([]byte, 12)
	if _, err := rand.Read(raw); err != nil {
		return "", "", nil, fmt.Errorf("auth: %w", err)
	}
	return clientKeyPrefix + base64.RawURLEncoding.EncodeToString(raw), secret, hash, nil
}

func newSecret(prefix string) (secret string, hash []byte, err error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", nil, fmt.Errorf("auth: %w", err)
	}
	secret = prefix + base64.RawURLEncoding.EncodeToString(raw)
	return secret, HashClientSecret(secret), nil
}

// HashClientSecret is what is stored of the secret of an API client.
func HashClientSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// AuthenticateClient checks key and secret of an API client with one statement,
// and notes its use at most once a minute with a second one. The answer to an
// unknown key, a wrong secret and a revoked client is the same. Errors:
// ErrTokenInvalid.
func (s *Service) AuthenticateClient(ctx context.Context, key, secret string) (models.APIClient, error) {
	if len(key) > maxToken || len(secret) > maxToken {
		return models.APIClient{}, ErrTokenInvalid
	}
	var row struct {
		models.APIClient
		Usable bool
		Note   bool
	}
	err := s.db.Query(store.AsSystem(ctx), &row, `SELECT c.*, c.revoked_at IS NULL AND a.status = 'ACTIVE' AND coalesce(o.status, 'ACTIVE') = 'ACTIVE' AS usable,
			c.last_used_at IS NULL OR c.last_used_at < now() - interval '1 minute' AS note
		FROM api_clients c JOIN accounts a ON a.id = c.account_id LEFT JOIN organizations o ON o.id = c.organization_id
		WHERE c.client_key = @key`, store.Args{"key": key})
	if err != nil {
		return models.APIClient{}, fmt.Errorf("auth: client: %w", err)
	}
	if subtle.ConstantTimeCompare(HashClientSecret(secret), row.SecretHash) != 1 || !row.Usable {
		return models.APIClient{}, ErrTokenInvalid
	}
	if row.Note {
		_, err = s.db.Exec(store.WithAccount(ctx, row.AccountID), `UPDATE api_clients SET last_used_at = now() WHERE id = @id AND account_id = @account_id`,
			store.Args{"id": row.ID})
	}
	return row.APIClient, err
}
