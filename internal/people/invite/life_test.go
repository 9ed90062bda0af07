package invite

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// A hundred identical requests at once are one process, and all get its file.
func TestHundredRequestsAreOne(t *testing.T) {
	e := newEnv(t, testConfig())
	e.upload("list.csv", []byte(listOf(5)))
	var mu sync.Mutex
	files := map[int64]int{}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			f, err := e.svc.Submit(e.ctx, Submission{Path: "list.csv"})
			require.NoError(t, err)
			require.NotNil(t, f.ProcessID)
			mu.Lock()
			defer mu.Unlock()
			files[f.ID]++
		})
	}
	group.Wait()
	require.Len(t, files, 1)
	var processes, rows int64
	require.NoError(t, e.db.Conn(e.ctx).Model(&models.Process{}).Count(&processes).Error)
	require.NoError(t, e.db.Conn(e.ctx).Model(&models.InviteFile{}).Count(&rows).Error)
	require.EqualValues(t, 1, processes)
	require.EqualValues(t, 1, rows, "what lost the race is rolled back")
}

func TestSubmitRows(t *testing.T) {
	e := newEnv(t, testConfig())
	rows := []Person{{"Ann, Lee", "ann@rows.example", []string{"mentor", "mentee"}}, {"", "x", nil}}
	input := json.RawMessage(toJSON(t, map[string]any{"rows": rows, "dryRun": false}))
	ctx := auth.WithPrincipal(t.Context(), e.native())
	p, err := e.svc.processes.Start(ctx, models.ProcessBulkInvite, input, "key-1")
	require.NoError(t, err)
	again, err := e.svc.processes.Start(ctx, models.ProcessBulkInvite, input, "key-1")
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID)
	f := e.run(e.file(p.SubjectID))
	verdicts := e.verdictsOf(f)
	require.Equal(t, []string{"invited", "invalid_all"}, []string{verdicts[0].Verdict, verdicts[1].Verdict})
	require.Contains(t, e.result(f), "name,email,roles,verdict,explanation,id\n\"Ann, Lee\",ann@rows.example,\"mentor,mentee\",invited,invited,")
	// The key still answers after the end; the same rows under a new key are a
	// new process of the same list.
	again, err = e.svc.processes.Start(ctx, models.ProcessBulkInvite, input, "key-1")
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID)
	next, err := e.svc.processes.Start(ctx, models.ProcessBulkInvite, input, "key-2")
	require.NoError(t, err)
	require.NotEqual(t, p.ID, next.ID)
	_, err = e.svc.processes.Start(ctx, models.ProcessBulkInvite, json.RawMessage(`{"path":"other.csv"}`), "key-1")
	require.ErrorIs(t, err, process.ErrKeyReused)
}

func TestWhoMaySubmit(t *testing.T) {
	e := newEnv(t, testConfig())
	as := func(org int64, roles ...string) error {
		ctx := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: e.account, UserID: e.uploader, OrganizationID: org, Door: "native", Roles: roles})
		_, err := e.svc.Submit(ctx, Submission{OrganizationID: e.org, Path: "x.csv"})
		return err
	}
	require.NoError(t, as(e.org, models.RoleOrgAdmin))
	require.NoError(t, as(e.home, models.RoleAdmin))
	require.ErrorIs(t, as(e.other, models.RoleOrgAdmin), models.ErrForbidden)
	require.ErrorIs(t, as(e.org, models.RoleMentor), models.ErrForbidden)
	_, err := e.svc.Submit(e.worker(), Submission{Path: "x.csv"})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	for _, bad := range []Submission{{}, {Path: "a", Rows: []Person{{}}}, {Path: strings.Repeat("x", 600)}, {Rows: []Person{{Name: "\x00"}}}, {Rows: make([]Person, MaxInlineRows+1)}} {
		_, err := e.svc.Submit(e.ctx, bad)
		require.Equal(t, models.KindInvalid, models.KindOf(err))
	}
}

