package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/interceptor"
	temporalworker "go.temporal.io/sdk/worker"

	"quad/activities"
	"quad/internal/process"
	"quad/models"
	"quad/workflows"
)

const (
	minReconnect = 250 * time.Millisecond
	maxReconnect = 10 * time.Second
	// setupTimeout bounds what is asked of Temporal before the workers start.
	setupTimeout = 15 * time.Second
)

// runTemporal keeps the Temporal workers running until ctx ends. A worker that
// runs survives an outage by itself; this is for one that cannot start, or that
// gave up because Temporal refused it for good (a lost namespace, a revoked
// key), which may be mended meanwhile.
func (w *worker) runTemporal(ctx context.Context) {
	delay := minReconnect
	for ctx.Err() == nil {
		begin := time.Now()
		err := w.serveTemporal(ctx)
		w.ready.setWorking(false)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begin) > time.Minute {
			delay = minReconnect // it worked in between
		}
		slog.WarnContext(ctx, "temporal workers do not run, they are started again", "in", delay, "error", err)
		if !pause(ctx, delay) {
			return
		}
		delay = min(delay*2, maxReconnect)
	}
}

// serveTemporal starts the workers and waits until ctx ends or one gives up.
func (w *worker) serveTemporal(ctx context.Context) error {
	if err := w.hub.Processes.Healthy(ctx); err != nil {
		return err
	}
	setup, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	if err := w.ensureSearchAttributes(setup); err != nil {
		return err
	}
	if err := w.ensureSchedules(setup); err != nil {
		return err
	}
	cfg := w.hub.Config.Worker
	gaveUp := make(chan error, 2)
	var running []temporalworker.Worker
	defer func() { stopAll(running) }()
	for queue, parallel := range map[string]int{models.QueueCore: cfg.CoreConcurrency, models.QueueBulk: cfg.BulkConcurrency} {
		one := temporalworker.New(w.hub.Temporal, queue, temporalworker.Options{
			MaxConcurrentActivityExecutionSize: parallel,
			WorkerStopTimeout:                  cfg.DrainTimeout,
			Interceptors:                       []interceptor.WorkerInterceptor{&lostAfter{after: cfg.LostAfter}},
			OnFatalError: func(err error) {
				select {
				case gaveUp <- fmt.Errorf("worker of queue %s: %w", queue, err):
				default:
				}
			},
		})
		workflows.Register(one, queue)
		activities.Register(one, w.activities())
		if err := one.Start(); err != nil {
			return fmt.Errorf("worker of queue %s: %w", queue, err)
		}
		running = append(running, one)
	}
	w.ready.setWorking(true)
	slog.InfoContext(ctx, "temporal workers run", "core", cfg.CoreConcurrency, "bulk", cfg.BulkConcurrency)
	select {
	case <-ctx.Done():
		return nil
	case err := <-gaveUp:
		return err
	}
}

// activities are those of all processes.
func (w *worker) activities() activities.Set {
	return activities.Set{
		OrgRoleRequest:    &activities.OrgRoleRequest{Requests: w.hub.RoleRequests},
		BulkInvite:        &activities.BulkInvite{Invites: w.hub.Invites},
		OrgUpload:         &activities.OrgUpload{Uploads: w.hub.Uploads},
		CertificateExpiry: &activities.CertificateExpiry{Certificates: w.hub.Certificates},
		ReportGeneration:  &activities.ReportGeneration{Reports: w.hub.Reports},
		LMSSync:           &activities.LMSSync{Integrations: w.hub.Integrations},
	}
}

// stopAll stops the workers at the same time: the drain timeout holds for all
// of them together.
func stopAll(running []temporalworker.Worker) {
	var group sync.WaitGroup
	for _, one := range running {
		group.Go(one.Stop)
	}
	group.Wait()
}

// ensureSearchAttributes registers what the starts of processes need. A server
// that does not let us is not an error: its operators have registered them, or
// the starts will say what is missing.
func (w *worker) ensureSearchAttributes(ctx context.Context) error {
	namespace := w.hub.Config.Temporal.Namespace
	operator := w.hub.Temporal.OperatorService()
	var denied *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	have, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	missing := map[string]enums.IndexedValueType{}
	if err == nil {
		for name, kind := range process.SearchAttributes {
			if _, ok := have.GetCustomAttributes()[name]; !ok {
				missing[name] = kind
			}
		}
		if len(missing) == 0 {
			return nil
		}
		_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	}
	var exists *serviceerror.AlreadyExists
	switch {
	case err == nil, errors.As(err, &exists): // another worker was quicker
		return nil
	case errors.As(err, &denied), errors.As(err, &unimplemented):
		slog.WarnContext(ctx, "search attributes could not be checked", "error", err)
		return nil
	}
	return fmt.Errorf("search attributes: %w", err)
}
