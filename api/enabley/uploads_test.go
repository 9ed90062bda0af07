package enabley_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/models"
)

const uploadPath = "/api/v1/uploads/orgBulk"

func csvFile(name string, lines ...string) object {
	return object{"fileName": name, "content": strings.Join(lines, "\n") + "\n"}
}

func upload(files ...object) object { return object{"files": files} }

// An upload makes what the calls for single things would, in the order that they
// need, and its process tells how it went.
func TestUpload(t *testing.T) {
	w := newWorkingWorld(t)
	admin := w.AdminContext(w.NewPerson(0, 0, "admin", models.RoleAdmin))
	require.NoError(t, w.Groups.SetHierarchy(admin, []string{"Region", "Team"}))
	a := w.api.Do(t, http.StatusOK, "POST", uploadPath, upload(
		csvFile("user_groups.csv", "userIdentifier,groupIdentifier", "u-1,TEAM-7"),
		csvFile("users.csv", "identifier,username,firstName,lastName,email,possibleRoles,subAccountName",
			"u-1,john.doe,John,Doe,john@example.test,LEARNER;INSTRUCTOR,North", "u-2,,Jane,,,,"),
		csvFile("groups.csv", "identifier,name,type,parentIdentifier,subAccountName", "TEAM-7,Night shift,Team,REGION-1,North", "REGION-1,One,Region,,North"),
		csvFile("courses.csv", "identifier", "c-1"),
	))
	require.Equal(t, "ACCEPTED", a.Text(t, "status"))
	var taken struct {
		ID    string
		Files []struct {
			FileName, Status string
			Message          *string
		}
	}
	a.JSON(t, &taken)
	require.Len(t, taken.Files, 4)
	for i, want := range []string{"user_groups.csv QUEUED", "users.csv QUEUED", "groups.csv QUEUED", "courses.csv REJECTED"} {
		require.Equal(t, want, taken.Files[i].FileName+" "+taken.Files[i].Status)
		require.Equal(t, strings.HasSuffix(want, "REJECTED"), taken.Files[i].Message != nil)
	}

	id, err := strconv.ParseInt(taken.ID, 10, 64)
	require.NoError(t, err)
	var p models.Process
	hubtest.Eventually(t, "the upload ends", func() bool {
		p, err = w.Processes.Get(w.Context(), id)
		return err == nil && p.State.Final()
	})
	require.Equal(t, models.ProcessCompletedWithErrors, p.State)
	require.JSONEq(t, `{"created": 3, "updated": 0, "linked": 1, "failed": 1}`, string(p.Counters))

	groups := list(t, w.api.Do(t, http.StatusOK, "GET", "/api/v1/users/u-1/groups", nil))
	require.Len(t, groups, 1)
	require.Equal(t, "TEAM-7", groups[0]["identifier"])
	require.Equal(t, "REGION-1", groups[0]["parentIdentifier"])
	user := w.api.Do(t, http.StatusOK, "GET", "/api/v2/users/u-1", nil)
	var shown struct {
		PossibleRoles, UserSubAccountNames []string
	}
	user.JSON(t, &shown)
	require.ElementsMatch(t, []string{"LEARNER", "INSTRUCTOR"}, shown.PossibleRoles)
	require.Equal(t, []string{"North"}, shown.UserSubAccountNames)
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", "/api/v2/users/u-2", nil), "not_found")
}

func TestUploadsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string]any{
		"no files":         object{},
		"null":             object{"files": nil},
		"an empty list":    object{"files": []object{}},
		"no list":          object{"files": "users.csv"},
		"no objects":       object{"files": []string{"users.csv"}},
		"no name":          object{"files": []object{{"content": "identifier\n"}}},
		"no content":       object{"files": []object{{"fileName": "users.csv"}}},
		"empty content":    object{"files": []object{{"fileName": "users.csv", "content": ""}}},
		"a number":         object{"files": []object{{"fileName": "users.csv", "content": 7}}},
		"none is usable":   upload(csvFile("users.csv", "nickname"), csvFile("people.csv", "identifier")),
		"too many":         upload(make([]object, 21)...),
		"an array":         []object{csvFile("users.csv", "identifier")},
		"a long file name": upload(object{"fileName": strings.Repeat("x", 300), "content": "identifier\n"}),
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, w.api.Do(t, http.StatusBadRequest, "POST", uploadPath, body), "invalid_request")
		})
	}
	a := w.api.Do(t, http.StatusBadRequest, "POST", uploadPath, upload(csvFile("users.csv", "nickname")))
	require.Contains(t, a.Text(t, "error_description"), "users.csv: The header lacks identifier.")
	var n int64
	require.NoError(t, w.DB.Query(w.Context(), &n, `SELECT count(*) FROM org_uploads WHERE account_id = @account_id`, nil))
	require.Zero(t, n)
	fails(t, w.anyone().Do(t, http.StatusUnauthorized, "POST", uploadPath, upload(csvFile("users.csv", "identifier"))), "access_denied")
}

// uploadStatements is what an upload asks the database, whatever the number of
// files and rows: itself, its files, the process (three with its timeline and
// audit, one that ties it to the upload), and four that record its start.
const uploadStatements = 10

// Files may be larger than other requests, up to a limit that memory has room
// for.
func TestUploadSizes(t *testing.T) {
	w := newWorld(t)
	lines := make([]string, 0, 60_001)
	lines = append(lines, "userIdentifier,groupIdentifier")
	for i := range 60_000 {
		lines = append(lines, fmt.Sprintf("%-80d,%-80d", i, i))
	}
	large := upload(csvFile("user_groups.csv", lines...))
	body, err := json.Marshal(large)
	require.NoError(t, err)
	require.Greater(t, len(body), 9<<20)
	require.Less(t, len(body), 10<<20)
	before := w.DB.Statements()
	a := w.api.Do(t, http.StatusOK, "POST", uploadPath, large)
	// The upload, its files, its process with the start of the workflow.
	require.LessOrEqual(t, w.DB.Statements()-before, int64(uploadStatements+tokenStatements))
	id, err := strconv.ParseInt(a.Text(t, "id"), 10, 64)
	require.NoError(t, err)
	u, err := w.Uploads.Get(auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, ClientID: w.client.id, Roles: []string{models.RoleAdmin}}), id)
	require.NoError(t, err)
	require.EqualValues(t, 60_000, u.Files[0].Rows)
}
