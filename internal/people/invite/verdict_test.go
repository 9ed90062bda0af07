package invite

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// kinds is a list with every kind of row, and what becomes of it.
type kind struct {
	row     string // as in the file
	verdict Verdict
	elevate string // "#" for an id
}

// everyKind prepares known people and gives rows of all kinds. The order
// matters for duplicates only.
func (e *env) everyKind() []kind {
	e.user("full@known.example", e.org, models.RoleMentor, models.RoleMentee)
	e.user("lacking@known.example", e.org, models.RoleMentee)
	e.user("home@known.example", e.home, models.RoleMentor)
	e.user("home-admin@known.example", e.home, models.RoleAdmin)
	e.user("foreign@known.example", e.other, models.RoleMentor)
	inactive := e.user("inactive@known.example", e.org, models.RoleMentor)
	pending := func(email string, org int64, expires string) {
		_, err := e.db.Exec(e.worker(), `INSERT INTO invites (account_id, organization_id, file_id, email, name, role_ids, expires_at)
			VALUES (@account_id, @org, @file, @email, 'Old', '{}', now() + CAST(@expires AS interval))`,
			store.Args{"org": org, "file": e.oldFile(org), "email": email, "expires": expires})
		require.NoError(e.t, err)
	}
	pending("waiting@invited.example", e.org, "1 day")
	pending("elsewhere@invited.example", e.other, "1 day")
	pending("lapsed@invited.example", e.other, "-1 second")
	_, err := e.db.Exec(e.worker(), `UPDATE users SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": inactive})
	require.NoError(e.t, err)
	const exists, foreign = "User already exist", "Unauthorised to bulk upload user from another organisation"
	return []kind{
		{`New Person,new@list.example,mentor`, Invited, "#"},
		{` Two Roles , Two@List.Example ,"Mentor, session_manager"`, Invited, "#"},
		{`Semicolons,semi@list.example,mentor;mentee`, Invited, "#"},
		{`"Quoted ""Nick"" Name",quoted@list.example,"mentee"`, Invited, "#"},
		{"\"Two\r\nLines\",lines@list.example,mentee", InvalidName, "name is invalid."},
		{`=HYPERLINK("x"),formula@list.example,mentee`, Invited, "#"},
		{`=1+1,sum@list.example,mentee`, Invited, "#"},
		{`Same Again,NEW@list.example,mentee`, Duplicate, exists},
		{`Lapsed,lapsed@invited.example,mentee`, Invited, "#"},
		{`Waiting,WAITING@invited.example,mentor`, AlreadyInvited, exists},
		{`Elsewhere,elsewhere@invited.example,mentor`, InvitedElsewhere, exists},
		{`Full,full@known.example,mentor`, Unchanged, "No updates needed. User details are already up to date"},
		{`Lacking,lacking@known.example,"mentor,mentee"`, Updated, "Success"},
		{`Lacking,LACKING@known.example,session_manager`, Duplicate, exists},
		{`Home,home@known.example,mentor`, Updated, "Success"},
		{`Home Admin,home-admin@known.example,mentor`, OtherOrganization, foreign},
		{`Foreign,foreign@known.example,mentor`, OtherOrganization, foreign},
		{`Inactive,inactive@known.example,mentor`, InactiveUser, exists},
		{`,no-name@list.example,mentor`, InvalidName, "name is invalid."},
		{strings.Repeat("n", 256) + `,long-name@list.example,mentor`, InvalidName, "name is invalid."},
		{`Bad Mail,not-an-address,mentor`, InvalidEmail, "email is invalid."},
		{`No Mail,,mentor`, InvalidEmail, "email is invalid."},
		{`No Roles,no-roles@list.example,`, InvalidRoles, "roles are invalid."},
		{`Two Cells,two-cells@list.example`, InvalidRoles, "roles are invalid."},
		{`Typo,typo@list.example,mentro`, UnknownRole, "roles are invalid."},
		{`Half Typo,half@list.example,"mentor,mentro"`, UnknownRole, "roles are invalid."},
		{`System,system@list.example,admin`, ForbiddenRole, "roles are invalid."},
		{`Retired,retired@list.example,retired`, ForbiddenRole, "roles are invalid."},
		{`,nothing,mentor`, InvalidNameEmail, "name and email are invalid."},
		{`,name-roles@list.example,mentro`, InvalidNameRoles, "name and roles are invalid."},
		{`Mail Roles,@,mentro`, InvalidEmailRoles, "email and roles are invalid."},
		{`,x,`, InvalidAll, "name, email, and roles are invalid."},
		{`Unquoted,unquoted@list.example,mentor,session_manager`, Malformed, "row is invalid."},
		{`Trailing,trailing@list.example,mentor,,`, Invited, "#"},
		{`"Open Quote,open@list.example,mentor`, Malformed, "row is invalid."},
		{`Long,long@list.example,` + strings.Repeat("mentor ", 10_000), RowTooLong, "row is invalid."},
		// An address that only a bad row named before is no duplicate.
		{`Half Typo,half@list.example,mentor`, Invited, "#"},
	}
}

