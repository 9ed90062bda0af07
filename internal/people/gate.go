package people

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

const (
	// permissionsChannel tells all replicas that an account's permissions have
	// changed; the payload is the account's id.
	permissionsChannel = "quad_permissions"
	// A change is seen at once by who listens; the rest is a fallback.
	listeningTTL = time.Minute
	deafTTL      = time.Second
	listenAgain  = time.Second
)

// gate decides from data whether a request may pass. It keeps each account's
// permissions until it is told that they have changed.
type gate struct {
	db        *store.DB
	mu        sync.Mutex
	accounts  map[int64]grants
	changes   uint64 // counts invalidations, so that a load that began before one is not kept
	listening bool
	now       func() time.Time
}

// grants is what an account's permissions allow, by module and lower-case title.
type grants struct {
	byModule map[string][]grant
	loaded   time.Time
}

type grant struct {
	title   string
	methods []string
	path    string // lower case; without the * when prefix
	prefix  bool
}

func newGate(db *store.DB) *gate {
	return &gate{db: db, accounts: map[int64]grants{}, now: time.Now}
}

// Allowed tells whether the gate lets a request pass: for admins always, for
// others when an ACTIVE permission that is mapped to one of their ACTIVE roles
// (or to a pseudo-role) names the module, the method and the path. A principal
// without UserID is a public request; the account is the context's.
func (s *Service) Allowed(ctx context.Context, p auth.Principal, method, requestPath string) (bool, error) {
	if p.UserID > 0 && p.Has(models.RoleAdmin) {
		return true, nil
	}
	account, ok := store.AccountID(ctx)
	if !ok {
		return false, store.ErrNoAccount
	}
	g, err := s.gate.grants(ctx, account)
	if err != nil {
		return false, err
	}
	titles := []string{models.RolePublic}
	if p.UserID > 0 {
		titles = append(titles, models.RoleAny)
		for _, role := range p.Roles {
			titles = append(titles, strings.ToLower(role))
		}
	}
	return g.allow(titles, method, requestPath), nil
}

func (g grants) allow(titles []string, method, requestPath string) bool {
	whole := canonicalPath(requestPath)
	bare := withoutID(whole)
	for _, a := range g.byModule[moduleOf(whole)] {
		match := a.path == whole || a.path == bare
		if a.prefix {
			match = strings.HasPrefix(whole, a.path)
		}
		if match && slices.Contains(titles, a.title) && slices.Contains(a.methods, method) {
			return true
		}
	}
	return false
}

// canonicalPath is a path as permissions are compared: clean, in lower case
// (the router decides whether case matters to it) and with one spelling for the
// modules that have two.
func canonicalPath(p string) string {
	p = strings.ToLower(path.Clean("/" + p))
	parts := strings.Split(p, "/")
	if len(parts) > 3 {
		parts[3] = canonicalModule(parts[3])
	}
	return strings.Join(parts, "/")
}

func canonicalModule(m string) string {
	switch m = strings.ToLower(m); m {
	case "userrole":
		return "user-role"
	case "rolepermissionmapping":
		return "role-permission-mapping"
	}
	return m
}

// moduleOf is the third segment.
func moduleOf(p string) string {
	parts := strings.Split(p, "/")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}

// withoutID drops a last segment that is an id.
func withoutID(p string) string {
	i := strings.LastIndexByte(p, '/')
	last := p[i+1:]
	if last == "" || strings.IndexFunc(last, func(c rune) bool { return c < '0' || c > '9' }) >= 0 {
		return p
	}
	return p[:i]
}

const loadGrants = `SELECT lower(rp.role_title), p.module, p.request_type, p.api_path
	FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id AND p.account_id = rp.account_id
	WHERE rp.account_id = @account_id AND p.status = 'ACTIVE'`

// grants gives an account's permissions, from memory if they are fresh.
func (g *gate) grants(ctx context.Context, account int64) (grants, error) {
	g.mu.Lock()
	kept, ok := g.accounts[account]
	ttl := deafTTL
	if g.listening {
		ttl = listeningTTL
	}
	before := g.changes
	g.mu.Unlock()
	now := g.now()
	if ok && now.Sub(kept.loaded) < ttl {
		return kept, nil
	}

	fresh := grants{byModule: map[string][]grant{}, loaded: now}
	err := g.db.QueryRows(ctx, loadGrants, nil, func(row pgx.CollectableRow) error {
		var a grant
		var module string
		if err := row.Scan(&a.title, &module, &a.methods, &a.path); err != nil {
			return err
		}
		if before, ok := strings.CutSuffix(a.path, "*"); ok {
			a.prefix = true
			// Cleaning must not take the slash off "/user/*".
			a.path = canonicalPath(before)
			if strings.HasSuffix(before, "/") && a.path != "/" {
				a.path += "/"
			}
		} else {
			a.path = canonicalPath(a.path)
		}
		module = canonicalModule(module)
		fresh.byModule[module] = append(fresh.byModule[module], a)
		return nil
	})
	if err != nil {
		return grants{}, fmt.Errorf("people: permissions: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changes == before {
		g.accounts[account] = fresh
	}
	return fresh, nil
}

// forget drops one account, or all with 0.
func (g *gate) forget(account int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changes++
	if account == 0 {
		clear(g.accounts)
	} else {
		delete(g.accounts, account)
	}
}

func (g *gate) setListening(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listening = on
}

// PermissionsChanged tells every replica, once the context's transaction has
// committed, that the account's permissions or their mapping have changed.
func (s *Service) PermissionsChanged(ctx context.Context) error {
	account, _ := store.AccountID(ctx)
	if _, err := s.db.Exec(ctx, `SELECT pg_notify('quad_permissions', CAST(CAST(@account_id AS bigint) AS text))`, nil); err != nil {
		return fmt.Errorf("people: permissions changed: %w", err)
	}
	store.AfterCommit(ctx, func(context.Context) { s.gate.forget(account) })
	return nil
}

// WatchPermissions listens for changes of permissions until the context ends.
// Every process that asks Allowed runs it; without it, and while the database
// does not answer, changes are seen after a second.
func (s *Service) WatchPermissions(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.db.Listen(ctx, permissionsChannel, func() {
			s.gate.forget(0) // what was missed is unknown
			s.gate.setListening(true)
		}, func(payload string) {
			account, err := strconv.ParseInt(payload, 10, 64)
			if err != nil {
				account = 0
			}
			s.gate.forget(account)
		})
		s.gate.setListening(false)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, context.Canceled) {
			slog.WarnContext(ctx, "listening for changed permissions ended, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}
