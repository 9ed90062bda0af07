package elevate

import (
	"errors"
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/access"
	"quad/internal/people/entity"
	"quad/internal/people/form"
	"quad/internal/people/rolerequest"
	"quad/models"
)

// Values of responseCode.
const (
	clientError   = "CLIENT_ERROR"
	serverError   = "SERVER_ERROR"
	unauthorized  = "UNAUTHORIZED"
	resourceError = "RESOURCE_ERROR"
)

// Refusals that only this door knows.
var (
	errNoPermission  = models.Refuse(models.KindForbidden, "elevate.no_permission", "the caller's roles lack the permission")
	errNoAdminAccess = models.Refuse(models.KindForbidden, "elevate.no_admin_access", "the caller lacks the role")

	errOTPNotSent = models.Refuse(models.KindUnavailable, "elevate.otp_not_sent", "the one-time code could not be stored")
	errResetCode  = models.Refuse(models.KindUnauthenticated, "elevate.reset_code", "the code for the password reset is wrong, used or expired")
	errEmailFixed = models.Refuse(models.KindConflict, "elevate.email_fixed", "the e-mail address cannot be changed")

	errRefreshExpired  = models.Refuse(models.KindUnauthenticated, "elevate.refresh_expired", "the refresh token has expired")
	errRefreshNotFound = models.Refuse(models.KindUnauthenticated, "elevate.refresh_not_found", "the refresh token is not one of ours")
	errRefreshInvalid  = models.Refuse(models.KindUnauthenticated, "elevate.refresh_invalid", "the refresh token is not the caller's")
)

// refreshError gives the errors of generateToken their own texts.
func refreshError(err error) error {
	switch {
	case errors.Is(err, auth.ErrTokenExpired):
		return errRefreshExpired
	case errors.Is(err, auth.ErrTokenInvalid):
		return errRefreshNotFound
	}
	return err
}

// logoutError does so for the refresh token sent along to logout.
func logoutError(err error) error {
	if errors.Is(err, auth.ErrTokenInvalid) || errors.Is(err, auth.ErrTokenExpired) {
		return errRefreshInvalid
	}
	return err
}

// instead gives an error this contract's face where it is one of those named.
func instead(err, face error, of ...error) error {
	for _, one := range of {
		if errors.Is(err, one) {
			return face
		}
	}
	return err
}

// refusal is how an expected error looks in this dialect.
type refusal struct {
	status  int
	code    string
	message string
}

