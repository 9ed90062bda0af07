package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people/orgupload"
	"quad/models"
)

// A worker that is killed in the middle of an upload, and again, leaves what
// an undisturbed one does: one verdict for each row, the memberships that the
// files tell of, and one invitation to each new person.
func TestWorkerKilledDuringUpload(t *testing.T) {
	t.Parallel()
	const people, teams = 1_500, 20
	w := newWorld(t, nil)
	_, client, err := w.People.IssueAPIClient(w.Context(), "system", nil)
	require.NoError(t, err)
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, ClientID: client.ID, Door: "enabley", Roles: []string{models.RoleAdmin}})
	require.NoError(t, w.Groups.SetHierarchy(ctx, []string{"Region", "Team"}))

	var groups, users, members strings.Builder
	var wantRows, wantMembers, wantInvited []string
	groups.WriteString("identifier,name,type,parentIdentifier\n")
	for i := range teams {
		fmt.Fprintf(&groups, "T%d,Team %d,Team,R\n", i, i)
		wantRows = append(wantRows, fmt.Sprintf("groups %d created", i+1))
	}
	groups.WriteString("R,Region,Region,\n")
	wantRows = append(wantRows, fmt.Sprintf("groups %d created", teams+1))
	users.WriteString("identifier,username,firstName,lastName,email\n")
	members.WriteString("userIdentifier,groupIdentifier\n")
	for i := range people {
		row, linked := "created", "linked"
		if i%50 == 49 {
			fmt.Fprintf(&users, "u-%d,user%d,,,\n", i, i) // without a name
			row, linked = "failed", "failed"
		} else {
			fmt.Fprintf(&users, "u-%d,user%d,User,Number %d,u%d@upload.example\n", i, i, i, i)
			wantInvited = append(wantInvited, fmt.Sprintf("u%d@upload.example u-%d", i, i))
			wantMembers = append(wantMembers, fmt.Sprintf("u-%d T%d", i, i%teams))
		}
		fmt.Fprintf(&members, "u-%d,T%d\n", i, i%teams)
		wantRows = append(wantRows, fmt.Sprintf("users %d %s", i+1, row), fmt.Sprintf("user_groups %d %s", i+1, linked))
	}
	worker := start(t, w.Env, "worker", nil)
	u, err := w.Uploads.Submit(ctx, []orgupload.File{
		{Name: "user_groups.csv", Content: members.String()}, {Name: "users.csv", Content: users.String()}, {Name: "groups.csv", Content: groups.String()},
	})
	require.NoError(t, err)
	process := func() models.Process {
		t.Helper()
		p, err := w.Processes.Get(ctx, *u.ProcessID)
		require.NoError(t, err)
		return p
	}
	for _, from := range []int64{100, 1_700} {
		from += rand.Int64N(400)
		w.await(fmt.Sprintf("%d rows are done", from), func() bool { return process().Done >= from })
		worker.kill()
		require.False(t, process().State.Final(), "the upload was over before the worker was killed")
		worker.start()
	}
	w.await("the upload ends", func() bool { return process().State.Final() })
	p := process()
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.JSONEq(t, fmt.Sprintf(`{"created": %d, "updated": 0, "linked": %d, "failed": %d}`, len(wantInvited)+teams+1, len(wantMembers), 2*(people-len(wantInvited))), string(p.Counters))
	w.same("verdicts", sorted(wantRows), sorted(w.lines(`SELECT f.kind || ' ' || r.row_no || ' ' || r.verdict FROM org_upload_rows r JOIN org_upload_files f ON f.id = r.file_id
		WHERE r.account_id = @account_id`, nil)))
	w.same("members", sorted(wantMembers), sorted(w.lines(`SELECT u.identifier || ' ' || g.identifier FROM group_members m JOIN users u ON u.id = m.user_id
		JOIN groups g ON g.id = m.group_id WHERE m.account_id = @account_id`, nil)))
	w.same("invitations", sorted(wantInvited), sorted(w.lines(`SELECT i.email || ' ' || u.identifier FROM invites i JOIN users u ON u.id = i.user_id
		WHERE i.account_id = @account_id AND i.status = 'PENDING' AND i.token_version = 1`, nil)))
	require.Equal(t, len(wantInvited), w.number(`SELECT count(DISTINCT recipient) FROM notifications WHERE account_id = @account_id AND template = 'generic_invite'`, nil))
	require.Equal(t, len(wantInvited), w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND template = 'generic_invite'`, nil))
	require.Equal(t, len(wantInvited), w.number(`SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'user.created' AND client_id IS NOT NULL`, nil))
	worker.stop()
}
