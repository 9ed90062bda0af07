package native_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"quad/api/native"
	"quad/internal/contracttest"
	"quad/internal/httpx"
	"quad/internal/hubtest"
	"quad/internal/people/orgupload"
	"quad/models"
)

// table is the door's table of operations.
func table(t *testing.T, w *world) map[string]httpx.Operation {
	t.Helper()
	door, err := native.New(native.Deps{
		Auth: w.Auth, People: w.People, Files: w.Files, Processes: w.Processes, RoleRequests: w.RoleRequests, Invites: w.Invites, Groups: w.Groups, Uploads: w.Uploads,
		Notify: w.Notify, Learning: w.Learning, Enrollments: w.Enrollments, Certificates: w.Certificates, Entitlements: w.Entitlements, Reports: w.Reports,
		Integrations: w.Integrations, DB: w.DB, Keys: w.Keys,
	})
	require.NoError(t, err)
	ops := map[string]httpx.Operation{}
	for _, op := range door.Operations {
		ops[op.ID] = op
	}
	return ops
}

// objects makes one of everything in the test's own organization, and gives for
// each operation on an object the path of that object.
func (w *world) objects(t *testing.T) map[string]string {
	t.Helper()
	admin, orgAdmin, user := w.as(t, w.admin), w.as(t, w.orgAdmin), w.as(t, w.user)
	process := w.startRequest(t, user)
	file := orgAdmin.Do(t, 201, "POST", "/hub/v1/invite-files", object{"rows": rows("fay@example.test")})
	await(t, orgAdmin, file.Text(t, "processId"), "completed")
	invites := ids(t, orgAdmin.Do(t, 200, "GET", path("/invite-files/%s/invites", file.Text(t, "id")), nil))
	mails := ids(t, user.Do(t, 200, "GET", "/hub/v1/notifications?limit=1", nil))
	require.NotEmpty(t, mails)
	token := user.Do(t, 201, "POST", "/hub/v1/api-tokens", object{"name": "own"})
	client := admin.Do(t, 201, "POST", "/hub/v1/api-clients", object{"name": "own"})
	course := admin.Do(t, 201, "POST", "/hub/v1/courses", object{"name": "Own", "type": "COURSE"})
	session := admin.Do(t, 201, "POST", path("/courses/%s/sessions", course.Text(t, "id")), bodies["createCourseSession"])
	admin.Do(t, 201, "PUT", path("/courses/%s/catalog-item", course.Text(t, "id")), nil)
	admin.Do(t, 200, "PUT", "/hub/v1/group-hierarchy", object{"types": []string{"Region", "Team"}})
	group := admin.Do(t, 201, "POST", "/hub/v1/groups", object{"name": "Own", "type": "Region"})
	upload, err := w.Uploads.Submit(w.AdminContext(w.admin), []orgupload.File{{Name: "users.csv", Content: "identifier\n"}})
	require.NoError(t, err)
	certificate := admin.Do(t, 201, "POST", "/hub/v1/certificates", object{"name": "Own", "courses": []object{{"id": mustID(t, course.Text(t, "id"))}}})
	w.learns(t, w.user, mustID(t, course.Text(t, "id")), 0)
	report := admin.Do(t, 201, "POST", "/hub/v1/reports", object{"title": "Own", "type": "expense_summary"})
	made := path("/reports/%s", report.Text(t, "id"))
	hubtest.Eventually(t, "the report is made", func() bool { return admin.Do(t, 200, "GET", made, nil).Text(t, "status") == "completed" })
	schedule := admin.Do(t, 201, "POST", "/hub/v1/report-schedules", scheduleOf(w.admin.ID))
	connection := admin.Do(t, 201, "POST", connections, campus("Own"))
	run := admin.Do(t, 202, "POST", path("/connections/%s/runs", connection.Text(t, "id")), object{"dryRun": true})
	id := map[string]string{
		"/hub/v1/connections/": connection.Text(t, "id"),
		"/hub/v1/reports/":     report.Text(t, "id"), "/hub/v1/report-schedules/": schedule.Text(t, "id"),
		"/hub/v1/certificates/": certificate.Text(t, "id"), "/hub/v1/user-certificates/": ids(t, user.Do(t, 200, "GET", "/hub/v1/me/certificates", nil))[0],
		"/hub/v1/uploads/":   fmt.Sprint(*upload.ProcessID),
		"/hub/v1/processes/": process.Text(t, "id"), "/hub/v1/role-requests/": process.Text(t, "subject.id"),
		"/hub/v1/invite-files/": file.Text(t, "id"), "/hub/v1/invites/": invites[0], "/hub/v1/notifications/": mails[0],
		"/hub/v1/organizations/": path("%d", w.Organization.ID)[len("/hub/v1"):], "/hub/v1/users/": path("%d", w.user.ID)[len("/hub/v1"):],
		"/hub/v1/api-tokens/": token.Text(t, "id"), "/hub/v1/api-clients/": client.Text(t, "id"),
		"/hub/v1/courses/": course.Text(t, "id"), "/hub/v1/groups/": group.Text(t, "id"),
	}
	parts := map[string]string{"userId": fmt.Sprint(w.user.ID), "roleId": fmt.Sprint(w.role(t, models.RoleMentor)), "sessionId": session.Text(t, "id"), "runId": run.Text(t, "id")}
	out := map[string]string{}
	for name, op := range table(t, w) {
		prefix, _, ok := strings.Cut(op.Path, "{id}")
		if !ok {
			continue
		}
		require.Contains(t, id, prefix, "no object for %s", name)
		out[name] = fill(op.Path, id[prefix], parts)
	}
	return out
}

