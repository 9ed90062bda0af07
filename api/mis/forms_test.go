package mis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/store"
	"quad/models"
)

const formsPath = "/mis/forms"

// newForm makes a form and gives its path.
func (w *world) newForm(t *testing.T, p hubtest.Person, more object) string {
	t.Helper()
	body := object{"name": "Employee Onboarding"}
	for key, value := range more {
		body[key] = value
	}
	return formsPath + "/" + w.as(t, p).Do(t, 201, "POST", formsPath, body).Text(t, "id")
}

// newField adds a field and gives its id.
func newField(t *testing.T, c contracttest.Client, form, name, kind string, more object) string {
	t.Helper()
	body := object{"name": name, "type": kind}
	for key, value := range more {
		body[key] = value
	}
	return c.Do(t, 201, "POST", form+"/fields", body).Text(t, "id")
}

func namesOf(t *testing.T, a contracttest.Answer) (names []string, rest object) {
	t.Helper()
	rest = a.Map(t)
	data, ok := rest["data"].([]any)
	require.True(t, ok)
	names = []string{}
	for _, item := range data {
		names = append(names, item.(object)["name"].(string))
	}
	delete(rest, "data")
	return names, rest
}

func TestForms(t *testing.T) {
	w := newWorld(t)
	manager, user, root := w.as(t, w.manager), w.as(t, w.user), w.as(t, w.root)

	made := manager.Do(t, 201, "POST", formsPath, object{"name": "Employee Onboarding", "description": "New employees", "unknown": 1})
	id := made.Text(t, "id")
	body := made.Map(t)
	require.Equal(t, body["createdAt"], body["updatedAt"])
	delete(body, "createdAt")
	delete(body, "updatedAt")
	require.Equal(t, object{"id": id, "name": "Employee Onboarding", "description": "New employees", "status": "active"}, body)
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM surveys WHERE account_id = @account_id AND organization_id = @id`, store.Args{"id": w.north.ID}))
	require.Equal(t, "", manager.Do(t, 201, "POST", formsPath, object{"name": "x", "status": "draft"}).Text(t, "description"))

	// What can't be made.
	fails(t, manager.Do(t, 400, "POST", formsPath, object{"name": " ", "status": "open", "description": 1}), []string{
		"name should not be empty", "description must be a string", "status must be one of the following values: draft, active, archived",
	})
	fails(t, manager.Do(t, 400, "POST", formsPath, object{}), []string{"name is required"})
	fails(t, manager.Do(t, 400, "POST", formsPath, object{"name": strings.Repeat("x", 201)}), []string{"name must be shorter than or equal to 200 characters"})
	fails(t, user.Do(t, 403, "POST", formsPath, object{}), "Forbidden resource")
	fails(t, w.anyone().Do(t, 401, "POST", formsPath, object{}), "Unauthorized")
	for _, tenant := range []string{idText(w.south.ID), "no such", "999999"} {
		fails(t, manager.Do(t, 403, "POST", formsPath, object{"name": "x", "tenantId": tenant}), "Forbidden resource")
	}
	fails(t, root.Do(t, 404, "POST", formsPath, object{"name": "x", "tenantId": "no such"}), "Tenant not found")
	fails(t, root.Do(t, 404, "POST", formsPath, object{"name": "x", "tenantId": idText(w.Organization.ID)}), "Tenant not found")
	south := root.Do(t, 201, "POST", formsPath, object{"name": "South", "tenantId": idText(w.south.ID)}).Text(t, "id")
	root.Do(t, 201, "POST", formsPath, object{"name": "Common"})

	// Lists.
	names, page := namesOf(t, user.Do(t, 200, "GET", formsPath, nil))
	require.Equal(t, []string{"Common", "x", "Employee Onboarding"}, names)
	require.Equal(t, object{"total": 3.0, "page": 1.0, "limit": 20.0}, page)
	names, page = namesOf(t, root.Do(t, 200, "GET", formsPath+"?limit=3&page=2", nil))
	require.Equal(t, []string{"Employee Onboarding"}, names)
	require.Equal(t, object{"total": 4.0, "page": 2.0, "limit": 3.0}, page)
	names, page = namesOf(t, root.Do(t, 200, "GET", formsPath+"?limit=1000&page=9", nil))
	require.Empty(t, names)
	require.Equal(t, object{"total": 4.0, "page": 9.0, "limit": 100.0}, page)
	_, page = namesOf(t, w.as(t, w.southUser).Do(t, 200, "GET", formsPath+"?limit=-1&page=x", nil))
	require.Equal(t, object{"total": 2.0, "page": 1.0, "limit": 20.0}, page)
	w.anyone().Do(t, 401, "GET", formsPath, nil)

	// One.
	read := user.Do(t, 200, "GET", formsPath+"/"+id, nil)
	require.Equal(t, []any{}, read.Map(t)["fields"])
	for _, other := range []string{south, "no-id", "999999", "0", "-1", strings.Repeat("9", 40)} {
		fails(t, user.Do(t, 404, "GET", formsPath+"/"+other, nil), "Form not found")
	}

	// Changes.
	same := manager.Do(t, 200, "PATCH", formsPath+"/"+id, object{})
	require.Equal(t, made.Text(t, "updatedAt"), same.Text(t, "updatedAt"))
	changed := manager.Do(t, 200, "PATCH", formsPath+"/"+id, object{"name": "New name", "status": "archived"})
	require.Equal(t, "New name", changed.Text(t, "name"))
	fails(t, manager.Do(t, 409, "PATCH", formsPath+"/"+id, object{"status": "draft"}), "Form cannot go from archived to draft")
	require.Equal(t, "archived", manager.Do(t, 200, "PATCH", formsPath+"/"+id, object{"status": "archived"}).Text(t, "status"))
	fails(t, manager.Do(t, 400, "PATCH", formsPath+"/"+south, object{"name": nil}), []string{"name must be a string"})
	fails(t, manager.Do(t, 404, "PATCH", formsPath+"/"+south, object{}), "Form not found")
	fails(t, user.Do(t, 403, "PATCH", formsPath+"/"+id, object{"name": 1}), "Forbidden resource")

	require.Equal(t, object{"success": true, "message": "Form deleted"}, manager.Do(t, 200, "DELETE", formsPath+"/"+id, nil).Map(t))
	fails(t, manager.Do(t, 404, "DELETE", formsPath+"/"+id, nil), "Form not found")
	fails(t, user.Do(t, 404, "GET", formsPath+"/"+id, nil), "Form not found")
	fails(t, w.elsewhere(t, "elsewhere.test").Do(t, 404, "DELETE", formsPath+"/"+south, nil), "Form not found")
}

// A manager reads what belongs to no tenant and does not change it.
func TestFormsOfNoTenant(t *testing.T) {
	w := newWorld(t)
	form := w.newForm(t, w.root, nil)
	field := newField(t, w.as(t, w.root), form, "Q", "text", nil)
	for _, p := range []hubtest.Person{w.manager, w.tenantAdmin} {
		c := w.as(t, p)
		c.Do(t, 200, "GET", form, nil)
		fails(t, c.Do(t, 403, "PATCH", form, object{}), "Forbidden resource")
		fails(t, c.Do(t, 403, "DELETE", form, nil), "Forbidden resource")
		fails(t, c.Do(t, 403, "POST", form+"/duplicate", nil), "Forbidden resource")
		fails(t, c.Do(t, 403, "POST", form+"/fields", object{"name": "x", "type": "text"}), "Forbidden resource")
		fails(t, c.Do(t, 403, "PATCH", form+"/fields/"+field, object{}), "Forbidden resource")
		fails(t, c.Do(t, 403, "DELETE", form+"/fields/"+field, nil), "Forbidden resource")
		fails(t, c.Do(t, 403, "POST", form+"/assignments", object{"userId": idText(w.user.ID)}), "Forbidden resource")
		fails(t, c.Do(t, 403, "GET", form+"/submissions", nil), "Forbidden resource")
	}
	w.as(t, w.loner).Do(t, 201, "POST", form+"/submissions", object{"responses": object{field: "x"}})
}

func TestFormFields(t *testing.T) {
	w := newWorld(t)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	form := w.newForm(t, w.manager, nil)
	id := strings.TrimPrefix(form, formsPath+"/")

	made := manager.Do(t, 201, "POST", form+"/fields", object{"name": "Full Name", "type": "text", "required": true, "placeholder": "Enter your full name"})
	first := made.Text(t, "id")
	require.Equal(t, object{
		"id": first, "formId": id, "name": "Full Name", "type": "text", "required": true, "placeholder": "Enter your full name", "options": []any{}, "order": 0.0,
	}, made.Map(t))
	second := manager.Do(t, 201, "POST", form+"/fields", object{"name": "Team", "type": "select", "options": []string{"a", "b"}})
	require.Equal(t, object{
		"id": second.Text(t, "id"), "formId": id, "name": "Team", "type": "select", "required": false, "placeholder": "", "options": []any{"a", "b"}, "order": 1.0,
	}, second.Map(t))

	fails(t, manager.Do(t, 400, "POST", form+"/fields", object{"type": "x", "required": "yes", "options": []any{""}, "order": -1}), []string{
		"name is required", "type must be one of the following values: text, textarea, number, email, phone, url, date, select, radio, checkbox, rating, file",
		"required must be a boolean value", "options must hold texts of 1 to 200 characters", "order must be an integer from 0 to 32767",
	})
	fails(t, manager.Do(t, 400, "POST", form+"/fields", object{"name": "x", "type": "radio", "options": []string{"a"}}), []string{"options must contain at least 2 elements"})
	fails(t, manager.Do(t, 400, "POST", form+"/fields", object{"name": "x", "type": "text", "options": make([]string, 101)}), []string{"options must be an array of at most 100 texts"})
	fails(t, manager.Do(t, 404, "POST", formsPath+"/999999/fields", object{"name": "x", "type": "text"}), "Form not found")
	fails(t, user.Do(t, 403, "POST", form+"/fields", object{}), "Forbidden resource")

	path := form + "/fields/" + first
	changed := manager.Do(t, 200, "PATCH", path, object{"name": "Full legal name", "order": 5})
	require.Equal(t, "Full legal name", changed.Text(t, "name"))
	require.Equal(t, changed.Map(t), manager.Do(t, 200, "PATCH", path, object{}).Map(t))
	fails(t, manager.Do(t, 400, "PATCH", path, object{"type": "select"}), []string{"options must contain at least 2 elements"})
	fails(t, manager.Do(t, 404, "PATCH", form+"/fields/999999", object{}), "Field not found")
	fails(t, manager.Do(t, 404, "PATCH", w.newForm(t, w.manager, nil)+"/fields/"+first, object{}), "Field not found")
	fails(t, w.as(t, w.southManager).Do(t, 404, "PATCH", path, object{}), "Form not found")

	var read struct{ Fields []struct{ ID, Name string } }
	user.Do(t, 200, "GET", form, nil).JSON(t, &read)
	require.Len(t, read.Fields, 2)
	require.Equal(t, "Team", read.Fields[0].Name, "by their order")

	copied := manager.Do(t, 201, "POST", form+"/duplicate", nil)
	require.Equal(t, "Employee Onboarding (Copy)", copied.Text(t, "name"))
	require.Equal(t, "active", copied.Text(t, "status"))
	user.Do(t, 200, "GET", formsPath+"/"+copied.Text(t, "id"), nil).JSON(t, &read)
	require.Len(t, read.Fields, 2)
	require.NotEqual(t, second.Text(t, "id"), read.Fields[0].ID)
	fails(t, manager.Do(t, 404, "POST", formsPath+"/999999/duplicate", nil), "Form not found")

	require.Equal(t, object{"success": true, "message": "Field deleted"}, manager.Do(t, 200, "DELETE", path, nil).Map(t))
	fails(t, manager.Do(t, 404, "DELETE", path, nil), "Field not found")

	w.exec(t, `INSERT INTO survey_fields (account_id, survey_id, name, type, position) SELECT @account, @id, 'Q', 'text', 2 FROM generate_series(1, 199)`,
		store.Args{"account": w.Account.ID, "id": id})
	fails(t, manager.Do(t, 400, "POST", form+"/fields", object{"name": "x", "type": "text"}), "A form has at most 200 fields")
}

func TestFormAssignments(t *testing.T) {
	w := newWorkingWorld(t)
	manager := w.as(t, w.manager)
	form := w.newForm(t, w.manager, nil)
	id := strings.TrimPrefix(form, formsPath+"/")
	assign := form + "/assignments"

	given := manager.Do(t, 201, "POST", assign, object{"userId": idText(w.user.ID), "dueDate": "2026-02-15"})
	body := given.Map(t)
	require.NotEmpty(t, body["assignedAt"])
	delete(body, "assignedAt")
	require.Equal(t, object{"id": given.Text(t, "id"), "formId": id, "userId": idText(w.user.ID), "dueDate": "2026-02-15"}, body)
	require.Nil(t, manager.Do(t, 201, "POST", assign, object{"userId": idText(w.viewer.ID)}).Map(t)["dueDate"])
	mail := func(to hubtest.Person) string {
		var found []inbox.Message
		hubtest.Eventually(t, "the mail to "+to.Email, func() bool {
			found = w.Inbox.Messages(inbox.Filter{To: to.Email, Subject: "Please fill in: Employee Onboarding"})
			return len(found) > 0
		})
		return found[0].Text
	}
	require.Contains(t, mail(w.user), "Please hand it in by 2026-02-15.")
	require.NotContains(t, mail(w.viewer), "Please hand it in")

	fails(t, manager.Do(t, 409, "POST", assign, object{"userId": idText(w.user.ID)}), "Form is already assigned to this user")
	fails(t, manager.Do(t, 400, "POST", assign, object{"dueDate": "2026-02-30"}), []string{"userId is required", "dueDate must be a valid day such as 2024-01-31"})
	for _, nobody := range []string{idText(w.southUser.ID), idText(w.loner.ID), "no-id", "999999"} {
		fails(t, manager.Do(t, 404, "POST", assign, object{"userId": nobody}), "User not found")
	}
	fails(t, manager.Do(t, 404, "POST", formsPath+"/999999/assignments", object{"userId": idText(w.user.ID)}), "Form not found")
	fails(t, w.as(t, w.user).Do(t, 403, "POST", assign, object{}), "Forbidden resource")
	draft := w.newForm(t, w.manager, object{"status": "draft"})
	fails(t, manager.Do(t, 409, "POST", draft+"/assignments", object{"userId": idText(w.user.ID)}), "Form is not active")

	// Who is assigned sees the form of a tenant that is not theirs, and fills it in.
	w.as(t, w.loner).Do(t, 404, "GET", form, nil)
	outside := w.as(t, w.root).Do(t, 201, "POST", assign, object{"userId": idText(w.loner.ID)}).Text(t, "id")
	w.as(t, w.loner).Do(t, 200, "GET", form, nil)
	w.as(t, w.loner).Do(t, 201, "POST", form+"/submissions", object{"responses": object{}})
	require.Equal(t, object{"success": true, "message": "Assignment removed"}, manager.Do(t, 200, "DELETE", assign+"/"+outside, nil).Map(t))
	w.as(t, w.loner).Do(t, 404, "GET", form, nil)
	fails(t, manager.Do(t, 404, "DELETE", assign+"/"+outside, nil), "Assignment not found")
	fails(t, manager.Do(t, 404, "DELETE", draft+"/assignments/"+given.Text(t, "id"), nil), "Assignment not found")
	fails(t, w.as(t, w.southManager).Do(t, 404, "DELETE", assign+"/"+given.Text(t, "id"), nil), "Form not found")

	fresh := w.newForm(t, w.manager, nil)
	require.Equal(t, map[int]int{201: 1, 409: 49}, manager.AtOnce(t, 50, "POST", fresh+"/assignments", object{"userId": idText(w.user.ID)}))
}

func TestFormSubmissions(t *testing.T) {
	w := newWorld(t)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	form := w.newForm(t, w.manager, nil)
	name := newField(t, manager, form, "Full Name", "text", object{"required": true})
	email := newField(t, manager, form, "E-mail", "email", nil)
	stars := newField(t, manager, form, "Stars", "rating", object{"order": 0})
	submit := form + "/submissions"

	fails(t, user.Do(t, 400, "POST", submit, object{"responses": object{email: "x", stars: "5", "x": 1, "999999": nil}}), []string{
		"Full Name is required", "Stars must be a valid rating", "E-mail must be a valid email", "Unknown field 999999", "Unknown field x",
	})
	fails(t, user.Do(t, 400, "POST", submit, object{}), []string{"responses is required"})
	fails(t, user.Do(t, 400, "POST", submit, object{"responses": []any{}}), []string{"responses must be an object"})
	fails(t, user.Do(t, 400, "POST", submit, object{"responses": object{name: strings.Repeat("x", 20_001)}}), []string{"Full Name must not be longer than 20000 characters"})
	fails(t, user.Do(t, 400, "POST", submit, object{"responses": object{name: strings.Repeat("x", 100_000)}}), []string{"responses must not be larger than 100000 bytes"})
	fails(t, w.as(t, w.southUser).Do(t, 404, "POST", submit, object{"responses": object{name: "x"}}), "Form not found")

	answers := object{name: "John Doe", email: "john@example.com", stars: 5.0}
	first := user.Do(t, 201, "POST", submit, object{"responses": answers})
	body := first.Map(t)
	require.NotEmpty(t, body["submittedAt"])
	delete(body, "submittedAt")
	require.Equal(t, object{"id": first.Text(t, "id"), "formId": strings.TrimPrefix(form, formsPath+"/"), "userId": idText(w.user.ID), "responses": answers}, body)
	second := user.Do(t, 201, "POST", submit, object{"responses": object{name: "J"}})

	got := list(t, w.as(t, w.viewer).Do(t, 200, "GET", submit, nil))
	require.Len(t, got, 2)
	require.Equal(t, second.Map(t), got[0], "the newest first")
	require.Equal(t, first.Map(t), got[1])
	fails(t, user.Do(t, 403, "GET", submit, nil), "Forbidden resource")
	fails(t, w.as(t, w.southViewer).Do(t, 404, "GET", submit, nil), "Form not found")

	require.Equal(t, map[int]int{201: 50}, user.AtOnce(t, 50, "POST", submit, object{"responses": answers}))
	manager.Do(t, 200, "PATCH", form, object{"status": "archived"})
	fails(t, user.Do(t, 409, "POST", submit, object{"responses": object{}}), "Form is not active")
}

func TestMySubmissionStats(t *testing.T) {
	w := newWorld(t)
	manager, user := w.as(t, w.manager), w.as(t, w.user)
	const path = "/mis/form-stats/my-submissions"
	require.Equal(t, object{
		"totalSubmissions": 0.0, "assignedForms": 0.0, "completedForms": 0.0, "pendingForms": 0.0, "overdueForms": 0.0, "completionRate": 0.0,
		"lastSubmittedAt": nil, "byForm": []any{},
	}, user.Do(t, 200, "GET", path, nil).Map(t))
	w.anyone().Do(t, 401, "GET", path, nil)

	var forms []string
	for i, due := range []any{"2020-01-01", "2020-01-01", nil, "9999-12-31"} {
		form := w.newForm(t, w.manager, object{"name": fmt.Sprint("F", i)})
		body := object{"userId": idText(w.user.ID)}
		if due != nil {
			body["dueDate"] = due
		}
		if i < 3 {
			manager.Do(t, 201, "POST", form+"/assignments", body)
		}
		forms = append(forms, form)
	}
	user.Do(t, 201, "POST", forms[0]+"/submissions", object{"responses": object{}})
	user.Do(t, 201, "POST", forms[0]+"/submissions", object{"responses": object{}})
	last := user.Do(t, 201, "POST", forms[3]+"/submissions", object{"responses": object{}}).Text(t, "submittedAt")
	stats := user.Do(t, 200, "GET", path, nil).Map(t)
	byForm, _ := stats["byForm"].([]any)
	delete(stats, "byForm")
	require.Equal(t, object{
		"totalSubmissions": 3.0, "assignedForms": 3.0, "completedForms": 1.0, "pendingForms": 2.0, "overdueForms": 1.0, "completionRate": 33.3, "lastSubmittedAt": last,
	}, stats)
	require.Len(t, byForm, 4)
	require.Equal(t, object{
		"formId": strings.TrimPrefix(forms[3], formsPath+"/"), "formName": "F3", "submissions": 1.0, "dueDate": nil, "lastSubmittedAt": last,
	}, byForm[0])
	require.Equal(t, "2020-01-01", byForm[2].(object)["dueDate"])
	require.Nil(t, byForm[2].(object)["lastSubmittedAt"])
	require.Equal(t, 0.0, w.as(t, w.viewer).Do(t, 200, "GET", path, nil).Map(t)["totalSubmissions"], "one's own only")
}

func TestStatementsOfForms(t *testing.T) {
	w := newWorld(t)
	form := w.newForm(t, w.manager, nil)
	manager := w.as(t, w.manager)
	field := newField(t, manager, form, "Q", "text", nil)
	var last contracttest.Answer
	for _, op := range []struct {
		most         int64
		status       int
		method, path string
		body         any
	}{
		{1, 200, "GET", formsPath, nil},
		{2, 200, "GET", form, nil},
		{2, 201, "POST", formsPath, object{"name": "x"}},
		{2, 200, "PATCH", form, object{}},
		{4, 200, "PATCH", form, object{"name": "New"}},
		{3, 201, "POST", form + "/fields", object{"name": "x", "type": "text"}},
		{4, 200, "PATCH", form + "/fields/" + field, object{"name": "New"}},
		{4, 201, "POST", form + "/submissions", object{"responses": object{field: "x"}}},
		{2, 200, "GET", form + "/submissions", nil},
		{1, 200, "GET", "/mis/form-stats/my-submissions", nil},
		{4, 200, "DELETE", form + "/fields/" + field, nil},
		{3, 201, "POST", form + "/duplicate", nil},
		{5, 201, "POST", form + "/assignments", object{"userId": idText(w.user.ID)}},
		{4, 200, "DELETE", form + "/assignments/", nil},
		{3, 200, "DELETE", form, nil},
	} {
		if strings.HasSuffix(op.path, "/") {
			op.path += last.Text(t, "id")
		}
		statements := w.statementsOf(func() { last = manager.Do(t, op.status, op.method, op.path, op.body) })
		require.LessOrEqual(t, statements, 1+op.most, "%s %s", op.method, op.path)
	}
}

func TestFormsInTheAuditTrail(t *testing.T) {
	w := newWorld(t)
	form := w.newForm(t, w.manager, nil)
	manager := w.as(t, w.manager)
	field := newField(t, manager, form, "Q", "text", nil)
	manager.Do(t, 200, "PATCH", form+"/fields/"+field, object{"name": "R"})
	given := manager.Do(t, 201, "POST", form+"/assignments", object{"userId": idText(w.user.ID)}).Text(t, "id")
	manager.Do(t, 201, "POST", form+"/submissions", object{"responses": object{field: "x"}})
	manager.Do(t, 200, "DELETE", form+"/assignments/"+given, nil)
	manager.Do(t, 200, "DELETE", form+"/fields/"+field, nil)
	manager.Do(t, 200, "PATCH", form, object{"name": "New"})
	manager.Do(t, 201, "POST", form+"/duplicate", nil)
	manager.Do(t, 200, "DELETE", form, nil)
	var events []models.AuditEvent
	require.NoError(t, w.DB.Conn(w.Context()).Where("actor_id = ? AND organization_id = ? AND subject_type LIKE 'form%'", w.manager.ID, w.north.ID).
		Order("id").Find(&events).Error)
	var actions []string
	for _, e := range events {
		actions = append(actions, e.Action)
	}
	require.Equal(t, []string{
		"form.created", "form_field.created", "form_field.updated", "form.assigned", "form_submission.created", "form.unassigned",
		"form_field.deleted", "form.updated", "form.duplicated", "form.deleted",
	}, actions)
}
