package certification

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// The property: whenever sweeps run, certificates go the same way. Two mills
// with the same rules see the same events at the same times. In the one a sweep
// runs at every moment at which something is due; in the other sweeps run when
// they like, with years between them.

const (
	propertyPeople = 6
	propertySpan   = 4 * 365 * day
	propertyEvents = 90
)

// script is what happens in a property test.
type script struct {
	days       []int // reminders
	validities []string
	asks       []bool
	events     []scripted
}

// scripted is one event. What it does is decided by its numbers, which mean the
// same in both mills.
type scripted struct {
	at          time.Time
	what        string
	user, which int // person; certificate or course
	value       int
}

var scriptValidities = []string{"", "1 DAY", "9 DAY", "45 DAY", "1 MONTH", "2 MONTH", "6 MONTH", "1 YEAR", "3 MONTH", "31 DAY"}

// scriptActs says how often which event happens.
var scriptActs = []string{
	"complete", "complete", "complete", "complete", "complete", "progress", "progress", "confirm", "confirm", "confirm",
	"require", "require", "require", "relax", "unenrol", "enrol", "enrol", "revoke", "reissue", "reissue", "redefine",
}

func newScript(r *rand.Rand, start time.Time) script {
	s := script{days: [][]int{{30, 7, 1}, {14, 3}, {1, 2, 3}, {}}[r.IntN(4)]}
	for range 4 {
		s.validities = append(s.validities, scriptValidities[r.IntN(len(scriptValidities))])
		s.asks = append(s.asks, r.IntN(3) == 0)
	}
	for range propertyEvents {
		moment := start.Add(time.Duration(r.Int64N(int64(propertySpan)))).Truncate(time.Microsecond)
		if r.IntN(3) == 0 { // on the hour of everything else, so that events meet boundaries
			moment = moment.Truncate(day).Add(10 * time.Hour)
		}
		s.events = append(s.events, scripted{moment, scriptActs[r.IntN(len(scriptActs))], r.IntN(propertyPeople), r.IntN(4), r.IntN(1000)})
	}
	slices.SortFunc(s.events, func(a, b scripted) int { return a.at.Compare(b.at) })
	return s
}

// stage is a mill in which a script is played.
type stage struct {
	*mill
	in                    models.ProcessInput // of the one process that all its sweeps belong to
	users, taught, papers []int64
	sweeps                int
}

func newStage(t *testing.T, s script) *stage {
	t.Helper()
	g := &stage{mill: newMill(t)}
	g.Service.d.Config.ReminderDays = s.days
	for i := range 4 {
		g.taught = append(g.taught, g.course(fmt.Sprint("Course ", i)))
	}
	for i := range 4 { // each with its own course and the next one
		courses := []int64{g.taught[i]}
		if i%2 == 0 {
			courses = append(courses, g.taught[(i+1)%4])
		}
		g.papers = append(g.papers, g.certificate(fmt.Sprint("Certificate ", i), s.validities[i], s.asks[i], courses...))
	}
	for i := range propertyPeople {
		g.users = append(g.users, g.person(fmt.Sprint("Person ", i)))
		for _, course := range g.taught {
			g.enrol(g.users[i], course)
		}
		if i%2 == 0 {
			for _, paper := range g.papers {
				g.require1(g.users[i], paper, true)
			}
		}
	}
	p, err := g.start(g.ctx, process.New{})
	require.NoError(t, err)
	g.in = models.ProcessInput{AccountID: g.account, ProcessID: p.ID}
	return g
}

