package devstack

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// newSecret is a random password of 160 bits that needs no escaping anywhere.
func newSecret() string { return hex.EncodeToString(randomBytes(20)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // never fails (crypto/rand)
	return b
}

// keepSecret reads the secret in the file path, or makes one and keeps it
// there, readable for its owner only. made tells which.
func keepSecret(path string) (secret string, made bool, err error) {
	return keep(path, newSecret)
}

// keep is keepSecret for a value that generate makes.
func keep(path string, generate func() string) (secret string, made bool, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		if secret = strings.TrimSpace(string(b)); secret == "" {
			return "", false, fmt.Errorf("%s is empty", path)
		}
		return secret, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("read secret: %w", err)
	}
	secret = generate()
	if err := WriteFile(path, []byte(secret+"\n")); err != nil {
		return "", false, fmt.Errorf("keep secret: %w", err)
	}
	return secret, true, nil
}

// WriteFile writes a file of mode 0600 so that a reader sees the old content
// or the new one and nothing between.
func WriteFile(path string, content []byte) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
