package wire

import (
	"strconv"
	"time"

	"quad/internal/input"
	"quad/models"
)

// ListCourses is the request of listCourses.
type ListCourses struct {
	OrganizationID *int64
	Master         string
	Type           string
	Status         string
	Search         string
	Category       string
	Paging         `json:"-"`
}

// Read implements the door's request.
func (r *ListCourses) Read(in *Input) {
	r.OrganizationID, r.Master = in.Number("organizationId"), in.Word("master", "true", "false")
	r.Type, r.Status = in.Word("type", words(models.CourseTypes)...), in.Word("status", words(models.CourseStatuses)...)
	r.Search, r.Category, r.Paging = in.Text("search", 255), in.Text("category", 1020), in.Paging()
}

// IsMaster is Master as a value, nil without one.
func (r *ListCourses) IsMaster() *bool {
	if r.Master == "" {
		return nil
	}
	master, _ := strconv.ParseBool(r.Master) // of the words that Read takes
	return &master
}

func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, word := range all {
		out[i] = string(word)
	}
	return out
}

// Schedule is from when to when a course runs.
type Schedule struct {
	StartsAt *time.Time `json:"startsAt"`
	EndsAt   *time.Time `json:"endsAt"`
}

// CreateCourse is the body of createCourse.
type CreateCourse struct {
	Identifier     *string              `json:"identifier"`
	Name           string               `json:"name"`
	Type           models.CourseType    `json:"type"`
	Master         bool                 `json:"master"`
	Published      *bool                `json:"published"`
	Status         *models.CourseStatus `json:"status"`
	Schedule       *Schedule            `json:"schedule"`
	DurationMS     *int64               `json:"durationMs"`
	Categories     []string             `json:"categories"`
	OrganizationID *int64               `json:"organizationId"`
}

// Read implements the door's request.
func (r *CreateCourse) Read(in *Input) { in.Body(r) }

// UpdateCourse is the request of updateCourse; what is not sent stays.
type UpdateCourse struct {
	ID             int64                 `json:"-"`
	Name           *string               `json:"name"`
	Published      *bool                 `json:"published"`
	Status         *models.CourseStatus  `json:"status"`
	Schedule       input.Field[Schedule] `json:"schedule"`
	DurationMS     input.Field[int64]    `json:"durationMs"`
	Categories     *[]string             `json:"categories"`
	OrganizationID input.Field[int64]    `json:"organizationId"`
}

// Read implements the door's request.
func (r *UpdateCourse) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// Course is a channel or a master.
type Course struct {
	ID             int64               `json:"id"`
	Identifier     string              `json:"identifier"`
	Name           string              `json:"name"`
	Type           models.CourseType   `json:"type"`
	Master         bool                `json:"master"`
	MasterID       *int64              `json:"masterId"`
	Published      bool                `json:"published"`
	Status         models.CourseStatus `json:"status"`
	Availability   models.Availability `json:"availability"`
	Schedule       *Schedule           `json:"schedule"`
	DurationMS     *int64              `json:"durationMs"`
	Categories     []string            `json:"categories"`
	OrganizationID *int64              `json:"organizationId"`
	Link           string              `json:"link"`
	CreatedAt      time.Time           `json:"createdAt"`
	UpdatedAt      time.Time           `json:"updatedAt"`
}

// ListSessions is the request of listCourseSessions.
type ListSessions struct {
	ID     int64 `json:"-"`
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListSessions) Read(in *Input) { r.ID, r.Paging = in.ID("id"), in.Paging() }

// CourseSession is the request of getCourseSession and deleteCourseSession.
type CourseSession struct{ ID, SessionID int64 }

// Read implements the door's request.
func (r *CourseSession) Read(in *Input) { r.ID, r.SessionID = in.ID("id"), in.ID("sessionId") }

// CreateSession is the request of createCourseSession.
type CreateSession struct {
	ID           int64     `json:"-"`
	Name         string    `json:"name"`
	Description  *string   `json:"description"`
	Location     *string   `json:"location"`
	StartsAt     time.Time `json:"startsAt"`
	EndsAt       time.Time `json:"endsAt"`
	AllDay       bool      `json:"allDay"`
	Live         bool      `json:"live"`
	IncludeGrade bool      `json:"includeGrade"`
	Published    *bool     `json:"published"`
	Optional     bool      `json:"optional"`
}

// Read implements the door's request.
func (r *CreateSession) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// UpdateSession is the request of updateCourseSession; what is not sent stays.
type UpdateSession struct {
	ID           int64               `json:"-"`
	SessionID    int64               `json:"-"`
	Name         *string             `json:"name"`
	Description  input.Field[string] `json:"description"`
	Location     input.Field[string] `json:"location"`
	StartsAt     *time.Time          `json:"startsAt"`
	EndsAt       *time.Time          `json:"endsAt"`
	AllDay       *bool               `json:"allDay"`
	Live         *bool               `json:"live"`
	IncludeGrade *bool               `json:"includeGrade"`
	Published    *bool               `json:"published"`
	Optional     *bool               `json:"optional"`
}

// Read implements the door's request.
func (r *UpdateSession) Read(in *Input) {
	in.Body(r)
	r.ID, r.SessionID = in.ID("id"), in.ID("sessionId")
}

// ClassSession is an event of a course.
type ClassSession struct {
	ID           int64     `json:"id"`
	CourseID     int64     `json:"courseId"`
	Name         string    `json:"name"`
	Description  *string   `json:"description"`
	Location     *string   `json:"location"`
	StartsAt     time.Time `json:"startsAt"`
	EndsAt       time.Time `json:"endsAt"`
	AllDay       bool      `json:"allDay"`
	Live         bool      `json:"live"`
	IncludeGrade bool      `json:"includeGrade"`
	Published    bool      `json:"published"`
	Optional     bool      `json:"optional"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// CatalogItem is the entry of a course in the catalogue.
type CatalogItem struct {
	ID        string    `json:"id"`
	CourseID  int64     `json:"courseId"`
	Link      string    `json:"link"`
	CreatedAt time.Time `json:"createdAt"`
}
