package mis

import (
	"errors"
	"log/slog"
	"net/http"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
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

// answerTo gives an error its status and message: a list of texts for what is
// wrong with a body, else one text.
func answerTo(c *fiber.Ctx, err error) (int, any) {
	var typed *models.Error
	switch {
	case errors.Is(err, httpx.ErrNotFound):
		return http.StatusNotFound, "Cannot " + c.Method() + " " + c.Path()
	case errors.Is(err, auth.ErrTokenInvalid), errors.Is(err, auth.ErrTokenExpired):
		return http.StatusUnauthorized, "Unauthorized"
	case errors.Is(err, models.ErrForbidden):
		return http.StatusForbidden, "Forbidden resource"
	case errors.As(err, &typed) && statuses[typed.Kind] > 0:
		if len(typed.Fields) > 0 {
			return statuses[typed.Kind], faults(typed)
		}
		return statuses[typed.Kind], sentence(typed.Text)
	}
	e := httpx.ErrorOf(err)
	switch {
	case e == nil, e.Status == http.StatusInternalServerError:
		return http.StatusInternalServerError, "Internal server error"
	case e.Status == http.StatusUnprocessableEntity, e.Status == http.StatusUnsupportedMediaType, e.Status == http.StatusRequestTimeout:
		return http.StatusBadRequest, e.Message
	}
	return e.Status, e.Message
}

// faults are the texts of a refusal, one for each fault.
func faults(e *models.Error) []string {
	out := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		out[i] = f.Text
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
