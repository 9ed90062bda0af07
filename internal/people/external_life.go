package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// SetUserActive activates or deactivates a person, for an administrator; doing
// it again changes nothing. Who is deactivated keeps what they belong to and
// can't sign in. Errors: models.ErrForbidden, ErrUserUnknown, ErrLastAdmin.
func (s *Service) SetUserActive(ctx context.Context, user ref.Ref, active bool) error {
	return s.changeLocked(ctx, user, func(ctx context.Context, u models.User) error { return s.setActive(ctx, u, active, true) })
}

// changeLocked runs a change of a person in a transaction that has locked them,
// for an administrator.
func (s *Service) changeLocked(ctx context.Context, user ref.Ref, change func(ctx context.Context, u models.User) error) error {
	if err := requireAdmin(ctx); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		u, err := s.LockUser(ctx, user)
		if err != nil {
			return err
		}
		return change(ctx, u)
	})
}

// setActive gives a locked user a status; admins of the account are for admins.
func (s *Service) setActive(ctx context.Context, u models.User, active, byAdmin bool) error {
	switch {
	case active == (u.Status == models.StatusActive):
		return nil
	case !active:
		_, err := s.deactivate(ctx, store.Args{"ids": pq.Int64Array{u.ID}, "emails": pq.StringArray{}, "own": 0}, byAdmin)
		return err
	}
	if _, err := s.db.Exec(ctx, `UPDATE users SET status = 'ACTIVE', updated_at = now() WHERE id = @id AND account_id = @account_id AND status = 'INACTIVE'`,
		store.Args{"id": u.ID}); err != nil {
		return fmt.Errorf("people: activate: %w", err)
	}
	return audit.Write(ctx, s.db, audit.Event{Action: "user.activated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID})
}

// DeleteExternal is DeleteUser by another key. The identifier and the user name
// are free again.
func (s *Service) DeleteExternal(ctx context.Context, user ref.Ref) error {
	return s.changeLocked(ctx, user, s.deleteUser)
}

// ChangeIdentifier gives a person another identifier, for an administrator; what
// belongs to them stays theirs. Equal ones change nothing. Errors:
// models.ErrForbidden, ErrUserUnknown, an invalid input (also for a reserved
// word), ErrIdentifierTaken.
func (s *Service) ChangeIdentifier(ctx context.Context, from, to string) error {
	return s.changeLocked(ctx, ref.ByIdentifier(from), func(ctx context.Context, u models.User) error {
		var r rules
		switch {
		case from == to:
			return nil
		case !ref.ValidIdentifier(to):
			r.Bad("newUserIdentifier", input.Invalid, "is empty, too long or invalid")
		case slices.Contains(reservedIdentifiers, to):
			r.Bad("newUserIdentifier", ruleReserved, "is reserved")
		}
		if err := r.Err(); err != nil {
			return err
		}
		if _, err := s.db.Exec(ctx, `UPDATE users SET identifier = @to, updated_at = now() WHERE id = @id AND account_id = @account_id`,
			store.Args{"id": u.ID, "to": to}); err != nil {
			if taken := taken(err); taken != nil {
				return taken
			}
			return fmt.Errorf("people: identifier: %w", err)
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
			Data: map[string]any{"changed": []string{"identifier"}}})
	})
}

// SetPermissions replaces the permissions of an instructor, for an
// administrator; none clears them. Errors: models.ErrForbidden, ErrUserUnknown,
// an invalid input, also when the person can't be an instructor.
func (s *Service) SetPermissions(ctx context.Context, user ref.Ref, permissions []string) error {
	wanted := pq.StringArray{}
	var r rules
	for _, p := range permissions {
		switch {
		case !slices.Contains(models.InstructorPermissions, p):
			r.Bad("permissions", input.Enum, "is invalid, must be one of: INSTRUCTOR_CREATE_COURSE_INSTANCE,INSTRUCTOR_CREATE_COURSE")
		case !slices.Contains(wanted, p):
			wanted = append(wanted, p)
		}
	}
	slices.Sort(wanted)
	return s.changeLocked(ctx, user, func(ctx context.Context, u models.User) error {
		if err := r.Err(); err != nil {
			return err
		}
		roles, err := s.PossibleRoles(ctx, u.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(roles, models.PossibleRoleInstructor) {
			r.Bad("permissions", "possible_role", "are for people who have INSTRUCTOR among their possible roles")
			return r.Err()
		}
		n, err := s.db.Exec(ctx, `INSERT INTO user_details AS d (user_id, account_id, permissions) VALUES (@user, @account_id, CAST(@permissions AS text[]))
			ON CONFLICT (user_id) DO UPDATE SET permissions = excluded.permissions, updated_at = now()
			WHERE d.account_id = @account_id AND d.permissions <> excluded.permissions`, store.Args{"user": u.ID, "permissions": wanted})
		if err != nil || n == 0 {
			return err
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "user.updated", SubjectType: "user", SubjectID: u.ID, OrganizationID: &u.OrganizationID,
			Data: map[string]any{"changed": []string{"permissions"}, "permissions": []string(wanted)}})
	})
}

// LeaveSubAccount takes a person out of a sub-account, for an administrator; it
// changes nothing if they are not in it. Their home becomes the sub-account
// that they have been in for the longest time, or the default organization.
// What they belong to inside the sub-account ends in the same transaction
// (UsersLeft). Errors: models.ErrForbidden, ErrUserUnknown,
// ErrOrganizationUnknown.
func (s *Service) LeaveSubAccount(ctx context.Context, user ref.Ref, name string) error {
	if err := requireAdmin(ctx); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		organization, err := s.SubAccount(ctx, name) // organizations are locked before people
		if err != nil {
			return err
		}
		u, err := s.LockUser(ctx, user)
		if err != nil {
			return err
		}
		_, err = s.leave(ctx, u, organization, false)
		return err
	})
}
