package native

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/httpx"
)

// problemType starts the type of a problem; its code follows.
const problemType = "urn:quad:problem:"

// paramsError is a 400 that names the parameters which cannot be read.
type paramsError struct{ problems []wire.Problem }

func (e *paramsError) Error() string { return "parameters that cannot be read" }

// handleError is the one place where an error becomes an answer of this door.
func handleError(c *fiber.Ctx, err error) error {
	httpx.SetRetryAfter(c, err)
	p := problemOf(err)
	switch p.Status {
	case http.StatusInternalServerError:
		slog.ErrorContext(c.UserContext(), "internal error", "error", err)
	case http.StatusUnauthorized:
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	if p.Code != "" {
		p.Type = problemType + p.Code
	}
	return httpx.WriteProblem(c, p)
}

func problemOf(err error) httpx.Problem {
	var params *paramsError
	if errors.As(err, &params) {
		p := httpx.Problem{Status: http.StatusBadRequest, Code: "bad_parameter", Detail: "A parameter cannot be read."}
		for _, b := range params.problems {
			p.Errors = append(p.Errors, httpx.FieldProblem{Field: b.Name, Code: b.Rule, Detail: b.Text})
		}
		return p
	}
	p := httpx.ProblemOf(err)
	var body *httpx.BodyError
	if errors.As(err, &body) && body.Kind == httpx.BodyType && body.Field != "" {
		p.Errors = []httpx.FieldProblem{{Field: body.Field, Code: "type", Detail: body.Field + " must be " + body.Want}}
	}
	// The areas name fields in their own spelling.
	for i, f := range p.Errors {
		name := camel(f.Field)
		p.Errors[i].Field, p.Errors[i].Detail = name, strings.Replace(f.Detail, f.Field, name, 1)
	}
	return p
}

// camel spells a field as this API does: "admin_email" is "adminEmail". Settings
// of connections are called as their kind calls them.
func camel(field string) string {
	if strings.HasPrefix(field, "settings.") {
		return field
	}
	words := strings.Split(field, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
