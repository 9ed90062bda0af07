package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Paths of the bare server's answers to what the Enabley door is asked.
const (
	bareUsers       = "/enabley/users"
	barePerformance = "/enabley/performance"
	bareGroups      = "/enabley/groups"
)

// doorPage is how many rows a page of the Enabley door has.
const doorPage = 200

// The statements of the lists as the hub runs them, without its conditions that
// are not asked for. A page is read from its place on, behind the row before it;
// one row more than it shows tells whether another follows. Only the first page
// comes with the number of rows and the place of the last one.
const (
	countUsers = `SELECT (SELECT count(*) FROM users u WHERE u.account_id = $1 AND u.status <> 'DELETED'), l.created_at, l.id
		FROM (SELECT u.created_at, u.id FROM users u WHERE u.account_id = $1 AND u.status <> 'DELETED' ORDER BY u.created_at DESC, u.id DESC LIMIT 1) l`
	pageUsers = `SELECT u.identifier, coalesce(u.username, u.email), u.email, u.first_name, u.last_name, u.status = 'ACTIVE', u.created_at, u.updated_at,
			d.phone, d.address, coalesce(d.custom_attributes::text, '{}'),
			ARRAY(SELECT upper(r.title) FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.deleted_at IS NULL
				AND lower(r.title) = ANY ('{site_admin,learner,instructor,editor,preview,manager,hr_manager,site_training_manager,evaluator}')),
			ARRAY(SELECT o.name FROM (SELECT u.organization_id AS id UNION ALL SELECT organization_id FROM user_organizations WHERE user_id = u.id) m
				JOIN organizations o ON o.id = m.id WHERE o.status = 'ACTIVE' AND NOT o.is_default)
		FROM (SELECT u.id FROM users u WHERE u.account_id = $1 AND u.status <> 'DELETED' AND (u.created_at, u.id) > ($2, $3) AND (u.created_at, u.id) <= ($4, $5)
			ORDER BY u.created_at, u.id LIMIT 201) listed
		JOIN users u ON u.id = listed.id LEFT JOIN user_details d ON d.user_id = u.id ORDER BY u.created_at, u.id`

	// The channel is looked up inside, so that each list is one statement.
	ofCourse         = ` e.course_id = (SELECT id FROM courses WHERE account_id = $1 AND identifier = 'bench-course') AND e.learner`
	countPerformance = `SELECT (SELECT count(*) FROM enrollments e JOIN users u ON u.id = e.user_id WHERE` + ofCourse + ` AND u.identifier IS NOT NULL),
			l.created_at, l.id
		FROM (SELECT e.created_at, e.id FROM enrollments e WHERE` + ofCourse + ` ORDER BY e.created_at DESC, e.id DESC LIMIT 1) l`
	pagePerformance = `SELECT u.identifier, e.progress, CAST(round(e.score) AS integer), e.first_completed_at, c.identifier, c.name
		FROM enrollments e JOIN users u ON u.id = e.user_id JOIN courses c ON c.id = e.course_id
		WHERE` + ofCourse + ` AND u.identifier IS NOT NULL AND (e.created_at, e.id) > ($2, $3) AND (e.created_at, e.id) <= ($4, $5)
		ORDER BY e.created_at, e.id LIMIT 201`

	allGroups = `SELECT g.identifier, g.name, g.type, p.identifier, o.name, g.created_at, g.updated_at FROM groups g
		LEFT JOIN groups p ON p.id = g.parent_id LEFT JOIN organizations o ON o.id = g.organization_id
		WHERE g.account_id = $1 AND (o.id IS NULL OR o.status = 'ACTIVE') ORDER BY g.created_at, g.id`

	insertUser = `INSERT INTO users (account_id, organization_id, identifier, username, email, name, first_name, last_name)
		SELECT $1, id, $2, $3, $4, $5, $6, $7 FROM organizations WHERE account_id = $1 AND is_default RETURNING id`
	updateUser = `UPDATE users SET name = $3, first_name = $4, last_name = $5, updated_at = now() WHERE account_id = $1 AND identifier = $2 RETURNING id`
)

// barePage is a page of a list by keys.
type barePage[T any] struct {
	CurrentPage   int     `json:"currentPage"`
	Items         []T     `json:"items"`
	PageSize      int     `json:"pageSize"`
	PaginationKey *string `json:"paginationKey"`
	TotalPages    int64   `json:"totalPages"`
}

type bareUser struct {
	Identifier       *string         `json:"identifier"`
	Username         *string         `json:"username"`
	Email            *string         `json:"email"`
	FirstName        *string         `json:"firstName"`
	LastName         *string         `json:"lastName"`
	IsActive         bool            `json:"isActive"`
	Created          time.Time       `json:"created"`
	Modified         time.Time       `json:"modified"`
	Phone            *string         `json:"phone"`
	Address          *string         `json:"address"`
	CustomAttributes json.RawMessage `json:"customAttributes"`
	PossibleRoles    []string        `json:"possibleRoles"`
	SubAccounts      []string        `json:"userSubAccountNames"`
}

