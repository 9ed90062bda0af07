// Package native is the hub's own front door, /hub/v1 (openapi.yaml): what our
// console, the demo job and scripts use. Start at operations.go: it names the
// handler of each operation. The rules are in the areas; this package decodes,
// calls and encodes.
package native

import (
	"errors"
	"net/url"
	"strings"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/httpx"
	"quad/internal/integration"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/people/group"
	"quad/internal/people/invite"
	"quad/internal/people/orgupload"
	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/internal/reporting"
	"quad/internal/store"
)

// Deps is what the door calls.
type Deps struct {
	Auth         *auth.Service
	People       *people.Service
	Files        *people.Files
	Processes    *process.Service
	RoleRequests *rolerequest.Service
	Invites      *invite.Service
	Groups       *group.Service
	Uploads      *orgupload.Service
	Notify       *notify.Service
	Learning     *learning.Service
	Enrollments  *enrollment.Service
	Certificates *certification.Service
	Entitlements *entitlement.Service
	Reports      *reporting.Service
	Integrations *integration.Service
	DB           *store.DB // of the audit trail, which has no service
	Keys         *auth.Keyring
	// TemporalUI is the address of the Temporal UI, and Namespace the namespace
	// of the workflows, for links.
	TemporalUI string
	Namespace  string
}

// validate reports all that is missing.
func (d Deps) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Auth": d.Auth == nil, "People": d.People == nil, "Files": d.Files == nil, "Processes": d.Processes == nil,
		"RoleRequests": d.RoleRequests == nil, "Invites": d.Invites == nil, "Groups": d.Groups == nil, "Uploads": d.Uploads == nil, "Notify": d.Notify == nil, "Learning": d.Learning == nil, "Enrollments": d.Enrollments == nil, "Certificates": d.Certificates == nil,
		"Entitlements": d.Entitlements == nil, "Reports": d.Reports == nil, "Integrations": d.Integrations == nil, "DB": d.DB == nil, "Keys": d.Keys == nil,
	} {
		if missing {
			errs = append(errs, errors.New("native: "+name+" is missing"))
		}
	}
	return errors.Join(errs...)
}

type door struct {
	Deps
	desk    process.Desk
	mails   notify.Desk
	cursors *httpx.Cursors
	ui      string // Temporal UI, up to the workflow's id
}

// classLogin names the rate limit of operations that can be used to guess.
const classLogin = "login"

// New makes the door. Errors: all that is missing in deps.
func New(deps Deps) (httpx.Door, error) {
	if err := deps.validate(); err != nil {
		return httpx.Door{}, err
	}
	cursors, err := httpx.NewCursors(deps.Keys.Derive("native cursor")...)
	if err != nil {
		return httpx.Door{}, err
	}
	d := &door{
		Deps: deps, desk: deps.Processes.Desk(), mails: deps.Notify.Desk(), cursors: cursors,
		ui: strings.TrimRight(deps.TemporalUI, "/") + "/namespaces/" + url.PathEscape(deps.Namespace) + "/workflows/",
	}
	return httpx.Door{
		Name: Name, Title: "Quad native API",
		Prefixes:     []string{"/hub/v1"},
		Operations:   d.operations(),
		Contract:     Contract,
		Authenticate: d.authenticate,
		ErrorHandler: handleError,
	}, nil
}

// Operations lists the ids of the operations.
func Operations() []string {
	var ids []string
	for _, op := range (&door{}).operations() {
		ids = append(ids, op.ID)
	}
	return ids
}
