package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"quad/internal/auth"
	"quad/internal/notify"
	"quad/models"
)

// Templates of the area's mails.
const (
	mailRegistration     = "registration"
	mailRegistrationCode = "registrationotp"
	mailResetCode        = "emailotp"
	mailResetLink        = "password_link"
	mailOrgAdminInvite   = "org_admin_invite"
)

// appName is how mails call the hub.
const appName = "Quad"

// names are the values that every mail of the area may use.
func (s *Service) names(organization string) map[string]any {
	return map[string]any{"appName": appName, "link": s.url, "organization": organization}
}

func with(params map[string]any, more map[string]any) map[string]any {
	maps.Copy(params, more)
	return params
}

// span writes a life of whole days, hours or minutes for people.
func span(d time.Duration) string {
	unit, name := time.Minute, "minute"
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		unit, name = 24*time.Hour, "day"
	case d >= time.Hour && d%time.Hour == 0:
		unit, name = time.Hour, "hour"
	}
	n := int64((d + unit - 1) / unit)
	if n != 1 {
		name += "s"
	}
	return fmt.Sprintf("%d %s", n, name)
}

// registerMails has the digits of one-time codes put into their mails when
// these are made, so that no code is stored readable anywhere.
func (s *Service) registerMails() {
	for _, template := range []string{mailRegistrationCode, mailResetCode} {
		s.mail.RegisterParams(template, s.codeParams)
	}
	s.mail.RegisterParams(mailResetLink, s.resetLinkParams)
}

// codeMail is what the outbox row of a code's mail says about the code.
type codeMail struct {
	CodeID int64 `json:"code_id"`
}

func (s *Service) codeParams(ctx context.Context, n models.Notification) (map[string]string, error) {
	var m codeMail
	if err := json.Unmarshal(n.Params, &m); err != nil {
		return nil, fmt.Errorf("people: mail %d: %w", n.ID, err)
	}
	code, err := s.auth.Code(ctx, m.CodeID)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, notify.ErrObsolete
	case err != nil:
		return nil, err
	}
	return map[string]string{"otp": code}, nil
}

// sendCode issues a code and puts its mail into the outbox, in one transaction.
func (s *Service) sendCode(ctx context.Context, purpose models.CodePurpose, template, email, name string, user *models.User) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		issued, err := s.auth.IssueCode(ctx, purpose, email)
		if err != nil {
			return err
		}
		m := notify.Message{
			Template: template, Recipient: email, EventKey: fmt.Sprintf("code/%d/%d", issued.ID, issued.Sent),
			Params: with(s.names(""), map[string]any{"code_id": issued.ID, "name": name, "validity": span(s.cfg.OTPTTL)}),
		}
		if user != nil {
			m.UserID, m.OrganizationID = &user.ID, &user.OrganizationID
		}
		return s.mail.Send(ctx, m)
	})
}

// welcome is the mail to a person who has just joined.
func (s *Service) welcome(ctx context.Context, u models.User, organization string) error {
	return s.mail.Send(ctx, notify.Message{
		Template: mailRegistration, Recipient: *u.Email, EventKey: fmt.Sprintf("user/%d/registered", u.ID),
		UserID: &u.ID, OrganizationID: &u.OrganizationID,
		Params: with(s.names(organization), map[string]any{"name": u.Name, "email": *u.Email}),
	})
}

// Person is a user with their ACTIVE roles.
type Person struct {
	User  models.User
	Roles []models.Role
}

// SignedIn is what every way in gives: the person and a first pair of tokens.
type SignedIn struct {
	Person
	Tokens auth.TokenPair
}
