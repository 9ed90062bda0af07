package enabley_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Paths of what people are in channels.
func channelGroupPath(channel, group string) string {
	return channels + "/" + url.PathEscape(channel) + "/groups/" + url.PathEscape(group)
}

func channelUserPath(version, channel, user string) string {
	return "/api/" + version + "/channels/" + url.PathEscape(channel) + "/users/" + url.PathEscape(user)
}

func countPath(channel string) string {
	return "/api/v2/channels/channels/" + url.PathEscape(channel) + "/members/count"
}

func completePath(channel, user string) string {
	return "/api/v4/channels/forceComplete/channel/" + url.PathEscape(channel) + "/user/" + url.PathEscape(user)
}

const performancePath = "/api/v1/performance"

// learner makes a person through the door.
func (w *world) learner(t *testing.T, identifier string, roles ...string) {
	t.Helper()
	body := object{"identifier": identifier, "username": identifier + "@login", "firstName": "First", "lastName": "Last"}
	if len(roles) > 0 {
		body["possibleRoles"] = roles
	}
	w.api.Do(t, http.StatusCreated, "PUT", "/api/v2/users", body)
}

// performance is "user channel progress" of each row of a v1 list.
func (w *world) performance(t *testing.T, query string) []string {
	t.Helper()
	out := []string{}
	for _, row := range list(t, w.api.Do(t, http.StatusOK, "GET", performancePath+"?"+query, nil)) {
		out = append(out, fmt.Sprint(row["externalUserId"], " ", row["externalChannelId"], " ", row["progress"]))
	}
	return out
}

func (w *world) learners(t *testing.T, channel string) float64 {
	t.Helper()
	n, ok := w.api.Do(t, http.StatusOK, "GET", countPath(channel), nil).Map(t)["learners"].(float64)
	require.True(t, ok)
	return n
}

func TestAssignUserToChannel(t *testing.T) {
	w := newWorld(t)
	w.course(t, "FIRE/101", nil)
	w.learner(t, "u 1", "LEARNER", "INSTRUCTOR")
	w.learner(t, "u2")
	a := w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE/101", "u 1"), nil)
	require.Equal(t, object{"identifier": "FIRE/101"}, a.Map(t))
	require.EqualValues(t, 1, w.learners(t, "FIRE/101"), "no roles is LEARNER")
	for range 2 {
		w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE/101", "u 1")+"?roles=INSTRUCTOR&roles=LEARNER", nil)
	}
	require.EqualValues(t, 1, w.learners(t, "FIRE/101"))

	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", channelUserPath("v2", "FIRE/101", "u2")+"?roles=INSTRUCTOR", nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", channelUserPath("v2", "FIRE/101", "u2")+"?roles=LEARNER&roles=BOSS", nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", channelUserPath("v2", "FIRE/101", "U2"), nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", channelUserPath("v2", "fire/101", "u2"), nil), "not_found")
	w.course(t, "MASTER", func(in *learning.CourseInput) { in.Master = true })
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", channelUserPath("v2", "MASTER", "u2"), nil), "not_found")
	fails(t, w.elsewhere(t, "two.test").Do(t, http.StatusNotFound, "POST", channelUserPath("v2", "FIRE/101", "u2"), nil), "not_found")
	require.EqualValues(t, 1, w.learners(t, "FIRE/101"), "a refused call changes nothing")
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", countPath("MASTER"), nil), "not_found")
}

func TestRemoveUserFromChannel(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.course(t, "FIRE", nil)
	w.learner(t, "ann", "LEARNER", "INSTRUCTOR")
	w.api.Do(t, http.StatusOK, "POST", memberPath("T", "ann"), nil)
	w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "T"), nil)
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE", "ann")+"?roles=INSTRUCTOR", nil)
	require.EqualValues(t, 1, w.learners(t, "FIRE"))
	for range 2 { // who is no member stays so
		a := w.api.Do(t, http.StatusOK, "DELETE", channelUserPath("v1", "FIRE", "ann"), nil)
		require.Equal(t, object{"identifier": "FIRE"}, a.Map(t))
		require.Zero(t, w.learners(t, "FIRE"), "whatever it came from")
	}
	w.api.Do(t, http.StatusOK, "POST", memberPath("T", "ann"), nil)
	w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "T")+"?recursive=true", nil)
	require.Zero(t, w.learners(t, "FIRE"), "the group does not bring her back by itself")
	w.api.Do(t, http.StatusOK, "DELETE", memberPath("T", "ann"), nil)
	w.api.Do(t, http.StatusOK, "POST", memberPath("T", "ann"), nil)
	require.EqualValues(t, 1, w.learners(t, "FIRE"))
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", channelUserPath("v1", "FIRE", "nobody"), nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", channelUserPath("v1", "NOTHING", "ann"), nil), "not_found")
}

