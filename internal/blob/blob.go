// Package blob keeps files: uploads, results, reports. Objects live in a local
// folder or, by URL, in any S3-compatible store; callers do not see which. An
// object is visible when it is whole, and never before.
//
// Clients move file bodies by signed URLs: one object, one method, 15 minutes.
// For S3 the provider serves them; for the local folder the hub does (see Grant).
// An upload URL may be used again until it ends, so that a client can repeat a
// broken upload; the last whole upload stands. A process that reads a file in
// several steps therefore pins it: it keeps Info.Version and passes it to Open.
package blob

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob" // the s3:// scheme
	"gocloud.dev/gcerrors"

	"quad/models"
)

// Options says where objects are and how links to them are signed.
type Options struct {
	// URL is "file:///folder" or "s3://bucket?region=…&endpoint=…&use_path_style=true&prefix=quad/".
	URL string
	// PublicURL is the hub's address for clients; links to the local folder
	// start with it: "https://hub.example".
	PublicURL string
	// Keys are the deployment's master keys; the first one signs, all verify.
	// Needed for the local folder.
	Keys [][]byte
	// TTL is the life of links when the caller gives none; default 15 minutes.
	TTL time.Duration
	// MaxUpload is the largest object a link may upload, bytes; default 1 GiB.
	// S3 links cannot carry it: processes check Info.Size.
	MaxUpload int64
	// Now is the clock, for tests; default time.Now.
	Now func() time.Time
}

// DefaultTTL is the life of a link.
const DefaultTTL = 15 * time.Minute

// maxTTL bounds the life of a link: whoever holds it is not asked who they are.
const maxTTL = 24 * time.Hour

// Store is one place for objects. It is safe for concurrent use.
type Store struct {
	bucket *gcblob.Bucket
	local  bool
	opts   Options
	keys   [][]byte
}

// Open connects to the store; it creates a local folder. Close it.
// Errors: a URL of another scheme, a folder that cannot be written, no key.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.TTL <= 0 {
		o.TTL = DefaultTTL
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = 1 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	s := &Store{opts: o}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("blob storage: %w", redacted(err))
	}
	switch u.Scheme {
	case "file":
		err = s.openFolder(u)
	case "s3":
		s.bucket, err = gcblob.OpenBucket(ctx, o.URL)
	default:
		err = fmt.Errorf("scheme %q is neither file nor s3", u.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("blob storage: %w", err)
	}
	return s, nil
}

