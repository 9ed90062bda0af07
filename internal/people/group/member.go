package group

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// AddMember makes a person a member of a group, for an admin; with replace they
// leave all other groups in the same moment. Who is a member already stays one.
// Errors: models.ErrForbidden, ErrUnknown, people.ErrUserUnknown.
func (s *Service) AddMember(ctx context.Context, group, user ref.Ref, replace bool) error {
	return s.changeMember(ctx, "add member", group, user, func(ctx context.Context, g models.Group, u models.User) ([]audit.Event, error) {
		args := store.Args{"group": g.ID, "user": u.ID}
		var events []audit.Event
		if replace {
			var left []models.Group
			if err := s.d.DB.Query(ctx, &left, `WITH gone AS (
					DELETE FROM group_members WHERE account_id = @account_id AND user_id = @user AND group_id <> @group RETURNING group_id
				) SELECT g.id, g.organization_id FROM groups g JOIN gone ON gone.group_id = g.id WHERE g.account_id = @account_id ORDER BY g.id`, args); err != nil {
				return nil, err
			}
			for _, g := range left {
				events = append(events, event("group.member_removed", g, map[string]any{"userId": u.ID}))
			}
		}
		n, err := s.d.DB.Exec(ctx, `INSERT INTO group_members (account_id, group_id, user_id) VALUES (@account_id, @group, @user)
			ON CONFLICT (group_id, user_id) DO NOTHING`, args)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			events = append(events, event("group.member_added", g, map[string]any{"userId": u.ID}))
		}
		return events, nil
	})
}

// RemoveMember takes a person out of a group, for an admin; who is no member
// stays none. Errors: models.ErrForbidden, ErrUnknown, people.ErrUserUnknown.
func (s *Service) RemoveMember(ctx context.Context, group, user ref.Ref) error {
	return s.changeMember(ctx, "remove member", group, user, func(ctx context.Context, g models.Group, u models.User) ([]audit.Event, error) {
		n, err := s.d.DB.Exec(ctx, `DELETE FROM group_members WHERE account_id = @account_id AND group_id = @group AND user_id = @user`,
			store.Args{"group": g.ID, "user": u.ID})
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Event{event("group.member_removed", g, map[string]any{"userId": u.ID})}, nil
	})
}

// changeMember runs fn with a group and a person who stay what they are until
// the end. When fn tells of changes, other areas hear of them.
func (s *Service) changeMember(ctx context.Context, what string, group, user ref.Ref, fn func(context.Context, models.Group, models.User) ([]audit.Event, error)) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		u, err := s.d.People.LockUser(ctx, user)
		if err != nil {
			return err
		}
		return s.change(ctx, what, false, func(ctx context.Context) ([]audit.Event, error) {
			g, err := s.get(ctx, group)
			if err != nil {
				return nil, err
			}
			events, err := fn(ctx, g.Group, u)
			if err != nil || len(events) == 0 {
				return nil, err
			}
			return events, s.membersChanged(ctx, u.ID)
		})
	})
}

// UsersGone ends the memberships of people who are being deleted, in the
// transaction that deletes them. What else ends with the person is not told of
// here.
func (s *Service) UsersGone(ctx context.Context, userIDs ...int64) error {
	if err := Lock(ctx, s.d.DB, false); err != nil {
		return err
	}
	_, err := s.d.DB.Exec(ctx, `DELETE FROM group_members WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))`,
		store.Args{"users": pq.Int64Array(userIDs)})
	if err != nil {
		return fmt.Errorf("group: forget people: %w", err)
	}
	return nil
}

// UsersLeft ends the memberships of people in the groups of an organization that
// they do not belong to any more, in the transaction in which they leave it.
func (s *Service) UsersLeft(ctx context.Context, organizationID int64, userIDs ...int64) error {
	if err := Lock(ctx, s.d.DB, false); err != nil {
		return err
	}
	var left []models.GroupMember
	if err := s.d.DB.Query(ctx, &left, `DELETE FROM group_members m USING groups g WHERE m.account_id = @account_id AND g.account_id = @account_id
			AND g.id = m.group_id AND g.organization_id = @organization AND m.user_id = ANY(CAST(@users AS bigint[])) RETURNING m.*`,
		store.Args{"organization": organizationID, "users": pq.Int64Array(userIDs)}); err != nil {
		return fmt.Errorf("group: leave organization: %w", err)
	}
	gone, events := make([]int64, len(left)), make([]audit.Event, len(left))
	for i, m := range left {
		gone[i] = m.UserID
		events[i] = event("group.member_removed", models.Group{ID: m.GroupID, OrganizationID: &organizationID}, map[string]any{"userId": m.UserID})
	}
	slices.Sort(gone)
	if err := s.membersChanged(ctx, slices.Compact(gone)...); err != nil {
		return err
	}
	return audit.Write(ctx, s.d.DB, events...)
}

// GroupsOf lists the groups that a person is a member of, by creation, for an
// admin; with a sub-account those of it only. Errors: models.ErrForbidden,
// people.ErrUserUnknown, people.ErrOrganizationUnknown.
func (s *Service) GroupsOf(ctx context.Context, user ref.Ref, subAccount string) ([]Group, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	if !user.Valid() {
		return nil, people.ErrUserUnknown
	}
	args, condition := user.Args(), visible
	if subAccount != "" {
		id, err := s.d.People.SubAccount(ctx, subAccount)
		if err != nil {
			return nil, err
		}
		args["organization"] = id
		condition = `g.organization_id = @organization`
	}
	// One row without a group for a person who is in none.
	var rows []struct {
		Group
		UserID int64
	}
	err := s.d.DB.Query(ctx, &rows, `SELECT u.id AS user_id, mine.* FROM users u LEFT JOIN LATERAL (
			SELECT `+columns+from+` JOIN group_members m ON m.group_id = g.id AND m.account_id = g.account_id
			WHERE g.account_id = @account_id AND m.user_id = u.id AND `+condition+`
		) mine ON true WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `+user.Condition("u")+` ORDER BY mine.created_at, mine.id`, args)
	switch {
	case err != nil:
		return nil, fmt.Errorf("group: groups of a person: %w", err)
	case len(rows) == 0:
		return nil, people.ErrUserUnknown
	}
	groups := make([]Group, 0, len(rows))
	for _, row := range rows {
		if row.ID != 0 {
			groups = append(groups, row.Group)
		}
	}
	return groups, nil
}
