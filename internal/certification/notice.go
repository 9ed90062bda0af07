package certification

import (
	"slices"
	"time"

	"quad/models"
)

const day = 24 * time.Hour

// Why a notice was not sent, in certificate_notices.
const (
	unsentLate      = "late"       // a later one made it pointless
	unsentInactive  = "inactive"   // the person does not work here now
	unsentNoAddress = "no_address" // the person has no e-mail address
)

// notice is one threshold of a link that is dealt with.
type notice struct {
	days int // at most so many are left; 0: it has expired
	late bool
}

// thresholds are the numbers of days at which a required certificate is
// reminded of, the largest first: when it is about to expire, at the configured
// numbers below, and when it has expired (0).
func (l *link) thresholds(configured []int) []int {
	first := l.firstThreshold()
	out := []int{first}
	for _, days := range configured {
		if days > 0 && days < first {
			out = append(out, days)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return b - a })
	return append(slices.Compact(out), 0)
}

// firstThreshold is how many days are left, rounded up, when the certificate is
// about to expire.
func (l *link) firstThreshold() int {
	return int((l.ExpiresAt.Sub(*l.WarnsAt) + day - 1) / day)
}

// moment is when a threshold is reached. Those below the first one are reached
// after it, whatever the validity.
func (l *link) moment(threshold int) time.Time {
	if threshold == l.firstThreshold() {
		return *l.WarnsAt
	}
	return l.ExpiresAt.Add(-time.Duration(threshold) * day)
}

// open are the thresholds that no notice has dealt with, the largest first. A
// certificate that is not required, does not lapse or does not hold has none.
func (l *link) open(configured []int) []int {
	held := l.State.Running() || l.State == models.CertificateExpired
	if !l.Required || !held || l.ExpiresAt == nil || l.WarnsAt == nil {
		return nil
	}
	return slices.DeleteFunc(l.thresholds(configured), func(days int) bool { return slices.Contains(l.Dealt, int64(days)) })
}

// notices deals with the thresholds that are reached: the smallest one is worth
// telling of, the others are late.
func (l *link) notices(configured []int, now time.Time) []notice {
	var out []notice
	for _, days := range l.open(configured) {
		if l.moment(days).After(now) {
			break // the smaller ones are later still
		}
		for i := range out {
			out[i].late = true
		}
		out = append(out, notice{days: days})
		l.Dealt = append(l.Dealt, int64(days))
	}
	return out
}

// due is when there is something to do next, nil if nothing.
func (l *link) due(configured []int) *time.Time {
	var next *time.Time
	switch l.State {
	case models.CertificateCertified:
		next = l.WarnsAt
	case models.CertificateAboutToExpire:
		next = l.ExpiresAt
	}
	for _, days := range l.open(configured) {
		if at := l.moment(days); next == nil || at.Before(*next) {
			next = &at
		}
	}
	return next
}