// oldFile is a file that earlier invitations came from.
func (e *env) oldFile(org int64) int64 {
	f := models.InviteFile{OrganizationID: org, Door: "elevate", Name: "old.csv", InputPath: "old.csv", Status: models.InviteFileProcessed, Type: "text/csv", CreatedBy: e.uploader}
	require.NoError(e.t, e.db.Conn(e.worker()).Omit("Layout").Create(&f).Error)
	return f.ID
}

func listOfKinds(kinds []kind) string {
	rows := []string{"name,email,roles"}
	for _, k := range kinds {
		rows = append(rows, k.row, " , ,") // blank rows do not count
	}
	return strings.Join(rows, "\r\n") + "\r\n"
}

// verdictsOf reads the verdicts of a file in the order of its rows.
func (e *env) verdictsOf(f models.InviteFile) []models.InviteRow {
	e.t.Helper()
	var rows []models.InviteRow
	require.NoError(e.t, e.db.Conn(e.worker()).Where("file_id = ?", f.ID).Order("row_no").Find(&rows).Error)
	return rows
}

func TestEveryKindOfRow(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 10 // duplicates stand on other pages than what they repeat
	e := newEnv(t, cfg)
	kinds := e.everyKind()
	f := e.run(e.submit("kinds.csv", listOfKinds(kinds)))

	rows := e.verdictsOf(f)
	require.Len(t, rows, len(kinds))
	table, err := csv.NewReader(strings.NewReader(e.result(f))).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, len(kinds)+1)
	require.Equal(t, []string{"name", "email", "roles", "statusOrUserId"}, table[0])
	invited := int64(0)
	for i, k := range kinds {
		require.EqualValues(t, i+1, rows[i].RowNo)
		require.Equal(t, string(k.verdict), rows[i].Verdict, k.row)
		status := table[i+1][3]
		if k.elevate == "#" {
			invited++
			require.NotNil(t, rows[i].InviteID)
			require.Equal(t, strconv.FormatInt(*rows[i].InviteID, 10), status, k.row)
		} else {
			require.Equal(t, k.elevate, status, k.row)
		}
		for _, cell := range table[i+1] {
			require.False(t, cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r"), "a spreadsheet would execute %q", cell)
		}
	}
	require.Equal(t, "Two\nLines", table[5][0])
	require.Equal(t, "'=1+1", table[7][0])
	require.Equal(t, `mentor,session_manager`, table[33][2], "cells that are too many stay in the last column")

	// What was written is what the verdicts say.
	var invites []models.Invite
	require.NoError(t, e.db.Conn(e.worker()).Where("file_id = ?", f.ID).Order("id").Find(&invites).Error)
	require.Len(t, invites, int(invited))
	byMail := map[string]models.Invite{}
	for _, i := range invites {
		byMail[i.Email] = i
	}
	two := byMail["two@list.example"]
	require.Equal(t, "Two Roles", two.Name)
	require.Equal(t, []int64{e.roles[models.RoleMentor], e.roles[models.RoleSessionManager]}, []int64(two.RoleIDs))
	require.Equal(t, e.org, two.OrganizationID)
	require.Equal(t, models.InvitePending, two.Status)
	var mails []models.Notification
	require.NoError(t, e.db.Conn(e.worker()).Where("template = 'generic_invite'").Find(&mails).Error)
	require.Len(t, mails, int(invited))
	for _, m := range mails {
		require.Equal(t, fmt.Sprintf("invite/%d/1", byMail[m.Recipient].ID), m.EventKey)
		require.Equal(t, *f.ProcessID, *m.ProcessID)
	}
	require.Equal(t, []string{"mentee", "mentor"}, e.rolesOf("lacking@known.example", e.org), "the second row is a duplicate")
	require.Equal(t, []string{"mentor"}, e.rolesOf("home@known.example", e.org))
	require.Equal(t, []string{"admin"}, e.rolesOf("home-admin@known.example", e.home))
	require.Equal(t, []string{"mentor"}, e.rolesOf("foreign@known.example", e.other))

	p := e.proc(f)
	require.Equal(t, models.InviteFileProcessed, f.Status)
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.EqualValues(t, len(kinds), p.Done)
	require.EqualValues(t, len(kinds), p.Total)
	count := map[Verdict]int{}
	for _, k := range kinds {
		count[k.verdict]++
	}
	require.JSONEq(t, toJSON(t, count), string(p.Counters))
	var uploader int64
	require.NoError(t, e.db.Conn(e.worker()).Model(&models.Notification{}).Where("template = 'invitee_upload_status' AND recipient = 'uploader@test.example'").Count(&uploader).Error)
	require.EqualValues(t, 1, uploader)
	var audited int64
	require.NoError(t, e.db.Conn(e.worker()).Model(&models.AuditEvent{}).Where("action = 'user.invited'").Count(&audited).Error)
	require.EqualValues(t, 2, audited)
}

