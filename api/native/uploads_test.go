package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people/orgupload"
	"quad/models"
)

// An upload that came through another door is followed here: as a process, file
// by file, and row by row.
func TestUploadOfOrganizationData(t *testing.T) {
	w := newWorkingWorld(t)
	admin := w.as(t, w.admin)
	_, client, err := w.People.IssueAPIClient(w.Context(), "system", nil)
	require.NoError(t, err)
	rows := []string{"identifier,username,firstName,lastName"}
	for i := range 150 {
		rows = append(rows, fmt.Sprintf("u-%d,user%d,User,%d", i, i, i))
	}
	rows = append(rows, "u-150,user150,User,")
	u, err := w.Uploads.Submit(
		auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, ClientID: client.ID, Door: "enabley", Roles: []string{models.RoleAdmin}}),
		[]orgupload.File{
			{Name: "user_groups.csv", Content: "userIdentifier,groupIdentifier\nu-1,none\n"},
			{Name: "users.csv", Content: strings.Join(rows, "\n")},
			{Name: "people.csv", Content: "identifier\n"},
		})
	require.NoError(t, err)
	id := fmt.Sprint(*u.ProcessID)
	done := await(t, admin, id, "completed_with_errors")
	require.Equal(t, "152", done.Text(t, "done"))

	at := "/hub/v1/uploads/" + id
	var shown struct {
		ProcessID int64
		Files     []struct {
			Name, Status       string
			Kind, Message      *string
			Rows, Done, Failed int64
		}
	}
	admin.Do(t, 200, "GET", at, nil).JSON(t, &shown)
	require.Equal(t, *u.ProcessID, shown.ProcessID)
	require.Len(t, shown.Files, 3)
	require.Equal(t, "PROCESSED_WITH_ERRORS", shown.Files[1].Status)
	require.Equal(t, []int64{151, 151, 1}, []int64{shown.Files[1].Rows, shown.Files[1].Done, shown.Files[1].Failed})
	require.Equal(t, "users", *shown.Files[1].Kind)
	require.Equal(t, "REJECTED", shown.Files[2].Status)
	require.Nil(t, shown.Files[2].Kind)
	require.NotEmpty(t, *shown.Files[2].Message)

	first := admin.Do(t, 200, "GET", at+"/rows?limit=100", nil)
	require.Len(t, items(t, first), 100)
	second := items(t, admin.Do(t, 200, "GET", at+"/rows?limit=100&cursor="+first.Text(t, "next"), nil))
	require.Len(t, second, 52)
	require.Equal(t, "user_groups.csv", items(t, first)[0]["file"])
	require.EqualValues(t, 1, items(t, first)[1]["row"])
	require.EqualValues(t, 100, second[0]["row"])
	require.Equal(t, "failed", second[51]["verdict"])
	require.NotEmpty(t, second[51]["message"])
	failed := admin.Do(t, 200, "GET", at+"/rows?verdict=failed&limit=1", nil)
	require.Equal(t, "user_groups.csv", items(t, failed)[0]["file"])
	more := admin.Do(t, 200, "GET", at+"/rows?verdict=failed&limit=1&cursor="+failed.Text(t, "next"), nil)
	require.EqualValues(t, 151, items(t, more)[0]["row"])
	require.Empty(t, more.Text(t, "next"))
	require.Len(t, items(t, admin.Do(t, 200, "GET", at+"/rows?kind=user_groups", nil)), 1)
	require.Equal(t, []string{"verdict"}, fields(t, admin.Do(t, 400, "GET", at+"/rows?verdict=maybe", nil)))
	require.Equal(t, []string{"kind"}, fields(t, admin.Do(t, 400, "GET", at+"/rows?kind=people", nil)))

	orgAdmin := w.as(t, w.orgAdmin)
	for _, of := range []string{at, at + "/rows"} {
		orgAdmin.Do(t, 403, "GET", of, nil)
		problem(t, admin.Do(t, 404, "GET", strings.Replace(of, "/uploads/"+id, "/uploads/999999", 1), nil), "org_upload.unknown")
	}

	// What failed is tried again, and the newer process names the same upload.
	next := admin.Do(t, 201, "POST", path("/processes/%s/retry", id), nil)
	await(t, admin, next.Text(t, "id"), "completed_with_errors")
	admin.Do(t, 200, "GET", "/hub/v1/uploads/"+next.Text(t, "id"), nil).JSON(t, &shown)
	require.Equal(t, next.Text(t, "id"), fmt.Sprint(shown.ProcessID))
	problem(t, admin.Do(t, 409, "POST", path("/processes/%s/retry", id), nil), "org_upload.newer_attempt")
}
