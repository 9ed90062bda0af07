package activities

import (
	"context"
	"time"

	"quad/internal/people/rolerequest"
	"quad/internal/store"
	"quad/models"
)

// OrgRoleRequest is the steps of the process org-role-request. Each looks at
// the row again, so a repeated or a late step does nothing twice.
type OrgRoleRequest struct {
	Requests *rolerequest.Service
}

// ErrRoleRequestNotDecidable is what the workflow refuses a decision with that
// comes after the end.
var ErrRoleRequestNotDecidable = rolerequest.ErrNotDecidable

// RoleRequestIn names the request. Now is the workflow's time: what is due is
// measured by the same clock as the timers.
type RoleRequestIn struct {
	models.ProcessInput
	Now time.Time `json:"now"`
}

// DecisionIn names a stored decision.
type DecisionIn struct {
	models.ProcessInput
	DecisionID int64 `json:"decisionId"`
}

// OpenRoleRequest begins to wait for a decision.
func (a *OrgRoleRequest) OpenRoleRequest(ctx context.Context, in RoleRequestIn) (models.RoleRequestStep, error) {
	return stepOf(a.Requests.Open(a.bind(ctx, in.ProcessInput), in.SubjectID, in.Now))
}

// CheckRoleRequest looks at the row after news.
func (a *OrgRoleRequest) CheckRoleRequest(ctx context.Context, in RoleRequestIn) (models.RoleRequestStep, error) {
	return stepOf(a.Requests.Step(a.bind(ctx, in.ProcessInput), in.SubjectID, in.Now))
}

// RemindApprovers mails those who can decide.
func (a *OrgRoleRequest) RemindApprovers(ctx context.Context, in RoleRequestIn) (models.RoleRequestStep, error) {
	return stepOf(a.Requests.Remind(a.bind(ctx, in.ProcessInput), in.SubjectID, in.Now))
}

// EscalateRoleRequest lets the account's admins decide too.
func (a *OrgRoleRequest) EscalateRoleRequest(ctx context.Context, in RoleRequestIn) (models.RoleRequestStep, error) {
	return stepOf(a.Requests.Escalate(a.bind(ctx, in.ProcessInput), in.SubjectID, in.Now))
}

// ExpireRoleRequest closes a request past its deadline.
func (a *OrgRoleRequest) ExpireRoleRequest(ctx context.Context, in RoleRequestIn) (models.RoleRequestStep, error) {
	return stepOf(a.Requests.Expire(a.bind(ctx, in.ProcessInput), in.SubjectID, in.Now))
}

// WithdrawRoleRequest closes the request of a cancelled process.
func (a *OrgRoleRequest) WithdrawRoleRequest(ctx context.Context, in RoleRequestIn) error {
	return Classify(a.Requests.Cancel(a.bind(ctx, in.ProcessInput), in.SubjectID))
}

// ApplyDecision does what a stored decision says, or refuses it. A refusal is
// an outcome and no error.
func (a *OrgRoleRequest) ApplyDecision(ctx context.Context, in DecisionIn) (models.RoleRequestOutcome, error) {
	out, err := a.Requests.Apply(a.bind(ctx, in.ProcessInput), in.DecisionID)
	return out, Classify(err)
}

// stepOf classifies the error of an activity that answers a step.
func stepOf(s models.RoleRequestStep, err error) (models.RoleRequestStep, error) {
	return s, Classify(err)
}

// bind binds the context to the process's account.
func (a *OrgRoleRequest) bind(ctx context.Context, in models.ProcessInput) context.Context {
	return store.WithAccount(ctx, in.AccountID)
}
