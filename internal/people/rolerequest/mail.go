package rolerequest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// Templates of the process's mails. The names of the first two are those that
// organizations know; they are used for every role.
const (
	mailAccepted   = "mentor_request_accepted"
	mailRejected   = "mentor_request_rejected"
	mailExpired    = "role_request_expired"
	mailReminder   = "role_request_reminder"
	mailEscalation = "role_request_escalation"
)

// requesterParam is the value of mails to admins that names the person who
// asked.
const requesterParam = "requester"

// registerMails cancels mails to admins that are still waiting to be sent when
// the request is closed: after an outage of the mail server nobody is asked for
// a decision that was made.
func (s *Service) registerMails() {
	for _, template := range []string{mailReminder, mailEscalation} {
		s.notify.RegisterParams(template, s.stillOpen)
	}
}

func (s *Service) stillOpen(ctx context.Context, n models.Notification) (map[string]string, error) {
	var about struct {
		RequestID int64 `json:"requestId"`
	}
	if err := json.Unmarshal(n.Params, &about); err != nil {
		return nil, fmt.Errorf("rolerequest: mail %d: %w", n.ID, err)
	}
	var open bool
	err := s.db.Query(ctx, &open, `SELECT EXISTS (SELECT 1 FROM role_requests
WHERE account_id = @account_id AND id = @id AND status IN ('REQUESTED', 'UNDER_REVIEW') AND expires_at > @now)`, store.Args{"id": about.RequestID, "now": s.now()})
	if err == nil && !open {
		err = notify.ErrObsolete
	}
	return nil, err
}

// params are the values of all mails about a request.
func (s *Service) params(r models.RoleRequest, f facts, name string) map[string]any {
	return map[string]any{
		"requestId": r.ID, "name": name, "role": f.role(), "organization": f.Organization, "appName": "Quad", "link": s.url,
	}
}

// role is how a role is called in a mail.
func (f facts) role() string {
	if f.RoleLabel != "" {
		return f.RoleLabel
	}
	return strings.ReplaceAll(f.RoleTitle, "_", " ")
}

// tellRequester queues the mail about an event of the request for the person
// who asked.
func (s *Service) tellRequester(ctx context.Context, r models.RoleRequest, f facts, template, event string) error {
	if f.Email == nil {
		return nil
	}
	params := s.params(r, f, f.Name)
	params["comments"] = strings.Join(r.Comments, "\n")
	return s.notify.Send(ctx, notify.Message{
		Template: template, Recipient: *f.Email, EventKey: eventKey(r, event),
		UserID: &r.UserID, OrganizationID: &r.OrganizationID, ProcessID: r.ProcessID, Params: params,
	})
}

// tellHolders queues a mail about the request for those who can decide it by a
// role, and gives their number.
func (s *Service) tellHolders(ctx context.Context, r models.RoleRequest, template, event, role string) (int, error) {
	f, err := s.names(ctx, r.ID)
	if err != nil {
		return 0, err
	}
	holders, err := s.holdersAs(ctx, r, role)
	if err != nil {
		return 0, err
	}
	var messages []notify.Message
	for _, h := range holders {
		if h.Email == "" {
			continue
		}
		params := s.params(r, f, h.Name)
		params[requesterParam], params["requestedAt"], params["deadline"] = f.Name, date(r.CreatedAt), date(r.ExpiresAt)
		messages = append(messages, notify.Message{
			Template: template, Recipient: h.Email, EventKey: eventKey(r, event),
			UserID: &h.ID, OrganizationID: &r.OrganizationID, ProcessID: r.ProcessID, Params: params,
		})
	}
	return len(messages), s.notify.Send(ctx, messages...)
}

// eventKey names an event: one mail per event and recipient.
func eventKey(r models.RoleRequest, event string) string {
	return fmt.Sprintf("%s/%d/%s", subjectType, r.ID, event)
}

// date is how a mail shows a day.
func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

// told says in the timeline how many admins got a mail.
func told(n int, how, whose string) string {
	switch n {
	case 0:
		return "the " + whose + " has no active admin with an e-mail address: nobody was " + how
	case 1:
		return "1 admin of the " + whose + " was " + how
	}
	return fmt.Sprintf("%d admins of the %s were %s", n, whose, how)
}
