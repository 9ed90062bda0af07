// Package process runs the hub's long processes. The row in table processes is
// the truth: it is written in the transaction of the request, the workflow is
// started after the commit, and a sweeper starts what is missing. This package
// is, besides worker, the only user of the Temporal client.
//
// Every line of a process's timeline is written while the process row is
// locked, so the ids of one process's events commit in their order and a reader
// that goes on after the last id it saw misses none.
package process

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"quad/internal/store"
	"quad/models"
)

// TemporalClient is the connection to the workflow engine. NewClient makes one
// that is dialled on the first use.
type TemporalClient = client.Client

// Deps is what a Service needs. Zero durations take the defaults.
type Deps struct {
	DB *store.DB
	// Temporal may be nil: then nothing is started here and the sweeper of
	// another replica does it.
	Temporal TemporalClient
	// DecisionTimeout bounds Update (default 5 s).
	DecisionTimeout time.Duration
	// StartTimeout bounds the start after a commit (default 2 s); it is what a
	// request pays at most when Temporal hangs.
	StartTimeout time.Duration
	// Grace is the age from which a process without workflow counts as missed
	// (default 10 s).
	Grace time.Duration
	// CheckEvery is how often an open process is compared with its workflow
	// (default 1 minute).
	CheckEvery time.Duration
}

// Service creates, drives and shows processes. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	temporal TemporalClient

	decisionTimeout time.Duration
	startTimeout    time.Duration
	grace           time.Duration
	checkEvery      time.Duration

	handlers map[handled]Handler
	// pauseUntil is the time (Unix nanoseconds) until which requests don't try
	// to reach Temporal after their commit because the last try failed.
	pauseUntil atomic.Int64
	waking     waking
}

// NewService makes a Service.
func NewService(d Deps) *Service {
	return &Service{
		db: d.DB, temporal: d.Temporal,
		decisionTimeout: orDefault(d.DecisionTimeout, 5*time.Second),
		startTimeout:    orDefault(d.StartTimeout, 2*time.Second),
		grace:           orDefault(d.Grace, 10*time.Second),
		checkEvery:      orDefault(d.CheckEvery, time.Minute),
		handlers:        map[handled]Handler{},
		waking:          waking{mu: sync.Mutex{}, waiting: map[int64]map[chan struct{}]struct{}{}},
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Decision is what a person decides about a waiting process. The kind's
// handler says which words it knows.
type Decision struct {
	Decision string          `json:"decision"`
	Comments []string        `json:"comments,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// Handler is what an area does for its kind of process.
type Handler interface {
	// Start makes a process from a native request. A key that was used before
	// gives the same process: Create answers that with *AlreadyOpenError.
	Start(ctx context.Context, input json.RawMessage, idempotencyKey string) (models.Process, error)
	// Retry makes the next attempt of an ended process.
	Retry(ctx context.Context, p models.Process) (models.Process, error)
	// Decide brings a person's decision to the process.
	Decide(ctx context.Context, p models.Process, d Decision) error
	// Cancelled is called in the transaction that cancels a process whose
	// workflow never ran, so that the area can close its own rows.
	Cancelled(ctx context.Context, p models.Process) error
}

// FailureHandler is what a Handler may implement besides: Failed is called in
// the transaction that marks a process as failed because its workflow ended
// without a result, so that the area can close its own rows.
type FailureHandler interface {
	Failed(ctx context.Context, p models.Process) error
}

// handled is what a handler is for. subject is "" for all types of subjects
// that have no handler of their own.
type handled struct {
	kind    models.ProcessKind
	subject string
}

// Handle registers the handler of a kind. It is called while the program is
// put together, before any other use of s.
func (s *Service) Handle(kind models.ProcessKind, h Handler) { s.handlers[handled{kind: kind}] = h }

// HandleSubject is Handle for those processes of a kind that are about one type
// of subject. Its handler's Start is never called: what a native request starts
// is the kind as such.
func (s *Service) HandleSubject(kind models.ProcessKind, subjectType string, h Handler) {
	s.handlers[handled{kind, subjectType}] = h
}

// handler finds the handler of a process; nil if there is none.
func (s *Service) handler(p models.Process) Handler {
	if h, ok := s.handlers[handled{p.Kind, p.SubjectType}]; ok {
		return h
	}
	return s.handlers[handled{kind: p.Kind}]
}

// Refusals of this package.
var (
	ErrEnded          = models.Refuse(models.KindConflict, "process.ended", "the process has ended")
	ErrNotEnded       = models.Refuse(models.KindConflict, "process.not_ended", "the process has not ended yet")
	ErrState          = models.Refuse(models.KindConflict, "process.state", "the process is in a state that does not allow this")
	ErrAttemptExists  = models.Refuse(models.KindConflict, "process.attempt_exists", "this attempt of the process exists already")
	ErrKeyReused      = models.Refuse(models.KindConflict, "process.idempotency_key_reused", "the idempotency key was used for another request")
	ErrUnknownKind    = models.Invalid(models.FieldError{Field: "kind", Rule: "enum", Text: "there is no such kind of process"})
	ErrTooManyStreams = models.Refuse(models.KindLimited, "process.too_many_streams", "too many event streams are open")
)

// AlreadyOpenError says that the request's process exists. The transaction
// that met it must be rolled back, so that nothing is written twice; the caller
// then goes on with Process.
type AlreadyOpenError struct {
	Process models.Process
	// Repeated tells that it is the same request again: same idempotency key
	// and same request hash. Process may have ended.
	Repeated bool
}

// Error implements error.
func (e *AlreadyOpenError) Error() string { return "process.already_open: such a process is open" }

// Unwrap makes the error a refusal of kind conflict.
func (e *AlreadyOpenError) Unwrap() error {
	return models.Refuse(models.KindConflict, "process.already_open", "such a process is open")
}
