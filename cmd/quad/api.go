package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quad/api"
	"quad/internal/config"
	"quad/internal/hub"
	"quad/internal/obs"
)

func apiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "api",
		Short: "Run the HTTP server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(config.NeedDatabase, config.NeedRedis, config.NeedTemporal, config.NeedKeys)
			if err != nil {
				return err
			}
			return serveAPI(cmd.Context(), cfg)
		},
	}
}

// serveAPI runs the HTTP server until the context ends, then lets requests in
// flight end within the drain timeout.
func serveAPI(ctx context.Context, cfg config.Config) error {
	h, err := newHub(ctx, cfg, "api")
	if err != nil {
		return err
	}
	defer h.Close()
	app, err := api.ForHub(h) //nolint:contextcheck // the contexts of its requests begin with them
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.API.Addr)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	go h.Live.Watch(ctx)
	stopMetrics, err := serveMetrics(ctx, cfg.API.MetricsAddr, h)
	if err != nil {
		return err
	}
	defer stopMetrics()

	slog.InfoContext(ctx, "api listens", "address", listener.Addr().String())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("api: %w", err)
	case <-ctx.Done():
	}
	slog.InfoContext(ctx, "api drains", "in_flight", app.InFlight())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.API.DrainTimeout)
	defer cancel()
	if err := app.Shutdown(drain); err != nil {
		return fmt.Errorf("api: requests were still in flight at the end of the drain timeout: %w", err)
	}
	return <-ended
}

// newHub builds the services of a role and makes its logger the default one.
func newHub(ctx context.Context, cfg config.Config, role string) (*hub.Hub, error) {
	logger := obs.NewLogger(os.Stderr, obs.LogOptions{Level: obs.ParseLevel(cfg.Obs.LogLevel), Format: cfg.Obs.LogFormat})
	slog.SetDefault(logger)
	return hub.New(ctx, cfg, hub.Options{Role: role, Version: version, Logger: logger})
}

// serveMetrics serves /metrics on an address of its own; an empty address
// serves nothing.
func serveMetrics(ctx context.Context, addr string, h *hub.Hub) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h.Metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.ErrorContext(ctx, "metrics are not served any more", "error", err)
		}
	}()
	return func() { _ = server.Close() }, nil
}
