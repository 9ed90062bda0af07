package certification

import (
	"context"
	"fmt"
	"strings"
	"time"

	"quad/internal/certification/paper"
	"quad/internal/store"
	"quad/models"
)

// ParseCode reads a code as people write it: in any case, with or without
// dashes and spaces, with letters in place of the digits they look like. ok is
// false for what no certificate can have.
func ParseCode(text string) (code string, ok bool) {
	if len(text) > 4*CodeLength {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		switch r {
		case '-', ' ':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, strings.ToUpper(text))
	return code, len(code) == CodeLength && strings.Trim(code, codeAlphabet) == ""
}

const codeGroup = 5 // characters

// FormatCode writes a code as people see it, in groups.
func FormatCode(code string) string {
	var b strings.Builder
	for i, r := range code {
		if i > 0 && i%codeGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// PageURL is where everybody can verify what was issued under a code.
func (s *Service) PageURL(code string) string { return s.d.PublicURL + "/certificates/" + code }

// PaperURL is where the certificate itself is, as a PDF file.
func (s *Service) PaperURL(code string) string { return s.PageURL(code) + ".pdf" }

// Standing says whether what was issued holds.
type Standing string

// The standings of what was issued.
const (
	StandingValid     Standing = "valid"
	StandingExpired   Standing = "expired"
	StandingRenewed   Standing = "renewed"   // a newer certificate took its place
	StandingRestarted Standing = "restarted" // after it had expired its holder began anew
	StandingRevoked   Standing = "revoked"
)

// Proof is what was issued under a code, with what has become of it.
type Proof struct {
	models.CertificateIssue
	Issuer string // name of the account
	// Standing is by the clock.
	Standing Standing `gorm:"-"`
}

// Proof finds what was issued under a code, in any spelling and of whatever
// account: who has the code may see it. What was issued to people who were
// deleted has lost their name and is unknown. One statement. Errors: ErrIssueUnknown.
func (s *Service) Proof(ctx context.Context, code string) (Proof, error) {
	code, ok := ParseCode(code)
	if !ok {
		return Proof{}, ErrIssueUnknown
	}
	var p Proof
	err := s.d.DB.Query(store.AsSystem(ctx), &p, `SELECT i.*, a.name AS issuer FROM certificate_issues i JOIN accounts a ON a.id = i.account_id
		WHERE i.code = @code AND i.learner_name <> ''`, store.Args{"code": code})
	if err != nil {
		return Proof{}, fmt.Errorf("certification: proof: %w", err)
	}
	if p.ID == 0 {
		return Proof{}, ErrIssueUnknown
	}
	p.Standing = standing(p.CertificateIssue, s.d.Clock())
	return p, nil
}

// standing is what holds at a time. That something was taken back outlasts its
// dates.
func standing(i models.CertificateIssue, now time.Time) Standing {
	if i.EndReason != nil {
		switch *i.EndReason {
		case models.CertificateRevoked, models.CertificateDeleted:
			return StandingRevoked
		case models.CertificateRenewed:
			return StandingRenewed
		case models.CertificateRestarted:
			return StandingRestarted
		}
	}
	if models.Reached(i.ExpiresAt, now) {
		return StandingExpired
	}
	return StandingValid
}

// Paper draws what was issued under a code as a PDF file. It is the same file,
// byte for byte, as long as its standing is. Errors: ErrIssueUnknown.
func (s *Service) Paper(ctx context.Context, code string) ([]byte, error) {
	p, err := s.Proof(ctx, code)
	if err != nil {
		return nil, err
	}
	stamp, reason := p.stamp()
	file, err := paper.Render(paper.Paper{
		Issuer: p.Issuer, Learner: p.LearnerName, Certificate: p.CertificateName, Courses: p.CourseNames,
		CertifiedAt: p.CertifiedAt, ExpiresAt: p.ExpiresAt, Code: FormatCode(p.Code), Link: s.PageURL(p.Code),
		Stamp: stamp, Reason: reason,
	})
	if err != nil {
		return nil, fmt.Errorf("certification: %w", err)
	}
	return file, nil
}

// stamp is what the paper says of its standing.
func (p Proof) stamp() (stamp, reason string) {
	on := ""
	if p.EndedAt != nil {
		on = " on " + paper.Date(*p.EndedAt)
	}
	switch p.Standing {
	case StandingRevoked:
		return "REVOKED", "Revoked" + on + ". It must not be relied on."
	case StandingRenewed:
		return "REPLACED", "Replaced" + on + " by a newer certificate of the same kind."
	case StandingExpired, StandingRestarted:
		if p.ExpiresAt != nil {
			return "EXPIRED", "Expired on " + paper.Date(*p.ExpiresAt) + "."
		}
		return "EXPIRED", "It holds no longer."
	case StandingValid:
	}
	return "", ""
}
