package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/api/enabley/wire"
	"quad/internal/contracttest"
	"quad/internal/httpx"
	"quad/models"
)

type reader interface{ Read(*wire.Input) }

// readers are the decoders of all operations that the door serves.
func readers() []reader {
	return []reader{
		&wire.None{}, &wire.CreateToken{},
		&wire.SetCertificateRequirement{}, &wire.ListUserCertificates{}, &wire.GetCertificate{},
		&wire.ListChannelsV1{}, &wire.ChannelFilter{}, &wire.MasterFilter{}, &wire.UpsertChannel{}, &wire.CreateChannelInstance{}, &wire.GetChannel{},
		&wire.ListChannelTrainingEvents{}, &wire.GetCatalogItem{},
		&wire.UserFilter{}, &wire.ListUsersV2{}, &wire.UserInput{}, &wire.GetUser{}, &wire.UserStatus{}, &wire.UserPath{}, &wire.UserSubAccount{},
		&wire.UserPermissions{}, &wire.UserIdentityChange{}, &wire.Entitlement{},
		&wire.AssignGroup{}, &wire.ChannelGroup{}, &wire.AssignUser{}, &wire.ChannelUser{}, &wire.CountChannelMembers{},
		&wire.ListPerformanceV1{}, &wire.ListPerformanceV2{},
		&wire.UpsertGroup{}, &wire.SubAccount{}, &wire.InSubAccount{}, &wire.ByIdentifier{}, &wire.GroupUser{},
		&wire.GetUserProfiles{}, &wire.UpsertUserProfile{}, &wire.ProfileUser{}, &wire.UploadOrgBulk{},
	}
}

func TestReadersAreAll(t *testing.T) { contracttest.ReadersAreAll(t, readers()) }

// secret is put where secrets belong; it must not come back.
const secret = "s3cr3t-Zx81"

// FuzzReaders: whatever a request holds, no decoder panics, and what it refuses
// it refuses with one short text that names the field, without its value.
func FuzzReaders(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `"text"`, `1e400`, `["a","b"]`, `[1,null]`, `["` + strings.Repeat("x", 300) + `"]`,
		`{"identifier":"u-1","username":"john","firstName":"J","lastName":"D","password":"` + secret + `","possibleRoles":["LEARNER"]}`,
		`{"identifier":null,"username":1,"email":"no","customAttributes":{"a":1e999},"possibleRoles":[],"isActive":"yes"}`,
		`{"identifier":"` + strings.Repeat("i", 300) + `","customAttributes":[],"phone":{},"address":null,"password":"` + strings.Repeat(secret, 400) + `"}`,
		`{"identifier":"g","type":"Team","parentIdentifier":null,"subAccountName":"","name":" "}`,
		`{"files":[{"fileName":"users.csv","content":""},{"fileName":1}]}`, `{"files":{}}`, `{"permissions":["X"]}`, `{"permissions":null}`,
		`{"userIdentifier":"u","entityType":"GROUP","entityIdentifier":"g","userRole":"OWNER"}`,
		`{"certificateIdentifier":"c","isRequired":null,"userIdentifier":"u"}`,
	} {
		f.Add([]byte(body), "1", "7")
		f.Add([]byte(body), strings.Repeat("9", 3_000), "\x00\xff")
		f.Add([]byte(body), "2017-12-13T13:14:28.317Z", "a b/c")
	}
	f.Fuzz(func(t *testing.T, body []byte, query, param string) {
		for _, r := range readers() {
			in := wire.Input{
				Param:  func(string) string { return param },
				Query:  func(string) []string { return []string{query, query} },
				Decode: func(v any) error { return httpx.DecodeJSONBytes(body, v) },
			}
			r.Read(&in)
			if in.Err == nil || models.KindOf(in.Err) != models.KindInvalid {
				continue // what the decoder says is the door's business
			}
			require.Less(t, len(in.Err.Error()), 1_000, "%T", r)
			require.NotContains(t, in.Err.Error(), secret, "%T", r)
		}
	})
}
