package orgupload

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Get gives an upload with its files, for an administrator, by the id of a
// process that works or worked on it: that is what those who sent it know.
// Errors: models.ErrForbidden, ErrUnknown.
func (s *Service) Get(ctx context.Context, processID int64) (Upload, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Upload{}, err
	}
	id, err := s.uploadOf(ctx, processID)
	if err != nil {
		return Upload{}, err
	}
	return s.upload(ctx, id)
}

func (s *Service) uploadOf(ctx context.Context, processID int64) (id int64, err error) {
	err = s.db.Query(ctx, &id, `SELECT subject_id FROM processes WHERE account_id = @account_id AND id = @id AND subject_type = @subject`,
		store.Args{"id": processID, "subject": models.SubjectOrgUpload})
	switch {
	case err != nil:
		return 0, fmt.Errorf("orgupload: process %d: %w", processID, err)
	case id == 0:
		return 0, ErrUnknown
	}
	return id, nil
}

// RowFilter says which rows to list. Zero fields do not narrow.
type RowFilter struct {
	Verdict models.OrgVerdict
	Kind    models.OrgFileKind
	After   int64 // cursor: only rows behind it
	Limit   int   // at most and by default store.MaxPage
}

// Row is the verdict on one row of a file.
type Row struct {
	models.OrgUploadRow
	Position int // of the file in the upload
	File     string
}

// A cursor is the place of a row: the position of its file and its number.
const cursorShift = 32

func (r Row) cursor() int64 { return int64(r.Position)<<cursorShift | r.RowNo }

// listRows takes from each file what the page may need, in the order of its key.
const listRows = `SELECT r.*, f.position, f.name AS file FROM org_upload_files f CROSS JOIN LATERAL (
		SELECT * FROM org_upload_rows o WHERE o.file_id = f.id AND o.account_id = @account_id
			AND o.row_no > CASE WHEN f.position = @position THEN CAST(@row AS bigint) ELSE 0 END AND (@verdict = '' OR o.verdict = @verdict)
		ORDER BY o.row_no LIMIT CAST(@limit AS bigint)
	) r
	WHERE f.account_id = @account_id AND f.upload_id = @upload AND f.position >= @position AND (@kind = '' OR f.kind = @kind)
	ORDER BY f.position, r.row_no LIMIT CAST(@limit AS bigint)`

// Rows pages through the verdicts of an upload, which is named as in Get, file by
// file in the order in which they were sent. next is the place to go on after, 0
// on the last page. Errors: as Get.
func (s *Service) Rows(ctx context.Context, processID int64, f RowFilter) (page []Row, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	id, err := s.uploadOf(ctx, processID)
	if err != nil {
		return nil, 0, err
	}
	limit := store.PageSize(f.Limit)
	err = s.db.Query(ctx, &page, listRows, store.Args{
		"upload": id, "verdict": f.Verdict, "kind": f.Kind, "position": f.After >> cursorShift, "row": f.After & (1<<cursorShift - 1), "limit": limit + 1,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("orgupload: rows: %w", err)
	}
	page, next = store.Cut(page, limit, Row.cursor)
	return page, next, nil
}
