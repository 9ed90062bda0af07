package enabley

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/httpx"
	"quad/models"
)

// Values of error, which is what clients branch on.
const (
	invalidRequest     = "invalid_request"
	invalidClient      = "invalid_client"
	notFound           = "not_found"
	accessDenied       = "access_denied"
	generalError       = "general_error"
	itemExists         = "item_exists"
	itemNotExists      = "item_not_exists"
	serviceUnavailable = "service_unavailable"
)

// Refusals that only this door knows.
var (
	errClient = models.Refuse(models.KindUnauthenticated, "enabley.client", "Invalid client key or secret")
	errKey    = models.Refuse(models.KindNotFound, "enabley.pagination_key", "Unknown pagination key")
	errFilter = models.Refuse(models.KindInvalid, "enabley.filter", "The filters are not those of the pagination key")
)

// bodyError marks what the body names and does not exist: 400 instead of the
// 404 of what the URL names.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// inBody says that an unknown thing was named in the body.
func inBody(err error) error {
	if models.KindOf(err) == models.KindNotFound {
		return &bodyError{err}
	}
	return err
}

// inBodyIf is inBody for some of the things that an operation names.
func inBodyIf(err error, things ...error) error {
	for _, thing := range things {
		if errors.Is(err, thing) {
			return inBody(err)
		}
	}
	return err
}

// asInvalid answers a conflict as 400, for operations without a 409 in the
// contract.
func asInvalid(err error) error {
	var typed *models.Error
	if errors.As(err, &typed) && typed.Kind == models.KindConflict {
		return models.Refuse(models.KindInvalid, typed.Code, typed.Text).With(err)
	}
	return err
}

// handleError is the one place where an error becomes an answer of this door.
func handleError(c *fiber.Ctx, err error) error {
	httpx.SetRetryAfter(c, err)
	status, body := answerTo(err)
	switch status {
	case http.StatusInternalServerError:
		slog.ErrorContext(c.UserContext(), "internal error", "error", err)
	case http.StatusUnauthorized:
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	return c.Status(status).JSON(body)
}

// answerTo gives an error its status and body.
func answerTo(err error) (int, wire.Error) {
	say := func(status int, code, text string) (int, wire.Error) {
		return status, wire.Error{Error: code, ErrorDescription: text}
	}
	var typed *models.Error
	var named *bodyError
	switch {
	case errors.As(err, &named):
		return say(http.StatusBadRequest, itemNotExists, sentence(err))
	case errors.Is(err, errClient):
		return say(http.StatusUnauthorized, invalidClient, errClient.Text)
	case errors.Is(err, certification.ErrNotLinked):
		return say(http.StatusConflict, itemNotExists, sentence(err))
	case errors.Is(err, auth.ErrTokenExpired), errors.Is(err, auth.ErrTokenInvalid):
		return say(http.StatusUnauthorized, accessDenied, "Invalid JWT token")
	case errors.As(err, &typed):
		switch typed.Kind {
		case models.KindInvalid:
			return say(http.StatusBadRequest, invalidRequest, sentence(err))
		case models.KindNotFound:
			return say(http.StatusNotFound, notFound, sentence(err))
		case models.KindConflict:
			return say(http.StatusConflict, itemExists, sentence(err))
		case models.KindUnauthenticated, models.KindForbidden:
			return say(http.StatusUnauthorized, accessDenied, sentence(err))
		case models.KindLimited:
			return say(http.StatusTooManyRequests, serviceUnavailable, sentence(err))
		case models.KindUnavailable:
			return say(http.StatusServiceUnavailable, serviceUnavailable, "The service is not available right now")
		}
	}
	e := httpx.ErrorOf(err)
	switch {
	case e == nil, e.Status == http.StatusInternalServerError:
		return say(http.StatusInternalServerError, generalError, "General error")
	case e.Status == http.StatusServiceUnavailable, e.Status == http.StatusTooManyRequests:
		return say(e.Status, serviceUnavailable, e.Message)
	case e.Status == http.StatusNotFound:
		return say(e.Status, notFound, "Not found")
	case e.Status == http.StatusUnprocessableEntity, e.Status == http.StatusUnsupportedMediaType:
		return say(http.StatusBadRequest, invalidRequest, e.Message)
	}
	return say(e.Status, invalidRequest, e.Message)
}

// sentence is what a refusal tells a person: what is wrong with the first
// field, or the refusal itself.
func sentence(err error) string {
	var typed *models.Error
	if !errors.As(err, &typed) {
		return "Invalid input"
	}
	if len(typed.Fields) > 0 {
		return typed.Fields[0].Text
	}
	return typed.Text
}
