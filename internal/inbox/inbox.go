// Package inbox is the mail server of development and test systems: an SMTP
// listener that accepts every mail and delivers none, and an HTTP server that
// shows what came in to people (a page) and to scripts (JSON).
//
// It can also fail on purpose (see FaultMode), so that the behaviour of a
// sender during an outage of its mail server can be watched.
//
// Messages live in segment files, not in the heap: the process keeps a small
// index entry for each of them, so that 100,000 messages cost some tens of
// megabytes.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// Defaults and hard limits.
const (
	// DefaultMaxMessages is how many messages are kept when Options says nothing.
	DefaultMaxMessages = 100_000
	// DefaultMaxMessageBytes is the size of the largest mail accepted when
	// Options says nothing: 10 MiB.
	DefaultMaxMessageBytes = 10 << 20
	// DefaultMaxStoreBytes bounds all messages together on disk: 2 GiB.
	DefaultMaxStoreBytes = 2 << 30
	// DefaultHangTimeout is how long the hang fault holds a client.
	DefaultHangTimeout = 5 * time.Minute

	// maxConnections bounds the SMTP and the HTTP connections open at once;
	// further clients wait in the accept queue.
	maxConnections = 1024
	maxRecipients  = 1000
	// maxLineLength is far above RFC 5321's 1,000 on purpose: a development
	// inbox should show what a sloppy sender wrote instead of refusing it.
	maxLineLength = 1 << 20
	// smtpIdleTimeout is the minimum RFC 5321 section 4.5.3.2.7 asks for.
	smtpIdleTimeout     = 5 * time.Minute
	httpShutdownTimeout = 2 * time.Second
)

// Options configures a Server. The zero value listens on the default ports of
// the loopback interface and keeps its messages until the process ends.
type Options struct {
	// SMTPAddr is the address of the SMTP listener; port 0 picks a free one.
	// Default 127.0.0.1:1025.
	SMTPAddr string
	// HTTPAddr is the address of the page and the JSON API; port 0 picks a
	// free one. Default 127.0.0.1:8025.
	HTTPAddr string
	// Dir keeps the messages across restarts. Empty: they live in anonymous
	// temporary files that vanish with the process.
	Dir string
	// MaxMessages is how many messages are kept; the oldest go first.
	MaxMessages int
	// MaxMessageBytes is the size of the largest mail accepted.
	MaxMessageBytes int64
	// MaxStoreBytes bounds all kept messages together; the oldest go first.
	MaxStoreBytes int64
	// HangTimeout bounds how long the hang fault holds a client that does not
	// give up by itself.
	HangTimeout time.Duration
	// Logger receives the server's log. Neither addresses nor contents of
	// mails are logged. Default slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.SMTPAddr == "" {
		o.SMTPAddr = "127.0.0.1:1025"
	}
	if o.HTTPAddr == "" {
		o.HTTPAddr = "127.0.0.1:8025"
	}
	if o.MaxMessages <= 0 {
		o.MaxMessages = DefaultMaxMessages
	}
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if o.MaxStoreBytes <= 0 {
		o.MaxStoreBytes = DefaultMaxStoreBytes
	}
	if o.HangTimeout <= 0 {
		o.HangTimeout = DefaultHangTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Server is an inbox. Make one with New, begin serving with Start, end it with
// Close or by cancelling Start's context. All methods are safe for concurrent use.
type Server struct {
	opts   Options
	log    *slog.Logger
	store  *store
	faults faults
	// bootID tells the list versions of this run from those of earlier ones.
	bootID int64

	smtpListener net.Listener
	httpListener net.Listener
	smtp         *smtp.Server
	http         *http.Server

	wg     sync.WaitGroup // the two serving goroutines
	closed chan struct{}  // closed when everything has stopped

	mu       sync.Mutex
	started  bool
	closing  bool
	stopWait func() bool // detaches the server from Start's context
	err      error       // why serving ended, if not by Close or the context
}

// New binds both listeners and opens the store. Mail is accepted, and requests
// are answered, after Start. The caller closes the Server even if it is never
// started. It fails when an address is taken or Options.Dir cannot be used.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	s := &Server{opts: opts, log: opts.Logger, bootID: time.Now().UnixNano(), closed: make(chan struct{})}

	var err error
	if s.store, err = openStore(storeOptions{
		dir:             opts.Dir,
		maxMessages:     opts.MaxMessages,
		maxMessageBytes: opts.MaxMessageBytes,
		maxBytes:        opts.MaxStoreBytes,
	}); err != nil {
		return nil, fmt.Errorf("inbox: open the message store: %w", err)
	}
	if s.smtpListener, err = net.Listen("tcp", opts.SMTPAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("inbox: listen for SMTP: %w", err), s.store.close())
	}
	if s.httpListener, err = net.Listen("tcp", opts.HTTPAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("inbox: listen for HTTP: %w", err), s.smtpListener.Close(), s.store.close())
	}
	s.smtp = s.newSMTPServer()
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// Start begins serving and returns at once. When ctx ends the server stops as
// if Close had been called. A second call does nothing; a call after Close fails.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return fmt.Errorf("inbox: start: %w", net.ErrClosed)
	}
	if s.started {
		return nil
	}
	s.started = true
	s.serve("SMTP", func() error {
		return s.smtp.Serve(netutil.LimitListener(s.smtpListener, maxConnections))
	})
	s.serve("HTTP", func() error {
		return s.http.Serve(netutil.LimitListener(s.httpListener, maxConnections))
	})
	s.stopWait = context.AfterFunc(ctx, func() { _ = s.Close() })
	s.log.InfoContext(ctx, "inbox is serving", "smtp", s.SMTPAddr(), "http", s.HTTPAddr(), "messages", s.store.len())
	return nil
}

