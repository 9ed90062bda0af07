package mirror_test

import (
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodletest"
	"quad/internal/integration/source/moodletest/wsserver"
	"quad/internal/integration/source/moodlews"
)

// toldByWebServices are the truths of a Moodle that its web services tell too.
var toldByWebServices = []string{
	"users_real", "users_can_login", "courses_real", "courses_visible", "pairs_enrolled", "pairs_active", "pairs_active_login", "learners_active",
	"cohort_members_real", "submitted_latest",
}

// webServices runs a connection to the web services of a Moodle once.
func (s *side) webServices(server *wsserver.Server) map[string]mirror.Counts {
	s.t.Helper()
	src, err := moodlews.New().Open(s.ctx, server.Settings(), source.Options{Dial: new(net.Dialer).DialContext, Timeout: time.Minute})
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, src.Close()) }()
	snap, err := src.Snapshot(s.ctx)
	require.NoError(s.t, err)
	return s.sync(snap, false)
}

// A Moodle that is read by its web services: the counts that came with the data,
// as far as they are told; a run in which nothing has changed writes nothing;
// what a run can't see stays; and several runs leave what one does.
func TestMoodleByWebServices(t *testing.T) {
	w, site := newWorld(t), moodletest.Load(t, moodletest.Postgres, 2)
	w.pageRows = 300
	server, s := wsserver.New(t, site), w.side("One")
	truth := func(of moodletest.Truth) {
		t.Helper()
		for _, name := range toldByWebServices {
			want, ok := of.Count[name]
			require.True(t, ok, name)
			require.InEpsilon(t, want+1, s.figure(truths[name], of.Now)+1, 1e-9, name)
		}
	}
	first := s.webServices(server)
	truth(site.Truth())
	for _, table := range source.Tables {
		require.Positive(t, first[table.Name].Inserted, table.Name)
	}

	// Somebody takes permissions away: of one course, and of some people.
	mirrored, shared := s.mirrored(), s.versions()
	server.Before(func(rw http.ResponseWriter, function string, params url.Values) bool {
		if params.Get("courseid") == "3" || params.Get("courseids[0]") == "3" || function == "core_badges_get_user_badges" && params.Get("userid") < "2" {
			_, _ = rw.Write([]byte(`{"exception": "required_capability_exception", "errorcode": "nopermissions", "message": "Keine Rechte"}`))
			return true
		}
		return false
	})
	for table, c := range s.webServices(server) {
		require.Zero(t, c.Inserted+c.Updated+c.Deleted, table)
		require.Equal(t, first[table].Inserted, c.Unchanged, table)
		if table == source.Enrolments || table == source.Awards {
			require.Positive(t, c.Skipped[source.ReasonNotShown].Count, table)
		}
	}
	require.Equal(t, mirrored, s.mirrored())
	require.Equal(t, shared, s.versions())
	server.Before(nil)

	site.Mutate(t)
	server.SetNow(site.TruthAfter().Now)
	changed := int64(0)
	for _, c := range s.webServices(server) {
		changed += c.Inserted + c.Updated + c.Deleted
	}
	require.Positive(t, changed)
	truth(site.TruthAfter())
	require.Positive(t, s.number(`SELECT count(*) FROM enrollments x`+ofPerson+`WHERE x.learner AND x.completed_at IS NOT NULL AND x.account_id = @account_id`))

	other := w.side("Two")
	other.webServices(server)
	want, got := other.mirrored(), s.mirrored()
	for _, table := range source.Tables {
		if table.Name == source.Completions { // of those who were active before, and are not now, the first run was told
			require.Subset(t, got[table.Name], want[table.Name])
			continue
		}
		require.Equal(t, want[table.Name], got[table.Name], table.Name)
	}
}
