package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people"
	"quad/internal/people/invite"
	"quad/internal/store"
	"quad/models"
)

// mailsAtOnce is how many mails a worker sends at the same time: few, so that
// there is a middle to disturb. As many may have been handed over, without a
// note about it, when the worker is killed.
const mailsAtOnce = 2

// patience is the longest that anything may take here. Nothing waits for it:
// a test that works is done as soon as what it waits for has happened.
const patience = 4 * time.Minute

// world is a hub with an organization and its admins. Its parts in the test
// process take requests; the work is done by a worker that runs as a child.
type world struct {
	*hubtest.Env
	t        *testing.T
	org      models.Organization
	uploader hubtest.Person // an org_admin of org
	known    known
}

// knownOfKind is how many users of each kind lists name.
const knownOfKind = 10

func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	all := map[string]string{
		"MAIL_RATE_PER_MINUTE": "1000000", "MAIL_TIMEOUT": "3s", "API_DECISION_TIMEOUT": "2s",
		"WORKER_MAIL_CONCURRENCY": strconv.Itoa(mailsAtOnce),
		"SWEEP_GRACE":             "2s", // what only waits its turn on a busy machine is not missed
		"WORKER_LOST_AFTER":       "8s", // every worker that is killed costs that time
	}
	maps.Copy(all, settings)
	w := &world{Env: hubtest.New(t, hubtest.Options{Settings: all}), t: t}
	w.org = w.NewOrganization("School", "school")
	other := w.NewOrganization("Other", "other")
	w.uploader = w.NewPerson(0, w.org.ID, "uploader", models.RoleOrgAdmin)
	for i := range knownOfKind {
		w.known.unchanged = append(w.known.unchanged, w.NewPerson(0, w.org.ID, fmt.Sprintf("same-%d", i), models.RoleMentor))
		w.known.updated = append(w.known.updated, w.NewPerson(0, w.org.ID, fmt.Sprintf("more-%d", i), models.RoleMentee))
		w.known.elsewhere = append(w.known.elsewhere, w.NewPerson(0, other.ID, fmt.Sprintf("away-%d", i), models.RoleMentee))
	}
	return w
}

// as is the context of a request that a person makes.
func (w *world) as(p hubtest.Person, roles ...string) context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{
		AccountID: p.AccountID, UserID: p.ID, OrganizationID: p.OrganizationID, Door: "test", Roles: roles,
	})
}

// manager is the context of the uploader.
func (w *world) manager() context.Context { return w.as(w.uploader, models.RoleOrgAdmin) }

// submit uploads the list and asks to invite its people.
func (w *world) submit(name string, l list) models.InviteFile {
	w.t.Helper()
	path := "users/" + name
	_, err := w.Blob.Write(w.t.Context(), people.FileKey(w.Account.ID, path), bytes.NewReader(l.csv()), blob.WriteOptions{})
	require.NoError(w.t, err)
	_, err = w.People.RegisterFile(w.manager(), models.StoredFile{Path: path, Name: name, Purpose: people.PurposeUpload})
	require.NoError(w.t, err)
	f, err := w.Invites.Submit(w.manager(), invite.Submission{Path: path})
	require.NoError(w.t, err)
	return f
}

// await waits until ok says so.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			require.Fail(w.t, "it never happened: "+what)
		}
	}
}

// proc is the file's process. It may be asked while the database is down.
func (w *world) proc(f models.InviteFile) (p models.Process, err error) {
	err = w.DB.Conn(w.Context()).Take(&p, *f.ProcessID).Error
	return p, err
}

// mustProc is proc with the database up.
func (w *world) mustProc(f models.InviteFile) models.Process {
	w.t.Helper()
	p, err := w.proc(f)
	require.NoError(w.t, err)
	return p
}

// awaitDone waits until so many rows are imported.
func (w *world) awaitDone(f models.InviteFile, rows int64) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d rows of %s are imported", rows, f.Name), func() bool {
		p, err := w.proc(f)
		return err == nil && p.Done >= rows
	})
}

