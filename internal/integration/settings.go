package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"quad/internal/input"
	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// settle checks all settings of a connection together and parts them into what
// is shown and what is sealed. before and sealed are what the connection has.
func (s *Service) settle(kind string, before source.Settings, sealed []byte, change source.Settings) (shown []byte, secret []byte, err error) {
	connector, known := s.connectors[kind]
	if !known {
		return nil, nil, models.Invalid(models.FieldError{Field: "kind", Rule: input.Enum, Text: "kind must be one of " + strings.Join(slices.Sorted(maps.Keys(s.connectors)), ", ")})
	}
	all := maps.Clone(before)
	if all == nil {
		all = source.Settings{}
	}
	secrets, err := s.unseal(sealed)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(all, secrets)
	maps.Copy(all, change)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	if err := together(checkSettings(connector, all, change), checkLeads(connector, before, secrets, change)); err != nil {
		return nil, nil, err
	}
	plain, hidden := source.Settings{}, source.Settings{}
	for _, f := range connector.Fields() {
		if v := all[f.Name]; v != "" && f.Secret {
			hidden[f.Name] = v
		} else if v != "" {
			plain[f.Name] = v
		}
	}
	if shown, err = json.Marshal(plain); err != nil {
		return nil, nil, fmt.Errorf("integration: settings: %w", err)
	}
	if len(hidden) == 0 {
		return shown, nil, nil
	}
	text, err := json.Marshal(hidden)
	if err != nil {
		return nil, nil, fmt.Errorf("integration: secrets: %w", err)
	}
	secret, err = s.d.Keys.Seal(purposeSecrets, text)
	return shown, secret, err
}

// checkSettings finds all that is wrong with settings: what all connectors have
// in common, and what this one knows.
func checkSettings(connector source.Connector, all, change source.Settings) error {
	var r input.Check
	fields := map[string]source.Field{}
	for _, f := range connector.Fields() {
		fields[f.Name] = f
		switch value := all[f.Name]; {
		case value == "" && f.Required:
			r.Bad(settingField(f.Name), input.Required, "is missing")
		case len(value) > maxSettingChars:
			r.Bad(settingField(f.Name), input.TooLong, "is too long")
		case !store.Storable(value):
			r.Bad(settingField(f.Name), input.Invalid, "is invalid")
		case value != "" && len(f.Words) > 0 && !slices.Contains(f.Words, value):
			r.Bad(settingField(f.Name), input.Enum, "must be one of "+strings.Join(f.Words, ", "))
		}
	}
	strangers := 0
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if _, known := fields[name]; !known && strangers < maxStrangers {
			strangers++
			r.Bad(settingField(name), input.Enum, "is no setting of this kind of connection")
		}
	}
	return together(r.Err(), inSettings(connector.Check(all)))
}

// checkLeads refuses to send secrets that were given for one place to another
// one: whoever changes where a connection leads has to know them.
func checkLeads(connector source.Connector, before, secrets, change source.Settings) error {
	var r input.Check
	for _, f := range connector.Fields() {
		value, changes := change[f.Name]
		if !f.Leads || !changes || f.Required && value == "" || (source.Settings{f.Name: value}).Or(f) == before.Or(f) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			if _, given := change[name]; !given {
				r.Bad(settingField(name), input.Required, "has to be given again when "+settingField(f.Name)+" changes")
			}
		}
	}
	return r.Err()
}

// maxStrangers bounds how many unknown settings are told.
const maxStrangers = 5

// goodName is what settings are called; other names are not repeated to who
// sent them.
var goodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)

// settingField is what callers know a setting as.
func settingField(name string) string {
	if !goodName.MatchString(name) {
		return "settings"
	}
	return "settings." + name
}

