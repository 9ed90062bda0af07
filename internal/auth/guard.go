package auth

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"quad/internal/store"
	"quad/models"
)

// Failed sign-ins are counted for a login from one address, for the login from
// anywhere, and for the address with any login. The last two are what guessing
// from many addresses, and trying one password on many logins, look like; their
// limits are multiples of the configured one, because many honest people share
// an address.
const (
	loginFactor   = 10
	addressFactor = 50

	purposeGuard = "login guard"
)

// ErrLocked is the refusal of a sign-in after too many failed ones. A door that
// must not tell shows it like a wrong password.
var ErrLocked = models.Refuse(models.KindLimited, "auth.locked", "too many failed sign-ins, try again later")

// Attempt is one try to prove an identity, as the guard counts it.
type Attempt struct {
	pair, login, address []byte
}

// NewAttempt names a try: the login in any spelling and the caller's address.
// What is stored are keyed hashes.
func (s *Service) NewAttempt(ctx context.Context, login, address string) Attempt {
	account, _ := store.AccountID(ctx)
	key := func(kind string, parts ...string) []byte {
		data := []byte(kind + "\x00" + strconv.FormatInt(account, 10))
		for _, p := range parts {
			data = append(append(data, 0), p...)
		}
		return s.keys.Sign(purposeGuard, data)
	}
	login = models.NormalizeEmail(login)
	return Attempt{pair: key("pair", login, address), login: key("login", login), address: key("address", address)}
}

// Keys are the keys of the attempt's counters in login_failures.
func (a Attempt) Keys() [][]byte { return [][]byte{a.pair, a.login, a.address} }

// Locked tells whether a lock is on for the attempt: one statement.
func (s *Service) Locked(ctx context.Context, a Attempt) (bool, error) {
	var locked bool
	err := s.db.Query(ctx, &locked, `SELECT EXISTS (SELECT FROM login_failures
		WHERE account_id = @account_id AND key IN @keys AND locked_until > now())`, store.Args{"keys": a.Keys()})
	if err != nil {
		return false, fmt.Errorf("auth: guard: %w", err)
	}
	return locked, nil
}

// Failed counts a failed attempt and sets the locks that it makes due: one
// statement. It must not be called in a transaction that is rolled back. A
// counter starts anew when nothing failed for as long as a lock lasts.
func (s *Service) Failed(ctx context.Context, a Attempt) error {
	type counter struct {
		key   []byte
		limit int
	}
	counters := []counter{{a.pair, s.cfg.LockAfter}, {a.login, loginFactor * s.cfg.LockAfter}, {a.address, addressFactor * s.cfg.LockAfter}}
	// Always in the same order, so that parallel attempts can't block each other.
	slices.SortFunc(counters, func(x, y counter) int { return bytes.Compare(x.key, y.key) })
	// "( @k1", not "(@k1": GORM takes a slice right behind a parenthesis for a list.
	_, err := s.db.Exec(ctx, `INSERT INTO login_failures AS f (account_id, key, failures, locked_until)
		SELECT @account_id, key, 1, CASE WHEN 1 >= most THEN now() + @lock * interval '1 microsecond' END
		FROM (VALUES (1, CAST( @k1 AS bytea), CAST(@m1 AS int)), (2, CAST( @k2 AS bytea), CAST(@m2 AS int)), (3, CAST( @k3 AS bytea), CAST(@m3 AS int))) AS v (turn, key, most) ORDER BY turn
		ON CONFLICT (account_id, key) DO UPDATE SET
			failures = CASE WHEN f.updated_at < now() - @lock * interval '1 microsecond' THEN 1 ELSE f.failures + 1 END,
			locked_until = CASE
				WHEN f.locked_until > now() THEN f.locked_until
				WHEN f.updated_at < now() - @lock * interval '1 microsecond' THEN excluded.locked_until
				WHEN f.failures + 1 >= CASE f.key WHEN CAST( @k1 AS bytea) THEN CAST(@m1 AS int) WHEN CAST( @k2 AS bytea) THEN CAST(@m2 AS int) ELSE CAST(@m3 AS int) END
					THEN now() + @lock * interval '1 microsecond' END,
			updated_at = now()`,
		store.Args{
			"lock": s.cfg.LockFor.Microseconds(),
			"k1":   counters[0].key, "k2": counters[1].key, "k3": counters[2].key,
			"m1": counters[0].limit, "m2": counters[1].limit, "m3": counters[2].limit,
		})
	if err != nil {
		return fmt.Errorf("auth: guard: %w", err)
	}
	return nil
}

// Succeeded forgets the failures of the login from this address. A lock that
// parallel attempts set meanwhile refuses the success as well, or guessing in
// parallel would have more tries than guessing in sequence. One statement.
// Errors: ErrLocked.
func (s *Service) Succeeded(ctx context.Context, a Attempt) error {
	var locked bool
	err := s.db.Query(ctx, &locked, `WITH locked AS (
			SELECT count(*) > 0 AS yes FROM login_failures WHERE account_id = @account_id AND key IN @keys AND locked_until > now()
		), forgotten AS (
			DELETE FROM login_failures WHERE account_id = @account_id AND key = @key AND NOT (SELECT yes FROM locked)
		)
		SELECT yes FROM locked`, store.Args{"keys": a.Keys(), "key": a.pair})
	if err != nil {
		return fmt.Errorf("auth: guard: %w", err)
	}
	if locked {
		return ErrLocked
	}
	return nil
}

// Unlock forgets all failures of a login from this address and from anywhere,
// after its owner proved the address with a code.
func (s *Service) Unlock(ctx context.Context, a Attempt) error {
	_, err := s.db.Exec(ctx, `DELETE FROM login_failures WHERE account_id = @account_id AND key IN @keys`, store.Args{"keys": [][]byte{a.pair, a.login}})
	if err != nil {
		return fmt.Errorf("auth: guard: %w", err)
	}
	return nil
}
