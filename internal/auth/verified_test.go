package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A token that was checked before is refused for the same reasons as a new one.
func TestATokenSeenBeforeStillExpiresAndEnds(t *testing.T) {
	f := newFixture(t)
	pair, other := f.open(t), f.open(t)
	for range 2 {
		for _, p := range []TokenPair{pair, other} {
			i, err := f.Authenticate(f.ctx, p.Access)
			require.NoError(t, err)
			require.Equal(t, p.SessionID, i.Principal.SessionID)
		}
		_, err := f.Authenticate(f.ctx, pair.Refresh)
		require.ErrorIs(t, err, ErrTokenInvalid)
		_, err = f.Authenticate(f.ctx, pair.Access+"x")
		require.ErrorIs(t, err, ErrTokenInvalid)
	}
	f.exec(t, `UPDATE sessions SET ended_at = now() WHERE id = @id`, map[string]any{"id": pair.SessionID})
	_, err := f.Authenticate(f.ctx, pair.Access)
	require.ErrorIs(t, err, ErrTokenExpired)
	_, err = f.Authenticate(f.ctx, other.Access)
	require.NoError(t, err)

	f.now = func() time.Time { return other.AccessExpiresAt }
	_, err = f.Authenticate(f.ctx, other.Access)
	require.ErrorIs(t, err, ErrTokenExpired)
}

func TestVerifiedTokensAreBoundedAndKeepWhatIsUsed(t *testing.T) {
	var v verifiedTokens
	key := func(n int) (k [sha256.Size]byte) {
		binary.BigEndian.PutUint64(k[:], uint64(n)) //nolint:gosec // small
		return k
	}
	v.put(key(0), verifiedToken{user: 1, session: 2})
	for n := 1; n < 4*verifiedGeneration; n++ {
		v.put(key(n), verifiedToken{user: int64(n)})
		if n%1000 == 0 {
			token, ok := v.get(key(0))
			require.True(t, ok, n)
			require.Equal(t, verifiedToken{user: 1, session: 2}, token)
		}
	}
	require.LessOrEqual(t, len(v.new)+len(v.last), 2*verifiedGeneration)
	_, ok := v.get(key(1))
	require.False(t, ok)
}
