// Package mis is the front door that speaks the ALiVE MIS API (openapi.yaml).
// Start at operations.go: it names the handler of each operation. The rules are
// in the areas; this package decodes, calls and encodes.
package mis

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/health"
	"quad/internal/httpx"
	"quad/internal/integration"
	"quad/internal/learning/figures"
	"quad/internal/people"
	"quad/internal/projects"
	"quad/internal/projects/survey"
	"quad/internal/reporting"
	"quad/internal/settings"
)

// Deps is what the door calls.
type Deps struct {
	Auth     *auth.Service
	People   *people.Service
	Projects *projects.Service
	Surveys  *survey.Service
	Figures  *figures.Service
	Settings *settings.Service
	Trail    *audit.Trail
	Health   *health.Service
	Reports  *reporting.Service
	// Integrations are the connections to learning systems.
	Integrations *integration.Service
	// Config says how long tokens live and how often callers may come.
	Config config.MIS
	// PublicURL is the hub's address for people: behind TLS cookies are too.
	PublicURL string
}

// validate reports all that is missing.
func (d Deps) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Auth": d.Auth == nil, "People": d.People == nil, "Projects": d.Projects == nil, "Surveys": d.Surveys == nil, "Figures": d.Figures == nil,
		"Settings": d.Settings == nil, "Trail": d.Trail == nil, "Health": d.Health == nil, "Reports": d.Reports == nil,
		"Integrations": d.Integrations == nil,
	} {
		if missing {
			errs = append(errs, errors.New("mis: "+name+" is missing"))
		}
	}
	return errors.Join(errs...)
}

type door struct {
	Deps
	secure bool // clients reach the hub by TLS
	probe  *health.Probe
}

// ClassLogin names the rate limit of operations that can be used to guess.
const ClassLogin = "mis-login"

// New makes the door. Errors: all that is missing in deps.
func New(deps Deps) (httpx.Door, error) {
	if err := deps.validate(); err != nil {
		return httpx.Door{}, err
	}
	d := &door{Deps: deps, secure: strings.HasPrefix(deps.PublicURL, "https:"), probe: health.NewProbe(deps.Health)}
	deps.Auth.SetProfile(Name, auth.Profile{AccessTTL: deps.Config.AccessTTL, RefreshTTL: deps.Config.RefreshTTL, RoleNames: roleNames})
	return httpx.Door{
		Name: Name, Title: "ALiVE MIS API",
		Prefixes:         []string{"/mis"},
		Operations:       d.operations(),
		Contract:         Contract,
		Authenticate:     d.authenticate,
		ErrorHandler:     handleError,
		NotFound:         notFound,
		MethodNotAllowed: notFound,
		PerCaller:        httpx.Rate{PerMinute: deps.Config.RatePerUser},
		RateHeaders:      "X-RateLimit",
	}, nil
}

// notFound answers unknown paths and methods alike.
func notFound(c *fiber.Ctx) error {
	return httpx.ErrNotFound
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
