package enabley_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/learning"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

const channels = "/api/v1/channels"

// office is the context of the hub's own administrators, who make what this
// door only reads.
func (w *world) office(t *testing.T) context.Context {
	t.Helper()
	return auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: w.Account.ID, UserID: 1, OrganizationID: w.Organization.ID, Door: "test", Roles: []string{models.RoleAdmin},
	})
}

// course makes a course in the hub itself.
func (w *world) course(t *testing.T, identifier string, change func(*learning.CourseInput)) learning.Course {
	t.Helper()
	in := learning.CourseInput{Identifier: &identifier, Name: "Name of " + identifier, Type: models.CourseTypeCourse}
	if change != nil {
		change(&in)
	}
	c, err := w.Learning.CreateCourse(w.office(t), in)
	require.NoError(t, err)
	return c
}

func to[T any](v T) *T { return &v }

func TestUpsertChannel(t *testing.T) {
	w := newWorld(t)
	body := object{"identifier": "NEWS/ä 1", "name": "Company news", "type": "STREAM", "status": "INACTIVE", "subAccountName": "North", "unknown": 1}
	a := w.api.Do(t, http.StatusCreated, "PUT", channels, body)
	require.Equal(t, object{"identifier": "NEWS/ä 1"}, a.Map(t))
	a = w.api.Do(t, http.StatusOK, "PUT", channels, body)
	require.Equal(t, object{"identifier": "NEWS/ä 1"}, a.Map(t))

	path := channels + "/" + url.PathEscape("NEWS/ä 1")
	got := w.api.Do(t, http.StatusOK, "GET", path, nil).Map(t)
	c, err := w.Learning.Channel(w.office(t), ref.ByIdentifier("NEWS/ä 1"))
	require.NoError(t, err)
	require.Equal(t, object{
		"availability": object{"status": "NONACTIVE", "schedule": nil}, "categories": nil, "created": c.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		"directLink": w.URL + "/channels/" + c.PublicID, "duration": nil, "identifier": "NEWS/ä 1", "masterChannelId": nil, "masterChannelInstance": false,
		"name": "Company news", "subAccountName": "North", "type": "STREAM",
	}, got)
	require.Equal(t, []any{}, w.api.Do(t, http.StatusOK, "GET", path+"?includeCategories=true", nil).Map(t)["categories"])

	// Absent stays, null clears.
	w.api.Do(t, http.StatusOK, "PUT", channels, object{"identifier": "NEWS/ä 1", "status": "ACTIVE"})
	w.api.Do(t, http.StatusOK, "PUT", channels, object{"identifier": "NEWS/ä 1", "subAccountName": nil, "name": "News"})
	got = w.api.Do(t, http.StatusOK, "GET", path, nil).Map(t)
	require.Equal(t, []any{"News", nil, object{"status": "ACTIVE", "schedule": nil}}, []any{got["name"], got["subAccountName"], got["availability"]})
}

func TestUpsertChannelRefuses(t *testing.T) {
	w := newWorld(t)
	w.course(t, "MASTER", func(in *learning.CourseInput) { in.Master = true })
	w.course(t, "A", nil)
	for _, c := range []struct {
		status int
		code   string
		body   any
	}{
		{400, "invalid_request", object{"name": "x", "type": "COURSE"}},
		{400, "invalid_request", object{"identifier": "", "name": "x", "type": "COURSE"}},
		{400, "invalid_request", object{"identifier": strings.Repeat("x", 256), "name": "x", "type": "COURSE"}},
		{400, "invalid_request", object{"identifier": "B", "type": "COURSE"}},
		{400, "invalid_request", object{"identifier": "B", "name": "x"}},
		{400, "invalid_request", object{"identifier": "B", "name": "x", "type": "course"}},
		{400, "invalid_request", object{"identifier": "A", "status": "DRAFT"}},
		{400, "invalid_request", object{"identifier": "A", "name": nil}},
		{400, "invalid_request", object{"identifier": "A", "type": "STREAM"}},
		{400, "invalid_request", []any{}},
		{400, "item_not_exists", object{"identifier": "A", "subAccountName": "Nowhere"}},
		{400, "item_not_exists", object{"identifier": "B", "name": "x", "type": "COURSE", "subAccountName": "north"}},
		{400, "item_not_exists", object{"identifier": "A", "subAccountName": ""}},
		{400, "item_not_exists", object{"identifier": "MASTER", "subAccountName": "Default"}},
		{409, "item_exists", object{"identifier": "MASTER", "name": "x", "type": "COURSE"}},
	} {
		fails(t, w.api.Do(t, c.status, "PUT", channels, c.body), c.code)
	}
	a := w.api.Do(t, http.StatusOK, "GET", channels, nil)
	require.Len(t, list(t, a), 1, "a refused call changes nothing")
	require.Contains(t, string(a.Body), "Name of A")
}

