package notify

import (
	"context"

	"quad/internal/store"
	"quad/models"
)

// OwnFilter says which of an organization's own templates to list. Zero values
// do not narrow.
type OwnFilter struct {
	Code   string // the whole code
	Search string // a part of the code, in any case
	Page   int    // from 1
	Limit  int    // at most and by default store.MaxPage
}

const ownTemplates = ` FROM notification_templates WHERE account_id = @account_id AND organization_id = @organization AND deleted_at IS NULL
    AND (@code = '' OR code = @code) AND (@search = '' OR position(lower(@search) IN lower(code)) > 0)`

// ListOwn gives a page of the organization's own templates by code, and how many
// there are before paging.
func (t *Templates) ListOwn(ctx context.Context, organization int64, f OwnFilter) (page []models.NotificationTemplate, count int64, err error) {
	limit := store.PageSize(f.Limit)
	args := store.Args{
		"organization": organization, "code": f.Code, "search": f.Search, "limit": limit, "offset": int64(max(f.Page, 1)-1) * int64(limit),
	}
	if err := t.db.Query(ctx, &count, `SELECT count(*)`+ownTemplates, args); err != nil {
		return nil, 0, templateError("list", err)
	}
	if err := t.db.Query(ctx, &page, `SELECT *`+ownTemplates+` ORDER BY code, id LIMIT @limit OFFSET @offset`, args); err != nil {
		return nil, 0, templateError("list", err)
	}
	return page, count, nil
}

// GetOwn gives one of the organization's own templates. Errors:
// ErrTemplateNotFound.
func (t *Templates) GetOwn(ctx context.Context, organization, id int64) (models.NotificationTemplate, error) {
	row, err := t.Get(ctx, organization, id)
	if err == nil && row.OrganizationID != organization {
		return models.NotificationTemplate{}, ErrTemplateNotFound
	}
	return row, err
}