// A link is live, over the tree and over the life of groups and people.
func TestGroupOfChannel(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.course(t, "FIRE", nil)
	for _, member := range []struct{ user, group string }{{"ann", "R"}, {"bob", "B"}, {"cid", "T"}} {
		w.learner(t, member.user)
		w.api.Do(t, http.StatusOK, "POST", memberPath(member.group, member.user), nil)
	}
	a := w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "B"), nil)
	require.Equal(t, object{"identifier": "FIRE"}, a.Map(t))
	require.Equal(t, []string{"bob FIRE 0"}, w.performance(t, "externalChannelId=FIRE"))
	w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "B")+"?recursive=true&userRole=LEARNER", nil)
	require.Equal(t, []string{"bob FIRE 0", "cid FIRE 0"}, w.performance(t, "externalChannelId=FIRE"))
	w.learner(t, "dan")
	w.api.Do(t, http.StatusOK, "POST", memberPath("T", "dan"), nil)
	require.EqualValues(t, 3, w.learners(t, "FIRE"), "later members too")
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE", "dan"), nil)
	w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "B")+"?recursive=false", nil)
	require.Equal(t, []string{"bob FIRE 0", "dan FIRE 0"}, w.performance(t, "externalChannelId=FIRE"), "the latest holds; dan is there directly")

	w.api.Do(t, http.StatusOK, "POST", channelGroupPath("FIRE", "T"), nil)
	w.api.Do(t, http.StatusOK, "DELETE", groupPath("T"), nil)
	require.Equal(t, []string{"bob FIRE 0", "dan FIRE 0"}, w.performance(t, "externalChannelId=FIRE"), "with the group, what it gave")
	w.api.Do(t, http.StatusOK, "PUT", "/api/v2/users/bob", object{"isActive": false})
	require.EqualValues(t, 2, w.learners(t, "FIRE"), "active or not")
	w.api.Do(t, http.StatusOK, "DELETE", "/api/v2/users/bob", nil)
	require.EqualValues(t, 1, w.learners(t, "FIRE"), "the deleted are gone")

	for range 2 { // a group that is not linked is none to take off
		a = w.api.Do(t, http.StatusOK, "DELETE", channelGroupPath("FIRE", "B"), nil)
		require.Equal(t, object{"identifier": "FIRE"}, a.Map(t))
	}
	for _, method := range []string{"POST", "DELETE"} {
		fails(t, w.api.Do(t, http.StatusNotFound, method, channelGroupPath("FIRE", "T"), nil), "not_found")
		fails(t, w.api.Do(t, http.StatusNotFound, method, channelGroupPath("NOTHING", "B"), nil), "not_found")
	}
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", channelGroupPath("FIRE", "B")+"?recursive=yes", nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", channelGroupPath("FIRE", "B")+"?userRole=INSTRUCTOR", nil), "invalid_request")
}

// Leaving a sub-account ends what people are in its channels.
func TestChannelsOfASubAccountEnd(t *testing.T) {
	w := newWorld(t)
	w.course(t, "NORTHERN", func(in *learning.CourseInput) { in.OrganizationID = &w.north.ID })
	w.course(t, "FIRE", nil)
	w.api.Do(t, http.StatusCreated, "PUT", "/api/v2/users", object{
		"identifier": "ann", "username": "ann", "firstName": "Ann", "lastName": "A", "subAccountName": "North",
	})
	for _, channel := range []string{"NORTHERN", "FIRE"} {
		w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", channel, "ann"), nil)
	}
	w.api.Do(t, http.StatusOK, "DELETE", "/api/v2/users/ann/subAccountName/North", nil)
	require.Equal(t, []string{"ann FIRE 0"}, w.performance(t, "externalUserId=ann"))

	// The channels of an organization that is deactivated are gone with it.
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "NORTHERN", "ann"), nil)
	require.Len(t, w.performance(t, "externalUserId=ann"), 2)
	w.NewPerson(0, 0, "admin", models.RoleAdmin)
	_, err := w.People.DeactivateOrganization(w.office(t), w.north.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"ann FIRE 0"}, w.performance(t, "externalUserId=ann"))
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", countPath("NORTHERN"), nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "DELETE", channelUserPath("v1", "NORTHERN", "ann"), nil), "not_found")
}