// play does one event. What the state does not allow is refused in both mills.
func (g *stage) play(e scripted) {
	g.t.Helper()
	g.now = e.at
	user, course := g.users[e.user], g.taught[e.which]
	refused := func(err error) {
		if err != nil {
			require.True(g.t, errors.Is(err, ErrNothingToConfirm) || errors.Is(err, ErrRevoked) || errors.Is(err, ErrNotRevoked), "%v", err)
		}
	}
	l := g.find(user, g.papers[e.which])
	switch e.what {
	case "complete":
		g.progress(user, course, 100)
	case "progress":
		g.progress(user, course, e.value%100)
	case "enrol":
		g.enrol(user, course)
	case "unenrol":
		for _, course := range g.taught[:1+e.value%4] {
			g.unenrol(user, course)
		}
	case "redefine":
		g.redefine(g.papers[e.which], scriptValidities[e.value%len(scriptValidities)], e.value%3 == 0)
	}
	if l == nil {
		return
	}
	var err error
	switch e.what {
	case "confirm":
		_, err = g.Confirm(g.as(user), l.ID)
	case "require", "relax":
		g.require1(user, g.papers[e.which], e.what == "require")
	case "revoke":
		_, err = g.Revoke(g.admin, l.ID, "")
	case "reissue":
		_, err = g.Reissue(g.admin, l.ID, e.value%2 == 0)
	}
	refused(err)
}

// keepUp sweeps at each moment at which something is due, until a time.
func (g *stage) keepUp(until time.Time) {
	g.t.Helper()
	for {
		var next struct{ At *time.Time }
		require.NoError(g.t, g.db.Query(g.ctx, &next, `SELECT min(due_at) AS at FROM user_certificates WHERE account_id = @account_id AND due_at <= @until`,
			store.Args{"until": until}))
		if next.At == nil {
			return
		}
		if next.At.After(g.now) {
			g.now = next.At.UTC()
		}
		g.catchUp()
	}
}

// catchUp sweeps until now, and checks what the sweep has left behind.
func (g *stage) catchUp() {
	g.t.Helper()
	before := g.sent()
	w, err := g.Sweep(g.ctx, g.in, never, func(Swept) {})
	require.NoError(g.t, err)
	require.False(g.t, w.More || w.Cancelled)
	require.Zero(g.t, g.due(), "nothing is due behind a sweep")
	g.sweeps++
	for link, n := range g.sent() {
		require.LessOrEqual(g.t, n-before[link], 1, "one sweep sends a person several notices about one certificate")
	}
	g.checkLedger()
}

// sent is how many mails there are about each link.
func (g *stage) sent() map[int64]int {
	g.t.Helper()
	var rows []struct {
		ID   int64
		Sent int
	}
	require.NoError(g.t, g.db.Query(g.ctx, &rows, `SELECT CAST(params ->> 'userCertificateId' AS bigint) AS id, count(*) AS sent FROM notifications
		WHERE account_id = @account_id GROUP BY 1`, nil))
	out := map[int64]int{}
	for _, r := range rows {
		out[r.ID] = r.Sent
	}
	return out
}

// checkLedger says for itself which notices ought to be dealt with by now: for
// each required certificate that has been warned of, every number of days that
// is not more than what was left at the warning and not less than what is left
// now.
func (g *stage) checkLedger() {
	g.t.Helper()
	var rows []struct {
		models.UserCertificate
		Dealt string
	}
	require.NoError(g.t, g.db.Query(g.ctx, &rows, `SELECT l.*, coalesce((SELECT CAST(json_agg(n.days ORDER BY n.days) AS text) FROM certificate_notices n
			WHERE n.user_certificate_id = l.id AND n.issue_id = l.issue_id), '[]') AS dealt
		FROM user_certificates l WHERE l.account_id = @account_id AND l.required AND l.expires_at IS NOT NULL
			AND l.state IN ('CERTIFIED', 'ABOUT_TO_EXPIRE', 'EXPIRED')`, nil))
	for _, r := range rows {
		require.Equal(g.t, r.StateAt(g.now), r.State, "a sweep leaves no state older than the clock")
		want := []int{}
		if !r.WarnsAt.After(g.now) {
			left := r.ExpiresAt.Sub(g.now)
			first := 0
			for time.Duration(first)*day < r.ExpiresAt.Sub(*r.WarnsAt) {
				first++
			}
			for days := first; days >= 0; days-- {
				applies := days == 0 || days == first || slices.Contains(g.d.Config.ReminderDays, days)
				reached := time.Duration(days)*day >= left || days == first
				if applies && reached {
					want = append(want, days)
				}
			}
			slices.Sort(want)
		}
		var got []int
		require.NoError(g.t, json.Unmarshal([]byte(r.Dealt), &got))
		// What was dealt with while the reminders were the same is there, and
		// nothing else.
		require.Equal(g.t, want, got, "link %d: expires %s, now %s", r.ID, r.ExpiresAt, g.now)
	}
}

