package models

import "time"

// SubjectOrgUpload is the type of subject of the processes that work on an
// OrgUpload.
const SubjectOrgUpload = "org_upload"

// OrgUpload is a set of files with an organization's groups, people and
// memberships.
type OrgUpload struct {
	ID        int64
	AccountID int64
	ProcessID *int64 // the newest attempt
	CreatedAt time.Time
}

// OrgFileKind says what the rows of a file are.
type OrgFileKind string

// The kinds, by the names of the files without their ending.
const (
	OrgFileGroups     OrgFileKind = "groups"
	OrgFileUsers      OrgFileKind = "users"
	OrgFileUserGroups OrgFileKind = "user_groups"
)

// OrgFileKinds lists all kinds in the order in which they are worked on: what a
// row names has had its own row before.
var OrgFileKinds = []OrgFileKind{OrgFileGroups, OrgFileUsers, OrgFileUserGroups}

// OrgFileStatus is where a file of an OrgUpload stands.
type OrgFileStatus string

// The statuses. A rejected file is not looked into; one that is processed with
// errors has rows that failed, or that were not come to.
const (
	OrgFileQueued              OrgFileStatus = "QUEUED"
	OrgFileProcessing          OrgFileStatus = "PROCESSING"
	OrgFileProcessed           OrgFileStatus = "PROCESSED"
	OrgFileProcessedWithErrors OrgFileStatus = "PROCESSED_WITH_ERRORS"
	OrgFileRejected            OrgFileStatus = "REJECTED"
)

// OrgUploadFile is one file of an OrgUpload.
type OrgUploadFile struct {
	ID        int64
	AccountID int64
	UploadID  int64
	Position  int // in which order they were sent, from 0
	Name      string
	Kind      *OrgFileKind // nil: rejected
	Status    OrgFileStatus
	Message   *string // why it was rejected or stopped, for people
	BlobKey   *string // nil: the content is not kept any more
	Rows      int64   // without the header and blank rows
	Done      int64   // rows with a verdict
	Failed    int64   // those of them that failed
}

// OrgVerdict is what became of a row.
type OrgVerdict string

// The verdicts.
const (
	OrgRowCreated OrgVerdict = "created"
	OrgRowUpdated OrgVerdict = "updated"
	OrgRowLinked  OrgVerdict = "linked"
	OrgRowFailed  OrgVerdict = "failed"
)

// OrgVerdicts lists all verdicts.
var OrgVerdicts = []OrgVerdict{OrgRowCreated, OrgRowUpdated, OrgRowLinked, OrgRowFailed}

// OrgUploadRow is the verdict on one row of an OrgUploadFile.
type OrgUploadRow struct {
	FileID    int64 `gorm:"primaryKey"`
	RowNo     int64 `gorm:"primaryKey"` // 1 is the first row after the header
	AccountID int64
	Verdict   OrgVerdict
	Message   *string // why it failed, for people
}
