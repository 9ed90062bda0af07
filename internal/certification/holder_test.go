package certification_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/certification"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// What is read is what the clock says, whether a sweep has run or not.
func TestCertificatesOfAPersonByTheClock(t *testing.T) {
	o := newOffice(t)
	o.certificate("CERT", &certification.Validity{Duration: 1, Unit: models.ValidityMonths}, "A", "B")
	o.certificate("EVER", nil, "B")
	ann := o.person("Ann")
	o.progress(ann, "A", 0)
	first := o.held("Ann", "CERT")
	require.Equal(t, certification.Held{
		ID: first.ID, UserID: ann, UserName: "Ann", CertificateID: first.CertificateID, Identifier: "CERT", Name: "CERT",
		State: models.CertificateInit, CreatedAt: first.CreatedAt, UpdatedAt: first.UpdatedAt,
	}, first)
	o.progress(ann, "A", 100)
	require.Equal(t, models.CertificateInProgress, o.held("Ann", "CERT").State)
	start := o.now
	o.progress(ann, "B", 100)

	all, err := o.ListOf(o.system, ref.ByID(ann))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []string{"CERT", "EVER"}, []string{all[0].Identifier, all[1].Identifier})
	end := time.Date(2025, 2, 28, 9, 30, 0, 250_000_000, time.UTC)
	warning := start.Add(end.Sub(start) / 2)
	for _, c := range []struct {
		at   time.Time
		want models.CertificateState
	}{
		{start, models.CertificateCertified},
		{warning.Add(-time.Microsecond), models.CertificateCertified},
		{warning, models.CertificateAboutToExpire},
		{end.Add(-time.Microsecond), models.CertificateAboutToExpire},
		{end, models.CertificateExpired},
		{end.AddDate(50, 0, 0), models.CertificateExpired},
	} {
		o.now = c.at
		h := o.held("Ann", "CERT")
		require.Equal(t, c.want, h.State, c.at)
		require.Equal(t, start, h.CertifiedAt.UTC())
		require.Equal(t, end, h.ExpiresAt.UTC())
		require.Len(t, *h.Code, certification.CodeLength)
		require.Equal(t, models.CertificateCertified, o.held("Ann", "EVER").State)
		require.Nil(t, o.held("Ann", "EVER").ExpiresAt)
	}
	o.progress(ann, "A", 50)
	h := o.held("Ann", "CERT")
	require.Equal(t, models.CertificateInProgress, h.State)
	require.Nil(t, h.CertifiedAt)
	require.Nil(t, h.ExpiresAt)
	require.Nil(t, h.Code)

	require.EqualValues(t, 1, o.statements(func() {
		_, err := o.ListOf(o.admin, ref.ByIdentifier("Ann"))
		require.NoError(t, err)
	}))
}

