package people

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// ErrNoSession refuses to end the session of a caller who came with an API token.
var ErrNoSession = models.Refuse(models.KindForbidden, "auth.no_session", "an API token has no session to end; revoke the token instead")

// EndSession ends the session that the caller came with. Errors: ErrNoSession.
func (s *Service) EndSession(ctx context.Context) error {
	p, err := auth.Caller(ctx)
	switch {
	case err != nil:
		return err
	case p.SessionID == 0:
		return ErrNoSession
	}
	return s.SignOut(ctx, "")
}

// ListAPIClients pages through the account's API clients by id, revoked ones
// included. next is the id to go on after, 0 on the last page. For admins.
// Errors: models.ErrForbidden.
func (s *Service) ListAPIClients(ctx context.Context, after int64, limit int) (page []models.APIClient, next int64, err error) {
	if err := requireAdmin(ctx); err != nil {
		return nil, 0, err
	}
	q := s.db.Conn(ctx).Omit("secret_hash").Where("id > ?", after).Order("id")
	if page, next, err = store.Page(q, limit, func(c models.APIClient) int64 { return c.ID }); err != nil {
		return nil, 0, fmt.Errorf("people: API clients: %w", err)
	}
	return page, next, nil
}

// Invitation is what the holder of an invitation's token may see of it.
type Invitation struct {
	Organization string
	Name         string
	Email        string
	ExpiresAt    time.Time
}

// InspectInvite tells what an invitation is about, by the token of its mail.
// Errors: ErrInviteInvalid for a token that AcceptInvite would refuse.
func (s *Service) InspectInvite(ctx context.Context, token string) (Invitation, error) {
	id, version, ok := auth.ParseInviteToken(s.auth.Keys(), token)
	if !ok {
		return Invitation{}, ErrInviteInvalid
	}
	var found Invitation
	err := s.db.Query(store.AsSystem(ctx), &found, `SELECT o.name AS organization, i.name, i.email, i.expires_at
		FROM invites i JOIN organizations o ON o.id = i.organization_id JOIN accounts a ON a.id = i.account_id
		WHERE i.id = @id AND i.token_version = @version AND i.status = 'PENDING' AND i.expires_at > now() AND o.status = 'ACTIVE' AND a.status = 'ACTIVE'
			AND (i.user_id IS NULL OR EXISTS (SELECT FROM users u JOIN organizations home ON home.id = u.organization_id
				WHERE u.account_id = i.account_id AND u.id = i.user_id AND u.email = i.email AND u.status = 'ACTIVE' AND home.status = 'ACTIVE'
				AND NOT EXISTS (SELECT FROM user_credentials c WHERE c.user_id = u.id)))`,
		store.Args{"id": id, "version": version})
	if err != nil {
		return Invitation{}, fmt.Errorf("people: invitation: %w", err)
	}
	if found.Email == "" {
		return Invitation{}, ErrInviteInvalid
	}
	return found, nil
}
