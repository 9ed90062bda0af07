package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/internal/blob"
	"quad/internal/httpx"
)

// uploadTime is the longest time one upload or download may take; it must also
// make progress all the time (httpx.BodyStream, httpx.SendStream).
const uploadTime = time.Hour

// filesDoor serves the signed links of a local blob store. There is no token:
// the link is the permission, for one object, one method, some minutes.
func filesDoor(store *blob.Store) httpx.Door {
	f := files{store}
	path := blob.FilesPath + "{key...}"
	return httpx.Door{
		Name: "files", Prefixes: []string{strings.TrimSuffix(blob.FilesPath, "/")},
		ErrorHandler: httpx.ProblemErrorHandler,
		Operations: []httpx.Operation{
			{
				ID: "downloadFile", Method: http.MethodGet, Path: path, Access: httpx.Public, Handler: f.download,
			}, {
				ID: "uploadFile", Method: http.MethodPut, Path: path, Access: httpx.Public, Handler: f.upload,
				Stream: true, BodyLimit: store.MaxUpload(), Timeout: uploadTime,
			},
		},
	}
}

type files struct{ store *blob.Store }

func (f files) grant(c *fiber.Ctx) (blob.Grant, error) {
	query, err := url.ParseQuery(string(c.Context().URI().QueryString()))
	if err != nil {
		return blob.Grant{}, blob.ErrLink
	}
	return f.store.Verify(c.Method(), httpx.Param(c, "key"), query)
}

// upload stores the body, piece by piece, and makes it visible when it is whole.
func (f files) upload(c *fiber.Ctx) error {
	grant, err := f.grant(c)
	if err != nil {
		return err
	}
	body, err := httpx.BodyStream(c)
	if err != nil {
		return err
	}
	size, err := f.store.Receive(c.UserContext(), grant, c.Get(fiber.HeaderContentType), body)
	if errors.Is(err, blob.ErrTooLarge) {
		return httpx.ErrBodyTooLarge
	}
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"key": grant.Key, "size": size})
}

// download sends the object, or one range of it. A browser saves it and never
// shows it: what people upload must not run with the hub's origin.
func (f files) download(c *fiber.Ctx) error {
	grant, err := f.grant(c)
	if err != nil {
		return err
	}
	info, err := f.store.Attributes(c.UserContext(), grant.Key)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentDisposition, blob.Disposition(grant.FileName))
	c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	c.Set(fiber.HeaderETag, info.Version)
	c.Set(fiber.HeaderLastModified, info.ModTime.UTC().Format(http.TimeFormat))
	c.Set(fiber.HeaderContentType, info.ContentType)
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), info.Version) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	part := blob.ReadOptions{Version: info.Version}
	size := info.Size
	header := c.Get(fiber.HeaderRange)
	if since := c.Get(fiber.HeaderIfRange); since != "" && since != info.Version {
		header = ""
	}
	switch first, last, ok := byteRange(header, info.Size); {
	case !ok:
		c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes */%d", info.Size))
		return c.SendStatus(fiber.StatusRequestedRangeNotSatisfiable)
	case last >= 0:
		part.Offset, part.Length, size = first, last-first+1, last-first+1
		c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", first, last, info.Size))
		c.Status(fiber.StatusPartialContent)
	}
	return httpx.SendStream(c, size, func(ctx context.Context) (io.ReadCloser, error) {
		return f.store.Open(ctx, grant.Key, part)
	})
}

// byteRange reads a Range header of one range. last is -1 for the whole object:
// no header, several ranges, or one that is not understood, which a server may
// ignore. ok is false when the range lies outside of the object.
func byteRange(header string, size int64) (first, last int64, ok bool) {
	spec, found := strings.CutPrefix(strings.TrimSpace(header), "bytes=")
	from, to, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return 0, -1, true
	}
	number := func(s string) (int64, bool) {
		n, err := strconv.ParseUint(s, 10, 63)
		return int64(n), err == nil
	}
	if from == "" { // the last n bytes
		n, valid := number(to)
		switch {
		case !valid:
			return 0, -1, true
		case n == 0 || size == 0:
			return 0, 0, false
		}
		return max(size-n, 0), size - 1, true
	}
	first, valid := number(from)
	if !valid {
		return 0, -1, true
	}
	last = size - 1
	if to != "" {
		end, valid := number(to)
		if !valid || end < first {
			return 0, -1, true
		}
		last = min(end, last)
	}
	if first >= size {
		return 0, 0, false
	}
	return first, last, true
}
