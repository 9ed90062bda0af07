package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/integration/source"
	"quad/internal/store"
	"quad/models"
)

// Connection is a connection as callers see it: without secrets.
type Connection struct {
	models.Connection
	Values  source.Settings // of the fields that are no secrets
	Secrets []string        // names of the secret fields that are set
}

// Change is what to change about a connection, or what a new one is. Nil, and a
// setting that is not named, stays as it is.
type Change struct {
	Name            *string
	Kind            string // of new ones
	OrganizationID  input.Field[int64]
	Settings        source.Settings // by field; an empty value takes a setting away
	Enabled         *bool
	ScheduleMinutes input.Field[int] // cleared: runs only when somebody asks
	PagesPerSecond  input.Field[int]
	DeletionPercent *int
}

// Bounds of connections.
const (
	maxConnections  = 100
	maxSchedule     = 60 * 24 * 31 // minutes
	maxPages        = 1_000
	maxSettingChars = 20_000 // a chain of certificates has its length
)

func (c *Change) check() error {
	var r input.Check
	r.Line("name", c.Name, 100)
	if v := c.ScheduleMinutes.Value; v != nil && (*v < 1 || *v > maxSchedule) {
		r.Bad("scheduleMinutes", input.Invalid, fmt.Sprintf("must be from 1 to %d", maxSchedule))
	}
	if v := c.PagesPerSecond.Value; v != nil && (*v < 1 || *v > maxPages) {
		r.Bad("pagesPerSecond", input.Invalid, fmt.Sprintf("must be from 1 to %d", maxPages))
	}
	if v := c.DeletionPercent; v != nil && (*v < 0 || *v > 100) {
		r.Bad("deletionPercent", input.Invalid, "must be from 0 to 100")
	}
	return r.Err()
}

// apply brings the change into the row.
func (c *Change) apply(row *models.Connection) {
	if c.Name != nil {
		row.Name = *c.Name
	}
	if c.Enabled != nil {
		row.Enabled = *c.Enabled
	}
	if c.DeletionPercent != nil {
		row.DeletionPercent = *c.DeletionPercent
	}
	if c.OrganizationID.Sent {
		row.OrganizationID = c.OrganizationID.Value
	}
	if c.PagesPerSecond.Sent {
		row.PagesPerSecond = c.PagesPerSecond.Value
	}
	if c.ScheduleMinutes.Sent {
		row.ScheduleMinutes = c.ScheduleMinutes.Value
	}
}

// Create makes a connection. Its caller is an administrator. Errors: an invalid
// input, with all that is wrong with it; ErrNameTaken,
// people.ErrOrganizationUnknown.
func (s *Service) Create(ctx context.Context, in Change) (out Connection, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return out, err
	}
	if in.Name == nil {
		in.Name = new(string)
	}
	_, _, wrong := s.settle(in.Kind, nil, nil, in.Settings)
	if err := together(in.check(), wrong, s.checkHost(in.Kind, in.Settings)); err != nil {
		return out, err
	}
	return s.create(ctx, in, s.d.Named)
}

// create makes a connection. named checks the organization that the caller
// names.
func (s *Service) create(ctx context.Context, in Change, named func(context.Context, int64) error) (out Connection, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	row := models.Connection{Kind: in.Kind, Enabled: true, Status: models.ConnectionNew, DeletionPercent: 20, CreatedBy: auth.Actor(ctx)}
	in.apply(&row)
	if row.Settings, row.Secrets, err = s.settle(in.Kind, nil, nil, in.Settings); err != nil {
		return out, err
	}
	s.schedule(&row)
	err = s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if id := row.OrganizationID; id != nil {
			if err := named(ctx, *id); err != nil {
				return err
			}
		}
		var n int
		if err := s.d.DB.Query(ctx, &n, `SELECT count(*) FROM connections WHERE account_id = @account_id`, nil); err != nil {
			return err
		}
		if n >= maxConnections {
			return models.Refuse(models.KindConflict, "connection.too_many", fmt.Sprintf("an account has at most %d connections", maxConnections))
		}
		if err := s.d.DB.Conn(ctx).Create(&row).Error; err != nil {
			return taken(err)
		}
		return s.note(ctx, "connection.created", row)
	})
	if err != nil {
		return out, fmt.Errorf("integration: create: %w", err)
	}
	return s.shown(row)
}

// taken tells that the name is the one thing that two connections can't share.
func taken(err error) error {
	if err != nil && errors.Is(err, models.ErrConflict) {
		return ErrNameTaken.With(err)
	}
	return err
}

