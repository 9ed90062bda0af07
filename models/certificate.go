package models

import (
	"slices"
	"time"
)

// CertificateState is where a person stands with a certificate.
type CertificateState string

// The states of a person's certificate.
const (
	CertificateInit          CertificateState = "INIT"                        // enrolled, nothing done yet
	CertificateInProgress    CertificateState = "IN_PROGRESS"                 // begun
	CertificateAwaits        CertificateState = "AWAITS_LEARNER_CONFIRMATION" // all done, the learner has to confirm
	CertificateCertified     CertificateState = "CERTIFIED"
	CertificateAboutToExpire CertificateState = "ABOUT_TO_EXPIRE" // certified, but not for long any more
	CertificateExpired       CertificateState = "EXPIRED"
	CertificateTakenBack     CertificateState = "REVOKED" // by an administrator
)

// CertificateStates are all of them.
var CertificateStates = []CertificateState{
	CertificateInit, CertificateInProgress, CertificateAwaits, CertificateCertified, CertificateAboutToExpire, CertificateExpired, CertificateTakenBack,
}

// certificateSteps are the legal transitions. The database knows the same ones:
// certificate_can_become().
var certificateSteps = map[CertificateState][]CertificateState{
	CertificateInit:          {CertificateInProgress, CertificateAwaits, CertificateCertified, CertificateTakenBack},
	CertificateInProgress:    {CertificateAwaits, CertificateCertified, CertificateTakenBack},
	CertificateAwaits:        {CertificateCertified, CertificateTakenBack},
	CertificateCertified:     {CertificateAboutToExpire, CertificateExpired, CertificateTakenBack},
	CertificateAboutToExpire: {CertificateCertified, CertificateExpired, CertificateTakenBack},
	CertificateExpired:       {CertificateCertified, CertificateInProgress, CertificateTakenBack},
	CertificateTakenBack:     {CertificateInit},
}

// CanBecome tells whether a person's certificate may go from s to next.
func (s CertificateState) CanBecome(next CertificateState) bool {
	return slices.Contains(certificateSteps[s], next)
}

// CanVanish tells whether a person's certificate ends with their last enrolment
// in its courses.
func (s CertificateState) CanVanish() bool {
	return s == CertificateInit || s == CertificateInProgress
}

// Running tells whether the certificate is held now: the paper is good.
func (s CertificateState) Running() bool {
	return s == CertificateCertified || s == CertificateAboutToExpire
}

// UserCertificate links a person with a certificate, from the enrolment in one
// of its courses on.
type UserCertificate struct {
	ID            int64
	AccountID     int64
	CertificateID int64
	UserID        int64
	// State is what was written last. What time alone has changed since is in
	// StateAt; whatever is shown comes from there.
	State       CertificateState
	Required    bool
	CertifiedAt *time.Time // kept until it is begun anew
	ExpiresAt   *time.Time // nil: never, or not certified
	WarnsAt     *time.Time // from when it is about to expire; nil with ExpiresAt
	EarnedSince *time.Time // progress and completions up to then do not count; nil: all count
	RenewedAt   *time.Time // completed anew, the learner has not confirmed yet
	IssueID     *int64     // what was issued last, if it was not begun anew since
	DueAt       *time.Time // when the sweep has something to do next
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// StateAt is the state at a time after the last write: certificate_state() in
// Go.
func (c UserCertificate) StateAt(now time.Time) CertificateState {
	switch {
	case c.State.Running() && Reached(c.ExpiresAt, now):
		return CertificateExpired
	case c.State == CertificateCertified && Reached(c.WarnsAt, now):
		return CertificateAboutToExpire
	}
	return c.State
}

// Reached tells whether a moment, if there is one, has come.
func Reached(moment *time.Time, now time.Time) bool { return moment != nil && !moment.After(now) }

// CertificateTransition is one change of a person's certificate. FromState is
// nil when it was made, ToState when it ended. At is when it took effect, which
// for what time alone did may be before it was written.
type CertificateTransition struct {
	ID                int64
	AccountID         int64
	UserCertificateID int64
	CertificateID     int64
	UserID            int64
	FromState         *CertificateState
	ToState           *CertificateState
	Reason            string
	ActorID           *int64
	ProcessID         *int64
	At                time.Time
}

// CertificateWarningTime is how long before its end a certificate is about to
// expire, unless half of its validity is less.
const CertificateWarningTime = 30 * 24 * time.Hour

// CertificateExpiry is the end of a validity that begins at certifiedAt, in
// calendar units in UTC: a day that the month does not have is its last one,
// and the time of day is kept. certificate_expiry() in Go.
func CertificateExpiry(certifiedAt time.Time, duration int, unit ValidityUnit) time.Time {
	at := certifiedAt.UTC()
	switch unit {
	case ValidityDays:
		return at.AddDate(0, 0, duration)
	case ValidityYears:
		duration *= 12
	}
	year, month, day := at.Date()
	first := time.Date(year, month+time.Month(duration), 1, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1)
}

// CertificateWarning is from when a certificate is about to expire: 30 days
// before, but not before half of its validity is over. certificate_warning() in
// Go.
func CertificateWarning(certifiedAt, expiresAt time.Time) time.Time {
	half := certifiedAt.Add((expiresAt.Sub(certifiedAt) / 2).Truncate(time.Microsecond))
	if before := expiresAt.Add(-CertificateWarningTime); before.After(half) {
		return before
	}
	return half
}

// Dates are the end and the warning of what is certified at a time; nil if the
// certificate never lapses.
func (c Certificate) Dates(certifiedAt time.Time) (expiresAt, warnsAt *time.Time) {
	if c.ExpiresAfter == nil || c.ExpiresUnit == nil {
		return nil, nil
	}
	end := CertificateExpiry(certifiedAt, *c.ExpiresAfter, *c.ExpiresUnit)
	warning := CertificateWarning(certifiedAt, end)
	return &end, &warning
}
