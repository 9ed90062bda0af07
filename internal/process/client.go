package process

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"

	"quad/internal/config"
)

// ClientOptions are what the caller adds to the connection.
type ClientOptions struct {
	Metrics      client.MetricsHandler           // nil: none
	Interceptors []interceptor.ClientInterceptor // such as the tracing of go.temporal.io/sdk/contrib/opentelemetry
	Logger       *slog.Logger                    // default: slog.Default
}

// NewClient makes a connection to Temporal that is dialled on its first use, so
// that a program starts while Temporal is down. Errors: settings that no
// connection can be made of.
func NewClient(cfg config.Temporal, o ClientOptions) (TemporalClient, error) {
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	options := client.Options{
		HostPort: cfg.Address, Namespace: cfg.Namespace,
		Logger: log.NewStructuredLogger(logger), MetricsHandler: o.Metrics, Interceptors: o.Interceptors,
	}
	if cfg.TLS {
		options.ConnectionOptions.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(cfg.APIKey)
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("process: temporal: %w", err)
	}
	return c, nil
}

// Healthy tells whether Temporal answers, within the start timeout. Errors:
// models.ErrUnavailable.
func (s *Service) Healthy(ctx context.Context) error {
	if s.temporal == nil {
		return errNoTemporal()
	}
	ctx, cancel := context.WithTimeout(ctx, s.startTimeout)
	defer cancel()
	if _, err := s.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return unavailable(err)
	}
	return nil
}
