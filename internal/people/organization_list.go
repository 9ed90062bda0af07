package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

// beginsWith is the condition that a name begins with a parameter's text, in any
// case. As a range it is found in an index by lower(name), in a prepared
// statement too. U+10FFFF, which is no character, sorts behind all that can
// follow the text.
func beginsWith(column, parameter string) string {
	key, text := `lower(`+column+`) COLLATE "C"`, `lower(CAST(@`+parameter+` AS text))`
	return key + ` >= ` + text + ` AND ` + key + ` < ` + text + ` || chr(1114111)`
}

// ListOrganizations gives a page by name, and how many there are before paging.
// Any user of the account may see them. ID, Name, Code, Description and Status
// are read. Two statements at most.
func (s *Service) ListOrganizations(ctx context.Context, f OrganizationFilter) (page []models.Organization, count int64, err error) {
	args := f.args()
	where := ` FROM organizations o WHERE o.account_id = @account_id`
	switch f.Status {
	case "":
	case models.StatusActive: // written out, for the index is of these only
		where += ` AND o.status = 'ACTIVE'`
	default:
		where += ` AND o.status = @status`
	}
	if start := strings.TrimSpace(f.Search); start != "" {
		if !store.Storable(start) {
			return nil, 0, nil
		}
		where += ` AND ` + beginsWith("o.name", "start")
		args["start"] = start
	}
	if err := s.db.QueryRows(ctx, `SELECT count(*)`+where, args, func(row pgx.CollectableRow) error { return row.Scan(&count) }); err != nil {
		return nil, 0, fmt.Errorf("people: list organizations: %w", err)
	}
	if offset, ok := args["offset"].(int64); ok && offset >= count {
		return nil, count, nil
	}
	const order = ` ORDER BY lower(o.name) COLLATE "C", o.id`
	page = make([]models.Organization, 0, f.Limit)
	err = s.db.QueryRows(ctx, `SELECT o.id, o.name, o.code, o.description, o.status
		FROM (SELECT o.id`+where+order+` LIMIT @limit OFFSET @offset) listed JOIN organizations o ON o.id = listed.id`+order, args, func(row pgx.CollectableRow) error {
		var o models.Organization
		if err := row.Scan(&o.ID, &o.Name, &o.Code, &o.Description, (*string)(&o.Status)); err != nil {
			return err
		}
		page = append(page, o)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("people: list organizations: %w", err)
	}
	return page, count, nil
}
