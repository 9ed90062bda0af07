package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/native/wire"
	"quad/internal/contracttest"
	"quad/internal/httpx"
)

type reader interface{ Read(*wire.Input) }

// readers are the decoders of all operations.
func readers() []reader {
	return []reader{
		&wire.AcceptInvitation{}, &wire.ByID{}, &wire.ConnectionRunPath{}, &wire.CourseSession{}, &wire.CourseUser{}, &wire.CreateAPIClient{}, &wire.CreateAPIToken{},
		&wire.CreateCertificate{}, &wire.CreateConnection{}, &wire.CreateCourse{}, &wire.CreateDownload{}, &wire.CreateGroup{}, &wire.CreateInviteFile{},
		&wire.CreateOrganization{}, &wire.CreateReport{}, &wire.CreateReportLink{}, &wire.CreateSession{}, &wire.CreateUpload{}, &wire.CreateUser{}, &wire.Deadline{},
		&wire.Decide{}, &wire.EnrolLearners{}, &wire.Events{}, &wire.FindGroupMembers{}, &wire.GroupUser{}, &wire.Hierarchy{}, &wire.InvitationToken{}, &wire.List{},
		&wire.ListAudit{}, &wire.ListCertificates{}, &wire.ListCourses{}, &wire.ListEntitlements{}, &wire.ListGroupMembers{}, &wire.ListGroups{}, &wire.ListInviteFiles{},
		&wire.ListInviteRows{}, &wire.ListInvites{}, &wire.ListLearners{}, &wire.ListMyEnrollments{}, &wire.ListNotifications{}, &wire.ListOf{}, &wire.ListOrganizations{},
		&wire.ListProcesses{}, &wire.ListReports{}, &wire.ListSessions{}, &wire.ListUploadRows{}, &wire.ListUserCertificates{}, &wire.ListUserEntitlements{},
		&wire.ListUserGroups{}, &wire.ListUsers{}, &wire.Login{}, &wire.None{}, &wire.Refresh{}, &wire.ReissueUserCertificate{}, &wire.ReportProgress{},
		&wire.RevokeUserCertificate{}, &wire.SetProgress{}, &wire.SetReportSchedule{}, &wire.StartConnectionRun{}, &wire.StartProcess{}, &wire.Timeline{},
		&wire.UpdateCertificate{}, &wire.UpdateConnection{}, &wire.UpdateCourse{}, &wire.UpdateGroup{}, &wire.UpdateOrganization{}, &wire.UpdateSession{},
		&wire.UpdateUser{}, &wire.UpdateUserCertificate{}, &wire.UserRole{},
	}
}

func TestReadersAreAll(t *testing.T) { contracttest.ReadersAreAll(t, readers()) }

// secret is put where secrets belong; it must not come back.
const secret = "s3cr3t-Zx81"

// FuzzReaders: whatever a request holds, no decoder panics, and what it can't
// read it names shortly, without the value.
func FuzzReaders(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `"text"`, `1e400`, `["a","b"]`, `{"name":"` + strings.Repeat("x", 300) + `"}`,
		`{"email":"a@b.example","password":"` + secret + `"}`, `{"token":"` + secret + `","refreshToken":1}`,
		`{"kind":"moodle-db","name":"C","settings":{"password":"` + secret + `","port":3306,"ca":null},"organizationId":null}`,
		`{"settings":{"password":["` + secret + `"]},"scheduleMinutes":1e9,"pagesPerSecond":-0.5,"enabled":"yes"}`,
		`{"settings":"` + secret + `","full":1,"dryRun":null}`,
		`{"startDate":"2024-02-30","validity":null,"courses":[{"id":-1}],"deadline":"soon"}`,
	} {
		f.Add([]byte(body), "1", "7")
		f.Add([]byte(body), strings.Repeat("9", 3_000), "\x00\xff")
		f.Add([]byte(body), "2017-12-13T00:00:00Z", "a b/c")
	}
	f.Fuzz(func(t *testing.T, body []byte, query, param string) {
		for _, r := range readers() {
			in := wire.Input{
				Param:  func(string) string { return param },
				Query:  func(string) string { return query },
				Header: func(string) string { return query },
				Decode: func(v any) error { return httpx.DecodeJSONBytes(body, v) },
			}
			r.Read(&in)
			for _, p := range in.Problems {
				require.Less(t, len(p.Text), 1_000, "%T", r)
				require.NotContains(t, p.Text, secret, "%T", r)
			}
			if in.BodyErr != nil {
				require.NotContains(t, in.BodyErr.Error(), secret, "%T", r)
			}
		}
	})
}
