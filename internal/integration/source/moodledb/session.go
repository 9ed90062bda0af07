package moodledb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"quad/internal/integration/source"
	"quad/models"
)

// openTimeout bounds how long a server may take until it has let us in: less
// than a statement may take, which works on many rows.
const openTimeout = 30 * time.Second

// session is one connection within one transaction that only reads.
type session struct {
	site    *site
	conn    *sql.Conn
	version string // as the server tells it
}

// begin takes a connection and begins.
func (s *site) begin(ctx context.Context) (*session, error) {
	limited, cancel := context.WithTimeout(ctx, min(s.timeout, openTimeout)+min(maxGrace, s.timeout))
	defer cancel()
	conn, err := s.db.Conn(limited)
	if err != nil {
		return nil, s.sort(ctx, err, true)
	}
	c := &session{site: s, conn: conn}
	c.version, err = c.text(ctx, s.engine.version())
	if err == nil {
		for _, statement := range s.engine.begin(s.timeout, c.version) {
			if _, err = conn.ExecContext(limited, statement); err != nil {
				err = s.sort(ctx, err, true)
				break
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// end gives the transaction up. The connection is closed and not kept: what
// was set on it is nobody else's business.
func (c *session) end() error {
	err := c.conn.Raw(func(any) error { return driver.ErrBadConn })
	if err != nil && !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("moodle-db: end the connection: %w", err)
	}
	return nil
}

// maxGrace is how much longer we wait than the server may work: its own limit
// leaves the connection usable and says what happened.
const maxGrace = 5 * time.Second

// limit bounds the wait for one statement, for lines that went silent.
func (s *site) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout+min(maxGrace, s.timeout))
}

// rows runs a statement and hands over each row.
func (c *session) rows(ctx context.Context, statement string, each func(*sql.Rows) error) error {
	limited, cancel := c.site.limit(ctx)
	defer cancel()
	rows, err := c.conn.QueryContext(limited, statement)
	if err != nil {
		return c.site.sort(ctx, err, false)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return c.site.sort(ctx, err, false)
	}
	return nil
}

// scan reads the only row of a statement; false: there is none.
func (c *session) scan(ctx context.Context, statement string, into ...any) (found bool, err error) {
	err = c.rows(ctx, statement, func(rows *sql.Rows) error {
		if found {
			return nil
		}
		found = true
		if err := rows.Scan(into...); err != nil {
			return source.ErrProtocol.With(err)
		}
		return nil
	})
	return found, err
}

// text reads the only value of a statement, "" if there is none.
func (c *session) text(ctx context.Context, statement string) (string, error) {
	var v sql.NullString
	_, err := c.scan(ctx, statement, &v)
	return v.String, err
}

// number reads the only value of a statement, 0 if there is none.
func (c *session) number(ctx context.Context, statement string) (int64, error) {
	var v sql.NullInt64
	_, err := c.scan(ctx, statement, &v)
	return v.Int64, err
}

// busyPause is how long to leave a server alone that has too many connections.
const busyPause = 30 * time.Second

// sort says what an error of a driver is in words of package source. Causes
// may name host and account, never a password. opening: the connection was not
// yet there.
func (s *site) sort(ctx context.Context, err error, opening bool) error {
	if ctx.Err() != nil {
		return fmt.Errorf("moodle-db: %w", errors.Join(ctx.Err(), err))
	}
	var known *models.Error
	if errors.As(err, &known) { // the dialer's, for one
		return known
	}
	kind, ok := s.engine.fault(err)
	if source.Untrusted(err) {
		kind, ok = faultTLS, true
	}
	var line net.Error
	var connecting *pgconn.ConnectError
	switch {
	case ok && kind == faultRefused:
		return source.ErrRefused.With(err)
	case ok && kind == faultTLS:
		return source.ErrTLS.With(err)
	case ok && kind == faultDatabase:
		return incomplete(err, fmt.Sprintf("database %q that this account may use", s.settings.database))
	case ok && kind == faultMissing:
		return incomplete(err, "such table or column, or the account may not read it: "+err.Error())
	case ok && kind == faultBusy:
		return &source.BusyError{After: busyPause, Cause: err}
	case ok && kind == faultSlow:
		return source.ErrSlow.With(err)
	case ok && kind == faultOther:
		return source.ErrProtocol.With(err)
	case opening, errors.As(err, &connecting):
		return source.ErrUnreachable.With(err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &line) && line.Timeout():
		return source.ErrSlow.With(err)
	case ok, errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &line), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return source.ErrEnded.With(err)
	}
	return source.ErrProtocol.With(err)
}

// incomplete is source.Incomplete with a cause for the log.
func incomplete(cause error, what string) error {
	var e *models.Error
	if err := source.Incomplete(what); !errors.As(err, &e) {
		return err
	}
	return e.With(cause)
}
