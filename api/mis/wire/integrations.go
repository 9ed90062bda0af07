package wire

// Integration is a connection to a learning system. It shows neither user name
// nor password.
type Integration struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Description string            `json:"description"`
	Status      string            `json:"status"`
	Enabled     bool              `json:"enabled"`
	LastSync    *string           `json:"lastSync"`
	Config      IntegrationConfig `json:"config"`
}

// IntegrationConfig tells where the system is.
type IntegrationConfig struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Database string `json:"database"`
}

// SyncResult is how a synchronisation went, or how far it is.
type SyncResult struct {
	Success       bool   `json:"success"`
	Message       string `json:"message"`
	RowsProcessed int64  `json:"rowsProcessed"`
	DurationMs    int64  `json:"durationMs"`
}

// SyncRun is what a synchronisation did to one table. Only its own counter is
// filled.
type SyncRun struct {
	ID                  int64   `json:"id"`
	StartedAt           string  `json:"startedAt"`
	CompletedAt         *string `json:"completedAt"`
	Status              string  `json:"status"`
	Message             string  `json:"message"`
	UsersProcessed      *int64  `json:"usersProcessed"`
	CoursesProcessed    *int64  `json:"coursesProcessed"`
	EnrolmentsProcessed *int64  `json:"enrolmentsProcessed"`
}

// EtlRunResult is how a load went, or how far it is.
type EtlRunResult struct {
	Success       bool  `json:"success"`
	RowsProcessed int64 `json:"rowsProcessed"`
	DurationMs    int64 `json:"durationMs"`
}

// EtlJobRun is a load.
type EtlJobRun struct {
	ID            string   `json:"id"`
	StartedAt     string   `json:"startedAt"`
	CompletedAt   *string  `json:"completedAt"`
	Status        string   `json:"status"`
	RowsProcessed int64    `json:"rowsProcessed"`
	DurationMs    *int64   `json:"durationMs"`
	Errors        []string `json:"errors"`
}

// IntegrationPath names an integration.
type IntegrationPath struct{ ID string }

// Read implements the request.
func (r *IntegrationPath) Read(in *Input) { r.ID = in.Path("id") }

// ListJobRuns asks for the newest loads.
type ListJobRuns struct{ Limit int }

// Read implements the request.
func (r *ListJobRuns) Read(in *Input) { r.Limit = in.Count("limit", 20, maxLimit) }
