package invite

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// FilePage says which invite files to page through.
type FilePage struct {
	OrganizationID *int64 // nil: all that the caller may invite into
	Before         int64  // cursor: only ids below it
	Limit          int    // at most and by default store.MaxPage
}

// BrowseFiles pages through invite files, the newest first: an admin those of
// the account, an org_admin those of the own organization. next is the cursor
// of the following page, 0 when there is none. Errors: models.ErrForbidden.
func (s *Service) BrowseFiles(ctx context.Context, f FilePage) (page []models.InviteFile, next int64, err error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	query := s.db.Conn(ctx).Order("id DESC")
	switch {
	case caller.Has(models.RoleAdmin):
	case caller.Has(models.RoleOrgAdmin):
		query = query.Where("organization_id = ?", caller.OrganizationID)
	default:
		return nil, 0, models.ErrForbidden
	}
	if f.OrganizationID != nil {
		query = query.Where("organization_id = ?", *f.OrganizationID)
	}
	if f.Before > 0 {
		query = query.Where("id < ?", f.Before)
	}
	if page, next, err = store.Page(query, f.Limit, func(f models.InviteFile) int64 { return f.ID }); err != nil {
		return nil, 0, fmt.Errorf("invite: browse files: %w", err)
	}
	return page, next, nil
}

// BrowseRows pages through the verdicts on a file's rows, in their order. next
// is the row to go on after, 0 on the last page. Errors: ErrFileNotFound.
func (s *Service) BrowseRows(ctx context.Context, fileID int64, f RowFilter) (page []models.InviteRow, next int64, err error) {
	if _, err := s.File(ctx, fileID); err != nil {
		return nil, 0, err
	}
	query := s.db.Conn(ctx).Where("file_id = ? AND row_no > ?", fileID, f.After).Order("row_no")
	if f.Verdict != "" {
		query = query.Where("verdict = ?", f.Verdict)
	}
	if page, next, err = store.Page(query, f.Limit, func(r models.InviteRow) int64 { return r.RowNo }); err != nil {
		return nil, 0, fmt.Errorf("invite: browse rows: %w", err)
	}
	return page, next, nil
}

// InvitePage says which invitations of a file to page through.
type InvitePage struct {
	Status models.InviteStatus // "": all
	After  int64               // cursor: only ids above it
	Limit  int                 // at most and by default store.MaxPage
}

// BrowseInvites pages through the invitations of a file by id, with the status
// as it reads now. next is the id to go on after, 0 on the last page. Errors:
// ErrFileNotFound.
func (s *Service) BrowseInvites(ctx context.Context, fileID int64, f InvitePage) (page []models.Invite, next int64, err error) {
	if _, err := s.File(ctx, fileID); err != nil {
		return nil, 0, err
	}
	now := time.Now()
	query := s.db.Conn(ctx).Where("file_id = ? AND id > ?", fileID, f.After).Order("id")
	switch f.Status { // as Invite.StatusAt tells it
	case "":
	case models.InvitePending:
		query = query.Where("status = ? AND expires_at > ?", f.Status, now)
	case models.InviteLapsed:
		query = query.Where("(status = ? OR status = ? AND expires_at <= ?)", f.Status, models.InvitePending, now)
	default:
		query = query.Where("status = ?", f.Status)
	}
	if page, next, err = store.Page(query, f.Limit, func(i models.Invite) int64 { return i.ID }); err != nil {
		return nil, 0, fmt.Errorf("invite: browse invitations: %w", err)
	}
	for i := range page {
		page[i].Status = page[i].StatusAt(now)
	}
	return page, next, nil
}
