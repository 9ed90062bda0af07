package elevate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func TestCreateAndListOrganizations(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.as(t, w.admin)
	a := admin.Do(t, 200, "POST", "/user/v1/organization/create", object{"name": "Zeta School", "code": "zeta", "description": "testing", "domains": []string{"zeta.example"}})
	require.Equal(t, "Organization created successfully", a.Text(t, "message"))
	fails(t, admin.Do(t, 400, "POST", "/user/v1/organization/create", object{"name": "Again", "code": "ZETA", "description": "x"}),
		"CLIENT_ERROR", "Organization already exists")
	require.ElementsMatch(t, []string{"body.name", "body.code"},
		params(t, admin.Do(t, 422, "POST", "/user/v1/organization/create", object{"code": "with space", "description": "x"})))

	// The gate refuses those whose roles lack the permission.
	a = w.as(t, w.user).Do(t, 401, "POST", "/user/v1/organization/create", object{"name": "Mine", "code": "mine", "description": "x"})
	fails(t, a, "UNAUTHORIZED", "You do not have the required permissions to access this resource. Please contact your administrator for assistance.")

	me := w.as(t, w.user)
	var list struct {
		Result struct {
			Data []struct {
				ID         int64
				Name, Code string
			}
			Count int
		}
	}
	me.Do(t, 200, "GET", "/user/v1/organization/list?page=1&limit=2", nil).JSON(t, &list)
	require.Equal(t, 3, list.Result.Count)
	require.Len(t, list.Result.Data, 2)
	require.Equal(t, "Default", list.Result.Data[0].Name)
	me.Do(t, 200, "GET", "/user/v1/organization/list?search=ZET", nil).JSON(t, &list)
	require.Equal(t, 1, list.Result.Count)
	require.Equal(t, "zeta", list.Result.Data[0].Code)
	me.Do(t, 200, "GET", "/user/v1/organization/list?search=%25_%27%22&page=-1&limit=1000", nil).JSON(t, &list)
	require.Zero(t, list.Result.Count)
	require.Empty(t, list.Result.Data)
	w.anyone().Do(t, 401, "GET", "/user/v1/organization/list", nil)
}

func TestFiles(t *testing.T) {
	w := newWorld(t, nil)
	me := w.as(t, w.user)

	a := me.Do(t, 200, "GET", "/user/v1/cloud-services/file/getSignedUrl?fileName=../../etc/my%20list.csv", nil)
	filePath := a.Text(t, "result.file_path")
	require.Equal(t, filePath, a.Text(t, "result.dest_file_ath"))
	require.NotContains(t, filePath, "..")
	download := "/user/v1/cloud-services/file/getDownloadableUrl?file_path=" + filePath
	fails(t, me.Do(t, 400, "GET", download, nil), "CLIENT_ERROR", "Url not found") // nothing uploaded yet
	require.Equal(t, 200, put(t, a.Text(t, "result.signed_url"), "a,b\n"))

	link := me.Do(t, 200, "GET", download, nil).Text(t, "result")
	status, content := get(t, link)
	require.Equal(t, 200, status)
	require.Equal(t, "a,b\n", content)
	require.Equal(t, 403, put(t, link, "other"), "a link is bound to its method")
	me.Do(t, 200, "GET", "/user/v1/cloud-services/file/getDownloadableUrl?filePath="+filePath, nil)

	fails(t, w.as(t, w.otherAdmin).Do(t, 400, "GET", download, nil), "CLIENT_ERROR", "Url not found")
	require.Equal(t, []string{"query.file_path"}, params(t, me.Do(t, 422, "GET", "/user/v1/cloud-services/file/getDownloadableUrl", nil)))
	require.Equal(t, []string{"query.fileName"}, params(t, me.Do(t, 422, "GET", "/user/v1/cloud-services/file/getSignedUrl", nil)))
	w.anyone().Do(t, 401, "GET", "/user/v1/cloud-services/file/getSignedUrl?fileName=x.csv", nil)

	status, content = get(t, me.Do(t, 200, "GET", "/user/v1/cloud-services/file/getSampleCSV", nil).Text(t, "result"))
	require.Equal(t, 200, status)
	require.Contains(t, content, "name,email,roles\n")
	w.anyone().Do(t, 401, "GET", "/user/v1/cloud-services/file/getSampleCSV", nil)
}

func TestNotificationTemplates(t *testing.T) {
	w := newWorld(t, nil)
	c := w.as(t, w.orgAdmin)
	in := object{"type": "email", "code": "registration", "subject": "Hi {name}", "body": "<p>Dear {name}</p>", "email_header": "head", "email_footer": "foot"}
	a := c.Do(t, 202, "POST", "/user/v1/notification/template", in)
	id := a.Text(t, "result.id")
	require.Equal(t, path("%d", w.orgAdmin.ID), a.Text(t, "result.created_by"))

	a = c.Do(t, 400, "POST", "/user/v1/notification/template", in)
	fails(t, a, "CLIENT_ERROR", "Notification template already exists")
	require.Equal(t, "400", a.Text(t, "statusCode"))
	require.ElementsMatch(t, []string{"body.type", "body.code", "body.body"},
		params(t, c.Do(t, 422, "POST", "/user/v1/notification/template", object{"subject": "x"})))

	in["subject"] = "Hello {name}"
	require.Equal(t, "Hello {name}", c.Do(t, 202, "PATCH", "/user/v1/notification/template/"+id, in).Text(t, "result.subject"))
	fails(t, w.as(t, w.otherAdmin).Do(t, 400, "PATCH", "/user/v1/notification/template/"+id, in), "CLIENT_ERROR", "Notification template not found")
	c.Do(t, 422, "PATCH", "/user/v1/notification/template/"+id, object{})

	c.Do(t, 202, "DELETE", "/user/v1/notification/template/"+id, nil)
	fails(t, c.Do(t, 400, "DELETE", "/user/v1/notification/template/"+id, nil), "CLIENT_ERROR", "Notification template not found")
	w.as(t, w.user).Do(t, 401, "POST", "/user/v1/notification/template", in)
}
