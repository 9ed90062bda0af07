package invite

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/store"
)

// NewUsers are people whom a calling system has just made.
type NewUsers struct {
	UploadID    int64 // the models.OrgUpload that they came with
	ProcessID   int64 // that works on it
	Identifiers []string
}

// inviteUsers writes the invitations and their mails. Somebody who is invited
// already, by a list, gets that invitation anew: it is for the user that they
// are now, the roles that it promises are those of their organization, and the
// link that was sent before is dead. Mails are written as
// notify.Service.Send does.
const inviteUsers = `
WITH person AS (
    SELECT u.id, u.organization_id, u.email, u.name FROM users u
    WHERE u.account_id = @account_id AND u.identifier = ANY(CAST(@identifiers AS text[])) AND u.status = 'ACTIVE' AND u.email IS NOT NULL
        AND NOT EXISTS (SELECT FROM user_credentials c WHERE c.user_id = u.id)
    ORDER BY u.email
), invited AS (
    INSERT INTO invites AS i (account_id, organization_id, upload_id, user_id, email, name, role_ids, expires_at)
    SELECT @account_id, organization_id, @upload, id, email, name, '{}', now() + make_interval(secs => @lapse) FROM person
    ON CONFLICT (account_id, email) WHERE status = 'PENDING' DO UPDATE
    SET upload_id = excluded.upload_id, user_id = excluded.user_id, name = excluded.name, organization_id = excluded.organization_id,
        role_ids = CASE WHEN i.organization_id = excluded.organization_id THEN i.role_ids ELSE '{}' END,
        token_version = i.token_version + 1, expires_at = excluded.expires_at, updated_at = now()
    WHERE i.account_id = @account_id
    RETURNING i.id, i.organization_id, i.email, i.token_version
), mailed AS (
    INSERT INTO notifications (account_id, organization_id, process_id, template, recipient, event_key, params)
    SELECT @account_id, organization_id, @process, @template, email, @prefix || id || '/' || token_version, jsonb_build_object('inviteId', id)
    FROM invited WHERE @mails
    ON CONFLICT (account_id, event_key, recipient) DO NOTHING
    RETURNING id
), told AS (
    SELECT pg_notify('quad_notifications', '') FROM mailed LIMIT 1
)
SELECT (SELECT count(*) FROM invited) + 0 * (SELECT count(*) FROM told)`

// InviteUsers invites ACTIVE people who have an address and no password to set
// one, in the transaction that has made them, and gives the number of
// invitations.
func (s *Service) InviteUsers(ctx context.Context, in NewUsers) (int64, error) {
	var invited int64
	err := s.db.Query(ctx, &invited, inviteUsers, store.Args{
		"identifiers": pq.StringArray(in.Identifiers), "upload": in.UploadID, "process": in.ProcessID, "lapse": s.cfg.LapseAfter.Seconds(),
		"template": templateInvite, "prefix": inviteEventPrefix, "mails": s.cfg.Mails,
	})
	if err != nil {
		return 0, fmt.Errorf("invite: new users: %w", err)
	}
	return invited, nil
}