// midway asserts that the import has begun and is not over, which is what
// makes a disturbance one.
func (w *world) midway(f models.InviteFile) {
	w.t.Helper()
	var p models.Process
	w.await("the process can be read", func() bool {
		var err error
		p, err = w.proc(f)
		return err == nil
	})
	require.False(w.t, p.State.Final(), "the import was over before it was disturbed")
	require.Less(w.t, p.Done, p.Total, "all rows were imported before the import was disturbed")
	w.t.Logf("%s was disturbed at row %d of %d", f.Name, p.Done, p.Total)
}

// awaitEnd waits for the end of the import.
func (w *world) awaitEnd(f models.InviteFile) models.Process {
	w.t.Helper()
	var p models.Process
	w.await(f.Name+" ends", func() bool {
		var err error
		p, err = w.proc(f)
		return err == nil && p.State.Final()
	})
	return p
}

// lines are the texts that a query gives.
func (w *world) lines(query string, args store.Args) []string {
	w.t.Helper()
	var lines []string
	require.NoError(w.t, w.DB.QueryRows(w.Context(), query, args, func(row pgx.CollectableRow) error {
		var line string
		err := row.Scan(&line)
		lines = append(lines, line)
		return err
	}))
	return lines
}

// number is what a counting query gives.
func (w *world) number(query string, args store.Args) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Query(w.Context(), &n, query, args))
	return n
}

// requireOutcome waits for the end of an import and compares everything it has
// left behind with what the list promises.
func (w *world) requireOutcome(f models.InviteFile, l list) {
	w.t.Helper()
	p := w.awaitEnd(f)
	require.Equal(w.t, models.ProcessCompletedWithErrors, p.State, "%v", p.Error)
	require.EqualValues(w.t, len(l.rows), p.Total)
	require.Equal(w.t, p.Total, p.Done)
	var counters map[string]int64
	require.NoError(w.t, json.Unmarshal(p.Counters, &counters))
	maps.DeleteFunc(counters, func(_ string, n int64) bool { return n == 0 })
	require.Equal(w.t, l.counters(), counters)

	byFile := store.Args{"file": f.ID}
	w.same("verdicts", l.verdicts(), w.lines(`SELECT row_no || ' ' || verdict FROM invite_rows
		WHERE account_id = @account_id AND file_id = @file ORDER BY row_no`, byFile))
	w.same("invitations", l.invitations(), sorted(w.lines(`SELECT concat_ws('|', email, name, (
			SELECT string_agg(r.title, '+' ORDER BY r.title) FROM roles r WHERE r.id = ANY (i.role_ids)))
		FROM invites i WHERE account_id = @account_id AND file_id = @file AND status = 'PENDING' AND token_version = 1`, byFile)))
	require.Zero(w.t, w.number(`SELECT count(*) FROM invites WHERE account_id = @account_id AND file_id = @file AND (status <> 'PENDING' OR token_version <> 1)`, byFile))
	require.Equal(w.t, int(l.counters()[string(invite.Updated)]), w.number(`SELECT count(*) FROM audit_events
		WHERE account_id = @account_id AND action = 'user.invited' AND process_id = @process`, store.Args{"process": p.ID}))
	require.Equal(w.t, 1, w.number(`SELECT count(*) FROM processes WHERE account_id = @account_id AND subject_type = 'invite_file' AND subject_id = @file`, byFile))
	require.Equal(w.t, 1, w.number(`SELECT count(*) FROM notifications
		WHERE account_id = @account_id AND template = 'invitee_upload_status' AND process_id = @process`, store.Args{"process": p.ID}))
	w.requireResult(f, l)
}

