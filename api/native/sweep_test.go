package native_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An admin has the certificates of the account swept now.
func TestStartCertificateSweep(t *testing.T) {
	w := newWorld(t, nil)
	body := object{"kind": "certificate-expiry", "input": object{}}
	problem(t, w.as(t, w.user).Do(t, 403, "POST", "/hub/v1/processes", body), "forbidden")
	admin := w.as(t, w.admin)
	require.Equal(t, []string{"input"}, fields(t, admin.Do(t, 422, "POST", "/hub/v1/processes", object{"kind": "certificate-expiry", "input": object{"now": true}})))
	id := admin.Do(t, 201, "POST", "/hub/v1/processes", body).Text(t, "id")
	require.Equal(t, id, admin.Do(t, 200, "POST", "/hub/v1/processes", body).Text(t, "id"), "it is under way")
	require.Equal(t, []string{id}, walk(t, admin, "/hub/v1/processes?kind=certificate-expiry"))
	problem(t, w.as(t, w.user).Do(t, 404, "GET", "/hub/v1/processes/"+id, nil), "not_found")
	admin.Do(t, 200, "POST", "/hub/v1/processes/"+id+"/cancel", nil)
}
