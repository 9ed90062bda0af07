package models

import (
	"time"

	"github.com/lib/pq"
)

// ConnectionStatus tells how the last run of a connection ended.
type ConnectionStatus string

// The statuses of connections.
const (
	ConnectionNew     ConnectionStatus = "new" // has never run to the end
	ConnectionOK      ConnectionStatus = "ok"
	ConnectionFailing ConnectionStatus = "failing"
)

// ConnectionOrigin tells what the environment has to do with a connection.
type ConnectionOrigin string

// What the environment has to do with connections; most have none of these.
const (
	ConnectionSets ConnectionOrigin = "sets" // it has made the connection and names it
	ConnectionLeft ConnectionOrigin = "left" // it names it no more, and has paused it
)

// Connection is a learning system that the hub reads.
type Connection struct {
	ID              int64
	AccountID       int64
	Name            string // unique in the account, whatever the case
	Kind            string // of the connector, "moodle-db"
	OrganizationID  *int64 // that people join whom it makes; nil: the default one
	Settings        []byte `gorm:"type:jsonb"` // JSON: values of the connector's fields by name, without secrets
	Secrets         []byte // encrypted values of the secret fields; nil: none
	Enabled         bool
	ScheduleMinutes *int       // time between runs; nil: runs only when somebody asks
	NextRunAt       *time.Time // when the schedule is due
	PausedAt        *time.Time
	Status          ConnectionStatus
	LastError       *string
	LastSyncAt      *time.Time // end of the last complete run
	MirroredAt      *time.Time // since when the hub has a mirror of it; nil: none
	PagesPerSecond  *int       // at most; nil: as fast as it goes
	DeletionPercent int        // share of a table's rows that a run deletes without asking
	Environment     *ConnectionOrigin
	ChangesFrom     int64 // newest place of the feed that is no longer kept; 0: all are
	CreatedBy       *int64
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// SyncTrigger tells what began a run.
type SyncTrigger string

// The triggers of runs.
const (
	SyncManual   SyncTrigger = "manual"
	SyncSchedule SyncTrigger = "schedule"
	SyncETL      SyncTrigger = "etl"
)

// SyncState is how far a run is.
type SyncState string

// The states of runs. The last three are final.
const (
	SyncRunning   SyncState = "running"
	SyncWaiting   SyncState = "waiting" // for somebody who confirms its deletions
	SyncCompleted SyncState = "completed"
	SyncFailed    SyncState = "failed"
	SyncCancelled SyncState = "cancelled"
)

// SyncRun is one run of a connection. A connection has one open run at most.
type SyncRun struct {
	ID           int64
	AccountID    int64
	ConnectionID int64
	ProcessID    *int64
	Trigger      SyncTrigger
	Whole        bool // reads and compares everything
	DryRun       bool // merges nothing
	State        SyncState
	Error        *string
	Attempts     int        // how often reading began
	SnapshotAt   *time.Time // the moment of the learning system that was read, by its clock
	StagedAt     *time.Time // all was read
	MergedAt     *time.Time // all was merged
	StartedAt    time.Time
	EndedAt      *time.Time
	ETLRunID     *int64         `gorm:"column:etl_run_id"` // the load that it is part of
	Tables       pq.StringArray `gorm:"type:text[]"`       // that the system lets the hub read
	ConfirmedAt  *time.Time     // somebody has confirmed its deletions
	ConfirmedBy  *int64
}

// SignalSyncConfirmed tells a run that its deletions are confirmed. The name is
// in running histories.
const SignalSyncConfirmed = "confirmed"

// ETLRun is one load: a run of every connection of an account.
type ETLRun struct {
	ID        int64
	AccountID int64
	StartedBy *int64
	StartedAt time.Time
}

// TableName implements GORM's Tabler.
func (ETLRun) TableName() string { return "etl_runs" }

// SyncRunTable is what a run did to one table of the mirror, in rows.
type SyncRunTable struct {
	RunID     int64  `gorm:"primaryKey"`
	Table     string `gorm:"primaryKey;column:table_name"`
	AccountID int64
	Read      int64
	Inserted  int64
	Updated   int64
	Unchanged int64
	Deleted   int64
	Skipped   []byte     `gorm:"type:jsonb"` // JSON: reason -> {count, samples}
	StagedAt  *time.Time // all of it was read
}

// SyncOp is what happened to a row of a mirror.
type SyncOp string

// What happens to rows.
const (
	SyncInserted SyncOp = "inserted"
	SyncUpdated  SyncOp = "updated"
	SyncDeleted  SyncOp = "deleted"
)

// SyncChange is that a row of a mirror changed. Within a connection what has the
// higher id was committed later.
type SyncChange struct {
	ConnectionID int64 `gorm:"primaryKey"`
	ID           int64 `gorm:"primaryKey;autoIncrement"`
	AccountID    int64
	RunID        int64
	Table        string `gorm:"column:table_name"`
	SourceID     int64
	Op           SyncOp
	At           time.Time
}

// LMSPerson is that a person was a user of a learning system.
type LMSPerson struct {
	ConnectionID int64 `gorm:"primaryKey"`
	UserID       int64 `gorm:"primaryKey"`
	AccountID    int64
	SourceID     *int64 // the user there; nil: nobody any more
	Made         bool   // by the connection; else the person was there before
	Retired      bool   // deactivated by it, because nobody there is them any more
}

// TableName implements GORM's Tabler.
func (LMSPerson) TableName() string { return "lms_people" }
