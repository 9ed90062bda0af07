package api

import (
	"quad/api/elevate"
	"quad/api/enabley"
	"quad/api/mis"
	"quad/api/native"
	"quad/api/pages"
	"quad/internal/health"
	"quad/internal/httpx"
	"quad/internal/hub"
)

// ForHub builds the server of a hub: all front doors over its services.
func ForHub(h *hub.Hub) (*httpx.App, error) {
	elevateDoor, err := elevate.New(elevate.Deps{
		Auth: h.Auth, People: h.People, RoleRequests: h.RoleRequests, Invites: h.Invites, Templates: h.Templates, Files: h.Files,
		Access: h.Access, Forms: h.Forms, Entities: h.Entities,
	})
	if err != nil {
		return nil, err
	}
	nativeDoor, err := native.New(native.Deps{
		Auth: h.Auth, People: h.People, Processes: h.Processes, RoleRequests: h.RoleRequests, Invites: h.Invites, Groups: h.Groups, Uploads: h.Uploads, Notify: h.Notify,
		Files: h.Files, Learning: h.Learning, Enrollments: h.Enrollments, Certificates: h.Certificates, Entitlements: h.Entitlements, Reports: h.Reports, Integrations: h.Integrations, DB: h.DB, Keys: h.Keys, TemporalUI: h.Config.Temporal.UIURL, Namespace: h.Config.Temporal.Namespace,
	})
	if err != nil {
		return nil, err
	}
	enableyDoor, err := enabley.New(enabley.Deps{
		Auth: h.Auth, People: h.People, Learning: h.Learning, Enrollments: h.Enrollments, Entitlements: h.Entitlements, Groups: h.Groups, Profiles: h.Profiles, Uploads: h.Uploads,
		Certificates: h.Certificates, Keys: h.Keys, Clock: h.Options.Clock,
	})
	if err != nil {
		return nil, err
	}
	misDoor, err := mis.New(mis.Deps{
		Auth: h.Auth, People: h.People, Projects: h.Projects, Surveys: h.Surveys, Figures: h.Figures,
		Settings: h.Settings, Trail: h.Trail, Health: health.New(h.Options.Version, append(h.Checks(), health.Check{Name: "mail", Ask: h.Notify.CheckMail})...),
		Reports: h.Reports, Integrations: h.Integrations, Config: h.Config.MIS, PublicURL: h.Config.API.PublicURL,
	})
	if err != nil {
		return nil, err
	}
	pagesDoor, err := pages.New(pages.Deps{Certificates: h.Certificates, Learning: h.Learning})
	if err != nil {
		return nil, err
	}
	cfg := h.Config
	deps := Deps{
		HTTP: httpx.Options{
			Logger: h.Options.Logger, BodyLimit: int64(cfg.API.BodyLimit), RequestTimeout: cfg.API.RequestTimeout,
			TrustedProxies: cfg.API.TrustedProxies, CORSOrigins: cfg.API.CORSOrigins, Metrics: h.Metrics,
			Limiter: httpx.NewLimiter(h.Redis, httpx.Limits{
				Address: httpx.Rate{PerMinute: cfg.Limits.PerAddress},
				Account: httpx.Rate{PerMinute: cfg.Limits.PerAccount},
				Classes: map[string]httpx.Rate{"login": {PerMinute: cfg.Limits.AuthPerAddress}, mis.ClassLogin: {PerMinute: cfg.MIS.RateAuth}},
			}, h.Options.Logger),
		},
		Doors:  []httpx.Door{elevateDoor, enableyDoor, misDoor, nativeDoor, pagesDoor},
		Checks: h.Checks(),
		Files:  h.Blob,
	}
	if cfg.API.MetricsAddr == "" {
		deps.Metrics = h.Metrics.Handler()
	}
	return New(deps)
}
