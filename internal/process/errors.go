package process

import (
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"quad/models"
)

// How a *models.Error travels through Temporal: as an ApplicationError of the
// type "quad/<kind>" with a refusal as its detail. The types are in running
// histories: they are never changed.
const errorTypePrefix = "quad/"

type refusal struct {
	Code   string              `json:"code"`
	Text   string              `json:"text"`
	Fields []models.FieldError `json:"fields,omitempty"`
}

// EncodeError makes a *models.Error in err's chain one that Temporal carries.
// Only an unavailable service is worth another try; any other refusal would be
// given again. Errors without a *models.Error are returned as they are, which
// Temporal retries.
func EncodeError(err error) error { return EncodeErrorAfter(err, 0) }

// EncodeErrorAfter is EncodeError of a step that is tried again after a time of
// its own, if at all; 0: after that of its policy.
func EncodeErrorAfter(err error, after time.Duration) error {
	var e *models.Error
	var carried *temporal.ApplicationError
	if err == nil || (errors.As(err, &carried) && strings.HasPrefix(carried.Type(), errorTypePrefix)) || !errors.As(err, &e) {
		return err
	}
	options := temporal.ApplicationErrorOptions{
		NonRetryable: e.Kind != models.KindUnavailable,
		Details:      []any{refusal{Code: e.Code, Text: e.Text, Fields: e.Fields}},
	}
	if e.Kind == models.KindUnavailable {
		options.Cause = e.Cause // why it has to be tried again; a refusal's cause stays out of histories
		options.NextRetryDelay = after
	}
	return temporal.NewApplicationErrorWithOptions(e.Text, errorTypePrefix+string(e.Kind), options)
}

// DecodeError is the reverse of EncodeError: the *models.Error that err
// carries, with err as its cause; nil if it carries none.
func DecodeError(err error) *models.Error {
	var carried *temporal.ApplicationError
	if !errors.As(err, &carried) {
		return nil
	}
	kind, ours := strings.CutPrefix(carried.Type(), errorTypePrefix)
	if !ours {
		return nil
	}
	var r refusal
	if carried.Details(&r) != nil || r.Code == "" {
		r = refusal{Code: kind, Text: carried.Message()}
	}
	return &models.Error{Kind: models.Kind(kind), Code: r.Code, Text: r.Text, Fields: r.Fields, Cause: err}
}
