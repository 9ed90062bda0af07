package certification

import (
	"fmt"
	"time"

	"github.com/lib/pq"

	"quad/models"
)

// Why a person's certificate changed, in certificate_transitions.
const (
	reasonEnrolled   = "enrolled"
	reasonBegun      = "begun"
	reasonCompleted  = "completed"
	reasonConfirmed  = "confirmed"
	reasonWarned     = "warned"  // by time
	reasonExpired    = "expired" // by time
	reasonRestarted  = "restarted"
	reasonRevoked    = "revoked"
	reasonReissued   = "reissued"
	reasonUnenrolled = "unenrolled"
	reasonDeleted    = "person_deleted" // with which the database lets any state end
)

// link is a person's certificate while it is being changed: the row, which the
// transaction has locked, what decides about it, and what became of it. Its
// methods are the whole state machine; writeLinks (link.go) stores the outcome.
type link struct {
	models.UserCertificate

	// The definition, as far as it matters here.
	ExpiresAfter     *int
	ExpiresUnit      *models.ValidityUnit
	AsksConfirmation bool

	// What the enrolments in the certificate's courses say.
	Enrolled     bool       // a learner of one of them
	ProgressedAt *time.Time // last progress in any of them
	CompletedAt  *time.Time // oldest of their last completions; nil if one is missing

	Dealt pq.Int64Array `gorm:"type:bigint[]"` // thresholds of the issue that notices dealt with; of required ones

	changed bool
	gone    bool // the link ends
	moves   []move
	ended   issueEnd // of IssueID as it was read
	code    string   // of a new issue; "": none
}

// move is one transition of a link. Empty states are the link that is not there.
type move struct {
	from, to models.CertificateState
	reason   string
	at       time.Time
}

// issueEnd says that an issue does not hold any more.
type issueEnd struct {
	issue  int64
	reason models.CertificateEnd
}

// move changes the state. Nothing else does. Errors: an illegal transition,
// which is a mistake in this file.
func (l *link) move(to models.CertificateState, reason string, at time.Time) error {
	if !l.State.CanBecome(to) {
		return fmt.Errorf("certification: link %d: %s cannot become %s (%s)", l.ID, l.State, to, reason)
	}
	l.moves = append(l.moves, move{from: l.State, to: to, reason: reason, at: at})
	l.State, l.changed = to, true
	return nil
}

// vanish ends a link whose last enrolment has ended.
func (l *link) vanish(now time.Time) error {
	if !l.State.CanVanish() {
		return fmt.Errorf("certification: link %d: %s cannot vanish", l.ID, l.State)
	}
	l.moves = append(l.moves, move{from: l.State, reason: reasonUnenrolled, at: now})
	l.gone = true
	return nil
}

// settle writes down what time alone has done until now, each moment that was
// missed by itself, as of then. floor, if later, is since when the dates are
// what they are.
func (l *link) settle(now, floor time.Time) error {
	since := func(moment *time.Time) time.Time {
		if moment.Before(floor) {
			return floor
		}
		return *moment
	}
	if l.State == models.CertificateCertified && models.Reached(l.WarnsAt, now) {
		if err := l.move(models.CertificateAboutToExpire, reasonWarned, since(l.WarnsAt)); err != nil {
			return err
		}
	}
	if l.State.Running() && models.Reached(l.ExpiresAt, now) {
		return l.move(models.CertificateExpired, reasonExpired, since(l.ExpiresAt))
	}
	return nil
}

// counts tells whether something that happened then counts for the
// certification that is being earned.
func (l *link) counts(moment *time.Time) bool {
	return moment != nil && (l.EarnedSince == nil || moment.After(*l.EarnedSince))
}

