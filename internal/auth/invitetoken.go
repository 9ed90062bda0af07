package auth

import (
	"encoding/base64"
	"encoding/binary"
)

const (
	purposeInvite   = "invite"
	inviteTokenHead = 8 + 4 // invite id, token version
)

// InviteToken is the secret part of an invitation's link. It is derived from
// the invite's id and token version, so nothing secret is stored, and raising
// the version kills the links sent before.
func InviteToken(keys *Keyring, inviteID int64, version int) string {
	head := make([]byte, inviteTokenHead)
	binary.BigEndian.PutUint64(head, uint64(inviteID))    //nolint:gosec // ids are positive
	binary.BigEndian.PutUint32(head[8:], uint32(version)) //nolint:gosec // versions are small and positive
	return base64.RawURLEncoding.EncodeToString(append(head, keys.Sign(purposeInvite, head)...))
}

// ParseInviteToken gives the invite and the token version that a token was made
// for; false for anything that InviteToken did not make. Whether the version is
// still the invite's is for the caller to check.
func ParseInviteToken(keys *Keyring, token string) (inviteID int64, version int, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= inviteTokenHead || !keys.Verify(purposeInvite, raw[:inviteTokenHead], raw[inviteTokenHead:]) {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(raw)), int(binary.BigEndian.Uint32(raw[8:])), true //nolint:gosec // signed by us
}
