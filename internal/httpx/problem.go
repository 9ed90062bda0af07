package httpx

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/models"
)

// Problem is an RFC 9457 problem details object: the native API's errors, and
// those outside of all doors.
type Problem struct {
	Type     string         `json:"type"` // "about:blank" when the status says it all
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail,omitempty"`
	Instance string         `json:"instance,omitempty"`
	Code     string         `json:"code,omitempty"`      // stable, for programs
	Request  string         `json:"requestId,omitempty"` // as in X-Request-ID
	Errors   []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem is one field that was refused.
type FieldProblem struct {
	Field  string `json:"field"` // path in the body, or the parameter's name
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail"`
}

// ProblemType is the media type of Problem.
const ProblemType = "application/problem+json"

// WriteProblem answers with p and fills in what it leaves out: type, title and
// request id.
func WriteProblem(c *fiber.Ctx, p Problem) error {
	if p.Status < 400 || p.Status > 599 {
		p.Status = http.StatusInternalServerError
	}
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if p.Request == "" {
		p.Request = RequestID(c)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, ProblemType)
	return c.Status(p.Status).Send(body)
}

// statuses says which status stands for a kind of refusal.
var statuses = map[models.Kind]int{
	models.KindInvalid:         http.StatusUnprocessableEntity,
	models.KindUnauthenticated: http.StatusUnauthorized,
	models.KindForbidden:       http.StatusForbidden,
	models.KindNotFound:        http.StatusNotFound,
	models.KindConflict:        http.StatusConflict,
	models.KindLimited:         http.StatusTooManyRequests,
	models.KindUnavailable:     http.StatusServiceUnavailable,
}

// ProblemOf is the problem of a refusal of the domain or of the HTTP layer; any
// other error is an internal one, with nothing of its text.
func ProblemOf(err error) Problem {
	var refusal *models.Error
	if errors.As(err, &refusal) && statuses[refusal.Kind] != 0 {
		p := Problem{Status: statuses[refusal.Kind], Code: refusal.Code, Detail: refusal.Text}
		for _, f := range refusal.Fields {
			p.Errors = append(p.Errors, FieldProblem{Field: f.Field, Code: f.Rule, Detail: f.Text})
		}
		return p
	}
	e := ErrorOf(err)
	if e == nil {
		e = ErrInternal
	}
	return Problem{Status: e.Status, Code: e.Code, Detail: e.Message}
}

// ProblemErrorHandler answers every error as problem details.
func ProblemErrorHandler(c *fiber.Ctx, err error) error {
	SetRetryAfter(c, err)
	return WriteProblem(c, ProblemOf(err))
}

// SetRetryAfter sets the Retry-After header, in whole seconds, when err says
// when to come again. Every door's ErrorHandler should call it.
func SetRetryAfter(c *fiber.Ctx, err error) {
	if e := ErrorOf(err); e != nil && e.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(float64(e.RetryAfter)/float64(time.Second)))))
	}
}