// rolesOf gives the roles of a user who must be in org.
func (e *env) rolesOf(email string, org int64) []string {
	e.t.Helper()
	var roles []string
	require.NoError(e.t, e.db.Query(e.worker(), &roles, `SELECT r.title FROM users u JOIN user_roles h ON h.user_id = u.id JOIN roles r ON r.id = h.role_id
		WHERE u.account_id = @account_id AND u.email = @email AND u.organization_id = @org ORDER BY 1`, store.Args{"email": email, "org": org}))
	return roles
}

// A dry run gives the verdicts of a real one and writes nothing else.
func TestDryRunSaysTheSame(t *testing.T) {
	cfg := testConfig()
	cfg.PageRows = 10
	e := newEnv(t, cfg)
	kinds := e.everyKind()
	before := e.world()
	e.upload("kinds.csv", []byte(listOfKinds(kinds)))
	dry, err := e.svc.Submit(auth.WithPrincipal(t.Context(), e.native()), Submission{Path: "kinds.csv", DryRun: true})
	require.NoError(t, err)
	dry = e.run(dry)
	require.Equal(t, before, e.world())
	for i, row := range e.verdictsOf(dry) {
		require.Equal(t, string(kinds[i].verdict), row.Verdict, kinds[i].row)
	}
	require.Contains(t, e.result(dry), "new@list.example,mentor,invited,invited,\n")
	require.Equal(t, models.ProcessCompletedWithErrors, e.proc(dry).State)

	real := e.run(e.submit("kinds.csv", listOfKinds(kinds)))
	require.NotEqual(t, before, e.world())
	for i, row := range e.verdictsOf(real) {
		require.Equal(t, string(kinds[i].verdict), row.Verdict, kinds[i].row)
	}
	require.NotEqual(t, *dry.OutputPath, *real.OutputPath)
}

// native is the uploader through the native door.
func (e *env) native() auth.Principal {
	p, _ := auth.From(e.ctx)
	p.Door = "native"
	return p
}

// The same file again changes nothing: no invitation, no mail to an invitee, no
// role.
func TestSameFileAgainChangesNothing(t *testing.T) {
	e := newEnv(t, testConfig())
	kinds := e.everyKind()
	e.run(e.submit("kinds.csv", listOfKinds(kinds)))
	before := e.world()
	again := e.run(e.submit("kinds.csv", listOfKinds(kinds)))
	require.Equal(t, before, e.world())
	for i, row := range e.verdictsOf(again) {
		want := kinds[i].verdict
		switch want {
		case Invited:
			want = AlreadyInvited
		case Updated:
			want = Unchanged
		}
		require.Equal(t, string(want), row.Verdict, kinds[i].row)
	}

	clean := listOf(30)
	e.run(e.submit("clean.csv", clean))
	p := e.proc(e.run(e.submit("clean.csv", clean)))
	require.Equal(t, models.ProcessCompleted, p.State)
	require.JSONEq(t, `{"already_invited": 30}`, string(p.Counters))
}
