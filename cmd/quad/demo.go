package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"quad/internal/demo"
	"quad/internal/devstack"
)

func demoCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the main job through the public API of the running development hub",
		Long: `Run the main job on the hub that quad dev has started: a person signs up and
becomes a mentor, a list of 1,000 people is invited. It goes through the public
HTTP API alone, checks every answer, and fails if anything is not as expected.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hub, err := devstack.ReadDemoFile(file)
			if err != nil {
				return err
			}
			return demo.Run(cmd.Context(), hub, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&file, "file", filepath.Join(dataDir(), devstack.DemoFile), "the file in which quad dev says where the hub is")
	return cmd
}
