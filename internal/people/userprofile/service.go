// Package userprofile keeps the profiles that people are given, labels such as
// the work they do, and who has which.
package userprofile

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ErrUnknown is the refusal of a profile that is not there.
var ErrUnknown = models.Refuse(models.KindNotFound, "userprofile.unknown", "there is no such user profile")

const (
	// MaxName is the longest name of a profile, in characters.
	MaxName = 255
	// MaxAsked is how many profiles one call of Get names at most.
	MaxAsked = 200
)

// People is what this package asks about people. *people.Service is one.
type People interface {
	// LockUser finds a person who is not deleted and keeps others from changing
	// what they belong to until the end of the transaction.
	LockUser(ctx context.Context, user ref.Ref) (models.User, error)
}

// Deps is what a Service needs.
type Deps struct {
	DB     *store.DB
	People People
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil {
		return nil, errors.New("userprofile: DB and People are needed")
	}
	return &Service{d: d}, nil
}

func event(action string, id int64, data map[string]any) audit.Event {
	return audit.Event{Action: action, SubjectType: "user_profile", SubjectID: id, Data: data}
}

// Upsert makes the profile of an identifier or changes it, for an admin, and
// tells whether it was made, which the unique index decides. A nil name stays as
// it is. Errors: an invalid input, also a new profile without a name;
// models.ErrForbidden.
func (s *Service) Upsert(ctx context.Context, identifier string, name *string) (created bool, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return false, err
	}
	var c input.Check
	if !ref.ValidIdentifier(identifier) {
		c.Bad("identifier", input.Invalid, fmt.Sprintf("must have 1 to %d characters", ref.MaxIdentifier))
	}
	if name != nil {
		own := *name
		name = &own
		c.Line("name", name, MaxName)
	}
	if err := c.Err(); err != nil {
		return false, err
	}
	args := store.Args{"identifier": identifier, "name": name}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		var p models.UserProfile
		if name == nil {
			if err := s.d.DB.Query(ctx, &p, `SELECT * FROM user_profiles WHERE account_id = @account_id AND identifier = @identifier`, args); err != nil {
				return err
			}
			if p.ID == 0 {
				c.Bad("name", input.Required, "field is empty")
			}
			return c.Err()
		}
		if err := s.d.DB.Query(ctx, &p, `INSERT INTO user_profiles (account_id, identifier, name) VALUES (@account_id, @identifier, @name)
			ON CONFLICT (account_id, identifier) DO NOTHING RETURNING *`, args); err != nil {
			return err
		}
		if created = p.ID != 0; created {
			return audit.Write(ctx, s.d.DB, event("user_profile.created", p.ID, map[string]any{"identifier": identifier, "name": *name}))
		}
		if err := s.d.DB.Query(ctx, &p, `UPDATE user_profiles SET name = @name, updated_at = now()
			WHERE account_id = @account_id AND identifier = @identifier AND name <> @name RETURNING *`, args); err != nil || p.ID == 0 {
			return err
		}
		return audit.Write(ctx, s.d.DB, event("user_profile.updated", p.ID, map[string]any{"identifier": identifier, "name": *name}))
	})
	if err != nil {
		return false, fmt.Errorf("userprofile: put: %w", err)
	}
	return created, nil
}

