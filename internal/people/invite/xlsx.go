package invite

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/xuri/excelize/v2"

	"quad/internal/blob"
	"quad/internal/config"
	"quad/models"
)

var zipMagic = []byte("PK\x03\x04")

// Limits of spreadsheets. They are packed, so a small file can be made to fill
// memory and disk; these bounds are looked at before anything is unpacked, and
// the zip reader enforces the sizes that they were looked at in.
const (
	maxXLSXPacked = 64 << 20 // held in memory while it is read
	maxXLSXParts  = 2000
	maxXLSXRatio  = 200 // unpacked to packed; real sheets stay under 30
	ratioFreeSize = 1 << 20
	xmlInMemory   = 8 << 20 // larger parts are unpacked to temporary files
)

const notXLSX = "The file is neither CSV nor an XLSX spreadsheet that can be read. Save it as CSV UTF-8."

// fromXLSX writes the first sheet of a spreadsheet as CSV, to a place that only
// depends on the invite file, and gives that place.
func (s *Service) fromXLSX(ctx context.Context, f models.InviteFile, key string, info blob.Info, heartbeat func(int64)) (sourceFile, error) {
	if info.Size > maxXLSXPacked {
		return sourceFile{}, unusablef("The spreadsheet has %d bytes, more than the %d allowed. Save it as CSV UTF-8.", info.Size, int64(maxXLSXPacked))
	}
	local, err := s.download(ctx, key, info.Version)
	if err != nil {
		return sourceFile{}, err
	}
	defer func() { _ = os.Remove(local) }()
	path := fmt.Sprintf("invites/%d/%d-sheet.csv", f.OrganizationID, f.ID)
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(sheetToCSV(local, pw, s.cfg, heartbeat)) }()
	_, err = s.blob.Write(ctx, s.key(f.AccountID, path), pr, blob.WriteOptions{Max: s.cfg.MaxBytes})
	_ = pr.CloseWithError(io.ErrClosedPipe)
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return sourceFile{}, unusablef("The spreadsheet has more than the %d bytes of text allowed. Split it.", s.cfg.MaxBytes)
	case err != nil:
		return sourceFile{}, fmt.Errorf("invite: spreadsheet: %w", err)
	}
	made, err := s.blob.Attributes(ctx, s.key(f.AccountID, path))
	if err != nil {
		return sourceFile{}, fmt.Errorf("invite: spreadsheet: %w", err)
	}
	return sourceFile{path: path, version: made.Version}, nil
}

// download copies an object to a temporary file: spreadsheets are not read from
// front to back.
func (s *Service) download(ctx context.Context, key, version string) (path string, err error) {
	r, err := s.blob.Open(ctx, key, blob.ReadOptions{Version: version})
	if err != nil {
		return "", fmt.Errorf("invite: %w", err)
	}
	defer func() { _ = r.Close() }()
	out, err := os.CreateTemp("", "quad-invite-*.xlsx")
	if err != nil {
		return "", fmt.Errorf("invite: temporary file: %w", err)
	}
	_, err = io.Copy(out, r)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("invite: temporary file: %w", err), os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// sheetToCSV streams the first sheet of a spreadsheet as CSV.
func sheetToCSV(path string, w io.Writer, cfg config.Invites, heartbeat func(int64)) (err error) {
	defer func() {
		// The parser meets hostile files; a slip of it must not end the worker.
		if p := recover(); p != nil {
			err = unusable(notXLSX)
		}
	}()
	if err := checkZip(path, cfg.MaxBytes); err != nil {
		return err
	}
	book, err := excelize.OpenFile(path, excelize.Options{
		UnzipSizeLimit: unpackedLimit(cfg.MaxBytes), UnzipXMLSizeLimit: xmlInMemory, RawCellValue: true,
	})
	if err != nil {
		return unusable(notXLSX)
	}
	defer func() { _ = book.Close() }()
	sheets := book.GetSheetList()
	if len(sheets) == 0 {
		return unusable(notXLSX)
	}
	rows, err := book.Rows(sheets[0])
	if err != nil {
		return unusable(notXLSX)
	}
	defer func() { _ = rows.Close() }()
	out := csv.NewWriter(w)
	total := int64(0)
	for rows.Next() {
		cells, err := rows.Columns()
		if err != nil {
			return unusable(notXLSX)
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // also the gaps that a row number of a million makes
		}
		if total++; total > int64(cfg.MaxRows)+1 {
			return unusablef("The file has more than the %d rows allowed. Split it.", cfg.MaxRows)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
		if total%int64(cfg.PageRows) == 0 {
			heartbeat(total)
		}
	}
	if rows.Error() != nil {
		return unusable(notXLSX)
	}
	out.Flush()
	return out.Error()
}

// unpackedLimit is how much a spreadsheet may hold: its XML is larger than the
// text in it.
func unpackedLimit(maxBytes int64) int64 { return 4 * maxBytes }

// checkZip refuses zip bombs by the directory of the file.
func checkZip(path string, maxBytes int64) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return unusable(notXLSX)
	}
	defer func() { _ = z.Close() }()
	if len(z.File) > maxXLSXParts {
		return unusable(notXLSX)
	}
	var packed, unpacked uint64
	for _, part := range z.File {
		packed += part.CompressedSize64
		unpacked += part.UncompressedSize64
		if part.UncompressedSize64 > uint64(unpackedLimit(maxBytes)) { //nolint:gosec // the limit is positive
			unpacked = part.UncompressedSize64 // the sum cannot wrap
			break
		}
	}
	switch {
	case unpacked > uint64(unpackedLimit(maxBytes)): //nolint:gosec // the limit is positive
		return unusablef("The spreadsheet unpacks to more than the %d bytes allowed. Split it.", unpackedLimit(maxBytes))
	case unpacked > ratioFreeSize && unpacked > maxXLSXRatio*max(packed, 1):
		return unusable("The spreadsheet is packed far beyond what people's lists are. Save it as CSV UTF-8.")
	}
	return nil
}