func TestForceComplete(t *testing.T) {
	start := time.Date(2024, 6, 15, 9, 30, 0, 250_000_000, time.UTC)
	w, clock := newClockedWorld(t, start)
	w.course(t, "FIRE", nil)
	w.learner(t, "ann", "LEARNER", "INSTRUCTOR")
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", completePath("FIRE", "ann"), nil), "invalid_request")
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE", "ann")+"?roles=INSTRUCTOR", nil)
	fails(t, w.api.Do(t, http.StatusBadRequest, "POST", completePath("FIRE", "ann"), nil), "invalid_request")
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "FIRE", "ann"), nil)
	w.report(t, "ann", "FIRE", 40, to(91.5)) // which is told in whole per cent

	a := w.api.Do(t, http.StatusOK, "POST", completePath("FIRE", "ann"), nil)
	require.Equal(t, object{"identifier": "FIRE"}, a.Map(t))
	want := object{
		"channelName": "Name of FIRE", "completionDate": "2024-06-15T09:30:00.250Z", "externalChannelId": "FIRE", "externalUserId": "ann",
		"progress": 100.0, "score": 92.0,
	}
	require.Equal(t, []object{want}, list(t, w.api.Do(t, http.StatusOK, "GET", performancePath+"?externalUserId=ann", nil)))
	clock.move(time.Minute)
	w.api.Do(t, http.StatusOK, "POST", completePath("FIRE", "ann"), nil)
	require.Equal(t, []object{want}, list(t, w.api.Do(t, http.StatusOK, "GET", performancePath+"?externalUserId=ann", nil)), "a repetition changes nothing")
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", completePath("NOTHING", "ann"), nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", completePath("FIRE", "nobody"), nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "POST", completePath("ann", "FIRE"), nil), "not_found")
}

// report says how far a person has come.
func (w *world) report(t *testing.T, user, channel string, progress int, score *float64) {
	t.Helper()
	verdicts, err := w.Enrollments.Report(w.office(t), []enrollment.ProgressReport{
		{User: ref.ByIdentifier(user), Course: ref.ByIdentifier(channel), Progress: progress, Score: score},
	})
	require.NoError(t, err)
	require.Equal(t, enrollment.VerdictApplied, verdicts[0].Verdict)
}

func TestListPerformanceV1(t *testing.T) {
	w := newWorld(t)
	for _, channel := range []string{"FIRE", "NEWS"} {
		w.course(t, channel, nil)
		for _, user := range []string{"ann", "bob"} {
			if channel == "FIRE" {
				w.learner(t, user)
			}
			w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", channel, user), nil)
		}
	}
	native := w.NewPerson(0, 0, "native", models.RoleMentee)
	require.NoError(t, w.Enrollments.Assign(w.office(t), ref.ByIdentifier("FIRE"), ref.ByID(native.ID), nil))
	w.report(t, "ann", "FIRE", 40, nil)
	require.Equal(t, []string{"ann FIRE 40", "bob FIRE 0"}, w.performance(t, "externalChannelId=FIRE"), "without those who have no identifier")
	require.Equal(t, []string{"ann FIRE 40", "ann NEWS 0"}, w.performance(t, "externalUserId=ann"))
	require.Equal(t, []string{"bob NEWS 0"}, w.performance(t, "externalUserId=bob&externalChannelId=NEWS"))
	require.EqualValues(t, 3, w.learners(t, "FIRE"))
	w.api.Do(t, http.StatusOK, "DELETE", channelUserPath("v1", "NEWS", "bob"), nil)
	require.Empty(t, w.performance(t, "externalUserId=bob&externalChannelId=NEWS"), "a pair that is not enrolled")

	fails(t, w.api.Do(t, http.StatusBadRequest, "GET", performancePath, nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusBadRequest, "GET", performancePath+"?externalUserId=", nil), "invalid_request")
	for _, query := range []string{"externalUserId=nobody", "externalChannelId=NOTHING", "externalUserId=ann&externalChannelId=NOTHING"} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", performancePath+"?"+query, nil), "not_found")
	}
	fails(t, w.elsewhere(t, "two.test").Do(t, http.StatusNotFound, "GET", performancePath+"?externalUserId=ann", nil), "not_found")
}

