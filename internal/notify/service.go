// Package notify sends the hub's mails. A mail is a row of the outbox, written
// in the transaction of what it tells about. A dispatcher hands due rows to the
// task queue, a handler sends them, and a sweeper takes back what got lost on
// the way, so that neither a lost Redis nor a dead mail server loses a mail.
// Each mail goes out at least once, and twice only if a worker dies between the
// mail server's acceptance and the note of it; both copies then carry the same
// Message-ID.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"quad/internal/config"
	"quad/internal/store"
	"quad/models"
)

// ErrObsolete is what a ParamsFunc returns when the mail lost its reason, such
// as a code that was used meanwhile. The mail is cancelled.
var ErrObsolete = errors.New("notify: the mail lost its reason")

// ParamsFunc makes the values of a mail that must not be stored, such as codes
// and signed links. It is called for each attempt; its context is bound to the
// mail's account. Its values win over the stored ones.
type ParamsFunc func(ctx context.Context, n models.Notification) (map[string]string, error)

// Deps is what a Service needs.
type Deps struct {
	DB *store.DB
	// Redis is needed by the worker only; nil is enough for Send, lists and
	// templates.
	Redis redis.UniversalClient
	Mail  config.Mail
	// Grace is how long a queued mail may wait for a worker before it is queued
	// again (default 10 s); a mail that is being sent gets Mail.Timeout more.
	Grace time.Duration
	// Sender delivers mails; default: by SMTP as Mail says. Needed by the
	// worker only.
	Sender Sender
}

// Service is the outbox, its dispatcher and its task handler. It is safe for
// concurrent use.
type Service struct {
	db     *store.DB
	redis  redis.UniversalClient
	mail   config.Mail
	grace  time.Duration
	sender Sender
	domain string // of Message-IDs

	tasks     *asynq.Client
	inspector *asynq.Inspector
	limits    *limits

	mu     sync.RWMutex
	params map[string]ParamsFunc
	attach map[string]AttachFunc
	wake   chan struct{}
}

// New makes a Service. Errors: a mail address or server address that cannot be
// read.
func New(d Deps) (*Service, error) {
	s := &Service{
		db: d.DB, redis: d.Redis, mail: d.Mail, grace: d.Grace, sender: d.Sender,
		params: map[string]ParamsFunc{}, attach: map[string]AttachFunc{}, wake: make(chan struct{}, 1),
	}
	if s.grace <= 0 {
		s.grace = 10 * time.Second
	}
	if s.mail.MaxAttempts <= 0 {
		s.mail.MaxAttempts = 12
	}
	if s.mail.RetryBaseDelay <= 0 {
		s.mail.RetryBaseDelay = 5 * time.Second
	}
	if s.mail.Timeout <= 0 {
		s.mail.Timeout = 20 * time.Second
	}
	s.domain = "quad.invalid"
	if from, err := mail.ParseAddress(s.mail.From); err == nil {
		_, s.domain, _ = strings.Cut(from.Address, "@")
	}
	if s.redis != nil {
		s.tasks = asynq.NewClientFromRedisClient(s.redis)
		s.inspector = asynq.NewInspectorFromRedisClient(s.redis)
		s.limits = newLimits(s.redis, s.mail.RatePerMinute)
	}
	if s.sender == nil && s.mail.URL != "" {
		sender, err := NewSMTP(s.mail)
		if err != nil {
			return nil, err
		}
		s.sender = sender
	}
	return s, nil
}

// RegisterParams sets the function that makes the unstored values of a
// template's mails. It is called while the program is put together.
func (s *Service) RegisterParams(template string, fn ParamsFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.params[template] = fn
}

// Message is one mail to one recipient about one event.
type Message struct {
	Template  string // code, one of Shipped or of an organization's own
	Recipient string // e-mail address
	// EventKey names the event: a recipient gets one mail about it, however
	// often it is sent. "role_request/42/approved".
	EventKey       string
	UserID         *int64
	OrganizationID *int64 // whose template is used; nil: the default organization's
	ProcessID      *int64
	Params         map[string]any // values of placeholders; no secrets
}

// maxMessages bounds one statement of Send.
const maxMessages = 1000

// channel is the PostgreSQL notification channel that wakes the dispatcher.
const channel = "quad_notifications"

const insertMessages = `
WITH m AS (
    INSERT INTO notifications (account_id, organization_id, user_id, process_id, template, recipient, event_key, params)
    SELECT @account_id, organization_id, user_id, process_id, template, recipient, event_key, params
    FROM jsonb_to_recordset(CAST(@messages AS jsonb)) AS m(organization_id bigint, user_id bigint, process_id bigint,
        template text, recipient text, event_key text, params jsonb)
    ON CONFLICT (account_id, event_key, recipient) DO NOTHING
    RETURNING id)
SELECT pg_notify('quad_notifications', '') FROM m LIMIT 1`

// Send writes mails into the outbox, in the transaction of the context. A mail
// about an event that the recipient has been told of is left out. Errors:
// KindInvalid for a message without template, recipient or event key.
func (s *Service) Send(ctx context.Context, messages ...Message) error {
	type row struct {
		OrganizationID *int64         `json:"organization_id"`
		UserID         *int64         `json:"user_id"`
		ProcessID      *int64         `json:"process_id"`
		Template       string         `json:"template"`
		Recipient      string         `json:"recipient"`
		EventKey       string         `json:"event_key"`
		Params         map[string]any `json:"params"`
	}
	for len(messages) > 0 {
		n := min(len(messages), maxMessages)
		rows := make([]row, n)
		for i, m := range messages[:n] {
			if m.Template == "" || m.Recipient == "" || m.EventKey == "" {
				return models.Invalid(models.FieldError{Field: "message", Rule: "required", Text: "a mail needs template, recipient and event key"})
			}
			params := m.Params
			if params == nil {
				params = map[string]any{}
			}
			rows[i] = row{m.OrganizationID, m.UserID, m.ProcessID, m.Template, models.NormalizeEmail(m.Recipient), m.EventKey, params}
		}
		encoded, err := json.Marshal(rows)
		if err != nil {
			return fmt.Errorf("notify: send: %w", err)
		}
		if _, err := s.db.Exec(ctx, insertMessages, store.Args{"messages": string(encoded)}); err != nil {
			return fmt.Errorf("notify: send: %w", err)
		}
		messages = messages[n:]
	}
	return nil
}
