package rolerequest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// handler makes role requests a kind of process for internal/process.
type handler struct{ s *Service }

var (
	_ process.Handler        = handler{}
	_ process.FailureHandler = handler{}
)

// startInput is what a native client sends to ask for a role.
type startInput struct {
	RoleID   int64           `json:"roleId"`
	FormData json.RawMessage `json:"formData"`
}

// Start implements process.Handler. A role that was granted before gives the
// process that granted it.
func (h handler) Start(ctx context.Context, input json.RawMessage, idempotencyKey string) (models.Process, error) {
	var in startInput
	if err := json.Unmarshal(input, &in); err != nil || in.RoleID <= 0 {
		return models.Process{}, models.Invalid(models.FieldError{Field: "input.roleId", Rule: "required", Text: "the id of the role is needed"})
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, input); err != nil {
		return models.Process{}, models.Invalid(models.FieldError{Field: "input", Rule: "object", Text: "the input is no JSON object"})
	}
	hash := sha256.Sum256(compact.Bytes())
	if p, err := h.repeated(ctx, idempotencyKey, hash[:]); err != nil || p.ID != 0 {
		return p, err
	}
	r, err := h.s.Ask(ctx, Ask{RoleID: in.RoleID, FormData: in.FormData, IdempotencyKey: idempotencyKey, RequestHash: hash[:]})
	if errors.Is(err, ErrAlreadyRequested) {
		// Perhaps by the same request at the same time.
		if p, repeatedErr := h.repeated(ctx, idempotencyKey, hash[:]); repeatedErr != nil || p.ID != 0 {
			return p, repeatedErr
		}
	}
	if err != nil {
		return models.Process{}, err
	}
	if r.ProcessID == nil {
		return models.Process{}, models.ErrNotFound
	}
	return h.s.processes.Get(ctx, *r.ProcessID)
}

// repeated finds the process that the same request has made before. The open
// request would be met first, and hide that it is the caller's own.
func (h handler) repeated(ctx context.Context, key string, hash []byte) (models.Process, error) {
	caller, err := auth.Caller(ctx)
	if err != nil || key == "" {
		return models.Process{}, err
	}
	var p models.Process
	err = h.s.db.Query(ctx, &p, `SELECT * FROM processes WHERE account_id = @account_id AND started_by = @user AND idempotency_key = @key`,
		store.Args{"user": caller.UserID, "key": key})
	if err == nil && p.ID != 0 && !bytes.Equal(p.RequestHash, hash) {
		return models.Process{}, process.ErrKeyReused
	}
	return p, err
}

// Retry implements process.Handler: a person asks again instead.
func (h handler) Retry(context.Context, models.Process) (models.Process, error) {
	return models.Process{}, ErrNoRetry
}

// Decide implements process.Handler. The words are the statuses UNDER_REVIEW,
// APPROVED and REJECTED, in any case.
func (h handler) Decide(ctx context.Context, p models.Process, d process.Decision) error {
	_, err := h.s.Decide(ctx, Decision{RequestID: p.SubjectID, Status: models.RoleRequestStatus(strings.ToUpper(d.Decision)), Comments: d.Comments})
	return err
}

// Cancelled implements process.Handler: to cancel the process is to withdraw
// the request.
func (h handler) Cancelled(ctx context.Context, p models.Process) error {
	return h.close(ctx, p, ReasonCancelled)
}

// Failed implements process.FailureHandler: without a workflow nobody would
// ever be reminded, so the request is closed and can be made anew.
func (h handler) Failed(ctx context.Context, p models.Process) error {
	return h.close(ctx, p, ReasonFailed)
}

func (h handler) close(ctx context.Context, p models.Process, reason string) error {
	_, _, err := h.s.end(ctx, p.SubjectID, ending{status: models.RoleRequestWithdrawn, reason: reason, processHandled: true})
	return err
}

// Cancel is the workflow's answer to being cancelled.
func (s *Service) Cancel(ctx context.Context, id int64) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		_, _, err := s.end(ctx, id, ending{status: models.RoleRequestWithdrawn, reason: ReasonCancelled})
		return err
	})
}
