package demo

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/devstack"
	"quad/internal/store"
	"quad/models"
)

// seededClient is the item of shipped_items that marks an account whose API
// client was made.
const seededClient = "demo:client"

// clients makes an API client for each demo account, once, and fills in what
// programs sign in with at the Enabley door.
func (s seeder) clients(ctx context.Context, out *devstack.Demo) error {
	own := store.WithAccount(ctx, out.Account.ID)
	account, err := s.client(own, "demo-client")
	if err != nil {
		return err
	}
	out.Enabley = &devstack.DemoEnabley{DemoClient: account, SubAccountName: organizations[1].name}
	system := auth.Principal{AccountID: out.Account.ID, ClientID: 1, Door: "seed", Roles: []string{models.RoleAdmin}}
	if out.Enabley.Hierarchy, err = s.hub.Groups.Hierarchy(auth.WithPrincipal(own, system)); err != nil {
		return err
	}
	other, err := s.hub.Auth.ResolveAccount(ctx, OtherHost)
	if err != nil || other == out.Account.ID { // removed since
		return err
	}
	out.Enabley.OtherAccount, err = s.client(store.WithAccount(ctx, other), "demo-other-client")
	return err
}

// client gives key and secret of the demo client of an account. Both are kept
// where the passwords are; the secret is empty if it does not work any more.
func (s seeder) client(ctx context.Context, name string) (devstack.DemoClient, error) {
	key, err := s.secret(name + "-key")
	if err != nil {
		return devstack.DemoClient{}, err
	}
	secret, err := s.secret(name + "-secret")
	if err != nil {
		return devstack.DemoClient{}, err
	}
	err = s.hub.DB.InTx(ctx, func(ctx context.Context) error {
		n, err := s.hub.DB.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item) ON CONFLICT DO NOTHING`,
			store.Args{"item": seededClient})
		if err != nil || n == 0 {
			return err
		}
		return s.hub.People.AddAPIClient(ctx, "Demo", key, secret)
	})
	if err != nil {
		return devstack.DemoClient{}, fmt.Errorf("demo client: %w", err)
	}
	switch _, err := s.hub.Auth.SignInClient(ctx, key, secret); models.KindOf(err) {
	case models.KindUnauthenticated:
		secret = ""
	default:
		if err != nil {
			return devstack.DemoClient{}, err
		}
	}
	return devstack.DemoClient{ClientKey: key, Secret: secret}, nil
}
