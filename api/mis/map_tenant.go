package mis

import (
	"strings"

	"quad/api/mis/wire"
	"quad/internal/people"
	"quad/models"
)

func wireTenantSummary(o models.Organization) wire.TenantSummary {
	return wire.TenantSummary{ID: wire.ID(o.ID), Name: o.Name, Status: strings.ToLower(string(o.Status))}
}

func wireTenant(o models.Organization) wire.Tenant {
	return wire.Tenant{
		TenantSummary: wireTenantSummary(o), Email: o.Email, Phone: o.Phone, Address: o.Address,
		CreatedAt: wire.Time(o.CreatedAt), UpdatedAt: wire.Time(o.UpdatedAt),
	}
}

// wireTenantAssignment shows a membership, whose id is made of those of the pair.
func wireTenantAssignment(m people.Membership) wire.TenantAssignment {
	tenant, user := wire.ID(m.OrganizationID), wire.ID(m.UserID)
	return wire.TenantAssignment{ID: tenant + "-" + user, TenantID: tenant, UserID: user, AssignedAt: wire.Time(m.Since)}
}

func tenantChange(r wire.UpdateTenant) people.TenantChange {
	change := people.TenantChange{Name: r.Name, Email: r.Email, Phone: r.Phone, Address: r.Address}
	if r.Status != nil {
		status := models.Status(strings.ToUpper(*r.Status))
		change.Status = &status
	}
	return change
}