func TestWhoSeesWhose(t *testing.T) {
	o := newOffice(t)
	o.certificate("CERT", nil, "A")
	ann, bob := o.person("Ann"), o.person("Bob")
	o.progress(ann, "A", 10)
	link := o.held("Ann", "CERT").ID

	for _, r := range []ref.Ref{ref.ByID(1 << 40), ref.ByIdentifier("ann"), ref.ByIdentifier("\x00"), {}} {
		_, err := o.ListOf(o.admin, r)
		require.ErrorIs(t, err, people.ErrUserUnknown)
	}
	none, err := o.ListOf(o.admin, ref.ByID(bob))
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = o.ListOf(o.foreign, ref.ByID(ann))
	require.ErrorIs(t, err, people.ErrUserUnknown)
	_, err = o.ListOf(o.as(ann), ref.ByID(ann))
	require.ErrorIs(t, err, models.ErrForbidden)
	_, _, err = o.Links(o.as(ann), certification.LinkFilter{})
	require.ErrorIs(t, err, models.ErrForbidden)

	own, _, err := o.PageOf(o.as(ann), ann, 0, 0)
	require.NoError(t, err)
	require.Len(t, own, 1)
	h, err := o.Link(o.as(ann), link)
	require.NoError(t, err)
	require.Equal(t, own[0], h)
	history, _, err := o.History(o.as(ann), link, 0, 0)
	require.NoError(t, err)
	require.Len(t, history, 2)
	require.Nil(t, history[0].FromState)
	require.Equal(t, models.CertificateInit, *history[0].ToState)
	require.Equal(t, models.CertificateInProgress, *history[1].ToState)
	rest, next, err := o.History(o.admin, link, history[0].ID, 1)
	require.NoError(t, err)
	require.Equal(t, history[1:], rest)
	require.Zero(t, next)
	page, next, err := o.History(o.admin, link, 0, 1)
	require.NoError(t, err)
	require.Equal(t, history[:1], page)
	require.Equal(t, history[0].ID, next)
	for _, ctx := range []context.Context{o.as(bob), o.foreign} {
		_, _, err = o.PageOf(ctx, ann, 0, 0)
		require.ErrorIs(t, err, people.ErrUserUnknown)
		_, err = o.Link(ctx, link)
		require.ErrorIs(t, err, certification.ErrLinkUnknown)
		_, _, err = o.History(ctx, link, 0, 0)
		require.ErrorIs(t, err, certification.ErrLinkUnknown)
	}
	nobody := store.WithAccount(t.Context(), o.account)
	for _, err := range []error{third(o.PageOf(nobody, ann, 0, 0)), second(o.Link(nobody, link)), third(o.History(nobody, link, 0, 0))} {
		require.ErrorIs(t, err, models.ErrUnauthenticated)
	}

	get[int64](o, `UPDATE users SET status = 'DELETED' WHERE id = @id RETURNING id`, store.Args{"id": ann})
	_, err = o.Link(o.admin, link)
	require.ErrorIs(t, err, certification.ErrLinkUnknown)
	_, err = o.ListOf(o.admin, ref.ByID(ann))
	require.ErrorIs(t, err, people.ErrUserUnknown)
	gone, _, err := o.Links(o.admin, certification.LinkFilter{})
	require.NoError(t, err)
	require.Empty(t, gone)
}

func TestListsOfPeoplesCertificates(t *testing.T) {
	o := newOffice(t)
	cert := o.certificate("CERT", year, "A")
	other := o.certificate("OTHER", nil, "B")
	var folk []int64
	for i := range 5 {
		p := o.person(fmt.Sprintf("Person %d", i))
		folk = append(folk, p)
		o.progress(p, "A", []int{0, 50, 100, 100, 100}[i])
		o.progress(p, "B", 0)
	}
	_, err := o.Revoke(o.admin, o.held("Person 4", "CERT").ID, strings.Repeat("x", 501)+"\x00")
	require.Equal(t, []string{"reason:too_long"}, brokenRules(t, err))
	_, err = o.Revoke(o.admin, o.held("Person 4", "CERT").ID, "cheated")
	require.NoError(t, err)
	_, err = o.SetRequired(o.admin, ref.ByID(folk[2]), ref.ByID(cert.ID), true)
	require.NoError(t, err)
	o.now = o.now.AddDate(1, 0, -29)

	list := func(f certification.LinkFilter) (out []certification.Held) {
		for {
			page, next, err := o.Links(o.system, f)
			require.NoError(t, err)
			if f.Limit > 0 {
				require.LessOrEqual(t, len(page), f.Limit)
			}
			out = append(out, page...)
			if f.After = next; next == 0 {
				return out
			}
		}
	}
	require.Len(t, list(certification.LinkFilter{}), 10)
	require.Equal(t, list(certification.LinkFilter{}), list(certification.LinkFilter{Limit: 3}))
	require.Equal(t, []models.CertificateState{"ABOUT_TO_EXPIRE", "ABOUT_TO_EXPIRE", "INIT", "IN_PROGRESS", "REVOKED"}, states(list(certification.LinkFilter{CertificateID: cert.ID, Limit: 2})))
	require.Len(t, list(certification.LinkFilter{CertificateID: other.ID, State: models.CertificateInit}), 5)
	require.Len(t, list(certification.LinkFilter{UserID: folk[0]}), 2)
	require.Empty(t, list(certification.LinkFilter{State: models.CertificateCertified}), "it is too late")
	require.Len(t, list(certification.LinkFilter{State: models.CertificateAboutToExpire}), 2)
	yes, no := true, false
	require.Equal(t, folk[2], list(certification.LinkFilter{Required: &yes})[0].UserID)
	require.Len(t, list(certification.LinkFilter{Required: &yes}), 1)
	require.Len(t, list(certification.LinkFilter{Required: &no, State: models.CertificateTakenBack}), 1)
	foreign, _, err := o.Links(o.foreign, certification.LinkFilter{})
	require.NoError(t, err)
	require.Empty(t, foreign)
	require.EqualValues(t, 1, o.statements(func() {
		_, _, err := o.Links(o.system, certification.LinkFilter{})
		require.NoError(t, err)
	}))

	var walked []int64
	for after := int64(0); ; {
		page, next, err := o.PageOf(o.admin, folk[0], after, 1)
		require.NoError(t, err)
		require.Len(t, page, 1)
		walked = append(walked, page[0].CertificateID)
		if after = next; next == 0 {
			break
		}
	}
	require.Equal(t, []int64{cert.ID, other.ID}, walked)
}

