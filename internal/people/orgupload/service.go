// Package orgupload brings groups, people and memberships into an account by
// files that another system sends: process 2, bulk-invite, with an upload as its
// subject.
//
// The files are looked at when they are taken in (Submit): those that can be
// read are kept, encrypted, until the process has ended and nothing is left to
// retry. The rows are worked on in pages (Import), each row by the method that
// serves the single call, so that no rule is here. A page is one transaction with
// a savepoint for each row: it holds what the rows did, their verdicts, the
// invitations of new people and how far the file is. What is killed at any moment
// goes on with the first row that has no verdict.
//
// Rows are numbered from 1 behind the header. Rows whose cells are all empty do
// not exist.
package orgupload

import (
	"context"
	"errors"
	"fmt"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/people/invite"
	"quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// People is what this package asks about people. *people.Service is one.
type People interface {
	// UpsertExternal makes or changes a person and tells which.
	UpsertExternal(ctx context.Context, c people.ExternalChange) (created bool, err error)
}

// Groups is what this package asks about groups. *group.Service is one.
type Groups interface {
	// Upsert makes or changes a group and tells which.
	Upsert(ctx context.Context, identifier string, c group.Change) (created bool, err error)
	// AddMember makes a person a member of a group.
	AddMember(ctx context.Context, group, user ref.Ref, replace bool) error
}

// Invites is what this package asks about invitations. *invite.Service is one.
type Invites interface {
	// InviteUsers invites people who cannot sign in yet.
	InviteUsers(ctx context.Context, in invite.NewUsers) (int64, error)
}

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Process *process.Service
	Blob    *blob.Store
	Keys    *auth.Keyring
	People  People
	Groups  Groups
	Invites Invites
}

// Service is the area of uploads. It is safe for concurrent use.
type Service struct {
	Deps
	db *store.DB
}

// New makes a Service and registers it as the handler of its processes. Errors:
// a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Process == nil || d.Blob == nil || d.Keys == nil || d.People == nil || d.Groups == nil || d.Invites == nil {
		return nil, errors.New("orgupload: DB, Process, Blob, Keys, People, Groups and Invites are needed")
	}
	s := &Service{Deps: d, db: d.DB}
	d.Process.HandleSubject(models.ProcessBulkInvite, models.SubjectOrgUpload, handler{s})
	return s, nil
}

// Stages of the process, as its row shows them, besides the kinds of files.
const stageDone = "done"

// Refusals of this package.
var (
	ErrUnknown         = models.Refuse(models.KindNotFound, "org_upload.unknown", "there is no such upload")
	ErrNewerAttempt    = models.Refuse(models.KindConflict, "org_upload.newer_attempt", "the upload has a newer attempt; retry that one")
	ErrNothingToRetry  = models.Refuse(models.KindConflict, "org_upload.nothing_to_retry", "every row of the upload is done; send rejected files again")
	ErrNothingToDecide = models.Refuse(models.KindConflict, "org_upload.nothing_to_decide", "an upload waits for nobody's decision")
	ErrContentGone     = models.Refuse(models.KindConflict, "org_upload.content_gone", "the content of the files is not kept any more; send them again")
)

// upload reads an upload with its files, in the order in which they were sent.
func (s *Service) upload(ctx context.Context, id int64) (Upload, error) {
	var u Upload
	err := s.db.Conn(ctx).Take(&u.OrgUpload, id).Error
	if errors.Is(err, models.ErrNotFound) {
		return u, ErrUnknown
	}
	if err == nil {
		err = s.db.Conn(ctx).Where("upload_id = ?", id).Order("position").Find(&u.Files).Error
	}
	if err != nil {
		return u, fmt.Errorf("orgupload: upload %d: %w", id, store.Err(err))
	}
	return u, nil
}

// Upload is an upload with its files, in the order in which they were sent.
type Upload struct {
	models.OrgUpload
	Files []models.OrgUploadFile
}

// tally is how far an upload has come.
type tally struct {
	rows, done, failed int64
	rejected           int // files
}

func (u Upload) tally() (t tally) {
	for _, f := range u.Files {
		if f.Status == models.OrgFileRejected {
			t.rejected++
			continue
		}
		t.rows, t.done, t.failed = t.rows+f.Rows, t.done+f.Done, t.failed+f.Failed
	}
	return t
}

// unfinished tells whether a file has rows that a retry would work on.
func unfinished(f models.OrgUploadFile) bool {
	return f.Status != models.OrgFileRejected && (f.Failed > 0 || f.Done < f.Rows)
}
