package invite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// AcceptPath is the page that an invitation's link leads to, behind the hub's
// public address; the token follows as the query parameter "token".
const AcceptPath = "/invite"

// Resend sends an open or lapsed invitation again. The new mail has a new link,
// the links sent before are dead, and the life of the invitation starts anew.
// Errors: ErrInviteNotFound, ErrInviteClosed (accepted, revoked, or the person
// has a newer invitation).
func (s *Service) Resend(ctx context.Context, id int64) (models.Invite, error) {
	var inv models.Invite
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.managed(ctx, id); err != nil {
			return err
		}
		err := s.db.Query(ctx, &inv, `UPDATE invites SET status = 'PENDING', token_version = token_version + 1,
				expires_at = now() + make_interval(secs => @lapse), updated_at = now()
			WHERE account_id = @account_id AND id = @id AND status IN ('PENDING', 'LAPSED') RETURNING *`,
			store.Args{"id": id, "lapse": s.cfg.LapseAfter.Seconds()})
		switch {
		case store.Violates(err, "invites_pending"), err == nil && inv.ID == 0:
			return ErrInviteClosed
		case err != nil:
			return err
		}
		if err := s.audit(ctx, inv, "invite.resent"); err != nil {
			return err
		}
		return s.notify.Send(ctx, notify.Message{
			Template: templateInvite, Recipient: inv.Email, EventKey: inviteEvent(inv),
			OrganizationID: &inv.OrganizationID, Params: map[string]any{"inviteId": inv.ID},
		})
	})
	if err != nil {
		return models.Invite{}, fmt.Errorf("invite: resend %d: %w", id, err)
	}
	return inv, nil
}

// Revoke takes an open invitation back: its link is dead at once, and a mail
// that was not sent yet will not be. Doing it again changes nothing. Errors:
// ErrInviteNotFound, ErrInviteClosed (accepted, or lapsed).
func (s *Service) Revoke(ctx context.Context, id int64) (models.Invite, error) {
	var inv models.Invite
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.managed(ctx, id); err != nil {
			return err
		}
		err := s.db.Query(ctx, &inv, `UPDATE invites SET status = 'REVOKED', updated_at = now()
			WHERE account_id = @account_id AND id = @id AND status = 'PENDING' AND expires_at > now() RETURNING *`, store.Args{"id": id})
		if err != nil {
			return err
		}
		if inv.ID == 0 {
			if err := s.db.Conn(ctx).Take(&inv, id).Error; err != nil {
				return err
			}
			if inv.Status != models.InviteRevoked {
				return ErrInviteClosed
			}
			return nil
		}
		return s.audit(ctx, inv, "invite.revoked")
	})
	if err != nil {
		return models.Invite{}, fmt.Errorf("invite: revoke %d: %w", id, err)
	}
	return inv, nil
}

// managed checks that the caller may change an invitation. One of another
// organization does not exist for them.
func (s *Service) managed(ctx context.Context, id int64) error {
	var inv models.Invite
	err := s.db.Conn(ctx).Take(&inv, id).Error
	if err == nil {
		_, err = s.manager(ctx, &inv.OrganizationID)
	}
	if errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrForbidden) {
		return ErrInviteNotFound
	}
	return err
}

func (s *Service) audit(ctx context.Context, inv models.Invite, action string) error {
	return audit.Write(ctx, s.db, audit.Event{Action: action, SubjectType: "invite", SubjectID: inv.ID, OrganizationID: &inv.OrganizationID})
}

// lapseChunk is how many invitations one statement of Lapse closes.
const lapseChunk = 5000

// Lapse closes invitations that are past their end, in all accounts. Nothing
// depends on it: they read as lapsed and make room for new ones without it.
// It gives the number it closed; heartbeat is called after each chunk.
func (s *Service) Lapse(ctx context.Context, heartbeat func(closed int64)) (int64, error) {
	ctx = store.AsSystem(ctx)
	for closed := int64(0); ; {
		n, err := s.db.Exec(ctx, `UPDATE invites SET status = 'LAPSED', updated_at = now() WHERE id IN (
			SELECT id FROM invites WHERE status = 'PENDING' AND expires_at <= now()
			ORDER BY expires_at LIMIT @limit FOR UPDATE SKIP LOCKED)`, store.Args{"limit": lapseChunk})
		closed += n
		if err != nil {
			return closed, fmt.Errorf("invite: lapse: %w", err)
		}
		heartbeat(closed)
		if n < lapseChunk {
			return closed, nil
		}
	}
}

func inviteEvent(inv models.Invite) string {
	return fmt.Sprintf("%s%d/%d", inviteEventPrefix, inv.ID, inv.TokenVersion)
}

