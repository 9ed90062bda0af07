package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"quad/internal/integration/source"
)

// batch is what was read of a range.
type batch struct {
	rows     []source.Row
	kept     []source.Span
	skipped  map[source.Reason]source.Skipped
	digest   *int64
	digested int64
}

// add takes a page. Rows that no column can hold are skipped.
func (b *batch) add(t source.Table, p source.Page) error {
	for i := range p.Rows {
		ok, err := storable(t, p.Rows[i].Values)
		if err != nil {
			return err
		}
		if !ok {
			p.Skip(source.ReasonBadValue, p.Rows[i].ID)
			continue
		}
		b.rows = append(b.rows, p.Rows[i])
	}
	for reason, s := range p.Skipped {
		b.skipped = addSkipped(b.skipped, reason, s)
	}
	b.kept = append(b.kept, p.Kept...)
	return nil
}

// addSkipped adds to what was skipped for a reason.
func addSkipped(all map[source.Reason]source.Skipped, reason source.Reason, s source.Skipped) map[source.Reason]source.Skipped {
	if all == nil {
		all = map[source.Reason]source.Skipped{}
	}
	sum := all[reason]
	sum.Count += s.Count
	for _, id := range s.Samples {
		if len(sum.Samples) < source.MaxSamples {
			sum.Samples = append(sum.Samples, id)
		}
	}
	all[reason] = sum
	return all
}

func encodeSkipped(all map[source.Reason]source.Skipped) (string, error) {
	if len(all) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("mirror: skipped rows: %w", err)
	}
	return string(text), nil
}

// storable tells whether the columns of a table hold these values, which it
// brings into the form in which they are kept.
func storable(t source.Table, values []any) (bool, error) {
	if len(values) != len(t.Columns) {
		return false, source.ErrProtocol.With(fmt.Errorf("a row of %s with %d values", t.Name, len(values)))
	}
	for i, c := range t.Columns {
		ok := false
		switch v := values[i].(type) {
		case nil:
			ok = c.Nullable
		case int64:
			ok = c.Type == source.Int
		case bool:
			ok = c.Type == source.Bool
		case float64:
			ok = c.Type == source.Float && !math.IsNaN(v) && !math.IsInf(v, 0)
		case string:
			ok = c.Type == source.Text
			values[i] = strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\uFFFD")
		case time.Time:
			ok = c.Type == source.Time && v.Year() >= firstYear && v.Year() <= lastYear
			values[i] = v.UTC().Truncate(time.Microsecond)
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

// Years in which things can have happened.
const firstYear, lastYear = 1900, 9999

// page reads the next page above after and at most until.
func (s *staging) page(ctx context.Context, after, until int64) (b batch, last int64, done bool, err error) {
	p, err := s.snap.Read(ctx, s.table.Name, after, until, s.limit)
	if err != nil {
		return b, 0, false, err
	}
	if p.Last <= after && !p.Done || p.Last > until {
		return b, 0, false, source.ErrProtocol.With(fmt.Errorf("a page of %s above %d and up to %d ends at %d", s.table.Name, after, until, p.Last))
	}
	return b, max(p.Last, after), p.Done, b.add(s.table, p)
}

// read reads all rows of a range.
func (s *staging) read(ctx context.Context, first, last int64) (whole batch, err error) {
	for after, done := first, false; !done && after < last; {
		var b batch
		if b, after, done, err = s.page(ctx, after, last); err != nil {
			return batch{}, err
		}
		whole.rows, whole.kept = append(whole.rows, b.rows...), append(whole.kept, b.kept...)
		for reason, skipped := range b.skipped {
			whole.skipped = addSkipped(whole.skipped, reason, skipped)
		}
	}
	return whole, nil
}

func stageColumns(t source.Table) []string {
	return append([]string{"run_id", "account_id", "source_id"}, names(t)...)
}

// names are the columns of a table.
func names(t source.Table) []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name
	}
	return out
}

// rowSource feeds rows to COPY.
type rowSource struct {
	run, account int64
	rows         []source.Row
	next         int
	values       []any
}

// Next implements pgx.CopyFromSource.
func (r *rowSource) Next() bool {
	r.next++
	return r.next < len(r.rows)
}

// Values implements pgx.CopyFromSource.
func (r *rowSource) Values() ([]any, error) {
	row := r.rows[r.next]
	r.values = append(append(r.values[:0], r.run, r.account, row.ID), row.Values...)
	return r.values, nil
}

// Err implements pgx.CopyFromSource.
func (r *rowSource) Err() error { return nil }
