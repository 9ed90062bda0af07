// Package api is the hub's HTTP server: the root app with every front door,
// probes, metrics, documents and file links. Each dialect has a folder below.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"quad/api/docs"
	"quad/api/invitepage"
	"quad/api/resetpage"
	"quad/internal/blob"
	"quad/internal/httpx"
)

// Deps is what the server is made of.
type Deps struct {
	HTTP   httpx.Options
	Doors  []httpx.Door // a request belongs to the longest prefix, in any order
	Checks []Check      // dependencies for /readyz
	Files  *blob.Store  // its links are served here if it is a local folder; may be nil
	// Metrics serves /metrics; nil when it has a listener of its own.
	Metrics http.Handler
}

// Validate reports all that is missing.
func (d Deps) Validate() error {
	var errs []error
	if len(d.Doors) == 0 {
		errs = append(errs, errors.New("api: no doors"))
	}
	for _, c := range d.Checks {
		if c.Name == "" || c.Ask == nil {
			errs = append(errs, fmt.Errorf("api: check %q is incomplete", c.Name))
		}
	}
	return errors.Join(errs...)
}

// New builds the server. Call Serve and Shutdown of what it returns.
// Errors: mistakes in Deps or in a door's table.
func New(d Deps) (*httpx.App, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	app, err := httpx.NewApp(d.HTTP)
	if err != nil {
		return nil, err
	}
	doors := d.Doors
	if d.Files != nil && d.Files.Local() {
		doors = append([]httpx.Door{filesDoor(d.Files)}, doors...)
	}
	for _, door := range doors {
		if err := httpx.Mount(app, door); err != nil {
			return nil, err
		}
	}
	log := d.HTTP.Logger
	if log == nil {
		log = slog.Default()
	}
	h := &probes{app: app, checks: d.Checks, failed: func(ctx context.Context, name string, err error) {
		log.WarnContext(ctx, "dependency does not answer", "check", name, "error", err)
	}}
	app.Get("/healthz", h.live)
	app.Get("/readyz", h.ready)
	if d.Metrics != nil {
		app.Get("/metrics", adaptor.HTTPHandler(detached(d.Metrics)))
	}
	if err := docs.Routes(app, d.Doors); err != nil {
		return nil, err
	}
	invitepage.Routes(app)
	resetpage.Routes(app)
	app.Get("/", func(c *fiber.Ctx) error { return c.Redirect("/docs") })
	return app, nil
}

// detached runs a net/http handler without the end of fasthttp's context, which
// is that of the server and is written without a lock when the server stops.
func detached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	})
}
