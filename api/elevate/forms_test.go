package elevate_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/models"
)

// formBody is the contract's sample under another name.
func formBody(formType, subType, template string) object {
	return object{"type": formType, "sub_type": subType, "data": object{
		"template_name": template,
		"fields":        object{"controls": []object{{"name": "name", "label": "name", "value": "", "type": "text", "validators": object{"required": true, "minLength": 10}}}},
	}}
}

// formVersions is meta.formsVersion, "type" → "id:version".
func formVersions(t *testing.T, a contracttest.Answer) map[string]string {
	t.Helper()
	var body struct {
		Meta struct {
			FormsVersion []struct {
				ID      int64
				Type    string
				Version int
			}
		}
	}
	a.JSON(t, &body)
	require.NotNil(t, body.Meta.FormsVersion)
	out := map[string]string{}
	for _, v := range body.Meta.FormsVersion {
		out[v.Type] = path("%d:%d", v.ID, v.Version)
	}
	return out
}

func TestForms(t *testing.T) {
	w := newWorld(t, nil)
	admin, me := w.as(t, w.orgAdmin), w.as(t, w.user)
	a := admin.Do(t, 200, "POST", "/user/v1/form/create", formBody("welcome", "first", "plain"))
	require.Equal(t, "Form created successfully", a.Text(t, "message"))
	fails(t, admin.Do(t, 400, "POST", "/user/v1/form/create", formBody("welcome", "first", "other")), "CLIENT_ERROR", "Form already exists")
	admin.Do(t, 200, "POST", "/user/v1/form/create", formBody("welcome", "second", "plain"))

	a = me.Do(t, 200, "POST", "/user/v1/form/read", object{"type": "welcome", "sub_type": "first"})
	id := a.Text(t, "result.id")
	require.Equal(t, "0", a.Text(t, "result.version"))
	require.Equal(t, "plain", a.Text(t, "result.data.templateName"))
	require.Equal(t, "plain", a.Text(t, "result.data.template_name"))
	require.JSONEq(t, resultOf(t, a), resultOf(t, me.Do(t, 200, "POST", "/user/v1/form/read/"+id, object{"type": "x"})), "the id wins over the body")

	body := formBody("welcome", "first", "new")
	body["data"].(object)["extra"] = object{"<b>": json.Number("9223372036854775808"), "list": []any{nil, true, "ä"}}
	a = admin.Do(t, 200, "PATCH", "/user/v1/form/update/"+id, body)
	require.Equal(t, "Form updated successfully", a.Text(t, "message"))
	a = me.Do(t, 200, "POST", "/user/v1/form/read/"+id, nil)
	require.Equal(t, "1", a.Text(t, "result.version"))
	var got struct {
		Result struct{ Data json.RawMessage }
	}
	a.JSON(t, &got)
	want := body["data"].(object)
	want["templateName"] = "new"
	sent, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(sent), string(got.Result.Data), "data comes back as it was sent")
	require.Contains(t, string(got.Result.Data), "9223372036854775808")

	// What a form has to have.
	fails(t, admin.Do(t, 400, "PATCH", "/user/v1/form/update/"+id, formBody("welcome", "second", "x")), "CLIENT_ERROR", "Form already exists")
	for _, unknown := range []string{"999999999", "0", "x", "99999999999999999999"} {
		fails(t, admin.Do(t, 400, "PATCH", "/user/v1/form/update/"+unknown, body), "CLIENT_ERROR", "Form not found")
		fails(t, me.Do(t, 400, "POST", "/user/v1/form/read/"+unknown, object{"type": "welcome", "sub_type": "first"}), "CLIENT_ERROR", "Form not found")
	}
	fails(t, me.Do(t, 400, "POST", "/user/v1/form/read", object{"type": "welcome", "sub_type": "third"}), "CLIENT_ERROR", "Form not found")
	require.Equal(t, []string{"body.type"}, params(t, me.Do(t, 422, "POST", "/user/v1/form/read", object{"sub_type": "first"})))
	require.Equal(t, []string{"body.type", "body.sub_type", "body.data"}, params(t, admin.Do(t, 422, "POST", "/user/v1/form/create", object{})))
	require.Equal(t, []string{"body.data.fields"}, params(t, admin.Do(t, 422, "PATCH", "/user/v1/form/update/"+id,
		object{"type": "a", "sub_type": "b", "data": object{"fields": object{}}})))
	require.Equal(t, []string{"body.data.template_name", "body.data.fields.controls"}, params(t, admin.Do(t, 422, "POST", "/user/v1/form/create",
		object{"type": "a", "sub_type": "b", "data": object{"template_name": 7, "fields": object{"controls": []any{"x"}}}})))
	large := formBody("a", "b", strings.Repeat("x", 600_000))
	require.Equal(t, []string{"body.data"}, params(t, admin.Do(t, 422, "POST", "/user/v1/form/create", large)))
	require.Equal(t, []string{"body.data"}, params(t, admin.Do(t, 422, "POST", "/user/v1/form/create", `{"type":"a","sub_type":"b","data":{"fields":{"a":[1e400]}}}`)))
	deep := `{"type":"a","sub_type":"b","data":{"fields":` + strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_001) + `}`
	admin.Do(t, 400, "POST", "/user/v1/form/create", deep)

	// Who may write is not who may read.
	me.Do(t, 401, "POST", "/user/v1/form/create", formBody("a", "b", "c"))
	me.Do(t, 401, "PATCH", "/user/v1/form/update/"+id, body)
	w.anyone().Do(t, 401, "POST", "/user/v1/form/read", object{"type": "welcome", "sub_type": "first"})
	w.anyone().Do(t, 401, "POST", "/user/v1/form/read/"+id, nil)
}

