package certification

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"quad/internal/store"
)

// lockDefinitions keeps the definitions of an account's certificates
// (exclusive) and what follows from enrolments (together) apart until the end of
// the transaction. Without it neither an enrolment nor a definition that begin
// to concern each other at the same time would see the other. It is a statement
// of its own: what comes after it sees what was committed while it waited.
func (s *Service) lockDefinitions(ctx context.Context, exclusive bool) error {
	function := "pg_advisory_xact_lock_shared"
	if exclusive {
		function = "pg_advisory_xact_lock"
	}
	_, err := s.d.DB.Exec(ctx, `SELECT `+function+`(hashtextextended('quad:certificates:' || CAST(CAST(@account_id AS bigint) AS text), 0))`, nil)
	return err
}

// makeLinks links the learners of a certificate's courses with it, if it is
// ACTIVE. pairs chooses people and certificates. One who had it before does not
// get it for what they did for that. It answers how many pairs there are.
const makeLinks = `
WITH pairs AS (
    SELECT DISTINCT p.user_id, k.certificate_id FROM %s
), made AS (
    INSERT INTO user_certificates (account_id, certificate_id, user_id, earned_since)
    SELECT @account_id, p.certificate_id, p.user_id, (
        SELECT max(CASE WHEN i.end_reason = 'revoked' THEN i.ended_at ELSE i.certified_at END)
        FROM certificate_issues i WHERE i.user_id = p.user_id AND i.certificate_id = p.certificate_id)
    FROM pairs p JOIN certificates c ON c.id = p.certificate_id AND c.status = 'ACTIVE'
    WHERE NOT EXISTS (SELECT FROM user_certificates l WHERE l.user_id = p.user_id AND l.certificate_id = p.certificate_id)
      AND EXISTS (SELECT FROM certificate_courses k JOIN enrollments e ON e.course_id = k.course_id
        WHERE k.certificate_id = p.certificate_id AND e.user_id = p.user_id AND e.learner)
    ORDER BY p.user_id, p.certificate_id
    ON CONFLICT (user_id, certificate_id) DO NOTHING
    RETURNING id, certificate_id, user_id
), noted AS (
    INSERT INTO certificate_transitions (account_id, user_certificate_id, certificate_id, user_id, to_state, reason, at)
    SELECT @account_id, id, certificate_id, user_id, 'INIT', '` + reasonEnrolled + `', CAST(@now AS timestamptz) FROM made ORDER BY id
)
SELECT count(*) FROM pairs`

// enrolledPairs are the people and courses of @users and @courses, which are
// parallel.
const enrolledPairs = `unnest(CAST(@users AS bigint[]), CAST(@courses AS bigint[])) AS p (user_id, course_id)
    JOIN certificate_courses k ON k.account_id = @account_id AND k.course_id = p.course_id`

// Follow draws the conclusions from enrolments that began, ended, progressed or
// were completed, in the transaction of the context and after their rows are
// written: it links new learners with the certificates of their courses, ends
// links that have lost their last enrolment, and moves the others on. The
// slices are parallel: who, in which course. What it locks are links, behind
// everything else.
func (s *Service) Follow(ctx context.Context, userIDs, courseIDs []int64) error {
	if len(userIDs) != len(courseIDs) {
		return fmt.Errorf("certification: follow: %d people, %d courses", len(userIDs), len(courseIDs))
	}
	if len(userIDs) == 0 {
		return nil
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.lockDefinitions(ctx, false); err != nil {
			return err
		}
		for from := 0; from < len(userIDs); from += s.batch {
			to := min(from+s.batch, len(userIDs))
			if err := s.follow(ctx, userIDs[from:to], courseIDs[from:to]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("certification: follow: %w", err)
	}
	return nil
}

func (s *Service) follow(ctx context.Context, userIDs, courseIDs []int64) error {
	now := s.d.Clock()
	args := store.Args{"users": pq.Int64Array(userIDs), "courses": pq.Int64Array(courseIDs), "now": now}
	var pairs int64
	if err := s.d.DB.Query(ctx, &pairs, fmt.Sprintf(makeLinks, enrolledPairs), args); err != nil || pairs == 0 {
		return err
	}
	const concerned = `SELECT l.id FROM user_certificates l WHERE l.account_id = @account_id
    AND (l.user_id, l.certificate_id) IN (SELECT p.user_id, k.certificate_id FROM ` + enrolledPairs + `) ORDER BY l.id FOR UPDATE`
	_, err := s.change(ctx, now, concerned, args, func(l *link) error { return l.evaluate(now, true) })
	return err
}

// Reevaluate draws the conclusions from a changed definition, in the
// transaction that changes it and after its rows are written: who is a learner
// of one of its courses now is linked, the dates of certifications that hold
// are those of the new definition, counted from their begin, and who has
// completed all of its courses is certified. A certificate that is about to
// expire stays so, however far the new date is. Until the transaction ends no
// enrolment of the account has consequences for certificates.
func (s *Service) Reevaluate(ctx context.Context, certificateID int64) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := s.lockDefinitions(ctx, true); err != nil {
			return err
		}
		now := s.d.Clock()
		args := store.Args{"certificate": certificateID, "now": now, "after": int64(0), "batch": s.batch}
		const learners = `certificate_courses k JOIN enrollments p ON p.course_id = k.course_id AND p.learner
    WHERE k.account_id = @account_id AND k.certificate_id = @certificate`
		if err := s.d.DB.Query(ctx, new(int64), fmt.Sprintf(makeLinks, learners), args); err != nil {
			return err
		}
		const next = `SELECT id FROM user_certificates WHERE account_id = @account_id AND certificate_id = @certificate AND id > @after
    ORDER BY id LIMIT @batch FOR UPDATE`
		for {
			links, err := s.change(ctx, now, next, args, func(l *link) error {
				if err := l.redate(now); err != nil {
					return err
				}
				return l.evaluate(now, true)
			})
			if err != nil || len(links) == 0 {
				return err
			}
			args["after"] = links[len(links)-1].ID
		}
	})
	if err != nil {
		return fmt.Errorf("certification: reevaluate %d: %w", certificateID, err)
	}
	return nil
}

// UsersGone ends all that people who are deleted have and had of certificates,
// in the transaction that deletes them, and takes their names out of what was
// issued.
func (s *Service) UsersGone(ctx context.Context, userIDs ...int64) error {
	if len(userIDs) == 0 {
		return nil
	}
	_, err := s.d.DB.Exec(ctx, `WITH gone AS (
    DELETE FROM user_certificates WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))
    RETURNING id, certificate_id, user_id, state
), issues AS (
    UPDATE certificate_issues SET learner_name = '', ended_at = coalesce(ended_at, CAST(@now AS timestamptz)), end_reason = coalesce(end_reason, 'deleted')
    WHERE account_id = @account_id AND user_id = ANY(CAST(@users AS bigint[]))
)
INSERT INTO certificate_transitions (account_id, user_certificate_id, certificate_id, user_id, from_state, reason, at)
SELECT @account_id, id, certificate_id, user_id, state, '`+reasonDeleted+`', CAST(@now AS timestamptz) FROM gone ORDER BY id`,
		store.Args{"users": pq.Int64Array(userIDs), "now": s.d.Clock()})
	if err != nil {
		return fmt.Errorf("certification: people gone: %w", err)
	}
	return nil
}
