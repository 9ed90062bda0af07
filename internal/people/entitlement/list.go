package entitlement

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Filter says which entitlements to list. Zero fields do not filter; what is
// unknown has none.
type Filter struct {
	User       ref.Ref
	EntityType models.EntitlementEntity
	Entity     ref.Ref // with EntityType; a workspace's identifier is its name
	After      int64   // id of the last one of the page before
	Limit      int     // 1 to 100; anything else is 100
}

// Listed is an entitlement with the names of both ends.
type Listed struct {
	models.Entitlement
	UserIdentifier   *string
	UserName         string
	EntityIdentifier string
	EntityName       string
}

const listEntitlements = `SELECT e.id, e.user_id, e.entity_type, e.entity_id, e.role, e.created_at, u.identifier, u.name,
		coalesce(c.identifier, g.identifier, o.name, ''), coalesce(c.name, g.name, o.name, '')
	FROM entitlements e JOIN users u ON u.id = e.user_id
		LEFT JOIN courses c ON e.entity_type = 'COURSE' AND c.id = e.entity_id
		LEFT JOIN groups g ON e.entity_type = 'GROUP' AND g.id = e.entity_id
		LEFT JOIN organizations o ON e.entity_type = 'WORKSPACE' AND o.id = e.entity_id
	WHERE e.account_id = @account_id AND e.id > @after`

// entityIDs finds the entities of a kind that an identifier names, in SQL.
var entityIDs = map[models.EntitlementEntity]string{
	models.EntitlementCourse:    `SELECT x.id FROM courses x WHERE x.account_id = @account_id AND x.identifier = @entity_identifier`,
	models.EntitlementGroup:     `SELECT x.id FROM groups x WHERE x.account_id = @account_id AND x.identifier = @entity_identifier`,
	models.EntitlementWorkspace: `SELECT x.id FROM organizations x WHERE x.account_id = @account_id AND x.name = @entity_identifier AND NOT x.is_default`,
}

// List pages through entitlements by id, for an admin. next is the After of the
// next page, 0 on the last one. One statement. Errors: models.ErrForbidden.
func (s *Service) List(ctx context.Context, f Filter) (page []Listed, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	return s.list(ctx, f)
}

// ListOf is List of one person, by id: for an admin, and for an org_admin of
// people of the own organization. Two statements. Errors: models.ErrForbidden,
// people.ErrUserUnknown.
func (s *Service) ListOf(ctx context.Context, userID, after int64, limit int) (page []Listed, next int64, err error) {
	caller, err := auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin)
	if err != nil {
		return nil, 0, err
	}
	var organization int64
	err = s.d.DB.Query(ctx, &organization, `SELECT organization_id FROM users WHERE account_id = @account_id AND id = @id AND status <> 'DELETED'`, store.Args{"id": userID})
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("entitlement: list: %w", err)
	case organization == 0, !caller.Has(models.RoleAdmin) && organization != caller.OrganizationID:
		return nil, 0, people.ErrUserUnknown
	}
	return s.list(ctx, Filter{User: ref.ByID(userID), After: after, Limit: limit})
}

func (s *Service) list(ctx context.Context, f Filter) (page []Listed, next int64, err error) {
	limit := store.PageSize(f.Limit)
	text, args := listEntitlements, store.Args{"after": f.After, "limit": limit + 1}
	if !f.User.IsZero() {
		text += ` AND ` + f.User.Condition("u")
		if !f.User.Valid() {
			return nil, 0, nil
		}
		args["ref_id"], args["ref_identifier"] = f.User.ID, f.User.Identifier
	}
	if f.EntityType != "" {
		text += ` AND e.entity_type = @type`
		args["type"] = f.EntityType
		if !f.Entity.IsZero() {
			if !f.Entity.Valid() || entityIDs[f.EntityType] == "" {
				return nil, 0, nil
			}
			text += ` AND e.entity_id = ANY(ARRAY(` + entityIDs[f.EntityType] + ` UNION ALL SELECT CAST(@entity_id AS bigint)))`
			args["entity_id"], args["entity_identifier"] = f.Entity.ID, f.Entity.Identifier
		}
	}
	err = s.d.DB.QueryRows(ctx, text+` ORDER BY e.id LIMIT @limit`, args, func(row pgx.CollectableRow) error {
		var l Listed
		err := row.Scan(&l.ID, &l.UserID, (*string)(&l.EntityType), &l.EntityID, (*string)(&l.Role), &l.CreatedAt, &l.UserIdentifier, &l.UserName,
			&l.EntityIdentifier, &l.EntityName)
		page = append(page, l)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("entitlement: list: %w", err)
	}
	page, next = store.Cut(page, limit, func(l Listed) int64 { return l.ID })
	return page, next, nil
}
