package models

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
)

// ReportType says what a report is about.
type ReportType string

// The types of reports. Custom ones are written by people.
const (
	ReportTrainingSummary       ReportType = "training_summary"
	ReportCoursePerformance     ReportType = "course_performance"
	ReportProjectProgress       ReportType = "project_progress"
	ReportExpenseSummary        ReportType = "expense_summary"
	ReportFormResponses         ReportType = "form_responses"
	ReportLearnerProgress       ReportType = "learner_progress"
	ReportCertificateCompliance ReportType = "certificate_compliance"
	ReportCustom                ReportType = "custom"
)

// GeneratedReportTypes are the types that the hub makes reports of.
var GeneratedReportTypes = []ReportType{
	ReportTrainingSummary, ReportCoursePerformance, ReportProjectProgress, ReportExpenseSummary, ReportFormResponses,
	ReportLearnerProgress, ReportCertificateCompliance,
}

// ReportStatus is where a report stands.
type ReportStatus string

// The states of reports.
const (
	ReportPending    ReportStatus = "pending"
	ReportProcessing ReportStatus = "processing"
	ReportCompleted  ReportStatus = "completed"
	ReportFailed     ReportStatus = "failed"
)

// ReportStatuses lists all states.
var ReportStatuses = []ReportStatus{ReportPending, ReportProcessing, ReportCompleted, ReportFailed}

// Final tells that a report's making has ended.
func (s ReportStatus) Final() bool { return s == ReportCompleted || s == ReportFailed }

// CanBecome tells whether a report may go from s to next.
func (s ReportStatus) CanBecome(next ReportStatus) bool {
	switch s {
	case ReportPending:
		return next == ReportProcessing || next == ReportFailed
	case ReportProcessing:
		return next.Final()
	}
	return false
}

// Report is a stored report: its text, and for one that the hub made also the
// figures that it was made of and its files.
type Report struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	AuthorID       *int64
	ScheduleID     *int64
	ProcessID      *int64
	Title          string
	Type           ReportType
	Status         ReportStatus
	FullReport     string
	Sections       json.RawMessage `gorm:"type:jsonb"` // name: text
	WordCount      int
	ErrorMessage   *string
	FromDay        *time.Time    `gorm:"type:date"` // of the figures, inclusive
	UntilDay       *time.Time    `gorm:"type:date"`
	ScopeAll       bool          // figures of the whole account
	ScopeOrgs      pq.Int64Array `gorm:"column:scope_organizations;type:bigint[]"`
	RequestKey     *string
	LimitAt        *time.Time
	AsOf           *time.Time      // the moment that the figures are of
	DataKey        *string         // of the object with all rows of its tables
	Figures        json.RawMessage `gorm:"type:jsonb"`
	Draft          json.RawMessage `gorm:"type:jsonb"` // the text, until the report is completed
	Narrator       string          // who wrote the text: rules, or the name of a model
	Note           string          // what a reader should know about the text
	Files          json.RawMessage `gorm:"type:jsonb"`
	CompletedAt    *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ReportOverdue is why a report failed that was not made in time.
const ReportOverdue = "The report was not finished within its time limit. Generate it again; if that fails too, a smaller period may help."

// SettleAt makes the report what it is at a moment: one that is past its limit
// has failed, whether or not that is written down yet.
func (r *Report) SettleAt(now time.Time) {
	if !r.Status.Final() && r.LimitAt != nil && !now.Before(*r.LimitAt) {
		reason := ReportOverdue
		r.Status, r.ErrorMessage, r.UpdatedAt = ReportFailed, &reason, *r.LimitAt
	}
}

// CountWords counts the words of a text, which white space parts.
func CountWords(text string) int { return len(strings.Fields(text)) }

// Formats of a report's files.
const (
	ReportPDF  = "pdf"
	ReportXLSX = "xlsx"
	ReportCSV  = "csv"
)

// ReportFormats lists the formats.
var ReportFormats = []string{ReportPDF, ReportXLSX, ReportCSV}

// ReportFile is a file of a report in blob storage.
type ReportFile struct {
	Format string `json:"format"`
	Key    string `json:"key"`
	Size   int64  `json:"size"` // bytes
}

// File finds a report's file of a format.
func (r Report) File(format string) (ReportFile, bool) {
	var files []ReportFile
	if json.Unmarshal(r.Files, &files) != nil {
		return ReportFile{}, false
	}
	i := slices.IndexFunc(files, func(f ReportFile) bool { return f.Format == format })
	if i < 0 {
		return ReportFile{}, false
	}
	return files[i], true
}

// ReportFrequency is how often a schedule makes its report.
type ReportFrequency string

// The frequencies.
const (
	ReportDaily   ReportFrequency = "daily"
	ReportWeekly  ReportFrequency = "weekly"
	ReportMonthly ReportFrequency = "monthly"
)

// ReportFrequencies lists the frequencies.
var ReportFrequencies = []ReportFrequency{ReportDaily, ReportWeekly, ReportMonthly}

// ReportSchedule has a report made again and again and mailed to people.
type ReportSchedule struct {
	ID             int64
	AccountID      int64
	OrganizationID *int64
	OwnerID        int64
	Title          string
	Type           ReportType
	Frequency      ReportFrequency
	Day            int           // weekly: 1 (Monday) to 7; monthly: of the month, 1 to 28; daily: 1
	Minute         int           // of the day, UTC
	Recipients     pq.Int64Array `gorm:"type:bigint[]"`
	Active         bool
	NextRunAt      time.Time
	LastRunAt      *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ReportRemoval is a report that is gone and whose files have to go.
type ReportRemoval struct {
	AccountID int64
	ReportID  int64 `gorm:"primaryKey"`
	RemovedAt time.Time
}

// Next gives the first run after a moment.
func (s ReportSchedule) Next(after time.Time) time.Time {
	after = after.UTC()
	day := time.Date(after.Year(), after.Month(), after.Day(), 0, s.Minute, 0, 0, time.UTC)
	switch s.Frequency {
	case ReportWeekly:
		for int(day.Weekday()+6)%7+1 != s.Day || !day.After(after) {
			day = day.AddDate(0, 0, 1)
		}
	case ReportMonthly:
		day = time.Date(after.Year(), after.Month(), s.Day, 0, s.Minute, 0, 0, time.UTC)
		if !day.After(after) {
			day = time.Date(after.Year(), after.Month()+1, s.Day, 0, s.Minute, 0, 0, time.UTC)
		}
	case ReportDaily:
		if !day.After(after) {
			day = day.AddDate(0, 0, 1)
		}
	}
	return day
}

// Period gives the days, both inclusive, that the report of a run is about: the
// day, the seven days or the calendar month before it.
func (s ReportSchedule) Period(run time.Time) (from, until time.Time) {
	today := time.Date(run.Year(), run.Month(), run.Day(), 0, 0, 0, 0, time.UTC)
	until = today.AddDate(0, 0, -1)
	switch s.Frequency {
	case ReportWeekly:
		return today.AddDate(0, 0, -7), until
	case ReportMonthly:
		first := time.Date(run.Year(), run.Month(), 1, 0, 0, 0, 0, time.UTC)
		return first.AddDate(0, -1, 0), first.AddDate(0, 0, -1)
	}
	return until, until
}
