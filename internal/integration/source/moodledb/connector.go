// Package moodledb reads a Moodle from its database, MySQL, MariaDB or
// PostgreSQL. Nothing is ever written, locked or called there: an account that
// may SELECT is enough.
//
// What a table of the hub is in Moodle's tables is one query in catalogue.go;
// the digest of a range is computed over the same query, so that the two can't
// drift apart.
package moodledb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"quad/internal/integration/source"
)

// Kind is the name of this kind of connections.
const Kind = "moodle-db"

// defaultTimeout bounds a statement where the caller names no time.
const defaultTimeout = time.Minute

type connector struct{}

// New gives the connector of this package.
func New() source.Connector { return connector{} }

func (connector) Kind() string { return Kind }

func (connector) Fields() []source.Field { return fields }

func (connector) Check(values source.Settings) error {
	_, err := parse(values)
	return err
}

// Open connects, and proves with one round trip that the account is let in.
func (connector) Open(ctx context.Context, values source.Settings, options source.Options) (source.Source, error) {
	s, err := parse(values)
	if err != nil {
		return nil, err
	}
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	e := engines[s.engine]
	db, err := e.open(s, options)
	if err != nil {
		return nil, source.ErrUnreachable.With(err)
	}
	db.SetMaxIdleConns(0) // a connection lives as long as its transaction
	src := &site{db: db, engine: e, settings: s, options: options, timeout: options.Timeout}
	if err := src.once(ctx, func(*session) error { return nil }); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return src, nil
}

// site is an open database.
type site struct {
	db       *sql.DB
	engine   engine
	settings settings
	options  source.Options
	timeout  time.Duration
}

// Close ends the connections.
func (s *site) Close() error { return s.db.Close() }

// once runs do in a transaction of its own, which reads only.
func (s *site) once(ctx context.Context, do func(*session) error) error {
	conn, err := s.begin(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.end())
}

// Describe tells which Moodle this is and whether all that is needed is there.
func (s *site) Describe(ctx context.Context) (d source.Description, err error) {
	err = s.once(ctx, func(c *session) error {
		l, err := s.layout(ctx, c)
		if err != nil {
			return err
		}
		release, err := c.text(ctx, "SELECT value FROM "+s.table("config")+" WHERE name = 'release'")
		if err != nil {
			return err
		}
		if d.Server, err = s.engine.server(ctx, c); err != nil {
			return err
		}
		d.Product, d.Absent = "Moodle", l.absent
		if release != "" {
			d.Product += " " + release
		}
		for _, t := range source.Tables {
			if l.absent[t.Name] == "" {
				d.Tables = append(d.Tables, t.Name)
			}
		}
		return nil
	})
	return d, err
}

// table is the quoted name of one of Moodle's tables.
func (s *site) table(name string) string { return s.engine.table(s.settings, name) }
