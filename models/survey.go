package models

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/lib/pq"
)

// SurveyStatus is how far a survey is.
type SurveyStatus string

// The statuses of surveys.
const (
	SurveyDraft    SurveyStatus = "draft"  // being made
	SurveyActive   SurveyStatus = "active" // people are given it and hand it in
	SurveyArchived SurveyStatus = "archived"
)

// SurveyStatuses are all of them.
var SurveyStatuses = []SurveyStatus{SurveyDraft, SurveyActive, SurveyArchived}

// surveySteps are the legal transitions.
var surveySteps = map[SurveyStatus][]SurveyStatus{
	SurveyDraft:    {SurveyActive, SurveyArchived},
	SurveyActive:   {SurveyArchived},
	SurveyArchived: {SurveyActive},
}

// CanBecome tells whether a survey may go from s to next. To stay as it is is
// no transition.
func (s SurveyStatus) CanBecome(next SurveyStatus) bool {
	return slices.Contains(surveySteps[s], next)
}

// Bounds of surveys.
const (
	MaxSurveyName      = 200     // characters
	MaxSurveyFields    = 200     // of one survey
	MaxFieldOptions    = 100     // of one field
	MaxAnswerText      = 20_000  // characters of one text
	MaxSubmissionBytes = 100_000 // of all answers together, as JSON
)

// Survey is a form that people are given and fill in. Without an OrganizationID
// it is everybody's.
type Survey struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	Name           string
	Description    string
	Status         SurveyStatus
	DeletedAt      *time.Time // its submissions stay, its fields and assignments don't
	CreatedAt      time.Time
	UpdatedAt      time.Time // also when its fields change
}

// SurveyField is a question of a survey.
type SurveyField struct {
	ID          int64
	AccountID   int64
	SurveyID    int64
	Name        string
	Type        FieldType
	Required    bool
	Placeholder string
	Options     pq.StringArray `gorm:"type:text[]"`
	Position    int            // fields go by it, those of one position by id
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// SurveyAssignment says that a person was asked to fill in a survey.
type SurveyAssignment struct {
	ID         int64
	AccountID  int64
	SurveyID   int64
	UserID     int64
	DueOn      *time.Time // a day, at midnight UTC
	AssignedAt time.Time
}

// SurveySubmission is a survey as a person handed it in. It is never changed.
type SurveySubmission struct {
	ID          int64
	AccountID   int64
	SurveyID    int64
	UserID      int64
	Responses   json.RawMessage `gorm:"type:jsonb"` // id of the field: answer
	SubmittedAt time.Time
}