// A cancel stops before the next page of each writer; the result says how far
// it came, and a retry does the rest.
func TestCancelAndGoOn(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 10
	e := newEnv(t, cfg)
	f := e.submit("list.csv", listOf(95))
	in := e.input(f)
	_, err := e.svc.Check(e.worker(), in, func(int64) {})
	require.NoError(t, err)
	var cancel sync.Once
	out, err := e.svc.ImportPages(e.worker(), in, never, func(Imported) {
		cancel.Do(func() { // between two pages
			_, err := e.svc.processes.Cancel(e.ctx, in.ProcessID)
			require.NoError(t, err)
		})
	})
	require.NoError(t, err)
	require.Equal(t, Imported{Done: out.Done, Total: 95, More: true, Cancelled: true}, out)
	require.Zero(t, out.Done%10, "whole pages")
	require.LessOrEqual(t, out.Done, int64(10*(1+2*pageWriters)), "no more than was under way")
	_, err = e.svc.WriteResult(e.worker(), in, "", func(int64) {})
	require.NoError(t, err)
	require.NoError(t, e.svc.Finish(e.worker(), in, Ending{Cancelled: true}))
	f = e.file(f.ID)
	require.Equal(t, models.InviteFileCancelled, f.Status)
	p := e.proc(f)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.Equal(t, out.Done, p.Done)
	require.EqualValues(t, 95-out.Done, strings.Count(e.result(f), ",Not processed\n"))
	require.Len(t, e.world()["invites"], int(out.Done))

	next, err := e.svc.processes.Retry(e.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, 2, next.Attempt)
	f = e.run(e.file(f.ID))
	require.Equal(t, models.ProcessCompleted, e.proc(f).State)
	require.JSONEq(t, `{"invited": 95}`, string(e.proc(f).Counters))
	require.Len(t, e.world()["invites"], 95)
	require.NotContains(t, e.result(f), "Not processed")
	_, err = e.svc.processes.Retry(e.ctx, p.ID)
	require.ErrorIs(t, err, ErrNewerAttempt)
}

// A cancel that comes before anything ran ends the file at once.
func TestCancelBeforeStart(t *testing.T) {
	e := newEnv(t, testConfig())
	f := e.submit("list.csv", listOf(5))
	_, err := e.svc.processes.Cancel(e.ctx, *f.ProcessID)
	require.NoError(t, err)
	require.Equal(t, models.InviteFileCancelled, e.file(f.ID).Status)
}

// A retry looks at the bad rows alone: what was good stays as it is, whatever
// happened to it since.
func TestRetryOfFailedRows(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 3
	e := newEnv(t, cfg)
	f := e.run(e.submit("list.csv", "name,email,roles\nA,a@r.example,mentor\nB,b@r.example,coach\nC,c@r.example,mentor\nD,d@r.example,coach\nE,,\nF,f@r.example,mentor\n"))
	first := *f.OutputPath
	require.JSONEq(t, `{"invited": 3, "unknown_role": 2, "invalid_email_roles": 1}`, string(e.proc(f).Counters))
	require.NoError(t, e.db.Conn(e.ctx).Create(&models.Role{OrganizationID: e.home, Title: "Coach", Status: models.StatusActive, Visibility: "PUBLIC"}).Error)
	_, err := e.db.Exec(e.worker(), `UPDATE invites SET status = 'REVOKED' WHERE account_id = @account_id AND email = 'a@r.example'`, nil)
	require.NoError(t, err)
	old := e.verdictsOf(f)

	_, err = e.svc.processes.Retry(e.ctx, *f.ProcessID)
	require.NoError(t, err)
	f = e.run(e.file(f.ID))
	rows := e.verdictsOf(f)
	got := make([]string, len(rows))
	for i, r := range rows {
		got[i] = r.Verdict
	}
	require.Equal(t, []string{"invited", "invited", "invited", "invited", "invalid_email_roles", "invited"}, got)
	require.Equal(t, old[0], rows[0], "the good row was not looked at")
	require.Equal(t, 2, rows[1].Attempt)
	p := e.proc(f)
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.JSONEq(t, `{"invited": 5, "invalid_email_roles": 1}`, string(p.Counters))
	require.NotEqual(t, first, *f.OutputPath)
	require.Contains(t, e.result(f), fmt.Sprintf("B,b@r.example,coach,%d\n", *rows[1].InviteID))
	var mails int64
	require.NoError(t, e.db.Conn(e.ctx).Model(&models.Notification{}).Where("template = 'invitee_upload_status'").Count(&mails).Error)
	require.EqualValues(t, 2, mails, "one for each attempt")
}

