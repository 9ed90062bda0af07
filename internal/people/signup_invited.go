package people

import (
	"context"
	"fmt"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// AcceptInvite makes a user of an invitation, by the token of its mail: whoever
// holds it reads the invited mailbox, so no further proof is asked for. The
// account is the invitation's. One for a user whom a calling system has made sets
// their first password; their name stays what that system says. Errors: an
// invalid input, ErrInviteInvalid (forged, revoked, lapsed, used, replaced by a
// newer mail, or its user has a password or another address by now),
// ErrEmailTaken.
func (s *Service) AcceptInvite(ctx context.Context, token, name, password string) (SignedIn, error) {
	var r rules
	name = r.text("name", name, maxName, false) // the invitation has one
	password = r.password("password", password)
	if err := r.Err(); err != nil {
		return SignedIn{}, err
	}
	id, version, ok := auth.ParseInviteToken(s.auth.Keys(), token)
	if !ok {
		return SignedIn{}, ErrInviteInvalid
	}
	var found models.Invite
	if err := s.db.Query(store.AsSystem(ctx), &found, `SELECT i.account_id, i.user_id FROM invites i JOIN accounts a ON a.id = i.account_id
		WHERE i.id = @id AND i.token_version = @version AND i.status = 'PENDING' AND i.expires_at > now() AND a.status = 'ACTIVE'`,
		store.Args{"id": id, "version": version}); err != nil {
		return SignedIn{}, err
	}
	if found.AccountID == 0 {
		return SignedIn{}, ErrInviteInvalid
	}
	hash, err := s.auth.Passwords().Hash(ctx, password)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.db.InTx(store.WithAccount(ctx, found.AccountID), func(ctx context.Context) error {
		u, err := s.lockInvited(ctx, found.UserID)
		if err != nil {
			return err
		}
		var i models.Invite
		if err := s.db.Query(ctx, &i, `SELECT * FROM invites WHERE id = @id AND account_id = @account_id AND token_version = @version
			AND status = 'PENDING' AND expires_at > now() FOR UPDATE`, store.Args{"id": id, "version": version}); err != nil {
			return err
		}
		if i.ID == 0 || !sameUser(i.UserID, found.UserID) {
			return ErrInviteInvalid
		}
		if i.UserID != nil {
			out, err = s.firstPassword(ctx, u, i, hash)
			return err
		}
		organization, err := s.homeOf(ctx, i.Email, i.OrganizationID)
		if err != nil {
			return err
		}
		if organization.ID != i.OrganizationID {
			return ErrInviteInvalid // it was deactivated
		}
		if name == "" {
			name = i.Name
		}
		out, err = s.join(ctx, joining{name: name, email: i.Email, hash: hash, verified: true, organization: organization,
			invite: i.ID, roleIDs: i.RoleIDs, action: "invite.accepted"})
		return err
	})
	return out, err
}

func sameUser(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// lockInvited locks the user of an invitation; people are locked before what
// belongs to them. Zero without one, and when they cannot sign in.
func (s *Service) lockInvited(ctx context.Context, id *int64) (u models.User, err error) {
	if id == nil {
		return u, nil
	}
	err = s.db.Query(ctx, &u, `SELECT u.* FROM users u JOIN organizations o ON o.id = u.organization_id
		WHERE u.account_id = @account_id AND u.id = @id AND u.status = 'ACTIVE' AND o.status = 'ACTIVE' FOR NO KEY UPDATE OF u`,
		store.Args{"id": *id})
	return u, err
}

// firstPassword accepts the invitation of a locked user. Roles that the
// invitation promised before it was this user's are theirs if they belong to its
// organization.
func (s *Service) firstPassword(ctx context.Context, u models.User, i models.Invite, hash string) (SignedIn, error) {
	if u.ID == 0 || u.Email == nil || *u.Email != i.Email {
		return SignedIn{}, ErrInviteInvalid
	}
	args := store.Args{"user": u.ID, "hash": hash, "invite": i.ID}
	n, err := s.db.Exec(ctx, `INSERT INTO user_credentials (user_id, account_id, password_hash) VALUES (@user, @account_id, @hash)
		ON CONFLICT (user_id) DO NOTHING`, args)
	if err != nil {
		return SignedIn{}, fmt.Errorf("people: first password: %w", err)
	}
	if n == 0 {
		return SignedIn{}, ErrInviteInvalid
	}
	if _, err := s.db.Exec(ctx, `UPDATE invites SET status = 'ACCEPTED', updated_at = now() WHERE account_id = @account_id AND id = @invite`, args); err != nil {
		return SignedIn{}, fmt.Errorf("people: first password: %w", err)
	}
	if _, err := s.db.Exec(ctx, `UPDATE users SET email_verified = true, updated_at = now() WHERE account_id = @account_id AND id = @user`, args); err != nil {
		return SignedIn{}, fmt.Errorf("people: first password: %w", err)
	}
	u.EmailVerified = true
	if len(i.RoleIDs) > 0 && u.OrganizationID == i.OrganizationID {
		if _, err := s.db.Exec(ctx, `INSERT INTO user_roles (account_id, user_id, role_id)
			SELECT @account_id, @user, r.id FROM invites i JOIN roles r ON r.id = ANY(i.role_ids) AND r.account_id = i.account_id
			WHERE i.account_id = @account_id AND i.id = @invite AND r.status = 'ACTIVE' AND r.user_type = 0 AND r.deleted_at IS NULL
			ON CONFLICT DO NOTHING`, args); err != nil {
			return SignedIn{}, fmt.Errorf("people: first password: %w", err)
		}
	}
	people, err := s.withRoles(ctx, []models.User{u})
	if err != nil {
		return SignedIn{}, err
	}
	out := SignedIn{Person: people[0]}
	if out.Tokens, err = s.auth.OpenSession(ctx, auth.NewSession{User: u, Roles: out.Roles}); err != nil {
		return SignedIn{}, err
	}
	return out, audit.Write(ctx, s.db, audit.Event{Action: "invite.accepted", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
		ActorID: &u.ID, Data: map[string]any{"invite": i.ID}})
}
