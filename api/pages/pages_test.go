package pages_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/api/pages"
	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/httpx"
	"quad/internal/hub"
	"quad/internal/hubtest"
	"quad/internal/learning"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// world is a hub that serves nothing but the pages, at a time that tests set.
type world struct {
	*hubtest.Env
	t     *testing.T
	ann   hubtest.Person
	admin context.Context

	mu sync.Mutex
	at time.Time
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) set(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

// newWorld serves pages; guesses is how many certificates may be asked for in a
// minute, 0 any number.
func newWorld(t *testing.T, guesses int) *world {
	t.Helper()
	w := &world{t: t, at: time.Date(2025, 3, 31, 9, 30, 0, 0, time.UTC)}
	w.Env = hubtest.New(t, hubtest.Options{Clock: w.now, App: func(h *hub.Hub) (*httpx.App, error) {
		door, err := pages.New(pages.Deps{Certificates: h.Certificates, Learning: h.Learning})
		if err != nil {
			return nil, err
		}
		app, err := httpx.NewApp(httpx.Options{
			Logger: h.Options.Logger, Limiter: httpx.NewLimiter(nil, httpx.Limits{Classes: map[string]httpx.Rate{"login": {PerMinute: guesses}}}, nil),
		})
		if err != nil {
			return nil, err
		}
		return app, httpx.Mount(app, door)
	}})
	boss := w.NewPerson(0, 0, "boss", models.RoleAdmin)
	w.ann = w.NewPerson(0, 0, "ann")
	_, err := w.DB.Exec(w.Context(), `UPDATE users SET name = 'Ann <b>Bold</b>' WHERE account_id = @account_id AND id = @id`, store.Args{"id": w.ann.ID})
	require.NoError(t, err)
	w.admin = auth.WithPrincipal(t.Context(), auth.Principal{AccountID: w.Account.ID, UserID: boss.ID, OrganizationID: w.Organization.ID, Door: "test", Roles: []string{models.RoleAdmin}})
	return w
}

// fire is the identifier of the courses here.
var fire = "FIRE"

// page is an answer.
type page struct {
	status int
	header http.Header
	body   string
}

func (w *world) get(path string) page {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+path, nil)
	require.NoError(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	return page{resp.StatusCode, resp.Header, string(body)}
}

// html is a page that must be there; what all pages have in common is checked.
func (w *world) html(status int, path string) string {
	w.t.Helper()
	p := w.get(path)
	require.Equal(w.t, status, p.status, p.body)
	require.Equal(w.t, "text/html; charset=utf-8", p.header.Get("Content-Type"))
	require.Equal(w.t, "no-store", p.header.Get("Cache-Control"))
	require.Equal(w.t, "noindex, nofollow", p.header.Get("X-Robots-Tag"))
	require.True(w.t, strings.HasSuffix(p.body, "</html>\n"), "whole")
	require.NotContains(w.t, p.body, "<script")
	_, style, found := strings.Cut(p.body, "<style>")
	require.True(w.t, found)
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := p.header.Get("Content-Security-Policy")
	require.Contains(w.t, policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "the style works")
	require.Contains(w.t, policy, "default-src 'none'")
	require.NotContains(w.t, policy, "unsafe")
	return p.body
}

func (w *world) channel(in learning.CourseInput) learning.Course {
	w.t.Helper()
	c, err := w.Learning.CreateCourse(w.admin, in)
	require.NoError(w.t, err)
	return c
}

// certified gives Ann a certificate that is good for a year, and its code.
func (w *world) certified() (link int64, code string) {
	w.t.Helper()
	course := w.channel(learning.CourseInput{Identifier: &fire, Name: "Fire & smoke", Type: models.CourseTypeCourse})
	_, err := w.Certificates.Create(w.admin, certification.Input{
		Name: "Fire <i>safety</i>", Courses: []ref.Ref{ref.ByID(course.ID)}, Validity: &certification.Validity{Duration: 1, Unit: models.ValidityYears},
	})
	require.NoError(w.t, err)
	require.NoError(w.t, w.Enrollments.Assign(w.admin, ref.ByID(course.ID), ref.ByID(w.ann.ID), nil))
	_, err = w.Enrollments.Report(w.admin, []enrollment.ProgressReport{{User: ref.ByID(w.ann.ID), Course: ref.ByID(course.ID), Progress: 100}})
	require.NoError(w.t, err)
	held, err := w.Certificates.ListOf(w.admin, ref.ByID(w.ann.ID))
	require.NoError(w.t, err)
	return held[0].ID, *held[0].Code
}

func TestPageOfACertificate(t *testing.T) {
	w := newWorld(t, 0)
	link, code := w.certified()
	require.Equal(t, w.URL+"/certificates/"+code, w.Certificates.PageURL(code))
	body := w.html(200, "/certificates/"+code)
	for _, want := range []string{
		"Valid until 31 March 2026", "31 March 2026, 09:30 UTC", "31 March 2025", "Ann &lt;b&gt;Bold&lt;/b&gt;", "Fire &lt;i&gt;safety&lt;/i&gt;", "Fire &amp; smoke",
		"issued by", w.Account.Name, certification.FormatCode(code), w.URL + "/certificates/" + code + ".pdf", `class="verdict good"`,
	} {
		require.Contains(t, body, want)
	}
	require.Equal(t, body, w.html(200, "/certificates/"+strings.ToLower(certification.FormatCode(code))), "as somebody types it")
	require.NotContains(t, body, w.ann.Email)

	w.set(time.Date(2026, 3, 31, 9, 30, 0, 0, time.UTC))
	body = w.html(200, "/certificates/"+code)
	require.Contains(t, body, "Expired on 31 March 2026")
	require.NotContains(t, body, `class="verdict good"`)
	w.set(time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
	_, err := w.Certificates.Revoke(w.admin, link, "cheated")
	require.NoError(t, err)
	body = w.html(200, "/certificates/"+code)
	require.Contains(t, body, "Revoked on 4 May 2026")
	require.NotContains(t, body, "cheated")

	for _, unknown := range []string{code[1:], strings.Repeat("0", 20), "%00", "x", strings.Repeat("0", 20) + ".pdf", ".pdf"} {
		require.Contains(t, w.html(404, "/certificates/"+unknown), "Nothing is here")
	}
	require.Contains(t, w.html(404, "/certificates/a/b"), "Nothing is here")
}

func TestPaperOfACertificate(t *testing.T) {
	w := newWorld(t, 0)
	_, code := w.certified()
	p := w.get("/certificates/" + code + ".pdf")
	require.Equal(t, 200, p.status)
	require.Equal(t, "application/pdf", p.header.Get("Content-Type"))
	require.Equal(t, `inline; filename="certificate.pdf"`, p.header.Get("Content-Disposition"))
	require.Equal(t, "no-store", p.header.Get("Cache-Control"))
	require.True(t, strings.HasPrefix(p.body, "%PDF-"))
	require.Equal(t, p.body, w.get("/certificates/"+code+".pdf").body)
	w.set(w.now().AddDate(2, 0, 0))
	require.NotEqual(t, p.body, w.get("/certificates/"+code+".pdf").body, "it says that it has expired")
}

func TestCodesCannotBeGuessed(t *testing.T) {
	w := newWorld(t, 10)
	for range 10 {
		w.html(404, "/certificates/00000000000000000000")
	}
	p := w.get("/certificates/00000000000000000000")
	require.Equal(t, 429, p.status)
	require.NotEmpty(t, p.header.Get("Retry-After"))
	require.Contains(t, p.body, "Too many tries")
	w.html(404, "/channels/00000000-0000-0000-0000-000000000000")
}

func TestPageOfACourse(t *testing.T) {
	w := newWorld(t, 0)
	hour := int64(time.Hour / time.Millisecond)
	duration := 90*hour/60 + 1
	starts, ends := w.now().AddDate(0, 0, 1), w.now().AddDate(0, 1, 0)
	c := w.channel(learning.CourseInput{
		Identifier: &fire, Name: "Fire <safety>", Type: models.CourseTypeCourse, Categories: []string{"Safety", "R&D"}, DurationMS: &duration,
		Schedule: &learning.Schedule{StartsAt: &starts, EndsAt: &ends},
	})
	session := func(change func(*models.ClassSession)) {
		place, text := "Room <1>", "Bring\nboots"
		s := models.ClassSession{
			AccountID: w.Account.ID, CourseID: c.ID, Name: "Drill", Location: &place, Description: &text, Published: true, Live: true, Optional: true,
			StartsAt: w.now().Add(48 * time.Hour), EndsAt: w.now().Add(50 * time.Hour),
		}
		change(&s)
		require.NoError(t, w.DB.Conn(w.Context()).Create(&s).Error)
	}
	session(func(*models.ClassSession) {})
	session(func(s *models.ClassSession) { s.Name, s.Published = "Secret", false })
	session(func(s *models.ClassSession) {
		s.Name, s.StartsAt, s.EndsAt = "Past", w.now().Add(-2*time.Hour), w.now().Add(-time.Hour)
	})
	session(func(s *models.ClassSession) { s.Name, s.AllDay, s.EndsAt = "Fair", true, w.now().Add(72*time.Hour) })

	at := "/channels/" + c.PublicID
	require.Equal(t, w.URL+at, c.Link)
	body := w.html(200, at)
	for _, want := range []string{
		"Fire &lt;safety&gt;", "Course of", "Opens on 1 April 2025, 09:30 UTC", "1 hour 31 minutes", "Safety", "R&amp;D", "Drill", "2 April 2025, 09:30 to 11:30 UTC",
		"Online, live", "Room &lt;1&gt;", "Bring\nboots", "optional", "2 April 2025 to 3 April 2025",
	} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "Secret")
	require.NotContains(t, body, "Past")
	for days, want := range map[int]string{1: "Open until 1 May 2025, 09:30 UTC", 60: "Over since 1 May 2025, 09:30 UTC"} {
		w.set(time.Date(2025, 3, 31, 9, 30, 0, 0, time.UTC).AddDate(0, 0, days))
		require.Contains(t, w.html(200, at), want)
	}

	item, _, err := w.Learning.ShowInCatalog(w.admin, ref.ByID(c.ID))
	require.NoError(t, err)
	require.Equal(t, w.URL+"/catalog/"+item.PublicID, item.Link)
	require.Contains(t, w.html(200, "/catalog/"+item.PublicID), `href="`+w.URL+at+`"`)
	require.NoError(t, w.Learning.HideFromCatalog(w.admin, ref.ByID(c.ID)))
	w.html(404, "/catalog/"+item.PublicID)

	exec := func(text string) {
		_, err := w.DB.Exec(w.Context(), text, store.Args{"id": c.ID})
		require.NoError(t, err)
	}
	exec(`UPDATE courses SET status = 'INACTIVE', type = 'STREAM', scheduled = false WHERE account_id = @account_id AND id = @id`)
	body = w.html(200, at)
	require.Contains(t, body, "Not open at the moment")
	require.Contains(t, body, "Stream of")
	exec(`UPDATE courses SET status = 'DRAFT' WHERE account_id = @account_id AND id = @id`)
	w.html(404, at)
	exec(`UPDATE courses SET status = 'ACTIVE' WHERE account_id = @account_id AND id = @id`)
	require.Contains(t, w.html(200, at), ">Open<")
	north := w.NewOrganization("North", "north")
	_, err = w.DB.Exec(w.Context(), `UPDATE courses SET organization_id = @north WHERE account_id = @account_id AND id = @id`, store.Args{"id": c.ID, "north": north.ID})
	require.NoError(t, err)
	require.Contains(t, w.html(200, at), "North")
	_, err = w.DB.Exec(w.Context(), `UPDATE organizations SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @north`, store.Args{"north": north.ID})
	require.NoError(t, err)
	w.html(404, at)
	for _, unknown := range []string{"/channels/FIRE", "/channels/%7B" + c.PublicID + "%7D", "/catalog/" + c.PublicID, "/channels/" + strings.ReplaceAll(c.PublicID, "-", "")} {
		w.html(404, unknown)
	}
}

func TestPagesNeedTheirAreas(t *testing.T) {
	_, err := pages.New(pages.Deps{})
	require.Error(t, err)
}
