package survey_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/projects/survey"
	"quad/internal/store"
	"quad/models"
)

const tooFewOptions = "options must contain at least 2 elements"

func TestFieldsKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	first := w.field(v, "first", models.FieldText, survey.FieldInput{})
	require.Zero(t, first.Position)
	require.Empty(t, first.Options)
	require.False(t, first.Required)
	w.field(v, "late", models.FieldText, survey.FieldInput{Position: ptr(9)})
	last := w.field(v, "last", models.FieldText, survey.FieldInput{})
	require.Equal(t, 10, last.Position)
	w.field(v, "tie", models.FieldText, survey.FieldInput{Position: ptr(0)})
	require.Equal(t, []string{"first", "tie", "late", "last"}, w.order(v))

	_, err := w.UpdateField(w.manager, v.ID, first.ID, survey.FieldInput{Position: ptr(9)})
	require.NoError(t, err)
	require.Equal(t, []string{"tie", "first", "late", "last"}, w.order(v))
	require.NoError(t, w.DeleteField(w.manager, v.ID, last.ID))
	require.ErrorIs(t, w.DeleteField(w.manager, v.ID, last.ID), survey.ErrFieldNotFound)
	require.Equal(t, []string{"tie", "first", "late"}, w.order(v))
	require.Len(t, w.trail("form_field.created"), 4)
	require.Len(t, w.trail("form_field.updated"), 1)
	deleted := w.trail("form_field.deleted")
	require.Len(t, deleted, 1)
	require.Equal(t, "form_field", deleted[0].SubjectType)
	require.JSONEq(t, fmt.Sprintf(`{"formId": %d, "name": "last", "type": "text"}`, v.ID), string(deleted[0].Data))

	// A field belongs to its survey only, which tells when it was changed.
	other := w.make(w.manager, "B")
	_, err = w.UpdateField(w.manager, other.ID, first.ID, survey.FieldInput{Name: ptr("x")})
	require.ErrorIs(t, err, survey.ErrFieldNotFound)
	require.ErrorIs(t, w.DeleteField(w.manager, other.ID, first.ID), survey.ErrFieldNotFound)
	changed, err := w.Get(w.user, v.ID)
	require.NoError(t, err)
	require.True(t, changed.UpdatedAt.After(v.UpdatedAt))
	untouched, err := w.Get(w.user, other.ID)
	require.NoError(t, err)
	require.True(t, other.UpdatedAt.Equal(untouched.UpdatedAt))
}

func TestOptionsFitTheType(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	one, two := []string{"a"}, []string{"a", "b"}
	for _, fieldType := range models.FieldTypes {
		for _, options := range []*[]string{nil, {}, &one} {
			_, err := w.AddField(w.manager, v.ID, survey.FieldInput{Name: ptr("Q"), Type: &fieldType, Options: options})
			if fieldType.NeedsOptions() {
				require.Equal(t, []string{tooFewOptions}, faults(t, err), fieldType)
			} else {
				require.NoError(t, err, fieldType)
			}
		}
		_, err := w.AddField(w.manager, v.ID, survey.FieldInput{Name: ptr("Q"), Type: &fieldType, Options: &two})
		require.NoError(t, err, fieldType)
	}
	_, err := w.AddField(w.manager, v.ID, survey.FieldInput{})
	require.Len(t, faults(t, err), 1)

	// A change is held against what stays.
	text := w.field(v, "text", models.FieldText, survey.FieldInput{Options: &one})
	_, err = w.UpdateField(w.manager, v.ID, text.ID, survey.FieldInput{Type: ptr(models.FieldSelect)})
	require.Equal(t, []string{tooFewOptions}, faults(t, err))
	chosen, err := w.UpdateField(w.manager, v.ID, text.ID, survey.FieldInput{Type: ptr(models.FieldRadio), Options: &two, Required: ptr(true), Name: ptr("N"), Placeholder: ptr("p")})
	require.NoError(t, err)
	require.Equal(t, models.SurveyField{
		ID: text.ID, AccountID: v.AccountID, SurveyID: v.ID, Name: "N", Type: models.FieldRadio, Required: true, Placeholder: "p", Options: two,
		Position: text.Position, CreatedAt: text.CreatedAt, UpdatedAt: chosen.UpdatedAt,
	}, chosen)
	_, err = w.UpdateField(w.manager, v.ID, text.ID, survey.FieldInput{Options: &one})
	require.Equal(t, []string{tooFewOptions}, faults(t, err))
	unknown, err := w.UpdateField(w.manager, v.ID, 999_999, survey.FieldInput{Options: &one, Type: ptr(models.FieldSelect)})
	require.Equal(t, []string{tooFewOptions}, faults(t, err), "wrong whatever the field is")
	require.Zero(t, unknown.ID)

	same, err := w.UpdateField(w.manager, v.ID, text.ID, survey.FieldInput{Type: ptr(models.FieldRadio), Options: &two})
	require.NoError(t, err)
	require.Equal(t, chosen, same)
	require.Len(t, w.trail("form_field.updated"), 1, "nothing was changed the second time")
}

func TestSurveyIsFull(t *testing.T) {
	w := newWorld(t)
	v := w.make(w.manager, "A")
	w.exec(`INSERT INTO survey_fields (account_id, survey_id, name, type, position) SELECT @account, @id, 'Q', 'text', n FROM generate_series(1, @n) n`,
		store.Args{"account": v.AccountID, "id": v.ID, "n": models.MaxSurveyFields - 1})
	w.field(v, "the last", models.FieldText, survey.FieldInput{})
	_, err := w.AddField(w.manager, v.ID, survey.FieldInput{Name: ptr("x"), Type: ptr(models.FieldText)})
	require.ErrorIs(t, err, survey.ErrFull)
	require.Len(t, w.trail("form_field.created"), 1)
	unchanged, err := w.Get(w.manager, v.ID)
	require.NoError(t, err)
	require.Len(t, unchanged.Fields, models.MaxSurveyFields)
}
