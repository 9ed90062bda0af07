package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// benchStatements counts what the database sees of a sign-in and of a read, in
// the database's own log. The api is warm: it has the account of the host and
// the permissions in memory.
func benchStatements(ctx context.Context, s *stack, _ sizes) (rows []Row, err error) {
	user, err := s.person(ctx, "counted")
	if err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	// For connections that are opened from now on: those of the api below.
	if _, err := conn.Exec(ctx, "ALTER DATABASE quad SET log_statement = 'all'"); err != nil {
		return nil, err
	}
	url, stop, err := s.api(ctx)
	if err != nil {
		return nil, err
	}
	marks, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, marks.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, "ALTER DATABASE quad RESET log_statement"); err != nil {
		return nil, err
	}
	token, err := signIn(ctx, url, *user.Email)
	if err != nil {
		return nil, err
	}
	for _, operation := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"sign-in", 6, func() error {
			_, err := signIn(ctx, url, *user.Email)
			return err
		}},
		{"authenticated read", 2, func() error {
			var answer any
			return call(ctx, http.MethodGet, url+"/user/v1/user/read/"+strconv.FormatInt(user.ID, 10), token, nil, &answer)
		}},
	} {
		if err := operation.run(); err != nil { // warm
			return nil, err
		}
		n, err := s.statementsOf(ctx, marks, operation.run)
		if err != nil {
			return nil, err
		}
		row := Row{Name: "statements: " + operation.name, Value: float64(n), Unit: "statements"}
		rows = append(rows, row.judge(atMost(operation.most)))
	}
	return rows, stop()
}

// statementsOf counts the api's statements while fn runs. Marks in the log tell
// where it begins and ends: the sessions of a server write to one pipe, each
// statement before it is executed.
func (s *stack) statementsOf(ctx context.Context, marks *pgx.Conn, fn func() error) (int, error) {
	if err := s.mark(ctx, marks, "begin"); err != nil {
		return 0, err
	}
	s.log.clear()
	if err := fn(); err != nil {
		return 0, err
	}
	if err := s.mark(ctx, marks, "end"); err != nil {
		return 0, err
	}
	return countStatements(s.log.text(), "quad-api"), nil
}

// mark writes a line into the log and waits until it has come through.
func (s *stack) mark(ctx context.Context, conn *pgx.Conn, what string) error {
	text := fmt.Sprintf("bench-mark-%s-%d", what, time.Now().UnixNano())
	if _, err := conn.Exec(ctx, "SELECT '"+text+"'"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(s.log.text(), text) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the database's log does not show a mark: %w", ctx.Err())
		}
	}
	return nil
}

// statementPrefix is the log_line_prefix that countStatements reads: the name
// of the application.
const statementPrefix = "%a "

// countStatements counts the statements that an application's sessions have
// logged, without transaction control and pings.
func countStatements(log, application string) (n int) {
	for line := range strings.SplitSeq(log, "\n") {
		text, ok := strings.CutPrefix(line, application+" LOG:  ")
		if !ok {
			continue
		}
		kind, statement, ok := strings.Cut(text, ": ")
		if !ok || kind != "statement" && !strings.HasPrefix(kind, "execute ") {
			continue
		}
		word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(statement)), " ")
		switch strings.TrimRight(word, ";") {
		case "begin", "commit", "rollback", "savepoint", "release", "--", "":
		default:
			n++
		}
	}
	return n
}

// logText keeps what a child writes. The zero value is ready.
type logText struct {
	mu   sync.Mutex
	kept strings.Builder
}

// maxLog bounds what is kept; only statements of a moment are looked for.
const maxLog = 1 << 20

// Write implements io.Writer.
func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept.Len()+len(p) > maxLog {
		l.kept.Reset()
	}
	return l.kept.Write(p)
}

func (l *logText) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.String()
}

func (l *logText) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept.Reset()
}
