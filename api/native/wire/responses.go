package wire

import (
	"encoding/json"
	"time"

	"quad/models"
)

// Page is a page of a list.
type Page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"` // nil on the last page
}

// Session is an open session.
type Session struct {
	AccessToken      string    `json:"accessToken"`
	RefreshToken     string    `json:"refreshToken"`
	ExpiresAt        time.Time `json:"expiresAt"` // of the access token
	RefreshExpiresAt time.Time `json:"refreshExpiresAt"`
	User             User      `json:"user"`
}

// User is a person.
type User struct {
	ID             int64         `json:"id"`
	OrganizationID int64         `json:"organizationId"`
	Identifier     *string       `json:"identifier"`
	Email          *string       `json:"email"`
	EmailVerified  bool          `json:"emailVerified"`
	Name           string        `json:"name"`
	Status         models.Status `json:"status"`
	Roles          []RoleRef     `json:"roles"`
	LastLoggedInAt *time.Time    `json:"lastLoggedInAt"`
	CreatedAt      time.Time     `json:"createdAt"`
	UpdatedAt      time.Time     `json:"updatedAt"`
}

// RoleRef is a role that somebody holds.
type RoleRef struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// Role is a role of the account.
type Role struct {
	ID       int64           `json:"id"`
	Title    string          `json:"title"`
	Label    string          `json:"label"`
	UserType models.UserType `json:"userType"`
	Status   models.Status   `json:"status"`
}

// Organization is an organization with its e-mail domains.
type Organization struct {
	ID          int64         `json:"id"`
	Name        string        `json:"name"`
	Code        string        `json:"code"`
	Description string        `json:"description"`
	Status      models.Status `json:"status"`
	IsDefault   bool          `json:"isDefault"`
	Domains     []string      `json:"domains"`
	CreatedAt   time.Time     `json:"createdAt"`
	UpdatedAt   time.Time     `json:"updatedAt"`
}

// SubjectRef names what a row is about.
type SubjectRef struct {
	Type string `json:"type"`
	ID   int64  `json:"id"`
}

// ProcessLinks is where more of a process is.
type ProcessLinks struct {
	Self     string `json:"self"`
	Timeline string `json:"timeline"`
	Events   string `json:"events"`
	Temporal string `json:"temporal"`
}

// Process is a long process.
type Process struct {
	ID                int64               `json:"id"`
	Kind              models.ProcessKind  `json:"kind"`
	State             models.ProcessState `json:"state"`
	Stage             string              `json:"stage"`
	WorkflowID        string              `json:"workflowId"`
	RunID             *string             `json:"runId"`
	Attempt           int                 `json:"attempt"`
	OrganizationID    *int64              `json:"organizationId"`
	Subject           SubjectRef          `json:"subject"`
	Done              int64               `json:"done"`
	Total             int64               `json:"total"`
	Counters          json.RawMessage     `json:"counters"`
	Result            json.RawMessage     `json:"result"`
	Error             *string             `json:"error"`
	WaitsFor          *string             `json:"waitsFor"`
	Deadline          *time.Time          `json:"deadline"`
	StartedBy         *int64              `json:"startedBy"`
	Door              string              `json:"door"`
	CancelRequestedAt *time.Time          `json:"cancelRequestedAt"`
	CreatedAt         time.Time           `json:"createdAt"`
	StartedAt         *time.Time          `json:"startedAt"`
	UpdatedAt         time.Time           `json:"updatedAt"`
	EndedAt           *time.Time          `json:"endedAt"`
	DurationMS        *int64              `json:"durationMs"`
	Links             ProcessLinks        `json:"links"`
}

// TimelineEvent is a line of a process's timeline.
type TimelineEvent struct {
	ID        int64                `json:"id"`
	Type      string               `json:"type"`
	FromState *models.ProcessState `json:"fromState"`
	ToState   *models.ProcessState `json:"toState"`
	Message   string               `json:"message"`
	Data      json.RawMessage      `json:"data"`
	ActorID   *int64               `json:"actorId"`
	CreatedAt time.Time            `json:"createdAt"`
}

// Holders says who holds a process now.
type Holders struct {
	Holders    []Holder   `json:"holders"`
	Deadline   *time.Time `json:"deadline"`
	NextAction string     `json:"nextAction"`
	NextAt     *time.Time `json:"nextAt"`
}

// Holder is somebody who can move a process on.
type Holder struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// RoleRequest is a user's wish for a role.
type RoleRequest struct {
	ID             int64                    `json:"id"`
	OrganizationID int64                    `json:"organizationId"`
	UserID         int64                    `json:"userId"`
	UserName       string                   `json:"userName"`
	RoleID         int64                    `json:"roleId"`
	RoleTitle      string                   `json:"roleTitle"`
	ProcessID      *int64                   `json:"processId"`
	Status         models.RoleRequestStatus `json:"status"`
	EndReason      *string                  `json:"endReason"`
	HandledBy      *int64                   `json:"handledBy"`
	Comments       []string                 `json:"comments"`
	Meta           json.RawMessage          `json:"meta"`
	Reminders      int                      `json:"reminders"`
	EscalatedAt    *time.Time               `json:"escalatedAt"`
	ExpiresAt      time.Time                `json:"expiresAt"`
	CreatedAt      time.Time                `json:"createdAt"`
	UpdatedAt      time.Time                `json:"updatedAt"`
	EndedAt        *time.Time               `json:"endedAt"`
}

