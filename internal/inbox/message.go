package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-message"
	// Decoders for the charsets that mails are written in.
	_ "github.com/emersion/go-message/charset"
)

// Message is one received mail, decoded to UTF-8.
type Message struct {
	// ID grows with every message and is never reused.
	ID string `json:"id"`
	// From is the envelope sender; the address in the From header if the
	// sender was empty, as it is for bounces.
	From string `json:"from"`
	// To lists the envelope recipients: everyone the mail was really sent to.
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	// Text is the plain-text body with \n line ends; the undecoded source when
	// the mail could not be parsed.
	Text string `json:"text"`
	// HTML is the HTML body as it was sent. It is not made safe.
	HTML string `json:"html"`
	// Headers holds the top-level header fields under the names they were sent
	// with. The values of a repeated field are joined with \n.
	Headers map[string]string `json:"headers"`
	// ReceivedAt is when the inbox accepted the message, in UTC.
	ReceivedAt time.Time `json:"receivedAt"`
}

// Limits of the parser. A mail beyond them is shown as far as they reach.
const (
	maxParts     = 500
	maxPartDepth = 20
)

// errEnough stops the walk through a mail's parts.
var errEnough = errors.New("enough parts")

// parse decodes a mail as far as it makes sense. It never fails: what cannot be
// decoded is shown undecoded, and a mail that is no mail becomes its own text.
func parse(raw []byte) (m Message) {
	fallback := Message{Text: unixLines(valid(raw)), Headers: map[string]string{}}
	defer func() {
		// The input is whatever a client sent. A bug in a decoder must neither
		// lose the mail nor end the process.
		if recover() != nil {
			m = fallback
		}
	}()

	root, err := message.Read(bytes.NewReader(raw))
	if root == nil || (err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return fallback
	}
	m.Subject = headerText(root.Header, "Subject")
	m.Headers = headerMap(root.Header)

	var text, html []string
	// Conversion from a charset may grow a text, but only so far.
	budget := int64(len(raw))*3 + 1024
	parts := 0
	// An error means that the rest is broken; what was read so far counts.
	_ = root.Walk(func(path []int, part *message.Entity, _ error) error {
		if parts++; parts > maxParts || len(path) > maxPartDepth {
			return errEnough
		}
		kind := mediaType(part.Header)
		if strings.HasPrefix(kind, "multipart/") || (kind != "text/plain" && kind != "text/html" && len(path) > 0) {
			return nil
		}
		if disposition, _, _ := part.Header.ContentDisposition(); strings.EqualFold(disposition, "attachment") && len(path) > 0 {
			return nil
		}
		body, _ := io.ReadAll(io.LimitReader(part.Body, budget)) // A broken encoding shows what came before the break.
		budget -= int64(len(body))
		if kind == "text/html" {
			html = append(html, valid(body))
		} else {
			text = append(text, unixLines(valid(body)))
		}
		return nil
	})
	m.Text, m.HTML = strings.Join(text, "\n"), strings.Join(html, "\n")
	if m.Text == "" && m.HTML == "" && (len(m.Headers) == 0 || strings.HasPrefix(mediaType(root.Header), "multipart/")) {
		// No part could be read, or no header: the source rather than nothing.
		m.Text = fallback.Text
	}
	return m
}

// parseHead decodes only what the index keeps.
func parseHead(raw []byte) (subject, from string) {
	defer func() {
		if recover() != nil {
			subject, from = "", "" // See parse.
		}
	}()
	root, err := message.Read(bytes.NewReader(raw))
	if root == nil || (err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return "", ""
	}
	subject = headerText(root.Header, "Subject")
	if address, err := mail.ParseAddress(root.Header.Get("From")); err == nil {
		from = valid([]byte(address.Address))
	}
	return subject, from
}

// mediaType is the part's type in lower case without parameters. Parameters
// that cannot be parsed do not hide the type in front of them.
func mediaType(h message.Header) string {
	kind, _, err := h.ContentType()
	if err != nil {
		kind, _, _ = strings.Cut(kind, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}

func headerText(h message.Header, key string) string {
	text, err := h.Text(key)
	if err != nil {
		text = h.Get(key)
	}
	return valid([]byte(text))
}

func headerMap(h message.Header) map[string]string {
	out := make(map[string]string, h.Len())
	names := make(map[string]string, h.Len()) // lower case -> as first sent
	for fields := h.Fields(); fields.Next(); {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
		}
		value = valid([]byte(value))
		name := valid([]byte(sentName(fields.Raw())))
		if name == "" {
			name = fields.Key()
		}
		if first, seen := names[strings.ToLower(name)]; seen {
			out[first] += "\n" + value
			continue
		}
		names[strings.ToLower(name)] = name
		out[name] = value
	}
	return out
}

// sentName is the field's name with the capitals the sender gave it.
func sentName(field []byte, err error) string {
	if err != nil {
		return ""
	}
	name, _, _ := bytes.Cut(field, []byte{':'})
	return string(bytes.TrimSpace(name))
}

func valid(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

func unixLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// attachmentName is the file name under which a message's source is downloaded.
func attachmentName(id string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": fmt.Sprintf("message-%s.eml", id)})
}
