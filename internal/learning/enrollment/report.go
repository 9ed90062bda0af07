package enrollment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// ProgressReport says how far a person has come in a course.
type ProgressReport struct {
	User     ref.Ref
	Course   ref.Ref
	Progress int        // per cent, 0 to models.Complete; what holds now, not what was added
	Score    *float64   // per cent, 0 to MaxScore, kept as exact as it is; nil: as it was
	At       *time.Time // when it was so; nil, or a time to come: now
}

// ReportVerdict is what became of a report.
type ReportVerdict struct {
	UserID   int64 // 0: unknown
	CourseID int64 // 0: unknown
	Verdict  Verdict
}

// Report takes 1 to MaxBatch reports of progress and tells what became of each:
// applied, unchanged, stale, duplicate, unknown_user, unknown_course or
// not_enrolled. Only the latest report about a person and course counts, by the
// time that it bears; of several at one time the last one of the batch. One that
// bears no time, or one to come, holds now and is never stale. So a batch may be
// sent again, and batches may come in any order. Errors: an invalid input,
// models.ErrForbidden.
func (s *Service) Report(ctx context.Context, reports []ProgressReport) (verdicts []ReportVerdict, err error) {
	if err := checkReports(reports); err != nil {
		return nil, err
	}
	err = s.change(ctx, "report", func(ctx context.Context) ([]audit.Event, error) {
		found, err := s.reported(ctx, reports)
		if err != nil {
			return nil, err
		}
		now := s.now()
		var writes []progressWrite
		verdicts, writes = judgeReports(reports, found, now)
		changed, err := s.write(ctx, writes, now)
		if err != nil || changed == 0 {
			return nil, err
		}
		account, _ := store.AccountID(ctx)
		return []audit.Event{{
			Action: "progress.reported", SubjectType: "account", SubjectID: account, Data: map[string]any{"reports": len(reports), "applied": changed},
		}}, nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

// checkReports checks what a report says; whom it names is told by its verdict.
func checkReports(reports []ProgressReport) error {
	if err := checkBatch("entries", len(reports)); err != nil {
		return err
	}
	var c input.Check
	for i, r := range reports {
		r.check(&c, fmt.Sprintf("entries[%d].", i))
	}
	return c.Err()
}

// check checks what a report says. prefix stands before the names of fields.
func (r ProgressReport) check(c *input.Check, prefix string) {
	if r.Progress < 0 || r.Progress > models.Complete {
		c.Bad(prefix+"progress", input.Invalid, fmt.Sprintf("must be between 0 and %d", models.Complete))
	}
	if r.Score != nil && !(*r.Score >= 0 && *r.Score <= MaxScore) { // nor no number at all
		c.Bad(prefix+"score", input.Invalid, fmt.Sprintf("must be between 0 and %d", MaxScore))
	}
	if r.At != nil && (r.At.Year() < firstYear || r.At.Year() > lastYear) {
		c.Bad(prefix+"at", input.Invalid, "is out of range")
	}
}

// MaxScore is the best score, in per cent.
const MaxScore = 100

// Years in which things can have happened.
const firstYear, lastYear = 1900, 9999

// reportedOn is the enrolment that a report is about.
type reportedOn struct {
	Position     int
	UserID       int64 // 0: unknown
	CourseID     int64 // 0: unknown
	EnrollmentID int64 // 0: not a learner there
	Progress     int
	Score        *float64
	ReportedAt   *time.Time
}

// reported finds whom and what reports are about, and locks the enrolments
// until the transaction ends. The result has the order of the reports.
func (s *Service) reported(ctx context.Context, reports []ProgressReport) ([]reportedOn, error) {
	n := len(reports)
	userIDs, courseIDs := make(pq.Int64Array, n), make(pq.Int64Array, n)
	users, courses := make(pq.StringArray, n), make(pq.StringArray, n)
	for i, r := range reports {
		if r.User.Valid() { // else: the id and the identifier of nobody
			userIDs[i], users[i] = r.User.ID, r.User.Identifier
		}
		if r.Course.Valid() {
			courseIDs[i], courses[i] = r.Course.ID, r.Course.Identifier
		}
	}
	found := make([]reportedOn, 0, n)
	err := s.db.Query(ctx, &found, `WITH named AS MATERIALIZED (
			SELECT i.position, u.id AS user_id, c.id AS course_id
			FROM unnest(CAST(@user_ids AS bigint[]), CAST(@users AS text[]), CAST(@course_ids AS bigint[]), CAST(@courses AS text[]))
				WITH ORDINALITY i (user_id, user_identifier, course_id, course_identifier, position)
			LEFT JOIN LATERAL (
				SELECT u.id FROM users u WHERE i.user_id <> 0 AND u.id = i.user_id AND u.account_id = @account_id AND u.status <> 'DELETED'
				UNION ALL
				SELECT u.id FROM users u WHERE i.user_id = 0 AND u.account_id = @account_id AND u.identifier = i.user_identifier AND u.status <> 'DELETED'
			) u ON true
			LEFT JOIN LATERAL (
				SELECT c.id FROM courses c WHERE i.course_id <> 0 AND c.id = i.course_id AND c.account_id = @account_id AND NOT c.master
				UNION ALL
				SELECT c.id FROM courses c WHERE i.course_id = 0 AND c.account_id = @account_id AND c.identifier = i.course_identifier AND NOT c.master
					AND `+learning.InReach("c")+`
			) c ON true
		),
		locked AS MATERIALIZED (
			SELECT e.* FROM enrollments e WHERE e.account_id = @account_id AND e.learner
				AND (e.user_id, e.course_id) IN (SELECT user_id, course_id FROM named)
			ORDER BY e.user_id, e.course_id FOR NO KEY UPDATE OF e
		)
		SELECT n.position, n.user_id, n.course_id, l.id AS enrollment_id, l.progress, l.score, l.reported_at
		FROM named n LEFT JOIN locked l ON l.user_id = n.user_id AND l.course_id = n.course_id ORDER BY n.position`,
		store.Args{"user_ids": userIDs, "users": users, "course_ids": courseIDs, "courses": courses})
	if err == nil && len(found) != n {
		err = fmt.Errorf("%d of %d reports were found", len(found), n)
	}
	return found, err
}

// progressWrite is what a report does to an enrolment.
type progressWrite struct {
	pair
	enrollmentID int64
	at           time.Time
	progress     int
	score        *float64
	changes      bool // progress or score; else only the time of the report is new
}

// judgeReports decides what becomes of reports, at the time now. The writes are
// in the order of people and courses.
func judgeReports(reports []ProgressReport, found []reportedOn, now time.Time) (verdicts []ReportVerdict, writes []progressWrite) {
	verdicts = make([]ReportVerdict, len(reports))
	latest := map[int64]int{} // enrolment: the report that counts
	for i, f := range found {
		verdicts[i] = ReportVerdict{UserID: f.UserID, CourseID: f.CourseID, Verdict: f.refusal()}
		if verdicts[i].Verdict != "" {
			continue
		}
		verdicts[i].Verdict = VerdictDuplicate
		if before, ok := latest[f.EnrollmentID]; !ok || !reports[i].at(now).Before(reports[before].at(now)) {
			latest[f.EnrollmentID] = i
		}
	}
	for _, i := range latest {
		w, verdict := reports[i].on(found[i], now)
		verdicts[i].Verdict = verdict
		if verdict != VerdictStale {
			writes = append(writes, w)
		}
	}
	slices.SortFunc(writes, func(a, b progressWrite) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.CourseID, b.CourseID))
	})
	return verdicts, writes
}