// refusals maps the areas' errors to the contract's statuses and texts. The
// texts are wire format, slips included.
var refusals = []struct {
	err error
	refusal
}{
	{auth.ErrTokenExpired, refusal{fiber.StatusUnauthorized, unauthorized, "Access token expired"}},
	{auth.ErrTokenInvalid, refusal{fiber.StatusUnauthorized, unauthorized, "Unauthorized request"}},
	{errNoPermission, refusal{fiber.StatusUnauthorized, unauthorized, "You do not have the required permissions to access this resource. Please contact your administrator for assistance."}},
	{errNoAdminAccess, refusal{fiber.StatusBadRequest, clientError, "User does't have admin access."}},
	{people.ErrEmailTaken, refusal{fiber.StatusNotAcceptable, clientError, "User already exists."}},
	{auth.ErrCodeWrong, refusal{fiber.StatusBadRequest, clientError, "The OTP you entered is wrong."}},
	{people.ErrBadCredentials, refusal{fiber.StatusBadRequest, clientError, "Please enter the correct login ID and Password."}},
	{auth.ErrLocked, refusal{fiber.StatusBadRequest, clientError, "Please enter the correct login ID and Password."}},
	{people.ErrPasswordReused, refusal{fiber.StatusBadRequest, clientError, "Please enter a new password, that has not been used before"}},
	{errOTPNotSent, refusal{fiber.StatusInternalServerError, serverError, "Unable to send otp, may be redis server is down."}},
	{errResetCode, refusal{fiber.StatusUnauthorized, clientError, "Please enter the correct OTP."}},
	{errEmailFixed, refusal{fiber.StatusBadRequest, clientError, "You can not update email."}},
	{people.ErrUserUnknown, refusal{fiber.StatusBadRequest, clientError, "User doesn't exist."}},
	{people.ErrSecretCode, refusal{fiber.StatusBadRequest, clientError, "Incorrect code. Please try again."}},
	{errAdminExists, refusal{fiber.StatusNotAcceptable, clientError, "Admin User already exists."}},
	{errAdminPassword, refusal{fiber.StatusBadRequest, clientError, "Password is invalid."}},
	{errWrongID, refusal{fiber.StatusBadRequest, clientError, "Please enter correct ID"}},
	{errAssigneeUnknown, refusal{fiber.StatusBadRequest, clientError, "User not found."}},
	{errAssignmentUnknown, refusal{fiber.StatusBadRequest, clientError, "Organization not found."}},
	{people.ErrOtherOrganization, refusal{fiber.StatusNotAcceptable, clientError, "User belongs to different organization"}},
	{errNobodyNamed, refusal{fiber.StatusBadRequest, clientError, "Either 'id' or 'email' fields is required"}},
	{errNobodyDeactivated, refusal{fiber.StatusBadRequest, clientError, "Failed to deactivate user"}},
	{people.ErrLastAdmin, refusal{fiber.StatusBadRequest, clientError, "The account needs an active admin. Make another user admin first."}},
	{people.ErrAdminProtected, refusal{fiber.StatusBadRequest, clientError, "Only an admin can deactivate an admin."}},
	{people.ErrOrganizationUnknown, refusal{fiber.StatusBadRequest, clientError, "Organization not found"}},
	{errOrganizationLocked, refusal{fiber.StatusBadRequest, clientError, "User does not have access to perform this action"}},
	{people.ErrDomainTaken, refusal{fiber.StatusBadRequest, clientError, "The domain belongs to another organization"}},
	{people.ErrOrganizationTaken, refusal{fiber.StatusBadRequest, clientError, "Organization already exists"}},
	{people.ErrFileUnknown, refusal{fiber.StatusBadRequest, clientError, "Url not found"}},
	{notify.ErrTemplateExists, refusal{fiber.StatusBadRequest, clientError, "Notification template already exists"}},
	{notify.ErrTemplateNotFound, refusal{fiber.StatusBadRequest, clientError, "Notification template not found"}},
	{form.ErrExists, refusal{fiber.StatusBadRequest, clientError, "Form already exists"}},
	{form.ErrNotFound, refusal{fiber.StatusBadRequest, clientError, "Form not found"}},
	{entity.ErrTypeExists, refusal{fiber.StatusBadRequest, clientError, "Entity type already exists"}},
	{entity.ErrTypeNotFound, refusal{fiber.StatusBadRequest, clientError, "Entity type not found."}},
	{entity.ErrExists, refusal{fiber.StatusBadRequest, clientError, "Entity already exists"}},
	{entity.ErrNotFound, refusal{fiber.StatusBadRequest, clientError, "Entity not found"}},
	{entity.ErrDefaultOrganization, refusal{fiber.StatusBadRequest, clientError, "User is from default org"}},
	{errRefreshExpired, refusal{fiber.StatusUnauthorized, serverError, "Refresh token expired"}},
	{errRefreshNotFound, refusal{fiber.StatusUnauthorized, clientError, "Refresh token not found"}},
	{errRefreshInvalid, refusal{fiber.StatusUnauthorized, unauthorized, "Invalid refresh token"}},
	{errRolesNotUpdated, refusal{fiber.StatusBadRequest, clientError, "Roles not updated"}},
	{errRolesNotDeleted, refusal{fiber.StatusBadRequest, clientError, "Roles not deleted"}},
	{errModuleGone, refusal{fiber.StatusBadRequest, clientError, "MODULES_ALREADY_DELETED_OR_MODULE_NOT_PRESENT"}},
	{access.ErrRoleUnknown, refusal{fiber.StatusBadRequest, clientError, "Role not found."}},
	{access.ErrRoleTaken, refusal{fiber.StatusBadRequest, clientError, "Role already exists"}},
	{access.ErrRoleBuiltIn, refusal{fiber.StatusBadRequest, clientError, "This role is part of the system. It cannot be renamed, deactivated, deleted or given another user_type."}},
	{access.ErrModuleUnknown, refusal{fiber.StatusBadRequest, clientError, "MODULES_NOT_FOUND"}},
	{access.ErrModuleTaken, refusal{fiber.StatusBadRequest, clientError, "MODULES_ALREADY_EXISTS"}},
	{access.ErrPermissionUnknown, refusal{fiber.StatusBadRequest, clientError, "PERMISSION_NOT_FOUND"}},
	{access.ErrPermissionTaken, refusal{fiber.StatusBadRequest, clientError, "code should be unique."}},
	{access.ErrMappingUnknown, refusal{fiber.StatusBadRequest, clientError, "ROLE_PERMISSION_NOT_FOUND"}},
	{access.ErrMappingExists, refusal{fiber.StatusBadRequest, clientError, "ROLE_PERMISSION_ALREADY_EXISTS"}},
	{access.ErrSignInNeeded, refusal{fiber.StatusBadRequest, clientError, "Without this permission no admin could log in any more. Give the public another one for admin/login first."}},
	{rolerequest.ErrRoleNotFound, refusal{fiber.StatusNotAcceptable, clientError, "Role not found."}},
	{rolerequest.ErrAlreadyRequested, refusal{fiber.StatusNotAcceptable, clientError, "You have already requested to be a mentor. Please wait for the org admin's approval"}},
	{rolerequest.ErrNotFound, refusal{fiber.StatusBadRequest, clientError, "Role Change Request not found."}},
	{rolerequest.ErrOwnRequest, refusal{fiber.StatusBadRequest, clientError, "You cannot decide your own request."}},
	{rolerequest.ErrNotDecidable, refusal{fiber.StatusBadRequest, clientError, "Invalid organisation request"}},
	{rolerequest.ErrApproverGone, refusal{fiber.StatusBadRequest, clientError, "User does't have admin access."}},
}

