package invite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/csvfile"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Submission asks to invite the people of a list. It names an uploaded file by
// its path, or brings the rows along.
type Submission struct {
	OrganizationID int64 // whose people they become; 0: the caller's own
	Path           string
	Rows           []Person
	Name           string // of the file, for people; "": the last part of the path
	DryRun         bool   // verdicts only
	// IdempotencyKey and RequestHash recognise a repeated native request.
	IdempotencyKey string
	RequestHash    []byte
}

// Person is one row of a list that comes with the request.
type Person struct {
	Name  string   `json:"name"`
	Email string   `json:"email"`
	Roles []string `json:"roles"`
}

// MaxInlineRows is the most rows that come with a request; more go as a file.
const MaxInlineRows = 10_000

const (
	maxPathLength   = 512
	submitTries     = 5
	subjectType     = "invite_file"
	purposeRows     = "invite_rows"
	textPathOrRows  = "either the path of an uploaded file or rows are needed"
	textTooManyRows = "too many rows; upload them as a file"
)

// Submit registers a list and starts its process. It does not look at the file:
// one that is missing or unreadable ends as FAILED. The same list again while
// it is being imported, dry or not, is the list that is there: of any number of
// identical requests at once one starts a process and all get its file. Errors:
// models.ErrForbidden unless the caller is an admin of the organization or of
// the account; invalid fields; process.ErrKeyReused.
func (s *Service) Submit(ctx context.Context, sub Submission) (models.InviteFile, error) {
	caller, err := s.manager(ctx, &sub.OrganizationID)
	if err != nil {
		return models.InviteFile{}, err
	}
	if err := sub.check(); err != nil {
		return models.InviteFile{}, err
	}
	if sub.Path == "" {
		if sub.Path, err = s.storeRows(ctx, caller, sub); err != nil {
			return models.InviteFile{}, err
		}
	}
	for range submitTries {
		f, err := s.submit(ctx, caller, sub)
		var open *process.AlreadyOpenError
		if !errors.As(err, &open) {
			return f, err
		}
		f, err = s.file(ctx, open.Process.SubjectID)
		if err == nil || !errors.Is(err, ErrFileNotFound) {
			return f, err
		}
	}
	return models.InviteFile{}, models.ErrUnavailable.With(errors.New("invite: the open list of the same path vanished"))
}

func (sub *Submission) check() error {
	bad := func(field, rule, text string) error {
		return models.Invalid(models.FieldError{Field: field, Rule: rule, Text: text})
	}
	sub.Path = strings.TrimSpace(sub.Path)
	switch {
	case (sub.Path == "") == (len(sub.Rows) == 0):
		return bad("path", "required", textPathOrRows)
	case len(sub.Path) > maxPathLength || !csvfile.Text([]byte(sub.Path)):
		return bad("path", "too_long", "this is no path of an uploaded file")
	case len(sub.Rows) > MaxInlineRows:
		return bad("rows", "too_long", textTooManyRows)
	}
	for i, r := range sub.Rows {
		for _, cell := range append([]string{r.Name, r.Email}, r.Roles...) {
			if !csvfile.Text([]byte(cell)) || len(cell) > csvfile.MaxRecord/4 {
				return bad(fmt.Sprintf("rows[%d]", i), "text", "the row holds something that is no text, or too much of it")
			}
		}
	}
	return nil
}

