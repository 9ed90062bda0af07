package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ExternalFilter says which people to list. All conditions hold; zero fields
// are none. Parts are looked for literally and in any case.
type ExternalFilter struct {
	Identifier    string // the whole identifier
	EmailPart     string
	FirstNamePart string
	LastNamePart  string
	UsernamePart  string
	SubAccount    string // the exact name of a sub-account
}

// externalColumns are what scanExternal reads, of users u and user_details d.
// What is looked up by one key is so for each person, whatever the planner
// thinks of the size of the tables: limit and offset see to that.
var externalColumns = `u.id, u.account_id, u.organization_id, u.identifier, u.username, u.email, u.name, u.status, u.created_at, u.updated_at,
	coalesce(` + loginSQL + `, ''), ` + firstNameSQL + `, ` + lastNameSQL + `, d.phone, d.address, coalesce(CAST(d.custom_attributes AS text), '{}'),
	ARRAY(SELECT r.title FROM user_roles ur CROSS JOIN LATERAL (
			SELECT lower(r.title) AS title FROM roles r WHERE r.id = ur.role_id AND r.deleted_at IS NULL LIMIT 1) r
		WHERE ur.user_id = u.id AND r.title = ANY(CAST(@possible AS text[]))),
	array_remove((SELECT o.name FROM organizations o WHERE o.id = u.organization_id AND o.status = 'ACTIVE' AND NOT o.is_default)
		|| ARRAY(SELECT o.name FROM (SELECT * FROM user_organizations uo WHERE uo.user_id = u.id AND uo.organization_id <> u.organization_id OFFSET 0) m
			CROSS JOIN LATERAL (SELECT o.name FROM organizations o WHERE o.id = m.organization_id AND o.status = 'ACTIVE' AND NOT o.is_default LIMIT 1) o
			ORDER BY m.created_at, m.organization_id), NULL)`

const joinDetails = `LEFT JOIN LATERAL (SELECT * FROM user_details d WHERE d.user_id = u.id LIMIT 1) d ON true`

func scanExternal(row pgx.CollectableRow) (External, error) {
	var e External
	var attributes string
	err := row.Scan(&e.ID, &e.AccountID, &e.OrganizationID, &e.Identifier, &e.Username, &e.Email, &e.Name, (*string)(&e.Status), &e.CreatedAt, &e.UpdatedAt,
		&e.Login, &e.FirstName, &e.LastName, &e.Phone, &e.Address, &attributes, &e.PossibleRoles, &e.SubAccounts)
	e.CustomAttributes, e.PossibleRoles = []byte(attributes), sortPossible(e.PossibleRoles)
	return e, err
}

// subAccountSQL is the sub-account that a list is of, as SubAccount finds it.
const subAccountSQL = `WITH sub AS MATERIALIZED (` + SubAccountSQL + `) `

// externalQuery is what an ExternalFilter means in SQL.
type externalQuery struct {
	with, where string
	args        store.Args
}

// query gives the statement's conditions on users u; false when they can't
// match anybody.
func (f ExternalFilter) query() (q externalQuery, possible bool) {
	q.args = store.Args{"possible": models.PossibleRoles}
	q.where = `u.account_id = @account_id AND u.status <> 'DELETED'`
	if f.Identifier != "" {
		q.where += ` AND u.identifier = @identifier`
		q.args["identifier"] = f.Identifier
		if !ref.ValidIdentifier(f.Identifier) {
			return q, false
		}
	}
	for _, part := range []struct{ name, text, column string }{
		{"email", f.EmailPart, `u.email`}, {"first", f.FirstNamePart, firstNameSQL}, {"last", f.LastNamePart, lastNameSQL}, {"username", f.UsernamePart, loginSQL},
	} {
		if part.text == "" {
			continue
		}
		if !store.Storable(part.text) {
			return q, false
		}
		q.where += ` AND lower(` + part.column + `) LIKE lower(CAST(@` + part.name + ` AS text))`
		q.args[part.name] = "%" + store.EscapeLike(part.text) + "%"
	}
	if f.SubAccount != "" {
		if !store.Storable(f.SubAccount) {
			return q, false
		}
		q.with, q.args["sub_account"] = subAccountSQL, f.SubAccount
		// Told of each person, so that a page of a large sub-account is read in the
		// order of the list without looking for all of its people first.
		q.where += ` AND (u.organization_id = (SELECT id FROM sub)
			OR EXISTS (SELECT FROM user_organizations uo WHERE uo.user_id = u.id AND uo.organization_id = (SELECT id FROM sub)))`
	}
	return q, true
}

