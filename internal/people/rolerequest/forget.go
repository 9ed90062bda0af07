package rolerequest

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/store"
)

// Forget empties what people who are deleted wrote in their requests and what
// was answered, and takes their names out of the mails to those who were asked,
// in the transaction of the context. Open requests have been ended before
// (UsersGone).
func (s *Service) Forget(ctx context.Context, userIDs ...int64) error {
	args := store.Args{"ids": pq.Int64Array(userIDs)}
	var processes []int64
	err := s.db.Query(ctx, &processes, `UPDATE role_requests SET meta = '{}', comments = '{}'
WHERE account_id = @account_id AND user_id = ANY(CAST(@ids AS bigint[])) RETURNING COALESCE(process_id, 0)`, args)
	if err != nil {
		return fmt.Errorf("rolerequest: forget: %w", err)
	}
	if _, err := s.db.Exec(ctx, `UPDATE role_request_decisions d SET comments = '{}' FROM role_requests r
WHERE d.account_id = @account_id AND r.id = d.role_request_id AND r.account_id = @account_id AND r.user_id = ANY(CAST(@ids AS bigint[]))`, args); err != nil {
		return fmt.Errorf("rolerequest: forget: %w", err)
	}
	return s.notify.Redact(ctx, requesterParam, processes...)
}
