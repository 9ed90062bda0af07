package certification

import (
	"context"
	"fmt"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// What people do with a person's certificate, and why they may not.
var (
	ErrNothingToConfirm = models.Refuse(models.KindConflict, "user_certificate.nothing_to_confirm", "the certificate does not wait for a confirmation")
	ErrRevoked          = models.Refuse(models.KindConflict, "user_certificate.revoked", "the certificate is revoked")
	ErrNotRevoked       = models.Refuse(models.KindConflict, "user_certificate.not_revoked", "the certificate is not revoked")
	// ErrNotLinked: person and certificate exist, but have nothing to do with
	// each other.
	ErrNotLinked = models.Refuse(models.KindConflict, "user_certificate.not_linked", "the person does not have the certificate")
)

// Confirm is the word of the learner, who is the caller, that they have
// completed all courses. Errors: ErrLinkUnknown for what is not theirs,
// ErrNothingToConfirm.
func (s *Service) Confirm(ctx context.Context, linkID int64) (models.UserCertificate, error) {
	caller, err := auth.Caller(ctx)
	if err != nil {
		return models.UserCertificate{}, err
	}
	if caller.UserID == 0 { // a system is nobody's learner
		return models.UserCertificate{}, ErrLinkUnknown
	}
	return s.act(ctx, action{
		name: "user_certificate.confirmed", where: "l.id = @link AND l.user_id = @caller",
		args: store.Args{"link": linkID, "caller": caller.UserID}, missing: ErrLinkUnknown,
		do: func(l *link, now time.Time) error { return l.confirm(now) },
	})
}

// maxReason is the longest reason, in characters.
const maxReason = 500

// Revoke takes a certificate back, in any state, for an admin. reason is for
// the audit trail. Errors: an invalid input, models.ErrForbidden,
// ErrLinkUnknown, ErrRevoked.
func (s *Service) Revoke(ctx context.Context, linkID int64, reason string) (models.UserCertificate, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.UserCertificate{}, err
	}
	var c input.Check
	if c.Optional("reason", &reason, maxReason); c.Err() != nil {
		return models.UserCertificate{}, c.Err()
	}
	return s.act(ctx, action{
		name: "user_certificate.revoked", where: "l.id = @link", args: store.Args{"link": linkID}, missing: ErrLinkUnknown,
		data: map[string]any{"reason": reason},
		do:   func(l *link, now time.Time) error { return l.revoke(now) },
	})
}

// Reissue lets a revoked certificate be earned again, for an admin: with what
// the person completes from now on, or, with countCompleted, with all that they
// ever did, which may certify them at once. Errors: models.ErrForbidden,
// ErrLinkUnknown, ErrNotRevoked.
func (s *Service) Reissue(ctx context.Context, linkID int64, countCompleted bool) (models.UserCertificate, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.UserCertificate{}, err
	}
	return s.act(ctx, action{
		name: "user_certificate.reissued", where: "l.id = @link", args: store.Args{"link": linkID}, missing: ErrLinkUnknown,
		data: map[string]any{"countCompleted": countCompleted},
		do:   func(l *link, now time.Time) error { return l.reissue(now, countCompleted) },
	})
}

// SetRequired says whether a certificate is required of a person, for an admin.
// What is required is reminded of. Setting what is set changes nothing. Errors:
// models.ErrForbidden, people.ErrUserUnknown, ErrCertificateUnknown,
// ErrNotLinked.
func (s *Service) SetRequired(ctx context.Context, user, certificate ref.Ref, required bool) (models.UserCertificate, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.UserCertificate{}, err
	}
	userID, certificateID, err := s.resolve(ctx, user, certificate)
	if err != nil {
		return models.UserCertificate{}, err
	}
	return s.act(ctx, action{
		name: "user_certificate.required", where: "l.user_id = @user AND l.certificate_id = @certificate",
		args: store.Args{"user": userID, "certificate": certificateID}, missing: ErrNotLinked,
		data: map[string]any{"required": required},
		do: func(l *link, _ time.Time) error {
			l.require(required)
			return nil
		},
	})
}

