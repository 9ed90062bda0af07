// Package enabley is the front door that speaks the Enabley integration API,
// versions 1 to 4 side by side (openapi.yaml). Start at operations.go: it names
// the handler of each operation. The rules are in the areas; this package
// decodes, calls and encodes.
package enabley

import (
	"errors"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/clock"
	"quad/internal/httpx"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/people/group"
	"quad/internal/people/orgupload"
	"quad/internal/people/userprofile"
)

// Deps is what the door calls.
type Deps struct {
	Auth         *auth.Service
	People       *people.Service
	Learning     *learning.Service
	Enrollments  *enrollment.Service
	Entitlements *entitlement.Service
	Groups       *group.Service
	Profiles     *userprofile.Service
	Uploads      *orgupload.Service
	Certificates *certification.Service
	Keys         *auth.Keyring
	Clock        clock.Clock // of page keys, which age; nil: the machine's
}

// validate reports all that is missing.
func (d Deps) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Auth": d.Auth == nil, "People": d.People == nil, "Learning": d.Learning == nil, "Enrollments": d.Enrollments == nil, "Entitlements": d.Entitlements == nil,
		"Groups": d.Groups == nil, "Profiles": d.Profiles == nil, "Uploads": d.Uploads == nil, "Certificates": d.Certificates == nil, "Keys": d.Keys == nil,
	} {
		if missing {
			errs = append(errs, errors.New("enabley: "+name+" is missing"))
		}
	}
	return errors.Join(errs...)
}

type door struct {
	Deps
	keys *httpx.Cursors // of pages
}

// classLogin names the rate limit of operations that can be used to guess.
const classLogin = "login"

// New makes the door. Errors: all that is missing in deps.
func New(deps Deps) (httpx.Door, error) {
	if err := deps.validate(); err != nil {
		return httpx.Door{}, err
	}
	keys, err := httpx.NewCursors(deps.Keys.Derive("enabley page key")...)
	if err != nil {
		return httpx.Door{}, err
	}
	deps.Clock = deps.Clock.Or()
	d := &door{Deps: deps, keys: keys}
	return httpx.Door{
		Name: Name, Title: "Enabley integration API",
		Prefixes:     []string{"/api/v1", "/api/v2", "/api/v3", "/api/v4"},
		Operations:   d.operations(),
		Contract:     Contract,
		Authenticate: d.authenticate,
		ErrorHandler: handleError,
	}, nil
}

// Served lists the ids of the contract's operations that have a handler.
func Served() []string {
	var ids []string
	for _, op := range (&door{}).operations() {
		if op.Handler != nil && !op.Extra {
			ids = append(ids, op.ID)
		}
	}
	return ids
}
