package certification

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// batchSize is how many links are read and written at once, and people and courses
// followed.
const batchSize = 2000

// linkFacts reads links with their definition and what the enrolments say. It
// is its own statement behind the one that locks the links, so that it sees
// what those have committed who had the lock before.
const linkFacts = `
SELECT l.*, c.expires_after, c.expires_unit, c.asks_confirmation, f.enrolled, f.progressed_at, f.completed_at,` + dealt + `
FROM user_certificates l
JOIN certificates c ON c.id = l.certificate_id
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(e.learner), false) AS enrolled, max(e.last_progress_at) AS progressed_at,
        CASE WHEN count(e.last_completed_at) = count(*) THEN min(e.last_completed_at) END AS completed_at
    FROM certificate_courses k LEFT JOIN enrollments e ON e.user_id = l.user_id AND e.course_id = k.course_id
    WHERE k.certificate_id = l.certificate_id) f
WHERE l.account_id = @account_id AND l.id = ANY(CAST(@ids AS bigint[]))
ORDER BY l.id`

// dealt is the column Dealt of a link l.
const dealt = `
    CASE WHEN l.required THEN ARRAY(SELECT n.days FROM certificate_notices n
        WHERE n.user_certificate_id = l.id AND n.issue_id = l.issue_id) END AS dealt`

// readLinks reads links that the transaction has locked.
func (s *Service) readLinks(ctx context.Context, ids []int64) ([]*link, error) {
	var links []*link
	err := s.d.DB.Query(ctx, &links, linkFacts, store.Args{"ids": pq.Int64Array(ids)})
	return links, err
}

// change locks links, settles each to the clock, and applies a change to it:
// the one way in which links change, besides the sweep, for which time is all.
// which gives the ids of the links, in their order and locked.
func (s *Service) change(ctx context.Context, now time.Time, which string, args store.Args, apply func(*link) error) ([]*link, error) {
	var ids []int64
	if err := s.d.DB.Query(ctx, &ids, which, args); err != nil || len(ids) == 0 {
		return nil, err
	}
	links, err := s.readLinks(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if err := l.settle(now, time.Time{}); err != nil {
			return nil, err
		}
		if err := apply(l); err != nil {
			return nil, err
		}
	}
	return links, s.writeLinks(ctx, now, links, nil)
}

// linkRow is what becomes of a link, for writeLinks.
type linkRow struct {
	ID          int64                   `json:"id"`
	State       models.CertificateState `json:"state"`
	Required    bool                    `json:"required"`
	CertifiedAt *time.Time              `json:"certified_at"`
	ExpiresAt   *time.Time              `json:"expires_at"`
	WarnsAt     *time.Time              `json:"warns_at"`
	EarnedSince *time.Time              `json:"earned_since"`
	RenewedAt   *time.Time              `json:"renewed_at"`
	IssueID     *int64                  `json:"issue_id"`
	DueAt       *time.Time              `json:"due_at"`
	Code        *string                 `json:"code"`
	Ends        *int64                  `json:"ends"` // issue
	EndReason   models.CertificateEnd   `json:"end_reason"`
	Gone        bool                    `json:"gone"`
}

// moveRow is one transition, for writeLinks.
type moveRow struct {
	N             int                      `json:"n"` // their order
	ID            int64                    `json:"link"`
	CertificateID int64                    `json:"certificate"`
	UserID        int64                    `json:"person"`
	From          *models.CertificateState `json:"was"`
	To            *models.CertificateState `json:"becomes"`
	Reason        string                   `json:"reason"`
	At            time.Time                `json:"at"`
}

