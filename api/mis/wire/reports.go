package wire

import (
	"math"
	"time"
	"unicode/utf8"

	"quad/internal/httpx"
)

// Report is a report. Lists leave out text and sections.
type Report struct {
	ID           string            `json:"id"`
	Title        string            `json:"title"`
	Type         string            `json:"type"`
	Status       string            `json:"status"`
	FullReport   *string           `json:"fullReport,omitempty"`
	Sections     map[string]string `json:"sections,omitempty"`
	WordCount    int               `json:"wordCount"`
	ErrorMessage *string           `json:"errorMessage,omitempty"`
	CreatedAt    string            `json:"createdAt"`
	UpdatedAt    string            `json:"updatedAt"`
}

// Types of reports: all, and those that can be generated at this door.
var (
	reportTypes    = []string{"training_summary", "course_performance", "project_progress", "expense_summary", "form_responses", "custom"}
	generatedTypes = reportTypes[:5]
)

// GenerateReport asks for a report.
type GenerateReport struct {
	Title    string
	Type     string
	From     *time.Time
	Until    *time.Time
	TenantID *int64
}

// Read implements the request.
func (r *GenerateReport) Read(in *Input) {
	o := in.Body()
	r.Title, r.Type = o.Text("title", 1, MaxTitle), o.Word("type", generatedTypes...)
	filters, there := o.OptionalObject("filters")
	if !there {
		return
	}
	r.From, r.Until = filters.OptionalDay("startDate"), filters.OptionalDay("endDate")
	if text := filters.OptionalText("tenantId", 1, MaxTitle); text != nil {
		id, _ := httpx.ParseID(*text) // what is no id names nothing
		r.TenantID = &id
	}
	if r.From != nil && r.Until != nil && r.Until.Before(*r.From) {
		filters.fail("endDate", "range", "must not be before startDate")
	}
}

// SaveReport is a report that a client wrote.
type SaveReport struct {
	Title      string
	FullReport string
	WordCount  *int64
	Type       string
	Sections   map[string]string
}

// Read implements the request.
func (r *SaveReport) Read(in *Input) {
	o := in.Body()
	r.Title, r.FullReport = o.Text("title", 1, MaxTitle), o.Text("fullReport", 1, MaxReport)
	r.WordCount = o.OptionalInt("wordCount", 0, math.MaxInt32)
	if word := o.OptionalWord("type", reportTypes...); word != nil {
		r.Type = *word
	}
	r.Sections = o.optionalSections("sections")
}

// UpdateReport changes a report.
type UpdateReport struct {
	ID         int64
	Title      *string
	FullReport *string
	WordCount  *int64
	Sections   map[string]string
}

// Read implements the request.
func (r *UpdateReport) Read(in *Input) {
	r.ID = in.ID("id")
	o := in.Body()
	r.Title, r.FullReport = o.OptionalText("title", 1, MaxTitle), o.OptionalText("fullReport", 1, MaxReport)
	r.WordCount = o.OptionalInt("wordCount", 0, math.MaxInt32)
	r.Sections = o.optionalSections("sections")
}

// maxSections is how many sections a report has at most.
const maxSections = 100

// optionalSections reads texts by name.
func (o Object) optionalSections(name string) map[string]string {
	sections, there := o.OptionalObject(name)
	if !there {
		return nil
	}
	out := map[string]string{}
	for section, value := range sections.Values() {
		text, ok := value.(string)
		if !ok || !storable(text) || utf8.RuneCountInString(text) > MaxReport || !storable(section) || utf8.RuneCountInString(section) > MaxTitle {
			o.fail(name, "object", "must hold texts by name")
			return nil
		}
		out[section] = text
	}
	if len(out) > maxSections {
		o.fail(name, "object", "must not hold more than 100 texts")
		return nil
	}
	return out
}

// ListReports asks for a page.
type ListReports struct{ Page Page }

// reportsLimit is the length of a page of reports.
const reportsLimit = 10

// Read implements the request.
func (r *ListReports) Read(in *Input) { r.Page = in.Page(reportsLimit) }
