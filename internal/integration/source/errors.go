package source

import (
	"errors"
	"strings"
	"time"

	"quad/models"
)

// What goes wrong with a system, in words that the person who made the
// connection can act on. Causes are for the log and hold no secrets.
var (
	// ErrUnreachable: no connection, a name that is not found, a broken line.
	ErrUnreachable = models.Refuse(models.KindUnavailable, "source.unreachable", "the learning system does not answer")
	// ErrRefused: wrong user name, password or token, or an address that is not let in.
	ErrRefused = models.Refuse(models.KindInvalid, "source.refused", "the learning system refuses the user name, password or token")
	// ErrTLS: what the settings want of encryption is not to be had.
	ErrTLS = models.Refuse(models.KindInvalid, "source.tls", "no encrypted connection: the learning system offers none, or its certificate is not trusted")
	// ErrForbiddenHost: an address that the hub must not talk to.
	ErrForbiddenHost = models.Refuse(models.KindInvalid, "source.forbidden_host", "this address is not allowed for connections")
	// ErrIncomplete: something needed is not there, see Incomplete.
	ErrIncomplete = models.Refuse(models.KindInvalid, "source.incomplete", "the learning system lacks something that is needed")
	// ErrBusy: too many requests or maintenance, see Busy.
	ErrBusy = models.Refuse(models.KindUnavailable, "source.busy", "the learning system asks to try again later")
	// ErrSlow: one statement or request took longer than it may.
	ErrSlow = models.Refuse(models.KindUnavailable, "source.slow", "the learning system takes too long to answer")
	// ErrProtocol: an answer that makes no sense.
	ErrProtocol = models.Refuse(models.KindUnavailable, "source.protocol", "the learning system gives an answer that can't be understood")
	// ErrEnded: the snapshot is gone, because the line broke or the system ended it.
	ErrEnded = models.Refuse(models.KindUnavailable, "source.ended", "the learning system ended the connection while it was read")
)

// Incomplete is ErrIncomplete that names what is missing: "table mdl_user",
// "function core_user_get_users".
func Incomplete(what string) error {
	e := *ErrIncomplete
	e.Text = "the learning system has no " + what
	return &e
}

// BusyError is ErrBusy with the time that the system asks to wait.
type BusyError struct {
	After time.Duration
	Cause error
}

func (e *BusyError) Error() string { return ErrBusy.Error() }

// Unwrap gives ErrBusy and the cause.
func (e *BusyError) Unwrap() []error { return []error{ErrBusy, e.Cause} }

// Is tells whether a refusal, which may have travelled, is one of this package:
// about the learning system and not about the hub.
func Is(e *models.Error) bool { return strings.HasPrefix(e.Code, "source.") }

// Passing tells whether trying again later can help.
func Passing(err error) bool {
	var e *models.Error
	return !errors.As(err, &e) || e.Kind == models.KindUnavailable
}
