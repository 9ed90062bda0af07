// Package mirror brings what a learning system holds into the hub.
//
// A run has three parts. Stage reads the system, through a source.Snapshot, into
// staging tables: where the system can sum up rows, only the ranges of keys whose
// sums differ from those of the mirror. Plan tells what merging would do. Merge
// brings staging into the mirror (the tables lms_…, which hold the rows as they
// are in the system) and projects what has changed onto the tables that the whole
// hub shares: people, courses, enrolments, quizzes and their attempts,
// assignments and what was handed in, certificates. It is one transaction, so
// nothing of a run is seen before all of it is.
//
// What the shared tables say is a function of the mirror, in statements over sets
// of keys. A run that compares everything and a run that follows changes use the
// same statements, over all keys or over those that changed: so any sequence of
// runs gives what one run over the last state gives. What has ended, or was made
// by the hub itself, is history and stays.
//
// Locks are taken in the order of the hub: merges of the account, the
// connection, organizations, people by id, the tree of groups, courses,
// enrolments, certificates.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"quad/internal/clock"
	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	// ErrUnknown: the account has no such run or connection.
	ErrUnknown = models.Refuse(models.KindNotFound, "sync.unknown", "there is no such run or connection")
	// ErrNotStaged: not all was read, or staging was lost when the database crashed.
	ErrNotStaged = models.Refuse(models.KindConflict, "sync.not_staged", "the learning system has to be read first")
	// ErrTooManyDeletions: somebody has to confirm that so many rows are gone.
	ErrTooManyDeletions = models.Refuse(models.KindConflict, "sync.too_many_deletions", "more rows are gone than may be deleted without confirmation")
	// ErrRunning: not while the connection is being read.
	ErrRunning = models.Refuse(models.KindConflict, "sync.running", "the connection has a run that has not ended")
	// ErrMerged: the run has merged and reads no more.
	ErrMerged = models.Refuse(models.KindConflict, "sync.merged", "the run has been merged")
)

// Reasons for which the hub does not take rows, besides those of connectors.
const (
	ReasonUserUnknown    source.Reason = "user_unknown"    // the user is not there
	ReasonUserDeleted    source.Reason = "user_deleted"    // the user is deleted
	ReasonUserNotTaken   source.Reason = "user_not_taken"  // the user is there, and was skipped
	ReasonDeletedUser    source.Reason = "deleted_user"    // of users: deleted
	ReasonDuplicateEmail source.Reason = "duplicate_email" // of users: an earlier one has the address
	ReasonLoginTaken     source.Reason = "login_taken"     // of users: somebody in the hub has their name to sign in
	ReasonCourseUnknown  source.Reason = "course_unknown"
	ReasonIdentifier     source.Reason = "identifier_taken" // of courses: another course of the hub has its identifier
	ReasonActivity       source.Reason = "activity_unknown"
	ReasonQuizUnknown    source.Reason = "quiz_unknown"
	ReasonAssignment     source.Reason = "assignment_unknown"
	ReasonCohortUnknown  source.Reason = "cohort_unknown"
	ReasonTeam           source.Reason = "team_submission" // handed in by a team, not by a person
	ReasonNoTime         source.Reason = "no_time"         // it is not known when it was
)

// Deps is what an Engine needs.
type Deps struct {
	DB    *store.DB
	Clock clock.Clock // nil: the system's
	// Changed is told, in the transaction of a merge and after the rows are
	// written, whose enrolments changed in courses that certificates are given
	// for: userIDs[i] in courseIDs[i].
	Changed func(ctx context.Context, userIDs, courseIDs []int64) error
}

// Engine stages and merges runs. It is safe for concurrent use.
type Engine struct {
	db      *store.DB
	now     clock.Clock
	changed func(ctx context.Context, userIDs, courseIDs []int64) error
	rows    int // of a range
}

// New makes an Engine. Errors: a missing dependency.
func New(d Deps) (*Engine, error) {
	if d.DB == nil || d.Changed == nil {
		return nil, errors.New("mirror: DB and Changed are needed")
	}
	return &Engine{db: d.DB, now: d.Clock.Or(), changed: d.Changed, rows: rangeRows}, nil
}

