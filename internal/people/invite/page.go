package invite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"quad/internal/csvfile"
	"quad/internal/store"
	"quad/models"
)

// row is a row of a page on its way to a verdict.
type row struct {
	no int64
	person
	verdict  Verdict // person's, until the database knows more
	inviteID *int64
	userID   *int64
	changing bool // a user is being changed for the row; left set when the change lost a race
	done     bool // an earlier attempt gave it a good verdict
}

// reset forgets what a transaction that was rolled back has found.
func (r *row) reset() {
	*r = row{no: r.no, person: r.person, verdict: r.person.verdict}
}

// page is a run of rows that one transaction imports.
type page struct {
	models.InviteFilePage
	rows []row
}

// pageReader reads pages of one source in their order.
type pageReader struct {
	layout Layout
	open   func(ctx context.Context, offset int64) (io.ReadCloser, error)

	body  io.ReadCloser
	scan  *csvfile.Scanner
	cells [][]byte
}

// read reads the rows of p and judges what can be told from the row alone.
// Pages that follow each other share one pass through the source.
func (r *pageReader) read(ctx context.Context, p *page, book roleBook) error {
	if r.scan == nil || r.scan.Position() != p.ByteFrom {
		r.close()
		body, err := r.open(ctx, p.ByteFrom)
		if err != nil {
			return err
		}
		r.body, r.scan = body, csvfile.NewScanner(body, r.layout.delim(), p.ByteFrom)
	}
	p.rows = make([]row, 0, p.Rows)
	for r.scan.Position() < p.ByteTo {
		rec, err := r.scan.Next()
		if err != nil {
			return fmt.Errorf("invite: page %d: %w", p.Page, unexpectedEOF(err))
		}
		if rec.Fault == csvfile.NoFault && csvfile.Blank(rec.Raw, r.layout.delim()) {
			continue
		}
		i := len(p.rows)
		who := judgeRecord(rec, &r.layout, &r.cells, book)
		if who.verdict == notJudged && bit(p.Duplicates, i) {
			who.verdict = Duplicate
		}
		p.rows = append(p.rows, row{no: p.FirstRow + int64(i), person: who, verdict: who.verdict})
	}
	if len(p.rows) != p.Rows || r.scan.Position() != p.ByteTo {
		return fmt.Errorf("invite: page %d: %w", p.Page, errSourceChanged)
	}
	return nil
}

func (r *pageReader) close() {
	if r.body != nil {
		_ = r.body.Close()
	}
	r.body, r.scan = nil, nil
}

// judgeRecord splits a record and judges its cells. A row may have fewer cells
// than the header (the missing ones are empty), but what is behind the last
// column must be empty: a list of roles without quotes looks like that.
func judgeRecord(rec csvfile.Record, l *Layout, buf *[][]byte, book roleBook) person {
	switch rec.Fault {
	case csvfile.TooLong:
		return person{verdict: RowTooLong}
	case csvfile.Malformed:
		return person{verdict: Malformed}
	}
	*buf = csvfile.Cells((*buf)[:0], rec.Raw, l.delim())
	row := *buf
	for _, cell := range row[min(len(row), l.Columns):] {
		if len(bytes.TrimSpace(cell)) > 0 {
			return person{verdict: Malformed}
		}
	}
	at := func(i int) []byte {
		if i < len(row) {
			return row[i]
		}
		return nil
	}
	return judge(at(l.Name), at(l.Email), at(l.Roles), book)
}

func unexpectedEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // the scanner gives exactly this
		return errSourceChanged
	}
	return err
}

func bit(bits []byte, i int) bool { return i/8 < len(bits) && bits[i/8]&(1<<(i%8)) != 0 }

func setBit(bits []byte, i int) []byte {
	for len(bits) <= i/8 {
		bits = append(bits, 0)
	}
	bits[i/8] |= 1 << (i % 8)
	return bits
}

// loadRoles reads the roles that rows may name. The titles of system roles and
// inactive roles are known too: naming them is another mistake than a typo.
func (s *Service) loadRoles(ctx context.Context) (roleBook, error) {
	var roles []models.Role
	if err := s.db.Conn(ctx).Where("deleted_at IS NULL").Find(&roles).Error; err != nil {
		return nil, fmt.Errorf("invite: roles: %w", store.Err(err))
	}
	book := make(roleBook, len(roles))
	for _, r := range roles {
		book[strings.ToLower(r.Title)] = roleEntry{id: r.ID, givable: r.UserType == models.UserTypeOrdinary && r.Status == models.StatusActive}
	}
	return book, nil
}
