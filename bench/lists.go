package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// listReaders are the people who ask for lists; which of them asks makes no
// difference to what is read.
const listReaders = 8

// namePart is what the search looks for: three letters that one name in about
// two hundred has.
const namePart = "a7c"

// benchLists compares the lists of people and organizations with a handler that
// does the two SELECTs of a list and nothing else. Both are processes of their
// own.
func benchLists(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	if err := s.members(ctx, size.members, size.organizations); err != nil {
		return nil, err
	}
	hubURL, stopAPI, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	bare, stopBare, err := s.bare(ctx)
	if err != nil {
		return nil, err
	}
	var tokens []string
	for i := range listReaders {
		user, err := s.person(ctx, fmt.Sprintf("lister-%d", i))
		if err != nil {
			return nil, err
		}
		token, err := signIn(ctx, hubURL, *user.Email)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	account := fmt.Sprint(s.account.ID)
	last, middle := size.members/listPage, size.members/listPage/2
	var rows []Row
	for _, l := range []struct {
		name, hub, bare string
	}{
		{"list of people, page 1", "/user/v1/account/list?userType=mentee", barePeople + "?page=1&account=" + account},
		{fmt.Sprintf("list of people, page %s", plain(float64(last))), fmt.Sprintf("/user/v1/account/list?userType=mentee&page=%d", last),
			fmt.Sprintf("%s?page=%d&account=%s", barePeople, last, account)},
		{fmt.Sprintf("list of people, page %s, the costliest", plain(float64(middle))), fmt.Sprintf("/user/v1/account/list?userType=mentee&page=%d", middle),
			fmt.Sprintf("%s?page=%d&account=%s", barePeople, middle, account)},
		{"search of people by part of the name", "/user/v1/account/search?type=all&search=" + url.QueryEscape(namePart),
			bareSearch + "?part=" + url.QueryEscape(namePart) + "&account=" + account},
		{"list of organizations", "/user/v1/organization/list", bareOrganizations + "?account=" + account},
	} {
		hub := load{Host: strings.TrimPrefix(hubURL, "http://"), Connections: size.connections, Time: size.readTime}
		for _, token := range tokens {
			hub.Targets = append(hub.Targets, target{Path: l.hub, Token: token, Expect: `"name"`})
		}
		limit := load{Host: bare, Connections: size.connections, Time: size.readTime, Targets: []target{{Path: l.bare, Expect: `"name"`}}}
		row, err := compareLoads(ctx, l.name, hub, limit, size.rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		row.Note = fmt.Sprintf("%d connections, %s people; limit: the SQL alone", size.connections, plain(float64(size.members)))
		rows = append(rows, row.judge(ratioAtLeast(0.5)))
	}
	return rows, errors.Join(stopAPI(), stopBare())
}

// compareLoads measures both sides in turns. The first round only warms up.
func compareLoads(ctx context.Context, name string, hub, limit load, rounds int) (Row, error) {
	var values, limits, ratios []float64
	for round := range rounds + 1 {
		l, err := limit.run(ctx)
		if err != nil {
			return Row{}, err
		}
		v, err := hub.run(ctx)
		if err != nil {
			return Row{}, err
		}
		if round == 0 {
			continue
		}
		values, limits = append(values, v.perSecond()), append(limits, l.perSecond())
		ratios = append(ratios, v.perSecond()/l.perSecond())
		say("  %s, round %d: %.0f/s, bare %.0f/s, ratio %.2f", name, round, v.perSecond(), l.perSecond(), ratios[len(ratios)-1])
	}
	return Row{Name: name, Value: median(values), Unit: "requests/s"}.against(median(limits), ratios), nil
}

// members adds organizations, and people with the role mentee who are spread
// over them. Their names are alike in nothing but a common first letter here
// and there.
func (s *stack) members(ctx context.Context, people, organizations int) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO organizations (account_id, name, code, description)
			SELECT %d, 'Organization ' || md5(n::text), 'bench-' || n, 'Number ' || n FROM generate_series(1, %d) n`, s.account.ID, organizations),
		fmt.Sprintf(`INSERT INTO users (account_id, organization_id, email, name)
			SELECT %d, o.ids[1 + n %% cardinality(o.ids)], 'member-' || n || '@bench.example', initcap(md5(n::text))
			FROM generate_series(1, %d) n, (SELECT array_agg(id) AS ids FROM organizations WHERE account_id = %[1]d) o`, s.account.ID, people),
		`INSERT INTO user_roles (account_id, user_id, role_id) SELECT u.account_id, u.id, r.id FROM users u
			JOIN roles r ON r.account_id = u.account_id AND r.title = 'mentee' WHERE u.email LIKE 'member-%'`,
		"VACUUM ANALYZE",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("members: %w", err)
		}
	}
	return nil
}

// benchLogin tells how much of a sign-in is the hash of the password, which is
// slow on purpose: everything else should be little beside it.
func benchLogin(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	user, err := s.person(ctx, "sign-in")
	if err != nil {
		return nil, err
	}
	hubURL, stop, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := s.hub.Auth.Passwords().Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	var values, hashes, shares []float64
	for i := range size.logins + 1 {
		begin := time.Now()
		if _, _, err := s.hub.Auth.Passwords().Match(ctx, password, hash); err != nil {
			return nil, err
		}
		alone := milliseconds(time.Since(begin))
		begin = time.Now()
		if _, err := signIn(ctx, hubURL, *user.Email); err != nil {
			return nil, err
		}
		whole := milliseconds(time.Since(begin))
		if i == 0 {
			continue // connections, prepared statements, caches
		}
		values, hashes, shares = append(values, whole), append(hashes, alone), append(shares, alone/whole)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		return nil, err
	}
	row := Row{Name: "sign-in", Value: median(values), Unit: "ms", Note: "limit: the password's hash alone; the ratio is its share of the time"}
	return []Row{row.against(median(hashes), shares).judge(ratioAtLeast(0.5))}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
