package auth

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

func masterKey(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, masterKeySize))
}

func newKeys(t *testing.T, fills ...byte) *Keyring {
	t.Helper()
	var keys []string
	for _, f := range fills {
		keys = append(keys, masterKey(f))
	}
	ring, err := NewKeyring(keys)
	require.NoError(t, err)
	return ring
}

func TestKeyringRefusesBadKeys(t *testing.T) {
	for name, keys := range map[string][]string{
		"none": nil, "not base64": {"%"}, "short": {base64.StdEncoding.EncodeToString([]byte("short"))}, "twice": {masterKey(1), masterKey(1)},
	} {
		_, err := NewKeyring(keys)
		require.Error(t, err, name)
	}
}

func TestSignaturesAreBoundToPurposeAndData(t *testing.T) {
	ring := newKeys(t, 1)
	mac := ring.Sign("a", []byte("data"))
	require.True(t, ring.Verify("a", []byte("data"), mac))
	require.False(t, ring.Verify("b", []byte("data"), mac))
	require.False(t, ring.Verify("a", []byte("Data"), mac))
	require.False(t, ring.Verify("a", []byte("data"), mac[:16]), "a part of the tag must not do")
	require.False(t, ring.Verify("a", []byte("data"), nil))
}

func TestRotationKeepsOldKeysVerifying(t *testing.T) {
	old, both, later := newKeys(t, 1), newKeys(t, 2, 1), newKeys(t, 2)
	mac := old.Sign("a", []byte("data"))
	sealed, err := old.Seal("a", []byte("secret"))
	require.NoError(t, err)

	require.True(t, both.Verify("a", []byte("data"), mac))
	plain, err := both.Open("a", sealed)
	require.NoError(t, err)
	require.Equal(t, "secret", string(plain))
	require.True(t, later.Verify("a", []byte("data"), both.Sign("a", []byte("data"))), "the newest key signs")

	require.False(t, later.Verify("a", []byte("data"), mac))
	_, err = later.Open("a", sealed)
	require.ErrorIs(t, err, ErrSealed)
}

func TestSealedTextsAreAuthenticatedAndDiffer(t *testing.T) {
	ring := newKeys(t, 1)
	one, err := ring.Seal("a", []byte("secret"))
	require.NoError(t, err)
	two, err := ring.Seal("a", []byte("secret"))
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	_, err = ring.Open("b", one)
	require.ErrorIs(t, err, ErrSealed)
	for i := range one {
		broken := bytes.Clone(one)
		broken[i] ^= 1
		_, err = ring.Open("a", broken)
		require.ErrorIs(t, err, ErrSealed, "byte %d", i)
	}
	for i := range one {
		_, err = ring.Open("a", one[:i])
		require.ErrorIs(t, err, ErrSealed, "length %d", i)
	}
}

func TestInviteToken(t *testing.T) {
	ring := newKeys(t, 1)
	token := InviteToken(ring, 42, 3)
	id, version, ok := ParseInviteToken(ring, token)
	require.True(t, ok)
	require.EqualValues(t, 42, id)
	require.Equal(t, 3, version)
	require.NotEqual(t, token, InviteToken(ring, 42, 4))

	for _, bad := range []string{"", "x", token + "A", token[:len(token)-1], "!" + token[1:], InviteToken(newKeys(t, 9), 42, 3)} {
		_, _, ok := ParseInviteToken(ring, bad)
		require.False(t, ok, bad)
	}
}