// redacted drops the text of a URL error, which repeats the whole URL.
func redacted(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func (s *Store) openFolder(u *url.URL) error {
	if len(s.opts.Keys) == 0 {
		return errors.New("the local folder needs a key to sign links")
	}
	for i, master := range s.opts.Keys {
		if len(master) < 16 {
			return fmt.Errorf("key %d is too short", i+1)
		}
		key, err := hkdf.Key(sha256.New, master, nil, "quad file links v1", sha256.Size)
		if err != nil {
			return fmt.Errorf("derive key: %w", err)
		}
		s.keys = append(s.keys, key)
	}
	dir := u.Path
	if u.Host != "" || !filepath.IsAbs(dir) {
		return fmt.Errorf("%q must be file:/// and an absolute folder", "file://"+u.Host+u.Path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		DirFileMode: 0o700,
		NoTempDir:   true, // beside the object: a rename within one file system is atomic
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return err
	}
	s.bucket, s.local = bucket, true
	return nil
}

// Close frees connections.
func (s *Store) Close() error { return s.bucket.Close() }

// Local tells whether the hub itself must serve the links (see Grant).
func (s *Store) Local() bool { return s.local }

// Check tells whether the store answers, for readiness.
func (s *Store) Check(ctx context.Context) error {
	ok, err := s.bucket.IsAccessible(ctx)
	if err != nil {
		return fmt.Errorf("blob storage: %w", err)
	}
	if !ok {
		return errors.New("blob storage: the bucket does not exist or refuses access")
	}
	return nil
}

// Refusals of this package.
var (
	ErrNotFound = models.Refuse(models.KindNotFound, "file.not_found", "there is no such file")
	ErrKey      = models.Refuse(models.KindInvalid, "file.bad_key", "the file path is not valid")
	ErrTooLarge = models.Refuse(models.KindInvalid, "file.too_large", "the file is too large")
	ErrEmpty    = models.Refuse(models.KindInvalid, "file.empty", "the file is empty")
	ErrChanged  = models.Refuse(models.KindConflict, "file.changed", "the file was replaced meanwhile")
	ErrExists   = models.Refuse(models.KindConflict, "file.exists", "there is a file with this path")
)

// wrap maps the store's errors once.
func wrap(op, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %s: %w", op, key, err)
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return ErrNotFound.With(fmt.Errorf("%s %s: %w", op, key, err))
	case gcerrors.FailedPrecondition:
		return ErrExists.With(fmt.Errorf("%s %s: %w", op, key, err))
	}
	return fmt.Errorf("%s %s: %w", op, key, err)
}

// Info describes an object.
type Info struct {
	Key         string
	Size        int64  // bytes
	ContentType string // by what was given or, in the local folder, by the name
	ModTime     time.Time
	// Version changes with every write of the object. Two objects may share one.
	Version string
}

// WriteOptions are for Write and NewWriter.
type WriteOptions struct {
	ContentType string // default by the name
	Max         int64  // ErrTooLarge beyond this many bytes; 0 means no limit
	Once        bool   // ErrExists when the object exists
}

// Write stores all of r under key and returns how many bytes that were. It reads
// piece by piece; if reading fails or ctx ends, nothing becomes visible and an
// older object stays. Errors: ErrKey, ErrTooLarge, ErrExists, those of r.
func (s *Store) Write(ctx context.Context, key string, r io.Reader, o WriteOptions) (int64, error) {
	w, err := s.NewWriter(ctx, key, o)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, r)
	if err != nil {
		w.Abort()
		return n, err
	}
	return n, w.Commit()
}

// Writer writes one object. Commit makes it visible; Abort, also after Commit,
// drops what is not committed: defer it.
type Writer struct {
	w      *gcblob.Writer
	key    string
	cancel context.CancelFunc
	left   int64 // bytes, -1 for no limit
	done   bool
}

// NewWriter starts an object. Errors: ErrKey; ErrExists comes from Commit.
func (s *Store) NewWriter(ctx context.Context, key string, o WriteOptions) (*Writer, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if o.ContentType == "" {
		o.ContentType = TypeByName(key)
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := s.bucket.NewWriter(ctx, key, &gcblob.WriterOptions{ContentType: o.ContentType, IfNotExist: o.Once})
	if err != nil {
		cancel()
		return nil, wrap("write", key, err)
	}
	left := int64(-1)
	if o.Max > 0 {
		left = o.Max
	}
	return &Writer{w: w, key: key, cancel: cancel, left: left}, nil
}

// Write implements io.Writer. Errors: ErrTooLarge beyond the limit.
func (w *Writer) Write(p []byte) (int, error) {
	if w.left >= 0 {
		if int64(len(p)) > w.left {
			return 0, ErrTooLarge
		}
		w.left -= int64(len(p))
	}
	n, err := w.w.Write(p)
	return n, wrap("write", w.key, err)
}

// Commit makes the object visible. Errors: ErrExists with WriteOptions.Once.
func (w *Writer) Commit() error {
	w.done = true
	defer w.cancel()
	return wrap("write", w.key, w.w.Close())
}

// Abort drops the object unless it was committed.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	w.cancel()      // makes Close drop what was written …
	_ = w.w.Close() // … and report just that
}

// ReadOptions are for Open.
type ReadOptions struct {
	Offset  int64  // first byte
	Length  int64  // bytes; 0 means to the end
	Version string // ErrChanged when the object is another one by now; "" for any
}

// Reader reads one object. Close it.
type Reader struct {
	io.ReadCloser
	Size    int64 // of the whole object, bytes
	ModTime time.Time
}

