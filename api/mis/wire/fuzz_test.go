package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/mis/wire"
	"quad/internal/contracttest"
	"quad/internal/httpx"
	"quad/models"
)

type reader interface{ Read(*wire.Input) }

// readers are the decoders of all operations that the door serves.
func readers() []reader {
	return []reader{
		&wire.Nothing{}, &wire.IntegrationPath{}, &wire.ListJobRuns{}, &wire.ByID{}, &wire.Login{}, &wire.Register{}, &wire.Refresh{}, &wire.ForgotPassword{}, &wire.ResetPassword{}, &wire.Logout{}, &wire.UpdateMe{},
		&wire.ChangePassword{}, &wire.CreateUser{}, &wire.UpdateUser{},
		&wire.RoleRef{}, &wire.RoleUser{}, &wire.AuditQuery{}, &wire.UpdateSetting{},
		&wire.CreateTenant{}, &wire.UpdateTenant{}, &wire.AssignUser{}, &wire.TenantUser{},
		&wire.GenerateReport{}, &wire.SaveReport{}, &wire.ListReports{}, &wire.UpdateReport{},
		&wire.OfTenant{}, &wire.OfTenantID{}, &wire.Trends{},
		&wire.ListForms{}, &wire.CreateForm{}, &wire.UpdateForm{}, &wire.AddFormField{}, &wire.UpdateFormField{}, &wire.FormFieldByID{},
		&wire.AssignForm{}, &wire.FormAssignmentByID{}, &wire.SubmitForm{},
		&wire.CreateProject{}, &wire.UpdateProject{}, &wire.CreateExpense{}, &wire.ExpenseByID{}, &wire.OfProject{}, &wire.InProject{},
		&wire.CreateMilestone{}, &wire.UpdateMilestone{}, &wire.CreateActivity{}, &wire.UpdateActivity{}, &wire.AssignActivity{}, &wire.AssignmentByID{},
	}
}

func TestReadersAreAll(t *testing.T) { contracttest.ReadersAreAll(t, readers()) }

// secret is put where secrets belong; it must not come back.
const secret = "s3cr3t-Zx81"

// FuzzReaders: whatever a request holds, no decoder panics, and what it refuses
// it refuses with short texts that name the field, without its value.
func FuzzReaders(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `"text"`, `1e400`, `["a","b"]`, `{"name":"` + strings.Repeat("x", 300) + `"}`,
		`{"email":"a@b.example","password":"` + secret + `","firstName":"J","lastName":" ","tenantId":null}`,
		`{"name":"P","startDate":"2024-02-30","endDate":"2024-01-01","budget":-1e300,"status":"x"}`,
		`{"name":"F","type":"select","options":["a",""],"order":1.5,"required":"yes"}`,
		`{"responses":{"1":["a"],"2":null,"x":{}}}`, `{"responses":[]}`,
		`{"title":"R","type":"training_summary","filters":{"startDate":"2024-01-01","tenantId":7}}`,
		`{"token":"` + secret + `","refreshToken":"` + strings.Repeat(secret, 1_000) + `"}`,
	} {
		f.Add([]byte(body), "1", "7")
		f.Add([]byte(body), strings.Repeat("9", 3_000), "\x00\xff")
		f.Add([]byte(body), "2017-12-13", "a b/c")
	}
	f.Fuzz(func(t *testing.T, body []byte, query, param string) {
		for _, r := range readers() {
			in := wire.Input{
				Param:  func(string) string { return param },
				Query:  func(string) string { return query },
				Decode: func(v any) error { return httpx.DecodeJSONBytes(body, v) },
			}
			r.Read(&in)
			if err := in.Err(); err != nil && models.KindOf(err) == models.KindInvalid {
				require.Less(t, len(err.Error()), 10_000, "%T", r)
				require.NotContains(t, err.Error(), secret, "%T", r)
			}
		}
	})
}
