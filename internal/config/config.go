// Package config reads the hub's settings from the environment into one typed
// struct. Every mistake is reported at once, so that one failed start shows
// all that has to be mended. The configuration table of the README is
// generated from this struct (see Table).
package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config holds all settings of all roles (api, worker, dev, migrate …). A role
// reads the parts it needs. It is passed by value; nothing changes it after
// Load.
type Config struct {
	API      API
	Worker   Worker
	Database Database
	Redis    Redis
	Temporal Temporal
	Mail     Mail
	Blob     Blob
	Auth     Auth
	Secrets  Secrets
	Limits   Limits
	Roles    RoleRequests
	Invites  Invites
	Certs    Certificates
	MIS      MIS
	Sync     Sync
	Moodle   Moodle
	Reports  Reports
	Outbound Outbound
	Obs      Obs
}

// API configures the HTTP server.
type API struct {
	Addr            string        `env:"API_ADDR" envDefault:"127.0.0.1:8080" desc:"address the HTTP server listens on"`
	PublicURL       string        `env:"PUBLIC_URL" envDefault:"http://127.0.0.1:8080" desc:"address under which clients and mail readers reach the hub; signed links start with it"`
	RequestTimeout  time.Duration `env:"API_REQUEST_TIMEOUT" envDefault:"30s" desc:"longest time one request may take"`
	DecisionTimeout time.Duration `env:"API_DECISION_TIMEOUT" envDefault:"5s" desc:"longest wait for a worker to answer a decision before the client gets 503"`
	DrainTimeout    time.Duration `env:"API_DRAIN_TIMEOUT" envDefault:"20s" desc:"time that requests in flight get to end after SIGTERM"`
	BodyLimit       int           `env:"API_BODY_LIMIT" envDefault:"4194304" desc:"largest request body in bytes (files go by signed URL)"`
	CORSOrigins     []string      `env:"API_CORS_ORIGINS" envSeparator:"," desc:"origins that browsers may call from, comma separated; empty: none"`
	TrustedProxies  []string      `env:"API_TRUSTED_PROXIES" envSeparator:"," desc:"addresses or networks of proxies whose X-Forwarded-For is believed"`
	MetricsAddr     string        `env:"METRICS_ADDR" desc:"own address for /metrics of api and worker; empty: on API_ADDR and WORKER_HEALTH_ADDR"`
}

// Worker configures the Temporal workers and the asynq server.
type Worker struct {
	HealthAddr       string        `env:"WORKER_HEALTH_ADDR" envDefault:"127.0.0.1:8081" desc:"address of the worker's /healthz, /readyz and /metrics"`
	QueueUIAddr      string        `env:"WORKER_QUEUE_UI_ADDR" desc:"address of the task queue's page for operators, which has no login: keep it private; empty: not served"`
	MailConcurrency  int           `env:"WORKER_MAIL_CONCURRENCY" envDefault:"8" desc:"mails sent at the same time"`
	BulkConcurrency  int           `env:"WORKER_BULK_CONCURRENCY" envDefault:"2" desc:"bulk activities (imports) run at the same time"`
	CoreConcurrency  int           `env:"WORKER_CORE_CONCURRENCY" envDefault:"32" desc:"short activities run at the same time"`
	DrainTimeout     time.Duration `env:"WORKER_DRAIN_TIMEOUT" envDefault:"20s" desc:"time that activities in flight get to end after SIGTERM"`
	LostAfter        time.Duration `env:"WORKER_LOST_AFTER" envDefault:"30s" desc:"how long at most a worker is not heard of before another one goes on with its long activities, 2s to 30s; a killed worker holds them up for so long"`
	SweepInterval    time.Duration `env:"SWEEP_INTERVAL" envDefault:"5s" desc:"how often rows whose workflow or task was not started are looked for"`
	SweepGracePeriod time.Duration `env:"SWEEP_GRACE" envDefault:"10s" desc:"age from which a row without workflow or task counts as missed"`
}

