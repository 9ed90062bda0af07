package elevate

import (
	"errors"
	"log/slog"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"quad/api/elevate/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/store"
	"quad/models"
)

// reply is what an operation answers: status 200 unless it says otherwise.
type reply struct {
	status  int
	message string
	result  any
}

// request is a wire struct that reads itself from the parameters.
type request[T any] interface {
	*T
	Read(*wire.Input)
}

// handle makes a Fiber handler of an operation. It keeps the contract's order
// of checks: token and permission have passed in authenticate; here come
// validation, the role of the caller and, inside the operation, the record.
func handle[T any, R request[T]](d *door, operation func(*fiber.Ctx, T) (reply, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in := wire.Input{
			Query: func(name string) string { return httpx.Query(c, name) },
			Param: func(name string) string { return httpx.Param(c, name) },
		}
		if err := decodeBody(c, &in); err != nil {
			return err
		}
		var req T
		if R(&req).Read(&in); len(in.Errors) > 0 {
			return &validationError{fields: in.Errors}
		}
		op, _ := httpx.OperationOf(c)
		if len(op.Access.Roles) > 0 {
			if p, ok := auth.From(c.UserContext()); !ok || !p.Has(op.Access.Roles...) {
				return lacksRole(op.ID)
			}
		}
		out, err := operation(c, req)
		if err != nil {
			return err
		}
		if out.status == 0 {
			out.status = fiber.StatusOK
		}
		body := wire.Success{ResponseCode: "OK", Message: out.message, Result: out.result, Meta: d.meta(c, out.status)}
		if op.ID == "listEntities" {
			body.Parameters = &[]any{}
		}
		return c.Status(out.status).JSON(body)
	}
}

// bodyOnGet names the operations that read the body of a GET, as their
// contract has it.
var bodyOnGet = map[string]bool{"searchUsers": true}

// decodeBody reads the JSON object of methods that have one. A value that is
// JSON but no object reads as an object without keys, so that validation names
// what is missing.
func decodeBody(c *fiber.Ctx, in *wire.Input) error {
	if op, _ := httpx.OperationOf(c); (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodDelete) && !bodyOnGet[op.ID] {
		return nil
	}
	var body any
	if err := httpx.DecodeJSON(c, &body, httpx.AllowEmpty); err != nil {
		return err
	}
	in.Body, _ = body.(map[string]any)
	return nil
}

// empty is the result of operations that have nothing to say.
var empty = []any{}

// meetingPlatform is what operations answer that name the platform of meetings.
const meetingPlatform = "BBB"

// namesPlatform lists these operations, with the spelling of the key.
var namesPlatform = map[string]string{
	"createPermission": "meetingPlatform", "updatePermission": "meetingPlatform", "listPermissions": "meetingPlatform", "deletePermission": "meetingPlatform",
	"createModule": "meetingPlatform", "updateModule": "meetingPlatform", "listModules": "meetingPlatform", "deleteModule": "meetingPlatform",
	"createRolePermission": "meetingPlatform", "deleteRolePermission": "meetingPlatform",
	"readEntityTypes": "meeting_platform", "updateEntityType": "meeting_platform",
	"createEntity": "meeting_platform", "updateEntity": "meeting_platform", "listEntities": "meeting_platform",
}

// meta is what every answer carries.
func (d *door) meta(c *fiber.Ctx, status int) wire.Meta {
	m := wire.Meta{Correlation: correlation(httpx.RequestID(c)), FormsVersion: d.formVersions(c, status)}
	if op, ok := httpx.OperationOf(c); ok && status < fiber.StatusBadRequest {
		switch namesPlatform[op.ID] {
		case "meetingPlatform":
			m.MeetingPlatform = meetingPlatform
		case "meeting_platform":
			m.MeetingPlatformSnake = meetingPlatform
		}
	}
	return m
}

// formVersions tells clients which copies of forms are stale. It comes from
// memory; an answer never fails for want of it, and one that the hub is in
// trouble does not wait for it.
func (d *door) formVersions(c *fiber.Ctx, status int) []wire.FormVersion {
	out := []wire.FormVersion{}
	ctx := c.UserContext()
	if _, known := store.AccountID(ctx); !known || status >= fiber.StatusInternalServerError {
		return out
	}
	versions, err := d.forms.Versions(ctx)
	if err != nil {
		slog.WarnContext(ctx, "answered without the versions of forms", "error", err)
		return out
	}
	for _, v := range versions {
		out = append(out, wire.FormVersion{ID: v.ID, Type: v.Type, Version: v.Version})
	}
	return out
}

// correlation is the request id as the UUID that the contract promises: the id
// itself, or, when a caller sent one that is no UUID, a name-based UUID of it.
func correlation(id string) string {
	if parsed, err := uuid.Parse(id); err == nil {
		return parsed.String()
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("request:"+id)).String()
}

// validationError is a 422 with its fields.
type validationError struct{ fields []wire.FieldError }

func (e *validationError) Error() string { return "validation failed" }

// fieldsOf turns the area's field errors into the dialect's.
func fieldsOf(err error) []wire.FieldError {
	var v *validationError
	if errors.As(err, &v) {
		return v.fields
	}
	var typed *models.Error
	if !errors.As(err, &typed) {
		return nil
	}
	out := make([]wire.FieldError, 0, len(typed.Fields))
	for _, f := range typed.Fields {
		msg := f.Field + " is invalid"
		if f.Rule == "required" {
			msg = f.Field + " field is empty"
		}
		out = append(out, wire.FieldError{Location: "body", Param: f.Field, Msg: msg})
	}
	return out
}
