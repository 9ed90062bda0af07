package invite

import (
	"context"
	"fmt"

	"quad/internal/store"
)

// Forget takes name and address of a person who is deleted out of the
// invitations that they had, revokes one that is open, in the transaction of the
// context, and gives the event keys of the mails about these. The lists that name the person are the
// organization's files and stay as they are.
func (s *Service) Forget(ctx context.Context, email string) (eventKeys []string, err error) {
	err = s.db.Query(ctx, &eventKeys, `WITH forgotten AS (
			UPDATE invites SET name = '', email = id || '@deleteduser', status = CASE WHEN status = 'PENDING' THEN 'REVOKED' ELSE status END, updated_at = now()
			WHERE account_id = @account_id AND (email = @email AND status = 'PENDING' OR email = @email AND status <> 'PENDING') RETURNING id, token_version)
		SELECT '`+inviteEventPrefix+`' || id || '/' || version FROM forgotten, generate_series(1, token_version) AS version`, store.Args{"email": email})
	if err != nil {
		return nil, fmt.Errorf("invite: forget: %w", err)
	}
	return eventKeys, nil
}
