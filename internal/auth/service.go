package auth

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/gather"
	"quad/internal/store"
)

// Deps is what the sign-in core needs.
type Deps struct {
	DB     *store.DB
	Keys   *Keyring
	Config config.Auth
	// Clock is what time it is for tokens; nil: the machine's.
	Clock clock.Clock
}

// Service is the sign-in core. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	keys      *Keyring
	cfg       config.Auth
	passwords *Passwords
	parser    *jwt.Parser
	verified  verifiedTokens
	hosts     *hostCache
	sessions  *gather.Loader[int64, sessionState]
	// memberSessions are sessions at doors with a Profile.
	memberSessions *gather.Loader[int64, sessionState]
	profiles       profiles
	clients        *gather.Loader[int64, clientState]
	now            func() time.Time
}

// New makes a Service. Errors: a missing dependency, or password parameters out
// of range.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Keys == nil {
		return nil, errors.New("auth: database and keys are needed")
	}
	passwords, err := NewPasswords(d.Config)
	if err != nil {
		return nil, err
	}
	s := &Service{db: d.DB, keys: d.Keys, cfg: d.Config, passwords: passwords, hosts: newHostCache(), now: d.Clock.Or()}
	s.sessions = gather.New(sessionLimits, s.readSessions)
	s.memberSessions = gather.New(sessionLimits, s.readMemberSessions)
	s.clients = gather.New(sessionLimits, s.readClients)
	s.parser = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return s.now() }))
	return s, nil
}

// Passwords gives the hasher.
func (s *Service) Passwords() *Passwords { return s.passwords }

// Keys gives the keyring.
func (s *Service) Keys() *Keyring { return s.keys }

// How long rows that have lost their meaning are kept, and how many one
// statement removes.
const (
	purgeAfter = 30 * 24 * time.Hour
	purgeBatch = 5000
)

// Purge removes ended and long expired sessions, used or void codes and old
// counters of failed sign-ins, of all accounts, one bounded batch a kind. The
// worker calls it now and then.
func (s *Service) Purge(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	args := store.Args{"before": s.now().Add(-purgeAfter), "unlocked": s.now().Add(-2 * s.cfg.LockFor), "batch": purgeBatch}
	for _, text := range []string{
		`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE coalesce(ended_at, expires_at) < @before LIMIT @batch)`,
		`DELETE FROM one_time_codes WHERE id IN (SELECT id FROM one_time_codes WHERE coalesce(ended_at, expires_at) < @before LIMIT @batch)`,
		`DELETE FROM login_failures WHERE (account_id, key) IN (
			SELECT account_id, key FROM login_failures WHERE updated_at < @unlocked AND (locked_until IS NULL OR locked_until < now()) LIMIT @batch)`,
	} {
		if _, err := s.db.Exec(ctx, text, args); err != nil {
			return err
		}
	}
	return nil
}
