// Package assessment keeps what people have achieved in a learning system
// besides their courses as a whole: attempts of quizzes, what they have handed
// in, and certificates that the learning system has issued itself. A course
// takes its own along when it is deleted, by foreign key.
package assessment

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/store"
)

// Deps is what a Service needs.
type Deps struct{ DB *store.DB }

// Service is the area's door. It is safe for concurrent use.
type Service struct{ db *store.DB }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil {
		return nil, errors.New("assessment: DB is needed")
	}
	return &Service{db: d.DB}, nil
}

// UsersGone forgets all that people have achieved, in the transaction that
// deletes them: one statement. Errors: the database's.
func (s *Service) UsersGone(ctx context.Context, userIDs ...int64) error {
	_, err := s.db.Exec(ctx, `WITH attempts AS (
			DELETE FROM quiz_attempts WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))
		),
		submissions AS (
			DELETE FROM assignment_submissions WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))
		)
		DELETE FROM external_certificates WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))`,
		store.Args{"users": pq.Int64Array(userIDs)})
	if err != nil {
		return fmt.Errorf("assessment: people gone: %w", err)
	}
	return nil
}
