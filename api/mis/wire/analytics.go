package wire

// OfTenant is the request of a figure under /mis/bi: everything, or one tenant.
type OfTenant struct{ Tenant *int64 }

// Read implements the request.
func (r *OfTenant) Read(in *Input) { r.Tenant = in.QueryID("tenant") }

// OfTenantID is the request of a figure under /mis/etl, where the tenant has
// another name.
type OfTenantID struct{ Tenant *int64 }

// Read implements the request.
func (r *OfTenantID) Read(in *Input) { r.Tenant = in.QueryID("tenantId") }

// Months of a trend.
const (
	defaultMonths = 6
	maxMonths     = 60
)

// Trends is the request of listTrainingTrends.
type Trends struct {
	OfTenant
	Months int
}

// Read implements the request.
func (r *Trends) Read(in *Input) {
	r.OfTenant.Read(in)
	r.Months = in.Count("months", defaultMonths, maxMonths)
}

// TrainingKPIs are the key figures of learning.
type TrainingKPIs struct {
	TotalTrainees      int64   `json:"totalTrainees"`
	CompletionRate     float64 `json:"completionRate"`
	AverageScore       float64 `json:"averageScore"`
	CoursesCompleted   int64   `json:"coursesCompleted"`
	CertificatesIssued int64   `json:"certificatesIssued"`
}

// ProgramKPIs are TrainingKPIs with the projects that are running.
type ProgramKPIs struct {
	TrainingKPIs
	ActivePrograms int64 `json:"activePrograms"`
}

// CourseAnalytics are the figures of a course.
type CourseAnalytics struct {
	CourseID       string  `json:"courseId"`
	CourseName     string  `json:"courseName"`
	Enrollments    int64   `json:"enrollments"`
	Completions    int64   `json:"completions"`
	CompletionRate float64 `json:"completionRate"`
	AverageScore   float64 `json:"averageScore"`
}

// CoursePerformance are CourseAnalytics with the time spent, in minutes.
type CoursePerformance struct {
	CourseAnalytics
	AverageTimeSpent int64 `json:"averageTimeSpent"`
}

// MonthlyTrend are the figures of a month, such as 2026-01.
type MonthlyTrend struct {
	Month        string  `json:"month"`
	Enrollments  int64   `json:"enrollments"`
	Completions  int64   `json:"completions"`
	AverageScore float64 `json:"averageScore"`
}

// PerformanceSummary are the results of all.
type PerformanceSummary struct {
	TotalEnrollments      int64   `json:"totalEnrollments"`
	TotalCompletions      int64   `json:"totalCompletions"`
	OverallCompletionRate float64 `json:"overallCompletionRate"`
	AverageScore          float64 `json:"averageScore"`
	TopPerformers         int64   `json:"topPerformers"`
	NeedsSupport          int64   `json:"needsSupport"`
}

// GradeDistribution counts graded enrolments by bands.
type GradeDistribution struct {
	A int64 `json:"A (90-100)"`
	B int64 `json:"B (80-89)"`
	C int64 `json:"C (70-79)"`
	D int64 `json:"D (60-69)"`
	F int64 `json:"F (Below 60)"`
}

// QuizPerformance are the figures of a quiz; the time is in minutes.
type QuizPerformance struct {
	QuizID           string  `json:"quizId"`
	QuizName         string  `json:"quizName"`
	Attempts         int64   `json:"attempts"`
	AverageScore     float64 `json:"averageScore"`
	PassRate         float64 `json:"passRate"`
	AverageTimeSpent int64   `json:"averageTimeSpent"`
}

// AssignmentPerformance are the figures of an assignment; the time is in minutes.
type AssignmentPerformance struct {
	AssignmentID     string  `json:"assignmentId"`
	AssignmentName   string  `json:"assignmentName"`
	Submissions      int64   `json:"submissions"`
	AverageScore     float64 `json:"averageScore"`
	SubmissionRate   float64 `json:"submissionRate"`
	AverageTimeSpent int64   `json:"averageTimeSpent"`
}
