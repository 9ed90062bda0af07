package orgupload_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/people/orgupload"
	"quad/internal/process"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
	"quad/worker"
)

// All kinds of rows in one upload, in the wrong order of files and of rows.
func TestUploadDoesWhatSingleCallsDo(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	u := w.submit(
		file("user_groups.csv", "groupIdentifier;userIdentifier", "T1;u-1", "T1;u-2", "T1;u-1", "nowhere;u-1", "T1;nobody"),
		file("users.csv", "\xEF\xBB\xBFIDENTIFIER,username,firstName,lastName,email,password,isActive,possibleRoles,subAccountName,customAttributes,phone,address\r",
			`u-1,ann,Ann,Lee,Ann@Example.test,,,LEARNER; INSTRUCTOR,North,"{""level"": 3}",+1 555,"1 Main St`,
			`Springfield"`+"\r",
			"u-2,bob,Bob,Ray,bob@example.test,a good password,,,,,,",
			"u-3,cid,Cid,Fox,,,false,,,,,",
			"",
			"u-4,ANN,No,One,no@example.test,,,,,,,",
			"u-1,,Anna,,,,,,,,,",
			"u-5,eve,Eve,Orr,eve@example.test,,maybe,,,,,",
			"u-6,fay,Fay,Orr,fay@example.test,short,,,,,,",
			`u-7,gus,"Gus"x,Orr,,,,,,,,`,
			"u-8,hal,Hal,Orr,hal@example.test,,,,,,,,more",
			"entitlements,ida,Ida,Orr,ida@example.test,,,,,,,",
			"u-9,jon,Jon,Orr,jon@example.test,,,KING,,,,",
			"u-10,kim,Kim,Orr,kim@example.test,,,,Nowhere,,,"),
		file("groups.csv", "identifier,name,type,parentIdentifier,subAccountName",
			"T1,Night shift,TEAM,B1,", "B1,Branch 1,BRANCH,R1,", "R1,Region 1,REGION,,", "B2,Branch 2,BRANCH,,", "X1,X,TEAM,X2,", "X2,X,TEAM,X1,", "list,L,REGION,,"),
		file("people.csv", "identifier", "u-1"),
		file("users.csv", "identifier", "u-1"),
	)
	require.Equal(t, []models.OrgFileStatus{models.OrgFileQueued, models.OrgFileQueued, models.OrgFileQueued, models.OrgFileRejected, models.OrgFileRejected}, statuses(u))
	require.Contains(t, *u.Files[3].Message, "not known")
	require.Contains(t, *u.Files[4].Message, "before it")

	p, u := w.ended(*u.ProcessID)
	require.Equal(t, models.ProcessCompletedWithErrors, p.State, p.Error)
	require.Equal(t, []models.OrgFileStatus{models.OrgFileProcessedWithErrors, models.OrgFileProcessedWithErrors, models.OrgFileProcessedWithErrors,
		models.OrgFileRejected, models.OrgFileRejected}, statuses(u))
	require.Equal(t, []string{
		"user_groups.csv 1 linked", "user_groups.csv 2 linked", "user_groups.csv 3 linked",
		"user_groups.csv 4 failed: there is no such group", "user_groups.csv 5 failed: there is no such user",
		"users.csv 1 created", "users.csv 2 created", "users.csv 3 created",
		"users.csv 4 failed: a user with this user name exists already",
		"users.csv 5 updated",
		"users.csv 6 failed: isActive must be true or false",
		"users.csv 7 failed: password is shorter than 8 characters",
		"users.csv 8 failed: the row has quotes that do not pair",
		"users.csv 9 failed: the row has more cells than the header",
		"users.csv 10 failed: identifier is reserved",
		"users.csv 11 failed: possibleRoles is invalid, must be one of: SITE_ADMIN,LEARNER,INSTRUCTOR,EDITOR,PREVIEW,MANAGER,HR_MANAGER,SITE_TRAINING_MANAGER,EVALUATOR",
		"users.csv 12 failed: there is no such organization",
		"groups.csv 1 created", "groups.csv 2 created", "groups.csv 3 created",
		"groups.csv 4 failed: parentIdentifier is needed: only groups of type REGION need no parent",
		"groups.csv 5 failed: there is no such parent group", "groups.csv 6 failed: there is no such parent group",
		"groups.csv 7 failed: identifier is a word that cannot be used",
	}, w.verdicts(p.ID))
	require.EqualValues(t, 24, p.Done)
	require.EqualValues(t, 24, p.Total)
	require.JSONEq(t, `{"created": 6, "updated": 1, "linked": 3, "failed": 14}`, string(p.Counters))

	e, err := w.People.ExternalUser(w.ctx, ref.ByIdentifier("u-1"), "")
	require.NoError(t, err)
	require.Equal(t, []any{"Anna", "Lee", "ann@example.test", "1 Main St\nSpringfield"}, []any{*e.FirstName, *e.LastName, *e.Email, *e.Address})
	require.JSONEq(t, `{"level": 3}`, string(e.CustomAttributes))
	require.Equal(t, []string{"learner", "instructor"}, e.PossibleRoles)
	require.Equal(t, []string{"North"}, e.SubAccounts)
	require.Equal(t, []string{"u-1", "u-2"}, w.column(`SELECT u.identifier FROM group_members m JOIN groups g ON g.id = m.group_id JOIN users u ON u.id = m.user_id
		WHERE m.account_id = @account_id AND g.identifier = 'T1' ORDER BY 1`))
	require.Equal(t, []string{"R1>B1", "B1>T1"}, w.column(`SELECT p.identifier || '>' || g.identifier FROM groups g JOIN groups p ON p.id = g.parent_id
		WHERE g.account_id = @account_id ORDER BY p.id`))
	// Written for the client, not for nobody.
	require.Equal(t, []string{"enabley"}, w.column(`SELECT DISTINCT door FROM audit_events WHERE account_id = @account_id AND action = 'user.created' AND client_id IS NOT NULL`))

	t.Run("one invitation to each new person who has no password", func(t *testing.T) {
		require.Equal(t, []string{"ann@example.test"}, w.column(`SELECT email FROM invites WHERE account_id = @account_id`))
		link := w.invitationFor("ann@example.test")
		signed, err := w.People.AcceptInvite(t.Context(), link, "Somebody Else", "my own password")
		require.NoError(t, err)
		require.Equal(t, "Anna Lee", signed.User.Name)
		require.True(t, signed.User.EmailVerified)
		require.NotEmpty(t, signed.Tokens.Access)
		_, err = w.People.SignIn(w.Context(), people.SignIn{Email: "ann@example.test", Password: "my own password"})
		require.NoError(t, err)
		_, err = w.People.SignIn(w.Context(), people.SignIn{Email: "bob@example.test", Password: "a good password"})
		require.NoError(t, err)
		_, err = w.People.AcceptInvite(t.Context(), link, "", "another password")
		require.ErrorIs(t, err, people.ErrInviteInvalid)
	})
	t.Run("no password is anywhere", func(t *testing.T) {
		for _, table := range []string{"org_upload_rows", "org_upload_files", "processes", "process_events", "audit_events", "notifications"} {
			require.Zero(t, w.count(`SELECT count(*) FROM `+table+` x WHERE account_id = @account_id AND x::text LIKE '%a good password%'`, nil), table)
		}
		r, err := w.Blob.NewReader(w.ctx, *u.Files[1].BlobKey)
		require.NoError(t, err)
		defer func() { _ = r.Close() }()
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotContains(t, string(content), "password")
	})
}