const (
	rangeRows = 10_000 // rows that one digest sums up, about
	pageRows  = 5_000  // rows of a page, unless the run says otherwise
	tellPairs = 5_000  // enrolments that certificates follow at a time
)

// Run is a models.SyncRun that is open. Its account is the context's.
type Run struct {
	ID           int64
	ConnectionID int64
	// Full reads everything, compares everything with the mirror, and the whole
	// mirror with the shared tables. The first run of a connection, and the first
	// after Reset, is one anyway.
	Full bool
	// Tables are the names of those that the system has to read. The mirrors of
	// others stay as they are.
	Tables   []string
	PageRows int // how many rows to read at a time; 0: 5,000
}

// tables are the tables of a run, in the order of source.Tables.
func (r Run) tables() ([]source.Table, error) {
	var out []source.Table
	for _, t := range source.Tables {
		if slices.Contains(r.Tables, t.Name) {
			out = append(out, t)
		}
	}
	if len(out) == 0 || len(out) != len(r.Tables) {
		return nil, fmt.Errorf("mirror: a run over %q", r.Tables)
	}
	return out, nil
}

// has tells whether the run reads a table.
func (r Run) has(table string) bool { return slices.Contains(r.Tables, table) }

// Counts is what a run does to one table, in rows.
type Counts struct {
	Table     string
	Read      int64 // from the system, skipped ones included
	Inserted  int64 // into the mirror
	Updated   int64
	Unchanged int64 // also those that did not have to be read
	Deleted   int64
	// Skipped are rows that are in the system and not, or in the mirror only, in
	// the hub, by reason; also those that did not have to be read again.
	Skipped map[source.Reason]source.Skipped
}

// Result is what a run did.
type Result struct {
	Tables   []Counts
	MergedAt time.Time
}

// Deletion says that a table would lose more rows than may go without
// confirmation.
type Deletion struct {
	Table    string
	Mirrored int64 // rows of the mirror now
	Deleted  int64
}

// Plan is what merging a run would do.
type Plan struct {
	Tables    []Counts
	Deletions []Deletion // those that somebody has to confirm
}

// NeedsConfirmation tells whether somebody has to confirm deletions.
func (p Plan) NeedsConfirmation() bool { return len(p.Deletions) > 0 }

// Deletions that need no confirmation, whatever share of a table they are.
const freeDeletions = 20

// tooMany tells whether a table loses more rows than it may. One that loses all
// does, however few they were: an empty answer is more often a mistake.
func tooMany(c Counts, percent int64) bool {
	before := c.Unchanged + c.Updated + c.Deleted
	switch {
	case c.Deleted == 0:
		return false
	case c.Deleted == before && c.Inserted == 0:
		return true
	}
	return c.Deleted > freeDeletions && c.Deleted*100 > percent*before
}

func mirrorOf(table string) string { return "lms_" + table }
func stageOf(table string) string  { return "lms_stage_" + table }

// runRow is what the engine knows of a run and its connection.
type runRow struct {
	ID              int64
	ConnectionID    int64
	OrganizationID  *int64
	DeletionPercent int64
	Attempts        int
	StagedAt        *time.Time
	MergedAt        *time.Time
	EndedAt         *time.Time
	MirroredAt      *time.Time
	Marked          bool // its staging is there
}

// run reads a run; with lock it and its connection are kept until the end of
// the transaction. Errors: ErrUnknown.
func (e *Engine) run(ctx context.Context, r Run, lock bool) (row runRow, err error) {
	text := `SELECT r.id, r.connection_id, c.organization_id, c.deletion_percent, r.attempts, r.staged_at, r.merged_at, r.ended_at, c.mirrored_at,
			EXISTS (SELECT FROM lms_stage_marks m WHERE m.run_id = r.id) AS marked
		FROM sync_runs r JOIN connections c ON c.id = r.connection_id
		WHERE r.account_id = @account_id AND r.id = @run AND r.connection_id = @connection`
	if lock {
		text += ` FOR NO KEY UPDATE OF r, c`
	}
	if err := e.db.Query(ctx, &row, text, r.args()); err != nil {
		return row, err
	}
	if row.ID == 0 {
		return row, ErrUnknown
	}
	return row, nil
}

func (r Run) args() store.Args {
	return store.Args{"run": r.ID, "connection": r.ConnectionID}
}
