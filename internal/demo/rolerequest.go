package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// roleRequest is a request as the Elevate door shows it.
type roleRequest struct {
	ID        int64  `json:"id"`
	Status    string `json:"status"`
	Requester struct {
		ID int64 `json:"id"`
	} `json:"requester"`
}

func (j *job) signUp(ctx context.Context) (err error) {
	j.newcomer, err = j.join(ctx, "Nora Winter", "nora-"+j.tag+"@newcomer.test")
	return err
}

func (j *job) profileSaysMentee(ctx context.Context) error {
	return j.profile(ctx, j.newcomer, "mentee")
}

func (j *job) profileSaysMentor(ctx context.Context) error {
	return j.profile(ctx, j.newcomer, "mentor")
}

func (j *job) askForMentor(ctx context.Context) error {
	mentor, ok := j.roles["mentor"]
	if !ok {
		return fmt.Errorf("there is no role mentor among %v", j.roles)
	}
	receipt, err := elevate[struct {
		RequestID int64  `json:"request_id"`
		Status    string `json:"status"`
	}](ctx, j.caller, j.newcomer.token, http.MethodPost, "/user/v1/organization/requestOrgRole",
		map[string]any{"role": mentor, "form_data": map[string]string{"about": "I have taught for ten years."}})
	if err != nil {
		return err
	}
	if receipt.Status != "REQUESTED" || receipt.RequestID == 0 {
		return fmt.Errorf("the request %d has the status %q", receipt.RequestID, receipt.Status)
	}
	j.requestID = receipt.RequestID
	return nil
}

func (j *job) review(ctx context.Context) error {
	// A new request is on the first page: the list shows the newest first.
	page, err := elevate[struct {
		Data []roleRequest `json:"data"`
	}](ctx, j.caller, j.orgAdminToken, http.MethodPost, "/user/v1/org-admin/getRequests?page=1&limit=100",
		map[string]any{"filters": map[string]any{"status": []string{"REQUESTED"}}})
	if err != nil {
		return err
	}
	found := false
	for _, r := range page.Data {
		found = found || r.ID == j.requestID && r.Requester.ID == j.newcomer.id && r.Status == "REQUESTED"
	}
	if !found {
		return fmt.Errorf("request %d is not among the %d on the first page", j.requestID, len(page.Data))
	}
	return j.decide(ctx, "UNDER_REVIEW")
}

func (j *job) approve(ctx context.Context) error { return j.decide(ctx, "APPROVED") }

func (j *job) decide(ctx context.Context, status string) error {
	r, err := elevate[roleRequest](ctx, j.caller, j.orgAdminToken, http.MethodPost, "/user/v1/org-admin/updateRequestStatus",
		map[string]any{"request_id": j.requestID, "status": status, "comments": []string{"Welcome."}})
	if err == nil && r.Status != status {
		err = fmt.Errorf("the request is %s after the decision %s", r.Status, status)
	}
	return err
}

func (j *job) acceptedMail(ctx context.Context) error {
	return await(ctx, "the mail about the approval", mailTimeout, func(ctx context.Context) (bool, error) {
		_, total, err := j.mails(ctx, url.Values{"to": {j.newcomer.email}, "subject": {"accepted"}, "limit": {"1"}})
		if total > 1 {
			return false, fmt.Errorf("it arrived %d times", total)
		}
		return total == 1, err
	})
}

func (j *job) requestProcess(ctx context.Context) error {
	p, err := j.ended(ctx, "org-role-request", fmt.Sprintf("role_request:%d", j.requestID))
	if err != nil {
		return err
	}
	if p.State != "completed" {
		return fmt.Errorf("process %d is %s: %s", p.ID, p.State, p.reason())
	}
	j.processes = append(j.processes, p)
	return nil
}

// process is a process as the native API shows it.
type process struct {
	ID         int64            `json:"id"`
	Kind       string           `json:"kind"`
	State      string           `json:"state"`
	WorkflowID string           `json:"workflowId"`
	Done       int64            `json:"done"`
	Total      int64            `json:"total"`
	Counters   map[string]int64 `json:"counters"`
	Error      *string          `json:"error"`
	EndedAt    *time.Time       `json:"endedAt"`
	DurationMs *int64           `json:"durationMs"`
	Links      struct {
		Self     string `json:"self"`
		Temporal string `json:"temporal"`
	} `json:"links"`
}

func (p process) reason() string {
	if p.Error == nil {
		return "no reason is given"
	}
	return *p.Error
}

// ended waits for the end of the one process about a subject.
func (j *job) ended(ctx context.Context, kind, subject string) (process, error) {
	var last process
	err := await(ctx, "the end of the process about "+subject, processTimeout, func(ctx context.Context) (bool, error) {
		page, err := native[struct {
			Items []process `json:"items"`
		}](ctx, j.caller, j.hubToken, http.MethodGet, "/hub/v1/processes?"+url.Values{"kind": {kind}, "subject": {subject}}.Encode(), nil)
		if err != nil {
			return false, err
		}
		if len(page.Items) != 1 {
			return false, fmt.Errorf("there are %d processes about %s, not 1", len(page.Items), subject)
		}
		last = page.Items[0]
		return last.EndedAt != nil, nil
	})
	return last, err
}
