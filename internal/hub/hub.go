// Package hub puts the services together from the configuration. Every role
// (api, worker, seed, tests) builds the same Hub and uses the parts it needs,
// so there is one place that knows how the parts fit.
package hub

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/certification"
	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/health"
	"quad/internal/integration"
	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/integration/source/moodlews"
	"quad/internal/learning"
	"quad/internal/learning/assessment"
	"quad/internal/learning/enrollment"
	"quad/internal/learning/figures"
	"quad/internal/livecache"
	"quad/internal/notify"
	"quad/internal/obs"
	"quad/internal/outbound"
	"quad/internal/people"
	"quad/internal/people/access"
	"quad/internal/people/entitlement"
	"quad/internal/people/entity"
	"quad/internal/people/form"
	"quad/internal/people/group"
	"quad/internal/people/invite"
	"quad/internal/people/orgupload"
	"quad/internal/people/rolerequest"
	"quad/internal/people/userprofile"
	"quad/internal/process"
	"quad/internal/projects"
	"quad/internal/projects/survey"
	"quad/internal/reporting"
	"quad/internal/settings"
	"quad/internal/store"
	"quad/models"
)

// Options tell a Hub which role it is for.
type Options struct {
	Role    string // "api", "worker", "seed" …: names connections, metrics and traces
	Version string
	Logger  *slog.Logger // default slog.Default()
	Clock   clock.Clock  // what time it is for rules that depend on it; default clock.System
}

// Hub is all services of one process. Close ends them.
type Hub struct {
	Config  config.Config
	Options Options

	DB           *store.DB
	Redis        *redis.Client
	Temporal     process.TemporalClient
	Metrics      *obs.Metrics
	Keys         *auth.Keyring
	Blob         *blob.Store
	Live         *livecache.Watcher // of all caches; a role that serves requests runs its Watch
	Auth         *auth.Service
	Notify       *notify.Service
	Processes    *process.Service
	People       *people.Service
	RoleRequests *rolerequest.Service
	Invites      *invite.Service
	Templates    *notify.Templates
	Files        *people.Files
	Access       *access.Service
	Forms        *form.Service
	Entities     *entity.Service
	Groups       *group.Service
	Uploads      *orgupload.Service
	Entitlements *entitlement.Service
	Profiles     *userprofile.Service
	Learning     *learning.Service
	Enrollments  *enrollment.Service
	Certificates *certification.Service
	Assessments  *assessment.Service
	Figures      *figures.Service
	Projects     *projects.Service
	Surveys      *survey.Service
	Settings     *settings.Service
	Reports      *reporting.Service
	Integrations *integration.Service
	Trail        *audit.Trail

	closers []func()
}

// New builds a Hub. The database must answer; Redis, Temporal and the mail
// server may be down, their clients connect when they are needed.
func New(ctx context.Context, cfg config.Config, o Options) (hub *Hub, err error) {
	if err := cfg.Require(config.NeedDatabase, config.NeedRedis, config.NeedTemporal, config.NeedKeys); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Clock = o.Clock.Or()
	h := &Hub{Config: cfg, Options: o, Metrics: obs.NewMetrics(o.Role)}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if err := h.infrastructure(ctx); err != nil {
		return nil, err
	}
	if err := h.services(); err != nil { //nolint:contextcheck // the hashes it makes at the start belong to no request
		return nil, err
	}
	h.watch()
	return h, nil
}

