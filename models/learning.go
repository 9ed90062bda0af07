package models

import (
	"time"

	"github.com/lib/pq"
)

// CourseType is what kind of learning a course is. It never changes.
type CourseType string

// The types of courses.
const (
	CourseTypeStream CourseType = "STREAM" // items in no order, as of a news channel
	CourseTypeCourse CourseType = "COURSE" // a course proper: may have class sessions and be made from a master
)

// CourseTypes are all of them.
var CourseTypes = []CourseType{CourseTypeStream, CourseTypeCourse}

// CourseStatus is what the people who run a course have set. What learners meet
// depends on the schedule too: see Availability.
type CourseStatus string

// The statuses of courses.
const (
	CourseActive   CourseStatus = "ACTIVE"
	CourseInactive CourseStatus = "INACTIVE"
	CourseDraft    CourseStatus = "DRAFT" // not published yet
)

// CourseStatuses are all of them.
var CourseStatuses = []CourseStatus{CourseActive, CourseInactive, CourseDraft}

// Availability is whether and how a course can be taken at a moment.
type Availability string

// The availabilities of courses. The last three are of courses with a schedule.
const (
	AvailabilityActive    Availability = "ACTIVE"
	AvailabilityNonActive Availability = "NONACTIVE"
	AvailabilityDraft     Availability = "DRAFT"
	AvailabilityScheduled Availability = "SCHEDULED" // will start
	AvailabilityStarted   Availability = "STARTED"
	AvailabilityFinished  Availability = "FINISHED" // has ended
)

// Course is what people learn in, or, when Master is set, a template that
// courses are made from: it has instances and no learners.
type Course struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64 // the sub-account it belongs to; nil: the account itself
	Identifier     string // the key of a calling system, unique in the account
	PublicID       string // a UUID, in addresses that people open
	Name           string
	Type           CourseType
	Master         bool
	Published      bool // of masters: instances can be made
	Status         CourseStatus
	Scheduled      bool           // StartsAt and EndsAt count
	StartsAt       *time.Time     // nil: open already
	EndsAt         *time.Time     // nil: open-ended
	DurationMS     *int64         `gorm:"column:duration_ms"` // how long it takes, in milliseconds; nil: unknown
	Categories     pq.StringArray `gorm:"type:text[]"`
	MasterID       *int64         // what it was made from
	ConnectionID   *int64         // the learning system that it comes from, with SourceID its key there; nil: made here
	SourceID       *int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ClassSession is an event of a course at a time and perhaps a place.
type ClassSession struct {
	ID           int64
	AccountID    int64
	CourseID     int64
	Name         string
	Description  *string
	Location     *string
	StartsAt     time.Time
	EndsAt       time.Time
	AllDay       bool
	Live         bool // held over the network
	IncludeGrade bool // what is achieved in it counts for the course's score
	Published    bool
	Optional     bool // the course can be completed without it
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// CatalogItem shows a course in the catalogue.
type CatalogItem struct {
	ID        int64
	AccountID int64
	CourseID  int64
	PublicID  string // a UUID, in the address of its page
	CreatedAt time.Time
}
