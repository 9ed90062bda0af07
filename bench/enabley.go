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

// door is the Enabley door beside the bare server, as a benchmark meets them.
type door struct {
	*enableyAccount
	url    string // of the API
	host   string // the same without the scheme
	bare   string // host of the bare server
	token  string
	rounds int
	time   time.Duration
	close  func() error
}

// openDoor makes the account and starts both sides.
func (s *stack) openDoor(ctx context.Context, size sizes) (*door, error) {
	account, err := s.enabley(ctx, size)
	if err != nil {
		return nil, err
	}
	base, stopAPI, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	bare, stopBare, err := s.bare(ctx)
	if err != nil {
		return nil, err
	}
	token, err := account.token(ctx, base)
	if err != nil {
		return nil, err
	}
	return &door{
		enableyAccount: account, url: base, host: strings.TrimPrefix(base, "http://"), bare: bare, token: token,
		rounds: size.doorRounds, time: size.doorTime, close: func() error { return errors.Join(stopAPI(), stopBare()) },
	}, nil
}

// hub is load on the door, limit on the bare server.
func (d *door) hub(connections int, t target) load {
	t.Token, t.Header = d.token, "Authorization"
	return load{Host: d.host, Connections: connections, Time: d.time, Targets: []target{t}}
}

func (d *door) limit(connections int, t target) load {
	return load{Host: d.bare, Connections: connections, Time: d.time, Targets: []target{t}}
}

// benchEnableyUsers compares pages of GET /api/v3/users with their SQL alone,
// and the last one with the second: a page must not cost more the further in
// the list it is.
func benchEnableyUsers(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	d, err := s.openDoor(ctx, size)
	if err != nil {
		return nil, err
	}
	rows, err := d.pages(ctx, s, size, pagedList{
		name: "v3/users", what: "people", path: "/api/v3/users", bare: bareUsers, holds: `"firstName":"`,
		places: `SELECT created_at, id FROM users WHERE account_id = $1 AND identifier LIKE 'member-%'`,
	})
	return rows, errors.Join(err, d.close())
}

// benchPerformance does the same for GET /api/v2/performance of a channel.
func benchPerformance(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	d, err := s.openDoor(ctx, size)
	if err != nil {
		return nil, err
	}
	if d.courses == 0 {
		if err := s.execAll(ctx, courseData, d.id, d.people); err != nil {
			return nil, err
		}
		d.courses = 1
	}
	rows, err := d.pages(ctx, s, size, pagedList{
		name: "v2/performance of a channel", what: "learners", path: "/api/v2/performance?channelIdentifier=bench-course", bare: barePerformance,
		holds:  `"externalUserId":"`,
		places: `SELECT created_at, id FROM enrollments WHERE account_id = $1 AND learner`,
	})
	return rows, errors.Join(err, d.close())
}

// pagedList is a list of the door that is read by keys.
type pagedList struct {
	name, what string
	path       string // of its first page
	bare       string // path of the same on the bare server
	holds      string // a text in every page of both
	places     string // SQL of its rows' places; $1 is the account
}

