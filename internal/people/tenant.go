package people

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"quad/internal/audit"
	"quad/internal/store"
	"quad/models"
)

// Refusals about tenants.
var (
	ErrOrganizationName  = models.Refuse(models.KindConflict, "organization.name_taken", "an organization with this name exists already")
	ErrOrganizationOpen  = models.Refuse(models.KindConflict, "organization.has_open_requests", "invitations, imports or role requests of the organization are open: they have to end first")
	ErrOrganizationInUse = models.Refuse(models.KindConflict, "organization.in_use", "the organization still has users, projects, forms, reports or other records")
)

// A tenant is an organization other than the default one, for those who want
// its name to be unique among them, in any case. Names are not unique to
// everybody, so no index can decide: whoever makes or renames a tenant takes a
// lock on the name first, which is held to the end of the transaction, and then
// looks. Others who make an organization of the same name need not take it:
// theirs would have been allowed before this one and will be after it.
const lockName = `SELECT pg_advisory_xact_lock(hashtextextended(concat('name of an organization of ', CAST(@account_id AS bigint), ': ', lower(CAST(@name AS text))), 0))`

// freeName makes sure that no tenant but the one given has a name.
func (s *Service) freeName(ctx context.Context, name string, except int64) error {
	args := store.Args{"name": name, "except": except}
	if _, err := s.db.Exec(ctx, lockName, args); err != nil {
		return fmt.Errorf("people: name of an organization: %w", err)
	}
	var taken bool // by a statement of its own, which sees what the lock waited for
	if err := s.db.Query(ctx, &taken, `SELECT EXISTS (SELECT FROM organizations WHERE account_id = @account_id AND NOT is_default
		AND lower(name) COLLATE "C" = lower(CAST(@name AS text)) AND id <> @except)`, args); err != nil {
		return fmt.Errorf("people: name of an organization: %w", err)
	}
	if taken {
		return ErrOrganizationName
	}
	return nil
}

// Tenants lists the tenants in the caller's reach by name: all of them for an
// admin. One statement.
func (s *Service) Tenants(ctx context.Context) ([]models.Organization, error) {
	return s.tenants(ctx, "", nil)
}

// Tenant reads one. Errors: ErrOrganizationUnknown, also for one out of reach.
func (s *Service) Tenant(ctx context.Context, id int64) (models.Organization, error) {
	found, err := s.tenants(ctx, ` AND o.id = @id`, store.Args{"id": id})
	switch {
	case err != nil:
		return models.Organization{}, err
	case len(found) == 0:
		return models.Organization{}, ErrOrganizationUnknown
	}
	return found[0], nil
}

func (s *Service) tenants(ctx context.Context, condition string, args store.Args) ([]models.Organization, error) {
	reach, err := s.auth.Reach(ctx)
	if err != nil {
		return nil, err
	}
	if args == nil {
		args = store.Args{}
	}
	var out []models.Organization
	err = s.db.Query(ctx, &out, `SELECT o.* FROM organizations o WHERE o.account_id = @account_id AND NOT o.is_default
		AND (@reach_all OR o.id = ANY(CAST(@reach_organizations AS bigint[])))`+condition+` ORDER BY lower(o.name) COLLATE "C", o.id`, reach.Args(args))
	if err != nil {
		return nil, fmt.Errorf("people: tenants: %w", err)
	}
	return out, nil
}

// TenantChange is what is to be of a tenant; nil stays as it is.
type TenantChange struct {
	Name, Email, Phone, Address *string
	Status                      *models.Status
}

// columns checks a change and gives the columns of o that it makes differ.
func (c TenantChange) columns(o models.Organization) (map[string]any, error) {
	var r rules
	set := map[string]any{}
	differs := func(column, stored, given string) {
		if stored != given {
			set[column] = given
		}
	}
	if c.Name != nil {
		differs("name", o.Name, r.name("name", *c.Name))
	}
	if c.Email != nil {
		differs("email", o.Email, r.email("email", *c.Email))
	}
	if c.Phone != nil {
		differs("phone", o.Phone, r.text("phone", *c.Phone, maxContact, false))
	}
	if c.Address != nil {
		differs("address", o.Address, r.text("address", *c.Address, maxContact, false))
	}
	if c.Status != nil && *c.Status != o.Status {
		set["status"] = *c.Status
	}
	return set, r.Err()
}

