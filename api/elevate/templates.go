package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/auth"
	"quad/internal/notify"
	"quad/models"
)

// createTemplate stores an e-mail template of the caller's organization.
func (d *door) createTemplate(c *fiber.Ctx, req wire.TemplateRequest) (reply, error) {
	p, _ := auth.From(c.UserContext())
	t, err := d.templates.Create(c.UserContext(), p.OrganizationID, templateInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Notification template created successfully", result: template(t)}, nil
}

// updateTemplate changes an e-mail template of the caller's organization.
func (d *door) updateTemplate(c *fiber.Ctx, req wire.TemplateRequest) (reply, error) {
	p, _ := auth.From(c.UserContext())
	t, err := d.templates.Update(c.UserContext(), p.OrganizationID, req.ID, templateInput(req))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Notification template updated successfully", result: template(t)}, nil
}

// deleteTemplate takes an e-mail template away.
func (d *door) deleteTemplate(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	p, _ := auth.From(c.UserContext())
	if err := d.templates.Delete(c.UserContext(), p.OrganizationID, req.ID); err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Notification template deleted successfully", result: empty}, nil
}

// listTemplates pages through the templates of the caller's organization.
func (d *door) listTemplates(c *fiber.Ctx, req wire.ListTemplatesRequest) (reply, error) {
	p, _ := auth.From(c.UserContext())
	page, count, err := d.templates.ListOwn(c.UserContext(), p.OrganizationID, notify.OwnFilter{
		Code: req.Code, Search: req.Search, Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Notification templates fetched successfully", result: listOf(page, count, template)}, nil
}

// readTemplate shows a template of the caller's organization.
func (d *door) readTemplate(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	p, _ := auth.From(c.UserContext())
	t, err := d.templates.GetOwn(c.UserContext(), p.OrganizationID, req.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Notification template fetched successfully", result: template(t)}, nil
}

func templateInput(req wire.TemplateRequest) notify.TemplateInput {
	kind := models.TemplateType(req.Type)
	in := notify.TemplateInput{
		Type: &kind, Code: &req.Code, Subject: &req.Subject, Body: &req.Body, EmailHeader: req.Header, EmailFooter: req.Footer,
	}
	if req.Status != "" {
		status := models.Status(req.Status)
		in.Status = &status
	}
	return in
}

func template(t models.NotificationTemplate) wire.Template {
	return wire.Template{
		ID: t.ID, Status: string(t.Status), Type: string(t.Type), Code: t.Code, Subject: t.Subject, Body: t.Body,
		EmailHeader: t.EmailHeader, EmailFooter: t.EmailFooter, OrganizationID: t.OrganizationID,
		CreatedBy: t.CreatedBy, UpdatedBy: t.UpdatedBy, DeletedAt: moment(t.DeletedAt),
		CreatedAt: wire.Time{Time: t.CreatedAt}, UpdatedAt: wire.Time{Time: t.UpdatedAt},
	}
}