func (s *Service) note(ctx context.Context, action string, row models.Connection) error {
	return s.noteBecause(ctx, action, row, "")
}

// noteBecause is note for what nobody did, with the reason.
func (s *Service) noteBecause(ctx context.Context, action string, row models.Connection, reason string) error {
	data := map[string]any{"name": row.Name, "kind": row.Kind}
	if reason != "" {
		data["reason"] = reason
	}
	return audit.Write(ctx, s.d.DB, audit.Event{
		Action: action, SubjectType: "connection", SubjectID: row.ID, OrganizationID: row.OrganizationID, Data: data,
	})
}

// schedule sets when a connection runs next, spread over a tenth of its time so
// that not all run at once.
func (s *Service) schedule(row *models.Connection) {
	if row.ScheduleMinutes == nil {
		row.NextRunAt = nil
		return
	}
	every := time.Duration(*row.ScheduleMinutes) * time.Minute
	next := s.d.Clock().Add(every + rand.N(every/10+1)).Truncate(time.Microsecond) //nolint:gosec // spread, not secret
	row.NextRunAt = &next
}

// Update changes a connection. Its caller is an administrator. Errors: an
// invalid input, ErrUnknown, ErrNameTaken, people.ErrOrganizationUnknown.
func (s *Service) Update(ctx context.Context, id int64, in Change) (Connection, error) {
	return s.change(ctx, id, "connection.updated", func(ctx context.Context, row *models.Connection) error {
		if err := together(in.check(), s.set(row, in.Settings), s.checkHost(row.Kind, in.Settings)); err != nil {
			return err
		}
		s.bring(row, in)
		if id := in.OrganizationID.Value; id != nil {
			return s.d.Named(ctx, *id)
		}
		return nil
	})
}

// alter brings a checked change into a row.
func (s *Service) alter(row *models.Connection, in Change) error {
	if err := s.set(row, in.Settings); err != nil {
		return err
	}
	s.bring(row, in)
	return nil
}

// bring brings all but the settings of a checked change into a row.
func (s *Service) bring(row *models.Connection, in Change) {
	in.apply(row)
	if in.ScheduleMinutes.Sent {
		s.schedule(row)
	}
}

// set changes settings of a row. Errors: an invalid input.
func (s *Service) set(row *models.Connection, change source.Settings) (err error) {
	if len(change) == 0 {
		return nil
	}
	before := source.Settings{}
	if err := json.Unmarshal(row.Settings, &before); err != nil {
		return fmt.Errorf("integration: settings of connection %d: %w", row.ID, err)
	}
	shown, secrets, err := s.settle(row.Kind, before, row.Secrets, change)
	if err == nil {
		row.Settings, row.Secrets = shown, secrets
	}
	return err
}

// change locks a connection, lets do alter it and saves it.
func (s *Service) change(ctx context.Context, id int64, action string, do func(context.Context, *models.Connection) error) (Connection, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Connection{}, err
	}
	var row models.Connection
	err := s.d.DB.InTx(ctx, func(ctx context.Context) (err error) {
		if row, err = s.find(ctx, id, "FOR UPDATE"); err != nil {
			return err
		}
		if err := do(ctx, &row); err != nil {
			return err
		}
		if err := s.save(ctx, &row); err != nil {
			return err
		}
		return s.note(ctx, action, row)
	})
	if err != nil {
		return Connection{}, fmt.Errorf("integration: %s: %w", action, err)
	}
	return s.shown(row)
}

// changeable are the columns that people change.
var changeable = []string{
	"name", "organization_id", "settings", "secrets", "enabled", "schedule_minutes", "next_run_at", "paused_at", "environment", "pages_per_second", "deletion_percent", "updated_at",
}

// save writes what people change about a connection that is locked.
func (s *Service) save(ctx context.Context, row *models.Connection) error {
	row.UpdatedAt = s.d.Clock()
	return taken(s.d.DB.Conn(ctx).Model(row).Select(changeable).Updates(row).Error)
}

// find reads a connection of the account.
func (s *Service) find(ctx context.Context, id int64, lock string) (row models.Connection, err error) {
	err = s.d.DB.Query(ctx, &row, `SELECT * FROM connections WHERE id = @id AND account_id = @account_id `+lock, store.Args{"id": id})
	if err == nil && row.ID == 0 {
		err = ErrUnknown
	}
	return row, err
}

// operators may see connections, try them and run them.
var operators = []string{models.RoleAdmin, models.RoleOrgAdmin}

