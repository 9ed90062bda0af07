package mis

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/integration"
	"quad/internal/people"
	"quad/internal/settings"
	"quad/models"
)

// handleError is the one place where an error becomes an answer of this door.
func handleError(c *fiber.Ctx, err error) error {
	httpx.SetRetryAfter(c, err)
	status, message := answerTo(c, err)
	if status == http.StatusInternalServerError {
		slog.ErrorContext(c.UserContext(), "internal error", "error", err)
	}
	return c.Status(status).JSON(wire.Error{StatusCode: status, Message: message, Error: http.StatusText(status)})
}

// statuses are the statuses of the areas' refusals.
var statuses = map[models.Kind]int{
	models.KindInvalid:         http.StatusBadRequest,
	models.KindUnauthenticated: http.StatusUnauthorized,
	models.KindForbidden:       http.StatusForbidden,
	models.KindNotFound:        http.StatusNotFound,
	models.KindConflict:        http.StatusConflict,
	models.KindLimited:         http.StatusTooManyRequests,
	models.KindUnavailable:     http.StatusServiceUnavailable,
}

// texts are what this door says instead of the areas, by their codes.
var texts = map[string]string{
	people.ErrEmailTaken.Code:          "Email already registered",
	people.ErrBadCredentials.Code:      "Invalid email or password",
	people.ErrDeactivated.Code:         "Account is deactivated",
	people.ErrPasswordWrong.Code:       "Current password is incorrect",
	people.ErrPasswordSame.Code:        "New password must differ from the current one",
	people.ErrUserUnknown.Code:         "User not found",
	people.ErrOrganizationUnknown.Code: "Tenant not found",
	people.ErrOrganizationClosed.Code:  "Tenant is inactive",
	people.ErrOrganizationName.Code:    "Tenant name already exists",
	people.ErrOrganizationInUse.Code:   "Tenant still has users, projects, forms, reports or other records",
	people.ErrMemberAlready.Code:       "User is already a member of the tenant",
	people.ErrNotMember.Code:           "User is not a member of the tenant",
	people.ErrRoleUnknown.Code:         "Role not found",
	people.ErrRoleHeld.Code:            "User already has this role",
	people.ErrRoleNotHeld.Code:         "User does not have this role",
	people.ErrLastAdmin.Code:           "The last SUPER_ADMIN cannot be taken away",
	settings.ErrUnknown.Code:           "Setting not found",
	integration.ErrUnknown.Code:        "Integration not found",
	integration.ErrPaused.Code:         "Integration is paused or switched off",
	integration.ErrRunning.Code:        syncRunning,
	integration.ErrBusy.Code:           syncRunning,
	auth.ErrLinkInvalid.Code:           "Invalid or expired reset token",
	auth.ErrTokenInvalid.Code:          unauthorized,
	auth.ErrTokenExpired.Code:          unauthorized,
	auth.ErrTokenReused.Code:           unauthorized,
	models.ErrUnauthenticated.Code:     unauthorized,
	models.ErrForbidden.Code:           "Forbidden resource",
}

// syncRunning is said of a connection that runs and of a load, which share a lock.
const syncRunning = "A synchronisation is already running"

const unauthorized = "Unauthorized"

// limited is what is said to who comes too often.
const limited = "ThrottlerException: Too Many Requests"

// answerTo gives an error its status and message: a list of texts for what is
// wrong with a body, else one text.
func answerTo(c *fiber.Ctx, err error) (int, any) {
	var typed *models.Error
	switch {
	case errors.Is(err, httpx.ErrNotFound):
		return http.StatusNotFound, "Cannot " + c.Method() + " " + c.Path()
	case errors.As(err, &typed) && statuses[typed.Kind] > 0:
		if len(typed.Fields) > 0 {
			return statuses[typed.Kind], faults(typed)
		}
		if text, own := texts[typed.Code]; own {
			return statuses[typed.Kind], text
		}
		return statuses[typed.Kind], sentence(typed.Text)
	}
	e := httpx.ErrorOf(err)
	switch {
	case e == nil, e.Status == http.StatusInternalServerError:
		return http.StatusInternalServerError, "Internal server error"
	case e.Status == http.StatusUnprocessableEntity, e.Status == http.StatusUnsupportedMediaType, e.Status == http.StatusRequestTimeout:
		return http.StatusBadRequest, e.Message
	case e.Status == http.StatusTooManyRequests:
		return e.Status, limited
	}
	return e.Status, e.Message
}

// faults are the texts of a refusal, one for each fault, which begin with the
// name of what is wrong, if it has one.
func faults(e *models.Error) []string {
	out := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		if out[i] = f.Text; f.Field != "" && !strings.HasPrefix(f.Text, f.Field+" ") {
			out[i] = f.Field + " " + f.Text
		}
	}
	return out
}

// sentence begins with a capital letter.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