// submit writes the file row and its process in one transaction.
func (s *Service) submit(ctx context.Context, caller auth.Principal, sub Submission) (models.InviteFile, error) {
	name := sub.Name
	if name == "" {
		name = path.Base(sub.Path)
	}
	f := models.InviteFile{
		OrganizationID: sub.OrganizationID, Door: auth.Door(ctx), Name: blob.CleanName(name), InputPath: sub.Path,
		Status: models.InviteFileUploaded, Type: "text/csv", DryRun: sub.DryRun, CreatedBy: caller.UserID,
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&f).Error; err != nil {
			return err
		}
		p, err := s.processes.Create(ctx, process.New{
			Kind: models.ProcessBulkInvite, OrganizationID: &f.OrganizationID, BusinessKey: businessKey(f),
			SubjectType: subjectType, SubjectID: f.ID, Attempt: 1, Input: processInput{FileID: f.ID, DryRun: f.DryRun},
			IdempotencyKey: sub.IdempotencyKey, RequestHash: sub.RequestHash,
		})
		if err != nil {
			return err
		}
		f.ProcessID = &p.ID
		return s.db.Conn(ctx).Model(&f).Update("process_id", p.ID).Error
	})
	if err != nil {
		return models.InviteFile{}, fmt.Errorf("invite: submit: %w", store.Err(err))
	}
	return f, nil
}

// processInput is what a process row shows of the request.
type processInput struct {
	FileID int64 `json:"fileId"`
	DryRun bool  `json:"dryRun,omitempty"`
}

// businessKey names the work: one list of one organization is imported by one
// process at a time. The path is hashed because it is a name that people chose.
func businessKey(f models.InviteFile) string {
	sum := sha256.Sum256([]byte(f.InputPath))
	key := fmt.Sprintf("%d/%s", f.OrganizationID, hex.EncodeToString(sum[:16]))
	if f.DryRun {
		key += "/dry"
	}
	return key
}

// storeRows writes rows that came with the request as CSV. The path is made of
// their content, so the same rows are the same list.
func (s *Service) storeRows(ctx context.Context, caller auth.Principal, sub Submission) (string, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{columnName, columnEmail, columnRoles}) // to memory
	for _, r := range sub.Rows {
		_ = w.Write([]string{r.Name, r.Email, strings.Join(r.Roles, ",")})
	}
	w.Flush()
	sum := sha256.Sum256(b.Bytes())
	at := fmt.Sprintf("invites/%d/rows-%s.csv", sub.OrganizationID, hex.EncodeToString(sum[:16]))
	account, _ := store.AccountID(ctx)
	key := s.key(account, at)
	// Once: an import may be reading the same rows just now, and a new version
	// of the object would look to it like a changed file.
	if _, err := s.blob.Write(ctx, key, &b, blob.WriteOptions{Once: true}); err != nil && !errors.Is(err, blob.ErrExists) {
		return "", fmt.Errorf("invite: store rows: %w", err)
	}
	err := s.db.Conn(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&models.StoredFile{
		OrganizationID: sub.OrganizationID, UserID: &caller.UserID, Path: at, Name: path.Base(at), Purpose: purposeRows,
	}).Error
	if err != nil {
		return "", fmt.Errorf("invite: store rows: %w", store.Err(err))
	}
	return at, nil
}

// manager gives the caller if they may invite into the organization: its
// org_admins, and the account's admins. An organization that is not named is
// the caller's own.
func (s *Service) manager(ctx context.Context, organization *int64) (auth.Principal, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return caller, err
	}
	if *organization == 0 {
		*organization = caller.OrganizationID
	}
	if caller.Has(models.RoleAdmin) {
		var found []int64
		err := s.db.Query(ctx, &found, `SELECT id FROM organizations WHERE account_id = @account_id AND id = @id AND status = 'ACTIVE'`, store.Args{"id": *organization})
		if err != nil {
			return caller, err
		}
		if !slices.Contains(found, *organization) {
			return caller, models.ErrNotFound
		}
		return caller, nil
	}
	if caller.OrganizationID != *organization || !caller.Has(models.RoleOrgAdmin) {
		return caller, models.ErrForbidden
	}
	return caller, nil
}

// handler makes bulk invites a kind of process for internal/process.
type handler struct{ s *Service }

var (
	_ process.Handler        = handler{}
	_ process.FailureHandler = handler{}
)

// startInput is what a native client sends.
type startInput struct {
	OrganizationID int64    `json:"organizationId"`
	Path           string   `json:"path"`
	Rows           []Person `json:"rows"`
	Name           string   `json:"name"`
	DryRun         bool     `json:"dryRun"`
}