// storeLinks writes links, their transitions and issues in one statement. An
// issue keeps the names as they are now.
const storeLinks = `
WITH r AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(@links AS jsonb)) AS r (id bigint, state text, required boolean,
        certified_at timestamptz, expires_at timestamptz, warns_at timestamptz, earned_since timestamptz, renewed_at timestamptz,
        issue_id bigint, due_at timestamptz, code text, ends bigint, end_reason text, gone boolean)
), issued AS (
    INSERT INTO certificate_issues (account_id, certificate_id, user_id, code, learner_name, certificate_name, course_names, certified_at, expires_at)
    SELECT l.account_id, l.certificate_id, l.user_id, r.code, u.name, c.name,
        ARRAY(SELECT o.name FROM certificate_courses k JOIN courses o ON o.id = k.course_id WHERE k.certificate_id = c.id ORDER BY k.position),
        r.certified_at, r.expires_at
    FROM r JOIN user_certificates l ON l.account_id = @account_id AND l.id = r.id
    JOIN users u ON u.id = l.user_id JOIN certificates c ON c.id = l.certificate_id
    WHERE r.code IS NOT NULL
    RETURNING id, code
), ended AS (
    UPDATE certificate_issues i SET ended_at = CAST(@now AS timestamptz), end_reason = r.end_reason
    FROM r WHERE i.account_id = @account_id AND i.id = r.ends AND i.ended_at IS NULL
), gone AS (
    DELETE FROM user_certificates l USING r WHERE l.account_id = @account_id AND l.id = r.id AND r.gone
), written AS (
    UPDATE user_certificates l SET state = r.state, required = r.required, certified_at = r.certified_at, expires_at = r.expires_at,
        warns_at = r.warns_at, earned_since = r.earned_since, renewed_at = r.renewed_at, issue_id = coalesce(n.id, r.issue_id),
        due_at = r.due_at, updated_at = now()
    FROM r LEFT JOIN issued n ON n.code = r.code WHERE l.account_id = @account_id AND l.id = r.id AND NOT r.gone
)
INSERT INTO certificate_transitions (account_id, user_certificate_id, certificate_id, user_id, from_state, to_state, reason, actor_id, process_id, at)
SELECT @account_id, m.link, m.certificate, m.person, m.was, m.becomes, m.reason, CAST(@actor AS bigint), CAST(@process AS bigint), m.at
FROM jsonb_to_recordset(CAST(@moves AS jsonb)) AS m (n integer, link bigint, certificate bigint, person bigint, was text, becomes text, reason text, at timestamptz)
ORDER BY m.n`

// writeLinks stores those of the links that have changed, in the transaction
// that locked them. process is the sweep that did it, if one did.
func (s *Service) writeLinks(ctx context.Context, now time.Time, links []*link, process *int64) error {
	var rows []linkRow
	moves := []moveRow{}
	for _, l := range links {
		due := l.due(s.d.Config.ReminderDays)
		if !l.changed && !l.gone && equalTime(due, l.DueAt) {
			continue
		}
		l.DueAt = due
		rows = append(rows, l.row())
		for _, m := range l.moves {
			moves = append(moves, moveRow{
				N: len(moves), ID: l.ID, CertificateID: l.CertificateID, UserID: l.UserID,
				From: stateOrNil(m.from), To: stateOrNil(m.to), Reason: m.reason, At: m.at,
			})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	linksJSON, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("certification: encode links: %w", err)
	}
	movesJSON, err := json.Marshal(moves)
	if err != nil {
		return fmt.Errorf("certification: encode transitions: %w", err)
	}
	_, err = s.d.DB.Exec(ctx, storeLinks, store.Args{
		"links": string(linksJSON), "moves": string(movesJSON), "now": now, "actor": auth.Actor(ctx), "process": process,
	})
	return err
}

func (l *link) row() linkRow {
	r := linkRow{
		ID: l.ID, State: l.State, Required: l.Required, CertifiedAt: l.CertifiedAt, ExpiresAt: l.ExpiresAt, WarnsAt: l.WarnsAt,
		EarnedSince: l.EarnedSince, RenewedAt: l.RenewedAt, IssueID: l.IssueID, DueAt: l.DueAt, EndReason: l.ended.reason, Gone: l.gone,
	}
	if l.code != "" {
		r.Code = &l.code
	}
	if l.ended.issue != 0 {
		r.Ends = &l.ended.issue
	}
	return r
}

func stateOrNil(s models.CertificateState) *models.CertificateState {
	if s == "" {
		return nil
	}
	return &s
}