// Database configures PostgreSQL.
type Database struct {
	URL              string        `env:"DATABASE_URL" secret:"true" desc:"PostgreSQL, postgres://user:password@host:port/name; quad dev starts its own when empty"`
	MaxConns         int32         `env:"DATABASE_MAX_CONNS" envDefault:"20" desc:"size of the connection pool of one process"`
	StatementTimeout time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" envDefault:"30s" desc:"longest time of one statement of the API; the worker uses ten times as much"`
}

// Redis configures the task queue and the rate limits.
type Redis struct {
	URL string `env:"REDIS_URL" secret:"true" desc:"Redis, redis://:password@host:port/db; quad dev starts its own when empty"`
}

// Temporal configures the workflow engine.
type Temporal struct {
	Address   string `env:"TEMPORAL_ADDRESS" desc:"Temporal front end, host:port; quad dev starts its own when empty"`
	Namespace string `env:"TEMPORAL_NAMESPACE" envDefault:"default" desc:"Temporal namespace"`
	TLS       bool   `env:"TEMPORAL_TLS" envDefault:"false" desc:"connect with TLS"`
	APIKey    string `env:"TEMPORAL_API_KEY" secret:"true" desc:"API key of a managed Temporal service"`
	UIURL     string `env:"TEMPORAL_UI_URL" envDefault:"http://127.0.0.1:8233" desc:"address of the Temporal web UI, for links"`
}

// Mail configures how mails leave.
type Mail struct {
	URL            string        `env:"SMTP_URL" secret:"true" desc:"mail server: smtp://user:password@host:port (STARTTLS when offered), smtps://… (TLS from the start), smtp+starttls://… (STARTTLS required), smtp+insecure://… (never TLS); quad dev starts an inbox when empty"`
	From           string        `env:"MAIL_FROM" envDefault:"Quad <no-reply@quad.test>" desc:"sender of all mails"`
	Timeout        time.Duration `env:"MAIL_TIMEOUT" envDefault:"20s" desc:"longest time of one delivery attempt"`
	MaxAttempts    int           `env:"MAIL_MAX_ATTEMPTS" envDefault:"12" desc:"delivery attempts before a mail is put aside as dead"`
	RatePerMinute  int           `env:"MAIL_RATE_PER_MINUTE" envDefault:"6000" desc:"mails a minute and account; more wait"`
	RetryBaseDelay time.Duration `env:"MAIL_RETRY_BASE" envDefault:"5s" desc:"wait after the first failed attempt; doubles up to one hour"`
}

// Blob configures file storage.
type Blob struct {
	URL       string        `env:"BLOB_URL" desc:"file storage: file:///folder or s3://bucket?region=…&endpoint=…; default: folder blobs in the data folder"`
	URLTTL    time.Duration `env:"BLOB_URL_TTL" envDefault:"15m" desc:"life of signed upload and download links"`
	MaxUpload int64         `env:"BLOB_MAX_UPLOAD" envDefault:"1073741824" desc:"largest uploaded file in bytes"`
}

