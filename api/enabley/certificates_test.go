package enabley_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/contracttest"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

const certificates = "/api/v1/certificates"

// study is the world of people who earn certificates.
type study struct {
	*world
	t     *testing.T
	clock *hands
}

func newStudy(t *testing.T) *study {
	t.Helper()
	w, clock := newClockedWorld(t, time.Date(2024, 1, 31, 9, 30, 0, 250_000_000, time.UTC))
	return &study{world: w, t: t, clock: clock}
}

// set puts the clock to a time. Tokens age by it too.
func (s *study) set(at time.Time) {
	s.t.Helper()
	s.clock.move(at.Sub(s.clock.now()))
	s.api = s.as(s.t, s.client)
}

// course makes channels.
func (s *study) course(identifiers ...string) {
	s.t.Helper()
	for _, identifier := range identifiers {
		s.api.Do(s.t, http.StatusCreated, "PUT", "/api/v1/channels", object{"identifier": identifier, "name": identifier, "type": "COURSE"})
	}
}

// define makes a certificate, as administrators do through the hub's own API.
func (s *study) define(identifier string, change func(*certification.Input), courses ...string) {
	s.t.Helper()
	in := certification.Input{Identifier: &identifier, Name: "Certificate " + identifier}
	for _, course := range courses {
		in.Courses = append(in.Courses, ref.ByIdentifier(course))
	}
	if change != nil {
		change(&in)
	}
	_, err := s.Certificates.Create(s.admin(), in)
	require.NoError(s.t, err)
}

func (s *study) admin() context.Context {
	return auth.WithPrincipal(s.t.Context(), auth.Principal{AccountID: s.Account.ID, ClientID: s.client.id, Door: "test", Roles: []string{models.RoleAdmin}})
}

func (s *study) enrol(user, course string) {
	s.t.Helper()
	require.NoError(s.t, s.Enrollments.Assign(s.admin(), ref.ByIdentifier(course), ref.ByIdentifier(user), nil))
}

func (s *study) progress(user, course string, percent int) {
	s.t.Helper()
	verdicts, err := s.Enrollments.Report(s.admin(), []enrollment.ProgressReport{{User: ref.ByIdentifier(user), Course: ref.ByIdentifier(course), Progress: percent}})
	require.NoError(s.t, err)
	require.EqualValues(s.t, "applied", verdicts[0].Verdict)
}

// held is what a person has of a certificate.
func (s *study) held(user, certificate string) object {
	s.t.Helper()
	for _, item := range list(s.t, s.api.Do(s.t, http.StatusOK, "GET", certificates+"/users/"+url.PathEscape(user), nil)) {
		if item["externalCertificateId"] == certificate {
			return item
		}
	}
	s.t.Fatalf("%s has nothing of %s", user, certificate)
	return nil
}

// link is the hub's id of what a person has of a certificate.
func (s *study) link(user, certificate string) int64 {
	return s.number(s.t, `SELECT l.id FROM user_certificates l JOIN users u ON u.id = l.user_id JOIN certificates c ON c.id = l.certificate_id
		WHERE l.account_id = @account_id AND u.identifier = @user AND c.identifier = @certificate`, store.Args{"user": user, "certificate": certificate})
}

