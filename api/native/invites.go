package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/people/invite"
	"quad/models"
)

// createInviteFile starts an import. It is startProcess with another answer.
func (d *door) createInviteFile(c *fiber.Ctx, req wire.CreateInviteFile) (reply, error) {
	p, made, err := d.desk.Start(c.UserContext(), models.ProcessBulkInvite, req.Input, req.Key)
	if err != nil {
		return reply{}, err
	}
	f, err := d.Invites.File(c.UserContext(), p.SubjectID)
	if err != nil {
		return reply{}, err
	}
	if !made {
		return ok(inviteFile(f))
	}
	return created(inviteFile(f))
}

// listInviteFiles pages through invite files.
func (d *door) listInviteFiles(c *fiber.Ctx, req wire.ListInviteFiles) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Invites.BrowseFiles(c.UserContext(), invite.FilePage{OrganizationID: req.OrganizationID, Before: before, Limit: req.Limit})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, inviteFile)
}

// getInviteFile shows an invite file with a link to its result.
func (d *door) getInviteFile(c *fiber.Ctx, req wire.ByID) (reply, error) {
	f, err := d.Invites.File(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	out := inviteFile(f)
	result, err := d.Invites.ResultLink(c.UserContext(), f)
	if err != nil {
		return reply{}, err
	}
	if result != "" {
		out.ResultURL = &result
	}
	return ok(out)
}

// listInviteRows pages through the verdicts of a file.
func (d *door) listInviteRows(c *fiber.Ctx, req wire.ListInviteRows) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Invites.BrowseRows(c.UserContext(), req.ID, invite.RowFilter{Verdict: invite.Verdict(req.Verdict), After: after, Limit: req.Limit})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(r models.InviteRow) wire.InviteRow {
		return wire.InviteRow{Row: r.RowNo, Verdict: r.Verdict, InviteID: r.InviteID, UserID: r.UserID, Attempt: r.Attempt}
	})
}

// listInvites pages through the invitations that came from a file.
func (d *door) listInvites(c *fiber.Ctx, req wire.ListInvites) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Invites.BrowseInvites(c.UserContext(), req.ID, invite.InvitePage{Status: models.InviteStatus(req.Status), After: after, Limit: req.Limit})
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, invitation)
}

// resendInvite sends an invitation again.
func (d *door) resendInvite(c *fiber.Ctx, req wire.ByID) (reply, error) {
	i, err := d.Invites.Resend(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(invitation(i))
}

// revokeInvite takes an invitation back.
func (d *door) revokeInvite(c *fiber.Ctx, req wire.ByID) (reply, error) {
	i, err := d.Invites.Revoke(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(invitation(i))
}

// inspectInvitation tells the holder of a token what it is for.
func (d *door) inspectInvitation(c *fiber.Ctx, req wire.InvitationToken) (reply, error) {
	i, err := d.People.InspectInvite(c.UserContext(), req.Token)
	if err != nil {
		return reply{}, err
	}
	return ok(wire.Invitation{Organization: i.Organization, Name: i.Name, Email: i.Email, ExpiresAt: i.ExpiresAt})
}

// acceptInvitation makes a user of an invitation and signs them in.
func (d *door) acceptInvitation(c *fiber.Ctx, req wire.AcceptInvitation) (reply, error) {
	in, err := d.People.AcceptInvite(c.UserContext(), req.Token, req.Name, req.Password)
	if err != nil {
		return reply{}, err
	}
	return created(session(in))
}

func inviteFile(f models.InviteFile) wire.InviteFile {
	return wire.InviteFile{
		ID: f.ID, OrganizationID: f.OrganizationID, ProcessID: f.ProcessID, Name: f.Name, Status: f.Status, Failure: f.Failure,
		DryRun: f.DryRun, Rows: f.Rows, InputPath: f.InputPath, OutputPath: f.OutputPath, CreatedBy: f.CreatedBy,
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

func invitation(i models.Invite) wire.Invite {
	return wire.Invite{
		ID: i.ID, OrganizationID: i.OrganizationID, FileID: i.FileID, Email: i.Email, Name: i.Name, RoleIDs: append([]int64{}, i.RoleIDs...),
		Status: i.Status, UserID: i.UserID, ExpiresAt: i.ExpiresAt, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}
