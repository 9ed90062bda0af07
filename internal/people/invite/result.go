package invite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"quad/internal/blob"
	"quad/internal/csvfile"
	"quad/internal/store"
	"quad/models"
)

// Written says where the result of a file is. Failure is set when the source
// is not there any more, so that the result could not repeat its rows.
type Written struct {
	Path    string `json:"path"`
	Failure string `json:"failure,omitempty"`
}

const (
	notRead    = "The import ended before the file was read."
	sourceGone = "The file was replaced or deleted while it was imported. Upload it again under a new name."
)

// WriteResult writes the result file: the rows of the source with their
// verdicts, in constant memory. Rows without a verdict read as not processed,
// so there is a result after a cancel too; a file that could not be imported at
// all gets one that says why (failure). Doing it again writes the same file.
// heartbeat is called now and then with the rows written so far.
func (s *Service) WriteResult(ctx context.Context, in models.ProcessInput, failure string, heartbeat func(rows int64)) (Written, error) {
	f, err := s.file(ctx, in.SubjectID)
	if err != nil {
		return Written{}, err
	}
	if f, err = s.reserveResult(ctx, f, in); err != nil {
		return Written{}, err
	}
	out := Written{Path: *f.OutputPath}
	if f.Layout != nil {
		err = s.writeResult(ctx, f, in, heartbeat)
		if !errors.Is(err, blob.ErrChanged) && !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, errSourceChanged) {
			return out, err
		}
		out.Failure, failure = sourceGone, sourceGone
	}
	if failure == "" {
		failure = notRead
	}
	_, err = s.blob.Write(ctx, s.key(f.AccountID, out.Path), strings.NewReader(failedResult(f, failure)), blob.WriteOptions{})
	return out, err
}

// reserveResult finds the path of the attempt's result. The time in it is that
// of the request, in UTC. A path that another file of the same minute has gets
// the ids of file and attempt appended: the unique index on stored paths
// decides.
func (s *Service) reserveResult(ctx context.Context, f models.InviteFile, in models.ProcessInput) (models.InviteFile, error) {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Clauses(clause.Locking{Strength: "UPDATE"}).Take(&f, f.ID).Error; err != nil {
			return err
		}
		if f.OutputPath != nil && f.OutputAttempt >= in.Attempt {
			return nil
		}
		var started time.Time
		err := s.db.Query(ctx, &started, `SELECT created_at FROM processes WHERE account_id = @account_id AND id = @id`, store.Args{"id": in.ProcessID})
		if err != nil {
			return err
		}
		minute := fmt.Sprintf("userInviteStatusCSV/%d/output-user-invite%s", f.OrganizationID, started.UTC().Format("2006_01_02_15_04"))
		for _, path := range []string{minute + ".csv", fmt.Sprintf("%s_%d_%d.csv", minute, f.ID, in.Attempt)} {
			res := s.db.Conn(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&models.StoredFile{
				OrganizationID: f.OrganizationID, UserID: &f.CreatedBy, Path: path, Name: path[strings.LastIndexByte(path, '/')+1:], Purpose: "invite_result",
			})
			if res.Error != nil {
				return res.Error
			}
			if res.RowsAffected == 1 {
				f.OutputPath, f.OutputAttempt = &path, in.Attempt
				return s.db.Conn(ctx).Model(&f).Updates(map[string]any{"output_path": path, "output_attempt": in.Attempt}).Error
			}
		}
		return errors.New("the path of the result is taken")
	})
	if err != nil {
		return f, fmt.Errorf("invite: result path: %w", store.Err(err))
	}
	return f, nil
}

func failedResult(f models.InviteFile, reason string) string {
	var b strings.Builder
	w := resultWriter{w: bufio.NewWriter(&b), delim: ','}
	columns := resultColumns(f.Door)
	w.row(append([]string{columnName, columnEmail, columnRoles}, columns...))
	row := []string{"", "", "", reason}
	if len(columns) > 1 {
		row = []string{"", "", "", string(NotProcessed), reason, ""}
	}
	w.row(row)
	_ = w.w.Flush() // to memory
	return b.String()
}

