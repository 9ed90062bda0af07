package people

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// RegisterFile records who may read a stored file, before its place is given
// out. Without organization and user in it, the file is the caller's. Errors:
// models.ErrConflict for a path that is taken.
func (s *Service) RegisterFile(ctx context.Context, f models.StoredFile) (models.StoredFile, error) {
	if p, ok := auth.From(ctx); ok && f.OrganizationID == 0 {
		f.OrganizationID = p.OrganizationID
		if f.UserID == nil && p.UserID > 0 {
			f.UserID = &p.UserID
		}
	}
	if err := s.db.Conn(ctx).Create(&f).Error; err != nil {
		if store.Violates(err, "stored_files_path") {
			return models.StoredFile{}, models.ErrConflict.With(err)
		}
		return models.StoredFile{}, fmt.Errorf("people: register file: %w", err)
	}
	return f, nil
}

// FileByPath finds a file by the path that clients know, if it belongs to the
// caller's organization. Errors: ErrFileUnknown.
func (s *Service) FileByPath(ctx context.Context, path string) (models.StoredFile, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return models.StoredFile{}, err
	}
	var f models.StoredFile
	if err := s.db.Conn(ctx).Where("path = ? AND organization_id = ?", path, p.OrganizationID).Limit(1).Find(&f).Error; err != nil {
		return f, fmt.Errorf("people: file: %w", err)
	}
	if f.ID == 0 {
		return f, ErrFileUnknown
	}
	return f, nil
}