// Open reads an object or a part of it. ctx must live as long as the reader.
// Errors: ErrKey, ErrNotFound, ErrChanged.
func (s *Store) Open(ctx context.Context, key string, o ReadOptions) (*Reader, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	length := o.Length
	if length <= 0 {
		length = -1
	}
	r, err := s.bucket.NewRangeReader(ctx, key, o.Offset, length, nil)
	if err != nil {
		return nil, wrap("read", key, err)
	}
	out := &Reader{ReadCloser: r, Size: r.Size(), ModTime: r.ModTime()}
	if o.Version == "" {
		return out, nil
	}
	// Asked after opening: the version only moves on, so if it is still the one
	// wanted now, the open reader has it too.
	info, err := s.Attributes(ctx, key)
	if err == nil && info.Version != o.Version {
		err = ErrChanged
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return out, nil
}

// NewReader reads a whole object. Errors: ErrKey, ErrNotFound.
func (s *Store) NewReader(ctx context.Context, key string) (*Reader, error) {
	return s.Open(ctx, key, ReadOptions{})
}

// NewRangeReader reads length bytes (0: to the end) from offset on.
// Errors: ErrKey, ErrNotFound.
func (s *Store) NewRangeReader(ctx context.Context, key string, offset, length int64) (*Reader, error) {
	return s.Open(ctx, key, ReadOptions{Offset: offset, Length: length})
}

// Attributes describes an object. Errors: ErrKey, ErrNotFound.
func (s *Store) Attributes(ctx context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return Info{}, wrap("look at", key, err)
	}
	info := Info{Key: key, Size: a.Size, ContentType: a.ContentType, ModTime: a.ModTime, Version: a.ETag}
	if s.local || info.ContentType == "" {
		info.ContentType = TypeByName(key)
	}
	return info, nil
}

// Exists tells whether there is an object. Errors: ErrKey.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	if err := CheckKey(key); err != nil {
		return false, err
	}
	ok, err := s.bucket.Exists(ctx, key)
	return ok, wrap("look at", key, err)
}

// Delete removes an object; one that is gone already is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, key); gcerrors.Code(err) != gcerrors.NotFound {
		return wrap("delete", key, err)
	}
	return nil
}

// SignedUploadURL returns a link that stores one object by PUT until ttl (0: the
// default) has passed. With a contentType the upload must declare just that one.
// Errors: ErrKey.
func (s *Store) SignedUploadURL(ctx context.Context, key, contentType string, ttl time.Duration) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if s.local {
		return s.sign(Grant{Method: http.MethodPut, Key: key, ContentType: contentType, Expires: s.expiry(ttl)}), nil
	}
	link, err := s.bucket.SignedURL(ctx, key, &gcblob.SignedURLOptions{
		Method: http.MethodPut, Expiry: s.life(ttl), ContentType: contentType,
	})
	return link, wrap("sign", key, err)
}

// SignedDownloadURL returns a link that reads one object by GET until ttl (0: the
// default) has passed. A browser saves it as fileName ("": the key's last part).
// The object need not exist. Errors: ErrKey.
func (s *Store) SignedDownloadURL(ctx context.Context, key string, ttl time.Duration, fileName string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if fileName == "" {
		fileName = key
	}
	fileName = CleanName(fileName)
	if s.local {
		return s.sign(Grant{Method: http.MethodGet, Key: key, FileName: fileName, Expires: s.expiry(ttl)}), nil
	}
	link, err := s.bucket.SignedURL(ctx, key, &gcblob.SignedURLOptions{
		Method: http.MethodGet, Expiry: s.life(ttl),
		BeforeSign: func(as func(any) bool) error {
			var in *s3.GetObjectInput
			if as(&in) {
				disposition := Disposition(fileName)
				in.ResponseContentDisposition = &disposition
			}
			return nil
		},
	})
	return link, wrap("sign", key, err)
}

// TTL is the life of links when the caller gives none.
func (s *Store) TTL() time.Duration { return s.life(0) }

func (s *Store) life(ttl time.Duration) time.Duration {
	if ttl <= 0 {
		ttl = s.opts.TTL
	}
	return min(ttl, maxTTL)
}

func (s *Store) expiry(ttl time.Duration) time.Time { return s.opts.Now().Add(s.life(ttl)) }
