package orgupload

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Limits of an upload.
const (
	MaxFiles = 20
	maxName  = 255 // characters of a file's name
)

// File is a file as it was sent: CSV text.
type File struct{ Name, Content string }

// names are the names of the files that can be used.
var names = map[string]models.OrgFileKind{
	"groups.csv": models.OrgFileGroups, "users.csv": models.OrgFileUsers, "user_groups.csv": models.OrgFileUserGroups,
}

// processInput is what a process row shows of the request, and whose upload it
// is when it was no person's.
type processInput struct {
	UploadID int64  `json:"uploadId"`
	ClientID *int64 `json:"clientId,omitempty"`
}

// sealPurpose is what the content of files is encrypted for.
const sealPurpose = "org upload"

// Submit takes files in, for an administrator, and starts the process that works
// on their rows. A file that cannot be used is REJECTED with a message, and does
// not stop the others. Errors: models.ErrForbidden; models.KindInvalid when there
// is no file, too many, or none that can be used.
func (s *Service) Submit(ctx context.Context, files []File) (Upload, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Upload{}, err
	}
	u, contents, err := examine(files)
	if err != nil {
		return Upload{}, err
	}
	account, ok := store.AccountID(ctx)
	if !ok {
		return Upload{}, store.ErrNoAccount
	}
	taken := false
	defer func() {
		if taken {
			return
		}
		for _, f := range u.Files {
			s.deleteContent(context.WithoutCancel(ctx), f)
		}
	}()
	for i := range u.Files {
		if contents[i] == "" {
			continue
		}
		key := fmt.Sprintf("org-uploads/%d/%s", account, rand.Text())
		if err := s.keep(ctx, key, contents[i]); err != nil {
			return Upload{}, err
		}
		u.Files[i].BlobKey = &key
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&u.OrgUpload).Error; err != nil {
			return err
		}
		for i := range u.Files {
			u.Files[i].UploadID = u.ID
		}
		if err := s.db.Conn(ctx).Create(&u.Files).Error; err != nil {
			return err
		}
		return s.begin(ctx, &u.OrgUpload, 1, u.tally().rows)
	})
	if err != nil {
		return Upload{}, fmt.Errorf("orgupload: submit: %w", store.Err(err))
	}
	taken = true
	return u, nil
}

// begin makes the process of an attempt, in the transaction that opens the
// upload.
func (s *Service) begin(ctx context.Context, u *models.OrgUpload, attempt int, rows int64) error {
	p, err := s.Process.Create(ctx, process.New{
		Kind: models.ProcessBulkInvite, BusinessKey: fmt.Sprintf("%s/%d", models.SubjectOrgUpload, u.ID),
		SubjectType: models.SubjectOrgUpload, SubjectID: u.ID, Attempt: attempt, Total: rows,
		Input: processInput{UploadID: u.ID, ClientID: auth.Client(ctx)},
	})
	if err != nil {
		return err
	}
	u.ProcessID = &p.ID
	return s.db.Conn(ctx).Model(u).Update("process_id", p.ID).Error
}

// examine decides which files can be used. contents holds, at the place of each
// of them, what it is to be worked on.
func examine(files []File) (u Upload, contents []string, err error) {
	bad := func(text string) error {
		return models.Invalid(models.FieldError{Field: "files", Rule: "files", Text: text})
	}
	switch {
	case len(files) == 0:
		return u, nil, bad("files are missing")
	case len(files) > MaxFiles:
		return u, nil, bad(fmt.Sprintf("files must not be more than %d", MaxFiles))
	}
	seen := map[string]bool{}
	contents = make([]string, len(files))
	reasons := make([]string, 0, len(files))
	for i, file := range files {
		if !store.Storable(file.Name) || utf8.RuneCountInString(file.Name) > maxName {
			return u, nil, bad("files must have names that can be stored")
		}
		f := models.OrgUploadFile{Position: i, Name: file.Name, Status: models.OrgFileRejected}
		kind, rows, why := look(file, seen[file.Name])
		seen[file.Name] = true
		if why != "" {
			f.Message = &why
			reasons = append(reasons, file.Name+": "+why)
		} else {
			f.Kind, f.Status, f.Rows, contents[i] = &kind, models.OrgFileQueued, rows, file.Content
		}
		u.Files = append(u.Files, f)
	}
	if len(reasons) == len(files) {
		return u, nil, bad("No file can be used. " + strings.Join(reasons, " "))
	}
	return u, contents, nil
}

// look reads a file. why says, for people, why it cannot be used.
func look(f File, repeated bool) (kind models.OrgFileKind, rows int64, why string) {
	kind, known := names[f.Name]
	switch {
	case !known:
		return "", 0, "The name of the file is not known; it must be groups.csv, users.csv or user_groups.csv."
	case repeated:
		return "", 0, "There is a file of this name before it; only the first one is used."
	}
	t, err := readTable(kind, []byte(f.Content))
	if err != nil { // of a text in memory: nothing but unusable
		return "", 0, err.Error()
	}
	return kind, int64(len(t.rows)), ""
}

// keep stores the content of a file, encrypted: it may hold passwords.
func (s *Service) keep(ctx context.Context, key, content string) error {
	sealed, err := s.Keys.Seal(sealPurpose, []byte(content))
	if err == nil {
		_, err = s.Blob.Write(ctx, key, bytes.NewReader(sealed), blob.WriteOptions{ContentType: "application/octet-stream", Once: true})
	}
	if err != nil {
		return fmt.Errorf("orgupload: keep a file: %w", err)
	}
	return nil
}

// content reads what keep has stored. Errors: ErrContentGone.
func (s *Service) content(ctx context.Context, f models.OrgUploadFile) ([]byte, error) {
	if f.BlobKey == nil {
		return nil, ErrContentGone
	}
	r, err := s.Blob.NewReader(ctx, *f.BlobKey)
	if err != nil {
		if models.KindOf(err) == models.KindNotFound {
			err = ErrContentGone.With(err)
		}
		return nil, fmt.Errorf("orgupload: file %d: %w", f.ID, err)
	}
	defer func() { _ = r.Close() }()
	sealed, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("orgupload: file %d: %w", f.ID, err)
	}
	plain, err := s.Keys.Open(sealPurpose, sealed)
	if err != nil { // its key was taken out of the keyring
		return nil, fmt.Errorf("orgupload: file %d: %w", f.ID, ErrContentGone.With(err))
	}
	return plain, nil
}

// deleteContent deletes what is kept of a file; what remains is logged.
func (s *Service) deleteContent(ctx context.Context, f models.OrgUploadFile) {
	if f.BlobKey == nil {
		return
	}
	if err := s.Blob.Delete(ctx, *f.BlobKey); err != nil {
		slog.WarnContext(ctx, "orgupload: the content of a file was not deleted", "upload_id", f.UploadID, "key", *f.BlobKey, "error", err)
	}
}
