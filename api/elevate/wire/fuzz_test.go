package wire_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/elevate/wire"
	"quad/internal/httpx"
)

type reader interface{ Read(*wire.Input) }

// readers are the decoders of all operations that the door serves.
func readers() []reader {
	return []reader{
		&wire.CreateAccountRequest{}, &wire.LoginRequest{}, &wire.GenerateTokenRequest{}, &wire.LogoutRequest{}, &wire.RegistrationOTPRequest{},
		&wire.ReadUserRequest{}, &wire.CreateOrganizationRequest{}, &wire.ListOrganizationsRequest{},
		&wire.RequestOrgRoleRequest{}, &wire.ListRoleRequestsRequest{}, &wire.GetRoleRequestRequest{}, &wire.UpdateRoleRequestStatusRequest{},
		&wire.BulkInviteUsersRequest{}, &wire.ListInviteFilesRequest{}, &wire.FileNameRequest{}, &wire.FilePathRequest{},
		&wire.PasswordOTPRequest{}, &wire.ResetPasswordRequest{}, &wire.ListUsersRequest{}, &wire.SearchUsersRequest{}, &wire.ProfileRequest{},
		&wire.LanguageRequest{}, &wire.ShareUserRequest{},
		&wire.CreateAdminRequest{}, &wire.AddOrgAdminRequest{}, &wire.UsersRequest{}, &wire.DeactivateOrgUserRequest{},
		&wire.UpdateOrganizationRequest{}, &wire.ListTemplatesRequest{},
		&wire.TemplateRequest{}, &wire.IDRequest{}, &wire.EmptyRequest{},
		&wire.UserRoleRequest{}, &wire.ListUserRolesRequest{}, &wire.PermissionRequest{}, &wire.SearchRequest{}, &wire.ModuleRequest{}, &wire.RolePermissionRequest{},
		&wire.FormRequest{}, &wire.ReadFormRequest{}, &wire.FindFormRequest{},
		&wire.CreateEntityTypeRequest{}, &wire.UpdateEntityTypeRequest{}, &wire.ReadEntityTypesRequest{}, &wire.InheritEntityTypeRequest{},
		&wire.CreateEntityRequest{}, &wire.UpdateEntityRequest{}, &wire.ReadEntityRequest{}, &wire.ListEntitiesRequest{},
	}
}

// TestReadersAreAll keeps the list above complete: what has a Read method here
// is in it.
func TestReadersAreAll(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range readers() {
		listed[reflect.TypeOf(r).Elem().Name()] = true
	}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // no build tags here
	require.NoError(t, err)
	declared := map[string]bool{}
	ast.Inspect(packages["wire"], func(n ast.Node) bool {
		method, ok := n.(*ast.FuncDecl)
		if ok && method.Recv != nil && method.Name.Name == "Read" {
			star, ok := method.Recv.List[0].Type.(*ast.StarExpr)
			require.True(t, ok)
			declared[star.X.(*ast.Ident).Name] = true
		}
		return true
	})
	require.Equal(t, declared, listed)
}

const (
	// secret is put where secrets belong; it must not come back.
	secret = "s3cr3t-Zx81"
	// mostErrors and longestValue bound a 422 answer, whatever the request is.
	mostErrors   = 20
	longestValue = 6*wire.MaxText + 2 // of JSON escapes and quotes
)

var secretFields = []string{"password", "otp", "secret_code", "refresh_token"}

