package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// DirectoryFilter says which people of the directory to list. Conditions that
// are given all hold; zero fields are no condition.
type DirectoryFilter struct {
	Roles  []string // titles in any case; one of these roles is held. Nil: any role or none
	Start  string   // the name begins with it, in any case
	Search string   // part of the name, in any case; or e-mail addresses separated by commas

	// IDs and Emails widen each other. Both nil: no condition; empty ones match
	// nobody.
	IDs      []int64
	Emails   []string
	Excluded []int64 // ids that are never listed

	Page  int // from 1
	Limit int // 1 to 100; anything else is 100
}

// Listed is a person of the directory.
type Listed struct {
	ID           int64
	Name         string
	Image        *string
	About        *string
	Email        string              // "" unless the caller may manage or is the person
	Organization models.Organization // ID, Name and Code are set
}

// Directory lists the ACTIVE people of the caller's account, of all its
// organizations, by name, and how many there are before paging. E-mail addresses
// are shown as for User: an admin sees all, an org_admin those of the own
// organization, everybody the own. Two statements at most.
func (s *Service) Directory(ctx context.Context, f DirectoryFilter) (page []Listed, count int64, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	q, possible := f.query()
	if !possible {
		return nil, 0, nil
	}
	roles, count, err := s.countDirectory(ctx, q)
	if err != nil {
		return nil, 0, fmt.Errorf("people: directory: %w", err)
	}
	limit := int64(store.PageSize(f.Limit))
	offset := (int64(max(f.Page, 1)) - 1) * limit
	if offset >= count {
		return nil, count, nil
	}
	q.args["roles"], q.args["limit"], q.args["offset"] = roles, limit, offset
	text := q.page("")
	if rest := count - offset; offset > rest {
		// The second half is walked from its end, so that the last pages cost as
		// little as the first ones.
		q.args["limit"] = min(limit, rest)
		q.args["offset"] = max(rest-limit, 0)
		text = q.page(" DESC")
	}
	page = make([]Listed, 0, min(limit, count-offset))
	err = s.db.QueryRowsPlanned(ctx, text, q.args, func(row pgx.CollectableRow) error {
		var l Listed
		var email *string
		if err := row.Scan(&l.ID, &l.Name, &l.Image, &l.About, &email, &l.Organization.ID, &l.Organization.Name, &l.Organization.Code); err != nil {
			return err
		}
		if email != nil && mayKnow(p, models.User{ID: l.ID, OrganizationID: l.Organization.ID}) {
			l.Email = *email
		}
		page = append(page, l)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("people: directory: %w", err)
	}
	return page, count, nil
}

// directoryQuery is what DirectoryFilter means in SQL.
type directoryQuery struct {
	where  []string // on users u
	byRole bool
	args   store.Args
}

// query gives the statement's conditions; false when they can't match anybody.
func (f DirectoryFilter) query() (q directoryQuery, possible bool) {
	q.args = store.Args{}
	and := func(condition, name string, value any) {
		q.where = append(q.where, condition)
		q.args[name] = value
	}
	if f.Roles != nil {
		q.byRole = true
		q.args["titles"] = lowerAll(f.Roles)
		if len(f.Roles) == 0 {
			return q, false
		}
	}
	for _, text := range append([]string{f.Start, f.Search}, f.Roles...) {
		if !store.Storable(text) {
			return q, false
		}
	}
	if start := strings.TrimSpace(f.Start); start != "" {
		and(beginsWith("u.name", "start"), "start", start)
	}
	if search := strings.TrimSpace(f.Search); search != "" {
		if emails := addresses(search); emails != nil {
			and(`u.email = ANY(CAST(@searched AS text[]))`, "searched", emails)
		} else {
			and(`lower(u.name) LIKE lower(CAST(@part AS text))`, "part", "%"+store.EscapeLike(search)+"%")
		}
	}
	if f.IDs != nil || f.Emails != nil {
		emails := slices.DeleteFunc(lowerAll(f.Emails), func(e string) bool { return !ValidEmail(e) })
		if len(f.IDs) == 0 && len(emails) == 0 {
			return q, false
		}
		q.args["emails"] = emails
		and(`(u.id = ANY(CAST(@ids AS bigint[])) OR u.email = ANY(CAST(@emails AS text[])))`, "ids", f.IDs)
	}
	if len(f.Excluded) > 0 {
		and(`u.id <> ALL(CAST(@excluded AS bigint[]))`, "excluded", f.Excluded)
	}
	return q, true
}

func lowerAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strings.ToLower(strings.TrimSpace(t))
	}
	return out
}

