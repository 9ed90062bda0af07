package survey

import (
	"context"
	"fmt"
	"slices"

	"quad/internal/store"
	"quad/models"
)

// FieldInput is what a field is made of or changed to. What is nil takes its
// default in a new field, which needs Name and Type, and stays as it is in an
// old one.
type FieldInput struct {
	Name        *string
	Type        *models.FieldType
	Required    *bool   // default false
	Placeholder *string // default ""
	Options     *[]string
	Position    *int // default: behind the others
}

func (in FieldInput) apply(f *models.SurveyField) {
	name(&f.Name, in.Name)
	set(&f.Type, in.Type)
	set(&f.Required, in.Required)
	set(&f.Placeholder, in.Placeholder)
	set(&f.Position, in.Position)
	if in.Options != nil {
		f.Options = *in.Options
	}
}

// checkOptions tells whether a field has the options that its type needs.
func checkOptions(fieldType models.FieldType, options []string) error {
	if fieldType.NeedsOptions() && len(options) < 2 {
		return models.Invalid(models.FieldError{Field: "options", Rule: "too_few", Text: "options must contain at least 2 elements"})
	}
	return nil
}

// addField puts a field behind the others unless it has a position, and tells by
// no row that there are too many. The survey is locked: nobody else adds one.
const addField = `WITH changed AS (UPDATE surveys SET updated_at = now() WHERE id = @survey AND account_id = @account_id)
	INSERT INTO survey_fields (account_id, survey_id, name, type, required, placeholder, options, position)
	SELECT @account_id, @survey, @name, @type, @required, @placeholder, CAST(@options AS text[]),
		COALESCE(CAST(@position AS integer), max(position) + 1, 0)
	FROM survey_fields WHERE survey_id = @survey AND account_id = @account_id HAVING count(*) < @most
	RETURNING *`

// AddField adds a field to a survey. Errors: an invalid input, which a missing
// name or type is too; models.ErrForbidden, ErrNotFound, ErrFull.
func (s *Service) AddField(ctx context.Context, surveyID int64, in FieldInput) (f models.SurveyField, err error) {
	if in.Name == nil || in.Type == nil {
		return f, models.Invalid(models.FieldError{Field: "name", Rule: "required", Text: "name and type are required"})
	}
	draft := models.SurveyField{Options: []string{}}
	in.apply(&draft)
	if err := checkOptions(draft.Type, draft.Options); err != nil {
		return f, err
	}
	err = s.change(ctx, surveyID, func(ctx context.Context, v models.Survey) error {
		args := store.Args{
			"survey": surveyID, "name": draft.Name, "type": draft.Type, "required": draft.Required, "placeholder": draft.Placeholder,
			"options": draft.Options, "position": in.Position, "most": models.MaxSurveyFields,
		}
		if err := s.db.Query(ctx, &f, addField, args); err != nil {
			return fmt.Errorf("survey: add field: %w", err)
		}
		if f.ID == 0 {
			return ErrFull
		}
		return s.noteField(ctx, v, "form_field.created", f)
	})
	return f, err
}

const updateField = `WITH changed AS (UPDATE surveys SET updated_at = now() WHERE id = @survey AND account_id = @account_id)
	UPDATE survey_fields SET name = @name, type = @type, required = @required, placeholder = @placeholder,
		options = CAST(@options AS text[]), position = @position, updated_at = now()
	WHERE id = @id AND account_id = @account_id
	RETURNING *`

// UpdateField changes a field. What was handed in before is not looked at again;
// what is as it should be is left alone. Errors: an invalid input, also because
// of what stays as it is; models.ErrForbidden, ErrNotFound, ErrFieldNotFound.
func (s *Service) UpdateField(ctx context.Context, surveyID, id int64, in FieldInput) (f models.SurveyField, err error) {
	if in.Type != nil && in.Options != nil { // wrong whatever there is
		if err := checkOptions(*in.Type, *in.Options); err != nil {
			return f, err
		}
	}
	err = s.changeField(ctx, surveyID, id, func(ctx context.Context, v models.Survey, old models.SurveyField) error {
		f = old
		in.apply(&f)
		if err := checkOptions(f.Type, f.Options); err != nil {
			return err
		}
		if f.Name == old.Name && f.Type == old.Type && f.Required == old.Required && f.Placeholder == old.Placeholder &&
			f.Position == old.Position && slices.Equal(f.Options, old.Options) {
			return nil
		}
		args := store.Args{
			"survey": surveyID, "id": id, "name": f.Name, "type": f.Type, "required": f.Required, "placeholder": f.Placeholder,
			"options": f.Options, "position": f.Position,
		}
		if err := s.db.Query(ctx, &f, updateField, args); err != nil {
			return fmt.Errorf("survey: update field: %w", err)
		}
		return s.noteField(ctx, v, "form_field.updated", f)
	})
	return f, err
}

const deleteField = `WITH changed AS (UPDATE surveys SET updated_at = now() WHERE id = @survey AND account_id = @account_id)
	DELETE FROM survey_fields WHERE id = @id AND account_id = @account_id`

// DeleteField takes a field away. Answers to it stay in what was handed in.
// Errors: models.ErrForbidden, ErrNotFound, ErrFieldNotFound.
func (s *Service) DeleteField(ctx context.Context, surveyID, id int64) error {
	return s.changeField(ctx, surveyID, id, func(ctx context.Context, v models.Survey, f models.SurveyField) error {
		if _, err := s.db.Exec(ctx, deleteField, store.Args{"survey": surveyID, "id": id}); err != nil {
			return fmt.Errorf("survey: delete field: %w", err)
		}
		return s.noteField(ctx, v, "form_field.deleted", f)
	})
}

// changeField is change with a field of the survey.
func (s *Service) changeField(ctx context.Context, surveyID, id int64, fn func(context.Context, models.Survey, models.SurveyField) error) error {
	var f models.SurveyField
	return s.changePart(ctx, surveyID, func(ctx context.Context, _ models.Survey) error {
		err := s.db.Query(ctx, &f, `SELECT * FROM survey_fields WHERE id = @id AND survey_id = @survey AND account_id = @account_id`,
			store.Args{"id": id, "survey": surveyID})
		switch {
		case err != nil:
			return fmt.Errorf("survey: field: %w", err)
		case f.ID == 0:
			return ErrFieldNotFound
		}
		return nil
	}, func(ctx context.Context, v models.Survey) error { return fn(ctx, v, f) })
}

func (s *Service) noteField(ctx context.Context, v models.Survey, action string, f models.SurveyField) error {
	return s.note(ctx, v, action, "form_field", f.ID, map[string]any{"formId": v.ID, "name": f.Name, "type": f.Type})
}
