package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"quad/internal/people"
	"quad/internal/store"
)

// enableyAccount is an account as a calling system fills it.
type enableyAccount struct {
	id          int64
	key, secret string // of an API client
	people      int
	courses     int // that everybody is a learner of
}

// enabley gives the account that the benchmarks of the Enabley door share; it is
// made when the first of them runs.
func (s *stack) enabley(ctx context.Context, size sizes) (_ *enableyAccount, err error) {
	if s.enableyData == nil {
		s.enableyData, err = s.externalAccount(ctx, "Bench Enabley", size.members)
	}
	return s.enableyData, err
}

// externalAccount makes an account with people whom a calling system has named.
func (s *stack) externalAccount(ctx context.Context, name string, members int) (*enableyAccount, error) {
	say("  making %s people", plain(float64(members)))
	account, _, err := s.hub.People.EnsureAccount(ctx, people.AccountSpec{Name: name})
	if err != nil {
		return nil, err
	}
	secret, client, err := s.hub.People.IssueAPIClient(store.WithAccount(ctx, account.ID), "bench", nil)
	if err != nil {
		return nil, err
	}
	a := &enableyAccount{id: account.ID, key: client.ClientKey, secret: secret, people: members}
	return a, s.execAll(ctx, peopleData, a.id, members)
}

// peopleData are 20 sub-accounts and people whom a calling system has named,
// made one second after the other: half of them are at home in a sub-account,
// each tenth belongs to a second one, each tenth is an instructor too. $account is the
// account's id, $n the number of people.
var peopleData = []string{
	`INSERT INTO organizations (account_id, name, code, description)
		SELECT $account, 'Branch ' || n, 'branch-' || n, 'Number ' || n FROM generate_series(1, least(20, $n)) n`,
	`INSERT INTO roles (account_id, organization_id, title, label)
		SELECT $account, id, r.title, r.title FROM organizations, (VALUES ('learner'), ('instructor')) r (title) WHERE account_id = $account AND is_default
			AND NOT EXISTS (SELECT FROM roles WHERE account_id = $account AND lower(roles.title) = r.title AND deleted_at IS NULL)`,
	`INSERT INTO users (account_id, organization_id, identifier, username, email, name, first_name, last_name, created_at, updated_at)
		SELECT $account, CASE WHEN n % 2 = 0 THEN o.home ELSE o.branches[1 + n / 2 % cardinality(o.branches)] END, 'member-' || n, 'login-' || n,
			'external-' || n || '@bench.example', f.name || ' ' || initcap(md5(n::text)), f.name, initcap(md5(n::text)), t.at, t.at
		FROM generate_series(0, $n - 1) n,
			(SELECT min(id) FILTER (WHERE is_default) AS home, array_agg(id ORDER BY id) FILTER (WHERE NOT is_default) AS branches
				FROM organizations WHERE account_id = $account) o,
			LATERAL (SELECT (ARRAY['Ana','Bruno','Clara','Davi','Elisa'])[1 + n % 5] AS name) f,
			LATERAL (SELECT now() - interval '1 year' + n * interval '1 second' AS at) t`,
	`INSERT INTO user_details (user_id, account_id, phone, address, custom_attributes)
		SELECT id, account_id, '+55 11 ' || id, id || ' High Street', jsonb_build_object('employeeRole', 'driver', 'number', id) FROM users
		WHERE account_id = $account`,
	`INSERT INTO user_roles (account_id, user_id, role_id) SELECT u.account_id, u.id, r.id FROM users u
		JOIN roles r ON r.account_id = u.account_id AND r.title IN ('learner', 'instructor') WHERE u.account_id = $account
			AND (r.title = 'learner' OR u.id % 10 = 0)`,
	`INSERT INTO user_organizations (account_id, user_id, organization_id) SELECT u.account_id, u.id, o.id FROM users u
		JOIN organizations o ON o.account_id = u.account_id AND o.name = 'Branch 1' AND o.id <> u.organization_id
		WHERE u.account_id = $account AND u.id % 10 = 1`,
	`VACUUM ANALYZE`,
}

// groupData is a tree of $n groups on three levels.
var groupData = []string{
	`INSERT INTO group_hierarchies (account_id, types) SELECT $account, '{REGIONAL,UNIDADE,TURMA}' ON CONFLICT DO NOTHING`,
	`INSERT INTO groups (account_id, identifier, name, type) SELECT $account, 'group-' || n, 'Regional ' || n, 'REGIONAL' FROM generate_series(1, least(10, $n)) n`,
	`INSERT INTO groups (account_id, identifier, name, type, parent_id) SELECT $account, 'group-' || n, 'Unidade ' || n, 'UNIDADE', p.id
		FROM generate_series(11, least(500, $n)) n JOIN groups p ON p.account_id = $account AND p.identifier = 'group-' || 1 + n % 10`,
	`INSERT INTO groups (account_id, identifier, name, type, parent_id) SELECT $account, 'group-' || n, 'Turma ' || n, 'TURMA', p.id
		FROM generate_series(501, $n) n JOIN groups p ON p.account_id = $account AND p.identifier = 'group-' || 11 + n % 490`,
	`VACUUM ANALYZE groups`,
}