// The content of an upload without mistakes is gone with its end, and there is
// nothing to retry.
func TestUploadWithoutMistakes(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	u := w.submit(file("users.csv", "identifier,username,firstName,lastName", "u-1,ann,Ann,Lee"), file("groups.csv", "identifier"))
	p, after := w.ended(*u.ProcessID)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.Equal(t, []models.OrgFileStatus{models.OrgFileProcessed, models.OrgFileProcessed}, statuses(after))
	hubtest.Eventually(t, "the content is deleted", func() bool { return w.kept(u) == 0 })
	_, err := w.Processes.Retry(w.ctx, p.ID)
	require.ErrorIs(t, err, process.ErrState)
	require.Empty(t, w.column(`SELECT email FROM invites WHERE account_id = @account_id`), "nobody without an address")
}

// A retry works on what failed, and on nothing else.
func TestRetry(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	u := w.submit(
		file("users.csv", "identifier,username,firstName,lastName,email,subAccountName", "u-1,ann,Ann,Lee,ann@example.test,", "u-2,bob,Bob,Ray,bob@example.test,South"),
		file("user_groups.csv", "userIdentifier,groupIdentifier", "u-1,R1"))
	p, _ := w.ended(*u.ProcessID)
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.Equal(t, 2, w.kept(u), "for the retry")
	w.NewOrganization("South", "south")
	name, kind := "Region", "REGION"
	_, err := w.Groups.Create(w.ctx, "R1", group.Change{Name: &name, Type: &kind})
	require.NoError(t, err)
	_, err = w.DB.Exec(w.Context(), `UPDATE users SET first_name = 'Changed' WHERE account_id = @account_id AND identifier = 'u-1'`, nil)
	require.NoError(t, err)

	next, err := w.Processes.Retry(w.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, 2, next.Attempt)
	_, err = w.Processes.Retry(w.ctx, p.ID)
	require.ErrorIs(t, err, orgupload.ErrNewerAttempt)
	p, after := w.ended(next.ID)
	require.Equal(t, models.ProcessCompleted, p.State)
	require.Equal(t, []models.OrgFileStatus{models.OrgFileProcessed, models.OrgFileProcessed}, statuses(after))
	require.Equal(t, []string{"users.csv 1 created", "users.csv 2 created", "user_groups.csv 1 linked"}, w.verdicts(p.ID))
	require.JSONEq(t, `{"created": 2, "updated": 0, "linked": 1, "failed": 0}`, string(p.Counters))
	require.Equal(t, []string{"Changed", "Bob"}, w.column(`SELECT first_name FROM users WHERE account_id = @account_id AND identifier LIKE 'u-%' ORDER BY identifier`))
	require.Equal(t, []string{"1", "1"}, w.column(`SELECT CAST(count(*) AS text) FROM notifications WHERE account_id = @account_id AND template = 'generic_invite' GROUP BY recipient`))
	hubtest.Eventually(t, "the content is deleted", func() bool { return w.kept(u) == 0 })
}