func (s *Service) writeResult(ctx context.Context, f models.InviteFile, in models.ProcessInput, heartbeat func(int64)) error {
	_, layout, err := s.checkedFile(ctx, in)
	if err != nil {
		return err
	}
	body, err := s.blob.Open(ctx, s.key(f.AccountID, *f.DataPath), blob.ReadOptions{Offset: layout.DataFrom, Version: layout.Source})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	out, err := s.blob.NewWriter(ctx, s.key(f.AccountID, *f.OutputPath), blob.WriteOptions{})
	if err != nil {
		return err
	}
	defer out.Abort()
	w := resultWriter{w: bufio.NewWriterSize(out, 256<<10), delim: layout.delim(), columns: layout.Columns, door: f.Door}
	if layout.BOM {
		_, _ = w.w.Write(csvfile.UTF8BOM) // errors stick to the writer
	}
	for _, c := range csvfile.Cells(nil, []byte(layout.Header), w.delim) {
		w.cells = append(w.cells, string(c))
	}
	w.row(append(w.cells, resultColumns(f.Door)...))
	scan := csvfile.NewScanner(body, w.delim, layout.DataFrom)
	for from := int64(1); from <= f.Rows; from += int64(s.cfg.PageRows) {
		to := min(from+int64(s.cfg.PageRows)-1, f.Rows)
		verdicts, err := s.verdicts(ctx, f.ID, from, to)
		if err != nil {
			return err
		}
		if err := w.rows(scan, verdicts); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		heartbeat(to)
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("invite: write result: %w", err)
	}
	return out.Commit()
}

// verdicts reads the verdicts of the rows from..to; rows without one are there
// too, empty.
func (s *Service) verdicts(ctx context.Context, file, from, to int64) ([]models.InviteRow, error) {
	rows := make([]models.InviteRow, to-from+1)
	err := s.db.QueryRows(ctx, `SELECT row_no, verdict, invite_id, user_id FROM invite_rows
		WHERE account_id = @account_id AND file_id = @file AND row_no BETWEEN @from AND @to`,
		store.Args{"file": file, "from": from, "to": to},
		func(scan rowScanner) error {
			var r models.InviteRow
			if err := scan.Scan(&r.RowNo, &r.Verdict, &r.InviteID, &r.UserID); err != nil {
				return err
			}
			rows[r.RowNo-from] = r
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("invite: verdicts: %w", err)
	}
	return rows, nil
}

// resultWriter writes the result as CSV with the delimiter of the source.
// Errors of writing stick to w and come out when it is flushed.
type resultWriter struct {
	w       *bufio.Writer
	delim   byte
	columns int
	door    string
	raw     [][]byte
	cells   []string
}

// rows copies as many rows of the source as there are verdicts.
func (w *resultWriter) rows(scan *csvfile.Scanner, verdicts []models.InviteRow) error {
	for i := 0; i < len(verdicts); {
		rec, err := scan.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return errSourceChanged
			}
			return fmt.Errorf("invite: read: %w", err)
		}
		if rec.Fault == csvfile.NoFault && csvfile.Blank(rec.Raw, w.delim) {
			continue
		}
		w.cells = w.cells[:0]
		switch rec.Fault {
		case csvfile.NoFault:
			w.raw = csvfile.Cells(w.raw[:0], rec.Raw, w.delim)
			for _, c := range w.raw {
				w.cells = append(w.cells, string(c))
			}
		case csvfile.Malformed: // as it stands, in one cell
			w.cells = append(w.cells, string(rec.Raw))
		}
		for len(w.cells) < w.columns {
			w.cells = append(w.cells, "")
		}
		for len(w.cells) > w.columns && strings.TrimSpace(w.cells[len(w.cells)-1]) == "" {
			w.cells = w.cells[:len(w.cells)-1]
		}
		if extra := len(w.cells) - w.columns; extra > 0 {
			// Cells that are too many go into the last column, so that the
			// verdict stands in its own.
			last := strings.Join(w.cells[w.columns-1:], string(w.delim))
			w.cells = append(w.cells[:w.columns-1], last)
		}
		w.cells = resultCells(w.cells, w.door, verdicts[i])
		w.row(w.cells)
		i++
	}
	return nil
}

func (w *resultWriter) row(row []string) {
	for i, cell := range row {
		if i > 0 {
			_ = w.w.WriteByte(w.delim)
		}
		w.cell(cell)
	}
	_ = w.w.WriteByte('\n')
}

// cell writes a cell so that a spreadsheet shows it and does not execute it: a
// text that would be taken for a formula is led by an apostrophe.
func (w *resultWriter) cell(cell string) {
	formula := cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0
	if !formula && strings.IndexByte(cell, w.delim) < 0 && !strings.ContainsAny(cell, "\"\r\n") && strings.TrimSpace(cell) == cell {
		_, _ = w.w.WriteString(cell)
		return
	}
	_ = w.w.WriteByte('"')
	if formula {
		_ = w.w.WriteByte('\'')
	}
	_, _ = w.w.WriteString(strings.ReplaceAll(cell, `"`, `""`))
	_ = w.w.WriteByte('"')
}
