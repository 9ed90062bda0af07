package models

import "time"

// Quiz is a test in a course, as a learning system tells of it.
type Quiz struct {
	ID           int64
	AccountID    int64
	CourseID     int64
	Name         string
	MaxPoints    float64  // 0: ungraded
	PassPercent  *float64 // nil: it has no pass mark of its own
	ConnectionID *int64   // through which it came, with its key there; nil: made here
	SourceID     *int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// TableName implements GORM's Tabler.
func (Quiz) TableName() string { return "quizzes" }

// QuizAttempt is one time that a person took a quiz.
type QuizAttempt struct {
	ID           int64
	AccountID    int64
	QuizID       int64
	UserID       int64
	AttemptNo    int
	Points       *float64 // nil: not graded
	StartedAt    time.Time
	FinishedAt   *time.Time // nil: not finished
	ConnectionID *int64
	SourceID     *int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Assignment is a task in a course whose result is handed in.
type Assignment struct {
	ID           int64
	AccountID    int64
	CourseID     int64
	Name         string
	MaxGrade     *float64 // nil or 0: ungraded
	DueAt        *time.Time
	ConnectionID *int64
	SourceID     *int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// AssignmentSubmission is one version of what a person hands in.
type AssignmentSubmission struct {
	ID           int64
	AccountID    int64
	AssignmentID int64
	UserID       int64
	AttemptNo    int
	StartedAt    *time.Time // nil: not known
	SubmittedAt  *time.Time // nil: a draft
	Grade        *float64   // nil: not graded
	GradedAt     *time.Time
	ConnectionID *int64
	SourceID     *int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// ExternalCertificateKind tells certificates of learning systems from their
// badges.
type ExternalCertificateKind string

// The kinds.
const (
	ExternalCertificateProper ExternalCertificateKind = "certificate"
	ExternalCertificateBadge  ExternalCertificateKind = "badge"
)

// ExternalCertificate is a certificate or badge that a learning system issued
// itself.
type ExternalCertificate struct {
	ID           int64
	AccountID    int64
	UserID       int64
	CourseID     *int64
	Kind         ExternalCertificateKind
	Name         string
	Code         *string
	IssuedAt     time.Time
	ExpiresAt    *time.Time // nil: never
	ConnectionID *int64     // with SourceTable and SourceID its key in the learning system
	SourceTable  *string
	SourceID     *int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}
