package main

import (
	"github.com/spf13/cobra"

	"quad/internal/config"
	"quad/worker"
)

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "worker",
		Short: "Run the Temporal workers, the notification tasks and the sweepers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(config.NeedDatabase, config.NeedRedis, config.NeedTemporal, config.NeedMail, config.NeedKeys)
			if err != nil {
				return err
			}
			h, err := newHub(cmd.Context(), cfg, "worker")
			if err != nil {
				return err
			}
			defer h.Close()
			stopMetrics, err := serveMetrics(cmd.Context(), cfg.API.MetricsAddr, h)
			if err != nil {
				return err
			}
			defer stopMetrics()
			return worker.Run(cmd.Context(), h)
		},
	}
}