// Contents that nobody has come back for are deleted, and a retry says so.
func TestPurge(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	u := w.submit(file("user_groups.csv", "userIdentifier,groupIdentifier", "u-1,R1"))
	p, _ := w.ended(*u.ProcessID)
	require.NoError(t, w.Uploads.Purge(t.Context()))
	require.Equal(t, 1, w.kept(u))
	_, err := w.DB.Exec(w.Context(), `UPDATE processes SET ended_at = ended_at - make_interval(secs => @keep) WHERE account_id = @account_id`,
		store.Args{"keep": orgupload.Keep.Seconds()})
	require.NoError(t, err)
	require.NoError(t, w.Uploads.Purge(t.Context()))
	require.Zero(t, w.kept(u))
	_, err = w.Processes.Retry(w.ctx, p.ID)
	require.ErrorIs(t, err, orgupload.ErrContentGone)
}

// Cancelling stops before the next page; a retry goes on.
func TestCancel(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	lines := []string{"identifier,username,firstName,lastName"}
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("u-%d,user%d,User,%d", i, i, i))
	}
	u := w.submit(file("users.csv", lines...), file("user_groups.csv", "userIdentifier,groupIdentifier", "u-1,R1"))
	hubtest.Eventually(t, "a page is written", func() bool {
		p, err := w.Processes.Get(w.ctx, *u.ProcessID)
		return err == nil && p.Done > 0
	})
	_, err := w.Processes.Cancel(w.ctx, *u.ProcessID)
	require.NoError(t, err)
	p, after := w.ended(*u.ProcessID)
	require.Equal(t, models.ProcessCancelled, p.State)
	require.Less(t, p.Done, int64(3000))
	require.Equal(t, p.Done, w.count(`SELECT count(*) FROM org_upload_rows WHERE account_id = @account_id`, nil))
	require.Equal(t, []models.OrgFileStatus{models.OrgFileProcessedWithErrors, models.OrgFileProcessedWithErrors}, statuses(after))
	require.Equal(t, fmt.Sprintf("Stopped after %d of 3000 rows. Retry the process to go on.", p.Done), *after.Files[0].Message)
	next, err := w.Processes.Retry(w.ctx, p.ID)
	require.NoError(t, err)
	p, after = w.ended(next.ID)
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.Nil(t, after.Files[0].Message)
	require.JSONEq(t, `{"created": 3000, "updated": 0, "linked": 0, "failed": 1}`, string(p.Counters))
}

// Who is invited by a list becomes the person that a system makes: the
// invitation is that person's from then on.
func TestInvitationBecomesThePersons(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	mentor := w.count(`SELECT id FROM roles WHERE account_id = @account_id AND title = 'mentor'`, nil)
	old := models.Invite{OrganizationID: w.Organization.ID, FileID: 1, Email: "ann@example.test", Name: "Invited", RoleIDs: []int64{mentor},
		Status: models.InvitePending, TokenVersion: 1, ExpiresAt: w.DB.Conn(w.Context()).NowFunc().AddDate(0, 0, 1)}
	require.NoError(t, w.DB.Conn(w.Context()).Create(&old).Error)
	u := w.submit(file("users.csv", "identifier,username,firstName,lastName,email", "u-1,ann,Ann,Lee,ann@example.test"))
	p, _ := w.ended(*u.ProcessID)
	require.Equal(t, models.ProcessCompleted, p.State)
	link := w.invitationFor("ann@example.test")
	_, err := w.People.AcceptInvite(t.Context(), auth.InviteToken(w.Keys, old.ID, 1), "Ann", "my own password")
	require.ErrorIs(t, err, people.ErrInviteInvalid)
	signed, err := w.People.AcceptInvite(t.Context(), link, "", "my own password")
	require.NoError(t, err)
	require.Equal(t, "u-1", *signed.User.Identifier)
	require.Contains(t, titles(signed.Roles), "mentor")
	require.Equal(t, []string{"1 ACCEPTED"}, w.column(`SELECT file_id || ' ' || status FROM invites WHERE account_id = @account_id`))
}

