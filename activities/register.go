package activities

import (
	"reflect"

	"go.temporal.io/sdk/worker"
)

// Set is all activities of the hub: a pointer to a struct per process. Method
// names are unique in the set, because they are the names under which Temporal
// knows the activities; they are in running histories and are never changed.
type Set struct {
	OrgRoleRequest    *OrgRoleRequest
	BulkInvite        *BulkInvite
	OrgUpload         *OrgUpload
	CertificateExpiry *CertificateExpiry
	ReportGeneration  *ReportGeneration
	LMSSync           *LMSSync
}

// Register registers the activities of the set with a worker. A process whose
// pointer is nil is left out.
func Register(r worker.ActivityRegistry, s Set) {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsNil() {
			r.RegisterActivity(f.Interface())
		}
	}
}
