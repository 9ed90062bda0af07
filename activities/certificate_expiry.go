package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"quad/internal/certification"
	"quad/internal/store"
	"quad/models"
)

// CertificateExpiry is the steps of the process certificate-expiry. Each finds
// in the rows what is left to do, so a repeated step does nothing twice.
type CertificateExpiry struct {
	Certificates *certification.Service
}

// Swept is what SweepCertificates answers.
type Swept = certification.Swept

// FinishCertificateSweepIn names the process and says how its sweep ended.
type FinishCertificateSweepIn struct {
	models.ProcessInput
	certification.Ending
}

// SweepCertificates writes down what time has done to certificates, until
// nothing is due or somebody wants it to stop: the process's own cancel, the
// workflow's, or the worker's. The batch in hand is ended first.
func (a *CertificateExpiry) SweepCertificates(ctx context.Context, in models.ProcessInput) (Swept, error) {
	stopping := activity.GetWorkerStopChannel(ctx)
	stop := func() bool {
		select {
		case <-stopping:
			return true
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	work := store.WithAccount(context.WithoutCancel(ctx), in.AccountID)
	out, err := a.Certificates.Sweep(work, in, stop, heartbeat[Swept](ctx))
	if err == nil && cancelled(ctx) && out.More {
		out.Cancelled = true
	}
	return out, Classify(err)
}

// beatEvery is how often a step heartbeats that cannot tell how far it is, or
// more often where its heartbeats have to come sooner.
const beatEvery = 5 * time.Second

// FinishCertificateSweep writes the mails to managers and ends the process.
func (a *CertificateExpiry) FinishCertificateSweep(ctx context.Context, in FinishCertificateSweepIn) error {
	defer beating(ctx)()
	return Classify(a.Certificates.Finish(store.WithAccount(ctx, in.AccountID), in.ProcessInput, in.Ending))
}

// StartCertificateSweeps starts the sweeps that are due, and gives their number.
func (a *CertificateExpiry) StartCertificateSweeps(ctx context.Context) (int, error) {
	n, err := a.Certificates.StartDue(ctx)
	return n, Classify(err)
}

// beating heartbeats until the function that it gives is called.
func beating(ctx context.Context) (stop func()) {
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		every := beatEvery
		if within := activity.GetInfo(ctx).HeartbeatTimeout; within > 0 {
			every = min(every, within/4)
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-stopped }
}
