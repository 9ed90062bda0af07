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
	"quad/internal/httpx"
	"quad/internal/process"
	"quad/models"
)

// startProcess starts a process, or gives the one that the same request started
// before.
func (d *door) startProcess(c *fiber.Ctx, req wire.StartProcess) (reply, error) {
	p, made, err := d.desk.Start(c.UserContext(), req.Kind, req.Input, req.Key)
	if err != nil {
		return reply{}, err
	}
	if !made {
		return ok(d.process(p))
	}
	return created(d.process(p))
}

// listProcesses pages through the processes that the caller sees.
func (d *door) listProcesses(c *fiber.Ctx, req wire.ListProcesses) (reply, error) {
	before, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	f := process.Filter{
		OrganizationID: req.OrganizationID, SubjectType: req.SubjectType, SubjectID: req.SubjectID,
		From: req.From, Until: req.Until, Before: before, Limit: req.Limit,
	}
	if req.Kind != "" {
		f.Kinds = []models.ProcessKind{models.ProcessKind(req.Kind)}
	}
	if req.State != "" {
		f.States = []models.ProcessState{models.ProcessState(req.State)}
	}
	page, next, err := d.desk.List(c.UserContext(), f)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, d.process)
}

// getProcess shows a process.
func (d *door) getProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// getTimeline shows what happened to a process.
func (d *door) getTimeline(c *fiber.Ctx, req wire.Timeline) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.desk.Timeline(c.UserContext(), req.ID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, timelineEvent)
}

// cancelProcess asks a process to stop.
func (d *door) cancelProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Cancel(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// retryProcess makes the next attempt.
func (d *door) retryProcess(c *fiber.Ctx, req wire.ByID) (reply, error) {
	p, err := d.desk.Retry(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return created(d.process(p))
}

// decideProcess brings the caller's decision to a process.
func (d *door) decideProcess(c *fiber.Ctx, req wire.Decide) (reply, error) {
	p, err := d.desk.Decide(c.UserContext(), req.ID, process.Decision{Decision: req.Decision, Comments: req.Comments})
	if err != nil {
		return reply{}, err
	}
	return ok(d.process(p))
}

// getHolders shows who holds a process now.
func (d *door) getHolders(c *fiber.Ctx, req wire.ByID) (reply, error) {
	hold, err := d.desk.Holders(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(holders(hold))
}

const (
	pingEvery = 15 * time.Second // sign of life on a quiet stream
	// streamFor ends a stream, so that a caller whose access has ended does not
	// follow for ever; a client that may go on connects again by itself.
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
	return reply{stream: func() error {
		return httpx.SendEvents(c, func(ctx context.Context, w *httpx.EventWriter) error {
			defer stream.Close()
			return d.follow(ctx, w, stream, req.ID)
		})
	}}, nil
}

func (d *door) follow(ctx context.Context, w *httpx.EventWriter, stream *process.Stream, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	if err := w.Retry(reconnectAfter); err != nil {
		return err
	}
	for {
		events, err := stream.Next(ctx, pingEvery)
		switch {
		case errors.Is(err, io.EOF):
			return d.sendEnd(ctx, w, id)
		case errors.Is(err, context.DeadlineExceeded):
			return nil
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
func (d *door) sendEnd(ctx context.Context, w *httpx.EventWriter, id int64) error {
	p, err := d.desk.Get(ctx, id)
	if err != nil {
		return err
	}
	data, err := json.Marshal(d.process(p))
	if err != nil {
		return err
	}
	return w.Send(httpx.Event{Type: endOfStream, Data: data})
}
