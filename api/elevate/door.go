// Package elevate is the front door that speaks the Elevate User API, version
// 1 (openapi.yaml). Start at operations.go: it names the handler of each
// operation. The rules are in the areas; this package decodes, calls and
// encodes.
package elevate

import (
	"errors"

	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/notify"
	"quad/internal/people"
	"quad/internal/people/access"
	"quad/internal/people/entity"
	"quad/internal/people/form"
	"quad/internal/people/invite"
	"quad/internal/people/rolerequest"
)

// Deps is what the door calls.
type Deps struct {
	Auth         *auth.Service
	People       *people.Service
	RoleRequests *rolerequest.Service
	Invites      *invite.Service
	Templates    *notify.Templates
	Files        *people.Files
	Access       *access.Service
	Forms        *form.Service
	Entities     *entity.Service
}

type door struct {
	auth         *auth.Service
	people       *people.Service
	roleRequests *rolerequest.Service
	invites      *invite.Service
	templates    *notify.Templates
	files        *people.Files
	access       *access.Service
	forms        *form.Service
	entities     *entity.Service
}

// classLogin names the rate limit of operations that can be used to guess.
const classLogin = "login"

// New makes the door. Errors: a missing dependency.
func New(deps Deps) (httpx.Door, error) {
	d := &door{
		auth: deps.Auth, people: deps.People, roleRequests: deps.RoleRequests,
		invites: deps.Invites, templates: deps.Templates, files: deps.Files,
		access: deps.Access, forms: deps.Forms, entities: deps.Entities,
	}
	if d.auth == nil || d.people == nil || d.roleRequests == nil || d.invites == nil || d.templates == nil || d.files == nil ||
		d.access == nil || d.forms == nil || d.entities == nil {
		return httpx.Door{}, errors.New("elevate: a dependency is missing")
	}
	return httpx.Door{
		Name: Name, Title: "Elevate User API",
		// /mentoring/v1 is where one alias of the contract lives, /user/admin
		// one tolerated spelling.
		Prefixes:     []string{"/user/v1", "/user/admin", "/mentoring/v1"},
		Operations:   d.operations(),
		Tolerant:     true,
		Contract:     Contract,
		Authenticate: d.authenticate,
		ErrorHandler: d.handleError,
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
