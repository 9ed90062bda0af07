package people

import (
	"context"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// DeletedName is what a deleted person is called.
const DeletedName = "Anonymous User"

// DeleteUser takes a person out for good, for an admin. The row stays, because
// others point at it, and tells nobody who it was: it is called DeletedName, its
// address is <md5 of the id>@deletedUser, the profile is empty. Credentials,
// roles and one-time codes are gone, API tokens revoked, all sessions ended; the
// address is free for a new user. What other areas keep about the person is
// theirs to end and to empty, in the same transaction (UsersDeleted). Errors:
// models.ErrForbidden, ErrUserUnknown (also for the deleted), ErrLastAdmin.
func (s *Service) DeleteUser(ctx context.Context, id int64) error {
	return s.changeLocked(ctx, ref.ByID(id), s.deleteUser)
}

// deleteUser is DeleteUser for a user whom the transaction has locked.
func (s *Service) deleteUser(ctx context.Context, u models.User) error {
	admin, err := s.anyAdmin(ctx, u.ID)
	if err != nil {
		return err
	}
	if u.Email == nil {
		u.Email = new(string)
	}
	if err := s.tell(ctx, Event{Kind: UsersDeleted, UserIDs: []int64{u.ID}, Emails: []string{*u.Email}}); err != nil {
		return err
	}
	if err := s.anonymise(ctx, u); err != nil {
		return err
	}
	if err := audit.Write(ctx, s.db, audit.Event{Action: "user.deleted", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID}); err != nil || !admin {
		return err
	}
	return s.someAdminStays(ctx)
}

// anonymise empties what this area keeps about a person.
func (s *Service) anonymise(ctx context.Context, u models.User) error {
	args := store.Args{"id": u.ID, "email": u.Email, "name": DeletedName}
	for _, statement := range []string{
		`UPDATE users SET status = 'DELETED', name = @name, email = md5(CAST(id AS text)) || '@deletedUser', email_verified = false, identifier = NULL,
			username = NULL, first_name = NULL, last_name = NULL, about = NULL, image = NULL, gender = NULL, location = '{}', languages = '{}', preferred_language = DEFAULT, share_link = NULL,
			accepted_terms_at = NULL, last_logged_in_at = NULL, deleted_at = now(), updated_at = now()
			WHERE id = @id AND account_id = @account_id`,
		`DELETE FROM user_credentials WHERE user_id = @id AND account_id = @account_id`,
		`DELETE FROM user_roles WHERE user_id = @id AND account_id = @account_id`,
		`WITH details AS (DELETE FROM user_details WHERE user_id = @id AND account_id = @account_id),
			organizations AS (DELETE FROM user_organizations WHERE user_id = @id AND account_id = @account_id),
			profiles AS (DELETE FROM user_profile_members WHERE user_id = @id AND account_id = @account_id)
			DELETE FROM entitlements WHERE user_id = @id AND account_id = @account_id`,
		`DELETE FROM one_time_codes WHERE account_id = @account_id AND email = @email`,
		`UPDATE api_tokens SET name = '', revoked_at = COALESCE(revoked_at, now()) WHERE account_id = @account_id AND user_id = @id`,
	} {
		if _, err := s.db.Exec(ctx, statement, args); err != nil {
			return err
		}
	}
	_, err := s.auth.CloseUserSessions(ctx, auth.EndDeleted, u.ID)
	return err
}
