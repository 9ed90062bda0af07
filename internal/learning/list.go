package learning

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

// CourseFilter says which courses a calling system wants listed: the masters or
// the channels, in reach, and of these those that all that is set holds for.
type CourseFilter struct {
	Master        bool
	SubAccount    string     // name; "": of the whole account
	CreatedSince  *time.Time // inclusive
	OnlyPublished bool       // of masters
}

// sql is the condition on courses c and its parameters. ok is false when the
// sub-account has a name that none can have.
func (f CourseFilter) sql() (where string, args store.Args, ok bool) {
	where = ` WHERE c.account_id = @account_id AND c.master = @master AND (c.organization_id IS NULL
		OR c.organization_id IN (SELECT id FROM organizations WHERE account_id = @account_id AND status = 'ACTIVE'))`
	args = store.Args{"master": f.Master}
	if f.SubAccount != "" {
		where += ` AND ` + ofSubAccount
		args["sub_account"] = f.SubAccount
	}
	if f.CreatedSince != nil {
		where += ` AND c.created_at >= @since`
		args["since"] = *f.CreatedSince
	}
	if f.OnlyPublished {
		where += ` AND c.published`
	}
	return where, args, store.Storable(f.SubAccount)
}

// CountCourses gives the number of courses and the place of the last one, for
// an admin. One statement; when there are none, another one tells a sub-account
// without courses from one that does not exist, whose refusal is passed on.
func (s *Service) CountCourses(ctx context.Context, f CourseFilter) (count int64, last store.Place, err error) {
	if err := admin(ctx); err != nil {
		return 0, last, err
	}
	if where, args, ok := f.sql(); ok {
		err = s.db.QueryRowsPlanned(ctx, `SELECT (SELECT count(*) FROM courses c`+where+`), c.created_at, c.id
			FROM courses c`+where+` ORDER BY c.created_at DESC, c.id DESC LIMIT 1`, args, func(row pgx.CollectableRow) error {
			return row.Scan(&count, &last.At, &last.ID)
		})
	}
	if err == nil && count == 0 {
		err = s.known(ctx, f)
	}
	return count, last, wrap("count courses", err)
}

// ListCourses gives the courses of a window, the oldest first, for an admin.
// Statements and refusals are as of CountCourses.
func (s *Service) ListCourses(ctx context.Context, f CourseFilter, w store.Window) (rows []Course, err error) {
	if err := admin(ctx); err != nil {
		return nil, err
	}
	if where, args, ok := f.sql(); ok {
		rows, err = s.list(ctx, where+` AND `+w.Condition("c")+w.Order("c"), w.Args(args))
	}
	if err == nil && len(rows) == 0 {
		err = s.known(ctx, f)
	}
	return rows, wrap("list courses", err)
}

// known passes on the refusal of a sub-account that does not exist.
func (s *Service) known(ctx context.Context, f CourseFilter) error {
	if f.SubAccount == "" {
		return nil
	}
	_, err := s.subAccount(ctx, f.SubAccount)
	return err
}

// list reads courses: rest is what follows the tables in the statement.
func (s *Service) list(ctx context.Context, rest string, args store.Args) (rows []Course, err error) {
	err = s.db.QueryRowsPlanned(ctx, `SELECT c.id, c.account_id, c.organization_id, c.identifier, c.public_id::text, c.name, c.type, c.master,
			c.published, c.status, c.scheduled, c.starts_at, c.ends_at, c.duration_ms, c.categories, c.master_id, c.created_at, c.updated_at,
			o.name, m.identifier`+courseTables+rest, args, func(row pgx.CollectableRow) error {
		var c Course
		if err := row.Scan(&c.ID, &c.AccountID, &c.OrganizationID, &c.Identifier, &c.PublicID, &c.Name, (*string)(&c.Type), &c.Master,
			&c.Published, (*string)(&c.Status), &c.Scheduled, &c.StartsAt, &c.EndsAt, &c.DurationMS, (*[]string)(&c.Categories), &c.MasterID,
			&c.CreatedAt, &c.UpdatedAt, &c.SubAccount, &c.MasterIdentifier); err != nil {
			return err
		}
		rows = append(rows, s.settled(c))
		return nil
	})
	return rows, err
}

// AccountFilter says which courses the hub's own lists show: masters and
// channels, of organizations of any status. Nil and empty fields do not filter.
type AccountFilter struct {
	OrganizationID *int64
	Master         *bool
	Type           models.CourseType
	Status         models.CourseStatus
	Search         string // part of the name or the identifier, in any case
	Category       string // exact
	After          int64  // id of the last course of the page before
	Limit          int    // 1 to 100; anything else is 100
}

// AccountCourses gives a page of courses by id, for an admin. next is the After
// of the page that follows, 0 on the last one. One statement.
func (s *Service) AccountCourses(ctx context.Context, f AccountFilter) (page []Course, next int64, err error) {
	if err := admin(ctx); err != nil {
		return nil, 0, err
	}
	search := strings.TrimSpace(f.Search)
	if !store.Storable(search) || !store.Storable(f.Category) {
		return nil, 0, nil
	}
	limit := store.PageSize(f.Limit)
	where, args := ` WHERE c.account_id = @account_id AND c.id > @after`, store.Args{"after": f.After, "limit": limit + 1}
	add := func(set bool, condition, name string, value any) {
		if set {
			where, args[name] = where+` AND `+condition, value
		}
	}
	add(f.OrganizationID != nil, `c.organization_id = @organization`, "organization", f.OrganizationID)
	add(f.Master != nil, `c.master = @master`, "master", f.Master)
	add(f.Type != "", `c.type = @type`, "type", string(f.Type))
	add(f.Status != "", `c.status = @status`, "status", string(f.Status))
	add(search != "", `(lower(c.name) LIKE lower(CAST(@search AS text)) OR lower(c.identifier) LIKE lower(CAST(@search AS text)))`, "search", "%"+store.EscapeLike(search)+"%")
	add(f.Category != "", `@category = ANY (c.categories)`, "category", f.Category)
	rows, err := s.list(ctx, where+` ORDER BY c.id LIMIT @limit`, args)
	if err != nil {
		return nil, 0, wrap("list courses", err)
	}
	page, next = store.Cut(rows, limit, func(c Course) int64 { return c.ID })
	return page, next, nil
}
