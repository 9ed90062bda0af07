package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/audit"
	"quad/models"
)

// listAPITokens lists the caller's living tokens; they are few.
func (d *door) listAPITokens(c *fiber.Ctx, _ wire.None) (reply, error) {
	tokens, err := d.People.ListAPITokens(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, nil, tokens, 0, func(t models.APIToken) wire.APIToken {
		return wire.APIToken{ID: t.ID, Name: t.Name, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt, CreatedAt: t.CreatedAt}
	})
}

// createAPIToken makes a token that acts as the caller.
func (d *door) createAPIToken(c *fiber.Ctx, req wire.CreateAPIToken) (reply, error) {
	token, t, err := d.People.CreateAPIToken(c.UserContext(), req.Name, req.ExpiresAt)
	if err != nil {
		return reply{}, err
	}
	return created(wire.NewAPIToken{ID: t.ID, Name: t.Name, Token: token, ExpiresAt: t.ExpiresAt, CreatedAt: t.CreatedAt})
}

// revokeAPIToken ends a token at once.
func (d *door) revokeAPIToken(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.People.RevokeAPIToken(c.UserContext(), req.ID)
}

// listAPIClients pages through the account's API clients.
func (d *door) listAPIClients(c *fiber.Ctx, req wire.List) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.People.ListAPIClients(c.UserContext(), after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(k models.APIClient) wire.APIClient {
		return wire.APIClient{
			ID: k.ID, OrganizationID: k.OrganizationID, Name: k.Name, ClientKey: k.ClientKey,
			LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt, CreatedAt: k.CreatedAt,
		}
	})
}

// createAPIClient makes a key and secret for a system.
func (d *door) createAPIClient(c *fiber.Ctx, req wire.CreateAPIClient) (reply, error) {
	secret, k, err := d.People.CreateAPIClient(c.UserContext(), req.Name, req.OrganizationID)
	if err != nil {
		return reply{}, err
	}
	return created(wire.NewAPIClient{
		ID: k.ID, OrganizationID: k.OrganizationID, Name: k.Name, ClientKey: k.ClientKey, Secret: secret, CreatedAt: k.CreatedAt,
	})
}

// revokeAPIClient ends a client at once.
func (d *door) revokeAPIClient(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return reply{}, d.People.RevokeAPIClient(c.UserContext(), req.ID)
}

// listAudit pages through the audit trail.
func (d *door) listAudit(c *fiber.Ctx, req wire.ListAudit) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := audit.List(c.UserContext(), d.DB, audit.Filter{
		SubjectType: req.SubjectType, SubjectID: req.SubjectID, Before: before, Limit: req.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(e models.AuditEvent) wire.AuditEvent {
		return wire.AuditEvent{
			ID: e.ID, Action: e.Action, Subject: wire.SubjectRef{Type: e.SubjectType, ID: e.SubjectID}, OrganizationID: e.OrganizationID,
			ActorID: e.ActorID, ProcessID: e.ProcessID, Door: e.Door, Data: object(e.Data), CreatedAt: e.CreatedAt,
		}
	})
}