// A file whose check failed is checked again by a retry.
func TestRetryOfFailedCheck(t *testing.T) {
	e := newEnv(t, testConfig())
	f, err := e.svc.Submit(e.ctx, Submission{Path: "late.csv"})
	require.NoError(t, err)
	f = e.run(f)
	require.Equal(t, models.InviteFileFailed, f.Status)
	e.upload("late.csv", []byte(listOf(3)))
	_, err = e.svc.processes.Retry(e.ctx, *f.ProcessID)
	require.NoError(t, err)
	f = e.run(e.file(f.ID))
	require.Equal(t, models.InviteFileProcessed, f.Status)
	require.Nil(t, f.Failure)
}

// A file that is replaced while it is imported is not mixed with the new one.
func TestReplacedFile(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 2
	e := newEnv(t, cfg)
	f := e.submit("list.csv", listOf(10))
	in := e.input(f)
	_, err := e.svc.Check(e.worker(), in, func(int64) {})
	require.NoError(t, err)
	once := func() bool { return true }
	out, err := e.svc.ImportPages(e.worker(), in, once, func(Imported) {})
	require.NoError(t, err)
	require.Equal(t, Imported{Done: out.Done, Total: 10, More: true}, out)
	require.LessOrEqual(t, out.Done, int64(2*pageWriters), "a page of each writer")
	e.upload("list.csv", []byte(listOf(11)))
	_, err = e.svc.ImportPages(e.worker(), in, never, func(Imported) {})
	require.Equal(t, models.KindConflict, models.KindOf(err), "a refusal: trying again would not help")
	written, err := e.svc.WriteResult(e.worker(), in, "", func(int64) {})
	require.NoError(t, err)
	require.Contains(t, written.Failure, "replaced")
	require.NoError(t, e.svc.Finish(e.worker(), in, Ending{Failure: written.Failure}))
	require.Contains(t, e.result(e.file(f.ID)), written.Failure)
}

var resultName = regexp.MustCompile(`^userInviteStatusCSV/\d+/output-user-invite\d{4}_\d\d_\d\d_\d\d_\d\d(_\d+_\d+)?\.csv$`)

// Results of the same minute do not overwrite each other, and are downloadable
// by the organization.
func TestResultPaths(t *testing.T) {
	e := newEnv(t, testConfig())
	paths := map[string]bool{}
	for i := range 3 {
		f := e.run(e.submit(fmt.Sprintf("list%d.csv", i), listOf(2)))
		require.Regexp(t, resultName, *f.OutputPath)
		paths[*f.OutputPath] = true
		var stored models.StoredFile
		require.NoError(t, e.db.Conn(e.ctx).Where("path = ?", *f.OutputPath).Take(&stored).Error)
		require.Equal(t, e.org, stored.OrganizationID)
		files, _, err := e.svc.Files(e.ctx, FileFilter{Limit: 1})
		require.NoError(t, err)
		in, out, err := e.svc.Links(e.ctx, files[0])
		require.NoError(t, err)
		require.Regexp(t, `^http.*/list`, in)
		require.Contains(t, out, "output-user-invite")
	}
	require.Len(t, paths, 3)
}

func (e *env) invite(email string) models.Invite {
	e.t.Helper()
	var i models.Invite
	require.NoError(e.t, e.db.Conn(e.ctx).Where("email = ?", email).Order("id DESC").Take(&i).Error)
	return i
}

// mail gives the unsent mail about an invitation's token version.
func (e *env) mail(i models.Invite, version int) models.Notification {
	e.t.Helper()
	var n models.Notification
	require.NoError(e.t, e.db.Conn(e.ctx).Where("event_key = ?", fmt.Sprintf("invite/%d/%d", i.ID, version)).Take(&n).Error)
	return n
}

