package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quad/internal/hub"
	"quad/internal/store"
)

// tokenCommand makes credentials for programs. It works on the database
// directly: whoever may run it is an operator.
func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make API tokens and clients",
		Long: `Make credentials for programs. They are shown once and stored as hashes only.
Without DATABASE_URL the development hub that runs here is used.`,
	}
	var host, name string
	cmd.PersistentFlags().StringVar(&host, "host", "", "a host of the account; without it the default account")
	cmd.PersistentFlags().StringVar(&name, "name", "command line", "what it is for, as lists show it")
	cmd.AddCommand(userTokenCommand(&host, &name), clientTokenCommand(&host, &name))
	return cmd
}

func userTokenCommand(host, name *string) *cobra.Command {
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "user EMAIL",
		Short: "Make an API token that acts as a user (Authorization: Bearer …)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inAccount(cmd.Context(), *host, func(ctx context.Context, h *hub.Hub) error {
				who, err := h.Auth.CandidateByEmail(ctx, args[0])
				if err != nil {
					return err
				}
				if !who.Usable {
					return errors.New("the account has no active user with this e-mail address")
				}
				var expires *time.Time
				if life > 0 {
					at := time.Now().Add(life)
					expires = &at
				}
				token, _, err := h.People.IssueAPIToken(ctx, who.User.ID, *name, expires)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
				return err
			})
		},
	}
	cmd.Flags().DurationVar(&life, "expires", 0, "its life, such as 720h; 0: until it is revoked")
	return cmd
}

func clientTokenCommand(host, name *string) *cobra.Command {
	var organization int64
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Make key and secret of an API client, for a system that signs in as itself",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return inAccount(cmd.Context(), *host, func(ctx context.Context, h *hub.Hub) error {
				var only *int64
				if organization > 0 {
					only = &organization
				}
				secret, client, err := h.People.IssueAPIClient(ctx, *name, only)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", client.ClientKey, secret)
				return err
			})
		},
	}
	cmd.Flags().Int64Var(&organization, "organization", 0, "id of the organization that it is limited to")
	return cmd
}

// inAccount runs fn with the context of the account that a host belongs to.
func inAccount(ctx context.Context, host string, fn func(context.Context, *hub.Hub) error) error {
	return withHub(ctx, "token", func(ctx context.Context, h *hub.Hub) error {
		account, err := h.Auth.ResolveAccount(ctx, host)
		if err != nil {
			return err
		}
		return fn(store.WithAccount(ctx, account), h)
	})
}
