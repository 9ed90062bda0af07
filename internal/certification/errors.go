package certification

import "quad/models"

// Refusals of this package.
var (
	ErrCertificateUnknown = models.Refuse(models.KindNotFound, "certificate.unknown", "there is no such certificate")
	ErrTaken              = models.Refuse(models.KindConflict, "certificate.identifier_taken", "another certificate has this identifier")
	// ErrLinkUnknown: nobody has, had or is earning this.
	ErrLinkUnknown = models.Refuse(models.KindNotFound, "user_certificate.unknown", "there is no such certificate of a person")
	// ErrIssueUnknown: no certificate was issued under the code.
	ErrIssueUnknown = models.Refuse(models.KindNotFound, "certificate.code_unknown", "no certificate was issued under this code")
)
