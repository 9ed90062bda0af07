package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
)

// BodyKind says what is wrong with a body.
type BodyKind string

// Kinds of body errors.
const (
	BodyEmpty  BodyKind = "empty"    // no body where one is needed
	BodySyntax BodyKind = "syntax"   // no JSON, or more than one value
	BodyText   BodyKind = "text"     // not UTF-8, or a NUL character in a string
	BodyDepth  BodyKind = "depth"    // nested too deeply
	BodyType   BodyKind = "type"     // a value of the wrong type or out of range
	BodyKey    BodyKind = "unknown"  // a key the operation does not know (RejectUnknown)
	BodyMedia  BodyKind = "media"    // not declared as JSON (RequireJSON)
	BodyBroken BodyKind = "aborted"  // the connection broke before the end
	BodyLate   BodyKind = "too_slow" // the body did not arrive in time
)

// BodyError is a body that cannot be decoded.
type BodyError struct {
	Kind BodyKind
	// Field is the path of the value, "user.age", where it is known.
	Field string
	// Want says what was expected, for Kind BodyType: "number".
	Want string
	// Offset is the position in the body, in bytes, where it is known.
	Offset int64
	Cause  error
}

func (e *BodyError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("request body: %s: %s", e.Field, e.Kind)
	}
	return "request body: " + string(e.Kind)
}

// Unwrap returns the decoder's error.
func (e *BodyError) Unwrap() error { return e.Cause }

func (e *BodyError) httpError() *Error {
	out := &Error{Status: http.StatusBadRequest, Code: "body_" + string(e.Kind), Cause: e}
	switch e.Kind {
	case BodyEmpty:
		out.Message = "The request body is missing."
	case BodySyntax:
		out.Message = "The request body is not valid JSON."
	case BodyText:
		out.Message = "The request body is not valid UTF-8 text."
	case BodyDepth:
		out.Message = "The request body is nested too deeply."
	case BodyMedia:
		out.Status = http.StatusUnsupportedMediaType
		out.Message = "The request body must be application/json."
	case BodyBroken:
		out.Message = "The request body ended too early."
	case BodyLate:
		return ErrRequestTimeout.because(e)
	case BodyType:
		out.Status = http.StatusUnprocessableEntity
		out.Message = fmt.Sprintf("The value of %s must be %s.", e.Field, e.Want)
		if e.Field == "" {
			out.Message = fmt.Sprintf("The request body must be %s.", e.Want)
		}
	case BodyKey:
		out.Status = http.StatusUnprocessableEntity
		out.Message = fmt.Sprintf("The key %s is unknown.", e.Field)
	}
	return out
}

// MaxDepth is how deeply a JSON body may be nested.
const MaxDepth = 64

type jsonRules struct {
	allowEmpty, rejectUnknown, requireType bool
}

// JSONOption changes how DecodeJSON reads.
type JSONOption func(*jsonRules)

// Options of DecodeJSON.
var (
	// AllowEmpty takes a missing body as "{}".
	AllowEmpty JSONOption = func(r *jsonRules) { r.allowEmpty = true }
	// RejectUnknown refuses keys the target does not have.
	RejectUnknown JSONOption = func(r *jsonRules) { r.rejectUnknown = true }
	// RequireJSON refuses a body that is not declared as JSON.
	RequireJSON JSONOption = func(r *jsonRules) { r.requireType = true }
)

// DecodeJSON decodes the request body into v. It refuses invalid UTF-8, NUL
// characters, nesting beyond MaxDepth and anything after the value; it keeps
// numbers in an interface as json.Number, tolerates a byte order mark, repeated
// keys (the last one counts) and, by default, unknown keys and any Content-Type.
// Errors are *BodyError, or an *Error when the body is too large.
func DecodeJSON(c *fiber.Ctx, v any, options ...JSONOption) error {
	var rules jsonRules
	for _, option := range options {
		option(&rules)
	}
	if err := BufferBody(c); err != nil {
		return err
	}
	data := c.Context().Request.Body()
	if rules.requireType && len(data) > 0 && !isJSON(c.Get(fiber.HeaderContentType)) {
		return &BodyError{Kind: BodyMedia}
	}
	return decodeJSON(data, v, rules)
}

// DecodeJSONBytes is DecodeJSON for JSON that came another way.
func DecodeJSONBytes(data []byte, v any, options ...JSONOption) error {
	var rules jsonRules
	for _, option := range options {
		option(&rules)
	}
	return decodeJSON(data, v, rules)
}

func decodeJSON(data []byte, v any, rules jsonRules) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		if rules.allowEmpty {
			return nil
		}
		return &BodyError{Kind: BodyEmpty}
	}
	if err := scanJSON(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if rules.rejectUnknown {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		return jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &BodyError{Kind: BodySyntax, Offset: dec.InputOffset(), Cause: errors.New("data after the JSON value")}
	}
	return nil
}

