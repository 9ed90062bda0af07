package certification

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

// Template codes of the mails.
const (
	templateExpires = "certificate_expires"
	templateExpired = "certificate_expired"
	templateDigest  = "certificate_digest"
)

// reminderParams names what a reminder is about. Who and when is read when the
// mail is made.
type reminderParams struct {
	LinkID  int64 `json:"userCertificateId"`
	IssueID int64 `json:"issueId"`
}

// reminder is the mail to a learner about a threshold. Its key lets a person be
// told once of each threshold of what was issued to them.
func reminder(l *link, days int, h holder, process int64) notify.Message {
	m := notify.Message{
		Template: templateExpires, Recipient: *h.Email, EventKey: fmt.Sprintf("certificate/%d/%d/%d", l.ID, *l.IssueID, days),
		UserID: &l.UserID, OrganizationID: &h.OrganizationID, ProcessID: &process,
		Params: map[string]any{"userCertificateId": l.ID, "issueId": *l.IssueID},
	}
	if days == 0 {
		m.Template = templateExpired
	}
	return m
}

// reminderValues makes the values of a reminder. One whose certificate was
// renewed, revoked or given another date meanwhile, is not required any more,
// or has expired where the mail says that it will, has lost its reason.
func (s *Service) reminderValues(ctx context.Context, n models.Notification) (map[string]string, error) {
	var about reminderParams
	if err := json.Unmarshal(n.Params, &about); err != nil {
		return nil, fmt.Errorf("certification: mail %d: %w", n.ID, err)
	}
	var row struct {
		models.UserCertificate
		Name, Certificate string
	}
	err := s.d.DB.Query(ctx, &row, `SELECT l.*, u.name, c.name AS certificate
FROM user_certificates l JOIN users u ON u.id = l.user_id JOIN certificates c ON c.id = l.certificate_id
WHERE l.account_id = @account_id AND l.id = @id AND l.issue_id = @issue AND l.required AND u.status = 'ACTIVE'`,
		store.Args{"id": about.LinkID, "issue": about.IssueID})
	if err != nil {
		return nil, fmt.Errorf("certification: mail %d: %w", n.ID, err)
	}
	state := models.CertificateAboutToExpire
	if n.Template == templateExpired {
		state = models.CertificateExpired
	}
	if row.ID == 0 || row.ExpiresAt == nil || row.StateAt(s.d.Clock()) != state {
		return nil, notify.ErrObsolete
	}
	return map[string]string{"name": row.Name, "certificate": row.Certificate, "expires": date(*row.ExpiresAt), "link": s.d.PublicURL}, nil
}

func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

// digestParams names the sweeps that a digest is about: those behind From up to
// Until, of which the last one got to its end.
type digestParams struct {
	From  int64 `json:"from"`
	Until int64 `json:"until"`
}

// digestLines is how many people a digest names.
const digestLines = 50

// noticed are the people and certificates that sweeps found something about
// that their managers should know: the current issues, in SQL.
const noticed = `
    SELECT DISTINCT l.id, l.user_id, l.certificate_id FROM certificate_notices n
    JOIN user_certificates l ON l.id = n.user_certificate_id AND l.issue_id = n.issue_id AND l.required
    JOIN users u ON u.id = l.user_id AND u.status = 'ACTIVE'
    WHERE n.account_id = @account_id AND n.process_id > @from AND n.process_id <= @until AND (n.sent OR n.unsent = '` + unsentNoAddress + `')`

// managers are the people who are told: whoever manages a course of the
// certificate, a group of the learner or one above, or one of their
// sub-accounts. It goes from the learners up, each place once.
const managers = `
WITH RECURSIVE noticed AS MATERIALIZED (` + noticed + `
), tree AS (
    SELECT m.group_id AS id FROM group_members m WHERE m.account_id = @account_id AND m.user_id IN (SELECT user_id FROM noticed)
    UNION
    SELECT above.parent_id FROM tree, LATERAL (
        SELECT g.parent_id FROM groups g WHERE g.id = tree.id AND g.account_id = @account_id AND g.parent_id IS NOT NULL OFFSET 0) above
), places AS (
    SELECT 'COURSE' AS type, k.course_id AS id FROM certificate_courses k
    WHERE k.account_id = @account_id AND k.certificate_id IN (SELECT certificate_id FROM noticed)
    UNION
    SELECT 'GROUP', id FROM tree
    UNION
    SELECT 'WORKSPACE', u.organization_id FROM users u WHERE u.account_id = @account_id AND u.id IN (SELECT user_id FROM noticed)
    UNION
    SELECT 'WORKSPACE', o.organization_id FROM user_organizations o WHERE o.account_id = @account_id AND o.user_id IN (SELECT user_id FROM noticed)
)
SELECT DISTINCT u.id, u.email, u.organization_id
FROM places p JOIN entitlements e ON e.account_id = @account_id AND e.entity_type = p.type AND e.entity_id = p.id AND e.role = 'MANAGER'
JOIN users u ON u.id = e.user_id AND u.status = 'ACTIVE' AND u.email IS NOT NULL
WHERE EXISTS (SELECT FROM noticed n WHERE n.user_id <> u.id)
ORDER BY u.id`