// Auth configures sign-in.
type Auth struct {
	AccessTTL           time.Duration `env:"AUTH_ACCESS_TTL" envDefault:"24h" desc:"life of an access token"`
	RefreshTTL          time.Duration `env:"AUTH_REFRESH_TTL" envDefault:"4392h" desc:"life of a refresh token (183 days)"`
	OTPTTL              time.Duration `env:"AUTH_OTP_TTL" envDefault:"24h" desc:"life of a one-time code"`
	ResetLinkTTL        time.Duration `env:"AUTH_RESET_LINK_TTL" envDefault:"1h" desc:"life of a mailed link that sets a new password"`
	OTPMaxAttempts      int           `env:"AUTH_OTP_ATTEMPTS" envDefault:"5" desc:"wrong tries after which a one-time code is void"`
	VerifyEmail         bool          `env:"AUTH_VERIFY_EMAIL" envDefault:"true" desc:"sign-up needs a one-time code sent by mail"`
	AdminSecretCode     string        `env:"AUTH_ADMIN_SECRET_CODE" secret:"true" desc:"code that lets a caller create an administrator; empty: nobody can"`
	LockAfter           int           `env:"AUTH_LOCK_AFTER" envDefault:"10" desc:"failed sign-ins for one login from one address before it is locked"`
	LockFor             time.Duration `env:"AUTH_LOCK_FOR" envDefault:"15m" desc:"how long a lock lasts"`
	PasswordMemoryKiB   uint32        `env:"AUTH_ARGON2_MEMORY" envDefault:"19456" desc:"argon2id memory in KiB"`
	PasswordTime        uint32        `env:"AUTH_ARGON2_TIME" envDefault:"2" desc:"argon2id passes"`
	PasswordParallelism uint8         `env:"AUTH_ARGON2_PARALLELISM" envDefault:"1" desc:"argon2id lanes"`
}

// Secrets holds the deployment's keys. All processes of a deployment share
// them.
type Secrets struct {
	Keys    []string `env:"QUAD_KEYS" envSeparator:"," secret:"true" desc:"master keys, base64 of 32 bytes each, comma separated; the first one signs and encrypts, all of them verify and decrypt (rotation)"`
	DataDir string   `env:"QUAD_DATA" envDefault:".quad" desc:"folder for local data (quad dev, local file storage)"`
}

// Limits configures request rates. Zero switches a limit off.
type Limits struct {
	PerAddress     int `env:"RATE_PER_ADDRESS" envDefault:"6000" desc:"requests a minute from one address"`
	AuthPerAddress int `env:"RATE_AUTH_PER_ADDRESS" envDefault:"300" desc:"sign-in, sign-up and one-time code requests a minute from one address"`
	PerAccount     int `env:"RATE_PER_ACCOUNT" envDefault:"0" desc:"requests a minute of one account"`
}

// RoleRequests configures the org-role-request process.
type RoleRequests struct {
	RemindAfter   time.Duration `env:"ROLE_REQUEST_REMIND_AFTER" envDefault:"72h" desc:"first reminder to the organization's admins"`
	RemindEvery   time.Duration `env:"ROLE_REQUEST_REMIND_EVERY" envDefault:"168h" desc:"time between later reminders"`
	EscalateAfter time.Duration `env:"ROLE_REQUEST_ESCALATE_AFTER" envDefault:"336h" desc:"escalation to the account's admins"`
	ExpireAfter   time.Duration `env:"ROLE_REQUEST_EXPIRE_AFTER" envDefault:"720h" desc:"deadline of a request without decision"`
}

// Invites configures the bulk-invite process.
type Invites struct {
	LapseAfter time.Duration `env:"INVITE_LAPSE_AFTER" envDefault:"168h" desc:"life of an invitation"`
	MaxRows    int           `env:"INVITE_MAX_ROWS" envDefault:"1000000" desc:"most rows of one invite file"`
	MaxBytes   int64         `env:"INVITE_MAX_BYTES" envDefault:"536870912" desc:"largest invite file in bytes, unpacked"`
	PageRows   int           `env:"INVITE_PAGE_ROWS" envDefault:"1000" desc:"rows written in one transaction"`
	Mails      bool          `env:"INVITE_MAILS" envDefault:"true" desc:"send a mail to each new invitee"`
}

// Certificates configures the certificate-expiry process.
type Certificates struct {
	ReminderDays []int `env:"CERTIFICATE_REMINDER_DAYS" envSeparator:"," envDefault:"30,7,1" desc:"how many days before a required certificate expires its holder is reminded, comma separated, each 1 to 30; besides when it is about to expire and when it has expired"`
}

