package audit

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Filter narrows a list of changes. Zero values do not narrow.
type Filter struct {
	SubjectType string
	SubjectID   int64
	Before      int64 // cursor: only ids below it
	Limit       int   // at most and by default store.MaxPage
}

// List gives a page of changes, the newest first: to the account's admins all of
// them, to an organization's admins those of their organization. next is the
// cursor of the following page, 0 when there is none. Errors:
// models.ErrForbidden for everyone else.
func List(ctx context.Context, db *store.DB, f Filter) (page []models.AuditEvent, next int64, err error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	q := db.Conn(ctx).Order("id DESC")
	switch {
	case caller.Has(models.RoleAdmin):
	case caller.Has(models.RoleOrgAdmin):
		q = q.Where("organization_id = ?", caller.OrganizationID)
	default:
		return nil, 0, models.ErrForbidden
	}
	if f.SubjectType != "" {
		q = q.Where("subject_type = ? AND subject_id = ?", f.SubjectType, f.SubjectID)
	}
	if f.Before > 0 {
		q = q.Where("id < ?", f.Before)
	}
	if page, next, err = store.Page(q, f.Limit, func(e models.AuditEvent) int64 { return e.ID }); err != nil {
		return nil, 0, fmt.Errorf("audit: list: %w", err)
	}
	return page, next, nil
}
