package mis

import (
	"quad/api/mis/wire"
	"quad/internal/projects/survey"
	"quad/models"
)

func wireFormSummary(v models.Survey) wire.FormSummary {
	return wire.FormSummary{
		ID: wire.ID(v.ID), Name: v.Name, Description: v.Description, Status: string(v.Status),
		CreatedAt: wire.Time(v.CreatedAt), UpdatedAt: wire.Time(v.UpdatedAt),
	}
}

func wireForm(v survey.Full) wire.Form {
	return wire.Form{FormSummary: wireFormSummary(v.Survey), Fields: all(v.Fields, wireFormField)}
}

func wireFormField(f models.SurveyField) wire.FormField {
	return wire.FormField{
		ID: wire.ID(f.ID), FormID: wire.ID(f.SurveyID), Name: f.Name, Type: string(f.Type), Required: f.Required,
		Placeholder: f.Placeholder, Options: append([]string{}, f.Options...), Order: f.Position,
	}
}

func fieldInput(b wire.FormFieldBody) survey.FieldInput {
	return survey.FieldInput{Name: b.Name, Type: b.Type, Required: b.Required, Placeholder: b.Placeholder, Options: b.Options, Position: b.Order}
}

func wireFormAssignment(a models.SurveyAssignment) wire.FormAssignment {
	return wire.FormAssignment{
		ID: wire.ID(a.ID), FormID: wire.ID(a.SurveyID), UserID: wire.ID(a.UserID), DueDate: wire.OptionalDay(a.DueOn), AssignedAt: wire.Time(a.AssignedAt),
	}
}

func wireFormSubmission(s models.SurveySubmission) wire.FormSubmission {
	return wire.FormSubmission{
		ID: wire.ID(s.ID), FormID: wire.ID(s.SurveyID), UserID: wire.ID(s.UserID), Responses: s.Responses, SubmittedAt: wire.Time(s.SubmittedAt),
	}
}

func wireSubmissionStats(s survey.Stats) wire.SubmissionStats {
	return wire.SubmissionStats{
		TotalSubmissions: s.Submissions, AssignedForms: s.Assigned, CompletedForms: s.Completed, PendingForms: s.Pending,
		OverdueForms: s.Overdue, CompletionRate: s.CompletionRate, LastSubmittedAt: wire.OptionalTime(s.LastSubmittedAt),
		ByForm: all(s.Surveys, wireFormStats),
	}
}

func wireFormStats(s survey.SurveyStats) wire.FormStats {
	return wire.FormStats{
		FormID: wire.ID(s.ID), FormName: s.Name, Submissions: s.Submissions, DueDate: wire.OptionalDay(s.DueOn),
		LastSubmittedAt: wire.OptionalTime(s.LastSubmittedAt),
	}
}
