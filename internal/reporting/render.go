package reporting

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"quad/internal/blob"
	"quad/models"
)

// draw makes a file of a report, visible when it is whole, and gives its size in
// bytes.
func (s *Service) draw(ctx context.Context, r models.Report, data Data, text draft, file models.ReportFile) (int64, error) {
	switch file.Format {
	case models.ReportPDF:
		content, err := renderPDF(data, text)
		if err != nil {
			return 0, err
		}
		return s.d.Blob.Write(ctx, file.Key, bytes.NewReader(content), blob.WriteOptions{ContentType: "application/pdf"})
	case models.ReportXLSX:
		return s.written(ctx, file.Key, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w *blob.Writer) error {
			return s.renderXLSX(ctx, w, r, data, text)
		})
	case models.ReportCSV:
		return s.written(ctx, file.Key, "text/csv; charset=utf-8", func(w *blob.Writer) error {
			return s.renderCSV(ctx, w, r, data)
		})
	}
	return 0, fmt.Errorf("reporting: no such format: %s", file.Format)
}

// written writes an object while fn makes it; nothing stays of one whose making
// fails.
func (s *Service) written(ctx context.Context, key, contentType string, fn func(*blob.Writer) error) (int64, error) {
	w, err := s.d.Blob.NewWriter(ctx, key, blob.WriteOptions{ContentType: contentType})
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	if err := fn(w); err != nil {
		return 0, err
	}
	if err := w.Commit(); err != nil {
		return 0, err
	}
	info, err := s.d.Blob.Attributes(ctx, key)
	return info.Size, err
}

// defused keeps a text from being a formula in the programs that open tables.
func defused(text string) string {
	if text != "" {
		switch text[0] {
		case '=', '+', '-', '@', '\t', '\r', '\n':
			return "'" + text
		}
	}
	return text
}

// file finds a file of a report that the caller sees.
func (s *Service) file(ctx context.Context, id int64, format string) (models.Report, models.ReportFile, error) {
	r, err := s.Get(ctx, id)
	if err != nil {
		return r, models.ReportFile{}, err
	}
	f, ok := r.File(format)
	if !ok || r.Status != models.ReportCompleted {
		return r, f, ErrNoFile
	}
	return r, f, nil
}

// Link is an address of a report's file.
type Link struct {
	URL       string
	ExpiresAt time.Time
}

// Link gives an address of minutes under which a file of a report can be read by
// whoever has it. Errors: ErrUnknown, ErrNoFile.
func (s *Service) Link(ctx context.Context, id int64, format string) (Link, error) {
	r, f, err := s.file(ctx, id, format)
	if err != nil {
		return Link{}, err
	}
	expires := time.Now().Add(s.d.Blob.TTL())
	url, err := s.d.Blob.SignedDownloadURL(ctx, f.Key, 0, fileName(r, format))
	if err != nil {
		return Link{}, fmt.Errorf("reporting: link: %w", err)
	}
	return Link{URL: url, ExpiresAt: expires}, nil
}