// CountExternal tells how many people a filter matches, and where the last of
// them is in the list, for an administrator. One statement. Errors:
// models.ErrForbidden, ErrOrganizationUnknown.
func (s *Service) CountExternal(ctx context.Context, f ExternalFilter) (count int64, last store.Place, err error) {
	if err := requireAdmin(ctx); err != nil {
		return 0, store.Place{}, err
	}
	q, possible := f.query()
	if !possible {
		return 0, store.Place{}, s.knownSubAccount(ctx, f)
	}
	found := `true`
	if q.with != "" {
		found = `EXISTS (SELECT FROM sub)`
	}
	text := q.with + `SELECT (SELECT count(*) FROM users u WHERE ` + q.where + `), l.created_at, l.id, ` + found + ` FROM (SELECT) one
		LEFT JOIN LATERAL (SELECT u.created_at, u.id FROM users u WHERE ` + q.where + ` ORDER BY u.created_at DESC, u.id DESC LIMIT 1) l ON true`
	known := false
	err = s.db.QueryRowsPlanned(ctx, text, q.args, func(row pgx.CollectableRow) error {
		var at *time.Time
		var id *int64
		if err := row.Scan(&count, &at, &id, &known); err != nil {
			return err
		}
		if at != nil && id != nil {
			last = store.Place{At: *at, ID: *id}
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, store.Place{}, fmt.Errorf("people: count: %w", err)
	case !known:
		return 0, store.Place{}, ErrOrganizationUnknown
	}
	return count, last, nil
}

// knownSubAccount refuses a list of a sub-account that is not there.
func (s *Service) knownSubAccount(ctx context.Context, f ExternalFilter) error {
	if f.SubAccount == "" {
		return nil
	}
	_, err := s.SubAccount(ctx, f.SubAccount)
	return err
}

// ListExternal lists people in the order in which they were made, for an
// administrator. One statement, whatever the window; one more when a
// sub-account has nobody to list. Errors: models.ErrForbidden,
// ErrOrganizationUnknown.
func (s *Service) ListExternal(ctx context.Context, f ExternalFilter, w store.Window) ([]External, error) {
	return s.listExternal(ctx, f, w.Args, w.Condition("u"), w.Order("u"))
}

// ListExternalFrom is ListExternal by position: it skips so many people and
// gives so many.
func (s *Service) ListExternalFrom(ctx context.Context, f ExternalFilter, start, limit int) ([]External, error) {
	return s.listExternal(ctx, f, func(args store.Args) store.Args {
		args["start"], args["limit"] = start, limit
		return args
	}, "true", ` ORDER BY u.created_at, u.id LIMIT CAST(@limit AS bigint) OFFSET CAST(@start AS bigint)`)
}

func (s *Service) listExternal(ctx context.Context, f ExternalFilter, args func(store.Args) store.Args, condition, order string) ([]External, error) {
	if err := requireAdmin(ctx); err != nil {
		return nil, err
	}
	var list []External
	if q, possible := f.query(); possible {
		// First the ids, out of the index that has their order, then all that is
		// shown of these few.
		text := q.with + `SELECT ` + externalColumns + ` FROM (SELECT u.id FROM users u WHERE ` + q.where + ` AND ` + condition + order + `) listed
			JOIN users u ON u.id = listed.id ` + joinDetails + ` ORDER BY u.created_at, u.id`
		err := s.db.QueryRowsPlanned(ctx, text, args(q.args), func(row pgx.CollectableRow) error {
			e, err := scanExternal(row)
			list = append(list, e)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("people: list: %w", err)
		}
	}
	if len(list) == 0 {
		return nil, s.knownSubAccount(ctx, f)
	}
	return list, nil
}

// ExternalUser gives a person, for an administrator; with the name of a
// sub-account only one who belongs to it. One statement. Errors:
// models.ErrForbidden, ErrUserUnknown (also for an unknown sub-account).
func (s *Service) ExternalUser(ctx context.Context, user ref.Ref, subAccount string) (External, error) {
	if err := requireAdmin(ctx); err != nil {
		return External{}, err
	}
	q, possible := ExternalFilter{SubAccount: subAccount}.query()
	if !possible || !user.Valid() {
		return External{}, ErrUserUnknown
	}
	for name, value := range user.Args() {
		q.args[name] = value
	}
	var e External
	err := s.db.QueryRows(ctx, q.with+`SELECT `+externalColumns+` FROM users u `+joinDetails+`
		WHERE `+strings.Join([]string{q.where, user.Condition("u")}, ` AND `), q.args, func(row pgx.CollectableRow) (err error) {
		e, err = scanExternal(row)
		return err
	})
	if err != nil {
		return External{}, fmt.Errorf("people: external user: %w", err)
	}
	if e.ID == 0 {
		return External{}, ErrUserUnknown
	}
	return e, nil
}
