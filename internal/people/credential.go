package people

import (
	"context"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/store"
	"quad/models"
)

// ErrTokenUnknown is an API token or client that is not there, or revoked.
var ErrTokenUnknown = models.Refuse(models.KindNotFound, "credential.unknown", "there is no such token or client")

// maxTokens bounds what one person keeps.
const maxTokens = 100

// CreateAPIToken makes an API token that acts as the caller. The token itself is
// in the answer and nowhere else. A caller who came with an API token can't make
// another one. Errors: an invalid input, models.ErrForbidden.
func (s *Service) CreateAPIToken(ctx context.Context, name string, expires *time.Time) (token string, row models.APIToken, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return "", row, err
	}
	if p.SessionID == 0 {
		return "", row, models.ErrForbidden
	}
	return s.IssueAPIToken(ctx, p.UserID, name, expires)
}

// IssueAPIToken is CreateAPIToken for the hub itself, for any user of the
// account.
func (s *Service) IssueAPIToken(ctx context.Context, userID int64, name string, expires *time.Time) (token string, row models.APIToken, err error) {
	var r rules
	name = r.name("name", name)
	if expires != nil && !expires.After(time.Now()) {
		r.Bad("expires_at", input.Invalid, "is in the past")
	}
	if err := r.Err(); err != nil {
		return "", row, err
	}
	token, hash, err := auth.NewAPIToken()
	if err != nil {
		return "", row, err
	}
	row = models.APIToken{UserID: userID, Name: name, TokenHash: hash, ExpiresAt: expires}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var u struct {
			ID, OrganizationID int64
			Tokens             int
		}
		if err := s.db.Query(ctx, &u, `SELECT u.id, u.organization_id, (SELECT count(*) FROM api_tokens t WHERE t.account_id = @account_id
				AND t.user_id = u.id AND t.revoked_at IS NULL) AS tokens
			FROM users u WHERE u.id = @user AND u.account_id = @account_id AND u.status = 'ACTIVE' FOR NO KEY UPDATE OF u`,
			store.Args{"user": userID}); err != nil {
			return err
		}
		switch {
		case u.ID == 0:
			return ErrUserUnknown
		case u.Tokens >= maxTokens:
			return models.Invalid(models.FieldError{Field: "name", Rule: input.TooLong, Text: "there are too many tokens, revoke some first"})
		}
		if err := s.db.Conn(ctx).Create(&row).Error; err != nil {
			return fmt.Errorf("people: api token: %w", err)
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "api_token.created", SubjectType: "api_token", SubjectID: row.ID, OrganizationID: &u.OrganizationID})
	})
	if err != nil {
		return "", models.APIToken{}, err
	}
	return token, row, nil
}

// ListAPITokens gives the caller's tokens that are not revoked, without what
// would let anybody use them.
func (s *Service) ListAPITokens(ctx context.Context) ([]models.APIToken, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	var rows []models.APIToken
	err = s.db.Conn(ctx).Omit("token_hash").Where("user_id = ? AND revoked_at IS NULL", p.UserID).Order("id").Limit(maxTokens).Find(&rows).Error
	return rows, err
}

// RevokeAPIToken ends a token of the caller, or as admin anybody's. It holds at
// once. Errors: ErrTokenUnknown.
func (s *Service) RevokeAPIToken(ctx context.Context, id int64) error {
	p, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	anybody := p.Has(models.RoleAdmin)
	return s.revoke(ctx, "api_token", `UPDATE api_tokens SET revoked_at = now() WHERE id = @id AND account_id = @account_id AND revoked_at IS NULL
		AND (@anybody OR user_id = @user)`, store.Args{"id": id, "anybody": anybody, "user": p.UserID})
}

func (s *Service) revoke(ctx context.Context, what, text string, args store.Args) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		n, err := s.db.Exec(ctx, text, args)
		if err != nil {
			return fmt.Errorf("people: revoke: %w", err)
		}
		if n == 0 {
			return ErrTokenUnknown
		}
		id, _ := args["id"].(int64)
		return audit.Write(ctx, s.db, audit.Event{Action: what + ".revoked", SubjectType: what, SubjectID: id})
	})
}

// IssueAPIClient makes a system's key and secret, for the whole account or one
// organization. The secret is in the answer and nowhere else. It asks nobody's
// permission: CreateAPIClient does. Errors: an invalid input,
// ErrOrganizationUnknown.
func (s *Service) IssueAPIClient(ctx context.Context, name string, organizationID *int64) (secret string, row models.APIClient, err error) {
	var r rules
	name = r.name("name", name)
	if err := r.Err(); err != nil {
		return "", row, err
	}
	if organizationID != nil {
		if _, err := s.Organization(ctx, *organizationID); err != nil {
			return "", row, err
		}
	}
	key, secret, hash, err := auth.NewClientSecret()
	if err != nil {
		return "", row, err
	}
	row = models.APIClient{Name: name, ClientKey: key, SecretHash: hash, OrganizationID: organizationID, CreatedBy: actorOf(ctx)}
	if err := s.addAPIClient(ctx, &row); err != nil {
		return "", models.APIClient{}, err
	}
	return secret, row, nil
}

func (s *Service) addAPIClient(ctx context.Context, row *models.APIClient) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(row).Error; err != nil {
			return fmt.Errorf("people: api client: %w", err)
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "api_client.created", SubjectType: "api_client", SubjectID: row.ID, OrganizationID: row.OrganizationID})
	})
}

// AddAPIClient makes a client of the whole account whose key and secret the
// caller has made, for a deployment that keeps them itself. The secret must have
// at least 128 random bits: only a plain hash of it is stored.
func (s *Service) AddAPIClient(ctx context.Context, name, key, secret string) error {
	return s.addAPIClient(ctx, &models.APIClient{Name: name, ClientKey: key, SecretHash: auth.HashClientSecret(secret)})
}

// CreateAPIClient is IssueAPIClient for an admin. Errors: models.ErrForbidden
// and those of IssueAPIClient.
func (s *Service) CreateAPIClient(ctx context.Context, name string, organizationID *int64) (secret string, row models.APIClient, err error) {
	if err := requireAdmin(ctx); err != nil {
		return "", row, err
	}
	return s.IssueAPIClient(ctx, name, organizationID)
}

// RevokeAPIClient ends a client's access at once, for an admin. Errors:
// models.ErrForbidden, ErrTokenUnknown.
func (s *Service) RevokeAPIClient(ctx context.Context, id int64) error {
	if err := requireAdmin(ctx); err != nil {
		return err
	}
	return s.revoke(ctx, "api_client", `UPDATE api_clients SET revoked_at = now() WHERE id = @id AND account_id = @account_id AND revoked_at IS NULL`,
		store.Args{"id": id})
}
