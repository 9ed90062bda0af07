package httpx

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/internal/obs"
)

// streamState keeps a request in flight after its handler returned, until the
// body is written or the client is gone.
type streamState struct {
	app    *App
	cancel context.CancelFunc
	once   sync.Once
}

func (s *streamState) end() {
	s.once.Do(func() {
		s.cancel()
		s.app.leave()
	})
}

// openStream returns a context for work that goes on while the body is written:
// it has the request's values, no deadline, and ends with the stream or when
// the server drains.
func openStream(c *fiber.Ctx) (context.Context, *streamState) {
	r := requestOf(c)
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.UserContext()))
	detach := context.AfterFunc(r.app.base, cancel)
	s := &streamState{app: r.app, cancel: func() { detach(); cancel() }}
	r.stream = s
	return ctx, s
}

// SendStream answers with size bytes (-1: unknown) of what open returns. The
// context given to open lives as long as the stream, beyond the request's
// deadline; the reader is closed at the end. A client that stops reading is cut
// off after the write timeout. Errors are those of open.
func SendStream(c *fiber.Ctx, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	ctx, state := openStream(c)
	src, err := open(ctx)
	if err != nil {
		state.cancel()
		requestOf(c).stream = nil
		return err
	}
	body := &sendReader{src: src, conn: c.Context().Conn(), wait: state.app.opts.WriteTimeout, state: state}
	c.Context().Response.SetBodyStream(body, int(size))
	return nil
}

type sendReader struct {
	src   io.ReadCloser
	conn  net.Conn
	wait  time.Duration
	next  time.Time
	state *streamState
}

func (s *sendReader) Read(p []byte) (int, error) {
	if s.wait > 0 && s.conn != nil {
		if now := time.Now(); now.After(s.next) {
			s.next = now.Add(s.wait / 8)
			_ = s.conn.SetWriteDeadline(now.Add(s.wait)) // a dead connection fails in the write
		}
	}
	return s.src.Read(p)
}

func (s *sendReader) Close() error {
	defer s.state.end()
	return s.src.Close()
}

// Event is one server-sent event.
type Event struct {
	ID   string // what the client sends back as Last-Event-ID
	Type string // "" is the default type, "message"
	Data []byte // any text; line breaks are kept
}

// EventWriter sends events to one client. It is not safe for concurrent use.
type EventWriter struct {
	w    *bufio.Writer
	conn net.Conn
	wait time.Duration
}

// Send writes one event and flushes it. An error means the client is gone.
func (e *EventWriter) Send(ev Event) error {
	var b bytes.Buffer
	if ev.ID != "" {
		b.WriteString("id: " + oneLine(ev.ID) + "\n")
	}
	if ev.Type != "" {
		b.WriteString("event: " + oneLine(ev.Type) + "\n")
	}
	for line := range bytes.SplitSeq(bytes.ReplaceAll(ev.Data, []byte("\r"), nil), []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return e.flush(b.Bytes())
}

// Ping writes a comment. Call it now and then (every 15 s) while nothing
// happens: proxies keep the connection and a client that left is noticed.
func (e *EventWriter) Ping() error { return e.flush([]byte(": ping\n\n")) }

// Retry tells the client how long to wait before it connects again.
func (e *EventWriter) Retry(wait time.Duration) error {
	return e.flush([]byte("retry: " + strconv.FormatInt(wait.Milliseconds(), 10) + "\n\n"))
}

func (e *EventWriter) flush(b []byte) error {
	if e.wait > 0 && e.conn != nil {
		if err := e.conn.SetWriteDeadline(time.Now().Add(e.wait)); err != nil {
			return err
		}
	}
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.w.Flush()
}

func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// SendEvents answers with server-sent events. send runs after the handler has
// returned, so it must not use c; its context has the request's values but not
// its deadline, and ends when the server drains. The stream ends when send
// returns; an error other than the context's is logged unless the client left.
func SendEvents(c *fiber.Ctx, send func(ctx context.Context, w *EventWriter) error) error {
	c.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // nginx would hold events back
	if c.Method() == fiber.MethodHead {
		return nil
	}
	ctx, state := openStream(c)
	conn, wait, app := c.Context().Conn(), state.app.opts.WriteTimeout, state.app
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer state.end()
		err := app.protectStream(ctx, func() error {
			return send(ctx, &EventWriter{w: w, conn: conn, wait: wait})
		})
		var gone net.Error
		if err != nil && ctx.Err() == nil && !errors.As(err, &gone) && !errors.Is(err, io.ErrClosedPipe) {
			app.log.WarnContext(ctx, "event stream ended", "error", err, "request_id", obs.RequestID(ctx))
		}
	})
	return nil
}
