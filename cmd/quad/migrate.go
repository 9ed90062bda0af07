package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quad/internal/config"
	"quad/internal/store"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Change the database's schema"}
	run := func(use, short string, fn func(*cobra.Command, string) error) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Short: short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				cfg, err := settings(config.NeedDatabase)
				if err != nil {
					return err
				}
				return fn(c, cfg.Database.URL)
			},
		})
	}
	run("up", "Apply all migrations that are missing", func(c *cobra.Command, url string) error {
		return store.Migrate(c.Context(), url)
	})
	run("down", "Take back the newest migration", func(c *cobra.Command, url string) error {
		return store.MigrateDown(c.Context(), url)
	})
	run("status", "List the migrations", func(c *cobra.Command, url string) error {
		all, err := store.Migrations(c.Context(), url)
		for _, m := range all {
			mark := "missing"
			if m.Applied {
				mark = "applied"
			}
			fmt.Fprintf(c.OutOrStdout(), "%05d  %-8s  %s\n", m.Version, mark, m.Name)
		}
		return err
	})
	return cmd
}
