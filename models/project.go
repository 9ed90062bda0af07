package models

import (
	"slices"
	"time"
)

// WorkStatus is where a project or an activity stands.
type WorkStatus string

// The statuses of projects and activities.
const (
	WorkPlanned   WorkStatus = "planned"
	WorkActive    WorkStatus = "active"
	WorkOnHold    WorkStatus = "on_hold"
	WorkCompleted WorkStatus = "completed"
	WorkCancelled WorkStatus = "cancelled" // for good
)

// WorkStatuses are all of them.
var WorkStatuses = []WorkStatus{WorkPlanned, WorkActive, WorkOnHold, WorkCompleted, WorkCancelled}

var workSteps = map[WorkStatus][]WorkStatus{
	WorkPlanned:   {WorkActive, WorkCancelled},
	WorkActive:    {WorkOnHold, WorkCompleted, WorkCancelled},
	WorkOnHold:    {WorkActive, WorkCancelled},
	WorkCompleted: {WorkActive},
}

// CanBecome tells whether work may go from s to next. To stay what it is is no
// transition.
func (s WorkStatus) CanBecome(next WorkStatus) bool { return slices.Contains(workSteps[s], next) }

// MilestoneStatus is where a milestone stands. That it is overdue is no status:
// the day tells.
type MilestoneStatus string

// The statuses of milestones.
const (
	MilestonePending    MilestoneStatus = "pending"
	MilestoneInProgress MilestoneStatus = "in_progress"
	MilestoneCompleted  MilestoneStatus = "completed"
	MilestoneCancelled  MilestoneStatus = "cancelled"
)

// MilestoneStatuses are all of them.
var MilestoneStatuses = []MilestoneStatus{MilestonePending, MilestoneInProgress, MilestoneCompleted, MilestoneCancelled}

var milestoneSteps = map[MilestoneStatus][]MilestoneStatus{
	MilestonePending:    {MilestoneInProgress, MilestoneCompleted, MilestoneCancelled},
	MilestoneInProgress: {MilestoneCompleted, MilestoneCancelled},
	MilestoneCompleted:  {MilestoneInProgress},
	MilestoneCancelled:  {MilestonePending},
}

// CanBecome tells whether a milestone may go from s to next. To stay what it is
// is no transition.
func (s MilestoneStatus) CanBecome(next MilestoneStatus) bool {
	return slices.Contains(milestoneSteps[s], next)
}

// Project is work with an end and a budget. StartsOn and EndsOn are days, at
// midnight UTC; both belong to it.
type Project struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64 // nil: the account's own, for everybody to see
	Name           string
	Description    string
	Status         WorkStatus
	StartsOn       time.Time
	EndsOn         time.Time // not before StartsOn
	Budget         Money     // not negative
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ProjectExpense is what was spent on a project.
type ProjectExpense struct {
	ID          int64
	AccountID   int64
	ProjectID   int64
	Description string
	Amount      Money // positive
	Category    string
	SpentOn     time.Time // a day, at midnight UTC
	CreatedAt   time.Time
}

// Milestone is what a project wants to have reached by a day.
type Milestone struct {
	ID          int64
	AccountID   int64
	ProjectID   int64
	Name        string
	Description string
	DueOn       time.Time // a day, at midnight UTC
	Status      MilestoneStatus
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Activity is a part of a project that people are assigned to.
type Activity struct {
	ID          int64
	AccountID   int64
	ProjectID   int64
	Name        string
	Description string
	Status      WorkStatus
	StartsOn    time.Time // a day, at midnight UTC
	EndsOn      time.Time // a day, at midnight UTC; not before StartsOn
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ActivityAssignment puts a person on an activity, once.
type ActivityAssignment struct {
	ID         int64
	AccountID  int64
	ActivityID int64
	UserID     int64
	AssignedAt time.Time `gorm:"autoCreateTime"`
}
