package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/httpx"
	"quad/internal/store"
	"quad/models"
)

// reply is what an operation answers: status 200 unless it says otherwise; no
// body is 204.
type reply struct {
	status int
	body   any
	stream func() error // answers instead
}

// request is a wire struct that reads itself from the parameters.
type request[T any] interface {
	*T
	Read(*wire.Input)
}

// handle makes a Fiber handler of an operation. Token and role have been
// checked in authenticate; here come path, parameters and body, and inside the
// operation the record.
func handle[T any, R request[T]](operation func(*fiber.Ctx, T) (reply, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in := wire.Input{
			Param:  func(name string) string { return httpx.Param(c, name) },
			Query:  func(name string) string { return httpx.Query(c, name) },
			Header: func(name string) string { return c.Get(name) },
			Decode: func(v any) error { return httpx.DecodeJSON(c, v) },
		}
		var req T
		R(&req).Read(&in)
		switch {
		case in.Missing:
			return models.ErrNotFound
		case len(in.Problems) > 0:
			return &paramsError{in.Problems}
		case in.BodyErr != nil:
			return in.BodyErr
		}
		out, err := operation(c, req)
		switch {
		case err != nil:
			return err
		case out.stream != nil:
			return out.stream()
		case out.status == 0 && out.body == nil:
			return c.SendStatus(fiber.StatusNoContent)
		case out.status == 0:
			out.status = fiber.StatusOK
		}
		return c.Status(out.status).JSON(out.body)
	}
}

func ok(body any) (reply, error)      { return reply{body: body}, nil }
func created(body any) (reply, error) { return reply{status: fiber.StatusCreated, body: body}, nil }

// cursor reads where a page goes on: the id of a row, 0 for the first page. A
// cursor of another account, operation or filter is refused.
func (d *door) cursor(c *fiber.Ctx, filters any, p wire.Paging) (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	var position int64
	if err := d.cursors.Decode(scope(c, filters), p.Cursor, &position); err != nil {
		return 0, err
	}
	return position, nil
}

func scope(c *fiber.Ctx, filters any) httpx.CursorScope {
	account, _ := store.AccountID(c.UserContext())
	op, _ := httpx.OperationOf(c)
	return httpx.CursorScope{Account: account, Operation: op.ID, Filters: filters}
}

// pageOf makes the answer of a list; next is the row to go on at, 0 for none.
// It is a function because a method cannot have type parameters.
func pageOf[T, W any](d *door, c *fiber.Ctx, filters any, rows []T, next int64, one func(T) W) (reply, error) {
	out := wire.Page[W]{Items: make([]W, 0, len(rows))}
	for _, r := range rows {
		out.Items = append(out.Items, one(r))
	}
	if next > 0 {
		marker, err := d.cursors.Encode(scope(c, filters), next)
		if err != nil {
			return reply{}, err
		}
		out.Next = &marker
	}
	return ok(out)
}
