// Package migrations embeds the SQL migrations of the hub's database. They are
// applied by store.Migrate.
package migrations

import "embed"

// FS holds the goose migrations, one numbered file each.
//
//go:embed *.sql
var FS embed.FS