// MIS configures the door that speaks the ALiVE MIS API. A rate of zero switches
// the limit off.
type MIS struct {
	AccessTTL   time.Duration `env:"MIS_ACCESS_TTL" envDefault:"1h" desc:"life of an access token of the MIS door"`
	RefreshTTL  time.Duration `env:"MIS_REFRESH_TTL" envDefault:"168h" desc:"life of a refresh token of the MIS door (7 days)"`
	RatePerUser int           `env:"MIS_RATE_PER_USER" envDefault:"300" desc:"requests a minute of one user at the MIS door, or of one address that is not signed in; 0: no limit"`
	RateAuth    int           `env:"MIS_RATE_AUTH" envDefault:"20" desc:"requests a minute of one address for the MIS door's sign-in, registration, refresh and password reset; 0: no limit"`
	ResetURL    string        `env:"MIS_RESET_URL" desc:"page that mailed links for a new password lead to, the token is appended as ?token=…; empty: the hub's own page"`
	SyncWait    time.Duration `env:"MIS_SYNC_WAIT" envDefault:"1m" desc:"longest wait of a caller of the MIS door for the end of a synchronisation; it goes on after that"`
}

// Sync configures the lms-sync process.
type Sync struct {
	StatementTimeout time.Duration `env:"SYNC_STATEMENT_TIMEOUT" envDefault:"5m" desc:"longest time of one statement or request at a learning system"`
	RetryLongest     time.Duration `env:"SYNC_RETRY_LONGEST" envDefault:"10m" desc:"longest pause before a learning system that fails is tried again: 15 tries, pauses from 2s on that double"`
	HistoryDays      int           `env:"SYNC_HISTORY_DAYS" envDefault:"90" desc:"days for which runs of connections, loads and the feed of changes are kept; 0: for ever"`
}

// Moodle is a connection to a Moodle's database that the environment sets, for
// the default account: under the name "moodle" beside those that people make.
type Moodle struct {
	Engine   string `env:"MIS_MOODLE_ENGINE" envDefault:"mysql" desc:"server of the Moodle database of the connection \"moodle\": mysql (MariaDB too) or postgres"`
	Host     string `env:"MIS_MOODLE_HOST" desc:"host of that database; empty: no such connection, and one that was set here is paused"`
	Port     string `env:"MIS_MOODLE_PORT" desc:"port of that database; empty: the usual one"`
	Database string `env:"MIS_MOODLE_DATABASE" envDefault:"moodle" desc:"name of that database"`
	User     string `env:"MIS_MOODLE_USER" desc:"account that may SELECT there"`
	Password string `env:"MIS_MOODLE_PASSWORD" secret:"true" desc:"password of that account"`
	Prefix   string `env:"MIS_MOODLE_PREFIX" envDefault:"mdl_" desc:"prefix of Moodle's tables"`
	Tenant   string `env:"MIS_MOODLE_TENANT" desc:"code of the organization that new people from there join; empty: none"`
}

// Reports configures the report-generation process.
type Reports struct {
	NarratorURL     string        `env:"REPORT_NARRATOR_URL" desc:"address of a service that speaks the OpenAI chat completions protocol and writes the text of reports, up to and with /v1; empty: the text is written by rules"`
	NarratorKey     string        `env:"REPORT_NARRATOR_KEY" secret:"true" desc:"key of that service"`
	NarratorModel   string        `env:"REPORT_NARRATOR_MODEL" envDefault:"gpt-4o-mini" desc:"model of that service"`
	NarratorTimeout time.Duration `env:"REPORT_NARRATOR_TIMEOUT" envDefault:"30s" desc:"longest wait for that service; then the text is written by rules"`
}

// Outbound configures calls to addresses that people configure.
type Outbound struct {
	AllowInternal bool `env:"ALLOW_INTERNAL_HOSTS" envDefault:"false" desc:"let the hub call configured addresses in internal networks (loopback and private ones; never link-local, where clouds tell credentials); quad dev does"`
}