// serve runs one listener; an error other than an orderly stop ends the Server.
func (s *Server) serve(name string, run func() error) {
	s.wg.Go(func() {
		err := run()
		if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			return
		}
		s.mu.Lock()
		s.err = errors.Join(s.err, fmt.Errorf("inbox: serve %s: %w", name, err))
		s.mu.Unlock()
		go func() { _ = s.Close() }() // Close waits for this goroutine.
	})
}

// Run is Start followed by waiting until ctx ends or a listener fails. It
// returns nil after an orderly stop.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	<-s.closed
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close stops both listeners, drops the open SMTP connections (those that the
// hang fault holds included), and closes the store. It returns after everything
// has stopped; further calls wait for the first one and return nil.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	if s.stopWait != nil {
		s.stopWait()
	}
	s.mu.Unlock()
	if !first {
		<-s.closed
		return nil
	}
	defer close(s.closed)
	ctx, cancel := context.WithTimeout(context.Background(), httpShutdownTimeout)
	defer cancel()
	// The servers close the listeners they serve; these two calls are for a
	// server that was never started.
	_ = s.smtpListener.Close()
	_ = s.httpListener.Close()
	_ = s.smtp.Close()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	s.wg.Wait()
	// A session that still runs has lost its connection and gets an error from
	// the closed store.
	if err := s.store.close(); err != nil {
		return fmt.Errorf("inbox: close the message store: %w", err)
	}
	return nil
}

// SMTPAddr is the address that accepts mail, with the real port.
func (s *Server) SMTPAddr() string { return s.smtpListener.Addr().String() }

// HTTPAddr is the address of the page and the JSON API, with the real port.
func (s *Server) HTTPAddr() string { return s.httpListener.Addr().String() }

// Messages returns the messages that match f, newest first, at most f.Limit of
// them (0: all that are kept). It never returns nil.
func (s *Server) Messages(f Filter) []Message {
	entries, _, _ := s.store.find(f)
	out := make([]Message, 0, len(entries))
	for _, e := range entries {
		// A message may be pushed out between the two steps.
		if m, ok := s.load(e); ok {
			out = append(out, m)
		}
	}
	return out
}

// Wait returns as soon as at least n messages match f, with the newest first
// and at most f.Limit of them. When ctx ends first it returns ctx's error and
// what has matched so far; when the server stops first, net.ErrClosed.
func (s *Server) Wait(ctx context.Context, f Filter, n int) ([]Message, error) {
	for {
		changed := s.store.watch() // before counting, so that nothing is missed
		if s.store.count(f) >= n {
			return s.Messages(f), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			got := s.Messages(f)
			return got, fmt.Errorf("inbox: waiting for %d messages, have %d: %w", n, s.store.count(f), ctx.Err())
		case <-s.closed:
			return nil, fmt.Errorf("inbox: waiting for %d messages: %w", n, net.ErrClosed)
		}
	}
}

// Clear forgets all messages.
func (s *Server) Clear() error {
	if err := s.store.clear(); err != nil {
		return fmt.Errorf("inbox: clear: %w", err)
	}
	return nil
}

// SetFault makes the share rate (0 to 1) of the following messages fail in the
// given way. FaultOK ends all faults. It fails on an unknown mode or a rate
// outside 0 to 1, and then changes nothing.
func (s *Server) SetFault(mode FaultMode, rate float64) error {
	return s.faults.set(Fault{Mode: mode, Rate: rate})
}

// load reads and parses one stored message; false when it is gone.
func (s *Server) load(e *entry) (Message, bool) {
	raw, err := s.store.raw(e)
	if err != nil {
		return Message{}, false
	}
	m := parse(raw)
	m.ID, m.From, m.To, m.ReceivedAt = e.idString(), e.sender(), e.to, e.at
	return m, true
}
