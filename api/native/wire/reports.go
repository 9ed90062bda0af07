package wire

import (
	"fmt"
	"time"

	"quad/models"
)

// ListReports is the request of listReports.
type ListReports struct {
	Type   string
	Status string
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListReports) Read(in *Input) {
	r.Type = in.Word("type", words(append([]models.ReportType{models.ReportCustom}, models.GeneratedReportTypes...))...)
	r.Status, r.Paging = in.Word("status", words(models.ReportStatuses)...), in.Paging()
}

// CreateReport is the request of createReport.
type CreateReport struct {
	Title          string            `json:"title"`
	Type           models.ReportType `json:"type"`
	OrganizationID *int64            `json:"organizationId"`
	StartDate      *Day              `json:"startDate"`
	EndDate        *Day              `json:"endDate"`
}

// Read implements the door's request.
func (r *CreateReport) Read(in *Input) { in.Body(r) }

// Day is a day in UTC, written as 2026-01-31.
type Day time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil || t.Year() < 1900 {
		return fmt.Errorf("%.20q is no day", text)
	}
	*d = Day(t)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(time.Time(d).Format(time.DateOnly)), nil }

// Time is the begin of the day; nil without one.
func (d *Day) Time() *time.Time {
	if d == nil {
		return nil
	}
	t := time.Time(*d)
	return &t
}

// CreateReportLink is the request of createReportLink.
type CreateReportLink struct {
	ID     int64  `json:"-"`
	Format string `json:"format"`
}

// Read implements the door's request.
func (r *CreateReportLink) Read(in *Input) {
	r.ID = in.ID("id")
	in.Body(r)
}

// Report is a report as lists show it.
type Report struct {
	ID             int64               `json:"id"`
	Title          string              `json:"title"`
	Type           models.ReportType   `json:"type"`
	Status         models.ReportStatus `json:"status"`
	OrganizationID *int64              `json:"organizationId"`
	AuthorID       *int64              `json:"authorId"`
	ScheduleID     *int64              `json:"scheduleId"`
	ProcessID      *int64              `json:"processId"`
	StartDate      *Day                `json:"startDate"`
	EndDate        *Day                `json:"endDate"`
	AsOf           *time.Time          `json:"asOf"`
	Narrator       string              `json:"narrator"`
	Note           string              `json:"note"`
	WordCount      int                 `json:"wordCount"`
	Error          *string             `json:"error"`
	Files          []ReportFile        `json:"files"`
	CreatedAt      time.Time           `json:"createdAt"`
	UpdatedAt      time.Time           `json:"updatedAt"`
}

// WholeReport is a report with its text.
type WholeReport struct {
	Report
	FullReport string            `json:"fullReport"`
	Sections   map[string]string `json:"sections"`
}

// ReportFile is a file of a report.
type ReportFile struct {
	Format string `json:"format"`
	Size   int64  `json:"size"`
}

// ReportLink is an address of a report's file.
type ReportLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// SetReportSchedule is the request of createReportSchedule and
// updateReportSchedule.
type SetReportSchedule struct {
	ID             int64                  `json:"-"`
	Title          string                 `json:"title"`
	Type           models.ReportType      `json:"type"`
	OrganizationID *int64                 `json:"organizationId"`
	Frequency      models.ReportFrequency `json:"frequency"`
	Day            *int                   `json:"day"`
	At             string                 `json:"at"`
	Recipients     []int64                `json:"recipients"`
	Active         *bool                  `json:"active"`
}

// Read implements the door's request.
func (r *SetReportSchedule) Read(in *Input) {
	if in.Param("id") != "" {
		r.ID = in.ID("id")
	}
	in.Body(r)
}

// Minute is the time of day in minutes; -1 where it cannot be read.
func (r SetReportSchedule) Minute() int {
	t, err := time.Parse("15:04", r.At)
	if err != nil {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// ReportSchedule is a report that is made again and again.
type ReportSchedule struct {
	ID             int64                  `json:"id"`
	Title          string                 `json:"title"`
	Type           models.ReportType      `json:"type"`
	OrganizationID *int64                 `json:"organizationId"`
	OwnerID        int64                  `json:"ownerId"`
	Frequency      models.ReportFrequency `json:"frequency"`
	Day            int                    `json:"day"`
	At             string                 `json:"at"`
	Recipients     []int64                `json:"recipients"`
	Active         bool                   `json:"active"`
	NextRunAt      time.Time              `json:"nextRunAt"`
	LastRunAt      *time.Time             `json:"lastRunAt"`
	CreatedAt      time.Time              `json:"createdAt"`
	UpdatedAt      time.Time              `json:"updatedAt"`
}

// TimeOfDay writes minutes of a day as 06:30.
func TimeOfDay(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
