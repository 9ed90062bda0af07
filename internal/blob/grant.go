package blob

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quad/models"
)

// Grant is what a link to the local folder allows: one method on one object,
// until a moment. The link carries all of it, signed.
type Grant struct {
	Method      string // PUT or GET (which serves HEAD too)
	Key         string
	ContentType string // what an upload must declare; "" for anything
	FileName    string // what a download is saved as
	Expires     time.Time
}

// FilesPath is where the hub serves links to the local folder.
const FilesPath = "/files/"

// Refusals of links.
var (
	ErrLink        = models.Refuse(models.KindForbidden, "file.bad_link", "this link is not valid")
	ErrLinkExpired = models.Refuse(models.KindForbidden, "file.link_expired", "this link has expired")
	ErrLinkType    = models.Refuse(models.KindInvalid, "file.wrong_type", "the upload must have the content type the link was made for")
)

// Names of the link's query parameters.
const (
	paramExpires   = "expires"
	paramType      = "type"
	paramName      = "name"
	paramSignature = "signature"
)

func (s *Store) sign(g Grant) string {
	q := url.Values{}
	q.Set(paramExpires, strconv.FormatInt(g.Expires.Unix(), 10))
	if g.ContentType != "" {
		q.Set(paramType, g.ContentType)
	}
	if g.FileName != "" {
		q.Set(paramName, g.FileName)
	}
	q.Set(paramSignature, base64.RawURLEncoding.EncodeToString(g.mac(s.keys[0])))
	segments := strings.Split(g.Key, "/")
	for i, seg := range segments {
		segments[i] = url.PathEscape(seg)
	}
	return s.opts.PublicURL + FilesPath + strings.Join(segments, "/") + "?" + q.Encode()
}

// mac signs every part with its length before it, so that none can flow into
// the next one.
func (g Grant) mac(key []byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range []string{g.Method, g.Key, strconv.FormatInt(g.Expires.Unix(), 10), g.ContentType, g.FileName} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return h.Sum(nil)
}

// Verify checks a request to FilesPath: its method, the decoded key after the
// path, its query. Errors: ErrLink for anything that was not signed just so,
// ErrLinkExpired.
func (s *Store) Verify(method, key string, query url.Values) (Grant, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !s.local || CheckKey(key) != nil {
		return Grant{}, ErrLink
	}
	expires, err := strconv.ParseInt(query.Get(paramExpires), 10, 64)
	if err != nil {
		return Grant{}, ErrLink
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(query.Get(paramSignature))
	if err != nil {
		return Grant{}, ErrLink
	}
	g := Grant{
		Method: method, Key: key, ContentType: query.Get(paramType), FileName: query.Get(paramName),
		Expires: time.Unix(expires, 0),
	}
	good := false
	for _, k := range s.keys {
		good = hmac.Equal(given, g.mac(k)) || good
	}
	switch {
	case !good:
		return Grant{}, ErrLink
	case !s.opts.Now().Before(g.Expires):
		return Grant{}, ErrLinkExpired
	}
	return g, nil
}

// Receive stores the body of an upload that Verify allowed, and returns its
// size. Errors: ErrLink, ErrLinkType, ErrTooLarge, those of body.
func (s *Store) Receive(ctx context.Context, g Grant, contentType string, body io.Reader) (int64, error) {
	if g.Method != http.MethodPut {
		return 0, ErrLink
	}
	if g.ContentType != "" && !sameType(g.ContentType, contentType) {
		return 0, ErrLinkType
	}
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		contentType = "" // by the name
	}
	return s.Write(ctx, g.Key, body, WriteOptions{ContentType: contentType, Max: s.opts.MaxUpload})
}

// MaxUpload is the largest upload in bytes.
func (s *Store) MaxUpload() int64 { return s.opts.MaxUpload }

// sameType compares media types without their parameters.
func sameType(a, b string) bool {
	left, _, errLeft := mime.ParseMediaType(a)
	right, _, errRight := mime.ParseMediaType(b)
	return errLeft == nil && errRight == nil && left == right
}