func TestUpsertChannelAtOnce(t *testing.T) {
	w := newWorld(t)
	body := object{"identifier": "NEWS", "name": "Company news", "type": "STREAM"}
	require.Equal(t, map[int]int{201: 1, 200: 49}, w.api.AtOnce(t, 50, "PUT", channels, body))
	require.Len(t, list(t, w.api.Do(t, http.StatusOK, "GET", channels, nil)), 1)
}

func TestListChannelsV1(t *testing.T) {
	start := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	w, clock := newClockedWorld(t, start)
	w.course(t, "FIRE-101", func(in *learning.CourseInput) {
		in.Categories, in.DurationMS, in.OrganizationID = []string{"Safety"}, to(int64(5_400_000)), &w.north.ID
		in.Schedule = &learning.Schedule{StartsAt: to(start.Add(time.Hour)), EndsAt: to(start.Add(2 * time.Hour))}
	})
	w.course(t, "NEWS", func(in *learning.CourseInput) { in.Type, in.Schedule = models.CourseTypeStream, &learning.Schedule{} })
	w.course(t, "DRAFT", func(in *learning.CourseInput) { in.Status = to(models.CourseDraft) })
	w.course(t, "MASTER", func(in *learning.CourseInput) { in.Master = true })
	w.exec(t, `UPDATE courses SET created_at = CAST(@start AS timestamptz) + (id - (SELECT min(id) FROM courses)) * interval '1 ms' WHERE account_id = @account_id`,
		store.Args{"start": start})
	statuses := func(query string) (identifiers, states []string) {
		for _, item := range list(t, w.api.Do(t, http.StatusOK, "GET", channels+query, nil)) {
			availability, ok := item["availability"].(map[string]any)
			require.True(t, ok)
			identifiers, states = append(identifiers, item["identifier"].(string)), append(states, availability["status"].(string))
		}
		return identifiers, states
	}
	rows := list(t, w.api.Do(t, http.StatusOK, "GET", channels+"?includeCategories=true", nil))
	require.Equal(t, []any{"Safety"}, rows[0]["categories"])
	require.Equal(t, []any{}, rows[1]["categories"])
	require.EqualValues(t, 5_400_000, rows[0]["duration"])
	require.Equal(t, object{"status": "SCHEDULED", "schedule": object{"startDate": "2024-03-01T09:00:00.000Z", "endDate": "2024-03-01T10:00:00.000Z"}}, rows[0]["availability"])
	require.Equal(t, object{"status": "STARTED", "schedule": object{"startDate": nil, "endDate": nil}}, rows[1]["availability"])
	require.Nil(t, list(t, w.api.Do(t, http.StatusOK, "GET", channels+"?includeCategories=false", nil))[0]["categories"])

	identifiers, states := statuses("")
	require.Equal(t, []string{"FIRE-101", "NEWS", "DRAFT"}, identifiers)
	require.Equal(t, []string{"SCHEDULED", "STARTED", "DRAFT"}, states)
	clock.move(time.Hour)
	w.api = w.as(t, w.client)
	_, states = statuses("?subAccountName=North")
	require.Equal(t, []string{"STARTED"}, states)
	clock.move(time.Hour + time.Millisecond)
	w.api = w.as(t, w.client)
	_, states = statuses("?subAccountName=North&createdSince=2024-03-01T08:00:00.000Z")
	require.Equal(t, []string{"FINISHED"}, states)
	identifiers, _ = statuses("?createdSince=2024-03-01T08:00:00.001Z")
	require.Equal(t, []string{"NEWS", "DRAFT"}, identifiers, "inclusive")

	fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"?subAccountName=Nowhere", nil), "not_found")
	for _, query := range []string{"createdSince=2024-03-01", "createdSince=2024-03-01T08:00:00Z", "createdSince=2024-03-01T08:00:00.000%2B01:00", "createdSince=2024-02-30T08:00:00.000Z", "includeCategories=yes"} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "GET", channels+"?"+query, nil), "invalid_request")
	}
	require.Empty(t, list(t, w.elsewhere(t, "other.test").Do(t, http.StatusOK, "GET", channels, nil)))
}