// evaluate draws the conclusions from the enrolments, on a settled link. In one
// that waits for the learner, is good or was revoked nothing follows from them.
// vanishing says that enrolments may have ended.
func (l *link) evaluate(now time.Time, vanishing bool) error {
	completed := l.counts(l.CompletedAt)
	switch l.State {
	case models.CertificateInit, models.CertificateInProgress:
		switch {
		case completed && l.AsksConfirmation:
			return l.move(models.CertificateAwaits, reasonCompleted, now)
		case completed:
			return l.certify(reasonCompleted, now)
		case vanishing && !l.Enrolled:
			return l.vanish(now)
		case l.State == models.CertificateInit && l.counts(l.ProgressedAt):
			return l.move(models.CertificateInProgress, reasonBegun, now)
		}
	case models.CertificateAboutToExpire, models.CertificateExpired:
		switch {
		case completed && !l.AsksConfirmation:
			return l.certify(reasonCompleted, now)
		case l.RenewedAt != nil: // it is up to the learner; progress takes nothing away
		case completed:
			l.RenewedAt, l.changed = &now, true
		case l.State == models.CertificateExpired && l.ProgressedAt != nil && !l.ProgressedAt.Before(*l.ExpiresAt):
			return l.restart(now)
		}
	}
	return nil
}

// certify begins a certification with new dates and a new issue.
func (l *link) certify(reason string, now time.Time) error {
	if err := l.move(models.CertificateCertified, reason, now); err != nil {
		return err
	}
	l.CertifiedAt, l.EarnedSince, l.RenewedAt = &now, &now, nil
	l.ExpiresAt, l.WarnsAt = l.dates()
	l.issue()
	return nil
}

// restart begins anew what has expired. What was earned since it was certified
// counts.
func (l *link) restart(now time.Time) error {
	if err := l.move(models.CertificateInProgress, reasonRestarted, now); err != nil {
		return err
	}
	l.endIssue(models.CertificateRestarted)
	l.clear()
	return nil
}

// confirm is the learner's word. Errors: ErrNothingToConfirm.
func (l *link) confirm(now time.Time) error {
	if l.State != models.CertificateAwaits && l.RenewedAt == nil {
		return ErrNothingToConfirm
	}
	return l.certify(reasonConfirmed, now)
}

// revoke takes the certificate back. The dates stay.
func (l *link) revoke(now time.Time) error {
	if !l.State.CanBecome(models.CertificateTakenBack) {
		return ErrRevoked
	}
	if err := l.move(models.CertificateTakenBack, reasonRevoked, now); err != nil {
		return err
	}
	l.RenewedAt = nil
	l.endIssue(models.CertificateRevoked)
	return nil
}

// reissue lets a revoked certificate be earned again: from now on, or with all
// that was ever completed.
func (l *link) reissue(now time.Time, countCompleted bool) error {
	if l.State != models.CertificateTakenBack {
		return ErrNotRevoked
	}
	if err := l.move(models.CertificateInit, reasonReissued, now); err != nil {
		return err
	}
	l.clear()
	l.EarnedSince = &now
	if countCompleted {
		l.EarnedSince = nil
	}
	return l.evaluate(now, false)
}

// redate gives a certification that holds the dates that the definition wants
// now. Because the paper says other ones, it is issued again.
func (l *link) redate(now time.Time) error {
	if !l.State.Running() {
		return nil
	}
	expiresAt, warnsAt := l.dates()
	if equalTime(expiresAt, l.ExpiresAt) && equalTime(warnsAt, l.WarnsAt) {
		return nil
	}
	l.ExpiresAt, l.WarnsAt, l.changed = expiresAt, warnsAt, true
	l.issue()
	return l.settle(now, now)
}

// require sets whether the certificate is required of the person.
func (l *link) require(required bool) {
	if l.Required != required {
		l.Required, l.changed = required, true
	}
}

func (l *link) dates() (expiresAt, warnsAt *time.Time) {
	return models.Certificate{ExpiresAfter: l.ExpiresAfter, ExpiresUnit: l.ExpiresUnit}.Dates(*l.CertifiedAt)
}

// issue replaces what was issued; notices begin anew with it.
func (l *link) issue() {
	l.endIssue(models.CertificateRenewed)
	l.code, l.Dealt = newCode(), nil
}

// endIssue ends what was issued before. Of several reasons the last one counts.
func (l *link) endIssue(reason models.CertificateEnd) {
	if l.IssueID != nil {
		l.ended = issueEnd{issue: *l.IssueID, reason: reason}
	}
}

// clear forgets a certification: dates and issue.
func (l *link) clear() {
	l.CertifiedAt, l.ExpiresAt, l.WarnsAt, l.RenewedAt, l.IssueID, l.code, l.Dealt = nil, nil, nil, nil, nil, "", nil
}

func equalTime(a, b *time.Time) bool {
	return (a == nil && b == nil) || (a != nil && b != nil && a.Equal(*b))
}