func TestPagesOfPerformance(t *testing.T) {
	w, clock := newClockedWorld(t, time.Now().UTC().Truncate(time.Second))
	w.course(t, "FIRE", nil)
	w.course(t, "NEWS", nil)
	w.learner(t, "ann")
	w.api.Do(t, http.StatusOK, "POST", channelUserPath("v2", "NEWS", "ann"), nil)
	p := paging{
		path: "/api/v2/performance", filters: url.Values{"channelIdentifier": {"FIRE"}},
		others:  []url.Values{{"channelIdentifier": {"NEWS"}}, {"userIdentifier": {"ann"}}, {"channelIdentifier": {"FIRE"}, "userIdentifier": {"ann"}}},
		another: "/api/v2/certificates", field: "externalUserId", statements: 2,
	}
	p.insert = func(t *testing.T, from, until int, name func(string) string) {
		t.Helper()
		args := store.Args{"from": from, "until": until - 1, "organization": w.Organization.ID}
		w.exec(t, `INSERT INTO users (account_id, organization_id, identifier, name)
			SELECT @account_id, @organization, `+name("i")+`, 'x' FROM generate_series(CAST(@from AS integer), CAST(@until AS integer)) i`, args)
		w.exec(t, `INSERT INTO enrollments (account_id, course_id, user_id, direct_learner, learner, created_at)
			SELECT @account_id, c.id, u.id, true, true, CAST('2024-03-01' AS timestamptz) + i / 3 * interval '1 ms'
			FROM generate_series(CAST(@from AS integer), CAST(@until AS integer)) i
				JOIN users u ON u.account_id = @account_id AND u.identifier = `+name("i")+` JOIN courses c ON c.identifier = 'FIRE' ORDER BY i`, args)
	}
	p.remove = func(t *testing.T, names []string) {
		t.Helper()
		for _, name := range names {
			require.NoError(t, w.Enrollments.Remove(w.office(t), ref.ByIdentifier("FIRE"), ref.ByIdentifier(name)))
		}
	}
	p.prove(t, w, clock)

	w.api = w.as(t, w.client)
	fails(t, w.api.Do(t, http.StatusBadRequest, "GET", p.path, nil), "invalid_request")
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", p.path+"?userIdentifier=nobody", nil), "not_found")
	require.Equal(t, []string{"ann"}, p.get(t, w.api, url.Values{"userIdentifier": {"ann"}}).names)
	require.Empty(t, p.get(t, w.api, url.Values{"userIdentifier": {"ann"}, "channelIdentifier": {"FIRE"}}).names)
}

// What an operation asks the database, beside who calls, does not grow with what
// it finds.
func TestStatementsOfEnrollments(t *testing.T) {
	w := newWorld(t)
	w.tree(t)
	w.course(t, "FIRE", nil)
	for i := range 5 {
		user := fmt.Sprint("u", i)
		w.learner(t, user)
		w.api.Do(t, http.StatusOK, "POST", memberPath("T", user), nil)
	}
	for _, c := range []struct {
		most         int64
		method, path string
	}{
		{8, "POST", channelUserPath("v2", "FIRE", "u0")},               // person, tree, course, roles, enrolment, certificates, audit
		{5, "POST", channelUserPath("v2", "FIRE", "u0")},               // is one already
		{9, "POST", channelGroupPath("FIRE", "R") + "?recursive=true"}, // tree, course, group, link, sources, enrolments, certificates, audit
		{1, "GET", countPath("FIRE")},
		{1, "GET", performancePath + "?externalChannelId=FIRE"},
		{2, "GET", "/api/v2/performance?channelIdentifier=FIRE"}, // the first page counts
		{9, "POST", completePath("FIRE", "u0")},                  // person, tree, course, enrolment, sessions, progress, certificates, audit
		{4, "POST", completePath("FIRE", "u0")},                  // complete already
		{7, "DELETE", channelUserPath("v1", "FIRE", "u0")},       // person, tree, course, enrolment, certificates, audit
		{4, "DELETE", channelUserPath("v1", "FIRE", "u0")},       // is none any more
		{8, "DELETE", channelGroupPath("FIRE", "R")},             // tree, course, group, link and sources, enrolments, certificates, audit
		{4, "DELETE", channelGroupPath("FIRE", "R")},             // not linked any more
	} {
		before := w.DB.Statements()
		w.api.Do(t, http.StatusOK, c.method, c.path, nil)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most+tokenStatements, "%s %s", c.method, c.path)
	}
}
