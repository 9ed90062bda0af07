package models

import "time"

// CourseRole is what a person is in a course.
type CourseRole string

// The roles of people in courses. Each needs the possible role of the same name.
const (
	CourseLearner    CourseRole = "LEARNER"
	CourseInstructor CourseRole = "INSTRUCTOR"
)

// CourseRoles are all of them.
var CourseRoles = []CourseRole{CourseLearner, CourseInstructor}

// Complete is the progress of a course that has been completed, in per cent.
const Complete = 100

// Enrollment is that a person is or was in a course. There is one for each
// person and course; it is open while the person is learner or instructor. One
// that has ended keeps progress and dates, and goes on with them when it begins
// again.
type Enrollment struct {
	ID               int64
	AccountID        int64
	CourseID         int64
	UserID           int64
	DirectLearner    bool // made learner by somebody, not by a group
	DirectInstructor bool
	LMSLearner       bool       `gorm:"column:lms_learner"` // the learning system that the course comes from says so
	LMSInstructor    bool       `gorm:"column:lms_instructor"`
	LMSWithdrawn     bool       `gorm:"column:lms_withdrawn"` // it says so, but the person was taken out of the course here
	Learner          bool       // directly, by a group or by a learning system
	Instructor       bool       // directly or by a learning system
	Progress         int        // per cent, 0 to Complete
	Score            *float64   // per cent, 0 to 100, unrounded; nil: nothing was graded
	FirstCompletedAt *time.Time // when the progress first reached Complete
	LastCompletedAt  *time.Time // and when it last rose to it
	CompletedAt      *time.Time `gorm:"->"` // LastCompletedAt while the progress is Complete; the database computes it
	SecondsSpent     *int       // nil: nobody recorded it
	LastProgressAt   *time.Time // of the last report that changed progress or score
	ReportedAt       *time.Time // the time that the last report bears: older ones come too late
	EnrolledAt       time.Time  // begin of the time that is or was the last one
	EndedAt          *time.Time // nil: open
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// CourseGroup links a group to a course: its members are learners there, with
// Recursive also those of all groups below it.
type CourseGroup struct {
	ID        int64
	AccountID int64
	CourseID  int64
	GroupID   int64
	Recursive bool
	CreatedAt time.Time
}

// EnrollmentSource is a CourseGroup that makes a person a learner. One that is
// Withdrawn does so no more: the person was taken out of the course, and only
// joining anew brings them back.
type EnrollmentSource struct {
	AccountID     int64
	CourseGroupID int64 `gorm:"primaryKey"`
	UserID        int64 `gorm:"primaryKey"`
	CourseID      int64
	Withdrawn     bool
}

// ClassAttendance is that a person has done a class session.
type ClassAttendance struct {
	AccountID      int64
	ClassSessionID int64 `gorm:"primaryKey"`
	UserID         int64 `gorm:"primaryKey"`
	CompletedAt    time.Time
}
