// Package form keeps the forms that organizations store for their apps. A form
// is found by its type and sub-type, in the own organization first and then in
// the account's default one. Its version rises with every change, so that
// clients know when a copy of theirs is stale.
package form

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/livecache"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrExists   = models.Refuse(models.KindConflict, "form.exists", "the organization has a form of this type and sub-type")
	ErrNotFound = models.Refuse(models.KindNotFound, "form.not_found", "there is no such form")
)

// Sizes of a form. Names are in characters, data in bytes of JSON.
const (
	MaxName = 100
	MaxData = 512 << 10
)

// Deps is what a Service needs.
type Deps struct {
	DB   *store.DB
	Live *livecache.Watcher // hears of what other processes change
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	versions *livecache.Cache[versions]
}

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Live == nil {
		return nil, errors.New("form: DB and Live are needed")
	}
	return &Service{db: d.DB, versions: livecache.New[versions](d.Live, "forms")}, nil
}

// Input is what a form is made of. Data is a JSON object.
type Input struct {
	Type    string
	SubType string
	Data    json.RawMessage
}

func (in *Input) check() error {
	var c input.Check
	c.Text("type", &in.Type, MaxName)
	c.Text("sub_type", &in.SubType, MaxName)
	switch data := bytes.TrimSpace(in.Data); {
	case len(data) == 0:
		c.Bad("data", input.Required, "field is empty")
	case len(data) > MaxData:
		c.Bad("data", input.TooLong, "is too large")
	case data[0] != '{' || !json.Valid(data) || !utf8.Valid(data):
		c.Bad("data", input.Invalid, "is no JSON object")
	}
	return c.Err()
}

// Create stores a form of the caller's organization, for its administrators.
// The unique index decides between callers who want the same type and sub-type.
// Errors: an invalid input, models.ErrForbidden, ErrExists.
func (s *Service) Create(ctx context.Context, in Input) (models.Form, error) {
	p, err := auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin)
	if err != nil {
		return models.Form{}, err
	}
	if err := in.check(); err != nil {
		return models.Form{}, err
	}
	f := models.Form{OrganizationID: p.OrganizationID, Type: in.Type, SubType: in.SubType, Data: in.Data, CreatedBy: p.UserID, UpdatedBy: p.UserID}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&f).Error; err != nil {
			return err
		}
		return s.changed(ctx, "form.created", f)
	})
	if err != nil {
		return models.Form{}, formError("create", err)
	}
	return f, nil
}

// Update replaces a form of the caller's organization, for its administrators.
// Each of several updates at once raises the version. Errors: as Create, and
// ErrNotFound, also for the forms of other organizations.
func (s *Service) Update(ctx context.Context, id int64, in Input) (models.Form, error) {
	p, err := auth.CallerWith(ctx, models.RoleAdmin, models.RoleOrgAdmin)
	if err != nil {
		return models.Form{}, err
	}
	if err := in.check(); err != nil {
		return models.Form{}, err
	}
	var f models.Form
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		err := s.db.Query(ctx, &f, `UPDATE forms SET type = @type, sub_type = @sub_type, data = CAST(@data AS json),
				version = version + 1, updated_by = @user, updated_at = now()
			WHERE account_id = @account_id AND organization_id = @organization AND id = @id RETURNING *`,
			store.Args{"type": in.Type, "sub_type": in.SubType, "data": string(in.Data), "user": p.UserID, "organization": p.OrganizationID, "id": id})
		switch {
		case err != nil:
			return err
		case f.ID == 0:
			return ErrNotFound
		}
		return s.changed(ctx, "form.updated", f)
	})
	if err != nil {
		return models.Form{}, formError("update", err)
	}
	return f, nil
}

// changed notes a change of a form in the audit trail and tells all processes.
func (s *Service) changed(ctx context.Context, action string, f models.Form) error {
	err := audit.Write(ctx, s.db, audit.Event{
		Action: action, SubjectType: "form", SubjectID: f.ID, OrganizationID: &f.OrganizationID,
		Data: map[string]any{"type": f.Type, "sub_type": f.SubType, "version": f.Version},
	})
	if err != nil {
		return err
	}
	return s.versions.Changed(ctx)
}

// visible are the forms of the caller's organization and of the default one.
const visible = `SELECT f.* FROM forms f WHERE f.account_id = @account_id AND f.organization_id IN (@organization,
	(SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.is_default))`

// Get reads a form of the caller's or the default organization. Errors:
// ErrNotFound.
func (s *Service) Get(ctx context.Context, id int64) (models.Form, error) {
	return s.read(ctx, visible+` AND f.id = @id`, store.Args{"id": id})
}

// Find reads the form of a type and sub-type: that of the caller's organization
// or, if it has none, that of the default one. Without a sub-type it is the
// oldest form of the type. Errors: ErrNotFound.
func (s *Service) Find(ctx context.Context, formType, subType string) (models.Form, error) {
	return s.read(ctx, visible+` AND f.type = @type AND (@sub_type = '' OR f.sub_type = @sub_type)
		ORDER BY f.organization_id = @organization DESC, f.id LIMIT 1`,
		store.Args{"type": strings.TrimSpace(formType), "sub_type": strings.TrimSpace(subType)})
}

func (s *Service) read(ctx context.Context, text string, args store.Args) (f models.Form, err error) {
	p, err := auth.Caller(ctx)
	if err != nil {
		return f, err
	}
	args["organization"] = p.OrganizationID
	err = s.db.Query(ctx, &f, text, args)
	if err == nil && f.ID == 0 {
		err = ErrNotFound
	}
	return f, formError("read", err)
}

func formError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Violates(err, "forms_type"):
		return ErrExists.With(err)
	case errors.Is(err, ErrNotFound):
		return err
	}
	return fmt.Errorf("form: %s: %w", what, err)
}
