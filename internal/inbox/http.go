package inbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultLimit = 100
	// maxLimit bounds one answer; a larger limit asks for the maximum. The rest
	// is reached with before=<last id>.
	maxLimit     = 1000
	maxBodyBytes = 64 << 10
	maxPartQuery = 1000
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own script, style and frames, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mailPolicy is for a mail's HTML: no script, no remote anything, an origin of
// its own, links only into a new window.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

func (s *Server) handler() http.Handler {
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // The folder is part of the binary.
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/messages", s.listMessages)
	mux.HandleFunc("DELETE /api/messages", s.deleteMessages)
	mux.HandleFunc("/api/messages", methodNotAllowed("GET, HEAD, DELETE"))
	mux.HandleFunc("GET /api/messages/{id}", s.getMessage)
	mux.HandleFunc("GET /api/messages/{id}/raw", s.getSource)
	mux.HandleFunc("GET /api/faults", s.getFault)
	mux.HandleFunc("POST /api/faults", s.postFault)
	mux.HandleFunc("/api/faults", methodNotAllowed("GET, HEAD, POST"))
	mux.HandleFunc("GET /messages/{id}/html", s.viewHTML)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(page)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		http.ServeFileFS(w, r, page, "index.html")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, http.StatusNotFound, "There is nothing at this path.")
	})

	// A page open in the same browser must not empty the inbox or break it.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "Requests from other sites are refused.")
	}))
	return sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-DNS-Prefetch-Control", "off") // A content policy does not cover it.
		h.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	}))
}

// messageSummary is a Message as lists show it.
type messageSummary struct {
	ID         string    `json:"id"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// listMessages answers {"total", "messages"}. Messages are read, decoded and
// written one after the other, so the answer's size is not held in memory.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) {
	filter, err := parseFilter(r.URL.Query())
	if err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	summary := false
	switch v := r.URL.Query().Get("view"); v {
	case "", "full":
	case "summary":
		summary = true
	default:
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("view %q is unknown; use full or summary.", v))
		return
	}
	limit := filter.Limit
	filter.Limit = max(limit, 1) // 0 would mean all to find; it asks for the total alone.
	entries, total, version := s.store.find(filter)
	if limit == 0 {
		entries = nil
	}

	etag := fmt.Sprintf(`"%x-%x"`, s.bootID, version)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Method == http.MethodHead {
		return
	}
	_, _ = fmt.Fprintf(w, `{"total":%d,"messages":[`, total)
	separator := ""
	for _, e := range entries {
		var item any
		if summary {
			item = messageSummary{ID: e.idString(), From: e.sender(), To: e.to, Subject: e.subject, ReceivedAt: e.at}
		} else if m, ok := s.load(e); ok {
			item = m
		} else {
			continue // Pushed out since find.
		}
		encoded, err := encode(item)
		if err != nil {
			continue // Strings, times and a map of strings always encode.
		}
		if _, err := io.WriteString(w, separator+string(encoded)); err != nil {
			return // The client is gone.
		}
		separator = ",\n"
	}
	_, _ = io.WriteString(w, "]}\n")
}

func parseFilter(q url.Values) (Filter, error) {
	f := Filter{To: strings.TrimSpace(q.Get("to")), Subject: q.Get("subject"), Query: q.Get("q"), Limit: defaultLimit}
	for name, value := range map[string]string{"to": f.To, "subject": f.Subject, "q": f.Query} {
		if len(value) > maxPartQuery {
			return Filter{}, fmt.Errorf("%s is longer than %d bytes", name, maxPartQuery)
		}
	}
	if v := q.Get("after"); v != "" {
		// A + of a zone offset that was not escaped arrives as a space.
		at, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(v, " ", "+"))
		if err != nil {
			return Filter{}, fmt.Errorf("after %q is not a time like 2026-01-31T12:00:00Z", v)
		}
		f.After = at
	}
	if v := q.Get("before"); v != "" {
		id, err := strconv.ParseUint(v, 10, 64)
		if err != nil || id == 0 {
			return Filter{}, fmt.Errorf("before %q is not the id of a message", v)
		}
		f.Before = id
	}
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 0 {
			return Filter{}, fmt.Errorf("limit %q is not a number of messages", q.Get("limit"))
		}
		f.Limit = min(n, maxLimit)
	}
	return f, nil
}

func (s *Server) deleteMessages(w http.ResponseWriter, r *http.Request) {
	if err := s.Clear(); err != nil {
		s.log.ErrorContext(r.Context(), "inbox cannot be emptied", "error", err)
		writeProblem(w, http.StatusInternalServerError, "The inbox cannot be emptied; its log says why.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// entryOf finds the message of the path, or answers 404.
func (s *Server) entryOf(w http.ResponseWriter, r *http.Request) (*entry, bool) {
	if id, err := strconv.ParseUint(r.PathValue("id"), 10, 64); err == nil {
		if e := s.store.get(id); e != nil {
			return e, true
		}
	}
	writeProblem(w, http.StatusNotFound, "There is no such message, or no longer.")
	return nil, false
}

func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) {
	e, ok := s.entryOf(w, r)
	if !ok {
		return
	}
	m, ok := s.load(e)
	if !ok {
		writeProblem(w, http.StatusNotFound, "The message is no longer kept.")
		return
	}
	writeJSON(w, http.StatusOK, m)
}

// getSource answers the mail as it came in, as a download: shown in place, a
// browser might take it for something to run.
func (s *Server) getSource(w http.ResponseWriter, r *http.Request) {
	e, ok := s.entryOf(w, r)
	if !ok {
		return
	}
	raw, err := s.store.raw(e)
	if err != nil {
		writeProblem(w, http.StatusNotFound, "The message is no longer kept.")
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", attachmentName(e.idString()))
	w.Header().Set("Content-Security-Policy", mailPolicy)
	_, _ = w.Write(raw)
}

// viewHTML answers a mail's HTML for the page's sandboxed frame. The base
// element in front makes its links open in a new window.
func (s *Server) viewHTML(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", mailPolicy)
	e, ok := s.entryOf(w, r)
	if !ok {
		return
	}
	m, ok := s.load(e)
	if !ok {
		writeProblem(w, http.StatusNotFound, "The message is no longer kept.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><base target="_blank">`+"\n"+m.HTML)
}

func (s *Server) getFault(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.faults.get())
}

// postFault sets how the inbox fails. A rate left out means every message.
func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Mode FaultMode `json:"mode"`
		Rate *float64  `json:"rate"`
		Code int       `json:"code"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		writeProblem(w, http.StatusBadRequest, "The body is not {\"mode\": …, \"rate\": …}: "+err.Error())
		return
	}
	if _, err := decoder.Token(); err != io.EOF {
		writeProblem(w, http.StatusBadRequest, "The body holds more than one JSON value.")
		return
	}
	fault := Fault{Mode: in.Mode, Rate: 1, Code: in.Code}
	if in.Rate != nil {
		fault.Rate = *in.Rate
	}
	if err := s.faults.set(fault); err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	s.log.InfoContext(r.Context(), "inbox fault set", "mode", fault.Mode, "rate", fault.Rate)
	writeJSON(w, http.StatusOK, s.faults.get())
}

func methodNotAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		writeProblem(w, http.StatusMethodNotAllowed, "Use one of "+allow+".")
	}
}

// encode is json.Marshal without the escapes for HTML, which these answers are
// never embedded in.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := encode(v)
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, "The answer cannot be encoded.")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// writeProblem answers RFC 9457 problem details.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	body, err := encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
	if err != nil {
		body = nil // Strings and a number always encode.
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
