// Package rolerequest holds the rules of the org-role-request process: a user
// asks for a role in the own organization, the organization's admins decide.
//
// The row in role_requests is the truth. Whatever closes it (a decision, the
// deadline, a withdrawal, the end of the user, the organization or the role)
// does so in one transaction together with the process row, the granted role,
// the audit trail, the timeline and the mail. The workflow only knows when to
// come back; it looks at the row each time and never remembers it.
package rolerequest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrRoleNotFound     = models.Refuse(models.KindNotFound, "role_request.role_not_found", "there is no such role to ask for")
	ErrAlreadyRequested = models.Refuse(models.KindConflict, "role_request.already_requested", "the role has been asked for already and waits for a decision")
	ErrNotFound         = models.Refuse(models.KindNotFound, "role_request.not_found", "there is no such role request")
	// ErrNotDecidable: closed, past its deadline, or in this status already.
	ErrNotDecidable = models.Refuse(models.KindConflict, "role_request.not_decidable", "the request is closed or has this status already")
	// ErrApproverGone: who decided was deactivated or lost the right before the
	// decision was applied.
	ErrApproverGone = models.Refuse(models.KindForbidden, "role_request.approver_gone", "whoever decided may not decide this request any more")
	// ErrOwnRequest: nobody decides about themselves.
	ErrOwnRequest = models.Refuse(models.KindForbidden, "role_request.own", "nobody decides their own request: another admin has to")
	ErrNoRetry    = models.Refuse(models.KindConflict, "role_request.no_retry", "a role request is not retried: ask for the role again")
)

// Deps is what a Service needs.
type Deps struct {
	DB        *store.DB
	Processes *process.Service
	Notify    *notify.Service
	Config    config.RoleRequests
	PublicURL string // the hub's address for people, shown in mails
	// Grace is the age from which a decision without outcome is sent again
	// (default 10 s); longer than the wait for an outcome.
	Grace time.Duration
	Now   func() time.Time // default time.Now
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	processes *process.Service
	notify    *notify.Service
	config    config.RoleRequests
	url       string
	grace     time.Duration
	clock     func() time.Time
}

// New makes a Service and registers it as the handler of its kind of process,
// and the conditions of its mails. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Processes == nil || d.Notify == nil {
		return nil, errors.New("rolerequest: DB, Processes and Notify are needed")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Grace <= 0 {
		d.Grace = 10 * time.Second
	}
	s := &Service{db: d.DB, processes: d.Processes, notify: d.Notify, config: d.Config, url: d.PublicURL, grace: d.Grace, clock: d.Now}
	d.Processes.Handle(models.ProcessOrgRoleRequest, handler{s})
	s.registerMails()
	return s, nil
}

// now is the time in the precision of the database.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

const subjectType = "role_request"

// lock reads a request's row and keeps others from changing it until the end
// of the transaction. Everything that changes a request starts here, so its
// changes are serial; the statements that follow still name the states they
// start from.
func (s *Service) lock(ctx context.Context, id int64) (models.RoleRequest, error) {
	var r models.RoleRequest
	err := s.db.Query(ctx, &r, `SELECT * FROM role_requests WHERE account_id = @account_id AND id = @id FOR NO KEY UPDATE`, store.Args{"id": id})
	if err == nil && r.ID == 0 {
		err = ErrNotFound
	}
	return r, err
}

// wakeFor is how long a request waits at most for workflows to be told.
const wakeFor = 2 * time.Second

// wake tells the workflows of requests after the commit that the rows have
// changed. It is best effort: a workflow that does not hear it looks at the row
// when its timer ends, and until then nothing depends on it.
func (s *Service) wake(ctx context.Context, requests ...models.RoleRequest) error {
	var running []models.Process
	for _, r := range requests {
		if r.ProcessID == nil {
			continue
		}
		p, err := s.processes.Get(ctx, *r.ProcessID)
		if err != nil {
			return err
		}
		if p.StartedAt != nil { // another one looks at the row when it starts
			running = append(running, p)
		}
	}
	if len(running) == 0 {
		return nil
	}
	store.AfterCommit(ctx, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeFor)
		defer cancel()
		for _, p := range running {
			if err := s.processes.Signal(ctx, p, models.RoleRequestRecheck, nil); err != nil {
				slog.WarnContext(ctx, "role request: workflow not told of a change", "process_id", p.ID, "workflows", len(running), "error", err)
				if ctx.Err() != nil || errors.Is(err, models.ErrUnavailable) {
					return
				}
			}
		}
	})
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