func TestResendRevokeLapse(t *testing.T) {
	e := newEnv(t, testConfig())
	f := e.run(e.submit("list.csv", "name,email,roles\nAnn,ann@life.example,\"mentor,mentee\"\nBob,bob@life.example,mentor\nCid,cid@life.example,mentor\n"))
	ann, bob, cid := e.invite("ann@life.example"), e.invite("bob@life.example"), e.invite("cid@life.example")

	params, err := e.svc.inviteParams(e.worker(), e.mail(ann, 1))
	require.NoError(t, err)
	require.Equal(t, "Ann", params["name"])
	require.Equal(t, "Organization 1", params["organization"])
	require.Equal(t, "mentee, mentor", params["roles"])
	require.Contains(t, params["link"], "http://hub.test/invite?token=")
	id, version, ok := auth.ParseInviteToken(e.svc.keys, strings.TrimPrefix(params["link"], "http://hub.test/invite?token="))
	require.True(t, ok)
	require.Equal(t, ann.ID, id)
	require.Equal(t, 1, version)

	// Sent again: a new link and a new mail; the old mail has lost its reason.
	resent, err := e.svc.Resend(e.ctx, ann.ID)
	require.NoError(t, err)
	require.Equal(t, 2, resent.TokenVersion)
	require.True(t, resent.ExpiresAt.After(ann.ExpiresAt))
	_, err = e.svc.inviteParams(e.worker(), e.mail(ann, 1))
	require.ErrorIs(t, err, notify.ErrObsolete)
	newer, err := e.svc.inviteParams(e.worker(), e.mail(ann, 2))
	require.NoError(t, err)
	require.NotEqual(t, params["link"], newer["link"])

	// Revoked: its mail will not leave, and it cannot be sent again.
	for range 2 {
		revoked, err := e.svc.Revoke(e.ctx, bob.ID)
		require.NoError(t, err)
		require.Equal(t, models.InviteRevoked, revoked.Status)
	}
	_, err = e.svc.inviteParams(e.worker(), e.mail(bob, 1))
	require.ErrorIs(t, err, notify.ErrObsolete)
	_, err = e.svc.Resend(e.ctx, bob.ID)
	require.ErrorIs(t, err, ErrInviteClosed)

	// Past its end it reads as lapsed before any sweep, and can be sent again.
	_, err = e.db.Exec(e.worker(), `UPDATE invites SET expires_at = now() - interval '1 second' WHERE account_id = @account_id AND id = @id`, store.Args{"id": cid.ID})
	require.NoError(t, err)
	list, err := e.svc.Invites(e.ctx, f.ID, bob.ID, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, models.InviteLapsed, list[0].Status)
	_, err = e.svc.inviteParams(e.worker(), e.mail(cid, 1))
	require.ErrorIs(t, err, notify.ErrObsolete)
	_, err = e.svc.Revoke(e.ctx, cid.ID)
	require.ErrorIs(t, err, ErrInviteClosed)
	closed, err := e.svc.Lapse(t.Context(), func(int64) {})
	require.NoError(t, err)
	require.EqualValues(t, 1, closed)
	require.Equal(t, models.InviteLapsed, e.invite("cid@life.example").Status)
	closed, err = e.svc.Lapse(t.Context(), func(int64) {})
	require.NoError(t, err)
	require.Zero(t, closed)
	back, err := e.svc.Resend(e.ctx, cid.ID)
	require.NoError(t, err)
	require.Equal(t, models.InvitePending, back.Status)

	// A lapsed one whose person was invited anew stays closed.
	_, err = e.db.Exec(e.worker(), `UPDATE invites SET expires_at = now() - interval '1 second' WHERE account_id = @account_id AND id = @id`, store.Args{"id": cid.ID})
	require.NoError(t, err)
	e.run(e.submit("again.csv", "name,email,roles\nCid,cid@life.example,mentor\n"))
	require.NotEqual(t, cid.ID, e.invite("cid@life.example").ID)
	_, err = e.svc.Resend(e.ctx, cid.ID)
	require.ErrorIs(t, err, ErrInviteClosed)

	// Another organization's admin does not see any of it.
	stranger := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: e.account, UserID: e.uploader, OrganizationID: e.other, Roles: []string{models.RoleOrgAdmin}})
	_, err = e.svc.Revoke(stranger, ann.ID)
	require.ErrorIs(t, err, ErrInviteNotFound)
	_, err = e.svc.Resend(stranger, ann.ID)
	require.ErrorIs(t, err, ErrInviteNotFound)
	_, err = e.svc.Invites(stranger, f.ID, 0, 0)
	require.ErrorIs(t, err, ErrFileNotFound)
}