// same compares two lists of lines and shows where they begin to differ: they
// are too long to be shown whole.
func (w *world) same(what string, want, got []string) {
	w.t.Helper()
	if slices.Equal(want, got) {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	part := func(lines []string) []string { return lines[min(at, len(lines)):min(at+5, len(lines))] }
	require.Fail(w.t, what+" differ", "%d wanted, %d found; from line %d on\nwanted: %q\nfound:  %q", len(want), len(got), at, part(want), part(got))
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// requireResult compares the result file, of which there must be one.
func (w *world) requireResult(f models.InviteFile, l list) {
	w.t.Helper()
	var row models.InviteFile
	require.NoError(w.t, w.DB.Conn(w.Context()).Take(&row, f.ID).Error)
	require.Equal(w.t, models.InviteFileProcessed, row.Status)
	require.NotNil(w.t, row.OutputPath)
	ids := map[string]string{}
	for _, line := range w.lines(`SELECT r.row_no || ' ' || COALESCE(r.invite_id, r.user_id, 0) FROM invite_rows r
		WHERE account_id = @account_id AND file_id = @file`, store.Args{"file": f.ID}) {
		var no, id string
		_, err := fmt.Sscan(line, &no, &id)
		require.NoError(w.t, err)
		ids[no] = id
	}
	rows := w.result(row)
	require.Len(w.t, rows, len(l.rows)+1)
	want := l.results()
	for i, got := range rows {
		require.Len(w.t, got, 6, "row %d", i)
		require.Equal(w.t, want[i], got[:4], "row %d", i)
		if i > 0 && ids[fmt.Sprint(i)] != "0" {
			require.Equal(w.t, ids[fmt.Sprint(i)], got[5], "row %d", i)
		}
	}
}

// result reads the result file.
func (w *world) result(f models.InviteFile) [][]string {
	w.t.Helper()
	body, err := w.Blob.NewReader(w.t.Context(), people.FileKey(w.Account.ID, *f.OutputPath))
	require.NoError(w.t, err)
	content, err := io.ReadAll(body)
	require.NoError(w.t, err)
	require.NoError(w.t, body.Close())
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	require.NoError(w.t, err)
	return rows
}

// sent is how many invitation mails of a list have left.
func (w *world) sent(f models.InviteFile) int {
	w.t.Helper()
	return w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'generic_invite' AND state = 'sent'
		AND process_id IN (SELECT id FROM processes WHERE subject_type = 'invite_file' AND subject_id = @file)`, store.Args{"file": f.ID})
}

// requireMails waits until all mails have left and compares those in the inbox
// with the people invited: one for each, and nobody else. A mail that was
// accepted just before its sender was killed may have come again, at most so
// often, and is then the same mail.
func (w *world) requireMails(since time.Time, f models.InviteFile, l list, again int) {
	w.t.Helper()
	w.await("no mail waits any more", func() bool {
		return w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND state NOT IN ('sent', 'dead', 'cancelled')`, nil) == 0
	})
	require.Equal(w.t, len(l.invitees()), w.sent(f))
	ids := map[string]map[string]bool{}
	mails := 0
	for _, m := range w.Inbox.Messages(inbox.Filter{After: since}) {
		require.Len(w.t, m.To, 1)
		if !strings.HasSuffix(m.To[0], listDomain) {
			continue // to the uploader, and welcomes to the people that the test made
		}
		mails++
		if ids[m.To[0]] == nil {
			ids[m.To[0]] = map[string]bool{}
		}
		ids[m.To[0]][messageID(m)] = true
	}
	w.same("recipients", l.invitees(), slices.Sorted(maps.Keys(ids)))
	for recipient, different := range ids {
		require.Len(w.t, different, 1, "%s got different mails", recipient)
		require.NotContains(w.t, different, "", "a mail without id")
	}
	require.LessOrEqual(w.t, mails-len(ids), again, "mails came twice")
	w.t.Logf("%d mails, %d of them twice", mails, mails-len(ids))
}

// messageID is the mail's own name.
func messageID(m inbox.Message) string {
	for name, value := range m.Headers {
		if strings.EqualFold(name, "Message-ID") {
			return value
		}
	}
	return ""
}
