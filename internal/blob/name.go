package blob

import (
	"fmt"
	"mime"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of keys, in bytes.
const (
	maxKey     = 512
	maxSegment = 200
	maxName    = 120
)

// forbidden are characters with a meaning to some file system or shell.
const forbidden = `\<>:"|?*`

// CheckKey refuses keys that could leave the store or confuse one: they are
// relative paths of plain names, "invites/7/users.csv". Errors: ErrKey.
func CheckKey(key string) error {
	bad := func(why string) error { return ErrKey.With(fmt.Errorf("%s", why)) }
	switch {
	case key == "":
		return bad("empty")
	case len(key) > maxKey:
		return bad("too long")
	case !utf8.ValidString(key):
		return bad("not UTF-8")
	case strings.ContainsAny(key, forbidden):
		return bad("forbidden character")
	case strings.HasSuffix(key, ".attrs"), strings.HasSuffix(key, ".tmp"):
		return bad("reserved ending") // of the local folder's own files
	}
	for _, ch := range key {
		if unicode.IsControl(ch) || unicode.Is(unicode.Cf, ch) || ch == '\u2028' || ch == '\u2029' {
			return bad("control character")
		}
	}
	for seg := range strings.SplitSeq(key, "/") {
		switch {
		case seg == "":
			return bad("empty segment")
		case strings.HasPrefix(seg, "."):
			return bad("segment starts with a dot") // "..", and hidden files
		case strings.HasSuffix(seg, ".") || strings.TrimSpace(seg) != seg:
			return bad("segment ends with a dot or has outer spaces")
		case len(seg) > maxSegment:
			return bad("segment too long")
		}
	}
	return nil
}

// CleanName makes a file name of anything a client sends: path parts of any
// system are cut off, control and special characters replaced, length bounded
// (the ending is kept). The result is never empty and is a valid key segment.
func CleanName(fileName string) string {
	name := strings.ToValidUTF8(fileName, "_")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(ch rune) rune {
		switch {
		case unicode.IsControl(ch) || unicode.Is(unicode.Cf, ch) || ch == '\u2028' || ch == '\u2029':
			return -1
		case unicode.IsSpace(ch):
			return ' '
		case strings.ContainsRune(forbidden, ch):
			return '_'
		}
		return ch
	}, name)
	if len(name) > maxName {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		name = cut(strings.TrimSuffix(name, ext), maxName-len(ext)) + ext
	}
	name = strings.Trim(name, ". ")
	for _, reserved := range []string{".attrs", ".tmp"} {
		if strings.HasSuffix(name, reserved) {
			name += "_"
		}
	}
	if name == "" {
		return "file"
	}
	return name
}

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// types are what the hub stores; the machine's own table differs between hosts.
var types = map[string]string{
	".csv":  "text/csv; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	".json": "application/json",
	".pdf":  "application/pdf",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".zip":  "application/zip",
	".png":  "image/png",
	".jpg":  "image/jpeg",
	".jpeg": "image/jpeg",
	".gif":  "image/gif",
	".webp": "image/webp",
	".mp4":  "video/mp4",
	".html": "text/html; charset=utf-8",
	".svg":  "image/svg+xml",
}

// TypeByName is the content type that a file's ending stands for.
func TypeByName(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := types[ext]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Disposition is the Content-Disposition that saves a download as fileName,
// with a plain spelling for old clients and the true one in UTF-8.
func Disposition(fileName string) string {
	name := CleanName(fileName)
	plain := strings.Map(func(ch rune) rune {
		if ch < ' ' || ch > '~' || ch == '"' || ch == '%' || ch == ';' {
			return '_'
		}
		return ch
	}, name)
	out := `attachment; filename="` + plain + `"`
	if plain != name {
		out += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return out
}
