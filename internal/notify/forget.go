package notify

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/store"
)

// Forgotten names the mails to a person who is deleted.
type Forgotten struct {
	UserID int64
	Email  string // "": there was none
	// EventKeys are those of the person's mails of an import, which cannot be
	// found by their recipient.
	EventKeys []string
}

// A mail that is dead may not come back either. The id keeps the recipient
// unique for its event.
const forgetMails = `
UPDATE notifications SET recipient = 'deleted+' || id || '@deleteduser', params = '{}', last_error = NULL, updated_at = now(),
    state = CASE WHEN state = 'sent' THEN state ELSE 'cancelled' END
WHERE account_id = @account_id AND (user_id = @user
    OR (recipient = @email AND template <> '` + bulkTemplate + `')
    OR (recipient = @email AND event_key = ANY(CAST(@keys AS text[]))))`

// Forget cancels the mails to a person that have not been sent and takes
// address and values out of all of them, in the transaction of the context.
// One that is leaving at this moment may still arrive.
func (s *Service) Forget(ctx context.Context, f Forgotten) error {
	args := store.Args{"user": f.UserID, "email": f.Email, "keys": append(pq.StringArray{}, f.EventKeys...)}
	if _, err := s.db.Exec(ctx, forgetMails, args); err != nil {
		return fmt.Errorf("notify: forget: %w", err)
	}
	return nil
}

// Redact takes a value out of the mails of processes, where it tells others
// about a person who is deleted. It runs in the transaction of the context.
func (s *Service) Redact(ctx context.Context, value string, processIDs ...int64) error {
	if len(processIDs) == 0 {
		return nil
	}
	if _, err := s.db.Exec(ctx, `UPDATE notifications SET params = params - CAST(@value AS text), updated_at = now()
WHERE account_id = @account_id AND process_id = ANY(CAST(@processes AS bigint[])) AND params -> @value IS NOT NULL`,
		store.Args{"value": value, "processes": pq.Int64Array(processIDs)}); err != nil {
		return fmt.Errorf("notify: redact: %w", err)
	}
	return nil
}