// InviteFile is a list of people to invite.
type InviteFile struct {
	ID             int64                   `json:"id"`
	OrganizationID int64                   `json:"organizationId"`
	ProcessID      *int64                  `json:"processId"`
	Name           string                  `json:"name"`
	Status         models.InviteFileStatus `json:"status"`
	Failure        *string                 `json:"failure"`
	DryRun         bool                    `json:"dryRun"`
	Rows           int64                   `json:"rows"`
	InputPath      string                  `json:"inputPath"`
	OutputPath     *string                 `json:"outputPath"`
	ResultURL      *string                 `json:"resultUrl"`
	CreatedBy      int64                   `json:"createdBy"`
	CreatedAt      time.Time               `json:"createdAt"`
	UpdatedAt      time.Time               `json:"updatedAt"`
}

// InviteRow is the verdict on a row.
type InviteRow struct {
	Row      int64  `json:"row"`
	Verdict  string `json:"verdict"`
	InviteID *int64 `json:"inviteId"`
	UserID   *int64 `json:"userId"`
	Attempt  int    `json:"attempt"`
}

// Invite is an invitation.
type Invite struct {
	ID             int64               `json:"id"`
	OrganizationID int64               `json:"organizationId"`
	FileID         int64               `json:"fileId"`
	Email          string              `json:"email"`
	Name           string              `json:"name"`
	RoleIDs        []int64             `json:"roleIds"`
	Status         models.InviteStatus `json:"status"`
	UserID         *int64              `json:"userId"`
	ExpiresAt      time.Time           `json:"expiresAt"`
	CreatedAt      time.Time           `json:"createdAt"`
	UpdatedAt      time.Time           `json:"updatedAt"`
}

// Invitation is what the holder of a token sees.
type Invitation struct {
	Organization string    `json:"organization"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

// Notification is a mail.
type Notification struct {
	ID             int64                    `json:"id"`
	OrganizationID *int64                   `json:"organizationId"`
	ProcessID      *int64                   `json:"processId"`
	UserID         *int64                   `json:"userId"`
	Template       string                   `json:"template"`
	Recipient      string                   `json:"recipient"`
	State          models.NotificationState `json:"state"`
	Attempts       int                      `json:"attempts"`
	NextAttemptAt  *time.Time               `json:"nextAttemptAt"` // nil when no attempt is to come
	LastError      *string                  `json:"lastError"`
	CreatedAt      time.Time                `json:"createdAt"`
	SentAt         *time.Time               `json:"sentAt"`
}

// Upload is where to put a file.
type Upload struct {
	Path      string    `json:"path"`
	URL       string    `json:"url"`
	Method    string    `json:"method"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Download is where to read a file from.
type Download struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// APIToken is an API token without its secret.
type APIToken struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	ExpiresAt  *time.Time `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
	CreatedAt  time.Time  `json:"createdAt"`
}

// NewAPIToken is an API token, shown this once.
type NewAPIToken struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Token     string     `json:"token"`
	ExpiresAt *time.Time `json:"expiresAt"`
	CreatedAt time.Time  `json:"createdAt"`
}

// APIClient is an API client without its secret.
type APIClient struct {
	ID             int64      `json:"id"`
	OrganizationID *int64     `json:"organizationId"`
	Name           string     `json:"name"`
	ClientKey      string     `json:"clientKey"`
	LastUsedAt     *time.Time `json:"lastUsedAt"`
	RevokedAt      *time.Time `json:"revokedAt"`
	CreatedAt      time.Time  `json:"createdAt"`
}

// NewAPIClient is an API client with its secret, shown this once.
type NewAPIClient struct {
	ID             int64     `json:"id"`
	OrganizationID *int64    `json:"organizationId"`
	Name           string    `json:"name"`
	ClientKey      string    `json:"clientKey"`
	Secret         string    `json:"secret"`
	CreatedAt      time.Time `json:"createdAt"`
}

// AuditEvent is one change.
type AuditEvent struct {
	ID             int64           `json:"id"`
	Action         string          `json:"action"`
	Subject        SubjectRef      `json:"subject"`
	OrganizationID *int64          `json:"organizationId"`
	ActorID        *int64          `json:"actorId"`
	ProcessID      *int64          `json:"processId"`
	Door           string          `json:"door"`
	Data           json.RawMessage `json:"data"`
	CreatedAt      time.Time       `json:"createdAt"`
}
