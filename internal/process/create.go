package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// New is what Create needs.
type New struct {
	Kind           models.ProcessKind
	OrganizationID *int64
	// BusinessKey names the business request: one open process per account,
	// kind and key.
	BusinessKey string
	SubjectType string
	SubjectID   int64
	Attempt     int // 1 for the first; 0 counts as 1
	Total       int64
	Input       any // ids and settings, encoded as JSON; no secrets
	// IdempotencyKey and RequestHash recognise a repeated request of the same
	// user. They have no effect without a user.
	IdempotencyKey string
	RequestHash    []byte
	Deadline       *time.Time
}

// insertTries bounds the turns of a Create whose rival ended in between.
const insertTries = 10

// Create writes the process row, the first line of its timeline and its audit
// event in the transaction of the context, and starts the workflow after the
// commit. Errors: *AlreadyOpenError if the business key has an open process or
// if the request is a repeated one; ErrKeyReused if the idempotency key belongs
// to another request; ErrAttemptExists.
func (s *Service) Create(ctx context.Context, n New) (models.Process, error) {
	spec, ok := n.Kind.Spec(n.SubjectType)
	if !ok {
		return models.Process{}, ErrUnknownKind
	}
	var created models.Process
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		if created, err = s.insert(ctx, spec, n); err != nil {
			return err
		}
		pending := models.ProcessPending
		if err := s.addEvent(ctx, event{process: created.ID, typ: "created", to: &pending}); err != nil {
			return err
		}
		noteCreated(ctx, created.ID)
		store.AfterCommit(ctx, func(ctx context.Context) { s.startAfterCommit(ctx, created) })
		return s.audit(ctx, created, "process.created", map[string]any{"kind": created.Kind})
	})
	if err != nil {
		return models.Process{}, fmt.Errorf("process: create %s: %w", n.Kind, err)
	}
	return created, nil
}

const insertProcess = `
INSERT INTO processes (account_id, organization_id, kind, business_key, attempt, workflow_id, subject_type, subject_id,
    total, input, deadline, started_by, door, idempotency_key, request_hash, next_start_at)
VALUES (@account_id, @organization, @kind, @key, @attempt, @workflow, @subject_type, @subject,
    @total, @input, @deadline, @actor, @door, @idempotency, @hash, now() + make_interval(secs => @grace))
ON CONFLICT DO NOTHING
RETURNING *`

// insert writes the row. Whether it may exist is decided by the unique indexes:
// a conflict is looked at only after the database has seen one, and if the
// rival is gone by then the insert is tried again.
func (s *Service) insert(ctx context.Context, spec models.ProcessSpec, n New) (models.Process, error) {
	account, ok := store.AccountID(ctx)
	if !ok {
		return models.Process{}, store.ErrNoAccount
	}
	input, err := toJSON(n.Input)
	if err != nil {
		return models.Process{}, err
	}
	actor := auth.Actor(ctx)
	var idempotency *string
	if n.IdempotencyKey != "" && actor != nil {
		idempotency = &n.IdempotencyKey
	}
	workflow := spec.WorkflowID(account, n.SubjectID, max(n.Attempt, 1))
	args := store.Args{
		"organization": n.OrganizationID, "kind": n.Kind, "key": n.BusinessKey, "attempt": max(n.Attempt, 1), "workflow": workflow,
		"subject_type": n.SubjectType, "subject": n.SubjectID, "total": n.Total, "input": input, "deadline": n.Deadline,
		"actor": actor, "door": auth.Door(ctx), "idempotency": idempotency, "hash": n.RequestHash, "grace": s.grace.Seconds(),
	}
	for range insertTries {
		var p models.Process
		if err := s.db.Query(ctx, &p, insertProcess, args); err != nil {
			return p, err
		}
		if p.ID != 0 {
			return p, nil
		}
		if err := s.rival(ctx, args, n.RequestHash); err != nil {
			return p, err
		}
	}
	return models.Process{}, models.ErrUnavailable.With(fmt.Errorf("process: %d inserts met processes that ended at once", insertTries))
}

// rival says with which row an insert collided. Nil means that the row is gone.
func (s *Service) rival(ctx context.Context, args store.Args, hash []byte) error {
	if err := s.repeated(ctx, args, hash); err != nil {
		return err
	}
	var p models.Process
	const open = `SELECT * FROM processes WHERE account_id = @account_id AND kind = @kind AND business_key = @key AND ended_at IS NULL`
	if err := s.db.Query(ctx, &p, open, args); err != nil {
		return err
	}
	if p.ID != 0 {
		return &AlreadyOpenError{Process: p}
	}
	const attempt = `SELECT * FROM processes WHERE account_id = @account_id AND workflow_id = @workflow`
	if err := s.db.Query(ctx, &p, attempt, args); err != nil {
		return err
	}
	if p.ID != 0 {
		return ErrAttemptExists
	}
	return nil
}

// repeated finds the process of a request that came before.
func (s *Service) repeated(ctx context.Context, args store.Args, hash []byte) error {
	var p models.Process
	const text = `SELECT * FROM processes WHERE account_id = @account_id AND started_by = @actor AND idempotency_key = @idempotency`
	switch err := s.db.Query(ctx, &p, text, args); {
	case err != nil:
		return err
	case p.ID == 0:
		return nil
	case !bytes.Equal(p.RequestHash, hash):
		return ErrKeyReused
	}
	return &AlreadyOpenError{Process: p, Repeated: true}
}

// Repeated tells whether the caller has used an idempotency key before: nil if
// not, *AlreadyOpenError if it was for the same request, ErrKeyReused if for
// another. It is for areas that have refused a request before Create came to
// see its key; it decides nothing.
func (s *Service) Repeated(ctx context.Context, idempotencyKey string, hash []byte) error {
	actor := auth.Actor(ctx)
	if idempotencyKey == "" || actor == nil {
		return nil
	}
	return s.repeated(ctx, store.Args{"actor": actor, "idempotency": idempotencyKey}, hash)
}

// startAfterCommit starts the workflow without letting the request wait long.
// A failure is only logged: the row is there, the sweeper starts it.
func (s *Service) startAfterCommit(ctx context.Context, p models.Process) {
	if s.temporal == nil || s.paused() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.startTimeout)
	defer cancel()
	if err := s.start(ctx, p); err != nil {
		s.pause(err)
		slog.WarnContext(ctx, "process not started, the sweeper will", "process_id", p.ID, "kind", p.Kind, "error", err)
	}
}

// pauseFor is how long requests leave Temporal alone after it did not answer.
const pauseFor = 5 * time.Second

func (s *Service) paused() bool { return time.Now().UnixNano() < s.pauseUntil.Load() }

func (s *Service) pause(err error) {
	if models.KindOf(err) == models.KindUnavailable {
		s.pauseUntil.Store(time.Now().Add(pauseFor).UnixNano())
	}
}

func (s *Service) audit(ctx context.Context, p models.Process, action string, data map[string]any) error {
	return audit.Write(ctx, s.db, audit.Event{
		Action: action, SubjectType: "process", SubjectID: p.ID, OrganizationID: p.OrganizationID, ProcessID: &p.ID, Data: data,
	})
}

// toJSON encodes v as a JSON text; nil is the empty object.
func toJSON(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "{}", nil
	case json.RawMessage:
		if len(v) == 0 {
			return "{}", nil
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("process: encode: %w", err)
	}
	return string(b), nil
}