// story is everything that must not depend on when sweeps run.
func (g *stage) story() map[string][]string {
	g.t.Helper()
	story := map[string][]string{}
	for name, text := range map[string]string{
		"links": `SELECT concat_ws(' ', user_id, certificate_id, state, required, certified_at, '|', expires_at, '|', warns_at, '|', earned_since, '|', renewed_at, '|', due_at)
			FROM user_certificates WHERE account_id = @account_id ORDER BY user_id, certificate_id`,
		"transitions": `SELECT concat_ws(' ', user_id, certificate_id, coalesce(from_state, '-'), coalesce(to_state, '-'), reason, at)
			FROM certificate_transitions WHERE account_id = @account_id ORDER BY user_id, certificate_id, id`,
		"issues": `SELECT concat_ws(' ', user_id, certificate_id, learner_name, certificate_name, certified_at, '|', expires_at, '|', ended_at, end_reason)
			FROM certificate_issues WHERE account_id = @account_id ORDER BY user_id, certificate_id, id`,
	} {
		var lines []string
		require.NoError(g.t, g.db.Query(g.ctx, &lines, text, nil))
		story[name] = lines
	}
	return story
}

// lastNotices are, for required certificates that are or were held, the
// thresholds dealt with and whether the last one went out. Of one that was
// revoked before a sweep came nobody is told any more.
func (g *stage) lastNotices() (lines []string) {
	g.t.Helper()
	require.NoError(g.t, g.db.Query(g.ctx, &lines, `SELECT l.user_id || ' ' || l.certificate_id || ' ' || string_agg(CAST(n.days AS text), ' ' ORDER BY n.days) || ' ' ||
			(array_agg(n.sent ORDER BY n.days))[1]
		FROM user_certificates l JOIN certificate_notices n ON n.user_certificate_id = l.id AND n.issue_id = l.issue_id
		WHERE l.account_id = @account_id AND l.required AND l.state <> 'REVOKED' GROUP BY l.id ORDER BY l.user_id, l.certificate_id`, nil))
	return lines
}

func TestSweepsComeToTheSameWheneverTheyRun(t *testing.T) {
	base := rand.Uint64()
	for i := range uint64(4) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			seed := base + i
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			r := rand.New(rand.NewPCG(seed, 3))
			start := at("2027-11-30T10:00:00Z") // a leap year and four ends of February follow
			s := newScript(r, start)
			often, seldom := newStage(t, s), newStage(t, s)
			for _, e := range s.events {
				often.keepUp(e.at)
				often.play(e)
				if r.IntN(12) == 0 {
					seldom.now = e.at
					seldom.catchUp()
				}
				seldom.play(e)
			}
			end := start.Add(propertySpan)
			often.keepUp(end)
			for _, g := range []*stage{often, seldom} {
				g.now = end
				g.catchUp()
			}
			want, got := often.story(), seldom.story()
			require.Greater(t, len(want["transitions"]), propertyPeople*4, "nothing happens behind the enrolments")
			for _, part := range []string{"transitions", "issues", "links"} {
				require.Equal(t, want[part], got[part], part)
			}
			require.Equal(t, often.lastNotices(), seldom.lastNotices())
			t.Logf("%d against %d sweeps, %d transitions, %d mails against %d", often.sweeps, seldom.sweeps, len(want["transitions"]), total(often.sent()), total(seldom.sent()))
			require.GreaterOrEqual(t, total(often.sent()), total(seldom.sent()), "downtime makes notices fewer")
		})
	}
}

func total(counts map[int64]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
