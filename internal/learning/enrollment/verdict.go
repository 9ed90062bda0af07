package enrollment

// Verdict is what became of one person or report of a batch.
type Verdict string

// The verdicts. The last five changed nothing because they could not.
const (
	VerdictApplied       Verdict = "applied"
	VerdictUnchanged     Verdict = "unchanged" // it was so already
	VerdictStale         Verdict = "stale"     // a report that is not newer than the last one
	VerdictDuplicate     Verdict = "duplicate" // a later one of the same batch holds
	VerdictUnknownUser   Verdict = "unknown_user"
	VerdictUnknownCourse Verdict = "unknown_course"
	VerdictNotEnrolled   Verdict = "not_enrolled"
	VerdictRole          Verdict = "role" // the person may not be a learner
)
