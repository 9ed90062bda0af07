package auth

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
)

// cheap keeps tests fast; the format and the checks are the same.
var cheap = config.Auth{PasswordMemoryKiB: 64, PasswordTime: 1, PasswordParallelism: 1}

func TestPasswordMatchesItsHashOnly(t *testing.T) {
	p, err := NewPasswords(cheap)
	require.NoError(t, err)
	hash, err := p.Hash(t.Context(), "New password")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$"), hash)
	again, err := p.Hash(t.Context(), "New password")
	require.NoError(t, err)
	require.NotEqual(t, hash, again, "salted")

	ok, rehash, err := p.Match(t.Context(), "New password", hash)
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash)
	for _, wrong := range []string{"", "new password", "New password "} {
		ok, _, err = p.Match(t.Context(), wrong, hash)
		require.NoError(t, err)
		require.False(t, ok, wrong)
	}
}

func TestUnknownUserMatchesNothing(t *testing.T) {
	p, err := NewPasswords(cheap)
	require.NoError(t, err)
	ok, rehash, err := p.Match(t.Context(), "anything", "")
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, rehash)
}

func TestChangedParametersAskForANewHash(t *testing.T) {
	old, err := NewPasswords(cheap)
	require.NoError(t, err)
	hash, err := old.Hash(t.Context(), "password")
	require.NoError(t, err)
	stronger := cheap
	stronger.PasswordTime = 2
	p, err := NewPasswords(stronger)
	require.NoError(t, err)
	ok, rehash, err := p.Match(t.Context(), "password", hash)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)
	_, rehash, err = p.Match(t.Context(), "wrong", hash)
	require.NoError(t, err)
	require.False(t, rehash, "a wrong password gives no reason to write")
}

func TestDamagedHashesAreErrors(t *testing.T) {
	p, err := NewPasswords(cheap)
	require.NoError(t, err)
	good, err := p.Hash(t.Context(), "password")
	require.NoError(t, err)
	for _, bad := range []string{
		"x", "$2b$10$abc", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1),
		good[:len(good)-30], good + "$",
	} {
		_, _, err := p.Match(t.Context(), "password", bad)
		require.Error(t, err, bad)
	}
}

func TestHashesInParallelAreBounded(t *testing.T) {
	p, err := NewPasswords(cheap)
	require.NoError(t, err)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 8)
	var wg sync.WaitGroup
	for range cap(results) {
		wg.Go(func() {
			_, err := p.Hash(ctx, "password")
			results <- err
		})
	}
	cancel()
	wg.Wait()
	close(results)
	for err := range results {
		require.ErrorIs(t, err, context.Canceled, "no slot was free, so no hash may have been made")
	}
	for range cap(p.slots) {
		<-p.slots
	}
	_, err = p.Hash(t.Context(), "password")
	require.NoError(t, err)
}
