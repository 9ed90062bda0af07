package people

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/livecache"
	"quad/internal/store"
	"quad/models"
)

// gate decides from data whether a request may pass. It keeps each account's
// permissions until it is told that they have changed.
type gate struct {
	db    *store.DB
	cache *livecache.Cache[grants]
}

// grants is what an account's permissions allow, by module and title.
type grants struct{ byModule map[string][]grant }

type grant struct {
	title   string
	methods []string
	path    string // lower case; without the * when prefix
	prefix  bool
}

func newGate(db *store.DB, live *livecache.Watcher) *gate {
	return &gate{db: db, cache: livecache.New[grants](live, "permissions")}
}

// Allowed tells whether the gate lets a request pass: for admins always, for
// others when an ACTIVE permission that is mapped to one of their ACTIVE roles
// (or to a pseudo-role) names the module, the method and the path. A principal
// without UserID is a public request; the account is the context's.
func (s *Service) Allowed(ctx context.Context, p auth.Principal, method, requestPath string) (bool, error) {
	if p.UserID > 0 && p.Has(models.RoleAdmin) {
		return true, nil
	}
	g, err := s.gate.cache.Get(ctx, s.gate.load)
	if err != nil {
		return false, err
	}
	titles := []string{models.RolePublic}
	if p.UserID > 0 {
		titles = append(append(titles, models.RoleAny), p.Roles...)
	}
	return g.allow(titles, method, requestPath), nil
}

func (g grants) allow(titles []string, method, requestPath string) bool {
	if method == "HEAD" { // the answer to a GET without its body
		method = "GET"
	}
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

// A mapping names a role by its title as the unique index compares it. The
// database finds the role, so that nobody else has an opinion on case.
const loadGrants = `SELECT COALESCE(r.title, m.role_title), p.module, p.request_type, p.api_path
	FROM role_permissions m JOIN permissions p ON p.id = m.permission_id AND p.account_id = m.account_id
	LEFT JOIN roles r ON r.account_id = m.account_id AND lower(r.title) = m.role_title AND r.deleted_at IS NULL
	WHERE m.account_id = @account_id AND p.status = 'ACTIVE' AND p.deleted_at IS NULL
		AND (r.id IS NOT NULL OR m.role_title IN ('` + models.RolePublic + `', '` + models.RoleAny + `'))`

// load reads the permissions of the context's account.
func (g *gate) load(ctx context.Context) (grants, error) {
	fresh := grants{byModule: map[string][]grant{}}
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
	return fresh, nil
}

// PermissionsChanged tells every replica, once the context's transaction has
// committed, that the account's permissions or their mapping have changed.
func (s *Service) PermissionsChanged(ctx context.Context) error {
	if err := s.gate.cache.Changed(ctx); err != nil {
		return fmt.Errorf("people: permissions changed: %w", err)
	}
	return nil
}
