package enrollment_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/models"
)

func on(user, course string, progress int) enrollment.ProgressReport {
	return enrollment.ProgressReport{User: named(user), Course: named(course), Progress: progress}
}

func scored(r enrollment.ProgressReport, score float64) enrollment.ProgressReport {
	r.Score = &score
	return r
}

func at(r enrollment.ProgressReport, t time.Time) enrollment.ProgressReport {
	r.At = &t
	return r
}

// report gives the verdicts, joined.
func (w *world) report(reports ...enrollment.ProgressReport) string {
	w.t.Helper()
	verdicts, err := w.Report(w.admin, reports)
	require.NoError(w.t, err)
	words := make([]string, len(verdicts))
	for i, v := range verdicts {
		words[i] = string(v.Verdict)
	}
	return strings.Join(words, " ")
}

func TestReport(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann")
	w.person("bob", models.PossibleRoleInstructor)
	fire := w.course("fire", 0)
	w.course("closed", w.closed)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	require.NoError(t, w.Assign(w.admin, named("fire"), named("bob"), []models.CourseRole{models.CourseInstructor}))
	w.heard()

	one := w.pass(time.Hour)
	require.Equal(t, "applied", w.report(on("ann", "fire", 40)))
	require.Equal(t, []pair{{ann, fire}}, w.heard())
	e := w.enrollment("ann", "fire")
	require.Equal(t, 40, e.Progress)
	require.Equal(t, one, e.LastProgressAt.UTC())
	require.Nil(t, e.Score)
	require.Nil(t, e.FirstCompletedAt)

	w.pass(time.Hour)
	require.Equal(t, "unchanged", w.report(on("ann", "fire", 40)))
	require.Empty(t, w.heard())
	require.Equal(t, one, w.enrollment("ann", "fire").LastProgressAt.UTC())
	require.Equal(t, "applied", w.report(scored(on("ann", "fire", 40), 5)), "at the same moment, but sent later")
	require.Equal(t, "stale", w.report(at(on("ann", "fire", 90), one)))
	require.Equal(t, "stale", w.report(at(on("ann", "fire", 90), w.clock().Add(-time.Microsecond))))

	// Completing: the first time stays, the last one moves.
	first := w.pass(time.Hour)
	w.pass(time.Hour)
	require.Equal(t, "applied", w.report(at(on("ann", "fire", 100), first)))
	last := w.pass(time.Hour)
	require.Equal(t, "applied", w.report(on("ann", "fire", 99)))
	require.Equal(t, "applied", w.report(scored(on("ann", "fire", 100), 6)))
	w.pass(time.Hour)
	require.Equal(t, "applied", w.report(scored(on("ann", "fire", 100), 7)))
	require.Equal(t, "unchanged", w.report(on("ann", "fire", 100)), "no score leaves it")
	e = w.enrollment("ann", "fire")
	require.Equal(t, first, e.FirstCompletedAt.UTC())
	require.Equal(t, last, e.LastCompletedAt.UTC())
	require.Equal(t, w.clock(), e.LastProgressAt.UTC())
	require.Equal(t, ptr(7.0), e.Score)

	// A time to come is now.
	require.Equal(t, "applied", w.report(at(on("ann", "fire", 10), w.clock().Add(time.Hour))))
	require.Equal(t, w.clock(), w.enrollment("ann", "fire").ReportedAt.UTC())

	w.heard()
	require.Equal(t, "unknown_user unknown_course not_enrolled unknown_course not_enrolled unknown_user", w.report(
		on("nobody", "fire", 1), on("ann", "nothing", 1), on("bob", "fire", 1), on("ann", "closed", 1),
		enrollment.ProgressReport{User: named("bob"), Course: ref.ByID(fire)}, enrollment.ProgressReport{Course: named("fire")}))
	require.Empty(t, w.heard())
	verdicts, err := w.Report(w.admin, []enrollment.ProgressReport{{User: ref.ByID(ann), Course: ref.ByID(fire), Progress: 11}, on("nobody", "fire", 1)})
	require.NoError(t, err)
	require.Equal(t, []enrollment.ReportVerdict{{ann, fire, enrollment.VerdictApplied}, {0, fire, enrollment.VerdictUnknownUser}}, verdicts)
	verdicts, err = w.Report(w.foreign, []enrollment.ProgressReport{{User: ref.ByID(ann), Course: ref.ByID(fire), Progress: 12}})
	require.NoError(t, err)
	require.Equal(t, []enrollment.ReportVerdict{{0, 0, enrollment.VerdictUnknownUser}}, verdicts, "another account's do not exist")
}

// Of several reports about one enrolment the latest counts, by its time and then
// by its place in the batch.
func TestReportTwiceInABatch(t *testing.T) {
	w := newWorld(t)
	w.person("ann")
	w.course("fire", 0)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	w.pass(24 * time.Hour)
	batch := []enrollment.ProgressReport{
		at(on("ann", "fire", 30), start.Add(3*time.Hour)), at(on("ann", "fire", 10), start.Add(time.Hour)),
		at(on("ann", "fire", 31), start.Add(3*time.Hour)), at(on("ann", "fire", 20), start.Add(2*time.Hour)),
	}
	require.Equal(t, "duplicate duplicate applied duplicate", w.report(batch...))
	e := w.enrollment("ann", "fire")
	require.Equal(t, 31, e.Progress)
	require.Equal(t, start.Add(3*time.Hour), e.ReportedAt.UTC())
	require.Equal(t, "duplicate duplicate stale duplicate", w.report(batch...), "the batch again")
	require.Equal(t, e, w.enrollment("ann", "fire"))
	require.Equal(t, "duplicate applied", w.report(on("ann", "fire", 50), on("ann", "fire", 51)))
	require.Equal(t, 51, w.enrollment("ann", "fire").Progress)
}

func TestReportsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.person("ann")
	w.course("fire", 0)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	huge := scored(on("ann", "fire", 5), 100.5)
	early := at(on("ann", "fire", 5), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	_, err := w.Report(w.admin, []enrollment.ProgressReport{on("ann", "fire", 7), on("ann", "fire", 101), on("ann", "fire", -1), huge, scored(on("ann", "fire", 5), -0.5), scored(on("ann", "fire", 5), math.NaN()), early})
	var refused *models.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, models.KindInvalid, refused.Kind)
	fields := []string{}
	for _, f := range refused.Fields {
		fields = append(fields, f.Field)
	}
	require.Equal(t, []string{"entries[1].progress", "entries[2].progress", "entries[3].score", "entries[4].score", "entries[5].score", "entries[6].at"}, fields)
	require.Zero(t, w.enrollment("ann", "fire").Progress, "a refused batch changes nothing")
	for _, n := range []int{0, enrollment.MaxBatch + 1} {
		_, err := w.Report(w.admin, make([]enrollment.ProgressReport, n))
		require.Equal(t, models.KindInvalid, models.KindOf(err))
	}
}

// A batch of a thousand costs as many statements as one report, and batches over
// the same people in any order do not get in each other's way.
func TestReportBatches(t *testing.T) {
	w := newWorld(t)
	w.crowd(enrollment.MaxBatch)
	batch := func(progress func(i int) int) []enrollment.ProgressReport {
		reports := make([]enrollment.ProgressReport, enrollment.MaxBatch)
		for i := range reports {
			reports[i] = on(fmt.Sprint("p", i+1), "fire", progress(i))
		}
		return reports
	}
	w.pass(time.Hour)
	one := w.statements(func() { w.report(on("p1", "fire", 50)) })
	require.Equal(t, int64(3), one, "find and lock, write, audit")
	thousand := w.statements(func() { w.report(batch(func(i int) int { return i % 50 })...) })
	require.Equal(t, one, thousand)
	w.heard()

	var work errgroup.Group
	for n := range 8 {
		work.Go(func() error {
			reports := batch(func(int) int { return 51 + n })
			rand.Shuffle(len(reports), func(a, b int) { reports[a], reports[b] = reports[b], reports[a] })
			verdicts, err := w.Report(w.admin, reports)
			for _, v := range verdicts {
				if v.Verdict != enrollment.VerdictApplied {
					return fmt.Errorf("verdict %s", v.Verdict)
				}
			}
			return err
		})
	}
	require.NoError(t, work.Wait())
	var different int64
	require.NoError(t, w.db.Query(w.system, &different, `SELECT count(DISTINCT progress) FROM enrollments`, nil))
	require.Equal(t, int64(1), different, "each batch was written as a whole")
	require.Len(t, w.heard(), enrollment.MaxBatch)
}

func TestForceComplete(t *testing.T) {
	w := newWorld(t)
	ann := w.person("ann", models.PossibleRoleLearner, models.PossibleRoleInstructor)
	fire := w.course("fire", 0)
	w.exec(`INSERT INTO class_sessions (account_id, course_id, name, starts_at, ends_at, optional)
		SELECT account_id, id, n, now(), now(), n = 'optional' FROM courses, unnest(ARRAY['one', 'two', 'optional']) n`)
	complete := func() error { return w.ForceComplete(w.admin, named("fire"), named("ann")) }
	attended := func() (names []string) {
		require.NoError(t, w.db.Query(w.system, &names, `SELECT s.name FROM class_attendances a JOIN class_sessions s ON s.id = a.class_session_id ORDER BY s.name`, nil))
		return names
	}
	require.ErrorIs(t, complete(), enrollment.ErrNotLearner)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), []models.CourseRole{models.CourseInstructor}))
	require.ErrorIs(t, complete(), enrollment.ErrNotLearner)
	require.NoError(t, w.Assign(w.admin, named("fire"), named("ann"), nil))
	require.Equal(t, "applied", w.report(scored(on("ann", "fire", 20), 3)))
	w.heard()

	done := w.pass(time.Hour)
	require.NoError(t, complete())
	require.Equal(t, []pair{{ann, fire}}, w.heard())
	e := w.enrollment("ann", "fire")
	require.Equal(t, models.Complete, e.Progress)
	require.Equal(t, ptr(3.0), e.Score, "untouched")
	require.Equal(t, done, e.FirstCompletedAt.UTC())
	require.Equal(t, done, e.LastCompletedAt.UTC())
	require.Equal(t, []string{"one", "two"}, attended())

	w.exec(`DELETE FROM class_attendances`)
	w.pass(time.Hour)
	require.NoError(t, complete())
	require.Equal(t, e, w.enrollment("ann", "fire"), "who has completed it stays as they are")
	require.Empty(t, attended())
	require.Empty(t, w.heard())

	require.Equal(t, "stale", w.report(at(on("ann", "fire", 60), done.Add(-time.Minute))), "what was before does not undo it")
	require.Equal(t, "applied", w.report(on("ann", "fire", 60)))
	again := w.pass(time.Hour)
	require.NoError(t, complete())
	e = w.enrollment("ann", "fire")
	require.Equal(t, done, e.FirstCompletedAt.UTC(), "the first time stays")
	require.Equal(t, again, e.LastCompletedAt.UTC())
}
