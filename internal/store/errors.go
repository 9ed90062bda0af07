package store

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"quad/models"
)

// SQLSTATE codes that mean something to the hub,
// https://www.postgresql.org/docs/15/errcodes-appendix.html.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	checkViolation      = "23514"
	numberOutOfRange    = "22003"
	deadlockDetected    = "40P01" // one of two transactions was ended; it may be tried again
	classConnection     = "08"
	classShutdown       = "57P"
	classResources      = "53"
)

var errNumber = models.Invalid(models.FieldError{Field: "number", Rule: "range", Text: "a number is out of range"})

// Err maps an error of the driver or of GORM to a typed error of models. It is
// the only place that knows the driver's errors. Errors it does not know are
// returned as they are.
func Err(err error) error {
	var typed *models.Error
	var pg *pgconn.PgError
	var netErr net.Error
	var connect *pgconn.ConnectError
	switch {
	case err == nil, errors.As(err, &typed):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, pgx.ErrNoRows):
		return models.ErrNotFound.With(err)
	case errors.As(err, &pg):
		switch {
		case pg.Code == uniqueViolation:
			return models.ErrConflict.With(err)
		case pg.Code == numberOutOfRange: // JSON allows numbers that no column holds
			return errNumber.With(err)
		case pg.Code == deadlockDetected, strings.HasPrefix(pg.Code, classConnection), strings.HasPrefix(pg.Code, classShutdown), strings.HasPrefix(pg.Code, classResources):
			return models.ErrUnavailable.With(err)
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &connect), errors.As(err, &netErr), pgconn.SafeToRetry(err):
		return models.ErrUnavailable.With(err)
	}
	return err
}

// Violates tells whether err is the violation of the named unique index,
// foreign key or check constraint. This is how the database's decision of a
// race is read.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case uniqueViolation, foreignKeyViolation, checkViolation:
		return pg.ConstraintName == constraint
	}
	return false
}

// Referenced tells whether err says that rows which are still there point at
// one that was to go, or at one that is not there.
func Referenced(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == foreignKeyViolation
}

func mapError(db *gorm.DB) {
	if db.Error != nil {
		db.Error = Err(db.Error)
	}
}

// redactURL keeps a password out of the message about a malformed address.
func redactURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("cannot be parsed as postgres://user:password@host:port/name")
	}
	return err
}