// at is the time that a report bears.
func (r ProgressReport) at(now time.Time) time.Time {
	if r.At == nil || r.At.After(now) {
		return now
	}
	return r.At.UTC().Truncate(time.Microsecond)
}

// on is what a report does to an enrolment, and the verdict on it.
func (r ProgressReport) on(f reportedOn, now time.Time) (progressWrite, Verdict) {
	w := progressWrite{
		pair: pair{UserID: f.UserID, CourseID: f.CourseID}, enrollmentID: f.EnrollmentID, at: r.at(now), progress: r.Progress, score: f.Score,
	}
	if f.ReportedAt != nil && !w.at.After(*f.ReportedAt) {
		if w.at.Before(now) {
			return w, VerdictStale
		}
		w.at = *f.ReportedAt // clocks differ a little
	}
	scored := r.Score != nil && (f.Score == nil || *f.Score != *r.Score)
	if scored {
		w.score = r.Score
	}
	if w.changes = scored || r.Progress != f.Progress; w.changes {
		return w, VerdictApplied
	}
	return w, VerdictUnchanged
}

// refusal is the verdict on a report about nobody, nothing or no learner; "" for
// others.
func (f reportedOn) refusal() Verdict {
	switch {
	case f.UserID == 0:
		return VerdictUnknownUser
	case f.CourseID == 0:
		return VerdictUnknownCourse
	case f.EnrollmentID == 0:
		return VerdictNotEnrolled
	}
	return ""
}

// write writes what reports say to enrolments that are locked, tells of those
// that it changes and gives their number.
func (s *Service) write(ctx context.Context, writes []progressWrite, now time.Time) (int, error) {
	n := len(writes)
	if n == 0 {
		return 0, nil
	}
	ids, progress := make(pq.Int64Array, n), make(pq.Int64Array, n)
	scores, changes, times := make([]*float64, n), make(pq.BoolArray, n), make(pq.StringArray, n)
	var changed []pair
	for i, w := range writes {
		ids[i], progress[i], scores[i], changes[i], times[i] = w.enrollmentID, int64(w.progress), w.score, w.changes, w.at.Format(time.RFC3339Nano)
		if w.changes {
			changed = append(changed, w.pair)
		}
	}
	_, err := s.db.Exec(ctx, `UPDATE enrollments e SET reported_at = r.at, progress = r.progress, score = r.score,
			first_completed_at = CASE WHEN r.progress = @complete THEN coalesce(e.first_completed_at, r.at) ELSE e.first_completed_at END,
			last_completed_at = CASE WHEN r.progress = @complete AND e.progress <> @complete THEN r.at ELSE e.last_completed_at END,
			last_progress_at = CASE WHEN r.changes THEN r.at ELSE e.last_progress_at END,
			updated_at = CASE WHEN r.changes THEN @now ELSE e.updated_at END
		FROM unnest(CAST(@ids AS bigint[]), CAST(@progress AS smallint[]), CAST(@scores AS double precision[]), CAST(@changes AS boolean[]), CAST(@times AS timestamptz[]))
			r (id, progress, score, changes, at)
		WHERE e.account_id = @account_id AND e.id = r.id`, store.Args{
		"ids": ids, "progress": progress, "scores": pq.Array(scores), "changes": changes, "times": times, "complete": models.Complete, "now": now,
	})
	if err != nil {
		return 0, err
	}
	return len(changed), s.tell(ctx, changed)
}
