package models

import (
	"time"

	"github.com/lib/pq"
)

// CertificateStatus says what a certificate still does.
type CertificateStatus string

// The statuses of certificates. Those that are not CertificateActive start
// nothing new; what people have or are earning goes on.
const (
	CertificateActive   CertificateStatus = "ACTIVE"
	CertificateInactive CertificateStatus = "INACTIVE"
	CertificateArchived CertificateStatus = "ARCHIVED"
)

// CertificateStatuses are all of them.
var CertificateStatuses = []CertificateStatus{CertificateActive, CertificateInactive, CertificateArchived}

// ValidityUnit is what the validity of a certificate is counted in: calendar
// units in UTC.
type ValidityUnit string

// The units of validity.
const (
	ValidityDays   ValidityUnit = "DAY"
	ValidityMonths ValidityUnit = "MONTH"
	ValidityYears  ValidityUnit = "YEAR"
)

// ValidityUnits are all of them.
var ValidityUnits = []ValidityUnit{ValidityDays, ValidityMonths, ValidityYears}

// Certificate is what people earn by completing all of its courses
// (certificate_courses).
type Certificate struct {
	ID               int64
	AccountID        int64
	Identifier       string
	Name             string
	Status           CertificateStatus
	ExpiresAfter     *int          // in ExpiresUnit; nil: it never lapses
	ExpiresUnit      *ValidityUnit // nil with ExpiresAfter
	AsksConfirmation bool          // learners confirm before they are certified
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// CertificateEnd says why something that was issued does not hold any more.
type CertificateEnd string

// Why issues end.
const (
	CertificateRenewed   CertificateEnd = "renewed"   // a newer one took its place
	CertificateRestarted CertificateEnd = "restarted" // its holder has begun anew
	CertificateRevoked   CertificateEnd = "revoked"
	CertificateDeleted   CertificateEnd = "deleted" // its holder is gone
)

// CertificateIssue is what was issued, as it was then. It never changes, except
// that it ends. Code proves it to whoever is shown the paper.
type CertificateIssue struct {
	ID              int64
	AccountID       int64
	CertificateID   int64
	UserID          int64
	Code            string // as stored: without the groups that people see
	LearnerName     string
	CertificateName string
	CourseNames     pq.StringArray `gorm:"type:text[]"`
	CertifiedAt     time.Time
	ExpiresAt       *time.Time
	EndedAt         *time.Time
	EndReason       *CertificateEnd
}
