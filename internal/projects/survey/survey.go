package survey

import (
	"context"
	"fmt"
	"strings"

	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// NewSurvey is what a survey is made of.
type NewSurvey struct {
	Name           string
	Description    string
	Status         models.SurveyStatus // "": active
	OrganizationID *int64              // nil: see People.OwnerOrganization
}

// Change is what to change about a survey. What is nil stays as it is.
type Change struct {
	Name        *string
	Description *string
	Status      *models.SurveyStatus
}

// Full is a survey with its fields in their order.
type Full struct {
	models.Survey
	Fields []models.SurveyField
}

// Create makes a survey without fields. Errors: models.ErrForbidden, those of
// People.OwnerOrganization.
func (s *Service) Create(ctx context.Context, in NewSurvey) (models.Survey, error) {
	v := models.Survey{Name: strings.TrimSpace(in.Name), Description: in.Description, Status: in.Status}
	if v.Status == "" {
		v.Status = models.SurveyActive
	}
	if _, err := caller(ctx, managers...); err != nil {
		return v, err
	}
	var err error
	if v.OrganizationID, err = s.people.OwnerOrganization(ctx, in.OrganizationID); err != nil {
		return v, err
	}
	return v, s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.db.Conn(ctx).Create(&v).Error; err != nil {
			if store.Violates(err, "surveys_organization_id_fkey") { // deleted meanwhile
				return people.ErrOrganizationUnknown.With(err)
			}
			return fmt.Errorf("survey: create: %w", err)
		}
		return s.note(ctx, v, "form.created", "form", v.ID, map[string]any{"name": v.Name})
	})
}

// Get gives a survey that the caller sees. Errors: ErrNotFound.
func (s *Service) Get(ctx context.Context, id int64) (Full, error) {
	p, reach, err := s.reaching(ctx)
	if err != nil {
		return Full{}, err
	}
	v, err := s.find(ctx, p, reach, id, "")
	if err != nil {
		return Full{}, err
	}
	return s.full(ctx, v)
}

func (s *Service) full(ctx context.Context, v models.Survey) (Full, error) {
	fields, err := s.fields(ctx, v.ID)
	return Full{Survey: v, Fields: fields}, err
}

// Update changes a survey. What is as it should be is left alone: nothing is
// noted and UpdatedAt stays. Errors: models.ErrForbidden, ErrNotFound,
// ErrTransition.
func (s *Service) Update(ctx context.Context, id int64, in Change) (out Full, err error) {
	err = s.change(ctx, id, func(ctx context.Context, v models.Survey) error {
		next := v
		name(&next.Name, in.Name)
		set(&next.Description, in.Description)
		set(&next.Status, in.Status)
		if next.Status != v.Status && !v.Status.CanBecome(next.Status) {
			return models.Refuse(ErrTransition.Kind, ErrTransition.Code, fmt.Sprintf("form cannot go from %s to %s", v.Status, next.Status))
		}
		if next != v {
			if err := s.db.Conn(ctx).Model(&next).Select("name", "description", "status", "updated_at").Updates(&next).Error; err != nil {
				return fmt.Errorf("survey: update: %w", err)
			}
			data := map[string]any{"name": next.Name}
			if next.Status != v.Status {
				data["from"], data["to"] = v.Status, next.Status
			}
			if err := s.note(ctx, next, "form.updated", "form", id, data); err != nil {
				return err
			}
		}
		out, err = s.full(ctx, next)
		return err
	})
	return out, err
}

// deleteSurvey takes a survey away with its fields and assignments; the
// assignments in the order of UsersGone.
const deleteSurvey = `WITH gone AS (UPDATE surveys SET deleted_at = now(), updated_at = now() WHERE id = @id AND account_id = @account_id),
	fields AS (DELETE FROM survey_fields WHERE survey_id = @id AND account_id = @account_id)
	DELETE FROM survey_assignments WHERE id IN (
		SELECT id FROM survey_assignments WHERE survey_id = @id AND account_id = @account_id ORDER BY id FOR UPDATE)`

// Delete takes a survey away for good, with its fields and assignments. What was
// handed in is kept in store. Errors: models.ErrForbidden, ErrNotFound.
func (s *Service) Delete(ctx context.Context, id int64) error {
	return s.change(ctx, id, func(ctx context.Context, v models.Survey) error {
		if _, err := s.db.Exec(ctx, deleteSurvey, store.Args{"id": id}); err != nil {
			return fmt.Errorf("survey: delete: %w", err)
		}
		return s.note(ctx, v, "form.deleted", "form", id, map[string]any{"name": v.Name})
	})
}

