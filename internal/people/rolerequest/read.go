package rolerequest

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Person is somebody a request is about or was handled by.
type Person struct {
	ID    int64
	Name  string
	Email string // "" without one
}

// View is a request as it reads now: Status is EXPIRED right after the
// deadline, whether or not its workflow has run.
type View struct {
	models.RoleRequest
	RoleTitle string
	Requester Person
	Handler   *Person // who made the last decision; nil without one
}

// Filter narrows a list. Empty lists do not narrow.
type Filter struct {
	RoleIDs   []int64
	Statuses  []models.RoleRequestStatus
	HandledBy []int64
	Page      int // from 1
	Limit     int // at most and by default store.MaxPage
}

// shown is the status as it reads at @now. A decision made in time that has
// met no worker yet keeps the request open: it will be applied.
const shown = `CASE WHEN r.status IN ('REQUESTED', 'UNDER_REVIEW') AND r.expires_at <= @now AND NOT EXISTS (
    SELECT 1 FROM role_request_decisions d WHERE d.role_request_id = r.id AND d.state = 'submitted' AND d.created_at < r.expires_at)
    THEN 'EXPIRED' ELSE r.status END`

const viewColumns = `r.id, r.account_id, r.organization_id, r.user_id, r.role_id, r.process_id, ` + shown + ` AS status, r.end_reason, r.handled_by,
    r.comments, r.meta, r.reminders, r.remind_at, r.remind_every, r.escalate_at, r.escalated_at, r.expires_at, r.created_at, r.updated_at, r.ended_at,
    ro.title AS role_title, u.name AS requester_name, COALESCE(u.email, '') AS requester_email,
    COALESCE(h.name, '') AS handler_name, COALESCE(h.email, '') AS handler_email`

const viewJoins = ` JOIN roles ro ON ro.id = r.role_id JOIN users u ON u.id = r.user_id LEFT JOIN users h ON h.id = r.handled_by`

type viewRow struct {
	models.RoleRequest            `gorm:"embedded"`
	RoleTitle                     string
	RequesterName, RequesterEmail string
	HandlerName, HandlerEmail     string
}

func (v viewRow) view() View {
	out := View{
		RoleRequest: v.RoleRequest, RoleTitle: v.RoleTitle,
		Requester: Person{ID: v.UserID, Name: v.RequesterName, Email: v.RequesterEmail},
	}
	if v.HandledBy != nil {
		out.Handler = &Person{ID: *v.HandledBy, Name: v.HandlerName, Email: v.HandlerEmail}
	}
	return out
}

func (s *Service) view(ctx context.Context, id int64) (View, error) {
	var row viewRow
	err := s.db.Query(ctx, &row, `SELECT `+viewColumns+` FROM role_requests r`+viewJoins+` WHERE r.account_id = @account_id AND r.id = @id`,
		store.Args{"id": id, "now": s.now()})
	if err == nil && row.ID == 0 {
		err = ErrNotFound
	}
	return row.view(), err
}

const listWhere = ` FROM role_requests r WHERE r.account_id = @account_id AND r.organization_id = @organization
    AND (CAST(@roles AS bigint[]) IS NULL OR r.role_id = ANY(CAST(@roles AS bigint[])))
    AND (CAST(@handlers AS bigint[]) IS NULL OR r.handled_by = ANY(CAST(@handlers AS bigint[])))
    AND (CAST(@statuses AS text[]) IS NULL OR ` + shown + ` = ANY(CAST(@statuses AS text[])))`

// List gives a page of the requests in the caller's organization, newest first,
// and how many there are on all pages. Errors: models.ErrForbidden for others
// than its admins.
func (s *Service) List(ctx context.Context, f Filter) (page []View, count int64, err error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	if !caller.Has(models.RoleOrgAdmin) {
		return nil, 0, models.ErrForbidden
	}
	limit := store.PageSize(f.Limit)
	args := store.Args{
		"organization": caller.OrganizationID, "now": s.now(), "roles": numbers(f.RoleIDs), "handlers": numbers(f.HandledBy), "statuses": words(f.Statuses),
		"limit": limit, "offset": (max(f.Page, 1) - 1) * limit,
	}
	if err := s.db.Query(ctx, &count, `SELECT count(*)`+listWhere, args); err != nil {
		return nil, 0, fmt.Errorf("rolerequest: list: %w", err)
	}
	if count == 0 {
		return nil, 0, nil
	}
	var rows []viewRow
	err = s.db.Query(ctx, &rows, `SELECT `+viewColumns+` FROM (SELECT r.*`+listWhere+` ORDER BY r.id DESC LIMIT @limit OFFSET @offset) r`+viewJoins+
		` WHERE r.account_id = @account_id ORDER BY r.id DESC`, args)
	if err != nil {
		return nil, 0, fmt.Errorf("rolerequest: list: %w", err)
	}
	page = make([]View, len(rows))
	for i, row := range rows {
		page[i] = row.view()
	}
	return page, count, nil
}

