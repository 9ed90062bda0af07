package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"quad/internal/config"
)

const (
	saltSize = 16
	hashSize = 32

	// Hashes come from our own database, yet what a damaged or planted one can
	// make us spend is bounded.
	maxHashMemoryKiB = 1 << 20
	maxHashTime      = 64
)

// Passwords hashes and checks passwords with argon2id. Each hash takes the
// configured memory, so only as many run at once as there are processors; the
// others wait, and a storm of sign-ins costs time but no memory. It is safe for
// concurrent use.
type Passwords struct {
	params argonParams
	slots  chan struct{}
	dummy  string
}

type argonParams struct {
	memoryKiB uint32
	time      uint32
	lanes     uint8
}

// NewPasswords takes the parameters of the configuration.
func NewPasswords(cfg config.Auth) (*Passwords, error) {
	p := &Passwords{
		params: argonParams{memoryKiB: cfg.PasswordMemoryKiB, time: cfg.PasswordTime, lanes: cfg.PasswordParallelism},
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if !p.params.sane() {
		return nil, errors.New("auth: the argon2id parameters are out of range")
	}
	// The password of this hash is random and thrown away: nothing matches it.
	unknown := make([]byte, hashSize)
	if _, err := rand.Read(unknown); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	var err error
	p.dummy, err = p.Hash(context.Background(), string(unknown))
	return p, err
}

func (a argonParams) sane() bool {
	return a.time >= 1 && a.time <= maxHashTime && a.lanes >= 1 && a.memoryKiB >= 8*uint32(a.lanes) && a.memoryKiB <= maxHashMemoryKiB
}

// Hash gives the password's salted hash in PHC format. It fails only when the
// context ends while it waits for a processor.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("auth: hash password: %w", err)
	}
	sum, err := p.sum(ctx, p.params, password, salt, hashSize)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.params.memoryKiB, p.params.time, p.params.lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// Match tells whether the password belongs to the hash, and whether the hash
// should be made anew because the parameters have changed since. An empty hash
// stands for an unknown user: it costs the same as any other and matches
// nothing, so the time of an answer does not tell who has an account. Errors:
// a damaged hash, or the end of the context.
func (p *Passwords) Match(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	params, salt, want, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	got, err := p.sum(ctx, params, password, salt, len(want))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && known
	return ok, ok && (params != p.params || len(want) != hashSize || len(salt) != saltSize), nil
}

func (p *Passwords) sum(ctx context.Context, a argonParams, password string, salt []byte, size int) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("auth: hash password: %w", ctx.Err())
	}
	defer func() { <-p.slots }()
	return argon2.IDKey([]byte(password), salt, a.time, a.memoryKiB, a.lanes, uint32(size)), nil //nolint:gosec // parsePHC bounds the size
}

var errPHC = errors.New("auth: the password hash is damaged")

func parsePHC(hash string) (a argonParams, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return a, nil, nil, errPHC
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return a, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memoryKiB, &a.time, &a.lanes); err != nil || !a.sane() {
		return a, nil, nil, errPHC
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || len(salt) < 8 || len(salt) > math.MaxUint8 || len(sum) < 16 || len(sum) > math.MaxUint8 {
		return a, nil, nil, errPHC
	}
	return a, salt, sum, nil
}