// inSettings names the fields that a connector complains of as callers know
// them.
func inSettings(err error) error {
	var e *models.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	fields := make([]models.FieldError, len(e.Fields))
	for i, f := range e.Fields {
		name := settingField(f.Field)
		if text, ok := strings.CutPrefix(f.Text, f.Field+" "); ok {
			f.Text = name + " " + text
		}
		fields[i] = models.FieldError{Field: name, Rule: f.Rule, Text: f.Text}
	}
	return models.Invalid(fields...)
}

// together makes one error of complaints about an input, the first one about
// each field. An error that is something else comes before them.
func together(errs ...error) error {
	var fields []models.FieldError
	for _, err := range errs {
		var e *models.Error
		switch {
		case err == nil:
			continue
		case !errors.As(err, &e) || e.Kind != models.KindInvalid || len(e.Fields) == 0:
			return err
		}
		for _, f := range e.Fields {
			if !slices.ContainsFunc(fields, func(other models.FieldError) bool { return other.Field == f.Field }) {
				fields = append(fields, f)
			}
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return models.Invalid(fields...)
}

// checkHost refuses settings that lead to a host which the hub must not talk
// to, as far as its name tells; where it leads is seen at each connection.
func (s *Service) checkHost(kind string, change source.Settings) error {
	connector, knows := s.connectors[kind].(source.Addressed)
	if !knows {
		return nil
	}
	host, field := connector.Host(change)
	if host == "" || s.d.Outbound.AllowsHost(host) {
		return nil
	}
	return models.Invalid(models.FieldError{
		Field: settingField(field), Rule: "forbidden_host", Text: settingField(field) + ": " + source.ErrForbiddenHost.Text,
	})
}

// unseal gives the secrets of a connection.
func (s *Service) unseal(sealed []byte) (source.Settings, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	text, err := s.d.Keys.Open(purposeSecrets, sealed)
	if err != nil {
		return nil, fmt.Errorf("integration: secrets: %w", err)
	}
	var out source.Settings
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("integration: secrets: %w", err)
	}
	return out, nil
}

// sealAnew brings the secrets of all connections under the newest key, so that
// older ones can be taken away. An account has few connections.
func (s *Service) sealAnew(ctx context.Context) error {
	var rows []models.Connection
	if err := s.d.DB.Query(ctx, &rows, `SELECT id, account_id, secrets FROM connections WHERE secrets IS NOT NULL ORDER BY id`, nil); err != nil {
		return fmt.Errorf("integration: secrets: %w", err)
	}
	var failed error
	for _, row := range rows {
		if s.d.Keys.Newest(purposeSecrets, row.Secrets) {
			continue
		}
		text, err := s.d.Keys.Open(purposeSecrets, row.Secrets)
		if err == nil {
			var sealed []byte
			if sealed, err = s.d.Keys.Seal(purposeSecrets, text); err == nil {
				// Whoever has set other secrets meanwhile has sealed them anew.
				_, err = s.d.DB.Exec(ctx, `UPDATE connections SET secrets = @sealed WHERE id = @id AND account_id = @account AND secrets = @old`,
					store.Args{"id": row.ID, "account": row.AccountID, "sealed": sealed, "old": row.Secrets})
			}
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("integration: secrets of connection %d: %w", row.ID, err))
		}
	}
	return failed
}

// settings gives all settings of a connection, secrets among them.
func (s *Service) settings(row models.Connection) (source.Settings, error) {
	c, err := s.shown(row)
	if err != nil {
		return nil, err
	}
	secrets, err := s.unseal(row.Secrets)
	if err != nil {
		return nil, err
	}
	maps.Copy(c.Values, secrets)
	return c.Values, nil
}

// shown is a row as callers see it.
func (s *Service) shown(row models.Connection) (Connection, error) {
	c := Connection{Connection: row, Values: source.Settings{}}
	if err := json.Unmarshal(row.Settings, &c.Values); err != nil {
		return c, fmt.Errorf("integration: settings of connection %d: %w", row.ID, err)
	}
	secrets, err := s.unseal(row.Secrets)
	c.Secrets = slices.Sorted(maps.Keys(secrets))
	c.Connection.Secrets = nil
	return c, err
}
