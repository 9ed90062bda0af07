package elevate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
)

// The contract has no way to read templates; other versions of the service do.
func TestListAndReadTemplates(t *testing.T) {
	w := newWorld(t, nil)
	admin, other := w.as(t, w.orgAdmin), w.as(t, w.otherAdmin)
	create := func(c contracttest.Client, code string) string {
		in := object{"type": "email", "code": code, "subject": "Hi {name}", "body": "<p>Dear {name}</p>"}
		return c.Do(t, 202, "POST", templates, in).Text(t, "result.id")
	}
	first, second, theirs := create(admin, "b-code"), create(admin, "A_100%"), create(other, "b-code")
	list := func(c contracttest.Client, query string) (codes []string, count int) {
		t.Helper()
		var body struct {
			ResponseCode string
			Result       struct {
				Data  []struct{ Code, Body string }
				Count int
			}
		}
		c.Do(t, 200, "GET", templates+query, nil).JSON(t, &body)
		require.Equal(t, "OK", body.ResponseCode)
		for _, one := range body.Result.Data {
			require.Equal(t, "<p>Dear {name}</p>", one.Body)
			codes = append(codes, one.Code)
		}
		return codes, body.Result.Count
	}
	expect := func(c contracttest.Client, query string, count int, want ...string) {
		t.Helper()
		codes, n := list(c, query)
		require.Equal(t, want, codes, query)
		require.Equal(t, count, n, query)
	}
	expect(admin, "", 2, "A_100%", "b-code")
	expect(admin, "?page=2&limit=1", 2, "b-code")
	expect(admin, "?page=0&limit=1000", 2, "A_100%", "b-code")
	expect(admin, "?code=b-code", 1, "b-code")
	expect(admin, "?search=a_1", 1, "A_100%")
	expect(admin, "?search=0%25", 1, "A_100%")
	expect(admin, "?search=none", 0)
	expect(other, "", 1, "b-code")

	one := admin.Do(t, 200, "GET", templates+"/"+first, nil)
	require.Equal(t, "b-code", one.Text(t, "result.code"))
	admin.Do(t, 202, "DELETE", templates+"/"+second, nil)
	expect(admin, "", 1, "b-code")
	for _, id := range []string{second, theirs, "999999999", "x"} {
		fails(t, admin.Do(t, 400, "GET", templates+"/"+id, nil), "CLIENT_ERROR", "Notification template not found")
	}
	w.as(t, w.user).Do(t, 401, "GET", templates, nil)
	w.anyone().Do(t, 401, "GET", templates+"/"+first, nil)
}
