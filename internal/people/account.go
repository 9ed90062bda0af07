package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"quad/internal/audit"
	"quad/internal/store"
	"quad/models"
)

// AccountSpec describes an account that has to exist.
type AccountSpec struct {
	Name             string
	Default          bool     // the account of hosts that belong to no other
	Hosts            []string // hosts that belong to it, without a port
	OrganizationName string   // of the default organization, used when it is made; default: Name
	OrganizationCode string   // default: "default"
}

// EnsureAccount makes sure that an account exists, with its default
// organization and everything the hub ships. An existing one is found by Default
// or by its name, and keeps what an operator changed or removed. It may run in
// any number of replicas at once. The context needs no account.
func (s *Service) EnsureAccount(ctx context.Context, spec AccountSpec) (account models.Account, organization models.Organization, err error) {
	var r rules
	spec.Name = r.name("name", spec.Name)
	if spec.OrganizationName == "" {
		spec.OrganizationName = spec.Name
	}
	if spec.OrganizationCode == "" {
		spec.OrganizationCode = "default"
	}
	spec.OrganizationName = r.name("organization_name", spec.OrganizationName)
	spec.OrganizationCode = r.code("organization_code", spec.OrganizationCode)
	if err := r.Err(); err != nil {
		return account, organization, err
	}
	err = s.db.InTx(store.AsSystem(ctx), func(ctx context.Context) error {
		// One at a time: names of accounts are not unique, so no index decides.
		if _, err := s.db.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('quad:accounts', 0))`, nil); err != nil {
			return err
		}
		if err := s.ensureAccountRow(ctx, spec, &account); err != nil {
			return err
		}
		ctx = store.WithAccount(ctx, account.ID)
		if err := s.ensureOrganization(ctx, spec, &organization); err != nil {
			return err
		}
		return s.ship(ctx, organization.ID)
	})
	if err != nil {
		return models.Account{}, models.Organization{}, fmt.Errorf("people: ensure account: %w", err)
	}
	s.auth.ForgetHosts()
	return account, organization, nil
}

func (s *Service) ensureAccountRow(ctx context.Context, spec AccountSpec, account *models.Account) error {
	query := s.db.Conn(ctx).Order("id").Limit(1)
	if spec.Default {
		query = query.Where("is_default")
	} else {
		query = query.Where("name = ?", spec.Name)
	}
	if err := query.Find(account).Error; err != nil {
		return err
	}
	if account.ID == 0 {
		*account = models.Account{Name: spec.Name, Status: models.StatusActive, IsDefault: spec.Default}
		if err := s.db.Conn(ctx).Create(account).Error; err != nil {
			return err
		}
		if err := audit.Write(store.WithAccount(ctx, account.ID), s.db, audit.Event{Action: "account.created", SubjectType: "account", SubjectID: account.ID}); err != nil {
			return err
		}
	}
	for _, host := range spec.Hosts {
		host = strings.ToLower(strings.TrimSpace(host))
		// A host that an operator gave to another account stays there.
		if _, err := s.db.Exec(ctx, `INSERT INTO account_domains (host, account_id) VALUES (@host, @id) ON CONFLICT DO NOTHING`,
			store.Args{"host": host, "id": account.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) ensureOrganization(ctx context.Context, spec AccountSpec, o *models.Organization) error {
	if err := s.db.Conn(ctx).Where("is_default").Limit(1).Find(o).Error; err != nil || o.ID != 0 {
		return err
	}
	*o = models.Organization{Name: spec.OrganizationName, Code: spec.OrganizationCode, Status: models.StatusActive, IsDefault: true}
	if err := s.db.Conn(ctx).Create(o).Error; err != nil {
		return err
	}
	return audit.Write(ctx, s.db, audit.Event{Action: "organization.created", SubjectType: "organization", SubjectID: o.ID, OrganizationID: &o.ID})
}

// ship gives the account what it has not been given yet.
func (s *Service) ship(ctx context.Context, organizationID int64) error {
	var items []string
	if err := s.db.Query(ctx, &items, `SELECT item FROM shipped_items WHERE account_id = @account_id`, nil); err != nil {
		return err
	}
	given := make(map[string]bool, len(items))
	for _, item := range items {
		given[item] = true
	}
	shipped := 0
	once := func(item, text string, args store.Args) error {
		if given[item] {
			return nil
		}
		given[item] = true
		shipped++
		if _, err := s.db.Exec(ctx, text, args); err != nil {
			return fmt.Errorf("%s: %w", item, err)
		}
		_, err := s.db.Exec(ctx, `INSERT INTO shipped_items (account_id, item) VALUES (@account_id, @item)`, store.Args{"item": item})
		return err
	}
	for _, r := range shippedRoles {
		if err := once("role:"+r.title, `INSERT INTO roles (account_id, organization_id, title, label, user_type)
			VALUES (@account_id, @organization, @title, @label, @type) ON CONFLICT DO NOTHING`,
			store.Args{"organization": organizationID, "title": r.title, "label": r.label, "type": r.userType}); err != nil {
			return err
		}
	}
	for _, p := range shippedPermissions {
		if err := once("module:"+p.module, `INSERT INTO modules (account_id, code) VALUES (@account_id, @code) ON CONFLICT DO NOTHING`,
			store.Args{"code": p.module}); err != nil {
			return err
		}
		if err := once("permission:"+p.code, `INSERT INTO permissions (account_id, code, module, request_type, api_path)
			VALUES (@account_id, @code, @module, CAST(@methods AS text[]), @path) ON CONFLICT DO NOTHING`,
			store.Args{"code": p.code, "module": p.module, "methods": "{" + strings.Join(p.methods, ",") + "}", "path": p.path}); err != nil {
			return err
		}
		for _, title := range slices.Sorted(slices.Values(p.titles)) {
			if err := once("mapping:"+title+":"+p.code, `INSERT INTO role_permissions (account_id, role_title, permission_id)
				SELECT @account_id, @title, id FROM permissions WHERE account_id = @account_id AND lower(code) = @code AND deleted_at IS NULL
				AND (@title IN ('public', 'any') OR EXISTS (SELECT FROM roles WHERE account_id = @account_id AND lower(title) = @title AND deleted_at IS NULL))
				ON CONFLICT DO NOTHING`,
				store.Args{"title": title, "code": p.code}); err != nil {
				return err
			}
		}
	}
	if err := shipLists(once, organizationID); err != nil {
		return err
	}
	if shipped == 0 {
		return nil
	}
	return s.PermissionsChanged(ctx)
}