// pages measures the first page, which counts, the second and the last one.
func (d *door) pages(ctx context.Context, s *stack, size sizes, l pagedList) (rows []Row, err error) {
	last := d.people / doorPage
	keys, err := pageKeys(ctx, d.url+l.path, d.token, last)
	if err != nil {
		return nil, err
	}
	join := "?"
	if strings.Contains(l.path, "?") {
		join = "&"
	}
	hub := map[int]load{1: d.hub(size.connections, target{Path: l.path, Expect: l.holds})}
	limit := map[int]load{1: d.limit(size.connections, target{Path: fmt.Sprintf("%s?account=%d&page=1", l.bare, d.id), Expect: l.holds})}
	for _, page := range []int{2, last} {
		hub[page] = d.hub(size.connections, target{Path: l.path + join + "paginationKey=" + url.QueryEscape(keys[page-2]), Expect: l.holds})
		after, until, err := s.places(ctx, l.places, d.id, (page-1)*doorPage-1)
		if err != nil {
			return nil, err
		}
		path := fmt.Sprintf("%s?account=%d&page=%d&after=%s&until=%s", l.bare, d.id, page, after, until)
		limit[page] = d.limit(size.connections, target{Path: path, Expect: l.holds})
	}
	note := fmt.Sprintf("%d connections, %s %s", size.connections, plain(float64(d.people)), l.what)
	for _, page := range []int{1, 2, last} {
		name := fmt.Sprintf("%s, page %d", l.name, page)
		row, err := compareLoads(ctx, name, hub[page], limit[page], d.rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		row.Note = note + "; limit: the SQL alone"
		rows = append(rows, row.judge(ratioAtLeast(0.5)))
	}
	name := fmt.Sprintf("%s, page %d against page 2", l.name, last)
	row, err := compareLoads(ctx, name, hub[last], hub[2], d.rounds)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	row.Note = note + "; limit: page 2"
	return append(rows, row.judge(ratioAtLeast(0.8))), nil
}

// places gives the place of a row of a list, by its number from 0 on, and that
// of the last one.
func (s *stack) places(ctx context.Context, list string, account int64, number int) (after, until barePlace, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return after, until, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err = conn.QueryRow(ctx, list+fmt.Sprintf(" ORDER BY created_at, id OFFSET %d LIMIT 1", number), account).Scan(&after.at, &after.id); err != nil {
		return after, until, err
	}
	err = conn.QueryRow(ctx, list+" ORDER BY created_at DESC, id DESC LIMIT 1", account).Scan(&until.at, &until.id)
	return after, until, err
}

// benchGroups compares GET /api/v1/groups/list, which gives all groups at once,
// with its SQL alone.
func benchGroups(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	d, err := s.openDoor(ctx, size)
	if err != nil {
		return nil, err
	}
	if err := s.execAll(ctx, groupData, d.id, size.groups); err != nil {
		return nil, err
	}
	last := fmt.Sprintf(`"group-%d"`, size.groups)
	row, err := compareLoads(ctx, "v1/groups/list", d.hub(size.connections, target{Path: "/api/v1/groups/list", Expect: last}),
		d.limit(size.connections, target{Path: fmt.Sprintf("%s?account=%d", bareGroups, d.id), Expect: last}), d.rounds)
	if err != nil {
		return nil, err
	}
	row.Note = fmt.Sprintf("%d connections, %s groups in each answer; limit: the SQL alone", size.connections, plain(float64(size.groups)))
	return []Row{row.judge(ratioAtLeast(0.5))}, d.close()
}

// benchPutUsers compares PUT /api/v2/users with a handler that does the INSERT
// or the UPDATE alone. There is no password in it: its hash would be all that is
// measured (see sign-in).
func benchPutUsers(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	d, err := s.openDoor(ctx, size)
	if err != nil {
		return nil, err
	}
	create := target{
		Method: http.MethodPut, Path: "/api/v2/users", Status: http.StatusCreated, Expect: `"put-`,
		Body: `{"identifier":"put-{n}","username":"put-{n}","email":"put-{n}@bench.example","firstName":"Somebody","lastName":"Number {n}"}`,
	}
	update := target{
		Method: http.MethodPut, Path: "/api/v2/users", Expect: `"member-`, Modulus: int64(d.people),
		Body: `{"identifier":"member-{m}","firstName":"Somebody","lastName":"Number {n}"}`,
	}
	var rows []Row
	for _, connections := range []int{1, size.connections} {
		for _, put := range []struct {
			name  string
			hub   target
			limit string
		}{{"new", create, "one INSERT"}, {"known", update, "one UPDATE"}} {
			alone := put.hub
			alone.Path, alone.Status = fmt.Sprintf("%s?account=%d", bareUsers, d.id), http.StatusOK
			name := fmt.Sprintf("PUT v2/users, %s, %d at once", put.name, connections)
			row, err := compareLoads(ctx, name, d.hub(connections, put.hub), d.limit(connections, alone), d.rounds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			row.Note = "without a password; limit: " + put.limit + ", bare handler"
			rows = append(rows, row.judge(ratioAtLeast(0.2)))
		}
	}
	return rows, d.close()
}