func numbers(ids []int64) pq.Int64Array {
	if len(ids) == 0 {
		return nil
	}
	return ids
}

func words(statuses []models.RoleRequestStatus) pq.StringArray {
	var out pq.StringArray
	for _, s := range statuses {
		out = append(out, string(s))
	}
	return out
}

// Get gives a request to the person who asked, the organization's admins and
// those of the account. Errors: ErrNotFound, also for everybody else.
func (s *Service) Get(ctx context.Context, id int64) (View, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return View{}, err
	}
	v, err := s.view(ctx, id)
	if err != nil {
		return View{}, err
	}
	if !sees(caller, v.RoleRequest) {
		return View{}, ErrNotFound
	}
	return v, nil
}

// sees tells whether a caller may know of a request: the person who asked, the
// organization's admins and those of the account.
func sees(caller auth.Principal, r models.RoleRequest) bool {
	return caller.UserID == r.UserID ||
		(caller.Has(models.RoleOrgAdmin) && caller.OrganizationID == r.OrganizationID) ||
		caller.Has(models.RoleAdmin)
}

// Holder is somebody who can decide a request now.
type Holder struct {
	Person
	Role string // by which: org_admin, or admin after the escalation
}

// Hold says who holds a request now.
type Hold struct {
	Status   models.RoleRequestStatus
	Holders  []Holder // nobody for a closed request; at most maxHolders
	Deadline time.Time
	// Next and NextAt are what happens when nobody decides.
	Next   models.RoleRequestAction
	NextAt time.Time
}

// WhoHolds tells those who see a request who can decide it now, and what
// happens if nobody does. Errors: ErrNotFound.
func (s *Service) WhoHolds(ctx context.Context, id int64) (Hold, error) {
	v, err := s.Get(ctx, id)
	if err != nil {
		return Hold{}, err
	}
	h := Hold{Status: v.Status, Deadline: v.ExpiresAt}
	if !v.Status.Open() {
		h.Next = models.RoleRequestNone
		return h, nil
	}
	h.Next, h.NextAt = Next(v.RoleRequest, s.now())
	h.Holders, err = s.holders(ctx, v.RoleRequest)
	return h, err
}

// maxHolders bounds who is told about a request.
const maxHolders = 200

// whoDecides are the active people who can decide a request: the admins of its
// organization, and those of the account once it has been escalated. Whoever
// asked is not among them, also as an admin.
const whoDecides = `
FROM users u JOIN user_roles ur ON ur.user_id = u.id JOIN roles ro ON ro.id = ur.role_id
WHERE u.account_id = @account_id AND u.status = 'ACTIVE' AND u.id <> @requester AND ro.account_id = @account_id AND ro.status = 'ACTIVE' AND ro.deleted_at IS NULL
    AND ((lower(ro.title) = 'org_admin' AND u.organization_id = @organization) OR (@escalated AND lower(ro.title) = 'admin'))`

func whoDecidesArgs(r models.RoleRequest) store.Args {
	return store.Args{"organization": r.OrganizationID, "requester": r.UserID, "escalated": r.EscalatedAt != nil, "limit": maxHolders}
}

// holders gives each of them once, by the role that comes first: an admin of
// the organization who is also one of the account is asked as the former.
func (s *Service) holders(ctx context.Context, r models.RoleRequest) ([]Holder, error) {
	var holders []Holder
	err := s.db.Query(ctx, &holders, `SELECT DISTINCT ON (u.id) u.id, u.name, COALESCE(u.email, '') AS email, lower(ro.title) AS role`+whoDecides+
		` ORDER BY u.id, lower(ro.title) DESC LIMIT @limit`, whoDecidesArgs(r))
	return holders, err
}

// holdersAs gives those who can decide it by one role.
func (s *Service) holdersAs(ctx context.Context, r models.RoleRequest, role string) ([]Holder, error) {
	args := whoDecidesArgs(r)
	args["role"] = role
	var holders []Holder
	err := s.db.Query(ctx, &holders, `SELECT u.id, u.name, COALESCE(u.email, '') AS email, lower(ro.title) AS role`+whoDecides+
		` AND lower(ro.title) = @role ORDER BY u.id LIMIT @limit`, args)
	return holders, err
}

// refused is what somebody is told who cannot decide a request: that it is
// their own, if they could otherwise.
func refused(caller auth.Principal, r models.RoleRequest) error {
	if caller.UserID == r.UserID && caller.Has(models.RoleOrgAdmin, models.RoleAdmin) {
		return ErrOwnRequest
	}
	return ErrNotFound
}

// mayDecide tells whether a person can decide a request now.
func (s *Service) mayDecide(ctx context.Context, r models.RoleRequest, userID int64) (bool, error) {
	args := whoDecidesArgs(r)
	args["user"] = userID
	var may bool
	err := s.db.Query(ctx, &may, `SELECT EXISTS (SELECT 1`+whoDecides+` AND u.id = @user)`, args)
	return may, err
}
