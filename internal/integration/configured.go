package integration

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"quad/internal/input"
	"quad/internal/integration/source"
	"quad/internal/integration/source/moodledb"
	"quad/internal/store"
	"quad/models"
)

// configuredName is the name of the connection that the environment sets.
const configuredName = "moodle"

// EnsureConfigured brings the connection that the environment sets to what it
// says there: made when it is missing, changed when it differs. Without one in
// the environment it does nothing. Who runs it at the same time finds it done.
func (s *Service) EnsureConfigured(ctx context.Context) error {
	m := s.d.Moodle
	if m.Host == "" {
		return nil
	}
	account, err := s.d.DefaultAccount(ctx)
	if err != nil {
		return fmt.Errorf("integration: the connection of the environment: %w", err)
	}
	ctx = store.WithAccount(ctx, account)
	name := configuredName
	in := Change{Name: &name, Kind: moodledb.Kind, Settings: source.Settings{
		"engine": m.Engine, "host": m.Host, "port": m.Port, "database": m.Database, "user": m.User, "password": m.Password, "prefix": m.Prefix,
	}}
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.d.DB.Exec(ctx, lockLoads, nil); err != nil {
			return err
		}
		var row models.Connection
		if err := s.d.DB.Query(ctx, &row, `SELECT * FROM connections WHERE account_id = @account_id AND lower(name) = @name FOR UPDATE`, store.Args{"name": name}); err != nil {
			return err
		}
		organization, err := s.configuredOrganization(ctx)
		if err != nil {
			return err
		}
		if row.ID == 0 {
			in.OrganizationID = organization
			_, err := s.create(ctx, in, func(context.Context, int64) error { return nil }) // just found
			return err
		}
		return s.adjust(ctx, row, in, organization)
	})
	if err != nil {
		return fmt.Errorf("integration: the connection of the environment: %w", err)
	}
	return nil
}

func (s *Service) configuredOrganization(ctx context.Context) (input.Field[int64], error) {
	if s.d.Moodle.Tenant == "" {
		return input.Cleared[int64](), nil
	}
	var id int64
	err := s.d.DB.Query(ctx, &id, `SELECT id FROM organizations WHERE account_id = @account_id AND lower(code) = lower(@code) AND NOT is_default`,
		store.Args{"code": s.d.Moodle.Tenant})
	if err == nil && id == 0 {
		err = models.Invalid(models.FieldError{Field: "MIS_MOODLE_TENANT", Rule: input.Invalid, Text: "MIS_MOODLE_TENANT names no organization by its code"})
	}
	return input.To(id), err
}

// adjust changes the connection if it differs from what is wanted.
func (s *Service) adjust(ctx context.Context, row models.Connection, in Change, organization input.Field[int64]) error {
	has, err := s.settings(row)
	if err != nil {
		return err
	}
	wanted := maps.Clone(in.Settings)
	maps.DeleteFunc(wanted, func(_, value string) bool { return value == "" })
	in.OrganizationID = organization
	same := row.OrganizationID == organization.Value || row.OrganizationID != nil && organization.Value != nil && *row.OrganizationID == *organization.Value
	if maps.Equal(has, wanted) && same {
		return nil
	}
	for name := range has { // what the environment no longer names goes
		if _, named := in.Settings[name]; !named {
			in.Settings[name] = ""
		}
	}
	if err := s.alter(&row, in); err != nil {
		return err
	}
	if err := s.save(ctx, &row); err != nil {
		return err
	}
	return s.note(ctx, "connection.updated", row)
}

// Configured tells whether the connection has the name of the one that the
// environment sets.
func (c Connection) Configured() bool { return strings.EqualFold(c.Name, configuredName) }

// Configured gives the connection that the environment sets. Errors: ErrUnknown.
func (s *Service) Configured(ctx context.Context) (Connection, error) {
	var id int64
	err := s.d.DB.Query(ctx, &id, `SELECT id FROM connections WHERE account_id = @account_id AND lower(name) = @name`, store.Args{"name": configuredName})
	if err != nil {
		return Connection{}, fmt.Errorf("integration: %w", err)
	}
	return s.Get(ctx, id)
}
