package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/notify"
	"quad/models"
)

// listNotifications pages through the mails that the caller sees.
func (d *door) listNotifications(c *fiber.Ctx, req wire.ListNotifications) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	f := notify.Filter{Template: req.Template, Recipient: req.Recipient, ProcessID: req.ProcessID, Before: before, Limit: req.Limit}
	if req.State != "" {
		f.States = []models.NotificationState{models.NotificationState(req.State)}
	}
	page, next, err := d.mails.List(c.UserContext(), f)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, notification)
}

// getNotification shows a mail.
func (d *door) getNotification(c *fiber.Ctx, req wire.ByID) (reply, error) {
	n, err := d.mails.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(notification(n))
}

// reviveNotification has a dead mail tried again.
func (d *door) reviveNotification(c *fiber.Ctx, req wire.ByID) (reply, error) {
	n, err := d.mails.Revive(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(notification(n))
}

func notification(n models.Notification) wire.Notification {
	out := wire.Notification{
		ID: n.ID, OrganizationID: n.OrganizationID, ProcessID: n.ProcessID, UserID: n.UserID, Template: n.Template, Recipient: n.Recipient,
		State: n.State, Attempts: n.Attempts, LastError: n.LastError, CreatedAt: n.CreatedAt, SentAt: n.SentAt,
	}
	if n.State == models.NotificationPending {
		out.NextAttemptAt = &n.NextAttemptAt
	}
	return out
}
