package certification

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Held is a certificate that somebody has, has had or is earning.
type Held struct {
	ID            int64
	UserID        int64
	UserName      string
	CertificateID int64
	Identifier    string // of the certificate
	Name          string // of the certificate
	State         models.CertificateState
	Required      bool
	CertifiedAt   *time.Time
	ExpiresAt     *time.Time
	RenewedAt     *time.Time // completed anew; the learner has not confirmed yet
	Code          *string    // of what was issued; nil before and after starting anew
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// heldColumns reads the link l of a person u with its certificate c and its
// issue i. The state is that of the clock.
const heldColumns = ` l.id, l.user_id, u.name AS user_name, l.certificate_id, c.identifier, c.name,
	certificate_state(l.state, l.warns_at, l.expires_at, CAST(@now AS timestamptz)) AS state, l.required, l.certified_at, l.expires_at,
	l.renewed_at, i.code, l.created_at, l.updated_at`

const heldTables = ` JOIN certificates c ON c.id = l.certificate_id LEFT JOIN certificate_issues i ON i.id = l.issue_id`

// ListOf gives all certificates of a person, the first one first, for an admin.
// One statement. Errors: models.ErrForbidden, people.ErrUserUnknown.
func (s *Service) ListOf(ctx context.Context, user ref.Ref) ([]Held, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	return s.heldBy(ctx, user, 0, 0)
}

// PageOf gives a page of a person's certificates by id, at most store.MaxPage,
// and the id to go on after, 0 at the end; for an admin and for the person. To
// everybody else there is no such person. Errors: models.ErrUnauthenticated,
// people.ErrUserUnknown.
func (s *Service) PageOf(ctx context.Context, userID, after int64, limit int) (page []Held, next int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	if userID != p.UserID && !p.Has(models.RoleAdmin) {
		return nil, 0, people.ErrUserUnknown
	}
	limit = store.PageSize(limit)
	rows, err := s.heldBy(ctx, ref.ByID(userID), after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next = store.Cut(rows, limit, func(h Held) int64 { return h.ID })
	return page, next, nil
}

// heldBy reads a person's certificates behind an id. All of them, which is limit
// 0, come by creation, pages by id.
func (s *Service) heldBy(ctx context.Context, user ref.Ref, after int64, limit int) ([]Held, error) {
	if !user.Valid() {
		return nil, people.ErrUserUnknown
	}
	args := user.Args()
	args["now"], args["after"], args["limit"] = s.d.Clock(), after, nil
	order := "created_at, id"
	if limit > 0 {
		args["limit"], order = limit, "id"
	}
	var rows []Held
	err := s.d.DB.Query(ctx, &rows, `SELECT h.* FROM users u LEFT JOIN LATERAL (SELECT`+heldColumns+` FROM user_certificates l`+heldTables+`
			WHERE l.user_id = u.id AND l.id > @after ORDER BY l.id LIMIT CAST(@limit AS bigint)) h ON true
		WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `+user.Condition("u")+` ORDER BY h.`+order, args)
	switch {
	case err != nil:
		return nil, fmt.Errorf("certification: of a person: %w", err)
	case len(rows) == 0:
		return nil, people.ErrUserUnknown
	case rows[0].ID == 0: // the person, who has none
		return nil, nil
	}
	return rows, nil
}

// LinkFilter says whose certificates a list has; zero fields say nothing.
type LinkFilter struct {
	CertificateID int64
	UserID        int64
	State         models.CertificateState // by the clock
	Required      *bool
	After         int64 // id of the row before the page
	Limit         int   // 1 to store.MaxPage; anything else is store.MaxPage
}

// Links gives a page of people's certificates by id, and the id to go on after,
// 0 at the end; for an admin. Errors: models.ErrForbidden.
func (s *Service) Links(ctx context.Context, f LinkFilter) (page []Held, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	limit := store.PageSize(f.Limit)
	args := store.Args{
		"now": s.d.Clock(), "after": f.After, "limit": limit + 1,
		"certificate": f.CertificateID, "user": f.UserID, "state": f.State, "required": f.Required,
	}
	// Conditions that say nothing are left out, so that the others find their index.
	where := ""
	if f.CertificateID != 0 {
		where += " AND l.certificate_id = @certificate"
	}
	if f.UserID != 0 {
		where += " AND l.user_id = @user"
	}
	if f.State != "" {
		where += " AND certificate_state(l.state, l.warns_at, l.expires_at, CAST(@now AS timestamptz)) = @state"
	}
	if f.Required != nil {
		where += " AND l.required = @required"
	}
	var rows []Held
	err = s.d.DB.Query(ctx, &rows, `SELECT`+heldColumns+` FROM user_certificates l JOIN users u ON u.id = l.user_id`+heldTables+`
		WHERE l.account_id = @account_id AND u.status <> 'DELETED' AND l.id > @after`+where+` ORDER BY l.id LIMIT @limit`, args)
	if err != nil {
		return nil, 0, fmt.Errorf("certification: links: %w", err)
	}
	page, next = store.Cut(rows, limit, func(h Held) int64 { return h.ID })
	return page, next, nil
}

// Link reads one person's certificate, for an admin and for the person. To
// everybody else it does not exist. Errors: models.ErrUnauthenticated,
// ErrLinkUnknown.
func (s *Service) Link(ctx context.Context, id int64) (Held, error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return Held{}, err
	}
	var h Held
	err = s.d.DB.Query(ctx, &h, `SELECT`+heldColumns+` FROM user_certificates l JOIN users u ON u.id = l.user_id`+heldTables+`
		WHERE l.account_id = @account_id AND u.status <> 'DELETED' AND l.id = @id AND (@all OR l.user_id = @caller)`,
		store.Args{"now": s.d.Clock(), "id": id, "all": p.Has(models.RoleAdmin), "caller": p.UserID})
	if err != nil {
		return Held{}, fmt.Errorf("certification: read link: %w", err)
	}
	if h.ID == 0 {
		return Held{}, ErrLinkUnknown
	}
	return h, nil
}

// History gives a page of what happened to a person's certificate, oldest first,
// and the id to go on after, 0 at the end. It is there after the certificate is
// gone; for an admin and for the person. Errors: models.ErrUnauthenticated,
// ErrLinkUnknown.
func (s *Service) History(ctx context.Context, linkID, after int64, limit int) (page []models.CertificateTransition, next int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	limit = store.PageSize(limit)
	var rows []models.CertificateTransition
	err = s.d.DB.Query(ctx, &rows, `SELECT * FROM certificate_transitions
		WHERE account_id = @account_id AND user_certificate_id = @link AND id > @after AND (@all OR user_id = @caller) ORDER BY id LIMIT @limit`,
		store.Args{"link": linkID, "after": after, "limit": limit + 1, "all": p.Has(models.RoleAdmin), "caller": p.UserID})
	if err != nil {
		return nil, 0, fmt.Errorf("certification: history: %w", err)
	}
	if len(rows) == 0 && after == 0 { // each has at least how it began
		return nil, 0, ErrLinkUnknown
	}
	page, next = store.Cut(rows, limit, func(t models.CertificateTransition) int64 { return t.ID })
	return page, next, nil
}
