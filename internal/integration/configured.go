package integration

import (
	"context"
	"errors"
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
// says there: made when it is missing, changed when it differs. One that the
// environment has made and does not name any more is paused, and goes on when it
// is named again; what people have made, renamed, paused or resumed themselves
// stays so. Who runs it at the same time finds it done.
func (s *Service) EnsureConfigured(ctx context.Context) error {
	account := int64(0)
	if s.d.Moodle.Host != "" {
		var err error
		if account, err = s.d.DefaultAccount(ctx); err == nil {
			err = s.ensureNamed(store.WithAccount(ctx, account))
		}
		if err != nil {
			return fmt.Errorf("integration: the connection of the environment: %w", err)
		}
	}
	if err := s.leaveOthers(ctx, account); err != nil {
		return fmt.Errorf("integration: a connection that the environment names no more: %w", err)
	}
	return nil
}

// ensureNamed does it for the connection that the environment names.
func (s *Service) ensureNamed(ctx context.Context) error {
	m, name := s.d.Moodle, configuredName
	in := Change{Name: &name, Kind: moodledb.Kind, Settings: source.Settings{
		"engine": m.Engine, "host": m.Host, "port": m.Port, "database": m.Database, "user": m.User, "password": m.Password, "prefix": m.Prefix,
	}}
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
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
			made, err := s.create(ctx, in, func(context.Context, int64) error { return nil }) // just found
			if err != nil {
				return err
			}
			return s.setOrigin(ctx, made.ID)
		}
		if err := s.adjust(ctx, row, in, organization); err != nil {
			return err
		}
		return s.nameAgain(ctx, row.ID)
	})
}

// setOrigin writes that the environment names a connection that it has made.
func (s *Service) setOrigin(ctx context.Context, id int64) error {
	_, err := s.d.DB.Exec(ctx, `UPDATE connections SET environment = 'sets' WHERE account_id = @account_id AND id = @id AND created_by IS NULL
		AND environment IS DISTINCT FROM 'sets'`, store.Args{"id": id})
	return err
}

// nameAgain is setOrigin for one that may have been left before: what paused it
// then is over.
func (s *Service) nameAgain(ctx context.Context, id int64) error {
	row, err := s.find(ctx, id, "")
	if err != nil {
		return err
	}
	if row.Environment == nil || *row.Environment != models.ConnectionLeft {
		return s.setOrigin(ctx, id)
	}
	s.schedule(&row)
	if _, err := s.d.DB.Exec(ctx, `UPDATE connections SET environment = 'sets', paused_at = NULL, next_run_at = @next, updated_at = @now
		WHERE account_id = @account_id AND id = @id`, store.Args{"id": id, "next": row.NextRunAt, "now": s.d.Clock()}); err != nil {
		return err
	}
	return s.noteBecause(ctx, "connection.resumed", row, "the environment names it again")
}

// leaveOthers pauses the connections that the environment has made in other
// accounts than the one in which it names one now.
func (s *Service) leaveOthers(ctx context.Context, except int64) error {
	ctx = store.AsSystem(ctx)
	var rows []models.Connection
	if err := s.d.DB.Query(ctx, &rows, `SELECT id, account_id FROM connections WHERE environment = 'sets' AND lower(name) = @name AND account_id <> @except ORDER BY id`,
		store.Args{"name": configuredName, "except": except}); err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.leave(store.WithAccount(ctx, row.AccountID), row.ID); err != nil {
			return err
		}
	}
	return nil
}

// leave pauses a connection that the environment names no more. One that
// somebody has paused is theirs from now on.
func (s *Service) leave(ctx context.Context, id int64) error {
	return s.d.DB.InTx(ctx, func(ctx context.Context) error {
		row, err := s.find(ctx, id, "FOR UPDATE")
		if errors.Is(err, ErrUnknown) || err == nil && (row.Environment == nil || *row.Environment != models.ConnectionSets) {
			return nil // somebody else was faster
		}
		if err != nil {
			return err
		}
		if row.PausedAt != nil {
			_, err := s.d.DB.Exec(ctx, `UPDATE connections SET environment = NULL WHERE account_id = @account_id AND id = @id`, store.Args{"id": id})
			return err
		}
		if _, err := s.d.DB.Exec(ctx, `UPDATE connections SET environment = 'left', paused_at = @now, updated_at = @now WHERE account_id = @account_id AND id = @id`,
			store.Args{"id": id, "now": s.d.Clock()}); err != nil {
			return err
		}
		return s.noteBecause(ctx, "connection.paused", row, "the environment names it no more: MIS_MOODLE_HOST is not set")
	})
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
