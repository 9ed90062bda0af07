package wire

import (
	"time"

	"quad/internal/input"
	"quad/models"
)

// ListCertificates is the request of listCertificates.
type ListCertificates struct {
	Status   string
	Search   string
	CourseID *int64
	Paging   `json:"-"`
}

// Read implements the door's request.
func (r *ListCertificates) Read(in *Input) {
	statuses := make([]string, len(models.CertificateStatuses))
	for i, s := range models.CertificateStatuses {
		statuses[i] = string(s)
	}
	r.Status, r.Search, r.CourseID = in.Word("status", statuses...), in.Text("search", 255), in.Number("courseId")
	r.Paging = in.Paging()
}

// CertificateCourse names a course of a certificate.
type CertificateCourse struct {
	ID         int64  `json:"id"`
	Identifier string `json:"identifier"`
}

// Validity is how long a certificate is good for.
type Validity struct {
	Duration int                 `json:"duration"`
	Unit     models.ValidityUnit `json:"unit"`
}

// CreateCertificate is the body of createCertificate.
type CreateCertificate struct {
	Identifier       *string                  `json:"identifier"`
	Name             string                   `json:"name"`
	Courses          []CertificateCourse      `json:"courses"`
	Validity         *Validity                `json:"validity"`
	AsksConfirmation bool                     `json:"asksConfirmation"`
	Status           models.CertificateStatus `json:"status"`
}

// Read implements the door's request.
func (r *CreateCertificate) Read(in *Input) { in.Body(r) }

// UpdateCertificate is the request of updateCertificate; what is not sent stays.
type UpdateCertificate struct {
	ID               int64                     `json:"-"`
	Identifier       *string                   `json:"identifier"`
	Name             *string                   `json:"name"`
	Courses          *[]CertificateCourse      `json:"courses"`
	Validity         input.Field[Validity]     `json:"validity"`
	AsksConfirmation *bool                     `json:"asksConfirmation"`
	Status           *models.CertificateStatus `json:"status"`
}

// Read implements the door's request.
func (r *UpdateCertificate) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// ListUserCertificates is the request of listUserCertificates.
type ListUserCertificates struct {
	CertificateID *int64
	UserID        *int64
	State         string
	Required      string
	Paging        `json:"-"`
}

// Read implements the door's request.
func (r *ListUserCertificates) Read(in *Input) {
	states := make([]string, len(models.CertificateStates))
	for i, s := range models.CertificateStates {
		states[i] = string(s)
	}
	r.CertificateID, r.UserID = in.Number("certificateId"), in.Number("userId")
	r.State, r.Required = in.Word("state", states...), in.Word("required", "true", "false")
	r.Paging = in.Paging()
}

// ListOf is the request of lists of what belongs to something in the path.
type ListOf struct {
	ID     int64
	Paging `json:"-"`
}

// Read implements the door's request.
func (r *ListOf) Read(in *Input) { r.ID, r.Paging = in.ID("id"), in.Paging() }

// UpdateUserCertificate is the request of updateUserCertificate.
type UpdateUserCertificate struct {
	ID       int64 `json:"-"`
	Required *bool `json:"required"`
}

// Read implements the door's request.
func (r *UpdateUserCertificate) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// RevokeUserCertificate is the request of revokeUserCertificate.
type RevokeUserCertificate struct {
	ID     int64  `json:"-"`
	Reason string `json:"reason"`
}

// Read implements the door's request.
func (r *RevokeUserCertificate) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// ReissueUserCertificate is the request of reissueUserCertificate.
type ReissueUserCertificate struct {
	ID             int64 `json:"-"`
	CountCompleted bool  `json:"countCompleted"`
}

// Read implements the door's request.
func (r *ReissueUserCertificate) Read(in *Input) {
	in.Body(r)
	r.ID = in.ID("id")
}

// Certificate is what people earn by completing courses.
type Certificate struct {
	ID               int64                    `json:"id"`
	Identifier       string                   `json:"identifier"`
	Name             string                   `json:"name"`
	Status           models.CertificateStatus `json:"status"`
	Courses          []CourseOfCertificate    `json:"courses"`
	Validity         *Validity                `json:"validity"`
	AsksConfirmation bool                     `json:"asksConfirmation"`
	CreatedAt        time.Time                `json:"createdAt"`
	UpdatedAt        time.Time                `json:"updatedAt"`
}

// CourseOfCertificate is a course that a certificate asks for.
type CourseOfCertificate struct {
	ID         int64  `json:"id"`
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
}

// UserCertificate is where a person stands with a certificate.
type UserCertificate struct {
	ID                    int64                   `json:"id"`
	UserID                int64                   `json:"userId"`
	UserName              string                  `json:"userName"`
	CertificateID         int64                   `json:"certificateId"`
	CertificateIdentifier string                  `json:"certificateIdentifier"`
	CertificateName       string                  `json:"certificateName"`
	State                 models.CertificateState `json:"state"`
	Required              bool                    `json:"required"`
	CertifiedAt           *time.Time              `json:"certifiedAt"`
	ExpiresAt             *time.Time              `json:"expiresAt"`
	RenewedAt             *time.Time              `json:"renewedAt"`
	Code                  *string                 `json:"code"`
	PageURL               *string                 `json:"pageUrl"`
	PDFURL                *string                 `json:"pdfUrl"`
	CreatedAt             time.Time               `json:"createdAt"`
	UpdatedAt             time.Time               `json:"updatedAt"`
}

// CertificateTransition is one thing that happened to a person's certificate.
type CertificateTransition struct {
	ID        int64                    `json:"id"`
	FromState *models.CertificateState `json:"fromState"`
	ToState   *models.CertificateState `json:"toState"`
	Reason    string                   `json:"reason"`
	ActorID   *int64                   `json:"actorId"`
	ProcessID *int64                   `json:"processId"`
	At        time.Time                `json:"at"`
}