// fill puts values in the place of a path's parameters: id for {id}, of the
// others those of parts; 1 where there is none.
func fill(at, id string, parts map[string]string) string {
	return parameter.ReplaceAllStringFunc(at, func(name string) string {
		name = strings.Trim(name, "{}")
		if name == "id" {
			return id
		}
		return cmp.Or(parts[name], "1")
	})
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// bodies that each operation understands, so that what refuses is the access.
var bodies = map[string]any{
	"decideProcess": object{"decision": "APPROVED"}, "moveDeadline": object{"deadline": "2027-01-01T00:00:00Z"},
	"updateOrganization": object{"name": "Taken over"}, "updateGroup": object{"name": "Taken over"}, "updateUser": object{"name": "Taken over"},
	"updateCertificate": object{"name": "Taken over"}, "updateUserCertificate": object{"required": true},
	"revokeUserCertificate": object{}, "reissueUserCertificate": object{},
	"updateCourse": object{"name": "Taken over"}, "updateCourseSession": object{"name": "Taken over"},
	"enrolLearners": object{"users": []object{{"id": 1}}}, "setProgress": object{"progress": 50},
	"updateConnection": object{"name": "Taken over"}, "startConnectionRun": object{"dryRun": true},
	"createReportLink": object{"format": "pdf"}, "updateReportSchedule": scheduleOf(1),
	"createCourseSession": object{"name": "Drill", "startsAt": "2027-01-01T08:00:00Z", "endsAt": "2027-01-01T10:00:00Z"},
}

func TestNobodyReachesWhatIsOthers(t *testing.T) {
	w := newWorkingWorld(t)
	targets := w.objects(t)
	account, organization := w.NewAccount("elsewhere.test")
	foreign := w.elsewhere(t, w.NewPerson(account.ID, organization.ID, "foreignadmin", models.RoleAdmin, models.RoleOrgAdmin))
	otherAdmin, otherUser := w.as(t, w.otherAdmin), w.as(t, w.otherUser)
	loggedOut := w.as(t, w.user)
	loggedOut.Do(t, 204, "POST", "/hub/v1/logout", nil)

	// Organizations are known to everybody of their account.
	exceptions := map[string]int{"getOrganization": 200, "updateOrganization": 403}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		op, target, body := table(t, w)[name], targets[name], bodies[name]
		t.Run(name, func(t *testing.T) {
			expect := func(c contracttest.Client, roles []string, visible int) int {
				if len(op.Access.Roles) > 0 && !slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(op.Access.Roles, r) }) {
					return 403
				}
				if visible != 0 {
					return visible
				}
				return 404
			}
			w.anyone().Do(t, 401, op.Method, target, body)
			loggedOut.Do(t, 401, op.Method, target, body)
			foreign.Do(t, 404, op.Method, target, body)
			otherAdmin.Do(t, expect(otherAdmin, []string{models.RoleOrgAdmin}, exceptions[name]), op.Method, target, body)
			otherUser.Do(t, expect(otherUser, nil, exceptions[name]), op.Method, target, body)
			for _, nothing := range []string{"999999999", "0x1"} {
				w.as(t, w.admin).Do(t, 404, op.Method, fill(op.Path, nothing, nil), body)
			}
		})
	}

	// The objects are there, and as they were.
	admin := w.as(t, w.admin)
	for name, target := range targets {
		if op := table(t, w)[name]; op.Method == http.MethodGet && name != "streamEvents" {
			admin.Do(t, 200, http.MethodGet, target, nil)
		}
	}
	require.Equal(t, "Default", admin.Do(t, 200, "GET", targets["getOrganization"], nil).Text(t, "name"))
	require.Equal(t, "user", admin.Do(t, 200, "GET", targets["getUser"], nil).Text(t, "name"))
	require.Equal(t, "waiting", await(t, admin, targets["getProcess"][len("/hub/v1/processes/"):], "waiting").Text(t, "state"))
}

