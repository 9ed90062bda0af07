package main

import (
	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Paths of the bare server's lists.
const (
	barePeople        = "/lists/people"
	bareSearch        = "/lists/search"
	bareOrganizations = "/lists/organizations"
)

// listPage is how many rows a page has.
const listPage = 100

// The statements of the lists as the hub runs them, without its conditions that
// are not asked for: the people of a role, people by part of the name,
// organizations. Each list is a count and a page.
const (
	countPeople = `WITH wanted AS MATERIALIZED (SELECT id FROM roles WHERE account_id = $1 AND lower(title) = 'mentee' AND status = 'ACTIVE' AND deleted_at IS NULL)
		SELECT (SELECT id FROM wanted), (SELECT count(*) FROM user_roles WHERE role_id = (SELECT id FROM wanted))
			- (SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id
				WHERE u.account_id = $1 AND u.status <> 'ACTIVE' AND ur.role_id = (SELECT id FROM wanted))`
	ofRole      = ` AND EXISTS (SELECT FROM user_roles ur WHERE ur.user_id = u.id AND ur.role_id = $4)`
	countSearch = `SELECT count(*) FROM users u WHERE u.account_id = $1 AND u.status = 'ACTIVE' AND lower(u.name) LIKE $2`
	byPart      = ` AND lower(u.name) LIKE $4`

	countOrganizations = `SELECT count(*) FROM organizations WHERE account_id = $1 AND status = 'ACTIVE'`
	pageOrganizations  = `SELECT o.id, o.name, o.code, o.description
		FROM (SELECT id FROM organizations WHERE account_id = $1 AND status = 'ACTIVE' ORDER BY lower(name) COLLATE "C", id LIMIT $2) listed
		JOIN organizations o ON o.id = listed.id ORDER BY lower(o.name) COLLATE "C", o.id`
)

// pagePeople is a page of people, of those who fulfil the condition.
func pagePeople(condition, direction string) string {
	return `SELECT u.id, u.name, u.image, u.about, u.email, o.id, o.name, o.code
		FROM (SELECT u.id FROM users u WHERE u.account_id = $1 AND u.status = 'ACTIVE'` + condition + `
			ORDER BY lower(u.name) COLLATE "C"` + direction + `, u.id` + direction + ` LIMIT $2 OFFSET $3) listed
		JOIN users u ON u.id = listed.id JOIN organizations o ON o.id = u.organization_id
		ORDER BY lower(u.name) COLLATE "C", u.id`
}

type bareOrganization struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Code        string `json:"code"`
	Description string `json:"description,omitempty"`
}

type bareMember struct {
	ID           int64            `json:"id"`
	Name         string           `json:"name"`
	Image        *string          `json:"image"`
	About        *string          `json:"about"`
	Email        *string          `json:"-"`
	Organization bareOrganization `json:"organization"`
}

type bareList[T any] struct {
	Data  []T   `json:"data"`
	Count int64 `json:"count"`
}

// serveLists is the limit of lists. Statements are planned with their values,
// as the hub's are.
func serveLists(app *fiber.App, pool *pgxpool.Pool) {
	app.Get(barePeople, func(c *fiber.Ctx) error {
		account, page := int64(c.QueryInt("account")), int64(c.QueryInt("page"))
		var role int64
		var out bareList[bareMember]
		if err := pool.QueryRow(c.UserContext(), countPeople, pgx.QueryExecModeExec, account).Scan(&role, &out.Count); err != nil {
			return err
		}
		text, limit, offset := pagePeople(ofRole, ""), int64(listPage), (page-1)*listPage
		if rest := out.Count - offset; offset > rest {
			text, limit, offset = pagePeople(ofRole, " DESC"), min(limit, rest), max(rest-limit, 0)
		}
		return answerMembers(c, pool, out, text, account, limit, offset, role)
	})
	app.Get(bareSearch, func(c *fiber.Ctx) error {
		account, part := int64(c.QueryInt("account")), "%"+c.Query("part")+"%"
		var out bareList[bareMember]
		if err := pool.QueryRow(c.UserContext(), countSearch, pgx.QueryExecModeExec, account, part).Scan(&out.Count); err != nil {
			return err
		}
		return answerMembers(c, pool, out, pagePeople(byPart, ""), account, int64(listPage), int64(0), part)
	})
	app.Get(bareOrganizations, func(c *fiber.Ctx) error {
		account := int64(c.QueryInt("account"))
		var out bareList[bareOrganization]
		if err := pool.QueryRow(c.UserContext(), countOrganizations, account).Scan(&out.Count); err != nil {
			return err
		}
		rows, err := pool.Query(c.UserContext(), pageOrganizations, account, listPage)
		if err != nil {
			return err
		}
		if out.Data, err = pgx.CollectRows(rows, pgx.RowToStructByPos[bareOrganization]); err != nil {
			return err
		}
		return c.JSON(out)
	})
}

func answerMembers(c *fiber.Ctx, pool *pgxpool.Pool, out bareList[bareMember], text string, args ...any) error {
	rows, err := pool.Query(c.UserContext(), text, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return err
	}
	out.Data, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m bareMember, err error) {
		o := &m.Organization
		return m, row.Scan(&m.ID, &m.Name, &m.Image, &m.About, &m.Email, &o.ID, &o.Name, &o.Code)
	})
	if err != nil {
		return err
	}
	return c.JSON(out)
}