// FuzzReaders: whatever a request holds, no decoder panics, a refusal stays
// small, and no secret is in it.
func FuzzReaders(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `"text"`, `1e400`,
		`{"name":"A","email":"a@b.example","password":"long enough","otp":"123456","has_accepted_terms_and_conditions":true}`,
		`{"email":{"a":["b"]},"password":["` + secret + `"],"otp":{"x":"` + secret + `"},"refresh_token":["x"]}`,
		`{"refresh_token":"` + strings.Repeat(secret, 400) + `","password":"` + secret + `","otp":"` + secret + `"}`,
		`{"role":` + strings.Repeat("9", 5_000) + `,"request_id":` + strings.Repeat("9", 5_000) + `,"form_data":[1]}`,
		`{"role":1e3,"form_data":{"a":{"b":[null]}},"request_id":"7","status":"approved","comments":["a",null]}`,
		`{"filters":{"role":[1,"2",1.5,` + strings.Repeat("7", 3_000) + `],"status":["x"],"handled_by":[[]]}}`,
		`{"name":"` + strings.Repeat("ä", 3_000) + `","code":"a b","domains":["` + strings.Repeat("d", 300) + `"],"admin_email":"x"}`,
		`{"type":"` + strings.Repeat("t", 300) + `","code":" ","body":true,"email_header":[],"email_footer":{},"status":1}`,
		`{"type":"profile","sub_type":"form","data":{"template_name":[],"templateName":{},"fields":{"controls":[{"name":1e999},["x"]]}}}`,
		`{"data":{"fields":{"controls":"` + strings.Repeat("c", 3_000) + `"}}}`, `{"data":{"fields":["` + strings.Repeat("f", 3_000) + `"]}}`,
		`{"value":["ln",7],"read_user_entity":"yes","label":" ","status":"gone","allow_filtering":"x","has_entities":"false","model_names":{}}`,
		`{"value":"` + strings.Repeat("v", 3_000) + `","entity_type_id":-1,"has_entities":[],"model_names":["` + strings.Repeat("m", 3_000) + `"]}`,
		`{"title":"a b","user_type":2,"visibility":[],"label":{},"code":"` + strings.Repeat("c", 3_000) + `","module":7,"permission_id":"x"}`,
		`{"request_type":["get",1,"` + strings.Repeat("G", 3_000) + `"],"api_path":"` + strings.Repeat("/", 3_000) + `","status":"gone"}`,
		`{"request_type":"GET","api_path":"no slash","user_type":` + strings.Repeat("1", 3_000) + `}`,
		`{"file_path":null,"filePath":["x"]}`, `{"email":"Ann <a@b.example>","name":true}`, `{"email":"a@b@c.d","password":1e999}`,
	} {
		f.Add([]byte(body), "1", "7")
		f.Add([]byte(body), strings.Repeat("9", 3_000), "\x00\xff")
	}
	f.Fuzz(func(t *testing.T, body []byte, query, param string) {
		var decoded any
		if err := httpx.DecodeJSONBytes(body, &decoded, httpx.AllowEmpty); err != nil {
			return // the door has refused it before any reader
		}
		object, _ := decoded.(map[string]any)
		for _, name := range secretFields {
			if _, sent := object[name]; sent {
				checkReaders(t, with(object, name, secret), query, param)
				checkReaders(t, with(object, name, []any{secret, strings.Repeat(secret, 1_000)}), query, param)
				checkReaders(t, with(object, name, strings.Repeat(secret, 1_000)), query, param)
			}
		}
		checkReaders(t, object, query, param)
	})
}

// with is the object with another value of a key.
func with(object map[string]any, key string, value any) map[string]any {
	changed := map[string]any{}
	for k, v := range object {
		changed[k] = v
	}
	changed[key] = value
	return changed
}

func checkReaders(t *testing.T, object map[string]any, query, param string) {
	t.Helper()
	holds := func(v any) bool {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return strings.Contains(string(text), secret)
	}
	elsewhere := map[string]any{} // a caller who writes a secret into a name gets it back
	for k, v := range object {
		elsewhere[k] = v
	}
	for _, name := range secretFields {
		delete(elsewhere, name)
	}
	public := holds(elsewhere) || holds(query) || holds(param)
	for _, r := range readers() {
		in := wire.Input{
			Body: object, Query: func(string) string { return query }, Param: func(string) string { return param },
		}
		r.Read(&in)
		require.LessOrEqual(t, len(in.Errors), mostErrors, "%T", r)
		for _, e := range in.Errors {
			text, err := json.Marshal(e.Value)
			require.NoError(t, err, "%T", r)
			require.LessOrEqual(t, len(text), longestValue, "%T gives %s back", r, e.Param)
			var back any
			require.NoError(t, json.Unmarshal(text, &back), "%T gives back what no client can read", r)
			require.True(t, public || !holds(e), "%T gives a secret back: %s", r, e.Param)
		}
	}
}
