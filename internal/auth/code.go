package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"quad/internal/store"
	"quad/models"
)

const (
	purposeCode = "one-time code"
	codeDigits  = 6
	// maxCodeMails bounds how often one code is mailed, so that nobody can
	// flood a foreign mailbox with them.
	maxCodeMails = 20
)

// Errors about one-time codes.
var (
	ErrCodeWrong = models.Refuse(models.KindInvalid, "auth.code_wrong", "the code is wrong, used or expired")
	ErrCodeLimit = models.Refuse(models.KindLimited, "auth.code_limit", "this code was sent too often, try again later")
)

// IssuedCode is a code to be mailed. The code itself is not in it: the mail's
// text gets it from Code when it is made.
type IssuedCode struct {
	ID   int64
	Sent int // how often it has been asked for, 1 for a new code
}

const issueCode = `INSERT INTO one_time_codes AS c (account_id, email, purpose, code, expires_at)
	VALUES (@account_id, @email, @purpose, @code, now() + @ttl * interval '1 microsecond')
	ON CONFLICT (account_id, email, purpose) WHERE ended_at IS NULL DO UPDATE SET sent = c.sent + 1 WHERE c.sent < @mails
	RETURNING id, sent`

// IssueCode makes a code for the address and purpose; while one is alive, it is
// that one which is sent again. However many ask at the same time, there is one
// code: the unique index decides. Errors: ErrCodeLimit.
func (s *Service) IssueCode(ctx context.Context, purpose models.CodePurpose, email string) (IssuedCode, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue code: %w", err)
	}
	sealed, err := s.keys.Seal(purposeCode, fmt.Appendf(nil, "%0*d", codeDigits, n))
	if err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue code: %w", err)
	}
	args := store.Args{
		"email": models.NormalizeEmail(email), "purpose": purpose, "code": sealed, "ttl": s.cfg.OTPTTL.Microseconds(),
		"attempts": s.cfg.OTPMaxAttempts, "mails": maxCodeMails,
	}
	if _, err := s.db.Exec(ctx, `UPDATE one_time_codes SET ended_at = now() WHERE account_id = @account_id AND email = @email AND purpose = @purpose
		AND ended_at IS NULL AND (expires_at <= now() OR attempts >= @attempts)`, args); err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue code: %w", err)
	}
	var issued IssuedCode
	err = s.db.Query(ctx, &issued, issueCode, args)
	switch {
	case err != nil:
		return IssuedCode{}, fmt.Errorf("auth: issue code: %w", err)
	case issued.ID == 0:
		return IssuedCode{}, ErrCodeLimit
	}
	return issued, nil
}

// Code gives the digits of a living code, for the mail that carries them.
// Errors: models.ErrNotFound when it has been used or has lapsed meanwhile.
func (s *Service) Code(ctx context.Context, id int64) (string, error) {
	var row struct{ Code []byte }
	err := s.db.Query(ctx, &row, `SELECT code FROM one_time_codes WHERE id = @id AND account_id = @account_id
		AND ended_at IS NULL AND expires_at > now() AND attempts < @attempts`, store.Args{"id": id, "attempts": s.cfg.OTPMaxAttempts})
	if err != nil {
		return "", fmt.Errorf("auth: code: %w", err)
	}
	if row.Code == nil {
		return "", models.ErrNotFound
	}
	plain, err := s.keys.Open(purposeCode, row.Code)
	if err != nil {
		return "", fmt.Errorf("auth: code: %w", err)
	}
	return string(plain), nil
}

// CheckCode compares a code and counts the try. The try is counted before the
// comparison and in the database, so that parallel guesses can't have more than
// the configured number. It must not be called in a transaction, whose rollback
// would take the count back. A right code is still alive afterwards: SpendCode
// uses it up, in the transaction of what it was for. Errors: ErrCodeWrong.
func (s *Service) CheckCode(ctx context.Context, purpose models.CodePurpose, email, code string) (id int64, err error) {
	var row struct {
		ID       int64
		Code     []byte
		Attempts int
	}
	err = s.db.Query(ctx, &row, `UPDATE one_time_codes SET attempts = attempts + 1
		WHERE account_id = @account_id AND email = @email AND purpose = @purpose AND ended_at IS NULL AND expires_at > now() AND attempts < @attempts
		RETURNING id, code, attempts`,
		store.Args{"email": models.NormalizeEmail(email), "purpose": purpose, "attempts": s.cfg.OTPMaxAttempts})
	if err != nil {
		return 0, fmt.Errorf("auth: check code: %w", err)
	}
	if row.ID == 0 {
		return 0, ErrCodeWrong
	}
	plain, err := s.keys.Open(purposeCode, row.Code)
	if err != nil && !errors.Is(err, ErrSealed) { // sealed with a key that is gone: the code is void
		return 0, fmt.Errorf("auth: check code: %w", err)
	}
	if err == nil && subtle.ConstantTimeCompare(plain, []byte(strings.TrimSpace(code))) == 1 {
		return row.ID, nil
	}
	if row.Attempts >= s.cfg.OTPMaxAttempts {
		if _, err := s.db.Exec(ctx, `UPDATE one_time_codes SET ended_at = now() WHERE id = @id AND account_id = @account_id AND ended_at IS NULL
			AND attempts >= @attempts`, store.Args{"id": row.ID, "attempts": s.cfg.OTPMaxAttempts}); err != nil {
			return 0, fmt.Errorf("auth: void code: %w", err)
		}
	}
	return 0, ErrCodeWrong
}

// SpendCode uses up a code that CheckCode found right. Of any number of callers
// one succeeds, the others get ErrCodeWrong.
func (s *Service) SpendCode(ctx context.Context, id int64) error {
	n, err := s.db.Exec(ctx, `UPDATE one_time_codes SET ended_at = now() WHERE id = @id AND account_id = @account_id AND ended_at IS NULL`,
		store.Args{"id": id})
	if err != nil {
		return fmt.Errorf("auth: spend code: %w", err)
	}
	if n == 0 {
		return ErrCodeWrong
	}
	return nil
}
