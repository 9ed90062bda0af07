package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// dropAfter is how much of a message FaultDrop reads before it hangs up.
const dropAfter = 64

var errDropped = errors.New("connection dropped on purpose")

func (s *Server) newSMTPServer() *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	server.Domain = "inbox.localhost"
	server.MaxRecipients = maxRecipients
	server.MaxMessageBytes = s.opts.MaxMessageBytes
	server.MaxLineLength = maxLineLength
	server.ReadTimeout = smtpIdleTimeout
	server.WriteTimeout = time.Minute
	server.EnableSMTPUTF8 = true
	// There is no TLS here, and nothing behind the password.
	server.AllowInsecureAuth = true
	server.ErrorLog = smtpLog{s.log}
	return server
}

// session is one SMTP connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	from   string
	to     []string
}

// AuthMechanisms offers PLAIN, so that a sender configured with a user and a
// password works unchanged.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth accepts any user and password.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from, s.to = valid([]byte(from)), nil
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, valid([]byte(to)))
	return nil
}

// Data receives the message and stores it, unless a fault is due.
func (s *session) Data(r io.Reader) error {
	fault := s.server.faults.next()
	if fault.Mode == FaultDrop {
		_, _ = io.CopyN(io.Discard, r, dropAfter)
		_ = s.conn.Conn().Close()
		return errDropped
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // The library maps its own errors (552 too large) to an answer.
	}
	switch fault.Mode {
	case FaultReject:
		return &smtp.SMTPError{
			Code:         fault.Code,
			EnhancedCode: smtp.EnhancedCode{fault.Code / 100, 3, 0},
			Message:      "Refused on purpose by the development inbox",
		}
	case FaultHang:
		s.hang()
		return errDropped
	}
	if err := s.server.store.add(s.from, slices.Clone(s.to), raw, time.Now().UTC()); err != nil {
		s.server.log.WarnContext(context.Background(), "inbox cannot store a message", "bytes", len(raw), "error", err)
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Cannot store the message"}
	}
	return nil
}

// hang holds the client without an answer. Reading from the connection notices
// when the client goes away, and closing the server closes the connection.
func (s *session) hang() {
	conn := s.conn.Conn()
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(s.server.opts.HangTimeout)); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}

// Reset forgets the message begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// smtpLog sends the library's complaints, mostly about clients that hang up, to
// the structured log.
type smtpLog struct{ log *slog.Logger }

func (l smtpLog) Printf(format string, v ...any) {
	l.log.DebugContext(context.Background(), "inbox SMTP", "detail", fmt.Sprintf(format, v...))
}

func (l smtpLog) Println(v ...any) {
	l.log.DebugContext(context.Background(), "inbox SMTP", "detail", fmt.Sprint(v...))
}
