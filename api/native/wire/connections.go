package wire

import (
	"encoding/json"
	"time"

	"quad/internal/input"
	"quad/models"
)

// ConnectionSettings are values by the names of a kind's fields; null and an
// empty text take one away.
type ConnectionSettings map[string]*string

// CreateConnection is the body of createConnection.
type CreateConnection struct {
	Kind            string             `json:"kind"`
	Name            *string            `json:"name"`
	Settings        ConnectionSettings `json:"settings"`
	OrganizationID  input.Field[int64] `json:"organizationId"`
	Enabled         *bool              `json:"enabled"`
	ScheduleMinutes input.Field[int]   `json:"scheduleMinutes"`
	PagesPerSecond  input.Field[int]   `json:"pagesPerSecond"`
	DeletionPercent *int               `json:"deletionPercent"`
}

// Read implements the door's request.
func (r *CreateConnection) Read(in *Input) { in.Body(r) }

// UpdateConnection is the request of updateConnection; what is not sent stays.
type UpdateConnection struct {
	ID              int64              `json:"-"`
	Name            *string            `json:"name"`
	Settings        ConnectionSettings `json:"settings"`
	OrganizationID  input.Field[int64] `json:"organizationId"`
	Enabled         *bool              `json:"enabled"`
	ScheduleMinutes input.Field[int]   `json:"scheduleMinutes"`
	PagesPerSecond  input.Field[int]   `json:"pagesPerSecond"`
	DeletionPercent *int               `json:"deletionPercent"`
}

// Read implements the door's request.
func (r *UpdateConnection) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// StartConnectionRun is the request of startConnectionRun.
type StartConnectionRun struct {
	ID     int64  `json:"-"`
	Key    string `json:"-"`
	Full   bool   `json:"full"`
	DryRun bool   `json:"dryRun"`
}

// Read implements the door's request.
func (r *StartConnectionRun) Read(in *Input) {
	in.Body(r)
	r.ID, r.Key = in.ID("id"), in.Key()
}

// ProcessInput is the request as the input of the process that it starts.
func (r StartConnectionRun) ProcessInput() (json.RawMessage, error) {
	return json.Marshal(struct {
		ConnectionID int64 `json:"connectionId"`
		Full         bool  `json:"full"`
		DryRun       bool  `json:"dryRun"`
	}{r.ID, r.Full, r.DryRun})
}

// ConnectionRunPath is the request of operations about a run.
type ConnectionRunPath struct{ ID, RunID int64 }

// Read implements the door's request.
func (r *ConnectionRunPath) Read(in *Input) { r.ID, r.RunID = in.ID("id"), in.ID("runId") }

// ConnectionKind is a kind of learning systems that can be connected.
type ConnectionKind struct {
	Kind   string            `json:"kind"`
	Fields []ConnectionField `json:"fields"`
}

// ConnectionField is a setting of a kind of connections.
type ConnectionField struct {
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	Secret   bool     `json:"secret"`
	Required bool     `json:"required"`
	Default  *string  `json:"default"`
	Words    []string `json:"words"`
}

// Connection is a connection, without secrets.
type Connection struct {
	ID              int64                    `json:"id"`
	Kind            string                   `json:"kind"`
	Name            string                   `json:"name"`
	Settings        map[string]string        `json:"settings"`
	Secrets         []string                 `json:"secrets"`
	OrganizationID  *int64                   `json:"organizationId"`
	Enabled         bool                     `json:"enabled"`
	ScheduleMinutes *int                     `json:"scheduleMinutes"`
	PagesPerSecond  *int                     `json:"pagesPerSecond"`
	DeletionPercent int                      `json:"deletionPercent"`
	Status          models.ConnectionStatus  `json:"status"`
	Error           *string                  `json:"error"`
	PausedAt        *time.Time               `json:"pausedAt"`
	LastSyncAt      *time.Time               `json:"lastSyncAt"`
	NextRunAt       *time.Time               `json:"nextRunAt"`
	LastRun         *ConnectionRun           `json:"lastRun"`
	Environment     *models.ConnectionOrigin `json:"environment"`
	CreatedBy       *int64                   `json:"createdBy"`
	CreatedAt       time.Time                `json:"createdAt"`
	UpdatedAt       time.Time                `json:"updatedAt"`
}

// ConnectionTest is what a test of a connection found.
type ConnectionTest struct {
	Product string        `json:"product"`
	Server  string        `json:"server"`
	Tables  []string      `json:"tables"`
	Absent  []AbsentTable `json:"absent"`
}

// AbsentTable is what can't be read, with the reason.
type AbsentTable struct {
	Table  string `json:"table"`
	Reason string `json:"reason"`
}

// ConnectionRun is a run of a connection.
type ConnectionRun struct {
	ID           int64              `json:"id"`
	ConnectionID int64              `json:"connectionId"`
	ProcessID    *int64             `json:"processId"`
	Trigger      models.SyncTrigger `json:"trigger"`
	Full         bool               `json:"full"`
	DryRun       bool               `json:"dryRun"`
	State        models.SyncState   `json:"state"`
	Error        *string            `json:"error"`
	Attempts     int                `json:"attempts"`
	SnapshotAt   *time.Time         `json:"snapshotAt"`
	StartedAt    time.Time          `json:"startedAt"`
	MergedAt     *time.Time         `json:"mergedAt"`
	EndedAt      *time.Time         `json:"endedAt"`
	ConfirmedAt  *time.Time         `json:"confirmedAt"`
	ConfirmedBy  *int64             `json:"confirmedBy"`
}

// ConnectionRunEntry is a run with the sums of what it did.
type ConnectionRunEntry struct {
	ConnectionRun
	Total SyncCounts `json:"total"`
}

// WholeConnectionRun is a run with what it did, or would do.
type WholeConnectionRun struct {
	ConnectionRunEntry
	Tables    []SyncTable    `json:"tables"`
	Deletions []SyncDeletion `json:"deletions"`
}

// SyncCounts is what a run did, in rows.
type SyncCounts struct {
	Read      int64 `json:"read"`
	Inserted  int64 `json:"inserted"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Deleted   int64 `json:"deleted"`
	Skipped   int64 `json:"skipped"`
}

// SyncTable is what a run did to one table, in rows.
type SyncTable struct {
	Table     string        `json:"table"`
	Read      int64         `json:"read"`
	Inserted  int64         `json:"inserted"`
	Updated   int64         `json:"updated"`
	Unchanged int64         `json:"unchanged"`
	Deleted   int64         `json:"deleted"`
	Skipped   []SkippedRows `json:"skipped"`
}

// SkippedRows are rows that are not taken for one reason.
type SkippedRows struct {
	Reason  string  `json:"reason"`
	Count   int64   `json:"count"`
	Samples []int64 `json:"samples"`
}

// SyncDeletion is that a table would lose more rows than go without a
// confirmation.
type SyncDeletion struct {
	Table   string `json:"table"`
	Before  int64  `json:"before"`
	Deleted int64  `json:"deleted"`
}

// ConnectionChange is that a row of a mirror changed.
type ConnectionChange struct {
	RunID    int64         `json:"runId"`
	Table    string        `json:"table"`
	SourceID int64         `json:"sourceId"`
	Change   models.SyncOp `json:"change"`
	At       time.Time     `json:"at"`
}

// Feed is a page of something that goes on: Next is where, also after the last
// item that there is now.
type Feed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
	More  bool   `json:"more"`
}
