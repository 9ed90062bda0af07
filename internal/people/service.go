// Package people is the area of accounts, organizations, users, roles and
// permissions: who exists, who may do what, and how a person comes in, signs in
// and goes. Long processes about people have packages of their own below it.
package people

import (
	"context"
	"errors"
	"sync"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/livecache"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// Mailer takes mails into the outbox, in the transaction of the context.
// *notify.Service is one.
type Mailer interface {
	Send(ctx context.Context, messages ...notify.Message) error
	RegisterParams(template string, fn notify.ParamsFunc)
}

// Deps is what the area needs.
type Deps struct {
	DB     *store.DB
	Auth   *auth.Service
	Mail   Mailer
	Config config.Auth
	// Live hears of what other processes change. Without it such changes are
	// seen after a second.
	Live *livecache.Watcher
	// PublicURL is the hub's address for people, shown in mails.
	PublicURL string
	// ResetURL is the page on which people set a new password; the token of a
	// mailed link is added to its query. Empty: the page of the hub.
	ResetURL string
	// Settings tell what an account wants; nil: what holds by default.
	Settings Settings
}

// Settings are an account's switches. *settings.Service is one.
type Settings interface {
	Bool(ctx context.Context, key string) (bool, error)
}

// Service is the area. It is safe for concurrent use.
type Service struct {
	db   *store.DB
	auth *auth.Service
	mail Mailer
	cfg  config.Auth
	url  string
	// resetURL is the page for a new password, "" for the hub's own.
	resetURL string
	settings Settings
	gate     *gate

	mu    sync.RWMutex
	hooks []func(ctx context.Context, e Event) error
	codes Codes // nil: any
}

// New makes the area and registers the values of its mails. Errors: a missing
// dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Auth == nil || d.Mail == nil {
		return nil, errors.New("people: database, sign-in core and mailer are needed")
	}
	if d.Live == nil {
		d.Live = livecache.NewWatcher(d.DB)
	}
	s := &Service{db: d.DB, auth: d.Auth, mail: d.Mail, cfg: d.Config, url: d.PublicURL, resetURL: d.ResetURL, settings: d.Settings, gate: newGate(d.DB, d.Live)}
	s.registerMails()
	return s, nil
}

// wants asks an account's setting that is on by default.
func (s *Service) wants(ctx context.Context, key string) (bool, error) {
	if s.settings == nil {
		return true, nil
	}
	return s.settings.Bool(ctx, key)
}

// EventKind says what happened to people or what they depend on.
type EventKind string

// The kinds of events.
const (
	UsersDeactivated        EventKind = "users_deactivated"        // UserIDs are INACTIVE now
	UsersDeleted            EventKind = "users_deleted"            // UserIDs, who had Emails, are being deleted
	OrganizationDeactivated EventKind = "organization_deactivated" // OrganizationID is INACTIVE now
)

// Event tells hooks what happened.
type Event struct {
	Kind           EventKind
	OrganizationID int64
	UserIDs        []int64
	Emails         []string // of UsersDeleted: the addresses that they had, "" for none
}

// OnDeactivate registers a hook that runs in the transaction of every
// deactivation, deletion and move, so that what depends on the people ends with
// their access. Its error refuses what was to happen. Hooks are registered
// while the program is put together.
func (s *Service) OnDeactivate(hook func(ctx context.Context, e Event) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, hook)
}

func (s *Service) tell(ctx context.Context, e Event) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, hook := range s.hooks {
		if err := hook(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Errors of the area.
var (
	ErrEmailTaken     = models.Refuse(models.KindConflict, "user.email_taken", "a user with this e-mail address exists already")
	ErrUserUnknown    = models.Refuse(models.KindNotFound, "user.unknown", "there is no such user")
	ErrBadCredentials = models.Refuse(models.KindUnauthenticated, "auth.bad_credentials", "the e-mail address or the password is wrong")
	// ErrLoginUnknown is an ErrBadCredentials that says: nobody with the role
	// asked for has this address.
	ErrLoginUnknown        = models.Refuse(models.KindUnauthenticated, "auth.login_unknown", "nobody with this role has this e-mail address").With(ErrBadCredentials)
	ErrPasswordReused      = models.Refuse(models.KindConflict, "auth.password_reused", "the new password equals the current one")
	ErrSecretCode          = models.Refuse(models.KindForbidden, "auth.secret_code", "the secret code is wrong")
	ErrOrganizationUnknown = models.Refuse(models.KindNotFound, "organization.unknown", "there is no such organization")
	ErrOrganizationTaken   = models.Refuse(models.KindConflict, "organization.code_taken", "an organization with this code exists already")
	ErrDomainTaken         = models.Refuse(models.KindConflict, "organization.domain_taken", "the domain belongs to another organization")
	ErrOrganizationDefault = models.Refuse(models.KindConflict, "organization.default", "the default organization cannot be deactivated")
	ErrOrganizationClosed  = models.Refuse(models.KindConflict, "organization.inactive", "the organization is not active")
	ErrRoleUnknown         = models.Refuse(models.KindNotFound, "role.unknown", "there is no such active role")
	ErrInviteInvalid       = models.Refuse(models.KindNotFound, "invite.invalid", "the invitation is not valid any more")
	ErrFileUnknown         = models.Refuse(models.KindNotFound, "file.unknown", "there is no such file")
)

// managed gives the organization that the caller manages: 0 for all (admin),
// their own for an org_admin. Errors: models.ErrForbidden for everyone else.
func managed(ctx context.Context) (organizationID int64, err error) {
	p, err := auth.Caller(ctx)
	switch {
	case err != nil:
		return 0, err
	case p.Has(models.RoleAdmin):
		return 0, nil
	case p.Has(models.RoleOrgAdmin):
		return p.OrganizationID, nil
	}
	return 0, models.ErrForbidden
}

// requireAdmin refuses callers who are not admin of the account.
func requireAdmin(ctx context.Context) error {
	_, err := auth.CallerWith(ctx, models.RoleAdmin)
	return err
}
