package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// Organization is an organization with the e-mail domains that belong to it.
type Organization struct {
	models.Organization
	Domains pq.StringArray `gorm:"type:text[]"`
}

// OrganizationInput is what an organization is made of or changed to.
type OrganizationInput struct {
	Name        string
	Code        string
	Description string
	Domains     []string // nil: none at create, as they are at update
	AdminEmail  string   // "": nobody; else invited by mail to administrate it
}

func (in *OrganizationInput) check() error {
	var r rules
	in.Name = r.name("name", in.Name)
	in.Code = r.code("code", in.Code)
	in.Description = r.text("description", in.Description, maxDescription, true)
	in.Domains = r.domains("domains", in.Domains)
	if strings.TrimSpace(in.AdminEmail) != "" {
		in.AdminEmail = r.email("admin_email", in.AdminEmail)
	} else {
		in.AdminEmail = ""
	}
	return r.Err()
}

// CreateOrganization adds an organization, for an admin. The unique index on
// the code decides between callers who want the same. Errors: an invalid input,
// models.ErrForbidden, ErrOrganizationTaken, ErrDomainTaken.
func (s *Service) CreateOrganization(ctx context.Context, in OrganizationInput) (Organization, error) {
	if err := requireAdmin(ctx); err != nil {
		return Organization{}, err
	}
	return s.AddOrganization(ctx, in)
}

// AddOrganization is CreateOrganization for the hub itself: it asks nobody's
// permission.
func (s *Service) AddOrganization(ctx context.Context, in OrganizationInput) (Organization, error) {
	if err := in.check(); err != nil {
		return Organization{}, err
	}
	actor := actorOf(ctx)
	o := Organization{Domains: pq.StringArray(in.Domains), Organization: models.Organization{
		Name: in.Name, Code: in.Code, Description: in.Description, Status: models.StatusActive, CreatedBy: actor, UpdatedBy: actor,
	}}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&o.Organization).Error; err != nil {
			return organizationError(err)
		}
		if err := s.setDomains(ctx, o.ID, in.Domains); err != nil {
			return err
		}
		if in.AdminEmail != "" {
			if err := s.mail.Send(ctx, notify.Message{
				Template: mailOrgAdminInvite, Recipient: in.AdminEmail, EventKey: fmt.Sprintf("organization/%d/admin", o.ID),
				Params: with(s.names(o.Name), map[string]any{"email": in.AdminEmail}),
			}); err != nil {
				return err
			}
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "organization.created", SubjectType: "organization", SubjectID: o.ID, OrganizationID: &o.ID})
	})
	if err != nil {
		return Organization{}, err
	}
	return o, nil
}

func organizationError(err error) error {
	switch {
	case store.Violates(err, "organizations_code"):
		return ErrOrganizationTaken.With(err)
	case store.Violates(err, "organization_domains_pkey"):
		return ErrDomainTaken.With(err)
	}
	return err
}

// setDomains replaces the domains of an organization.
func (s *Service) setDomains(ctx context.Context, id int64, domains []string) error {
	args := store.Args{"id": id, "domains": pq.StringArray(domains)}
	if _, err := s.db.Exec(ctx, `DELETE FROM organization_domains WHERE account_id = @account_id AND organization_id = @id
		AND domain <> ALL(CAST(@domains AS text[]))`, args); err != nil {
		return err
	}
	if len(domains) == 0 {
		return nil
	}
	// A domain that is the organization's own already is left alone; one of
	// another organization violates the primary key.
	_, err := s.db.Exec(ctx, `INSERT INTO organization_domains (account_id, domain, organization_id)
		SELECT @account_id, d, @id FROM unnest(CAST(@domains AS text[])) AS d
		WHERE NOT EXISTS (SELECT FROM organization_domains o WHERE o.account_id = @account_id AND o.domain = d AND o.organization_id = @id)`, args)
	return organizationError(err)
}

// UpdateOrganization changes an organization: an admin any, an org_admin the
// own one. Errors: an invalid input, models.ErrForbidden (also for an org_admin
// of another organization), ErrOrganizationUnknown, ErrOrganizationTaken,
// ErrDomainTaken.
func (s *Service) UpdateOrganization(ctx context.Context, id int64, in OrganizationInput) (Organization, error) {
	own, err := managed(ctx)
	if err != nil {
		return Organization{}, err
	}
	if own != 0 && own != id {
		return Organization{}, models.ErrForbidden
	}
	if err := in.check(); err != nil {
		return Organization{}, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		res := s.db.Conn(ctx).Model(&models.Organization{}).Where("id = ?", id).
			Updates(map[string]any{"name": in.Name, "code": in.Code, "description": in.Description, "updated_by": actorOf(ctx)})
		switch {
		case res.Error != nil:
			return organizationError(res.Error)
		case res.RowsAffected == 0:
			return ErrOrganizationUnknown
		}
		if in.Domains != nil {
			if err := s.setDomains(ctx, id, in.Domains); err != nil {
				return err
			}
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "organization.updated", SubjectType: "organization", SubjectID: id, OrganizationID: &id})
	})
	if err != nil {
		return Organization{}, err
	}
	return s.Organization(ctx, id)
}

const organizationColumns = `o.*, ARRAY(SELECT domain FROM organization_domains d
	WHERE d.account_id = o.account_id AND d.organization_id = o.id ORDER BY domain) AS domains`

// Organization reads one. Errors: ErrOrganizationUnknown.
func (s *Service) Organization(ctx context.Context, id int64) (Organization, error) {
	var o Organization
	err := s.db.Query(ctx, &o, `SELECT `+organizationColumns+` FROM organizations o WHERE o.account_id = @account_id AND o.id = @id`, store.Args{"id": id})
	if err == nil && o.ID == 0 {
		err = ErrOrganizationUnknown
	}
	return o, err
}

// OrganizationFilter says which organizations to list, one of two ways: by
// page, in the order of the names; or by After, in the order of the ids.
type OrganizationFilter struct {
	Search string        // start of the name
	Status models.Status // "": all
	Page   int           // from 1
	Limit  int           // 1 to 100; anything else is 100
	After  int64         // with ListOrganizationsAfter: id of the last one of the page before
}

func (f *OrganizationFilter) args() store.Args {
	f.Page = max(f.Page, 1)
	f.Limit = store.PageSize(f.Limit)
	return store.Args{"search": prefixPattern(f.Search), "status": f.Status, "limit": f.Limit, "offset": int64(f.Page-1) * int64(f.Limit), "after": f.After}
}

const organizationWhere = ` WHERE o.account_id = @account_id AND (@status = '' OR o.status = @status) AND (@search = '' OR lower(o.name) LIKE @search)`

// ListOrganizationsAfter pages by id. next is the After of the next page, 0 on
// the last one.
func (s *Service) ListOrganizationsAfter(ctx context.Context, f OrganizationFilter) (page []Organization, next int64, err error) {
	args := f.args()
	args["limit"] = f.Limit + 1
	if err := s.db.Query(ctx, &page, `SELECT `+organizationColumns+` FROM organizations o`+organizationWhere+
		` AND o.id > @after ORDER BY o.id LIMIT @limit`, args); err != nil {
		return nil, 0, fmt.Errorf("people: list organizations: %w", err)
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		next = page[f.Limit-1].ID
	}
	return page, next, nil
}