func TestFormsOfOtherOrganizations(t *testing.T) {
	w := newWorld(t, nil)
	home, other := w.as(t, w.orgAdmin), w.as(t, w.otherAdmin)
	home.Do(t, 200, "POST", "/user/v1/form/create", formBody("survey", "one", "home"))
	find := object{"type": "survey", "sub_type": "one"}
	a := other.Do(t, 200, "POST", "/user/v1/form/read", find) // of the default organization
	homeID := a.Text(t, "result.id")
	require.Equal(t, "home", a.Text(t, "result.data.templateName"))
	fails(t, other.Do(t, 400, "PATCH", "/user/v1/form/update/"+homeID, formBody("survey", "one", "theirs")), "CLIENT_ERROR", "Form not found")

	other.Do(t, 200, "POST", "/user/v1/form/create", formBody("survey", "one", "own"))
	a = other.Do(t, 200, "POST", "/user/v1/form/read", find)
	otherID := a.Text(t, "result.id")
	require.Equal(t, "own", a.Text(t, "result.data.templateName"))
	fails(t, home.Do(t, 400, "POST", "/user/v1/form/read/"+otherID, nil), "CLIENT_ERROR", "Form not found")
	fails(t, w.as(t, w.admin).Do(t, 400, "PATCH", "/user/v1/form/update/"+otherID, formBody("x", "y", "z")), "CLIENT_ERROR", "Form not found")

	account, organization := w.NewAccount("elsewhere.test")
	stranger := w.NewPerson(account.ID, organization.ID, "stranger", models.RoleOrgAdmin)
	elsewhere := w.withToken(w.Token(t, stranger, "elevate"))
	fails(t, elsewhere.Do(t, 400, "POST", "/user/v1/form/read/"+homeID, nil), "CLIENT_ERROR", "Form not found")
	a = elsewhere.Do(t, 400, "POST", "/user/v1/form/read", find)
	fails(t, a, "CLIENT_ERROR", "Form not found")
	require.NotContains(t, formVersions(t, a), "survey")
	elsewhere.Do(t, 200, "POST", "/user/v1/form/create", formBody("survey", "one", "elsewhere"))
	require.Contains(t, formVersions(t, elsewhere.Do(t, 200, "GET", "/user/v1/organization/list", nil)), "survey")
}

// Every answer tells the versions of the forms that hold for the caller.
func TestVersionsOfForms(t *testing.T) {
	w := newWorld(t, nil)
	home, other, me := w.as(t, w.orgAdmin), w.as(t, w.otherAdmin), w.as(t, w.user)
	home.Do(t, 200, "POST", "/user/v1/form/create", formBody("survey", "one", "x"))
	id := me.Do(t, 200, "POST", "/user/v1/form/read", object{"type": "survey", "sub_type": "one"}).Text(t, "result.id")
	for _, a := range []contracttest.Answer{
		me.Do(t, 200, "GET", "/user/v1/organization/list", nil),
		me.Do(t, 400, "GET", "/user/v1/user/read/999999999", nil),
		other.Do(t, 200, "GET", "/user/v1/organization/list", nil),
		w.anyone().Do(t, 422, "POST", "/user/v1/account/login", object{}),
		w.signIn(t, w.user),
	} {
		require.Equal(t, id+":0", formVersions(t, a)["survey"])
	}
	require.Empty(t, formVersions(t, w.anyone().Do(t, 401, "GET", "/user/v1/organization/list", nil)), "nobody's forms are shown to nobody")

	home.Do(t, 200, "PATCH", "/user/v1/form/update/"+id, formBody("survey", "one", "y"))
	require.Equal(t, id+":1", formVersions(t, me.Do(t, 200, "GET", "/user/v1/organization/list", nil))["survey"], "at once")
	other.Do(t, 200, "POST", "/user/v1/form/create", formBody("survey", "one", "own"))
	own := formVersions(t, other.Do(t, 200, "GET", "/user/v1/organization/list", nil))["survey"]
	require.NotEqual(t, id+":1", own, "an own form hides the default one")
	require.Equal(t, id+":1", formVersions(t, me.Do(t, 200, "GET", "/user/v1/organization/list", nil))["survey"])
}

func TestFormRaces(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.orgAdmin)
	require.Equal(t, map[int]int{200: 1, 400: 49}, admin.AtOnce(t, 50, "POST", "/user/v1/form/create", formBody("survey", "one", "x")))
	find := object{"type": "survey", "sub_type": "one"}
	id := admin.Do(t, 200, "POST", "/user/v1/form/read", find).Text(t, "result.id")
	require.Equal(t, map[int]int{200: 20}, admin.AtOnce(t, 20, "PATCH", "/user/v1/form/update/"+id, formBody("survey", "one", "y")))
	a := admin.Do(t, 200, "POST", "/user/v1/form/read", find)
	require.Equal(t, "20", a.Text(t, "result.version"))
	require.Equal(t, id+":20", formVersions(t, a)["survey"])
	require.EqualValues(t, 21, w.audited(t, "form", id))
}

// audited counts the entries of the audit trail about a record.
func (w *world) audited(t *testing.T, subject, id string) (n int64) {
	t.Helper()
	number, err := strconv.ParseInt(id, 10, 64)
	require.NoError(t, err)
	require.NoError(t, w.DB.Conn(w.Context()).Model(&models.AuditEvent{}).
		Where("subject_type = ? AND subject_id = ? AND actor_id IS NOT NULL AND organization_id IS NOT NULL AND door = 'elevate'", subject, number).Count(&n).Error)
	return n
}
