package wire

// SetCertificateRequirement is the body of setCertificateRequirement.
type SetCertificateRequirement struct {
	CertificateIdentifier string
	IsRequired            bool
	UserIdentifier        string
}

// Read implements the door's request.
func (r *SetCertificateRequirement) Read(in *Input) {
	body := in.Body()
	r.CertificateIdentifier, r.UserIdentifier = body.Identifier("certificateIdentifier"), body.Identifier("userIdentifier")
	r.IsRequired = body.Bool("isRequired")
}

// ListUserCertificates is the request of listUserCertificates.
type ListUserCertificates struct{ ExternalUserID string }

// Read implements the door's request.
func (r *ListUserCertificates) Read(in *Input) { r.ExternalUserID = in.Path("externalUserId") }

// GetCertificate is the request of getCertificate.
type GetCertificate struct{ ExternalCertificateID string }

// Read implements the door's request.
func (r *GetCertificate) Read(in *Input) {
	r.ExternalCertificateID = in.Path("externalCertificateId")
}

// Certificate is what people earn by completing courses.
type Certificate struct {
	CourseIDs             []string               `json:"courseIds"`
	Created               string                 `json:"created"`
	Expiration            *CertificateExpiration `json:"expiration"`
	ExternalCertificateID string                 `json:"externalCertificateId"`
	Name                  string                 `json:"name"`
	Status                string                 `json:"status"`
}

// CertificateExpiration says how long a certificate is valid.
type CertificateExpiration struct {
	Duration int    `json:"duration"`
	Period   string `json:"period"`
}

// UserCertificate is where a person stands with a certificate.
type UserCertificate struct {
	CertificationDate     *string `json:"certificationDate"`
	ExpirationDate        *string `json:"expirationDate"`
	ExternalCertificateID string  `json:"externalCertificateId"`
	IsRequired            bool    `json:"isRequired"`
	Name                  string  `json:"name"`
	PDFURL                *string `json:"pdfUrl"`
	State                 string  `json:"state"`
}