// CreateTenant makes an ACTIVE tenant, for an admin. Its code is derived from
// the name. Errors: an invalid input, models.ErrForbidden, ErrOrganizationName.
func (s *Service) CreateTenant(ctx context.Context, c TenantChange) (models.Organization, error) {
	if err := requireAdmin(ctx); err != nil {
		return models.Organization{}, err
	}
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return strings.TrimSpace(*p)
	}
	if _, err := c.columns(models.Organization{}); err != nil {
		return models.Organization{}, err
	}
	o := models.Organization{Name: text(c.Name), Email: models.NormalizeEmail(text(c.Email)), Phone: text(c.Phone), Address: text(c.Address)}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.freeName(ctx, o.Name, 0); err != nil {
			return err
		}
		if err := s.insertTenant(ctx, &o); err != nil {
			return err
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "organization.created", SubjectType: "organization", SubjectID: o.ID, OrganizationID: &o.ID})
	})
	if err != nil {
		return models.Organization{}, err
	}
	return o, nil
}

// insertTenant writes a new tenant under the first code that nobody has.
func (s *Service) insertTenant(ctx context.Context, o *models.Organization) error {
	base := codeFrom(o.Name)
	for code := base; ; code = base + "-" + strings.ToLower(rand.Text()[:6]) {
		err := s.db.Query(ctx, o, `INSERT INTO organizations (account_id, name, code, email, phone, address, created_by, updated_by)
			VALUES (@account_id, @name, @code, @email, @phone, @address, CAST(@actor AS bigint), CAST(@actor AS bigint))
			ON CONFLICT (account_id, lower(code)) DO NOTHING RETURNING *`,
			store.Args{"name": o.Name, "code": code, "email": o.Email, "phone": o.Phone, "address": o.Address, "actor": actorOf(ctx)})
		if err != nil {
			return fmt.Errorf("people: new tenant: %w", err)
		}
		if o.ID != 0 {
			return nil
		}
	}
}

// codeFrom makes a short name for machines: ASCII letters and digits in lower
// case, anything else between them is one hyphen.
func codeFrom(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !alphanumeric(c) })
	code := strings.Join(words, "-")
	if len(code) > maxCode-8 { // room for an addition
		code = strings.Trim(code[:maxCode-8], "-")
	}
	if code == "" {
		return "tenant"
	}
	return code
}

// ChangeTenant changes a tenant, for an admin; what differs in nothing writes
// nothing. A tenant that becomes INACTIVE is out of everybody's reach who is no
// admin, and its people, who stay ACTIVE, can't sign in unless they are in
// another one; role requests that wait for its administrators end. When it
// becomes ACTIVE again all of that is as before. Errors: an invalid input,
// models.ErrForbidden, ErrOrganizationUnknown, ErrOrganizationName.
func (s *Service) ChangeTenant(ctx context.Context, id int64, c TenantChange) (o models.Organization, err error) {
	if err := requireAdmin(ctx); err != nil {
		return models.Organization{}, err
	}
	if _, err := c.columns(models.Organization{}); err != nil { // before the tenant is looked for
		return models.Organization{}, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if o, err = s.lockTenant(ctx, id, "FOR NO KEY UPDATE"); err != nil {
			return err
		}
		set, err := c.columns(o)
		if err != nil || len(set) == 0 {
			return err
		}
		if name, renamed := set["name"].(string); renamed {
			if err := s.freeName(ctx, name, id); err != nil {
				return err
			}
		}
		return s.writeTenant(ctx, &o, set)
	})
	if err != nil {
		return models.Organization{}, err
	}
	return o, nil
}

func (s *Service) lockTenant(ctx context.Context, id int64, lock string) (o models.Organization, err error) {
	err = s.db.Query(ctx, &o, `SELECT * FROM organizations WHERE account_id = @account_id AND id = @id AND NOT is_default `+lock, store.Args{"id": id})
	switch {
	case err != nil:
		return o, fmt.Errorf("people: tenant: %w", err)
	case o.ID == 0:
		return o, ErrOrganizationUnknown
	}
	return o, nil
}