// scanJSON finds, in one cheap pass, what the decoder would let through: bytes
// that are not UTF-8 (it replaces them), NUL (PostgreSQL refuses it), and depth.
func scanJSON(data []byte) error {
	if !utf8.Valid(data) {
		return &BodyError{Kind: BodyText, Cause: errors.New("not UTF-8")}
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch ch := data[i]; {
		case inString && ch == '\\':
			if bytes.HasPrefix(data[i+1:], []byte("u0000")) {
				return &BodyError{Kind: BodyText, Offset: int64(i), Cause: errors.New("NUL character")}
			}
			i++
		case ch == '"':
			inString = !inString
		case inString:
		case ch == '{' || ch == '[':
			if depth++; depth > MaxDepth {
				return &BodyError{Kind: BodyDepth, Offset: int64(i)}
			}
		case ch == '}' || ch == ']':
			depth--
		}
	}
	return nil
}

func jsonError(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return &BodyError{Kind: BodyType, Field: wrongType.Field, Want: wantedType(wrongType), Offset: wrongType.Offset, Cause: err}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &BodyError{Kind: BodyKey, Field: strings.Trim(name, `"`), Cause: err}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &BodyError{Kind: BodySyntax, Offset: syntax.Offset, Cause: err}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &BodyError{Kind: BodySyntax, Cause: err}
	}
	// An UnmarshalJSON or UnmarshalText of the target refused its value.
	return &BodyError{Kind: BodyType, Want: "valid", Cause: err}
}

func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || (strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

// BufferBody reads the whole body, up to the operation's limit, so that c.Body
// and the form parsers may be used. The middleware calls it before every handler
// that does not stream; calling it again costs nothing.
// Errors: ErrBodyTooLarge, ErrBodyEncoding, *BodyError.
func BufferBody(c *fiber.Ctx) error {
	r := requestOf(c)
	req := &c.Context().Request
	if r == nil || r.bodyRead || !req.IsBodyStream() {
		return nil
	}
	body, err := BodyStream(c)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if n := req.Header.ContentLength(); n > 0 {
		buf.Grow(min(n, 64<<10) + bytes.MinRead) // a promise of bytes is no reason to allocate them
	}
	if _, err := buf.ReadFrom(body); err != nil {
		return err
	}
	req.SetBodyRaw(buf.Bytes())
	return nil
}

// BodyStream returns the body of a Stream operation as it arrives. It ends with
// ErrBodyTooLarge at the operation's limit. Every read that makes progress moves
// the connection's read deadline, so a large body may take long but not stand still.
func BodyStream(c *fiber.Ctx) (io.Reader, error) {
	r := requestOf(c)
	req := &c.Context().Request
	if enc := c.Get(fiber.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, ErrBodyEncoding
	}
	if r == nil || r.bodyRead || !req.IsBodyStream() {
		return bytes.NewReader(req.Body()), nil
	}
	if int64(req.Header.ContentLength()) > r.limit {
		return nil, ErrBodyTooLarge
	}
	return &bodyReader{
		ctx: c.UserContext(), src: c.Context().RequestBodyStream(), conn: c.Context().Conn(),
		r: r, left: r.limit, promised: int64(req.Header.ContentLength()),
	}, nil
}

type bodyReader struct {
	ctx  context.Context
	src  io.Reader
	conn net.Conn
	r    *request
	left int64
	read int64
	// promised is the Content-Length, negative for a chunked body. fasthttp ends
	// a body that stops short of it with a plain io.EOF, as if it were whole.
	promised int64
	next     time.Time // when to move the deadline again
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, &BodyError{Kind: BodyLate, Cause: err}
	}
	if wait := b.r.app.opts.ReadTimeout; wait > 0 && b.conn != nil {
		if now := time.Now(); now.After(b.next) {
			b.next = now.Add(wait / 8)
			_ = b.conn.SetReadDeadline(now.Add(wait)) // a dead connection fails in Read below
		}
	}
	n, err := b.src.Read(p)
	b.read += int64(n)
	if errors.Is(err, io.EOF) && b.read < b.promised {
		err = io.ErrUnexpectedEOF
	}
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrBodyTooLarge
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.r.bodyRead = true
		return n, io.EOF
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return n, &BodyError{Kind: BodyLate, Cause: err}
	}
	return n, &BodyError{Kind: BodyBroken, Cause: err}
}

// prefetched is how much of a body of known length fasthttp has read before the
// handler runs: nothing of such a body is left on the connection.
const prefetched = 8 << 10

// lingerMax and lingerTime bound how much of an unwanted body is read so that
// the client sees the answer instead of a reset connection.
const (
	lingerMax  = 8 << 20 // a body somewhat over the limit, so that its sender reads why it was refused
	lingerTime = 2 * time.Second
)

// finishBody leaves the connection where the next request can be read, or has
// it closed: the rest of an unread body must never be taken for a request.
func (r *request) finishBody(c *fiber.Ctx) {
	req := &c.Context().Request
	if r.bodyRead || !req.IsBodyStream() {
		return
	}
	n := req.Header.ContentLength()
	if n >= 0 && n <= prefetched {
		return
	}
	c.Context().Response.SetConnectionClose()
	if conn := c.Context().Conn(); conn != nil {
		_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
	}
	_, _ = io.CopyN(io.Discard, c.Context().RequestBodyStream(), lingerMax)
}
