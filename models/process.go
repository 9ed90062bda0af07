package models

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// ProcessKind names one of the hub's long processes.
type ProcessKind string

// The processes that exist.
const (
	ProcessOrgRoleRequest    ProcessKind = "org-role-request"
	ProcessBulkInvite        ProcessKind = "bulk-invite"
	ProcessCertificateExpiry ProcessKind = "certificate-expiry"
	ProcessReportGeneration  ProcessKind = "report-generation"
	ProcessLMSSync           ProcessKind = "lms-sync"
)

// ProcessSpec says how a kind of process is run. The names are in running
// histories: they are never changed.
type ProcessSpec struct {
	Kind ProcessKind
	// SubjectType is the type of subject that the spec is for, where a kind does
	// its work in more than one way; "" is for all that have no spec of their own.
	SubjectType  string
	WorkflowType string
	TaskQueue    string
}

// Task queues, by need of resources.
const (
	QueueCore = "core" // short activities
	QueueBulk = "bulk" // long activities that read files and write many rows
)

// ProcessSpecs lists all kinds.
var ProcessSpecs = []ProcessSpec{
	{Kind: ProcessOrgRoleRequest, WorkflowType: "OrgRoleRequest", TaskQueue: QueueCore},
	{Kind: ProcessBulkInvite, WorkflowType: "BulkInvite", TaskQueue: QueueBulk},
	{Kind: ProcessBulkInvite, SubjectType: SubjectOrgUpload, WorkflowType: "OrgUpload", TaskQueue: QueueBulk},
	{Kind: ProcessCertificateExpiry, WorkflowType: "CertificateExpiry", TaskQueue: QueueBulk},
	{Kind: ProcessReportGeneration, WorkflowType: "ReportGeneration", TaskQueue: QueueBulk},
	{Kind: ProcessLMSSync, WorkflowType: "LMSSync", TaskQueue: QueueBulk},
}

// ProcessKinds lists all kinds, each once.
func ProcessKinds() []ProcessKind {
	var kinds []ProcessKind
	for _, s := range ProcessSpecs {
		if !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// Spec finds the ProcessSpec of a kind for a type of subject: the one that is
// for just this type, else the one that is for any.
func (k ProcessKind) Spec(subjectType string) (ProcessSpec, bool) {
	for _, wanted := range []string{subjectType, ""} {
		i := slices.IndexFunc(ProcessSpecs, func(s ProcessSpec) bool { return s.Kind == k && s.SubjectType == wanted })
		if i >= 0 {
			return ProcessSpecs[i], true
		}
	}
	return ProcessSpec{}, false
}

// Spec finds the ProcessSpec of a process.
func (p Process) Spec() (ProcessSpec, bool) { return p.Kind.Spec(p.SubjectType) }

// WorkflowID builds the id under which the Temporal UI finds a process:
// <kind>/<account>/<business id>, and /<attempt> from the second attempt on. A
// spec for one type of subject has the type before the business id, because ids
// of different types are alike.
func (s ProcessSpec) WorkflowID(accountID, businessID int64, attempt int) string {
	id := fmt.Sprintf("%s/%d/%d", s.Kind, accountID, businessID)
	if s.SubjectType != "" {
		id = fmt.Sprintf("%s/%d/%s/%d", s.Kind, accountID, s.SubjectType, businessID)
	}
	if attempt > 1 {
		id = fmt.Sprintf("%s/%d", id, attempt)
	}
	return id
}

// ProcessInput is the argument of every process workflow: ids only, so that no
// personal data is in histories.
type ProcessInput struct {
	AccountID int64 `json:"accountId"`
	ProcessID int64 `json:"processId"`
	SubjectID int64 `json:"subjectId"`
	Attempt   int   `json:"attempt"`
}

// ProcessState is where a process stands.
type ProcessState string

// The states. Waiting means for a person or a date.
const (
	ProcessPending             ProcessState = "pending"
	ProcessRunning             ProcessState = "running"
	ProcessWaiting             ProcessState = "waiting"
	ProcessCompleted           ProcessState = "completed"
	ProcessCompletedWithErrors ProcessState = "completed_with_errors"
	ProcessFailed              ProcessState = "failed"
	ProcessCancelled           ProcessState = "cancelled"
)

// ProcessStates lists all states.
var ProcessStates = []ProcessState{
	ProcessPending, ProcessRunning, ProcessWaiting, ProcessCompleted, ProcessCompletedWithErrors, ProcessFailed, ProcessCancelled,
}

// Final tells whether the process has ended.
func (s ProcessState) Final() bool {
	switch s {
	case ProcessCompleted, ProcessCompletedWithErrors, ProcessFailed, ProcessCancelled:
		return true
	}
	return false
}

// CanBecome tells whether a process may go from s to next. An ended process
// never changes: a retry is a new process with the next attempt.
func (s ProcessState) CanBecome(next ProcessState) bool {
	switch {
	case s.Final(), !slices.Contains(ProcessStates, next), next == ProcessPending:
		return false
	case s == ProcessPending:
		return true // may be cancelled or fail before it ran
	default: // running and waiting alternate, and may end
		return s != next
	}
}

// Process is the row of one long process. It is the truth that clients see;
// the workflow only drives it.
type Process struct {
	ID                int64
	AccountID         int64
	OrganizationID    *int64
	Kind              ProcessKind
	BusinessKey       string
	Attempt           int
	WorkflowID        string
	RunID             *string
	SubjectType       string
	SubjectID         int64
	State             ProcessState
	Stage             string
	Done              int64
	Total             int64
	Counters          json.RawMessage `gorm:"type:jsonb"`
	Input             json.RawMessage `gorm:"type:jsonb"`
	Result            json.RawMessage `gorm:"type:jsonb"`
	Error             *string
	WaitsFor          *string
	Deadline          *time.Time
	StartedBy         *int64
	Door              string
	IdempotencyKey    *string
	RequestHash       []byte
	StartAttempts     int
	NextStartAt       time.Time
	CancelRequestedAt *time.Time
	CancelRequestedBy *int64
	CreatedAt         time.Time
	StartedAt         *time.Time
	UpdatedAt         time.Time
	EndedAt           *time.Time
}

// ProcessEvent is one line of a process's timeline.
type ProcessEvent struct {
	ID        int64
	AccountID int64
	ProcessID int64
	Type      string // created, started, state, progress, note, cancel_requested, decision …
	FromState *ProcessState
	ToState   *ProcessState
	Message   string
	Data      json.RawMessage `gorm:"type:jsonb"`
	ActorID   *int64
	CreatedAt time.Time
}

// AuditEvent records who changed what through which door.
type AuditEvent struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	ActorID        *int64
	ClientID       *int64 // the API client, where no person did it
	Door           string
	Action         string
	SubjectType    string
	SubjectID      int64
	ProcessID      *int64
	Data           json.RawMessage `gorm:"type:jsonb"`
	IP             *string         // of the client, where a request made the change
	UserAgent      *string         // what the client calls itself
	CreatedAt      time.Time
}