// infrastructure opens what is outside: traces, database, Redis, Temporal, files.
func (h *Hub) infrastructure(ctx context.Context) error {
	cfg := h.Config
	stopTracing, err := obs.StartTracing(ctx, obs.TraceOptions{
		Endpoint: cfg.Obs.OTLPEndpoint, Service: "quad-" + h.Options.Role, Version: h.Options.Version, SampleRatio: cfg.Obs.SampleRatio,
	})
	if err != nil {
		return err
	}
	h.onClose(func() { _ = stopTracing(context.WithoutCancel(ctx)) })

	timeout := cfg.Database.StatementTimeout
	if h.Options.Role != "api" {
		timeout *= 10
	}
	dbOptions := store.Options{
		URL: cfg.Database.URL, MaxConns: cfg.Database.MaxConns, StatementTimeout: timeout, Name: "quad-" + h.Options.Role,
	}
	if cfg.Obs.OTLPEndpoint != "" {
		dbOptions.Tracer = obs.SQLTracer{}
	}
	if h.DB, err = store.Open(ctx, dbOptions); err != nil {
		return err
	}
	h.onClose(h.DB.Close)

	redisOptions, err := redis.ParseURL(cfg.Redis.URL)
	if err != nil {
		return errors.New("REDIS_URL: cannot be parsed as redis://:password@host:port/db")
	}
	h.Redis = redis.NewClient(redisOptions)
	h.onClose(func() { _ = h.Redis.Close() })

	clientOptions := process.ClientOptions{Metrics: h.Metrics.TemporalHandler(), Logger: h.Options.Logger}
	if cfg.Obs.OTLPEndpoint != "" {
		tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{})
		if err != nil {
			return fmt.Errorf("traces of workflows: %w", err)
		}
		clientOptions.Interceptors = []interceptor.ClientInterceptor{tracing}
	}
	if h.Temporal, err = process.NewClient(cfg.Temporal, clientOptions); err != nil {
		return err
	}
	h.onClose(h.Temporal.Close)

	keys, err := masterKeys(cfg.Secrets.Keys)
	if err != nil {
		return err
	}
	h.Blob, err = blob.Open(ctx, blob.Options{
		URL: cfg.BlobURL(), PublicURL: strings.TrimRight(cfg.API.PublicURL, "/"), Keys: keys, TTL: cfg.Blob.URLTTL, MaxUpload: cfg.Blob.MaxUpload,
	})
	if err != nil {
		return err
	}
	h.onClose(func() { _ = h.Blob.Close() })
	return nil
}

