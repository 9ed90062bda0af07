package httpx

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Cursors makes and reads the opaque page markers of lists. A marker is signed
// and bound to a scope, so a client can neither forge one nor carry it to
// another account, operation or filter. It holds positions (ids, times): it is
// signed, not encrypted.
type Cursors struct{ keys [][]byte }

// ErrCursor is a marker that was not made for this list.
var ErrCursor = &Error{Status: http.StatusBadRequest, Code: "bad_cursor", Message: "The cursor does not belong to this list."}

// maxCursor is the longest marker that is looked at, in characters: one may hold
// the filters of its list.
const maxCursor = 12 << 10

// NewCursors takes the master keys of the deployment: the first one signs, all
// of them verify. Errors: no key, or one under 16 bytes.
func NewCursors(keys ...[]byte) (*Cursors, error) {
	if len(keys) == 0 {
		return nil, errors.New("cursors: no key")
	}
	out := &Cursors{}
	for i, key := range keys {
		if len(key) < 16 {
			return nil, fmt.Errorf("cursors: key %d is too short", i+1)
		}
		derived, err := hkdf.Key(sha256.New, key, nil, "quad cursor v1", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("cursors: derive key: %w", err)
		}
		out.keys = append(out.keys, derived)
	}
	return out, nil
}

// CursorScope is what a marker is bound to.
type CursorScope struct {
	Account   int64
	Operation string
	// Filters are the filters and the order of the list; anything that
	// encodes to JSON the same way each time (a struct, a string, a map).
	Filters any
}

const cursorMAC = 16 // bytes of the tag; 128 bits are plenty for a page marker

func (s Cursors) tag(key []byte, scope CursorScope, payload []byte) ([]byte, error) {
	bound, err := json.Marshal(scope)
	if err != nil {
		return nil, fmt.Errorf("cursor scope: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%d:", len(bound)) // the length keeps scope and payload apart
	mac.Write(bound)
	mac.Write(payload)
	return mac.Sum(nil)[:cursorMAC], nil
}

// Encode makes a marker of a position. Errors: position or filters that do not
// encode to JSON.
func (s *Cursors) Encode(scope CursorScope, position any) (string, error) {
	payload, err := json.Marshal(position)
	if err != nil {
		return "", fmt.Errorf("cursor: %w", err)
	}
	tag, err := s.tag(s.keys[0], scope, payload)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(tag, payload...)), nil
}

// Decode reads a marker into position. Errors: ErrCursor.
func (s *Cursors) Decode(scope CursorScope, marker string, position any) error {
	if len(marker) > maxCursor {
		return ErrCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil || len(raw) <= cursorMAC {
		return ErrCursor
	}
	tag, payload := raw[:cursorMAC], raw[cursorMAC:]
	for _, key := range s.keys {
		want, err := s.tag(key, scope, payload)
		if err != nil {
			return err
		}
		if hmac.Equal(tag, want) {
			if err := json.Unmarshal(payload, position); err != nil {
				return ErrCursor.because(err) // signed by an older version of the list
			}
			return nil
		}
	}
	return ErrCursor
}
