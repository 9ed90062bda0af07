package wire

import "time"

// Ref names a person or a course: by the hub's id or, without one, by the
// identifier of a calling system.
type Ref struct {
	ID         int64  `json:"id"`
	Identifier string `json:"identifier"`
}

// ListLearners is the request of listLearners.
type ListLearners struct {
	ID     int64 `json:"-"`
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListLearners) Read(in *Input) { r.ID, r.Paging = in.ID("id"), in.Paging() }

// ListMyEnrollments is the request of listMyEnrollments.
type ListMyEnrollments struct {
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListMyEnrollments) Read(in *Input) { r.Paging = in.Paging() }

// EnrolLearners is the request of enrolLearners.
type EnrolLearners struct {
	ID    int64 `json:"-"`
	Users []Ref `json:"users"`
}

// Read implements the door's request.
func (r *EnrolLearners) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// CourseUser is the request of removeLearner.
type CourseUser struct{ ID, UserID int64 }

// Read implements the door's request.
func (r *CourseUser) Read(in *Input) { r.ID, r.UserID = in.ID("id"), in.ID("userId") }

// Progress is how far a person has come, as it is reported.
type Progress struct {
	Progress *int       `json:"progress"`
	Score    *float64   `json:"score"`
	At       *time.Time `json:"at"`
}

// SetProgress is the request of setProgress.
type SetProgress struct {
	ID     int64 `json:"-"`
	UserID int64 `json:"-"`
	Progress
}

// Read implements the door's request.
func (r *SetProgress) Read(in *Input) {
	in.Body(r)
	r.ID, r.UserID = in.ID("id"), in.ID("userId")
}

// ReportProgress is the body of reportProgress.
type ReportProgress struct {
	Entries []ProgressEntry `json:"entries"`
}

// Read implements the door's request.
func (r *ReportProgress) Read(in *Input) { in.Body(r) }

// ProgressEntry is one report of several.
type ProgressEntry struct {
	User   Ref `json:"user"`
	Course Ref `json:"course"`
	Progress
}

// Enrollment is how far a learner has come in a course.
type Enrollment struct {
	ID             int64      `json:"id"`
	User           Named      `json:"user"`
	Course         Named      `json:"course"`
	Direct         bool       `json:"direct"`
	Instructor     bool       `json:"instructor"`
	Progress       int        `json:"progress"`
	Score          *float64   `json:"score"`
	CompletedAt    *time.Time `json:"completedAt"`
	LastProgressAt *time.Time `json:"lastProgressAt"`
	EnrolledAt     time.Time  `json:"enrolledAt"`
}

// Named is a person or a course with what they are called.
type Named struct {
	ID         int64   `json:"id"`
	Identifier *string `json:"identifier"`
	Name       string  `json:"name"`
}

// ProgressSet is the answer of setProgress.
type ProgressSet struct {
	Enrollment
	Verdict string `json:"verdict"`
}

// Results is what became of the entries of a batch, in their order.
type Results struct {
	Results []Result `json:"results"`
}

// Result is what became of one entry; the ids are null where nothing is known.
type Result struct {
	UserID   *int64 `json:"userId"`
	CourseID *int64 `json:"courseId"`
	Verdict  string `json:"verdict"`
}
