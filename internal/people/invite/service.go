// Package invite invites people by lists: process 2, bulk-invite.
//
// A list is a CSV or XLSX file, or rows that are written as CSV first. It is
// checked as a whole before any row is written (Check), cut into pages, imported
// page by page (ImportPages), and answered with the same rows and their verdicts
// as a new file (WriteResult). The steps are called by activities and may be
// repeated or killed at any moment; the rows of the database tell each step
// what is left to do.
//
// Rows are numbered from 1 behind the header. Rows whose cells are all empty do
// not exist: they have no number, no verdict and no place in the result.
package invite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Process *process.Service
	Notify  *notify.Service
	Blob    *blob.Store
	Keys    *auth.Keyring
	Config  config.Invites
	// PublicURL is the hub's address for people; links in mails start with it.
	PublicURL string
	// BlobKey tells under which key the file is stored that clients of an
	// account know by a path.
	BlobKey func(accountID int64, path string) string
	// Moved is told of users whom a list has moved into another organization,
	// after the commit; nil: nobody is told.
	Moved func(ctx context.Context, userIDs ...int64) error
}

// Service is the area of bulk invites. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	processes *process.Service
	notify    *notify.Service
	blob      *blob.Store
	keys      *auth.Keyring
	cfg       config.Invites
	publicURL string
	key       func(accountID int64, path string) string
	moved     func(ctx context.Context, userIDs ...int64) error
}

// New makes a Service, registers it as the handler of its kind of process and
// as the maker of its mails' values.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Process == nil || d.Notify == nil || d.Blob == nil || d.Keys == nil || d.BlobKey == nil {
		return nil, errors.New("invite: DB, Process, Notify, Blob, Keys and BlobKey are needed")
	}
	s := &Service{
		db: d.DB, processes: d.Process, notify: d.Notify, blob: d.Blob, keys: d.Keys, cfg: d.Config,
		publicURL: strings.TrimRight(d.PublicURL, "/"), key: d.BlobKey, moved: d.Moved,
	}
	d.Process.Handle(models.ProcessBulkInvite, handler{s})
	d.Notify.RegisterParams(templateInvite, s.inviteParams)
	d.Notify.RegisterParams(templateStatus, s.statusParams)
	return s, nil
}

// Stages of the process, as its row shows them.
const (
	StageCheck  = "check"
	StageImport = "import"
	StageResult = "result"
	StageDone   = "done"
)

// Template codes of the mails.
const (
	templateInvite = "generic_invite"
	templateStatus = "invitee_upload_status"
)

// inviteEventPrefix starts the event keys of invitation mails:
// invite/<id>/<token version>.
const inviteEventPrefix = "invite/"

// Refusals of this package.
var (
	ErrFileNotFound   = models.Refuse(models.KindNotFound, "invite.file_not_found", "there is no such invite file")
	ErrInviteNotFound = models.Refuse(models.KindNotFound, "invite.not_found", "there is no such invitation")
	ErrInviteClosed   = models.Refuse(models.KindConflict, "invite.closed", "the invitation is not open any more")

	ErrNewerAttempt    = models.Refuse(models.KindConflict, "invite.newer_attempt", "the file has a newer attempt; retry that one")
	ErrNothingToDecide = models.Refuse(models.KindConflict, "invite.nothing_to_decide", "a bulk invite waits for nobody's decision")

	errSourceChanged = models.Refuse(models.KindConflict, "invite.file_changed", "the file was replaced while it was imported; upload it again under a new name")
	errNotChecked    = errors.New("invite: the file has not been checked")
)

// file reads an invite file of the context's account.
func (s *Service) file(ctx context.Context, id int64) (models.InviteFile, error) {
	var f models.InviteFile
	err := s.db.Conn(ctx).Take(&f, id).Error
	if errors.Is(err, models.ErrNotFound) {
		return f, ErrFileNotFound
	}
	return f, store.Err(err)
}

// checkedFile reads the file of a process and how it is to be read.
func (s *Service) checkedFile(ctx context.Context, in models.ProcessInput) (models.InviteFile, Layout, error) {
	var layout Layout
	f, err := s.file(ctx, in.SubjectID)
	if err != nil {
		return f, layout, err
	}
	if f.Layout == nil || f.DataPath == nil {
		return f, layout, errNotChecked
	}
	if err := json.Unmarshal(f.Layout, &layout); err != nil {
		return f, layout, fmt.Errorf("invite: layout of file %d: %w", f.ID, err)
	}
	return f, layout, nil
}
