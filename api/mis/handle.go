package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/httpx"
)

// reply is what an operation answers: status 200 unless it says otherwise.
type reply struct {
	status int
	body   any
}

func ok(body any) (reply, error)      { return reply{body: body}, nil }
func created(body any) (reply, error) { return reply{status: fiber.StatusCreated, body: body}, nil }

// done is the answer of deletions and other acts that give nothing back.
func done(message string) (reply, error) {
	return ok(wire.ActionResult{Success: true, Message: message})
}

// request is a wire struct that reads itself from the parameters.
type request[T any] interface {
	*T
	Read(*wire.Input)
}

// handle makes a Fiber handler of an operation. The order of checks is the
// contract's: token and role have passed in authenticate; here come path, query
// and body; inside the operation what they name, the rights on it, the conflicts.
func handle[T any, R request[T]](operation func(*fiber.Ctx, T) (reply, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in := wire.Input{
			Param:  func(name string) string { return httpx.Param(c, name) },
			Query:  func(name string) string { return httpx.Query(c, name) },
			Decode: func(v any) error { return httpx.DecodeJSON(c, v, httpx.RequireJSON) },
		}
		var req T
		R(&req).Read(&in)
		if err := in.Err(); err != nil {
			return err
		}
		out, err := operation(c, req)
		if err != nil {
			return err
		}
		if out.status == 0 {
			out.status = fiber.StatusOK
		}
		return c.Status(out.status).JSON(out.body)
	}
}

// all maps the rows of a list. The list is an empty array where there are none.
func all[T, W any](rows []T, one func(T) W) []W {
	out := make([]W, len(rows))
	for i, r := range rows {
		out[i] = one(r)
	}
	return out
}
