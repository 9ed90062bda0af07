package invite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"quad/internal/blob"
	"quad/internal/config"
	"quad/internal/csvfile"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Checked is what the check of a file found.
type Checked struct {
	Rows    int64  `json:"rows"`
	Failure string `json:"failure,omitempty"` // why the file cannot be imported, for people
}

// unusable is the reason why a file as a whole cannot be imported. It is an
// answer, not an error: trying again would not help.
type unusable string

// Error implements error.
func (u unusable) Error() string { return string(u) }

func unusablef(format string, args ...any) error { return unusable(fmt.Sprintf(format, args...)) }

// Check marks the process as running, reads the file once in bounded memory and
// decides whether it can be imported: that it is there, belongs to the
// organization, is UTF-8 text (or XLSX, of which CSV is made), has the header,
// at least one row and not too many. It writes the layout, the pages and the
// number of rows in one transaction; a file that has them is not read again.
// heartbeat is called now and then with the rows read so far.
func (s *Service) Check(ctx context.Context, in models.ProcessInput, heartbeat func(rows int64)) (Checked, error) {
	f, err := s.file(ctx, in.SubjectID)
	if err != nil {
		return Checked{}, err
	}
	_, err = s.processes.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning, Stage: StageCheck})
	if err != nil {
		return Checked{}, err
	}
	if f.Layout != nil {
		return Checked{Rows: f.Rows}, nil
	}
	rows, err := s.check(ctx, f, heartbeat)
	var reason unusable
	if errors.As(err, &reason) {
		return Checked{Failure: string(reason)}, nil
	}
	return Checked{Rows: rows}, err
}

func (s *Service) check(ctx context.Context, f models.InviteFile, heartbeat func(rows int64)) (int64, error) {
	source, err := s.source(ctx, f, heartbeat)
	if err != nil {
		return 0, err
	}
	body, err := s.blob.Open(ctx, s.key(f.AccountID, source.path), blob.ReadOptions{Version: source.version})
	if err != nil {
		return 0, fmt.Errorf("invite: open: %w", err)
	}
	defer func() { _ = body.Close() }()
	book, err := s.loadRoles(ctx)
	if err != nil {
		return 0, err
	}
	index := indexer{file: f, cfg: s.cfg, book: book, heartbeat: heartbeat, seen: map[addressKey]struct{}{}}
	if err := index.read(ctx, body); err != nil {
		return 0, err
	}
	index.layout.Source = source.version
	return index.total, s.saveIndex(ctx, f, source.path, &index)
}

// sourceFile is the CSV that is read.
type sourceFile struct{ path, version string }

const missingFile = "There is no file with this path in the organization. Upload it with the signed link first."

// source finds the uploaded file and makes CSV of it if it is a spreadsheet.
func (s *Service) source(ctx context.Context, f models.InviteFile, heartbeat func(int64)) (sourceFile, error) {
	var stored models.StoredFile
	err := s.db.Conn(ctx).Where("path = ? AND organization_id = ?", f.InputPath, f.OrganizationID).Take(&stored).Error
	if errors.Is(err, models.ErrNotFound) {
		return sourceFile{}, unusable(missingFile)
	}
	if err != nil {
		return sourceFile{}, fmt.Errorf("invite: stored file: %w", store.Err(err))
	}
	key := s.key(f.AccountID, f.InputPath)
	info, err := s.blob.Attributes(ctx, key)
	switch {
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrKey):
		return sourceFile{}, unusable(missingFile)
	case err != nil:
		return sourceFile{}, fmt.Errorf("invite: %w", err)
	case info.Size == 0:
		return sourceFile{}, unusable("The file is empty.")
	case info.Size > s.cfg.MaxBytes:
		return sourceFile{}, unusablef("The file has %d bytes, more than the %d allowed. Split it.", info.Size, s.cfg.MaxBytes)
	}
	head, err := s.head(ctx, key, info.Version)
	if err != nil {
		return sourceFile{}, err
	}
	if !bytes.HasPrefix(head, zipMagic) {
		return sourceFile{path: f.InputPath, version: info.Version}, nil
	}
	return s.fromXLSX(ctx, f, key, info, heartbeat)
}

func (s *Service) head(ctx context.Context, key, version string) ([]byte, error) {
	r, err := s.blob.Open(ctx, key, blob.ReadOptions{Length: 4, Version: version})
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	defer func() { _ = r.Close() }()
	head, err := io.ReadAll(io.LimitReader(r, 4))
	if err != nil {
		return nil, fmt.Errorf("invite: read: %w", err)
	}
	return head, nil
}