func TestCertificates(t *testing.T) {
	s := newStudy(t)
	s.course("FIRE-101", "FIRE-102")
	require.Empty(t, list(t, s.api.Do(t, http.StatusOK, "GET", certificates, nil)))
	s.define("CERT-FIRE", func(in *certification.Input) {
		in.Validity = &certification.Validity{Duration: 18, Unit: models.ValidityMonths}
	}, "FIRE-102", "FIRE-101")
	s.define("CERT/ÉTHICS 1", func(in *certification.Input) { in.Status = models.CertificateArchived }, "FIRE-101")

	all := list(t, s.api.Do(t, http.StatusOK, "GET", certificates, nil))
	require.Len(t, all, 2, "archived ones too")
	created, ok := all[0]["created"].(string)
	require.True(t, ok)
	require.Equal(t, object{
		"courseIds": []any{"FIRE-102", "FIRE-101"}, "created": created, "expiration": object{"duration": 18.0, "period": "MONTH"},
		"externalCertificateId": "CERT-FIRE", "name": "Certificate CERT-FIRE", "status": "ACTIVE",
	}, all[0])
	require.Nil(t, all[1]["expiration"])
	require.Equal(t, "ARCHIVED", all[1]["status"])
	for _, c := range all {
		one := s.api.Do(t, http.StatusOK, "GET", "/api/v2/certificates/"+url.PathEscape(fmt.Sprint(c["externalCertificateId"])), nil)
		require.Equal(t, c, one.Map(t))
	}
	page := paging{path: "/api/v2/certificates", field: "name"}.get(t, s.api, nil)
	require.Equal(t, all, page.Items)

	for _, unknown := range []string{"cert-fire", "%00", strings.Repeat("x", 256), "users"} {
		fails(t, s.api.Do(t, http.StatusNotFound, "GET", "/api/v2/certificates/"+unknown, nil), "not_found")
	}
	other := s.elsewhere(t, "elsewhere.test")
	require.Empty(t, list(t, other.Do(t, http.StatusOK, "GET", certificates, nil)))
	fails(t, other.Do(t, http.StatusNotFound, "GET", "/api/v2/certificates/CERT-FIRE", nil), "not_found")
	for _, path := range []string{certificates, "/api/v2/certificates", "/api/v2/certificates/CERT-FIRE", certificates + "/users/u-1"} {
		fails(t, s.anyone().Do(t, http.StatusUnauthorized, "GET", path, nil), "access_denied")
	}
}

func TestPagesOfCertificates(t *testing.T) {
	w, clock := newClockedWorld(t, time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC))
	w.api.Do(t, http.StatusCreated, "PUT", "/api/v1/channels", object{"identifier": "FIRE-101", "name": "Fire", "type": "COURSE"})
	paging{
		path: "/api/v2/certificates", another: "/api/v3/channels", field: "name", statements: 2,
		insert: func(t *testing.T, from, to int, name func(string) string) {
			t.Helper()
			w.exec(t, `WITH made AS (
					INSERT INTO certificates (account_id, identifier, name, created_at)
					SELECT @account_id, `+name("n")+`, `+name("n")+`, CAST('2024-02-01' AS timestamptz) + n * interval '1 second'
					FROM generate_series(CAST(@from AS int), CAST(@to AS int) - 1) n RETURNING id)
				INSERT INTO certificate_courses (account_id, certificate_id, course_id, position)
				SELECT @account_id, made.id, c.id, 1 FROM made CROSS JOIN courses c WHERE c.account_id = @account_id`, store.Args{"from": from, "to": to})
		},
		remove: func(t *testing.T, names []string) {
			t.Helper()
			args := store.Args{"names": pq.StringArray(names)}
			w.exec(t, `DELETE FROM certificate_courses WHERE account_id = @account_id
				AND certificate_id IN (SELECT id FROM certificates WHERE name = ANY(CAST(@names AS text[])))`, args)
			w.exec(t, `DELETE FROM certificates WHERE account_id = @account_id AND name = ANY(CAST(@names AS text[]))`, args)
		},
	}.prove(t, w, clock)
}

