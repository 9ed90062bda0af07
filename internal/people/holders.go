package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Refusals of roles.
var (
	ErrRoleHeld    = models.Refuse(models.KindConflict, "role.held", "the user holds this role already")
	ErrRoleNotHeld = models.Refuse(models.KindNotFound, "role.not_held", "the user does not hold this role")
)

// Summary is a person in short.
type Summary struct {
	ID        int64
	Login     string // the e-mail address, or the user name of who has none
	FirstName string
	LastName  string
}

// RoleCounts says how many people in the caller's reach hold which roles. Who is
// deleted does not count, who is INACTIVE does.
type RoleCounts struct {
	Users   int64            // all of them
	Without int64            // who hold none of the roles that were asked for
	Holders map[string]int64 // by title, zeros included
}

const countRoles = `WITH seen AS MATERIALIZED (
		SELECT u.id FROM users u WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND ` + MemberSQL + `
	), held AS MATERIALIZED (
		SELECT ur.user_id, lower(r.title) AS title FROM roles r JOIN user_roles ur ON ur.role_id = r.id JOIN seen ON seen.id = ur.user_id
		WHERE r.account_id = @account_id AND lower(r.title) = ANY(CAST(@titles AS text[])) AND r.status = 'ACTIVE' AND r.deleted_at IS NULL
	)
	SELECT title, count(*) AS users, 0 AS holders FROM held GROUP BY title
	UNION ALL SELECT '', (SELECT count(*) FROM seen), (SELECT count(DISTINCT user_id) FROM held)`

// CountRoles counts the holders of ACTIVE roles by their titles, for an
// administrator. One statement. Errors: models.ErrForbidden.
func (s *Service) CountRoles(ctx context.Context, titles ...string) (RoleCounts, error) {
	_, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return RoleCounts{}, err
	}
	var rows []struct {
		Title          string
		Users, Holders int64
	}
	if err := s.db.Query(ctx, &rows, countRoles, reach.Args(store.Args{"titles": pq.StringArray(titles)})); err != nil {
		return RoleCounts{}, fmt.Errorf("people: count roles: %w", err)
	}
	out := RoleCounts{Holders: make(map[string]int64, len(titles))}
	for _, t := range titles {
		out.Holders[t] = 0
	}
	for _, r := range rows {
		if r.Title == "" {
			out.Users, out.Without = r.Users, r.Users-r.Holders
			continue
		}
		out.Holders[r.Title] = r.Users
	}
	return out, nil
}

const holdsRole = `EXISTS (SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id
	AND lower(r.title) = @title AND r.status = 'ACTIVE' AND r.deleted_at IS NULL)`

// RoleHolders lists the people in the caller's reach who hold an ACTIVE role,
// the newest first. One statement. Errors: models.ErrForbidden.
func (s *Service) RoleHolders(ctx context.Context, title string) ([]Summary, error) {
	return s.summaries(ctx, title, holdsRole)
}

// RoleCandidates lists the ACTIVE people in the caller's reach who do not hold a
// role, the newest first. One statement. Errors: models.ErrForbidden.
func (s *Service) RoleCandidates(ctx context.Context, title string) ([]Summary, error) {
	return s.summaries(ctx, title, `u.status = 'ACTIVE' AND NOT `+holdsRole)
}

func (s *Service) summaries(ctx context.Context, title, condition string) ([]Summary, error) {
	_, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return nil, err
	}
	var out []Summary
	err = s.db.Query(ctx, &out, `SELECT u.id, coalesce(u.email, u.username, '') AS login, `+firstNameSQL+` AS first_name, `+lastNameSQL+` AS last_name
		FROM users u WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `+MemberSQL+` AND `+condition+`
		ORDER BY u.created_at DESC, u.id DESC`, reach.Args(store.Args{"title": strings.ToLower(title)}))
	if err != nil {
		return nil, fmt.Errorf("people: holders of a role: %w", err)
	}
	return out, nil
}

// Grant gives a user a role, for an admin or an org_admin; the latter gives
// ordinary roles to the members of all their organizations, admins of the account
// excepted. It holds at the user's next request. However many do it at once, one
// does. Errors: models.ErrForbidden, ErrRoleUnknown, ErrUserUnknown, ErrRoleHeld.
func (s *Service) Grant(ctx context.Context, userID int64, title string) error {
	return s.changeHolder(ctx, userID, title, roleGranted, ErrRoleHeld)
}

// Withdraw takes a role from a user, as Grant gives it. Errors:
// models.ErrForbidden, ErrRoleUnknown, ErrUserUnknown, ErrRoleNotHeld,
// ErrLastAdmin.
func (s *Service) Withdraw(ctx context.Context, userID int64, title string) error {
	return s.changeHolder(ctx, userID, title, roleRevoked, ErrRoleNotHeld)
}

func (s *Service) changeHolder(ctx context.Context, userID int64, title, action string, unchanged error) error {
	caller, reach, err := s.adminWithReach(ctx)
	if err != nil {
		return err
	}
	roles, err := s.activeRoles(ctx, []string{title})
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		u, err := s.LockUser(ctx, ref.ByID(userID))
		if err != nil {
			return err
		}
		if err := s.mayChangeRole(ctx, caller, reach, u.ID, roles[0]); err != nil {
			return err
		}
		changed, err := s.writeRole(ctx, u, roles[0], action)
		if err == nil && !changed {
			return unchanged
		}
		return err
	})
}

func (s *Service) mayChangeRole(ctx context.Context, caller auth.Principal, reach auth.Reach, userID int64, role models.Role) error {
	if caller.Has(models.RoleAdmin) {
		return nil
	}
	st, err := s.standingOf(ctx, userID, reach)
	switch {
	case err != nil:
		return err
	case !st.Member:
		return ErrUserUnknown
	case st.Admin || role.UserType != models.UserTypeOrdinary:
		return models.ErrForbidden
	}
	return nil
}