// sendDigests writes the mails to managers about the sweeps since the last one
// that got to its end, in the transaction that ends this one. It gives their
// number.
func (s *Service) sendDigests(ctx context.Context, in models.ProcessInput) (int64, error) {
	about := digestParams{Until: in.ProcessID}
	err := s.d.DB.Query(ctx, &about.From, `SELECT coalesce(max(id), 0) FROM processes
WHERE account_id = @account_id AND kind = @kind AND state = @completed AND id < @id`,
		store.Args{"kind": models.ProcessCertificateExpiry, "completed": models.ProcessCompleted, "id": in.ProcessID})
	if err != nil {
		return 0, err
	}
	var to []struct {
		ID             int64
		Email          string
		OrganizationID int64
	}
	if err := s.d.DB.Query(ctx, &to, managers, store.Args{"from": about.From, "until": about.Until}); err != nil {
		return 0, err
	}
	mails := make([]notify.Message, len(to))
	for i, m := range to {
		mails[i] = notify.Message{
			Template: templateDigest, Recipient: m.Email, EventKey: fmt.Sprintf("certificate_digest/%d", in.ProcessID),
			UserID: &m.ID, OrganizationID: &m.OrganizationID, ProcessID: &in.ProcessID,
			Params: map[string]any{"from": about.From, "until": about.Until},
		}
	}
	return int64(len(mails)), s.d.Notify.Send(ctx, mails...)
}

// managed are the certificates that a digest tells a manager of, those that
// expire first first. It goes from the manager down.
const managed = `
WITH RECURSIVE noticed AS MATERIALIZED (` + noticed + `
), mine AS MATERIALIZED (
    SELECT entity_type, entity_id FROM entitlements WHERE account_id = @account_id AND user_id = @manager AND role = 'MANAGER'
), tree AS (
    SELECT entity_id AS id FROM mine WHERE entity_type = 'GROUP'
    UNION
    SELECT below.id FROM tree, LATERAL (SELECT g.id FROM groups g WHERE g.parent_id = tree.id OFFSET 0) below
), members AS MATERIALIZED (
    SELECT m.user_id FROM group_members m WHERE m.account_id = @account_id AND m.group_id IN (SELECT id FROM tree)
    UNION
    SELECT o.user_id FROM user_organizations o WHERE o.account_id = @account_id
        AND o.organization_id IN (SELECT entity_id FROM mine WHERE entity_type = 'WORKSPACE')
), taught AS MATERIALIZED (
    SELECT DISTINCT k.certificate_id FROM certificate_courses k WHERE k.account_id = @account_id
        AND k.course_id IN (SELECT entity_id FROM mine WHERE entity_type = 'COURSE')
)
SELECT u.name AS person, c.name AS certificate, l.state, l.warns_at, l.expires_at, count(*) OVER () AS total
FROM noticed n JOIN user_certificates l ON l.id = n.id JOIN users u ON u.id = n.user_id JOIN certificates c ON c.id = n.certificate_id
WHERE n.user_id <> @manager AND (n.user_id IN (SELECT user_id FROM members) OR n.certificate_id IN (SELECT certificate_id FROM taught)
    OR u.organization_id IN (SELECT entity_id FROM mine WHERE entity_type = 'WORKSPACE'))
ORDER BY l.expires_at, u.name, l.id LIMIT @lines`

// digestValues makes the values of a manager's digest: who of their people, as
// of now. Where nobody is left it has lost its reason.
func (s *Service) digestValues(ctx context.Context, n models.Notification) (map[string]string, error) {
	var about digestParams
	if err := json.Unmarshal(n.Params, &about); err != nil {
		return nil, fmt.Errorf("certification: mail %d: %w", n.ID, err)
	}
	if n.UserID == nil {
		return nil, notify.ErrObsolete
	}
	var rows []struct {
		models.UserCertificate
		Person, Certificate string
		Total               int
	}
	args := store.Args{"from": about.From, "until": about.Until, "manager": *n.UserID, "lines": digestLines}
	if err := s.d.DB.Query(ctx, &rows, managed, args); err != nil {
		return nil, fmt.Errorf("certification: mail %d: %w", n.ID, err)
	}
	if len(rows) == 0 {
		return nil, notify.ErrObsolete
	}
	var manager string
	err := s.d.DB.Query(ctx, &manager, `SELECT name FROM users WHERE account_id = @account_id AND id = @id`, store.Args{"id": *n.UserID})
	if err != nil {
		return nil, fmt.Errorf("certification: mail %d: %w", n.ID, err)
	}
	var list strings.Builder
	for _, r := range rows {
		verb := "expires"
		if r.StateAt(s.d.Clock()) == models.CertificateExpired {
			verb = "expired"
		}
		fmt.Fprintf(&list, "%s: %s %s on %s\n", r.Person, r.Certificate, verb, date(*r.ExpiresAt))
	}
	values := map[string]string{
		"name": manager, "count": fmt.Sprint(rows[0].Total), "people": strings.TrimSuffix(list.String(), "\n"), "rest": "", "link": s.d.PublicURL,
	}
	if rest := rows[0].Total - len(rows); rest > 0 {
		values["rest"] = fmt.Sprint(rest)
	}
	return values, nil
}