// Start implements process.Handler. The same list again while it is imported
// gives the process that does it.
func (h handler) Start(ctx context.Context, input json.RawMessage, idempotencyKey string) (models.Process, error) {
	var in startInput
	if err := json.Unmarshal(input, &in); err != nil {
		return models.Process{}, models.Invalid(models.FieldError{Field: "input", Rule: "object", Text: "the input must be an object with path or rows"})
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, input); err != nil {
		return models.Process{}, models.Invalid(models.FieldError{Field: "input", Rule: "object", Text: "the input is no JSON object"})
	}
	hash := sha256.Sum256(compact.Bytes())
	f, err := h.s.Submit(ctx, Submission{
		OrganizationID: in.OrganizationID, Path: in.Path, Rows: in.Rows, Name: in.Name, DryRun: in.DryRun,
		IdempotencyKey: idempotencyKey, RequestHash: hash[:],
	})
	if err != nil {
		return models.Process{}, err
	}
	if f.ProcessID == nil {
		return models.Process{}, models.ErrNotFound
	}
	return h.s.processes.Get(ctx, *f.ProcessID)
}

// Retry implements process.Handler: the next attempt looks again at the rows
// that have no good verdict, and at the whole file if its check had failed.
func (h handler) Retry(ctx context.Context, p models.Process) (models.Process, error) {
	return h.s.retry(ctx, p)
}

// Decide implements process.Handler: nobody decides here.
func (h handler) Decide(context.Context, models.Process, process.Decision) error {
	return ErrNothingToDecide
}

// Cancelled implements process.Handler: the process never ran, so there is
// nothing to tell about rows.
func (h handler) Cancelled(ctx context.Context, p models.Process) error {
	return h.s.closeFile(ctx, p.SubjectID, models.InviteFileCancelled, "")
}

// Failed implements process.FailureHandler.
func (h handler) Failed(ctx context.Context, p models.Process) error {
	return h.s.closeFile(ctx, p.SubjectID, models.InviteFileFailed, "The import ended unexpectedly. Retry it.")
}

func (s *Service) retry(ctx context.Context, p models.Process) (models.Process, error) {
	f, err := s.file(ctx, p.SubjectID)
	if err != nil {
		return models.Process{}, err
	}
	if _, err := s.manager(ctx, &f.OrganizationID); err != nil {
		return models.Process{}, err
	}
	if f.ProcessID == nil || *f.ProcessID != p.ID {
		return models.Process{}, ErrNewerAttempt
	}
	var next models.Process
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		next, err = s.processes.Create(ctx, process.New{
			Kind: models.ProcessBulkInvite, OrganizationID: &f.OrganizationID, BusinessKey: businessKey(f),
			SubjectType: subjectType, SubjectID: f.ID, Attempt: p.Attempt + 1, Total: f.Rows,
			Input: processInput{FileID: f.ID, DryRun: f.DryRun},
		})
		if err != nil {
			return err
		}
		res := s.db.Conn(ctx).Model(&models.InviteFile{}).Where("id = ? AND process_id = ? AND status <> ?", f.ID, p.ID, models.InviteFileUploaded).
			Updates(map[string]any{"status": models.InviteFileUploaded, "process_id": next.ID, "failure": nil})
		if res.Error == nil && res.RowsAffected == 0 {
			return ErrNewerAttempt
		}
		return res.Error
	})
	if err != nil {
		return models.Process{}, fmt.Errorf("invite: retry file %d: %w", f.ID, store.Err(err))
	}
	return next, nil
}

// closeFile ends a file that is open.
func (s *Service) closeFile(ctx context.Context, id int64, status models.InviteFileStatus, failure string) error {
	set := map[string]any{"status": status}
	if failure != "" {
		set["failure"] = failure
	}
	err := s.db.Conn(ctx).Model(&models.InviteFile{}).Where("id = ? AND status = ?", id, models.InviteFileUploaded).Updates(set).Error
	if err != nil {
		return fmt.Errorf("invite: close file %d: %w", id, store.Err(err))
	}
	return nil
}
