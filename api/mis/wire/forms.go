package wire

import (
	"encoding/json"
	"math"
	"time"

	"quad/models"
)

// maxOrder is the highest place that a field can be given.
const maxOrder = math.MaxInt16

// FormSummary is a form without its fields.
type FormSummary struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Status      string `json:"status"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

// Form is a form with its fields, by their order.
type Form struct {
	FormSummary
	Fields []FormField `json:"fields"`
}

// FormField is a field of a form.
type FormField struct {
	ID          string   `json:"id"`
	FormID      string   `json:"formId"`
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Required    bool     `json:"required"`
	Placeholder string   `json:"placeholder"`
	Options     []string `json:"options"`
	Order       int      `json:"order"`
}

// FormAssignment says that a user was asked to fill in a form.
type FormAssignment struct {
	ID         string  `json:"id"`
	FormID     string  `json:"formId"`
	UserID     string  `json:"userId"`
	DueDate    *string `json:"dueDate"`
	AssignedAt string  `json:"assignedAt"`
}

// FormSubmission is a form as a user handed it in.
type FormSubmission struct {
	ID          string          `json:"id"`
	FormID      string          `json:"formId"`
	UserID      string          `json:"userId"`
	Responses   json.RawMessage `json:"responses"`
	SubmittedAt string          `json:"submittedAt"`
}

// SubmissionStats is how the caller stands with forms.
type SubmissionStats struct {
	TotalSubmissions int64       `json:"totalSubmissions"`
	AssignedForms    int64       `json:"assignedForms"`
	CompletedForms   int64       `json:"completedForms"`
	PendingForms     int64       `json:"pendingForms"`
	OverdueForms     int64       `json:"overdueForms"`
	CompletionRate   float64     `json:"completionRate"`
	LastSubmittedAt  *string     `json:"lastSubmittedAt"`
	ByForm           []FormStats `json:"byForm"`
}

// FormStats is how the caller stands with one form.
type FormStats struct {
	FormID          string  `json:"formId"`
	FormName        string  `json:"formName"`
	Submissions     int64   `json:"submissions"`
	DueDate         *string `json:"dueDate"`
	LastSubmittedAt *string `json:"lastSubmittedAt"`
}

// ListForms is the request of listForms.
type ListForms struct{ Page Page }

// Read implements the request.
func (r *ListForms) Read(in *Input) { r.Page = in.Page(defaultForms) }

// defaultForms is how many forms a page has.
const defaultForms = 20

// CreateForm is the request of createForm.
type CreateForm struct {
	Name        string
	Description string
	Status      *models.SurveyStatus
	TenantID    *int64 // 0: named, but nothing
}

// Read implements the request.
func (r *CreateForm) Read(in *Input) {
	o := in.Body()
	r.Name = o.Text("name", 1, MaxTitle)
	r.Description = otherwise(o.OptionalText("description", 0, MaxText), "")
	r.Status = word(o, "status", models.SurveyStatuses)
	if _, there := o.get("tenantId"); there {
		id := o.ID("tenantId")
		r.TenantID = &id
	}
}

// UpdateForm is the request of updateForm.
type UpdateForm struct {
	ID          int64
	Name        *string
	Description *string
	Status      *models.SurveyStatus
}

// Read implements the request.
func (r *UpdateForm) Read(in *Input) {
	r.ID = in.ID("id")
	o := in.Body()
	r.Name, r.Description = o.OptionalText("name", 1, MaxTitle), o.OptionalText("description", 0, MaxText)
	r.Status = word(o, "status", models.SurveyStatuses)
}

// FormFieldBody is what a field is made of or changed to.
type FormFieldBody struct {
	Name        *string
	Type        *models.FieldType
	Required    *bool
	Placeholder *string
	Options     *[]string
	Order       *int
}

func (r *FormFieldBody) read(o Object) {
	r.Name = o.OptionalText("name", 1, MaxTitle)
	r.Type = word(o, "type", models.FieldTypes)
	r.Required = o.OptionalBool("required")
	r.Placeholder = o.OptionalText("placeholder", 0, MaxTitle)
	r.Options = o.OptionalTexts("options", models.MaxFieldOptions, MaxTitle)
	if order := o.OptionalInt("order", 0, maxOrder); order != nil {
		place := int(*order)
		r.Order = &place
	}
}

// AddFormField is the request of addFormField.
type AddFormField struct {
	FormID int64
	FormFieldBody
}

// Read implements the request.
func (r *AddFormField) Read(in *Input) {
	r.FormID = in.ID("id")
	o := in.Body()
	o.missing("name")
	o.missing("type")
	r.read(o)
}

// UpdateFormField is the request of updateFormField.
type UpdateFormField struct {
	FormID, ID int64
	FormFieldBody
}

// Read implements the request.
func (r *UpdateFormField) Read(in *Input) {
	r.FormID, r.ID = in.ID("id"), in.ID("fieldId")
	r.read(in.Body())
}

// FormFieldByID names a field by its form, {id}, and {fieldId}.
type FormFieldByID struct{ FormID, ID int64 }

// Read implements the request.
func (r *FormFieldByID) Read(in *Input) { r.FormID, r.ID = in.ID("id"), in.ID("fieldId") }

// AssignForm is the request of assignForm.
type AssignForm struct {
	FormID  int64
	UserID  int64
	DueDate *time.Time
}

// Read implements the request.
func (r *AssignForm) Read(in *Input) {
	r.FormID = in.ID("id")
	o := in.Body()
	r.UserID, r.DueDate = o.ID("userId"), o.OptionalDay("dueDate")
}

// FormAssignmentByID names an assignment by its form, {id}, and {assignmentId}.
type FormAssignmentByID struct{ FormID, ID int64 }

// Read implements the request.
func (r *FormAssignmentByID) Read(in *Input) { r.FormID, r.ID = in.ID("id"), in.ID("assignmentId") }

// SubmitForm is the request of submitForm.
type SubmitForm struct {
	FormID    int64
	Responses map[string]any // by the id of the field; numbers are json.Number
}

// Read implements the request.
func (r *SubmitForm) Read(in *Input) {
	r.FormID = in.ID("id")
	o := in.Body()
	o.missing("responses")
	responses, _ := o.OptionalObject("responses")
	r.Responses = responses.Values()
}