// ofKind is how errors look that have no text of their own in the contract.
var ofKind = map[models.Kind]refusal{
	models.KindUnauthenticated: {fiber.StatusUnauthorized, unauthorized, "Unauthorized request"},
	models.KindForbidden:       {fiber.StatusBadRequest, clientError, "User does't have admin access."},
	models.KindNotFound:        {fiber.StatusBadRequest, clientError, "Requested resource not found!"},
	models.KindConflict:        {fiber.StatusBadRequest, clientError, "The request conflicts with the present state."},
	models.KindLimited:         {fiber.StatusTooManyRequests, clientError, "Too many requests, please try again later."},
	models.KindUnavailable:     {fiber.StatusServiceUnavailable, serverError, "The service is busy. What you sent is kept; please try again."},
}

const (
	validationText = "Validation failed, Entered data is incorrect!"
	internalText   = "Oops! Something Went Wrong."
)

// handleError is the one place where an error becomes an answer of this door.
func (d *door) handleError(c *fiber.Ctx, err error) error {
	httpx.SetRetryAfter(c, err)
	if fields := fieldsOf(err); len(fields) > 0 {
		return d.fail(c, refusal{fiber.StatusUnprocessableEntity, clientError, validationText}, fields)
	}
	for _, known := range refusals {
		if errors.Is(err, known.err) {
			return d.fail(c, known.refusal, nil)
		}
	}
	if r, ok := ofKind[models.KindOf(err)]; ok {
		return d.fail(c, r, nil)
	}
	if h := httpx.ErrorOf(err); h != nil {
		return d.fail(c, fromHTTP(h), nil)
	}
	slog.ErrorContext(c.UserContext(), "internal error", "error", err)
	return d.fail(c, refusal{fiber.StatusInternalServerError, serverError, internalText}, nil)
}

// fromHTTP gives the HTTP layer's own errors this door's words.
func fromHTTP(e *httpx.Error) refusal {
	switch {
	case errors.Is(e, httpx.ErrNotFound), errors.Is(e, httpx.ErrMethodNotAllowed):
		return refusal{fiber.StatusNotFound, resourceError, "Requested resource not found!"}
	case e.Status >= fiber.StatusInternalServerError && e.Status != fiber.StatusServiceUnavailable:
		return refusal{e.Status, serverError, internalText}
	case e.Status >= fiber.StatusInternalServerError:
		return refusal{e.Status, serverError, e.Message}
	}
	return refusal{e.Status, clientError, e.Message}
}

// withStatusCode names the operations whose refusals repeat the status in the
// body.
var withStatusCode = map[string]bool{
	"createNotificationTemplate": true, "updateNotificationTemplate": true, "deleteNotificationTemplate": true, "inheritEntityType": true,
}

func (d *door) fail(c *fiber.Ctx, r refusal, fields []wire.FieldError) error {
	if fields == nil {
		fields = []wire.FieldError{}
	}
	body := wire.Failure{ResponseCode: r.code, Message: r.message, Error: fields, Meta: d.meta(c, r.status)}
	if op, ok := httpx.OperationOf(c); ok && r.status == fiber.StatusBadRequest && withStatusCode[op.ID] {
		body.StatusCode = r.status
	}
	return c.Status(r.status).JSON(body)
}