func TestRequiringByLink(t *testing.T) {
	o := newOffice(t)
	o.certificate("CERT", year, "A")
	ann := o.person("Ann")
	o.progress(ann, "A", 10)
	id := o.held("Ann", "CERT").ID
	yes, no := true, false
	_, err := o.Require(o.admin, id, nil)
	require.Equal(t, []string{"required:required"}, brokenRules(t, err))
	_, err = o.Require(o.as(ann), id, &yes)
	require.ErrorIs(t, err, models.ErrForbidden)
	_, err = o.Require(o.foreign, id, &yes)
	require.ErrorIs(t, err, certification.ErrLinkUnknown)
	for _, required := range []*bool{&yes, &yes, &no} {
		_, err = o.Require(o.admin, id, required)
		require.NoError(t, err)
		require.Equal(t, *required, o.held("Ann", "CERT").Required)
	}
	require.EqualValues(t, 2, get[int64](o, `SELECT count(*) FROM audit_events WHERE action = 'user_certificate.required'`, nil))
}

func TestTheCodeProvesWhatWasIssued(t *testing.T) {
	o := newOffice(t)
	o.certificate("CERT", year, "A", "B")
	ann := o.person("Ann")
	o.progress(ann, "A", 100)
	o.progress(ann, "B", 100)
	h := o.held("Ann", "CERT")
	code := *h.Code
	proof := func(want certification.Standing) certification.Proof {
		p, err := o.Proof(t.Context(), code) // whoever asks
		require.NoError(t, err)
		require.Equal(t, want, p.Standing)
		return p
	}
	p := proof(certification.StandingValid)
	require.Equal(t, []any{"Mill", "Ann", "CERT", *h.CertifiedAt, *h.ExpiresAt}, []any{p.Issuer, p.LearnerName, p.CertificateName, p.CertifiedAt, *p.ExpiresAt})
	require.Equal(t, []string{"Course A", "Course B"}, []string(p.CourseNames))
	get[int64](o, `UPDATE users SET name = 'Ann Married' WHERE id = @id RETURNING id`, store.Args{"id": ann})
	require.Equal(t, "Ann", proof(certification.StandingValid).LearnerName, "as it was issued")
	require.EqualValues(t, 1, o.statements(func() { proof(certification.StandingValid) }))

	for _, spelling := range []string{certification.FormatCode(code), " " + code[:7] + " " + code[7:], string(bytes.ToLower([]byte(code)))} {
		again, err := o.Proof(t.Context(), spelling)
		require.NoError(t, err, spelling)
		require.Equal(t, p.ID, again.ID)
	}
	for _, wrong := range []string{"", code[1:], code + "0", "0" + code[1:] + "\x00", "UUUUUUUUUUUUUUUUUUUU", "00000000000000000000"} {
		_, err := o.Proof(t.Context(), wrong)
		require.ErrorIs(t, err, certification.ErrIssueUnknown, wrong)
		_, err = o.Paper(t.Context(), wrong)
		require.ErrorIs(t, err, certification.ErrIssueUnknown, wrong)
	}
	require.Equal(t, publicURL+"/certificates/"+code, o.PageURL(code))
	require.Equal(t, publicURL+"/certificates/"+code+".pdf", o.PaperURL(code))

	paper := func() []byte {
		file, err := o.Paper(t.Context(), code)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(file, []byte("%PDF-")))
		return file
	}
	valid := paper()
	require.Equal(t, valid, paper())
	o.now = h.ExpiresAt.Add(-time.Microsecond)
	proof(certification.StandingValid)
	require.Equal(t, valid, paper())
	o.now = h.ExpiresAt.UTC()
	proof(certification.StandingExpired)
	expired := paper()
	require.NotEqual(t, valid, expired)

	// Begun anew, earned again, taken back.
	o.progress(ann, "A", 50)
	proof(certification.StandingRestarted)
	o.progress(ann, "A", 100)
	o.progress(ann, "B", 100)
	newer := *o.held("Ann", "CERT").Code
	require.NotEqual(t, code, newer)
	proof(certification.StandingRestarted)
	code = newer
	proof(certification.StandingValid)
	o.now = o.now.Add(time.Hour)
	_, err := o.Revoke(o.admin, h.ID, "")
	require.NoError(t, err)
	p = proof(certification.StandingRevoked)
	require.Equal(t, o.now, p.EndedAt.UTC())
	o.now = o.now.AddDate(3, 0, 0)
	proof(certification.StandingRevoked)
	require.NotEqual(t, expired, paper())

	require.NoError(t, o.UsersGone(o.admin, ann))
	_, err = o.Proof(t.Context(), code)
	require.ErrorIs(t, err, certification.ErrIssueUnknown, "whose it was is forgotten")
}

