package models

import (
	"encoding/json"
	"time"
)

// NotificationState is where a mail stands.
type NotificationState string

// The states of a notification. Dead ones used up their attempts and wait for
// an operator; cancelled ones had lost their reason before they were sent.
const (
	NotificationPending   NotificationState = "pending"
	NotificationQueued    NotificationState = "queued"
	NotificationSending   NotificationState = "sending"
	NotificationSent      NotificationState = "sent"
	NotificationDead      NotificationState = "dead"
	NotificationCancelled NotificationState = "cancelled"
)

// Notification is one row of the outbox: one mail to one recipient about one
// event. (EventKey, Recipient) is unique in the account.
type Notification struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	UserID         *int64
	ProcessID      *int64
	Template       string
	Recipient      string
	EventKey       string
	Params         json.RawMessage `gorm:"type:jsonb"`
	State          NotificationState
	Attempts       int
	NextAttemptAt  time.Time
	LastError      *string
	MessageID      *string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	SentAt         *time.Time
}

// TemplateType tells a mail's template from the parts that wrap it.
type TemplateType string

// The template types.
const (
	TemplateEmail  TemplateType = "email"
	TemplateHeader TemplateType = "emailHeader"
	TemplateFooter TemplateType = "emailFooter"
)

// NotificationTemplate is an organization's own text for a mail. Placeholders
// are {name}; values are escaped.
type NotificationTemplate struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	Type           TemplateType
	Code           string
	Subject        string
	Body           string
	TextBody       string
	EmailHeader    *string
	EmailFooter    *string
	Status         Status
	CreatedBy      *int64
	UpdatedBy      *int64
	DeletedAt      *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}
