package models

import (
	"time"

	"github.com/lib/pq"
)

// GroupHierarchy is the types of an account's groups, top first.
type GroupHierarchy struct {
	AccountID int64          `gorm:"primaryKey"`
	Types     pq.StringArray `gorm:"type:text[]"`
	UpdatedAt time.Time
}

// Group is a node of an account's group tree: people are its members, and
// learners of what it is linked to. Without an OrganizationID it belongs to the
// account as a whole.
type Group struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	Identifier     string // unique in the account, case-sensitive
	Name           string
	Type           string // one of the hierarchy, in its spelling
	ParentID       *int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// GroupMember says that a person is a member of a group itself, not of one below
// it.
type GroupMember struct {
	AccountID int64
	GroupID   int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	CreatedAt time.Time
}

// UserProfile is a label that people are given, such as the work they do.
type UserProfile struct {
	ID         int64
	AccountID  int64
	Identifier string // unique in the account, case-sensitive
	Name       string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// UserProfileMember says that a person has a profile.
type UserProfileMember struct {
	AccountID int64
	ProfileID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	CreatedAt time.Time
}
