package reporting

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"quad/internal/blob"
	"quad/internal/store"
)

// shown is how many rows of a table are in the report itself.
const shown = 15

// rowKey is where all rows of a report's tables are. Each try has an object of
// its own, so that one which was given up cannot change what another read.
func rowKey(account, report int64, try int32) string {
	return fmt.Sprintf("accounts/%d/reports/%d/rows-%d.ndjson", account, report, try)
}

// line is one row in the object of all rows.
type line struct {
	Table int   `json:"t"`
	Row   []any `json:"r"`
}

// recorder keeps the first rows of tables and writes all of them to blob
// storage, one after the other.
type recorder struct {
	data *Data
	out  *bufio.Writer
}

// table begins a table.
func (r *recorder) table(title string, columns ...Column) {
	r.data.Tables = append(r.data.Tables, Table{Title: title, Columns: columns, Rows: [][]any{}})
}

// row adds a row to the table that was begun last.
func (r *recorder) row(values ...any) error {
	n := len(r.data.Tables) - 1
	t := &r.data.Tables[n]
	if len(values) != len(t.Columns) {
		return fmt.Errorf("reporting: %d values for %d columns of %s", len(values), len(t.Columns), t.Title)
	}
	if t.Total++; t.Total <= shown {
		t.Rows = append(t.Rows, values)
	}
	encoded, err := json.Marshal(line{n, values})
	if err != nil {
		return fmt.Errorf("reporting: row: %w", err)
	}
	_, err = r.out.Write(append(encoded, '\n'))
	return err
}

// query adds the rows of a statement, whose columns are those of the table.
func (r *recorder) query(ctx context.Context, db *store.DB, text string, args store.Args) error {
	columns := r.data.Tables[len(r.data.Tables)-1].Columns
	return db.EachRow(ctx, text, args, func(rows *sql.Rows) error {
		texts, numbers := make([]sql.NullString, len(columns)), make([]sql.NullFloat64, len(columns))
		days := make([]sql.NullTime, len(columns))
		into, values := make([]any, len(columns)), make([]any, len(columns))
		for i, c := range columns {
			switch c.Kind {
			case KindText:
				into[i] = &texts[i]
			case KindDay:
				into[i] = &days[i]
			default:
				into[i] = &numbers[i]
			}
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		for i := range columns {
			switch {
			case texts[i].Valid:
				values[i] = texts[i].String
			case numbers[i].Valid:
				values[i] = numbers[i].Float64
			case days[i].Valid:
				values[i] = days[i].Time.Format(time.DateOnly)
			}
		}
		return r.row(values...)
	})
}

// eachRow reads all rows of a report's tables, in their order.
func (s *Service) eachRow(ctx context.Context, key string, fn func(table int, row []any) error) error {
	object, err := s.d.Blob.NewReader(ctx, key)
	if err != nil {
		return fmt.Errorf("reporting: rows: %w", err)
	}
	defer func() { _ = object.Close() }() // it was only read
	decoder := json.NewDecoder(bufio.NewReaderSize(object, 1<<16))
	for {
		var l line
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reporting: rows: %w", err)
		}
		if err := fn(l.Table, l.Row); err != nil {
			return err
		}
	}
}

// record writes an object of rows while fn makes them; nothing stays of one
// whose making fails.
func (s *Service) record(ctx context.Context, key string, data *Data, fn func(*recorder) error) error {
	object, err := s.d.Blob.NewWriter(ctx, key, blob.WriteOptions{ContentType: "application/x-ndjson"})
	if err != nil {
		return fmt.Errorf("reporting: rows: %w", err)
	}
	defer object.Abort()
	r := recorder{data: data, out: bufio.NewWriterSize(object, 1<<16)}
	if err := fn(&r); err != nil {
		return err
	}
	if err := r.out.Flush(); err != nil {
		return fmt.Errorf("reporting: rows: %w", err)
	}
	return object.Commit()
}
