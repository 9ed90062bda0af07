package certification

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"quad/internal/auth"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Stages of the process, as its row shows them.
const (
	StageSweep = "sweep"
	StageDone  = "done"
)

// SubjectSweep is the type of what a process certificate-expiry is about: one
// sweep of an account, by its number.
const SubjectSweep = "certificate_sweep"

// businessKey lets an account have one open sweep at a time.
const businessKey = "sweep"

// ErrNothingToDecide refuses a decision: a sweep waits for nobody.
var ErrNothingToDecide = models.Refuse(models.KindConflict, "certificate_sweep.nothing_to_decide", "a sweep waits for nobody's decision")

// Ending is how a sweep ended. Without a Failure and not Cancelled it got to its
// end.
type Ending struct {
	Cancelled bool   `json:"cancelled,omitempty"`
	Failure   string `json:"failure,omitempty"` // why, for people
}

// Finish writes the mails to managers and ends the process, in one transaction.
// A sweep that did not get to its end leaves them to the next one that does.
// Doing it again changes nothing.
func (s *Service) Finish(ctx context.Context, in models.ProcessInput, end Ending) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		p, err := s.d.Process.Get(ctx, in.ProcessID)
		if err != nil || p.State.Final() {
			return err
		}
		counters := map[string]int64{}
		if err := json.Unmarshal(p.Counters, &counters); err != nil {
			return fmt.Errorf("counters: %w", err)
		}
		change := process.Transition{To: models.ProcessCompleted, Stage: StageDone}
		switch {
		case end.Failure != "":
			change.To, change.Error = models.ProcessFailed, end.Failure
		case end.Cancelled:
			change.To, change.Message = models.ProcessCancelled, fmt.Sprintf("cancelled after %d certificates", p.Done)
		default:
			if counters["digests"], err = s.sendDigests(ctx, in); err != nil {
				return fmt.Errorf("digests: %w", err)
			}
			change.Total, change.Counters = &p.Done, counters
		}
		_, err = s.d.Process.Transition(ctx, in.ProcessID, change)
		if errors.Is(err, process.ErrEnded) {
			return errEndedMeanwhile // the digests must not be left behind
		}
		return err
	})
	if err != nil && !errors.Is(err, errEndedMeanwhile) {
		return fmt.Errorf("certification: finish sweep: %w", err)
	}
	return nil
}

var errEndedMeanwhile = errors.New("certification: the process ended meanwhile")

// StartDue starts a sweep for each ACTIVE account in which something is due and
// none is under way. It gives their number; its context is a system one.
func (s *Service) StartDue(ctx context.Context) (started int, err error) {
	var accounts []int64
	err = s.d.DB.Query(store.AsSystem(ctx), &accounts, `SELECT a.id FROM accounts a WHERE a.status = 'ACTIVE'
    AND EXISTS (SELECT FROM user_certificates l WHERE l.account_id = a.id AND l.due_at <= @now) ORDER BY a.id`, store.Args{"now": s.d.Clock()})
	if err != nil {
		return 0, fmt.Errorf("certification: due accounts: %w", err)
	}
	for _, account := range accounts {
		_, err := s.start(store.WithAccount(ctx, account), process.New{})
		var open *process.AlreadyOpenError
		switch {
		case errors.As(err, &open):
		case err != nil:
			return started, err
		default:
			started++
		}
	}
	return started, nil
}

// start makes the process of a new sweep. n has what the request brings.
func (s *Service) start(ctx context.Context, n process.New) (models.Process, error) {
	if err := s.d.DB.Query(store.AsSystem(ctx), &n.SubjectID, `SELECT nextval('certificate_sweeps')`, nil); err != nil {
		return models.Process{}, fmt.Errorf("certification: number a sweep: %w", err)
	}
	n.Kind, n.BusinessKey, n.SubjectType, n.Attempt = models.ProcessCertificateExpiry, businessKey, SubjectSweep, 1
	return s.d.Process.Create(ctx, n)
}

// handler makes sweeps a kind of process for internal/process.
type handler struct{ s *Service }

var _ process.Handler = handler{}

// Start implements process.Handler: an admin sweeps their account now. While a
// sweep is under way it gives that one.
func (h handler) Start(ctx context.Context, input json.RawMessage, idempotencyKey string) (models.Process, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Process{}, err
	}
	var in map[string]any
	if err := json.Unmarshal(input, &in); len(bytes.TrimSpace(input)) > 0 && (err != nil || len(in) > 0) {
		return models.Process{}, models.Invalid(models.FieldError{Field: "input", Rule: "empty", Text: "a sweep takes no input"})
	}
	hash := sha256.Sum256([]byte(models.ProcessCertificateExpiry))
	p, err := h.s.start(ctx, process.New{IdempotencyKey: idempotencyKey, RequestHash: hash[:]})
	var open *process.AlreadyOpenError
	if errors.As(err, &open) {
		return open.Process, nil
	}
	return p, err
}

// Retry implements process.Handler: the next attempt goes on with what is due
// then.
func (h handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.Process{}, err
	}
	return h.s.d.Process.Create(ctx, process.New{
		Kind: models.ProcessCertificateExpiry, BusinessKey: businessKey, SubjectType: SubjectSweep, SubjectID: p.SubjectID, Attempt: p.Attempt + 1,
	})
}

// Decide implements process.Handler: nobody decides here.
func (h handler) Decide(context.Context, models.Process, process.Decision) error {
	return ErrNothingToDecide
}

// Cancelled implements process.Handler: there is nothing of its own to close.
func (h handler) Cancelled(context.Context, models.Process) error { return nil }
