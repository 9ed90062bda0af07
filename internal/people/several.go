package people

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// LockUsers is LockUser for several people, who are locked in the order of their
// ids. The result has a place for each that was named; the unknown are empty
// there, with id 0. One statement.
func (s *Service) LockUsers(ctx context.Context, users []ref.Ref) ([]models.User, error) {
	ids, identifiers := make(pq.Int64Array, 0, len(users)), make(pq.StringArray, 0, len(users))
	for _, u := range users {
		switch {
		case !u.Valid():
		case u.ID != 0:
			ids = append(ids, u.ID)
		default:
			identifiers = append(identifiers, u.Identifier)
		}
	}
	var locked []models.User
	err := s.db.Query(ctx, &locked, `SELECT u.* FROM users u WHERE u.account_id = @account_id AND u.status <> 'DELETED'
		AND (u.id = ANY(CAST(@ids AS bigint[])) OR u.identifier = ANY(CAST(@identifiers AS text[]))) ORDER BY u.id FOR NO KEY UPDATE`,
		store.Args{"ids": ids, "identifiers": identifiers})
	if err != nil {
		return nil, fmt.Errorf("people: lock users: %w", err)
	}
	byID, byIdentifier := map[int64]models.User{}, map[string]models.User{}
	for _, u := range locked {
		byID[u.ID] = u
		if u.Identifier != nil {
			byIdentifier[*u.Identifier] = u
		}
	}
	found := make([]models.User, len(users))
	for i, u := range users {
		if u.ID != 0 {
			found[i] = byID[u.ID]
		} else {
			found[i] = byIdentifier[u.Identifier]
		}
	}
	return found, nil
}

// PossibleRolesOf is PossibleRoles for several people: it gives the titles of
// each, by id. One statement.
func (s *Service) PossibleRolesOf(ctx context.Context, userIDs []int64) (map[int64][]string, error) {
	var rows []struct {
		UserID int64
		Title  string
	}
	err := s.db.Query(ctx, &rows, `SELECT ur.user_id, lower(r.title) AS title FROM user_roles ur JOIN roles r ON r.id = ur.role_id
		WHERE ur.account_id = @account_id AND ur.user_id = ANY(CAST(@users AS bigint[])) AND r.deleted_at IS NULL
			AND lower(r.title) = ANY(CAST(@possible AS text[]))`,
		store.Args{"users": pq.Int64Array(userIDs), "possible": pq.StringArray(models.PossibleRoles)})
	if err != nil {
		return nil, fmt.Errorf("people: possible roles: %w", err)
	}
	titles := make(map[int64][]string, len(userIDs))
	for _, r := range rows {
		titles[r.UserID] = append(titles[r.UserID], r.Title)
	}
	for _, id := range userIDs {
		titles[id] = sortPossible(titles[id])
	}
	return titles, nil
}
