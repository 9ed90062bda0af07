package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"quad/internal/store"
	"quad/models"
)

// A mailed link proves an address like a one-time code, with one click. Its
// token is made of the row's id and nonce with the hub's keys, so nothing that
// is stored or waits in the outbox can be used by who reads it there.
const (
	purposeLink = "mailed link"
	linkID      = 8
	nonceSize   = 16
)

// ErrLinkInvalid is a token of a mailed link that is unknown, used, replaced by
// a newer one or expired.
var ErrLinkInvalid = models.Refuse(models.KindInvalid, "auth.link_invalid", "the link is not valid any more")

// Link is what the token of a mailed link stands for.
type Link struct {
	ID    int64
	Email string
	nonce []byte
}

// issueLink renews the row that is alive, and with its nonce voids the link
// that was mailed before.
const issueLink = `INSERT INTO one_time_codes AS c (account_id, email, purpose, code, expires_at)
	VALUES (@account_id, @email, @purpose, CAST( @nonce AS bytea), now() + @ttl * interval '1 microsecond')
	ON CONFLICT (account_id, email, purpose) WHERE ended_at IS NULL
		DO UPDATE SET sent = c.sent + 1, code = excluded.code, expires_at = excluded.expires_at WHERE c.sent < @mails
	RETURNING id, sent`

// IssueLink makes a link for an address, whoever it belongs to; the one before
// is void. However many ask at the same time, one link is alive. Two statements.
// Errors: ErrCodeLimit when the address was written to too often.
func (s *Service) IssueLink(ctx context.Context, purpose models.CodePurpose, email string) (IssuedCode, error) {
	nonce := make([]byte, nonceSize)
	if _, err := rand.Read(nonce); err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue link: %w", err)
	}
	args := store.Args{
		"email": models.NormalizeEmail(email), "purpose": purpose, "nonce": nonce, "ttl": s.cfg.ResetLinkTTL.Microseconds(), "mails": maxCodeMails,
	}
	if _, err := s.db.Exec(ctx, `UPDATE one_time_codes SET ended_at = now() WHERE account_id = @account_id AND email = @email AND purpose = @purpose
		AND ended_at IS NULL AND expires_at <= now()`, args); err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue link: %w", err)
	}
	var issued IssuedCode
	if err := s.db.Query(ctx, &issued, issueLink, args); err != nil {
		return IssuedCode{}, fmt.Errorf("auth: issue link: %w", err)
	}
	if issued.ID == 0 {
		return IssuedCode{}, ErrCodeLimit
	}
	return issued, nil
}

// linkData is what the token of a row is signed from.
func linkData(id int64, nonce []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(id)), nonce...) //nolint:gosec // ids are positive
}

// LinkToken gives the token of a living link and the address it is for, for the
// mail that carries it. Errors: models.ErrNotFound when it has been used or has
// expired meanwhile.
func (s *Service) LinkToken(ctx context.Context, id int64) (token, email string, err error) {
	var row struct {
		Code  []byte
		Email string
	}
	err = s.db.Query(ctx, &row, `SELECT code, email FROM one_time_codes WHERE id = @id AND account_id = @account_id
		AND ended_at IS NULL AND expires_at > now()`, store.Args{"id": id})
	switch {
	case err != nil:
		return "", "", fmt.Errorf("auth: link: %w", err)
	case row.Code == nil:
		return "", "", models.ErrNotFound
	}
	data := linkData(id, row.Code)
	return base64.RawURLEncoding.EncodeToString(append(data[:linkID:linkID], s.keys.Sign(purposeLink, data)...)), row.Email, nil
}

// OpenLink tells what a token of the account stands for. The link is still alive
// afterwards; SpendLink
// uses it up, in the transaction of what it was for. One statement. Errors:
// ErrLinkInvalid.
func (s *Service) OpenLink(ctx context.Context, purpose models.CodePurpose, token string) (Link, error) {
	if len(token) > maxToken {
		return Link{}, ErrLinkInvalid
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= linkID {
		return Link{}, ErrLinkInvalid
	}
	id := int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // compared with ids only
	var row struct {
		Email string
		Code  []byte
	}
	err = s.db.Query(ctx, &row, `SELECT email, code FROM one_time_codes WHERE id = @id AND account_id = @account_id AND purpose = @purpose
		AND ended_at IS NULL AND expires_at > now()`, store.Args{"id": id, "purpose": purpose})
	switch {
	case err != nil:
		return Link{}, fmt.Errorf("auth: link: %w", err)
	case row.Code == nil, !s.keys.Verify(purposeLink, linkData(id, row.Code), raw[linkID:]):
		return Link{}, ErrLinkInvalid
	}
	return Link{ID: id, Email: row.Email, nonce: row.Code}, nil
}

// SpendLink uses up a link. Of any number of callers one succeeds; the others,
// and who holds one that has been replaced meanwhile, get ErrLinkInvalid.
func (s *Service) SpendLink(ctx context.Context, l Link) error {
	n, err := s.db.Exec(ctx, `UPDATE one_time_codes SET ended_at = now() WHERE id = @id AND account_id = @account_id AND ended_at IS NULL
		AND code = CAST( @nonce AS bytea)`, store.Args{"id": l.ID, "nonce": l.nonce})
	if err != nil {
		return fmt.Errorf("auth: spend link: %w", err)
	}
	if n == 0 {
		return ErrLinkInvalid
	}
	return nil
}
