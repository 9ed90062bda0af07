package auth

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

// Candidate is a person who tries to prove who they are.
type Candidate struct {
	Identity
	Usable       bool   // may use the hub, see usable
	PasswordHash string // "" without a password
}

const byEmail = `SELECT ` + identitySelect + `, ` + memberSelect + `, coalesce(c.password_hash, '')
	FROM users u LEFT JOIN user_credentials c ON c.user_id = u.id
	WHERE u.account_id = @account_id AND u.email = @email`

// CandidateByEmail reads a person with their password hash and their
// membership: one statement. An
// unknown address gives an empty Candidate, which Passwords.Match refuses at
// the same cost.
func (s *Service) CandidateByEmail(ctx context.Context, email string) (Candidate, error) {
	var c Candidate
	var st standing
	err := s.db.QueryRows(ctx, byEmail, store.Args{"email": models.NormalizeEmail(email)}, func(row pgx.CollectableRow) (err error) {
		c.Identity, st, err = scanIdentity(row, true, &c.PasswordHash)
		return err
	})
	if err == nil {
		c.Usable, err = s.usable(ctx, c.Identity, st)
	}
	if err != nil {
		return Candidate{}, fmt.Errorf("auth: candidate: %w", err)
	}
	return c, nil
}

const byIDOrLink = `SELECT ` + identitySelect + ` FROM users u
	WHERE u.account_id = @account_id AND (u.id = @id OR u.share_link = @link) AND u.status <> 'DELETED'`

// Person reads a person of the account, who may be INACTIVE, with their ACTIVE
// roles: one statement. Errors: models.ErrNotFound, also for the deleted.
func (s *Service) Person(ctx context.Context, id int64) (Identity, error) {
	return s.person(ctx, store.Args{"id": id, "link": nil})
}

// PersonByShareLink is Person by the key of a shared profile.
func (s *Service) PersonByShareLink(ctx context.Context, link string) (Identity, error) {
	return s.person(ctx, store.Args{"id": nil, "link": link})
}

func (s *Service) person(ctx context.Context, args store.Args) (Identity, error) {
	var i Identity
	err := s.db.QueryRows(ctx, byIDOrLink, args, func(row pgx.CollectableRow) (err error) {
		i, _, err = scanIdentity(row, false)
		return err
	})
	if err != nil {
		return Identity{}, fmt.Errorf("auth: person: %w", err)
	}
	if i.User.ID == 0 {
		return Identity{}, models.ErrNotFound
	}
	return i, nil
}