// Obs configures logs and traces.
type Obs struct {
	LogLevel     string  `env:"LOG_LEVEL" envDefault:"info" desc:"debug, info, warn or error"`
	LogFormat    string  `env:"LOG_FORMAT" envDefault:"json" desc:"json or text"`
	OTLPEndpoint string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT" desc:"OpenTelemetry collector, http://host:4318; empty: no traces"`
	SampleRatio  float64 `env:"OTEL_SAMPLE_RATIO" envDefault:"1" desc:"share of traces kept, 0 to 1"`
}

// Load reads the environment. It does not ask for addresses of services: a
// role calls Require for those it needs.
func Load() (Config, error) { return load(nil) }

// FromMap reads the settings from a map instead of the environment, for tests
// and for children that quad dev starts.
func FromMap(vars map[string]string) (Config, error) { return load(vars) }

func load(vars map[string]string) (Config, error) {
	var c Config
	opts := env.Options{}
	if vars != nil {
		opts.Environment = vars
	}
	err := env.ParseWithOptions(&c, opts)
	return c, errors.Join(err, c.validate())
}

// Need names a setting that has no default but that a role can't do without.
type Need string

// The services that roles need.
const (
	NeedDatabase Need = "DATABASE_URL"
	NeedRedis    Need = "REDIS_URL"
	NeedTemporal Need = "TEMPORAL_ADDRESS"
	NeedMail     Need = "SMTP_URL"
	NeedKeys     Need = "QUAD_KEYS"
)

// Require reports all of the needed settings that are missing.
func (c Config) Require(needs ...Need) error {
	var errs []error
	for _, n := range needs {
		missing := map[Need]bool{
			NeedDatabase: c.Database.URL == "", NeedRedis: c.Redis.URL == "", NeedTemporal: c.Temporal.Address == "",
			NeedMail: c.Mail.URL == "", NeedKeys: len(c.Secrets.Keys) == 0,
		}[n]
		if missing {
			errs = append(errs, fmt.Errorf("%s is not set", n))
		}
	}
	return errors.Join(errs...)
}

// BlobURL is the configured file storage, or the folder blobs in the data
// folder.
func (c Config) BlobURL() string {
	if c.Blob.URL != "" {
		return c.Blob.URL
	}
	return "file://" + absolute(c.Secrets.DataDir) + "/blobs"
}