// Get gives the profiles of identifiers in the order asked, each once, for an
// admin; unknown ones are left out. One statement. Errors: models.ErrForbidden;
// more than MaxAsked are invalid.
func (s *Service) Get(ctx context.Context, identifiers []string) ([]models.UserProfile, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	if len(identifiers) > MaxAsked {
		return nil, models.Invalid(models.FieldError{Field: "identifiers", Rule: input.TooLong, Text: fmt.Sprintf("identifiers are more than %d", MaxAsked)})
	}
	asked := make([]string, 0, len(identifiers))
	for _, identifier := range identifiers {
		if ref.ValidIdentifier(identifier) {
			asked = append(asked, identifier)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	return s.list(ctx, `SELECT p.id, p.identifier, p.name, p.created_at, p.updated_at
		FROM (SELECT identifier, min(place) AS place FROM unnest(@asked::text[]) WITH ORDINALITY a (identifier, place) GROUP BY identifier) a
		JOIN user_profiles p ON p.account_id = @account_id AND p.identifier = a.identifier ORDER BY a.place`, store.Args{"asked": asked})
}

func (s *Service) list(ctx context.Context, text string, args store.Args) (profiles []models.UserProfile, err error) {
	err = s.d.DB.QueryRows(ctx, text, args, func(row pgx.CollectableRow) error {
		var p models.UserProfile
		if err := row.Scan(&p.ID, &p.Identifier, &p.Name, &p.CreatedAt, &p.UpdatedAt); err != nil {
			return err
		}
		profiles = append(profiles, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("userprofile: list: %w", err)
	}
	return profiles, nil
}

// ListOf lists the profiles of a person, by creation, for an admin. One
// statement. Errors: models.ErrForbidden, people.ErrUserUnknown.
func (s *Service) ListOf(ctx context.Context, user ref.Ref) ([]models.UserProfile, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	if !user.Valid() {
		return nil, people.ErrUserUnknown
	}
	// One row without a profile for a person who has none.
	var rows []struct {
		models.UserProfile
		UserID int64
	}
	err := s.d.DB.Query(ctx, &rows, `SELECT u.id AS user_id, p.* FROM users u LEFT JOIN user_profile_members m ON m.user_id = u.id AND m.account_id = u.account_id
		LEFT JOIN user_profiles p ON p.id = m.profile_id AND p.account_id = u.account_id
		WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `+user.Condition("u")+` ORDER BY p.created_at, p.id`, user.Args())
	switch {
	case err != nil:
		return nil, fmt.Errorf("userprofile: profiles of a person: %w", err)
	case len(rows) == 0:
		return nil, people.ErrUserUnknown
	}
	profiles := make([]models.UserProfile, 0, len(rows))
	for _, row := range rows {
		if row.ID != 0 {
			profiles = append(profiles, row.UserProfile)
		}
	}
	return profiles, nil
}

// Assign gives a person a profile, for an admin; with replace it takes all
// others in the same moment. Who has it keeps it. Errors: models.ErrForbidden,
// ErrUnknown, people.ErrUserUnknown.
func (s *Service) Assign(ctx context.Context, profile, user ref.Ref, replace bool) error {
	return s.change(ctx, "assign", profile, user, func(ctx context.Context, profileID, userID int64) (events []audit.Event, err error) {
		args := store.Args{"profile": profileID, "user": userID}
		if replace {
			var taken []int64
			if err := s.d.DB.Query(ctx, &taken, `DELETE FROM user_profile_members WHERE account_id = @account_id AND user_id = @user AND profile_id <> @profile
				RETURNING profile_id`, args); err != nil {
				return nil, err
			}
			for _, id := range taken {
				events = append(events, event("user_profile.taken", id, map[string]any{"userId": userID}))
			}
		}
		n, err := s.d.DB.Exec(ctx, `INSERT INTO user_profile_members (account_id, profile_id, user_id) VALUES (@account_id, @profile, @user)
			ON CONFLICT (user_id, profile_id) DO NOTHING`, args)
		if n > 0 {
			events = append(events, event("user_profile.given", profileID, map[string]any{"userId": userID}))
		}
		return events, err
	})
}

// Remove takes a profile from a person, for an admin; who does not have it stays
// without. Errors: models.ErrForbidden, ErrUnknown, people.ErrUserUnknown.
func (s *Service) Remove(ctx context.Context, profile, user ref.Ref) error {
	return s.change(ctx, "remove", profile, user, func(ctx context.Context, profileID, userID int64) ([]audit.Event, error) {
		n, err := s.d.DB.Exec(ctx, `DELETE FROM user_profile_members WHERE account_id = @account_id AND profile_id = @profile AND user_id = @user`,
			store.Args{"profile": profileID, "user": userID})
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Event{event("user_profile.taken", profileID, map[string]any{"userId": userID})}, nil
	})
}

// change runs fn in a transaction with the ids of a profile and of a person whom
// nobody else changes meanwhile.
func (s *Service) change(ctx context.Context, what string, profile, user ref.Ref, fn func(ctx context.Context, profileID, userID int64) ([]audit.Event, error)) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	if !profile.Valid() {
		return ErrUnknown
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		u, err := s.d.People.LockUser(ctx, user)
		if err != nil {
			return err
		}
		var p models.UserProfile
		if err := s.d.DB.Query(ctx, &p, `SELECT p.* FROM user_profiles p WHERE p.account_id = @account_id AND `+profile.Condition("p"), profile.Args()); err != nil {
			return err
		}
		if p.ID == 0 {
			return ErrUnknown
		}
		events, err := fn(ctx, p.ID, u.ID)
		if err != nil {
			return err
		}
		return audit.Write(ctx, s.d.DB, events...)
	})
	if err != nil {
		return fmt.Errorf("userprofile: %s: %w", what, err)
	}
	return nil
}
