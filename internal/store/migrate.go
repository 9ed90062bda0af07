package store

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"quad/models/migrations"
)

// MigrationStatus tells whether one migration has been applied.
type MigrationStatus struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the database to the newest version. A session lock in the
// database lets any number of replicas start at once: one migrates, the others
// wait for it.
func Migrate(ctx context.Context, url string) error {
	return withGoose(ctx, url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// MigrateDown takes back the newest migration.
func MigrateDown(ctx context.Context, url string) error {
	return withGoose(ctx, url, func(p *goose.Provider) error {
		_, err := p.Down(ctx)
		return err
	})
}

// Migrations lists all migrations in their order.
func Migrations(ctx context.Context, url string) (out []MigrationStatus, err error) {
	err = withGoose(ctx, url, func(p *goose.Provider) error {
		all, err := p.Status(ctx)
		for _, s := range all {
			out = append(out, MigrationStatus{Version: s.Source.Version, Name: s.Source.Path, Applied: s.State == goose.StateApplied})
		}
		return err
	})
	return out, err
}

func withGoose(ctx context.Context, url string, fn func(*goose.Provider) error) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", redactURL(err))
	}
	defer func() { _ = db.Close() }()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	if err := fn(p); err != nil {
		return fmt.Errorf("store: migrate: %w", Err(err))
	}
	return nil
}
