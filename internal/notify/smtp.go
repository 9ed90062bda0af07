package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"quad/internal/config"
)

// Mail is a finished mail.
type Mail struct {
	MessageID string // without angle brackets
	To        string
	Subject   string
	HTML      string
	Text      string
	Files     []Attachment
}

// Sender delivers a mail. An error for which Permanent is true says that
// another try is useless.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// permanentError is a refusal by the mail server that another try won't change.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent tells whether a delivery has failed for good.
func Permanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// SMTP sends mails to a mail server, each over a connection of its own.
type SMTP struct {
	host    string
	domain  string // of Message-IDs
	from    string
	options []gomail.Option
	timeout time.Duration
}

// NewSMTP reads the address of the mail server. Schemes: smtp (STARTTLS when
// offered), smtps (TLS from the start), smtp+starttls (STARTTLS or nothing),
// smtp+insecure (never TLS). Errors: an address or a sender that cannot be
// read; no secret is in them.
func NewSMTP(cfg config.Mail) (*SMTP, error) {
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("notify: sender %q: %w", cfg.From, err)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("notify: the mail server's address is no smtp://user:password@host:port")
	}
	port := 25
	s := &SMTP{host: u.Hostname(), from: cfg.From, timeout: cfg.Timeout}
	_, s.domain, _ = strings.Cut(from.Address, "@")
	tlsConfig := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	s.options = []gomail.Option{gomail.WithTimeout(cfg.Timeout), gomail.WithHELO(s.domain), gomail.WithTLSConfig(tlsConfig)}
	switch u.Scheme {
	case "smtp":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case "smtp+starttls":
		port = 587
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		port = 465
		s.options = append(s.options, gomail.WithSSL())
	case "smtp+insecure":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("notify: unknown mail scheme %q", u.Scheme)
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("notify: the mail server's port is no port")
		}
	}
	s.options = append(s.options, gomail.WithPort(port))
	if u.User != nil && u.User.Username() != "" {
		password, _ := u.User.Password()
		auth := gomail.SMTPAuthAutoDiscover
		if u.Scheme == "smtp+insecure" {
			auth = gomail.SMTPAuthPlainNoEnc // asked for by name: a relay on the same machine
		}
		s.options = append(s.options, gomail.WithSMTPAuth(auth), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("notify: mail server: %w", err)
	}
	return s, nil
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg := gomail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("notify: sender: %w", err)
	}
	if err := msg.To(m.To); err != nil {
		return &permanentError{errors.New("the recipient is no e-mail address")}
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no vacation answers
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	for _, f := range m.Files {
		msg.AttachReadSeeker(f.Name, bytes.NewReader(f.Content), gomail.WithFileContentType(gomail.ContentType(f.ContentType)))
	}
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("notify: mail server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return classify(err)
	}
	return nil
}

// classify finds out whether the server refused the mail for good (5xx to the
// sender, the recipient or the content) and keeps personal data out of the
// text. Trouble with the connection, TLS or the login is not the mail's fault.
func classify(err error) error {
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return fmt.Errorf("mail server not reached: %w", err)
	}
	text := fmt.Errorf("mail server: %s: %d %s", refused.Reason, refused.ErrorCode(), refused.EnhancedStatusCode())
	switch refused.Reason {
	case gomail.ErrSMTPMailFrom, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		if code := refused.ErrorCode(); code >= 500 && code <= 599 {
			return &permanentError{text}
		}
	}
	return text
}