func (c Config) validate() error {
	var errs []error
	bad := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{name}, args...)...))
	}
	if u, err := url.Parse(c.API.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		bad("PUBLIC_URL", "%q is no http(s) address", c.API.PublicURL)
	}
	if c.MIS.ResetURL != "" {
		if u, err := url.Parse(c.MIS.ResetURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			bad("MIS_RESET_URL", "%q is no http(s) address", c.MIS.ResetURL)
		}
	}
	for _, p := range c.API.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			if _, err := netip.ParseAddr(p); err != nil {
				bad("API_TRUSTED_PROXIES", "%q is neither an address nor a network", p)
			}
		}
	}
	for i, k := range c.Secrets.Keys {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(k)); err != nil || len(b) != 32 {
			bad("QUAD_KEYS", "key %d is not base64 of 32 bytes", i+1)
		}
	}
	positive := map[string]int64{
		"API_BODY_LIMIT": int64(c.API.BodyLimit), "API_REQUEST_TIMEOUT": int64(c.API.RequestTimeout), "API_DECISION_TIMEOUT": int64(c.API.DecisionTimeout),
		"WORKER_MAIL_CONCURRENCY": int64(c.Worker.MailConcurrency), "WORKER_BULK_CONCURRENCY": int64(c.Worker.BulkConcurrency),
		"WORKER_CORE_CONCURRENCY": int64(c.Worker.CoreConcurrency), "SWEEP_INTERVAL": int64(c.Worker.SweepInterval),
		"DATABASE_MAX_CONNS": int64(c.Database.MaxConns), "DATABASE_STATEMENT_TIMEOUT": int64(c.Database.StatementTimeout),
		"MAIL_TIMEOUT": int64(c.Mail.Timeout), "MAIL_MAX_ATTEMPTS": int64(c.Mail.MaxAttempts), "MAIL_RATE_PER_MINUTE": int64(c.Mail.RatePerMinute),
		"BLOB_URL_TTL": int64(c.Blob.URLTTL), "BLOB_MAX_UPLOAD": c.Blob.MaxUpload,
		"AUTH_ACCESS_TTL": int64(c.Auth.AccessTTL), "AUTH_REFRESH_TTL": int64(c.Auth.RefreshTTL), "AUTH_OTP_TTL": int64(c.Auth.OTPTTL),
		"AUTH_RESET_LINK_TTL": int64(c.Auth.ResetLinkTTL), "MIS_ACCESS_TTL": int64(c.MIS.AccessTTL), "MIS_REFRESH_TTL": int64(c.MIS.RefreshTTL),
		"AUTH_OTP_ATTEMPTS": int64(c.Auth.OTPMaxAttempts), "AUTH_LOCK_AFTER": int64(c.Auth.LockAfter), "AUTH_LOCK_FOR": int64(c.Auth.LockFor),
		"ROLE_REQUEST_REMIND_AFTER": int64(c.Roles.RemindAfter), "ROLE_REQUEST_REMIND_EVERY": int64(c.Roles.RemindEvery),
		"ROLE_REQUEST_ESCALATE_AFTER": int64(c.Roles.EscalateAfter), "ROLE_REQUEST_EXPIRE_AFTER": int64(c.Roles.ExpireAfter),
		"INVITE_LAPSE_AFTER": int64(c.Invites.LapseAfter), "INVITE_MAX_ROWS": int64(c.Invites.MaxRows), "INVITE_MAX_BYTES": c.Invites.MaxBytes,
		"INVITE_PAGE_ROWS": int64(c.Invites.PageRows), "REPORT_NARRATOR_TIMEOUT": int64(c.Reports.NarratorTimeout),
		"SYNC_STATEMENT_TIMEOUT": int64(c.Sync.StatementTimeout), "SYNC_RETRY_LONGEST": int64(c.Sync.RetryLongest),
	}
	for _, name := range sortedKeys(positive) {
		if positive[name] <= 0 {
			bad(name, "must be greater than zero")
		}
	}
	if c.Worker.LostAfter < 2*time.Second || c.Worker.LostAfter > 30*time.Second {
		bad("WORKER_LOST_AFTER", "%s is not between 2s and 30s", c.Worker.LostAfter)
	}
	for _, days := range c.Certs.ReminderDays {
		if days < 1 || days > 30 { // it is about to expire 30 days before at the earliest
			bad("CERTIFICATE_REMINDER_DAYS", "%d is not between 1 and 30", days)
		}
	}
	if c.Sync.HistoryDays < 0 || c.Sync.HistoryDays > 36500 {
		bad("SYNC_HISTORY_DAYS", "must be from 0 to 36500")
	}
	if c.Auth.PasswordMemoryKiB < 8*uint32(max(c.Auth.PasswordParallelism, 1)) || c.Auth.PasswordTime < 1 || c.Auth.PasswordParallelism < 1 {
		bad("AUTH_ARGON2_MEMORY", "argon2id needs at least 8 KiB a lane, one pass and one lane")
	}
	switch c.Obs.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		bad("LOG_LEVEL", "%q is none of debug, info, warn, error", c.Obs.LogLevel)
	}
	if c.Obs.LogFormat != "json" && c.Obs.LogFormat != "text" {
		bad("LOG_FORMAT", "%q is neither json nor text", c.Obs.LogFormat)
	}
	if c.Obs.SampleRatio < 0 || c.Obs.SampleRatio > 1 {
		bad("OTEL_SAMPLE_RATIO", "must be between 0 and 1")
	}
	return errors.Join(errs...)
}