// A person's certificate from the enrolment to the end, by the clock and without
// any sweep.
func TestStatesOfACertificate(t *testing.T) {
	s := newStudy(t)
	s.course("FIRE-101", "FIRE-102")
	s.define("CERT", func(in *certification.Input) {
		in.Validity = &certification.Validity{Duration: 1, Unit: models.ValidityMonths}
	}, "FIRE-101", "FIRE-102")
	s.putUser(t, http.StatusCreated, john("u-1", nil))
	require.Empty(t, list(t, s.api.Do(t, http.StatusOK, "GET", certificates+"/users/u-1", nil)))

	state := func(want string, certified, expires any) object {
		t.Helper()
		h := s.held("u-1", "CERT")
		require.Equal(t, []any{want, certified, expires}, []any{h["state"], h["certificationDate"], h["expirationDate"]})
		require.Equal(t, certified != nil, h["pdfUrl"] != nil)
		return h
	}
	s.enrol("u-1", "FIRE-102")
	require.Equal(t, object{
		"certificationDate": nil, "expirationDate": nil, "externalCertificateId": "CERT", "isRequired": false, "name": "Certificate CERT", "pdfUrl": nil, "state": "INIT",
	}, state("INIT", nil, nil))
	s.enrol("u-1", "FIRE-101")
	s.progress("u-1", "FIRE-101", 1)
	state("IN_PROGRESS", nil, nil)
	s.progress("u-1", "FIRE-101", 100)
	state("IN_PROGRESS", nil, nil)
	s.progress("u-1", "FIRE-102", 100)
	const certified, expires = "2024-01-31T09:30:00.250Z", "2024-02-29T09:30:00.250Z"
	first := fmt.Sprint(state("CERTIFIED", certified, expires)["pdfUrl"])
	require.Regexp(t, "^"+s.URL+"/certificates/[0-9A-HJKMNP-TV-Z]{20}\\.pdf$", first)

	end := time.Date(2024, 2, 29, 9, 30, 0, 250_000_000, time.UTC)
	half := s.clock.now().Add(end.Sub(s.clock.now()) / 2)
	s.set(half.Add(-time.Microsecond))
	state("CERTIFIED", certified, expires)
	s.set(half)
	state("ABOUT_TO_EXPIRE", certified, expires)
	s.set(end.Add(-time.Microsecond))
	state("ABOUT_TO_EXPIRE", certified, expires)
	s.set(end)
	require.Equal(t, first, state("EXPIRED", certified, expires)["pdfUrl"])

	// Completed anew: certified with new dates; then begun anew after the end.
	s.set(end.Add(time.Hour))
	s.progress("u-1", "FIRE-101", 90)
	state("IN_PROGRESS", nil, nil)
	s.progress("u-1", "FIRE-101", 100)
	s.progress("u-1", "FIRE-102", 99)
	s.progress("u-1", "FIRE-102", 100)
	second := state("CERTIFIED", "2024-02-29T10:30:00.250Z", "2024-03-29T10:30:00.250Z")
	require.NotEqual(t, first, second["pdfUrl"])

	_, err := s.Certificates.Revoke(s.admin(), s.link("u-1", "CERT"), "cheated")
	require.NoError(t, err)
	require.Equal(t, second["pdfUrl"], state("REVOKED", "2024-02-29T10:30:00.250Z", "2024-03-29T10:30:00.250Z")["pdfUrl"])
	s.set(end.AddDate(1, 0, 0))
	state("REVOKED", "2024-02-29T10:30:00.250Z", "2024-03-29T10:30:00.250Z")
	_, err = s.Certificates.Reissue(s.admin(), s.link("u-1", "CERT"), false)
	require.NoError(t, err)
	state("INIT", nil, nil)

	for _, unknown := range []string{"u-2", "U-1", "%00"} {
		fails(t, s.api.Do(t, http.StatusNotFound, "GET", certificates+"/users/"+unknown, nil), "not_found")
	}
	fails(t, s.elsewhere(t, "elsewhere.test").Do(t, http.StatusNotFound, "GET", certificates+"/users/u-1", nil), "not_found")
}

func TestCertificatesThatAskForConfirmation(t *testing.T) {
	s := newStudy(t)
	s.course("FIRE-101")
	s.define("CERT", func(in *certification.Input) { in.AsksConfirmation = true }, "FIRE-101")
	s.putUser(t, http.StatusCreated, john("u-1", nil))
	s.enrol("u-1", "FIRE-101")
	s.progress("u-1", "FIRE-101", 100)
	require.Equal(t, "AWAITS_LEARNER_CONFIRMATION", s.held("u-1", "CERT")["state"])
	learner := auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: s.Account.ID, UserID: s.number(t, `SELECT id FROM users WHERE account_id = @account_id AND identifier = 'u-1'`, nil), Door: "test",
	})
	_, err := s.Certificates.Confirm(learner, s.link("u-1", "CERT"))
	require.NoError(t, err)
	h := s.held("u-1", "CERT")
	require.Equal(t, []any{"CERTIFIED", "2024-01-31T09:30:00.250Z", nil}, []any{h["state"], h["certificationDate"], h["expirationDate"]})
	s.set(s.clock.now().AddDate(90, 0, 0))
	require.Equal(t, "CERTIFIED", s.held("u-1", "CERT")["state"], "it never lapses")
}