type bareProgress struct {
	User           string     `json:"externalUserId"`
	Progress       int        `json:"progress"`
	Score          *int       `json:"score"`
	CompletionDate *time.Time `json:"completionDate"`
	Channel        string     `json:"externalChannelId"`
	ChannelName    string     `json:"channelName"`
}

type bareGroup struct {
	Identifier string    `json:"identifier"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Parent     *string   `json:"parentIdentifier"`
	SubAccount *string   `json:"subAccountName"`
	Created    time.Time `json:"created"`
	Modified   time.Time `json:"modified"`
}

// newUser is the body of a PUT of a user, as far as the benchmark fills it.
type newUser struct {
	Identifier string  `json:"identifier"`
	Username   *string `json:"username"`
	Email      *string `json:"email"`
	FirstName  string  `json:"firstName"`
	LastName   string  `json:"lastName"`
}

// serveEnabley is the limit of what the Enabley door does.
func serveEnabley(app *fiber.App, pool *pgxpool.Pool) {
	app.Get(bareUsers, func(c *fiber.Ctx) error {
		return barePaged(c, pool, countUsers, pageUsers, func(row pgx.CollectableRow) (u bareUser, err error) {
			var attributes string
			err = row.Scan(&u.Identifier, &u.Username, &u.Email, &u.FirstName, &u.LastName, &u.IsActive, &u.Created, &u.Modified, &u.Phone, &u.Address,
				&attributes, &u.PossibleRoles, &u.SubAccounts)
			u.CustomAttributes = json.RawMessage(attributes)
			return u, err
		})
	})
	app.Get(barePerformance, func(c *fiber.Ctx) error {
		return barePaged(c, pool, countPerformance, pagePerformance, pgx.RowToStructByPos[bareProgress])
	})
	app.Get(bareGroups, func(c *fiber.Ctx) error {
		rows, err := pool.Query(c.UserContext(), allGroups, c.QueryInt("account"))
		if err != nil {
			return err
		}
		groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bareGroup])
		if err != nil {
			return err
		}
		return c.JSON(groups)
	})
	app.Put(bareUsers, func(c *fiber.Ctx) error {
		var u newUser
		if err := json.Unmarshal(c.Body(), &u); err != nil {
			return err
		}
		var id int64
		account, name := c.QueryInt("account"), u.FirstName+" "+u.LastName
		var err error
		if u.Username == nil {
			err = pool.QueryRow(c.UserContext(), updateUser, account, u.Identifier, name, u.FirstName, u.LastName).Scan(&id)
		} else {
			err = pool.QueryRow(c.UserContext(), insertUser, account, u.Identifier, u.Username, u.Email, name, u.FirstName, u.LastName).Scan(&id)
		}
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"identifier": u.Identifier})
	})
}

// barePaged answers a page: the first one, or with a place in the query the one
// behind it. Statements are planned with their values.
func barePaged[T any](c *fiber.Ctx, pool *pgxpool.Pool, count, page string, scan pgx.RowToFunc[T]) error {
	var number int64
	account, after, until := c.QueryInt("account"), bareAt(c, "after"), bareAt(c, "until")
	if after.id == 0 {
		if err := pool.QueryRow(c.UserContext(), count, pgx.QueryExecModeExec, account).Scan(&number, &until.at, &until.id); err != nil {
			return err
		}
	}
	rows, err := pool.Query(c.UserContext(), page, pgx.QueryExecModeExec, account, after.at, after.id, until.at, until.id)
	if err != nil {
		return err
	}
	out := barePage[T]{CurrentPage: c.QueryInt("page"), PageSize: doorPage, TotalPages: (number + doorPage - 1) / doorPage}
	if out.Items, err = pgx.CollectRows(rows, scan); err != nil {
		return err
	}
	if len(out.Items) > doorPage {
		key := strconv.Itoa(out.CurrentPage + 1)
		out.Items, out.PaginationKey = out.Items[:doorPage], &key
	}
	return c.JSON(out)
}

// barePlace is where a page begins or a list ends.
type barePlace struct {
	at time.Time
	id int64
}

// bareAt reads a place: "<microseconds>.<id>", the zero one where there is none.
func bareAt(c *fiber.Ctx, name string) (p barePlace) {
	var micros int64
	at, id, _ := strings.Cut(c.Query(name), ".")
	micros, _ = strconv.ParseInt(at, 10, 64)
	p.id, _ = strconv.ParseInt(id, 10, 64)
	p.at = time.UnixMicro(micros)
	return p
}

// String is what bareAt reads.
func (p barePlace) String() string { return fmt.Sprintf("%d.%d", p.at.UnixMicro(), p.id) }
