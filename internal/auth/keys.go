package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Keyring signs and encrypts with the deployment's master keys. A master key
// is never used itself: each purpose ("access", "otp", "upload" …) has a key
// of its own derived from it, so what was made for one purpose is worth nothing
// for another. The first master key makes, all of them verify and open, so a
// key is replaced by putting a new one in front and dropping the old one once
// nothing made with it is alive. A Keyring is safe for concurrent use.
type Keyring struct {
	masters []master
	derived sync.Map // purpose -> []purposeKey, in the order of masters
}

type master struct {
	id     [keyIDSize]byte // what a sealed text says it was sealed with
	secret []byte
}

type purposeKey struct {
	id   [keyIDSize]byte
	mac  []byte
	aead cipher.AEAD
}

const (
	masterKeySize = 32
	keyIDSize     = 4
	sealedVersion = 1
	sealedHead    = 1 + keyIDSize
)

// ErrSealed is a sealed text that is damaged, that was sealed for another
// purpose, or whose key is gone.
var ErrSealed = errors.New("auth: the sealed text cannot be opened")

// NewKeyring takes master keys as in config.Secrets.Keys: base64 of 32 bytes
// each, the newest first. Errors: no key, or one that is malformed or there
// twice.
func NewKeyring(keys []string) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("auth: no master key")
	}
	ring := &Keyring{}
	for i, text := range keys {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(secret) != masterKeySize {
			return nil, fmt.Errorf("auth: master key %d is not base64 of %d bytes", i+1, masterKeySize)
		}
		id, err := hkdf.Key(sha256.New, secret, nil, "quad key id v1", keyIDSize)
		if err != nil {
			return nil, fmt.Errorf("auth: derive key id: %w", err)
		}
		m := master{id: [keyIDSize]byte(id), secret: secret}
		for _, other := range ring.masters {
			if other.id == m.id {
				return nil, fmt.Errorf("auth: master key %d is there twice", i+1)
			}
		}
		ring.masters = append(ring.masters, m)
	}
	return ring, nil
}

// purpose gives the derived keys of a purpose. They are kept: purposes are a
// handful of constants, and deriving them for each request would cost more
// than the request's signature.
func (k *Keyring) purpose(purpose string) []purposeKey {
	if keys, ok := k.derived.Load(purpose); ok {
		return keys.([]purposeKey) //nolint:errcheck // only this type is stored
	}
	keys := make([]purposeKey, len(k.masters))
	for i, m := range k.masters {
		mac := derive(m.secret, "quad mac v1 "+purpose)
		block, err := aes.NewCipher(derive(m.secret, "quad seal v1 "+purpose))
		if err != nil {
			panic("auth: a derived key has the wrong size: " + err.Error())
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic("auth: AES-GCM is not available: " + err.Error())
		}
		keys[i] = purposeKey{id: m.id, mac: mac, aead: aead}
	}
	stored, _ := k.derived.LoadOrStore(purpose, keys)
	return stored.([]purposeKey) //nolint:errcheck // only this type is stored
}

// derive cannot fail: HKDF refuses only outputs of many kilobytes, or hashes
// and secrets that are too weak for a FIPS build, and ours are constant.
func derive(secret []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, sha256.Size)
	if err != nil {
		panic("auth: derive key: " + err.Error())
	}
	return key
}

// Derive gives the purpose's 32-byte signing keys, the newest first, for code
// that brings its own signature format. Purpose must be a constant.
func (k *Keyring) Derive(purpose string) [][]byte {
	keys := k.purpose(purpose)
	out := make([][]byte, len(keys))
	for i := range keys {
		out[i] = bytes.Clone(keys[i].mac)
	}
	return out
}

// Sign gives the 32-byte HMAC-SHA256 of data under the newest key. Purpose must
// be a constant.
func (k *Keyring) Sign(purpose string, data []byte) []byte {
	return sum(k.purpose(purpose)[0].mac, data)
}

// Verify tells, in constant time for each key, whether mac was made by Sign for
// the purpose and data with any of the keys.
func (k *Keyring) Verify(purpose string, data, mac []byte) bool {
	ok := false
	for _, key := range k.purpose(purpose) {
		if hmac.Equal(mac, sum(key.mac, data)) {
			ok = true
		}
	}
	return ok
}

func sum(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data) //nolint:errcheck // a hash never fails
	return h.Sum(nil)
}

// Seal encrypts and authenticates plain with AES-256-GCM under the newest key.
// Layout: version (1), key id (4), nonce (12), ciphertext with tag.
func (k *Keyring) Seal(purpose string, plain []byte) ([]byte, error) {
	key := k.purpose(purpose)[0]
	head := append([]byte{sealedVersion}, key.id[:]...)
	nonce := make([]byte, key.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("auth: seal: %w", err)
	}
	return key.aead.Seal(append(bytes.Clone(head), nonce...), nonce, plain, head), nil
}

// Open gives back what Seal sealed for the purpose, with whichever key, or
// ErrSealed.
func (k *Keyring) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealedHead || sealed[0] != sealedVersion {
		return nil, ErrSealed
	}
	head, rest := sealed[:sealedHead], sealed[sealedHead:]
	for _, key := range k.purpose(purpose) {
		if !bytes.Equal(key.id[:], head[1:]) {
			continue
		}
		if len(rest) < key.aead.NonceSize() {
			return nil, ErrSealed
		}
		plain, err := key.aead.Open(nil, rest[:key.aead.NonceSize()], rest[key.aead.NonceSize():], head)
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	}
	return nil, ErrSealed
}

// Newest tells whether something was sealed under the newest key. What was not
// should be sealed again, so that the older key can go.
func (k *Keyring) Newest(purpose string, sealed []byte) bool {
	id := k.purpose(purpose)[0].id
	return len(sealed) >= sealedHead && bytes.Equal(id[:], sealed[1:sealedHead])
}
