package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"quad/internal/auth"
	"quad/internal/devstack"
	"quad/internal/hub"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// ErrAccountInUse says that the database's default account is not the demo
// account: demo people do not belong among real ones.
var ErrAccountInUse = errors.New("the default account is not the demo account")

// seeded is the item of shipped_items that marks an account as seeded.
const seeded = "demo:people"

// secretName is the name under which the password of a login is kept.
func secretName(email string) string {
	local, _, _ := strings.Cut(email, "@")
	return "demo-" + local
}

// Seed makes the demo account with its organizations and people, groups, courses,
// certificates, projects and a survey, and a second account, in one transaction, and an API client
// for each of the two. An account that
// was seeded before is left alone, whatever became of its people; made tells
// which. One from before there were courses or projects gets them, unless it has some. secret gives the password
// for a name; the same one as long as the caller keeps it. A password in the
// answer is empty when the person has another one by now. Errors:
// ErrAccountInUse.
func Seed(ctx context.Context, h *hub.Hub, secret func(name string) (string, error)) (out devstack.Demo, made bool, err error) {
	s := seeder{hub: h, secret: secret}
	err = h.DB.InTx(store.AsSystem(ctx), func(ctx context.Context) error {
		first := organizations[0]
		// The lock that EnsureAccount takes is held to the end of this
		// transaction: of several seeders at once one works.
		account, home, err := h.People.EnsureAccount(ctx, people.AccountSpec{
			Name: AccountName, Default: true, OrganizationName: first.name, OrganizationCode: first.code,
		})
		if err != nil {
			return err
		}
		out.Account = &devstack.DemoAccount{ID: account.ID, Name: account.Name}
		out.Elevate = &devstack.DemoElevate{
			AdminSecretCode: h.Config.Auth.AdminSecretCode,
			Organization:    devstack.DemoOrganization{ID: home.ID, Code: home.Code},
		}
		if made, err = s.account(store.WithAccount(ctx, account.ID), account, home); err != nil {
			return err
		}
		if err := s.learning(store.WithAccount(ctx, account.ID), home); err != nil {
			return err
		}
		if err := s.figures(store.WithAccount(ctx, account.ID)); err != nil {
			return err
		}
		if err := s.work(store.WithAccount(ctx, account.ID), home); err != nil || !made {
			return err
		}
		return s.other(ctx)
	})
	if err != nil {
		return devstack.Demo{}, false, fmt.Errorf("demo: seed: %w", err)
	}
	if err := s.logins(store.WithAccount(ctx, out.Account.ID), &out); err != nil {
		return devstack.Demo{}, false, fmt.Errorf("demo: seed: %w", err)
	}
	if err := s.clients(ctx, &out); err != nil {
		return devstack.Demo{}, false, fmt.Errorf("demo: seed: %w", err)
	}
	return out, made, nil
}

type seeder struct {
	hub    *hub.Hub
	secret func(name string) (string, error)
}

// account fills the demo account unless that was done before.
func (s seeder) account(ctx context.Context, account models.Account, home models.Organization) (bool, error) {
	n, err := s.hub.DB.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item) ON CONFLICT DO NOTHING`, store.Args{"item": seeded})
	if err != nil || n == 0 {
		return false, err
	}
	var strangers bool
	if err := s.hub.DB.Query(ctx, &strangers, `SELECT EXISTS (SELECT FROM users WHERE account_id = @account_id)`, nil); err != nil {
		return false, err
	}
	if account.Name != AccountName || strangers {
		return false, ErrAccountInUse
	}
	for i, o := range organizations {
		id := home.ID
		if i > 0 {
			row, err := s.hub.People.AddOrganization(ctx, people.OrganizationInput{
				Name: o.name, Code: o.code, Description: o.description, Domains: []string{o.domain},
			})
			if err != nil {
				return false, fmt.Errorf("organization %s: %w", o.code, err)
			}
			id = row.ID
		}
		if err := s.people(ctx, id, o); err != nil {
			return false, err
		}
	}
	return true, nil
}

// other makes the second account.
func (s seeder) other(ctx context.Context) error {
	account, home, err := s.hub.People.EnsureAccount(ctx, people.AccountSpec{
		Name: OtherAccountName, Hosts: []string{OtherHost}, OrganizationName: otherPeople.name, OrganizationCode: otherPeople.code,
	})
	if err != nil {
		return err
	}
	return s.people(store.WithAccount(ctx, account.ID), home.ID, otherPeople)
}

// people makes the people of an organization. Those without a login can set a
// password through a reset; the mail is in the inbox.
func (s seeder) people(ctx context.Context, organizationID int64, o organization) error {
	for i, p := range o.people {
		in := people.NewUser{Name: p.name, Email: o.email(i), OrganizationID: organizationID, Roles: p.roles}
		switch in.Email {
		case AdminEmail, OrgAdminEmail, UserEmail, TenantAdminEmail:
			var err error
			if in.Password, err = s.secret(secretName(in.Email)); err != nil {
				return err
			}
		}
		if _, err := s.hub.People.EnsureUser(ctx, in); err != nil {
			return fmt.Errorf("%s: %w", in.Email, err)
		}
	}
	return nil
}

// logins fills in what the demo people sign in with.
func (s seeder) logins(ctx context.Context, out *devstack.Demo) error {
	var admin, tenantAdmin devstack.DemoLogin
	for email, login := range map[string]*devstack.DemoLogin{
		AdminEmail: &admin, OrgAdminEmail: &out.Elevate.OrgAdmin, UserEmail: &out.Elevate.User, TenantAdminEmail: &tenantAdmin,
	} {
		password, err := s.secret(secretName(email))
		if err != nil {
			return err
		}
		who, err := s.hub.Auth.CandidateByEmail(ctx, email)
		if err != nil {
			return err
		}
		right, err := s.matches(ctx, who, password)
		if err != nil {
			return err
		}
		if !right {
			password = ""
		}
		*login = devstack.DemoLogin{Email: email, Password: password}
	}
	out.Hub, out.Elevate.Admin = &admin, admin
	out.MIS = &devstack.DemoMIS{SuperAdmin: admin, TenantAdmin: tenantAdmin}
	return nil
}

func (s seeder) matches(ctx context.Context, who auth.Candidate, password string) (bool, error) {
	ok, _, err := s.hub.Auth.Passwords().Match(ctx, password, who.PasswordHash)
	return ok, err
}