func TestGetChannel(t *testing.T) {
	w := newWorld(t)
	w.course(t, "A", func(in *learning.CourseInput) { in.Categories, in.OrganizationID = []string{"Safety"}, &w.north.ID })
	w.course(t, "MASTER", func(in *learning.CourseInput) { in.Master = true })
	require.Equal(t, []any{"Safety"}, w.api.Do(t, http.StatusOK, "GET", channels+"/A?includeCategories=true", nil).Map(t)["categories"])
	fails(t, w.api.Do(t, http.StatusBadRequest, "GET", channels+"/A?includeCategories=1", nil), "invalid_request")
	for _, identifier := range []string{"MASTER", "a", "B", strings.Repeat("x", 300)} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"/"+identifier, nil), "not_found")
	}
	fails(t, w.elsewhere(t, "other.test").Do(t, http.StatusNotFound, "GET", channels+"/A", nil), "not_found")

	// A deactivated sub-account is gone with all that it has.
	w.exec(t, `UPDATE organizations SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": w.north.ID})
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"/A", nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"/A/courses/events", nil), "not_found")
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"?subAccountName=North", nil), "not_found")
	fails(t, w.api.Do(t, http.StatusConflict, "PUT", channels, object{"identifier": "A", "name": "x", "type": "COURSE"}), "item_exists")
	require.Empty(t, list(t, w.api.Do(t, http.StatusOK, "GET", channels, nil)))
}

func TestListChannelTrainingEvents(t *testing.T) {
	w := newWorld(t)
	c := w.course(t, "A", nil)
	start := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, in := range []learning.SessionInput{
		{Name: "Fire drill", Description: to("Practice"), Location: to("Yard 2"), StartsAt: start.Add(time.Hour), EndsAt: start.Add(2 * time.Hour), IncludeGrade: true},
		{Name: "Theory", StartsAt: start, EndsAt: start, AllDay: true, Live: true, Published: to(false)},
	} {
		_, err := w.Learning.CreateSession(w.office(t), ref.ByID(c.ID), in)
		require.NoError(t, err)
	}
	require.Equal(t, []object{
		{"name": "Theory", "description": nil, "location": nil, "fromDate": "2024-03-01T08:00:00.000Z", "untilDate": "2024-03-01T08:00:00.000Z",
			"allDayEvent": true, "liveSession": true, "includeGrade": false, "isPublished": false},
		{"name": "Fire drill", "description": "Practice", "location": "Yard 2", "fromDate": "2024-03-01T09:00:00.000Z", "untilDate": "2024-03-01T10:00:00.000Z",
			"allDayEvent": false, "liveSession": false, "includeGrade": true, "isPublished": true},
	}, list(t, w.api.Do(t, http.StatusOK, "GET", channels+"/A/courses/events", nil)))
	w.course(t, "NEWS", func(in *learning.CourseInput) { in.Type = models.CourseTypeStream })
	require.JSONEq(t, "[]", string(w.api.Do(t, http.StatusOK, "GET", channels+"/NEWS/courses/events", nil).Body))
	w.course(t, "MASTER", func(in *learning.CourseInput) { in.Master = true })
	for _, identifier := range []string{"MASTER", "B"} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", channels+"/"+identifier+"/courses/events", nil), "not_found")
	}
}

func TestListMasterChannels(t *testing.T) {
	const v2 = "/api/v2/channels/channels/masters"
	w := newWorld(t)
	m := w.course(t, "MASTER", func(in *learning.CourseInput) {
		in.Master, in.Categories, in.OrganizationID = true, []string{"Safety"}, &w.north.ID
	})
	w.course(t, "SECRET", func(in *learning.CourseInput) { in.Master, in.Published = true, to(false) })
	w.course(t, "A", nil)
	shown := object{
		"categories": []any{"Safety"}, "created": m.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"), "identifier": "MASTER", "name": m.Name,
		"published": true, "subAccountName": "North",
	}
	for _, query := range []string{"?onlyPublished=true", "?subAccountName=North"} {
		require.Equal(t, []object{shown}, list(t, w.api.Do(t, http.StatusOK, "GET", v2+query, nil)))
		require.Equal(t, []any{shown}, w.api.Do(t, http.StatusOK, "GET", "/api/v3/channels/masters"+query, nil).Map(t)["items"])
	}
	rows := list(t, w.api.Do(t, http.StatusOK, "GET", v2, nil))
	require.Len(t, rows, 2)
	require.Equal(t, []any{"SECRET", false, []any{}, nil}, []any{rows[1]["identifier"], rows[1]["published"], rows[1]["categories"], rows[1]["subAccountName"]})
	for _, path := range []string{v2, "/api/v3/channels/masters", "/api/v3/channels"} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", path+"?subAccountName=Nowhere", nil), "not_found")
	}
	for _, path := range []string{v2 + "?onlyPublished=TRUE", "/api/v3/channels/masters?onlyPublished=1", "/api/v3/channels?includeCategories=no"} {
		fails(t, w.api.Do(t, http.StatusBadRequest, "GET", path, nil), "invalid_request")
	}
}

func TestCreateChannelInstance(t *testing.T) {
	const path = "/api/v2/channels/master/instance"
	w := newWorld(t)
	w.course(t, "MASTER", func(in *learning.CourseInput) {
		in.Master, in.Categories, in.DurationMS, in.OrganizationID = true, []string{"Safety"}, to(int64(1000)), &w.north.ID
	})
	w.course(t, "SECRET", func(in *learning.CourseInput) { in.Master, in.Published = true, to(false) })
	w.course(t, "CHANNEL", nil)
	a := w.api.Do(t, http.StatusOK, "PUT", path, object{"identifier": "A", "masterCourseIdentifier": "MASTER"})
	require.Equal(t, object{"identifier": "A"}, a.Map(t))
	show := func() []any {
		got := w.api.Do(t, http.StatusOK, "GET", channels+"/A?includeCategories=true", nil).Map(t)
		return []any{got["name"], got["subAccountName"], got["type"], got["categories"], got["duration"], got["masterChannelId"], got["masterChannelInstance"]}
	}
	require.Equal(t, []any{"Name of MASTER", "North", "COURSE", []any{"Safety"}, 1000.0, "MASTER", true}, show())
	w.api.Do(t, http.StatusOK, "PUT", path, object{"identifier": "A", "masterCourseIdentifier": "MASTER", "name": "Spring", "subAccountName": nil})
	require.Equal(t, []any{"Spring", nil, "COURSE", []any{"Safety"}, 1000.0, "MASTER", true}, show())
	w.api.Do(t, http.StatusOK, "PUT", path, object{"identifier": "A", "masterCourseIdentifier": "MASTER"})
	require.Equal(t, "Spring", show()[0])

	for _, c := range []struct {
		status int
		code   string
		body   object
	}{
		{400, "invalid_request", object{"identifier": "B"}},
		{400, "invalid_request", object{"masterCourseIdentifier": "MASTER"}},
		{400, "invalid_request", object{"identifier": "B", "masterCourseIdentifier": "MASTER", "name": ""}},
		{400, "invalid_request", object{"identifier": "B", "masterCourseIdentifier": "CHANNEL"}},
		{400, "invalid_request", object{"identifier": "B", "masterCourseIdentifier": "SECRET"}},
		{400, "item_not_exists", object{"identifier": "B", "masterCourseIdentifier": "NONE"}},
		{400, "item_not_exists", object{"identifier": "B", "masterCourseIdentifier": "MASTER", "subAccountName": "Nowhere"}},
		{409, "item_exists", object{"identifier": "CHANNEL", "masterCourseIdentifier": "MASTER"}},
		{409, "item_exists", object{"identifier": "MASTER", "masterCourseIdentifier": "MASTER"}},
	} {
		fails(t, w.api.Do(t, c.status, "PUT", path, c.body), c.code)
	}
	require.Equal(t, map[int]int{200: 50}, w.api.AtOnce(t, 50, "PUT", path, object{"identifier": "MANY", "masterCourseIdentifier": "MASTER"}))
	require.Len(t, list(t, w.api.Do(t, http.StatusOK, "GET", channels, nil)), 3)
}

func TestGetCatalogItem(t *testing.T) {
	const path = "/api/v1/catalog/catalogItem?externalChannelId="
	w := newWorld(t)
	c := w.course(t, "A", func(in *learning.CourseInput) { in.OrganizationID = &w.north.ID })
	fails(t, w.api.Do(t, http.StatusNotFound, "GET", path+"A", nil), "not_found")
	item, _, err := w.Learning.ShowInCatalog(w.office(t), ref.ByID(c.ID))
	require.NoError(t, err)
	want := object{"catalogItemId": item.PublicID, "link": w.URL + "/catalog/" + item.PublicID}
	for _, query := range []string{"A", "A&subAccountName=North", "A&subAccountName="} {
		require.Equal(t, want, w.api.Do(t, http.StatusOK, "GET", path+query, nil).Map(t))
	}
	for _, query := range []string{"B", "A&subAccountName=South", "A&subAccountName=Nowhere"} {
		fails(t, w.api.Do(t, http.StatusNotFound, "GET", path+query, nil), "not_found")
	}
	fails(t, w.api.Do(t, http.StatusBadRequest, "GET", path, nil), "invalid_request")
	fails(t, w.elsewhere(t, "other.test").Do(t, http.StatusNotFound, "GET", path+"A", nil), "not_found")
}

// courseRows makes rows for the proofs of pages. Three share a moment.
func courseRows(w *world, master bool) (insert func(*testing.T, int, int, func(string) string), remove func(*testing.T, []string)) {
	insert = func(t *testing.T, from, to int, name func(string) string) {
		t.Helper()
		w.exec(t, `INSERT INTO courses (account_id, organization_id, identifier, name, type, master, categories, created_at)
			SELECT @account_id, @north, `+name("n")+`, 'x', 'COURSE', @master, '{Safety}', timestamptz '2024-03-01 08:00Z' + n / 3 * interval '1 microsecond'
			FROM generate_series(CAST(@from AS int), CAST(@to AS int) - 1) n ORDER BY n`,
			store.Args{"north": w.north.ID, "master": master, "from": from, "to": to})
	}
	remove = func(t *testing.T, names []string) {
		t.Helper()
		w.exec(t, `DELETE FROM courses WHERE account_id = @account_id AND identifier = ANY(CAST(@names AS text[]))`, store.Args{"names": pq.StringArray(names)})
	}
	return insert, remove
}

func TestPagesOfChannels(t *testing.T) {
	w, clock := newClockedWorld(t, time.Now().UTC().Truncate(time.Second))
	w.course(t, "elsewhere", func(in *learning.CourseInput) { in.OrganizationID = &w.south.ID })
	w.course(t, "master", func(in *learning.CourseInput) { in.Master, in.OrganizationID = true, &w.north.ID })
	p := paging{
		path: "/api/v3/channels", filters: url.Values{"subAccountName": {"North"}, "includeCategories": {"true"}},
		others: []url.Values{
			{"subAccountName": {"South"}}, {"includeCategories": {"false"}}, {"includeCategories": {"x"}},
			{"subAccountName": {"North"}, "includeCategories": {"false"}},
		},
		another: "/api/v3/channels/masters", field: "identifier", statements: 2,
	}
	p.insert, p.remove = courseRows(w, false)
	p.prove(t, w, clock)

	first := p.get(t, w.as(t, w.client), p.filters)
	second := p.get(t, w.as(t, w.client), with(first.PaginationKey, nil))
	require.Equal(t, []any{"Safety"}, second.Items[0]["categories"], "the key holds the filters")
}

func TestPagesOfMasters(t *testing.T) {
	w, clock := newClockedWorld(t, time.Now().UTC().Truncate(time.Second))
	w.course(t, "secret", func(in *learning.CourseInput) { in.Master, in.Published = true, to(false) })
	w.course(t, "channel", nil)
	p := paging{
		path: "/api/v3/channels/masters", filters: url.Values{"onlyPublished": {"true"}},
		others:  []url.Values{{"onlyPublished": {"false"}}, {"subAccountName": {"North"}}, {"subAccountName": {"North"}, "onlyPublished": {"true"}}},
		another: "/api/v3/channels", field: "identifier", statements: 2,
	}
	p.insert, p.remove = courseRows(w, true)
	p.prove(t, w, clock)
}

// TestStatementsOfChannels: what an operation asks the database, beside who
// calls, does not grow with what it finds.
func TestStatementsOfChannels(t *testing.T) {
	w := newWorld(t)
	insert, _ := courseRows(w, false)
	insert(t, 0, 20, pageName)
	insert, _ = courseRows(w, true)
	insert(t, 20, 25, pageName)
	c := w.course(t, "A", nil)
	_, _, err := w.Learning.ShowInCatalog(w.office(t), ref.ByID(c.ID))
	require.NoError(t, err)
	for _, c := range []struct {
		most         int64
		status       int
		method, path string
		body         any
	}{
		{1, 200, "GET", channels + "?subAccountName=North&includeCategories=true", nil},
		{2, 404, "GET", channels + "?subAccountName=Nowhere", nil},
		{1, 200, "GET", channels + "/A", nil},
		{2, 200, "GET", channels + "/A/courses/events", nil},
		{1, 200, "GET", "/api/v2/channels/channels/masters?subAccountName=North", nil},
		{2, 200, "GET", "/api/v3/channels?subAccountName=North", nil},
		{2, 200, "GET", "/api/v3/channels/masters", nil},
		{1, 200, "GET", "/api/v1/catalog/catalogItem?externalChannelId=A", nil},
		{4, 201, "PUT", channels, object{"identifier": "B", "name": "B", "type": "COURSE", "subAccountName": "North"}},
		{4, 200, "PUT", channels, object{"identifier": "B", "name": "C", "subAccountName": "South"}},
		{1, 200, "PUT", channels, object{"identifier": "B", "name": "C"}},
		{4, 200, "PUT", "/api/v2/channels/master/instance", object{"identifier": "D", "masterCourseIdentifier": "row-0020"}},
	} {
		before := w.DB.Statements()
		w.api.Do(t, c.status, c.method, c.path, c.body)
		require.LessOrEqual(t, w.DB.Statements()-before, c.most+tokenStatements, "%s %s", c.method, c.path)
	}
}