// Operations without an object: without a token, after the logout and without
// the role nobody gets in, and lists show nothing of others.
func TestNobodyListsWhatIsOthers(t *testing.T) {
	w := newWorkingWorld(t)
	w.objects(t)
	account, organization := w.NewAccount("elsewhere.test")
	foreignAdmin := w.NewPerson(account.ID, organization.ID, "foreignadmin", models.RoleAdmin)
	foreign, loggedOut, user := w.elsewhere(t, foreignAdmin), w.as(t, w.user), w.as(t, w.user)
	loggedOut.Do(t, 204, "POST", "/hub/v1/logout", nil)
	// What an account has from its start.
	shipped := map[string]int{"listOrganizations": 1, "listUsers": 1, "listUserGroups": 1, "listNotifications": 1,
		"listConnectionKinds": len(w.Integrations.Connectors())}
	for name, op := range table(t, w) {
		if strings.Contains(op.Path, "{id}") || op.Access.Public {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w.anyone().Do(t, 401, op.Method, op.Path, object{})
			loggedOut.Do(t, 401, op.Method, op.Path, object{})
			if len(op.Access.Roles) > 0 {
				problem(t, user.Do(t, 403, op.Method, op.Path, object{}), "forbidden")
			}
			switch {
			case op.Method != http.MethodGet || name == "getMe":
			case name == "listRoles":
				require.NotContains(t, walk(t, foreign, op.Path), walk(t, user, op.Path)[0])
			case name == "listAudit":
				for _, e := range items(t, foreign.Do(t, 200, "GET", op.Path, nil)) {
					require.NotContains(t, []any{float64(w.admin.ID), float64(w.orgAdmin.ID), float64(w.user.ID)}, e["actorId"])
				}
			default:
				require.Len(t, walk(t, foreign, op.Path), shipped[name])
			}
		})
	}
}

// The table and the contract name the same operations, paths and roles.
func TestTableIsTheContract(t *testing.T) {
	w := newWorld(t, nil)
	ops := table(t, w)
	require.ElementsMatch(t, contract.Operations(), slices.Collect(maps.Keys(ops)))
	require.ElementsMatch(t, contract.Operations(), native.Operations())
	for at, item := range contract.Document().Paths.Map() {
		for method, described := range item.Operations() {
			op := ops[described.OperationID]
			require.Equal(t, method+" "+at, op.Method+" "+op.Path)
			require.Equal(t, rolesOf(described), accessOf(op), described.OperationID)
			require.Equal(t, op.Access.Public, described.Security != nil && len(*described.Security) == 0, described.OperationID)
		}
	}
}

func rolesOf(op *openapi3.Operation) []string {
	var out []string
	for _, r := range op.Extensions["x-roles"].([]any) {
		out = append(out, r.(string))
	}
	slices.Sort(out)
	return out
}

func accessOf(op httpx.Operation) []string {
	switch {
	case op.Access.Public:
		return []string{"public"}
	case len(op.Access.Roles) == 0:
		return []string{"any"}
	}
	return slices.Sorted(slices.Values(op.Access.Roles))
}