// copyMark ends the name of a copy.
const copyMark = " (Copy)"

// duplicateSurvey copies a survey and its fields, whose new ids go in the order
// of the old ones.
const duplicateSurvey = `WITH copy AS (
		INSERT INTO surveys (account_id, organization_id, name, description, status)
		SELECT account_id, organization_id, left(name, CAST(@longest AS integer)) || @mark, description, 'active'
		FROM surveys WHERE id = @id AND account_id = @account_id
		RETURNING *),
	fields AS (
		INSERT INTO survey_fields (account_id, survey_id, name, type, required, placeholder, options, position)
		SELECT f.account_id, copy.id, f.name, f.type, f.required, f.placeholder, f.options, f.position
		FROM survey_fields f CROSS JOIN copy WHERE f.survey_id = @id AND f.account_id = @account_id ORDER BY f.id)
	SELECT * FROM copy`

// Duplicate makes an active copy of a survey with its fields, without
// assignments and submissions, in the same organization. Its name tells that it
// is one. Errors: models.ErrForbidden, ErrNotFound.
func (s *Service) Duplicate(ctx context.Context, id int64) (made models.Survey, err error) {
	err = s.change(ctx, id, func(ctx context.Context, v models.Survey) error {
		args := store.Args{"id": id, "mark": copyMark, "longest": models.MaxSurveyName - len(copyMark)}
		if err := s.db.Query(ctx, &made, duplicateSurvey, args); err != nil {
			return fmt.Errorf("survey: duplicate: %w", err)
		}
		return s.note(ctx, made, "form.duplicated", "form", made.ID, map[string]any{"name": made.Name, "of": v.ID})
	})
	return made, err
}

// The surveys that a caller sees, by what makes them seen: each in one part only,
// so that each part is read by an index of its own.
const (
	visibleToAll = `SELECT s.id, s.created_at FROM surveys s WHERE s.account_id = @account_id AND s.deleted_at IS NULL`
	visible      = visibleToAll + ` AND s.organization_id = ANY(CAST(@reach_organizations AS bigint[]))
		UNION ALL ` + visibleToAll + ` AND s.organization_id IS NULL
		UNION ALL SELECT s.id, s.created_at FROM survey_assignments a
			JOIN surveys s ON s.id = a.survey_id AND s.deleted_at IS NULL
			JOIN organizations o ON o.id = s.organization_id AND o.status = 'ACTIVE'
			WHERE a.user_id = CAST(@caller AS bigint) AND a.account_id = @account_id
			AND s.organization_id <> ALL(CAST(@reach_organizations AS bigint[]))`
)

// pageOf gives a page of what a statement lists, and with each row how many
// there are; one row without a survey when the page is empty.
func pageOf(list string) string {
	return `SELECT counted.count, s.* FROM (SELECT count(*) FROM (` + list + `) listed) counted LEFT JOIN (
			SELECT s.* FROM (` + list + ` ORDER BY created_at DESC, id DESC LIMIT @limit OFFSET @offset) page
			JOIN surveys s ON s.id = page.id AND s.account_id = @account_id
		) s ON true ORDER BY s.created_at DESC, s.id DESC`
}

var pageToAll, page = pageOf(visibleToAll), pageOf(visible)

// List gives a page of the surveys that the caller sees, the newest first, and
// how many there are before paging. Limit is at most store.MaxPage.
func (s *Service) List(ctx context.Context, limit, offset int) (surveys []models.Survey, count int64, err error) {
	p, reach, err := s.reaching(ctx)
	if err != nil {
		return nil, 0, err
	}
	text := page
	if reach.All {
		text = pageToAll
	}
	var rows []struct {
		Count int64
		models.Survey
	}
	args := reach.Args(store.Args{"caller": p.UserID, "limit": store.PageSize(limit), "offset": max(offset, 0)})
	if err := s.db.Query(ctx, &rows, text, args); err != nil {
		return nil, 0, fmt.Errorf("survey: list: %w", err)
	}
	for _, row := range rows {
		count = row.Count
		if row.ID != 0 {
			surveys = append(surveys, row.Survey)
		}
	}
	return surveys, count, nil
}