// courseData is a course of which everybody is a learner; one in five has
// finished it.
var courseData = []string{
	`INSERT INTO courses (account_id, identifier, name, type) SELECT $account, 'bench-course', 'A course', 'COURSE'`,
	`INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, progress, score, first_completed_at, last_completed_at, last_progress_at,
			enrolled_at, created_at)
		SELECT u.account_id, c.id, u.id, true, true, p.progress, p.progress - 1, p.at, p.at, u.created_at, u.created_at, u.created_at
		FROM users u JOIN courses c ON c.account_id = u.account_id AND c.identifier = 'bench-course',
			LATERAL (SELECT 20 * (1 + u.id % 5) AS progress, CASE WHEN u.id % 5 = 4 THEN u.created_at END AS at) p
		WHERE u.account_id = $account AND u.identifier LIKE 'member-%'`,
	`VACUUM ANALYZE enrollments, courses`,
}

// certificateData are $n certificates that lapse after a year, and everybody
// holds each of them: issued within the last half year, so that nothing is due.
// One in twenty is required (of those that a round makes due, too). Managers of a branch hear of its people. The rows
// are too many to look for each one's parents in other tables.
var certificateData = []string{
	`SET session_replication_role = replica`,
	`INSERT INTO courses (account_id, identifier, name, type) VALUES ($account, 'bench-certified', 'A certified course', 'COURSE')`,
	`INSERT INTO certificates (account_id, identifier, name, expires_after, expires_unit)
		SELECT $account, 'certificate-' || n, 'Certificate ' || n, 1, 'YEAR' FROM generate_series(1, $n) n`,
	`INSERT INTO certificate_courses (account_id, certificate_id, course_id, position)
		SELECT c.account_id, c.id, o.id, 1 FROM certificates c JOIN courses o ON o.account_id = c.account_id AND o.identifier = 'bench-certified'
		WHERE c.account_id = $account`,
	`INSERT INTO certificate_issues (account_id, certificate_id, user_id, code, learner_name, certificate_name, course_names, certified_at, expires_at)
		SELECT $account, c.id, u.id, upper(substr(md5(u.id || '-' || c.id), 1, 20)), u.name, c.name, '{A certified course}', t.at, certificate_expiry(t.at, 1, 'YEAR')
		FROM certificates c JOIN users u ON u.account_id = c.account_id,
			LATERAL (SELECT now() - u.id % 180 * interval '1 day' - interval '1 minute' AS at) t
		WHERE c.account_id = $account ORDER BY c.id, u.id`,
	`INSERT INTO user_certificates (account_id, certificate_id, user_id, state, required, certified_at, expires_at, warns_at, earned_since, issue_id, due_at)
		SELECT account_id, certificate_id, user_id, 'CERTIFIED', id / 200 % 20 = 7, certified_at, expires_at, w.at, certified_at, id, w.at
		FROM certificate_issues, LATERAL (SELECT certificate_warning(certified_at, expires_at) AS at) w WHERE account_id = $account ORDER BY id`,
	`INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role)
		SELECT o.account_id, (SELECT min(id) FROM users WHERE account_id = o.account_id AND organization_id = o.id), 'WORKSPACE', o.id, 'MANAGER'
		FROM organizations o WHERE o.account_id = $account AND NOT o.is_default`,
	`SET session_replication_role = DEFAULT`,
	`VACUUM ANALYZE`,
}

// execAll runs statements one by one, since VACUUM can be in no transaction.
func (s *stack) execAll(ctx context.Context, statements []string, account int64, n int) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	values := strings.NewReplacer("$account", strconv.FormatInt(account, 10), "$n", strconv.Itoa(n))
	for _, text := range statements {
		if _, err := conn.Exec(ctx, values.Replace(text)); err != nil {
			return fmt.Errorf("%.60s…: %w", text, err)
		}
	}
	return nil
}

// token signs the account's client in.
func (a *enableyAccount) token(ctx context.Context, base string) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	query := url.Values{"clientKey": {a.key}, "secret": {a.secret}}
	err := callEnabley(ctx, http.MethodPost, base+"/api/v1/token?"+query.Encode(), "", &answer)
	return answer.AccessToken, err
}

// pageKeys walks a list from its first page on and gives the keys of all others:
// that of page 2 is the first. want is how many pages there must be.
func pageKeys(ctx context.Context, list, token string, want int) (keys []string, err error) {
	join := "?"
	if strings.Contains(list, "?") {
		join = "&"
	}
	for address := list; ; {
		var page struct {
			PaginationKey *string
			TotalPages    int
		}
		if err := callEnabley(ctx, http.MethodGet, address, token, &page); err != nil {
			return nil, err
		}
		if page.TotalPages != want {
			return nil, fmt.Errorf("%s has %d pages instead of %d", list, page.TotalPages, want)
		}
		if page.PaginationKey == nil {
			break
		}
		keys = append(keys, *page.PaginationKey)
		address = list + join + "paginationKey=" + url.QueryEscape(*page.PaginationKey)
	}
	if len(keys) != want-1 {
		return nil, fmt.Errorf("%s ends after page %d of %d", list, len(keys)+1, want)
	}
	return keys, nil
}

func callEnabley(ctx context.Context, method, address, token string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		// Without the query, which may hold the secret.
		where, _, _ := strings.Cut(address, "?")
		return fmt.Errorf("%s %s answers %s: %.300s", method, where, response.Status, text)
	}
	return json.Unmarshal(text, answer)
}
