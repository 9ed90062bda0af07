package moodledb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"

	"quad/internal/integration/source"
)

// snapshot is a Digester over one transaction.
type snapshot struct {
	site    *site
	session *session
	queries map[string]query
	at      time.Time
	guest   int64
	// salt goes into digests: what changes rows without a change in the database.
	salt []byte
}

// reading grows when rows are made from the same data in another way, so that
// digests of before are equal to none.
const reading = 1

// Snapshot begins one transaction that sees the database as it is now.
func (s *site) Snapshot(ctx context.Context) (source.Snapshot, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	snap := &snapshot{site: s, session: c}
	if err := snap.prepare(ctx); err != nil {
		_ = c.end() // what went wrong says more
		return nil, err
	}
	return snap, nil
}

func (s *snapshot) prepare(ctx context.Context) error {
	now, err := s.session.number(ctx, s.site.engine.now())
	if err != nil {
		return err
	}
	s.at = time.Unix(now, 0).UTC()
	l, err := s.site.layout(ctx, s.session)
	if err != nil {
		return err
	}
	s.queries = l.catalogue()
	guest, err := s.session.text(ctx, "SELECT value FROM "+s.site.table("config")+" WHERE name = 'siteguest'")
	if err != nil {
		return err
	}
	if s.guest = wholeNumber(guest); s.guest == 0 {
		s.guest = 1 // what Moodle installs
	}
	s.salt = fmt.Appendf(nil, "%d|%s|%d", reading, s.site.settings.language, s.guest)
	return nil
}

// At is the moment that is seen, by the server's clock.
func (s *snapshot) At() time.Time { return s.at }

// Close ends the transaction and its connection.
func (s *snapshot) Close() error { return s.session.end() }

// query finds what a table is.
func (s *snapshot) query(table string) (source.Table, query, error) {
	t, known := source.TableOf(table)
	q, there := s.queries[table]
	if !known || !there {
		return t, q, source.Incomplete(table)
	}
	return t, q, nil
}

// window is how far the next rows reach, at most limit of them.
func (s *snapshot) window(ctx context.Context, q query, after, until int64, limit int) (last, count int64, err error) {
	var highest sql.NullInt64
	if _, err := s.session.scan(ctx, s.site.window(q, after, until, max(limit, 1)), &highest, &count); err != nil {
		return 0, 0, err
	}
	if !highest.Valid {
		return after, 0, nil
	}
	return highest.Int64, count, nil
}

// Read gives the next rows. A page may hold fewer than limit although more
// follow: rows of Moodle's tables that are none of this one count as well.
func (s *snapshot) Read(ctx context.Context, table string, after, until int64, limit int) (source.Page, error) {
	t, q, err := s.query(table)
	if err != nil {
		return source.Page{}, err
	}
	if err := s.site.options.Wait(ctx); err != nil {
		return source.Page{}, err
	}
	last, count, err := s.window(ctx, q, after, until, limit)
	if err != nil {
		return source.Page{}, err
	}
	page := source.Page{Last: last, Done: count < int64(limit) || last >= until}
	if count == 0 {
		return page, nil
	}
	page.Rows = make([]source.Row, 0, count)
	in := newRaw(s, q)
	err = s.session.rows(ctx, "SELECT * FROM ("+s.site.rows(q, after, last)+") r ORDER BY id", func(rows *sql.Rows) error {
		if err := rows.Scan(in.into...); err != nil {
			return source.ErrProtocol.With(err)
		}
		in.wrong = false
		values, reason := q.row(in)
		if reason == "" && in.wrong {
			reason = source.ReasonBadValue
		}
		if reason != "" {
			page.Skip(reason, in.id)
			return nil
		}
		if len(values) != len(t.Columns) {
			return source.ErrProtocol.With(fmt.Errorf("%d values for the %d columns of %s", len(values), len(t.Columns), table))
		}
		page.Rows = append(page.Rows, source.Row{ID: in.id, Values: values})
		return nil
	})
	if err != nil {
		return source.Page{}, err
	}
	return page, nil
}

// Digest sums up the next rows without giving them.
func (s *snapshot) Digest(ctx context.Context, table string, after, until int64, rows int) (source.Range, error) {
	_, q, err := s.query(table)
	if err != nil {
		return source.Range{}, err
	}
	if err := s.site.options.Wait(ctx); err != nil {
		return source.Range{}, err
	}
	last, count, err := s.window(ctx, q, after, until, rows)
	if err != nil {
		return source.Range{}, err
	}
	r := source.Range{First: after, Last: last, Rows: count}
	if count == 0 {
		return r, nil
	}
	text, err := s.session.text(ctx, s.site.digest(q, after, last))
	if err != nil {
		return source.Range{}, err
	}
	sum, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return source.Range{}, source.ErrProtocol.With(fmt.Errorf("%q is no digest", text))
	}
	low := sum.And(sum, new(big.Int).SetUint64(1<<64-1)).Uint64()
	hash := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte(nil), s.salt...), low))
	r.Digest = int64(binary.BigEndian.Uint64(hash[:8])) //nolint:gosec // any bits will do
	return r, nil
}
