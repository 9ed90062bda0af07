// Package store is the only way to the database: it opens the pool, runs
// migrations and transactions, adds the caller's account to every statement
// (see tenancy.go), and maps driver errors to typed errors once (errors.go).
//
// A transaction travels in the context: a service method that calls InTx and
// then other methods with the context it got has all of them in one
// transaction. What has to happen after the commit, such as starting a
// workflow, is registered with AfterCommit.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Options say how to connect.
type Options struct {
	URL              string        // postgres://…
	MaxConns         int32         // default 20
	StatementTimeout time.Duration // default: none
	Name             string        // application_name, to find the connections in pg_stat_activity
	Tracer           pgx.QueryTracer
}

// DB is the hub's database. It is safe for concurrent use.
type DB struct {
	gorm  *gorm.DB
	sql   *sql.DB
	pool  *pgxpool.Pool
	count *statementCounter
	texts texts
}

// Open connects and checks that the database answers.
func Open(ctx context.Context, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("store: database address: %w", redactURL(err))
	}
	cfg.MaxConns = 20
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	params := cfg.ConnConfig.RuntimeParams
	params["timezone"] = "UTC"
	params["jit"] = "off" // compiling a statement takes longer than any of ours runs
	if o.Name != "" {
		params["application_name"] = o.Name
	}
	if o.StatementTimeout > 0 {
		params["statement_timeout"] = fmt.Sprint(o.StatementTimeout.Milliseconds())
	}
	db := &DB{count: &statementCounter{}}
	cfg.ConnConfig.Tracer = db.count
	if o.Tracer != nil {
		cfg.ConnConfig.Tracer = multitracer.New(db.count, o.Tracer)
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	// database/sql must not keep idle connections of its own: it takes them
	// from the pool and gives them back after each use.
	db.sql = stdlib.OpenDBFromPool(db.pool)
	db.sql.SetMaxIdleConns(0)
	// pgx keeps prepared statements per connection; a second cache of GORM's
	// (PrepareStmt) on top would be useless because connections change hands.
	db.gorm, err = gorm.Open(postgres.New(postgres.Config{Conn: db.sql}), &gorm.Config{
		SkipDefaultTransaction: true,
		Logger:                 logger.Discard, // errors are returned, slow statements are seen in traces and pg_stat_statements
		NowFunc:                func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	})
	if err != nil {
		db.pool.Close()
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err := db.gorm.Use(tenancy{}); err != nil {
		db.pool.Close()
		return nil, fmt.Errorf("store: tenancy: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// Close ends all connections.
func (db *DB) Close() {
	_ = db.sql.Close()
	db.pool.Close()
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.Ping(ctx); err != nil {
		return fmt.Errorf("store: ping: %w", Err(err))
	}
	return nil
}

// Stat is the state of the connection pool, for metrics.
func (db *DB) Stat() *pgxpool.Stat { return db.pool.Stat() }

// Listen waits for PostgreSQL notifications on a channel and calls fn with each
// payload, until the context ends. ready, when not nil, is called once
// listening has begun, and again after a lost connection was replaced, so that
// the caller can drop what it may have missed.
func (db *DB) Listen(ctx context.Context, channel string, ready func(), fn func(payload string)) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: listen: %w", Err(err))
	}
	// The connection is taken out of the pool for good: it must not go back
	// with a subscription on it.
	c := conn.Hijack()
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("store: listen: %w", Err(err))
	}
	if ready != nil {
		ready()
	}
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("store: listen: %w", err)
		}
		fn(n.Payload)
	}
}

type txKey struct{}

type txState struct {
	db    *gorm.DB
	after []func(context.Context)
	depth int // of savepoints
}

// Conn is the GORM handle for the context: its transaction if there is one,
// else the pool. Statements on tenant-owned models are bound to the account of
// the context.
func (db *DB) Conn(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{}).(*txState); ok {
		return tx.db.WithContext(ctx)
	}
	return db.gorm.WithContext(ctx)
}

// HasTx tells whether the context is in a transaction of InTx.
func HasTx(ctx context.Context) bool {
	_, ok := ctx.Value(txKey{}).(*txState)
	return ok
}

// InTx runs fn in a transaction, or in the one the context is already in. The
// context given to fn carries the transaction. An error rolls back; hooks
// registered with AfterCommit run after a commit only.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, ok := ctx.Value(txKey{}).(*txState); ok {
		return fn(ctx)
	}
	state := &txState{}
	err := db.gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		state.db = tx
		return fn(context.WithValue(ctx, txKey{}, state))
	})
	if err != nil {
		return Err(err)
	}
	for _, hook := range state.after {
		runHook(ctx, hook)
	}
	return nil
}

// AfterCommit registers fn to run once the transaction of the context has
// committed; without a transaction it runs at once. Hooks are best effort:
// what they start must also be found by a sweeper, because the process can die
// between the commit and the hook.
func AfterCommit(ctx context.Context, fn func(ctx context.Context)) {
	if tx, ok := ctx.Value(txKey{}).(*txState); ok {
		tx.after = append(tx.after, fn)
		return
	}
	runHook(ctx, fn)
}

func runHook(ctx context.Context, fn func(context.Context)) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "hook after commit panicked", "panic", p)
		}
	}()
	fn(ctx)
}
