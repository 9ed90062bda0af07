package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/devstack"
	"quad/models"
)

// benchRead compares the profile that people read of themselves through the
// Elevate door (token, session, user, roles, permission gate, rate limit,
// metrics, the dialect's answer) with a handler that does one SELECT and
// nothing else. Both are processes of their own.
func benchRead(ctx context.Context, s *stack, size sizes) ([]Row, error) {
	url, stopAPI, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	bare, stopBare, err := s.bare(ctx)
	if err != nil {
		return nil, err
	}
	hub := load{Host: strings.TrimPrefix(url, "http://"), Connections: size.connections, Time: size.readTime}
	limit := load{Host: bare, Connections: size.connections, Time: size.readTime}
	for i := range size.readers {
		name := fmt.Sprintf("reader-%03d", i)
		user, err := s.person(ctx, name)
		if err != nil {
			return nil, err
		}
		token, err := signIn(ctx, url, *user.Email)
		if err != nil {
			return nil, err
		}
		id := strconv.FormatInt(user.ID, 10)
		hub.Targets = append(hub.Targets, target{Path: "/user/v1/user/read/" + id, Token: token, Expect: *user.Email})
		limit.Targets = append(limit.Targets, target{Path: "/users/" + id, Expect: *user.Email})
	}

	if err := s.crowd(ctx, size.crowd); err != nil {
		return nil, err
	}
	row, err := compareLoads(ctx, "authenticated read", hub, limit, size.rounds)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stopAPI(), stopBare()); err != nil {
		return nil, err
	}
	row.Note = fmt.Sprintf("%d connections; limit: one SELECT, bare handler", size.connections)
	return []Row{row.judge(ratioAtLeast(0.6))}, nil
}

// crowd adds people with a role and a session each to those who read, so that
// neither side reads tables that fit into a page, and gives the planner its
// figures, as autovacuum would after a while.
func (s *stack) crowd(ctx context.Context, n int) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO users (account_id, organization_id, email, name)
			SELECT account_id, id, 'crowd-' || n || '@bench.example', 'Somebody ' || n FROM organizations, generate_series(1, %d) n WHERE is_default`, n),
		`INSERT INTO user_roles (account_id, user_id, role_id) SELECT u.account_id, u.id, r.id FROM users u
			JOIN roles r ON r.account_id = u.account_id AND r.title = 'mentee' WHERE u.email LIKE 'crowd-%'`,
		`INSERT INTO sessions (account_id, user_id, door, expires_at) SELECT account_id, id, 'bench', now() + interval '1 day' FROM users WHERE email LIKE 'crowd-%'`,
		"VACUUM ANALYZE",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("crowd: %w", err)
		}
	}
	return nil
}

// bare starts the server without a hub.
func (s *stack) bare(ctx context.Context) (host string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cfg, err := config.FromMap(s.vars)
	if err != nil {
		return "", nil, err
	}
	_, stop, err = s.start(ctx, os.Stderr, func(port int) (devstack.Child, error) {
		host = devstack.Address(port)
		return devstack.Child{
			Name: roleBare, Path: self, Args: []string{roleBare},
			Env: environ(map[string]string{
				bareAddr: host, bareDatabase: cfg.Database.URL, bareConns: strconv.Itoa(int(cfg.Database.MaxConns)),
			}),
			Ready: func(ctx context.Context) error { return answers(ctx, "http://"+host+"/readyz") },
		}, nil
	})
	return host, stop, err
}

// signIn gives the access token of a person.
func signIn(ctx context.Context, url, email string) (string, error) {
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return "", err
	}
	var answer struct {
		Result struct {
			AccessToken string `json:"access_token"`
		} `json:"result"`
	}
	err = call(ctx, http.MethodPost, url+"/user/v1/account/login", "", body, &answer)
	if err == nil && answer.Result.AccessToken == "" {
		err = errors.New("sign-in gives no token")
	}
	return answer.Result.AccessToken, err
}

func call(ctx context.Context, method, url, token string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("X-auth-token", "bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s answers %s: %.300s", method, url, response.Status, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}

// actAs makes a context in which the services see the user as the caller.
func actAs(ctx context.Context, u models.User, roles ...string) context.Context {
	return auth.WithPrincipal(ctx, auth.Principal{
		AccountID: u.AccountID, UserID: u.ID, OrganizationID: u.OrganizationID, Door: "bench", Roles: roles,
	})
}
