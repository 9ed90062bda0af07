// Package settings keeps the few switches of the hub that an account's
// administrators can change while it runs. Each has a type that refuses what it
// can't be, and a default; only what differs from it is stored. What is secret
// or belongs to the deployment is configuration, not a setting.
package settings

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/livecache"
	"quad/internal/store"
	"quad/models"
)

// The settings, by key.
const (
	// RegistrationEnabled says whether people may make accounts for themselves at
	// the MIS door.
	RegistrationEnabled = "registration.enabled"
	// WelcomeMail says whether people get a mail who registered at the MIS door or
	// were made there.
	WelcomeMail = "mail.welcome_enabled"
	// ReportRetentionDays is how long reports are kept, in days; 0 is for ever.
	ReportRetentionDays = "reports.retention_days"
)

// ErrUnknown says that there is no setting with a key.
var ErrUnknown = models.Refuse(models.KindNotFound, "setting.unknown", "there is no such setting")

// definition is a setting: what it means, what it may be.
type definition struct {
	key, description, standard string
	parse                      func(value string) (canonical string, fault string)
}

// definitions are all settings, by key.
var definitions = []definition{
	{WelcomeMail, "Send a welcome mail to people who register or are made here (true or false)", "true", boolean},
	{RegistrationEnabled, "People may register themselves (true or false)", "true", boolean},
	{ReportRetentionDays, "Days after which reports are removed with their files; 0 keeps them", "0", integer(0, 3650)},
}

func boolean(value string) (string, string) {
	switch value = strings.ToLower(strings.TrimSpace(value)); value {
	case "true", "false":
		return value, ""
	}
	return "", "must be true or false"
}

func integer(low, high int) func(string) (string, string) {
	return func(value string) (string, string) {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < low || n > high {
			return "", fmt.Sprintf("must be an integer from %d to %d", low, high)
		}
		return strconv.Itoa(n), ""
	}
}

func find(key string) (definition, bool) {
	i := slices.IndexFunc(definitions, func(d definition) bool { return d.key == key })
	if i < 0 {
		return definition{}, false
	}
	return definitions[i], true
}

// Setting is a setting of an account.
type Setting struct {
	Key, Value, Description string
	// UpdatedAt is when the value was set; for a default, when the account was
	// made.
	UpdatedAt time.Time
	UpdatedBy *int64 // nil for a default
}

// Deps is what a Service needs.
type Deps struct {
	DB   *store.DB
	Live *livecache.Watcher // hears of what other processes change
}

// Service is the settings of all accounts. It is safe for concurrent use.
type Service struct {
	db     *store.DB
	values *livecache.Cache[map[string]string]
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Live == nil {
		return nil, errors.New("settings: DB and Live are needed")
	}
	return &Service{db: d.DB, values: livecache.New[map[string]string](d.Live, "settings")}, nil
}

// Bool gives a switch of the context's account. What other processes change
// holds within a second. Errors: ErrUnknown for a key that is none.
func (s *Service) Bool(ctx context.Context, key string) (bool, error) {
	value, err := s.value(ctx, key)
	return value == "true", err
}

// Int gives a number of the context's account, as Bool does.
func (s *Service) Int(ctx context.Context, key string) (int, error) {
	value, err := s.value(ctx, key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Errorf("settings: %s is no number: %w", key, err)
	}
	return n, nil
}

func (s *Service) value(ctx context.Context, key string) (string, error) {
	d, known := find(key)
	if !known {
		return "", ErrUnknown
	}
	values, err := s.values.Get(ctx, s.load)
	if err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	// What was stored when the setting could still be it may be impossible now.
	if value, set := values[key]; set {
		if value, fault := d.parse(value); fault == "" {
			return value, nil
		}
	}
	return d.standard, nil
}

func (s *Service) load(ctx context.Context) (map[string]string, error) {
	var rows []models.AccountSetting
	if err := s.db.Conn(ctx).Find(&rows).Error; err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Key] = r.Value
	}
	return out, nil
}

// List gives all settings by key, as the database has them now, for an
// administrator of the account. One statement. Errors: models.ErrForbidden.
func (s *Service) List(ctx context.Context) ([]Setting, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	return s.list(ctx)
}

func (s *Service) list(ctx context.Context) ([]Setting, error) {
	var rows []struct {
		Key, Value *string // nil: nothing is set at all
		UpdatedAt  time.Time
		UpdatedBy  *int64
		Since      time.Time // of the account
	}
	err := s.db.Query(ctx, &rows, `SELECT s.key, s.value, coalesce(s.updated_at, a.created_at) AS updated_at, s.updated_by, a.created_at AS since
		FROM accounts a LEFT JOIN account_settings s ON s.account_id = a.id WHERE a.id = @account_id`, nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("settings: list: %w", err)
	case len(rows) == 0:
		return nil, models.ErrNotFound
	}
	out := make([]Setting, 0, len(definitions))
	for _, d := range definitions {
		setting := Setting{Key: d.key, Value: d.standard, Description: d.description, UpdatedAt: rows[0].Since}
		for _, r := range rows {
			if r.Key == nil || *r.Key != d.key {
				continue
			}
			if value, fault := d.parse(*r.Value); fault == "" {
				setting.Value, setting.UpdatedAt, setting.UpdatedBy = value, r.UpdatedAt, r.UpdatedBy
			}
		}
		out = append(out, setting)
	}
	return out, nil
}

// Set changes a setting, for an administrator of the account; what it is already
// changes nothing. Errors: models.ErrForbidden, ErrUnknown, an invalid value.
func (s *Service) Set(ctx context.Context, key, value string) (Setting, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Setting{}, err
	}
	d, known := find(key)
	if !known {
		return Setting{}, ErrUnknown
	}
	canonical, fault := d.parse(value)
	if fault != "" {
		return Setting{}, models.Invalid(models.FieldError{Field: "value", Rule: "value", Text: "value " + fault})
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		// The default is no row, until somebody sets something else.
		n, err := s.db.Exec(ctx, `INSERT INTO account_settings AS s (account_id, key, value, updated_by)
			SELECT @account_id, @key, @value, CAST(@user AS bigint) WHERE @value <> @standard
				OR EXISTS (SELECT FROM account_settings WHERE account_id = @account_id AND key = @key)
			ON CONFLICT (account_id, key) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = now()
				WHERE s.value <> excluded.value`,
			store.Args{"key": key, "value": canonical, "standard": d.standard, "user": auth.Actor(ctx)})
		if err != nil || n == 0 {
			return err
		}
		if err := audit.Write(ctx, s.db, audit.Event{Action: "setting.updated", SubjectType: "setting",
			Data: map[string]any{"key": key, "value": canonical}}); err != nil {
			return err
		}
		return s.values.Changed(ctx)
	})
	if err != nil {
		return Setting{}, fmt.Errorf("settings: %s: %w", key, err)
	}
	all, err := s.list(ctx)
	if err != nil {
		return Setting{}, err
	}
	return all[slices.IndexFunc(all, func(x Setting) bool { return x.Key == key })], nil
}