// services builds the areas and tells them of each other.
func (h *Hub) services() (err error) {
	cfg := h.Config
	if h.Keys, err = auth.NewKeyring(cfg.Secrets.Keys); err != nil {
		return err
	}
	if h.Auth, err = auth.New(auth.Deps{DB: h.DB, Keys: h.Keys, Config: cfg.Auth}); err != nil {
		return err
	}
	if h.Notify, err = notify.New(notify.Deps{DB: h.DB, Redis: h.Redis, Mail: cfg.Mail, Grace: cfg.Worker.SweepGracePeriod}); err != nil {
		return err
	}
	h.Live = livecache.NewWatcher(h.DB)
	if h.Settings, err = settings.New(settings.Deps{DB: h.DB, Live: h.Live}); err != nil {
		return err
	}
	if h.Trail, err = audit.NewTrail(h.DB, h.Auth); err != nil {
		return err
	}
	h.Processes = process.NewService(process.Deps{
		DB: h.DB, Temporal: h.Temporal, DecisionTimeout: cfg.API.DecisionTimeout, Grace: cfg.Worker.SweepGracePeriod,
	})
	if h.People, err = people.New(people.Deps{
		DB: h.DB, Auth: h.Auth, Mail: h.Notify, Config: cfg.Auth, Live: h.Live, PublicURL: cfg.API.PublicURL, ResetURL: cfg.MIS.ResetURL, Settings: h.Settings,
	}); err != nil {
		return err
	}
	if h.RoleRequests, err = rolerequest.New(rolerequest.Deps{
		DB: h.DB, Processes: h.Processes, Notify: h.Notify, Config: cfg.Roles, PublicURL: cfg.API.PublicURL, Grace: cfg.Worker.SweepGracePeriod,
	}); err != nil {
		return err
	}
	if h.Invites, err = invite.New(invite.Deps{
		DB: h.DB, Process: h.Processes, Notify: h.Notify, Blob: h.Blob, Keys: h.Keys, Config: cfg.Invites,
		PublicURL: cfg.API.PublicURL, BlobKey: people.FileKey, Moved: h.RoleRequests.UsersMoved,
	}); err != nil {
		return err
	}
	h.Templates = notify.NewTemplates(h.DB)
	h.Files = people.NewFiles(h.People, h.Blob)
	if h.Access, err = access.New(access.Deps{DB: h.DB, Changed: h.People.PermissionsChanged, RolesGone: h.RoleRequests.RolesGone}); err != nil {
		return err
	}
	if h.Forms, err = form.New(form.Deps{DB: h.DB, Live: h.Live}); err != nil {
		return err
	}
	if h.Entities, err = entity.New(entity.Deps{DB: h.DB, Live: h.Live}); err != nil {
		return err
	}
	h.People.CheckCodes(h.Entities)
	if h.Groups, err = group.New(group.Deps{
		DB: h.DB, People: h.People,
		// The enrolments are made later than the groups that they follow.
		MembersChanged: func(ctx context.Context, userIDs []int64) error { return h.Enrollments.FollowUsers(ctx, userIDs) },
		TreeChanged:    func(ctx context.Context, groupIDs []int64) error { return h.Enrollments.FollowGroups(ctx, groupIDs) },
		Leaving:        h.groupGone,
	}); err != nil {
		return err
	}
	if h.Profiles, err = userprofile.New(userprofile.Deps{DB: h.DB, People: h.People}); err != nil {
		return err
	}
	if h.Entitlements, err = entitlement.New(entitlement.Deps{DB: h.DB, People: h.People}); err != nil {
		return err
	}
	if h.Learning, err = learning.New(learning.Deps{
		DB: h.DB, Clock: h.Options.Clock, PublicURL: strings.TrimRight(h.Config.API.PublicURL, "/"), SubAccount: h.People.SubAccount, CourseGone: h.courseGone,
	}); err != nil {
		return err
	}
	if h.Enrollments, err = enrollment.New(enrollment.Deps{
		DB: h.DB, People: h.People, Courses: h.Learning, Groups: h.Groups, Clock: h.Options.Clock, Changed: h.learned,
	}); err != nil {
		return err
	}
	if h.Assessments, err = assessment.New(assessment.Deps{DB: h.DB}); err != nil {
		return err
	}
	if h.Figures, err = figures.New(figures.Deps{DB: h.DB, Auth: h.Auth, People: h.People, Clock: h.Options.Clock}); err != nil {
		return err
	}
	if h.Certificates, err = certification.New(certification.Deps{
		DB: h.DB, Process: h.Processes, Notify: h.Notify, Config: cfg.Certs, Clock: h.Options.Clock, PublicURL: cfg.API.PublicURL,
	}); err != nil {
		return err
	}
	if h.Uploads, err = orgupload.New(orgupload.Deps{
		DB: h.DB, Process: h.Processes, Blob: h.Blob, Keys: h.Keys, People: h.People, Groups: h.Groups, Invites: h.Invites,
	}); err != nil {
		return err
	}
	if h.Projects, err = projects.New(projects.Deps{
		DB: h.DB, People: h.People, Notify: h.Notify, PublicURL: strings.TrimRight(cfg.API.PublicURL, "/"),
	}); err != nil {
		return err
	}
	if h.Surveys, err = survey.New(survey.Deps{
		DB: h.DB, People: h.People, Mail: h.Notify, Clock: h.Options.Clock, PublicURL: strings.TrimRight(cfg.API.PublicURL, "/"),
	}); err != nil {
		return err
	}
	if h.Reports, err = reporting.New(reporting.Deps{
		DB: h.DB, Process: h.Processes, Notify: h.Notify, Blob: h.Blob, Figures: h.Figures, Config: cfg.Reports,
		Outbound: outbound.Guard{AllowInternal: cfg.Outbound.AllowInternal}, Clock: h.Options.Clock,
		Reach: h.People.Reach, Named: h.People.NamedOrganization, PublicURL: cfg.API.PublicURL,
		Retention: func(ctx context.Context) (int, error) { return h.Settings.Int(ctx, settings.ReportRetentionDays) },
	}); err != nil {
		return err
	}
	engine, err := mirror.New(mirror.Deps{DB: h.DB, Clock: h.Options.Clock, Changed: h.learned})
	if err != nil {
		return err
	}
	if h.Integrations, err = integration.New(integration.Deps{
		DB: h.DB, Keys: h.Keys, Process: h.Processes, Engine: engine, Outbound: outbound.Guard{AllowInternal: cfg.Outbound.AllowInternal},
		Reach: h.People.Reach, Named: h.People.NamedOrganization, Connectors: []source.Connector{moodledb.New(), moodlews.New()}, Clock: h.Options.Clock,
		Wait: cfg.MIS.SyncWait, HistoryDays: cfg.Sync.HistoryDays, StatementTimeout: cfg.Sync.StatementTimeout, RetryLongest: cfg.Sync.RetryLongest, Moodle: cfg.Moodle, DefaultAccount: func(ctx context.Context) (int64, error) { return h.Auth.ResolveAccount(ctx, "") },
	}); err != nil {
		return err
	}
	// What depends on people ends in the transaction that ends their access.
	h.People.OnDeactivate(func(ctx context.Context, e people.Event) error {
		switch e.Kind {
		case people.UsersDeactivated:
			return h.RoleRequests.UsersGone(ctx, e.UserIDs...)
		case people.UsersDeleted:
			return h.forget(ctx, e)
		case people.UsersMoved:
			return h.RoleRequests.UsersMoved(ctx, e.UserIDs...)
		case people.UsersLeft:
			if err := h.Groups.UsersLeft(ctx, e.OrganizationID, e.UserIDs...); err != nil {
				return err
			}
			return h.Enrollments.LeftSubAccount(ctx, e.OrganizationID, e.UserIDs...)
		case people.OrganizationDeactivated:
			return h.RoleRequests.OrganizationsGone(ctx, e.OrganizationID)
		}
		return nil
	})
	return nil
}