// An invitation is pointless once its user has a password or another address.
func TestInvitationOfAPersonWhoHasChanged(t *testing.T) {
	w := newWorld(t, hubtest.Options{Worker: worker.Run})
	w.ended(*w.submit(file("users.csv", "identifier,username,firstName,lastName,email",
		"u-1,ann,Ann,Lee,ann@example.test", "u-2,bob,Bob,Ray,bob@example.test", "u-3,cid,Cid,Fox,cid@example.test")).ProcessID)
	tokens := []string{w.invitationFor("ann@example.test"), w.invitationFor("bob@example.test"), w.invitationFor("cid@example.test")}
	w.ended(*w.submit(file("users.csv", "identifier,email,password,isActive", "u-1,,a good password,", "u-2,other@example.test,,", "u-3,,,false")).ProcessID)
	for _, link := range tokens {
		_, err := w.People.InspectInvite(t.Context(), link)
		require.ErrorIs(t, err, people.ErrInviteInvalid)
		_, err = w.People.AcceptInvite(t.Context(), link, "", "my own password")
		require.ErrorIs(t, err, people.ErrInviteInvalid)
	}
}

// What cannot be used at all is refused, and nothing is kept.
func TestSubmitRefuses(t *testing.T) {
	w := newWorld(t, hubtest.Options{})
	for name, files := range map[string][]orgupload.File{
		"nothing":      nil,
		"unknown name": {file("Users.csv", "identifier")},
		"all bad":      {file("users.csv", "identifier,nickname"), file("groups.csv", "name"), {Name: "user_groups.csv"}},
		"too many":     make([]orgupload.File, orgupload.MaxFiles+1),
		"bad name":     {{Name: "users.csv\x00"}, file("groups.csv", "identifier")},
	} {
		_, err := w.Uploads.Submit(w.ctx, files)
		require.Equal(t, models.KindInvalid, models.KindOf(err), name)
	}
	_, err := w.Uploads.Submit(w.Context(), []orgupload.File{file("users.csv", "identifier")})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	person := w.NewPerson(0, 0, "mentee", models.RoleMentee)
	_, err = w.Uploads.Submit(auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, UserID: person.ID, Roles: []string{models.RoleMentee}}),
		[]orgupload.File{file("users.csv", "identifier")})
	require.ErrorIs(t, err, models.ErrForbidden)
	require.Zero(t, w.count(`SELECT count(*) FROM org_uploads WHERE account_id = @account_id`, nil))

	_, err = w.Uploads.Get(w.ctx, 1)
	require.ErrorIs(t, err, orgupload.ErrUnknown)
	u := w.submit(file("users.csv", "identifier"))
	other, _ := w.NewAccount("other.example")
	elsewhere := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: other.ID, ClientID: 1, Roles: []string{models.RoleAdmin}})
	_, err = w.Uploads.Get(elsewhere, *u.ProcessID)
	require.ErrorIs(t, err, orgupload.ErrUnknown)
	_, _, err = w.Uploads.Rows(elsewhere, *u.ProcessID, orgupload.RowFilter{})
	require.ErrorIs(t, err, orgupload.ErrUnknown)
}

// A process that never ran is cancelled with its files.
func TestCancelBeforeTheStart(t *testing.T) {
	w := newWorld(t, hubtest.Options{})
	u := w.submit(file("users.csv", "identifier", "u-1"))
	_, err := w.DB.Exec(w.Context(), `UPDATE processes SET started_at = NULL WHERE account_id = @account_id`, nil)
	require.NoError(t, err)
	p, err := w.Processes.Cancel(w.ctx, *u.ProcessID)
	require.NoError(t, err)
	require.Equal(t, models.ProcessCancelled, p.State)
	after, err := w.Uploads.Get(w.ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, "Stopped after 0 of 1 rows. Retry the process to go on.", *after.Files[0].Message)
}
