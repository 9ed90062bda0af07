package people

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/input"
	"quad/models"
)

// FileKey is the key in file storage of the file that clients of an account
// know by a path.
func FileKey(accountID int64, path string) string {
	return fmt.Sprintf("accounts/%d/%s", accountID, path)
}

// Files gives out signed links to the files of people.
type Files struct {
	people *Service
	blob   *blob.Store
	now    func() time.Time
}

// NewFiles makes a Files.
func NewFiles(s *Service, b *blob.Store) *Files { return &Files{people: s, blob: b, now: time.Now} }

// Link is a signed address that is good for one object and one method.
type Link struct {
	Path      string // as clients know the file
	URL       string
	ExpiresAt time.Time
}

// PurposeUpload marks files that people uploaded.
const PurposeUpload = "upload"

// uploadTries bounds the turns for a free path when one person asks for the
// same name several times in a millisecond.
const uploadTries = 20

// Upload reserves a path for a file of the caller and gives the address to PUT
// it to. The path is users/<user id>-<milliseconds>-<name>. contentType may be
// empty. Errors: models.ErrUnauthenticated, an invalid name.
func (f *Files) Upload(ctx context.Context, name, contentType string) (Link, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return Link{}, err
	}
	if strings.TrimSpace(name) == "" || len(name) > 1024 {
		return Link{}, models.Invalid(models.FieldError{Field: "name", Rule: input.Required, Text: "a file name is needed"})
	}
	clean := blob.CleanName(name)
	stamp := f.now()
	for range uploadTries {
		path := fmt.Sprintf("users/%d-%d-%s", p.UserID, stamp.UnixMilli(), clean)
		if _, err = f.people.RegisterFile(ctx, models.StoredFile{Path: path, Name: clean, Purpose: PurposeUpload}); err == nil {
			url, err := f.blob.SignedUploadURL(ctx, FileKey(p.AccountID, path), contentType, 0)
			if err != nil {
				return Link{}, fmt.Errorf("people: upload link: %w", err)
			}
			return Link{Path: path, URL: url, ExpiresAt: f.expiry()}, nil
		}
		if !errors.Is(err, models.ErrConflict) {
			return Link{}, err
		}
		stamp = stamp.Add(time.Millisecond)
	}
	return Link{}, err
}

// Download gives the address to read a file of the caller's organization from.
// Errors: ErrFileUnknown, also for a file that was never uploaded.
func (f *Files) Download(ctx context.Context, path string) (Link, error) {
	file, err := f.people.FileByPath(ctx, path)
	if err != nil {
		return Link{}, err
	}
	key := FileKey(file.AccountID, file.Path)
	there, err := f.blob.Exists(ctx, key)
	if err != nil {
		return Link{}, fmt.Errorf("people: download link: %w", err)
	}
	if !there {
		return Link{}, ErrFileUnknown
	}
	return f.link(ctx, key, file.Path, file.Name)
}

// Shared gives the address of a file that the hub itself provides to all
// accounts, and stores it first when it is missing or has changed.
func (f *Files) Shared(ctx context.Context, path string, content []byte) (Link, error) {
	if _, ok := auth.From(ctx); !ok {
		return Link{}, models.ErrUnauthenticated
	}
	key := "shared/" + path
	info, err := f.blob.Attributes(ctx, key)
	if errors.Is(err, blob.ErrNotFound) || (err == nil && info.Size != int64(len(content))) {
		_, err = f.blob.Write(ctx, key, bytes.NewReader(content), blob.WriteOptions{})
	}
	if err != nil {
		return Link{}, fmt.Errorf("people: shared file: %w", err)
	}
	return f.link(ctx, key, path, path[strings.LastIndexByte(path, '/')+1:])
}

func (f *Files) link(ctx context.Context, key, path, name string) (Link, error) {
	url, err := f.blob.SignedDownloadURL(ctx, key, 0, name)
	if err != nil {
		return Link{}, fmt.Errorf("people: download link: %w", err)
	}
	return Link{Path: path, URL: url, ExpiresAt: f.expiry()}, nil
}

func (f *Files) expiry() time.Time { return f.now().Add(f.blob.TTL()) }
