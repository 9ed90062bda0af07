package certification

import (
	"context"
	"fmt"
	"time"

	"quad/internal/auth"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// DefinitionFilter says which certificates a list has; zero fields say nothing.
type DefinitionFilter struct {
	Status   models.CertificateStatus
	Search   string // in the name, in any case
	CourseID int64
}

func (f DefinitionFilter) args() store.Args {
	search := ""
	if f.Search != "" {
		search = "%" + store.EscapeLike(f.Search) + "%"
	}
	return store.Args{"status": f.Status, "search": search, "course": f.CourseID}
}

const definitionFilter = ` (@status = '' OR c.status = @status) AND (@search = '' OR lower(c.name) LIKE lower(@search))
	AND (CAST(@course AS bigint) = 0 OR EXISTS (SELECT FROM certificate_courses o WHERE o.certificate_id = c.id AND o.course_id = CAST(@course AS bigint)))`

// definitionColumns reads a certificate c with its courses.
const definitionColumns = ` c.*, w.course_ids, w.course_identifiers, w.course_names`

// withCourses goes behind the part of certificates that is read.
const withCourses = ` CROSS JOIN LATERAL (SELECT array_agg(k.course_id ORDER BY k.position) AS course_ids,
		array_agg(o.identifier ORDER BY k.position) AS course_identifiers, array_agg(o.name ORDER BY k.position) AS course_names
	FROM certificate_courses k JOIN courses o ON o.id = k.course_id WHERE k.certificate_id = c.id) w`

// Definition reads a certificate, for an admin. Errors: models.ErrForbidden,
// ErrCertificateUnknown.
func (s *Service) Definition(ctx context.Context, certificate ref.Ref) (Definition, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Definition{}, err
	}
	return s.definition(ctx, certificate)
}

func (s *Service) definition(ctx context.Context, certificate ref.Ref) (Definition, error) {
	if !certificate.Valid() {
		return Definition{}, ErrCertificateUnknown
	}
	var d Definition
	err := s.d.DB.Query(ctx, &d, `SELECT`+definitionColumns+` FROM certificates c`+withCourses+`
		WHERE c.account_id = @account_id AND `+certificate.Condition("c"), certificate.Args())
	if err != nil {
		return Definition{}, fmt.Errorf("certification: read: %w", err)
	}
	if d.ID == 0 {
		return Definition{}, ErrCertificateUnknown
	}
	return d, nil
}

// CountDefinitions gives how many certificates there are and where the last of
// them stands, for an admin. Errors: models.ErrForbidden.
func (s *Service) CountDefinitions(ctx context.Context, f DefinitionFilter) (count int64, last store.Place, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil || !store.Storable(f.Search) {
		return 0, store.Place{}, err
	}
	var row struct {
		Count int64
		At    *time.Time
		ID    *int64
	}
	const which = ` FROM certificates c WHERE c.account_id = @account_id AND` + definitionFilter
	err = s.d.DB.Query(ctx, &row, `SELECT n.count, l.created_at AS at, l.id FROM (SELECT count(*) AS count`+which+`) n
		LEFT JOIN LATERAL (SELECT c.created_at, c.id`+which+` ORDER BY c.created_at DESC, c.id DESC LIMIT 1) l ON true`, f.args())
	if err != nil {
		return 0, store.Place{}, fmt.Errorf("certification: count: %w", err)
	}
	if row.At != nil && row.ID != nil {
		last = store.Place{At: *row.At, ID: *row.ID}
	}
	return row.Count, last, nil
}

// ListDefinitions gives certificates by their creation, for an admin. Errors:
// models.ErrForbidden.
func (s *Service) ListDefinitions(ctx context.Context, f DefinitionFilter, w store.Window) ([]Definition, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil || !store.Storable(f.Search) {
		return nil, err
	}
	return s.definitions(ctx, `c.account_id = @account_id AND `+w.Condition("c")+` AND`+definitionFilter+w.Order("c"), "c.created_at, c.id", w.Args(f.args()))
}

// PageDefinitions gives a page by id, at most store.MaxPage, and the id to go on
// after, 0 at the end; for an admin. Errors: models.ErrForbidden.
func (s *Service) PageDefinitions(ctx context.Context, f DefinitionFilter, after int64, limit int) (page []Definition, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil || !store.Storable(f.Search) {
		return nil, 0, err
	}
	limit = store.PageSize(limit)
	args := f.args()
	args["after"], args["limit"] = after, limit+1
	rows, err := s.definitions(ctx, `c.account_id = @account_id AND c.id > @after AND`+definitionFilter+` ORDER BY c.id LIMIT @limit`, "c.id", args)
	if err != nil {
		return nil, 0, err
	}
	page, next = store.Cut(rows, limit, func(d Definition) int64 { return d.ID })
	return page, next, nil
}

// definitions reads the courses only of those certificates that which chooses.
func (s *Service) definitions(ctx context.Context, which, order string, args store.Args) ([]Definition, error) {
	var out []Definition
	err := s.d.DB.Query(ctx, &out, `SELECT`+definitionColumns+` FROM (SELECT * FROM certificates c WHERE `+which+`) c`+withCourses+` ORDER BY `+order, args)
	if err != nil {
		return nil, fmt.Errorf("certification: list: %w", err)
	}
	return out, nil
}