// addresses gives the e-mail addresses of a text that consists of nothing else,
// separated by commas; nil for any other text.
func addresses(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		part = models.NormalizeEmail(part)
		if part == "" {
			continue
		}
		if !ValidEmail(part) {
			return nil
		}
		out = append(out, part)
	}
	return out
}

const (
	wantedRoles = `SELECT r.id FROM roles r WHERE r.account_id = @account_id AND lower(r.title) = ANY(CAST(@titles AS text[]))
		AND r.status = 'ACTIVE' AND r.deleted_at IS NULL`
	listedUsers = ` FROM users u WHERE u.account_id = @account_id AND u.status = 'ACTIVE'`

	// countRole counts the people of one role: all who hold it less those who
	// are not ACTIVE. Both numbers come from indexes; to look at the status of
	// every holder would take four times as long.
	countRole = `WITH wanted AS MATERIALIZED (` + wantedRoles + `)
		SELECT ARRAY(SELECT id FROM wanted), (SELECT count(*) FROM user_roles ur WHERE ur.role_id = (SELECT id FROM wanted))
			- (SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id
				WHERE u.account_id = @account_id AND u.status <> 'ACTIVE' AND ur.role_id = (SELECT id FROM wanted))`
)

// countDirectory gives the number of people, and the ids of the roles that the
// titles stand for.
func (s *Service) countDirectory(ctx context.Context, q directoryQuery) (roles []int64, count int64, err error) {
	titles, _ := q.args["titles"].([]string)
	var text string
	switch {
	case len(q.where) == 0 && len(titles) == 1:
		text = countRole
	case q.byRole:
		text = `WITH wanted AS MATERIALIZED (` + wantedRoles + `)
			SELECT ARRAY(SELECT id FROM wanted), (SELECT count(*)` + listedUsers + q.conditions() +
			` AND EXISTS (SELECT FROM user_roles ur WHERE ur.user_id = u.id AND ur.role_id IN (SELECT id FROM wanted)))`
	default:
		text = `SELECT CAST('{}' AS bigint[]), count(*)` + listedUsers + q.conditions()
	}
	err = s.db.QueryRowsPlanned(ctx, text, q.args, func(row pgx.CollectableRow) error { return row.Scan(&roles, &count) })
	return roles, count, err
}

func (q directoryQuery) conditions() string {
	if len(q.where) == 0 {
		return ""
	}
	return " AND " + strings.Join(q.where, " AND ")
}

// page reads a page: first the ids, out of the index that has their order, then
// the rows of these few.
func (q directoryQuery) page(direction string) string {
	where := q.conditions()
	if q.byRole {
		where += ` AND EXISTS (SELECT FROM user_roles ur WHERE ur.user_id = u.id AND ur.role_id = ANY(CAST(@roles AS bigint[])))`
	}
	return `SELECT u.id, u.name, u.image, u.about, u.email, o.id, o.name, o.code
		FROM (SELECT u.id` + listedUsers + where + ` ORDER BY lower(u.name) COLLATE "C"` + direction + `, u.id` + direction + ` LIMIT @limit OFFSET @offset) listed
		JOIN users u ON u.id = listed.id JOIN organizations o ON o.id = u.organization_id
		ORDER BY lower(u.name) COLLATE "C", u.id`
}
