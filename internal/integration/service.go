// Package integration keeps the connections to learning systems and runs the
// process that reads them: lms-sync.
//
// What a system is read by is a connector (package source and the folders below
// it); what becomes of the rows is package mirror. Here are the connections with
// their secrets and schedules, the runs with their history, and the steps of the
// process.
package integration

import (
	"context"
	"errors"
	"net"
	"time"

	"quad/internal/auth"
	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/outbound"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this area.
var (
	ErrUnknown    = models.Refuse(models.KindNotFound, "connection.unknown", "there is no such connection")
	ErrRunUnknown = models.Refuse(models.KindNotFound, "sync_run.unknown", "there is no such run")
	ErrNameTaken  = models.Refuse(models.KindConflict, "connection.name_taken", "another connection has this name")
	ErrRunning    = models.Refuse(models.KindConflict, "connection.running", "a run of this connection has not ended")
	ErrBusy       = models.Refuse(models.KindConflict, "etl.running", "a synchronisation is already running")
	ErrPaused     = models.Refuse(models.KindConflict, "connection.paused", "the connection is paused or switched off")
	ErrInUse      = models.Refuse(models.KindConflict, "connection.in_use", "rows of the hub come from this connection; switch it off instead")
	// ErrChangesGone: who follows the feed was away for too long.
	ErrChangesGone = models.Refuse(models.KindConflict, "sync_changes.gone", "the feed begins at a later place: what changed before it is no longer kept")
	ErrNotWaiting  = models.Refuse(models.KindConflict, "sync_run.not_waiting", "the run does not wait for a confirmation")
)

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Keys    *auth.Keyring
	Process *process.Service
	Engine  *mirror.Engine
	// Outbound decides which hosts connections may lead to.
	Outbound outbound.Guard
	// Reach is what a caller sees; Named checks an organization that a caller
	// names.
	Reach func(context.Context) (auth.Reach, error)
	Named func(context.Context, int64) error
	// Connectors are the kinds of systems that can be connected.
	Connectors []source.Connector
	Clock      clock.Clock // nil: the machine's
	// Moodle is the connection that the environment sets, for the account that
	// DefaultAccount gives.
	Moodle         config.Moodle
	DefaultAccount func(context.Context) (int64, error)
	// StatementTimeout bounds one statement or request at a learning system, and
	// RetryLongest the pause before one that fails is tried again; 0 means five
	// and ten minutes.
	StatementTimeout, RetryLongest time.Duration
	// HistoryDays is for how many days runs, loads and the feed of changes are
	// kept; 0 is for ever.
	HistoryDays int
	// Wait is how long a caller waits for the end of a run who wants to; 0 means
	// a minute.
	Wait time.Duration
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	d          Deps
	connectors map[string]source.Connector
}

// purposeSecrets is the purpose of the key that secrets are encrypted with.
const purposeSecrets = "connection secrets"

// Times for one exchange with a learning system.
const (
	testTimeout = 20 * time.Second
	dialTimeout = 10 * time.Second
)

// New makes a Service and registers its process. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Keys == nil || d.Process == nil || d.Engine == nil || d.Reach == nil || d.Named == nil || d.DefaultAccount == nil ||
		len(d.Connectors) == 0 {
		return nil, errors.New("integration: DB, Keys, Process, Engine, Reach, Named, DefaultAccount and Connectors are needed")
	}
	d.Clock = d.Clock.Or()
	if d.Wait <= 0 {
		d.Wait = time.Minute
	}
	if d.StatementTimeout <= 0 {
		d.StatementTimeout = 5 * time.Minute
	}
	if d.RetryLongest <= 0 {
		d.RetryLongest = 10 * time.Minute
	}
	s := &Service{d: d, connectors: map[string]source.Connector{}}
	for _, c := range d.Connectors {
		s.connectors[c.Kind()] = c
	}
	d.Process.Handle(models.ProcessLMSSync, handler{s})
	return s, nil
}

// Connectors are the kinds of systems that can be connected, in the order in
// which they were given.
func (s *Service) Connectors() []source.Connector { return s.d.Connectors }

// options are those of an exchange with a system, of which it is asked at most
// so much in a second.
func (s *Service) options(timeout time.Duration, perSecond *int) source.Options {
	dialer := s.d.Outbound.Dialer(dialTimeout)
	return source.Options{Timeout: timeout, Pace: pace(perSecond), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if errors.Is(err, outbound.ErrInternal) {
			return nil, source.ErrForbiddenHost.With(err)
		}
		return conn, err
	}}
}