// inviteParams makes the values of an invitation mail. A mail whose invitation
// is over, or has been sent again since, has lost its reason.
func (s *Service) inviteParams(ctx context.Context, n models.Notification) (map[string]string, error) {
	var stored struct {
		InviteID int64 `json:"inviteId"`
	}
	if err := json.Unmarshal(n.Params, &stored); err != nil {
		return nil, fmt.Errorf("invite: mail %d: %w", n.ID, err)
	}
	var inv models.Invite
	err := s.db.Conn(ctx).Take(&inv, stored.InviteID).Error
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, notify.ErrObsolete
	case err != nil:
		return nil, fmt.Errorf("invite: mail %d: %w", n.ID, store.Err(err))
	case inv.StatusAt(time.Now()) != models.InvitePending, inviteEvent(inv) != n.EventKey:
		return nil, notify.ErrObsolete
	}
	if needed, err := s.needed(ctx, inv); err != nil || !needed {
		return nil, cmp.Or(err, notify.ErrObsolete)
	}
	var about struct{ Organization, Roles string }
	err = s.db.Query(ctx, &about, `SELECT o.name AS organization, COALESCE((
			SELECT string_agg(COALESCE(NULLIF(r.label, ''), r.title), ', ' ORDER BY r.id) FROM roles r
			WHERE r.account_id = @account_id AND r.id = ANY (i.role_ids)), '') AS roles
		FROM invites i JOIN organizations o ON o.id = i.organization_id WHERE i.account_id = @account_id AND i.id = @id`,
		store.Args{"id": inv.ID})
	if err != nil {
		return nil, fmt.Errorf("invite: mail %d: %w", n.ID, err)
	}
	link := s.publicURL + AcceptPath + "?" + url.Values{"token": {auth.InviteToken(s.keys, inv.ID, inv.TokenVersion)}}.Encode()
	return map[string]string{
		"name": inv.Name, "email": inv.Email, "organization": about.Organization, "roles": about.Roles,
		"link": link, "expires": inv.ExpiresAt.UTC().Format("2 January 2006"),
	}, nil
}

// needed tells whether an invitation for a user lets them do something still:
// they have no password and the address.
func (s *Service) needed(ctx context.Context, inv models.Invite) (needed bool, err error) {
	if inv.UserID == nil {
		return true, nil
	}
	err = s.db.Query(ctx, &needed, `SELECT EXISTS (SELECT FROM users u WHERE u.account_id = @account_id AND u.id = @user AND u.status = 'ACTIVE'
		AND u.email = @email AND NOT EXISTS (SELECT FROM user_credentials c WHERE c.user_id = u.id))`,
		store.Args{"user": *inv.UserID, "email": inv.Email})
	if err != nil {
		return false, fmt.Errorf("invite: user of invitation %d: %w", inv.ID, err)
	}
	return needed, nil
}

// resultLinkLife is how long the link in the uploader's mail works. It is
// longer than that of links which are followed at once, because mails wait to
// be read.
const resultLinkLife = 24 * time.Hour

// statusParams makes the values of the uploader's mail.
func (s *Service) statusParams(ctx context.Context, n models.Notification) (map[string]string, error) {
	var stored struct {
		FileID int64 `json:"fileId"`
	}
	if err := json.Unmarshal(n.Params, &stored); err != nil {
		return nil, fmt.Errorf("invite: mail %d: %w", n.ID, err)
	}
	f, err := s.file(ctx, stored.FileID)
	if errors.Is(err, ErrFileNotFound) {
		return nil, notify.ErrObsolete
	}
	if err != nil {
		return nil, err
	}
	t, err := s.tally(ctx, f, 0)
	if err != nil {
		return nil, err
	}
	var name string
	if err := s.db.Query(ctx, &name, `SELECT name FROM users WHERE account_id = @account_id AND id = @id`, store.Args{"id": f.CreatedBy}); err != nil {
		return nil, fmt.Errorf("invite: mail %d: %w", n.ID, err)
	}
	params := map[string]string{
		"name": name, "file": f.Name, "status": strings.ToLower(string(f.Status)), "reason": "", "link": "",
		"rows": fmt.Sprint(f.Rows), "bad": fmt.Sprint(t.bad()), "invited": fmt.Sprint(t.verdicts[Invited]),
	}
	if f.Failure != nil {
		params["reason"] = *f.Failure
	}
	if f.OutputPath != nil {
		params["link"], err = s.blob.SignedDownloadURL(ctx, s.key(f.AccountID, *f.OutputPath), resultLinkLife, "")
	}
	return params, err
}
