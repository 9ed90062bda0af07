package native

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/process"
	"quad/models"
)

const (
	pingEvery = 15 * time.Second // sign of life on a quiet stream
	// streamFor ends a stream, so that long ones spread over the replicas anew; a
	// client connects again by itself.
	streamFor = 30 * time.Minute
	// reconnectAfter is the wait that clients are asked for.
	reconnectAfter = 2 * time.Second
	// endOfStream is the type of the last event: its data is the ended process.
	endOfStream = "end"
)

// streamEvents follows a process until its end. A client that has seen all of
// an ended process gets 204, on which an EventSource stops to connect again.
func (d *door) streamEvents(c *fiber.Ctx, req wire.Events) (reply, error) {
	stream, ended, err := d.desk.Follow(c.UserContext(), req.ID, req.After)
	switch {
	case err != nil:
		return reply{}, err
	case ended:
		return reply{}, nil
	case c.Method() == fiber.MethodHead:
		stream.Close() // SendEvents will not use it
	}
	token, _ := bearer(c.Get(fiber.HeaderAuthorization))
	return reply{stream: func() error {
		return httpx.SendEvents(c, func(ctx context.Context, w *httpx.EventWriter) error {
			defer stream.Close()
			return d.follow(ctx, w, &follower{d: d, token: token, stream: stream, id: req.ID})
		})
	}}, nil
}

// follower is a caller who follows a process.
type follower struct {
	d      *door
	token  string
	stream *process.Stream
	id     int64
}

// next waits for events, or for the time of a sign of life. What it gives was
// the caller's to see after it happened: io.EOF when their access or the
// process has ended.
func (f *follower) next(ctx context.Context) (events []models.ProcessEvent, ended *models.Process, err error) {
	events, err = f.stream.Next(ctx, pingEvery)
	over := errors.Is(err, io.EOF)
	if err != nil && !over {
		return nil, nil, err
	}
	identity, err := f.d.identify(auth.WithDoor(ctx, Name), f.token)
	if err != nil {
		return nil, nil, gone(err)
	}
	p, err := f.d.desk.Get(auth.WithIdentity(ctx, identity), f.id)
	if err != nil {
		return nil, nil, gone(err)
	}
	if over {
		return nil, &p, nil
	}
	return events, nil, nil
}

// gone is io.EOF for refusals: the client connects again and is told.
func gone(err error) error {
	switch models.KindOf(err) {
	case models.KindUnauthenticated, models.KindNotFound, models.KindForbidden:
		return io.EOF
	}
	return err
}

func (d *door) follow(ctx context.Context, w *httpx.EventWriter, f *follower) error {
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	if err := w.Retry(reconnectAfter); err != nil {
		return err
	}
	for {
		events, ended, err := f.next(ctx)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, context.DeadlineExceeded):
			return nil
		case ended != nil:
			return d.sendEnd(w, *ended)
		case err != nil:
			return err
		case len(events) == 0:
			if err := w.Ping(); err != nil {
				return err
			}
		}
		for _, e := range events {
			data, err := json.Marshal(timelineEvent(e))
			if err != nil {
				return err
			}
			if err := w.Send(httpx.Event{ID: strconv.FormatInt(e.ID, 10), Type: e.Type, Data: data}); err != nil {
				return err
			}
		}
	}
}

// sendEnd sends the ended process as the last event. It has no id: a client
// that misses it goes on after the last line of the timeline.
func (d *door) sendEnd(w *httpx.EventWriter, p models.Process) error {
	data, err := json.Marshal(d.process(p))
	if err != nil {
		return err
	}
	return w.Send(httpx.Event{Type: endOfStream, Data: data})
}