func TestRequiredCertificates(t *testing.T) {
	s := newStudy(t)
	s.course("FIRE-101", "ETHICS-1")
	s.define("CERT-FIRE", nil, "FIRE-101")
	s.define("CERT-ETHICS", nil, "ETHICS-1")
	s.putUser(t, http.StatusCreated, john("u-1", nil))
	s.enrol("u-1", "FIRE-101")
	body := func(user, certificate string, required any) object {
		return object{"userIdentifier": user, "certificateIdentifier": certificate, "isRequired": required}
	}
	put := func(c contracttest.Client, status int, body any) contracttest.Answer {
		t.Helper()
		return c.Do(t, status, "PUT", certificates+"/compliance", body)
	}
	before := s.held("u-1", "CERT-FIRE")
	for _, required := range []bool{true, true, false, true} {
		require.Equal(t, "CERT-FIRE", put(s.api, http.StatusOK, body("u-1", "CERT-FIRE", required)).Text(t, "identifier"))
		before["isRequired"] = required
		require.Equal(t, before, s.held("u-1", "CERT-FIRE"), "nothing else changes")
	}

	for _, unknown := range []object{
		body("u-2", "CERT-FIRE", true), body("u-1", "CERT-NONE", true), body("u-2", "CERT-ETHICS", true), body("u-1", "cert-fire", true),
	} {
		fails(t, put(s.api, http.StatusNotFound, unknown), "not_found")
	}
	fails(t, put(s.elsewhere(t, "elsewhere.test"), http.StatusNotFound, body("u-1", "CERT-FIRE", false)), "not_found")
	fails(t, put(s.api, http.StatusConflict, body("u-1", "CERT-ETHICS", true)), "item_not_exists")
	for _, broken := range []any{
		object{}, body("u-1", "CERT-FIRE", nil), body("u-1", "CERT-FIRE", "true"), body("", "CERT-FIRE", true), body("u-1", strings.Repeat("x", 256), true),
		object{"userIdentifier": "u-1", "certificateIdentifier": "CERT-FIRE"}, object{"isRequired": true, "certificateIdentifier": "CERT-FIRE"}, "[]",
	} {
		fails(t, put(s.api, http.StatusBadRequest, broken), "invalid_request")
	}
	require.Equal(t, before, s.held("u-1", "CERT-FIRE"))

	clientID := s.number(t, `SELECT client_id FROM audit_events WHERE account_id = @account_id AND action = 'user_certificate.required' LIMIT 1`, nil)
	require.Equal(t, s.client.id, clientID)
}

// What operations on certificates cost, beside the caller's token.
func TestStatementsOfCertificates(t *testing.T) {
	s := newStudy(t)
	s.course("FIRE-101")
	s.putUser(t, http.StatusCreated, john("u-1", nil))
	for i := range 20 {
		s.define(fmt.Sprintf("CERT-%d", i), nil, "FIRE-101")
	}
	s.enrol("u-1", "FIRE-101")
	for path, most := range map[string]int64{
		certificates: 1, "/api/v2/certificates": 2, "/api/v2/certificates/CERT-3": 1, certificates + "/users/u-1": 1,
	} {
		s.api.Do(t, http.StatusOK, "GET", path, nil)
		before := s.DB.Statements()
		s.api.Do(t, http.StatusOK, "GET", path, nil)
		require.LessOrEqual(t, s.DB.Statements()-before, most+tokenStatements, path)
	}
	before := s.DB.Statements()
	s.api.Do(t, http.StatusOK, "PUT", certificates+"/compliance", object{"userIdentifier": "u-1", "certificateIdentifier": "CERT-3", "isRequired": true})
	require.LessOrEqual(t, s.DB.Statements()-before, int64(7+tokenStatements))
}