// writeTenant writes the columns of a locked tenant that differ, and tells who
// depends on it.
func (s *Service) writeTenant(ctx context.Context, o *models.Organization, set map[string]any) error {
	var events []audit.Event
	event := audit.Event{SubjectType: "organization", SubjectID: o.ID, OrganizationID: &o.ID}
	status, switched := set["status"].(models.Status)
	if switched {
		event.Action = "organization.activated"
		if status == models.StatusInactive {
			event.Action = "organization.deactivated"
		}
		events = append(events, event)
	}
	changed := make([]string, 0, len(set))
	for column := range set {
		if column != "status" {
			changed = append(changed, column)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		event.Action, event.Data = "organization.updated", map[string]any{"changed": changed}
		events = append(events, event)
	}
	set["updated_by"] = actorOf(ctx)
	if err := s.db.Conn(ctx).Model(&models.Organization{}).Where("id = ?", o.ID).Updates(set).Error; err != nil {
		return fmt.Errorf("people: change tenant: %w", err)
	}
	if err := s.db.Query(ctx, o, `SELECT * FROM organizations WHERE account_id = @account_id AND id = @id`, store.Args{"id": o.ID}); err != nil {
		return err
	}
	if err := audit.Write(ctx, s.db, events...); err != nil {
		return err
	}
	if switched && status == models.StatusInactive {
		return s.tell(ctx, Event{Kind: OrganizationDeactivated, OrganizationID: o.ID})
	}
	return nil
}

// emptyTenant lets go of what is there only as history: deleted people and
// forms, processes that have ended, domains. Requests and imports that have ended
// keep the number of the tenant. Everything else points at it by foreign keys,
// which refuse its deletion.
const emptyTenant = `WITH home AS (SELECT id FROM organizations WHERE account_id = @account_id AND is_default),
	domains AS (DELETE FROM organization_domains WHERE account_id = @account_id AND organization_id = @id),
	people AS (UPDATE users SET organization_id = (SELECT id FROM home) WHERE account_id = @account_id AND organization_id = @id AND status = 'DELETED'),
	forms AS (UPDATE surveys SET organization_id = NULL WHERE account_id = @account_id AND organization_id = @id AND deleted_at IS NOT NULL)
	UPDATE processes SET organization_id = NULL WHERE account_id = @account_id AND organization_id = @id AND ended_at IS NOT NULL`

// openInvites tells whether somebody may still come by an invitation. Those have
// no foreign key, and what makes them has one while it does.
const openInvites = `SELECT EXISTS (SELECT FROM invites WHERE account_id = @account_id AND organization_id = @id AND status = 'PENDING' AND expires_at > now())`

// DeleteTenant removes a tenant for good, for an admin, if nothing belongs to it
// any more. The audit trail keeps what happened in it. Who puts something into it
// at the same time comes first or finds it gone. Errors: models.ErrForbidden,
// ErrOrganizationUnknown, ErrOrganizationOpen, ErrOrganizationInUse.
func (s *Service) DeleteTenant(ctx context.Context, id int64) error {
	if err := requireAdmin(ctx); err != nil {
		return err
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		o, err := s.lockTenant(ctx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		var invited bool
		if err := s.db.Query(ctx, &invited, openInvites, store.Args{"id": id}); err != nil {
			return err
		}
		if invited {
			return ErrOrganizationOpen
		}
		for _, statement := range []string{emptyTenant, `DELETE FROM organizations WHERE account_id = @account_id AND id = @id`} {
			if _, err := s.db.Exec(ctx, statement, store.Args{"id": id}); err != nil {
				return err
			}
		}
		return audit.Write(ctx, s.db, audit.Event{Action: "organization.deleted", SubjectType: "organization", SubjectID: id, OrganizationID: &id,
			Data: map[string]any{"name": o.Name}})
	})
	switch {
	case store.Violates(err, "role_requests_open_organization_id_fkey"), store.Violates(err, "invite_files_open_organization_id_fkey"):
		return ErrOrganizationOpen.With(err)
	case store.Referenced(err):
		return ErrOrganizationInUse.With(err)
	}
	return err
}