// forget ends and empties what the areas keep about people who are being
// deleted.
func (h *Hub) forget(ctx context.Context, e people.Event) error {
	if err := h.RoleRequests.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := h.RoleRequests.Forget(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := h.Groups.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := h.Enrollments.UserGone(ctx, e.UserIDs...); err != nil { // after their memberships, which would enrol them again
		return err
	}
	if err := h.Certificates.UsersGone(ctx, e.UserIDs...); err != nil { // after their enrolments, which certificates follow
		return err
	}
	if err := h.Assessments.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := h.Projects.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := h.Surveys.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	if err := audit.Forget(ctx, h.DB, e.UserIDs...); err != nil {
		return err
	}
	if err := h.Reports.UsersGone(ctx, e.UserIDs...); err != nil {
		return err
	}
	for i, id := range e.UserIDs {
		mails, err := h.Invites.Forget(ctx, e.Emails[i])
		if err != nil {
			return err
		}
		if err := h.Notify.Forget(ctx, notify.Forgotten{UserID: id, Email: e.Emails[i], EventKeys: mails}); err != nil {
			return err
		}
	}
	return nil
}

// Checks are what the hub depends on.
func (h *Hub) Checks() []health.Check {
	return []health.Check{
		{Name: "postgres", Required: true, Ask: h.DB.Ping},
		{Name: "redis", Ask: func(ctx context.Context) error { return h.Redis.Ping(ctx).Err() }},
		{Name: "temporal", Ask: h.Processes.Healthy},
		{Name: "files", Ask: h.Blob.Check},
	}
}

// groupGone ends what the areas keep about a group that is being deleted.
func (h *Hub) groupGone(ctx context.Context, groupID int64) error {
	if err := h.Enrollments.GroupGone(ctx, groupID); err != nil {
		return err
	}
	return h.Entitlements.EntityGone(ctx, models.EntitlementGroup, groupID)
}

// courseGone ends what the areas keep about a course that is being deleted.
func (h *Hub) courseGone(ctx context.Context, courseID int64) error {
	if err := h.Enrollments.CourseGone(ctx, courseID); err != nil {
		return err
	}
	return h.Entitlements.EntityGone(ctx, models.EntitlementCourse, courseID)
}

// learned makes certificates follow what people do in courses.
func (h *Hub) learned(ctx context.Context, userIDs, courseIDs []int64) error {
	return h.Certificates.Follow(ctx, userIDs, courseIDs)
}

// watch publishes figures that live in the database.
func (h *Hub) watch() {
	h.Metrics.WatchPool(h.Options.Role, h.DB.Stat)
	h.Metrics.WatchOutbox(func(ctx context.Context) ([]obs.Backlog, error) {
		mails, err := h.Notify.Backlog(ctx)
		if err != nil {
			return nil, err
		}
		processes, err := h.Processes.Backlog(ctx)
		return append(mails, processes...), err
	})
	h.Metrics.WatchQueues(h.Notify.Queues)
	h.Metrics.WatchProcesses(func(ctx context.Context) ([]obs.ProcessCount, error) {
		counts, err := h.Processes.OpenCounts(ctx)
		out := make([]obs.ProcessCount, 0, len(counts))
		for _, c := range counts {
			out = append(out, obs.ProcessCount{Kind: string(c.Kind), State: string(c.State), Count: c.Count})
		}
		return out, err
	})
}

func (h *Hub) onClose(fn func()) { h.closers = append(h.closers, fn) }

// Close ends all connections, newest first.
func (h *Hub) Close() {
	for i := len(h.closers) - 1; i >= 0; i-- {
		h.closers[i]()
	}
	h.closers = nil
}

func masterKeys(encoded []string) ([][]byte, error) {
	var out [][]byte
	for i, k := range encoded {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(k))
		if err != nil {
			return nil, fmt.Errorf("QUAD_KEYS: key %d is not base64", i+1) // never the key itself
		}
		out = append(out, b)
	}
	return out, nil
}
