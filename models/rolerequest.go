package models

import (
	"encoding/json"
	"time"

	"github.com/lib/pq"
)

// RoleRequestStatus is where a role request stands.
type RoleRequestStatus string

// The statuses. Expired: nobody decided in time. Withdrawn: by the requester,
// or because requester, organization or role went away (EndReason says which).
const (
	RoleRequested          RoleRequestStatus = "REQUESTED"
	RoleRequestUnderReview RoleRequestStatus = "UNDER_REVIEW"
	RoleRequestApproved    RoleRequestStatus = "APPROVED"
	RoleRequestRejected    RoleRequestStatus = "REJECTED"
	RoleRequestExpired     RoleRequestStatus = "EXPIRED"
	RoleRequestWithdrawn   RoleRequestStatus = "WITHDRAWN"
)

// Open tells whether the request still waits for a decision.
func (s RoleRequestStatus) Open() bool { return s == RoleRequested || s == RoleRequestUnderReview }

// CanBecome tells whether a request may go from s to next.
func (s RoleRequestStatus) CanBecome(next RoleRequestStatus) bool {
	switch next {
	case RoleRequestUnderReview:
		return s == RoleRequested
	case RoleRequestApproved, RoleRequestRejected, RoleRequestExpired, RoleRequestWithdrawn:
		return s.Open()
	}
	return false
}

// RoleRequest is a user's wish for a role in an organization.
type RoleRequest struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	UserID         int64
	RoleID         int64
	ProcessID      *int64
	Status         RoleRequestStatus
	EndReason      *string
	HandledBy      *int64
	Comments       pq.StringArray  `gorm:"type:text[]"`
	Meta           json.RawMessage `gorm:"type:jsonb"`
	Reminders      int             // sent so far
	RemindAt       time.Time       // when the next one is due
	RemindEvery    int             // seconds between later ones
	EscalateAt     time.Time
	EscalatedAt    *time.Time
	ExpiresAt      time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
	EndedAt        *time.Time
}

// DecidableAs tells whether a decision made at a moment can bring the request
// to next. A decision counts by the time it was made, not by when it is applied.
func (r RoleRequest) DecidableAs(next RoleRequestStatus, at time.Time) bool {
	return r.Status.CanBecome(next) && at.Before(r.ExpiresAt)
}

// RoleRequestAction is what time makes of an open request.
type RoleRequestAction string

// The actions. None: the request is closed, nothing will ever be due.
const (
	RoleRequestNone     RoleRequestAction = "none"
	RoleRequestRemind   RoleRequestAction = "remind"   // mail to those who can decide
	RoleRequestEscalate RoleRequestAction = "escalate" // the account's admins are told, and can decide too
	RoleRequestExpire   RoleRequestAction = "expire"   // closed without a decision
)

// RoleRequestStep tells the workflow where a request stands and what is due
// next, and when. A time that has passed means: now.
type RoleRequestStep struct {
	Status RoleRequestStatus `json:"status"`
	Action RoleRequestAction `json:"action"`
	At     time.Time         `json:"at,omitzero"`
}

// Names that running histories of the org-role-request workflow hold: they are
// never changed.
const (
	RoleRequestDecide  = "decide"  // update: a decision has been submitted
	RoleRequestRecheck = "recheck" // signal: the row has changed, look again
	RoleRequestState   = "state"   // query: what the workflow waits for
)

// RoleRequestDecideInput is the argument of the update RoleRequestDecide.
type RoleRequestDecideInput struct {
	DecisionID int64 `json:"decisionId"`
}

// RoleRequestOutcome is what became of a decision: the answer of the update
// RoleRequestDecide. Refusal is the code of the error when it was refused.
type RoleRequestOutcome struct {
	State   DecisionState     `json:"state"`
	Status  RoleRequestStatus `json:"status"` // of the request, afterwards
	Refusal string            `json:"refusal,omitempty"`
}

// DecisionState is what became of a RoleRequestDecision.
type DecisionState string

// The states of a decision.
const (
	DecisionSubmitted  DecisionState = "submitted"
	DecisionApplied    DecisionState = "applied"
	DecisionRefused    DecisionState = "refused"
	DecisionSuperseded DecisionState = "superseded"
)

// RoleRequestDecision is what a person decided about a role request. The row
// is written before the workflow is asked, so an answer of 503 loses nothing.
type RoleRequestDecision struct {
	ID            int64
	AccountID     int64
	RoleRequestID int64
	DecidedBy     int64
	Status        RoleRequestStatus
	Comments      pq.StringArray `gorm:"type:text[]"`
	Door          string
	State         DecisionState
	Refusal       *string // code of the Error it was refused with
	CreatedAt     time.Time
	UpdatedAt     time.Time
}
