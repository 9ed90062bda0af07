package httpx

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Error is an error of the HTTP layer itself: what went wrong before or beside
// the domain. A door turns it into its own shape; Cause is for the log only.
type Error struct {
	// Status is the HTTP status that says it best; a dialect may use another.
	Status int
	// Code is stable and for programs: "body_too_large".
	Code string
	// Message is safe to show.
	Message string
	// RetryAfter is set with 429 and 503, else 0.
	RetryAfter time.Duration
	// Cause is the error underneath, or nil.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare codes, so a copy with a cause still is its kind.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

func (e *Error) because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// What this package refuses on its own. Compare with errors.Is.
var (
	ErrBadRequest       = &Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "The request is malformed."}
	ErrNotFound         = &Error{Status: http.StatusNotFound, Code: "no_such_resource", Message: "There is nothing at this address."}
	ErrMethodNotAllowed = &Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "This address does not serve this method."}
	ErrBodyTooLarge     = &Error{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Message: "The request body is too large."}
	ErrBodyEncoding     = &Error{Status: http.StatusUnsupportedMediaType, Code: "body_encoding", Message: "Compressed request bodies are not accepted."}
	ErrHeadersTooLarge  = &Error{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "headers_too_large", Message: "The request line and headers are too large."}
	ErrRequestTimeout   = &Error{Status: http.StatusRequestTimeout, Code: "request_timeout", Message: "The request did not arrive in time."}
	ErrTooManyRequests  = &Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "Too many requests."}
	ErrTimeout          = &Error{Status: http.StatusServiceUnavailable, Code: "timeout", Message: "The request took too long."}
	ErrUnavailable      = &Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "The service is not available right now."}
	ErrInternal         = &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "An internal error occurred."}
)

// PanicError is a panic of a handler, recovered. The stack is in the log.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return "panic in a handler" }

// ErrorOf returns the HTTP layer's view of err: its own errors as they are,
// Fiber's by status, a missed deadline as ErrTimeout, and nil for anything
// else, which is the domain's (or a bug, to be answered as ErrInternal).
// Doors call it in their ErrorHandler after the domain's errors.
func ErrorOf(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var body *BodyError
	if errors.As(err, &body) {
		return body.httpError()
	}
	var param *ParamError
	if errors.As(err, &param) {
		return &Error{Status: http.StatusBadRequest, Code: "bad_parameter", Message: param.Error(), Cause: err}
	}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return ErrInternal.because(err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrTimeout.because(err)
	}
	var fe *fiber.Error
	if !errors.As(err, &fe) {
		return nil
	}
	for _, known := range []*Error{
		ErrNotFound, ErrMethodNotAllowed, ErrBodyTooLarge, ErrHeadersTooLarge, ErrRequestTimeout, ErrTooManyRequests, ErrBadRequest,
	} {
		if fe.Code == known.Status {
			return known.because(err)
		}
	}
	if fe.Code >= 400 && fe.Code < 500 {
		return &Error{Status: fe.Code, Code: "bad_request", Message: http.StatusText(fe.Code), Cause: err}
	}
	return ErrInternal.because(err)
}
