package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/httpx"
)

// reply is what an operation answers: status 200 unless it says otherwise.
type reply struct {
	status int
	body   any
}

func ok(body any) (reply, error) { return reply{body: body}, nil }

// acknowledged is the answer of writes: the identifier of what was written.
func acknowledged(identifier string) (reply, error) {
	return ok(wire.Acknowledgement{Identifier: identifier})
}

// stored is the answer of a create-or-update.
func stored(identifier string, created bool) (reply, error) {
	out := reply{body: wire.Acknowledgement{Identifier: identifier}}
	if created {
		out.status = fiber.StatusCreated
	}
	return out, nil
}

// request is a wire struct that reads itself from the parameters.
type request[T any] interface {
	*T
	Read(*wire.Input)
}

// handle makes a Fiber handler of an operation. The order of checks is the
// contract's: the token has passed in authenticate; here comes the syntax, and
// inside the operation what URL and body name, the rules and the conflicts.
func handle[T any, R request[T]](operation func(*fiber.Ctx, T) (reply, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		req, err := read[T, R](c, nil)
		if err != nil {
			return err
		}
		out, err := operation(c, req)
		if err != nil {
			return err
		}
		return send(c, out)
	}
}

// read reads a request; kept holds query parameters that a page key remembers.
func read[T any, R request[T]](c *fiber.Ctx, kept map[string]string) (req T, err error) {
	in := wire.Input{
		Param: func(name string) string { return httpx.Param(c, name) },
		Query: func(name string) []string {
			if value, ok := kept[name]; ok {
				return []string{value}
			}
			return queryAll(c, name)
		},
		Decode: func(v any) error { return httpx.DecodeJSON(c, v, httpx.RequireJSON) },
	}
	R(&req).Read(&in)
	return req, in.Err
}

// queryAll gives all values of a query parameter; they are safe to keep.
func queryAll(c *fiber.Ctx, name string) []string {
	raw := c.Context().QueryArgs().PeekMulti(name)
	out := make([]string, len(raw))
	for i, v := range raw {
		out[i] = string(v)
	}
	return out
}

func send(c *fiber.Ctx, out reply) error {
	if out.status == 0 {
		out.status = fiber.StatusOK
	}
	return c.Status(out.status).JSON(out.body)
}

// all maps the rows of a list. The list is an empty array where there are none.
func all[T, W any](rows []T, one func(T) W) []W {
	out := make([]W, len(rows))
	for i, r := range rows {
		out[i] = one(r)
	}
	return out
}
