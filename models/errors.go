package models

import (
	"errors"
	"fmt"
)

// Kind classifies an Error. A door maps kinds (and, where its contract wants
// more, codes) to its own statuses and texts.
type Kind string

// The kinds of errors that the areas answer with.
const (
	KindInvalid         Kind = "invalid"         // the input breaks a rule; Fields says where
	KindUnauthenticated Kind = "unauthenticated" // no, broken, expired or ended proof of identity
	KindForbidden       Kind = "forbidden"       // known caller without the right
	KindNotFound        Kind = "not_found"       // no such thing in the caller's account
	KindConflict        Kind = "conflict"        // exists already, or in a state that does not allow it
	KindLimited         Kind = "limited"         // too many requests or tries
	KindUnavailable     Kind = "unavailable"     // a needed service or worker does not answer; try again
)

// Error is an expected refusal. Code is stable and lower case with dots
// ("role_request.closed"); Text is safe to show to a caller; Cause is for the
// log only.
type Error struct {
	Kind   Kind
	Code   string
	Text   string
	Fields []FieldError
	Cause  error
}

// FieldError tells which input broke which rule. Rule is a stable word such as
// "required", "email", "too_long", "enum".
type FieldError struct {
	Field string
	Rule  string
	Text  string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Text, e.Cause)
	}
	return e.Code + ": " + e.Text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, ErrX) compare by code, so that a refusal with a
// cause or with fields equals its sentinel.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// With returns a copy of e that carries a cause for the log.
func (e *Error) With(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Refuse makes an Error.
func Refuse(kind Kind, code, text string) *Error { return &Error{Kind: kind, Code: code, Text: text} }

// Invalid makes a KindInvalid error from the fields that broke a rule.
func Invalid(fields ...FieldError) *Error {
	return &Error{Kind: KindInvalid, Code: "invalid", Text: "the input is not valid", Fields: fields}
}

// KindOf is the kind of the Error in err's chain, or "" if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Errors shared by all areas.
var (
	ErrNotFound        = Refuse(KindNotFound, "not_found", "there is no such thing")
	ErrConflict        = Refuse(KindConflict, "conflict", "it exists already")
	ErrUnauthenticated = Refuse(KindUnauthenticated, "unauthenticated", "no valid proof of identity")
	ErrForbidden       = Refuse(KindForbidden, "forbidden", "you may not do this")
	ErrUnavailable     = Refuse(KindUnavailable, "unavailable", "a needed service does not answer, try again")
)
