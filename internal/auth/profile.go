package auth

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quad/models"
)

// Profile is how the tokens of a door are made that has its own way. Its access
// tokens are JWT with the claims sub, email, roles, tenantId, jti, iat and exp;
// its refresh tokens are random, used once and kept as hashes, and each lives as
// long as the first. The membership of its callers is read with their session.
// Doors without a Profile have signed tokens that live as config.Auth says. Any
// token is good at every door.
type Profile struct {
	AccessTTL, RefreshTTL time.Duration
	// RoleNames gives what the door calls roles, by their titles.
	RoleNames func(titles []string) []string
}

// profiles are the Profiles by door: read with every request, written while the
// program is put together.
type profiles struct {
	mu     sync.Mutex
	byDoor atomic.Pointer[map[string]*Profile]
}

// SetProfile gives a door its Profile, before it serves.
func (s *Service) SetProfile(door string, p Profile) {
	s.profiles.mu.Lock()
	defer s.profiles.mu.Unlock()
	all := map[string]*Profile{}
	if old := s.profiles.byDoor.Load(); old != nil {
		maps.Copy(all, *old)
	}
	all[door] = &p
	s.profiles.byDoor.Store(&all)
}

// profile is that of a door, nil for none.
func (s *Service) profile(door string) *Profile {
	if all := s.profiles.byDoor.Load(); all != nil {
		return (*all)[door]
	}
	return nil
}

// refreshTTL is the life of the refresh tokens of the context's door.
func (s *Service) refreshTTL(ctx context.Context) time.Duration {
	if p := s.profile(Door(ctx)); p != nil {
		return p.RefreshTTL
	}
	return s.cfg.RefreshTTL
}

// jtiSeparator stands between the session's id and what makes a jti unique.
const jtiSeparator = "-"

// readFlat takes user and session from the claims of a Profile's token.
func (c *Claims) readFlat() {
	session, _, _ := strings.Cut(c.ID, jtiSeparator)
	c.Data.ID, _ = strconv.ParseInt(c.Subject, 10, 64) // 0 is refused by parse
	c.Data.SessionID, _ = strconv.ParseInt(session, 10, 64)
}

// holder is whom a pair of tokens is made for.
type holder struct {
	user    models.User
	roles   []models.Role
	tenant  *int64
	session int64
}

func titlesOf(roles []models.Role) []string {
	titles := make([]string, len(roles))
	for i, r := range roles {
		titles[i] = r.Title
	}
	return titles
}
