package notify

import (
	"context"

	"quad/internal/auth"
	"quad/models"
)

// Desk is what the caller of the context may see and do of mails: the account's
// admins all of them, an organization's admins those of their organization,
// everybody those about themselves. Any other mail does not exist for them.
type Desk struct{ s *Service }

// Desk gives the callers' side of the service.
func (s *Service) Desk() Desk { return Desk{s} }

// sees tells whether a caller may know of a mail; visible says the same in SQL.
func sees(caller auth.Principal, n models.Notification) bool {
	switch {
	case caller.Has(models.RoleAdmin):
		return true
	case n.UserID != nil && *n.UserID == caller.UserID:
		return true
	}
	return caller.Has(models.RoleOrgAdmin) && n.OrganizationID != nil && *n.OrganizationID == caller.OrganizationID
}

func visible(caller auth.Principal) (where string, args []any) {
	switch {
	case caller.Has(models.RoleAdmin):
		return "", nil
	case caller.Has(models.RoleOrgAdmin):
		return "(organization_id = ? OR user_id = ?)", []any{caller.OrganizationID, caller.UserID}
	}
	return "user_id = ?", []any{caller.UserID}
}

// Get gives a mail that the caller sees. Errors: models.ErrNotFound.
func (d Desk) Get(ctx context.Context, id int64) (models.Notification, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return models.Notification{}, err
	}
	n, err := d.s.Get(ctx, id)
	if err == nil && !sees(caller, n) {
		return models.Notification{}, models.ErrNotFound
	}
	return n, err
}

// List gives a page of the mails that the caller sees, as Service.List.
func (d Desk) List(ctx context.Context, f Filter) (page []models.Notification, next int64, err error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	f.seenBy = &caller
	return d.s.List(ctx, f)
}

// Revive has a dead mail tried again, for admins. Errors: models.ErrForbidden,
// and those of Service.Revive.
func (d Desk) Revive(ctx context.Context, id int64) (models.Notification, error) {
	caller, err := auth.Caller(ctx)
	switch {
	case err != nil:
		return models.Notification{}, err
	case !caller.Has(models.RoleAdmin):
		return models.Notification{}, models.ErrForbidden
	}
	return d.s.Revive(ctx, id)
}
