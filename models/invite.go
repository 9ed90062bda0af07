package models

import (
	"encoding/json"
	"time"

	"github.com/lib/pq"
)

// InviteFileStatus is where an invite file stands.
type InviteFileStatus string

// The statuses. Processed: every row has a verdict, good or bad.
const (
	InviteFileUploaded  InviteFileStatus = "UPLOADED"
	InviteFileProcessed InviteFileStatus = "PROCESSED"
	InviteFileFailed    InviteFileStatus = "FAILED"
	InviteFileCancelled InviteFileStatus = "CANCELLED"
)

// CanBecome tells whether a file may go from s to next. A finished or failed
// file opens again when its failed rows are retried.
func (s InviteFileStatus) CanBecome(next InviteFileStatus) bool {
	if next == InviteFileUploaded {
		return s != InviteFileUploaded
	}
	return s == InviteFileUploaded
}

// InviteFile is a list of people to invite.
type InviteFile struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	ProcessID      *int64
	Door           string
	Name           string
	InputPath      string
	DataPath       *string
	OutputPath     *string
	OutputAttempt  int
	Status         InviteFileStatus
	Failure        *string // why it failed, for people
	Type           string
	DryRun         bool
	Layout         json.RawMessage `gorm:"type:jsonb"` // nil until the file was checked
	Rows           int64           // without the header and blank rows
	CreatedBy      int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// InviteFilePage is a run of rows that one transaction imports.
type InviteFilePage struct {
	FileID      int64 `gorm:"primaryKey"`
	Page        int   `gorm:"primaryKey"`
	AccountID   int64
	FirstRow    int64 // row number of the page's first row
	Rows        int
	ByteFrom    int64
	ByteTo      int64
	Duplicates  []byte // bit i: an earlier row of the file names the address of the page's row i
	DoneAttempt int    // the newest attempt that imported the page
	DoneAt      *time.Time
}

// InviteStatus is where an invitation stands.
type InviteStatus string

// The statuses. A pending invite past ExpiresAt reads as lapsed, sweep or no
// sweep.
const (
	InvitePending  InviteStatus = "PENDING"
	InviteAccepted InviteStatus = "ACCEPTED"
	InviteRevoked  InviteStatus = "REVOKED"
	InviteLapsed   InviteStatus = "LAPSED"
)

// Invite is an invitation that becomes a user at sign-up, or, when it has one
// while it is open, that lets its user set a first password.
type Invite struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	FileID         int64  // 0: it came with an upload
	UploadID       *int64 // the newest OrgUpload that made or renewed it
	Email          string
	Name           string
	RoleIDs        pq.Int64Array `gorm:"type:bigint[]"`
	Status         InviteStatus
	TokenVersion   int
	ExpiresAt      time.Time
	UserID         *int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// StatusAt is the status as it reads at a moment: right without any sweep.
func (i Invite) StatusAt(now time.Time) InviteStatus {
	if i.Status == InvitePending && !now.Before(i.ExpiresAt) {
		return InviteLapsed
	}
	return i.Status
}

// InviteRow is the verdict on one row of an invite file.
type InviteRow struct {
	FileID    int64 `gorm:"primaryKey"`
	RowNo     int64 `gorm:"primaryKey"`
	AccountID int64
	Verdict   string
	InviteID  *int64
	UserID    *int64
	Attempt   int
}