// reachable reads a connection that the caller may run: an administrator any,
// who administers organizations those of them and those of none.
func (s *Service) reachable(ctx context.Context, id int64) (models.Connection, error) {
	if _, err := auth.CallerWith(ctx, operators...); err != nil {
		return models.Connection{}, err
	}
	reach, err := s.d.Reach(ctx)
	if err != nil {
		return models.Connection{}, err
	}
	row, err := s.find(ctx, id, "")
	if err == nil && !reach.Sees(row.OrganizationID) {
		err = ErrUnknown
	}
	return row, err
}

// Get gives a connection that the caller may run. Errors: ErrUnknown.
func (s *Service) Get(ctx context.Context, id int64) (Connection, error) {
	row, err := s.reachable(ctx, id)
	if err != nil {
		return Connection{}, fmt.Errorf("integration: %w", err)
	}
	return s.shown(row)
}

// List gives the connections that the caller may run, by name; an account has a
// hundred at most.
func (s *Service) List(ctx context.Context) ([]Connection, error) {
	if _, err := auth.CallerWith(ctx, operators...); err != nil {
		return nil, err
	}
	reach, err := s.d.Reach(ctx)
	if err != nil {
		return nil, err
	}
	var rows []models.Connection
	err = s.d.DB.Query(ctx, &rows, `SELECT * FROM connections c WHERE account_id = @account_id AND `+auth.ReachSQL("c.organization_id")+`
		ORDER BY lower(name), id`, reach.Args(store.Args{}))
	if err != nil {
		return nil, fmt.Errorf("integration: list: %w", err)
	}
	out := make([]Connection, len(rows))
	for i, row := range rows {
		if out[i], err = s.shown(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Pause keeps a connection from running until Resume; a run that is under way
// goes on. One that the environment has left is paused by the caller then.
func (s *Service) Pause(ctx context.Context, id int64) (Connection, error) {
	return s.change(ctx, id, "connection.paused", func(_ context.Context, row *models.Connection) error {
		if row.PausedAt == nil {
			now := s.d.Clock()
			row.PausedAt = &now
		}
		takeOver(row)
		return nil
	})
}

// Resume lets a connection run again, also one that the environment has left.
func (s *Service) Resume(ctx context.Context, id int64) (Connection, error) {
	return s.change(ctx, id, "connection.resumed", func(_ context.Context, row *models.Connection) error {
		row.PausedAt = nil
		takeOver(row)
		s.schedule(row)
		return nil
	})
}

// takeOver makes a connection that the environment has left one of people, who
// have decided now.
func takeOver(row *models.Connection) {
	if row.Environment != nil && *row.Environment == models.ConnectionLeft {
		row.Environment = nil
	}
}

// Reset forgets the mirror of a connection: its next run reads everything. What
// it has brought stays and is found again. Errors: ErrUnknown, ErrRunning.
func (s *Service) Reset(ctx context.Context, id int64) (Connection, error) {
	return s.change(ctx, id, "connection.reset", func(ctx context.Context, _ *models.Connection) error {
		return asRunning(s.d.Engine.Reset(ctx, id))
	})
}

// Delete removes a connection that has brought nothing. Errors: ErrUnknown,
// ErrRunning, ErrInUse.
func (s *Service) Delete(ctx context.Context, id int64) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		row, err := s.find(ctx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		var has struct{ Running, Merged bool }
		if err := s.d.DB.Query(ctx, &has, `SELECT
				EXISTS (SELECT FROM sync_runs WHERE connection_id = @id AND account_id = @account_id AND ended_at IS NULL) AS running,
				EXISTS (SELECT FROM sync_runs WHERE connection_id = @id AND account_id = @account_id AND merged_at IS NOT NULL) AS merged`,
			store.Args{"id": id}); err != nil {
			return err
		}
		switch {
		case has.Running:
			return ErrRunning
		case has.Merged || row.MirroredAt != nil:
			return ErrInUse
		}
		for _, text := range []string{
			`DELETE FROM sync_runs WHERE connection_id = @id AND account_id = @account_id`,
			`DELETE FROM connections WHERE id = @id AND account_id = @account_id`,
		} {
			if _, err := s.d.DB.Exec(ctx, text, store.Args{"id": id}); err != nil {
				return err
			}
		}
		return s.note(ctx, "connection.deleted", row)
	})
	if err != nil {
		return fmt.Errorf("integration: delete: %w", err)
	}
	return nil
}
