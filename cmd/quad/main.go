// Command quad is the hub: one binary whose subcommands are its roles.
//
//	quad dev       everything on this machine, for development and demos
//	quad api       the HTTP server
//	quad worker    Temporal workers, notification tasks, sweepers
//	quad migrate   the database's schema
//	quad seed      a demo account
//	quad demo      the main job, through the public API of a running hub
//	quad token     API tokens and clients
//	quad health    is a role of this machine alive? (for container probes)
//	quad inbox     the development mail inbox alone
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"quad/internal/config"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "quad:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "quad",
		Short:         "One hub for organisations that run training",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(apiCommand(), workerCommand(), devCommand(), migrateCommand(), seedCommand(), demoCommand(),
		tokenCommand(), healthCommand(), inboxCommand(), configCommand())
	return cmd
}

// settings loads the configuration and checks that it has what a role needs.
func settings(needs ...config.Need) (config.Config, error) {
	cfg, err := config.Load()
	if err = errors.Join(err, cfg.Require(needs...)); err != nil {
		return cfg, fmt.Errorf("configuration:\n%w", err)
	}
	return cfg, nil
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print all settings as a Markdown table",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.Table())
			return err
		},
	}
}
