package enabley

import (
	"quad/api/enabley/wire"
	"quad/internal/certification"
	"quad/models"
)

var certificateStatuses = map[models.CertificateStatus]string{
	models.CertificateActive: "ACTIVE", models.CertificateInactive: "INACTIVE", models.CertificateArchived: "ARCHIVED",
}

var periods = map[models.ValidityUnit]string{
	models.ValidityDays: "DAY", models.ValidityMonths: "MONTH", models.ValidityYears: "YEAR",
}

var certificateStates = map[models.CertificateState]string{
	models.CertificateInit: "INIT", models.CertificateInProgress: "IN_PROGRESS", models.CertificateAwaits: "AWAITS_LEARNER_CONFIRMATION",
	models.CertificateCertified: "CERTIFIED", models.CertificateAboutToExpire: "ABOUT_TO_EXPIRE", models.CertificateExpired: "EXPIRED",
	models.CertificateTakenBack: "REVOKED",
}

func certificate(d certification.Definition) wire.Certificate {
	out := wire.Certificate{
		CourseIDs: append([]string{}, d.CourseIdentifiers...), Created: wire.Timestamp(d.CreatedAt),
		ExternalCertificateID: d.Identifier, Name: d.Name, Status: certificateStatuses[d.Status],
	}
	if v := d.Validity(); v != nil {
		out.Expiration = &wire.CertificateExpiration{Duration: v.Duration, Period: periods[v.Unit]}
	}
	return out
}

// userCertificate shows what somebody has; paper gives the address of what was
// issued under a code.
func userCertificate(h certification.Held, paper func(code string) string) wire.UserCertificate {
	out := wire.UserCertificate{
		CertificationDate: wire.NullableTimestamp(h.CertifiedAt), ExpirationDate: wire.NullableTimestamp(h.ExpiresAt),
		ExternalCertificateID: h.Identifier, IsRequired: h.Required, Name: h.Name, State: certificateStates[h.State],
	}
	if h.Code != nil {
		address := paper(*h.Code)
		out.PDFURL = &address
	}
	return out
}