// Require is SetRequired for a link by its id. Errors: an invalid input (nil),
// models.ErrForbidden, ErrLinkUnknown.
func (s *Service) Require(ctx context.Context, linkID int64, required *bool) (models.UserCertificate, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return models.UserCertificate{}, err
	}
	var c input.Check
	if required == nil {
		c.Bad("required", input.Required, "field is empty")
		return models.UserCertificate{}, c.Err()
	}
	return s.act(ctx, action{
		name: "user_certificate.required", where: "l.id = @link", args: store.Args{"link": linkID}, missing: ErrLinkUnknown,
		data: map[string]any{"required": *required},
		do: func(l *link, _ time.Time) error {
			l.require(*required)
			return nil
		},
	})
}

// resolve finds a person and a certificate.
func (s *Service) resolve(ctx context.Context, user, certificate ref.Ref) (userID, certificateID int64, err error) {
	var found struct{ UserID, CertificateID int64 }
	args := store.Args{"user_id": user.ID, "user_identifier": user.Identifier, "certificate_id": certificate.ID, "certificate_identifier": certificate.Identifier}
	if user.Valid() && certificate.Valid() {
		err = s.d.DB.Query(ctx, &found, `SELECT
    coalesce((SELECT id FROM users WHERE account_id = @account_id AND status <> 'DELETED' AND `+named(user, "user")+`), 0) AS user_id,
    coalesce((SELECT id FROM certificates WHERE account_id = @account_id AND `+named(certificate, "certificate")+`), 0) AS certificate_id`, args)
	}
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("certification: resolve: %w", err)
	case found.UserID == 0:
		return 0, 0, people.ErrUserUnknown
	case found.CertificateID == 0:
		return 0, 0, ErrCertificateUnknown
	}
	return found.UserID, found.CertificateID, nil
}

// named is ref.Ref's Condition for statements that name two things.
func named(r ref.Ref, what string) string {
	if r.ID != 0 {
		return "id = @" + what + "_id"
	}
	return "identifier = @" + what + "_identifier"
}

// action is what somebody does with one link.
type action struct {
	name    string // in the audit trail
	where   string // finds the link l
	args    store.Args
	missing error // when there is none
	data    map[string]any
	do      func(l *link, now time.Time) error
}

// act locks the link, does it and writes the audit trail, in one transaction.
// What changes nothing leaves no trail.
func (s *Service) act(ctx context.Context, a action) (models.UserCertificate, error) {
	var out models.UserCertificate
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		now := s.d.Clock()
		touched := false
		links, err := s.change(ctx, now, `SELECT l.id FROM user_certificates l WHERE l.account_id = @account_id AND `+a.where+` FOR UPDATE`, a.args,
			func(l *link) error {
				steps, required := len(l.moves), l.Required
				err := a.do(l, now)
				touched = len(l.moves) > steps || l.Required != required
				return err
			})
		switch {
		case err != nil:
			return err
		case len(links) == 0:
			return a.missing
		}
		l := links[0]
		if touched {
			data := map[string]any{"userId": l.UserID, "certificateId": l.CertificateID}
			for k, v := range a.data {
				data[k] = v
			}
			if err := audit.Write(ctx, s.d.DB, audit.Event{Action: a.name, SubjectType: "user_certificate", SubjectID: l.ID, Data: data}); err != nil {
				return err
			}
		}
		if l.code == "" {
			out = l.UserCertificate
			return nil
		}
		return s.d.DB.Query(ctx, &out, `SELECT * FROM user_certificates WHERE account_id = @account_id AND id = @id`, store.Args{"id": l.ID})
	})
	if err != nil {
		return models.UserCertificate{}, fmt.Errorf("certification: %s: %w", a.name, err)
	}
	return out, nil
}