func TestStatusMail(t *testing.T) {
	e := newEnv(t, testConfig())
	f := e.run(e.submit("list.csv", "name,email,roles\nA,a@m.example,mentor\nB,,\n"))
	var n models.Notification
	require.NoError(t, e.db.Conn(e.ctx).Where("template = 'invitee_upload_status'").Take(&n).Error)
	params, err := e.svc.statusParams(e.worker(), n)
	require.NoError(t, err)
	require.Equal(t, []string{"2", "1", "1", "processed", "list.csv"}, []string{params["rows"], params["bad"], params["invited"], params["status"], params["file"]})
	require.Contains(t, params["link"], "userInviteStatusCSV/")
	require.NotContains(t, string(n.Params), "http", "links are not stored")
	require.NotNil(t, f.OutputPath)
}

func TestLists(t *testing.T) {
	e := newEnv(t, testConfig())
	for i := range 5 {
		f := e.submit(fmt.Sprintf("list%d.csv", i), listOf(2))
		if i%2 == 0 {
			e.run(f)
		}
	}
	files, count, err := e.svc.Files(e.ctx, FileFilter{Statuses: []models.InviteFileStatus{models.InviteFileProcessed}, Page: 2, Limit: 2})
	require.NoError(t, err)
	require.EqualValues(t, 3, count)
	require.Len(t, files, 1)
	require.Equal(t, "list0.csv", files[0].Name)
	files, count, err = e.svc.Files(e.ctx, FileFilter{Page: 9})
	require.NoError(t, err)
	require.EqualValues(t, 5, count)
	require.Empty(t, files)
	files, _, err = e.svc.Files(e.ctx, FileFilter{})
	require.NoError(t, err)
	require.Len(t, files, 5)
	require.Greater(t, files[0].ID, files[4].ID)
	rows, err := e.svc.Rows(e.ctx, files[4].ID, RowFilter{Verdict: Invited, After: 1})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.EqualValues(t, 2, rows[0].RowNo)
}

// Any path may be submitted, but a link is given for files of the organization
// only: not for another one's, and none can be for what is no path at all.
func TestOthersFilesHaveNoLink(t *testing.T) {
	e := newEnv(t, testConfig())
	e.upload("theirs.csv", []byte(listOf(1)))
	require.NoError(t, e.db.Conn(e.ctx).Model(&models.StoredFile{}).Where("path = ?", "theirs.csv").Update("organization_id", e.other).Error)
	for _, path := range []string{"theirs.csv", "../../../etc/passwd", "a\r\nb", "users/1-1-missing.csv"} {
		_, err := e.svc.Submit(e.ctx, Submission{Path: path})
		require.NoError(t, err)
		files, _, err := e.svc.Files(e.ctx, FileFilter{Limit: 1})
		require.NoError(t, err)
		in, out, err := e.svc.Links(e.ctx, files[0])
		require.NoError(t, err)
		require.Equal(t, path, in)
		require.Empty(t, out)
	}
}

func TestSampleIsAGoodList(t *testing.T) {
	e := newEnv(t, testConfig())
	f := e.run(e.submit(SampleName, string(Sample())))
	require.Equal(t, models.ProcessCompleted, e.proc(f).State)
	require.WithinDuration(t, time.Now().Add(e.svc.cfg.LapseAfter), e.invite("asha.rao@example.com").ExpiresAt, time.Minute)
}
