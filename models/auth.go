package models

import "time"

// Session is one sign-in. Its tokens count only while EndedAt is nil.
type Session struct {
	ID                int64
	AccountID         int64
	UserID            int64
	Door              string
	RefreshGeneration int    // raised by each rotation; an older generation is a reuse
	RefreshHash       []byte // of the living refresh token, where it is random; nil where it is signed
	StartedAt         time.Time
	ExpiresAt         time.Time
	EndedAt           *time.Time
	EndReason         *string
}

// CodePurpose says what a one-time code is good for.
type CodePurpose string

// The purposes.
const (
	CodeRegistration  CodePurpose = "registration"
	CodePasswordReset CodePurpose = "password_reset"
	CodePasswordLink  CodePurpose = "password_link" // the code is the nonce of a mailed link
)

// OneTimeCode is a code sent by mail. Code is encrypted, since a new request
// sends the living code again.
type OneTimeCode struct {
	ID        int64
	AccountID int64
	Email     string
	Purpose   CodePurpose
	Code      []byte
	Attempts  int
	Sent      int
	ExpiresAt time.Time
	EndedAt   *time.Time
	CreatedAt time.Time
}

// LoginFailure counts failed sign-ins under a keyed hash of login and address.
type LoginFailure struct {
	AccountID   int64  `gorm:"primaryKey"`
	Key         []byte `gorm:"primaryKey"`
	Failures    int
	LockedUntil *time.Time
	UpdatedAt   time.Time
}

// APIToken lets scripts act as a user through the native API. Only the hash is
// stored.
type APIToken struct {
	ID         int64
	AccountID  int64
	UserID     int64
	Name       string
	TokenHash  []byte
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
	CreatedAt  time.Time
}

// TableName implements GORM's Tabler.
func (APIToken) TableName() string { return "api_tokens" }

// APIClient is a system that signs in with key and secret. Only the secret's
// hash is stored.
type APIClient struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	Name           string
	ClientKey      string
	SecretHash     []byte
	LastUsedAt     *time.Time
	RevokedAt      *time.Time
	CreatedBy      *int64
	CreatedAt      time.Time
}

// TableName implements GORM's Tabler.
func (APIClient) TableName() string { return "api_clients" }
