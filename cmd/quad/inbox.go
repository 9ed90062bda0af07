package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quad/internal/inbox"
)

func inboxCommand() *cobra.Command {
	var opts inbox.Options
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "Run the development mail inbox: takes every mail, shows it on a page",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := inbox.New(opts)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "smtp://%s  http://%s\n", server.SMTPAddr(), server.HTTPAddr())
			return server.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&opts.SMTPAddr, "smtp", "127.0.0.1:1025", "address of the SMTP listener")
	cmd.Flags().StringVar(&opts.HTTPAddr, "http", "127.0.0.1:8025", "address of the page and the JSON API")
	cmd.Flags().StringVar(&opts.Dir, "dir", "", "folder that keeps the messages; empty: they go with the process")
	return cmd
}
