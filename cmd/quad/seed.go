package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quad/internal/config"
	"quad/internal/demo"
	"quad/internal/hub"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

func seedCommand() *cobra.Command {
	var account, code, admin string
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Make the demo account, or the first account of a deployment",
		Long: `Without flags: make the demo account with organizations and people in an empty
database. With --account and --admin: make the default account of a deployment
and its first administrator. What exists is left as it is. Passwords are shown
once, here, and stored as hashes only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (account == "") != (admin == "") {
				return errors.New("--account and --admin belong together")
			}
			return withHub(cmd.Context(), "seed", func(ctx context.Context, h *hub.Hub) error {
				if account != "" {
					return seedAccount(ctx, h, cmd.OutOrStdout(), account, code, admin)
				}
				return seedDemo(ctx, h, cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "name of the default account")
	cmd.Flags().StringVar(&code, "code", "", "code of its default organization (default \"default\")")
	cmd.Flags().StringVar(&admin, "admin", "", "e-mail address of its first administrator")
	return cmd
}

// withHub runs fn with the services of the environment, or with those of the
// development hub that runs here.
func withHub(ctx context.Context, role string, fn func(context.Context, *hub.Hub) error) error {
	cfg, err := besideSettings(config.NeedDatabase, config.NeedRedis, config.NeedTemporal, config.NeedKeys)
	if err != nil {
		return err
	}
	h, err := newHub(ctx, cfg, role)
	if err != nil {
		return err
	}
	defer h.Close()
	return fn(ctx, h)
}

func seedDemo(ctx context.Context, h *hub.Hub, out io.Writer) error {
	passwords := map[string]string{}
	data, made, err := demo.Seed(ctx, h, func(name string) (string, error) {
		if passwords[name] == "" {
			passwords[name] = rand.Text()
		}
		return passwords[name], nil
	})
	if errors.Is(err, demo.ErrAccountInUse) {
		return errors.New("this database is in use: the demo account goes into an empty one")
	}
	if err != nil {
		return err
	}
	if !made {
		_, err := fmt.Fprintln(out, "The demo account is there already; nothing was changed.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "Account\t%s (%d)\n", data.Account.Name, data.Account.ID)
	fmt.Fprintf(w, "Organization\t%s (%d)\n\n", data.Elevate.Organization.Code, data.Elevate.Organization.ID)
	fmt.Fprint(w, "Login\tE-mail\tPassword\n")
	fmt.Fprintf(w, "Administrator\t%s\t%s\n", data.Hub.Email, data.Hub.Password)
	fmt.Fprintf(w, "Org admin\t%s\t%s\n", data.Elevate.OrgAdmin.Email, data.Elevate.OrgAdmin.Password)
	fmt.Fprintf(w, "User\t%s\t%s\n", data.Elevate.User.Email, data.Elevate.User.Password)
	fmt.Fprintf(w, "\nAPI client\t%s\t%s\n", data.Enabley.ClientKey, data.Enabley.Secret)
	return w.Flush()
}

// seedAccount makes what a deployment cannot begin without: the default account
// and somebody who administrates it.
func seedAccount(ctx context.Context, h *hub.Hub, out io.Writer, name, code, admin string) error {
	password := rand.Text()
	var account models.Account
	var home models.Organization
	err := h.DB.InTx(store.AsSystem(ctx), func(ctx context.Context) (err error) {
		account, home, err = h.People.EnsureAccount(ctx, people.AccountSpec{Name: name, Default: true, OrganizationCode: code})
		if err != nil {
			return err
		}
		if account.Name != name {
			return fmt.Errorf("the default account is there already, it is called %q", account.Name)
		}
		_, err = h.People.EnsureUser(store.WithAccount(ctx, account.ID), people.NewUser{
			Name: "Administrator", Email: admin, Password: password, OrganizationID: home.ID, Roles: []string{models.RoleAdmin},
		})
		return err
	})
	if errors.Is(err, people.ErrEmailTaken) {
		_, err := fmt.Fprintf(out, "%s is there already; nothing was changed.\n", admin)
		return err
	}
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "Account\t%s (%d)\n", account.Name, account.ID)
	fmt.Fprintf(w, "Organization\t%s (%d)\n", home.Code, home.ID)
	fmt.Fprintf(w, "Administrator\t%s\n", admin)
	fmt.Fprintf(w, "Password\t%s\n", password)
	return w.Flush()
}
