package models

import (
	"strings"
	"time"

	"github.com/lib/pq"
)

// Status is the life of an account, organization, role and the like.
type Status string

// The statuses. DELETED exists for users only: the row stays, the person is gone.
const (
	StatusActive   Status = "ACTIVE"
	StatusInactive Status = "INACTIVE"
	StatusDeleted  Status = "DELETED"
)

// NormalizeEmail is how e-mail addresses are stored and compared: trimmed and
// in lower case.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Account is the root of isolation: one customer of the deployment.
type Account struct {
	ID        int64
	Name      string
	Status    Status
	IsDefault bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// AccountDomain resolves a request's host to its account.
type AccountDomain struct {
	Host      string `gorm:"primaryKey"`
	AccountID int64
}

// Organization is a tenant (MIS), sub-account (Enabley) or organisation
// (Elevate, Academy) inside an account.
type Organization struct {
	ID          int64
	AccountID   int64
	Name        string
	Code        string
	Description string
	Email       string // how the organization is reached, "" for unknown
	Phone       string
	Address     string
	Status      Status
	IsDefault   bool
	CreatedBy   *int64
	UpdatedBy   *int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// OrganizationDomain puts people who sign up with an e-mail address of Domain
// into an organization.
type OrganizationDomain struct {
	AccountID      int64  `gorm:"primaryKey"`
	Domain         string `gorm:"primaryKey"`
	OrganizationID int64
}

// User is one person, whichever door they came through.
type User struct {
	ID                int64
	AccountID         int64
	OrganizationID    int64
	Identifier        *string // the id a calling system uses, unique in the account
	Email             *string // lower case, unique in the account; nil after deletion
	EmailVerified     bool
	Username          *string // by what calling systems call the person; without one it is the address
	Name              string
	FirstName         *string // the parts of Name, while both are known apart
	LastName          *string
	Status            Status
	About             *string
	Image             *string
	Gender            *string
	Location          pq.StringArray `gorm:"type:text[]"`
	Languages         pq.StringArray `gorm:"type:text[]"`
	PreferredLanguage string
	ShareLink         *string
	AcceptedTermsAt   *time.Time
	LastLoggedInAt    *time.Time
	DeletedAt         *time.Time
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// UserCredential holds a person's password hash (argon2id in PHC format).
type UserCredential struct {
	UserID       int64 `gorm:"primaryKey"`
	AccountID    int64
	PasswordHash string
	UpdatedAt    time.Time
}

// UserType tells ordinary roles, which can be asked for and given by invite,
// from system roles.
type UserType int16

// The user types.
const (
	UserTypeOrdinary UserType = 0
	UserTypeSystem   UserType = 1
)

// Titles of the shipped roles. RolePublic and RoleAny are pseudo-roles: every
// request has the first, every signed-in user the second.
const (
	RoleUser           = "user"
	RoleMentee         = "mentee"
	RoleMentor         = "mentor"
	RoleSessionManager = "session_manager"
	RoleProjectManager = "project_manager"
	RoleReportViewer   = "report_viewer"
	RoleOrgAdmin       = "org_admin"
	RoleAdmin          = "admin"
	RolePublic         = "public"
	RoleAny            = "any"
)

// Role is what users hold and permissions are mapped to.
type Role struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	Title          string
	Label          string
	UserType       UserType
	Status         Status
	Visibility     string
	DeletedAt      *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// UserRole says that a user holds a role.
type UserRole struct {
	AccountID int64
	UserID    int64 `gorm:"primaryKey"`
	RoleID    int64 `gorm:"primaryKey"`
	CreatedAt time.Time
}

// Module groups permissions, by the third segment of the path.
type Module struct {
	ID        int64
	AccountID int64
	Code      string
	Status    Status
	DeletedAt *time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Permission allows methods on a path, or on all paths below one that ends in *.
type Permission struct {
	ID          int64
	AccountID   int64
	Code        string
	Module      string
	RequestType pq.StringArray `gorm:"type:text[]"`
	APIPath     string         `gorm:"column:api_path"`
	Status      Status
	DeletedAt   *time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RolePermission gives a permission to a role, or to a pseudo-role, by its title
// in lower case.
type RolePermission struct {
	AccountID    int64  `gorm:"primaryKey"`
	RoleTitle    string `gorm:"primaryKey"`
	PermissionID int64  `gorm:"primaryKey"`
	CreatedBy    *int64
	CreatedAt    time.Time
}

// StoredFile is a file that somebody uploaded or the hub made, and who may
// read it. Path is what clients know it by.
type StoredFile struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	UserID         *int64
	Path           string
	Name           string
	Purpose        string
	CreatedAt      time.Time
}