// addressKey stands for an e-mail address in the set of those that a file
// names. 128 bits of a cryptographic hash: two addresses do not share one, not
// even on purpose, and a million of them take some 40 MB.
type addressKey [16]byte

// indexer reads a file once and cuts it into pages.
type indexer struct {
	file      models.InviteFile
	cfg       config.Invites
	book      roleBook
	heartbeat func(rows int64)
	seen      map[addressKey]struct{}

	layout Layout
	total  int64
	pages  []models.InviteFilePage
	cells  [][]byte
}

const headerHint = "The first line must name the columns name, email and roles, separated by commas or semicolons."

// read goes through the whole file. Reasons against the file are of the type
// unusable; other errors are of reading.
func (x *indexer) read(ctx context.Context, body io.Reader) error {
	scan := csvfile.NewScanner(body, ',', 0)
	if err := x.header(scan); err != nil {
		return err
	}
	for {
		rec, err := scan.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("invite: read: %w", err)
		}
		if !csvfile.Text(rec.Raw) {
			return unusablef("The file is not UTF-8 text: row %d cannot be read. Save it as CSV UTF-8.", x.total+1)
		}
		if rec.Fault == csvfile.NoFault && csvfile.Blank(rec.Raw, x.layout.delim()) {
			continue
		}
		if x.total >= int64(x.cfg.MaxRows) {
			return unusablef("The file has more than the %d rows allowed. Split it.", x.cfg.MaxRows)
		}
		x.add(rec)
		if x.total%int64(x.cfg.PageRows) == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			x.heartbeat(x.total)
		}
	}
	if x.total == 0 {
		return unusable("The file has a header but no row.")
	}
	return nil
}

// header finds the delimiter and the columns in the first line that is not
// blank.
func (x *indexer) header(scan *csvfile.Scanner) error {
	h, err := csvfile.ReadHeader(scan, x.layout.find)
	switch {
	case errors.Is(err, csvfile.ErrEmpty):
		return unusable("The file is empty. " + headerHint)
	case errors.Is(err, csvfile.ErrUTF16):
		return unusable("The file is UTF-16. Save it as CSV UTF-8.")
	case errors.Is(err, csvfile.ErrNotText):
		return unusable("The file is not UTF-8 text. Save it as CSV UTF-8.")
	case errors.Is(err, csvfile.ErrHeader):
		return unusable("The header is wrong. " + headerHint)
	case err != nil:
		return fmt.Errorf("invite: read: %w", err)
	}
	x.layout.Delimiter, x.layout.BOM, x.layout.Header, x.layout.DataFrom = string(h.Delimiter), h.BOM, h.Line, scan.Position()
	return nil
}

// add appends a row to the last page or to a new one, and notes whether an
// earlier row that is in order names the same address.
func (x *indexer) add(rec csvfile.Record) {
	if x.total%int64(x.cfg.PageRows) == 0 {
		x.pages = append(x.pages, models.InviteFilePage{
			FileID: x.file.ID, Page: len(x.pages), AccountID: x.file.AccountID, FirstRow: x.total + 1, ByteFrom: rec.From,
		})
	}
	p := &x.pages[len(x.pages)-1]
	if who := judgeRecord(rec, &x.layout, &x.cells, x.book); who.verdict == notJudged {
		sum := sha256.Sum256([]byte(who.email))
		key := addressKey(sum[:16])
		if _, again := x.seen[key]; again {
			p.Duplicates = setBit(p.Duplicates, p.Rows)
		} else {
			x.seen[key] = struct{}{}
		}
	}
	p.Rows++
	p.ByteTo = rec.To
	x.total++
}

// saveIndex makes the file ready for import. Two checks of the same file at
// once write the same pages; the lock of the file row puts them in turn.
func (s *Service) saveIndex(ctx context.Context, f models.InviteFile, path string, x *indexer) error {
	layout, err := json.Marshal(x.layout)
	if err != nil {
		return fmt.Errorf("invite: layout: %w", err)
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		res := s.db.Conn(ctx).Model(&models.InviteFile{}).Where("id = ? AND layout IS NULL", f.ID).Updates(map[string]any{
			"layout": string(layout), "rows": x.total, "data_path": path, "updated_at": time.Now().UTC(),
		})
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		return s.db.Conn(ctx).CreateInBatches(x.pages, 500).Error
	})
	if err != nil {
		return fmt.Errorf("invite: save pages: %w", err)
	}
	return nil
}
