package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"quad/internal/store"
	"quad/models"
)

// FileFilter narrows the list of an organization's invite files.
type FileFilter struct {
	OrganizationID int64                     // 0: the caller's own
	Statuses       []models.InviteFileStatus // none: all
	Page           int                       // from 1; out of range: 1
	Limit          int                       // out of range: store.MaxPage
}

// ListedFile is an invite file in a list. Uploaded tells whether what was
// submitted is a file of the organization: any path may be, and ends as FAILED.
type ListedFile struct {
	models.InviteFile
	Uploaded bool
}

const listedFile = `invite_files.*, EXISTS (SELECT FROM stored_files s WHERE s.account_id = invite_files.account_id
	AND s.path = invite_files.input_path AND s.organization_id = invite_files.organization_id) AS uploaded`

// Files lists an organization's invite files, newest first, and counts all that
// match. Errors: models.ErrForbidden unless the caller may invite into the
// organization.
func (s *Service) Files(ctx context.Context, filter FileFilter) ([]ListedFile, int64, error) {
	if _, err := s.manager(ctx, &filter.OrganizationID); err != nil {
		return nil, 0, err
	}
	filter.Limit = store.PageSize(filter.Limit)
	query := s.db.Conn(ctx).Model(&models.InviteFile{}).Where("organization_id = ?", filter.OrganizationID)
	if len(filter.Statuses) > 0 {
		query = query.Where("status IN ?", filter.Statuses)
	}
	query = query.Session(&gorm.Session{}) // counted and read from the same conditions
	var count int64
	if err := query.Count(&count).Error; err != nil {
		return nil, 0, fmt.Errorf("invite: count files: %w", store.Err(err))
	}
	var files []ListedFile
	offset := int64(max(filter.Page, 1)-1) * int64(filter.Limit)
	if offset >= count {
		return files, count, nil
	}
	err := query.Select(listedFile).Order("id DESC").Limit(filter.Limit).Offset(int(offset)).Find(&files).Error
	if err != nil {
		return nil, 0, fmt.Errorf("invite: list files: %w", store.Err(err))
	}
	return files, count, nil
}

// File gives an invite file. Errors: ErrFileNotFound, also for a file of an
// organization that the caller may not invite into.
func (s *Service) File(ctx context.Context, id int64) (models.InviteFile, error) {
	f, err := s.file(ctx, id)
	if err != nil {
		return f, err
	}
	if _, err := s.manager(ctx, &f.OrganizationID); err != nil {
		if errors.Is(err, models.ErrForbidden) || errors.Is(err, models.ErrNotFound) {
			err = ErrFileNotFound
		}
		return models.InviteFile{}, err
	}
	return f, nil
}

// Links are download links of a file as it was uploaded and of its result. What
// is no file of the organization has no link: the path comes back as it was
// submitted. The second is empty before the file has ended.
func (s *Service) Links(ctx context.Context, f ListedFile) (input, output string, err error) {
	input = f.InputPath
	if f.Uploaded {
		if input, err = s.blob.SignedDownloadURL(ctx, s.key(f.AccountID, f.InputPath), 0, f.Name); err != nil {
			return "", "", fmt.Errorf("invite: link: %w", err)
		}
	}
	output, err = s.ResultLink(ctx, f.InviteFile)
	return input, output, err
}

// ResultLink is a download link of a file's result; empty before the file has
// ended.
func (s *Service) ResultLink(ctx context.Context, f models.InviteFile) (string, error) {
	if f.OutputPath == nil || f.Status == models.InviteFileUploaded {
		return "", nil
	}
	link, err := s.blob.SignedDownloadURL(ctx, s.key(f.AccountID, *f.OutputPath), 0, "")
	if err != nil {
		return "", fmt.Errorf("invite: link: %w", err)
	}
	return link, nil
}

// Invites lists the invitations of a file in the order of their ids, after one
// (0: from the start). The status is as it reads now.
func (s *Service) Invites(ctx context.Context, fileID, after int64, limit int) ([]models.Invite, error) {
	if _, err := s.File(ctx, fileID); err != nil {
		return nil, err
	}
	limit = store.PageSize(limit)
	var list []models.Invite
	if err := s.db.Conn(ctx).Where("file_id = ? AND id > ?", fileID, after).Order("id").Limit(limit).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("invite: list: %w", store.Err(err))
	}
	now := time.Now()
	for i := range list {
		list[i].Status = list[i].StatusAt(now)
	}
	return list, nil
}

// RowFilter narrows the list of a file's verdicts.
type RowFilter struct {
	Verdict Verdict // "": all
	After   int64   // row number, 0: from the start
	Limit   int     // out of range: store.MaxPage
}

// Rows lists the verdicts on a file's rows in the order of the rows.
func (s *Service) Rows(ctx context.Context, fileID int64, filter RowFilter) ([]models.InviteRow, error) {
	if _, err := s.File(ctx, fileID); err != nil {
		return nil, err
	}
	filter.Limit = store.PageSize(filter.Limit)
	query := s.db.Conn(ctx).Where("file_id = ? AND row_no > ?", fileID, filter.After)
	if filter.Verdict != "" {
		query = query.Where("verdict = ?", filter.Verdict)
	}
	var rows []models.InviteRow
	if err := query.Order("row_no").Limit(filter.Limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("invite: rows: %w", store.Err(err))
	}
	return rows, nil
}