func TestAnEarlierCertificateIsReplaced(t *testing.T) {
	o := newOffice(t)
	o.certificate("CERT", year, "A")
	ann := o.person("Ann")
	o.progress(ann, "A", 100)
	code := *o.held("Ann", "CERT").Code
	o.now = o.now.AddDate(1, 0, -1) // about to expire
	o.progress(ann, "A", 100)
	require.NotEqual(t, code, *o.held("Ann", "CERT").Code)
	p, err := o.Proof(t.Context(), code)
	require.NoError(t, err)
	require.Equal(t, certification.StandingRenewed, p.Standing)
	_, err = o.Paper(t.Context(), code)
	require.NoError(t, err)
}

func TestSpellingsOfCodes(t *testing.T) {
	for text, want := range map[string]string{
		"abcde-fghjk-mnpqr-stvwx":                             "ABCDEFGHJKMNPQRSTVWX",
		"OILoil-00000-00000-0000":                             "01101100000000000000",
		"7K3QX9M2PD4RTVW8YHJN":                                "7K3QX9M2PD4RTVW8YHJN",
		"7K3QX9M2PD4RTVW8YHJU":                                "",
		"7K3QX9M2PD4RTVW8YHJ":                                 "",
		"7K3QX9M2PD4RTVW8YHJNN":                               "",
		"7K3QX9M2PD4RTVW8YHJ\u0130":                           "",
		"7 K 3 Q X 9 M 2 P D 4 R T V W 8 Y H J N":             "7K3QX9M2PD4RTVW8YHJN",
		"--------------------------------------------------7": "",
	} {
		code, ok := certification.ParseCode(text)
		require.Equal(t, want != "", ok, text)
		if ok {
			require.Equal(t, want, code)
		}
	}
	require.Equal(t, "7K3QX-9M2PD-4RTVW-8YHJN", certification.FormatCode("7K3QX9M2PD4RTVW8YHJN"))
}
