package reporting

import "quad/models"

// Refusals of this package.
var (
	ErrUnknown         = models.Refuse(models.KindNotFound, "report.unknown", "report not found")
	ErrScheduleUnknown = models.Refuse(models.KindNotFound, "report_schedule.unknown", "there is no such schedule")
	// ErrNotYours: who sees a report may not change it.
	ErrNotYours = models.Refuse(models.KindForbidden, "report.not_yours", "only its author or an administrator may change a report")
	// ErrNotCompleted: only the text of a completed report can be changed.
	ErrNotCompleted = models.Refuse(models.KindConflict, "report.not_completed", "the report is not completed")
	ErrNoFile       = models.Refuse(models.KindNotFound, "report.no_file", "the report has no such file")
	// ErrNothingToDecide refuses a decision: a report waits for nobody.
	ErrNothingToDecide = models.Refuse(models.KindConflict, "report.nothing_to_decide", "a report waits for nobody's decision")

	// errGone ends the work on a report that was deleted, cancelled or is late.
	errGone = models.Refuse(models.KindConflict, "report.gone", "the report is not being made any more")
)

func invalid(field, rule, text string) error {
	return models.Invalid(models.FieldError{Field: field, Rule: rule, Text: text})
}
