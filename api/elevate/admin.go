package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/people"
	"quad/models"
)

// Refusals of the areas that this contract words differently for one operation
// or another.
var (
	errAdminExists        = models.Refuse(models.KindConflict, "elevate.admin_exists", "an admin with this e-mail address exists")
	errAdminPassword      = models.Refuse(models.KindUnauthenticated, "elevate.admin_password", "the admin's password is wrong")
	errWrongID            = models.Refuse(models.KindNotFound, "elevate.wrong_id", "the id is none of a record that this can be done with")
	errAssigneeUnknown    = models.Refuse(models.KindNotFound, "elevate.assignee_unknown", "there is no such active user")
	errAssignmentUnknown  = models.Refuse(models.KindNotFound, "elevate.assignment_unknown", "there is no such active organization")
	errNobodyNamed        = models.Refuse(models.KindInvalid, "elevate.nobody_named", "no user is named")
	errNobodyDeactivated  = models.Refuse(models.KindNotFound, "elevate.nobody_deactivated", "none of the users can be deactivated")
	errOrganizationLocked = models.Refuse(models.KindForbidden, "elevate.organization_locked", "the caller may not change this organization")
)

// createAdmin makes an administrator of the account, for who knows the secret
// code.
func (d *door) createAdmin(c *fiber.Ctx, req wire.CreateAdminRequest) (reply, error) {
	_, err := d.people.CreateAdmin(c.UserContext(), people.NewAdmin{Name: req.Name, Email: req.Email, Password: req.Password, SecretCode: req.SecretCode})
	if err != nil {
		return reply{}, instead(err, errAdminExists, people.ErrEmailTaken)
	}
	return reply{status: fiber.StatusCreated, message: "Sign-up successful, Please wait while logging in.", result: empty}, nil
}

// adminLogin opens a session of an administrator.
func (d *door) adminLogin(c *fiber.Ctx, req wire.LoginRequest) (reply, error) {
	out, err := d.signIn(c, people.SignIn{Email: req.Email, Password: req.Password, Role: models.RoleAdmin})
	if err != nil {
		err = instead(err, people.ErrUserUnknown, people.ErrLoginUnknown)
		return reply{}, instead(err, errAdminPassword, people.ErrBadCredentials, auth.ErrLocked)
	}
	return out, nil
}

// signIn opens a session and answers with it.
func (d *door) signIn(c *fiber.Ctx, in people.SignIn) (reply, error) {
	in.Address = httpx.ClientIP(c).String()
	signed, err := d.people.SignIn(c.UserContext(), in)
	if err != nil {
		return reply{}, err
	}
	organization, err := d.people.Organization(c.UserContext(), signed.User.OrganizationID)
	if err != nil {
		return reply{}, err
	}
	texts := d.labels(c.UserContext(), profileChoices(signed.User)...)
	return reply{message: "User logged in successfully.", result: wire.LoginResponse{
		AccessToken: signed.Tokens.Access, RefreshToken: signed.Tokens.Refresh, User: signedInUser(signed.Person, organization, texts),
	}}, nil
}

// deleteUser takes a person out for good.
func (d *door) deleteUser(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	if err := d.people.DeleteUser(c.UserContext(), req.ID); err != nil {
		return reply{}, instead(err, errWrongID, people.ErrUserUnknown)
	}
	return reply{status: fiber.StatusAccepted, message: "User deleted successfully", result: []wire.DeletedUser{{UserID: req.ID}}}, nil
}

// addOrgAdmin makes a user administrator of an organization.
func (d *door) addOrgAdmin(c *fiber.Ctx, req wire.AddOrgAdminRequest) (reply, error) {
	who, err := d.people.AssignOrgAdmin(c.UserContext(), people.OrgAdminAssignment{UserID: req.UserID, Email: req.Email, OrganizationID: req.OrganizationID})
	if err != nil {
		err = instead(err, errAssigneeUnknown, people.ErrUserUnknown)
		return reply{}, instead(err, errAssignmentUnknown, people.ErrOrganizationUnknown, people.ErrOrganizationClosed)
	}
	return reply{message: "User Assigned As The Org-Admin Successfully", result: wire.OrgAdmin{
		UserID: who.User.ID, OrgID: who.User.OrganizationID, OrganizationID: who.User.OrganizationID, UserRoles: account(who).UserRoles,
	}}, nil
}

// deactivateOrganization switches an organization off, and its users with it.
func (d *door) deactivateOrganization(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	users, err := d.people.DeactivateOrganization(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, instead(err, errWrongID, people.ErrOrganizationUnknown, people.ErrOrganizationDefault, people.ErrOrganizationClosed)
	}
	return reply{
		status: fiber.StatusAccepted, message: "Organization deactivated Successfully.", result: []wire.DeactivatedUsers{{Count: users}},
	}, nil
}

// deactivateUsers switches users off, for an administrator of the account.
func (d *door) deactivateUsers(c *fiber.Ctx, req wire.UsersRequest) (reply, error) {
	if req.Empty() {
		return reply{}, errNobodyNamed
	}
	return d.deactivate(c, people.UserSelection{IDs: req.IDs, Emails: req.Emails})
}

// deactivateOrgUser switches off users of the caller's own organization.
func (d *door) deactivateOrgUser(c *fiber.Ctx, req wire.DeactivateOrgUserRequest) (reply, error) {
	return d.deactivate(c, people.UserSelection{IDs: req.IDs, Emails: req.Emails, OwnOrganization: true})
}

func (d *door) deactivate(c *fiber.Ctx, users people.UserSelection) (reply, error) {
	if _, err := d.people.DeactivateSelected(c.UserContext(), users); err != nil {
		return reply{}, instead(err, errNobodyDeactivated, people.ErrUserUnknown)
	}
	return reply{status: fiber.StatusAccepted, message: "User deactivated Successfully.", result: empty}, nil
}
